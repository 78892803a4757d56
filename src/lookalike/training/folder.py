"""The folder that a run writes into."""

from __future__ import annotations

import contextlib
import csv
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lookalike.errors import UsageError
from lookalike.types import Uri

__all__ = ["discard", "prepare_folder", "write_rows", "write_split"]


def prepare_folder(folder: Path, restart: bool) -> None:
    """Make the folder of a run; a finished one is only written over if `restart` says so.

    Raises
    ------
    UsageError
        If a finished one is there.
    """
    if restart and folder.exists():
        shutil.rmtree(folder)
    if (folder / "model.json").exists():
        raise UsageError(f"{folder.parent.name}:{folder.name} is trained already: give another --name, or --restart")
    folder.mkdir(parents=True, exist_ok=True)


def discard(path: Path) -> None:
    """Remove the array of a run's pictures.

    Windows does not remove a file that is still mapped into memory: there it stays until the next run of this name.
    """
    with contextlib.suppress(PermissionError):
        path.unlink(missing_ok=True)


def write_split(path: Path, uris: Sequence[Uri], labels: Sequence[str], parts: Sequence[str]) -> None:
    """Write which picture belongs to which part of a split."""
    write_rows(path, ("uri", "label", "part"), zip(uris, labels, parts, strict=True))


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file."""
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
