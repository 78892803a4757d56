"""Two pictures laid upon each other: where they overlap, where they agree, and whether anything has moved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.types import RGBImage

__all__ = ["SURE", "Alignment", "align", "scale_at", "side_by_side", "whole_poses"]

Floats: TypeAlias = NDArray[np.float64]
Grey: TypeAlias = NDArray[np.float32]

WINDOW = 9
"""Side of the window, in pixels, in which grey values are correlated."""

FLOOR = 3.0
"""Grey levels of standard deviation below which a window is held to be plain."""

AGREES = 0.6
"""Correlation of a window from which on the pictures agree there."""

MOVED = 1.5
"""Pixels that a place may lie beside where it should; farther, it has moved."""

HOPELESS = 0.2
"""Correlation, of both at a quarter of their scale, under which a look at the details is not worth its time."""

DIFFERENT, UNLIKE = 0.3, 0.4
"""Mean correlation of the windows, once flow has corrected how they lie, under which two pictures are not one; where
only the look of the whole speaks for it, the second."""

ASTRAY = 0.02
"""Part of the overlap's longer side by which flow may be off any one transform, in the median; beyond, the two have
nothing in common."""

SURE = 25
"""Agreeing keypoints that leave no doubt of how two pictures lie upon each other."""

ROUGH = 32
"""Pixels of the overlap's shorter side, at half its scale, from which on that scale is looked at first."""

LEAST = 16
"""Pixels of the shorter side of the overlap, in the coarser picture, that can be judged."""


@dataclass(frozen=True)
class Alignment:
    """Picture a laid upon picture b.

    Attributes
    ----------
    transform
        (3, 3) float64, pixels of a to pixels of b, refined.
    share_a, share_b
        What part of the area of either the other one shows, 0 to 1.
    fine, coarse
        Mean correlation of the windows that have any texture, at the scale of the coarser picture and at half of it,
        each window weighed by its texture; -1 to 1.
    agreeing
        Part of the textured area of the overlap that agrees (at the better scale).
    moved
        Part of the textured area that agrees only after it is shifted by more than `MOVED` pixels.
    shift
        Pixels by which places are off on average, where they can be found again.
    texture
        Textured pixels in the overlap.
    plain
        Part of the overlap that is plain in both.
    differing
        Part of the textured overlap that does not agree and was not found again near by: covered, or another content.
    fixed
        How firmly what is to be seen decides how the two lie, 0 to 1: see `_fixed`. 1 where keypoints decide it.
    """

    transform: Floats
    share_a: float
    share_b: float
    fine: float
    coarse: float
    agreeing: float
    moved: float
    shift: float
    texture: int
    plain: float
    differing: float
    fixed: float = 1.0


def align(a: RGBImage, b: RGBImage, transform: Floats, *, negative: bool = False, inliers: int = 0) -> Alignment | None:
    """Lay `a` upon `b`, refine how it lies, and measure; None where too little overlaps, or agrees, to be judged.

    Parameters
    ----------
    a, b
        (height, width, 3) uint8: working pictures.
    transform
        Pixels of a to pixels of b, roughly.
    negative
        Whether a must be turned into its negative first.
    inliers
        Keypoints that agree on it: from `SURE` on it is measured however little agrees.
    """
    least = -1.0 if inliers >= SURE else DIFFERENT if inliers else UNLIKE
    grey_a, grey_b = _grey(a), _grey(b)
    if negative:
        grey_a = 255 - grey_a
    overlap = _frame(grey_a.shape, grey_b.shape, transform)
    if overlap is None:
        return None
    if min(overlap[1]) >= 2 * ROUGH:  # first at half the scale: a quarter of the work, and most are no copies
        half_a, to_a = _half(grey_a)
        half_b, to_b = _half(grey_b)
        rough = _settled(half_a, half_b, np.linalg.inv(to_b) @ transform @ to_a, 2, least)
        if rough is None:
            return None
        transform = to_b @ rough.transform @ np.linalg.inv(to_a)
        fine = _settled(grey_a, grey_b, transform, 1, -1.0)
    else:
        fine = _settled(grey_a, grey_b, transform, 3, least)
    if fine is None:
        return None
    found = _measured(fine, a.shape[:2], b.shape[:2])
    return found if inliers else replace(found, fixed=min(_fixed(fine.one, fine.mask), _fixed(fine.two, fine.mask)))


@dataclass(frozen=True)
class _Laid:
    """Two pictures in one frame, with what is left of the flow between them; both are where `mask` says so."""

    transform: Floats
    one: Grey
    two: Grey
    mask: NDArray[np.bool_]
    flow: NDArray[np.float32]


def _settled(a: Grey, b: Grey, transform: Floats, steps: int, least: float) -> _Laid | None:
    """Let flow correct how a lies upon b, up to `steps` times; None where it is plain that it does not.

    That is where the windows' mean correlation is under `least` once corrected; with -1 nothing is given up.
    """
    sure = least <= -1
    laid: _Laid | None = None
    for step in range(steps):
        frame = _frame(a.shape, b.shape, transform)
        found = None if frame is None else _lay(a, b, transform, frame)
        if frame is None or found is None:
            return None
        one, two, mask = found
        if not sure and (_glance(one, two, mask) if step == 0 else _mean(*_correlation(one, two), mask)[0]) < (
            HOPELESS if step == 0 else least
        ):
            return None
        flow = _flow(one, two)
        better, off = _corrected(one, two, mask, flow)
        if not sure and step == 0 and off > ASTRAY * max(one.shape):
            return None
        if better is None:
            return _Laid(transform, one, two, mask, flow)
        # `to_b` takes the frame's pixels to b's and `better` the frame's to where they ought to be.
        to_b, _ = frame
        transform = to_b @ better @ np.linalg.inv(to_b) @ transform
        still = np.abs(better[:2, :2] - np.eye(2)).max() < 0.003 and np.abs(better[:2, 2]).max() < 0.4
        if still or step == steps - 1:
            found = _lay(a, b, transform, frame)
            if found is None:
                return None
            laid = _Laid(transform, *found, _less(flow, better))
            break
    return laid


def _half(image: Grey) -> tuple[Grey, Floats]:
    """Return a picture at half its scale, and what takes that one's pixels to its own."""
    import cv2

    height, width = image.shape
    size = (max(1, width // 2), max(1, height // 2))
    x, y = width / size[0], height / size[1]
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    return np.asarray(small, np.float32), np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])


def _less(flow: NDArray[np.float32], transform: Floats) -> NDArray[np.float32]:
    """Return what is left of a flow beyond a transform of its frame."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there = _apply(transform, np.column_stack([x.ravel(), y.ravel()]).astype(np.float64))
    return np.asarray(flow - (there.reshape(height, width, 2) - np.dstack([x, y])), np.float32)


def side_by_side(
    a: RGBImage, b: RGBImage, transform: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]] | None:
    """Return both pictures in colour in one frame, cut to their overlap, and where both are; None if too little is.

    Returns
    -------
    tuple
        Two arrays (height, width, 3) float32 of 0 to 255, and (height, width) bool.
    """
    frame = _frame(a.shape, b.shape, transform)
    if frame is None:
        return None
    return _lay(a.astype(np.float32), b.astype(np.float32), transform, frame)


def whole_poses(a: RGBImage, b: RGBImage, most: int = 1) -> list[tuple[Floats, bool, bool, float]]:
    """Return the ways to lay the whole of `a` upon the whole of `b`, in eight orientations, that look most alike.

    Returns
    -------
    list of (transform, mirrored, negative, correlation)
        Correlation of the two as 24 x 24 grey pixels.
    """
    import cv2

    side = 24
    small_a, small_b = (
        cv2.resize(_grey(image), (side, side), interpolation=cv2.INTER_AREA).astype(np.float64) for image in (a, b)
    )
    small_b = small_b - small_b.mean()
    height, width = a.shape[:2]
    to_unit = np.array([[1 / width, 0, 0.5 / width], [0, 1 / height, 0.5 / height], [0, 0, 1]])
    from_unit = np.linalg.inv(
        np.array([[1 / b.shape[1], 0, 0.5 / b.shape[1]], [0, 1 / b.shape[0], 0.5 / b.shape[0]], [0, 0, 1]])
    )
    found = []
    for mirrored in (False, True):
        for turns in range(4):
            turned = np.rot90(small_a[:, ::-1] if mirrored else small_a, -turns)
            turned = turned - turned.mean()
            scale = np.sqrt((turned**2).sum() * (small_b**2).sum())
            if scale <= 1e-9:
                continue
            alike = float((turned * small_b).sum() / scale)
            unit = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) if mirrored else np.eye(3)
            for _ in range(turns):
                unit = np.array([[0.0, -1, 1], [1, 0, 0], [0, 0, 1]]) @ unit
            found.append((from_unit @ unit @ to_unit, mirrored, alike < 0, abs(alike)))
    found.sort(key=lambda way: -way[3])
    return found[:most]


def _grey(image: RGBImage) -> Grey:
    import cv2

    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def _glance(one: Grey, two: Grey, mask: NDArray[np.bool_]) -> float:
    """Return how alike the two look at a glance: the mean correlation of windows at about 48 pixels."""
    import cv2

    part = max(1.0, max(one.shape) / 48)
    size = (max(8, round(one.shape[1] / part)), max(8, round(one.shape[0] / part)))
    small_one, small_two = (
        np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32) for x in (one, two)
    )
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return _mean(*_correlation(small_one, small_two), inside)[0]


_Frame: TypeAlias = tuple[Floats, NDArray[np.int_]]
"""What takes a frame's pixels to those of picture b, and the frame's (width, height)."""


def _frame(size_a: tuple[int, ...], size_b: tuple[int, ...], transform: Floats) -> _Frame | None:
    """Return the frame of the overlap at the scale of the coarser picture; None where it is too small to be judged."""
    corners = np.array([[0, 0], [size_a[1] - 1, 0], [size_a[1] - 1, size_a[0] - 1], [0, size_a[0] - 1]], float)
    there = _apply(transform, corners)
    if not np.all(np.isfinite(there)):
        return None
    low = np.maximum(np.floor(there.min(0)), 0)
    high = np.minimum(np.ceil(there.max(0)), (size_b[1] - 1, size_b[0] - 1))
    if np.any(high - low < 2):
        return None
    scale = scale_at(transform, np.append(corners.mean(0), 1))
    if not 0.05 < scale < 20:
        return None
    # b is reduced where a is the coarser one
    size = np.maximum(np.rint((high - low + 1) * min(1.0, 1 / scale)).astype(int), 1)
    if size.min() < LEAST:
        return None
    step = (high - low + 1) / size
    return np.array(
        [[step[0], 0, low[0] + step[0] / 2 - 0.5], [0, step[1], low[1] + step[1] / 2 - 0.5], [0, 0, 1]]
    ), size


def _lay(a: Grey, b: Grey, transform: Floats, frame: _Frame) -> tuple[Grey, Grey, NDArray[np.bool_]] | None:
    """Return both in one frame, and where both are; None where too little is."""
    import cv2

    to_b, size = frame
    to_a = np.linalg.inv(transform) @ to_b
    two = _warped(b, to_b, size, float(max(to_b[0, 0], to_b[1, 1])))
    one = _warped(a, to_a, size, scale_at(to_a, np.array([*((size - 1) / 2), 1.0])))
    inside = cv2.warpPerspective(
        np.full(a.shape[:2], 255, np.uint8), to_a, tuple(size.tolist()), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    mask = cv2.erode(inside, np.ones((3, 3), np.uint8), borderValue=0) > 0
    return (one, two, mask) if mask.sum() >= LEAST * LEAST else None


def scale_at(transform: Floats, point: Floats) -> float:
    """Return how much larger a is in b, at a point."""
    w = float(transform[2] @ point)
    image = transform @ point / w
    jacobian = (transform[:2, :2] - np.outer(image[:2], transform[2, :2])) / w
    return float(np.sqrt(abs(np.linalg.det(jacobian))))


def _warped(image: Grey, to_image: Floats, size: NDArray[np.int_], reduction: float) -> Grey:
    """Return `image` in the frame whose pixels `to_image` takes to the image's, smoothed first if it is reduced."""
    import cv2

    if reduction > 1.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.45 * np.sqrt(reduction**2 - 1)), np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(image, to_image, tuple(size.tolist()), flags=flags, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _apply(transform: Floats, points: Floats) -> Floats:
    there = np.column_stack([points, np.ones(len(points))]) @ transform.T
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = there[:, :2] / there[:, 2:]
    return result


def _evened(image: Grey) -> NDArray[np.uint8]:
    """Return a picture with local brightness and contrast evened out, for flow."""
    import cv2

    mean = cv2.blur(image, (21, 21))
    spread = np.sqrt(np.maximum(cv2.blur((image - mean) ** 2, (21, 21)), 0)) + 6
    return np.asarray(np.clip(128 + 48 * (image - mean) / spread, 0, 255), np.uint8)


def _flow(one: Grey, two: Grey) -> NDArray[np.float32]:
    """Return where each pixel of `one` lies in `two`, as a shift."""
    import cv2

    finder: Any = cv2.DISOpticalFlow_create(  # type: ignore[attr-defined]
        cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST
    )
    finder.setFinestScale(1)
    smaller = min(one.shape)
    finder.setPatchSize(8)
    if smaller < 40:
        one, two = (
            np.asarray(cv2.copyMakeBorder(x, 12, 12, 12, 12, cv2.BORDER_REPLICATE), np.float32) for x in (one, two)
        )
    found = np.asarray(finder.calc(_evened(one), _evened(two), None), np.float32)
    return found[12:-12, 12:-12] if smaller < 40 else found


def _shifted(image: Grey, flow: NDArray[np.float32]) -> Grey:
    """Return `image` read at the places to which the flow leads."""
    import cv2

    height, width = image.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _noise(image: Grey) -> float:
    """Return the standard deviation of a picture's noise.

    J. Immerkaer, Fast Noise Variance Estimation, 1996, with the median for the mean: edges are not noise.
    """
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = np.abs(cv2.filter2D(image, -1, kernel))
    return float(np.median(found)) / 6 / 0.6745


def _correlation(one: Grey, two: Grey, noise: float = 0.0) -> tuple[Grey, Grey]:
    """Return the correlation of the windows around each pixel, and their texture beyond noise (standard deviation)."""
    import cv2

    def mean(values: Grey) -> Grey:
        return np.asarray(cv2.boxFilter(values, -1, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT_101), np.float32)

    m1, m2 = mean(one), mean(two)
    v1 = np.maximum(mean(one * one) - m1 * m1, 0)
    v2 = np.maximum(mean(two * two) - m2 * m2, 0)
    both = mean(one * two) - m1 * m2
    v1, v2 = np.maximum(v1 - noise**2, 0), np.maximum(v2 - noise**2, 0)
    floor = FLOOR**2 / 4 + noise**2 / 4
    alike = np.clip(both / np.sqrt((v1 + floor) * (v2 + floor)), -1, 1)
    return np.asarray(alike, np.float32), np.asarray(np.sqrt(np.maximum(v1, v2)), np.float32)


def _corrected(one: Grey, two: Grey, mask: NDArray[np.bool_], flow: NDArray[np.float32]) -> tuple[Floats | None, float]:
    """Return the transform of the frame that most of the flow asks for, None if it does not agree on one.

    And by how many pixels the flow is off that transform, in the median; 0 where there is too little of it.
    """
    alike, texture = _correlation(one, _shifted(two, flow))
    good = mask & (texture > 2 * FLOOR) & (alike > 0.5)
    y, x = np.nonzero(good)
    if len(x) < 60:
        return None, 0.0
    step = max(1, len(x) // 250)
    x, y = x[::step], y[::step]
    at = np.column_stack([x, y]).astype(np.float64)
    to: Floats = (at + flow[y, x]).astype(np.float64)
    size = np.array(one.shape[::-1], np.float64)
    transform, off = _fitted(at, to, size, projective=False)
    if off > 0.4:
        full, less = _fitted(at, to, size, projective=True)
        if less < 0.7 * off:
            transform, off = full, less
    moved = _apply(transform, np.array([[0, 0], [size[0], 0], [0, size[1]], size])) / size
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    near = bool(np.all(np.isfinite(moved)) and np.abs(moved - corners).max() < 0.25)
    return (transform if near else None), off


def _fitted(at: Floats, to: Floats, size: Floats, *, projective: bool) -> tuple[Floats, float]:
    """Return the transform that takes most points to where they belong, and the median distance that is left.

    Least squares, again and again, with less weight to points that are far off; in parts of the frame's size.
    """
    here, there = at / size, to / size
    rows = np.column_stack([here, np.ones(len(here))])
    weight = np.ones(len(here))
    transform, error = np.eye(3), np.zeros(len(here))
    for _ in range(5):
        try:
            transform = _projective(rows, there, weight**2) if projective else _affine(rows, there, weight**2)
        except np.linalg.LinAlgError:
            return np.eye(3), np.inf
        where = rows @ transform.T
        if projective:
            where = where / where[:, 2:]
        error = np.hypot(*((where[:, :2] - there) * size).T)
        middle = _middle(error)
        if not np.isfinite(middle):
            return np.eye(3), np.inf
        weight = np.sqrt(1 / (1 + (error / max(middle, 0.2)) ** 2))
    unit = np.diag([*(1 / size), 1.0])
    return np.linalg.inv(unit) @ transform @ unit, _middle(error)


def _middle(values: Floats) -> float:
    """Return the upper median: a fifth of the time of numpy.median."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


def _affine(rows: Floats, to: Floats, weight: Floats) -> Floats:
    weighed = rows * weight[:, None]
    return np.vstack([np.linalg.solve(weighed.T @ rows, weighed.T @ to).T, [0.0, 0.0, 1.0]])


def _projective(rows: Floats, to: Floats, weight: Floats) -> Floats:
    none = np.zeros_like(rows)
    system = np.vstack([np.hstack([rows, none]), np.hstack([none, rows])])
    wanted = to.T.ravel()
    system = np.hstack([system, -wanted[:, None] * np.tile(rows[:, :2], (2, 1))])
    weighed = system * np.tile(weight, 2)[:, None]
    return np.append(np.linalg.solve(weighed.T @ system, weighed.T @ wanted), 1.0).reshape(3, 3)


def _measured(laid: _Laid, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> Alignment:
    import cv2

    transform, one, two, mask, flow = laid.transform, laid.one, laid.two, laid.mask, laid.flow
    share_b = float(cv2.contourArea(_outline(transform, size_a, size_b))) / (size_b[0] * size_b[1])
    share_a = float(cv2.contourArea(_outline(np.asarray(np.linalg.inv(transform)), size_b, size_a))) / (
        size_a[0] * size_a[1]
    )
    smooth_one, smooth_two = (np.asarray(cv2.GaussianBlur(x, (0, 0), 0.8), np.float32) for x in (one, two))
    noise = max(_noise(one), _noise(two))
    alike, texture = _correlation(smooth_one, smooth_two, noise * 0.35)
    half_one, half_two = (
        np.asarray(
            cv2.GaussianBlur(cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), (0, 0), 1.0), np.float32
        )
        for x in (one, two)
    )
    half_alike, half_texture = _correlation(half_one, half_two)
    half_mask = cv2.resize(mask.astype(np.uint8), half_alike.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    fine, count = _mean(alike, texture, mask)
    coarse, _ = _mean(half_alike, half_texture, half_mask)
    textured = mask & (texture > FLOOR)
    broad = cv2.resize(half_alike, alike.shape[::-1], interpolation=cv2.INTER_LINEAR)
    agrees = textured & (np.maximum(alike, broad) > AGREES)
    again, _ = _correlation(smooth_one, _shifted(smooth_two, flow))
    off = np.hypot(flow[..., 0], flow[..., 1])
    found = textured & (again > 0.75)
    moved = found & (off > MOVED) & (again > alike + 0.1)
    area = max(int(textured.sum()), 1)
    return Alignment(
        transform, min(share_a, 1.0), min(share_b, 1.0), fine, coarse,
        float(agrees.sum() / area), float(moved.sum() / area),
        float(np.minimum(off[found], 8).mean()) if found.any() else 8.0,
        count, float(1 - textured.sum() / max(int(mask.sum()), 1)),
        float((textured & ~agrees & ~moved).sum() / area),
    )  # fmt: skip


def _fixed(image: Grey, mask: NDArray[np.bool_]) -> float:
    """Return how firmly a picture's edges decide an affine transform of it: the least by the sum of all eigenvalues.

    Of the matrix of second derivatives of the squared difference, after Shi and Tomasi, Good Features to Track, 1994.
    Photographs have 1e-3 at least, also when blurred; a disc, which may be turned, 2e-4; the shadow along a blank
    scan's side, which may be shifted and stretched, 1e-7.
    """
    import cv2

    smooth = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.float32)
    _, texture = _correlation(smooth, smooth)
    row, column = np.nonzero(mask & (texture > FLOOR))
    if not len(row):
        return 0.0
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *way, ksize=3)[row, column] / 8 for way in ((1, 0), (0, 1)))
    even = np.minimum(1, 8 / np.maximum(np.hypot(across, down), 1e-6))  # a strong edge is one edge only
    across, down = across * even, down * even
    x, y = 2 * column / image.shape[1] - 1, 2 * row / image.shape[0] - 1
    slopes = np.stack([across, down, across * x, across * y, down * x, down * y]).astype(np.float64)
    every = slopes @ slopes.T
    return float(np.linalg.eigvalsh(every)[0] / max(float(np.trace(every)), 1e-9))


def _mean(alike: Grey, texture: Grey, mask: NDArray[np.bool_]) -> tuple[float, int]:
    weight = np.where(mask & (texture > FLOOR), np.minimum(texture, 30), 0)
    total = float(weight.sum())
    return (float((alike * weight).sum() / total) if total else 0.0), int((weight > 0).sum())


def _outline(transform: Floats, size: tuple[int, ...], other: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the outline, in the other picture, of what of it a picture of `size` covers."""
    import cv2

    height, width = size
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    there = _apply(transform, corners)
    frame = np.array(
        [[-0.5, -0.5], [other[1] - 0.5, -0.5], [other[1] - 0.5, other[0] - 0.5], [-0.5, other[0] - 0.5]], np.float32
    )
    if not np.all(np.isfinite(there)):
        return np.zeros((1, 1, 2), np.float32)
    _, shared = cv2.intersectConvexConvex(there.astype(np.float32), frame)
    return np.zeros((1, 1, 2), np.float32) if shared is None or len(shared) < 3 else np.asarray(shared, np.float32)
