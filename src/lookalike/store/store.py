"""The durable catalogue: what is indexed, and the vectors. No SQL leaves this room."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import LibraryFormatError
from lookalike.store.counting import Counting
from lookalike.store.database import Database
from lookalike.store.decisions import DecisionTable
from lookalike.store.entries import Content, Image, Known, Record
from lookalike.store.mending import Mending
from lookalike.store.scaler import Scaler
from lookalike.store.schema import CHUNK, VECTOR_SHIFT, VERSION
from lookalike.store.writing import remove_images, write_records
from lookalike.types import DescriptorSpec, Uri, Vectors

__all__ = ["Store"]

_BATCH = 500  # values in one IN (...) list


class Store:
    """An open library.db. Safe to use from several threads; one writer among all processes.

    Parameters
    ----------
    folder
        The library's folder, NAME.lookalike.
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
        self._db = Database(folder, create=create)
        self.decisions = DecisionTable(self._db)
        self._counting = Counting(self._db, folder)

    def close(self) -> None:
        """Close the connection; the object is of no use afterwards."""
        self._db.close()

    @property
    def writable(self) -> bool:
        """Whether its files can be written to."""
        return self._db.writable

    @property
    def version(self) -> int:
        """Number of the storage format."""
        return VERSION

    @property
    def state(self) -> tuple[int, int]:
        """Numbers of which one differs after any change, by whichever process; of this open store only."""
        return self._db.state

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Hold the writer lock while a block runs: see `writer_lock`."""
        return self._db.writing()

    @property
    def mending(self) -> Mending:
        """What mends its database: see `lookalike.store.mending`."""
        return Mending(self._db)

    def own_files(self) -> set[tuple[int, int]]:
        """(device, inode) of the files that no scanner may open: that would drop SQLite's POSIX locks."""
        found = set()
        for path in self.folder.glob("*"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.add((stat.st_dev, stat.st_ino))
        return found

    # ------------------------------------------------------------------------------------------------ indexing

    def start_run(self, roots: Iterable[Uri]) -> int:
        """Note the folders that are being indexed; return the number of this run."""
        with self._db.transaction() as db:
            for uri in roots:
                db.execute(
                    "INSERT OR IGNORE INTO roots (uri, added_at) VALUES (CAST(? AS TEXT), ?)",
                    (os.fsencode(uri), time.time()),
                )
            return int(db.execute("INSERT INTO runs (started_at) VALUES (?)", (time.time(),)).lastrowid or 0)

    def ensure_descriptor(self, spec: DescriptorSpec) -> int:
        """Return the id of `spec` in this library, entering it if it is new."""
        with self._db.transaction() as db:
            row = db.execute("SELECT id FROM descriptors WHERE fingerprint = ?", (spec.fingerprint,)).fetchone()
            if row:
                return int(row[0])
            text = json.dumps(dataclasses.asdict(spec))
            cursor = db.execute(
                "INSERT INTO descriptors (name, fingerprint, spec) VALUES (?, ?, ?)",
                (spec.name, spec.fingerprint, text),
            )
            return int(cursor.lastrowid or 0)

    def known(self, uris: Sequence[Uri]) -> dict[Uri, Known]:
        """Return what is known of each URI that is known at all."""
        found = {}
        for batch in _batches([os.fsencode(uri) for uri in uris]):
            marks = ", ".join(["CAST(? AS TEXT)"] * len(batch))
            for uri, *values in self._db.rows(
                f"SELECT uri, id, content_id, state, kind, size, mtime_ns, device, inode FROM images "
                f"WHERE uri IN ({marks})",
                batch,
            ):
                found[uri] = Known(*values)
        return found

    def content_of_hash(self, digest: bytes) -> Content | None:
        """Return the content with this SHA-256, if it is known."""
        return self.contents_of_hashes([digest]).get(digest)

    def contents_of_hashes(self, digests: Sequence[bytes]) -> dict[bytes, Content]:
        """Return those of the contents with these SHA-256 that are known."""
        found = {}
        for batch in _batches(digests):
            marks = ", ".join("?" * len(batch))
            for row in self._db.rows(f"SELECT {_CONTENT} FROM contents WHERE hash IN ({marks})", batch):
                content = Content(*row)
                found[content.hash] = content
        return found

    def contents_with_vectors(self, descriptor_id: int, content_ids: Sequence[int]) -> set[int]:
        """Return those of `content_ids` that have a vector of this descriptor."""
        base, found = descriptor_id << VECTOR_SHIFT, set()
        for batch in _batches([base | content for content in content_ids]):
            rows = self._db.rows(f"SELECT id FROM vectors WHERE id IN ({', '.join('?' * len(batch))})", batch)
            found |= {row[0] - base for row in rows}
        return found

    def mark_seen(self, image_ids: Sequence[int], run: int) -> None:
        """Note that unchanged pictures are still there."""
        with self._db.transaction() as db:
            db.executemany("UPDATE images SET run = ?, missing = 0 WHERE id = ?", [(run, id_) for id_ in image_ids])

    def write(self, records: Sequence[Record], run: int, descriptor_ids: dict[str, int]) -> None:
        """Write the outcome of some source items in one fsynced transaction, in the order given.

        Parameters
        ----------
        records
            Each with its vectors by descriptor fingerprint, in storage type.
        descriptor_ids
            Id of each fingerprint: see `ensure_descriptor`.
        run
            The number that `start_run` gave.
        """
        with self._db.transaction() as db:
            write_records(db, records, run, descriptor_ids)

    def unseen(self, root: Uri, run: int) -> tuple[list[tuple[int, Uri]], int]:
        """Return (id, uri) of `root` and all under it, if not seen in this run, and the number of rows that were."""
        inside = "FROM images WHERE (uri = CAST(? AS TEXT) OR uri >= CAST(? AS TEXT) AND uri < CAST(? AS TEXT))"
        values = (os.fsencode(root), *_under(root), run)
        unseen = self._db.rows(f"SELECT id, uri {inside} AND run < ? AND NOT missing ORDER BY uri", values)
        return unseen, int(self._db.rows(f"SELECT count(*) {inside} AND run = ?", values)[0][0])

    def set_missing(self, image_ids: Sequence[int], *, missing: bool = True) -> None:
        """Mark pictures whose files are gone. They stay, unseen by searches, until they come back or are removed."""
        with self._db.transaction() as db:
            db.executemany("UPDATE images SET missing = ? WHERE id = ?", [(missing, id_) for id_ in image_ids])

    def remove(self, image_ids: Sequence[int]) -> None:
        """Remove pictures from the catalogue, and the contents and vectors that no picture has any more.

        Files are never touched.
        """
        with self._db.transaction() as db:
            remove_images(db, image_ids)

    def set_pixel_hashes(self, hashes: dict[int, bytes]) -> None:
        """Keep pixel hashes that were worked out after indexing, by content id."""
        with self._db.transaction() as db:
            db.executemany("UPDATE contents SET pixel_hash = ? WHERE id = ?", [(h, c) for c, h in hashes.items()])

    # ------------------------------------------------------------------------------------------------ reading

    def history(self) -> str:
        """Return a name for all that has happened up to the last run: "RUN-TIME", usable in a file's name."""
        rows = self._db.rows("SELECT id, started_at FROM runs ORDER BY id DESC LIMIT 1")
        return f"{rows[0][0]}-{rows[0][1]:.6f}" if rows else "0-0"

    def continues(self, history: str) -> bool:
        """Say whether what `history` named is part of this library's past: not so after a backup was put back."""
        run, _, moment = history.partition("-")
        rows = self._db.rows("SELECT started_at FROM runs WHERE id = ?", (int(run) if run.isdecimal() else -1,))
        return bool(rows) and f"{rows[0][0]:.6f}" == moment

    def descriptors(self) -> dict[int, DescriptorSpec]:
        """Return the descriptors that this library has or had vectors of, by id."""
        rows = self._db.rows("SELECT id, spec FROM descriptors ORDER BY id")
        try:
            return {id_: DescriptorSpec(**json.loads(spec)) for id_, spec in rows}
        except (ValueError, TypeError, RecursionError) as error:
            raise LibraryFormatError(
                f"{self.folder} is damaged: what it says of its descriptors is none ({error}); put a copy back, or "
                "index the pictures into a new library"
            ) from error

    def vector_counts(self) -> dict[int, int]:
        """Return the number of vectors of each descriptor id. Quick where they are cached or were counted before."""
        specs = self.descriptors()  # once: another process may enter one meanwhile
        return self._counting.vectors(specs, {id_: self.chunk_tokens(id_) for id_ in specs})

    def vector_counts_by_fingerprint(self) -> dict[str, int]:
        """Return the number of vectors of each descriptor, by its fingerprint."""
        counts = self.vector_counts()
        return {spec.fingerprint: counts.get(id_, 0) for id_, spec in self.descriptors().items()}

    def chunk_tokens(self, descriptor_id: int) -> dict[int, int]:
        """Return the token of each chunk of a descriptor's vectors: it changes whenever the chunk does."""
        return dict(
            self._db.rows("SELECT chunk, token FROM chunks WHERE descriptor_id = ? ORDER BY chunk", (descriptor_id,))
        )

    def setting(self, name: str) -> Any:
        """Return what was set, as JSON holds it; None if nothing was."""
        rows = self._db.rows("SELECT value FROM settings WHERE name = ?", (name,))
        return json.loads(rows[0][0]) if rows else None

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a value that JSON can hold, in place of the one before; None forgets it."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM settings WHERE name = ?", (name,))
            if value is not None:
                db.execute("INSERT INTO settings (name, value) VALUES (?, ?)", (name, json.dumps(value)))

    def scaler(self, descriptor_id: int) -> Scaler | None:
        """Return the scaler of a descriptor's vectors, if one was kept: see `lookalike.store.scaling`."""
        sql = "SELECT vectors, state, mean, deviation FROM scalers WHERE descriptor_id = ?"
        for vectors, state, mean, deviation in self._db.rows(sql, (descriptor_id,)):
            return Scaler(np.frombuffer(mean, np.float64), np.frombuffer(deviation, np.float64), vectors, state)
        return None

    def set_scaler(self, descriptor_id: int, scaler: Scaler) -> None:
        """Keep the scaler of a descriptor's vectors in place of the last one."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO scalers (descriptor_id, vectors, state, mean, deviation) "
                "VALUES (?, ?, ?, ?, ?)",
                (descriptor_id, scaler.vectors, scaler.state, scaler.mean.tobytes(), scaler.deviation.tobytes()),
            )

    def read_chunk(self, descriptor_id: int, chunk: int, spec: DescriptorSpec) -> tuple[NDArray[np.int64], Vectors]:
        """Return the content ids (n,) and the vectors (n, spec.width), in storage type, of one chunk."""
        base = descriptor_id << VECTOR_SHIFT
        low = base | chunk << CHUNK
        rows = self._db.rows(
            "SELECT id, vector FROM vectors WHERE id >= ? AND id < ? ORDER BY id", (low, low + (1 << CHUNK))
        )
        keys = np.array([row[0] for row in rows], np.int64) - base
        vectors = np.frombuffer(b"".join(row[1] for row in rows), spec.storage).reshape(len(rows), spec.width)
        return keys, vectors

    def vectors(self, descriptor_id: int, content_ids: Sequence[int], spec: DescriptorSpec) -> dict[int, Vectors]:
        """Return the vector of each content that has one, in storage type."""
        base, found = descriptor_id << VECTOR_SHIFT, {}
        for batch in _batches([base | content for content in content_ids]):
            for key, vector in self._db.rows(
                f"SELECT id, vector FROM vectors WHERE id IN ({', '.join('?' * len(batch))})", batch
            ):
                found[key - base] = np.frombuffer(vector, spec.storage)
        return found

    def images_of(self, content_ids: Sequence[int]) -> dict[int, list[Image]]:
        """Return the pictures, not missing, of each content, in the order of their names."""
        found: dict[int, list[Image]] = {}
        for batch in _batches(list(content_ids)):
            sql = (
                f"SELECT {_IMAGE} FROM images WHERE content_id IN ({', '.join('?' * len(batch))}) "
                "AND state = 'ok' AND NOT missing ORDER BY uri"
            )
            for row in self._db.rows(sql, batch):
                found.setdefault(row[2], []).append(Image(*row))
        return found

    def images_by_id(self, image_ids: Sequence[int]) -> dict[int, Image]:
        """Return the pictures, not missing, that have these ids."""
        found: dict[int, Image] = {}
        for batch in _batches(list(image_ids)):
            sql = (
                f"SELECT {_IMAGE} FROM images WHERE id IN ({', '.join('?' * len(batch))}) "
                "AND state = 'ok' AND NOT missing"
            )
            found |= {row[0]: Image(*row) for row in self._db.rows(sql, batch)}
        return found

    def sample(self, count: int, seed: int) -> list[Image]:
        """Return at most `count` pictures, not missing, by lot: the same ones for the same seed.

        Quick in a library of any size. Where most rows are gone there may be fewer than asked for.
        """
        lot = random.Random(seed)  # noqa: S311 - no secret
        top = self._db.rows("SELECT coalesce(max(id), 0) FROM images")[0][0]
        drawn = lot.sample(range(1, top + 1), min(top, 8 * count))
        found = self.images_by_id(drawn)
        return [found[id_] for id_ in drawn if id_ in found][:count]

    def images(self, under: Sequence[Uri] = ()) -> Iterator[Image]:
        """Yield the pictures, not missing, in the order of their names; only those at or under `under`, if given."""
        ranges: list[tuple[bytes, bytes | None]] = [_under(uri) for uri in under] or [(b"", None)]
        for low, high in ranges:
            last, inclusive = low, True
            while True:
                sql = (
                    f"SELECT {_IMAGE} FROM images WHERE uri {'>=' if inclusive else '>'} CAST(? AS TEXT) "
                    f"AND (? IS NULL OR uri < CAST(? AS TEXT)) AND state = 'ok' AND NOT missing "
                    f"ORDER BY uri LIMIT 10000"
                )
                rows = self._db.rows(sql, (last, high, high))
                for row in rows:
                    yield Image(*row)
                if len(rows) < 10000:
                    break
                last, inclusive = os.fsencode(rows[-1][1]), False
        for uri in under:  # a file named itself
            for row in self._db.rows(
                f"SELECT {_IMAGE} FROM images WHERE uri = CAST(? AS TEXT) AND state = 'ok' AND NOT missing",
                (os.fsencode(uri),),
            ):
                yield Image(*row)

    def holds(self, uri: Uri) -> bool:
        """Say whether any picture, not missing, is at or under a name."""
        sql = (
            "SELECT 1 FROM images WHERE (uri = CAST(? AS TEXT) OR uri >= CAST(? AS TEXT) AND uri < CAST(? AS TEXT)) "
            "AND state = 'ok' AND NOT missing LIMIT 1"
        )
        return bool(self._db.rows(sql, (os.fsencode(uri), *_under(uri))))

    def contents(self, content_ids: Sequence[int]) -> dict[int, Content]:
        """Return what is known of each content."""
        found = {}
        for batch in _batches(list(content_ids)):
            sql = f"SELECT {_CONTENT} FROM contents WHERE id IN ({', '.join('?' * len(batch))})"
            for row in self._db.rows(sql, batch):
                found[row[0]] = Content(*row)
        return found

    def problems(self) -> Iterator[tuple[Uri, str, str, str]]:
        """Yield (uri, state, kind, reason) of all that failed or was skipped, in the order of their names."""
        # Left alone, SQLite would go through all pictures in the order of their names.
        yield from self._db.rows(
            "SELECT uri, state, coalesce(kind, ''), coalesce(reason, '') FROM images INDEXED BY images_not_ok "
            "WHERE state <> 'ok' AND NOT missing ORDER BY uri"
        )

    def never_read(self) -> list[Uri]:
        """Return what failed without its bytes ever having been read."""
        sql = "SELECT uri FROM images WHERE state = 'failed' AND content_id IS NULL ORDER BY uri"
        return [row[0] for row in self._db.rows(sql)]

    def entries(self) -> list[tuple[int, Uri]]:
        """Return (id, uri) of every row, whatever its state."""
        return self._db.rows("SELECT id, uri FROM images ORDER BY uri")

    def roots(self) -> list[Uri]:
        """Return the folders and files that were indexed by name, in order."""
        return [row[0] for row in self._db.rows("SELECT uri FROM roots ORDER BY uri")]

    def counts(self) -> dict[str, int]:
        """Return the number of rows ok, failed, skipped and missing, of contents, and the bytes of all ok files."""
        return dict(self._counting.rows())

    def folders(self) -> dict[Uri, tuple[int, int]]:
        """Return (pictures, bytes) of the folders that pictures, not missing, lie in; URLs by their host."""
        return dict(self._counting.folders())


_CONTENT = "id, hash, bytes, kind, reason, format, width, height, frames, pixel_hash, quality"
_IMAGE = "id, uri, content_id, size, mtime_ns, device, inode"


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _under(root: Uri) -> tuple[bytes, bytes]:
    """Return the range of names inside a folder: from its separator up to, not including, the next byte."""
    separators = os.sep + (os.altsep or "")  # elsewhere than on Windows a backslash is part of a name
    prefix = os.fsencode(root.rstrip(separators) + os.sep)
    return prefix, prefix[:-1] + bytes([prefix[-1] + 1])
