"""A plan: what is to be done with each copy, made from the duplicates of a library, to be read and edited."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from lookalike.actions.files import Facts, Refused, digest, look, same_entry
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.runs import reflinked
from lookalike.defaults import ACT, ACTS, KEEP_RULES, PLAN_LEVEL
from lookalike.errors import UsageError
from lookalike.library import Library, PathLike
from lookalike.results import DuplicateGroup, GroupMember
from lookalike.sources import is_url, normalise_uri
from lookalike.store import Known
from lookalike.types import Rows, SourceItem, Tabular, Uri
from lookalike.words import COPIES

__all__ = ["KEEP", "LINKS", "PROTECT", "Plan", "PlanRow", "make_plan"]

KEEP, PROTECT, LIST = "keep", "protect", "list-only"
LINKS = ("hardlink", "reflink", "symlink")
"""Acts that leave something else in the place of the file, so that nothing moves with it."""

PROVEN = ("same-file", "same-pixels")


@dataclass(frozen=True)
class PlanRow:
    """One file of a plan.

    Attributes
    ----------
    group
        Of its duplicates; None for a protected folder.
    uri
        The file; a folder where `act` is "protect".
    keeper
        Whether it is the one that stays.
    act
        One of `lookalike.defaults.ACTS`; "keep" for the keeper, "protect" for a folder.
    to
        The folder to move to, for "move".
    verdict, probability, reason
        Against the keeper; the keeper's reason says why it is kept.
    bytes
        Won by the act, once the quarantine or the trash is emptied: 0 where another name holds the same bytes on disk.
    together
        Other files that move with it (column ``with``), and `together_sha256` what they hold.
    size, mtime_ns, device, inode, sha256
        What it was when the plan was made: if it is something else when the plan is applied, nothing is done with it.
        None where it is not known.
    line
        Where it stands in a plan that was read.
    """

    group: int | None
    uri: Uri
    keeper: bool
    act: str
    to: str = ""
    verdict: str | None = None
    probability: float | None = None
    bytes: int = 0
    reason: str = ""
    together: tuple[Uri, ...] = ()
    size: int | None = None
    mtime_ns: int | None = None
    device: int | None = None
    inode: int | None = None
    sha256: str = ""
    together_sha256: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def acts(self) -> bool:
        """Whether anything is to be done with it."""
        return self.act in ACTS and self.act != LIST


COLUMNS = (
    "group", "uri", "keeper", "act", "to", "verdict", "probability", "bytes", "reason", "with", "size", "mtime_ns",
    "device", "inode", "sha256", "with_sha256",
)  # fmt: skip


@dataclass(frozen=True)
class Plan(Tabular):
    """What is to be done with each copy: see `make_plan`.

    Attributes
    ----------
    items
        The rows, group by group, the keeper first; protected folders before them.
    library, version, made, level, probability
        Which library it is of, by which version of Lookalike, when (seconds since 1970), and how sure it is. Empty or
        None where the file that it was read from does not say.
    left_out
        Why files that duplicates were found of are not in it, with counts.
    path
        Of the file that it was read from.
    """

    items: tuple[PlanRow, ...]
    library: str = ""
    version: str = ""
    made: float | None = None
    level: str = ""
    probability: float | None = None
    left_out: tuple[tuple[str, int], ...] = ()
    path: str = ""

    @property
    def protected(self) -> tuple[Uri, ...]:
        """The folders in which nothing is touched."""
        return tuple(item.uri for item in self.items if item.act == PROTECT)

    @property
    def acting(self) -> tuple[PlanRow, ...]:
        """The rows of which something is to be done."""
        return tuple(item for item in self.items if item.acts)

    def sum(self) -> Rows:
        """Return (act, files, bytes) of the acts, in the order of `lookalike.defaults.ACTS`."""
        values = []
        for act in ACTS:
            chosen = [item for item in self.items if item.act == act]
            if chosen:
                values.append((act, sum(1 + len(item.together) for item in chosen), sum(i.bytes for i in chosen)))
        return Rows(("act", "files", "bytes"), values)

    def rows(self) -> Rows:
        """Return the plan as rows; to write and read it, see `lookalike.actions.write_plan`."""
        values = [
            (
                i.group, i.uri, i.keeper, i.act, i.to, i.verdict, i.probability, i.bytes, i.reason, list(i.together),
                i.size, i.mtime_ns, i.device, i.inode, i.sha256, list(i.together_sha256),
            )
            for i in self.items
        ]  # fmt: skip
        return Rows(COLUMNS, values)


def make_plan(
    library: Library,
    paths: PathLike | Iterable[PathLike] = (),
    *,
    level: str = PLAN_LEVEL,
    probability: float | None = None,
    act: str = ACT,
    move_to: PathLike | None = None,
    reference: PathLike | Iterable[PathLike] = (),
    protect: PathLike | Iterable[PathLike] = (),
    keep: Sequence[str] = KEEP_RULES,
    units: Callable[[Uri], Sequence[Uri]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Plan what to do with the copies in a library. Nothing is touched; `apply_plan` does it.

    Parameters
    ----------
    library
        An open library.
    paths, reference, keep, progress
        As in `Library.duplicates`. Files in reference folders are protected, too.
    level
        The weakest verdict that is acted on: "same-file" or "same-pixels", which are proven; "same-picture" or
        "edited" only together with a probability.
    probability
        Least probability of what is not proven, 0.5 to 1.
    act
        One of `lookalike.defaults.ACTS`. Links are planned between files of equal bytes only; other copies are listed.
    move_to
        The folder for "move": outside all folders that were indexed, or what is moved there would be found again.
    protect
        Folders in which nothing is touched, by whatever path it is reached. Their pictures are always keepers.
    units
        Returns the other files that belong to a picture and move with it; None for none. Links leave them alone. What
        belongs to a picture that stays, too, stays.

    Returns
    -------
    Plan
        Of files that are there and have not changed since they were indexed. A group of which a file lies in a folder
        that is offline is left out.

    Raises
    ------
    UsageError
        For an unknown level or act, a level that needs a probability, a folder that is not there, or one for "move"
        that is missing or indexed.
    """
    _check_choice(level, probability, act, move_to)
    started = time.time()
    protected = [normalise_uri(os.fspath(path)) for path in (*_several(protect), *_several(reference))]
    guard = Guard(protected)
    roots = Roots(library.store.roots())
    target = "" if move_to is None else check_target(os.path.abspath(os.fspath(move_to)), roots)
    references = [*_several(reference), *(p for p in protected if _is_indexed(library, p))]
    report = library.duplicates(
        paths, level=level, reference=references, keep=keep, probability=probability, progress=progress
    )
    maker = _Maker(library, guard, roots, act, target)
    items = [PlanRow(None, folder, keeper=False, act=PROTECT) for folder in dict.fromkeys(protected)]
    for group in report.groups:
        items += maker.group(group)
    if units is not None:
        items = _with_companions(items, units)
    left = [*report.left_out, *sorted(maker.left_out.items())]
    return Plan(
        tuple(_with_bytes(items)), str(library.path.absolute()), version("lookalike"), started, level, probability,
        tuple(left),
    )  # fmt: skip


def check_target(folder: str, roots: Roots) -> str:
    """Return the folder that files are to be moved to, if it will do."""
    if (root := roots.holding(folder)) is not None:
        raise UsageError(
            f"{folder} lies in {root}, which is indexed: what is moved there would be found again; choose another"
        )
    return folder


def _check_choice(level: str, probability: float | None, act: str, move_to: PathLike | None) -> None:
    if level not in COPIES:
        raise UsageError(f"{level!r} is no level to act on: choose same-file, same-pixels, same-picture or edited")
    if level not in PROVEN and probability is None:
        raise UsageError(f"copies of level {level} are not proven: say how sure they must be, as --probability 0.95")
    if act not in ACTS:
        raise UsageError(f"no act {act!r}: choose one of {', '.join(ACTS)}")
    if (act == "move") != (move_to is not None):
        raise UsageError("--act move and --move-to DIR go together")


def _several(paths: PathLike | Iterable[PathLike]) -> list[PathLike]:
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def _is_indexed(library: Library, path: Uri) -> bool:
    return next(library.store.images([path]), None) is not None


@dataclass
class _Maker:
    """Makes rows of groups."""

    library: Library
    guard: Guard
    roots: Roots
    act: str
    target: str
    left_out: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.reflinked = reflinked(self.library)

    def group(self, group: DuplicateGroup) -> list[PlanRow]:
        """Return the rows of a group: none unless its keeper is there and something can be said of another member."""
        uris = [member.uri for member in group.members]
        if any(not is_url(uri) and not self.roots.online(uri) for uri in uris):
            self.left_out["in groups of which a file is offline"] += len(uris) - 1
            return []
        known = self.library.store.known(uris)
        contents = self.library.store.contents([k.content_id for k in known.values() if k.content_id is not None])
        usable: list[PlanRow] = []
        facts: dict[Uri, Facts] = {}
        for member in group.members:
            try:
                facts[member.uri] = self._look(member.uri, known.get(member.uri), facts)
            except Refused as why:
                self.left_out[str(why)] += 1
                continue
            content = contents.get(known[member.uri].content_id or 0)
            if content is not None:
                usable.append(self._row(group.number, member, facts[member.uri], content.hash.hex()))
        first = group.members[0]
        held = known.get(first.uri)
        content = contents.get(held.content_id or 0) if held else None
        keeper = next((row for row in usable if content is not None and row.sha256 == content.hash.hex()), None)
        if keeper is None:
            self.left_out["without their keeper, which is gone or has changed"] += len(usable)
            return []
        reason = first.reason if keeper.uri == first.uri else f"the same bytes as {first.uri}, which cannot be kept"
        kept = replace(keeper, keeper=True, act=KEEP, verdict=None, probability=None, reason=reason, to="", together=())
        against = [self._against(row, kept, facts) for row in usable if row is not keeper]
        others = [row for row in against if row is not None]
        return [kept, *others] if others else []

    def _look(self, uri: Uri, known: Known | None, facts: dict[Uri, Facts]) -> Facts:
        """Return what a file is, if it is one, is what was indexed, and is not one of those seen by another path."""
        if is_url(uri):
            raise Refused("on the web")
        try:
            found = look(uri)
        except Refused as error:
            raise Refused("gone, or no files of their own but links") from error
        item = SourceItem(uri, found.size, found.mtime_ns, found.device, found.inode)
        if known is None or not known.is_unchanged(item):
            raise Refused("changed since they were indexed: index them again")
        if any(f.inode == found.inode and same_entry(other, uri) for other, f in facts.items()):
            raise Refused("other paths to a file that is named already")
        return found

    def _row(self, group: int, member: GroupMember, facts: Facts, sha256: str) -> PlanRow:
        return PlanRow(
            group, member.uri, False, self.act, self.target, member.verdict, member.probability, facts.size,
            member.reason, (), facts.size, facts.mtime_ns, facts.device, facts.inode, sha256,
        )  # fmt: skip

    def _against(self, row: PlanRow, keeper: PlanRow, facts: dict[Uri, Facts]) -> PlanRow | None:
        """Return the row with what is to be done with it beside its keeper."""
        if (folder := self.guard.holds(row.uri)) is not None:
            self.left_out[f"protected, in {folder}"] += 1
            return None
        listed = replace(row, act=LIST, to="", bytes=0)
        one, other = facts[row.uri], facts[keeper.uri]
        if (one.device, one.inode) == (other.device, other.inode) and one.inode:
            return replace(listed, reason="the same file (hard link): nothing would be won")
        if (row.uri, row.inode) in self.reflinked:
            return replace(listed, reason=f"{row.reason}; shares them on disk (reflink): nothing would be won")
        if self.act in LINKS:
            if row.sha256 != keeper.sha256:
                return replace(listed, reason=f"{row.reason}; only equal bytes are linked")
            if self.act == "hardlink" and self.guard.holds(keeper.uri) is not None:
                return replace(
                    listed, reason=f"{row.reason}; its keeper is protected, a hard link would be a part of it"
                )
            return row
        return row


def _with_companions(items: list[PlanRow], units: Callable[[Uri], Sequence[Uri]]) -> list[PlanRow]:
    """Return the rows with the other files that move with each.

    What belongs to several pictures stays with one that stays, and else goes with the first. What has a row of its own
    goes by that; if it stays, so does what it belongs to.
    """
    rows = {item.uri: item for item in items if item.act != PROTECT}
    belongs = {uri: [other for other in units(uri) if other != uri] for uri in rows}
    claimed = {other for uri, others in belongs.items() if not rows[uri].acts for other in others}
    made = []
    for item in items:
        others = belongs.get(item.uri, []) if item.acts and item.act not in LINKS else []
        staying = next((other for other in others if other in rows and not rows[other].acts), None)
        free = [other for other in others if other not in claimed and other not in rows]
        try:
            if staying is not None:
                raise Refused(f"{staying} is kept")
            made.append(replace(item, together=tuple(free), together_sha256=tuple(digest(other) for other in free)))
            claimed.update(free)
        except Refused as why:
            reason = f"{item.reason}; what belongs to it cannot go with it: {why}"
            made.append(replace(item, act=LIST, to="", reason=reason))
    return made


def _with_bytes(items: list[PlanRow]) -> list[PlanRow]:
    """Return the rows with the bytes that each wins: those of a file count once, and only if all its names go."""
    taken: Counter[tuple[int | None, int | None]] = Counter()
    made = []
    for item in items:
        if not item.acts:
            made.append(replace(item, bytes=0))
            continue
        key = (item.device, item.inode)
        taken[key] += 1
        try:
            links = look(item.uri).links
        except Refused:
            links = 1
        made.append(replace(item, bytes=item.size or 0 if taken[key] == links else 0))
    return made
