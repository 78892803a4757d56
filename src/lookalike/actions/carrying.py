"""A file moved to another file system: copied, the copy proven and on disk, and only then removed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from dataclasses import dataclass
from typing import Any

from lookalike.actions.files import Facts, Refused, copy_new, digest, explain, is_original, restore
from lookalike.actions.moving import Hook, Place, make_folder, missing, no_hook, rename, tidy, untouched
from lookalike.durable import sync_folder

__all__ = ["Carry"]


@dataclass(frozen=True)
class Carry:
    """A file that moves to another file system.

    Attributes
    ----------
    temporary
        Name beside `to` under which the copy is made; one beside `path` is made of it on the way back.
    """

    path: str
    to: str
    sha256: str
    facts: Facts
    temporary: str

    def do(self, hook: Hook = no_hook) -> None:
        """Copy the file, have the copy on disk, read it again, and remove the file.

        Raises
        ------
        Refused
            If it cannot be done; the file is then at its old place.
        """
        hook("carry: make folder")
        make_folder(os.path.dirname(self.to))
        self._copy(self.path, self.temporary, self.to, hook)
        hook("carry: check")
        if not untouched(self.path, self.facts):
            raise Refused("it was changed at the very moment")
        hook("carry: remove")
        self._remove(self.path)

    def back(self, hook: Hook = no_hook) -> None:
        """Copy it back, with its mode, times and extended attributes, and remove what was made of it.

        Raises
        ------
        Refused
            If something else is at the old place, or it cannot be done.
        """
        place = self.place()
        self.clean()
        if place == "missing":
            raise Refused(missing(self.to))
        if place == "both":
            raise Refused(f"something else is at its old place now; it stays at {self.to}")
        if place == "new":
            hook("back: make folder")
            make_folder(os.path.dirname(self.path))
            self._copy(self.to, self._beside(), self.path, hook)
        hook("back: remove")
        # Two files of these bytes are there now, and one of them is the one that was asked for.
        if os.path.lexists(self.to) and digest(self.to) == digest(self.path) == self.sha256:
            self._remove(self.to)

    def place(self) -> Place:
        """Return where the file is; while it is at its old place, whatever is at the new one is a copy."""
        if is_original(self.path, self.facts, self.sha256):
            return "old"
        if is_original(self.to, self.facts, self.sha256):
            return "both" if os.path.lexists(self.path) else "new"
        return "missing"

    def clean(self) -> None:
        """Remove the copies that were never finished; only we use their names."""
        for name in (self.temporary, self._beside()):
            with contextlib.suppress(OSError):
                if stat.S_ISREG(os.lstat(name).st_mode):
                    os.unlink(name)

    def tidy(self) -> None:
        """Remove the folders made for it that are empty."""
        tidy(os.path.dirname(self.to))

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "carry", **dataclasses.asdict(self)}

    def _beside(self) -> str:
        return os.path.join(os.path.dirname(self.path), os.path.basename(self.temporary))

    def _copy(self, source: str, temporary: str, target: str, hook: Hook) -> None:
        hook("carry: copy")
        try:
            copy_new(source, temporary)
            restore(temporary, self.facts)
            hook("carry: prove")
            if digest(temporary) != self.sha256:
                raise Refused("the copy has other bytes: the disk fails, or it was changed at the very moment")
            hook("carry: rename")
            rename(temporary, target)
        except OSError as error:
            raise Refused(f"it cannot be copied to another disk: {explain(error)}") from error
        finally:
            self.clean()
        hook("carry: sync")
        sync_folder(os.path.dirname(target))

    def _remove(self, name: str) -> None:
        try:
            os.unlink(name)
        except OSError as error:
            raise Refused(f"{name} cannot be removed after it was copied: {explain(error)}") from error
        sync_folder(os.path.dirname(name))
