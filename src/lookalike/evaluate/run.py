"""A gallery against the truth, block by block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import RANKS
from lookalike.errors import UsageError
from lookalike.evaluate.measures import (
    Ranked,
    average_precision,
    average_precision_at_r,
    micro_average_precision,
    precision_at,
    recall_at,
    reciprocal_rank,
)
from lookalike.evaluate.truth import Truth, truth_of_labels
from lookalike.metrics import paired, pairwise
from lookalike.results import Gallery
from lookalike.types import Rows, Tabular

__all__ = ["Evaluation", "Measured", "evaluate"]

MEMORY = 512 << 20
BLOCK = 512  # rows at most: more are no faster


@dataclass(frozen=True)
class Measured:
    """One number: a measure, at k where it has one, of a descriptor, over so many queries."""

    descriptor: str
    queries: int
    measure: str
    k: int | None
    value: float


@dataclass(frozen=True)
class Evaluation(Tabular):
    """How well one or several descriptors find what belongs together.

    Attributes
    ----------
    measured
        By descriptor: precision, recall (each at every k), mAP, mAP@R, MRR, uAP.
    pictures
        In the gallery, the queries among them.
    left_out
        What could not be asked for, with counts.
    """

    measured: tuple[Measured, ...]
    pictures: int
    left_out: tuple[tuple[str, int], ...] = ()

    def rows(self) -> Rows:
        values = [(one.descriptor, one.queries, one.measure, one.k, one.value) for one in self.measured]
        return Rows(("descriptor", "queries", "measure", "k", "value"), values)

    def value(self, measure: str, k: int | None = None, descriptor: str | None = None) -> float:
        """Return one number; of the first descriptor if none is named.

        Raises
        ------
        UsageError
            If it was not measured.
        """
        for one in self.measured:
            if (one.measure, one.k) == (measure, k) and descriptor in (None, one.descriptor):
                return one.value
        raise UsageError(f"{measure}{'' if k is None else f'@{k}'} was not measured")

    def __add__(self, other: Evaluation) -> Evaluation:
        """Return what was measured of several descriptors on the same pictures as one."""
        return Evaluation(self.measured + other.measured, self.pictures, self.left_out)


def evaluate(
    gallery: Gallery,
    truth: Truth | None = None,
    *,
    ks: Sequence[int] = RANKS,
    without: Collection[str] = (),
    memory: int = MEMORY,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Measure how well a descriptor's distances find what belongs together.

    Parameters
    ----------
    gallery
        Each query is held against all its other pictures: a query never finds itself, its copies it does.
    truth
        See `read_pairs` and `read_relevant`; None for the gallery's labels: pictures without one are left out.
    ks
        At which places to cut rankings, each at least 1.
    without
        Labels whose pictures are left out: neither asked for nor found.
    memory
        Bytes for distances. Where those of all queries fit in, they are computed once, else twice.
    progress
        Called now and then with how much of how much is done.

    Returns
    -------
    Evaluation
        Means over the queries of `precision_at` and `recall_at` every k, of `average_precision` ("mAP"), of
        `average_precision_at_r` ("mAP@R") and of `reciprocal_rank` ("MRR"); and `micro_average_precision` ("uAP") over
        all pairs of a query and another picture, or over the listed pairs alone where some of these are known not to
        belong together.

    Raises
    ------
    UsageError
        If a k is less than 1, or there is nothing to ask for.

    Notes
    -----
    Exact, O(queries * n * (dim + log n)). Distances are looked at first for the rankings, then to count what lies
    within the distance of each relevant pair. Beside `memory`: the vectors in float64, and 20 bytes for each different
    distance that occurs between relevant pictures.
    """
    if not ks or min(ks) < 1:
        raise UsageError(f"every k is 1 or more, not {', '.join(map(str, ks)) or 'none'}")
    ks = sorted(set(ks))
    left_out: tuple[tuple[str, int], ...] = ()
    if truth is None:
        gallery, left_out = _labelled(gallery, without)
        truth = truth_of_labels(gallery.labels)
    elif without:
        raise UsageError("labels are left out only where labels tell what belongs together")
    within = not len(truth.listed)  # uAP over all pairs needs a second look at the distances
    step = max(1, min(BLOCK, memory // (12 * max(1, len(gallery)))))
    keep = within and (4 * len(truth.queries) + 12 * step) * len(gallery) <= memory
    kept: list[NDArray[np.float32]] = []
    blocks = [(at, min(at + step, len(truth.queries))) for at in range(0, len(truth.queries), step)]
    total = len(truth.queries) * (1 + within)
    sums = np.zeros(2 * len(ks) + 3)
    counted = _Counted()
    for start, stop in blocks:
        distances = _distances(gallery, truth.queries[start:stop])
        ordered = np.sort(distances, axis=1)[:, :-1]  # the query itself, at +inf, is last
        relevant = [np.sort(distances[at, truth.relevant(start + at)]) for at in range(stop - start)]
        for row, found in zip(ordered, relevant, strict=True):
            sums += _of_one(Ranked(row, found), ks)
        if within:
            counted.add(np.concatenate(relevant))
        if keep:
            kept.append(distances)
        if progress:
            progress(stop, total)
    if within:
        for at, (start, stop) in enumerate(blocks):
            counted.hold_against(kept[at] if keep else _distances(gallery, truth.queries[start:stop]))
            if progress:
                progress(len(truth.queries) + stop, total)
        micro = counted.average_precision()
    else:
        a, b = truth.listed.T
        micro = micro_average_precision(paired(gallery.vectors[a], gallery.vectors[b], gallery.spec.metric), truth.same)
    names: list[tuple[str, int | None]] = [(name, k) for name in ("precision", "recall") for k in ks]
    names += [("mAP", None), ("mAP@R", None), ("MRR", None), ("uAP", None)]
    queries = len(truth.queries)
    values = [*(sums / queries).tolist(), micro]
    measured = tuple(
        Measured(gallery.spec.name, queries, name, k, value) for (name, k), value in zip(names, values, strict=True)
    )
    return Evaluation(measured, len(gallery), left_out + truth.left_out)


def _labelled(gallery: Gallery, without: Collection[str]) -> tuple[Gallery, tuple[tuple[str, int], ...]]:
    """Return the pictures whose label counts, and how many others there were."""
    labelled = gallery.labelled()
    unknown = set(without) - set(labelled.labels)
    if unknown:
        raise UsageError(f"no picture has the label {min(unknown)!r}: it cannot be left out")
    kept = labelled.take([row for row, label in enumerate(labelled.labels) if label not in without])
    counts = {"without a label": len(gallery) - len(labelled), "with a label left out": len(labelled) - len(kept)}
    return kept, tuple((reason, count) for reason, count in counts.items() if count)


def _distances(gallery: Gallery, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the distances of some rows to all, +inf to themselves."""
    # The other way round, since `pairwise` goes over all of its second side for every few rows of its first.
    distances = np.ascontiguousarray(pairwise(gallery.vectors, gallery.vectors[rows], gallery.spec.metric).T)
    distances[np.arange(len(rows)), rows] = np.inf
    return distances


def _of_one(ranked: Ranked, ks: Sequence[int]) -> NDArray[np.float64]:
    return np.array(
        [
            *(precision_at(ranked, k) for k in ks),
            *(recall_at(ranked, k) for k in ks),
            average_precision(ranked),
            average_precision_at_r(ranked),
            reciprocal_rank(ranked),
        ]
    )


class _Counted:
    """uAP of pairs that come in blocks: first the relevant ones, then all.

    Precision changes only at the distance of a relevant pair: all it takes is, for each such distance, how many
    relevant pairs and how many pairs at all lie within it.
    """

    def __init__(self) -> None:
        self._at: NDArray[Any] = np.empty(0, np.float32)
        self._relevant = np.empty(0, np.int64)
        self._all = np.empty(0, np.int64)

    def add(self, relevant: NDArray[np.float32]) -> None:
        """Take in the distances of relevant pairs."""
        new, counts = np.unique(relevant, return_counts=True)
        self._at, places = np.unique(np.concatenate([self._at, new]), return_inverse=True)
        self._relevant = np.bincount(places, np.concatenate([self._relevant, counts]), len(self._at)).astype(np.int64)
        self._all = np.zeros(len(self._at), np.int64)

    def hold_against(self, distances: NDArray[np.float32]) -> None:
        """Count pairs, relevant or not, after all relevant ones have been taken in; sorts `distances` in place."""
        flat = distances.reshape(-1)
        flat.sort()
        self._all += np.searchsorted(flat, self._at, "right")

    def average_precision(self) -> float:
        within = np.cumsum(self._relevant)
        every = np.maximum(self._all, within)  # were a distance, computed again, to differ in its last digit
        return float((self._relevant * (within / every)).sum() / within[-1])
