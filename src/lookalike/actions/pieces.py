"""What an act is made of: a file that moves, a file that another takes the place of, a file that goes to the trash.

Each piece can be done, taken back, and asked where its file is. All it needs for that is written down before it is
done, so that whoever finds it half done after a crash can take it back. A file is only ever renamed: at each moment it is
at its old place or its new one, whole.
"""

# ruff: noqa: PTH103, PTH108, PTH114, PTH115, PTH116, PTH118, PTH120
# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lookalike.actions.files import (
    Facts,
    Refused,
    clone,
    digest,
    exchange,
    explain,
    is_original,
    look,
    rename_new,
    restore,
    sync_folder,
)
from lookalike.actions.trash import find_in_trash, send_to_trash, take_from_trash

__all__ = ["Hook", "Move", "Piece", "Place", "Swap", "Trash", "no_hook", "piece_from"]

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
        _make_folder(os.path.dirname(self.to))
        hook("move: rename")
        _rename(self.path, self.to)
        hook("move: check")
        if not _untouched(self.to, self.facts):
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
        place = self.place()
        if place == "old":
            return
        if place == "missing":
            raise Refused(_missing(self.to))
        if place == "both":
            raise Refused(f"something else is at its old place now; it stays at {self.to}")
        hook("back: make folder")
        _make_folder(os.path.dirname(self.path))
        hook("back: rename")
        _rename(self.to, self.path)
        hook("back: restore")
        restore(self.path, self.facts)
        sync_folder(os.path.dirname(self.path))

    def place(self) -> Place:
        """Return where the file is."""
        return _place(self.path, self.to, self.facts, self.sha256)

    def tidy(self) -> None:
        """Remove the folders made for it that are empty."""
        _tidy(os.path.dirname(self.to))

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "move", **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Trash:
    """A file sent to the desktop's trash."""

    path: str
    sha256: str
    facts: Facts

    @property
    def to(self) -> str:
        """Where it lies in the trash, empty if that cannot be told."""
        return find_in_trash(self.path, self.facts, self.sha256) or ""

    def do(self, hook: Hook = no_hook) -> None:
        """Send it; see `send_to_trash`."""
        hook("trash: send")
        try:
            send_to_trash(self.path)
        except Refused:
            if self.place() != "old":
                return  # it went all the same
            raise
        hook("trash: sent")
        if os.path.lexists(self.path):
            raise Refused("the desktop's trash took it and left it: choose quarantine")

    def back(self, hook: Hook = no_hook) -> None:
        """Take it out of the trash; see `Move.back`."""
        if is_original(self.path, self.facts, self.sha256):
            return
        place = self.to
        if not place:
            raise Refused("it is not found in the trash: look for it there")
        if os.path.lexists(self.path):
            raise Refused("something else is at its old place now; it stays in the trash")
        hook("back: make folder")
        _make_folder(os.path.dirname(self.path))
        hook("back: rename")
        try:
            take_from_trash(place, self.path)
        except OSError as error:
            raise Refused(f"it cannot be taken out of the trash: {explain(error)}") from error
        hook("back: restore")
        restore(self.path, self.facts)
        sync_folder(os.path.dirname(self.path))

    def place(self) -> Place:
        """Return where the file is."""
        if is_original(self.path, self.facts, self.sha256):
            return "old"
        if not self.to:
            return "missing"
        return "both" if os.path.lexists(self.path) else "new"

    def tidy(self) -> None:
        """Do nothing: the trash is the desktop's."""

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "trash", **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Swap:
    """A file whose place another takes, made of the keeper or of given bytes; itself it moves to `to`.

    Attributes
    ----------
    temporary
        Name beside `path` under which the other is made.
    how
        "hardlink", "symlink" or "reflink".
    source
        The keeper's path; for "symlink" what the link holds.
    source_inode
        Of the keeper, by which a hard link to it is known again.
    """

    path: str
    to: str
    sha256: str
    facts: Facts
    temporary: str
    how: str
    source: str
    source_inode: int = 0

    def do(self, hook: Hook = no_hook) -> None:
        """Make the other one, move the file away, put the other in its place: in one step where the system can.

        Raises
        ------
        Refused
            If it cannot be done; the file is then at its old place.
        """
        hook("swap: make folder")
        _make_folder(os.path.dirname(self.to))
        hook("swap: make")
        self._make()
        hook("swap: exchange")
        try:
            exchanged = exchange(self.temporary, self.path)
        except OSError as error:
            raise Refused(explain(error)) from error
        if exchanged:
            hook("swap: check")
            if not _untouched(self.temporary, self.facts):
                exchange(self.temporary, self.path)
                raise Refused("it was changed at the very moment")
            hook("swap: keep")
            _rename(self.temporary, self.to)
        else:
            hook("swap: keep")
            _rename(self.path, self.to)
            if not _untouched(self.to, self.facts):
                raise Refused("it was changed at the very moment")
            hook("swap: replace")
            _rename(self.temporary, self.path)
        hook("swap: sync")
        sync_folder(os.path.dirname(self.to))
        sync_folder(os.path.dirname(self.path))

    def back(self, hook: Hook = no_hook) -> None:
        """Put the file back in the place of the other, and remove that one.

        Raises
        ------
        Refused
            If what is at the place is not what was put there, or it cannot be done.
        """
        held = self._held()
        if held is None:
            raise Refused(_missing(self.to))
        if held == self.path:
            self._discard(self.temporary)
            return
        if not os.path.lexists(self.path):
            hook("back: make folder")
            _make_folder(os.path.dirname(self.path))
            hook("back: rename")
            _rename(held, self.path)
        elif not self._is_other(self.path):
            raise Refused(f"something else is at its old place now; it stays at {held}")
        else:
            hook("back: exchange")
            if exchange(held, self.path):
                hook("back: remove")
                self._discard(held)
            else:
                aside = f"{self.temporary}.back"
                _rename(self.path, aside)
                hook("back: rename")
                _rename(held, self.path)
                hook("back: remove")
                self._discard(aside)
        hook("back: restore")
        self._discard(self.temporary)
        restore(self.path, self.facts)
        sync_folder(os.path.dirname(self.path))

    def place(self) -> Place:
        """Return where the file is; one that is still beside its old place counts as there."""
        held = self._held()
        if held is None:
            return "missing"
        if held in (self.path, self.temporary):
            return "old"
        if self._is_other(self.path):
            return "new"
        return "both" if os.path.lexists(self.path) else "old"

    def tidy(self) -> None:
        """Remove the folders made for it that are empty."""
        _tidy(os.path.dirname(self.to))

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "swap", **dataclasses.asdict(self)}

    def _held(self) -> str | None:
        """Return the name under which the file is now."""
        for name in (self.path, self.to, self.temporary):
            # A hard link has the same bytes: the inode alone tells the file from what took its place.
            if is_original(name, self.facts, self.sha256) and not (name != self.to and self._is_other(name)):
                return name
        return None

    def _make(self) -> None:
        try:
            if self.how == "hardlink":
                os.link(self.source, self.temporary, follow_symlinks=False)
            elif self.how == "symlink":
                os.symlink(self.source, self.temporary)
            else:
                clone(self.source, self.temporary)
                if digest(self.temporary) != self.sha256:
                    raise Refused("the keeper was changed at the very moment")
                restore(self.temporary, self.facts)
        except NotImplementedError as error:
            raise Refused(f"this system has no {self.how}s of that kind: choose quarantine") from error
        except OSError as error:
            raise Refused(self._explain(error)) from error
        if self.how != "symlink" and not self._is_other(self.temporary):
            raise Refused("the keeper was changed at the very moment")

    def _explain(self, error: OSError) -> str:
        if getattr(error, "winerror", None) == 1314:
            return "Windows lets only administrators and developer mode make symbolic links: choose hardlink"
        if self.how == "hardlink" and error.errno is not None and "EXDEV" in (os.strerror(error.errno), _name(error)):
            return "the keeper is on another file system, and a hard link cannot lead there: choose quarantine or symlink"
        if _name(error) in ("EPERM", "ENOTSUP", "EOPNOTSUPP"):
            return f"its file system makes no {self.how}, or there is no permission: choose quarantine"
        return explain(error)

    def _is_other(self, name: str) -> bool:
        """Say whether what has this name is what was made to take the file's place."""
        try:
            status = os.lstat(name)
            if self.how == "symlink":
                return stat.S_ISLNK(status.st_mode) and os.readlink(name) == self.source
            if not stat.S_ISREG(status.st_mode) or status.st_ino == self.facts.inode:
                return False
            if self.how == "hardlink":
                # Written to, and with no other name left, it would be the only copy of what was written.
                return status.st_ino == self.source_inode and (status.st_nlink > 1 or digest(name) == self.sha256)
            return digest(name) == self.sha256
        except (OSError, Refused):
            return False

    def _discard(self, name: str) -> None:
        """Remove what was made to take the file's place."""
        if self._is_other(name) or self._is_unfinished(name):
            with contextlib.suppress(OSError):
                os.unlink(name)

    def _is_unfinished(self, name: str) -> bool:
        """Say whether this is a clone that was never finished: an empty file under the name that only we use."""
        if self.how != "reflink" or name != self.temporary:
            return False
        with contextlib.suppress(OSError):
            return os.lstat(name).st_size == 0 and self.facts.size != 0
        return False


Piece: TypeAlias = Move | Swap | Trash

_KINDS: dict[str, type[Move | Swap | Trash]] = {"move": Move, "swap": Swap, "trash": Trash}


def piece_from(values: Mapping[str, Any]) -> Piece:
    """Return the piece that `as_dict` wrote."""
    fields = {name: value for name, value in values.items() if name != "piece"}
    fields["facts"] = Facts(**fields["facts"])
    made: Piece = _KINDS[values["piece"]](**fields)
    return made


def _place(path: str, to: str, facts: Facts, sha256: str) -> Place:
    if is_original(to, facts, sha256):
        return "both" if os.path.lexists(path) else "new"
    return "old" if is_original(path, facts, sha256) else "missing"


def _untouched(path: str, facts: Facts) -> bool:
    try:
        now = look(path)
    except Refused:
        return False
    return (now.inode, now.size, now.mtime_ns) == (facts.inode, facts.size, facts.mtime_ns)


def _missing(to: str) -> str:
    return f"it is neither at its old place nor, as it was, at {to}"


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise Refused(f"the folder {folder} cannot be made: {explain(error)}") from error


def _rename(source: str, target: str) -> None:
    try:
        rename_new(source, target)
    except FileExistsError as error:
        raise Refused(f"there is something at {target} already") from error
    except OSError as error:
        raise Refused(explain(error)) from error


def _tidy(folder: str) -> None:
    """Remove the folder of a step, and that of its run, if they are empty."""
    for _ in range(2):
        try:
            os.rmdir(folder)  # noqa: PTH106  # a string, as above
        except OSError:
            return
        folder = os.path.dirname(folder)


def _name(error: OSError) -> str:
    import errno

    return errno.errorcode.get(error.errno or 0, "")
