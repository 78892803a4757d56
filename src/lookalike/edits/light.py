"""Edits of light and colour."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.edits.canvas import Edit, Random, between, either, saved_again, table
from lookalike.types import RGBImage

__all__ = ["LIGHT"]

_LUMA = np.array([0.299, 0.587, 0.114])
_LEVELS = np.arange(256, dtype=np.float64)


def _mixed(image: RGBImage, matrix: NDArray[np.float64]) -> RGBImage:
    """Return a picture whose channels are mixed by `matrix` (3, 3)."""
    return np.asarray(cv2.transform(np.ascontiguousarray(image), matrix), np.uint8)


def _way(image: RGBImage, random: Random) -> int:
    """Return 1 to brighten, -1 to darken: by lot, but never a bright picture brighter or a dark one darker."""
    drawn = either(random)
    mean = float(image[:: max(1, image.shape[0] // 64), :: max(1, image.shape[1] // 64)].mean())
    return 1 if mean < 90 else -1 if mean > 165 else drawn


def brightness(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Multiply all levels."""
    factor = (1.25, 1.55, 2.1)[level] * between(random, 0.95, 1.05)
    return table(image, _LEVELS * factor ** _way(image, random))


def contrast(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Spread levels from the mean, or bring them near to it."""
    factor = (1.3, 1.8, 2.6)[level] * between(random, 0.95, 1.05)
    mean = float(np.asarray(cv2.mean(np.ascontiguousarray(image))[:3]) @ _LUMA)
    return table(image, mean + (_LEVELS - mean) * factor ** either(random))


def gamma(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Bend the curve of levels."""
    power = (1.3, 1.8, 2.6)[level] * between(random, 0.95, 1.05)
    return table(image, 255 * (_LEVELS / 255) ** (power ** -_way(image, random)))


def cast(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Tint: one channel up, another down."""
    reach = (0.12, 0.28, 0.5)[level]
    up, down, third = random.permutation(3)
    gains = np.ones(3)
    gains[up], gains[down], gains[third] = 1 + reach * 0.8, 1 - reach, 1 - reach * between(random, 0, 0.6)
    return table(image, _LEVELS[:, None] * gains)


def saturation(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Make colours stronger or weaker."""
    factor = (1.5, 2.3, 3.5)[level] if random.random() < 0.5 else (0.65, 0.4, 0.18)[level]
    return _mixed(image, factor * np.eye(3) + (1 - factor) * np.tile(_LUMA, (3, 1)))


def hue(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn the wheel of colours."""
    low, high = ((12, 25), (30, 70), (80, 180))[level]
    angle = np.deg2rad(either(random) * between(random, low, high))
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    wheel = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    return _mixed(image, np.linalg.inv(to_yiq) @ wheel @ to_yiq)


def grey(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Take colours away; strong: with more contrast, too."""
    del random
    part = (0.7, 1.0, 1.0)[level]
    plain = _mixed(image, (1 - part) * np.eye(3) + part * np.tile(_LUMA, (3, 1)))
    return table(plain, 128 + (_LEVELS - 120) * 1.7) if level == 2 else plain


def sepia(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Brown, as an old print; strong: faded, too."""
    del random
    part = (0.5, 1.0, 1.0)[level]
    brown = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]) * 0.9
    aged = _mixed(image, (1 - part) * np.eye(3) + part * brown)
    return table(aged, 60 + _LEVELS * 0.65) if level == 2 else aged


def negative(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Turn levels about."""
    del random
    return saved_again(255 - image, level)


def posterise(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Leave a few levels of each channel."""
    del random
    steps = (8, 5, 3)[level]
    return table(image, np.floor(_LEVELS * steps / 256) * 255 / (steps - 1))


def equalise(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Make all levels equally frequent: place by place, then over the picture, then channel by channel."""
    del random
    if level == 2:
        return np.dstack([cv2.equalizeHist(np.ascontiguousarray(image[..., channel])) for channel in range(3)])
    luma = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2YCrCb)
    first = np.ascontiguousarray(luma[..., 0])
    luma[..., 0] = cv2.createCLAHE(1.6, (8, 8)).apply(first) if level == 0 else cv2.equalizeHist(first)
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB), np.uint8)


def vignette(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Darken towards the corners."""
    height, width = image.shape[:2]
    y = (np.arange(height, dtype=np.float32) + 0.5) / height - np.float32(between(random, 0.45, 0.55))
    x = (np.arange(width, dtype=np.float32) + 0.5) / width - np.float32(between(random, 0.45, 0.55))
    far = np.minimum((y[:, None] ** 2 + x[None] ** 2) * 2, 1)  # 0 in the middle, 1 in the corners
    shade = 1 - np.float32((0.45, 0.7, 0.95)[level]) * far ** np.float32((1.0, 0.8, 0.6)[level])
    return np.asarray(np.rint(image * shade[..., None]), np.uint8)


def faded(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Look of a filter: blacks lifted, whites lowered, shadows and lights tinted."""
    lift = (25, 50, 80)[level]
    curve = lift + _LEVELS * (255 - 1.5 * lift) / 255
    tint = random.uniform(-1, 1, 3) * (8, 18, 30)[level]
    return table(image, curve[:, None] + tint * (1 - 2 * _LEVELS[:, None] / 255))


LIGHT: dict[str, Edit] = {
    "brightness": brightness,
    "contrast": contrast,
    "gamma": gamma,
    "cast": cast,
    "saturation": saturation,
    "hue": hue,
    "grey": grey,
    "sepia": sepia,
    "negative": negative,
    "posterise": posterise,
    "equalise": equalise,
    "vignette": vignette,
    "faded": faded,
}
