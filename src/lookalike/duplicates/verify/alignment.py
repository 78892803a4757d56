"""Two pictures laid upon each other: where they overlap, where they agree, and whether anything has moved."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lookalike.duplicates.verify.agreement import FLOOR, correlation, fixed_by, glance, mean_correlation, noise_of
from lookalike.duplicates.verify.flow import corrected, flow_between, rest_of, shifted
from lookalike.duplicates.verify.frame import Floats, Grey, frame_of, grey_of, half, lay, outline
from lookalike.types import RGBImage

__all__ = ["SURE", "Alignment", "align"]

AGREES = 0.6
"""Correlation of a window from which on the pictures agree there."""

MOVED = 1.5
"""Pixels that a place may lie beside where it should; farther, it has moved."""

HOPELESS = 0.2
"""Correlation, of both at a quarter of their scale, under which a look at the details is not worth its time."""

DIFFERENT, UNLIKE = 0.3, 0.4
"""Mean correlation of the windows, once flow has corrected how they lie, under which two pictures are not one; where
only the look of the whole speaks for it, the second."""

ASTRAY = 0.02
"""Part of the overlap's longer side by which flow may be off any one transform, in the median; beyond, the two have
nothing in common."""

SURE = 25
"""Agreeing keypoints that leave no doubt of how two pictures lie upon each other."""

ROUGH = 32
"""Pixels of the overlap's shorter side, at half its scale, from which on that scale is looked at first."""


@dataclass(frozen=True)
class Alignment:
    """Picture a laid upon picture b.

    Attributes
    ----------
    transform
        (3, 3) float64, pixels of a to pixels of b, refined.
    share_a, share_b
        What part of the area of either the other one shows, 0 to 1.
    fine, coarse
        Mean correlation of the windows that have any texture, at the scale of the coarser picture and at half of it,
        each window weighed by its texture; -1 to 1.
    agreeing
        Part of the textured area of the overlap that agrees (at the better scale).
    moved
        Part of the textured area that agrees only after it is shifted by more than `MOVED` pixels.
    shift
        Pixels by which places are off on average, where they can be found again.
    texture
        Textured pixels in the overlap.
    plain
        Part of the overlap that is plain in both.
    differing
        Part of the textured overlap that does not agree and was not found again near by: covered, or another content.
    fixed
        How firmly what is to be seen decides how the two lie, 0 to 1: see `fixed_by`. 1 where keypoints decide it.
    """

    transform: Floats
    share_a: float
    share_b: float
    fine: float
    coarse: float
    agreeing: float
    moved: float
    shift: float
    texture: int
    plain: float
    differing: float
    fixed: float = 1.0


def align(a: RGBImage, b: RGBImage, transform: Floats, *, negative: bool = False, inliers: int = 0) -> Alignment | None:
    """Lay `a` upon `b`, refine how it lies, and measure; None where too little overlaps, or agrees, to be judged.

    Parameters
    ----------
    a, b
        (height, width, 3) uint8: working pictures.
    transform
        Pixels of a to pixels of b, roughly.
    negative
        Whether a must be turned into its negative first.
    inliers
        Keypoints that agree on it: from `SURE` on it is measured however little agrees.
    """
    least = -1.0 if inliers >= SURE else DIFFERENT if inliers else UNLIKE
    grey_a, grey_b = grey_of(a), grey_of(b)
    if negative:
        grey_a = 255 - grey_a
    overlap = frame_of(grey_a.shape, grey_b.shape, transform)
    if overlap is None:
        return None
    if min(overlap[1]) >= 2 * ROUGH:  # first at half the scale: a quarter of the work, and most are no copies
        half_a, to_a = half(grey_a)
        half_b, to_b = half(grey_b)
        rough = _settled(half_a, half_b, np.linalg.inv(to_b) @ transform @ to_a, 2, least)
        if rough is None:
            return None
        transform = to_b @ rough.transform @ np.linalg.inv(to_a)
        fine = _settled(grey_a, grey_b, transform, 1, -1.0)
    else:
        fine = _settled(grey_a, grey_b, transform, 3, least)
    if fine is None:
        return None
    found = _measured(fine, a.shape[:2], b.shape[:2])
    return found if inliers else replace(found, fixed=min(fixed_by(fine.one, fine.mask), fixed_by(fine.two, fine.mask)))


@dataclass(frozen=True)
class _Laid:
    """Two pictures in one frame, with what is left of the flow between them; both are where `mask` says so."""

    transform: Floats
    one: Grey
    two: Grey
    mask: NDArray[np.bool_]
    flow: NDArray[np.float32]


def _settled(a: Grey, b: Grey, transform: Floats, steps: int, least: float) -> _Laid | None:
    """Let flow correct how a lies upon b, up to `steps` times; None where it is plain that it does not.

    That is where the windows' mean correlation is under `least` once corrected; with -1 nothing is given up.
    """
    sure = least <= -1
    laid: _Laid | None = None
    for step in range(steps):
        frame = frame_of(a.shape, b.shape, transform)
        found = None if frame is None else lay(a, b, transform, frame)
        if frame is None or found is None:
            return None
        one, two, mask = found
        if not sure and (glance(one, two, mask) if step == 0 else mean_correlation(*correlation(one, two), mask)[0]) < (
            HOPELESS if step == 0 else least
        ):
            return None
        flow = flow_between(one, two)
        better, off = corrected(one, two, mask, flow)
        if not sure and step == 0 and off > ASTRAY * max(one.shape):
            return None
        if better is None:
            return _Laid(transform, one, two, mask, flow)
        # `to_b` takes the frame's pixels to b's and `better` the frame's to where they ought to be.
        to_b, _ = frame
        transform = to_b @ better @ np.linalg.inv(to_b) @ transform
        still = np.abs(better[:2, :2] - np.eye(2)).max() < 0.003 and np.abs(better[:2, 2]).max() < 0.4
        if still or step == steps - 1:
            found = lay(a, b, transform, frame)
            if found is None:
                return None
            laid = _Laid(transform, *found, rest_of(flow, better))
            break
    return laid


def _measured(laid: _Laid, size_a: tuple[int, ...], size_b: tuple[int, ...]) -> Alignment:
    import cv2

    transform, one, two, mask, flow = laid.transform, laid.one, laid.two, laid.mask, laid.flow
    share_b = float(cv2.contourArea(outline(transform, size_a, size_b))) / (size_b[0] * size_b[1])
    share_a = float(cv2.contourArea(outline(np.asarray(np.linalg.inv(transform)), size_b, size_a))) / (
        size_a[0] * size_a[1]
    )
    smooth_one, smooth_two = (np.asarray(cv2.GaussianBlur(x, (0, 0), 0.8), np.float32) for x in (one, two))
    noise = max(noise_of(one), noise_of(two))
    alike, texture = correlation(smooth_one, smooth_two, noise * 0.35)
    half_one, half_two = (
        np.asarray(
            cv2.GaussianBlur(cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), (0, 0), 1.0), np.float32
        )
        for x in (one, two)
    )
    half_alike, half_texture = correlation(half_one, half_two)
    half_mask = cv2.resize(mask.astype(np.uint8), half_alike.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    fine, count = mean_correlation(alike, texture, mask)
    coarse, _ = mean_correlation(half_alike, half_texture, half_mask)
    textured = mask & (texture > FLOOR)
    broad = cv2.resize(half_alike, alike.shape[::-1], interpolation=cv2.INTER_LINEAR)
    agrees = textured & (np.maximum(alike, broad) > AGREES)
    again, _ = correlation(smooth_one, shifted(smooth_two, flow))
    off = np.hypot(flow[..., 0], flow[..., 1])
    found = textured & (again > 0.75)
    moved = found & (off > MOVED) & (again > alike + 0.1)
    area = max(int(textured.sum()), 1)
    return Alignment(
        transform, min(share_a, 1.0), min(share_b, 1.0), fine, coarse,
        float(agrees.sum() / area), float(moved.sum() / area),
        float(np.minimum(off[found], 8).mean()) if found.any() else 8.0,
        count, float(1 - textured.sum() / max(int(mask.sum()), 1)),
        float((textured & ~agrees & ~moved).sum() / area),
    )  # fmt: skip
