"""One writer at a time."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lookalike.errors import LibraryError, LibraryLockedError
from lookalike.store.disk import network_kind

__all__ = ["Writer", "noted_writer", "present_writer", "writer_lock"]

NOTE = "writer.pid"


@dataclass(frozen=True)
class Writer:
    """Who holds the lock, or held it and died. `host` is empty for a note of this machine's own that names none."""

    pid: int
    host: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether it is, or was, a process of another machine."""
        return self.host not in ("", platform.node())

    def __str__(self) -> str:
        return f"process {self.pid}" + (f" on {self.host}" if self.elsewhere else "")


@contextlib.contextmanager
def writer_lock(folder: Path) -> Iterator[None]:
    """Hold the library's writer lock while the block runs.

    The lock is the operating system's, on ``writer.lock``: it goes with its process, however that ends, so a dead
    writer blocks nobody. ``writer.pid`` beside it only names the holder for the message.

    On a network file system locks need not reach other machines. There a note that another machine's process has left
    is believed, until somebody removes it: that process may still write.

    Raises
    ------
    LibraryLockedError
        At once, with the pid of the process that holds it.
    LibraryError
        If the folder cannot be written to or its file system knows no locks.
    """
    if not folder.is_dir():  # filelock would make it
        raise LibraryError(f"cannot lock {folder} for writing: it is gone")
    note = folder / NOTE
    lock = FileLock(folder / "writer.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        writer = noted_writer(folder)
        who, pid = (str(writer), writer.pid) if writer else ("another process", None)
        raise LibraryLockedError(f"{who} is writing to {folder}: wait for it to end, or end it", pid) from None
    except (OSError, NotImplementedError) as error:
        raise LibraryError(f"cannot lock {folder} for writing: {error}") from error
    try:
        _refuse_elsewhere(folder)
        with contextlib.suppress(OSError):  # on a full disk the message only lacks the pid
            note.write_text(f"{os.getpid()}\n{platform.node()}\n")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                note.unlink(missing_ok=True)
    finally:
        lock.release()


def _refuse_elsewhere(folder: Path) -> None:
    writer = noted_writer(folder)
    if writer is None or not writer.elsewhere:
        return
    kind = network_kind(folder)
    if kind:
        raise LibraryLockedError(
            f"{writer} is writing to {folder}, or was when it died; on a network share ({kind}) that cannot be told "
            f"from here: wait for it to end, and if it has, delete {folder / NOTE}",
            writer.pid,
        )


def noted_writer(folder: Path) -> Writer | None:
    """Return who is named in the note of a library's folder; None if there is none that can be understood."""
    try:
        lines = (folder / NOTE).read_text().splitlines()
        return Writer(int(lines[0]), lines[1].strip() if len(lines) > 1 else "")
    except (OSError, ValueError, IndexError):
        return None


def present_writer(folder: Path) -> bool:
    """Say whether some process of this machine holds the lock now. Nothing is changed by asking."""
    path = folder / "writer.lock"
    if not path.exists():
        return False
    if os.name == "nt":
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False
        lock.release()
        return False
    import fcntl

    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared: two that ask do not take each other for a writer, and NFS gives no other lock to who only reads.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
