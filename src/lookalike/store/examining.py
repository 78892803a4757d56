"""A library.db looked at without changing a byte of it, nor of what lies beside it.

It is opened as it is: of an older format, damaged, or no library at all. Each question is one method; what a method
finds is in numbers and names, and what it means is said elsewhere.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from lookalike.errors import LibraryError, LibraryFormatError, LibraryNotFoundError
from lookalike.store.schema import APPLICATION_ID, CHUNK, MIGRATIONS, VECTOR_SHIFT, VERSION
from lookalike.types import DescriptorSpec, Uri

__all__ = ["Examination", "HeldDescriptor", "RowFault"]

NORM_TOLERANCE = 0.01
"""By which the length of a cosine vector, rounded to float16, may differ from 1."""

_BATCH = 4096
_FEW = 1000  # messages of SQLite's own check

_ROW_FAULTS = {
    "images without a content": (
        "images", "id",
        "state = 'ok' AND (content_id IS NULL OR NOT EXISTS (SELECT 1 FROM contents WHERE contents.id = content_id))",
    ),
    "failed images of a content that is not there": (
        "images", "id",
        "state <> 'ok' AND content_id IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM contents WHERE contents.id = content_id)",
    ),
    "contents without a hash": ("contents", "id", "typeof(hash) <> 'blob' OR length(hash) <> 32"),
    "pictures of a decision that is not there": (
        "decided", "decision_id", "NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.id = decision_id)",
    ),
    "decisions about nothing": (
        "decisions", "id", "folder IS NULL AND NOT EXISTS (SELECT 1 FROM decided WHERE decision_id = decisions.id)",
    ),
    "chunks of a descriptor that is not there": (
        "chunks", "descriptor_id", "NOT EXISTS (SELECT 1 FROM descriptors WHERE descriptors.id = descriptor_id)",
    ),
    "scalers of a descriptor that is not there": (
        "scalers", "descriptor_id", "NOT EXISTS (SELECT 1 FROM descriptors WHERE descriptors.id = descriptor_id)",
    ),
    "settings that are no JSON": ("settings", "name", "NOT json_valid(value)"),
}  # fmt: skip
"""Rows that no act of ours leaves behind: table, its key, which ones."""


@dataclass(frozen=True)
class RowFault:
    """Rows of one table that ought not to be there, and the condition that finds them."""

    what: str
    table: str
    condition: str
    count: int


@dataclass(frozen=True)
class HeldDescriptor:
    """A descriptor as the library has it. `spec` is None where it is not the one that is named."""

    id: int
    name: str
    fingerprint: str
    spec: DescriptorSpec | None


class Examination:
    """A library.db open for looking. Use it as a context manager.

    Raises
    ------
    LibraryNotFoundError
        If there is none.
    LibraryError
        If it cannot be opened at all.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "library.db"
        if not self.path.is_file():
            raise LibraryNotFoundError(f"there is no library at {folder}")
        self._opened = self._stamp()
        self._immutable = self.at_rest
        mode = "immutable=1" if self._immutable else "mode=ro"
        try:
            self._db = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=10
            )
        except sqlite3.Error as error:
            raise LibraryError(f"cannot open {self.path}: {error}") from error
        self._db.text_factory = os.fsdecode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @property
    def at_rest(self) -> bool:
        """Whether no process has it open, nor has left something in SQLite's journal."""
        return not self.path.with_name("library.db-wal").exists()

    def has_changed(self) -> bool:
        """Say whether somebody wrote to it meanwhile, so that what was found may be a mixture of two states."""
        return self._immutable and (self._stamp() != self._opened or not self.at_rest)

    def _stamp(self) -> tuple[int, int]:
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query.

        Raises
        ------
        LibraryFormatError
            If the file is damaged where it was read.
        LibraryError
            For any other trouble.
        """
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            raise LibraryError(f"{self.path} cannot be read: {error}") from error
        except (sqlite3.Error, OverflowError) as error:
            raise LibraryFormatError(f"{self.path} is damaged: {error}") from error

    # ------------------------------------------------------------------------------------------------ the file

    def is_library(self) -> bool:
        """Say whether the file bears our mark."""
        return bool(self.rows("PRAGMA application_id")[0][0] == APPLICATION_ID)

    def version(self) -> int:
        """Return the number of its format."""
        return int(self.rows("PRAGMA user_version")[0][0])

    def integrity(self) -> list[str]:
        """Return what SQLite's own check finds; empty if all is well."""
        found = [str(row[0]) for row in self.rows(f"PRAGMA integrity_check({_FEW})")]
        return [] if found == ["ok"] else found

    def foreign_keys(self) -> dict[str, int]:
        """Return how many rows of each table refer to what is not there."""
        counts: dict[str, int] = {}
        for table, *_ in self.rows("PRAGMA foreign_key_check"):
            counts[table] = counts.get(table, 0) + 1
        return counts

    def shape(self) -> tuple[list[str], list[str]]:
        """Return the tables that are missing or have other columns, and the indexes that are missing."""
        fresh = sqlite3.connect(":memory:")
        try:
            for script in MIGRATIONS[: self.version()]:
                fresh.executescript(script)
            tables = [
                name
                for name, columns in _columns(fresh.execute(_OBJECTS, ("table",)).fetchall(), fresh).items()
                if _columns([(name,)], self._db).get(name) != columns
            ]
            held = {row[0] for row in self.rows(_OBJECTS, ("index",))}
            indexes = [row[0] for row in fresh.execute(_OBJECTS, ("index",)) if row[0] not in held]
        finally:
            fresh.close()
        return tables, indexes

    # ------------------------------------------------------------------------------------------------ the rows

    def row_faults(self) -> list[RowFault]:
        """Return the kinds of rows that ought not to be there, each with its number."""
        found = []
        for what, (table, _, condition) in _ROW_FAULTS.items():
            if self.version() < VERSION and not self._has(table):
                continue
            count = self.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]
            if count:
                found.append(RowFault(what, table, condition, count))
        return found

    def _has(self, table: str) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)))

    def counts(self) -> tuple[int, int, int, int]:
        """Return the numbers of pictures ok, of those failed or skipped, of missing ones, and of contents in use."""
        ok, other, missing = self.rows(
            "SELECT coalesce(sum(state = 'ok' AND NOT missing), 0), coalesce(sum(state <> 'ok'), 0), "
            "coalesce(sum(state = 'ok' AND missing), 0) FROM images"
        )[0]
        return ok, other, missing, self.rows("SELECT count(*) FROM contents WHERE kind IS NULL")[0][0]

    def names(self) -> Iterator[Uri]:
        """Yield the names of pictures that are ok and not marked as missing."""
        last = b""
        while batch := self.rows(
            "SELECT uri FROM images WHERE uri > CAST(? AS TEXT) AND state = 'ok' AND NOT missing ORDER BY uri "
            f"LIMIT {_BATCH}",
            (last,),
        ):
            for (uri,) in batch:
                yield uri
            last = os.fsencode(batch[-1][0])

    def roots(self) -> list[Uri]:
        """Return the folders and files that were indexed by name."""
        return [row[0] for row in self.rows("SELECT uri FROM roots ORDER BY uri")]

    def newest_run(self) -> float:
        """Return when the last run began, in seconds since 1970; 0 if there was none."""
        return float(self.rows("SELECT coalesce(max(started_at), 0) FROM runs")[0][0])

    # ------------------------------------------------------------------------------------------------ the vectors

    def descriptors(self) -> list[HeldDescriptor]:
        """Return the descriptors that vectors are of."""
        found = []
        for id_, name, fingerprint, text in self.rows(
            "SELECT id, name, fingerprint, spec FROM descriptors ORDER BY id"
        ):
            try:
                spec = DescriptorSpec(**json.loads(text))
                good = spec.fingerprint == fingerprint and spec.name == name
            except (ValueError, TypeError):
                good = False
            found.append(HeldDescriptor(id_, name, fingerprint, spec if good else None))
        return found

    def vector_count(self, descriptor: HeldDescriptor) -> int:
        """Return how many vectors there are of it."""
        low, high = _range(descriptor.id)
        return int(self.rows("SELECT count(*) FROM vectors WHERE id >= ? AND id < ?", (low, high))[0][0])

    def orphan_vectors(self) -> list[int]:
        """Return the ids of vectors whose descriptor or content is not there."""
        known = f"(SELECT id FROM descriptors) AND (id & {(1 << VECTOR_SHIFT) - 1}) IN (SELECT id FROM contents)"
        return [row[0] for row in self.rows(f"SELECT id FROM vectors WHERE NOT ((id >> {VECTOR_SHIFT}) IN {known})")]

    def damaged_vectors(self, descriptor: HeldDescriptor) -> dict[str, list[int]]:
        """Return the ids of vectors that cannot be right, by why: their length, NaN or infinity, zero, their norm.

        Vectors of a cosine descriptor are of unit length.
        """
        spec = descriptor.spec
        faults: dict[str, list[int]] = {}
        if spec is None:
            return faults
        low, high = _range(descriptor.id)
        size = spec.width * spec.storage.itemsize
        while batch := self.rows(
            f"SELECT id, vector FROM vectors WHERE id >= ? AND id < ? ORDER BY id LIMIT {_BATCH}", (low, high)
        ):
            low = batch[-1][0] + 1
            whole = [(id_, blob) for id_, blob in batch if isinstance(blob, bytes) and len(blob) == size]
            if len(whole) < len(batch):
                good = {id_ for id_, _ in whole}
                faults.setdefault("another length", []).extend(id_ for id_, _ in batch if id_ not in good)
            ids = np.array([id_ for id_, _ in whole], np.int64)
            rows = np.frombuffer(b"".join(blob for _, blob in whole), spec.storage).reshape(len(whole), spec.width)
            for why, bad in _unfit(rows, spec).items():
                if bad.any():
                    faults.setdefault(why, []).extend(ids[bad].tolist())
        return faults

    def chunks_without_token(self) -> list[tuple[int, int]]:
        """Return (descriptor id, chunk) of vectors that no search sees, since their chunk has no token."""
        return self.rows(
            f"SELECT id >> {VECTOR_SHIFT}, (id & {(1 << VECTOR_SHIFT) - 1}) >> {CHUNK} FROM vectors "
            f"WHERE (id >> {VECTOR_SHIFT}) IN (SELECT id FROM descriptors) GROUP BY 1, 2 "
            "EXCEPT SELECT descriptor_id, chunk FROM chunks"
        )

    def without_vector(self) -> int:
        """Return the number of contents that a picture has and nothing describes."""
        described = " UNION ".join(
            f"SELECT id - {_range(one.id)[0]} FROM vectors WHERE id >= {_range(one.id)[0]} AND id < {_range(one.id)[1]}"
            for one in self.descriptors()
        )
        apart = f"AND contents.id NOT IN ({described})" if described else ""
        return int(
            self.rows(
                "SELECT count(*) FROM contents WHERE kind IS NULL AND EXISTS "
                f"(SELECT 1 FROM images WHERE content_id = contents.id AND state = 'ok') {apart}"
            )[0][0]
        )

    def damaged_scalers(self) -> list[int]:
        """Return the ids of descriptors whose scaler is not that of their vectors' length, or not finite."""
        if not self._has("scalers"):
            return []
        dims = {one.id: one.spec.dim for one in self.descriptors() if one.spec is not None}
        bad = []
        for id_, mean, deviation in self.rows("SELECT descriptor_id, mean, deviation FROM scalers"):
            size = 8 * dims.get(id_, 0)
            whole = all(isinstance(blob, bytes) and len(blob) == size for blob in (mean, deviation))
            if id_ in dims and not (
                whole and np.isfinite(np.frombuffer(mean)).all() and (np.frombuffer(deviation) > 0).all()
            ):
                bad.append(id_)
        return bad


_OBJECTS = "SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%' ORDER BY name"


def _columns(names: Sequence[tuple[str]], db: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return (name, type, not null, part of the key) of the columns of each table."""
    found = {}
    for (name,) in names:
        try:
            rows = db.execute(f"PRAGMA table_info({name})").fetchall()
        except sqlite3.Error:
            rows = []
        found[name] = [(row[1], row[2], row[3], row[5]) for row in rows]
    return found


def _range(descriptor_id: int) -> tuple[int, int]:
    return descriptor_id << VECTOR_SHIFT, (descriptor_id + 1) << VECTOR_SHIFT


def _unfit(rows: Any, spec: DescriptorSpec) -> dict[str, Any]:
    """Return which rows are not fit to be compared, by why; each row under one reason at most."""
    if spec.metric == "hamming" or not len(rows):
        return {}
    finite = np.isfinite(rows).all(axis=1)
    nothing = finite & ~rows.any(axis=1)
    faults = {"NaN or infinity": ~finite, "zero": nothing}
    if spec.metric == "cosine":
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float32))
        faults["not of unit length"] = finite & ~nothing & (np.abs(norms - 1) > NORM_TOLERANCE)
    return faults
