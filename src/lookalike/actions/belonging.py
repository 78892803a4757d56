"""Units in a plan and while it is applied: a picture goes with all that belongs to it, or it does not go."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lookalike.actions.files import Refused, digest
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.rows import LINKS, LIST, PlanRow
from lookalike.types import Uri
from lookalike.units import LAST_COPIES, Siblings, owners, unit

__all__ = ["Folders", "belongs", "check_unit", "naming", "unit_blocks", "with_companions"]


@dataclass
class Folders:
    """The names in folders, listed once and again only when others than we have changed a folder."""

    _known: dict[str, tuple[int, Siblings]] = field(default_factory=dict)

    def of(self, uri: Uri) -> Siblings:
        """Return the names in the folder of a file."""
        folder = os.path.dirname(uri)
        now = _changed(folder)
        known = self._known.get(folder)
        if known is None or known[0] != now:
            self._known[folder] = known = (now, Siblings.of(folder))
        return known[1]

    def gone(self, uris: Iterable[Uri]) -> None:
        """Note that we have taken files away."""
        touched = set()
        for uri in uris:
            folder, name = os.path.split(uri)
            if folder in self._known:
                self._known[folder][1].forget(name)
                touched.add(folder)
        for folder in touched:
            self._known[folder] = (_changed(folder), self._known[folder][1])


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return -1


def with_companions(
    rows: Sequence[PlanRow], guard: Guard, roots: Roots, staying: Collection[Uri] = ()
) -> list[PlanRow]:  # fmt: skip
    """Return the rows of a plan with what moves with each; a unit that must not be moved is only listed.

    Parameters
    ----------
    rows
        Of pictures, with their keepers.
    guard, roots
        What must not be touched.
    staying
        Files that stay though they bear the name of a companion: label files of the whole data set.

    Notes
    -----
    What belongs to several pictures goes with the last of them, and only if all go: so none of them is ever left
    without it, wherever an act is refused. What has a row of its own goes by that.
    """
    planner = _Planner(rows, guard, roots, staying)
    planner.block()
    claimed: set[Uri] = set()
    made = []
    for row in reversed(rows):
        if row.uri in planner.blocked:
            made.append(replace(row, act=LIST, to="", reason=_joined(row.reason, planner.blocked[row.uri])))
            continue
        free = [one for one in planner.found.get(row.uri, ()) if one not in claimed]
        claimed.update(free)
        made.append(replace(row, together=tuple(free), together_sha256=tuple(planner.hashed[one] for one in free)))
    return made[::-1]


def _joined(reason: str, why: str) -> str:
    return f"{reason}; {why}" if reason else why


class _Planner:
    """Finds which units may go: each that must not keeps others from going."""

    def __init__(self, rows: Sequence[PlanRow], guard: Guard, roots: Roots, staying: Collection[Uri]) -> None:
        self.rows = {row.uri: row for row in rows}
        self.keepers = {row.group: row.uri for row in rows if row.keeper}
        self.guard, self.roots, self.staying = guard, roots, staying
        self.leaving = {row.uri for row in rows if row.acts and row.act not in LINKS}
        self.folders = Folders()
        self.blocked: dict[Uri, str] = {}
        self.found: dict[Uri, list[Uri]] = {}
        self.hashed: dict[Uri, str] = {}
        self.near: dict[str, set[Uri]] = {}
        """By folder: the rows that depend on what stays in it."""

    def block(self) -> None:
        """Find what cannot go, until nothing more depends on it."""
        waiting = sorted(self.leaving)
        while waiting:
            found = {}
            for uri in waiting:
                try:
                    self.found[uri] = self._unit(self.rows[uri])
                except Refused as why:
                    found[uri] = str(why)
            self.blocked |= found
            self.leaving -= found.keys()
            again = {other for uri in found for other in self.near.get(os.path.dirname(uri), ())}
            waiting = sorted(again & self.leaving)

    def _unit(self, row: PlanRow) -> list[Uri]:
        """Return the files that go with a picture, if all of it may go."""
        here = self.folders.of(row.uri)
        belonging = unit(row.uri, siblings=here, leaving=self.leaving).companions
        for uri in (row.uri, *(one.uri for one in belonging), *owners(row.uri, siblings=here)):
            self.near.setdefault(os.path.dirname(uri), set()).add(row.uri)
        check_owners(row.uri, self.leaving, here)
        free = []
        for one in belonging:
            if one.uri in self.staying or one.uri in self.leaving:
                continue
            with naming(one.uri, row.uri):
                if one.uri in self.rows:
                    raise Refused("it is kept")
                self.guard.check(one.uri)
                self.roots.check(one.uri)
            free.append(one.uri)
        keeper = self.keepers[row.group]
        check_last(row.uri, keeper, here, self.folders.of(keeper), self.leaving)
        for uri in free:
            if uri not in self.hashed:
                with naming(uri, row.uri):
                    self.hashed[uri] = digest(uri)
        return free


def unit_blocks(
    uri: Uri,
    keeper: Uri,
    *,
    siblings: Siblings | None = None,
    keeper_siblings: Siblings | None = None,
    leaving: Collection[Uri] = (),
) -> tuple[str, ...]:
    """Say why a picture must not be taken away as a copy of its keeper though the two are the same picture.

    Parameters
    ----------
    uri, keeper
        The picture that would go, and the one that stays.
    siblings, keeper_siblings, leaving
        As in `unit`.

    Returns
    -------
    tuple of str
        A sentence for each RAW and each film that would go along and of which the keeper has none with the same bytes:
        it would be the last copy. Empty where nothing speaks against it. A file that cannot be read is no copy.

    Notes
    -----
    Bytes are compared, but only of files of equal size.
    """
    going = unit(uri, siblings=siblings, leaving=leaving).companions
    needed = [one for one in going if one.kind in LAST_COPIES]
    if not needed:
        return ()
    held = unit(keeper, siblings=keeper_siblings)
    kept = [one for one in (*held.companions, *held.shared) if one.uri not in {other.uri for other in going}]
    said = []
    for one in needed:
        same_kind = [other.uri for other in kept if other.kind == one.kind]
        if not any(_equal(one.uri, other) for other in same_kind):
            name = os.path.basename(one.uri)
            what = "is another file" if same_kind else "is missing there"
            said.append(
                f"{name} ({one.reason}) belongs to {uri} and {what} beside {keeper}: the two are kept, or {name} "
                "would be lost"
            )
    return tuple(said)


def _equal(a: str, b: str) -> bool:
    """Say whether two files hold the same bytes; False if one cannot be read, or is a link to the other."""
    if os.path.realpath(a) == os.path.realpath(b):
        return False
    try:
        with open(a, "rb") as one, open(b, "rb") as other:
            if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
                return False
            while True:
                part = one.read(1 << 20)
                if part != other.read(1 << 20):
                    return False
                if not part:
                    return True
    except OSError:
        return False


def check_owners(uri: Uri, leaving: Collection[Uri], siblings: Siblings) -> None:
    """Refuse a file that belongs to a picture that stays, as a mask or a RAW does."""
    for owner in owners(uri, siblings=siblings):
        if owner not in leaving:
            raise Refused(f"it belongs to {owner}, which stays")


def check_last(uri: Uri, keeper: Uri, here: Siblings, there: Siblings, leaving: Collection[Uri]) -> None:
    """Refuse a picture whose RAW or film would be the last copy: see `unit_blocks`."""
    said = unit_blocks(uri, keeper, siblings=here, keeper_siblings=there, leaving=leaving)
    if said:
        raise Refused("; ".join(said))


def belongs(uri: Uri) -> bool:
    """Say whether a file belongs to pictures, as a mask or a RAW does."""
    return bool(owners(uri))


def check_unit(
    row: PlanRow,
    keeper: Uri,
    rows: Mapping[Uri, PlanRow],
    folders: Folders,
    staying: Collection[Uri] = (),
    leaving: Collection[Uri] = (),
) -> PlanRow:
    """Return a row as it is to be done now: what belongs to another picture that is still there stays with that one.

    Parameters
    ----------
    row, keeper
        As planned.
    rows
        Of the whole plan, by URI.
    folders
        Lists the folders.
    staying
        As in `with_companions`.
    leaving
        What would have gone already, if this is not for acting but for a look ahead.

    Raises
    ------
    Refused
        If the unit is another than was planned, or its RAW or film would be the last copy.
    """
    if row.act in LINKS:
        return row
    here = folders.of(row.uri)
    check_owners(row.uri, leaving, here)
    now = unit(row.uri, siblings=here, leaving=leaving)
    for one in now.companions:
        if one.uri in row.together or one.uri in staying or _goes(rows.get(one.uri)):
            continue
        # In a look ahead, what belongs to several pictures seems to belong to each of them: it goes with one.
        if not any(one.uri in rows[other].together for other in leaving if other in rows):
            raise Refused(f"{one.uri} ({one.reason}) belongs to it and is not planned to go with it: plan again")
    check_last(row.uri, keeper, here, folders.of(keeper), leaving)
    stays = {one.uri for one in now.shared} | set(staying)
    going = [(u, s) for u, s in zip(row.together, row.together_sha256, strict=True) if u not in stays]
    return replace(row, together=tuple(u for u, _ in going), together_sha256=tuple(s for _, s in going))


def _goes(row: PlanRow | None) -> bool:
    return row is not None and row.acts and row.act not in LINKS


@contextlib.contextmanager
def naming(uri: Uri, picture: Uri) -> Iterator[None]:
    """Let what is refused of another file of a unit name that file."""
    try:
        yield
    except Refused as error:
        if uri == picture:
            raise
        raise Refused(f"{uri}, which belongs to it, cannot go with it: {error}") from error
