"""The nearest of many rows of float16 to one query by cosine, read where they lie, with proof that none is missed.

faiss names the rows with the largest inner products in one pass over the bytes, as fast as memory gives them; which of
these are nearest, and whether any other row could be, is worked out from the rows themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.index._blocks import Block
from lookalike.types import Vectors
from lookalike.workers import available_cores

__all__ = ["nearest_rows", "worthwhile"]

_BYTES = 32 << 20
"""Bytes of rows from which on a pass by faiss is faster; loading it takes as long as reading some of them."""

_QUERIES = 4
"""Queries up to which one pass for each is faster than a product of matrices for all."""

_SPARE = 64
"""Rows beyond the wanted ones that are named: so many may lie so close to the last one that it takes a second look."""


def worthwhile(blocks: Sequence[Block], queries: int, k: int) -> bool:
    """Say whether `nearest_rows` is faster than comparing all rows with all queries."""
    rows = sum(len(block.keys) for block in blocks)
    size = sum(block.rows.nbytes for block in blocks)
    whole = all(block.rows.dtype == np.float16 and block.rows.flags.c_contiguous for block in blocks)
    return whole and queries <= _QUERIES and size >= _BYTES and 4 * (k + _SPARE) < rows


def nearest_rows(
    blocks: Sequence[Block], query: Vectors, k: int, precision: float
) -> tuple[list[NDArray[np.int64]], float]:
    """Return rows among which the nearest are, by block, and a distance: every other row is at least so far away.

    Parameters
    ----------
    blocks
        Rows in float16, contiguous.
    query
        (dim,) float32 of unit length.
    k
        How many are wanted; `_SPARE` more are named.
    precision
        By how much an inner product of unit vectors may be off.

    Returns
    -------
    rows
        For each block the places of live rows of finite length, ascending.
    distance
        Cosine distance; +inf where every row was named.
    """
    count = k + _SPARE
    lows, highs = zip(*(block.reach() for block in blocks), strict=True)
    shortest, longest = min(lows), max(highs)
    starts = np.cumsum([0, *(len(block.keys) for block in blocks)])
    parts = _parts([len(block.keys) for block in blocks], available_cores())

    def scanned(part: list[tuple[int, slice]]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return _scanned([(blocks[b].rows[rows], int(starts[b]) + rows.start) for b, rows in part], query, count)

    found = list(_threads().map(scanned, parts))
    # What a pass did not name is no closer than the last that it named.
    least = max(float(values.min()) for _, values in found) + precision * longest
    beyond = np.inf if least == -np.inf else 1 - least / (shortest if least > 0 else longest)
    named = np.sort(np.concatenate([at[at >= 0] for at, _ in found]))
    rows = []
    for number, block in enumerate(blocks):
        at = named[(named >= starts[number]) & (named < starts[number + 1])] - starts[number]
        rows.append(at[block.alive[at] & np.isfinite(block.norms("cosine")[at])])
    return rows, beyond


@cache
def _threads() -> ThreadPoolExecutor:
    """Return threads that are kept: to start them takes half as long as to read a hundred thousand rows."""
    return ThreadPoolExecutor(available_cores(), thread_name_prefix="scan")


def _parts(lengths: Sequence[int], count: int) -> list[list[tuple[int, slice]]]:
    """Cut blocks of these lengths into `count` parts of about as many rows, each some slices of blocks."""
    size = -(-sum(lengths) // count)
    parts: list[list[tuple[int, slice]]] = [[]]
    room = size
    for number, length in enumerate(lengths):
        start = 0
        while start < length:
            if not room:
                parts.append([])
                room = size
            end = min(length, start + room)
            parts[-1].append((number, slice(start, end)))
            room -= end - start
            start = end
    return parts


def _scanned(
    pieces: Sequence[tuple[Vectors, int]], query: Vectors, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the places of the `count` rows with the largest inner products, in any order, and these.

    Of fewer rows the rest is -1 and -inf. Each piece is its rows and the place of the first.
    """
    import faiss

    quantiser: Any = faiss.ScalarQuantizer(len(query), faiss.ScalarQuantizer.QT_fp16)
    scanner = quantiser.select_InvertedListScanner(faiss.METRIC_INNER_PRODUCT, None, False, None, False)
    asked = np.ascontiguousarray(query, np.float32)
    scanner.set_query(faiss.swig_ptr(asked))
    places = np.full(count, -1, np.int64)
    values = np.full(count, -np.inf, np.float32)
    for rows, first in pieces:
        numbers = np.arange(first, first + len(rows), dtype=np.int64)
        codes = np.asarray(rows).view(np.uint8)
        scanner.scan_codes(
            len(rows), faiss.swig_ptr(codes), faiss.swig_ptr(numbers), faiss.swig_ptr(values), faiss.swig_ptr(places),
            count,
        )  # fmt: skip
    return places, values
