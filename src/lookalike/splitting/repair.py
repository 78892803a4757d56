"""The moves that end the leaks of a split: as few pictures as can be, and none out of a test part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lookalike.errors import UsageError
from lookalike.splitting.divide import connected
from lookalike.splitting.table import Split, numbered
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import split_path

__all__ = ["Move", "Repair", "repair"]


@dataclass(frozen=True)
class Move:
    """A picture that goes to another part, and why."""

    uri: Uri
    from_: str
    to: str
    why: str


@dataclass(frozen=True)
class Repair(Tabular):
    """A split without leaks, and the moves that make it out of another one, in the order of names.

    Attributes
    ----------
    split
        After the moves. Its groups are of all pictures that stay together.
    moves
        Empty if there was no leak.
    protected
        The parts out of which nothing was moved unless a leak was between two of them.
    left_out
        What could not be looked at to find copies, with counts.
    """

    split: Split
    moves: tuple[Move, ...]
    protected: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()

    def rows(self) -> Rows:
        """Return (uri, from, to, why)."""
        return Rows(("uri", "from", "to", "why"), [(one.uri, one.from_, one.to, one.why) for one in self.moves])


def repair(split: Split, ties: Iterable[tuple[Uri, Uri, str]], *, protect: Sequence[str] | None = None) -> Repair:
    """Return what is to be moved so that no two pictures that are tied together are on two sides.

    Parameters
    ----------
    split
        The one to be repaired; pictures that it has in one group are tied, too.
    ties
        (a, b, what the one is to the other in words), surest first. Names that are not in the split play no part.
    protect
        Parts out of which nothing is moved as long as another part can give way; None for those whose name begins
        with "test".

    Returns
    -------
    Repair
        The same for the same ties in any order, but for the words.

    Raises
    ------
    UsageError
        If a part to be protected is none of the split's.

    Notes
    -----
    Pictures that a chain of ties joins must end on one side. Of the sides they are on, that is a protected one if there
    is one; among these the one that has most of them; among equals the one that trains least: "train" gives way to
    others, "val" to "test". No repair that spares the protected parts moves fewer pictures.
    """
    names = split.names
    for name in protect or ():
        if name not in names:
            raise UsageError(f"there is no part {name!r} to protect in this split; it has {', '.join(names)}")
    spared = tuple(name for name in names if (name.lower().startswith("test") if protect is None else name in protect))
    said = list(ties)
    sides = split.sides()
    firsts: dict[int, Uri] = {}
    grouped = [
        (firsts[group], uri) for uri, group in zip(split.uris, split.groups, strict=True)
        if firsts.setdefault(group, uri) != uri
    ]  # fmt: skip
    chains = connected(split.uris, [*((a, b) for a, b, _ in said), *grouped])
    members: dict[int, list[Uri]] = {}
    for uri, chain in zip(split.uris, chains, strict=True):
        members.setdefault(chain, []).append(uri)
    goes: dict[Uri, str] = {}
    for uris in members.values():
        counts = Counter(sides[uri] for uri in uris)
        if len(counts) > 1:
            target = max(counts, key=lambda part: (part in spared, counts[part], _stays(part, names)))
            goes.update((uri, target) for uri in uris if sides[uri] != target)
    words = _words(goes, sides, [*said, *((a, b, "") for a, b in grouped)])
    moves = tuple(Move(uri, sides[uri], to, words[uri]) for uri, to in sorted(goes.items()))
    parts = tuple(goes.get(uri, sides[uri]) for uri in split.uris)
    made = replace(split, parts=parts, groups=tuple(numbered(chains).tolist()))
    return Repair(made, moves, spared)


def _stays(part: str, names: Sequence[str]) -> tuple[int, int]:
    """Return how much a part is to stay as it is, where numbers do not decide."""
    name = part.lower()
    rank = 3 if name.startswith("test") else 2 if name.startswith(("val", "dev")) else 0 if name.startswith("tr") else 1
    return rank, names.index(part)


def _words(
    goes: dict[Uri, str], sides: dict[Uri, str], ties: Sequence[tuple[Uri, Uri, str]]
) -> dict[Uri, str]:  # fmt: skip
    """Return why each picture moves: the first tie to one that is already there, else to one that moves along."""
    there: dict[Uri, str] = {}
    along: dict[Uri, str] = {}
    for a, b, what in ties:
        for uri, other in ((a, b), (b, a)):
            if uri in goes and other in sides:
                name = split_path(other)[1]
                text = f"copy of {name} ({what})" if what else f"in one group with {name}"
                if sides[other] == goes[uri]:
                    there.setdefault(uri, f"{text}, which is in {goes[uri]}")
                else:
                    along.setdefault(uri, f"{text}, which goes to {goes[uri]}, too")
    return along | there
