"""Rows of plain values as Arrow, pandas, polars, or an HTML table. What type a column has is decided here, once.

pyarrow, pandas and polars are imported by the function that needs them; pandas and polars do not need pyarrow.
"""

from __future__ import annotations

import html
import json
import math
import re
import sys
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from lookalike.errors import MissingDependencyError
from lookalike.words import plain, shorten_end, shorten_path, visible

__all__ = [
    "ColumnType",
    "arrow_table",
    "column",
    "html_pairs",
    "html_table",
    "json_text",
    "original_bytes",
    "pandas_frame",
    "polars_frame",
]

ColumnType: TypeAlias = Literal["boolean", "integer", "float", "text", "texts"]
"""What a column holds: "texts" is a list of texts in each row. Any of them may be missing (None)."""

# Types of well-known columns, used where no row tells.
_INTEGERS = {
    "group", "rank", "width", "height", "bytes", "library_bytes", "width_a", "height_a", "width_b", "height_b",
    "bytes_a", "bytes_b", "found", "added", "changed", "unchanged", "failed", "skipped", "read", "embedded", "indexed",
    "missing", "contents", "version", "cluster",
}  # fmt: skip
_FLOATS = {"distance", "probability", "second_probability", "seconds", "x", "y"}
_BOOLEANS = {"keeper", "hardlink", "same_bytes", "same_pixels", "removed", "interrupted"}

# Of a cell in a page.
_LETTERS = 48


def column(name: str, values: Sequence[Any]) -> tuple[ColumnType, list[Any]]:
    r"""Return the type of a column and its values in that type, None where there is none.

    Parameters
    ----------
    name
        Decides where no value does: a column "distance" without a row is of floats.
    values
        Any: see `lookalike.words.plain`. A column that mixes kinds, and one of dicts, becomes text; a text that is
        no UTF-8 (a file's name) is written with escapes, "\\xe9".
    """
    values = [plain(value) for value in values]
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in present):
        return "texts", [None if value is None else list(map(_utf8, value)) for value in values]
    if _all_are(bool, present) if present else name in _BOOLEANS:
        return "boolean", values
    if _all_are(int, present) if present else name in _INTEGERS:
        return "integer", values
    if _all_are((int, float), present) if present else name in _FLOATS:
        return "float", [None if value is None else float(value) for value in values]
    return "text", [None if value is None else _utf8(value) for value in values]


def _all_are(kinds: type | tuple[type, ...], values: list[Any]) -> bool:
    # A bool is an int to Python, but a column of both is text.
    return all(isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool)) for value in values)


def _utf8(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return original_bytes(text).decode("utf-8", "backslashreplace")


def original_bytes(text: str) -> bytes:
    """Return `text` as UTF-8, the surrogate escapes of file names as the bytes that they stand for."""
    try:
        return text.encode("utf-8", sys.getfilesystemencodeerrors())
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def json_text(value: Any, indent: int | None = None) -> str:
    """Return `value` as JSON that is valid UTF-8 whatever the file names are; NaN and infinity are null."""
    text = json.dumps(_finite(plain(value)), ensure_ascii=False, indent=indent, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _finite(value: Any) -> Any:
    """Return `value` with None for the numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[str, ColumnType, list[Any]]]:
    return [(name, *column(name, [row[at] for row in rows])) for at, name in enumerate(names)]


def arrow_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """Return a `pyarrow.Table`: bool, int64, float64, string or list of string, as `column` decides.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingDependencyError("Arrow and Parquet need pyarrow: pip install 'lookalike[parquet]'") from None
    types = {
        "boolean": pa.bool_(),
        "integer": pa.int64(),
        "float": pa.float64(),
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
    }
    arrays = [pa.array(values, types[kind]) for _, kind, values in _columns(names, rows)]
    return pa.Table.from_arrays(arrays, names=list(names))


def pandas_frame(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """Return a `pandas.DataFrame`: bool, int64, float64 and text; boolean and Int64 where values are missing.

    Raises
    ------
    MissingDependencyError
        If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingDependencyError("a data frame needs pandas: pip install pandas") from None
    types = {"boolean": "bool", "integer": "int64", "float": "float64", "text": "str", "texts": "object"}
    missing = {"boolean": "boolean", "integer": "Int64"}
    made = {}
    for at, (_, kind, values) in enumerate(_columns(names, rows)):
        type_ = missing.get(kind, types[kind]) if None in values else types[kind]
        if kind == "text":  # before pandas 3, "str" would write None as "None"
            made[at] = pd.Series(values, dtype="object").astype(pd.Series(["a"]).dtype)
        else:
            made[at] = pd.Series(values, dtype=type_)
    frame = pd.DataFrame(made)
    frame.columns = pd.Index(list(names))
    return frame


def polars_frame(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """Return a `polars.DataFrame`: Boolean, Int64, Float64, String or List(String), as `column` decides.

    Raises
    ------
    MissingDependencyError
        If polars is not installed.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingDependencyError("a polars data frame needs polars: pip install polars") from None
    types: dict[ColumnType, Any] = {
        "boolean": pl.Boolean,
        "integer": pl.Int64,
        "float": pl.Float64,
        "text": pl.String,
        "texts": pl.List(pl.String),
    }
    return pl.DataFrame([pl.Series(name, values, types[kind]) for name, kind, values in _columns(names, rows)])


def html_table(names: Sequence[str], rows: Sequence[Sequence[Any]], *, limit: int = 20) -> str:
    """Return an HTML table of the first `limit` rows, and a line that says how many more there are.

    Columns without a value are left out. Everything is escaped. Colours are those of the page around it, light or dark.
    """
    shown = _columns(names, rows[:limit])
    if rows:
        shown = [one for one in shown if any(value is not None for value in one[2])]
    head = "".join(f"<th{_align(kind)}>{html.escape(visible(name))}</th>" for name, kind, _ in shown)
    body = "".join(
        f"<tr>{''.join(_cell(kind, values[at]) for _, kind, values in shown)}</tr>" for at in range(len(rows[:limit]))
    )
    more = "" if rows else "<p>no rows</p>"
    if len(rows) > limit:
        more = f"<p>{len(rows) - limit:,} more of {len(rows):,} rows</p>"
    return (
        f'<div style="overflow-x:auto"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'
    )


def html_pairs(names: Sequence[str], row: Sequence[Any]) -> str:
    """Return an HTML table of the names and values of one row."""
    pairs = [
        f"<tr><th{_align('text')}>{html.escape(visible(name))}</th>{_cell(kind, values[0], 'text')}</tr>"
        for name, kind, values in _columns(names, [row])
    ]
    return f"<table><tbody>{''.join(pairs)}</tbody></table>"


def _align(kind: ColumnType) -> str:
    side = "right" if kind in ("integer", "float") else "left"
    return f' style="text-align:{side}"'


def _cell(kind: ColumnType, value: Any, align: ColumnType | None = None) -> str:
    text = "" if value is None else _shown(kind, value)
    short = shorten_path(text, _LETTERS) if "/" in text or "\\" in text else shorten_end(text, _LETTERS)
    title = f' title="{html.escape(text)}"' if short != text else ""
    return f"<td{_align(align or kind)}{title}>{html.escape(short)}</td>"


def _shown(kind: ColumnType, value: Any) -> str:
    if kind == "float":
        return f"{value:.4g}" if not abs(value) >= 1e6 else f"{value:,.0f}" if math.isfinite(value) else str(value)
    if kind == "integer":
        return f"{value:,}"
    if kind == "boolean":
        return "yes" if value else "no"
    return visible(", ".join(value) if kind == "texts" else value)
