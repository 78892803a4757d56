"""Which pictures' matches agree with one another on one turn, one scale and one place.

Weak geometric consistency: Jegou, Douze and Schmid, ECCV 2008. Each match as a hypothesis of a similarity that the
others support: Philbin et al., Object Retrieval with Large Vocabularies and Fast Spatial Matching, CVPR 2007.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiles
from lookalike.types import LocalFeatures

__all__ = ["SHORTLIST", "agreeing", "decoded", "encoded", "supported", "turned_alike"]

SHORTLIST = 64
"""Cells whose matches are held against one another."""

_STRONGEST = 48  # matches of a cell that are held against one another
_TURNS, _SCALES, _MIDDLE = 16, 32, 16  # windows of 2 / 16 of a turn and of 2 x half an octave, overlapping by half
_STEPS, _BELOW = 16, 10  # of a stored scale: 16 an octave, from 2 ** -10 of the longer side on
_PLACE, _DRIFT = 6 / 320, 0.15  # a supporter lies within 6 pixels of 320, and 0.15 of its distance, of where it should
_ALIGNED, _LIKE = 0.8, 4.0  # its own turn has a cosine of .8 at least, its own scale is off by less than a factor of 2


def encoded(features: LocalFeatures) -> NDArray[np.uint8]:
    """Return place, scale and angle of keypoints in 4 bytes, (n, 4) uint8, in parts of the picture's longer side."""
    longest = max(features.width, features.height, 1)
    x, y, size, angle = features.points.T.astype(np.float64)
    scale = (np.log2(np.maximum(size / longest, 2.0**-_BELOW)) + _BELOW) * _STEPS
    shape = np.stack([x * 255 / longest, y * 255 / longest, scale], axis=1)
    shape = np.clip(np.rint(shape), 0, 255)
    return np.concatenate([shape, np.rint(angle[:, None] * (256 / 360)) % 256], axis=1).astype(np.uint8)


def decoded(shapes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return x and y in parts of the longer side, log2 of the scale and the angle in turns, (n, 4) float32."""
    factors = np.array([1 / 255, 1 / 255, 1 / _STEPS, 1 / 256], np.float32)
    return np.asarray(shapes * factors, np.float32)


def turned_alike(
    groups: NDArray[np.int64],
    count: int,
    weights: NDArray[np.float64],
    ours: NDArray[np.float32],
    theirs: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Return the weight of the largest set of a group's matches with about the same turn and change of scale.

    Parameters
    ----------
    groups
        (n,) 0 to count - 1: to which group each match belongs.
    count
        Number of groups.
    weights
        (n,)
    ours, theirs
        (n, 4) float32: the two keypoints of each match, as `decoded` gives them.

    Returns
    -------
    NDArray
        (count,)
    """
    turn = np.floor((theirs[:, 3] - ours[:, 3]) % 1 * _TURNS).astype(np.int64)
    scale = np.floor((theirs[:, 2] - ours[:, 2]) * 2).astype(np.int64) + _MIDDLE
    scale = np.clip(scale, 0, _SCALES - 2)  # a match is in the windows of its scale and of the next
    scale -= scale.min(initial=_SCALES)
    scales = int(scale.max(initial=0)) + 1
    window = (scale * _TURNS + turn % _TURNS) * count + groups
    total = np.bincount(window, weights, minlength=scales * _TURNS * count).reshape(scales, _TURNS, count)
    for at in range(scales - 1, 0, -1):
        total[at] += total[at - 1]
    best: NDArray[np.float64] = np.zeros(count)
    for at in range(_TURNS):
        np.maximum(best, (total[:, at] + total[:, at - 1]).max(0), out=best)
    return best


def supported(
    groups: NDArray[np.int64],
    count: int,
    weights: NDArray[np.float64],
    ours: NDArray[np.float32],
    theirs: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Return the weight of the largest set of a group's matches that one of them explains as one similarity.

    Each match is a shift, turn and scale; another one supports it when it lies where that puts it. Of a group only its
    48 heaviest matches count. Parameters and result are those of `turned_alike`.
    """
    found = np.zeros(count)
    order = np.lexsort((-weights, groups))
    place = np.arange(len(order)) - np.searchsorted(groups[order], groups[order])
    order, place = order[place < _STRONGEST], place[place < _STRONGEST]
    starts = np.searchsorted(groups[order], np.arange(0, count + SHORTLIST, SHORTLIST))
    for block, (start, end) in enumerate(pairwise(starts)):
        part, at = order[start:end], place[start:end]
        first = block * SHORTLIST
        size = min(SHORTLIST, count - first)
        table = np.zeros((7, size, _STRONGEST), np.float32)
        change = np.exp2(theirs[part, 2] - ours[part, 2])
        turn = 2 * np.pi * (theirs[part, 3] - ours[part, 3])
        columns = (weights[part], *ours[part, :2].T, *theirs[part, :2].T, change * np.cos(turn), change * np.sin(turn))
        for number, column in enumerate(columns):
            table[number, groups[part] - first, at] = column
        found[first : first + size] = (agreeing(table) * table[0][:, None, :]).sum(2).max(1, initial=0)
    return found


def agreeing(table: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which match supports which: (groups, m, m), the hypothesis first, the supporter second.

    Parameters
    ----------
    table
        (7, groups, m) float32: weight, x, y, the other picture's x and y, and the similarity's two numbers.
    """
    if compiles():
        from lookalike.index import _compiled

        agree = np.empty((*table.shape[1:], table.shape[2]), np.bool_)
        place, drift, aligned, like = map(np.float32, (_PLACE**2, _DRIFT**2, _ALIGNED, _LIKE))
        _compiled.agreeing(table, place, drift, aligned, like, agree)
        return agree
    _, x, y, u, v, a, b = table
    dx, dy = x[:, None, :] - x[:, :, None], y[:, None, :] - y[:, :, None]
    off_u = (u[:, :, None] - u[:, None, :]) + a[:, :, None] * dx - b[:, :, None] * dy
    off_v = (v[:, :, None] - v[:, None, :]) + b[:, :, None] * dx + a[:, :, None] * dy
    size = a * a + b * b
    mine, other = size[:, :, None], size[:, None, :]
    allowed = np.float32(_PLACE**2) * np.maximum(mine, 1) + np.float32(_DRIFT**2) * mine * (dx * dx + dy * dy)
    along = a[:, :, None] * a[:, None, :] + b[:, :, None] * b[:, None, :]
    found: NDArray[np.bool_] = off_u * off_u + off_v * off_v <= allowed
    found &= along >= np.float32(_ALIGNED) * np.sqrt(mine * other)
    found &= (mine <= np.float32(_LIKE) * other) & (other <= np.float32(_LIKE) * mine)
    return found
