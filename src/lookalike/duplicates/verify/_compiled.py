"""Inner loops of matching, compiled: see `lookalike.compiled`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiled

__all__ = ["agreeing", "best"]


@compiled
def agreeing(
    p: NDArray[np.float32],
    q: NDArray[np.float32],
    turn: NDArray[np.float32],
    scale: NDArray[np.float32],
    cosine: NDArray[np.float32],
    sine: NDArray[np.float32],
    reach: np.float32,
    wider: np.float32,
    limits: tuple[float, float],
    thinned: np.float32,
    agree: NDArray[np.bool_],
    support: NDArray[np.float32],
) -> None:
    """Fill in what `lookalike.duplicates.verify.matching._agreeing` returns, operation by operation."""
    zero, one, whole = np.float32(0), np.float32(1), np.float32(2 * np.pi)
    for i in range(len(p)):
        for j in range(len(p)):
            off = abs(turn[i] - turn[j]) % whole
            off = min(off, whole - off)
            ratio = abs(scale[i] - scale[j])
            agree[i, j] = False
            support[i, j] = zero
            if not (off < 1.8 * limits[0] and ratio < 2 * limits[1]):
                continue
            x, y = p[j, 0] - p[i, 0], p[j, 1] - p[i, 1]
            u, v = q[j, 0] - q[i, 0], q[j, 1] - q[i, 1]
            there_x, there_y = cosine[i] * x - sine[i] * y, sine[i] * x + cosine[i] * y
            off_u, off_v = there_x - u, there_y - v
            apart = np.sqrt(off_u * off_u + off_v * off_v)
            away = np.sqrt(there_x * there_x + there_y * there_y)
            agree[i, j] = apart < reach + np.float32(0.06) * away and off < limits[0] and ratio < limits[1]
            near = max(zero, one - apart / (reach + wider * away))
            support[i, j] = near / (one + (x * x + y * y) * thinned)


@compiled
def best(
    near: NDArray[np.float32],
    first: NDArray[np.int64],
    top: NDArray[np.float32],
    second: NDArray[np.float32],
    back: NDArray[np.int64],
) -> None:
    """Fill in where each row's largest number is, it and the second largest, and where each column's is: the first."""
    highest = np.full(near.shape[1], -np.inf, np.float32)
    for row in range(near.shape[0]):
        at, most, next_ = 0, near[row, 0], np.float32(-1)
        for column in range(near.shape[1]):
            value = near[row, column]
            if column and value > most:
                at, most, next_ = column, value, max(next_, most)
            elif column:
                next_ = max(next_, value)
            if value > highest[column]:
                highest[column] = value
                back[column] = row
        first[row], top[row], second[row] = at, most, next_
