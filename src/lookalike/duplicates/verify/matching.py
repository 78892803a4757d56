"""From the local features of two pictures to the ways in which one may lie in the other.

Every match of two keypoints tells by itself where the whole picture would lie: keypoints have a place, a size and an
angle. All these ways are weighed by the matches that agree with them, so nothing is drawn by lot, and the same two
pictures always give the same answer (J. Philbin et al., Object Retrieval with Large Vocabularies and Fast Spatial
Matching, CVPR 2007). A picture squeezed to another aspect lies by no turn and size of one keypoint: where few matches
agree, an affine transform is grown from the surroundings of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiles
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

WIDER, SUPPORT = 0.4, 2.8
"""The surroundings of a match suit it within this part of their distance; what they must weigh for a look at them."""

SEEDS, LAST, GROWN = 32, 8, 8
"""Matches from whose surroundings an affine transform is grown, the best of these that are grown to the end, and how
many matches must agree with it: of two pictures that have nothing in common, up to seven agree with some transform."""

SQUEEZED = 4.0
"""Ratio of its two scales up to which a transform could be an edit: a wide panorama made square."""


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
    found: dict[tuple[bool, bool], Pose] = {}
    widest, most_support = None, SUPPORT
    for mirror in (False, True):
        for negated in (False, True):
            matched = _matched(a, b, rows_b, mirror, negated)
            if len(matched.p) < FEWEST:
                continue
            agree, support = _agreeing(matched)
            pose = matched.pose(*_refined(matched, agree[int(np.argmax(agree.sum(1)))]))
            if pose is not None:
                found[mirror, negated] = pose
                if len(pose.points_a) >= SURE:
                    return [pose]  # by chance no other variant has as many
            if (best := float(support.sum(1).max())) > most_support:
                widest, most_support = (matched, support), best
    if widest is not None and (pose := widest[0].pose(*_grown(*widest))) is not None:
        tight = found.get((pose.mirrored, pose.negative))
        if tight is None or len(pose.points_a) > 1.25 * len(tight.points_a):
            found[pose.mirrored, pose.negative] = pose
    return sorted(found.values(), key=lambda pose: (-len(pose.points_a), pose.mirrored, pose.negative))[:most]


@dataclass(frozen=True)
class _Matched:
    """Keypoints of one variant of a picture, each with that of the other one that it matches."""

    p: Floats
    """(n, 2): places in a."""
    q: Floats
    """(n, 2): places in b."""
    turn: Floats
    """(n,): radians from the angle in a to that in b."""
    scale: Floats
    """(n,): logarithm of the ratio of sizes."""
    reach: float
    """Pixels of b within which a match agrees."""
    width: int
    """That of a."""
    mirrored: bool
    negative: bool

    def pose(self, transform: Floats | None, inside: NDArray[np.bool_]) -> Pose | None:
        """Return the pose of the picture as it is, before it is mirrored."""
        if transform is None:
            return None
        points_a, points_b = self.p[inside], self.q[inside]
        if self.mirrored:
            transform = transform @ np.array([[-1.0, 0, self.width - 1], [0, 1, 0], [0, 0, 1]])
            points_a = points_a * (-1, 1) + (self.width - 1, 0)
        return Pose(transform, self.mirrored, self.negative, points_a, points_b, len(self.p))


def _matched(a: LocalFeatures, b: LocalFeatures, rows_b: NDArray[np.float32], mirror: bool, negated: bool) -> _Matched:
    a = mirrored(a) if mirror else a
    a = negative(a) if negated else a
    at, to = _matches(a.rows.astype(np.float32) / np.float32(512), rows_b)
    p, q = a.points[at].astype(np.float64), b.points[to].astype(np.float64)
    turn, scale = np.deg2rad(q[:, 3] - p[:, 3]), np.log(q[:, 2] / p[:, 2])
    return _Matched(p[:, :2], q[:, :2], turn, scale, WITHIN * max(b.width, b.height), a.width, mirror, negated)


def _agreeing(matched: _Matched) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which matches agree with the similarity that each one, a row, tells of the whole picture: (n, n).

    And, of the same shape, how well the surroundings of each one suit it, if the picture may have been squeezed.
    """
    p, q = matched.p.astype(np.float32), matched.q.astype(np.float32)
    turn, scale, reach = matched.turn.astype(np.float32), matched.scale.astype(np.float32), np.float32(matched.reach)
    cosine, sine = np.exp(scale) * np.cos(turn), np.exp(scale) * np.sin(turn)
    thinned = np.float32(16 / max(float(np.ptp(p, axis=0).max()), 1.0) ** 2)
    if compiles():
        from lookalike.duplicates.verify import _compiled

        agreed, supported = np.empty((len(p), len(p)), np.bool_), np.empty((len(p), len(p)), np.float32)
        _compiled.agreeing(
            p, q, turn, scale, cosine, sine, reach, np.float32(WIDER), (TURN, SCALE), thinned, agreed, supported
        )
        return agreed, supported
    x, y = p[None, :, 0] - p[:, None, 0], p[None, :, 1] - p[:, None, 1]
    u, v = q[None, :, 0] - q[:, None, 0], q[None, :, 1] - q[:, None, 1]
    there_x, there_y = cosine[:, None] * x - sine[:, None] * y, sine[:, None] * x + cosine[:, None] * y
    apart = np.sqrt((there_x - u) ** 2 + (there_y - v) ** 2)
    away = np.sqrt(there_x**2 + there_y**2)
    off = np.abs(turn[:, None] - turn[None]) % np.float32(2 * np.pi)
    off = np.minimum(off, 2 * np.pi - off)
    ratio = np.abs(scale[:, None] - scale[None])
    # The pose of one keypoint is exact near it only.
    agree: NDArray[np.bool_] = (apart < reach + np.float32(0.06) * away) & (off < TURN) & (ratio < SCALE)
    support = np.maximum(0, 1 - apart / (reach + np.float32(WIDER) * away))
    support *= (off < 1.8 * TURN) & (ratio < 2 * SCALE)
    support /= 1 + (x * x + y * y) * thinned
    return agree, support


def _matches(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions in a and b of rows that belong together."""
    near = a @ b.T
    rows = np.arange(len(a))
    if compiles():
        from lookalike.duplicates.verify import _compiled

        first, back = np.empty(len(a), np.int64), np.empty(len(b), np.int64)
        top, second = np.empty(len(a), np.float32), np.empty(len(a), np.float32)
        _compiled.best(near, first, top, second, back)
    else:
        first = near.argmax(1)
        top = near[rows, first].copy()
        back = near.argmax(0)
        near[rows, first] = -1
        second = near.max(1)
    apart, next_ = np.maximum(2 - 2 * top, 0), np.maximum(2 - 2 * second, 1e-9)
    good = (apart < NEAR) & ((apart < RATIO**2 * next_) | (back[first] == rows))
    return rows[good], first[good]


def _refined(matched: _Matched, agree: NDArray[np.bool_]) -> tuple[Floats | None, NDArray[np.bool_]]:
    """Return the affine transform of the matches that agree, fitted again to those that agree with it."""
    p, q, transform = matched.p, matched.q, np.eye(3)
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
        limit = matched.reach * (1.5, 1.2, 1.0, 1.0)[step]
        kept = (error < limit) & (np.abs(np.angle(np.exp(1j * (matched.turn - angle)))) < 1.3 * TURN)
        kept &= np.abs(matched.scale - size) < 1.3 * SCALE
        inside = _once(p, q, kept)
    return (transform, inside) if inside.sum() >= FEWEST and sane(transform) else (None, inside)


def _grown(matched: _Matched, support: NDArray[np.float32]) -> tuple[Floats | None, NDArray[np.bool_]]:
    """Return the affine transform, grown from the surroundings of one match, with which most matches agree.

    Least squares and weights take turns, for `SEEDS` matches at once, while the limit of what agrees is drawn in.
    """
    seeds = np.argsort(-support.sum(1), kind="stable")[:SEEDS]
    weights = support[seeds].astype(np.float64)
    suits = np.abs(matched.scale[seeds, None] - matched.scale[None]) < 2 * SCALE
    suits &= np.cos(matched.turn[seeds, None] - matched.turn[None]) > np.cos(1.8 * TURN)
    middle = matched.p.mean(0)
    p, q = np.column_stack([matched.p - middle, np.ones(len(matched.p))]), matched.q
    squares, products = (p[:, :, None] * p[:, None, :]).reshape(-1, 9), (p[:, :, None] * q[:, None, :]).reshape(-1, 6)
    for limit in (4.0, 3.0, 2.0, 1.5, 1.0, 1.0):
        if limit == 2:
            best = np.argsort(-weights.sum(1), kind="stable")[:LAST]
            weights, suits = weights[best], suits[best]
        left = (weights @ squares).reshape(-1, 3, 3) + 1e-6 * np.eye(3)
        solved = np.linalg.solve(left, (weights @ products).reshape(-1, 3, 2))
        error = ((p @ solved - q) ** 2).sum(2) / (limit * matched.reach) ** 2
        weights = np.where(suits, np.maximum(0, 1 - error) ** 2, 0)
    inside = suits & (error < 1)
    for seed in np.argsort(-inside.sum(1), kind="stable"):
        transform = np.vstack([solved[seed].T, [0, 0, 1]])
        transform[:2, 2] -= transform[:2, :2] @ middle
        if inside[seed].sum() >= GROWN and sane(transform):
            kept = _once(matched.p, q, inside[seed])
            if kept.sum() >= GROWN:
                return transform, kept
    return None, inside[0]


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
    return bool(np.linalg.det(linear) > 0 and small > 0.08 and large < 12 and large / max(small, 1e-9) < SQUEEZED)
