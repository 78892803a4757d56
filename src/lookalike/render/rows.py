"""Rows as table, CSV, JSON, JSON lines or Parquet, and the file they are written to."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, get_args

from lookalike.durable import replacing
from lookalike.errors import LookalikeError, UsageError
from lookalike.frames import json_text, original_bytes
from lookalike.render.table import table_text
from lookalike.types import Rows
from lookalike.words import plain

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FACES", "Face", "face_of", "write_file", "write_rows"]

Face: TypeAlias = Literal["table", "csv", "json", "jsonl", "parquet", "png", "html", "junit", "github"]
FACES: tuple[Face, ...] = get_args(Face)

_SUFFIXES: dict[str, Face] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".png": "png",
    ".html": "html",
    ".htm": "html",
    ".xml": "junit",
    ".txt": "table",
}


def write_rows(
    rows: Rows,
    face: Literal["table", "csv", "json", "jsonl", "parquet"],
    stream: BinaryIO,
    *,
    colour: bool = False,
    width: int | None = None,
) -> None:
    r"""Write `rows` to a binary stream, so that a file name that is not UTF-8 can be written as it is.

    Parameters
    ----------
    rows
        `single` rows become one JSON object, and a table of names and values.
    face
        "csv": RFC 4180 with "\n", always a header; None is empty, lists and dicts are JSON. "json": a list of objects.
        "jsonl": an object per line. "parquet": typed columns. "table": for people, see `table_text`.
    stream
        ``sys.stdout.buffer`` or a file opened for bytes.
    colour, width
        Of a table: ANSI codes; terminal columns to stay within, None for no limit.

    Raises
    ------
    MissingDependencyError
        If pyarrow is needed and not installed.
    UsageError
        If rows cannot be shown with that face.

    Notes
    -----
    Floats that came from float32 have the digits of float32. Names that are not UTF-8: CSV and tables hold the original
    bytes, JSON escapes them ("\udce9", as ``os.fsdecode`` names them), Parquet writes "\\xe9" since it holds UTF-8
    only. JSON has null for NaN and infinity.
    """
    if face == "table":
        stream.write(original_bytes(table_text(rows, colour=colour, width=width)))
    elif face == "csv":
        stream.writelines(original_bytes(line) for line in _csv_lines(rows))
    elif face == "json":
        stream.writelines(_json_chunks(rows))
    elif face == "jsonl":
        stream.writelines(json_text(row).encode() + b"\n" for row in rows.dicts())
    elif face == "parquet":
        _write_parquet(rows, stream)
    else:
        raise UsageError(f"rows cannot be shown as {face!r}; choose one of table, csv, json, jsonl, parquet")


def _csv_lines(rows: Rows) -> Iterator[str]:
    # The csv module leaves a carriage return unquoted where lines end with "\n".
    alone = len(rows.columns) == 1
    yield ",".join(map(_csv_field, rows.columns)) + "\n"
    for row in rows.values:
        line = ",".join(map(_csv_field, row))
        # An empty line would be no row at all.
        yield ('""' if alone and not line else line) + "\n"


def _csv_field(value: Any) -> str:
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else json_text(value) if isinstance(value, list | dict) else repr(value)
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]', text) else text


def _json_chunks(rows: Rows) -> Iterator[bytes]:
    if rows.single:
        yield json_text(next(rows.dicts(), {}), indent=2).encode() + b"\n"
        return
    separator = "[\n  "
    for row in rows.dicts():
        # A line end within a value is escaped, so every line end here is the layout's.
        yield (separator + json_text(row, indent=2).replace("\n", "\n  ")).encode()
        separator = ",\n  "
    yield b"\n]\n" if rows.values else b"[]\n"


def _write_parquet(rows: Rows, stream: BinaryIO) -> None:
    table = rows.to_arrow()
    import pyarrow.parquet as pq

    # Parquet asks a stream for its position, which a pipe does not have.
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    stream.write(buffer.getbuffer())


def face_of(path: str | Path | None, explicit: str | None = None, valid: Sequence[Face] = FACES) -> Face:
    """Decide the face from ``--output`` and ``--format``.

    Parameters
    ----------
    path
        The file to write; None and "-" are standard output.
    explicit
        The format asked for, or None to let the suffix decide; without a file it is then "table".
    valid
        Faces that the command has.

    Raises
    ------
    UsageError
        If the format or the suffix is unknown, not among `valid`, or if they contradict each other.
    """
    if explicit is not None and explicit not in valid:
        raise UsageError(f"there is no format {explicit!r} here; choose one of {', '.join(valid)}")
    chosen = next((face for face in valid if face == explicit), None)
    if path is None or str(path) == "-":
        return chosen or "table"
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    implied = _SUFFIXES.get(suffix)
    if chosen is None:
        if implied is None or implied not in valid:
            suffixes = ", ".join(name for name, face in _SUFFIXES.items() if face in valid)
            what = f"the suffix {suffix!r}" if suffix else "a name without suffix"
            raise UsageError(f"{what} does not tell what to write; end the file's name in one of {suffixes}")
        return implied
    # Any text may stand in a .txt file, and any format in a file whose suffix says nothing.
    if implied in (None, chosen) or (suffix == ".txt" and chosen in ("csv", "json", "jsonl")):
        return chosen
    raise UsageError(f"--format {chosen} contradicts the suffix {suffix!r}; leave one of them out")


def write_file(path: str | Path, writer: Callable[[BinaryIO], None]) -> None:
    """Write a file in one step: whoever looks sees the old one or all of the new one.

    Parameters
    ----------
    path
        Of the file. A symbolic link keeps pointing to it; a device or pipe is written to directly.
    writer
        Writes the contents to a binary stream. If it fails, an existing file stays as it was.

    Raises
    ------
    UsageError
        If the folder does not exist, or `path` is a folder.
    LookalikeError
        If the file cannot be written.
    """
    from pathlib import Path

    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise UsageError(f"{path} is a folder; name a file in it")
    if not target.parent.is_dir():
        raise UsageError(f"the folder {target.parent} does not exist; make it first")
    try:
        if target.exists() and not target.is_file():
            with open(target, "wb") as stream:
                writer(stream)
            return
        _replace(target, writer)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LookalikeError(f"{path} cannot be written: {error.strerror or error}") from error


def _replace(target: Path, writer: Callable[[BinaryIO], None]) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    if mode is not None and not os.access(target, os.W_OK):
        # Replacing needs no right to the file itself, but who took that right away meant it.
        raise PermissionError(None, "it is write-protected")
    with replacing(target, mode=mode) as stream:
        writer(stream)
