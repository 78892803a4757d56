"""What vectors say of single pictures: which lie far from all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import OUTLIER_NEIGHBOURS, SEED
from lookalike.errors import UsageError
from lookalike.metrics import pairwise
from lookalike.types import Metric, Vectors

__all__ = ["FEWEST", "outlyingness"]

FEWEST = 20
"""With fewer pictures there is no saying which lies far from the others."""

REFERENCE = 20_000
"""Pictures that each is held against; of more, so many are drawn by lot."""

_BLOCK = 1 << 24
"""Distances held at once."""

_MAD = 1.4826
"""A normal distribution's standard deviation, in median absolute deviations."""


def outlyingness(
    vectors: Vectors, metric: Metric, *, neighbours: int = OUTLIER_NEIGHBOURS, seed: int = SEED
) -> NDArray[np.float64]:
    """Return how much farther each vector lies from its nearest ones than vectors here commonly do.

    Parameters
    ----------
    vectors
        (n, width), each of another picture: give copies once.
    metric
        Of the distance.
    neighbours
        How many nearest to take the mean distance to, at least 1.
    seed
        Of the lot by which 20,000 are drawn to be held against, where there are more.

    Returns
    -------
    numpy.ndarray
        (n,) float64: (mean distance - median) / (1.4826 x median absolute deviation), both over all n; unit: robust
        standard deviations. NaN for all where n is less than 20.

    Raises
    ------
    UsageError
        If `neighbours` is below 1.

    Notes
    -----
    Mean distance to the k nearest: Angiulli and Pizzuti, Fast outlier detection in high dimensional spaces, PKDD 2002.
    Robust scale, and 3.5 as the limit: Iglewicz and Hoaglin, How to detect and handle outliers, 1993. O(n x dim x
    min(n, 20,000)).
    """
    if neighbours < 1:
        raise UsageError(f"at least 1 neighbour tells how far a picture lies, not {neighbours}")
    n = len(vectors)
    if n < FEWEST:
        return np.full(n, np.nan)
    held = np.arange(n)
    if n > REFERENCE:
        held = np.sort(np.random.default_rng([seed, 5]).choice(n, REFERENCE, replace=False))
    place = np.full(n, -1)
    place[held] = np.arange(len(held))
    nearest = min(neighbours, len(held) - 1)
    means = np.empty(n)
    step = max(1, _BLOCK // len(held))
    for start in range(0, n, step):
        rows = np.arange(start, min(n, start + step))
        distances = pairwise(vectors[rows], vectors[held], metric)
        own = np.flatnonzero(place[rows] >= 0)
        distances[own, place[rows[own]]] = np.inf
        means[rows] = np.partition(distances, nearest - 1, axis=1)[:, :nearest].mean(axis=1)
    off = means - np.median(means)
    scale = _MAD * float(np.median(np.abs(off))) or float(np.abs(off).mean())
    return off / scale if scale > 0 else np.zeros(n)
