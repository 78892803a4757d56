"""Distances between vectors: pure functions on arrays.

Smaller is closer, everywhere: "cosine" (0 to 2), "l2" (0 up), "hamming" (bits). The numbers are computed in float64
whatever the input's type, so that they do not depend on how a library of linear algebra cuts up its work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Metric, Vectors

__all__ = ["as_stored", "lengths", "paired", "pairwise", "words"]

_SCRATCH = 1 << 18
"""Numbers of float64 worked on at a time: 2 MiB, which stays in a core's cache."""

_UNIT_TOLERANCE = 0.01
"""A row whose length is this close to 1 counts as of unit length, also after rounding to float16."""

_LARGEST = 1e18
"""A longer row's square would leave float32."""


def pairwise(a: Vectors, b: Vectors, metric: Metric) -> NDArray[np.float32]:
    """Return the distance of every row of `a` to every row of `b`.

    Parameters
    ----------
    a, b
        Shapes (n, width) and (m, width): numbers, or packed bits in uint8 for "hamming". n and m may be 0.
    metric
        "cosine" is 1 - cos; a row of zeros has no direction and is at 1 from everything. "l2" is Euclidean.

    Returns
    -------
    (n, m) float32
        Within 0 to 2 for "cosine", in bits for "hamming". Equal rows are at exactly 0, but for zeros under "cosine".

    Raises
    ------
    ValueError
        If a shape is not 2-D, the widths differ, or rows under "hamming" are not uint8.

    Notes
    -----
    The same as `paired` of all pairs, to within the last digit of float32. Memory beside the result: one float64 copy
    of both, and 8 bytes per row of `b` and row of a block of `a`.
    """
    a, b = _checked(a, metric), _checked(b, metric)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"rows of {a.shape[1]} and of {b.shape[1]} columns cannot be compared")
    distances = np.empty((len(a), len(b)), np.float32)
    step = max(1, _SCRATCH // max(1, len(b)))
    if metric == "hamming":
        words_a, words_b = words(a), words(b)
        for start in range(0, len(a), step):
            some = words_a[start : start + step]
            bits = np.zeros((len(some), len(b)), np.uint32)
            for column in range(words_a.shape[1]):
                bits += np.bitwise_count(some[:, None, column] ^ words_b[None, :, column])
            distances[start : start + step] = bits
        return distances
    a, b = _ready(a, metric), _ready(b, metric)
    squares_a, squares_b = _squares(a), _squares(b)
    for start in range(0, len(a), step):
        part, sums = a[start : start + step], squares_a[start : start + step, None] + squares_b[None, :]
        squared = sums - 2 * (part @ b.T)
        # Of a small difference of large numbers nothing is left: these few are computed from the differences instead.
        i, j = np.nonzero(squared < 1e-6 * sums)
        pairs = max(1, _SCRATCH // max(1, a.shape[1]))
        for at in range(0, len(i), pairs):
            i_part, j_part = i[at : at + pairs], j[at : at + pairs]
            squared[i_part, j_part] = _squared(part[i_part], b[j_part])
        np.maximum(squared, 0, out=squared)
        distances[start : start + step] = _finished(squared, metric)
    if metric == "cosine":
        distances[squares_a == 0] = 1
        distances[:, squares_b == 0] = 1
    return distances


def paired(a: Vectors, b: Vectors, metric: Metric) -> NDArray[np.float32]:
    """Return the distance of each row of `a` to the row of `b` at the same place.

    Parameters
    ----------
    a, b
        Both (n, width), as in `pairwise`; n may be 0.
    metric
        As in `pairwise`.

    Returns
    -------
    (n,) float32
        A row's number depends on nothing but its two vectors: not on n, nor on its place. Symmetric. Equal rows are
        at exactly 0, but for zeros under "cosine", which are at 1 from everything.

    Raises
    ------
    ValueError
        If the shapes differ or are not 2-D, or rows under "hamming" are not uint8.
    """
    a, b = _checked(a, metric), _checked(b, metric)
    if a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape} cannot be paired")
    distances = np.empty(len(a), np.float32)
    step = max(1, _SCRATCH // max(1, a.shape[1]))
    for start in range(0, len(a), step):
        part_a, part_b = a[start : start + step], b[start : start + step]
        if metric == "hamming":
            distances[start : start + step] = np.bitwise_count(part_a ^ part_b).sum(axis=1, dtype=np.uint32)
            continue
        part_a, part_b = _ready(part_a, metric), _ready(part_b, metric)
        found = _finished(_squared(part_a, part_b), metric)
        if metric == "cosine":
            found[~(part_a.any(axis=1) & part_b.any(axis=1))] = 1
        distances[start : start + step] = found
    return distances


def lengths(rows: Vectors) -> NDArray[np.float32]:
    """Return the Euclidean length of each row of numbers, (n,) float32, summed in float64."""
    return _lengths(rows).astype(np.float32)


def as_stored(vectors: Vectors, metric: Metric) -> Vectors:
    """Return `vectors` as they are kept and compared: float16 for "cosine", float32 for "l2", uint8 for "hamming".

    Under "cosine" rows that are not of unit length (to within 1 %) are scaled to it first, since float16 is precise
    only near 1; unit rows are only rounded, so that what was stored once stays as it is. The input is untouched.

    Raises
    ------
    ValueError
        If `vectors` is not 2-D, holds NaN or infinity or, under "l2", a row longer than 1e18, or if it is not uint8
        under "hamming".
    """
    rows = _checked(vectors, metric)
    if metric == "hamming":
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        wide = rows.astype(np.float32)
        length = _lengths(wide)
    if not np.isfinite(length).all():
        raise ValueError("vectors must be finite: there is NaN or infinity among them")
    if metric == "l2":
        if (length > _LARGEST).any():
            raise ValueError(f"vectors must be no longer than {_LARGEST:g}")
        return wide
    other = (np.abs(length - 1) > _UNIT_TOLERANCE) & (length > 0)
    if other.any():
        wide[other] /= length[other, None]
    return wide.astype(np.float16)


def words(rows: Vectors) -> NDArray[np.uint64]:
    """Return packed bits as (n, words) uint64, the last word filled up with zeros."""
    width = -(-rows.shape[1] // 8) * 8
    padded = np.zeros((len(rows), width), np.uint8)
    padded[:, : rows.shape[1]] = rows
    return padded.view(np.uint64)


def _checked(rows: Vectors, metric: Metric) -> Vectors:
    rows = np.asarray(rows)
    if metric not in ("cosine", "l2", "hamming"):
        raise ValueError(f'metric {metric!r} is none of "cosine", "l2", "hamming"')
    if rows.ndim != 2:
        raise ValueError(f"vectors must be 2-D, one a row, not of shape {rows.shape}")
    if metric == "hamming" and rows.dtype != np.uint8:
        raise ValueError(f"bits must be packed in uint8, not {rows.dtype}")
    return rows


def _ready(rows: Vectors, metric: Metric) -> NDArray[np.float64]:
    """Return rows in float64; under "cosine" of unit length, zeros staying zeros."""
    wide = rows.astype(np.float64)
    if metric == "cosine":
        length = np.sqrt(_squares(wide))[:, None]
        wide /= np.where(length > 0, length, 1)
    return wide


def _lengths(rows: Vectors) -> NDArray[np.float64]:
    found = np.empty(len(rows), np.float64)
    step = max(1, _SCRATCH // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        found[start : start + step] = np.sqrt(_squares(rows[start : start + step].astype(np.float64)))
    return found


def _squares(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((rows * rows).sum(axis=1))


def _squared(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    # A product and a sum along the row, not einsum or a dot product: their order of summation is the same for every
    # row, whatever the number of rows and their place in memory.
    return _squares(a - b)


def _finished(squared: NDArray[np.float64], metric: Metric) -> NDArray[np.float32]:
    # |u - v|^2 / 2 = 1 - cos for unit rows, but precise for small angles and exactly 0 for equal rows.
    found: NDArray[Any] = np.minimum(squared / 2, 2) if metric == "cosine" else np.sqrt(squared)
    return found.astype(np.float32)
