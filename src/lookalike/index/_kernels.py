"""The inner loop of exact search: one chunk of queries against one piece of rows, as fast as NumPy goes.

A kernel's values order rows almost as the final distances do: what it is off by is bounded by its margin. They are
distances for "cosine" and "hamming", squared distances for "l2".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics import lengths, words
from lookalike.types import Metric, Vectors

__all__ = ["Bits", "Numbers", "kernel", "places", "widen"]

_CACHED = 1 << 18
"""Numbers of float32 that are converted and multiplied at a time: 1 MiB, which stays in a core's cache."""

_STRIP = 16
"""Queries whose bits are compared at a time: with 4096 rows, half a megabyte of words."""


def kernel(metric: Metric, dim: int, queries: Vectors) -> Bits | Numbers:
    """Return the kernel of these queries, (n, width) as stored."""
    return Bits(queries) if metric == "hamming" else Numbers(metric, dim, queries)


def widen(rows: Vectors, out: NDArray[np.float32] | None = None) -> Vectors:
    """Return float16 rows as float32, in `out` if given; other types as they are.

    By shifting bits in whole arrays, four times as fast as NumPy's own conversion: the exponent and mantissa of a
    float16, moved to those of a float32, are its value times 2**-112. Infinity and NaN are not kept.
    """
    if rows.dtype != np.float16:
        return rows
    found = np.empty(rows.shape, np.float32) if out is None else out[: len(rows)]
    bits = found.view(np.int32)
    np.copyto(bits, rows.view(np.int16))
    np.left_shift(bits, 13, out=bits)
    # The sign was extended into the top bits: only the topmost is its own.
    np.bitwise_and(bits, np.int32(-0x70000001), out=bits)
    np.multiply(found, np.float32(2.0**112), out=found)
    return found


def places(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of what is True, as `numpy.nonzero` does; faster where that is little."""
    flat = chosen.reshape(-1)
    if not chosen.flags.c_contiguous or np.count_nonzero(flat) > len(flat) // 32:
        i, j = np.nonzero(chosen)
        return i, j
    whole = len(flat) // 8 * 8
    eights = np.flatnonzero(flat[:whole].view(np.uint64))
    inside = (8 * eights[:, None] + np.arange(8)).reshape(-1)
    found = np.concatenate([inside[flat[inside]], whole + np.flatnonzero(flat[whole:])])
    i, j = np.divmod(found, chosen.shape[1])
    return i, j


class Numbers:
    """Cosine and Euclidean distance by matrix products in float32.

    Attributes
    ----------
    queries
        (n, dim) float32, of unit length for "cosine" (or zero).
    precision
        By how much a product of unit vectors may be off.
    """

    def __init__(self, metric: Metric, dim: int, queries: Vectors) -> None:
        self.metric: Metric = metric
        self.queries = widen(queries)
        self._norms = lengths(self.queries)
        if metric == "cosine":
            self.queries = self.queries / np.where(self._norms > 0, self._norms, 1)[:, None]
        # Of a sum of dim products in float32, in whatever order, plus a few roundings before and after it.
        self.precision = (dim + 16) * 2.0**-24
        self._scratch = np.empty((max(1, _CACHED // dim), dim), np.float32)

    def values(self, rows: Vectors, norms: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n_queries, n) float32: for "cosine" the distance less 1, for "l2" its square; see `scaled`."""
        found = np.empty((len(self.queries), len(rows)), np.float32)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.metric == "l2":
                np.matmul(self.queries, rows.T, out=found)
                found *= np.float32(-2)
                found += (norms * norms)[None, :]
                found += (self._norms * self._norms)[:, None]
                return found
            # Rows are scaled rather than products: they are fewer, and in the cache. A damaged row has no finite
            # length: NaN is never close.
            factor = np.where(np.isfinite(norms), np.where(norms > 0, -1 / norms, 0), np.nan).astype(np.float32)
            for start in range(0, len(rows), len(self._scratch)):
                some = slice(start, start + len(self._scratch))
                part = widen(rows[some], self._scratch)
                part *= factor[some, None]
                np.matmul(self.queries, part.T, out=found[:, some])
        return found

    def margin(self, norms: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return by how much values of rows of these lengths may be off, (n_queries,) float32."""
        if self.metric == "cosine":
            return np.full(len(self.queries), self.precision, np.float32)
        longest = np.max(norms, where=np.isfinite(norms), initial=0)
        # The last term is for numbers so small that their squares vanish.
        reach = (self._norms.astype(np.float64) + longest) ** 2 * self.precision + np.finfo(np.float32).tiny
        return np.asarray(reach, np.float32)

    def scaled(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return distances on the scale of the values."""
        with np.errstate(over="ignore"):
            return distances - np.float32(1) if self.metric == "cosine" else np.square(distances)

    def within(
        self, rows: Vectors, norms: NDArray[np.float32], radius: np.float32
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places (query, row) of all rows within the radius, and of some just beyond it."""
        bound = self.scaled(np.full(len(self.queries), radius, np.float32)) + self.margin(norms)
        return places(self.values(rows, norms) <= bound[:, None])


class Bits:
    """Hamming distance by counting bits in words of 64. Values are exact."""

    metric: Metric = "hamming"

    def __init__(self, queries: Vectors) -> None:
        self._words = words(queries)

    def values(self, rows: Vectors, norms: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return (n_queries, n) float32; `norms` are not needed."""
        columns = np.ascontiguousarray(words(rows).T)
        found = np.empty((len(self._words), len(rows)), np.float32)
        for start in range(0, len(found), _STRIP):
            strip = slice(start, start + _STRIP)
            found[strip] = _counted(self._words[strip], columns)
        return found

    def margin(self, norms: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return (n_queries,) zeros."""
        return np.zeros(len(self._words), np.float32)

    def scaled(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return distances as they are."""
        return distances

    def within(
        self,
        rows: Vectors,
        norms: NDArray[np.float32],  # noqa: ARG002
        radius: np.float32,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places (query, row) of all rows within the radius."""
        columns = np.ascontiguousarray(words(rows).T)
        half = len(columns) // 2
        query, row = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for start in range(0, len(self._words), _STRIP):
            strip = self._words[start : start + _STRIP]
            # Unlike pictures differ by more than a small radius in the first half of their bits already.
            if half and not (_counted(strip[:, :half], columns[:half]) <= radius).any():
                continue
            i, j = places(_counted(strip, columns) <= radius)
            query.append(i + start)
            row.append(j)
        return np.concatenate(query), np.concatenate(row)


def _counted(queries: NDArray[np.uint64], columns: NDArray[np.uint64]) -> NDArray[np.uint8 | np.uint32]:
    """Return the differing bits of (m, words) queries and (words, n) columns, (m, n)."""
    # A byte holds the count of three words; more is needed for longer hashes only.
    wide = np.uint8 if len(columns) <= 3 else np.uint32
    differing = np.empty((len(queries), columns.shape[1]), np.uint64)
    count = np.empty(differing.shape, np.uint8)
    total = np.zeros(differing.shape, wide)
    for number, column in enumerate(columns):
        np.bitwise_xor(queries[:, number, None], column[None, :], out=differing)
        np.bitwise_count(differing, out=count)
        total += count
    return total
