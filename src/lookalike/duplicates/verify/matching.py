"""From the local features of two pictures to the ways in which one may lie in the other.

Every match of two keypoints tells by itself where the whole picture would lie: keypoints have a place, a size and an
angle. All these ways are weighed by the matches that agree with them, so nothing is drawn by lot, and the same two
pictures always give the same answer (J. Philbin et al., Object Retrieval with Large Vocabularies and Fast Spatial
Matching, CVPR 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.local import mirrored, negative
from lookalike.types import LocalFeatures

__all__ = ["Pose", "poses"]

Floats: TypeAlias = NDArray[np.float64]

RATIO = 0.92
"""A match counts if the second-best keypoint is so much farther, or if both are each other's best."""

NEAR = 0.75
"""Largest squared distance of two unit RootSIFT rows that match."""

WITHIN = 0.02
"""Matches agree with a pose within this part of the picture's longer side, ..."""

TURN, SCALE = np.deg2rad(25.0), np.log(1.6)
"""... this angle, and this ratio of sizes."""

SURE = 40
"""Agreeing matches that end the search for another variant."""

FEWEST = 4
"""Matches that a pose needs."""


@dataclass(frozen=True)
class Pose:
    """One way in which picture a may lie in picture b.

    Attributes
    ----------
    transform
        (3, 3) float64: pixels of a, as it is, to pixels of b; an affine or projective one, mirroring included.
    mirrored, negative
        Whether a is so in b.
    points_a, points_b
        (n, 2) float64: the matches that agree with it.
    matches
        How many there were in all.
    """

    transform: Floats
    mirrored: bool
    negative: bool
    points_a: Floats
    points_b: Floats
    matches: int


def poses(a: LocalFeatures, b: LocalFeatures, most: int = 2) -> list[Pose]:
    """Return the ways in which `a` may lie in `b`, that with the most agreeing matches first, at most `most`.

    `a` is tried as it is, mirrored, as a negative and as both.
    """
    if len(a.rows) < FEWEST or len(b.rows) < FEWEST:
        return []
    rows_b = b.rows.astype(np.float32) / np.float32(512)
    found: list[Pose] = []
    for mirror in (False, True):
        for negated in (False, True):
            variant = mirrored(a) if mirror else a
            variant = negative(variant) if negated else variant
            pose = _pose(variant, b, rows_b, mirror, negated)
            if pose is not None:
                found.append(pose)
                if len(pose.points_a) >= SURE:
                    return [pose]  # by chance no other variant has as many
    found.sort(key=lambda pose: (-len(pose.points_a), pose.mirrored, pose.negative))
    return found[:most]


def _pose(a: LocalFeatures, b: LocalFeatures, rows_b: NDArray[np.float32], mirror: bool, negated: bool) -> Pose | None:
    at, to = _matches(a.rows.astype(np.float32) / np.float32(512), rows_b)
    if len(at) < FEWEST:
        return None
    p, q = a.points[at].astype(np.float64), b.points[to].astype(np.float64)
    turn = np.deg2rad(q[:, 3] - p[:, 3])
    scale = np.log(q[:, 2] / p[:, 2])
    reach = WITHIN * max(b.width, b.height)
    agree = _agreeing(p[:, :2].astype(np.float32), q[:, :2].astype(np.float32), turn, scale, reach)
    best = int(np.argmax(agree.sum(1)))
    if agree[best].sum() < FEWEST:
        return None
    transform, inside = _refined(p[:, :2], q[:, :2], agree[best], turn, scale, reach)
    if transform is None:
        return None
    points_a, points_b = p[inside, :2], q[inside, :2]
    if mirror:
        flip = np.array([[-1.0, 0, a.width - 1], [0, 1, 0], [0, 0, 1]])
        transform = transform @ flip
        points_a = points_a * (-1, 1) + (a.width - 1, 0)
    return Pose(transform, mirror, negated, points_a, points_b, len(at))


def _agreeing(
    p: NDArray[np.float32], q: NDArray[np.float32], turn: Floats, scale: Floats, reach: float
) -> NDArray[np.bool_]:
    """Return which matches agree with the similarity that each one, a row, tells of the whole picture: (n, n)."""
    turn32, scale32 = turn.astype(np.float32), scale.astype(np.float32)
    cosine, sine = np.exp(scale32) * np.cos(turn32), np.exp(scale32) * np.sin(turn32)
    x, y = p[None, :, 0] - p[:, None, 0], p[None, :, 1] - p[:, None, 1]
    u, v = q[None, :, 0] - q[:, None, 0], q[None, :, 1] - q[:, None, 1]
    there_x, there_y = cosine[:, None] * x - sine[:, None] * y, sine[:, None] * x + cosine[:, None] * y
    apart = (there_x - u) ** 2 + (there_y - v) ** 2
    # The pose of one keypoint is exact near it only.
    slack = np.float32(reach) + np.float32(0.06) * np.sqrt(there_x**2 + there_y**2)
    agree: NDArray[np.bool_] = apart < slack * slack
    off = np.abs(turn32[:, None] - turn32[None]) % np.float32(2 * np.pi)
    agree &= (off < TURN) | (off > 2 * np.pi - TURN)
    agree &= np.abs(scale32[:, None] - scale32[None]) < SCALE
    return agree


def _matches(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions in a and b of rows that belong together."""
    near = a @ b.T
    rows = np.arange(len(a))
    first = near.argmax(1)
    top = near[rows, first].copy()
    back = near.argmax(0)
    near[rows, first] = -1
    second = near.max(1)
    apart, next_ = np.maximum(2 - 2 * top, 0), np.maximum(2 - 2 * second, 1e-9)
    good = (apart < NEAR) & ((apart < RATIO**2 * next_) | (back[first] == rows))
    return rows[good], first[good]


def _refined(
    p: Floats, q: Floats, agree: NDArray[np.bool_], turn: Floats, scale: Floats, reach: float
) -> tuple[Floats | None, NDArray[np.bool_]]:
    """Return the affine transform of the matches that agree, fitted again to those that agree with it."""
    transform = np.eye(3)
    inside = _once(p, q, agree)
    for step in range(4):
        if inside.sum() < FEWEST:
            return None, inside
        transform = _similarity(p[inside], q[inside]) if inside.sum() < 6 else _affine(p[inside], q[inside])
        if not sane(transform):
            transform = _similarity(p[inside], q[inside])
        error = np.hypot(*(p @ transform[:2, :2].T + transform[:2, 2] - q).T)
        linear = transform[:2, :2]
        angle = np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])
        size = 0.5 * np.log(max(np.linalg.det(linear), 1e-9))
        limit = reach * (1.5, 1.2, 1.0, 1.0)[step]
        kept = (error < limit) & (np.abs(np.angle(np.exp(1j * (turn - angle)))) < 1.3 * TURN)
        kept &= np.abs(scale - size) < 1.3 * SCALE
        inside = _once(p, q, kept)
    return (transform, inside) if inside.sum() >= FEWEST and sane(transform) else (None, inside)


def _once(p: Floats, q: Floats, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep one of the matches that share a place (keypoints of several angles, or a many-to-one match)."""
    kept = np.zeros(len(p), bool)
    seen_p: set[tuple[int, int]] = set()
    seen_q: set[tuple[int, int]] = set()
    for at in np.flatnonzero(chosen):
        mine, other = (int(p[at, 0]), int(p[at, 1])), (int(q[at, 0]), int(q[at, 1]))
        if mine not in seen_p and other not in seen_q:
            seen_p.add(mine)
            seen_q.add(other)
            kept[at] = True
    return kept


def _similarity(p: Floats, q: Floats) -> Floats:
    """Return the least-squares turn, scale and shift."""
    za, zb = p[:, 0] + 1j * p[:, 1], q[:, 0] + 1j * q[:, 1]
    ma, mb = za.mean(), zb.mean()
    spread = (np.abs(za - ma) ** 2).sum()
    factor = ((zb - mb) * np.conj(za - ma)).sum() / max(spread, 1e-9)
    shift = mb - factor * ma
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag], [0, 0, 1]])


def _affine(p: Floats, q: Floats) -> Floats:
    """Return the least-squares affine transform."""
    solved, *_ = np.linalg.lstsq(np.column_stack([p, np.ones(len(p))]), q, rcond=None)
    return np.vstack([solved.T, [0, 0, 1]])


def sane(transform: Floats) -> bool:
    """Say whether a transform could be an edit: not torn, not inside out, at most about ten times the size."""
    linear = transform[:2, :2]
    if not np.all(np.isfinite(linear)):
        return False
    large, small = np.linalg.svd(linear, compute_uv=False)
    return bool(np.linalg.det(linear) > 0 and small > 0.08 and large < 12 and large / max(small, 1e-9) < 3.0)
