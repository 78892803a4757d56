"""PDQ: 256 bits that survive resizing, recompression and small edits, in all 8 orientations.

Written from Meta's specification, "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm"
(facebook/ThreatExchange, pdq). Everything up to the threshold is linear and acts on rows and columns apart, so of each
axis only those averages are made that decimation keeps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.types import DescriptorSpec, RGBImage, Vectors

__all__ = [
    "MIN_QUALITY",
    "ORIENTATIONS",
    "PDQ",
    "dihedral",
    "hash_with_quality",
    "nearest_turns",
    "quality",
    "turn",
    "turned_from_hashes",
    "turned_hashes",
]

MIN_QUALITY = 50
"""Below this quality a hash says little about its picture, and should not be matched: the specification's advice."""

ORIENTATIONS = (
    "original",
    "rotate_90",
    "rotate_180",
    "rotate_270",
    "flip_x",
    "flip_y",
    "flip_plus_1",
    "flip_minus_1",
)
"""The 8 turns, in the order of every array of 8 here: rotations are anticlockwise, then top to bottom, left to right,
and about the two diagonals (transpose, anti-transpose)."""

_SIDE = 64
_BITS = 16
_MIN_HASHABLE = 5
# Rounding in float32 stays under 0.001, measured on flat and striped pictures; few photographs have such a coefficient.
_ROUNDING = 0.01


_LENGTHS = 512
"""Axes that are kept, as many lengths as a mixed folder has: to make one takes as long as to hash a small picture."""

_NUMBERS = 1 << 16
"""Numbers that are summed up at a time: they stay in the cache."""


class _Axis(NamedTuple):
    """How 64 outputs come of n inputs: each is an average of 2 W - 1 of them, next to one another.

    Attributes
    ----------
    inputs
        (2 W - 1, 64): which.
    shares
        What each counts in the average of those up to it, 0 to 1.
    last
        Weights of the last inputs, for the last output alone; empty if it is an average as the others are.
    """

    inputs: NDArray[np.intp]
    shares: tuple[float, ...]
    last: NDArray[np.float32]


def _dct() -> NDArray[np.float32]:
    """Return rows 1 to 16 of the DCT-II of 64 numbers, shape (16, 64)."""
    frequency = np.arange(1, _BITS + 1)[:, None]
    place = 2 * np.arange(_SIDE) + 1
    return np.asarray(math.sqrt(2 / _SIDE) * np.cos(math.pi / (2 * _SIDE) * frequency * place), np.float32)


def _signs() -> NDArray[np.float32]:
    """Return what each orientation does to the sign of each coefficient before it is transposed, (8, 16, 16)."""
    plain = np.ones((_BITS, _BITS), np.float32)
    by_row = np.where(np.arange(_BITS) % 2, 1, -1).astype(np.float32)[:, None] * plain
    by_column, both = by_row.T, by_row * by_row.T
    return np.stack([plain, by_column, both, by_row, by_row, by_column, plain, both])


_DCT = _dct()
_SIGNS = _signs()
_TRANSPOSED = np.array([1, 3, 6, 7])


@lru_cache(maxsize=_LENGTHS)
def _axis(n: int) -> _Axis:
    """Return what blurs and decimates an axis of n pixels.

    A box of W = ceil(n / 128) pixels averages inputs o - a to o + b, cut at the ends and divided by what is left,
    where b = W // 2 and a = W - 1 - b. It is applied twice; output i is then taken at pixel int((i + 0.5) * n / 64).
    So inputs count 1, 2 ... W ... 2, 1 times. Of all boxes that lead to an output only the very last one can be cut, by
    one pixel, where W is even; where W is 2 that is as if the last pixel were there twice.
    """
    window = -(-n // (2 * _SIDE))
    after = window // 2
    before = window - 1 - after
    centre = ((np.arange(_SIDE) + 0.5) * n / _SIDE).astype(np.intp)
    inputs = np.minimum(centre + np.arange(-2 * before, 2 * after + 1)[:, None], n - 1)
    times = np.convolve(np.ones(window), np.ones(window))
    last = np.empty(0, np.float32)
    if window > 2 and centre[-1] + 2 * after >= n:
        last = (times[:-1] / window**2).astype(np.float32)
        last[window - 1 :] += np.float32(1 / (window - 1) / window - 1 / window**2)
    for array in (inputs, last):
        array.flags.writeable = False
    return _Axis(inputs, tuple((times / times.cumsum()).tolist()), last)


def _check(image: RGBImage) -> None:
    """Raise ValueError unless the picture is (height, width, 3) uint8 with at least one pixel."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"a picture must be (height, width, 3) uint8, not {image.shape} {image.dtype}")


def _shrink_rows(image: RGBImage) -> NDArray[np.float32]:
    """Return the luminance, 0 to 255, with its rows blurred and decimated: (64, width)."""
    import cv2

    # Luminance is linear too, and there are fewer rows now. Not in uint8: its rounding costs bits.
    return np.asarray(cv2.cvtColor(_decimated(image), cv2.COLOR_RGB2GRAY), np.float32)


def _shrink_columns(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `rows` (64, width) with its columns blurred and decimated too: (64, 64)."""
    import cv2

    return _decimated(np.asarray(cv2.transpose(np.ascontiguousarray(rows)), np.float32)).T


def _decimated(values: NDArray[np.uint8 | np.float32]) -> NDArray[np.float32]:
    """Return (64, ...) of (n, ...): the first axis blurred and decimated."""
    import cv2

    values = np.ascontiguousarray(values)
    axis = _axis(len(values))
    small = np.empty((_SIDE, *values.shape[1:]), np.float32)
    step = max(4, _NUMBERS * _SIDE // small.size)
    for first in range(0, _SIDE, step):
        average = small[first : first + step]
        inputs = axis.inputs[:, first : first + step]
        average[...] = values.take(inputs[0], axis=0)
        for these, share in zip(inputs[1:], axis.shares[1:], strict=True):
            cv2.accumulateWeighted(values.take(these, axis=0), average, share)
    if axis.last.size:
        small[-1] = np.tensordot(axis.last, values[-axis.last.size :].astype(np.float32), 1)
    return small


def _quality(small: NDArray[np.float32]) -> int:
    """Return how much `small` (64, 64) varies between neighbours, 0 (flat) to 100."""
    # Truncated towards zero, as the reference does: faint gradients must count for nothing.
    down, across = np.ascontiguousarray(small), np.ascontiguousarray(small.T)
    steps = np.abs(np.concatenate((down[1:] - down[:-1], across[1:] - across[:-1])))
    steps *= np.float32(100)
    steps /= np.float32(255)
    return min(100, int(np.trunc(steps, out=steps).sum()) // 90)  # whole numbers far below 2 ** 24: exact


def _transform(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the DCT of `small` (64, 64), rows and columns 1 to 16, with what is only rounding set to 0."""
    coefficients = np.asarray(_DCT @ small @ _DCT.T, np.float32)
    coefficients[np.abs(coefficients) < _ROUNDING] = 0
    return coefficients


def _coefficients(image: RGBImage) -> tuple[NDArray[np.float32], int]:
    """Return the picture's DCT, (16, 16), and its quality, 0 to 100."""
    _check(image)
    if min(image.shape[:2]) < _MIN_HASHABLE:
        return np.zeros((_BITS, _BITS), np.float32), 0
    small = _shrink_columns(_shrink_rows(image))
    coefficients = _transform(small)
    # Stripes and one-way gradients vary, yet not in any of these coefficients: their hashes would all be alike.
    return coefficients, _quality(small) if coefficients.any() else 0


def _pack(coefficients: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return shape (n, 32): which of (n, 16, 16) coefficients exceed their lower median, the last one's bit first."""
    flat = coefficients.reshape(-1, _BITS * _BITS)
    middle = flat.shape[1] // 2 - 1
    median = np.partition(flat, middle, axis=1)[:, middle, None]
    return np.packbits(flat[:, ::-1] > median, axis=1)


def hash_with_quality(image: RGBImage) -> tuple[NDArray[np.uint8], int]:
    """Return the hash, (32,) uint8, and the quality, 0 to 100, of one picture, in one pass.

    ``vector.tobytes().hex()`` is the hash as the reference implementation prints it.

    Parameters
    ----------
    image
        (height, width, 3) uint8, any size. Below 5 pixels in a side hash and quality are 0, as in the reference.

    Raises
    ------
    ValueError
        If the picture has another shape or type, or no pixel.

    Notes
    -----
    Two departures from the reference, both where it hashes its own rounding errors. A coefficient smaller than 0.01
    is taken as 0; a picture that has no other (flat, or varying in one direction only) has hash 0 and quality 0.
    """
    coefficients, value = _coefficients(image)
    vector: NDArray[np.uint8] = _pack(coefficients[None])[0]
    return vector, value


def quality(image: RGBImage) -> int:
    """Return how much there is in a picture to tell it by: 0 (blank) to 100. See `MIN_QUALITY`.

    Raises
    ------
    ValueError
        If the picture is not (height, width, 3) uint8 with at least one pixel.
    """
    return _coefficients(image)[1]


def dihedral(image: RGBImage) -> NDArray[np.uint8]:
    """Return the hashes of a picture in its 8 orientations as the reference does: one hash's coefficients, turned.

    Signs and axes of the coefficients change places; row 0 is the picture's own hash.

    Parameters
    ----------
    image
        (height, width, 3) uint8, any size.

    Returns
    -------
    ndarray
        Shape (8, 32) uint8, in the order of `ORIENTATIONS`.

    Raises
    ------
    ValueError
        If the picture has another shape or type, or no pixel.

    Notes
    -----
    Row i is near the hash of ``turn(image, ORIENTATIONS[i])``, not equal to it: an even window is half a pixel off
    centre, twice, and decimation prefers one side. That is within 10 bits in pictures of 1000 pixels, but 16 to 32
    in the same photograph at 256, and 100 in fine texture. `turned_hashes` has no such error.
    """
    turned = _SIGNS * _coefficients(image)[0]
    turned[_TRANSPOSED] = turned[_TRANSPOSED].transpose(0, 2, 1)
    return _pack(turned)


def turned_hashes(image: RGBImage) -> NDArray[np.uint8]:
    """Return the hashes of a picture's 8 turns, as if each were turned first and then hashed.

    Search with all 8 to find a picture however it was turned; `nearest_turns` then says how.

    Parameters
    ----------
    image
        (height, width, 3) uint8, any size.

    Returns
    -------
    ndarray
        Shape (8, 32) uint8: row i is the hash of ``turn(image, ORIENTATIONS[i])`` but for rounding, at most 2 bits.

    Raises
    ------
    ValueError
        If the picture has another shape or type, or no pixel.

    Notes
    -----
    Two to three times the time of one hash: the 4 mirrorings are filtered apart, their transposes come for free.
    """
    _check(image)
    if min(image.shape[:2]) < _MIN_HASHABLE:
        return np.zeros((len(ORIENTATIONS), 32), np.uint8)
    upright, upside_down = _shrink_rows(image), _shrink_rows(image[::-1])
    plain, flip_x = _transform(_shrink_columns(upright)), _transform(_shrink_columns(upside_down))
    flip_y = _transform(_shrink_columns(upright[:, ::-1]))
    half_turn = _transform(_shrink_columns(upside_down[:, ::-1]))
    return _pack(np.stack([plain, flip_y.T, half_turn, flip_x.T, flip_x, flip_y, plain.T, half_turn.T]))


def turn(image: RGBImage, orientation: str) -> RGBImage:
    """Return a view of `image` turned as one of `ORIENTATIONS` says.

    Raises
    ------
    ValueError
        If there is no such orientation.
    """
    if orientation not in ORIENTATIONS:
        raise ValueError(f"orientation must be one of {', '.join(ORIENTATIONS)}, not {orientation!r}")
    number = ORIENTATIONS.index(orientation)
    if number < 4:
        return np.rot90(image, number)
    return (image[::-1], image[:, ::-1], image.swapaxes(0, 1), image[::-1, ::-1].swapaxes(0, 1))[number - 4]


def turned_from_hashes(hashes: Vectors) -> NDArray[np.uint8]:
    """Return what the hashes of turned pictures are about, from the hashes alone, shape (8, n, 32) uint8.

    Turning a picture only swaps its coefficients and flips signs, and the median is near 0, so a flipped sign is
    a flipped bit but for the few coefficients near 0: within some bits of `dihedral` without any picture.

    Parameters
    ----------
    hashes
        Shape (n, 32) uint8.
    """
    bits = np.unpackbits(hashes, axis=1)[:, ::-1].reshape(1, -1, _BITS, _BITS)
    turned = bits ^ (_SIGNS < 0).astype(np.uint8)[:, None]
    turned[_TRANSPOSED] = turned[_TRANSPOSED].transpose(0, 1, 3, 2)
    return np.packbits(turned.reshape(8, -1, _BITS * _BITS)[:, :, ::-1], axis=2)


def nearest_turns(stored: Vectors, turned: Vectors) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Say how a picture must be turned to match each of some stored hashes.

    Parameters
    ----------
    stored
        Shape (n, 32) uint8: hashes of pictures X as they are stored; n may be 0.
    turned
        Shape (8, 32) uint8: `turned_hashes` (or `dihedral`) of a picture Y.

    Returns
    -------
    turns, distances
        Shape (n,) each: ``turn(Y, ORIENTATIONS[turns[i]])`` is the turn that lies nearest to picture i, at
        ``distances[i]`` bits, 0 to 256. Ties: the first of `ORIENTATIONS`, so "original" where it is as good.

    Raises
    ------
    ValueError
        If a shape is another.
    """
    if stored.ndim != 2 or stored.shape[1] != 32 or turned.shape != (8, 32):
        raise ValueError(f"stored must be (n, 32) and turned (8, 32), not {stored.shape} and {turned.shape}")
    words = np.ascontiguousarray(stored, np.uint8).view(np.uint64)
    bits = np.empty((len(stored), len(ORIENTATIONS)), np.int64)
    for column, row in enumerate(np.ascontiguousarray(turned, np.uint8).view(np.uint64)):
        bits[:, column] = np.bitwise_count(words ^ row).sum(axis=1)
    turns = bits.argmin(axis=1)
    return turns, np.take_along_axis(bits, turns[:, None], axis=1)[:, 0]


class PDQ:
    """The PDQ perceptual hash: 256 bits, compared by how many differ; up to about 31 is a likely near-copy.

    Source: Meta's "The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm" and the C++ in
    facebook/ThreatExchange, folder pdq. Luminance, blurred and decimated to 64 x 64 whatever the aspect, 16 x 16
    coefficients of its DCT, one bit each: above their median or not. Vectors are (32,) uint8, packed as the
    reference prints them. There are no weights; specification and reference are BSD-3-Clause.
    """

    spec = DescriptorSpec(
        name="pdq",
        dim=256,
        metric="hamming",
        preprocess="float luminance .299 .587 .114; two box passes; 64 x 64; DCT 1..16; |c| < .01 is 0; > lower median",
        source="Meta, The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm (2019); "
        "https://github.com/facebook/ThreatExchange/tree/main/pdq",
        licence="BSD-3-Clause (specification and reference)",
        min_side=256,
    )

    def embed(self, images: Sequence[RGBImage]) -> NDArray[np.uint8]:
        """Return one hash per picture, shape (n, 32) uint8; n may be 0. Inputs are untouched.

        Raises
        ------
        ValueError
            If a picture is not (height, width, 3) uint8 with at least one pixel.
        """
        return self.embed_with_quality(images)[0]

    def embed_with_quality(self, images: Sequence[RGBImage]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the hashes, (n, 32) uint8, and the qualities, (n,) uint8 from 0 to 100, of n pictures.

        Raises
        ------
        ValueError
            If a picture is not (height, width, 3) uint8 with at least one pixel.
        """
        vectors = np.empty((len(images), 32), np.uint8)
        qualities = np.empty(len(images), np.uint8)
        for row, image in enumerate(images):
            vectors[row], qualities[row] = hash_with_quality(image)
        return vectors, qualities
