"""The quarantine: what lies in it, and the only permanent delete that there is, by age."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.actions.files import Refused, digest, explain, look, same_entry
from lookalike.actions.journal import Journal, Run, Step, journals, read_run
from lookalike.actions.moving import QUARANTINE
from lookalike.actions.pieces import Hook, no_hook
from lookalike.actions.resolving import Resolved, resolve
from lookalike.actions.standing import Standing
from lookalike.defaults import OLDER_THAN
from lookalike.durable import sync_folder
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.sources import QUARANTINE_FOLDER
from lookalike.types import Rows, Tabular, Uri
from lookalike.units import FILMS, LAST_COPIES, RAWS, unit

__all__ = ["Quarantine", "Quarantined", "empty_quarantine", "quarantine"]

IN_QUARANTINE = ("quarantine", "hardlink", "reflink", "symlink")
"""Acts that leave the file in the quarantine."""

DAY = 86_400


@dataclass(frozen=True)
class Quarantined:
    """One act whose file lies, or lay, in the quarantine.

    Attributes
    ----------
    place
        Where the file lies.
    days
        Since its run began.
    bytes
        Of the file, and of what belongs to it.
    state
        "kept", "deleted", "refused", or, in a dry run, "would".
    reason
        Why it was refused.
    """

    run: str
    uri: Uri
    place: str
    act: str
    days: float
    bytes: int
    state: str = "kept"
    reason: str = ""


@dataclass(frozen=True)
class Quarantine(Tabular):
    """What lies in the quarantine, or became of it; the oldest first."""

    items: tuple[Quarantined, ...]
    resolved: tuple[Resolved, ...] = ()

    def count(self, state: str) -> int:
        """Return how many have a state."""
        return sum(item.state == state for item in self.items)

    def bytes(self, state: str) -> int:
        """Return how many bytes those of a state have."""
        return sum(item.bytes for item in self.items if item.state == state)

    def rows(self) -> Rows:
        """Return (run, uri, place, act, days, bytes, state, reason)."""
        values = [(i.run, i.uri, i.place, i.act, round(i.days, 2), i.bytes, i.state, i.reason) for i in self.items]
        return Rows(("run", "uri", "place", "act", "days", "bytes", "state", "reason"), values)


def quarantine(library: Library) -> Quarantine:
    """Return what lies in the quarantine of a library, the oldest first; nothing is touched."""
    now = time.time()
    return Quarantine(tuple(_item(run, step, now) for run in _runs(library) for step in _held(run)))


def empty_quarantine(
    library: Library, *, older_than_days: float = OLDER_THAN, dry_run: bool = False, hook: Hook = no_hook
) -> Quarantine:
    """Delete what has lain in the quarantine for long. It cannot be undone.

    Parameters
    ----------
    library
        The library by which the plans were applied.
    older_than_days
        Age of a run from which on its files are deleted, 0 or more.
    dry_run
        Only say what would be deleted.
    hook
        Called with the name of each step before it is done: for tests.

    Returns
    -------
    Quarantine
        A file is refused, and stays, if neither its keeper nor another file of its bytes is readable and still what it
        was, or if it was changed where it lies.

    Raises
    ------
    UsageError
        For an age below 0.
    LibraryLockedError
        If another process writes to the library.
    LibraryError
        If the journal cannot be written: what was not begun is then not done.
    """
    if not older_than_days >= 0:
        raise UsageError(f"an age is 0 days or more, not {older_than_days}")
    with library.store.writing():
        resolved = resolve(library)
        now, items = time.time(), []
        runs = _runs(library)
        survivors = _Survivors(library, [step for run in runs for step in run.steps.values()])
        standing = Standing(library)
        for run in runs:
            steps = [step for step in _held(run) if now - run.started >= older_than_days * DAY]
            if not steps:
                continue
            if dry_run:
                items += [_checked(_item(run, step, now), step, survivors, standing) for step in steps]
                continue
            with Journal(run.path) as journal:
                for step in steps:
                    items.append(
                        _delete(_checked(_item(run, step, now), step, survivors, standing), step, journal, hook)
                    )
                if not run.unresolved:
                    journal.end()
    return Quarantine(tuple(items), resolved)


def _runs(library: Library) -> list[Run]:
    return [read_run(path) for path in journals(library.path)]


def _held(run: Run) -> list[Step]:
    return [step for step in run.steps.values() if step.state == "done" and step.act in IN_QUARANTINE]


def _item(run: Run, step: Step, now: float) -> Quarantined:
    size = sum(piece.facts.size for piece in step.files)
    return Quarantined(run.name, step.uri, step.files[0].to, step.act, (now - run.started) / DAY, size)


def _checked(item: Quarantined, step: Step, survivors: _Survivors, standing: Standing) -> Quarantined:
    """Return the item as one that would be deleted, or why it is refused."""
    try:
        for piece in step.files:
            if os.path.lexists(piece.to) and digest(piece.to) != piece.sha256:
                raise Refused("it was changed where it lies: look at it, and bring it back with undo or by hand")
        if not os.path.lexists(step.files[0].to):
            raise Refused("it is not there: its disk is offline, or it was taken away by hand")
        mine = step.files[0].sha256
        standing.check(mine, mine)
        for piece in step.files:
            standing.check_folder(piece.path)
        survivor = survivors.of(step, mine_only=standing.parts(mine, step.keeper_sha256))
        if survivor is None:
            raise Refused(
                f"neither its keeper {step.keeper} nor another file of its bytes can be read: it may be the last copy"
            )
        _check_belonging(step, survivor)
    except Refused as error:
        return _with(item, "refused", str(error))
    return _with(item, "would")


def _check_belonging(step: Step, survivor: Uri) -> None:
    """Refuse a RAW or a film of which the picture that is left has none of the same bytes."""
    needed = {p.sha256: p.path for p in step.files[1:] if os.path.splitext(p.path)[1].lower() in RAWS | FILMS}
    if not needed:
        return
    found = unit(survivor)
    for one in (*found.companions, *found.shared):
        if one.kind in LAST_COPIES:
            with contextlib.suppress(Refused):
                needed.pop(digest(one.uri), None)
    for path in needed.values():
        raise Refused(f"{path} went with it, and beside {survivor} there is no file of the same bytes: bring it back")


def _delete(item: Quarantined, step: Step, journal: Journal, hook: Hook) -> Quarantined:
    if item.state == "refused":
        return item
    hook("journal: deleting")
    journal.mark(step, "deleting", sync=True)
    try:
        for piece in step.files:
            hook("delete")
            if os.path.lexists(piece.to):
                os.unlink(piece.to)
    except OSError as error:
        if all(os.path.lexists(piece.to) for piece in step.files):
            journal.mark(step, "done", explain(error))
        return _with(item, "refused", f"it cannot be deleted: {explain(error)}")
    sync_folder(os.path.dirname(step.files[0].to))
    hook("journal: deleted")
    journal.mark(step, "deleted", sync=True)
    step.files[0].tidy()
    return _with(item, "deleted")


def _with(item: Quarantined, state: str, reason: str = "") -> Quarantined:
    return Quarantined(item.run, item.uri, item.place, item.act, item.days, item.bytes, state, reason)


@dataclass
class _Survivors:
    """Finds for a quarantined file one outside the quarantine that makes it spare, and reads it to be sure."""

    library: Library
    steps: list[Step]
    hashed: dict[tuple[Uri, int, int, int, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.taken = {(step.uri, step.files[0].sha256): step for step in self.steps if step.state == "done"}

    def of(self, step: Step, *, mine_only: bool = False) -> Uri | None:
        """Return a readable file with the bytes of the step's file or, unless only its own count, of its keeper."""
        seen: set[int] = set()
        while id(step) not in seen:
            seen.add(id(step))
            for uri, sha256 in self._near(step):
                if mine_only and sha256 != step.files[0].sha256:
                    continue
                if self._is_there(uri, sha256, step.files[0].to):
                    return uri
            if mine_only:
                return None
            # The keeper was itself a copy of another, and went to the quarantine after this one.
            step = self.taken.get((step.keeper, step.keeper_sha256), step)
        return None

    def _near(self, step: Step) -> Iterator[tuple[Uri, str]]:
        yield step.keeper, step.keeper_sha256
        yield step.uri, step.files[0].sha256
        for sha256 in (step.files[0].sha256, step.keeper_sha256):
            content = self.library.store.content_of_hash(bytes.fromhex(sha256))
            if content is not None:
                for image in self.library.store.images_of([content.id]).get(content.id, ()):
                    yield image.uri, sha256

    def _is_there(self, uri: Uri, sha256: str, place: str) -> bool:
        try:
            if self._is_held(uri) or (os.path.lexists(place) and same_entry(uri, place)):
                return False
            facts = look(uri)
            key = (uri, facts.inode, facts.size, facts.mtime_ns, os.lstat(uri).st_ctime_ns)
            if key not in self.hashed:
                self.hashed[key] = digest(uri)
            return self.hashed[key] == sha256
        except (Refused, OSError):
            return False

    def _is_held(self, uri: Uri) -> bool:
        """Say whether a file lies in a quarantine itself."""
        path = Path(os.path.realpath(uri))
        own = Path(os.path.realpath(self.library.path)) / QUARANTINE
        return QUARANTINE_FOLDER in path.parts or own in path.parents
