"""What counts as a duplicate at each level, while only descriptors speak.

The first two levels are proven, by bytes and by pixels. For the others the two descriptors must agree; the thresholds
were chosen on edited copies of photographs among photographs that are no copies (``python bench/thresholds.py
FOLDER``; the table is in docs/explanation/duplicates.md).
"""

from __future__ import annotations

from lookalike.defaults import LEVELS
from lookalike.errors import UsageError
from lookalike.types import Verdict

__all__ = [
    "CROP_COSINE",
    "EDIT_BITS",
    "EDIT_COSINE",
    "SAME_BITS",
    "SAME_COSINE",
    "SCENE_COSINE",
    "check_level",
    "needed_descriptors",
]

SAME_BITS = 31
SAME_COSINE = 0.20
"""same-picture: an upright hash within SAME_BITS of 256, vectors within SAME_COSINE, and the same aspect."""

EDIT_BITS = 40
EDIT_COSINE = 0.50
"""edited: a hash within EDIT_BITS in any of eight orientations, and vectors within EDIT_COSINE; ..."""

CROP_COSINE = 0.06
"""... or vectors within CROP_COSINE, whatever the hash: a crop or a border moves the hash, less so the vector."""

SCENE_COSINE = 0.20
"""same-scene: vectors within SCENE_COSINE."""


def check_level(level: str) -> Verdict:
    """Return `level` if it is one.

    Raises
    ------
    UsageError
        If it is not; the message lists them.
    """
    if level in LEVELS:
        return level  # type: ignore[return-value]
    raise UsageError(f"no level {level!r}: choose one of {', '.join(LEVELS)}")


def needed_descriptors(level: Verdict) -> tuple[str, ...]:
    """Return whose vectors a level asks for."""
    if check_level(level) == "same-file":
        return ()
    return ("pdq",) if level == "same-pixels" else ("pdq", "lite0")
