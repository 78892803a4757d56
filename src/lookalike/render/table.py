"""Rows as an aligned table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lookalike.types import Rows
from lookalike.words import cell_width, human_bytes, plain, shorten_end, shorten_path, split_path, visible

__all__ = ["table_text"]

_GAP = "  "
_SENTENCES = ("reason", "error", "detail", "message")
_FLAGS = {"keeper", "hardlink"}  # said only where they hold
_GROUPING = ("group", "query")
# What a table is read for: these columns are shown however narrow the terminal is.
_ALWAYS_SHOWN = (
    "group", "query", "rank", "uri", "a", "b", "keeper", "descriptor", "distance", "verdict", "error", "reason",
    "state",
)  # fmt: skip
# Columns are left out before paths and sentences get narrower than this: a path of 12 letters tells less than no width.
_COMFORTABLE_PATH, _COMFORTABLE_TEXT = 32, 24
# Where nothing is left to leave out.
_LEAST_TEXT = 12

_BOLD, _DIM, _END = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def table_text(rows: Rows, *, colour: bool = False, width: int | None = None) -> str:
    """Return `rows` as lines of text.

    Parameters
    ----------
    rows
        `single` rows, and one row that is too wide, become a list of names and values.
    colour
        With ANSI codes.
    width
        In terminal columns; None shortens nothing and leaves nothing out.

    Returns
    -------
    str
        Ends with a newline. Paths are shortened in the middle, sentences at the end, and then columns are left out
        from the right, which the last line says. Columns in which every row is empty are not shown. Names that are
        not UTF-8 keep their surrogate escapes.
    """
    if rows.single:
        return _pairs(rows, colour, width)
    columns = [_Column(name, [row[at] for row in rows.values]) for at, name in enumerate(rows.columns)]
    columns = [column for column in columns if not rows.values or not column.empty] or columns
    columns, dropped = _fit(columns, width)
    if dropped and len(rows.values) == 1:
        return _pairs(rows, colour, width)
    lines = [_line([column.heading() for column in columns], _BOLD if colour else "")]
    lines += [_line([column.cell(at, colour) for column in columns]) for at in range(len(rows.values))]
    if dropped:
        lines.append(f"(no room for {', '.join(dropped)}: use a wider terminal or --format csv)")
    return "\n".join(lines) + "\n"


class _Column:
    """One column as text, and the width it may take."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        values = [plain(value) for value in values]
        self.empty = all(_is_nothing(name, value) for value in values)
        self.texts, self.right = _texts(name, values)
        if name in _GROUPING:
            self.texts = ["" if at and text == self.texts[at - 1] else text for at, text in enumerate(self.texts)]
        self.natural = max(map(cell_width, [name, *self.texts]))
        text_only = any(isinstance(value, str | list | dict) for value in values)
        self.least = self.comfortable = self.natural
        if text_only:
            comfortable = _COMFORTABLE_TEXT if name in _SENTENCES else _COMFORTABLE_PATH
            self.comfortable = min(self.natural, comfortable)
            self.least = min(self.natural, max(_LEAST_TEXT, cell_width(name)))
        self.width = self.natural

    def heading(self) -> str:
        return self._padded(self.name, self.name)

    def cell(self, at: int, colour: bool) -> str:
        text = self.texts[at]
        shorten = shorten_end if self.name in _SENTENCES else shorten_path
        text = shown = shorten(text, self.width)
        folder, name = split_path(text)
        if colour and folder and self.name not in _SENTENCES:
            shown = f"{_DIM}{folder}{_END}{name}"
        return self._padded(text, shown)

    def _padded(self, text: str, shown: str) -> str:
        blank = " " * (self.width - cell_width(text))
        return blank + shown if self.right else shown + blank


def _is_nothing(name: str, value: Any) -> bool:
    return value is None or value in ("", []) or (value is False and name in _FLAGS)


def _line(cells: Sequence[str], style: str = "") -> str:
    line = _GAP.join(cells).rstrip()
    return f"{style}{line}{_END}" if style else line


def _fit(columns: list[_Column], width: int | None) -> tuple[list[_Column], list[str]]:
    """Set every column's width, and return those that have room and the names of those that have not."""
    if width is None:
        return columns, []
    columns = list(columns)
    dropped: list[str] = []
    while sum(column.comfortable for column in columns) + len(_GAP) * (len(columns) - 1) > width:
        optional = [column for column in columns if column.name not in _ALWAYS_SHOWN]
        if not optional:
            break
        columns.remove(optional[-1])
        dropped.insert(0, optional[-1].name)
    excess = sum(column.natural for column in columns) + len(_GAP) * (len(columns) - 1) - width
    while excess > 0:
        # The widest gives way first, down to the next widest, so that short columns stay whole.
        widest = max(columns, key=lambda column: column.width - column.least, default=None)
        if widest is None or widest.width == widest.least:
            break
        widest.width -= 1
        excess -= 1
    return columns, dropped


def _texts(name: str, values: Sequence[Any]) -> tuple[list[str], bool]:
    """Return a column's cells as text, and whether they stand at the right."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        no = "" if name in _FLAGS else "no"
        return ["" if value is None else "yes" if value else no for value in values], False
    if present and all(isinstance(value, int) for value in present):
        as_size = name == "bytes" or name.endswith("_bytes")
        return ["" if value is None else human_bytes(value) if as_size else str(value) for value in values], True
    if present and all(isinstance(value, int | float) for value in present):
        return _float_texts(values), True
    return [_text(value) for value in values], False


def _float_texts(values: Sequence[float | None]) -> list[str]:
    present = [value for value in values if value is not None and abs(value) < float("inf")]
    if all(value == round(value) for value in present) and any(abs(value) > 2 for value in present):
        pattern = ".0f"  # bits
    else:
        pattern = ".4f" if all(abs(value) < 100 for value in present) else ".4g"
    return ["" if value is None else format(value, pattern) for value in values]


def _text(value: Any) -> str:
    """Return one value as one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{visible(key, surrogates=False)} {_text(item)}" for key, item in value.items())
    if isinstance(value, float):
        return format(value, ".4g")
    return visible(value, surrogates=False) if isinstance(value, str) else json.dumps(value)


def _pairs(rows: Rows, colour: bool, width: int | None) -> str:
    """Return each row as a list of names and values; a value that is a list takes a line per item."""
    indent = max(map(cell_width, rows.columns), default=0)
    room = None if width is None else max(width - indent - len(_GAP), _LEAST_TEXT)
    lines = []
    for row in rows.values:
        for name, raw in zip(rows.columns, row, strict=True):
            value = plain(raw)
            as_size = (name == "bytes" or name.endswith("_bytes")) and isinstance(value, int)
            items = value if isinstance(value, list) else [human_bytes(value) if as_size else value]
            for at, text in enumerate(map(_text, items or [None])):
                shorten = shorten_end if name in _SENTENCES else shorten_path
                label = ("" if at else name).ljust(indent)
                text = text if room is None else shorten(text, room)
                lines.append(f"{_BOLD}{label}{_END}{_GAP}{text}" if colour and not at else f"{label}{_GAP}{text}")
    return "\n".join(line.rstrip() for line in lines) + "\n"
