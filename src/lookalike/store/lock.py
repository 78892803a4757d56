"""One writer at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from lookalike.errors import LibraryError, LibraryLockedError

__all__ = ["writer_lock"]


@contextlib.contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the library's writer lock while the block runs.

    The lock is the operating system's, on ``writer.lock``: it goes with its process, however that ends, so a dead
    writer blocks nobody. ``writer.pid`` beside it only names the holder for the message.

    Raises
    ------
    LibraryLockedError
        At once, with the pid of the process that holds it.
    LibraryError
        If the folder cannot be written to or its file system knows no locks.
    """
    if not folder.is_dir():  # filelock would make it
        raise LibraryError(f"cannot lock {folder} for writing: it is gone")
    note = folder / "writer.pid"
    lock = FileLock(folder / "writer.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        pid = _pid(note)
        who = f"process {pid}" if pid else "another process"
        raise LibraryLockedError(f"{who} is writing to {folder}: wait for it to end, or end it", pid) from None
    except (OSError, NotImplementedError) as error:
        raise LibraryError(f"cannot lock {folder} for writing: {error}") from error
    try:
        with contextlib.suppress(OSError):  # on a full disk the message only lacks the pid
            note.write_text(f"{os.getpid()}\n")
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def _pid(note: Path) -> int | None:
    try:
        return int(note.read_text())
    except (OSError, ValueError):
        return None
