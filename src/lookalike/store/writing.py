"""The rows that indexing writes and that go with a picture: contents, vectors, names, and the tokens of chunks.

Each runs within a transaction of its caller's.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from lookalike.errors import LibraryError
from lookalike.store.entries import Record, signed
from lookalike.store.schema import CHUNK, VECTOR_SHIFT

__all__ = ["remove_images", "renew_chunks", "write_records"]


def write_records(db: sqlite3.Connection, records: Sequence[Record], run: int, descriptor_ids: dict[str, int]) -> None:
    """Write the outcome of some source items: see `Store.write`."""
    touched: set[tuple[int, int]] = set()
    for record in records:
        content_id = _write_content(db, record)
        for fingerprint, vector in record.vectors.items():
            if content_id is None:
                continue
            descriptor_id = descriptor_ids[fingerprint]
            cursor = db.execute(
                "INSERT OR IGNORE INTO vectors (id, vector) VALUES (?, ?)",
                (descriptor_id << VECTOR_SHIFT | content_id, np.ascontiguousarray(vector).tobytes()),
            )
            if cursor.rowcount:
                touched.add((descriptor_id, content_id >> CHUNK))
        item = record.item
        db.execute(
            "INSERT INTO images (uri, state, content_id, kind, reason, size, mtime_ns, device, inode, run) "
            "VALUES (CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uri) DO UPDATE SET "
            "state = excluded.state, kind = excluded.kind, "
            # What cannot be read just now keeps its content: a server that is down costs no vector.
            "content_id = iif(excluded.kind = 'unreadable', coalesce(excluded.content_id, content_id), "
            "excluded.content_id), "
            "reason = excluded.reason, size = excluded.size, mtime_ns = excluded.mtime_ns, "
            "device = excluded.device, inode = excluded.inode, run = excluded.run, missing = 0",
            (
                os.fsencode(item.uri), record.state, content_id, record.kind, record.reason, item.size,
                signed(item.mtime_ns), signed(item.device), signed(item.inode), run,
            ),
        )  # fmt: skip
    renew_chunks(db, touched)


def _write_content(db: sqlite3.Connection, record: Record) -> int | None:
    if record.hash is None:
        return None
    content = record.content
    if content is not None:
        cursor = db.execute(
            "INSERT INTO contents (hash, bytes, kind, reason, format, width, height, frames, pixel_hash, quality) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING",
            (
                content.hash, content.size, content.kind, content.reason, content.format, content.width,
                content.height, content.frames, content.pixel_hash, content.quality,
            ),
        )  # fmt: skip
        if cursor.rowcount:
            return int(cursor.lastrowid or 0)
    row = db.execute("SELECT id FROM contents WHERE hash = ?", (record.hash,)).fetchone()
    if row is None:
        raise LibraryError("a record names a content that is neither known nor given")
    if content is not None:
        db.execute(
            "UPDATE contents SET kind = ?, reason = ?, format = ?, width = ?, height = ?, frames = ?, "
            "pixel_hash = coalesce(?, pixel_hash), quality = coalesce(?, quality) WHERE id = ?",
            (
                content.kind, content.reason, content.format, content.width, content.height, content.frames,
                content.pixel_hash, content.quality, row[0],
            ),
        )  # fmt: skip
    return int(row[0])


def remove_images(db: sqlite3.Connection, image_ids: Sequence[int]) -> None:
    """Delete pictures, and the contents and vectors that no picture has any more: see `Store.remove`."""
    db.executemany("DELETE FROM images WHERE id = ?", [(id_,) for id_ in image_ids])
    orphans = [
        row[0]
        for row in db.execute(
            "SELECT id FROM contents WHERE NOT EXISTS (SELECT 1 FROM images WHERE content_id = contents.id)"
        )
    ]
    touched = set()
    for (descriptor_id,) in db.execute("SELECT id FROM descriptors").fetchall():
        for content in orphans:
            key = descriptor_id << VECTOR_SHIFT | content
            if db.execute("DELETE FROM vectors WHERE id = ?", (key,)).rowcount:
                touched.add((descriptor_id, content >> CHUNK))
    db.executemany("DELETE FROM contents WHERE id = ?", [(content,) for content in orphans])
    renew_chunks(db, touched)


def renew_chunks(db: sqlite3.Connection, touched: Iterable[tuple[int, int]]) -> None:
    """Give chunks, (descriptor id, number) each, other tokens: what is cached of them is void."""
    # A token is random, not a counter: a library put back from a backup must not meet the cache of another past.
    db.executemany(
        "INSERT INTO chunks (descriptor_id, chunk, token) VALUES (?, ?, ?) "
        "ON CONFLICT (descriptor_id, chunk) DO UPDATE SET token = excluded.token",
        [(descriptor, chunk, secrets.randbits(62)) for descriptor, chunk in sorted(touched)],
    )
