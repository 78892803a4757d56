"""Applying a plan: each file is looked at once more at the moment of acting, and written down before it is touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from lookalike.actions.belonging import belongs, naming
from lookalike.actions.checking import Checks
from lookalike.actions.files import Facts, Refused, explain, look
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.journal import Journal, Step
from lookalike.actions.labelpieces import LabelFiles
from lookalike.actions.moving import QUARANTINE
from lookalike.actions.naming import free_names, temporary_name, unlike
from lookalike.actions.pieces import Carry, Entries, Hook, Move, Piece, Swap, Trash, no_hook
from lookalike.actions.plan import Plan
from lookalike.actions.planfile import check_plan, read_plan
from lookalike.actions.resolving import Resolved, refresh, resolve, take_back
from lookalike.actions.rows import LINKS, PlanRow
from lookalike.actions.standing import decided_folders
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.sources import QUARANTINE_FOLDER, PathLike, uris_of
from lookalike.types import Rows, Tabular, Uri

__all__ = ["Acted", "ApplyReport", "apply_plan"]


@dataclass(frozen=True)
class Acted:
    """What became of one row of a plan.

    Attributes
    ----------
    state
        "done", "refused", or, in a dry run, "would"; "displaced" where a fault left the act half done and kept the file
        from coming back, too: it lies at `to`, and `undo` tries again.
    to
        Where the file lies now.
    bytes
        Won, once the quarantine or the trash is emptied.
    reason
        Why it was refused.
    """

    uri: Uri
    act: str
    state: str
    to: str = ""
    bytes: int = 0
    reason: str = ""


@dataclass(frozen=True)
class ApplyReport(Tabular):
    """What `apply_plan` did, row by row of the plan.

    Attributes
    ----------
    run
        By which `undo` knows it; empty if nothing was done.
    resolved
        What earlier runs, stopped by a crash, had left half done.
    """

    run: str
    acted: tuple[Acted, ...]
    resolved: tuple[Resolved, ...] = ()

    def count(self, state: str) -> int:
        """Return how many rows have a state."""
        return sum(one.state == state for one in self.acted)

    def rows(self) -> Rows:
        """Return (uri, act, state, to, bytes, reason)."""
        return Rows(
            ("uri", "act", "state", "to", "bytes", "reason"),
            [(a.uri, a.act, a.state, a.to, a.bytes, a.reason) for a in self.acted],
        )


def apply_plan(
    library: Library,
    plan: Plan | PathLike,
    *,
    protect: PathLike | Iterable[PathLike] = (),
    dry_run: bool = False,
    on_row: Callable[[Acted], None] | None = None,
    hook: Hook = no_hook,
) -> ApplyReport:
    """Do what a plan says. Nothing is deleted: each act can be undone with `undo`.

    Parameters
    ----------
    library
        The library that the plan is of.
    plan
        A plan, or the file of one.
    protect
        More folders in which nothing is touched. So it is with those that were decided to be kept.
    dry_run
        Look at every file as for acting, and do nothing.
    on_row
        Called with what became of each row, as soon as it is done.
    hook
        Called with the name of each step before it is done: for tests.

    Returns
    -------
    ApplyReport
        A row is refused, and its file left alone, if it or its keeper is not what it was when the plan was made, if it
        is protected or offline, if it is a link or its keeper is one, if it was decided that it stays or is no copy of
        its keeper, if more belongs to it than was planned or a part of its unit must not go, or if the act cannot be
        done. What belongs to another picture that is still there stays with that one.

    Raises
    ------
    UsageError
        If the plan makes no sense, is of another library, or a protected folder is not there.
    LibraryLockedError
        If another process writes to the library.
    LibraryError
        If the journal cannot be written: what was not begun is then not done.
    """
    made = plan if isinstance(plan, Plan) else read_plan(plan)
    check_plan(made, made.path or "the plan")
    _check_library(made, library)
    more = uris_of(protect)
    with library.store.writing():
        named = [*made.protected, *more]
        decided = decided_folders(library, Roots(library.store.roots()))
        guard = Guard([*named, *decided, str(library.path)])
        resolved = resolve(library)
        actor = _Actor(library, made, guard, hook)
        rows = actor.in_order()
        if dry_run:
            return ApplyReport("", tuple(actor.look(row) for row in rows), resolved)
        if not rows:
            return ApplyReport("", (), resolved)
        acted: list[Acted] = []
        with Journal.create(library.path, made.path, version("lookalike")) as journal:
            try:
                for row in rows:
                    acted.append(actor.act(row, journal))
                    if on_row:
                        on_row(acted[-1])
            finally:
                refresh(library, actor.steps)
            journal.end()
    return ApplyReport(journal.name, tuple(acted), resolved)


def _check_library(plan: Plan, library: Library) -> None:
    if plan.library and Path(plan.library) != library.path.absolute():
        try:
            same = os.path.samefile(plan.library, library.path)
        except OSError:
            same = False
        if not same:
            raise UsageError(
                f"this plan is of the library {plan.library}, not of {library.path}: add --library {plan.library}"
            )


@dataclass
class _Actor:
    """Checks and does the rows of one plan."""

    library: Library
    plan: Plan
    guard: Guard
    hook: Hook
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checks = Checks(self.library, self.plan, self.guard)
        self.roots = self.checks.roots
        self.leaving = {row.uri for row in self.plan.acting if row.act not in LINKS}
        going = self.leaving | {uri for row in self.plan.acting for uri in row.together}
        self.labels = LabelFiles(self.plan.label_files, going)

    def in_order(self) -> list[PlanRow]:
        """Return the rows to act on, what belongs to a picture after the picture."""
        return sorted(self.plan.acting, key=lambda row: belongs(row.uri))

    def look(self, row: PlanRow) -> Acted:
        """Say what would become of a row."""
        try:
            row, _ = self.checks.of(row, leaving=self.leaving)
            self._entries(row)
        except Refused as error:
            return Acted(row.uri, row.act, "refused", reason=str(error))
        return Acted(row.uri, row.act, "would", bytes=row.bytes)

    def act(self, row: PlanRow, journal: Journal) -> Acted:
        """Check and do a row."""
        keeper = self.checks.keepers[row.group]
        try:
            self.hook("check")
            row, facts = self.checks.of(row)
            pieces = (*self._pieces(row, keeper, facts, journal.name), *self._entries(row))
        except Refused as error:
            return self._refuse(row, journal, str(error))
        step = Step(len(self.steps) + 1, row.act, row.uri, keeper.uri, keeper.sha256, row.bytes, pieces)
        self.hook("journal: begin")
        journal.begin(step)
        self.steps.append(step)
        begun: list[Piece] = []
        try:
            for piece in pieces:
                begun.append(piece)
                piece.do(self.hook)
                self.checks.still_kept(keeper)
        except BaseException as error:
            if isinstance(error, Refused) and isinstance(begun[-1], Entries):
                begun.pop().clean()  # it is as others have left it: nothing of it is to be taken back
            left = take_back(begun)
            reason = explain(error) if isinstance(error, OSError) else str(error)
            reason = f"{reason}; {left}" if left else reason
            journal.mark(step, "done" if left else "failed", reason)
            if not isinstance(error, Refused | OSError):
                raise
            if left:
                return Acted(row.uri, row.act, "displaced", pieces[0].to, reason=reason)
            return Acted(row.uri, row.act, "refused", reason=reason)
        self.hook("journal: done")
        journal.mark(step, "done")
        if row.act not in LINKS:
            self.checks.folders.gone((row.uri, *row.together))
        self.labels.done(pieces)
        return Acted(row.uri, row.act, "done", pieces[0].to, row.bytes)

    def _refuse(self, row: PlanRow, journal: Journal, reason: str) -> Acted:
        journal.add({"refused": row.uri, "act": row.act, "reason": reason}, sync=False)
        return Acted(row.uri, row.act, "refused", reason=reason)

    # ------------------------------------------------------------------------------------------------ pieces

    def _entries(self, row: PlanRow) -> tuple[Entries, ...]:
        """Return what takes a row's files out of the label files."""
        if row.act in LINKS:
            return ()
        made = self.labels.pieces((row.uri, *row.together))
        for piece in made:
            if (folder := self.guard.holds(piece.path)) is not None:
                raise Refused(f"the label file {piece.path} lies in {folder}, which is protected")
        return made

    def _pieces(self, row: PlanRow, keeper: PlanRow, facts: tuple[Facts, ...], run: str) -> tuple[Piece, ...]:
        files = list(zip((row.uri, *row.together), (row.sha256, *row.together_sha256), facts, strict=True))
        if row.act == "trash":
            return tuple(Trash(uri, sha256, found) for uri, sha256, found in files)
        if row.act == "move":
            names = free_names(row.to, [os.path.basename(uri) for uri, _, _ in files])
            return tuple(self._moved(row, *one, name) for one, name in zip(files, names, strict=True))
        folder = self._quarantine(row.uri, facts[0], run)
        where = os.path.join(folder, f"{len(self.steps) + 1:06}")
        if row.act == "quarantine":
            names = unlike([os.path.basename(uri) for uri, _, _ in files])
            return tuple(Move(u, os.path.join(where, n), s, f) for (u, s, f), n in zip(files, names, strict=True))
        return (self._swap(row, keeper, facts[0], where),)

    def _moved(self, row: PlanRow, uri: Uri, sha256: str, facts: Facts, name: str) -> Piece:
        to = os.path.join(row.to, name)
        if _device(row.to) == facts.device:
            return Move(uri, to, sha256, facts)
        if facts.links > 1:
            with naming(uri, row.uri):
                raise Refused(f"it has other names (hard links), which a copy on the disk of {row.to} would lose")
        return Carry(uri, to, sha256, facts, os.path.join(row.to, temporary_name(name)))

    def _swap(self, row: PlanRow, keeper: PlanRow, facts: Facts, where: str) -> Swap:
        folder, name = os.path.split(row.uri)
        source = keeper.uri
        if row.act == "symlink":
            source = os.path.realpath(keeper.uri)
            if self.roots.of(row.uri) == self.roots.of(keeper.uri):  # a tree that is moved as a whole stays whole
                source = os.path.relpath(source, os.path.realpath(folder))
        temporary = os.path.join(folder, temporary_name(name))
        inode = look(keeper.uri).inode
        return Swap(row.uri, os.path.join(where, name), row.sha256, facts, temporary, row.act, source, inode)

    def _quarantine(self, uri: Uri, facts: Facts, run: str) -> str:
        """Return the folder of the run's quarantine that is on the file's own file system."""
        library = os.path.abspath(self.library.path)
        if _device(library) == facts.device:
            return os.path.join(library, QUARANTINE, run)
        root = self.roots.of(uri)
        top = os.path.dirname(uri)
        while top != root and os.path.dirname(top) != top and _device(os.path.dirname(top)) == facts.device:
            top = os.path.dirname(top)
        folder = os.path.join(top, QUARANTINE_FOLDER)
        if os.path.lexists(folder) and (os.path.islink(folder) or not os.path.isdir(folder)):
            raise Refused(f"{folder} is no folder of ours: remove it")
        return os.path.join(folder, run)


def _device(path: str) -> int:
    """Return the device of a folder, or of the nearest one above it that is there."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    try:
        return os.stat(path).st_dev
    except OSError as error:
        raise Refused(f"the folder {path} cannot be looked at: {explain(error)}") from error
