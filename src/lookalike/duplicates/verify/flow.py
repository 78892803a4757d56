"""Where each place of one picture lies in another by optical flow, and the transform that most of the flow asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.duplicates.verify.agreement import FLOOR, correlation
from lookalike.duplicates.verify.frame import Floats, Grey, applied

__all__ = ["corrected", "flow_between", "rest_of", "shifted"]


def flow_between(one: Grey, two: Grey) -> NDArray[np.float32]:
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


def _evened(image: Grey) -> NDArray[np.uint8]:
    """Return a picture with local brightness and contrast evened out, for flow."""
    import cv2

    mean = cv2.blur(image, (21, 21))
    spread = np.sqrt(np.maximum(cv2.blur((image - mean) ** 2, (21, 21)), 0)) + 6
    return np.asarray(np.clip(128 + 48 * (image - mean) / spread, 0, 255), np.uint8)


def shifted(image: Grey, flow: NDArray[np.float32]) -> Grey:
    """Return `image` read at the places to which the flow leads."""
    import cv2

    height, width = image.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def rest_of(flow: NDArray[np.float32], transform: Floats) -> NDArray[np.float32]:
    """Return what is left of a flow beyond a transform of its frame."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    there = applied(transform, np.column_stack([x.ravel(), y.ravel()]).astype(np.float64))
    return np.asarray(flow - (there.reshape(height, width, 2) - np.dstack([x, y])), np.float32)


def corrected(one: Grey, two: Grey, mask: NDArray[np.bool_], flow: NDArray[np.float32]) -> tuple[Floats | None, float]:
    """Return the transform of the frame that most of the flow asks for, None if it does not agree on one.

    And by how many pixels the flow is off that transform, in the median; 0 where there is too little of it.
    """
    alike, texture = correlation(one, shifted(two, flow))
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
    moved = applied(transform, np.array([[0, 0], [size[0], 0], [0, size[1]], size])) / size
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
