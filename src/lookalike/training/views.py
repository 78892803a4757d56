"""Random views of a picture, by which AugNet learns what makes it that picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.indexing import available_cores
from lookalike.types import RGBImage

__all__ = ["PUBLISHED_VIEWS", "Views", "view", "view_batches"]


@dataclass(frozen=True)
class Views:
    """How far a view departs from its picture; each change is drawn uniformly.

    Attributes
    ----------
    crop
        Least side of the square that is cut out, as a part of the whole.
    mirror
        Part of the views that are mirrored.
    shrink, least
        Part of the views that lose resolution, and how little may be left of it: they are shrunk to a part of their
        side before they are brought to it.
    rotate
        Degrees to either side; what comes in at the corners is black.
    hue
        To either side, in parts of 255 of the circle.
    saturation, add
        Bounds of what is added, of 255.
    multiply
        Bounds of what brightness is multiplied by, before `add`.
    """

    crop: float = 0.2
    mirror: float = 0.5
    shrink: float = 0.7
    least: float = 0.2
    rotate: float = 35.0
    hue: float = 25.0
    saturation: tuple[float, float] = (-150.0, 50.0)
    multiply: tuple[float, float] = (0.75, 1.25)
    add: tuple[float, float] = (-50.0, 50.0)


PUBLISHED_VIEWS = Views()


def view(image: RGBImage, side: int, how: Views, random: np.random.Generator) -> RGBImage:
    """Return a random view of a square picture.

    Parameters
    ----------
    image
        (height, height, 3) uint8, larger than `side` if views are not to be blurred.
    side
        Of the view, in pixels.
    how
        See `Views`.
    random
        Twelve numbers are taken from it, whatever is done.

    Returns
    -------
    RGBImage
        (side, side, 3) uint8. Brightness is the V of HSV; imgaug, which the published code uses, draws one of six
        colour spaces for it.
    """
    import cv2

    draw = random.random(12)
    whole = image.shape[0]
    cut = max(1, int(whole * (how.crop + (1 - how.crop) * draw[0])))
    top, left = int(draw[1] * (whole - cut + 1)), int(draw[2] * (whole - cut + 1))
    piece = image[top : top + cut, left : left + cut]
    small = max(1, int(side * (how.least + (1 - how.least) * draw[5]))) if draw[4] < how.shrink else side
    shrinks = cv2.INTER_AREA if small < cut else cv2.INTER_LINEAR
    piece = np.asarray(cv2.resize(piece, (small, small), interpolation=shrinks), np.uint8)
    # Back to `side`, mirrored and turned, in one go.
    angle = np.deg2rad(how.rotate * (2 * draw[6] - 1))
    scale = small / side
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if draw[3] < how.mirror:
        linear[0] = -linear[0]
    moved = np.full(2, (small - 1) / 2) - linear @ np.full(2, (side - 1) / 2)
    piece = np.asarray(
        cv2.warpAffine(
            piece, np.column_stack([linear, moved]), (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ),
        np.uint8,
    )
    return _recoloured(piece, how, draw[7:])


def _recoloured(image: RGBImage, how: Views, draw: NDArray[np.float64]) -> RGBImage:
    import cv2

    levels = np.arange(256, dtype=np.float64)
    hue = np.rint(how.hue * (2 * draw[0] - 1) * 180 / 255)  # OpenCV's circle has 180 steps
    table = np.empty((256, 3), np.uint8)
    table[:, 0] = (levels + hue) % 180
    table[:, 1] = np.clip(np.rint(levels + _between(how.saturation, draw[1])), 0, 255)
    table[:, 2] = np.clip(np.rint(levels * _between(how.multiply, draw[2]) + _between(how.add, draw[3])), 0, 255)
    hsv = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), table[None])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def _between(bounds: tuple[float, float], part: float) -> float:
    low, high = bounds
    return low + (high - low) * float(part)


def view_batches(
    images: NDArray[np.uint8],
    batches: Sequence[NDArray[np.intp]],
    count: int,
    side: int,
    how: Views,
    seed: int,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the views of each batch, the next one being made while one is in use.

    Parameters
    ----------
    images
        (n, height, height, 3) uint8.
    batches
        Rows of `images`, batch by batch.
    count
        Views of each picture.
    side, how
        See `view`.
    seed
        With a picture's row, decides its views, in whatever batch it is.

    Yields
    ------
    NDArray
        (n_rows, count, side, side, 3) uint8.
    """

    def views(row: int) -> NDArray[np.uint8]:
        random = np.random.default_rng([seed, row])
        return np.stack([view(images[row], side, how, random) for _ in range(count)])

    with ThreadPoolExecutor(available_cores()) as pool:

        def begin(rows: NDArray[np.intp]) -> list[Future[NDArray[np.uint8]]]:
            return [pool.submit(views, row) for row in rows.tolist()]

        ahead = begin(batches[0]) if batches else []
        for at in range(len(batches)):
            current, ahead = ahead, begin(batches[at + 1]) if at + 1 < len(batches) else []
            yield np.stack([future.result() for future in current])
