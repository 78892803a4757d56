"""Who goes to which side."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import PARTS, SEED
from lookalike.errors import UsageError
from lookalike.results import Gallery
from lookalike.splitting.parts import REST, Part, equal_folds, parse_parts, targets
from lookalike.splitting.table import FOLD, PART, Split, numbered
from lookalike.types import Uri

__all__ = ["connected", "split"]

_NEARLY = 1e-9

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


def split(
    pictures: Sequence[Uri] | Gallery,
    labels: Sequence[str | None] = (),
    groups: Sequence[Hashable] = (),
    *,
    parts: str = PARTS,
    folds: int | None = None,
    seed: int = SEED,
    keep: Split | None = None,
) -> Split:
    """Divide pictures into parts whose labels are mixed alike, and none of whose groups is torn.

    Parameters
    ----------
    pictures
        Their names, each once; or a gallery, whose labels are taken where none are given.
    labels
        n, None for a picture without one, which counts as one more label; or none, for no stratification.
    groups
        n: pictures with equal values stay together, those with None are free; or none. Whoever is copied in two groups
        must be in one group with all of both: see `connected`.
    parts
        See `parse_parts`.
    folds
        Instead of parts: how many equal ones, at least 2, called "1", "2", ...
    seed
        0 or more. Another one gives another split of the same shares.
    keep
        An earlier split: its pictures stay where they are, new ones join their copies there or fill what is lacking.

    Returns
    -------
    Split
        The same for the same pictures in any order.

    Raises
    ------
    UsageError
        If a name is given twice, the numbers of names, labels and groups differ, there are fewer groups than parts to
        fill, both folds and parts are asked for, parts, folds or seed are none, or `keep` has other parts or one group
        on two sides.

    Notes
    -----
    Groups of several pictures come first, the largest first and by lot among equals: each goes to a part that still
    lacks all of it, among these to the one where that brings down sum((has - wanted)^2 / wanted) over its labels and
    over all pictures most; where none lacks all of it, to the one that lacks most. Then the single pictures of each
    label, by lot, fill what is lacking; what rounding takes from a part in one label is given back in another. Without
    labels, no part is off by more than the largest group. A part with a number for each label never gets more than
    that; it gets fewer where a label has fewer, or where copies of several labels stay together.

    O(n log n); the groups of several pictures are taken one by one.
    """
    uris = pictures.uris if isinstance(pictures, Gallery) else tuple(pictures)
    if isinstance(pictures, Gallery) and not len(labels):
        labels = pictures.labels
    if len(labels) not in (0, len(uris)) or len(groups) not in (0, len(uris)):
        raise UsageError(f"{len(uris)} pictures, {len(labels)} labels and {len(groups)} groups do not fit together")
    if seed < 0:
        raise UsageError(f"a seed is 0 or more, not {seed}")
    if folds is not None and parts != PARTS:
        raise UsageError(f"ask for {folds} folds or for the parts {parts!r}, not for both")
    asked = parse_parts(parts) if folds is None else equal_folds(folds)
    order = sorted(range(len(uris)), key=uris.__getitem__)
    names = tuple(uris[row] for row in order)
    twice = next((a for a, b in itertools.pairwise(names) if a == b), None)
    if twice is not None:
        raise UsageError(f"{twice} is given twice: name each picture once")
    told = tuple(labels[row] for row in order) if len(labels) else (None,) * len(names)
    numbers = numbered([groups[row] for row in order] if len(groups) else [None] * len(names))
    _, codes = np.unique([label or "" for label in told], return_inverse=True)
    filled = sum(1 for part in asked if part.name != REST)
    if (found := int(numbers.max(initial=0))) < filled:
        raise UsageError(f"{len(names)} pictures in {found} groups of copies cannot fill {filled} parts: ask for fewer")
    kept = _kept(names, numbers, asked, keep)
    at = _assign(codes.astype(np.int64), numbers, kept, asked, np.random.default_rng(seed))
    return Split(
        names, told, tuple(asked[part].name for part in at.tolist()), tuple(numbers.tolist()), asked,
        column=PART if folds is None else FOLD,
    )  # fmt: skip


def connected(items: Sequence[Hashable], pairs: Iterable[tuple[Hashable, Hashable]]) -> list[int]:
    """Return the number of each item's group: items joined by a chain of pairs share one, from 0 in order of items.

    Equal items are one item. Pairs of which one is not among the items are left out.
    """
    order = {item: at for at, item in enumerate(dict.fromkeys(items))}
    root = list(range(len(order)))

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = root[at]
        return at

    for a, b in pairs:
        if a in order and b in order:
            low, high = sorted((find(order[a]), find(order[b])))
            root[high] = low
    numbers: dict[int, int] = {}
    return [numbers.setdefault(find(order[item]), len(numbers)) for item in items]


def bound(contents: Sequence[int], copies: Iterable[tuple[int, int]], known: Sequence[str | None] = ()) -> list[int]:
    """Return the number of each picture's group: copies of copies, and what is known to belong together, share one.

    Parameters
    ----------
    contents
        n: the number of each picture's content.
    copies
        Contents that are copies of each other, two by two.
    known
        n: what pictures belong to, None where nothing is known; or none.
    """
    ties = [(content, name) for content, name in zip(contents, known, strict=bool(known)) if name is not None]
    return connected([*contents, *known], [*copies, *ties])[: len(contents)]


def _kept(names: Sequence[Uri], groups: Ints, asked: Sequence[Part], keep: Split | None) -> Ints:
    """Return the part of each picture that an earlier split or a copy in it decides, -1 for others."""
    sides = np.full(len(names), -1, np.int64)
    if keep is None:
        return sides
    order = {part.name: at for at, part in enumerate(asked)}
    unknown = set(keep.parts) - set(order)
    if unknown:
        raise UsageError(f"the earlier split has a part {min(unknown)!r}: ask for the same parts as then")
    earlier = keep.sides()
    first: dict[int, Uri] = {}
    for name, group in zip(names, groups.tolist(), strict=True):
        if name in earlier and earlier[other := first.setdefault(group, name)] != earlier[name]:
            raise UsageError(
                f"{other} ({earlier[other]}) and {name} ({earlier[name]}) belong together: the earlier split tears them"
            )
    for at, group in enumerate(groups.tolist()):
        if group in first:
            sides[at] = order[earlier[first[group]]]
    return sides


def _assign(codes: Ints, groups: Ints, kept: Ints, asked: Sequence[Part], random: np.random.Generator) -> Ints:
    """Return the part of each picture; `codes` are labels from 0, `groups` numbers from 1, `kept` parts or -1."""
    lot = random.permutation(len(codes))
    wanted = targets(np.bincount(codes, minlength=1), asked)
    lacking = wanted.copy()
    whole, whole_lacking = wanted.sum(axis=0), wanted.sum(axis=0)
    fixed = np.array([part.each is not None for part in asked])
    sides = kept.copy()
    there = kept >= 0
    np.subtract.at(lacking, (codes[there], kept[there]), 1)
    whole_lacking -= np.bincount(kept[there], minlength=len(asked))
    sizes = np.bincount(groups, minlength=1)
    tied = np.flatnonzero((sizes[groups] > 1) & ~there)
    tied = tied[np.argsort(groups[tied], kind="stable")]
    members = np.split(tied, np.flatnonzero(np.diff(groups[tied])) + 1) if len(tied) else []
    for rows in sorted(members, key=lambda rows: (-len(rows), lot[rows].min())):
        labels, number = np.unique(codes[rows], return_counts=True)
        part = _choose(number, len(rows), lacking[labels], wanted[labels], whole_lacking, whole, fixed)
        sides[rows] = part
        lacking[labels, part] -= number
        whole_lacking[part] -= len(rows)
    free = np.flatnonzero(sides < 0)
    free = free[np.lexsort((lot[free], codes[free]))]
    owed = np.zeros(len(asked))
    alone = np.split(free, np.flatnonzero(np.diff(codes[free])) + 1) if len(free) else []
    for at in random.permutation(len(alone)).tolist():
        rows = alone[at]
        given = _shared_out(lacking[codes[rows[0]]], len(rows), owed, fixed)
        sides[rows] = np.repeat(np.arange(len(asked)), given)
    return sides


def _choose(
    number: Ints, size: int, lacking: Floats, wanted: Floats, whole_lacking: Floats, whole: Floats,
    fixed: NDArray[np.bool_],
) -> int:  # fmt: skip
    """Return the part for a group: `number` of its pictures have each of its labels, the rows of `lacking`."""
    fits = (lacking >= number[:, None] - _NEARLY).all(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        overall = size * (size - 2 * whole_lacking) / whole
        if fits.any():
            cost = (number[:, None] * (number[:, None] - 2 * lacking) / wanted).sum(axis=0) + overall
            return int(np.argmin(np.where(fits, cost, np.inf)))
    cost = (number[:, None] * (number[:, None] - 2 * lacking)).sum(axis=0)
    if len(whole) and not np.allclose(whole_lacking, lacking.sum(axis=0)):  # there are other labels
        cost = cost + overall
    return int(np.argmin(np.where(fixed, np.inf, cost)))


def _shared_out(lacking: Floats, count: int, owed: Floats, fixed: NDArray[np.bool_]) -> Ints:
    """Return how many of `count` pictures of one label each part gets; `owed` keeps account of what rounding took."""
    given = np.zeros(len(lacking), np.int64)
    for part in np.flatnonzero(fixed):
        given[part] = min(round(max(lacking[part], 0)), count - given.sum())
    shared = np.flatnonzero(~fixed)
    left = int(count - given.sum())
    if left and len(shared):
        wish = _lowered(lacking[shared], left)
        whole = np.floor(wish + _NEARLY).astype(np.int64)
        missing = left - int(whole.sum())
        over = np.where(wish - whole > _NEARLY, wish - whole + owed[shared], -np.inf)
        whole[np.argsort(-over, kind="stable")[:missing]] += 1
        owed[shared] += wish - whole
        given[shared] = whole
    return given


def _lowered(lacking: Floats, total: int) -> Floats:
    """Return the numbers, none below 0, that add up to `total` and are nearest to `lacking`."""
    ordered = np.sort(lacking)[::-1]
    level = (np.cumsum(ordered) - total) / np.arange(1, len(ordered) + 1)
    last = int(np.flatnonzero(ordered - level > 0)[-1])
    return np.asarray(np.maximum(lacking - level[last], 0))
