"""All pairs of bit strings that differ in few bits, by multi-index hashing: most pairs are never looked at.

After Norouzi, Punjani and Fleet, Fast exact search in Hamming space with multi-index hashing, arXiv 1307.2982, in two
steps. A string is cut into w words of 32 bits: of two strings that differ in r bits, some word differs in at most
t = r // w. A word is cut into p parts: of two words that differ in at most t bits, at least p - t parts are equal. So
pairs are sought among strings that have p - t parts of a word in common, for each word and each choice of parts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Vectors
from lookalike.workers import available_cores

__all__ = ["close_pairs", "pays"]

_WORD = 32
"""Bits of a word."""

_MOST_PARTS = 12
"""Of a word: there are as many rounds as ways to choose the equal ones."""

_SAMPLE = 2048
"""Strings among which is counted how many pairs would be looked at."""

_ROUND = 20
"""A string costs so many times a pair that is looked at, in each round: that it is sorted."""

_AT_ONCE = 1 << 19
"""Pairs that are told at a time."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def pays(rows: Vectors, radius: float) -> bool:
    """Say whether to look for pairs this way: whether it can be done, and costs less than to compare all.

    Parameters
    ----------
    rows
        (n, width) uint8, packed bits.
    radius
        Largest number of differing bits.
    """
    n, width = rows.shape
    if width % 4 or radius >= 2 * width or n < 2:
        return False
    cut = _Cut(n, width, radius)
    looked_at, all_pairs = _ROUND * n * len(cut.masks) * width // 4, n * (n - 1) // 2
    if looked_at >= all_pairs:
        return False
    some = rows[np.random.default_rng(0).permutation(n)[:_SAMPLE]]
    met = 0
    for word in np.unique(some, axis=0).view(np.uint32).T:
        for mask in cut.masks:
            counts = np.unique(word & mask, return_counts=True)[1]
            met += int((counts * (counts - 1) // 2).sum())
    looked_at += met * n**2 // len(some) ** 2
    return bool(looked_at < all_pairs)


def close_pairs(rows: Vectors, radius: float) -> Iterator[tuple[float, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield all pairs of rows within a radius, each once, in parts.

    Parameters
    ----------
    rows
        (n, width) uint8, packed bits; width a multiple of 4.
    radius
        Largest number of differing bits, below `2 * width`, which is eight for each word.

    Yields
    ------
    tuple
        The part that is done, 0 to 1, and the places (m,) of the two rows of each pair, in no order. Some parts have
        no pairs.

    Notes
    -----
    Equal strings are compared with others once for all of them. Each core takes a word and a choice of parts at a time.
    """
    order, bounds = _equal_together(rows)
    first, last = bounds[:-1], bounds[1:]
    for left, right in _expanded(np.arange(len(rows)), np.arange(1, len(rows) + 1), np.repeat(last, last - first)):
        yield 0.0, order[left], order[right]
    wide = np.ascontiguousarray(rows[order[first]]).view(np.uint32)
    cut = _Cut(len(wide), rows.shape[1], radius)
    rounds = list(itertools.product(range(wide.shape[1]), range(len(cut.masks))))
    with ThreadPoolExecutor(available_cores()) as pool:
        asked = [pool.submit(cut.close, wide, word, choice) for word, choice in rounds]
        try:
            for done, one in enumerate(asked):
                i, j = one.result()
                yield done / len(rounds), i[:0], j[:0]
                for pair, own in _expanded(np.arange(len(i)), first[i], last[i]):
                    for left, right in _expanded(own, first[j[pair]], last[j[pair]]):
                        yield done / len(rounds), order[left], order[right]
        finally:
            for one in asked:
                one.cancel()


class _Cut:
    """How words are cut, and which of the parts are to be equal.

    Attributes
    ----------
    masks
        (choices,) uint32: of each choice of parts, all their bits.
    """

    def __init__(self, n: int, width: int, radius: float) -> None:
        self.radius = radius
        self.apart = int(radius) // (width // 4)
        """Bits in which some word of two close strings differs at most."""

        def cost(parts: int) -> float:
            """Return what a string costs, if bits are thrown like coins: rounds, and those it meets in each."""
            met = n / 2 ** (_WORD * (1 - self.apart / parts))
            return math.comb(parts, self.apart) * (_ROUND + met)

        parts = min(range(self.apart + 1, max(_MOST_PARTS, self.apart + 1) + 1), key=cost)
        ends = np.arange(parts + 1) * _WORD // parts
        own = [np.uint32((1 << int(end)) - (1 << int(start))) for start, end in itertools.pairwise(ends)]
        self._parts = np.array(own, np.uint32)
        chosen = list(itertools.combinations(range(parts), parts - self.apart))
        self.masks = np.array([np.bitwise_or.reduce(self._parts[list(one)]) for one in chosen], np.uint32)
        # The first choice under which words meet that differ in these parts, or none: of two in several, one tells.
        bits = np.array([sum(1 << part for part in one) for one in chosen])
        differing = np.arange(1 << parts)
        meets = (differing[:, None] & bits) == 0
        self._first = np.where(meets.any(axis=1), meets.argmax(axis=1), -1)

    def close(self, wide: NDArray[np.uint32], word: int, choice: int) -> Pairs:
        """Return the places of all pairs of different strings, (n, words), that this round is to tell."""
        found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        own = np.ascontiguousarray(wide[:, word])
        keys = (own & self.masks[choice]).astype(np.uint64)
        keys <<= np.uint64(32)
        keys |= np.arange(len(own), dtype=np.uint64)
        keys.sort()
        keys &= np.uint64(0xFFFFFFFF)
        place = keys.view(np.int64)
        values = own[place]
        shared = values & self.masks[choice]
        ends = np.append(np.flatnonzero(shared[1:] != shared[:-1]) + 1, len(keys))
        size = np.diff(ends, prepend=0)
        # How many share their parts with so many or more, themselves included.
        left = np.cumsum(np.bincount(size, size)[::-1])[::-1]
        size = np.repeat(size.astype(np.int32), size)
        # Those that share their parts lie side by side: each is held against the next, then against the one after it.
        for step in range(1, len(left) - 1):
            if left[step + 1] < len(size) // 2:
                kept = size > step
                size, values, place = size[kept], values[kept], place[kept]
            near = np.flatnonzero(np.bitwise_count(values[step:] ^ values[:-step]) <= self.apart)
            i, j = place[near], place[near + step]
            some = self._told(wide, i, j, word, choice)
            found.append((i[some], j[some]))
        first, second = zip(*found, strict=True)
        return np.concatenate(first), np.concatenate(second)

    def _told(
        self, wide: NDArray[np.uint32], i: NDArray[np.int64], j: NDArray[np.int64], word: int, choice: int
    ) -> NDArray[np.int64]:
        """Return which of these pairs are close, and are told neither by an earlier word nor by an earlier choice."""
        differing = wide[i] ^ wide[j]
        counts = np.bitwise_count(differing)
        close = counts.sum(axis=1, dtype=np.int64) <= self.radius
        close &= (counts[:, :word] > self.apart).all(axis=1)
        parts = ((differing[:, word, None] & self._parts) != 0) @ (1 << np.arange(len(self._parts)))
        return np.flatnonzero(close & (self._first[parts] == choice))


def _equal_together(rows: Vectors) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of all rows, equal ones one after another, and where each lot of equal ones begins and ends.

    By a sum that equal rows share: where unlike rows share it, too, some equal ones may be in several lots.
    """
    wide = np.ascontiguousarray(rows).view(np.uint32)
    order = np.argsort(_mixed(wide))
    fresh = (wide[order[1:]] != wide[order[:-1]]).any(axis=1)
    return order, np.concatenate(([0], np.flatnonzero(fresh) + 1, [len(order)]))


def _mixed(wide: NDArray[np.uint32]) -> NDArray[np.uint64]:
    factors = np.random.default_rng(0).integers(1 << 63, size=(wide.shape[1], 1), dtype=np.uint64) | np.uint64(1)
    mixed = np.zeros(len(wide), np.uint64)
    for number in range(wide.shape[1]):
        mixed += wide[:, number] * factors[number]
    return mixed


def _expanded(own: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]) -> Iterator[Pairs]:
    """Yield each of `own` with all from `low` up to `high`, some at a time."""
    ends = np.concatenate(([0], np.cumsum(high - low)))
    start = 0
    while start < len(low) and ends[start] < ends[-1]:
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + _AT_ONCE, "right")) - 1)
        counts = high[start:stop] - low[start:stop]
        left = np.repeat(own[start:stop], counts)
        offsets = np.repeat(low[start:stop] - (ends[start:stop] - ends[start]), counts)
        yield left, np.arange(len(left)) + offsets
        start = stop
