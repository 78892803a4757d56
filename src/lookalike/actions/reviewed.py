"""A plan of what people chose among the duplicates that were found: by verdict and probability, picture by picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookalike.actions.guard import Guard
from lookalike.actions.plan import Plan, make_plan
from lookalike.actions.rows import LIST, PROTECT, PlanRow
from lookalike.defaults import ACT, KEEP_RULES
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.results import DuplicateGroup, DuplicateReport
from lookalike.sources import PathLike
from lookalike.types import Uri
from lookalike.words import COPIES

__all__ = ["Chosen", "choose", "chosen_groups", "plan_reviewed", "sample_of"]

_STRONGEST = ("same-file", "same-pixels", "same-picture", "edited")
_FEW = 2000
"""Pictures that are planned for by their names; for more the whole search is done again."""


@dataclass(frozen=True)
class Chosen:
    """What is to become of the pictures of some groups.

    Attributes
    ----------
    going, staying
        Names of pictures: a group's keeper stays and its copies go, unless somebody said otherwise.
    keepers
        Of groups whose keeper is to go: the first of the others that stays.
    unkept
        Pictures of groups of which nothing would stay: they are left alone.
    """

    going: frozenset[Uri]
    staying: frozenset[Uri]
    keepers: tuple[Uri, ...]
    unkept: int


def chosen_groups(
    report: DuplicateReport, *, verdict: str | None = None, probability: float = 0.0
) -> list[DuplicateGroup]:
    """Return the groups whose weakest pair has a verdict and is as sure; None for any verdict."""
    return [
        group
        for group in report.groups
        if verdict in (None, group.weakest.verdict) and (group.weakest.probability or 0) >= probability
    ]


def choose(groups: Iterable[DuplicateGroup], *, keep: Iterable[Uri] = (), remove: Iterable[Uri] = ()) -> Chosen:
    """Return what goes and what stays of some groups.

    Parameters
    ----------
    groups
        Of a report of duplicates.
    keep, remove
        Pictures of these groups of which somebody said so; what is in both stays.
    """
    kept, removed = set(keep), set(remove)
    going: set[Uri] = set()
    staying: set[Uri] = set()
    keepers: list[Uri] = []
    unkept = 0
    for group in groups:
        goes = {
            member.uri
            for member in group.members
            if member.uri not in kept and (member.uri in removed or (not member.keeper and member.verdict in COPIES))
        }
        stays = [member.uri for member in group.members if member.uri not in goes]
        if not stays:
            unkept += len(goes)
            continue
        going |= goes
        staying |= set(stays)
        if group.keeper.uri in goes:
            keepers.append(stays[0])
    return Chosen(frozenset(going), frozenset(staying), tuple(keepers), unkept)


def plan_reviewed(
    library: Library,
    report: DuplicateReport,
    *,
    paths: Iterable[PathLike] = (),
    groups: Sequence[int] | None = None,
    verdict: str | None = None,
    sure: float = 0.0,
    keep: Iterable[Uri] = (),
    remove: Iterable[Uri] = (),
    act: str = ACT,
    move_to: PathLike | None = None,
    protect: Iterable[PathLike] = (),
    probability: float | None = None,
    rules: Sequence[str] = KEEP_RULES,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Plan what people chose among duplicates that were found. Nothing is touched; `apply_plan` does it.

    The duplicates are looked for once more, so that decisions and changes since then count: what is planned is what
    was chosen and is still found. Where somebody keeps another picture than the one proposed, each copy is held against
    that one, and stays unless it is a copy of it, too.

    Parameters
    ----------
    library
        The library that the report is of.
    report
        What `Library.duplicates` returned.
    paths, probability, rules
        As they were given to it; `rules` is its `keep`.
    groups
        Numbers of the groups that are meant; None for all.
    verdict, sure
        Of these only those whose weakest pair has this verdict, and is as sure: see `chosen_groups`.
    keep, remove
        Pictures of which somebody said so: see `choose`.
    act, move_to, protect, progress
        As in `make_plan`. Folders of which it was decided that they are always kept are protected, too.

    Returns
    -------
    Plan
        What was not chosen is not in it; of a chosen group what stays is "list-only".

    Raises
    ------
    UsageError
        As in `make_plan`; also if a group is not in the report.
    """
    meant = _meant(report, groups, verdict, sure)
    chosen = choose(meant, keep=keep, remove=remove)
    names = [member.uri for group in meant for member in group.members]
    if not chosen.going:
        return _left(Plan((), str(library.path.absolute())), chosen, 0)
    folders = [folder for folder in library.decisions.protected_folders() if Path(folder).is_dir()]
    made = make_plan(
        library,
        names if len(names) <= _FEW else paths,
        level=report.level if report.level in COPIES else _STRONGEST[-1],
        probability=library.probability if probability is None else probability,
        act=act,
        move_to=move_to,
        protect=[*protect, *folders],
        keep=[*(f"folder:{uri}" for uri in chosen.keepers), *rules],
        progress=progress,
    )
    items = list(_only(made, chosen))
    planned = {item.uri for item in items}
    unplanned = chosen.going - planned
    guard = Guard(made.protected)
    held = Counter(f"protected, in {folder}" for uri in unplanned if (folder := guard.holds(uri)) is not None)
    made = replace(made, items=tuple(items), left_out=tuple({**dict(made.left_out), **held}.items()))
    return _left(made, chosen, len(unplanned))


def sample_of(plan: Plan, count: int = 12, seed: int = 0) -> tuple[tuple[PlanRow, PlanRow], ...]:
    """Return some rows of a plan that act, chosen at random, each with the one that is kept, in the plan's order."""
    keepers = {item.group: item for item in plan.items if item.keeper}
    acting = [(item, keepers[item.group]) for item in plan.acting if item.group in keepers]
    at = np.random.default_rng(seed).permutation(len(acting))[:count]
    return tuple(acting[one] for one in sorted(at.tolist()))


def _meant(
    report: DuplicateReport, numbers: Sequence[int] | None, verdict: str | None, sure: float
) -> list[DuplicateGroup]:
    found = chosen_groups(report, verdict=verdict, probability=sure)
    if numbers is None:
        return found
    wanted = set(numbers)
    if unknown := wanted - {group.number for group in report.groups}:
        raise UsageError(f"there is no group {min(unknown)} among those that were found")
    return [group for group in found if group.number in wanted]


def _only(made: Plan, chosen: Chosen) -> Iterator[PlanRow]:
    """Yield the rows of a plan that were chosen, with their keepers; nothing of a group of which nothing goes."""
    groups: dict[int | None, list[PlanRow]] = {}
    guard = Guard(made.protected)
    for item in made.items:
        if item.act == PROTECT:
            yield item
        else:
            groups.setdefault(item.group, []).append(item)
    for rows in groups.values():
        keeper = next(row for row in rows if row.keeper)
        if keeper.uri in chosen.going and guard.holds(keeper.uri) is None:
            continue  # what was to stay in its place is no copy of the others, or is gone
        kept = [_kept(row, chosen) for row in rows]
        if any(row.acts or (row.uri in chosen.going and not row.keeper) for row in kept):
            yield from kept


def _kept(row: PlanRow, chosen: Chosen) -> PlanRow:
    if row.keeper:
        return replace(row, reason="you kept it") if row.uri in chosen.keepers else row
    if row.uri in chosen.going:
        return row
    why = "you kept it" if row.uri in chosen.staying else "it was not among what was chosen"
    return replace(row, act=LIST, to="", bytes=0, together=(), together_sha256=(), reason=f"{row.reason}; {why}")


def _left(plan: Plan, chosen: Chosen, unplanned: int) -> Plan:
    """Return a plan that tells what was chosen and is not in it."""
    told = Counter(dict(plan.left_out))
    others = unplanned - sum(told.values())
    if chosen.unkept:
        told["of groups of which nothing would stay: one of each is always kept"] += chosen.unkept
    if others > 0:
        told["no copies, as things are now, of what stays"] += others
    return replace(plan, left_out=tuple(sorted((reason, count) for reason, count in told.items() if count)))
