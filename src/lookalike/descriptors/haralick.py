"""Haralick's texture features: how grey levels lie beside each other. Our own implementation, in NumPy and OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiles
from lookalike.types import DescriptorSpec, RGBImage

__all__ = ["DIRECTIONS", "FEATURES", "Haralick", "grey", "haralick"]

DIRECTIONS = ("right", "down right", "down", "down left")
"""Where a pixel's partner lies, one pixel away: the rows of what `haralick` returns."""

FEATURES = (
    "angular second moment", "contrast", "correlation", "variance", "inverse difference moment", "sum average",
    "sum variance", "sum entropy", "entropy", "difference variance", "difference entropy",
    "information measure of correlation 1", "information measure of correlation 2",
)  # fmt: skip
"""The columns of what `haralick` returns."""

_BAND = 1 << 22
"""Pixels counted at a time. OpenCV counts in float32, which is exact to 2 ** 24."""

_LARGEST_JPEG = 65535
"""Pixels of a side: no JPEG is larger, so none is decoded at a reduced scale."""


def haralick(grey: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return Haralick's first 13 texture features in each of four directions.

    Parameters
    ----------
    grey
        (height, width) uint8, from 1 x 1 up. Untouched.

    Returns
    -------
    (4, 13) float64
        Rows as in `DIRECTIONS`, columns as in `FEATURES`. Always finite. Entropies are in bits.

    Raises
    ------
    ValueError
        If `grey` is not 2-D uint8 with at least one pixel.

    Notes
    -----
    Haralick, Shanmugam and Dinstein, Textural features for image classification, IEEE Transactions on Systems, Man,
    and Cybernetics 3 (1973) 610-621. Symmetric co-occurrences at distance 1 of the levels 0 to the picture's largest.
    The definitions are those of ``mahotas.features.haralick`` with its defaults, and so are the values, to 1e-9, with
    the paper's ambiguities decided alike: the sum variance is about the sum average, the difference variance is the
    variance of the numbers p(|x - y|), and the exponent of the last feature takes entropies in bits.

    Where the two differ: a picture one pixel high or wide is taken as if its row or column were there twice (mahotas
    refuses it). Moments are computed in whole numbers, so that a picture of nearly one grey level has the right
    correlation, where mahotas subtracts large numbers from each other. Of a picture of one level the correlation is 1
    and both information measures are 0, as there.
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or not grey.size:
        raise ValueError(f"a grey picture is (height, width) uint8, not {grey.shape} {grey.dtype}")
    height, width = grey.shape
    if 1 in (height, width):
        grey = np.repeat(np.repeat(grey, 2 if height == 1 else 1, axis=0), 2 if width == 1 else 1, axis=1)
    grey = np.ascontiguousarray(grey)
    levels = int(grey.max()) + 1
    counted = _counted_compiled(grey, levels) if compiles() else _counted(grey, levels)
    return _features(counted, levels)


class _Met(NamedTuple):
    """How often two levels meet, direction by direction: four rows each, and whole numbers but for the last two."""

    single: NDArray[np.float64]
    """(4, levels): how often a level is one of two."""
    difference: NDArray[np.float64]
    """(4, levels): how often two lie that far apart."""
    total: NDArray[np.float64]
    """(4, 2 * levels): how often two have that sum."""
    squares: NDArray[np.float64]
    """(4,): the sum of the squared probabilities of all cells of the symmetric co-occurrences."""
    bits: NDArray[np.float64]
    """(4,): the entropy, in bits, of which two levels meet, in whichever order."""


def _counted_compiled(grey: NDArray[np.uint8], levels: int) -> _Met:
    """Return what `_counted` does, by compiled loops."""
    from lookalike.descriptors import cooccurrence

    counts = np.zeros((len(DIRECTIONS), levels * levels), np.uint32)
    cooccurrence.count(grey, levels, counts)
    shapes = ((4, levels), (4, levels), (4, 2 * levels), 4, 4)
    met = _Met(*(np.zeros(shape) for shape in shapes))
    cooccurrence.summarise(counts, levels, *met)
    return met


def _counted(grey: NDArray[np.uint8], levels: int) -> _Met:
    """Return how often each two levels are neighbours, in each direction."""
    partners = (
        (grey[:, :-1], grey[:, 1:]),
        (grey[:-1, :-1], grey[1:, 1:]),
        (grey[:-1], grey[1:]),
        (grey[:-1, 1:], grey[1:, :-1]),
    )
    rows = (_summarised(_upper_triangle(one, other), levels) for one, other in partners)
    return _Met(*(np.array(column) for column in zip(*rows, strict=True)))


def _upper_triangle(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how often each two levels meet, (256, 256), whole numbers in the upper triangle only."""
    step = max(1, _BAND // one.shape[1])
    counts: NDArray[np.float64] | None = None
    for top in range(0, len(one), step):
        a, b = one[top : top + step], other[top : top + step]
        low, high = cv2.min(a, b), cv2.max(a, b)
        # Two lists of the same 256 levels, without a number per pair in memory.
        part: NDArray[np.float64] = cv2.calcHist([low, high], [0, 1], None, [256, 256], [0, 256, 0, 256])  # type: ignore[assignment]
        counts = part if counts is None else counts.astype(np.float64) + part
    assert counts is not None
    return counts


def _summarised(counts: NDArray[np.float64], levels: int) -> tuple[object, ...]:
    """Return one direction's fields of `_Met` from the co-occurrences whose upper triangle is given."""
    flat = counts.reshape(-1)
    low = np.flatnonzero(flat > 0)
    met = flat[low].astype(np.float64)
    # In place from here on: for a small picture new arrays cost more than what is done with them.
    gap = low & 255
    low >>= 8
    gap -= low
    difference = np.bincount(gap, met, levels)
    low += low
    low += gap
    total = np.bincount(low, met, 2 * levels)
    as_low = cv2.reduce(counts, 1, cv2.REDUCE_SUM, dtype=cv2.CV_64F).reshape(-1)
    as_high = cv2.reduce(counts, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F).reshape(-1)
    single = (as_low + as_high)[:levels]
    met /= met.sum()
    on_diagonal = met[gap == 0]
    squares = float(met @ met + on_diagonal @ on_diagonal) / 2
    return single, difference, total, squares, -float(met @ np.log2(met))


def _features(met: _Met, levels: int) -> NDArray[np.float64]:
    """Return the 13 features in each direction, (4, 13).

    With P = (counts + their transpose) / 2 n for n pairs, all but the entropy and the sum of squares follow from three
    histograms: of one level, of the difference of two and of their sum.
    """
    level = np.arange(levels, dtype=np.float64)
    level_squared = level * level
    pairs = met.difference.sum(axis=1)
    shares = np.concatenate([met.single / 2, met.difference, met.total], axis=1)
    shares /= pairs[:, None]
    logarithms = np.log2(shares + (shares == 0))  # what has probability 0 adds nothing
    entropies = np.abs(np.add.reduceat(shares * logarithms, [0, levels, 2 * levels], axis=1))  # never -0.0
    single_entropy, difference_entropy, sum_entropy = entropies.T
    difference = shares[:, levels : 2 * levels]
    entropy = met.bits + difference[:, 1:].sum(axis=1)  # two different levels are two cells of half their probability
    unlike = difference - 1 / levels  # whose mean is 0
    information = 2 * single_entropy - entropy
    sums = (pairs, met.single @ level, met.single @ level_squared, met.difference @ level_squared)
    features = np.empty((len(DIRECTIONS), len(FEATURES)))
    for row, numbers in enumerate(zip(*sums, strict=True)):
        features[row, [1, 2, 3, 5, 6]] = _moments(*map(int, numbers))
    varied = features[:, 3] > 0
    features[:, 0] = met.squares
    features[:, 4] = difference @ (1 / (1 + level_squared))
    features[:, 7] = sum_entropy
    features[:, 8] = entropy
    features[:, 9] = (unlike * unlike).sum(axis=1) / levels
    features[:, 10] = difference_entropy
    features[:, 11] = np.where(varied, -information / np.where(varied, single_entropy, 1), 0)
    features[:, 12] = np.where(varied, np.sqrt(np.maximum(0, -np.expm1(-2 * information))), 0)
    return features


def _moments(pairs: int, first: int, second: int, squares: int) -> tuple[float, float, float, float, float]:
    """Return contrast, correlation, variance, sum average and sum variance from sums over the pairs.

    The sums are of the levels, of their squares (each pair has two) and of the squared differences: whole numbers,
    exact in float64; their products are Python's, exact at any size.
    """
    spread = 2 * pairs * second - first * first  # the variance times (2 n) ** 2
    return (
        squares / pairs,
        (spread - 2 * pairs * squares) / spread if spread else 1.0,
        spread / (4 * pairs * pairs),
        first / pairs,
        (spread - pairs * squares) / (pairs * pairs),
    )


def grey(image: RGBImage) -> NDArray[np.uint8]:
    """Return the grey levels of a picture, (height, width) uint8: (30 R + 59 G + 11 B) // 100.

    Notes
    -----
    What ``mahotas.colors.rgb2grey`` as uint8 gives, in whole numbers; there, where the sum is a whole number, rounding
    errors sometimes leave one less.
    """
    red, green, blue = (image[:, :, channel] for channel in range(3))
    mixed = red * np.uint16(30) + green * np.uint16(59) + blue * np.uint16(11)
    levels: NDArray[np.uint8] = (mixed // np.uint16(100)).astype(np.uint8)
    return levels


class Haralick:
    """Haralick's texture features: 13 numbers in each of 4 directions, 52 a picture, Euclidean distance.

    They tell how rough, regular and contrasty the surface of a picture is, not what it shows. The numbers have units
    of their own, from below 1 to thousands, so a library standardises them on its own pictures (mean 0, standard
    deviation 1) before a distance is taken. Each is computed in float64 and kept in float32, which leaves 7 digits;
    `lookalike.descriptors.haralick.haralick` returns them all.

    The picture is taken at full scale, since reducing it changes its texture; so two sizes of one picture differ.

    Paper: Haralick, Shanmugam and Dinstein, Textural features for image classification, IEEE Trans. SMC 3 (1973).
    Reference for our tests: mahotas 1.4 (MIT). There are no weights.
    """

    spec = DescriptorSpec(
        name="haralick",
        dim=52,
        metric="l2",
        preprocess="full scale; grey (30 R + 59 G + 11 B) // 100; symmetric co-occurrences of 256 levels at distance 1",
        source="Haralick, Shanmugam, Dinstein, Textural features for image classification, IEEE Trans. SMC 3 (1973)",
        licence="Apache-2.0 (our own code; no weights)",
        min_side=_LARGEST_JPEG,
        standardised=True,
    )

    def embed(self, images: Sequence[RGBImage]) -> NDArray[np.float32]:
        """Return one vector per picture, shape (n, 52) float32, not standardised; n may be 0. Inputs are untouched.

        Direction by direction: the first 13 numbers are those of the partner on the right.

        Raises
        ------
        ValueError
            If a picture is not (height, width, 3) uint8 with at least one pixel.
        """
        vectors = np.empty((len(images), self.spec.dim), np.float32)
        for row, image in enumerate(images):
            vectors[row] = haralick(grey(image)).reshape(-1)
        return vectors
