"""All pairs of bit strings that differ in few bits, by multi-index hashing: most pairs are never looked at.

Norouzi, Punjani and Fleet, Fast exact search in Hamming space with multi-index hashing, arXiv 1307.2982. A string is
cut into m substrings of 16 bits. Of two that differ in fewer than 2 m bits, at least one substring differs in at most
one: pairs are sought among strings that have such a substring in common, for each of the m in turn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Vectors

__all__ = ["close_pairs", "pays"]

_VALUES = 1 << 16
"""Of a substring."""

_AT_ONCE = 1 << 19
"""Pairs that are looked at together: their words stay in a core's cache."""

_COST = 6
"""A pair that is looked at here, and a row in each of its rounds, costs so many times a pair where all are compared."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def pays(rows: Vectors, radius: float) -> bool:
    """Say whether to look for pairs this way: whether it can be done, and looks at few enough pairs.

    Parameters
    ----------
    rows
        (n, width) uint8, packed bits.
    radius
        Largest number of differing bits.
    """
    n, width = rows.shape
    if width % 8 or radius >= width or n < 2:  # two bits for each substring of two bytes, less one
        return False
    looked_at = 0
    for column in _substrings(rows).T:
        count = np.bincount(column, minlength=_VALUES)
        looked_at += int((count * (count - 1) // 2).sum())
        cube = count.reshape((2,) * 16)
        for bit in range(16):
            zero, one = np.moveaxis(cube, 15 - bit, 0)
            looked_at += int((zero * one).sum())
    return bool((looked_at + 16 * n * width // 2) * _COST < n * (n - 1) // 2)


def close_pairs(rows: Vectors, radius: float) -> Iterator[tuple[float, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield all pairs of rows within a radius, each once, in parts.

    Parameters
    ----------
    rows
        (n, width) uint8, packed bits; width a multiple of 8.
    radius
        Largest number of differing bits, below `width`, which is two for each substring.

    Yields
    ------
    tuple
        The part that is done, 0 to 1, and the places (m,) of the two rows of each pair, in no order. Some parts have
        no pairs.
    """
    wide = np.ascontiguousarray(rows).view(np.uint64)
    parts = _substrings(rows)
    for number in range(parts.shape[1]):
        order = np.argsort(parts[:, number], kind="stable")
        values = parts[order, number]
        bounds = np.searchsorted(values, np.arange(_VALUES + 1, dtype=np.uint32))
        words = np.ascontiguousarray(wide[order].T)
        for step, (low, high) in enumerate(_partners(values, bounds)):
            for left, right in _expanded(low, high):
                near = _near(words, left, right, radius)
                i, j = order[left[near]], order[right[near]]
                # What an earlier substring has led to already is not told again.
                first = ~(np.bitwise_count(parts[i, :number] ^ parts[j, :number]) <= 1).any(axis=1)
                yield (number + step / 17) / parts.shape[1], i[first], j[first]


def _substrings(rows: Vectors) -> NDArray[np.uint16]:
    return np.ascontiguousarray(rows).view(np.uint16)


def _partners(values: NDArray[np.uint16], bounds: NDArray[np.int64]) -> Iterator[Pairs]:
    """Yield from where to where each of the sorted rows meets its partners: those of its value, then one bit away."""
    wide = values.astype(np.int64)
    yield np.arange(1, len(values) + 1), bounds[wide + 1]
    for bit in range(16):
        zero = (wide >> bit & 1) == 0  # each two values meet once
        other = wide ^ (1 << bit)
        yield bounds[other], np.where(zero, bounds[other + 1], bounds[other])


def _expanded(low: NDArray[np.int64], high: NDArray[np.int64]) -> Iterator[Pairs]:
    """Yield (left, right) places of all pairs of rows and their partners, some at a time."""
    ends = np.concatenate(([0], np.cumsum(high - low)))
    start = 0
    while start < len(low) and ends[start] < ends[-1]:
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + _AT_ONCE, "right")) - 1)
        counts = high[start:stop] - low[start:stop]
        left = np.repeat(np.arange(start, stop), counts)
        offsets = np.repeat(low[start:stop] - (ends[start:stop] - ends[start]), counts)
        yield left, np.arange(len(left)) + offsets
        start = stop


def _near(
    words: NDArray[np.uint64], left: NDArray[np.int64], right: NDArray[np.int64], radius: float
) -> NDArray[np.int64]:
    """Return which pairs differ in at most `radius` bits; half of the words rule out nearly all."""
    half = (len(words) + 1) // 2
    near = np.flatnonzero(_differing(words[:half], left, right) <= radius)
    return near[_differing(words, left[near], right[near]) <= radius]


def _differing(words: NDArray[np.uint64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.uint16]:
    total = np.zeros(len(left), np.uint16)
    for row in words:
        total += np.bitwise_count(row[left] ^ row[right])
    return total
