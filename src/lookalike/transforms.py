"""Pure functions on pictures: resize, crop, pad.

Every function takes and returns (height, width, 3) uint8 RGB and leaves its input untouched.
"""

from __future__ import annotations

import numpy as np

from lookalike.types import RGBImage

__all__ = ["centre_crop", "pad_square", "resize", "resize_short_side"]


def resize(image: RGBImage, height: int, width: int) -> RGBImage:
    """Return `image` at exactly (height, width), the aspect not kept.

    Pixel areas are averaged when both sides shrink, so that fine texture does not turn into moiré;
    otherwise neighbours are interpolated linearly.
    """
    if image.shape[:2] == (height, width):
        return image
    import cv2

    shrinks = height <= image.shape[0] and width <= image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def resize_short_side(image: RGBImage, side: int) -> RGBImage:
    """Return `image` with its shorter side at `side` pixels and its aspect kept to the pixel."""
    height, width = image.shape[:2]
    factor = side / min(height, width)
    return resize(image, max(side, round(height * factor)), max(side, round(width * factor)))


def centre_crop(image: RGBImage, height: int, width: int) -> RGBImage:
    """Return the central (height, width) of `image`.

    Raises
    ------
    ValueError
        If the picture is smaller than the crop.
    """
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    if top < 0 or left < 0:
        raise ValueError(
            f"a crop of {height} x {width} does not fit in a picture of {image.shape[0]} x {image.shape[1]}"
        )
    return image[top : top + height, left : left + width]


def pad_square(image: RGBImage, fill: int = 127) -> RGBImage:
    """Return `image` centred in a square of its longer side, the rest grey at level `fill`."""
    height, width = image.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), fill, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square
