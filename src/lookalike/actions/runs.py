"""What runs have done, from their journals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from lookalike.actions.files import Refused, look
from lookalike.actions.journal import Run, journals, read_run
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.types import Rows, Tabular, Uri

__all__ = ["History", "RunSummary", "find_run", "history", "reflinked"]


@dataclass(frozen=True)
class RunSummary:
    """One run in figures.

    Attributes
    ----------
    run
        Its name.
    started
        Seconds since 1970.
    plan
        The plan's file, where it was read from one.
    state
        "done", "undone" (all of it), "interrupted" (the next `apply` or `undo` puts it in order).
    acts
        What it did, as in a plan.
    done, undone, deleted, refused
        Rows of the plan: as they were left, brought back, emptied out of the quarantine, and not acted on.
    bytes
        Won by those that are done, once the quarantine is emptied.
    """

    run: str
    started: float
    plan: str
    state: str
    acts: tuple[str, ...]
    done: int
    undone: int
    deleted: int
    refused: int
    bytes: int


@dataclass(frozen=True)
class History(Tabular):
    """The runs of a library, newest first."""

    runs: tuple[RunSummary, ...]

    def rows(self) -> Rows:
        """Return (run, when, act, done, refused, undone, bytes, state, deleted, plan)."""
        columns = ("run", "when", "act", "done", "refused", "undone", "bytes", "state", "deleted", "plan")
        values = [
            (
                r.run, datetime.fromtimestamp(r.started, UTC).isoformat(timespec="seconds"), ", ".join(r.acts), r.done,
                r.refused, r.undone, r.bytes, r.state, r.deleted, r.plan,
            )
            for r in self.runs
        ]  # fmt: skip
        return Rows(columns, values)


def history(library: Library) -> History:
    """Return the runs of a library, newest first."""
    return History(tuple(_summary(read_run(path)) for path in reversed(journals(library.path))))


def _summary(run: Run) -> RunSummary:
    states = Counter(step.state for step in run.steps.values())
    state = "done"
    if run.unresolved or not run.ended:
        state = "interrupted"
    elif states["undone"] and not states["done"]:
        state = "undone"
    won = sum(step.bytes for step in run.steps.values() if step.state in ("done", "deleted"))
    acts = dict.fromkeys([*(step.act for step in run.steps.values()), *(act for _, act, _ in run.refused)])
    return RunSummary(
        run.name, run.started, run.plan, state, tuple(acts), states["done"], states["undone"], states["deleted"],
        len(run.refused) + states["failed"], won,
    )  # fmt: skip


def find_run(library: Library, name: str | None) -> Run:
    """Return a run by its name; without one the newest of which something can be undone.

    Raises
    ------
    UsageError
        If there is none.
    """
    paths = journals(library.path)
    if name is not None:
        chosen = next((path for path in paths if path.stem == name), None)
        if chosen is None:
            raise UsageError(f"there is no run {name}: `lookalike history --library {library.path}` lists them")
        return read_run(chosen)
    for path in reversed(paths):
        run = read_run(path)
        if any(step.state in ("done", "begun", "undoing") for step in run.steps.values()):
            return run
    raise UsageError(f"there is nothing to undo: no run of {library.path} has left a file at a new place")


def reflinked(library: Library) -> set[tuple[Uri, int]]:
    """Return (uri, inode) of the files that are reflinks of their keepers by an act, and have stayed what they were."""
    found = set()
    for path in journals(library.path):
        for step in read_run(path).steps.values():
            if step.act == "reflink" and step.state == "done":
                try:
                    now = look(step.uri)
                except Refused:
                    continue
                facts = step.pieces[0].facts
                if (now.size, now.mtime_ns) == (facts.size, facts.mtime_ns) and now.inode != facts.inode:
                    found.add((step.uri, now.inode))
    return found
