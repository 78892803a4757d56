"""What an act is made of: a file that moves, a file that another takes the place of, a file that goes to the trash.

Each piece can be done, taken back, and asked where its file is. All it needs for that is written down before it is
done, so that whoever finds it half done after a crash can take it back. On its own file system a file is only ever
renamed: at each moment it is at its old place or its new one, whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lookalike.actions.carrying import Carry
from lookalike.actions.files import (
    Facts,
    Refused,
    clone,
    digest,
    exchange,
    explain,
    is_original,
    restore,
)
from lookalike.actions.labelpieces import Entries
from lookalike.actions.moving import (
    Hook,
    Move,
    Place,
    half_renamed,
    make_folder,
    missing,
    no_hook,
    rename,
    tidy,
    untouched,
)
from lookalike.actions.trash import find_in_trash, forget_in_trash, send_to_trash, take_from_trash
from lookalike.durable import sync_folder

__all__ = ["Carry", "Entries", "Hook", "Move", "Piece", "Place", "Swap", "Trash", "no_hook", "piece_from"]


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
            if self.place() in ("new", "both"):
                return  # it went all the same
            raise
        hook("trash: sent")
        if os.path.lexists(self.path):
            raise Refused("the desktop's trash took it and left it: choose quarantine")

    def back(self, hook: Hook = no_hook) -> None:
        """Take it out of the trash; see `Move.back`."""
        place = self.to
        if is_original(self.path, self.facts, self.sha256):
            if place and half_renamed(self.path, place):
                forget_in_trash(place)  # the other of two names of one file
            return
        if not place:
            raise Refused("it is not found in the trash: look for it there")
        if os.path.lexists(self.path):
            raise Refused("something else is at its old place now; it stays in the trash")
        hook("back: make folder")
        make_folder(os.path.dirname(self.path))
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

    def clean(self) -> None:
        """Do nothing: nothing of ours lies beside it."""

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
        make_folder(os.path.dirname(self.to))
        hook("swap: make")
        self._make()
        hook("swap: exchange")
        try:
            exchanged = exchange(self.temporary, self.path)
        except OSError as error:
            raise Refused(explain(error)) from error
        if exchanged:
            hook("swap: check")
            if not untouched(self.temporary, self.facts):
                exchange(self.temporary, self.path)
                raise Refused("it was changed at the very moment")
            hook("swap: keep")
            rename(self.temporary, self.to)
        else:
            hook("swap: keep")
            rename(self.path, self.to)
            if not untouched(self.to, self.facts):
                raise Refused("it was changed at the very moment")
            hook("swap: replace")
            rename(self.temporary, self.path)
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
            if self._is_spare():
                self.clean()
            raise Refused(missing(self.to))
        if held == self.path:
            self.clean()
            self._discard(self.to)  # an exchange may have brought it there
            for name in (self.to, self.temporary):
                if half_renamed(self.path, name):
                    os.unlink(name)  # the other of two names of one file
            return
        if not os.path.lexists(self.path):
            hook("back: make folder")
            make_folder(os.path.dirname(self.path))
            hook("back: rename")
            rename(held, self.path)
        elif not self._is_other(self.path):
            self.clean()
            raise Refused(f"something else is at its old place now; it stays at {held}")
        else:
            hook("back: exchange")
            if exchange(held, self.path):
                hook("back: remove")
                self._discard(held)
            else:
                aside = f"{self.temporary}.back"
                self._discard(aside)  # a rename by way of a second name was stopped half-way
                rename(self.path, aside)
                hook("back: rename")
                rename(held, self.path)
                hook("back: remove")
                self._discard(aside)
        hook("back: restore")
        self.clean()
        restore(self.path, self.facts)
        sync_folder(os.path.dirname(self.path))

    def clean(self) -> None:
        """Remove what was made to take the file's place and did not come there."""
        for name in (self.temporary, f"{self.temporary}.back"):
            self._discard(name)
        if half_renamed(self.to, self.temporary):
            os.unlink(self.temporary)  # the other of two names of one file

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
        tidy(os.path.dirname(self.to))

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "swap", **dataclasses.asdict(self)}

    def _held(self) -> str | None:
        """Return the name under which the file is now."""
        for name in (self.path, self.to, self.temporary):
            # A hard link has the same bytes: the inode alone tells the file from what took its place.
            if not (name != self.to and self._is_other(name)) and is_original(name, self.facts, self.sha256):
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
            return (
                "the keeper is on another file system, and a hard link cannot lead there: choose quarantine or symlink"
            )
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

    def _is_spare(self) -> bool:
        """Say whether nothing is lost with what was made to take the file's place: the keeper is what it was."""
        if self.how == "symlink":
            return True
        with contextlib.suppress(Refused):
            return digest(self.source) == self.sha256
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


Piece: TypeAlias = Move | Carry | Swap | Trash | Entries

_KINDS: dict[str, type[Move | Carry | Swap | Trash | Entries]] = {
    "move": Move, "carry": Carry, "swap": Swap, "trash": Trash, "labels": Entries,
}  # fmt: skip


def piece_from(values: Mapping[str, Any]) -> Piece:
    """Return the piece that `as_dict` wrote.

    Raises
    ------
    KeyError, TypeError
        If it wrote no such thing: what is done by it would be done to another file.
    """
    fields = {name: value for name, value in values.items() if name != "piece"}
    fields["facts"] = _of_its_types(Facts(**fields["facts"]))
    made: Piece = _of_its_types(_KINDS[values["piece"]](**fields))
    return made


_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool, "Facts": Facts, "dict[str, str]": dict}


def _of_its_types(made: Any) -> Any:
    """Return a dataclass whose texts are texts, whose numbers are numbers, and whose paths are absolute."""
    for field in dataclasses.fields(made):
        value, wanted = getattr(made, field.name), _TYPES.get(str(field.type))
        if wanted is not None and type(value) is not wanted:
            raise TypeError(f"{field.name} is {value!r}")
        if field.name in ("path", "to", "keeper") and isinstance(value, str) and value and not os.path.isabs(value):
            raise TypeError(f"{field.name} is no absolute path: {value!r}")
        if isinstance(value, str) and "\0" in value:
            raise TypeError(f"{field.name} has a NUL")
    return made


def _name(error: OSError) -> str:
    import errno

    return errno.errorcode.get(error.errno or 0, "")
