"""Co-occurrences of grey levels counted by compiled loops, where Numba is installed: the extra ``compiled``.

What they return is what `lookalike.descriptors.haralick` counts by NumPy and OpenCV; only the last digits of the
entropy can differ, since its terms are added in another order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiled

__all__ = ["count", "summarise"]

_FEW = 256
"""Counts whose logarithms are worked out once: most cells hold fewer."""


@compiled
def count(grey: NDArray[np.uint8], levels: int, counts: NDArray[np.uint32]) -> None:
    """Add up how often each two levels are neighbours.

    Parameters
    ----------
    grey
        (height, width), both at least 2, below `levels`.
    levels
        How many there are.
    counts
        (4, levels * levels), zeros: at ``[direction, low * levels + high]`` how often the two meet.
    """
    height, width = grey.shape
    right, down_right, down, down_left = counts[0], counts[1], counts[2], counts[3]
    for y in range(height - 1):
        here, below = np.int64(grey[y, 0]), np.int64(grey[y + 1, 0])
        for x in range(width - 1):
            beside, across = np.int64(grey[y, x + 1]), np.int64(grey[y + 1, x + 1])
            right[min(here, beside) * levels + max(here, beside)] += 1
            down_right[min(here, across) * levels + max(here, across)] += 1
            down[min(here, below) * levels + max(here, below)] += 1
            down_left[min(beside, below) * levels + max(beside, below)] += 1
            here, below = beside, across
        down[min(here, below) * levels + max(here, below)] += 1
    for x in range(width - 1):
        here, beside = np.int64(grey[height - 1, x]), np.int64(grey[height - 1, x + 1])
        right[min(here, beside) * levels + max(here, beside)] += 1


@compiled
def summarise(
    counts: NDArray[np.uint32],
    levels: int,
    single: NDArray[np.float64],
    difference: NDArray[np.float64],
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    bits: NDArray[np.float64],
) -> None:
    """Fill in what the features follow from: see `lookalike.descriptors.haralick._Met`, whose fields these are.

    Parameters
    ----------
    counts
        (4, levels * levels), as `count` left them.
    levels
        How many there are.
    single, difference, total, squares, bits
        (4, levels), (4, levels), (4, 2 * levels), (4,) and (4,), zeros.
    """
    known = np.zeros(_FEW)
    places = np.empty(levels, np.int64)
    for direction in range(4):
        met = counts[direction]
        pairs = np.int64(0)
        for cell in range(levels * levels):
            pairs += np.int64(met[cell])
        for few in range(1, _FEW):
            known[few] = few / pairs * math.log2(few / pairs)
        squared, entropy = np.int64(0), 0.0
        for low in range(levels):
            row = low * levels
            some = 0
            for high in range(low, levels):  # without a branch that no processor can foresee
                places[some] = high
                some += met[row + high] != 0
            as_low = np.int64(0)
            for high in places[:some]:
                number = np.int64(met[row + high])
                difference[direction, high - low] += number
                total[direction, low + high] += number
                single[direction, high] += number
                as_low += number
                squared += number * number
                if number < _FEW:
                    entropy += known[number]
                else:
                    entropy += number / pairs * math.log2(number / pairs)
            single[direction, low] += as_low
            squared += np.int64(met[row + low]) * np.int64(met[row + low])
        squares[direction] = squared / pairs / pairs / 2
        bits[direction] = -entropy
