"""Local features: SIFT keypoints with RootSIFT descriptors, and what they would be in a mirrored or negative one.

D. G. Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 2004; R. Arandjelovic and A. Zisserman,
Three Things Everyone Should Know to Improve Object Retrieval, CVPR 2012. Extracted by OpenCV.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.transforms import resize
from lookalike.types import LocalFeatures, RGBImage

__all__ = ["FINGERPRINT", "KEPT", "SIDE", "local_features", "mirrored", "negative", "working_picture"]

SIDE = 320
"""Pixels of the longer side of a picture in which local features are sought."""

KEPT = 400
"""Keypoints that are kept of a picture, the strongest."""

_CONTRAST, _EDGE, _SIGMA = 0.02, 12.0, 1.6  # half of Lowe's contrast: blurred and dark pictures have keypoints, too
_SCALE = 512.0  # of a RootSIFT number, which is at most 1 and seldom over .4

FINGERPRINT = hashlib.sha256(f"sift-1 {SIDE} {KEPT} {_CONTRAST} {_EDGE} {_SIGMA} {_SCALE}".encode()).hexdigest()[:16]
"""Changes whenever the features of a picture do."""


def working_picture(image: RGBImage, side: int = SIDE) -> RGBImage:
    """Return a picture whose longer side is at most `side` pixels: the size in which copies are sought."""
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return image
    return resize(image, max(1, round(height * side / longest)), max(1, round(width * side / longest)))


def local_features(image: RGBImage, kept: int = KEPT) -> LocalFeatures:
    """Return the strongest keypoints of a picture with their descriptors.

    Parameters
    ----------
    image
        (height, width, 3) uint8, as `working_picture` gives it.
    kept
        How many keypoints at most.

    Returns
    -------
    LocalFeatures
        Strongest first; none for a flat picture. Points are in pixels of `image`.
    """
    import cv2

    height, width = image.shape[:2]
    if min(height, width) < 8:
        return _none(width, height)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    finder: Any = cv2.SIFT_create(  # type: ignore[attr-defined]
        kept, 3, _CONTRAST, _EDGE, _SIGMA
    )
    found, rows = finder.detectAndCompute(grey, None)
    if rows is None or not len(found):
        return _none(width, height)
    points = np.array([(*point.pt, point.size, point.angle) for point in found], np.float32)
    strength = np.array([point.response for point in found])
    order = np.lexsort((points[:, 3], points[:, 1], points[:, 0], -strength))[:kept]  # ties: the same on each machine
    rows = rows[order].astype(np.float32)
    rows = np.sqrt(rows / np.maximum(rows.sum(1, keepdims=True), 1e-9))
    return LocalFeatures(
        np.ascontiguousarray(points[order]),
        np.minimum(np.rint(rows * np.float32(_SCALE)), 255).astype(np.uint8),
        width,
        height,
    )


def mirrored(features: LocalFeatures) -> LocalFeatures:
    """Return the features of the picture mirrored left to right, without looking at it again.

    Exact: a mirrored patch has the rows of its 4 x 4 cells in reverse order, and its 8 directions turned about.
    """
    points = features.points.copy()
    points[:, 0] = features.width - 1 - points[:, 0]
    points[:, 3] = (180 - points[:, 3]) % 360
    cells = features.rows.reshape(-1, 4, 4, 8)[:, ::-1][..., (-np.arange(8)) % 8]
    return LocalFeatures(points, np.ascontiguousarray(cells.reshape(-1, 128)), features.width, features.height)


def negative(features: LocalFeatures) -> LocalFeatures:
    """Return the features of the picture's negative, without looking at it again.

    Exact: all gradients turn about, so that a patch is read upside down.
    """
    points = features.points.copy()
    points[:, 3] = (points[:, 3] + 180) % 360
    cells = features.rows.reshape(-1, 4, 4, 8)[:, ::-1, ::-1]
    return LocalFeatures(points, np.ascontiguousarray(cells.reshape(-1, 128)), features.width, features.height)


def _none(width: int, height: int) -> LocalFeatures:
    empty: NDArray[np.float32] = np.empty((0, 4), np.float32)
    return LocalFeatures(empty, np.empty((0, 128), np.uint8), width, height)
