"""Whether probabilities say what happens: reliability bins, calibration error, and bounds of a share of wrong ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.types import Rows, Tabular

__all__ = ["Reliability", "ReliabilityBin", "reliability", "upper_bound", "wrong_at_most"]


@dataclass(frozen=True)
class ReliabilityBin:
    """Pairs whose probability is at least `low` and below `high` (in the last bin, up to it).

    `mean` is their mean probability, `right` the share of true ones; both are nan where `count` is 0. `least` and
    `most` are the ends of the 95 % interval of that share (Wilson, 1927).
    """

    low: float
    high: float
    count: int
    mean: float
    right: float
    least: float
    most: float


@dataclass(frozen=True)
class Reliability(Tabular):
    """How often pairs of each probability are right.

    Attributes
    ----------
    bins
        Of equal width, from 0 to 1.
    error
        Expected calibration error: the mean over pairs of how far their bin's share of true ones is from its mean
        probability, 0 to 1 (Naeini, Cooper and Hauskrecht, AAAI 2015).
    brier
        Mean squared distance of probability and truth, 0 to 1.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    brier: float

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return sum(part.count for part in self.bins)

    def rows(self) -> Rows:
        """Return (low, high, count, probability, right, least, most), one row per bin, None where it is empty."""
        values = [
            (part.low, part.high, part.count, *(value if part.count else None for value in _shares(part)))
            for part in self.bins
        ]
        return Rows(("low", "high", "count", "probability", "right", "least", "most"), values)


def _shares(part: ReliabilityBin) -> tuple[float, float, float, float]:
    return part.mean, part.right, part.least, part.most


def reliability(probabilities: NDArray[Any], truth: NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Put pairs into bins by probability and see how many of each are true.

    Parameters
    ----------
    probabilities
        (n,) within 0 to 1, n at least 1.
    truth
        (n,) bool.
    bins
        At least 1, of equal width.

    Raises
    ------
    UsageError
        If the shapes differ, there is nothing, a probability is out of range, or `bins` is less than 1.
    """
    probabilities, truth = np.asarray(probabilities, np.float64), np.asarray(truth, bool)
    if probabilities.ndim != 1 or probabilities.shape != truth.shape or not len(truth):
        raise UsageError(
            f"probabilities {probabilities.shape} and truth {truth.shape} are one of each pair, at least one"
        )
    if bins < 1:
        raise UsageError(f"there is at least one bin, not {bins}")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise UsageError("a probability lies within 0 to 1: distances have no reliability")
    edges = np.linspace(0, 1, bins + 1)
    places = np.clip(np.searchsorted(edges, probabilities, "right") - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = np.bincount(places, probabilities, bins)
    rights = np.bincount(places, truth, bins)
    error = float(np.abs(sums - rights).sum() / len(truth))
    parts = tuple(
        _bin(float(edges[at]), float(edges[at + 1]), int(counts[at]), float(sums[at]), int(rights[at]))
        for at in range(bins)
    )
    return Reliability(parts, error, float(np.mean((probabilities - truth) ** 2)))


def _bin(low: float, high: float, count: int, total: float, right: int) -> ReliabilityBin:
    if not count:
        return ReliabilityBin(low, high, 0, math.nan, math.nan, math.nan, math.nan)
    share, z = right / count, 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return ReliabilityBin(low, high, count, total / count, share, max(middle - half, 0.0), min(middle + half, 1.0))


def wrong_at_most(wrong: int, count: int, rate: float) -> float:
    """Return how likely at most `wrong` of `count` are wrong, if each is with probability `rate` (above 0, below 1)."""
    if wrong >= count:
        return 1.0
    # P(i) / P(i - 1) = (count - i + 1) / i * rate / (1 - rate), summed as logarithms from P(0) on.
    i = np.arange(1, wrong + 1)
    steps = np.log(count - i + 1) - np.log(i) + math.log(rate) - math.log1p(-rate)
    logs = count * math.log1p(-rate) + np.concatenate([[0.0], np.cumsum(steps)])
    top = float(logs.max())
    return min(1.0, math.exp(top) * float(np.exp(logs - top).sum()))


def upper_bound(wrong: int, count: int, confidence: float = 0.95) -> float:
    """Return Clopper and Pearson's one-sided upper bound of a share, having seen `wrong` of `count`; 1 for all or none.

    The rate at which so few wrong ones would be as unlikely as 1 - `confidence`.
    """
    if wrong >= count:
        return 1.0
    low, high = wrong / count, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if wrong_at_most(wrong, count, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high
