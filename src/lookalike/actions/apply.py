"""Applying a plan: each file is looked at once more at the moment of acting, and written down before it is touched."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from lookalike.actions.files import Facts, Refused, digest, explain, look, same_entry
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.journal import Journal, Step
from lookalike.actions.moving import QUARANTINE
from lookalike.actions.naming import free_names, temporary_name, unlike
from lookalike.actions.pieces import Carry, Hook, Move, Piece, Swap, Trash, no_hook
from lookalike.actions.plan import LINKS, Plan, PlanRow, check_target
from lookalike.actions.planfile import check_plan, read_plan
from lookalike.actions.resolving import Resolved, refresh, resolve, take_back
from lookalike.errors import UsageError
from lookalike.library import Library, PathLike
from lookalike.sources import QUARANTINE_FOLDER, normalise_uri
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
        More folders in which nothing is touched.
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
        is protected or offline, if it is a link or its keeper is one, or if the act cannot be done.

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
    more = [protect] if isinstance(protect, str | os.PathLike) else list(protect)
    guard = Guard([*made.protected, *(normalise_uri(os.fspath(path)) for path in more), str(library.path)])
    rows = made.acting
    with library.store.writing():
        resolved = resolve(library)
        actor = _Actor(library, made, guard, hook)
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
    hashed: dict[tuple[Uri, int, int, int, int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roots = Roots(self.library.store.roots())
        self.keepers = {item.group: item for item in self.plan.items if item.keeper}
        self.by_inode: dict[int, list[Uri]] = {}
        for keeper in self.keepers.values():
            with contextlib.suppress(OSError):
                self.by_inode.setdefault(os.lstat(keeper.uri).st_ino, []).append(keeper.uri)

    def look(self, row: PlanRow) -> Acted:
        """Say what would become of a row."""
        try:
            self._check(row, self.keepers[row.group])
        except Refused as error:
            return Acted(row.uri, row.act, "refused", reason=str(error))
        return Acted(row.uri, row.act, "would", bytes=row.bytes)

    def act(self, row: PlanRow, journal: Journal) -> Acted:
        """Check and do a row."""
        keeper = self.keepers[row.group]
        try:
            self.hook("check")
            facts = self._check(row, keeper)
            pieces = self._pieces(row, keeper, facts, journal.name)
        except Refused as error:
            return self._refuse(row, journal, str(error))
        step = Step(len(self.steps) + 1, row.act, row.uri, keeper.uri, keeper.sha256, row.bytes, pieces)
        self.hook("journal: begin")
        journal.begin(step)
        self.steps.append(step)
        try:
            for piece in pieces:
                piece.do(self.hook)
                self._check_kept(keeper)
        except BaseException as error:
            left = take_back(pieces)
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
        return Acted(row.uri, row.act, "done", pieces[0].to, row.bytes)

    def _refuse(self, row: PlanRow, journal: Journal, reason: str) -> Acted:
        journal.add({"refused": row.uri, "act": row.act, "reason": reason}, sync=False)
        return Acted(row.uri, row.act, "refused", reason=reason)

    # ------------------------------------------------------------------------------------------------ checks

    def _check(self, row: PlanRow, keeper: PlanRow) -> tuple[Facts, ...]:
        """Return the facts of the files of a row, if all of it may be done now."""
        for uri in (row.uri, *row.together, keeper.uri):
            self.roots.check(uri)
        for uri in (row.uri, *row.together):
            self.guard.check(uri)
        kept = self._check_keeper(keeper)
        facts = []
        for uri, sha256 in zip((row.uri, *row.together), (row.sha256, *row.together_sha256), strict=True):
            with _naming(uri, row):
                found = look(uri)
                if uri == row.uri:
                    _compare(row, found)
                self._check_no_keeper(uri, found)
                if digest(uri) != sha256:
                    raise Refused("its bytes have changed since the plan was made: plan again")
                facts.append(found)
        if row.verdict == "same-file" and row.sha256 != keeper.sha256:
            raise Refused("the plan calls it the same file as its keeper, and they have other bytes")
        if row.act in LINKS:
            self._check_link(row, keeper, facts[0], kept)
        if row.act == "move":
            try:
                check_target(row.to, self.roots)
            except UsageError as error:
                raise Refused(str(error)) from error
        return tuple(facts)

    def _check_no_keeper(self, uri: Uri, facts: Facts) -> None:
        """Refuse a file that is the keeper of any group of the plan: another path may lead to it."""
        for keeper in self.by_inode.get(facts.inode, ()):
            with contextlib.suppress(OSError):  # a keeper that is gone keeps nothing
                if same_entry(uri, keeper):
                    raise Refused(f"it is a keeper itself, by another path: {keeper}")

    def _check_keeper(self, keeper: PlanRow) -> Facts:
        """Return the facts of the file that is kept, if it is there, itself, readable and still what it was."""
        try:
            if QUARANTINE_FOLDER in Path(keeper.uri).parts or self._is_ours(keeper.uri):
                raise Refused("it lies in a quarantine itself")
            facts = look(keeper.uri)
            _compare(keeper, facts)
            status = os.lstat(keeper.uri)
            key = (keeper.uri, facts.device, facts.inode, facts.size, facts.mtime_ns, status.st_ctime_ns)
            if key not in self.hashed:
                self.hashed = {key: digest(keeper.uri)}  # of the last one: a plan goes group by group
            if self.hashed[key] != keeper.sha256:
                raise Refused("its bytes have changed since the plan was made")
        except Refused as error:
            raise Refused(f"its keeper {keeper.uri} cannot be relied on: {error}") from error
        return facts

    def _check_kept(self, keeper: PlanRow) -> None:
        """Refuse, after an act, if the keeper went with it: then they were one file by two paths."""
        try:
            status = os.lstat(keeper.uri)
        except OSError as error:
            raise Refused("it is its own keeper, by another path") from error
        if not stat.S_ISREG(status.st_mode) or status.st_size != keeper.size:
            raise Refused("it is its own keeper, by another path")

    def _check_link(self, row: PlanRow, keeper: PlanRow, facts: Facts, kept: Facts) -> None:
        if row.sha256 != keeper.sha256:
            raise Refused(f"only files of equal bytes are linked, and it is {row.verdict}: choose quarantine")
        if facts.inode and (facts.device, facts.inode) == (kept.device, kept.inode):
            raise Refused("it is a hard link to its keeper already")
        if row.act == "hardlink":
            if (folder := self.guard.holds(keeper.uri)) is not None:
                raise Refused(f"its keeper lies in {folder}, which is protected: choose quarantine, reflink or symlink")
            if facts.device != kept.device:
                raise Refused("its keeper is on another file system: choose quarantine or symlink")

    def _is_ours(self, uri: Uri) -> bool:
        folder = os.path.realpath(os.path.dirname(uri))
        return Path(os.path.realpath(self.library.path)) in (Path(folder), *Path(folder).parents)

    # ------------------------------------------------------------------------------------------------ pieces

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
            with _naming(uri, row):
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


@contextlib.contextmanager
def _naming(uri: Uri, row: PlanRow) -> Iterator[None]:
    """Let what is refused of another file of a row name that file."""
    try:
        yield
    except Refused as error:
        if uri == row.uri:
            raise
        raise Refused(f"{uri}, which belongs to it, cannot be moved: {error}") from error


def _compare(row: PlanRow, found: Facts) -> None:
    """Refuse a file that is not what it was when the plan was made; its bytes are looked at elsewhere.

    An inode counts only on the same device: a disk that is plugged in again may get another number.
    """
    if row.size is not None and row.size != found.size:
        raise Refused("its size has changed since the plan was made: plan again")
    if row.mtime_ns is not None and row.mtime_ns != found.mtime_ns:
        raise Refused("it has been written to since the plan was made: plan again")
    if row.inode is not None and row.device == found.device and row.inode != found.inode:
        raise Refused("another file has taken its place since the plan was made: plan again")


def _device(path: str) -> int:
    """Return the device of a folder, or of the nearest one above it that is there."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    try:
        return os.stat(path).st_dev
    except OSError as error:
        raise Refused(f"the folder {path} cannot be looked at: {explain(error)}") from error
