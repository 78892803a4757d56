"""Which journal SQLite keeps: WAL on a disk of this machine; on a network share one that needs no shared memory."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from lookalike.errors import LibraryLockedError

__all__ = ["share_safely", "use_wal"]


def share_safely(db: sqlite3.Connection, folder: Path, kind: str) -> None:
    """Leave WAL if a file is in it: its index lies in memory that other machines do not see.

    Parameters
    ----------
    db
        Just opened: nothing was read yet.
    folder, kind
        Of the library, and of the network file system, for the message.

    Raises
    ------
    LibraryLockedError
        If the file is in WAL, and somebody has it open.
    """
    db.execute("PRAGMA busy_timeout = 1000")
    db.execute("PRAGMA locking_mode = EXCLUSIVE")  # before the first read: then WAL needs no shared memory either
    try:
        if db.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            db.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise LibraryLockedError(
            f"{folder} lies on a network share ({kind}), was last used on a local disk, and is open elsewhere: "
            "close it there"
        ) from None
    finally:
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute("PRAGMA busy_timeout = 10000")
            db.execute("PRAGMA locking_mode = NORMAL")
            db.execute("SELECT count(*) FROM sqlite_master").fetchall()  # gives the lock back


def use_wal(db: sqlite3.Connection, writing: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
    """Return to WAL on a local disk if the library has been on a network share."""
    if db.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    with writing(), contextlib.suppress(sqlite3.OperationalError):  # somebody reads: the next one who opens it will
        db.execute("PRAGMA journal_mode = WAL").fetchall()
