"""How far two pictures in one frame agree, window by window, and whether what they show can decide how they lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.duplicates.verify.frame import Grey

__all__ = ["FLOOR", "correlation", "fixed_by", "glance", "mean_correlation", "noise_of"]

WINDOW = 9
"""Side of the window, in pixels, in which grey values are correlated."""

FLOOR = 3.0
"""Grey levels of standard deviation below which a window is held to be plain."""


def correlation(one: Grey, two: Grey, noise: float = 0.0) -> tuple[Grey, Grey]:
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


def mean_correlation(alike: Grey, texture: Grey, mask: NDArray[np.bool_]) -> tuple[float, int]:
    weight = np.where(mask & (texture > FLOOR), np.minimum(texture, 30), 0)
    total = float(weight.sum())
    return (float((alike * weight).sum() / total) if total else 0.0), int((weight > 0).sum())


def glance(one: Grey, two: Grey, mask: NDArray[np.bool_]) -> float:
    """Return how alike the two look at a glance: the mean correlation of windows at about 48 pixels."""
    import cv2

    part = max(1.0, max(one.shape) / 48)
    size = (max(8, round(one.shape[1] / part)), max(8, round(one.shape[0] / part)))
    small_one, small_two = (
        np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32) for x in (one, two)
    )
    inside = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return mean_correlation(*correlation(small_one, small_two), inside)[0]


def noise_of(image: Grey) -> float:
    """Return the standard deviation of a picture's noise.

    J. Immerkaer, Fast Noise Variance Estimation, 1996, with the median for the mean: edges are not noise.
    """
    import cv2

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = np.abs(cv2.filter2D(image, -1, kernel))
    return float(np.median(found)) / 6 / 0.6745


def fixed_by(image: Grey, mask: NDArray[np.bool_]) -> float:
    """Return how firmly a picture's edges decide an affine transform of it: the least by the sum of all eigenvalues.

    Of the matrix of second derivatives of the squared difference, after Shi and Tomasi, Good Features to Track, 1994.
    Photographs have 1e-3 at least, also when blurred; a disc, which may be turned, 2e-4; the shadow along a blank
    scan's side, which may be shifted and stretched, 1e-7.
    """
    import cv2

    smooth = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.float32)
    _, texture = correlation(smooth, smooth)
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
