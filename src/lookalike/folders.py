"""How much of one folder is inside another: "A is 97 % inside B"."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lookalike.defaults import LEVEL
from lookalike.duplicates import merged
from lookalike.errors import UsageError
from lookalike.library import Library, PathLike
from lookalike.sources import normalise_uri
from lookalike.store import Image
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_bytes

__all__ = ["FolderPair", "FolderReport", "compare_folders"]


@dataclass(frozen=True)
class FolderPair:
    """Two folders that have something in common; a is the one of which more is inside the other.

    Attributes
    ----------
    pictures_a, pictures_b
        In either with all that is under it; where one lies in the other, the outer one is counted without the inner.
    common_a, common_b
        How many of a have a copy in b, and of b in a.
    bytes
        Of those of a that have a copy in b.
    """

    folder_a: Uri
    folder_b: Uri
    pictures_a: int
    pictures_b: int
    common_a: int
    common_b: int
    bytes: int

    @property
    def a_in_b(self) -> float:
        """Share of a that has a copy in b, 0 to 1."""
        return self.common_a / self.pictures_a

    @property
    def b_in_a(self) -> float:
        """Share of b that has a copy in a, 0 to 1."""
        return self.common_b / self.pictures_b

    def __str__(self) -> str:
        share = "100" if self.common_a == self.pictures_a else f"{min(self.a_in_b * 100, 99.9):.3g}"
        return (
            f"{self.folder_a} is {share} % inside {self.folder_b} "
            f"({self.common_a:,} of {self.pictures_a:,} pictures, {human_bytes(self.bytes)})"
        )


@dataclass(frozen=True)
class FolderReport(Tabular):
    """Pairs of folders, the largest share first, then the most pictures; and what could not be looked at."""

    pairs: tuple[FolderPair, ...]
    level: str
    pictures: int
    left_out: tuple[tuple[str, int], ...] = ()

    def rows(self) -> Rows:
        columns = ("folder_a", "folder_b", "pictures_a", "pictures_b", "common_a", "common_b", "a_in_b", "b_in_a",
                   "bytes")  # fmt: skip
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
        Share, 0 to 1, of the smaller part of a pair that is told.

    Returns
    -------
    FolderReport
        A folder counts with all that is under it. Of folders one of which lies in the other, the outer one is counted
        without the inner, so that it does not hold the inner one trivially. A pair is left out if what the two have in
        common lies in one folder further down, which is then told instead.

    Raises
    ------
    UsageError
        For an unknown level, a share out of range, or where nothing is indexed at or under a path.
    """
    if not 0 <= least <= 1:
        raise UsageError(f"a share is 0 to 1, not {least}")
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    images, found = library.pairs(given, level=level, probability=probability, progress=progress)
    tops = [normalise_uri(os.fspath(path)) for path in given] or library.store.roots()
    classes, others = merged(
        list(dict.fromkeys(image.content_id for image in images)), found.pairs, library.decisions.apart(kept=False)
    )
    units: dict[int, set[int]] = {number: {number} for number in classes.values()}
    for pair in others:
        if pair.a in classes and pair.b in classes:
            units[classes[pair.a]].add(classes[pair.b])
            units[classes[pair.b]].add(classes[pair.a])
    pairs = _Folders(images, classes, tops).compare(units)
    pairs = [pair for pair in pairs if pair.a_in_b >= least]
    pairs.sort(key=lambda pair: (-pair.a_in_b, -pair.common_a, pair.folder_a, pair.folder_b))
    return FolderReport(tuple(pairs), level, len(images), found.left_out)


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
    """

    def __init__(self, images: Sequence[Image], classes: Mapping[int, int], tops: Sequence[Uri]) -> None:
        self._tops = set(tops)
        self._above = lru_cache(maxsize=None)(self._chain)
        self.held: dict[int, dict[Uri, tuple[int, int]]] = {}  # by class: how many names and bytes in which folders
        self.total: dict[Uri, int] = {}
        for image in images:
            folder = image.uri.rpartition("/")[0] if "://" in image.uri else os.path.dirname(image.uri)  # noqa: PTH120
            inside = self.held.setdefault(classes[image.content_id], {})
            count, size = inside.get(folder, (0, 0))
            inside[folder] = (count + 1, size + image.size)
            for above in self._above(folder):
                self.total[above] = self.total.get(above, 0) + 1

    def _chain(self, folder: Uri) -> tuple[Uri, ...]:
        """Return a folder and those above it, up to the outermost that was asked for."""
        chain = [folder]
        while (parent := os.path.dirname(chain[-1])) != chain[-1] and "://" not in folder:  # noqa: PTH120
            chain.append(parent)
        last = max((at for at, one in enumerate(chain) if one in self._tops), default=0)
        return tuple(chain[: last + 1])

    def compare(self, units: Mapping[int, set[int]]) -> list[FolderPair]:
        """Return the pairs of folders, given for each class those of which it has copies, itself among them."""
        common: dict[tuple[Uri, Uri], tuple[int, int]] = {}
        for number, partners in units.items():
            targets = {folder for partner in partners for folder in self.held[partner]}
            for folder, (count, size) in self.held[number].items():
                for pair in self._pairs(folder, targets):
                    had = common.get(pair, (0, 0))
                    common[pair] = (had[0] + count, had[1] + size)
        implied = self._implied(common)
        return [
            self._told(a, b, common)
            for a, b in common
            if (a, b) not in implied and self._first(a, b, common)
        ]  # fmt: skip

    def _pairs(self, folder: Uri, targets: set[Uri]) -> set[tuple[Uri, Uri]]:
        """Return all (a, b) with `folder` in a and a folder of `targets` in b, neither of them in both."""
        above = self._above(folder)
        found = set()
        for target in targets:
            over = self._above(target)
            found |= {(a, b) for a in above for b in over if not (a in over and b in above)}
        return found

    def _count(self, a: Uri, b: Uri) -> int:
        """Return the pictures of a, without those of b where b lies in a."""
        return self.total[a] - (self.total[b] if a in self._above(b) else 0)

    def _implied(self, common: Mapping[tuple[Uri, Uri], tuple[int, int]]) -> set[tuple[Uri, Uri]]:
        """Return the pairs that have nothing in common beyond what a pair further down has."""
        implied = set()
        for (a, b), (count, _) in common.items():
            back = common[b, a][0]
            for up in self._ups(a, b):
                if up in common and (common[up][0], common[up[1], up[0]][0]) == (count, back):
                    implied |= {up, (up[1], up[0])}
        return implied

    def _ups(self, a: Uri, b: Uri) -> list[tuple[Uri, Uri]]:
        above, over = self._above(a), self._above(b)
        found = [] if b in above else [(up, b) for up in above[1:2]]
        return found + ([] if a in over else [(a, up) for up in over[1:2]])

    def _first(self, a: Uri, b: Uri, common: Mapping[tuple[Uri, Uri], tuple[int, int]]) -> bool:
        """Say whether a is the one of the two to be named first: more of it is inside the other, or it is smaller."""
        mine, other = common[a, b][0] / self._count(a, b), common[b, a][0] / self._count(b, a)
        return (-mine, self._count(a, b), a) < (-other, self._count(b, a), b)

    def _told(self, a: Uri, b: Uri, common: Mapping[tuple[Uri, Uri], tuple[int, int]]) -> FolderPair:
        count, size = common[a, b]
        return FolderPair(a, b, self._count(a, b), self._count(b, a), count, common[b, a][0], size)
