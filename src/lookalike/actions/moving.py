"""A file renamed, and what all pieces of an act share: where a file is, folders made and removed again."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lookalike.actions.files import Facts, Refused, explain, is_original, look, rename_new, restore
from lookalike.durable import sync_folder
from lookalike.sources import QUARANTINE_FOLDER

__all__ = [
    "QUARANTINE", "Hook", "Move", "Place", "half_renamed", "make_folder", "missing", "no_hook", "rename", "tidy",
    "untouched",
]  # fmt: skip

QUARANTINE = "quarantine"
"""Folder of a library in which files lie that were taken away."""

Hook: TypeAlias = Callable[[str], None]
"""Called with the name of each step just before it is done: tests kill the process there."""

Place: TypeAlias = Literal["old", "new", "both", "missing"]
"""Where a file is. "both": at its new place, and something else has come to the old one."""


def no_hook(_: str) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Move:
    """A file renamed to a name that nothing has yet, on the same file system."""

    path: str
    to: str
    sha256: str
    facts: Facts

    def do(self, hook: Hook = no_hook) -> None:
        """Move the file.

        Raises
        ------
        Refused
            If it cannot be done; the file is then at its old place.
        """
        hook("move: make folder")
        make_folder(os.path.dirname(self.to))
        hook("move: rename")
        rename(self.path, self.to)
        hook("move: check")
        if not untouched(self.to, self.facts):
            rename_new(self.to, self.path)
            raise Refused("it was changed at the very moment")
        hook("move: sync")
        sync_folder(os.path.dirname(self.to))
        sync_folder(os.path.dirname(self.path))

    def back(self, hook: Hook = no_hook) -> None:
        """Move it back, with its mode, times and extended attributes.

        Raises
        ------
        Refused
            If something else is at the old place, or it cannot be done.
        """
        if half_renamed(self.path, self.to):
            os.unlink(self.to)  # the other of two names of one file
        place = self.place()
        if place == "old":
            return
        if place == "missing":
            raise Refused(missing(self.to))
        if place == "both":
            raise Refused(f"something else is at its old place now; it stays at {self.to}")
        hook("back: make folder")
        make_folder(os.path.dirname(self.path))
        hook("back: rename")
        rename(self.to, self.path)
        hook("back: restore")
        restore(self.path, self.facts)
        sync_folder(os.path.dirname(self.path))

    def place(self) -> Place:
        """Return where the file is."""
        if half_renamed(self.path, self.to):
            return "old"
        if is_original(self.to, self.facts, self.sha256):
            return "both" if os.path.lexists(self.path) else "new"
        return "old" if is_original(self.path, self.facts, self.sha256) else "missing"

    def clean(self) -> None:
        """Do nothing: a rename leaves nothing beside."""

    def tidy(self) -> None:
        """Remove the folders made for it that are empty."""
        tidy(os.path.dirname(self.to))

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "move", **dataclasses.asdict(self)}


def half_renamed(path: str, to: str) -> bool:
    """Say whether a rename by way of a second name, where no other is to be had, was stopped between its two steps."""
    try:
        one, other = os.lstat(path), os.lstat(to)
    except OSError:
        return False
    same = one.st_ino != 0 and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
    return same and stat.S_ISREG(one.st_mode) and one.st_nlink > 1 and path != to


def untouched(path: str, facts: Facts) -> bool:
    """Say whether a file is the very one that was looked at, by inode, size and time."""
    try:
        now = look(path)
    except Refused:
        return False
    return (now.inode, now.size, now.mtime_ns) == (facts.inode, facts.size, facts.mtime_ns)


def missing(to: str) -> str:
    """Return in words that a file is not found."""
    return f"it is neither at its old place nor, as it was, at {to}"


def make_folder(folder: str) -> None:
    """Make a folder that only its owner looks into, with those above it; one that is there stays as it is."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise Refused(f"the folder {folder} cannot be made: {explain(error)}") from error


def rename(source: str, target: str) -> None:
    """Rename a file to a name that nothing has yet, or refuse."""
    try:
        rename_new(source, target)
    except FileExistsError as error:
        raise Refused(f"there is something at {target} already") from error
    except OSError as error:
        raise Refused(explain(error)) from error


def tidy(folder: str) -> None:
    """Remove the folder of a step, that of its run and the quarantine's, if they are empty; no folder of the user's."""
    run = os.path.dirname(folder)
    top = os.path.dirname(run)
    if os.path.basename(top) not in (QUARANTINE, QUARANTINE_FOLDER):
        return
    for name in (folder, run, top):
        try:
            os.rmdir(name)
        except OSError:
            return
