"""Rows to standard output or a file, words to standard error."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lookalike.defaults import FACES
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.types import Rows

__all__ = ["emit", "face", "say", "wants_colour"]

_URIS = {"uri", "query", "a", "b", "uri_a", "uri_b"}


def say(text: str, *, quiet: bool = False) -> None:
    """Print a line to standard error."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)


def wants_colour(stream: Any) -> bool:
    """Say whether ANSI colours are welcome: on a terminal, unless NO_COLOR is set or TERM is dumb."""
    return bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def face(output: Path | None, explicit: str | None, pictures: tuple[str, ...] = (), texts: tuple[str, ...] = ()) -> str:
    """Return the format to write in.

    `pictures` are those that the command has beside rows ("png", "html"), `texts` others that go to standard output.

    Raises
    ------
    UsageError
        If the format and the suffix contradict each other, or a picture has no file to go to.
    """
    from lookalike.render import face_of

    chosen = face_of(output, explicit, (*FACES, *pictures, *texts))  # type: ignore[arg-type]
    if chosen in pictures and output is None:
        raise UsageError(f"--format {chosen} needs --output FILE")
    return chosen


def emit(
    rows: Rows,
    chosen: str,
    output: Path | None,
    *,
    relative_to: Path | None = None,
) -> None:
    """Write rows in a format to a file or to standard output."""
    from lookalike.render import write_rows

    if relative_to is not None:
        rows = _relative(rows, relative_to)

    def write(stream: BinaryIO) -> None:
        terminal = output is None and sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else None
        write_rows(rows, chosen, stream, colour=output is None and wants_colour(sys.stdout), width=width)  # type: ignore[arg-type]

    write_to(output, write)


def write_to(output: Path | None, write: Callable[[BinaryIO], None]) -> None:
    """Let `write` fill a file in one step, or standard output."""
    from lookalike.render import write_file

    if output is None or str(output) == "-":
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        write_file(output, write)


def _relative(rows: Rows, folder: Path) -> Rows:
    base = folder.absolute()
    at = {i for i, name in enumerate(rows.columns) if name in _URIS}

    def shown(value: Any) -> Any:
        return os.path.relpath(value, base) if isinstance(value, str) and Path(value).is_absolute() else value

    values = [tuple(shown(v) if i in at else v for i, v in enumerate(row)) for row in rows.values]
    return dataclasses.replace(rows, values=values)
