"""Which picture of a group to keep, and why in words.

The order of the reasons, first difference decides: more pixels; a larger file (less compressed); older; the shorter
name; the name that sorts first.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from lookalike.types import Uri

__all__ = ["Candidate", "keeping_reason", "preference"]


@dataclass(frozen=True)
class Candidate:
    """What is known of a picture that might be kept. `mtime_ns` is 0 where unknown."""

    uri: Uri
    width: int
    height: int
    size: int
    mtime_ns: int


def _key(candidate: Candidate) -> tuple[int, int, int, int, bytes]:
    return (
        -candidate.width * candidate.height,
        -candidate.size,
        candidate.mtime_ns or 1 << 63,
        len(candidate.uri),
        os.fsencode(candidate.uri),
    )


def preference(candidates: Sequence[Candidate]) -> list[int]:
    """Return for each candidate its place in the order of keeping, 0 for the one to keep above all."""
    order = sorted(range(len(candidates)), key=lambda at: _key(candidates[at]))
    places = [0] * len(candidates)
    for place, at in enumerate(order):
        places[at] = place
    return places


def keeping_reason(keeper: Candidate, others: Sequence[Candidate]) -> str:
    """Say in words why `keeper` is kept rather than any of `others`."""
    if all(keeper.width * keeper.height > other.width * other.height for other in others):
        return f"most pixels: {keeper.width} x {keeper.height}"
    if all((keeper.width * keeper.height, keeper.size) > (other.width * other.height, other.size) for other in others):
        return "least compressed: the largest file of its size in pixels"
    mine = _key(keeper)
    nearest = min((_key(other) for other in others), default=mine)
    words = ("most pixels", "largest file", "oldest file", "shortest name", "first by name")
    return next((word for word, a, b in zip(words, mine, nearest, strict=True) if a != b), words[-1])
