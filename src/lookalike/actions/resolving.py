"""Order after a crash: every step left half done is finished or taken back; and a library told what has changed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lookalike.actions.files import Refused, explain
from lookalike.actions.journal import Journal, Run, Step, is_settled, journals, read_run
from lookalike.actions.pieces import Hook, Piece, Swap, no_hook
from lookalike.errors import LibraryError
from lookalike.library import Library
from lookalike.store import Record
from lookalike.types import SourceItem, Uri

__all__ = ["Resolved", "refresh", "resolve", "resolve_run", "take_back"]


@dataclass(frozen=True)
class Resolved:
    """A step that a crash left half done, and what became of it: "done", "failed" (taken back), "undone", "deleted"."""

    run: str
    uri: Uri
    state: str
    reason: str


def resolve(library: Library) -> tuple[Resolved, ...]:
    """Put every run in order that a crash has left; call it while the writer lock is held.

    Returns
    -------
    tuple
        What was found half done.
    """
    found: list[Resolved] = []
    for path in journals(library.path):
        if is_settled(path):
            continue
        run = read_run(path)
        if run.unresolved or not run.ended:
            found += resolve_run(library, run)
    return tuple(found)


def resolve_run(library: Library, run: Run) -> list[Resolved]:
    """Put one run in order."""
    found = []
    with Journal(run.path) as journal:
        for step in run.unresolved:
            state, reason = _settle(step)
            journal.mark(step, state, reason)
            found.append(Resolved(run.name, step.uri, state, reason))
        if not run.unresolved:  # a file that could not be deleted is tried again
            journal.end()
    refresh(library, run.steps.values())
    return found


def _settle(step: Step) -> tuple[str, str]:
    """Finish or take back a step, and return its state now, and why where that is not plain."""
    places = [piece.place() for piece in step.pieces]
    if step.state == "deleting":
        return _settle_deleting(step)
    if step.state == "begun" and all(place in ("new", "both") for place in places):
        for piece in step.pieces:
            piece.clean()
        return "done", ""
    reason = take_back(step.pieces)
    if step.state == "undoing":
        return ("done", reason) if reason else ("undone", "")
    if not reason:
        return "failed", "stopped half-way and taken back"
    return "done", reason


def _settle_deleting(step: Step) -> tuple[str, str]:
    """Let a file stay of which nothing is deleted yet; else delete what is left of it, as was asked for."""
    left = [piece.to for piece in step.files if os.path.lexists(piece.to)]
    if len(left) == len(step.files):
        return "done", ""
    try:
        for name in left:
            os.unlink(name)
    except OSError as error:
        return "deleting", explain(error)
    step.files[0].tidy()
    return "deleted", ""


def take_back(pieces: Sequence[Piece], hook: Hook = no_hook) -> str:
    """Take back whatever has been done of some pieces; return why some could not be, or nothing."""
    reasons = []
    for piece in reversed(pieces):
        try:
            piece.back(hook)
        except Refused as error:
            reasons.append(f"{piece.path}: {error}")
        except OSError as error:
            reasons.append(f"{piece.path}: {explain(error)}")
        piece.tidy()
    return "; ".join(reasons)


def refresh(library: Library, steps: Iterable[Step]) -> None:
    """Tell a library what has become of the files of some steps, so that nothing need be read again to know it."""
    wanted = {piece.path: piece for step in steps for piece in step.files}
    if not wanted:
        return
    store = library.store
    known = store.known(list(wanted))
    gone, back, records = [], [], []
    for uri, piece in wanted.items():
        if uri not in known:
            continue
        item = _item(uri)
        if item is None:
            gone.append(known[uri].id)
        elif _is_known(piece) and store.content_of_hash(bytes.fromhex(piece.sha256)) is not None:
            records.append(Record(item, "ok", bytes.fromhex(piece.sha256)))
        else:
            back.append(known[uri].id)
    run = int(store.history().partition("-")[0])
    with contextlib.suppress(LibraryError):  # the next `index` finds it out
        store.set_missing(gone)
        store.set_missing(back, missing=False)
        store.write(records, run, {})


def _item(uri: Uri) -> SourceItem | None:
    try:
        status = os.lstat(uri)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return SourceItem(
        uri, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino, status.st_nlink
    )  # fmt: skip


def _is_known(piece: Piece) -> bool:
    """Say whether what is at the old place has the bytes that were there: the file itself, or what took its place."""
    place = piece.place()
    return place == "old" or (place == "new" and isinstance(piece, Swap))
