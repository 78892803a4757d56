"""Label files in an act: the entries of a picture go with it and come back with it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lookalike.actions.files import Facts, Refused, look
from lookalike.actions.labelfiles import (
    LabelEdit,
    Parses,
    apply_edit,
    is_applied,
    plan_label_edits,
    revert_edit,
    temporary_of,
)
from lookalike.actions.moving import Hook, Place, no_hook
from lookalike.errors import LookalikeError
from lookalike.types import Uri

__all__ = ["Entries", "LabelFiles"]


@dataclass(frozen=True)
class Entries:
    """What one label file says of a picture, taken out of it; a piece like those of `lookalike.actions.pieces`.

    Attributes
    ----------
    path, sha256, facts
        Of the label file, as it was before.
    temporary
        Name beside it under which it is written anew.
    edit
        See `LabelEdit.as_dict`.
    """

    path: str
    sha256: str
    facts: Facts
    temporary: str
    edit: Mapping[str, Any]

    @property
    def to(self) -> str:
        """Nowhere: a label file stays where it is."""
        return ""

    def do(self, hook: Hook = no_hook) -> None:
        """Take the entries out, in one step.

        Raises
        ------
        Refused
            If the file has changed meanwhile or cannot be written; it is then as it was.
        """
        hook("labels: cut")
        try:
            apply_edit(self._edit, temporary=self.temporary)
        except LookalikeError as error:
            raise Refused(str(error)) from error
        hook("labels: cut out")

    def back(self, hook: Hook = no_hook) -> None:
        """Put the entries back: the old bytes and the old time, if nothing else has changed.

        Raises
        ------
        Refused
            If they have no place in the file any more, or it is gone or cannot be written.
        """
        self.clean()
        hook("back: labels")
        try:
            revert_edit(self._edit, temporary=self.temporary)
        except LookalikeError as error:
            raise Refused(f"its entries are not put back: {error}") from error

    def place(self) -> Place:
        """Return "old" if the entries are in the file, else "new"; "missing" if there is no such file."""
        try:
            return "new" if is_applied(self._edit) else "old"
        except LookalikeError:
            return "new" if os.path.exists(self.path) else "missing"

    def clean(self) -> None:
        """Remove what was written and did not take the file's place; only we use its name."""
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.lstat(self.temporary).st_mode):
                os.unlink(self.temporary)

    def tidy(self) -> None:
        """Do nothing: no folder is made for it."""

    def as_dict(self) -> dict[str, Any]:
        return {"piece": "labels", **vars(self), "facts": vars(self.facts)}

    @property
    def _edit(self) -> LabelEdit:
        return LabelEdit.from_dict(self.edit)


@dataclass
class LabelFiles:
    """The label files of a plan, asked while it is applied what they say of each picture that goes.

    Parameters
    ----------
    folders
        For each file the folder to which its names are relative; "" to find it, while all pictures are there.
    pictures
        All files of the plan that are to go away.
    """

    folders: dict[Uri, Uri]
    pictures: Collection[Uri]
    _named: dict[Uri, tuple[tuple[int, ...], set[Uri]]] = field(default_factory=dict)
    _parses: Parses = field(default_factory=Parses)

    def __post_init__(self) -> None:
        for uri in self.folders:
            with contextlib.suppress(Refused):  # said of each picture that is to go
                self._read(uri)

    def pieces(self, going: Sequence[Uri]) -> tuple[Entries, ...]:
        """Return what takes out the entries of files that are to go away now.

        Raises
        ------
        Refused
            If a label file cannot be read or edited.
        """
        made = []
        for uri in self.folders:
            told = self._read(uri)
            chosen = [one for one in going if one in told]
            for edit in self._edits(uri, chosen) if chosen else ():
                facts = look(os.path.realpath(uri))
                made.append(Entries(uri, edit.before, facts, temporary_of(uri), edit.as_dict()))
        return tuple(made)

    def done(self, pieces: Sequence[object]) -> None:
        """Note that these were done, or taken back: the files are known still."""
        for piece in pieces:
            if isinstance(piece, Entries) and piece.path in self._named:
                with contextlib.suppress(Refused):
                    self._named[piece.path] = (_mark(piece.path), self._named[piece.path][1])

    def _read(self, uri: Uri) -> set[Uri]:
        """Return which of the pictures of the plan a file says anything of; it is read only if it has changed."""
        mark = _mark(uri)
        if uri not in self._named or self._named[uri][0] != mark:
            edits = self._edits(uri, list(self.pictures))
            self._named[uri] = (mark, {picture for edit in edits for picture in edit.pictures})
            if not self.folders[uri] and edits and edits[0].folder:
                self.folders[uri] = edits[0].folder
        return self._named[uri][1]

    def _edits(self, uri: Uri, pictures: Sequence[Uri]) -> tuple[LabelEdit, ...]:
        try:
            folders = {uri: self.folders[uri]} if self.folders[uri] else None
            return plan_label_edits(pictures, [uri], folders=folders, parses=self._parses)
        except LookalikeError as error:
            raise Refused(str(error)) from error


def _mark(uri: Uri) -> tuple[int, ...]:
    try:
        state = os.stat(uri)
    except OSError as error:
        raise Refused(f"the label file {uri} cannot be read: {error.strerror or error}") from error
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
