"""Local features and small pictures of contents, kept so that verifying a pair reads no original file.

A cache: one SQLite file, ``cache/FINGERPRINT.local``, keyed by the SHA-256 of a content, so that nothing in it is ever
out of date. Each row has a CRC-32 of its own that is checked on reading. What SQLite calls damaged is removed and begun
anew; what cannot be written is not kept. Losing any of it costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from lookalike.types import LocalFeatures, RGBImage

__all__ = ["Kept", "LocalCache", "as_kept"]

Kept: TypeAlias = tuple[LocalFeatures, RGBImage]
"""The local features of a content and the picture, (height, width, 3) uint8, in which they were found."""

_T = TypeVar("_T")

QUALITY = 92  # of the JPEG without chroma subsampling: 46 dB, 23 kB, .9 ms there and back; WebP 17 kB, 9 ms

_APPLICATION_ID, _VERSION = 0x4C4B4C46, 1
_HEADER = struct.Struct("<IIII")  # width, height, points, bytes of the compressed rows
_BATCH = 200  # rows of one query: about 12 MB
_PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
}  # fmt: skip
"""What says nothing about the file: the row is then not kept, or not found."""


class LocalCache:
    """Local features and working pictures by content hash. Safe for threads, many readers and several writers.

    Parameters
    ----------
    folder
        The library's, NAME.lookalike.
    fingerprint
        Of what makes the features, such as `lookalike.descriptors.local.FINGERPRINT`: another one, another file; the
        files of others are removed when one is begun.
    writable
        False keeps and finds nothing, as does a folder that cannot be written to.
    """

    def __init__(self, folder: Path, fingerprint: str, *, writable: bool = True) -> None:
        self.path = folder / "cache" / f"{fingerprint}.local"
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

    def get_many(self, hashes: Iterable[bytes]) -> dict[bytes, Kept]:
        """Return what is kept of each content, of which anything is.

        Parameters
        ----------
        hashes
            SHA-256 of contents. Ask for some hundreds at a time: each takes about 300 kB of memory.

        Returns
        -------
        dict
            The features exactly as they were put, the picture as JPEG leaves it; all arrays are the caller's own. A
            row that turns out to be damaged is not among them and is forgotten.
        """
        found: dict[bytes, Kept] = {}
        damaged: list[bytes] = []
        for batch in _batches(hashes):
            marks = ", ".join("?" * len(batch))
            sql = f"SELECT hash, checksum, body FROM pictures WHERE hash IN ({marks})"  # noqa: S608
            for digest, checksum, body in self._rows(sql, batch):
                kept = _unpack(digest, checksum, body)
                if kept is None:
                    damaged.append(digest)
                else:
                    found[digest] = kept
        if damaged:
            self.forget([digest for digest in damaged if isinstance(digest, bytes)])
        return found

    def put_many(self, kept: Mapping[bytes, Kept]) -> bool:
        """Keep features and pictures by content hash, all of them in one transaction, in place of any before.

        Returns
        -------
        bool
            False if they could not be kept: a full disk, a folder that cannot be written to, a writer that holds on.
        """
        rows = [(digest, *_pack(digest, features, picture)) for digest, (features, picture) in kept.items()]

        def write(db: sqlite3.Connection) -> bool:
            with _transaction(db):
                db.executemany("INSERT OR REPLACE INTO pictures (hash, checksum, body) VALUES (?, ?, ?)", rows)
            return True

        return self._run(write, False, begin=bool(rows)) or not rows

    def missing(self, hashes: Iterable[bytes]) -> list[bytes]:
        """Return those of `hashes` of which nothing is kept, each once, in the order given."""
        wanted = list(dict.fromkeys(hashes))
        held: set[bytes] = set()
        for batch in _batches(wanted):
            marks = ", ".join("?" * len(batch))
            sql = f"SELECT hash FROM pictures WHERE hash IN ({marks})"  # noqa: S608
            held |= {row[0] for row in self._rows(sql, batch)}
        return [digest for digest in wanted if digest not in held]

    def hashes(self) -> set[bytes]:
        """Return the content hashes of which something is kept."""
        return {row[0] for row in self._rows("SELECT hash FROM pictures", ())}

    def forget(self, hashes: Iterable[bytes]) -> int:
        """Remove what is kept of these contents, and give the room back; return how many there were."""
        gone = [(digest,) for digest in dict.fromkeys(hashes)]

        def remove(db: sqlite3.Connection) -> int:
            with _transaction(db):
                count = db.executemany("DELETE FROM pictures WHERE hash = ?", gone).rowcount
            db.executescript("PRAGMA incremental_vacuum")  # `execute` would give one page back
            return count

        return self._run(remove, 0) if gone else 0

    def __len__(self) -> int:
        rows = self._rows("SELECT count(*) FROM pictures", ())
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

    def _rows(self, sql: str, values: Sequence[bytes]) -> list[tuple[bytes, ...]]:
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
            for other in self.path.parent.glob("*.local*"):
                if not other.name.startswith(self.path.name):
                    with contextlib.suppress(OSError):
                        other.unlink()
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            _prepare(db)
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


def as_kept(features: LocalFeatures, picture: RGBImage) -> Kept:
    """Return what `LocalCache.get_many` will give back of these, so that the answer is one whether it serves or not."""
    return features, _decoded(_encoded(picture))


def _prepare(db: sqlite3.Connection) -> None:
    """Set the file up, or check that it is one of ours."""
    db.text_factory = bytes  # a damaged row may claim to be text
    db.execute("PRAGMA synchronous = OFF")  # for a cache; the rows have checksums
    version = db.execute("PRAGMA user_version").fetchone()[0]
    mark = db.execute("PRAGMA application_id").fetchone()[0]
    if (mark, version) == (_APPLICATION_ID, _VERSION):
        db.execute("SELECT hash, checksum, body FROM pictures LIMIT 0")
        return
    if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _OtherFormatError("another program's file, or another version's")
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _set_wal(db)
    with _transaction(db):
        db.execute("CREATE TABLE IF NOT EXISTS pictures (hash BLOB PRIMARY KEY, checksum INTEGER, body BLOB)")
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {_VERSION}")


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
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


def _pack(digest: bytes, features: LocalFeatures, picture: RGBImage) -> tuple[int, bytes]:
    """Return (CRC-32 of the hash and the body, the body)."""
    # Such numbers repeat nothing: Huffman codes alone are as short as what deflate makes of them, in half the time.
    coder = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    rows = coder.compress(np.ascontiguousarray(features.rows).tobytes()) + coder.flush()
    header = _HEADER.pack(features.width, features.height, len(features.points), len(rows))
    body = header + features.points.astype("<f4").tobytes() + rows + _encoded(picture)
    return zlib.crc32(body, zlib.crc32(digest)), body


def _unpack(digest: object, checksum: object, body: object) -> Kept | None:
    """Return what was packed, or None if it is not that any more."""
    if not isinstance(digest, bytes) or not isinstance(body, bytes):
        return None
    if zlib.crc32(body, zlib.crc32(digest)) != checksum:
        return None
    width, height, count, length = _HEADER.unpack_from(body)
    start = _HEADER.size + 16 * count
    points = np.frombuffer(body, "<f4", 4 * count, _HEADER.size).astype(np.float32).reshape(count, 4)
    rows = np.frombuffer(zlib.decompress(body[start : start + length], -15), np.uint8).reshape(count, 128).copy()
    return LocalFeatures(points, rows, width, height), _decoded(body[start + length :])


def _encoded(picture: RGBImage) -> bytes:
    import simplejpeg

    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(picture), quality=QUALITY, colorspace="RGB", colorsubsampling="444", fastdct=False
    )
    return data


def _decoded(data: bytes) -> RGBImage:
    import simplejpeg

    picture: RGBImage = simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False)
    return picture


def _batches(hashes: Iterable[bytes]) -> Iterator[list[bytes]]:
    wanted = list(dict.fromkeys(hashes))
    for start in range(0, len(wanted), _BATCH):
        yield wanted[start : start + _BATCH]
