"""From two pictures to a verdict with its probability and its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lookalike.defaults import PROBABILITY
from lookalike.duplicates.verify.describe import Changes, changes, framing, in_words, percent
from lookalike.duplicates.verify.pair import Look, Measured, in_order, look, measure, turned_about
from lookalike.duplicates.verify.probability import copy_probability, scene_probability
from lookalike.results import Evidence
from lookalike.types import RGBImage, Verdict

__all__ = ["RELATED", "CopyVerifier", "judge", "looked_apart", "proven"]

NOTHING = 0.01
"""Probability below which it is given as 0: differences there mean nothing, and pictures are ordered by it."""

RELATED = 0.45
"""Cosine distance by lite0 within which pictures that are no copies are related: see docs/explanation/duplicates.md."""


class CopyVerifier:
    """Tells copies from look-alikes by local features, geometry and aligned pixels; a `lookalike.types.Verifier`."""

    def verify(self, a: RGBImage, b: RGBImage) -> Evidence:
        """Return what `a` is to `b`.

        Parameters
        ----------
        a, b
            (height, width, 3) uint8, of any size; untouched.

        Returns
        -------
        Evidence
            Its verdict is at best "same-picture": bytes and samples are not compared here.
        """
        one, two = look(a), look(b)
        sizes = [(image.shape[1], image.shape[0]) for image in (a, b)]
        return judge(one, two, sizes[0], sizes[1])


def judge(
    a: Look, b: Look, size_a: tuple[int, int], size_b: tuple[int, int], distance: float | None = None
) -> Evidence:
    """Return what picture `a` is to picture `b`.

    Parameters
    ----------
    a, b
        See `look`.
    size_a, size_b
        (width, height) at full size.
    distance
        Cosine distance by lite0, to tell related pictures from unrelated ones; None if it is not known: then what is no
        copy and no other shot is "unrelated".
    """
    if in_order(a, b):
        return _judged(a, b, size_a, size_b, distance)
    return _judged(b, a, size_b, size_a, distance).turned()


def _judged(a: Look, b: Look, size_a: tuple[int, int], size_b: tuple[int, int], distance: float | None) -> Evidence:
    measured = measure(a, b)
    row = measured.row()
    copy = copy_probability(row) if measured.shows else 0.0
    copy = copy if copy >= NOTHING else 0.0
    scene = scene_probability(row) if measured.shows else 0.0
    found = changes(a, b, measured, size_a, size_b) if scene >= PROBABILITY else None
    words: tuple[str, ...] = ()
    back = ""
    framed = 0
    verdict: Verdict
    if copy >= PROBABILITY and found is not None:
        framed = framing(a, b, measured)
        words = in_words(measured, found, framed)
        same = _is_whole(measured, found, size_a, size_b)
        verdict = "same-picture" if same else "edited"
        reason = ", ".join(words) or _little(same, size_a, size_b)
        about = turned_about(measured)
        words_back = in_words(about, found.turned_about(measured.mirrored), -framed)
        back = ", ".join(words_back) or _little(same, size_b, size_a)
    elif scene >= PROBABILITY and measured.alignment is not None:
        verdict = "same-scene"
        reason = _scene_words(measured)
    else:
        verdict, reason = looked_apart(distance)
    greyer = 0 if found is None else int(found.grey_b) - int(found.grey_a)
    evidence = _evidence(measured, verdict, copy, scene, reason, words)
    return replace(evidence, reason_back=back or reason, framed=framed, greyer=greyer)


def looked_apart(distance: float | None) -> tuple[Verdict, str]:
    """Return the verdict, and why, of two pictures that are no copies and no shots of one scene: see `judge`."""
    if distance is not None and distance <= RELATED:
        return "related", "alike in content, no part in common"
    return "unrelated", "no part in common"


def proven(verdict: Verdict, reason: str) -> Evidence:
    """Return the evidence of two pictures whose bytes or samples are equal."""
    return Evidence(verdict, 1.0, reason, 1.0, np.eye(3), share_a=1.0, share_b=1.0, agreement=1.0)


def _evidence(
    measured: Measured, verdict: Verdict, copy: float, scene: float, reason: str, words: Sequence[str]
) -> Evidence:
    pose, alignment = measured.pose, measured.alignment
    empty = np.empty((0, 2))
    return Evidence(
        verdict, copy, reason, scene,
        transform=None if alignment is None else alignment.transform,
        mirrored=measured.mirrored, negative=measured.negative,
        inliers=0 if pose is None else len(pose.points_a),
        points_a=empty if pose is None else pose.points_a, points_b=empty if pose is None else pose.points_b,
        share_a=0.0 if alignment is None else alignment.share_a,
        share_b=0.0 if alignment is None else alignment.share_b,
        agreement=0.0 if alignment is None else alignment.agreeing, moved=0.0 if alignment is None else alignment.moved,
        edits=tuple(words),
    )  # fmt: skip


def _is_whole(measured: Measured, found: Changes, size_a: tuple[int, int], size_b: tuple[int, int]) -> bool:
    """Say whether nothing but size, format and compression differs."""
    a = measured.alignment
    if a is None or measured.mirrored or measured.negative or min(a.share_a, a.share_b) < 0.97:
        return False
    aspect = (size_a[0] * size_b[1]) / max(size_a[1] * size_b[0], 1)
    straight = abs(found.turn) < 0.6 and found.stretch < 1.025 and found.perspective < 1.04 and abs(aspect - 1) < 0.025
    light = abs(found.brightness) < 4 and 0.93 < found.contrast < 1.07 and found.grey_a == found.grey_b
    colour = (found.saturation is None or 0.85 < found.saturation < 1.18) and abs(found.hue) < 6
    if size_a == size_b and not 0.55 < found.sharpness < 1.8:
        return False  # between sizes, sharpness changes of itself
    if max(found.noise_a, found.noise_b) > 2 * min(found.noise_a, found.noise_b) + 3:
        return False
    return straight and light and colour and a.agreeing > 0.9 and a.differing < 0.05 and a.moved < 0.05


def _little(same: bool, size_a: tuple[int, int], size_b: tuple[int, int]) -> str:
    return "the same picture" + (_size_words(size_a, size_b) if same else ", little changed")


def _size_words(size_a: tuple[int, int], size_b: tuple[int, int]) -> str:
    if size_a == size_b:
        return ", compressed anew"
    return f", {size_a[0]} x {size_a[1]} beside {size_b[0]} x {size_b[1]}"


def _scene_words(measured: Measured) -> str:
    a = measured.alignment
    assert a is not None
    return f"another shot of the scene: {percent(a.moved)} of what is shared has moved, {percent(a.differing)} differs"
