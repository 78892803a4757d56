"""How well copies are told from look-alikes: uAP, recall at 99 % and 100 % precision, recall per edit and strength.

The measures are those of the Image Similarity Challenge (Douze et al., "The 2021 Image Similarity Dataset and
Challenge", arXiv 2106.09672): all pairs of all queries stand in one ranking, and recall is over all true pairs, also
those that were never proposed. Ties are never in one's favour: a threshold accepts all pairs of a score or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.evaluate.calibration import Reliability, reliability, upper_bound, wrong_at_most
from lookalike.types import Rows, Tabular

__all__ = ["CopyRecall", "CopyReport", "CopyThreshold", "Operating", "copy_report"]


@dataclass(frozen=True)
class CopyRecall:
    """Of the queries of one edit, of one strength, or of both, how many have their original accepted.

    Attributes
    ----------
    kind, strength
        None for all.
    queries
        That have an original.
    recall
        0 to 1.
    """

    kind: str | None
    strength: str | None
    queries: int
    recall: float


@dataclass(frozen=True)
class Operating:
    """The most that is found at a precision.

    Attributes
    ----------
    precision
        That was asked for.
    recall
        Of all true pairs, 0 to 1; 0 where no threshold reaches the precision.
    threshold
        The smallest accepted score; +inf where none reaches it.
    """

    precision: float
    recall: float
    threshold: float


@dataclass(frozen=True)
class CopyThreshold:
    """Where to accept, for an asked share of wrong ones among the accepted.

    Attributes
    ----------
    error_rate
        As asked.
    threshold
        The smallest accepted score.
    accepted, wrong
        Pairs at this score or above, and the false ones among them.
    bound
        Upper end of the one-sided interval of their share, at most `error_rate`.
    recall
        Of all true pairs.
    """

    error_rate: float
    threshold: float
    accepted: int
    wrong: int
    bound: float
    recall: float


@dataclass(frozen=True)
class CopyReport(Tabular):
    """How well one method tells copies from look-alikes.

    Attributes
    ----------
    method
        Its name.
    scores, truth
        Of all proposed pairs, highest score first.
    positives
        True pairs there are, proposed or not.
    queries
        How many were asked for, and of those, how many have an original: (all, with an original).
    uap
        Micro average precision over all positives, 0 to 1.
    at_99, at_100
        The most that is found at 99 % and at 100 % precision.
    candidates
        Recall@candidates: the part of the positives that was proposed at all, which bounds every recall.
    threshold
        At which what follows was taken.
    recall, precision
        At `threshold`; precision is nan where nothing is accepted.
    parts
        At `threshold`: of each kind, of each strength, of each kind at each strength.
    """

    method: str
    scores: NDArray[np.float64] = field(repr=False)
    truth: NDArray[np.bool_] = field(repr=False)
    positives: int
    queries: tuple[int, int]
    uap: float
    at_99: Operating
    at_100: Operating
    candidates: float
    threshold: float
    recall: float
    precision: float
    parts: tuple[CopyRecall, ...]

    @property
    def kinds(self) -> tuple[CopyRecall, ...]:
        """Recall per kind of edit."""
        return tuple(part for part in self.parts if part.strength is None)

    @property
    def strengths(self) -> tuple[CopyRecall, ...]:
        """Recall per strength."""
        return tuple(part for part in self.parts if part.kind is None)

    @property
    def cells(self) -> tuple[CopyRecall, ...]:
        """Recall per kind and strength."""
        return tuple(part for part in self.parts if part.kind is not None and part.strength is not None)

    def rows(self) -> Rows:
        """Return (method, measure, kind, strength, queries, value), the whole first, then the parts."""
        with_original = self.queries[1]
        whole: list[tuple[str, float]] = [
            ("uAP", self.uap),
            ("recall at 99 % precision", self.at_99.recall),
            ("recall at 100 % precision", self.at_100.recall),
            ("recall@candidates", self.candidates),
            ("threshold at 99 % precision", self.at_99.threshold),
            ("threshold at 100 % precision", self.at_100.threshold),
            ("threshold", self.threshold),
            ("precision", self.precision),
            ("recall", self.recall),
        ]
        values: list[tuple[Any, ...]] = [
            (self.method, measure, None, None, with_original, value if np.isfinite(value) else None)
            for measure, value in whole
        ]
        values += [(self.method, "recall", part.kind, part.strength, part.queries, part.recall) for part in self.parts]
        return Rows(("method", "measure", "kind", "strength", "queries", "value"), values)

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return recall, precision and threshold at each score that occurs, the highest score first; maybe none."""
        at, right, accepted = _counted(self.scores, self.truth)
        return right / max(self.positives, 1), right / np.maximum(accepted, 1), at

    def recall_at_precision(self, precision: float) -> Operating:
        """Return the most that is found at a precision of 0 to 1.

        At 1: the part of the positives that scores above every false pair; a true pair that ties with one is not
        above it.

        Raises
        ------
        UsageError
            If `precision` is not within 0 to 1.
        """
        return _operating(self.scores, self.truth, self.positives, precision)

    def threshold_for(self, error_rate: float, confidence: float = 0.95) -> CopyThreshold:
        """Return the smallest threshold above which few enough are wrong, and provably so.

        Parameters
        ----------
        error_rate
            Share of wrong ones among the accepted pairs, above 0 and below 1.
        confidence
            Of the upper bound of that share, .5 to below 1: not the share seen but this bound is at most `error_rate`.

        Raises
        ------
        UsageError
            If no threshold has so few wrong ones, or there are too few pairs to tell.

        Notes
        -----
        The bound is Clopper and Pearson's (Biometrika 1934) of one threshold, and the lowest of many is chosen. In
        simulations of 3,000 pairs, 2 to 6 in 100 chosen thresholds did not hold, where 5 may; but where the pairs
        hardly suffice, so that few runs give a threshold at all, those few are mostly too hopeful. What holds of these
        pairs holds of others only where copies are as frequent among the proposed pairs.
        """
        if not (0 < error_rate < 1 and 0.5 <= confidence < 1):
            raise UsageError(
                f"an error rate lies between 0 and 1, a confidence in .5 to 1: not {error_rate:g} and {confidence:g}"
            )
        at, right, accepted = _counted(self.scores, self.truth)
        wrong = accepted - right
        likely = wrong <= error_rate * accepted
        for place in np.nonzero(likely)[0][::-1].tolist():
            share, count = int(wrong[place]), int(accepted[place])
            if wrong_at_most(share, count, error_rate) <= 1 - confidence:
                bound = upper_bound(share, count, confidence)
                recall = float(right[place]) / max(self.positives, 1)
                return CopyThreshold(error_rate, float(at[place]), count, share, bound, recall)
        needed = int(np.ceil(np.log(1 - confidence) / np.log1p(-error_rate)))
        raise UsageError(
            f"no threshold is known to give at most {error_rate:.2%} wrong ones: {needed:,} accepted pairs without a "
            f"wrong one would show it, and here are {self.at_100.recall * self.positives:,.0f}; evaluate more pictures "
            "or accept more errors"
        )

    def reliability(self, bins: int = 10) -> Reliability:
        """Return how often pairs of each probability are right, where the scores are probabilities.

        Raises
        ------
        UsageError
            If a score is not within 0 to 1.
        """
        return reliability(self.scores, self.truth, bins)


def copy_report(
    scores: NDArray[Any],
    truth: NDArray[np.bool_],
    queries: NDArray[Any],
    kinds: Sequence[str | None],
    strengths: Sequence[str | None],
    *,
    positives: int | None = None,
    threshold: float | None = None,
    method: str = "",
) -> CopyReport:
    """Measure how well scores tell copies from look-alikes.

    Parameters
    ----------
    scores
        (n,) of each proposed pair of a query and a picture, each pair once: a probability, or minus a distance;
        -inf for a pair that nothing speaks for.
    truth
        (n,) bool: whether the query is a copy of the picture.
    queries
        (n,) int: the query of each pair, as a place in `kinds`. A query without any pair proposed is counted too.
    kinds
        Of each query, the kind of its edit; None for a query that has no original among the pictures.
    strengths
        Of each query, the strength of its edit, or None.
    positives
        True pairs there are, proposed or not; None where each query with a kind has one.
    threshold
        The smallest score that is accepted for the recall of each kind and strength; None for the threshold of the
        recall at 99 % precision.
    method
        What gave the scores.

    Returns
    -------
    CopyReport
        Kinds and strengths are in the order in which they first occur.

    Raises
    ------
    UsageError
        If the arrays do not fit together, a score is nan, a query without an original has a true pair, there is
        nothing to find, or there are more true pairs than `positives`.
    """
    scores, truth, queries = np.asarray(scores, np.float64), np.asarray(truth, bool), np.asarray(queries, np.int64)
    edited = np.array([kind is not None for kind in kinds], bool)
    positives = int(edited.sum()) if positives is None else positives
    _check(scores, truth, queries, edited, positives, len(strengths))
    best = np.full(len(edited), -np.inf)
    np.maximum.at(best, queries[truth], scores[truth])
    proposed = np.zeros(len(edited), bool)
    proposed[queries[truth]] = True
    order = np.argsort(-scores, kind="stable")
    scores, truth = scores[order], truth[order]
    at_99, at_100 = (_operating(scores, truth, positives, precision) for precision in (0.99, 1.0))
    threshold = at_99.threshold if threshold is None else threshold
    accepted = scores >= threshold
    right = int((accepted & truth).sum())
    return CopyReport(
        method=method,
        scores=scores,
        truth=truth,
        positives=positives,
        queries=(len(edited), int(edited.sum())),
        uap=_micro_average_precision(scores, truth, positives),
        at_99=at_99,
        at_100=at_100,
        candidates=int(truth.sum()) / positives,
        threshold=threshold,
        recall=right / positives,
        precision=right / int(accepted.sum()) if accepted.any() else float("nan"),
        parts=_parts(proposed & (best >= threshold), kinds, strengths),
    )


def _check(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    queries: NDArray[np.int64],
    edited: NDArray[np.bool_],
    positives: int,
    strengths: int,
) -> None:
    if scores.ndim != 1 or not scores.shape == truth.shape == queries.shape or strengths != len(edited):
        raise UsageError(
            f"scores {scores.shape}, truth {truth.shape} and queries {queries.shape} are one of each pair, kinds "
            f"({len(edited)},) and strengths ({strengths},) one of each query"
        )
    if np.isnan(scores).any() or np.isposinf(scores).any():
        raise UsageError("a score is nan or infinite: give a pair that nothing speaks for -inf")
    if len(queries) and not (queries.min() >= 0 and queries.max() < len(edited)):
        raise UsageError(f"queries are places in kinds, 0 to {len(edited) - 1}")
    if not edited[queries[truth]].all():
        raise UsageError("a query without an original has a pair that is true: give it a kind")
    if positives < max(int(truth.sum()), 1):
        raise UsageError(
            f"{positives} true pairs to find, of which {truth.sum()} are there: count all of them, at least one"
        )


def _counted(
    scores: NDArray[np.float64], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each different score, highest first, and how many true ones and how many at all score as much or more."""
    last = np.nonzero(np.append(scores[1:] != scores[:-1], True))[0] if len(scores) else np.empty(0, np.intp)
    return scores[last], np.cumsum(truth)[last].astype(np.int64), (last + 1).astype(np.int64)


def _operating(scores: NDArray[np.float64], truth: NDArray[np.bool_], positives: int, precision: float) -> Operating:
    if not 0 <= precision <= 1:
        raise UsageError(f"a precision lies within 0 to 1: not {precision:g}")
    at, right, accepted = _counted(scores, truth)
    enough = np.nonzero((right > 0) & (right >= precision * accepted - 1e-9))[0]  # .99 * 100 may not be 99
    if not len(enough):
        return Operating(precision, 0.0, float("inf"))
    # Of several thresholds that find as many, the strictest.
    place = enough[np.argmax(right[enough])]
    return Operating(precision, int(right[place]) / positives, float(at[place]))


def _micro_average_precision(scores: NDArray[np.float64], truth: NDArray[np.bool_], positives: int) -> float:
    """Return the sum over scores of (positives found at it / all positives) * precision there; ties come in at once."""
    _, right, accepted = _counted(scores, truth)
    return float((np.diff(right, prepend=0) * (right / np.maximum(accepted, 1))).sum() / positives)


def _parts(
    found: NDArray[np.bool_], kinds: Sequence[str | None], strengths: Sequence[str | None]
) -> tuple[CopyRecall, ...]:
    """Return the recall of each kind, then of each strength, then of each kind at each strength."""
    places: dict[tuple[str | None, str | None], list[int]] = {}
    for place, (kind, strength) in enumerate(zip(kinds, strengths, strict=True)):
        if kind is not None:
            for part in dict.fromkeys([(kind, None), (None, strength), (kind, strength)]):
                places.setdefault(part, []).append(place)
    places.pop((None, None), None)
    order = sorted(places, key=lambda part: (part[0] is None) + 2 * (None not in part))  # stable: as they first occur
    return tuple(CopyRecall(*part, len(places[part]), float(found[places[part]].mean())) for part in order)
