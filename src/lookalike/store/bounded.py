"""A cache of bytes by key that does not outgrow a size: what was not used for longest goes first."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from lookalike.store.cachefile import CacheFile, transaction

__all__ = ["BoundedCache"]

_NOTED = 64  # uses that are remembered before they are written down, all at once
_LOOKS = 32  # times that the size is looked at while the file fills up once
_LEFT = 0.9  # of the size is left when some had to go, so that it does not happen at every writing
_PART = 100  # one of so many parts of the rows goes at a time


class BoundedCache(CacheFile):
    """A `CacheFile` of a limited size. Safe for threads and for several processes, which count each other's uses.

    Parameters
    ----------
    folder, fingerprint, kind, writable
        As of `CacheFile`.
    most
        Bytes that the file may have, give or take a thirtieth, and a few hundred kilobytes while it is written to.
    """

    def __init__(self, folder: Path, fingerprint: str, kind: str, most: int, *, writable: bool = True) -> None:
        super().__init__(folder, fingerprint, kind, writable=writable and most > 0)
        self._most = most
        self._noted: dict[bytes, int] = {}
        self._fresh = most  # bytes that were kept since the size was looked at: at first it is not known

    def close(self) -> None:
        """See `CacheFile.close`."""
        self._note({}, at_once=True)
        super().close()

    def read(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """See `CacheFile.read`."""
        found = super().read(keys)
        self._note(found)
        return found

    def write(self, kept: Mapping[bytes, bytes]) -> bool:
        """See `CacheFile.write`."""
        done = super().write(kept)
        if done:
            self._note(kept)
            with self._lock:
                self._fresh += sum(map(len, kept.values()))
                due = self._fresh >= self._most // _LOOKS
                self._fresh = 0 if due else self._fresh
            if due:
                self.trim()
        return done

    def trim(self) -> int:
        """Remove what was not used for longest, if there is too much; return how many rows went."""
        self._note({}, at_once=True)
        return self._run(self._trimmed, 0)

    def _note(self, used: Iterable[bytes], *, at_once: bool = False) -> None:
        now = time.time_ns()
        with self._lock:
            self._noted.update(dict.fromkeys(used, now))
            if not self._noted or not (at_once or len(self._noted) >= _NOTED):
                return
            noted, self._noted = self._noted, {}

        def write(db: sqlite3.Connection) -> None:
            with transaction(db):
                _write_down(db, noted)

        self._run(write, None)

    def _trimmed(self, db: sqlite3.Connection) -> int:
        gone = 0
        with transaction(db):
            if _used(db) <= self._most:
                return 0
            _write_down(db, {})
            db.execute("DELETE FROM uses WHERE key NOT IN (SELECT key FROM rows)")
            # What was kept before uses were counted is the oldest.
            sql = "SELECT key FROM rows LEFT JOIN uses USING (key) ORDER BY coalesce(uses.moment, 0)"
            keys = db.execute(sql).fetchall()
            step = max(len(keys) // _PART, 1)
            while gone < len(keys) and _used(db) > _LEFT * self._most:
                batch = keys[gone : gone + step]
                db.executemany("DELETE FROM rows WHERE key = ?", batch)
                db.executemany("DELETE FROM uses WHERE key = ?", batch)
                gone += len(batch)
        db.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(PASSIVE)")
        return gone


def _write_down(db: sqlite3.Connection, noted: Mapping[bytes, int]) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS uses (key BLOB PRIMARY KEY, moment INTEGER) WITHOUT ROWID")
    db.executemany(
        "INSERT INTO uses (key, moment) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET "
        "moment = max(moment, excluded.moment)",
        noted.items(),
    )  # fmt: skip


def _used(db: sqlite3.Connection) -> int:
    """Return the bytes of the pages that hold anything."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)
