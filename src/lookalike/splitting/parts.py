"""How large the parts of a split are to be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError

__all__ = ["REST", "Part", "equal_folds", "parse_parts", "targets"]

REST = "rest"
"""The part of what no other asks for."""

_AMOUNT = re.compile(r"(?:(?P<share>\d*\.?\d+)(?P<percent>\s*%)?|(?P<each>\d+)\s+each|(?P<rest>rest))")
_COLON_NAMES = {2: ("train", "test"), 3: ("train", "val", "test")}


@dataclass(frozen=True)
class Part:
    """One side of a split: `each` pictures of every label, or a `share`, 0 to 1, of what such parts leave over."""

    name: str
    share: float = 0.0
    each: int | None = None


def parse_parts(text: str) -> tuple[Part, ...]:
    """Return what a text asks for.

    Parameters
    ----------
    text
        ``train=.7,val=.15,test=.15``: shares (``15%`` is the same as ``.15``). ``train=30 each,test=rest``: 30 pictures
        of every label, and all others; shares beside such a number are shares of what it leaves over. ``75:25``: train
        and test; ``70:15:15``: train, val, test. What no part asks for makes a part called rest.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if ":" in text:
        numbers = [float(number) if re.fullmatch(r"\s*\d*\.?\d+\s*", number) else 0.0 for number in text.split(":")]
        if len(numbers) not in _COLON_NAMES or not all(numbers):
            raise UsageError(f"{text!r} is no ratio of parts: write 75:25, 70:15:15 or train=.7,val=.15,test=.15")
        whole = sum(numbers)
        return tuple(Part(n, x / whole) for n, x in zip(_COLON_NAMES[len(numbers)], numbers, strict=True))
    parts = [_read_part(item) for item in text.split(",")]
    names = [part.name for part in parts]
    takers = [at for at, part in enumerate(parts) if part.each is None and not part.share]
    over = 1 - sum(part.share for part in parts)
    if len(set(names)) < len(names):
        raise UsageError(f"{text!r} asks twice for a part of one name: call them differently")
    if len(takers) > 1:
        raise UsageError(f"{text!r} has several parts that take the rest: leave one")
    if over < -1e-6 or (takers and over < 1e-6):
        raise UsageError(f"the shares of {text!r} add up to {1 - over:g}: make them smaller")
    if takers:
        parts[takers[0]] = Part(names[takers[0]], over)
    elif over > 1e-6:
        if REST in names:
            raise UsageError(f"{text!r} leaves something over, and its part {REST} is taken: write {REST}={REST}")
        parts.append(Part(REST, over))
    return tuple(parts)


def _read_part(item: str) -> Part:
    """Return what one item asks for; the rest is a share of 0."""
    name, _, amount = (word.strip() for word in item.partition("="))
    match = _AMOUNT.fullmatch(amount)
    if not name or match is None:
        raise UsageError(f"{item.strip()!r} is no part: write train=.7, train=70%, train=30 each or test=rest")
    if match["rest"]:
        return Part(name)
    number = float(match["each"] or match["share"])
    if number <= 0:
        raise UsageError(f"{item.strip()!r} asks for nothing: leave it out")
    if match["each"]:
        return Part(name, each=int(number))
    share = number / (100 if match["percent"] else 1)
    if share > 1:
        raise UsageError(f"{item.strip()!r} is more than all: write {name}={number:g} each, or a share")
    return Part(name, share)


def equal_folds(folds: int) -> tuple[Part, ...]:
    """Return parts of equal shares, called by their numbers from 1."""
    if folds < 2:
        raise UsageError(f"there are at least 2 folds, not {folds}")
    return tuple(Part(str(number), 1 / folds) for number in range(1, folds + 1))


def targets(counts: NDArray[Any], asked: Sequence[Part]) -> NDArray[np.float64]:
    """Return how many pictures of each label each part is to have: (labels, parts)."""
    left = counts.astype(np.float64)
    wanted = np.zeros((len(counts), len(asked)))
    for at, part in enumerate(asked):
        if part.each is not None:
            wanted[:, at] = np.minimum(part.each, left)
            left -= wanted[:, at]
    for at, part in enumerate(asked):
        if part.each is None:
            wanted[:, at] = left * part.share
    return wanted
