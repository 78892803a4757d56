"""Chain-free groups: every member passes against its group's keeper, not merely against some other member."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Group", "Pairs", "group"]


@dataclass(frozen=True)
class Pairs:
    """Pairs of items that passed, as parallel arrays.

    Attributes
    ----------
    a, b
        (n,) int64 positions of the two items; a pair is listed once, in either order.
    rank
        (n,) int: strength of the verdict, 0 the strongest.
    distance
        (n,) float32: smaller is closer; decides between pairs of one rank.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    rank: NDArray[np.int64]
    distance: NDArray[np.float32]


@dataclass(frozen=True)
class Group:
    """A keeper and its members, each with the position of its pair in `Pairs`, closest first."""

    keeper: int
    members: tuple[tuple[int, int], ...]


def group(
    pairs: Pairs,
    preference: Sequence[int],
    decided: Set[int] = frozenset(),
    apart: Callable[[int, int], bool] = lambda *_: False,
) -> list[Group]:
    """Divide items into groups around keepers.

    An item becomes a keeper if no item that is preferred to it and is a keeper passes against it. Every other item
    goes to the keeper of its strongest pair: smallest rank, then smallest distance, then the preferred keeper.

    Parameters
    ----------
    pairs
        What passes against what.
    preference
        For each item, its place in the order in which items are taken as keepers, 0 first; all different.
    decided, apart
        The items that must not be in one group with some others, and what says of two of them whether they are such
        two; no pair is. Of two that pass against one keeper and are apart, the preferred one is in its group; the other
        goes to its next keeper, or to none.

    Returns
    -------
    list of Group
        In the order of the keepers' preference. Items without a pair are in none.

    Notes
    -----
    O(pairs log pairs). The result depends on the pairs and the preference alone, not on the order of either.
    """
    if not len(pairs.a):
        return []
    place = np.asarray(preference, np.int64)
    pair = np.tile(np.arange(len(pairs.a)), 2)
    item, other = np.concatenate([pairs.a, pairs.b]), np.concatenate([pairs.b, pairs.a])
    # For each item in order of preference, its pairs from the strongest on.
    order = np.lexsort((place[other], pairs.distance[pair], pairs.rank[pair], place[item]))
    item, other, pair = item[order], other[order], pair[order]
    starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
    members: dict[int, list[tuple[int, int]]] = {}
    taken: list[tuple[int, int]] = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(item)], strict=True):
        if any(int(x) in members for x in other[start:stop]):
            taken.append((start, stop))
        else:
            members[int(item[start])] = []
    held: dict[int, list[int]] = {}  # by keeper: those of its members that are decided upon
    for start, stop in taken:
        mine = int(item[start])
        for at in range(start, stop):
            keeper = int(other[at])
            if keeper in members and not (mine in decided and any(apart(mine, x) for x in held.get(keeper, ()))):
                members[keeper].append((mine, int(pair[at])))
                if mine in decided:
                    held.setdefault(keeper, []).append(mine)
                break
    groups = []
    for keeper, found in members.items():
        if found:
            found.sort(key=lambda member: (pairs.rank[member[1]], pairs.distance[member[1]], place[member[0]]))
            groups.append(Group(keeper, tuple(found)))
    return groups
