"""What two pictures that look the same may still differ in: transparency, low bits, later frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lookalike.decode import hidden_difference
from lookalike.errors import ImageError, TooLargeError
from lookalike.results import Evidence

__all__ = ["less_hidden"]


def less_hidden(
    evidence: Evidence,
    formats: tuple[str, str],
    sizes: tuple[tuple[int, int], tuple[int, int]],
    read: Callable[[], tuple[bytes, bytes]],
) -> Evidence:
    """Return evidence, or that the two are no copies where they differ in what verification does not look at.

    Parameters
    ----------
    evidence
        Of two pictures, as `judge` gives it.
    formats, sizes
        Of both.
    read
        Returns the bytes of both; called only where anything can be hidden: copies of one size, neither of them a JPEG.

    Notes
    -----
    Verification sees 8-bit colours on white of the first frame. Two that are equal in these but not in their
    transparency, in the low half of 16 bits, or in later frames, are other pictures: neither may replace the other.
    A picture that cannot be read again keeps its evidence. One too large to be compared so is no copy of another.
    """
    if evidence.verdict not in ("same-picture", "edited") or sizes[0] != sizes[1] or "JPEG" in formats:
        return evidence
    try:
        words = hidden_difference(*read())
    except TooLargeError as error:
        words = f"too large to compare every sample: {error}"
    except ImageError:
        return evidence
    if words is None:
        return evidence
    return replace(evidence, verdict="related", probability=0.0, reason=words, reason_back=words, edits=())
