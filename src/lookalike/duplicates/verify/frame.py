"""Two pictures in one frame: the overlap that a transform gives them, at the scale of the coarser one."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.types import RGBImage

__all__ = [
    "Floats",
    "Frame",
    "Grey",
    "applied",
    "frame_of",
    "grey_of",
    "half",
    "lay",
    "outline",
    "scale_at",
    "side_by_side",
]

Floats: TypeAlias = NDArray[np.float64]
Grey: TypeAlias = NDArray[np.float32]

LEAST = 16
"""Pixels of the shorter side of the overlap, in the coarser picture, that can be judged."""

Frame: TypeAlias = tuple[Floats, NDArray[np.int_]]
"""What takes a frame's pixels to those of picture b, and the frame's (width, height)."""


def frame_of(size_a: tuple[int, ...], size_b: tuple[int, ...], transform: Floats) -> Frame | None:
    """Return the frame of the overlap at the scale of the coarser picture; None where it is too small to be judged."""
    corners = np.array([[0, 0], [size_a[1] - 1, 0], [size_a[1] - 1, size_a[0] - 1], [0, size_a[0] - 1]], float)
    there = applied(transform, corners)
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


def lay(a: Grey, b: Grey, transform: Floats, frame: Frame) -> tuple[Grey, Grey, NDArray[np.bool_]] | None:
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


def side_by_side(
    a: RGBImage, b: RGBImage, transform: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]] | None:
    """Return both pictures in colour in one frame, cut to their overlap, and where both are; None if too little is.

    Returns
    -------
    tuple
        Two arrays (height, width, 3) float32 of 0 to 255, and (height, width) bool.
    """
    frame = frame_of(a.shape, b.shape, transform)
    if frame is None:
        return None
    return lay(a.astype(np.float32), b.astype(np.float32), transform, frame)


def scale_at(transform: Floats, point: Floats) -> float:
    """Return how much larger a is in b, at a point."""
    w = float(transform[2] @ point)
    image = transform @ point / w
    jacobian = (transform[:2, :2] - np.outer(image[:2], transform[2, :2])) / w
    return float(np.sqrt(abs(np.linalg.det(jacobian))))


def applied(transform: Floats, points: Floats) -> Floats:
    there = np.column_stack([points, np.ones(len(points))]) @ transform.T
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = there[:, :2] / there[:, 2:]
    return result


def outline(transform: Floats, size: tuple[int, ...], other: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the outline, in the other picture, of what of it a picture of `size` covers."""
    import cv2

    height, width = size
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    there = applied(transform, corners)
    frame = np.array(
        [[-0.5, -0.5], [other[1] - 0.5, -0.5], [other[1] - 0.5, other[0] - 0.5], [-0.5, other[0] - 0.5]], np.float32
    )
    if not np.all(np.isfinite(there)):
        return np.zeros((1, 1, 2), np.float32)
    _, shared = cv2.intersectConvexConvex(there.astype(np.float32), frame)
    return np.zeros((1, 1, 2), np.float32) if shared is None or len(shared) < 3 else np.asarray(shared, np.float32)


def grey_of(image: RGBImage) -> Grey:
    import cv2

    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def half(image: Grey) -> tuple[Grey, Floats]:
    """Return a picture at half its scale, and what takes that one's pixels to its own."""
    import cv2

    height, width = image.shape
    size = (max(1, width // 2), max(1, height // 2))
    x, y = width / size[0], height / size[1]
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    return np.asarray(small, np.float32), np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])


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
