"""What belongs together: told by labels, by a CSV of pairs, or by a CSV of queries and what is relevant to each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.tables import read_table
from lookalike.types import Uri

__all__ = ["Truth", "read_pairs", "read_relevant", "truth_of_labels"]

_SAME = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


@dataclass(frozen=True)
class Truth:
    """Which pictures of a gallery are asked for, and what is relevant to each.

    Attributes
    ----------
    queries
        (q,) rows of the gallery.
    sets
        Rows that belong together; a query may be in its own set, where it does not count.
    set_of
        (q,) which of `sets` is relevant to each query. A query and its set leave at least one relevant picture.
    listed
        Pairs (a, b) of which it is known whether they belong together, with `same` (m,) bool: where some do not, uAP is
        taken over these alone. (m, 2), empty else.
    left_out
        What could not be asked for, with counts.
    """

    queries: NDArray[np.int64]
    sets: tuple[NDArray[np.int64], ...]
    set_of: NDArray[np.int64]
    listed: NDArray[np.int64]
    same: NDArray[np.bool_]
    left_out: tuple[tuple[str, int], ...] = ()

    def relevant(self, query: int) -> NDArray[np.int64]:
        """Return the rows that are relevant to the query of that place, itself not among them."""
        rows = self.sets[self.set_of[query]]
        others: NDArray[np.int64] = rows[rows != self.queries[query]]
        return others


def truth_of_labels(labels: Sequence[str | None]) -> Truth:
    """Return the truth of a labelled gallery: pictures of one label belong together.

    Every labelled picture is a query, and all others are the gallery (leave-one-out). One that is alone with its label
    is no query, since nothing could be found, but others can still be mistaken for it. Pictures without a label are not
    to be in the gallery: see `Gallery.labelled`.

    Raises
    ------
    UsageError
        If no label has two pictures.
    """
    names, codes = np.unique([label or "" for label in labels], return_inverse=True)
    order = np.argsort(codes, kind="stable")
    sets = np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]) if len(names) else []
    sizes = np.array([len(rows) for rows in sets], np.int64)
    queries = np.flatnonzero(sizes[codes] > 1) if len(names) else np.empty(0, np.int64)
    if not len(queries):
        raise UsageError("no label has two pictures, so there is nothing to find: check --labels")
    alone = len(codes) - len(queries)
    left_out = (("alone with their label: not asked for", alone),) if alone else ()
    return Truth(queries, tuple(sets), codes[queries].astype(np.int64), *_no_list(), left_out)


def read_pairs(path: str | os.PathLike[str], uris: Sequence[Uri], roots: Sequence[Uri] = ()) -> Truth:
    """Read pairs that belong together.

    Parameters
    ----------
    path
        A CSV file with the columns a and b and, if wanted, same (1 or 0); others are ignored. Where there is no column
        same, each listed pair belongs together. Every picture of such a pair is a query, to which those that it is
        listed with, on either side, are relevant, and no others.
    uris
        Of the gallery.
    roots
        Folders that names may be relative to.

    Returns
    -------
    Truth
        Names are found by their whole path, relative to the CSV's folder or to a root, or by the end of a path that
        only one picture has. Those that are not found are counted in `left_out`.

    Raises
    ------
    UsageError
        If the file cannot be read or lacks a column, a name fits several pictures, or no pair is left.
    """
    names = _Names(uris, Path(path), roots)
    listed: list[tuple[int, int]] = []
    same: list[bool] = []
    missing = 0
    for line, row in _rows(path, ("a", "b")):
        a, b = names.find(row["a"]), names.find(row["b"])
        told = _SAME.get((row.get("same") or "1").strip().lower())
        if told is None:
            raise UsageError(f"{path}, line {line}: same is 1 or 0, not {row['same']!r}")
        if a is None or b is None:
            missing += 1
        elif a != b:
            listed.append((a, b))
            same.append(told)
    found: dict[int, set[int]] = {}
    for (a, b), told in zip(listed, same, strict=True):
        if told:
            found.setdefault(a, set()).add(b)
            found.setdefault(b, set()).add(a)
    if not found:
        raise UsageError(
            f"{path}: no pair that belongs together is in the gallery ({missing} are not): index the folder"
        )
    pairs = _no_list() if all(same) else (np.array(listed, np.int64).reshape(-1, 2), np.array(same, bool))
    return _truth(found, pairs, (("pairs with a picture that is not in the gallery", missing),) if missing else ())


def read_relevant(path: str | os.PathLike[str], uris: Sequence[Uri], roots: Sequence[Uri] = ()) -> Truth:
    """Read queries, and what is relevant to each.

    Parameters
    ----------
    path
        A CSV file with the columns query and relevant, one relevant picture a line; others are ignored.
    uris, roots
        As in `read_pairs`; names are found as there.

    Raises
    ------
    UsageError
        As in `read_pairs`.
    """
    names = _Names(uris, Path(path), roots)
    found: dict[int, set[int]] = {}
    missing = 0
    for _, row in _rows(path, ("query", "relevant")):
        query, relevant = names.find(row["query"]), names.find(row["relevant"])
        if query is None or relevant is None:
            missing += 1
        elif query != relevant:
            found.setdefault(query, set()).add(relevant)
    if not found:
        raise UsageError(f"{path}: no query and its relevant picture are in the gallery: index the folder")
    return _truth(found, _no_list(), (("lines with a picture that is not in the gallery", missing),) if missing else ())


def _truth(
    found: dict[int, set[int]],
    listed: tuple[NDArray[np.int64], NDArray[np.bool_]],
    left_out: tuple[tuple[str, int], ...],
) -> Truth:
    queries = np.array(sorted(found), np.int64)
    sets = tuple(np.array(sorted(found[query]), np.int64) for query in queries.tolist())
    return Truth(queries, sets, np.arange(len(queries)), *listed, left_out)


def _no_list() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.empty((0, 2), np.int64), np.empty(0, bool)


def _rows(path: str | os.PathLike[str], needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, _, row in read_table(path, *[(name,) for name in needed]):
        yield line, row


class _Names:
    """Finds the row of a picture by what a CSV file calls it."""

    def __init__(self, uris: Sequence[Uri], path: Path, roots: Sequence[Uri]) -> None:
        self._path = path
        self._uris = uris
        self._rows = {uri: row for row, uri in enumerate(uris)}
        self._folders = [str(path.absolute().parent), *roots]
        self._ends: dict[str, list[int]] = {}
        for row, uri in enumerate(uris):
            self._ends.setdefault(_last(uri), []).append(row)

    def find(self, name: str) -> int | None:
        if name in self._rows:
            return self._rows[name]
        for folder in self._folders:
            if (row := self._rows.get(os.path.normpath(f"{folder}/{name}"))) is not None:
                return row
        end = "/" + name.replace(os.sep, "/").removeprefix("./").lstrip("/")
        fit = [row for row in self._ends.get(_last(name), []) if self._uris[row].replace(os.sep, "/").endswith(end)]
        if len(fit) > 1:
            raise UsageError(
                f"{self._path}: {name} may be {self._uris[fit[0]]} or {self._uris[fit[1]]}: write more of its path"
            )
        return fit[0] if fit else None


def _last(name: str) -> str:
    return name.replace(os.sep, "/").rpartition("/")[2]
