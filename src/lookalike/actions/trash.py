"""The desktop's trash: sending a file there, and finding it there again."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from urllib.parse import quote

from lookalike.actions.files import Facts, Refused, is_original, rename_new

__all__ = ["find_in_trash", "forget_in_trash", "send_to_trash", "take_from_trash"]


def send_to_trash(path: str) -> None:
    """Send a file to the desktop's trash.

    Raises
    ------
    Refused
        If there is no trash that takes it; the file is then where it was.
    """
    import send2trash

    try:
        send2trash.send2trash(path)
    except Exception as error:  # each desktop fails in its own way
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Refused(f"the desktop's trash does not take it ({words.lower()}): choose quarantine") from error


def find_in_trash(path: str, facts: Facts, sha256: str) -> str | None:
    """Return where in the trash a file that was at `path` lies; None if it cannot be found there."""
    for folder in _folders(path):
        try:
            with os.scandir(folder) as entries:
                # A file that was renamed keeps its inode.
                near = [entry.path for entry in entries if entry.inode() == facts.inode]
        except OSError:
            continue
        for found in near:
            if is_original(found, facts, sha256):
                return found
        for found in _noted(folder, path):  # it was copied from another disk
            if is_original(found, facts, sha256):
                return found
    return None


def take_from_trash(place: str, path: str) -> None:
    """Rename a file in the trash back to its old path, and remove the trash's note of it."""
    rename_new(place, path)
    _remove_note(place)


def forget_in_trash(place: str) -> None:
    """Remove a name in the trash, of a file that has another one, and the trash's note of it."""
    os.unlink(place)
    _remove_note(place)


def _remove_note(place: str) -> None:
    folder, name = os.path.split(place)
    if os.path.basename(folder) == "files":
        note = os.path.join(os.path.dirname(folder), "info", f"{name}.trashinfo")
    elif name.startswith("$R"):
        note = os.path.join(folder, f"$I{name[2:]}")
    else:
        return
    with contextlib.suppress(OSError):
        os.unlink(note)


def _folders(path: str) -> Iterator[str]:
    """Yield the folders in which the files of a trash lie that may have taken `path`."""
    top = _mount(path)
    if sys.platform == "win32":
        bin_ = os.path.join(os.path.splitdrive(path)[0] + os.sep, "$Recycle.Bin")
        with contextlib.suppress(OSError):
            yield from (entry.path for entry in os.scandir(bin_) if entry.is_dir())
        return
    if sys.platform == "darwin":
        yield os.path.expanduser("~/.Trash")
        yield os.path.join(top, ".Trashes", str(os.getuid()))
        return
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    yield os.path.join(home, "Trash", "files")
    yield os.path.join(top, ".Trash", str(os.getuid()), "files")
    yield os.path.join(top, f".Trash-{os.getuid()}", "files")


def _noted(folder: str, path: str) -> Iterator[str]:
    """Yield what a freedesktop trash has noted as coming from `path`, newest first."""
    if os.path.basename(folder) != "files":
        return
    info = os.path.join(os.path.dirname(folder), "info")
    line = f"Path={quote(os.fsencode(path))}"
    notes = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(info):
            with contextlib.suppress(OSError, UnicodeDecodeError), open(entry.path, encoding="utf-8") as stream:
                if line in stream.read().splitlines():
                    notes.append((entry.stat().st_mtime_ns, entry.name))
    for _, name in sorted(notes, reverse=True):
        yield os.path.join(folder, name.removesuffix(".trashinfo"))


def _mount(path: str) -> str:
    top = os.path.realpath(os.path.dirname(path))
    while not os.path.ismount(top) and os.path.dirname(top) != top:
        top = os.path.dirname(top)
    return top
