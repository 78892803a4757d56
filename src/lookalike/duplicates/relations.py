"""Pairs of contents for tasks that need each of them: what equals in pixels is one, all others are pairs."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.duplicates.find import Pair
from lookalike.duplicates.sides import Apart
from lookalike.splitting import connected

__all__ = ["merged"]


def merged(contents: Sequence[int], pairs: Sequence[Pair], apart: Apart) -> tuple[dict[int, int], list[Pair]]:
    """Return the number of each content's class of equal pixels, and the pairs that no class says.

    Parameters
    ----------
    contents
        Ids, each once.
    pairs
        As found: see `Found`.
    apart
        What it was decided shall be no pair. A content of which anything was decided is a class of its own.

    Returns
    -------
    tuple
        Classes from 0; and each pair whose two contents are not in one class.
    """

    def equal(pair: Pair) -> bool:
        return pair.verdict == "same-pixels" and not (apart.concerns(pair.a) or apart.concerns(pair.b))

    numbers = connected(contents, [(pair.a, pair.b) for pair in pairs if equal(pair)])
    return dict(zip(contents, numbers, strict=True)), [pair for pair in pairs if not equal(pair)]
