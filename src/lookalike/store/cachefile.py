"""A cache of bytes by key: one SQLite file, ``cache/FINGERPRINT.KIND``.

Each row has a CRC-32 of its own that is checked on reading. What SQLite calls damaged is removed and begun anew; what
cannot be written is not kept. Losing any of it costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lookalike.store.disk import network_kind

__all__ = ["CacheFile", "check_cache_file", "transaction"]

_T = TypeVar("_T")

_APPLICATION_ID, _VERSION = 0x4C4B4C46, 2
_BATCH = 200  # rows of one query
_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
}  # fmt: skip
"""What says nothing about the file: the row is then not kept, or not found."""


class CacheFile:
    """Bytes by key, in one SQLite file of a library's cache. Safe for threads, many readers and several writers.

    Parameters
    ----------
    folder
        The library's, NAME.lookalike.
    fingerprint
        Of what makes the rows: another one, another file; the files of others are removed when one is begun.
    kind
        The file's suffix.
    writable
        False keeps and finds nothing, as does a folder that cannot be written to.
    """

    def __init__(self, folder: Path, fingerprint: str, kind: str, *, writable: bool = True) -> None:
        self.path = folder / "cache" / f"{fingerprint}.{kind}"
        self.writable = writable and os.access(folder, os.W_OK)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._closed = False

    def close(self) -> None:
        """Close the file; from then on nothing is kept or found."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def read(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the bytes that are kept of each key, of which any are.

        A row that turns out to be damaged is not among them and is forgotten.
        """
        found: dict[bytes, bytes] = {}
        damaged: list[bytes] = []
        for batch in _batches(keys):
            marks = ", ".join("?" * len(batch))
            sql = f"SELECT key, checksum, body FROM rows WHERE key IN ({marks})"  # noqa: S608
            for key, checksum, body in self._rows(sql, batch):
                if isinstance(key, bytes) and isinstance(body, bytes) and _checksum(key, body) == checksum:
                    found[key] = body
                else:
                    damaged.append(key)
        if damaged:
            self.forget([key for key in damaged if isinstance(key, bytes)])
        return found

    def write(self, kept: Mapping[bytes, bytes]) -> bool:
        """Keep bytes by key, all of them in one transaction, in place of any before.

        Returns
        -------
        bool
            False if they could not be kept: a full disk, a folder that cannot be written to, a writer that holds on.
        """
        rows = [(key, _checksum(key, body), body) for key, body in kept.items()]

        def write(db: sqlite3.Connection) -> bool:
            with transaction(db):
                db.executemany("INSERT OR REPLACE INTO rows (key, checksum, body) VALUES (?, ?, ?)", rows)
            return True

        return self._run(write, False, begin=bool(rows)) or not rows

    def missing(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return those of `keys` of which nothing is kept, each once, in the order given."""
        wanted = list(dict.fromkeys(keys))
        held: set[bytes] = set()
        for batch in _batches(wanted):
            marks = ", ".join("?" * len(batch))
            sql = f"SELECT key FROM rows WHERE key IN ({marks})"  # noqa: S608
            held |= {row[0] for row in self._rows(sql, batch)}
        return [key for key in wanted if key not in held]

    def keys(self) -> set[bytes]:
        """Return the keys of which something is kept."""
        return {row[0] for row in self._rows("SELECT key FROM rows", ())}

    def forget(self, keys: Iterable[bytes]) -> int:
        """Remove what is kept of these keys, and give the room back; return how many there were."""
        gone = [(key,) for key in dict.fromkeys(keys)]

        def remove(db: sqlite3.Connection) -> int:
            with transaction(db):
                count = db.executemany("DELETE FROM rows WHERE key = ?", gone).rowcount
            db.executescript("PRAGMA incremental_vacuum")  # `execute` would give one page back
            return count

        return self._run(remove, 0) if gone else 0

    def __len__(self) -> int:
        rows = self._rows("SELECT count(*) FROM rows", ())
        return int(rows[0][0]) if rows else 0

    @property
    def size(self) -> int:
        """Bytes on disk, those not yet written into place included."""
        total = 0
        for path in self._files():
            with contextlib.suppress(OSError):
                total += path.stat().st_size
        return total

    # ------------------------------------------------------------------------------------------------ the file

    def _files(self) -> list[Path]:
        return [self.path.with_name(self.path.name + suffix) for suffix in ("-wal", "-shm", "")]

    def _rows(self, sql: str, values: Sequence[bytes]) -> list[tuple[Any, ...]]:
        return self._run(lambda db: db.execute(sql, values).fetchall(), [])

    def _run(self, act: Callable[[sqlite3.Connection], _T], nothing: _T, *, begin: bool = False) -> _T:
        """Return what `act` returns on the file, or `nothing`; a damaged file is begun anew and `act` tried again.

        Only with `begin` is a file made where there is none.
        """
        with self._lock:
            for _ in range(2):
                try:
                    db = self._open(begin)
                    return nothing if db is None else act(db)
                except OSError:
                    return nothing
                except sqlite3.DatabaseError as error:
                    if isinstance(error, sqlite3.ProgrammingError):
                        raise
                    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in _PASSING:
                        return nothing
                    self._remove()
            return nothing

    def _open(self, begin: bool) -> sqlite3.Connection | None:
        file = _identity(self.path)
        if self._connection is not None:
            if file == self._file:
                return self._connection
            self._disconnect()  # somebody else removed it
        if self._closed or not self.writable or not (begin or file):
            return None
        if not file:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for other in self.path.parent.glob(f"*{self.path.suffix}*"):
                if not other.name.startswith(self.path.name):
                    with contextlib.suppress(OSError):
                        other.unlink()
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            _prepare(db, wal=not network_kind(self.path.parent))
        except BaseException:
            db.close()
            raise
        self._connection, self._file = db, _identity(self.path)
        return db

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _remove(self) -> None:
        """Remove a damaged file. Who has it open goes on with what is left of it, checked row by row."""
        self._disconnect()
        for path in self._files():
            with contextlib.suppress(OSError):
                path.unlink()


def _prepare(db: sqlite3.Connection, *, wal: bool) -> None:
    """Set the file up, or check that it is one of ours. On a network share a file in WAL is of no use."""
    db.text_factory = bytes  # a damaged row may claim to be text
    if not wal:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")  # before anything is read: WAL would share memory
    db.execute("PRAGMA synchronous = OFF")  # for a cache; the rows have checksums
    version = db.execute("PRAGMA user_version").fetchone()[0]
    mark = db.execute("PRAGMA application_id").fetchone()[0]
    if (mark, version) == (_APPLICATION_ID, _VERSION):
        db.execute("SELECT key, checksum, body FROM rows LIMIT 0")
        if not wal:
            _leave_wal(db)
        return
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _OtherFormatError("another program's file, or another version's")
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if wal:
        _set_wal(db)
    with transaction(db):
        db.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, checksum INTEGER, body BLOB)")
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_VERSION}")
    if not wal:
        _leave_wal(db)


def _leave_wal(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = DELETE").fetchall()
    db.execute("PRAGMA locking_mode = NORMAL").fetchall()
    db.execute("SELECT count(*) FROM sqlite_master").fetchall()  # gives the lock back


def check_cache_file(path: Path) -> str:
    """Return what is wrong with a file of this kind, read only and to its end; nothing if all its rows are good."""
    at_rest = not path.with_name(f"{path.name}-wal").exists()
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{'immutable=1' if at_rest else 'mode=ro'}", uri=True)
    except sqlite3.Error as error:
        return str(error)
    try:
        db.text_factory = bytes
        marks = tuple(db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        if marks != (_APPLICATION_ID, _VERSION):
            return "of another program or version"
        rows = db.execute("SELECT key, checksum, body FROM rows")
        bad = sum(
            not (isinstance(key, bytes) and isinstance(body, bytes) and _checksum(key, body) == checksum)
            for key, checksum, body in rows
        )
        return f"{bad} rows are damaged" if bad else ""
    except sqlite3.Error as error:
        return str(error)
    finally:
        db.close()


def _set_wal(db: sqlite3.Connection) -> None:
    """Choose the journal; SQLite does not wait of itself while another process does just that."""
    for attempt in range(200):
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == 199:
                raise
            time.sleep(0.01)


class _OtherFormatError(sqlite3.DatabaseError):
    pass


def _identity(path: Path) -> tuple[int, int] | None:
    """Return (device, inode) of a file, None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Do what a block does in one transaction, which waits for those of others."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


def _checksum(key: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(key))


def _batches(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    wanted = list(dict.fromkeys(keys))
    for start in range(0, len(wanted), _BATCH):
        yield wanted[start : start + _BATCH]
