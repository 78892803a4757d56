"""Edits that move pixels: scaled, cropped, turned, mirrored, seen from the side."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.edits.canvas import Edit, Random, between, either, saved_again, scaled, warped
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = ["GEOMETRY", "quad"]

_LARGEST = 32_000_000  # pixels to which a picture is enlarged at most
_SMALLEST = 48  # pixels of the longer side to which one is reduced at most


def resize_down(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Reduce both sides."""
    factor = (0.7, 0.4, 0.22)[level] * between(random, 0.93, 1.07)
    longest = max(image.shape[:2])
    return scaled(image, max(factor, min((0.9, 0.7, 0.5)[level], _SMALLEST / longest)))


def resize_up(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Enlarge both sides."""
    factor = (1.3, 1.8, 3.0)[level] * between(random, 0.95, 1.05)
    limit = float(np.sqrt(_LARGEST / (image.shape[0] * image.shape[1])))
    factor = max(min(factor, limit), 1.1)
    height, width = round(image.shape[0] * factor), round(image.shape[1] * factor)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def aspect(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Squeeze one side."""
    factor = (0.87, 0.72, 0.55)[level]
    height, width = image.shape[:2]
    if random.random() < 0.5:
        return resize(image, height, max(1, round(width * factor)))
    return resize(image, max(1, round(height * factor)), width)


def square(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Squeeze to a square, ever smaller."""
    del random
    height, width = image.shape[:2]
    side = max(1, round(float(np.sqrt(height * width)) * (0.9, 0.6, 0.4)[level]))
    return resize(image, side, side)


def _cut(image: RGBImage, height: float, width: float, down: float, right: float) -> RGBImage:
    """Return the part with `height` and `width` of the picture's sides, at `down` and `right` of what is left."""
    rows, columns = max(1, round(image.shape[0] * height)), max(1, round(image.shape[1] * width))
    top, left = round((image.shape[0] - rows) * down), round((image.shape[1] - columns) * right)
    return image[top : top + rows, left : left + columns]


def crop_corner(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Keep one corner."""
    side = float(np.sqrt((0.75, 0.55, 0.35)[level]))
    corner = int(random.integers(4))
    stretch = between(random, 0.93, 1.07)
    return _cut(image, side * stretch, side / stretch, corner // 2, corner % 2)


def crop_centre(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Keep the middle, or nearly the middle."""
    side = float(np.sqrt((0.7, 0.45, 0.25)[level]))
    return _cut(image, side, side, between(random, 0.35, 0.65), between(random, 0.35, 0.65))


def crop_strip(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Keep a strip from side to side, or from top to bottom."""
    part = (0.7, 0.5, 0.35)[level]
    place = between(random, 0.2, 0.8)
    return _cut(image, part, 1, place, 0) if random.random() < 0.5 else _cut(image, 1, part, 0, place)


def _turn(image: RGBImage, degrees: float) -> tuple[NDArray[np.float64], int, int]:
    """Return the matrix that turns a picture into a frame that just holds it, and that frame's height and width."""
    height, width = image.shape[:2]
    cos, sin = abs(np.cos(np.deg2rad(degrees))), abs(np.sin(np.deg2rad(degrees)))
    tall, wide = max(1, round(width * sin + height * cos)), max(1, round(width * cos + height * sin))
    matrix = np.vstack([cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0), [0, 0, 1]])
    matrix[:2, 2] += ((wide - width) / 2, (tall - height) / 2)
    return matrix, tall, wide


def rotate_black(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn by any angle, with black corners."""
    low, high = ((4, 15), (15, 45), (45, 175))[level]
    return warped(image, *_turn(image, either(random) * between(random, low, high)))


def rotate_inside(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn by any angle and keep the largest rectangle without a corner of the background."""
    low, high = ((3, 8), (8, 20), (20, 45))[level]
    degrees = either(random) * between(random, low, high)
    quarter = 90 * int(random.integers(4))
    angle = np.deg2rad(abs(degrees))
    if level == 2:
        degrees += quarter
    height, width = image.shape[:2]
    matrix, tall, wide = _turn(image, degrees)
    long, short, sin, cos = max(height, width), min(height, width), float(np.sin(angle)), float(np.cos(angle))
    if short <= 2 * sin * cos * long or abs(sin - cos) < 1e-6:
        inner_long, inner_short = short / 2 / sin, short / 2 / cos
    else:
        spread = cos * cos - sin * sin
        inner_long, inner_short = (long * cos - short * sin) / spread, (short * cos - long * sin) / spread
    lies = (width >= height) == (level < 2 or quarter % 180 == 0)
    columns, rows = (inner_long, inner_short) if lies else (inner_short, inner_long)
    rows, columns = max(1, int(rows) - 1), max(1, int(columns) - 1)
    matrix[:2, 2] -= ((wide - columns) / 2, (tall - rows) / 2)
    return warped(image, matrix, rows, columns, None)


def tilt(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn by a few degrees in the same frame, as a crooked scan: white wedges at the sides."""
    low, high = ((0.8, 2), (2, 4), (4, 8))[level]
    height, width = image.shape[:2]
    degrees = either(random) * between(random, low, high)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return warped(image, np.vstack([matrix, [0, 0, 1]]), height, width, (255, 255, 255))


def quarter_turn(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn to the left or to the right."""
    return saved_again(np.ascontiguousarray(np.rot90(image, either(random))), level)


def half_turn(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn upside down."""
    del random
    return saved_again(np.ascontiguousarray(image[::-1, ::-1]), level)


def mirror(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Mirror left to right."""
    del random
    return saved_again(np.ascontiguousarray(image[:, ::-1]), level)


def mirror_upside(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Mirror top to bottom."""
    del random
    return saved_again(np.ascontiguousarray(image[::-1]), level)


def quad(height: int, width: int, reach: float, random: Random) -> NDArray[np.float64]:
    """Return where the corners of a frame come to lie when it is seen from the side, (4, 2) x and y.

    Clockwise from the top left, all within the frame. One side goes away by about `reach` of the frame's sides.
    """
    away = int(random.integers(4))
    inward = np.empty((4, 2))
    for corner in range(4):
        far = corner in (away, (away + 1) % 4)
        inward[corner] = reach * (0.75 + 0.25 * random.random(2)) if far else reach * 0.2 * random.random(2)
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float64)
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
    return corners + signs * inward * (width, height)


def perspective(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Show it from the side, on black, on white or on grey."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
    shade = (0, 255, 128)[int(random.integers(3))]
    seen = quad(height, width, (0.07, 0.15, 0.26)[level], random).astype(np.float32)
    if min(height, width) < 4:
        return saved_again(image, 2)
    matrix = np.asarray(cv2.getPerspectiveTransform(corners, seen), np.float64)
    return warped(image, matrix, height, width, (shade, shade, shade))


GEOMETRY: dict[str, Edit] = {
    "resize-down": resize_down,
    "resize-up": resize_up,
    "aspect": aspect,
    "square": square,
    "crop-corner": crop_corner,
    "crop-centre": crop_centre,
    "crop-strip": crop_strip,
    "rotate-black": rotate_black,
    "rotate-inside": rotate_inside,
    "tilt": tilt,
    "quarter-turn": quarter_turn,
    "half-turn": half_turn,
    "mirror": mirror,
    "mirror-upside": mirror_upside,
    "perspective": perspective,
}
