"""What makes numbers with units of their own comparable: the mean and the standard deviation of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Vectors

__all__ = ["Scaler", "fit_scaler"]

_RESOLUTION = 2.0**-23
"""Of float32: numbers that differ by less than this part of their mean are equal but for rounding."""

_ROWS = 4096
"""Rows in float64 at a time."""


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each number of a library's vectors.

    Attributes
    ----------
    mean, deviation
        (dim,) float64. The deviation is that of the vectors themselves (divided by n, not n - 1), and 1 for a number
        that is the same in all of them.
    vectors
        How many it was fitted on.
    state
        A name for exactly these vectors: see `lookalike.store.scaling`.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    vectors: int
    state: str = ""

    @property
    def token(self) -> int:
        """A number of 62 bits that differs where the numbers do."""
        digest = hashlib.sha256(self.mean.tobytes() + self.deviation.tobytes()).digest()
        return int.from_bytes(digest[:8], "little") >> 2

    def standardise(self, rows: Vectors) -> NDArray[np.float32]:
        """Return (rows - mean) / deviation, (n, dim) float32, computed in float64 a few thousand rows at a time."""
        found = np.empty(rows.shape, np.float32)
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            found[part] = (rows[part].astype(np.float64) - self.mean) / self.deviation
        return found


def fit_scaler(blocks: Iterable[Vectors], dim: int, state: str = "") -> Scaler:
    """Return the scaler of vectors that come block by block.

    Parameters
    ----------
    blocks
        Each (n, dim); n may be 0. One is held at a time.
    dim, state
        See `Scaler`.

    Notes
    -----
    Blocks are joined by the formulas of Chan, Golub and LeVeque (1979), in float64. Without any vector the mean is 0.
    """
    count, mean, squares = 0, np.zeros(dim), np.zeros(dim)
    for block in blocks:
        for start in range(0, len(block), _ROWS):
            rows = block[start : start + _ROWS].astype(np.float64)
            own = rows.mean(axis=0)
            apart, total = own - mean, count + len(rows)
            squares += ((rows - own) ** 2).sum(axis=0) + apart**2 * (count * len(rows) / total)
            mean += apart * (len(rows) / total)
            count = total
    deviation = np.sqrt(squares / max(count, 1))
    return Scaler(mean, np.where(deviation > _RESOLUTION * np.abs(mean), deviation, 1.0), count, state)
