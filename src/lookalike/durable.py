"""Files that take the place of others whole: however a program or the machine ends, the old one is there or the new."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["replacing", "sync_folder"]


@contextlib.contextmanager
def replacing(
    path: Path, *, partial: Path | None = None, mode: int | None = None, synced: bool = True
) -> Iterator[BinaryIO]:
    """Yield an empty file beside `path` that takes its place after the block; if the block fails, nothing has changed.

    Parameters
    ----------
    path
        What is written; it need not be there.
    partial
        Name of the file until then, of which one that was left behind is written over. None for a name of its own, by
        which several may write `path` at once.
    mode
        Permissions of the new file; None for those of any new file.
    synced
        Whether it is on the disk when this returns. Not worth its time for caches that are checked when they are read.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    aside = path.with_name(f".lookalike-{os.urandom(6).hex()}.partial") if partial is None else partial
    try:
        with open(aside, "xb" if partial is None else "wb") as stream:
            yield stream
            if synced:
                stream.flush()
                os.fsync(stream.fileno())
        if mode is not None:
            aside.chmod(mode)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    if synced:
        sync_folder(path.parent)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make what was renamed in a folder outlast a power cut, where the system lets one say so."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(number)
        finally:
            os.close(number)
