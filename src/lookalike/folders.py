"""How much of one folder is inside another: "A is 97 % inside B"."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lookalike.defaults import LEVEL
from lookalike.duplicates import merged
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.sources import PathLike, several, uris_of
from lookalike.store import Image
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_bytes, human_count

__all__ = ["FolderPair", "FolderReport", "compare_folders"]

WIDE = 50
"""A picture in more folders than this makes no pair of folders: that would be the square of their number."""


@dataclass(frozen=True)
class FolderPair:
    """Two folders that have pictures in common; a is the one of which more is inside the other.

    Attributes
    ----------
    inside, of
        How many of the pictures of a have a copy in b, and how many pictures a has.
    inside_back, of_back
        The same of b in a.
    bytes
        Of those of a that have a copy in b.
    nested
        "b" if a lies in b, "a" if b lies in a; then the outer one is counted without the inner one. "" if neither.
    """

    a: Uri
    b: Uri
    inside: int
    of: int
    inside_back: int
    of_back: int
    bytes: int
    nested: str = ""

    @property
    def share(self) -> float:
        """Part of a that has a copy in b, 0 to 1."""
        return self.inside / self.of

    @property
    def share_back(self) -> float:
        """Part of b that has a copy in a, 0 to 1."""
        return self.inside_back / self.of_back

    def __str__(self) -> str:
        # 100 % is said only of all.
        share = "100" if self.inside == self.of else f"{min(self.share * 100, 99.9):.3g}"
        what = f"the rest of {self.a}" if self.nested == "a" else self.a
        where = f"the rest of {self.b}" if self.nested == "b" else self.b
        return (
            f"{what} is {share} % inside {where} "
            f"({self.inside:,} of {human_count(self.of, 'picture')}, {human_bytes(self.bytes)})"
        )


@dataclass(frozen=True)
class FolderReport(Tabular):
    """Pairs of folders, the largest share first, then the most pictures; and what could not be looked at."""

    pairs: tuple[FolderPair, ...]
    level: str
    pictures: int
    left_out: tuple[tuple[str, int], ...] = ()

    def __len__(self) -> int:
        return len(self.pairs)

    def rows(self) -> Rows:
        columns = ("a", "b", "inside", "of", "share", "inside_back", "of_back", "share_back", "bytes", "nested")
        return Rows(columns, [tuple(getattr(pair, name) for name in columns) for pair in self.pairs])


def compare_folders(
    library: Library,
    paths: PathLike | Iterable[PathLike] = (),
    *,
    level: str = LEVEL,
    least: float = 0.0,
    probability: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FolderReport:
    """Tell for each two folders that have copies of each other how much of either is inside the other.

    Parameters
    ----------
    library
        Whose folders.
    paths
        Folders that are looked at, with all under them; none for all that are indexed.
    level, probability, progress
        As in `Library.duplicates`.
    least
        Share, 0 to 1, of the first folder of a pair that is told.

    Returns
    -------
    FolderReport
        A folder counts with all that is under it. Of folders one of which lies in the other, the outer one is counted
        without the inner, so that it does not hold the inner one trivially. A pair is left out if what the two have in
        common lies in one folder further down, which is then told instead. Pictures that are in more than 50 folders,
        as a logo may be, count where two folders have others in common, too; alone they make no pair.

    Raises
    ------
    UsageError
        For an unknown level, a share out of range, or where nothing is indexed at or under a path.

    Notes
    -----
    The work grows with the pairs of pictures and the folders that these are in, not with the pairs of folders.
    """
    if not 0 <= least <= 1:
        raise UsageError(f"a share is 0 to 1, not {least}")
    given = several(paths)
    images, found = library.pairs(given, level=level, probability=probability, progress=progress)
    tops = uris_of(given) or library.store.roots()
    contents = list(dict.fromkeys(image.content_id for image in images))
    classes, others = merged(contents, found.pairs, library.decisions.apart())
    partners: dict[int, set[int]] = {}
    for pair in others:
        if pair.a in classes and pair.b in classes:
            partners.setdefault(classes[pair.a], set()).add(classes[pair.b])
            partners.setdefault(classes[pair.b], set()).add(classes[pair.a])
    folders = _Folders(images, classes, tops)
    pairs = [pair for pair in folders.compare(partners) if pair.share >= least]
    pairs.sort(key=lambda pair: (-pair.share, -pair.inside, pair.a, pair.b))
    left_out = found.left_out
    if folders.wide:
        left_out += ((f"pictures lie in more than {WIDE} folders: alone, they make no pair of folders", folders.wide),)
    return FolderReport(tuple(pairs), level, len(images), left_out)


@dataclass
class _Unit:
    """One picture under all its names: how many, with how many bytes, and how many copies, at or under each folder."""

    names: dict[Uri, int] = field(default_factory=dict)
    bytes: dict[Uri, int] = field(default_factory=dict)
    copies: dict[Uri, int] = field(default_factory=dict)


class _Folders:
    """Which pictures lie where.

    Parameters
    ----------
    images
        All of them.
    classes
        The number of each content's class of equal pixels.
    tops
        Folders and files above which no folder is looked at.
    widest
        Folders that one picture may be in to make pairs of them.
    """

    def __init__(
        self, images: Sequence[Image], classes: Mapping[int, int], tops: Sequence[Uri], widest: int = WIDE
    ) -> None:
        self._tops, self._widest = set(tops), widest
        self._above = lru_cache(maxsize=None)(self._chain)
        self._held: dict[int, dict[Uri, tuple[int, int]]] = {}  # by class: how many names and bytes in which folders
        self._total: dict[Uri, int] = {}
        self._common: dict[tuple[Uri, Uri], tuple[int, int]] = {}
        self.wide = 0
        for image in images:
            folder = image.uri.rpartition("/")[0] if "://" in image.uri else os.path.dirname(image.uri)  # noqa: PTH120
            inside = self._held.setdefault(classes[image.content_id], {})
            count, size = inside.get(folder, (0, 0))
            inside[folder] = (count + 1, size + image.size)
            for above in self._above(folder):
                self._total[above] = self._total.get(above, 0) + 1

    def _chain(self, folder: Uri) -> tuple[Uri, ...]:
        """Return a folder and those above it, up to the outermost that was asked for."""
        chain = [folder]
        while (parent := os.path.dirname(chain[-1])) != chain[-1] and "://" not in folder:  # noqa: PTH120
            chain.append(parent)
        last = max((at for at, one in enumerate(chain) if one in self._tops), default=0)
        return tuple(chain[: last + 1])

    def compare(self, partners: Mapping[int, set[int]]) -> list[FolderPair]:
        """Return the pairs of folders, given for each class the others of which it has copies, if any."""
        wide: list[_Unit] = []
        for number, held in self._held.items():
            copied = {folder for other in (number, *partners.get(number, ())) for folder in self._held[other]}
            if len(copied) > 1 or len(held) > 1:
                unit = self._unit(held, copied)
                if len(copied) > self._widest:
                    wide.append(unit)
                else:
                    self._add(unit, [(a, b) for a in unit.names for b in unit.copies])
        self._add_wide(wide)
        implied = self._implied()
        return [self._told(a, b) for a, b in self._common if (a, b) not in implied and self._first(a, b)]

    def _unit(self, held: Mapping[Uri, tuple[int, int]], copied: Iterable[Uri]) -> _Unit:
        unit = _Unit()
        for folder, (count, size) in held.items():
            for above in self._above(folder):
                unit.names[above] = unit.names.get(above, 0) + count
                unit.bytes[above] = unit.bytes.get(above, 0) + size
        for folder in copied:
            for above in self._above(folder):
                unit.copies[above] = unit.copies.get(above, 0) + 1
        return unit

    def _add(self, unit: _Unit, pairs: Iterable[tuple[Uri, Uri]]) -> None:
        """Count one picture in those pairs (a, b) in which it lies in a and a copy in b, neither of them in both."""
        for a, b in pairs:
            count, size, copies = unit.names[a], unit.bytes[a], unit.copies[b]
            if a == b:
                continue
            if a in self._above(b):
                count, size = count - unit.names.get(b, 0), size - unit.bytes.get(b, 0)
            elif b in self._above(a):
                copies -= unit.copies.get(a, 0)
            if count and copies:
                had = self._common.get((a, b), (0, 0))
                self._common[a, b] = (had[0] + count, had[1] + size)

    def _add_wide(self, units: Sequence[_Unit]) -> None:
        """Count pictures that are in very many folders, in the pairs that others have made."""
        known: dict[Uri, list[Uri]] = {}
        for a, b in {*self._common, *((b, a) for a, b in self._common)}:
            known.setdefault(a, []).append(b)
        for unit in units:
            self._add(unit, [(a, b) for a in unit.names for b in known.get(a, ()) if b in unit.copies])
        self.wide = len(units)

    def _count(self, a: Uri, b: Uri) -> int:
        """Return the pictures of a, without those of b where b lies in a."""
        return self._total[a] - (self._total[b] if a in self._above(b) else 0)

    def _implied(self) -> set[tuple[Uri, Uri]]:
        """Return the pairs that have nothing in common beyond what a pair further down has."""
        implied = set()
        for (a, b), (count, _) in self._common.items():
            back = self._common[b, a][0]
            for up in self._ups(a, b):
                if up in self._common and (self._common[up][0], self._common[up[1], up[0]][0]) == (count, back):
                    implied |= {up, (up[1], up[0])}
        return implied

    def _ups(self, a: Uri, b: Uri) -> list[tuple[Uri, Uri]]:
        above, over = self._above(a), self._above(b)
        found = [] if b in above else [(up, b) for up in above[1:2]]
        return found + ([] if a in over else [(a, up) for up in over[1:2]])

    def _first(self, a: Uri, b: Uri) -> bool:
        """Say whether a is the one of the two to be named first: more of it is inside the other, or it is smaller."""
        mine, other = self._common[a, b][0] / self._count(a, b), self._common[b, a][0] / self._count(b, a)
        return (-mine, self._count(a, b), a) < (-other, self._count(b, a), b)

    def _told(self, a: Uri, b: Uri) -> FolderPair:
        count, size = self._common[a, b]
        nested = "a" if a in self._above(b) else "b" if b in self._above(a) else ""
        return FolderPair(a, b, count, self._count(a, b), self._common[b, a][0], self._count(b, a), size, nested)
