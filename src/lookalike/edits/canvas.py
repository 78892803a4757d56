"""What all edits draw with: scaling, warping, blurring, saving again, writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from lookalike.errors import UsageError
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = [
    "SCREEN",
    "Colour",
    "Edit",
    "Joint",
    "Pen",
    "Random",
    "between",
    "blurred",
    "bounded",
    "cover",
    "either",
    "finish",
    "font",
    "fractions",
    "jpeg",
    "lay",
    "noise",
    "not_negative",
    "saved_again",
    "scaled",
    "table",
    "warped",
]

Random: TypeAlias = np.random.Generator

Colour: TypeAlias = tuple[int, int, int]

Edit: TypeAlias = Callable[[RGBImage, int, Random], RGBImage]
"""Takes a picture, a level (0 weak, 1 middle, 2 strong) and a source of chance. The input is never written to."""

Joint: TypeAlias = Callable[[RGBImage, int, Random, Sequence[RGBImage]], RGBImage]
"""An edit that also takes other pictures, at least one."""

SCREEN = 4_000_000
"""Pixels to which a picture is reduced before it is put upon a page, a screen or a collage: none has more room."""

_LONGER = 320  # pixels of the longer side for which widths of blur, noise and drift are told


def fractions(image: RGBImage) -> float:
    """Return how many times longer a picture's longer side is than 320 pixels: the scale of what is told for these."""
    return float(max(image.shape[:2])) / _LONGER


def between(random: Random, low: float, high: float) -> float:
    """Return a number drawn evenly from low to high."""
    return float(low + (high - low) * random.random())


def either(random: Random) -> int:
    """Return -1 or 1, drawn by lot."""
    return 1 if random.random() < 0.5 else -1


def scaled(image: RGBImage, factor: float) -> RGBImage:
    """Return a picture with both sides times `factor`, each at least 1 pixel."""
    height, width = image.shape[:2]
    return resize(image, max(1, round(height * factor)), max(1, round(width * factor)))


def bounded(image: RGBImage, pixels: int = SCREEN) -> RGBImage:
    """Return a picture with no more than about `pixels` pixels: itself, or reduced."""
    count = image.shape[0] * image.shape[1]
    return image if count <= pixels else scaled(image, float(np.sqrt(pixels / count)))


def cover(image: RGBImage, height: int, width: int) -> RGBImage:
    """Return the middle of a picture, scaled so that it fills (height, width) with its aspect kept."""
    rows, columns = image.shape[:2]
    factor = max(height / rows, width / columns)
    tall, wide = min(rows, max(1, round(height / factor))), min(columns, max(1, round(width / factor)))
    top, left = (rows - tall) // 2, (columns - wide) // 2
    return resize(image[top : top + tall, left : left + wide], height, width)


def warped(
    image: RGBImage, matrix: NDArray[np.float64], height: int, width: int, fill: Colour | None = (0, 0, 0)
) -> RGBImage:
    """Return a picture moved by `matrix` (3, 3), which takes its pixels to those of the result.

    What comes in from beyond its borders has the colour `fill`, or is its reflection if that is None.
    """
    # Where it shrinks, pixels between the samples would be passed over: reduce before, by areas.
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if 0 < shrink < 0.7:
        small = scaled(image, shrink)
        ratio = np.diag([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0], 1.0])
        image, matrix = small, matrix @ ratio
    border = cv2.BORDER_REFLECT_101 if fill is None else cv2.BORDER_CONSTANT
    value = (0, 0, 0) if fill is None else fill
    moved = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=value
    )
    return np.asarray(moved, np.uint8)


def blurred(image: RGBImage, sigma: float) -> RGBImage:
    """Return a picture under a Gaussian of `sigma` pixels; wide ones are worked at a reduced size."""
    if sigma > 6:
        small = scaled(image, 3 / sigma)
        part = small.shape[0] / image.shape[0]
        soft = cv2.GaussianBlur(small, (0, 0), max(sigma * part, 0.5))
        return np.asarray(cv2.resize(soft, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1)), np.uint8)


def jpeg(image: RGBImage, quality: int) -> RGBImage:
    """Return a picture as it is after it was saved as a JPEG."""
    done, packed = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:  # longer than the 65,535 pixels that the format allows
        return image.copy()
    return np.ascontiguousarray(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def saved_again(image: RGBImage, level: int) -> RGBImage:
    """Return a picture as it is, as a JPEG of quality 75, or of 35: for edits that have no strength of their own."""
    return image if level == 0 else jpeg(image, (95, 75, 35)[level])


def table(image: RGBImage, values: NDArray[np.floating]) -> RGBImage:
    """Return a picture whose levels are looked up: `values` has shape (256,), or (256, 3) for one table a channel."""
    levels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(np.ascontiguousarray(image), levels.reshape(1, 256, -1)), np.uint8)


def noise(image: RGBImage, sigma: float, random: Random) -> RGBImage:
    """Return a picture with Gaussian noise of `sigma` levels added, each channel its own."""
    grain = random.standard_normal(image.shape, np.float32)
    grain *= np.float32(sigma)
    grain += image
    np.rint(grain, out=grain)
    return np.clip(grain, 0, 255, out=grain).astype(np.uint8)


def lay(canvas: RGBImage, patch: RGBImage, top: int, left: int, mask: NDArray[np.float32] | float = 1.0) -> None:
    """Write `patch` upon `canvas` in place, where they meet, by `mask` (height, width) of 0 to 1 or one number."""
    height, width = patch.shape[:2]
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + height, canvas.shape[0]), min(left + width, canvas.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    inner = patch[y0 - top : y1 - top, x0 - left : x1 - left]
    if isinstance(mask, float) and mask >= 1:
        canvas[y0:y1, x0:x1] = inner
        return
    part = mask if isinstance(mask, float) else mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    under = canvas[y0:y1, x0:x1].astype(np.float32)
    canvas[y0:y1, x0:x1] = np.rint(under + (inner.astype(np.float32) - under) * np.float32(1) * part).astype(np.uint8)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's own scalable font at a size in pixels, at least 5."""
    found = ImageFont.load_default(max(5, size))
    assert isinstance(found, ImageFont.FreeTypeFont), "Pillow is built without FreeType"
    return found


class Pen:
    """Pillow's drawing upon a copy of an array; `done` gives the picture."""

    def __init__(self, image: RGBImage) -> None:
        self._image = Image.fromarray(np.ascontiguousarray(image))
        self.draw = ImageDraw.Draw(self._image)

    def done(self) -> RGBImage:
        """Return the picture as it is now."""
        return np.array(self._image, np.uint8)


def not_negative(what: str, number: int) -> None:
    """Raise UsageError if a number is below 0."""
    if number < 0:
        raise UsageError(f"{what} is 0 or more, not {number}")


def finish(image: RGBImage, *inputs: RGBImage) -> RGBImage:
    """Return a picture as one contiguous piece of memory of its own."""
    whole = np.ascontiguousarray(image, np.uint8)
    return whole.copy() if any(np.shares_memory(whole, given) for given in inputs) else whole
