"""Label files of data sets: what they say of pictures that go away is taken out, and can be put back.

Only the text of the very entries is cut; every other byte stays as it is. An edit is data: it says what the file held
before, what it holds after, and what was cut where, so that undoing gives back equal bytes.
"""

# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lookalike.actions.labelentries import Cut, Found, Parsed, insert_entries, parse_labels
from lookalike.durable import sync_folder
from lookalike.errors import LookalikeError, UsageError
from lookalike.types import Uri
from lookalike.words import human_count

__all__ = ["LabelEdit", "Parses", "apply_edit", "is_applied", "plan_label_edits", "revert_edit", "temporary_of"]

Reverted = Literal["restored", "put back", "unchanged"]


@dataclass(frozen=True)
class LabelEdit:
    """What is to be taken out of one label file.

    Attributes
    ----------
    uri
        Of the file.
    kind
        "coco", "csv" or "list".
    pictures
        Whose entries go.
    before, after
        sha256 of the file's bytes, hexadecimal: as they must be, and as they will be.
    mtime_ns
        When the file was last changed.
    cuts
        What is taken out, in the order of the file.
    folder
        That the names in it are relative to, as far as that matters.
    """

    uri: Uri
    kind: str
    pictures: tuple[Uri, ...]
    before: str
    after: str
    mtime_ns: int
    cuts: tuple[Cut, ...]
    folder: Uri | None = None

    @property
    def entries(self) -> int:
        """How many entries go."""
        return len(self.cuts)

    def in_words(self) -> str:
        """What it does, in one sentence."""
        entries = human_count(self.entries, "entry", "entries")
        return f"{entries} of {human_count(len(self.pictures), 'picture')} taken out of {self.uri}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; names that are not UTF-8 are escaped by `json.dumps`."""
        return asdict(self) | {"cuts": [list(cut) for cut in self.cuts], "pictures": list(self.pictures)}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> LabelEdit:
        """Return what `as_dict` wrote."""
        known = {name: given[name] for name in ("uri", "kind", "before", "after", "mtime_ns")}
        cuts = tuple(Cut(*cut) for cut in given["cuts"])
        return cls(**known, pictures=tuple(given["pictures"]), cuts=cuts, folder=given.get("folder"))


@dataclass
class Parses:
    """Label files as they were last parsed, by the sha256 of their bytes.

    One that holds what it held, or what the edit that was planned last leaves in it, is not parsed again; one that
    holds anything else is.
    """

    _known: dict[Uri, tuple[str, Parsed]] = field(default_factory=dict)
    _planned: dict[Uri, LabelEdit] = field(default_factory=dict)

    def of(self, uri: Uri, sha256: str, text: str) -> Parsed:
        """Return what parsing a file gives that holds this text."""
        known, edit = self._known.get(uri), self._planned.get(uri)
        if known is not None and edit is not None and (known[0], sha256) == (edit.before, edit.after):
            known = (sha256, known[1].without(edit.cuts))
        elif known is None or known[0] != sha256:
            known = (sha256, parse_labels(uri, text))
        self._known[uri] = known
        return known[1]

    def planned(self, edit: LabelEdit) -> None:
        """Note an edit, which may be applied."""
        self._planned[edit.uri] = edit


def plan_label_edits(
    pictures: Sequence[Uri],
    label_files: Sequence[Uri],
    *,
    folders: Mapping[Uri, Uri] | None = None,
    parses: Parses | None = None,
) -> tuple[LabelEdit, ...]:
    """Say what label files hold of pictures that are to go. Nothing is changed.

    Parameters
    ----------
    pictures
        That will go away.
    label_files
        COCO JSON; CSV with a column uri, file, path, file_name, filename or image; lists of names or of paths, one a
        line (``ImageSets/Main/train.txt`` of Pascal VOC, ``train.txt`` of YOLO).
    folders
        For a label file, the folder that the names in it are relative to; else it is found: the one in which most of
        the pictures named lie.
    parses
        What is known from planning edits before, in one run; None if nothing is.

    Returns
    -------
    tuple of LabelEdit
        One for each file that says something of one of the pictures, in the order given.

    Raises
    ------
    UsageError
        If a file cannot be read, is none of these, or its names fit several folders: say which in `folders`.

    Notes
    -----
    Names in a COCO file or a CSV file are held against files that are there: plan before the pictures are moved. In a
    COCO file an image goes with all of its annotations; in a CSV file all rows of a picture go.
    """
    edits = []
    known = Parses() if parses is None else parses
    for uri in dict.fromkeys(label_files):
        content, state = _read(uri)
        before, text = _sha256(content), _decoded(content)
        found = known.of(uri, before, text).find(text, pictures, (folders or {}).get(uri))
        if found.cuts and state.st_nlink > 1:
            raise UsageError(f"{uri} has other names (hard links), which would keep the old entries: unlink them")
        if found.cuts:
            edits.append(_edit(uri, before, text, state.st_mtime_ns, found))
            known.planned(edits[-1])
    return tuple(edits)


def temporary_of(uri: Uri) -> str:
    """Return a name beside a label file, or beside what it leads to, under which it can be written anew."""
    return os.path.join(os.path.dirname(os.path.realpath(uri)), f".lookalike-{os.urandom(6).hex()}.partial")


def _edit(uri: Uri, before: str, text: str, mtime_ns: int, found: Found) -> LabelEdit:
    after = _encoded(_without(text, found.cuts))
    return LabelEdit(
        uri, found.kind, found.pictures, before, _sha256(after), mtime_ns, found.cuts, found.folder
    )  # fmt: skip


def apply_edit(edit: LabelEdit, *, temporary: str | None = None) -> bool:
    """Take the entries out of the file, in one step: whoever looks sees the old file or the new one.

    Parameters
    ----------
    edit
        As planned.
    temporary
        Name on the same disk under which the file is written anew; see `temporary_of`.

    Returns
    -------
    bool
        False if that was done before: the file is as it will be.

    Raises
    ------
    UsageError
        If the file is no longer as it was when the edit was planned.
    LookalikeError
        If it cannot be read or written.
    """
    content, state = _read(edit.uri)
    now = _sha256(content)
    if now == edit.after:
        return False
    if now != edit.before:
        raise UsageError(f"{edit.uri} has changed since the plan was made, and is left as it is: make a new plan")
    after = _encoded(_without(_decoded(content), edit.cuts))
    if _sha256(after) != edit.after:
        raise UsageError(f"the edit of {edit.uri} does not lead to what it says, and is not made: make a new plan")
    _replace(edit.uri, after, state, temporary)
    return True


def revert_edit(edit: LabelEdit, *, temporary: str | None = None) -> Reverted:
    """Put the entries back, in one step.

    Parameters
    ----------
    edit, temporary
        As in `apply_edit`.

    Returns
    -------
    str
        "restored": the file has the bytes, the time and the mode that it had. "put back": it had changed meanwhile, and
        got those entries that it lacked, at the end of their list. "unchanged": there was nothing to put back.

    Raises
    ------
    UsageError
        If it has changed so that the entries have no place in it any more.
    LookalikeError
        If it cannot be read or written.
    """
    content, state = _read(edit.uri)
    now = _sha256(content)
    if now == edit.before:
        return "unchanged"
    if now == edit.after:
        _replace(edit.uri, _encoded(_with(_decoded(content), edit.cuts)), state, temporary, edit.mtime_ns)
        return "restored"
    text = _decoded(content)
    filled = insert_entries(edit.uri, edit.kind, text, edit.cuts)
    if filled == text:
        return "unchanged"
    _replace(edit.uri, _encoded(filled), state, temporary)
    return "put back"


def is_applied(edit: LabelEdit) -> bool:
    """Say whether the file lacks entries that the edit takes out.

    Raises
    ------
    UsageError
        If that cannot be told, since the file has become another.
    LookalikeError
        If it cannot be read.
    """
    content, _ = _read(edit.uri)
    now = _sha256(content)
    if now in (edit.before, edit.after):
        return now == edit.after
    text = _decoded(content)
    return insert_entries(edit.uri, edit.kind, text, edit.cuts) != text


def _without(text: str, cuts: Sequence[Cut]) -> str:
    """Return a text without what is cut."""
    parts, at = [], 0
    for cut in cuts:
        parts.append(text[at : cut.at])
        at = cut.at + len(cut.text)
    return "".join([*parts, text[at:]])


def _with(text: str, cuts: Sequence[Cut]) -> str:
    """Return a text with what was cut from it: the inverse of `_without`."""
    parts, at, gone = [], 0, 0
    for cut in cuts:
        parts += [text[at : cut.at - gone], cut.text]
        at = cut.at - gone
        gone += len(cut.text)
    return "".join([*parts, text[at:]])


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(uri: Uri) -> tuple[bytes, os.stat_result]:
    try:
        with open(uri, "rb") as stream:
            state = os.fstat(stream.fileno())
            return stream.read(), state
    except OSError as error:
        raise LookalikeError(f"the label file {uri} cannot be read: {error.strerror or error}") from error


def _replace(
    uri: Uri, content: bytes, seen: os.stat_result, temporary: str | None, mtime_ns: int | None = None
) -> None:
    """Write a file anew, with the owner, mode and extended attributes of the old one; a link keeps leading to it.

    It is left alone if it is no longer the file that was seen.
    """
    target = os.path.realpath(uri)
    folder = os.path.dirname(target)
    partial = temporary or temporary_of(uri)
    try:
        if not os.access(target, os.W_OK):
            raise PermissionError(None, "it is write-protected")
        try:
            with open(partial, "xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            if hasattr(os, "chown"):
                with contextlib.suppress(PermissionError):
                    os.chown(partial, seen.st_uid, seen.st_gid)
            shutil.copystat(target, partial)
            if mtime_ns is None:
                os.utime(partial)
            else:
                os.utime(partial, ns=(seen.st_atime_ns, mtime_ns))
            if _mark(os.stat(target)) != _mark(seen):
                raise UsageError(f"{uri} is being changed by another program, and is left as it is: try again")
            os.replace(partial, target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)
        sync_folder(folder)
    except OSError as error:
        raise LookalikeError(
            f"the label file {uri} cannot be written: {error.strerror or error}; it is as it was"
        ) from error


def _mark(state: os.stat_result) -> tuple[int, int, int, int]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
