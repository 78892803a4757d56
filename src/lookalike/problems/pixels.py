"""What a picture's pixels say of its quality: blur, light, information, colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.types import RGBImage

__all__ = ["BLUR_SIDE", "LIGHT_SIDE", "PixelMeasures", "is_grey", "measure_pixels"]

BLUR_SIDE = 512
"""Longer side, in pixels, at which blur is measured: larger pictures are reduced to it."""

LIGHT_SIDE = 256
"""Longer side at which light and information are measured."""

_AGAIN = 1.0
"""Standard deviation, in pixels, of the blur that edges are compared with."""

_EDGE = 4.0
"""Least slope of an edge, in levels per pixel, after that blur: below, noise and blocks of JPEG pass for edges."""

_SHARPEST = 0.1
"""Part of the edges that is sharper than the one whose width is told."""

_FEWEST = 12
"""Edges that are needed to tell."""

_FEWEST_EACH = 30
"""Edges of one direction that are needed to tell of it, and ..."""

_LEAST_PART = 0.05
"""... the part of all edges that they must be."""

_BIN = 4
"""Levels of slope that information takes for one."""


@dataclass(frozen=True)
class PixelMeasures:
    """What `measure_pixels` found.

    Attributes
    ----------
    blur
        Standard deviation of the blur of the sharpest tenth of the edges, in that direction in which it is largest, in
        thousandths of the longer side (of 256 pixels where that is less: a smaller picture can be no sharper). None
        where there are too few edges to tell.
    highlight
        Level that the largest of red, green and blue stays below on 99 % of the area, 0 (black) to 1.
    shadow
        Level that the smallest of red, green and blue stays below on 1 % of the area, 0 to 1 (white).
    information
        Bits per pixel of the slopes, both directions together: 0 for a plain area.
    grey
        Whether red, green and blue are equal in every pixel.
    """

    blur: float | None
    highlight: float
    shadow: float
    information: float
    grey: bool


def measure_pixels(image: RGBImage) -> PixelMeasures:
    """Measure one picture.

    Parameters
    ----------
    image
        (height, width, 3) uint8, at least 1 x 1, upright or not; untouched. What is larger than 512 pixels on its
        longer side is reduced first, so that a photograph has the same measures whatever size it is saved at. A
        smaller picture is taken as it is.

    Raises
    ------
    UsageError
        If the array is no picture.

    Notes
    -----
    Blur: an edge that is blurred once more loses the less of its slope the more blurred it was; Zhuo and Sim, Defocus
    map estimation from a single image, Pattern Recognition 44 (2011). Its sharpest edges tell of a picture: one whose
    background alone is out of focus is sharp.

    Edges are taken in four directions apart, and the direction in which they are softest counts: a picture that was
    smeared along a line keeps its edges along it.

    Light: percentiles at 256 pixels. A picture is dark if even its lightest parts are, and bright if even its darkest
    are: a dark thing on white, or a light one on black, is neither. A pure red is not dark, nor a pure yellow bright.

    Information: the delentropy of Larkin, Reflections on Shannon information, arXiv:1609.01117: half the entropy of the
    joint histogram of slopes across and down, at 256 pixels, slopes in steps of 4 levels.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise UsageError(f"a picture is (height, width, 3) uint8, not {image.shape} {image.dtype}")
    work = _reduced(np.ascontiguousarray(image), BLUR_SIDE)
    small = _reduced(work, LIGHT_SIDE)
    red, green, blue = cv2.split(small)
    highlight = float(np.percentile(cv2.max(cv2.max(red, green), blue), 99)) / 255
    shadow = float(np.percentile(cv2.min(cv2.min(red, green), blue), 1)) / 255
    return PixelMeasures(_blur(_luma(work)), highlight, shadow, _information(_luma(small)), is_grey(image))


def _reduced(image: RGBImage, side: int) -> RGBImage:
    height, width = image.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _luma(image: RGBImage) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def is_grey(image: RGBImage) -> bool:
    """Return whether red, green and blue are equal in every pixel of a picture (height, width, 3)."""
    some = image[len(image) // 2]
    if not np.array_equal(some[:, 0], some[:, 1]):  # most pictures, at once
        return False
    red = image[..., 0]
    return bool(np.array_equal(red, image[..., 1]) and np.array_equal(red, image[..., 2]))


def _slopes(luma: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the gradient across and down, in levels per pixel."""
    across = cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _blur(luma: NDArray[np.float32]) -> float | None:
    if min(luma.shape) < 3:
        return None
    across, down = _slopes(np.asarray(cv2.GaussianBlur(luma, (0, 0), _AGAIN), np.float32))
    again = np.hypot(across, down)
    at = (again >= cv2.dilate(again, np.ones((3, 3), np.uint8))) & (again >= _EDGE)
    at[[0, -1]] = at[:, [0, -1]] = False
    if int(at.sum()) < _FEWEST:
        return None
    ratio = np.maximum(np.hypot(*(slope[at] for slope in _slopes(luma))) / again[at], 1.0001)
    widths = np.sqrt(_AGAIN**2 / (ratio**2 - 1))
    direction = np.rint(np.arctan2(down[at], across[at]) / (np.pi / 4)).astype(np.int64) % 4
    apart = [widths[direction == one] for one in range(4)]
    told = [some for some in apart if len(some) >= max(_FEWEST_EACH, _LEAST_PART * len(widths))] or [widths]
    widest = max(float(np.quantile(some, _SHARPEST)) for some in told)
    return float(widest * 1000 / max(*luma.shape, LIGHT_SIDE))


def _information(luma: NDArray[np.float32]) -> float:
    if min(luma.shape) < 3:
        return 0.0
    across = luma[1:-1, 2:] - luma[1:-1, :-2]
    down = luma[2:, 1:-1] - luma[:-2, 1:-1]
    steps = 2 * 255 // _BIN + 2
    cells = (np.rint(across / _BIN) + steps // 2) * steps + np.rint(down / _BIN) + steps // 2
    counts = np.bincount(cells.astype(np.int64).ravel())
    parts = counts[counts > 0] / cells.size
    return float(-(parts * np.log2(parts)).sum() / 2) + 0.0
