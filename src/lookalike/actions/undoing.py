"""Undoing a run: every file back at its old place, with its mode, times and extended attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lookalike.actions.files import explain
from lookalike.actions.guard import Roots
from lookalike.actions.journal import Journal, Step
from lookalike.actions.pieces import Hook, no_hook
from lookalike.actions.resolving import Resolved, refresh, resolve, take_back
from lookalike.actions.runs import find_run
from lookalike.library import Library
from lookalike.types import Rows, Tabular, Uri

__all__ = ["UndoReport", "Undone", "undo"]


@dataclass(frozen=True)
class Undone:
    """What became of one act that was to be undone.

    Attributes
    ----------
    state
        "undone", "refused", or, in a dry run, "would".
    reason
        Why it was refused.
    """

    uri: Uri
    act: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class UndoReport(Tabular):
    """What `undo` brought back.

    Attributes
    ----------
    run
        Which was undone.
    resolved
        What earlier runs, stopped by a crash, had left half done.
    """

    run: str
    undone: tuple[Undone, ...]
    resolved: tuple[Resolved, ...] = ()

    def count(self, state: str) -> int:
        """Return how many acts have a state."""
        return sum(one.state == state for one in self.undone)

    def rows(self) -> Rows:
        """Return (uri, act, state, reason), the last act first."""
        return Rows(("uri", "act", "state", "reason"), [(u.uri, u.act, u.state, u.reason) for u in self.undone])


def undo(
    library: Library,
    run: str | None = None,
    *,
    dry_run: bool = False,
    on_row: Callable[[Undone], None] | None = None,
    hook: Hook = no_hook,
) -> UndoReport:
    """Bring back the files that a run took away, the last one first.

    Parameters
    ----------
    library
        The library by which the plan was applied.
    run
        Its name, as `history` tells; None for the newest of which something can be undone.
    dry_run
        Only say what would be brought back.
    on_row
        Called with what became of each act, as soon as it is undone.
    hook
        Called with the name of each step before it is done: for tests.

    Returns
    -------
    UndoReport
        An act is refused, and nothing done, where something else has come to the file's old place, the file was changed
        where it lies, or it cannot be brought back; another call tries again. Where a label file is gone or has changed
        so much that entries have no place in it, the files come back, and the act is refused with that reason.

    Raises
    ------
    UsageError
        If there is no such run, or nothing to undo.
    LibraryLockedError
        If another process writes to the library.
    LibraryError
        If the journal cannot be written: what was not begun is then not done.
    """
    with library.store.writing():
        resolved = resolve(library)
        chosen = find_run(library, run)
        roots = Roots(library.store.roots())
        steps = [step for step in reversed(chosen.steps.values()) if step.state == "done"]
        if dry_run:
            return UndoReport(chosen.name, tuple(Undone(s.uri, s.act, *_foreseen(s, roots)) for s in steps), resolved)
        undone = []
        with Journal(chosen.path) as journal:
            try:
                for step in steps:
                    undone.append(_undo(step, roots, journal, hook))
                    if on_row:
                        on_row(undone[-1])
            finally:
                refresh(library, steps)
            if not chosen.unresolved:
                journal.end()
    return UndoReport(chosen.name, tuple(undone), resolved)


def _undo(step: Step, roots: Roots, journal: Journal, hook: Hook) -> Undone:
    state, reason = _foreseen(step, roots)
    if state == "refused":
        return Undone(step.uri, step.act, state, reason)
    hook("journal: undoing")
    journal.mark(step, "undoing", sync=True)
    try:
        reason = take_back(step.pieces, hook)
    except OSError as error:
        reason = explain(error)
    hook("journal: undone")
    journal.mark(step, "done" if reason else "undone", reason)
    return Undone(step.uri, step.act, "refused" if reason else "undone", reason)


def _foreseen(step: Step, roots: Roots) -> tuple[str, str]:
    """Return "would", or "refused" and why: what need not be begun to be known."""
    if not roots.there(step.uri):
        return "refused", f"{roots.of(step.uri)} is offline: nothing is brought back there"
    for piece in step.files:  # entries of a label file that cannot be put back keep no picture from coming back
        place = piece.place()
        if place == "missing":
            return "refused", f"{piece.path}: it is gone from where it was put, or was changed there"
        if place == "both":
            return "refused", f"something else is at its old place now; it stays at {piece.to}"
    return "would", ""
