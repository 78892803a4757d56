"""One pair of pictures: what is measured of it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.local import local_features, working_picture
from lookalike.duplicates.verify.alignment import SURE, Alignment, align
from lookalike.duplicates.verify.matching import Pose, poses
from lookalike.duplicates.verify.poses import whole_poses
from lookalike.types import LocalFeatures, RGBImage

__all__ = ["MEASURES", "Look", "Measured", "in_order", "look", "measure", "turned_about"]

MEASURES = (
    "inliers", "ratio", "fine", "coarse", "agreeing", "moved", "shift", "differing", "texture", "larger_share",
    "smaller_share", "glance", "coverage",
)  # fmt: skip
"""What the probability rests on, in this order: see `Measured.row`."""

WHOLE = 0.45
"""Correlation of the whole pictures, very small, from which on they are laid upon each other without keypoints."""

CELLS = 6
"""Rows and columns of the grid over the overlap by which `Measured.coverage` is counted."""

SHOWN, FIXED = 100, 3e-5
"""Textured pixels of the overlap, and how firmly these decide how two pictures lie upon each other, from which on there
is anything to judge by where no keypoints agree."""


@dataclass(frozen=True)
class Look:
    """A picture as verification needs it: its working picture and the local features of that."""

    picture: RGBImage
    features: LocalFeatures


@dataclass(frozen=True)
class Measured:
    """The best way found to lay picture a upon picture b; all None where there is none.

    Attributes
    ----------
    pose
        By keypoints; None where the whole pictures were laid upon each other.
    mirrored, negative
        Whether a is so in b.
    alignment
        What the aligned pixels say.
    glance
        Correlation of the whole pictures at 24 x 24 pixels, the best of eight orientations.
    coverage
        Part of the overlap, of its cells that hold keypoints, in which any agrees; 0 without such.
    """

    pose: Pose | None
    mirrored: bool
    negative: bool
    alignment: Alignment | None
    glance: float
    coverage: float = 0.0

    @property
    def shows(self) -> bool:
        """Whether there is anything by which the two could be told to be one: plain pictures are all alike."""
        a = self.alignment
        return self.pose is not None or (a is not None and a.texture >= SHOWN and a.fixed >= FIXED)

    def row(self) -> NDArray[np.float64]:
        """Return the numbers named in `MEASURES`."""
        inliers = 0 if self.pose is None else len(self.pose.points_a)
        ratio = 0.0 if self.pose is None else inliers / max(self.pose.matches, 1)
        a = self.alignment
        if a is None:
            return np.array([np.log1p(inliers), ratio, 0, 0, 0, 0, 8, 1, 0, 0, 0, self.glance, self.coverage])
        return np.array(
            [
                np.log1p(inliers), ratio, a.fine, a.coarse, a.agreeing, a.moved, a.shift, a.differing,
                np.log1p(a.texture), max(a.share_a, a.share_b), min(a.share_a, a.share_b), self.glance,
                self.coverage,
            ]
        )  # fmt: skip


def look(image: RGBImage) -> Look:
    """Return what verification needs of a picture."""
    small = working_picture(image)
    return Look(small, local_features(small))


def measure(a: Look, b: Look) -> Measured:
    """Find the best way to lay `a` upon `b`, and measure how well it holds; the same for (b, a), but turned about."""
    return _measured(a, b) if in_order(a, b) else turned_about(_measured(b, a))


def in_order(a: Look, b: Look) -> bool:
    """Say whether `a` is the one that is laid upon the other: so that what is found depends on no order."""
    return _key(a) <= _key(b)


def _key(one: Look) -> tuple[int, int]:
    return one.picture.size, zlib.crc32(one.picture.tobytes())


def turned_about(found: Measured) -> Measured:
    """Return what was measured of (a, b) as it would have been of (b, a)."""
    pose, alignment = found.pose, found.alignment
    if pose is not None:
        back = np.linalg.inv(pose.transform)
        pose = replace(pose, transform=back / back[2, 2], points_a=pose.points_b, points_b=pose.points_a)
    if alignment is not None:
        back = np.linalg.inv(alignment.transform)
        alignment = replace(
            alignment, transform=back / back[2, 2], share_a=alignment.share_b, share_b=alignment.share_a
        )
    return replace(found, pose=pose, alignment=alignment)


def _measured(a: Look, b: Look) -> Measured:
    found = poses(a.features, b.features)
    whole = whole_poses(a.picture, b.picture)
    glance = whole[0][3] if whole else 0.0
    best = Measured(found[0] if found else None, False, False, None, glance)
    most = -1.0
    for pose in found:
        inliers = len(pose.points_a)
        alignment = align(a.picture, b.picture, pose.transform, negative=pose.negative, inliers=inliers)
        if alignment is not None and (worth := _worth(alignment, len(pose.points_a))) > most:
            most, best = worth, Measured(pose, pose.mirrored, pose.negative, alignment, glance)
    if not found or len(found[0].points_a) < SURE:
        for transform, mirrored, negative, alike in whole:
            if alike < WHOLE:
                continue
            alignment = align(a.picture, b.picture, transform, negative=negative)
            if alignment is not None and (worth := _worth(alignment, 0)) > most:
                fitting = [p for p in found if (p.mirrored, p.negative) == (mirrored, negative)]
                agreeing = next((p for p in fitting if _same_way(p, alignment, b)), None)
                most, best = worth, Measured(agreeing, mirrored, negative, alignment, glance)
    return best if best.pose is None else replace(best, coverage=_coverage(best.pose, a.features, b.features))


def _coverage(pose: Pose, a: LocalFeatures, b: LocalFeatures) -> float:
    """Return in what part of the overlap's cells that hold keypoints of `a` any agrees."""
    there = np.column_stack([a.points[:, :2], np.ones(len(a.points))]) @ pose.transform.T
    there = there[:, :2] / there[:, 2:]
    there = there[np.all((there >= 0) & (there < (b.width, b.height)), axis=1)]
    if not len(there):
        return 0.0
    low, high = there.min(0), there.max(0)

    def cells(points: NDArray[np.float64]) -> NDArray[np.int64]:
        column, row = np.clip((points - low) / np.maximum(high - low, 1) * CELLS, 0, CELLS - 1).astype(np.int64).T
        return np.bincount(CELLS * row + column, minlength=CELLS * CELLS).astype(np.int64)

    held, agreeing = cells(there) >= 2, cells(pose.points_b) > 0
    return float((held & agreeing).sum() / max(int((held | agreeing).sum()), 1))


def _worth(alignment: Alignment, inliers: int) -> float:
    """Return how good a way is, to choose among the ways of one pair."""
    seen = min(1.0, alignment.texture / 400)
    return (alignment.agreeing + alignment.coarse - alignment.moved) * seen + min(inliers, 40) / 40


def _same_way(pose: Pose, alignment: Alignment, b: Look) -> bool:
    """Say whether the keypoints of a pose lie where an alignment puts them."""
    there = np.column_stack([pose.points_a, np.ones(len(pose.points_a))]) @ alignment.transform.T
    apart = np.hypot(*(there[:, :2] / there[:, 2:] - pose.points_b).T)
    return bool(np.median(apart) < 0.03 * max(b.picture.shape[:2]))
