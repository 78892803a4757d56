"""What counts as a duplicate at each level, and whose vectors are asked for.

The first two levels are proven by bytes and by pixels, the others by local features, geometry and aligned pixels: see
`lookalike.duplicates.verify`.
"""

from __future__ import annotations

from lookalike.defaults import LEVELS
from lookalike.errors import UsageError
from lookalike.types import Verdict

__all__ = ["check_level", "needed_descriptors"]


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
