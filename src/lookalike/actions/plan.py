"""A plan: what is to be done with each copy, made from the duplicates of a library, to be read and edited."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version

from lookalike.actions.belonging import with_companions
from lookalike.actions.files import Facts, Refused, look, same_entry
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.labelfiles import plan_label_edits
from lookalike.actions.rows import COLUMNS, KEEP, LABELS, LINKS, LIST, PROTECT, PROVEN, PlanRow
from lookalike.actions.runs import reflinked
from lookalike.actions.standing import Standing, decided_folders
from lookalike.defaults import ACT, ACTS, KEEP_RULES, PLAN_LEVEL
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.results import DuplicateGroup, GroupMember
from lookalike.sources import PathLike, is_url, several, uris_of
from lookalike.store import Known
from lookalike.types import Rows, SourceItem, Tabular, Uri
from lookalike.words import COPIES

__all__ = ["Plan", "PlanRow", "check_target", "make_plan"]


@dataclass(frozen=True)
class Plan(Tabular):
    """What is to be done with each copy: see `make_plan`.

    Attributes
    ----------
    items
        The rows, group by group, the keeper first; protected folders and label files before them.
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
    def label_files(self) -> dict[Uri, Uri]:
        """The label files out of which the pictures that go are taken, with the folder their names are relative to."""
        return {item.uri: item.to for item in self.items if item.act == LABELS}

    def group(self, number: int) -> tuple[Uri, ...]:
        """Return the files of a group, the keeper first; none if there is no such group."""
        rows = [item for item in self.items if item.group == number]
        return tuple(item.uri for item in sorted(rows, key=lambda item: not item.keeper))

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
    label_file: PathLike | Iterable[PathLike] = (),
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
        Folders in which nothing is touched, by whatever path it is reached. Their pictures are always keepers. So it is
        with folders that were decided to be kept: see `lookalike.decisions.Decisions.keep_folder`.
    label_file
        Label files of a whole data set (COCO JSON, CSV, lists) out of which the pictures that go are taken.

    Returns
    -------
    Plan
        Of files that are there and have not changed since they were indexed. A group of which a file lies in a folder
        that is offline is left out. What belongs to a picture (RAW, film, sidecars, labels: see
        `lookalike.units`) goes with it; links leave it alone. A picture whose unit must not go, as where its
        RAW would be the last one, is only listed, with the reason.

    Raises
    ------
    UsageError
        For an unknown level or act, a level that needs a probability, a folder that is not there, one for "move" that
        is missing or indexed, or a label file that cannot be read or is protected.
    """
    _check_choice(level, probability, act, move_to)
    started = time.time()
    reference = several(reference)
    protected = [*uris_of(protect), *uris_of(reference)]
    roots = Roots(library.store.roots())
    guard = Guard([*protected, *decided_folders(library, roots)])
    label_files = list(dict.fromkeys(uris_of(label_file)))
    target = "" if move_to is None else check_target(os.path.abspath(os.fspath(move_to)), roots)
    references = [*reference, *(p for p in protected if library.store.holds(p))]
    report = library.duplicates(
        paths, level=level, reference=references, keep=keep, probability=probability, progress=progress
    )
    maker = _Maker(library, guard, roots, act, target)
    rows = [row for group in report.groups for row in maker.group(group)]
    rows = with_companions(rows, guard, roots, label_files)
    items = [PlanRow(None, folder, keeper=False, act=PROTECT) for folder in dict.fromkeys(protected)]
    items += _label_rows(rows, label_files, guard)
    items += _with_bytes(rows)
    left = [*report.left_out, *sorted(maker.left_out.items())]
    return Plan(
        tuple(items), str(library.path.absolute()), version("lookalike"), started, level, probability,
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
        self.standing = Standing(self.library)

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
        try:
            self.standing.check(row.sha256, keeper.sha256)
        except Refused as why:
            self.left_out[str(why)] += 1
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


def _label_rows(items: Sequence[PlanRow], label_files: Sequence[Uri], guard: Guard) -> list[PlanRow]:
    """Return a row for each label file, with what will be taken out of it."""
    going = [i.uri for i in items if i.acts and i.act not in LINKS]
    going += [other for item in items for other in item.together]
    made = []
    for uri in label_files:
        if (folder := guard.holds(uri)) is not None:
            raise UsageError(f"the label file {uri} lies in {folder}, which is protected: nothing there is edited")
        edits = plan_label_edits(going, [uri])
        folder = edits[0].folder if edits else None
        reason = edits[0].in_words() if edits else "nothing in it is of a picture that goes"
        made.append(PlanRow(None, uri, keeper=False, act=LABELS, to=folder or "", reason=reason))
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
