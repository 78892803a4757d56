"""A split: which picture is on which side; written as CSV and read again."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.splitting.parts import Part, targets
from lookalike.tables import URI_COLUMNS, read_table
from lookalike.types import Rows, Tabular, Uri

__all__ = ["FOLD", "PART", "Split", "numbered", "read_split"]

PART, FOLD = "part", "fold"

_PART_COLUMNS = (PART, FOLD, "split", "subset")


@dataclass(frozen=True)
class Split(Tabular):
    """Which picture is on which side, in the order of names.

    Attributes
    ----------
    uris, labels, parts
        n each; a label is None where there is none. In folds, a part is the number of a fold: "1", "2", ...
    groups
        n numbers from 1. Pictures of one number are copies of each other or tied together by such; each picture that
        has none has a number of its own. Fit to be the ``groups`` of scikit-learn's ``GroupKFold``.
    asked
        The parts in the order and the sizes in which they were asked for; empty for a split that was read.
    left_out
        What could not be looked at to find copies, with counts: see `DuplicateReport`.
    column
        "part", or "fold": what `rows` calls the sides.
    """

    uris: tuple[Uri, ...]
    labels: tuple[str | None, ...]
    parts: tuple[str, ...]
    groups: tuple[int, ...]
    asked: tuple[Part, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    column: str = PART

    def __len__(self) -> int:
        return len(self.uris)

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that have pictures: in the order asked; in that of names where the split was read."""
        order = {part.name: at for at, part in enumerate(self.asked)}
        return tuple(sorted(set(self.parts), key=lambda name: (order.get(name, len(order)), len(name), name)))

    def part(self, name: str) -> Split:
        """Return the pictures of one part.

        Raises
        ------
        UsageError
            If no picture is in a part of that name.
        """
        if name not in self.parts:
            raise UsageError(f"there is no part {name!r} in this split; it has {', '.join(self.names) or 'none'}")
        return self.take([row for row, part in enumerate(self.parts) if part == name])

    def folds(self) -> Iterator[tuple[Split, Split]]:
        """Yield, for each part in turn, all the others and that part: what to train on and what to test on."""
        for name in self.names:
            yield self.take([row for row, part in enumerate(self.parts) if part != name]), self.part(name)

    def sides(self) -> dict[Uri, str]:
        """Return the part of each picture by its URI."""
        return dict(zip(self.uris, self.parts, strict=True))

    def rows(self) -> Rows:
        return Rows(
            ("uri", "label", self.column, "group"),
            list(zip(self.uris, self.labels, self.parts, self.groups, strict=True)),
        )

    def summary(self) -> Rows:
        """Return how near each part is to what was asked for.

        Returns
        -------
        Rows
            part, pictures, asked (pictures; it may be a fraction), groups (of two pictures or more), off (pictures more
            or less than asked for in the label that is farthest off), label (that one). Where nothing is known of what
            was asked for, the last ones are None.
        """
        labels, codes = np.unique([label or "" for label in self.labels], return_inverse=True)
        wanted = targets(np.bincount(codes, minlength=len(labels)), self.asked) if self.asked else None
        sizes = np.bincount(np.array(self.groups, np.int64), minlength=1)
        values: list[tuple[Any, ...]] = []
        names = [part.name for part in self.asked] or list(self.names)
        for at, name in enumerate(names):
            rows = np.array([row for row, part in enumerate(self.parts) if part == name], np.int64)
            several = {group for row in rows if sizes[group := self.groups[row]] > 1}
            asked, off, label = None, None, None
            if wanted is not None:
                asked = float(wanted[:, at].sum())
                deviation = np.bincount(codes[rows], minlength=len(labels)) - wanted[:, at]
                if len(labels):
                    worst = int(np.argmax(np.abs(deviation)))
                    off, label = round(float(deviation[worst]), 6), str(labels[worst]) or None
            values.append((name, len(rows), asked, len(several), off, label))
        return Rows((self.column, "pictures", "asked", "groups", "off", "label"), values)

    def save(self, path: str | os.PathLike[str], *, relative_to: str | os.PathLike[str] | None = None) -> None:
        """Write the rows as a CSV file that `read_split` reads; paths relative to a folder, if one is given."""
        rows = self.rows()
        with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(_csv_line(rows.columns))
            for uri, *others in rows.values:
                near = relative_to is not None and "://" not in uri
                stream.write(_csv_line([os.path.relpath(uri, relative_to) if near else uri, *others]))

    def take(self, rows: Sequence[int]) -> Split:
        """Return the pictures of these rows, in this order."""
        return Split(
            tuple(self.uris[row] for row in rows),
            tuple(self.labels[row] for row in rows),
            tuple(self.parts[row] for row in rows),
            tuple(self.groups[row] for row in rows),
            column=self.column,
        )


def read_split(path: str | os.PathLike[str], *, torn: bool = False) -> Split:
    """Read a split that was written as CSV, by `Split.save`, by ``lookalike split`` or by hand.

    Parameters
    ----------
    path
        A CSV file with a header: its column uri (or file, path, file_name, image) names pictures, wholly or relative
        to the CSV's folder; part (or fold, split, subset) tells their side. The columns label and group may be missing:
        then pictures have no label, and each is a group of its own.
    torn
        Take a split that has one group on two sides, as one that is to be repaired may.

    Raises
    ------
    UsageError
        If the file cannot be read, lacks a column, names a picture twice or without a part, or, unless `torn`, has
        one group on two sides.
    """
    folder = Path(path).absolute().parent
    found, folds = [], False
    for _, (name, side), row in read_table(path, URI_COLUMNS, _PART_COLUMNS):
        folds = FOLD in row and PART not in row
        found.append((_absolute(name, folder), row.get("label") or None, side, row.get("group") or None))
    found.sort(key=lambda row: row[0])
    sides: dict[str, str] = {}
    for at, (name, _, side, group) in enumerate(found):
        if not side:
            raise UsageError(f"{path} has no part for {name}")
        if at and found[at - 1][0] == name:
            raise UsageError(f"{path} names {name} twice")
        if not torn and group is not None and sides.setdefault(group, side) != side:
            raise UsageError(f"{path} has group {group} in {sides[group]} and in {side}: copies would leak")
    numbers = numbered([group for *_, group in found])
    return Split(
        tuple(row[0] for row in found), tuple(row[1] for row in found), tuple(row[2] for row in found),
        tuple(numbers.tolist()), column=FOLD if folds else PART,
    )  # fmt: skip


def _csv_line(fields: Sequence[Any]) -> str:
    # The csv module leaves a carriage return in a name unquoted where lines end with "\n".
    line = io.StringIO(newline="")
    csv.writer(line).writerow(fields)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _absolute(name: str, folder: Path) -> Uri:
    return name if "://" in name else os.path.normpath(folder / name)


def numbered(groups: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return numbers from 1 in order of first sight; each None gets one of its own."""
    numbers: dict[Hashable, int] = {}
    return np.array(
        [numbers.setdefault(("alone", at) if group is None else ("group", group), len(numbers) + 1)
         for at, group in enumerate(groups)], np.int64,
    )  # fmt: skip
