"""What was done to a picture, in words, by how it lies upon the other one and by what has changed there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.duplicates.verify.frame import scale_at, side_by_side
from lookalike.duplicates.verify.pair import Look, Measured

__all__ = ["Changes", "changes", "framing", "in_words", "percent"]

Floats = NDArray[np.float64]

WHOLE = 0.95
"""Share of a picture's area from which on all of it is held to be there: outlines are known to a pixel or two."""


@dataclass(frozen=True)
class Changes:
    """How picture a differs from picture b where they overlap, and how it lies.

    Attributes
    ----------
    turn
        Degrees by which a is turned against b, counter-clockwise, -180 to 180; after mirroring, if it is mirrored.
    stretch
        Ratio of the larger to the smaller side ratio: 1 where the aspect is kept.
    perspective
        How much the scale differs between two sides of the picture: 1 for none.
    scale
        Pixels of a by pixels of b, at full size.
    brightness, contrast
        Grey levels added, and by which factor they are spread, from b to a.
    saturation
        Mean saturation of a by that of b; None where b has no colour.
    grey_a, grey_b
        Whether all pixels are grey.
    hue
        Degrees by which colours are turned; 0 where there is little colour.
    sharpness
        Finest detail of a by that of b; below 1 for a blurred one.
    noise_a, noise_b
        Standard deviation of the noise of either.
    """

    turn: float
    stretch: float
    perspective: float
    scale: float
    brightness: float
    contrast: float
    saturation: float | None
    grey_a: bool
    grey_b: bool
    hue: float
    sharpness: float
    noise_a: float
    noise_b: float

    def turned_about(self, mirrored: bool) -> Changes:
        """Return how b differs from a; `mirrored` is whether one is so in the other."""
        return Changes(
            turn=self.turn if mirrored else -self.turn, stretch=self.stretch, perspective=self.perspective,
            scale=1 / self.scale, brightness=-self.brightness, contrast=1 / max(self.contrast, 1e-3),
            saturation=None if self.saturation is None else 1 / max(self.saturation, 1e-3),
            grey_a=self.grey_b, grey_b=self.grey_a, hue=-self.hue, sharpness=1 / max(self.sharpness, 1e-3),
            noise_a=self.noise_b, noise_b=self.noise_a,
        )  # fmt: skip


def changes(a: Look, b: Look, measured: Measured, size_a: tuple[int, int], size_b: tuple[int, int]) -> Changes | None:
    """Measure what has changed from `b` to `a`; None where they were not aligned.

    Parameters
    ----------
    a, b, measured
        As `measure` took and gave them.
    size_a, size_b
        (width, height) of the pictures at full size.
    """
    if measured.alignment is None:
        return None
    transform = measured.alignment.transform
    laid = side_by_side(a.picture, b.picture, transform)
    if laid is None:
        return None
    one, two, mask = laid
    to_full_a = np.array([size_a[0] / a.features.width, size_a[1] / a.features.height])
    to_full_b = np.array([size_b[0] / b.features.width, size_b[1] / b.features.height])
    full = np.diag([*to_full_b, 1]) @ transform @ np.diag([*(1 / to_full_a), 1])
    width, height = size_a
    linear = _jacobian(full, np.array([width / 2, height / 2, 1.0]))
    if measured.mirrored:
        linear = linear @ np.diag([-1.0, 1.0])
    large, small = np.linalg.svd(linear, compute_uv=False)
    angle = np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    sides = [scale_at(full, np.array([x * width, y * height, 1.0])) for x, y in ((0, 0), (1, 0), (0, 1), (1, 1))]
    plane_one, plane_two = _grey(one), _grey(two)
    grey_one, grey_two = plane_one[mask], plane_two[mask]
    spread = max(float(grey_two.std()), 1.0)
    mean_a, mean_b = float(grey_one.mean()), float(grey_two.mean())
    colour_a, colour_b = _colour(one[mask]), _colour(two[mask])
    size_one, size_two = np.hypot(*colour_a.T).mean(), np.hypot(*colour_b.T).mean()
    turned = complex(np.mean((colour_a[:, 0] + 1j * colour_a[:, 1]) * (colour_b[:, 0] - 1j * colour_b[:, 1])))
    return Changes(
        turn=float(angle), stretch=float(large / max(small, 1e-9)),
        perspective=float(max(sides) / max(min(sides), 1e-9)),
        scale=float(1 / np.sqrt(max(large * small, 1e-12))),
        brightness=mean_a - mean_b, contrast=float(grey_one.std()) / spread,
        saturation=float(size_one / size_two) if size_two > 4 else None,
        grey_a=_is_grey(a.picture), grey_b=_is_grey(b.picture),
        hue=float(np.degrees(np.angle(turned))) if min(size_one, size_two) > 8 else 0.0,
        sharpness=_detail(plane_one, mask) / max(_detail(plane_two, mask), 1e-3),
        noise_a=_grain(plane_one, mask), noise_b=_grain(plane_two, mask),
    )  # fmt: skip


def framing(a: Look, b: Look, measured: Measured) -> int:
    """Return 1 if a is b with something plain around it, such as a border or a caption; -1 if b is a so; else 0."""
    alignment = measured.alignment
    if alignment is None:
        return 0
    for one, share, other, to_other, sign in (
        (a, alignment.share_a, alignment.share_b, alignment.transform, 1),
        (b, alignment.share_b, alignment.share_a, np.asarray(np.linalg.inv(alignment.transform), np.float64), -1),
    ):
        if share < WHOLE <= other and _plain_outside(one.picture, (b if sign > 0 else a).picture, to_other):
            return sign
    return 0


def in_words(measured: Measured, found: Changes, framed: int = 0) -> tuple[str, ...]:
    """Say what makes a out of b: "cropped to 52 %", "mirrored", ...; nothing where nothing is to be seen.

    `framed` is as `framing` gives it.
    """
    alignment = measured.alignment
    if alignment is None:
        return ()
    return (*_geometry(measured, found, framed), *_light(measured, found), *_surface(measured, found))


def percent(part: float) -> str:
    """Return a part in words: "52 %"."""
    return f"{100 * part:.0f} %"


def _geometry(measured: Measured, found: Changes, framed: int) -> list[str]:
    words = []
    alignment = measured.alignment
    assert alignment is not None
    mine, other = alignment.share_a, alignment.share_b
    if framed:
        words.append("with a border or frame" if framed > 0 else "without a border or frame")
    elif other < WHOLE and mine >= WHOLE:
        words.append(f"cropped to {percent(other)}")
    elif mine < WHOLE <= other:
        words.append(f"with more around it: the other picture fills {percent(mine)} of it")
    elif mine < WHOLE and other < WHOLE and abs(found.turn) % 90 < 2:
        words.append(f"sharing {percent(mine)} of it")
    if measured.mirrored:
        words.append("mirrored")
    turn = round(found.turn)
    if abs(turn) >= 1:
        words.append(f"turned by {abs(turn)} degrees" + ("" if abs(turn) == 180 else " left" if turn > 0 else " right"))
    if found.perspective > 1.12:
        words.append("seen at a slant")
    elif found.stretch > 1.04:
        words.append(f"stretched by {percent(found.stretch - 1)}")
    if abs(np.log(found.scale)) > 0.03:
        words.append(f"resized to {percent(found.scale)}")
    return words


def _light(measured: Measured, found: Changes) -> list[str]:
    if measured.negative:
        return ["a negative"]
    words = []
    if found.grey_a and not found.grey_b:
        words.append("in grey")
    elif found.grey_b and not found.grey_a:
        words.append("in colour instead of grey")
    elif found.saturation is not None and not 0.75 < found.saturation < 1.35:
        words.append("paler colours" if found.saturation < 1 else "stronger colours")
    if abs(found.hue) > 15:
        words.append("other colours")
    if abs(found.brightness) > 10:
        words.append("brighter" if found.brightness > 0 else "darker")
    if not 0.8 < found.contrast < 1.25:
        words.append("less contrast" if found.contrast < 1 else "more contrast")
    return words


def _surface(measured: Measured, found: Changes) -> list[str]:
    words = []
    alignment = measured.alignment
    assert alignment is not None
    if found.noise_a > 2 * found.noise_b + 3:
        words.append("noise added")
    elif found.sharpness < 0.55:
        words.append("blurred")
    elif found.sharpness > 1.8:
        words.append("sharper")
    if alignment.differing > 0.06:
        words.append(f"{percent(alignment.differing)} of what is shared is covered or changed")
    return words


def _plain_outside(picture: NDArray[np.uint8], other: NDArray[np.uint8], to_other: Floats) -> bool:
    """Say whether most of what a picture has beyond another one is of one colour, or of two, as a caption is."""
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    there = np.stack([x, y, np.ones_like(x)], axis=-1).astype(np.float64) @ to_other.T
    u, v = there[..., 0] / there[..., 2], there[..., 1] / there[..., 2]
    edge = 3  # pixels of the outline, where both mix
    outside = (u < -edge) | (v < -edge) | (u > other.shape[1] - 1 + edge) | (v > other.shape[0] - 1 + edge)
    if outside.sum() < 20:
        return False
    values = picture[outside].astype(np.int16)
    middle = np.median(values, axis=0)
    return bool((np.abs(values - middle).max(1) <= 14).mean() > 0.6)


def _jacobian(transform: Floats, point: Floats) -> Floats:
    w = float(transform[2] @ point)
    there = transform @ point / w
    result: Floats = (transform[:2, :2] - np.outer(there[:2], transform[2, :2])) / w
    return result


def _colour(pixels: NDArray[np.float32]) -> Floats:
    """Return each pixel's colour as a point in a plane, grey at 0: (n, 2)."""
    red, green, blue = pixels.T.astype(np.float64)
    return np.column_stack([red - (green + blue) / 2, np.sqrt(3) / 2 * (green - blue)])


def _grey(image: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.transform(image, np.full((1, 3), 1 / 3, np.float32)), np.float32)


def _is_grey(picture: NDArray[np.uint8]) -> bool:
    """Say whether all but a hundredth of the pixels are grey, give or take 6 levels."""
    import cv2

    red, green, blue = cv2.split(picture)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return int(np.count_nonzero(spread > 6)) <= 0.01 * spread.size


def _detail(grey: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the strength of the finest detail, relative to the contrast of the whole."""
    import cv2

    fine = grey - cv2.GaussianBlur(grey, (0, 0), 1.2)
    return float(fine[mask].std()) / max(float(grey[mask].std()), 1.0)


def _grain(grey: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = np.abs(cv2.filter2D(grey, -1, kernel))
    return float(np.median(found[mask])) / 6 / 0.6745
