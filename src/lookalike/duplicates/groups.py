"""Chain-free groups: every member passes against its group's keeper, and none is preferred to it."""

from __future__ import annotations

import math
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
    goes to the keeper of its strongest pair: smallest rank, then smallest distance, then the preferred keeper. Where it
    is preferred to that keeper, it becomes the group's keeper if all others there pass against it, too; else it goes to
    the strongest of the keepers that are preferred to it, or to none. Keepers that came by their place so may pass
    against other keepers.

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
    division = _Division(pairs, preference, decided, apart)
    division.divide()
    division.put_the_preferred_first()
    return division.groups()


class _Division:
    """Groups in the making.

    Attributes
    ----------
    members
        By keeper: items with the positions of their pairs.
    held
        By keeper: those of its members that are decided upon.
    """

    def __init__(
        self, pairs: Pairs, preference: Sequence[int], decided: Set[int], apart: Callable[[int, int], bool]
    ) -> None:
        self._given, self._preference, self._decided, self._apart = pairs, preference, decided, apart
        place = np.asarray(preference, np.int64)
        pair = np.tile(np.arange(len(pairs.a)), 2)
        item, other = np.concatenate([pairs.a, pairs.b]), np.concatenate([pairs.b, pairs.a])
        # For each item in order of preference, its pairs from the strongest on.
        order = np.lexsort((place[other], pairs.distance[pair], pairs.rank[pair], place[item]))
        item, self._other, self._pair = item[order], other[order], pair[order]
        starts = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
        ends = [*starts[1:].tolist(), len(item)]
        self._spans = {int(item[at]): slice(at, end) for at, end in zip(starts.tolist(), ends, strict=True)}
        self.members: dict[int, list[tuple[int, int]]] = {}
        self.held: dict[int, list[int]] = {}

    def _passing(self, item: int) -> list[tuple[int, int]]:
        """Return what passes against an item and the position of their pair, the strongest first."""
        span = self._spans[item]
        return list(zip(self._other[span].tolist(), self._pair[span].tolist(), strict=True))

    def divide(self) -> None:
        """Make keepers, and have all others go to the one of their strongest pair."""
        taken = []
        for item in self._spans:
            if any(other in self.members for other, _ in self._passing(item)):
                taken.append(item)
            else:
                self.members[item] = []
        for item in taken:
            self._join(item)

    def put_the_preferred_first(self) -> None:
        """Have no keeper that one of its members is preferred to."""
        place = self._preference.__getitem__
        misplaced = []
        for first, found in list(self.members.items()):
            inside = sorted([first, *(item for item, _ in found)], key=place)
            if inside[0] == first:
                continue
            while True:  # all pass against the first one
                keeper, *rest = inside
                passing = dict(self._passing(keeper))
                if all(item in passing for item in rest):
                    break
                misplaced.append(keeper)
                inside = rest
            del self.members[first]
            self.members[keeper] = [(item, passing[item]) for item in rest]
            self.held.pop(first, None)
            self.held[keeper] = [item for item in rest if item in self._decided]
        for item in sorted(misplaced, key=place):
            self._join(item, preferred_to=place(item))

    def _join(self, item: int, preferred_to: float = math.inf) -> None:
        """Have an item go to the keeper of its strongest pair, of those that come before a place, or to none."""
        for keeper, pair in self._passing(item):
            if keeper not in self.members or self._preference[keeper] >= preferred_to:
                continue
            held = self.held.setdefault(keeper, [])
            if item in self._decided:
                if any(self._apart(item, other) for other in held):
                    continue
                held.append(item)
            self.members[keeper].append((item, pair))
            return

    def groups(self) -> list[Group]:
        """Return the groups, in the order of their keepers' preference."""
        rank, distance, place = self._given.rank, self._given.distance, self._preference.__getitem__
        return [
            Group(keeper, tuple(sorted(found, key=lambda one: (rank[one[1]], distance[one[1]], place(one[0])))))
            for keeper in sorted(self.members, key=place)
            if (found := self.members[keeper])
        ]
