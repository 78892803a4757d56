"""A copy of a library's database, made before it is changed in a way that cannot be taken back."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lookalike.durable import sync_folder
from lookalike.errors import LibraryError
from lookalike.words import human_bytes

__all__ = ["BACKUPS", "copy_database", "copy_files"]

BACKUPS = "library-*.db"
"""Names of all copies."""

_ROOM = 8_000_000
"""Bytes that are wanted free beyond the copy's own, for what is done next."""


def copy_database(source: sqlite3.Connection, path: Path, why: str) -> Path:
    """Write all that a connection sees to a file of its own, complete and on disk when this returns.

    Parameters
    ----------
    source
        An open library.db. Others may read and write meanwhile.
    path
        Where to. What is there is replaced at the very end.
    why
        What the copy is needed for, as an error says it.

    Raises
    ------
    LibraryError
        If it cannot be written: then nothing is at `path` that was not there before.
    """
    size = int(source.execute("PRAGMA page_count").fetchone()[0] * source.execute("PRAGMA page_size").fetchone()[0])
    need_room(path.parent, size, why)

    def fill(temporary: Path) -> None:
        target = sqlite3.connect(temporary, isolation_level=None)
        try:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, whatever opens it
        finally:
            target.close()

    return _write(path, why, fill)


def copy_files(database: Path, path: Path, why: str) -> Path:
    """Copy a library.db that SQLite cannot read, and its -wal, byte by byte; return the copy's path.

    Raises
    ------
    LibraryError
        As `copy_database`.
    """
    pairs = [(database.with_name(database.name + end), path.with_name(path.name + end)) for end in ("-wal", "")]
    held = [(source, target) for source, target in pairs if source.exists()]
    need_room(path.parent, sum(source.stat().st_size for source, _ in held), why)
    for source, target in held:
        _write(target, why, partial(shutil.copyfile, source))
    return path


def need_room(folder: Path, size: int, why: str) -> None:
    """Raise unless a disk has room for so many bytes and a little more.

    Raises
    ------
    LibraryError
        Naming how much is wanted and how much there is.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise LibraryError(f"cannot look at the disk of {folder}: {error.strerror or error}") from error
    if free < size + _ROOM:
        raise LibraryError(
            f"{why} needs a copy of it first, of {human_bytes(size + _ROOM)}, and the disk of {folder} has "
            f"{human_bytes(free)} free: free some space and run the command again"
        )


def _write(path: Path, why: str, fill: Callable[[Path], object]) -> Path:
    temporary = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=".db")
        os.close(handle)
        temporary = Path(name)
        fill(temporary)
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except (OSError, sqlite3.Error) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise LibraryError(
            f"{why} needs a copy of it first, and {path} cannot be written ({words}): free some space or allow it, and "
            "run the command again"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    return path
