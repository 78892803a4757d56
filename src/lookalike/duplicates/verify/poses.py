"""The ways to lay the whole of a picture upon the whole of another, where keypoints tell none."""

from __future__ import annotations

import numpy as np

from lookalike.duplicates.verify.frame import Floats, grey_of
from lookalike.types import RGBImage

__all__ = ["whole_poses"]


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
        cv2.resize(grey_of(image), (side, side), interpolation=cv2.INTER_AREA).astype(np.float64) for image in (a, b)
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
