"""Measures of one query's ranking, and of all rankings thrown together. Every one lies between 0 and 1; 1 is best.

Ties are fair: where pictures are equally far, no order among them is taken for the true one. The measures that cut a
ranking (precision@k, recall@k, AP@R) and the reciprocal rank are what all orders of the tied ones give on average, as
in McSherry and Najork, "Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied
Scores" (ECIR 2008). AP and uAP take tied pictures in at once, as scikit-learn's ``average_precision_score`` does.
Without ties all are what torchmetrics (``RetrievalPrecision``, ``RetrievalRecall``, ``RetrievalMAP``,
``RetrievalMRR``) and
pytorch-metric-learning (``mean_average_precision_at_r``) return.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Ranked",
    "average_precision",
    "average_precision_at_r",
    "micro_average_precision",
    "precision_at",
    "rank",
    "recall_at",
    "reciprocal_rank",
]


@dataclass(frozen=True)
class Ranked:
    """A gallery as one query sees it.

    Attributes
    ----------
    distances
        (n,) of all pictures but the query itself, ascending.
    relevant
        (r,) those of the relevant pictures, ascending; every one is among `distances`. r is at least 1.
    """

    distances: NDArray[Any]
    relevant: NDArray[Any]

    @cached_property
    def before(self) -> NDArray[np.int64]:
        """How many pictures are closer than each relevant one."""
        return np.searchsorted(self.distances, self.relevant, "left")

    @cached_property
    def upto(self) -> NDArray[np.int64]:
        """How many pictures are as close as each relevant one or closer, itself among them."""
        return np.searchsorted(self.distances, self.relevant, "right")


def rank(distances: NDArray[Any], relevant: NDArray[np.bool_]) -> Ranked:
    """Rank a gallery.

    Parameters
    ----------
    distances
        (n,) to each picture; the query itself is not among them.
    relevant
        (n,) which of them belong to the query.

    Raises
    ------
    ValueError
        If the shapes differ, or nothing is relevant: then no measure is defined.
    """
    if distances.ndim != 1 or distances.shape != relevant.shape:
        raise ValueError(f"distances {distances.shape} and relevant {relevant.shape} must both be (n,)")
    if not relevant.any():
        raise ValueError("a query to which nothing is relevant has no measure: leave it out")
    return Ranked(np.sort(distances), np.sort(distances[relevant]))


def _found(ranked: Ranked, k: int) -> float:
    """Return how many of the first k are relevant; of pictures that tie across place k, their share."""
    before = ranked.before
    return float(np.clip((k - before) / (ranked.upto - before), 0, 1).sum())


def precision_at(ranked: Ranked, k: int) -> float:
    """Return precision@k: the relevant pictures among the k closest, divided by k (also where fewer than k exist)."""
    return _found(ranked, k) / k


def recall_at(ranked: Ranked, k: int) -> float:
    """Return recall@k: the relevant pictures among the k closest, divided by all relevant ones.

    (Some papers call recall@k what is 1 as soon as one relevant picture is among the k closest. For queries to which
    one picture is relevant the two are the same.)
    """
    return _found(ranked, k) / len(ranked.relevant)


def average_precision(ranked: Ranked) -> float:
    """Return AP: at each relevant picture, the share of relevant ones so far; the mean of these. Its mean is mAP.

    ``sum over relevant p of (relevant at distance(p) or closer) / (pictures at distance(p) or closer) / r``.
    """
    closer = np.searchsorted(ranked.relevant, ranked.relevant, "right")
    return float(np.mean(closer / ranked.upto))


def average_precision_at_r(ranked: Ranked) -> float:
    """Return AP@R: as AP, but only the first r places count, r being the number of relevant pictures. Mean: mAP@R.

    ``1 / r * sum over i = 1 ... r of P(i)``, where P(i) is precision@i if the i-th picture is relevant, else 0
    (Musgrave, Belongie and Lim, "A Metric Learning Reality Check", ECCV 2020).
    """
    places = np.arange(1, len(ranked.relevant) + 1)
    at = ranked.distances[: len(places)]
    start = np.searchsorted(ranked.distances, at, "left")
    tied = np.searchsorted(ranked.distances, at, "right") - start
    hits = np.searchsorted(ranked.relevant, at, "left")
    among = np.searchsorted(ranked.relevant, at, "right") - hits
    # Given that place i, the j-th of its ties, is relevant, each of the j - 1 before it is with (among-1) / (tied-1).
    others = (places - start - 1) * (among - 1) / np.maximum(tied - 1, 1)
    return float((among / tied * (hits + 1 + others) / places).sum() / len(places))


def reciprocal_rank(ranked: Ranked) -> float:
    """Return RR: 1 / (the place of the first relevant picture). Its mean over queries is MRR."""
    first = ranked.relevant[0]
    start, stop = int(ranked.before[0]), int(ranked.upto[0])
    hits = int(np.searchsorted(ranked.relevant, first, "right"))
    tied = stop - start
    steps = np.arange(tied - hits + 1)  # none of the first `steps` of the ties is relevant, the next one is
    missed = np.concatenate([[1.0], np.cumprod((tied - hits - steps[:-1]) / (tied - steps[:-1]))])
    return float((missed * hits / (tied - steps) / (start + steps + 1)).sum())


def micro_average_precision(distances: NDArray[Any], relevant: NDArray[np.bool_]) -> float:
    """Return uAP: all pairs of all queries in one ranking by distance, and AP of that.

    A threshold on the distance that serves all queries alike gives a high uAP; one that would have to differ from query
    to query gives a low one (Perronnin, Liu and Renders, "A Family of Contextual Measures of Similarity between
    Distributions with Application to Image Retrieval", CVPR 2009).

    Parameters
    ----------
    distances, relevant
        Of equal shape; a query's pair with itself is left out beforehand.
    """
    return average_precision(rank(distances.ravel(), relevant.ravel()))
