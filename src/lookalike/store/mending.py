"""What mends a library.db: rows that ought not to be there are dropped, indexes made anew, a damaged file read out.

Each is called while the writer lock is held, after a copy was made. What is dropped here is worked out again by the
next `index`; what people decided is dropped only where nothing is left of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lookalike.store.database import Database
from lookalike.store.examining import RowFault
from lookalike.store.schema import APPLICATION_ID, CHUNK, MIGRATIONS, VECTOR_SHIFT, VERSION
from lookalike.store.writing import renew_chunks
from lookalike.types import DescriptorSpec

__all__ = ["Mending", "salvage"]

_TABLES = (
    "roots", "runs", "contents", "images", "descriptors", "vectors", "chunks", "scalers", "settings", "decisions",
    "decided",
)  # fmt: skip
"""In an order in which what a row refers to comes before it."""

_BATCH = 500


class Mending:
    """Acts on an open library's database, each one transaction.

    Parameters
    ----------
    db
        Of the store: see `Store.mending`.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def copy(self, path: Path, why: str) -> Path:
        """Copy the database: see `copy_database`."""
        return self._db.copy(path, why)

    def drop_rows(self, faults: Iterable[RowFault]) -> int:
        """Delete rows that ought not to be there; return how many."""
        gone = 0
        with self._db.transaction() as connection:
            for fault in faults:
                gone += connection.execute(f"DELETE FROM {fault.table} WHERE {fault.condition}").rowcount
        return gone

    def drop_vectors(self, ids: Sequence[int]) -> None:
        """Delete vectors, so that the next `index` makes those that are missed; the cache of their chunks is void."""
        with self._db.transaction() as connection:
            connection.executemany("DELETE FROM vectors WHERE id = ?", [(id_,) for id_ in ids])
            mask = (1 << VECTOR_SHIFT) - 1
            held = {row[0] for row in connection.execute("SELECT id FROM descriptors")}
            renew_chunks(
                connection, {(id_ >> VECTOR_SHIFT, (id_ & mask) >> CHUNK) for id_ in ids if id_ >> VECTOR_SHIFT in held}
            )

    def name_chunks(self, chunks: Iterable[tuple[int, int]]) -> None:
        """Give (descriptor id, chunk) a token, so that searches see their vectors."""
        with self._db.transaction() as connection:
            renew_chunks(connection, chunks)

    def restore_spec(self, descriptor_id: int, spec: DescriptorSpec) -> None:
        """Write down anew what a descriptor is."""
        with self._db.transaction() as connection:
            text = json.dumps(dataclasses.asdict(spec))
            connection.execute(
                "UPDATE descriptors SET name = ?, spec = ? WHERE id = ?", (spec.name, text, descriptor_id)
            )

    def drop_descriptor(self, descriptor_id: int) -> None:
        """Delete a descriptor of which nobody knows what it is, and its vectors."""
        low = descriptor_id << VECTOR_SHIFT
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM vectors WHERE id >= ? AND id < ?", (low, low + (1 << VECTOR_SHIFT)))
            for table in ("chunks", "scalers"):
                connection.execute(f"DELETE FROM {table} WHERE descriptor_id = ?", (descriptor_id,))
            connection.execute("DELETE FROM descriptors WHERE id = ?", (descriptor_id,))

    def forget_scalers(self, descriptor_ids: Iterable[int]) -> None:
        """Delete scalers: they are fitted anew at the end of the next run."""
        with self._db.transaction() as connection:
            connection.executemany("DELETE FROM scalers WHERE descriptor_id = ?", [(id_,) for id_ in descriptor_ids])

    def make_indexes(self, missing: Sequence[str] = ()) -> None:
        """Make all indexes anew, and those that are missing."""
        with self._db.transaction() as connection:
            for statement in _statements():
                if statement.startswith("CREATE INDEX") and statement.split()[2] in missing:
                    connection.execute(statement)
            connection.execute("REINDEX")


def _statements() -> Iterator[str]:
    for script in MIGRATIONS:
        for statement in script.split(";"):
            if statement.strip():
                yield statement.strip()


# ---------------------------------------------------------------------------------------------------- reading out


def salvage(path: Path) -> dict[str, tuple[int, int]]:
    """Put a new file with all rows that can still be read in the place of a damaged library.db.

    Parameters
    ----------
    path
        Of the damaged file. Nobody else has it open. Its ``-wal``, if there is one, is read with it and goes.

    Returns
    -------
    dict
        Of each table, how many rows were read out, and how many gaps were met.

    Raises
    ------
    sqlite3.Error, OSError
        If nothing can be read, or the new file cannot be written. The damaged one is then where it was.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-", suffix=".db")
    os.close(handle)
    fresh = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as into:
            into.execute("PRAGMA page_size = 8192")
            into.text_factory = bytes
            for statement in _statements():
                into.execute(statement)
            into.execute("BEGIN")
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as damaged:
                damaged.text_factory = bytes
                counts = {table: _copy(damaged, into, table) for table in _TABLES}
            _join(into)
            into.execute("COMMIT")
            into.execute(f"PRAGMA user_version = {VERSION}")
            into.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        shutil.copymode(path, fresh)  # others who could read it still can
        with open(fresh, "rb+") as stream:
            os.fsync(stream.fileno())
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        fresh.replace(path)
    finally:
        for end in ("", "-journal"):
            Path(f"{fresh}{end}").unlink(missing_ok=True)
    return counts


def _copy(damaged: sqlite3.Connection, into: sqlite3.Connection, table: str) -> tuple[int, int]:
    """Copy what can be read of a table; a column that it has not is left empty."""
    columns = [(row[1].decode(), row[2].decode()) for row in into.execute(f"PRAGMA table_info({table})")]
    try:
        held = {row[1].decode() for row in damaged.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:
        return 0, 1
    columns = [(name, kind) for name, kind in columns if name in held]
    if not columns:
        return 0, 1
    names = ", ".join(name for name, _ in columns)
    marks = ", ".join("CAST(? AS TEXT)" if kind == "TEXT" else "?" for _, kind in columns)
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
    rowid = table not in ("chunks", "settings", "decided")
    copied = lost = 0
    for batch, unread in _by_rowid(damaged, table, names) if rowid else _in_order(damaged, table, names):
        lost += unread
        for row in batch:
            try:
                copied += into.execute(insert, row).rowcount
            except sqlite3.Error:  # a row that breaks the rules
                lost += 1
    return copied, lost


def _in_order(db: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[list[tuple[object, ...]], int]]:
    """Yield rows of a small table up to the damage, forwards and then backwards."""
    order = names.split(", ")[0]
    for way in ("ASC", "DESC"):
        rows = db.execute("SELECT 1 WHERE 0")
        try:
            rows = db.execute(f"SELECT {names} FROM {table} ORDER BY {order} {way}")
            while batch := rows.fetchmany(1):
                yield batch, 0
            return
        except sqlite3.Error:
            yield [], 1
        finally:
            rows.close()


def _by_rowid(db: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[list[tuple[object, ...]], int]]:
    """Yield rows in the order of their ids, leaping over what cannot be read."""
    last, top = -1, _top(db, table)
    while last < top:
        batch, whole = _up_to_damage(db, table, names, last)
        if batch:
            last = batch[-1][0]
            yield [row[1:] for row in batch], 0
        elif whole:
            return
        if not whole:
            start = _behind_damage(db, table, names, last + 1, top)
            yield [], 1
            if start is None:
                return
            last = start - 1


def _up_to_damage(db: sqlite3.Connection, table: str, names: str, last: int) -> tuple[list[tuple[int, ...]], bool]:
    """Return some rows behind `last`, and whether none of them was damaged."""
    found: list[tuple[int, ...]] = []
    rows = db.execute("SELECT 1 WHERE 0")
    try:
        rows = db.execute(f"SELECT rowid, {names} FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid", (last,))
        while len(found) < _BATCH and (row := rows.fetchone()):
            found.append(row)
    except sqlite3.Error:
        return found, False
    finally:
        rows.close()
    return found, True


def _behind_damage(db: sqlite3.Connection, table: str, names: str, low: int, top: int) -> int | None:
    """Return the first id from which rows can be read again, in twice as many steps as its distance has bits."""
    sql = f"SELECT {names} FROM {table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1"

    def reads(start: int) -> bool:
        try:
            db.execute(sql, (start,)).fetchall()
        except sqlite3.Error:
            return False
        return True

    step = 1
    while low + step <= top:
        if reads(low + step):
            bad, good = low + step // 2, low + step
            while good - bad > 1:
                middle = (bad + good) // 2
                bad, good = (bad, middle) if reads(middle) else (middle, good)
            return good
        step *= 2
    return None


def _top(db: sqlite3.Connection, table: str) -> int:
    """Return the largest id of a table, or what it may be at most where that cannot be read."""
    for sql in (f"SELECT max(rowid) FROM {table}", f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'"):
        with contextlib.suppress(sqlite3.Error):
            return int((db.execute(sql).fetchone() or (0,))[0] or 0)
    return 1 << 48


def _join(into: sqlite3.Connection) -> None:
    """Drop what refers to rows that were lost, and give every chunk a token of its own."""
    mask = (1 << VECTOR_SHIFT) - 1
    for sql in (
        "DELETE FROM images WHERE content_id IS NOT NULL AND content_id NOT IN (SELECT id FROM contents)",
        "DELETE FROM decided WHERE decision_id NOT IN (SELECT id FROM decisions)",
        "DELETE FROM scalers",
        "DELETE FROM chunks",
        f"DELETE FROM vectors WHERE (id >> {VECTOR_SHIFT}) NOT IN (SELECT id FROM descriptors) "
        f"OR (id & {mask}) NOT IN (SELECT id FROM contents)",
        f"INSERT INTO chunks SELECT id >> {VECTOR_SHIFT}, (id & {mask}) >> {CHUNK}, random() & 0x3fffffffffffffff "
        "FROM vectors GROUP BY 1, 2",
    ):
        into.execute(sql)
