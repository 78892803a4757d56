"""An open SQLite file: its format, its transactions, its errors in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lookalike.errors import LibraryError, LibraryFormatError, LibraryLockedError, LibraryNotFoundError
from lookalike.store.backup import copy_database
from lookalike.store.disk import network_kind
from lookalike.store.journaling import share_safely, use_wal
from lookalike.store.lock import writer_lock
from lookalike.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

__all__ = ["Database"]

DATABASE = "library.db"
MIGRATION_SECONDS = 10.0  # how long to wait for another process that makes or renews the tables


class Database:
    """library.db in a folder. One connection, shared by threads behind a lock.

    Parameters
    ----------
    folder
        NAME.lookalike.
    create
        Make it if it is not there.

    Raises
    ------
    LibraryNotFoundError
        If it is not there and `create` is False.
    LibraryFormatError
        If the file is no library or was made by a newer version.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        path = folder / DATABASE
        if folder.exists() and not folder.is_dir():
            raise LibraryFormatError(f"{folder} is a file, and a library is a folder: choose another --library")
        if not path.is_file():
            if not create:
                raise LibraryNotFoundError(
                    f"there is no library at {folder}: make one with `lookalike index PATH --library {folder}`"
                )
            self._create_folder()
        self._trouble = ""
        self.network = network_kind(folder)
        self.writable = os.access(folder, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
        self._connection = self._connect(path)
        try:
            try:
                self._prepare(path)
            except LibraryError as error:
                if not self._is_readable(path, error):
                    raise
                # On a full disk SQLite cannot make its -shm file; what is there can be read nevertheless.
                self._connection.close()
                self._trouble, self.writable = str(error.__cause__), False
                self._connection = self._connect(path)
                self._prepare(path)
        except BaseException:
            self._connection.close()
            raise

    def _is_readable(self, path: Path, error: LibraryError) -> bool:
        """Say whether a library that could not be opened for writing may be read as it lies."""
        code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
        full = code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
        return self.writable and full and path.is_file() and path.stat().st_size > 0

    def _create_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"cannot make a library at {self.folder}: {error.strerror or error}") from error

    def _connect(self, path: Path) -> sqlite3.Connection:
        # Without write permission SQLite cannot make its -shm file; a library at rest is then read as it lies.
        at_rest = _at_rest(path)
        if self.network and not self.writable and not at_rest:
            raise LibraryError(
                f"{self.folder} lies on a network share ({self.network}), cannot be written to, and was not closed: "
                "open it once where it can be written to"
            )
        alone = bool(self._trouble) and not at_rest
        uri = path.absolute().as_uri() + ("" if self.writable or alone else "?immutable=1" if at_rest else "?mode=ro")
        try:
            db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        except sqlite3.Error as error:
            raise LibraryError(f"cannot open {path}: {error}") from error
        if alone:  # what waits in the journal is then found by an index in this process's memory
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.text_factory = os.fsdecode  # names that are not UTF-8 come back as they are on disk
        return db

    def _prepare(self, path: Path) -> None:
        with _format_errors(path):
            self._connection.execute("PRAGMA foreign_keys = ON")
            if self.writable:
                self._connection.execute("PRAGMA page_size = 8192")
                if self.network:
                    share_safely(self._connection, self.folder, self.network)
            version = self._version()
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            mark = self._connection.execute("PRAGMA application_id").fetchone()[0]
            if tables and mark != APPLICATION_ID:
                raise LibraryFormatError(f"{path} is an SQLite file, but not of Lookalike: choose another --library")
            if version > VERSION:
                raise LibraryFormatError(
                    f"{path} has format {version}, this version reads up to {VERSION}: update Lookalike"
                )
            if self.writable:
                self._connection.execute("PRAGMA synchronous = FULL")
                self._migrate()
                if not self.network:
                    with contextlib.suppress(LibraryLockedError):
                        use_wal(self._connection, self.writing)
            elif version < VERSION:
                raise LibraryFormatError(f"{path} has the old format {version} and cannot be written to: allow that")

    def _migrate(self) -> None:
        """Make or renew the tables. Of several processes that open a new library at once, one does; the others wait.

        What an older version made is copied beforehand, to ``library-format-N.db`` beside it.
        """
        deadline = time.monotonic() + MIGRATION_SECONDS
        while self._version() < VERSION:
            try:
                with self.writing():
                    old = self._version()
                    if 0 < old < VERSION:
                        path = self.folder / f"library-format-{old}.db"
                        copy_database(
                            self._connection,
                            path,
                            f"the library {self.folder} has the old format {old}, and to renew it",
                        )
                    if not self.network:
                        self._connection.execute("PRAGMA journal_mode = WAL")
                    with self.transaction() as db:
                        for script in MIGRATIONS[self._version() :]:
                            for statement in script.split(";"):
                                db.execute(statement)
                        db.execute(f"PRAGMA user_version = {VERSION}")
                        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            except LibraryLockedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection; the object is of no use afterwards."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writer lock: see `writer_lock`."""
        if self._trouble:
            raise LibraryError(
                f"cannot write to {self.folder}: {self._trouble}; free some space and run the command again"
            )
        if not self.writable:
            raise LibraryError(
                f"{self.folder} cannot be written to: change its permissions or choose another --library"
            )
        with writer_lock(self.folder):
            yield

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block as one fsynced transaction: all of it or nothing."""
        with self._lock:
            try:
                try:
                    self._connection.execute("BEGIN IMMEDIATE")
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _explain(error, self.folder) from error

    @property
    def state(self) -> tuple[int, int]:
        """Numbers of which one differs after any change, by whichever process; of this connection only."""
        with self._lock:
            return self._connection.execute("PRAGMA data_version").fetchone()[0], self._connection.total_changes

    def copy(self, path: Path, why: str) -> Path:
        """Copy it into one file: see `copy_database`."""
        with self._lock:
            return copy_database(self._connection, path, why)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise _explain(error, self.folder) from error
            except (OverflowError, UnicodeDecodeError) as error:  # by a number or a name that damage has made
                raise _explain(sqlite3.DatabaseError(f"malformed: {error}"), self.folder) from error


def _at_rest(path: Path) -> bool:
    """Say whether nothing waits in SQLite's journal to be written into place."""
    try:
        return not path.with_name(f"{DATABASE}-wal").stat().st_size
    except OSError:
        return True


def _explain(error: sqlite3.Error, folder: Path) -> LibraryError:
    words = str(error).rstrip(".")
    if "disk is full" in words or "disk I/O" in words:
        return LibraryError(f"cannot write to {folder}: {words}; free some space and run the command again")
    if "readonly" in words:
        return LibraryError(f"{folder} cannot be written to: change its permissions or choose another --library")
    if "malformed" in words or "not a database" in words:
        return LibraryFormatError(f"{folder / DATABASE} is damaged: {words}; index the pictures into a new library")
    return LibraryError(f"the library at {folder} does not answer: {words}")


@contextlib.contextmanager
def _format_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite names what it does not understand, whatever bytes that has
        raise LibraryFormatError(f"{path} is not a library of Lookalike, or it is damaged: {error}") from error
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise LibraryFormatError(f"{path} is not a library of Lookalike, or it is damaged: {error}") from error
        raise LibraryError(f"cannot open {path}: {error}") from error
