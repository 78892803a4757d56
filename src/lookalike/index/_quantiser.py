"""Rows of local features as words and signatures, by the codebook that ships with the package.

Inverted multi-index: Babenko and Lempitsky, CVPR 2012. Hamming embedding: Jegou, Douze and Schmid, Hamming Embedding
and Weak Geometric Consistency for Large Scale Image Search, ECCV 2008.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import LibraryFormatError

__all__ = ["WORDS", "Quantiser", "shipped"]

_HALVES, _HALF, _CENTRES, _BITS = 2, 64, 256, 32

WORDS = _CENTRES**_HALVES
"""Number of words: each half of a row is one of 256 centres."""

_BATCH = 8192  # rows quantised at a time: 8 MB of distances

_FILE = Path(__file__).parent / "codebook" / "rootsift.npz"


@dataclass(frozen=True)
class Quantiser:
    """Turns rows of local features into words of 16 bits and signatures of 64.

    All numbers are integers small enough for float32 to add them exactly: words and signatures are the same on every
    machine, whatever the order in which it sums.

    Attributes
    ----------
    centres
        (2, 256, 64) uint8: what the first and the second half of a row are compared with.
    directions
        (2, 32, 64) int8: orthogonal directions, length 127, onto which each half is projected for its bits.
    thresholds
        (2, 256, 32) int32: a bit is set above the median of its direction among the rows of the same centre.
    fingerprint
        32 hexadecimal digits over the three.
    """

    centres: NDArray[np.uint8]
    directions: NDArray[np.int8]
    thresholds: NDArray[np.int32]

    def __post_init__(self) -> None:
        shapes = ((_HALVES, _CENTRES, _HALF), (_HALVES, _BITS, _HALF), (_HALVES, _CENTRES, _BITS))
        for name, shape in zip(("centres", "directions", "thresholds"), shapes, strict=True):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} of a codebook must be {shape}, not {getattr(self, name).shape}")

    @property
    def fingerprint(self) -> str:
        parts = (self.centres, self.directions, self.thresholds)
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()[:32]

    def words(self, rows: NDArray[np.uint8], count: int = 1) -> NDArray[np.int32]:
        """Return the nearest words of each row, (n, count) int32, nearest first, ties by smaller word."""
        near = min(count, _CENTRES)
        found = np.empty((len(rows), count), np.int32)
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            first, second = (_nearest(half, self.centres[h], near) for h, half in enumerate(_halves(part)))
            distances = (first[1][:, :, None] + second[1][:, None, :]).reshape(len(part), -1)
            words = (first[0][:, :, None] * _CENTRES + second[0][:, None, :]).reshape(len(part), -1)
            # One number of both: sorting it sorts by distance, then by word.
            both = np.sort(distances.astype(np.int64) * WORDS + words, axis=1)[:, :count]
            found[start : start + _BATCH] = both & (WORDS - 1)
        return found

    def signatures(self, rows: NDArray[np.uint8], words: NDArray[np.int32]) -> NDArray[np.uint64]:
        """Return the signature of each row as one of each of its words, (n, count) uint64."""
        count = words.shape[1]
        bits = np.empty((len(rows), count, _HALVES * _BITS), np.bool_)
        centres = (words // _CENTRES, words % _CENTRES)
        for h, half in enumerate(_halves(rows)):
            projected = half @ self.directions[h].T.astype(np.float32)
            limits = self.thresholds[h].astype(np.float32)[centres[h]]
            np.greater(projected[:, None, :], limits, out=bits[:, :, h * _BITS : (h + 1) * _BITS])
        return np.packbits(bits, axis=2).view("<u8").reshape(len(rows), count).astype(np.uint64, copy=False)


@cache
def shipped() -> Quantiser:
    """Return the codebook that ships with the package.

    Raises
    ------
    LibraryFormatError
        If its file is missing or damaged.
    """
    try:
        digest = hashlib.sha256(_FILE.read_bytes()).hexdigest()
        wanted = _FILE.with_suffix(".npz.sha256").read_text().split()[0]
    except OSError as error:
        raise LibraryFormatError(
            f"the codebook of visual words cannot be read ({error}): install Lookalike anew"
        ) from error
    if digest != wanted:
        raise LibraryFormatError("the codebook of visual words is damaged: install Lookalike anew")
    with np.load(_FILE) as found:
        return Quantiser(found["centres"], found["directions"], found["thresholds"])


def _halves(rows: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if rows.ndim != 2 or rows.shape[1] != _HALVES * _HALF or rows.dtype != np.uint8:
        raise ValueError(f"rows must be (n, {_HALVES * _HALF}) uint8, not {rows.shape} {rows.dtype}")
    wide = rows.astype(np.float32)
    return wide[:, :_HALF], wide[:, _HALF:]


def _nearest(
    rows: NDArray[np.float32], centres: NDArray[np.uint8], near: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the nearest centres (n, near) and their squared distances less the row's own square."""
    wide = centres.astype(np.float32)
    distances = rows @ (-2 * wide.T)
    distances += np.square(wide).sum(1)
    found = np.empty((len(rows), near), np.int64)
    values = np.empty((len(rows), near), np.float32)
    each = np.arange(len(rows))
    for rank in range(near):  # a minimum takes a twentieth of a sort, and few are wanted
        found[:, rank] = distances.argmin(1)
        values[:, rank] = distances[each, found[:, rank]]
        distances[each, found[:, rank]] = np.inf
    return found, values
