"""Edits of pictures as people make them, by which Lookalike measures how well it finds copies; and what is no copy.

Pure functions on arrays, decided by their seed alone. What each edit does at each strength stands in
docs/reference/edits.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from lookalike.edits.canvas import Random, finish, not_negative
from lookalike.edits.composition import COMPOSITION, JOINT
from lookalike.edits.geometry import GEOMETRY
from lookalike.edits.light import LIGHT
from lookalike.edits.overlay import OVERLAY
from lookalike.edits.quality import QUALITY
from lookalike.edits.shots import another_shot, documents, plain
from lookalike.errors import UsageError
from lookalike.types import RGBImage

__all__ = ["FAMILIES", "KINDS", "STRENGTHS", "another_shot", "documents", "edit", "links", "plain"]

STRENGTHS = ("weak", "middle", "strong")

_CHAINS = {"chain-2": 2, "chain-3": 3}
_ALONE = {**GEOMETRY, **LIGHT, **QUALITY, **OVERLAY, **COMPOSITION}

FAMILIES: dict[str, str] = {
    **dict.fromkeys(GEOMETRY, "geometry"),
    **dict.fromkeys(LIGHT, "light and colour"),
    **dict.fromkeys(QUALITY, "quality"),
    **dict.fromkeys(OVERLAY, "overlay"),
    **dict.fromkeys((*COMPOSITION, *JOINT), "composition"),
    **dict.fromkeys(_CHAINS, "chain"),
}
"""Each kind of edit with its family."""

KINDS: tuple[str, ...] = tuple(FAMILIES)
"""All kinds of edits."""

# Those that leave little of the picture: a chain has at most one of them.
_COSTLY = {
    *("resize-down", "square", "crop-corner", "crop-centre", "crop-strip", "rotate-inside", "perspective", "posterise"),
    *("jpeg", "webp", "blur", "motion-blur", "pixelate", "printed", "occlusion", "stickers", "text-over"),
    *("pasted", "blended", "collage", "screenshot"),
}
_STEPS = {2: ((0, 0), (1, 1), (2, 1)), 3: ((0, 0, 0), (1, 1, 0), (2, 1, 1))}


def edit(image: RGBImage, kind: str, strength: str, seed: int, others: Sequence[RGBImage] = ()) -> RGBImage:
    """Return a copy of a picture, edited.

    Parameters
    ----------
    image
        (height, width, 3) uint8, at least 1 x 1; untouched.
    kind
        One of `KINDS`.
    strength
        One of `STRENGTHS`. The same seed draws the same direction, place and words at each.
    seed
        Decides all that is drawn by lot: 0 or more. Give each picture its own.
    others
        Pictures that this one may be pasted into, covered by or put into a collage with.

    Returns
    -------
    RGBImage
        Contiguous, never empty, of any size.

    Raises
    ------
    UsageError
        If kind or strength is unknown, the seed is negative, the array is no picture, or `others` is empty for a kind
        that needs one.
    """
    if kind not in FAMILIES:
        raise UsageError(f"there is no edit {kind!r}: choose one of {', '.join(KINDS)}")
    _check(image, strength, seed)
    whole = np.ascontiguousarray(image)
    for step, (part, level) in enumerate(links(kind, strength, seed, bool(others))):
        random = _random(kind, seed, step)
        if part in JOINT:
            if not others:
                raise UsageError(f"the edit {part!r} needs another picture: give at least one")
            whole = JOINT[part](whole, STRENGTHS.index(level), random, others)
        else:
            whole = _ALONE[part](whole, STRENGTHS.index(level), random)
    return finish(whole, image, *others)


def links(kind: str, strength: str, seed: int, joint: bool = True) -> tuple[tuple[str, str], ...]:
    """Return which edits, and at which strengths, an edit is made of: itself, or the links of a chain.

    Parameters
    ----------
    kind, strength, seed
        As for `edit`.
    joint
        Whether there are other pictures; a chain has no link that needs one if not.

    Returns
    -------
    tuple
        Pairs of kind and strength in the order in which they are made. Those of a chain are of families of their own,
        and at most one of them costs much of the picture.
    """
    if kind not in _CHAINS:
        return ((kind, strength),)
    random = _random(kind, seed, 99)
    levels = random.permutation(_STEPS[_CHAINS[kind]][STRENGTHS.index(strength)])
    chosen: list[str] = []
    for _ in levels:
        taken, costly = {FAMILIES[one] for one in chosen}, any(one in _COSTLY for one in chosen)
        free = [
            one
            for one in (*_ALONE, *(JOINT if joint else ()))
            if FAMILIES[one] not in taken and not (costly and one in _COSTLY)
        ]
        family = sorted({FAMILIES[one] for one in free})[int(random.integers(len({FAMILIES[one] for one in free})))]
        free = [one for one in free if FAMILIES[one] == family]
        chosen.append(free[int(random.integers(len(free)))])
    return tuple((one, STRENGTHS[level]) for one, level in zip(chosen, levels, strict=True))


def _random(kind: str, seed: int, step: int) -> Random:
    return np.random.default_rng([seed, zlib.crc32(kind.encode()), step])


def _check(image: RGBImage, strength: str, seed: int) -> None:
    if strength not in STRENGTHS:
        raise UsageError(f"there is no strength {strength!r}: choose one of {', '.join(STRENGTHS)}")
    not_negative("a seed", seed)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise UsageError(f"a picture is (height, width, 3) uint8, not {image.shape} {image.dtype}")
