"""The classes on a map: which there are, in which order, in which colours."""

from __future__ import annotations

import colorsys
from collections import Counter
from dataclasses import dataclass

from lookalike.projection import Projection
from lookalike.words import visible

__all__ = ["MapClass", "classes_of"]

GREY = "#8b8f98"

# All of them can be told from white and from nearly black paper.
_COLOURS = (
    "#2f7ed8", "#e4572e", "#2a9d5c", "#b05fd0", "#d18f00", "#12a5b8",
    "#d6478a", "#7f8f1d", "#96745a", "#6573e6", "#c43d3d", "#3aa58f",
)  # fmt: skip

_REST = {None: "no label", "-1": "unclustered"}


@dataclass(frozen=True)
class MapClass:
    """A label on a map. `colour` is "#rrggbb"."""

    name: str
    colour: str
    count: int


def classes_of(projection: Projection) -> tuple[list[MapClass], list[int]]:
    """Return the classes, and the number of each picture's class.

    Numbers are in numeric order, other labels in the order of letters; "unclustered" (the label "-1") and "no label"
    come last, in grey. Without labels there is one class, "pictures".
    """
    if not projection.labels:
        return [MapClass("pictures", _COLOURS[0], len(projection))], [0] * len(projection)
    counts = Counter(projection.labels)
    named = [label for label in counts if label not in _REST]
    if all(str(label).isdecimal() for label in named):
        named.sort(key=lambda label: int(label or 0))
    else:
        named.sort(key=lambda label: (str(label).casefold(), str(label)))
    ordered = [*named, *(label for label in ("-1", None) if label in counts)]
    classes = [
        MapClass(_REST.get(label) or visible(str(label)), GREY if label in _REST else _colour(at), counts[label])
        for at, label in enumerate(ordered)
    ]
    place = {label: at for at, label in enumerate(ordered)}
    return classes, [place[label] for label in projection.labels]


def _colour(at: int) -> str:
    """Return the colour of a class: twelve chosen ones, then hues a golden angle apart in changing depth."""
    if at < len(_COLOURS):
        return _COLOURS[at]
    rgb = colorsys.hls_to_rgb((0.07 + at * 0.618034) % 1, (0.42, 0.55, 0.48)[at % 3], (0.75, 0.5, 0.9)[at // 3 % 3])
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)
