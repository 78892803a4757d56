"""Two pictures laid upon each other as their evidence says: outlines of what they share, overlay, difference.

Pure functions on arrays. Coordinates are pixel centres: the first pixel of a picture reaches from -.5 to .5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.local import SIDE
from lookalike.results import Evidence
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = ["PairViews", "Shared", "heated", "marked", "on_picture", "pair_views", "shared_region", "spread"]

Floats = NDArray[np.float64]

_PAPER = np.array([250, 249, 246], np.float32)
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_WHOLE = 0.985
"""Part of a picture from which on it is taken for all of it."""

_NOISE, _MOST = 12.0, 80.0
"""Levels of 255: what differs less is noise, what differs more is coloured as much as can be."""

_DOTS = 24
"""Matches that are marked at most in either picture, spread over it, each by a colour of its own."""

# From hardly different to quite another: light to dark, so that it can be read in grey, too.
_SCALE = np.array([(255, 221, 120), (250, 150, 40), (222, 66, 50), (120, 16, 80)], np.float32)


@dataclass(frozen=True)
class Shared:
    """What two pictures share, in pixels of their working pictures.

    Attributes
    ----------
    transform
        (3, 3) of a to b.
    size_a, size_b
        (height, width) of the working pictures.
    outline_a, outline_b
        (n, 2) corners of the region that both show, n at least 3.
    """

    transform: Floats
    size_a: tuple[int, int]
    size_b: tuple[int, int]
    outline_a: Floats
    outline_b: Floats


@dataclass(frozen=True)
class PairViews:
    """A pair as small pictures: those of one frame are of one size.

    Attributes
    ----------
    a, b
        Both pictures with the outline of what they share, the rest faded, and dots where they match.
    overlay
        a laid upon b, half and half; a negative turned back. The rest of b is faded.
    turns
        a and b in turn, as on a chequerboard.
    difference
        Where b is other than a, after brightness and colours of a were brought to those of b; coloured upon b in grey.
    zoomed
        The last three show a part of b, since what is shared is small.
    """

    a: RGBImage
    b: RGBImage
    overlay: RGBImage
    turns: RGBImage
    difference: RGBImage
    zoomed: bool


def shared_region(evidence: Evidence, full_a: tuple[int, int], full_b: tuple[int, int]) -> Shared | None:
    """Return what two pictures share, or None where the evidence has no transform that can be drawn.

    Parameters
    ----------
    evidence
        Of a against b.
    full_a, full_b
        (height, width) of the pictures when they were verified, not of thumbnails.
    """
    size_a, size_b = _working_size(full_a), _working_size(full_b)
    transform = evidence.transform
    if transform is None or not np.isfinite(transform).all() or abs(np.linalg.det(transform)) < 1e-12:
        return None
    outline_b = _outline(transform, size_a, size_b)
    outline_a = _outline(np.asarray(np.linalg.inv(transform), np.float64), size_b, size_a)
    if outline_a is None or outline_b is None:
        return None
    return Shared(np.asarray(transform, np.float64), size_a, size_b, outline_a, outline_b)


def on_picture(points: Floats, size: tuple[int, int], shape: tuple[int, ...]) -> Floats:
    """Return where points (n, 2) of a working picture of `size` lie on the picture drawn with `shape`."""
    factor = np.array([shape[1] / size[1], shape[0] / size[0]])
    return np.asarray((np.asarray(points, np.float64).reshape(-1, 2) + 0.5) * factor - 0.5, np.float64)


def spread(points: Floats, count: int) -> NDArray[np.intp]:
    """Return up to `count` of the points (n, 2), each as far from those before it as can be; ties: the first."""
    points = np.asarray(points, np.float64).reshape(-1, 2)
    if not len(points) or count < 1:
        return np.empty(0, np.intp)
    chosen = [int(np.argmin(np.hypot(*(points - points.mean(0)).T)))]
    near = np.hypot(*(points - points[chosen[0]]).T)
    while len(chosen) < min(count, len(points)) and near.max() > 0:
        chosen.append(int(np.argmax(near)))
        near = np.minimum(near, np.hypot(*(points - points[chosen[-1]]).T))
    return np.array(chosen, np.intp)


def marked(image: RGBImage, outline: Floats) -> RGBImage:
    """Return a picture with a line around a region, in the picture's own pixels, and all else faded.

    Where the region is the whole picture, it stays as it is.
    """
    import cv2

    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_fixed(outline)], 255, cv2.LINE_AA, 4)
    if mask.mean() > _WHOLE * 255:
        return image.copy()
    part = (mask.astype(np.float32) / 255 * 0.62 + 0.38)[..., None]
    drawn = np.asarray(np.rint(image * part + _PAPER * (1 - part)), np.uint8)
    # Within the edges, so that the whole line is seen.
    inside = np.clip(outline, 1, np.maximum(np.array(image.shape[1::-1], np.float64) - 2, 1))
    for colour, width in (((20, 20, 20), 4), ((255, 255, 255), 2)):
        cv2.polylines(drawn, [_fixed(inside)], True, colour, width, cv2.LINE_AA, 4)
    return drawn


def heated(grey: NDArray[np.float32], levels: NDArray[np.float32]) -> RGBImage:
    """Return grey levels (height, width) coloured by how many of 255 levels each place differs."""
    amount = np.clip((levels - _NOISE) / (_MOST - _NOISE), 0, 1)
    at = amount * (len(_SCALE) - 1)
    low = np.minimum(at.astype(np.intp), len(_SCALE) - 2)
    part = (at - low)[..., None]
    colour = _SCALE[low] * (1 - part) + _SCALE[low + 1] * part
    tint = np.clip(amount * 3, 0, 1)[..., None] * 0.85
    light = (grey * 0.45 + 255 * 0.5)[..., None]
    return np.asarray(np.clip(light * (1 - tint) + colour * tint, 0, 255), np.uint8)


def pair_views(
    image_a: RGBImage,
    image_b: RGBImage,
    evidence: Evidence,
    *,
    side: int = 256,
    full_a: tuple[int, int] | None = None,
    full_b: tuple[int, int] | None = None,
) -> PairViews | None:
    """Return a pair as small pictures, or None where the evidence does not say how they lie upon each other.

    Parameters
    ----------
    image_a, image_b
        Upright, at any scale.
    evidence
        Of a against b.
    side
        Longer side of each picture, in pixels; pictures with fewer are enlarged at most four times.
    full_a, full_b
        (height, width) of the pictures when they were verified, where `image_a` or `image_b` is a thumbnail.
    """
    shared = shared_region(evidence, full_a or _size(image_a), full_b or _size(image_b))
    if shared is None:
        return None
    drawn_a, drawn_b = _fitted(image_a, side), _fitted(image_b, side)
    both = [
        marked(drawn_a, on_picture(shared.outline_a, shared.size_a, drawn_a.shape)),
        marked(drawn_b, on_picture(shared.outline_b, shared.size_b, drawn_b.shape)),
    ]
    chosen = spread(evidence.points_b, _DOTS)
    colours = hues(evidence.points_b[chosen])
    for picture, points, size in zip(
        both, (evidence.points_a, evidence.points_b), (shared.size_a, shared.size_b), strict=True
    ):
        _dotted(picture, on_picture(points[chosen], size, picture.shape), colours)
    overlay, turns, difference, zoomed = _laid(image_a, image_b, shared, side, negative=evidence.negative)
    return PairViews(both[0], both[1], overlay, turns, difference, zoomed)


def hues(points: Floats) -> list[tuple[int, int, int]]:
    """Return a bright colour for each point (n, 2), by its direction from the middle of all: neighbours are alike."""
    import cv2

    if not len(points):
        return []
    away = points - points.mean(0)
    turn = (np.arctan2(away[:, 1], away[:, 0]) + np.pi) / (2 * np.pi) * 179
    colours = np.stack([turn, np.full(len(turn), 215), np.full(len(turn), 255)], axis=1).astype(np.uint8)
    return [(int(r), int(g), int(b)) for r, g, b in cv2.cvtColor(colours[None], cv2.COLOR_HSV2RGB)[0]]


def _dotted(picture: RGBImage, points: Floats, colours: list[tuple[int, int, int]]) -> None:
    import cv2

    for point, colour in zip(points, colours, strict=True):
        at = (round(float(point[0])), round(float(point[1])))
        cv2.circle(picture, at, 4, (20, 20, 20), -1, cv2.LINE_AA)
        cv2.circle(picture, at, 3, colour, -1, cv2.LINE_AA)


def _laid(
    image_a: RGBImage, image_b: RGBImage, shared: Shared, side: int, *, negative: bool
) -> tuple[RGBImage, RGBImage, RGBImage, bool]:
    """Return overlay, turns and difference in one frame of b, and whether it is a part of b."""
    frame, zoomed = _frame(shared)
    left, top, wide, tall = frame
    scale = min(side / max(wide, tall), 4 * max(image_b.shape) / max(shared.size_b))
    size = max(8, round(wide * scale)), max(8, round(tall * scale))
    # Pixels of the result to pixels of b's working picture, then to the pictures as they are given.
    step = np.array([wide / size[0], tall / size[1]])
    to_b = np.array([[step[0], 0, left + step[0] / 2], [0, step[1], top + step[1] / 2], [0, 0, 1]])
    to_a = np.linalg.inv(shared.transform) @ to_b
    centre = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2])
    a, mask, grain_a = _seen(image_a, to_a, shared.size_a, size, centre)
    b, _, grain_b = _seen(image_b, to_b, shared.size_b, size, centre)
    shows = (mask.astype(np.float32) / 255)[..., None]
    faded = b * np.float32(0.38) + _PAPER * np.float32(0.62)
    half = ((255.0 - a if negative else a) + b) / 2
    outline = (shared.outline_b - to_b[:2, 2]) / step
    overlay = _edged(half * shows + faded * (1 - shows), outline)
    cell = max(4, round(max(size) / 8))
    rows, columns = np.indices(b.shape[:2]) // cell
    chosen = ((rows + columns) % 2 == 0)[..., None] * shows
    turns = _edged(a * chosen + b * (1 - chosen) * shows + faded * (1 - shows), outline)
    # Fine detail that only one of the two can have, and a pixel of error, are no difference.
    blur = max(1.0, 0.7 * grain_a, 0.7 * grain_b, 0.6 * max(size) / max(wide, tall))
    inside = mask > 250
    soft_a, soft_b = _blurred(a, inside, blur), _blurred(b, inside, blur) @ _GREY
    levels = np.where(inside, np.abs(_adjusted(soft_a, soft_b, inside) - soft_b), 0)
    heat = heated(b @ _GREY, levels.astype(np.float32)).astype(np.float32)
    difference = _edged(heat * shows + (heat * np.float32(0.38) + _PAPER * np.float32(0.62)) * (1 - shows), outline)
    return overlay, turns, difference, zoomed


def _frame(shared: Shared) -> tuple[tuple[float, float, float, float], bool]:
    """Return left, top, width and height of what is shown of b, in pixels of its working picture."""
    height, width = shared.size_b
    low, high = shared.outline_b.min(0), shared.outline_b.max(0)
    if np.prod(high - low) > 0.5 * height * width:
        return (-0.5, -0.5, width, height), False
    around = 0.12 * float((high - low).max()) + 2
    low = np.maximum(low - around, -0.5)
    high = np.minimum(high + around, np.array([width, height]) - 0.5)
    return (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])), True


def _seen(
    image: RGBImage, to_work: Floats, work: tuple[int, int], size: tuple[int, int], centre: Floats
) -> tuple[NDArray[np.float32], NDArray[np.uint8], float]:
    """Return a picture as seen in a frame, where it has pixels, and how many of the frame's pixels one of its makes."""
    import cv2

    def onto(shape: tuple[int, ...]) -> Floats:
        x, y = shape[1] / work[1], shape[0] / work[0]
        return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]]) @ to_work

    near = _apply(onto(image.shape), centre + np.array([[0.0, 0], [1, 0], [0, 1]]))
    grain = float(np.sqrt(max(abs(np.linalg.det(near[1:] - near[0])), 1e-6)))
    if grain > 1.5:  # a picture of more pixels than are shown is made smaller first, lest it glitters
        image = resize(image, max(1, round(image.shape[0] / grain)), max(1, round(image.shape[1] / grain)))
    matrix = onto(image.shape)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    full = np.full(image.shape[:2], 255, np.uint8)
    mask = cv2.warpPerspective(full, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return seen.astype(np.float32), np.asarray(mask, np.uint8), 1 / max(grain, 1e-6)


def _blurred(picture: NDArray[np.float32], inside: NDArray[np.bool_], radius: float) -> NDArray[np.float32]:
    """Return a picture blurred, what is not inside having no say."""
    import cv2

    weight = inside.astype(np.float32)
    around = np.maximum(cv2.GaussianBlur(weight, (0, 0), radius), 1e-3)
    return np.asarray(cv2.GaussianBlur(picture * weight[..., None], (0, 0), radius) / around[..., None], np.float32)


def _adjusted(a: NDArray[np.float32], grey_b: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the mix of a's colours that is closest to the grey of b, most of the shared region deciding."""
    places = np.nonzero(mask.ravel())[0]
    if len(places) < 16:
        return grey_b
    places = places[:: max(1, len(places) // 20_000)]
    colours = np.column_stack([a.reshape(-1, 3)[places], np.full(len(places), 255.0)]) / 255
    wanted = grey_b.ravel()[places]
    kept = np.ones(len(places), bool)
    solved: Any = np.zeros(4)
    for _ in range(4):
        x = colours[kept]
        # A little weight on little change keeps colours that do not occur from deciding.
        solved = np.linalg.solve(x.T @ x + 1e-3 * len(x) * np.eye(4) * 0.1, x.T @ wanted[kept])
        off = np.abs(colours @ solved - wanted)
        kept = off <= max(float(np.quantile(off, 0.7)), 1.0)
    mixed = (a.reshape(-1, 3) @ solved[:3].astype(np.float32) / 255 + np.float32(solved[3])).reshape(grey_b.shape)
    return np.asarray(np.clip(mixed, 0, 255), np.float32)


def _edged(picture: NDArray[Any], outline: Floats) -> RGBImage:
    import cv2

    drawn = np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)
    cv2.polylines(drawn, [_fixed(outline)], True, (60, 60, 64), 1, cv2.LINE_AA, 4)
    return drawn


def _outline(transform: Floats, size: tuple[int, int], other: tuple[int, int]) -> Floats | None:
    """Return the corners of what a picture of `size` covers of another one; None where that is nothing."""
    height, width = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    if (np.column_stack([corners, np.ones(4)]) @ transform[2] <= 0).any():
        return None  # beyond the horizon: no picture of a picture
    polygon = _apply(transform, corners)
    for axis, edge, sign in ((0, -0.5, 1), (0, other[1] - 0.5, -1), (1, -0.5, 1), (1, other[0] - 0.5, -1)):
        polygon = _clipped(polygon, sign * (polygon[:, axis] - edge))
        if len(polygon) < 3:
            return None
    return polygon


def _clipped(polygon: Floats, inside: Floats) -> Floats:
    """Return a convex polygon without its part where `inside`, one number per corner, is negative."""
    kept: list[Floats] = []
    for at in range(len(polygon)):
        one, two = inside[at - 1], inside[at]
        if (one < 0) != (two < 0):
            kept.append(polygon[at - 1] + (polygon[at] - polygon[at - 1]) * (one / (one - two)))
        if two >= 0:
            kept.append(polygon[at])
    return np.array(kept).reshape(-1, 2)


def _apply(transform: Floats, points: Floats) -> Floats:
    there = np.column_stack([points, np.ones(len(points))]) @ transform.T
    return np.asarray(there[:, :2] / there[:, 2:], np.float64)


def _fixed(points: Floats) -> NDArray[np.int32]:
    """Return points in sixteenths of a pixel, as OpenCV draws them with a shift of 4."""
    return np.clip(np.rint(points * 16), -(1 << 20), 1 << 20).astype(np.int32)


def _size(image: RGBImage) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _working_size(full: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of the picture in which copies are sought: see `working_picture`."""
    longest = max(full)
    if longest <= SIDE:
        return full
    return max(1, round(full[0] * SIDE / longest)), max(1, round(full[1] * SIDE / longest))


def _fitted(image: RGBImage, side: int) -> RGBImage:
    factor = min(side / max(image.shape[:2]), 4.0)
    return resize(image, max(4, round(image.shape[0] * factor)), max(4, round(image.shape[1] * factor))).copy()
