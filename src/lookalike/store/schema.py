"""Tables of a library, as numbered migrations. docs/reference/storage-format.md explains them."""

from __future__ import annotations

__all__ = ["APPLICATION_ID", "CHUNK", "MIGRATIONS", "VECTOR_SHIFT", "VERSION"]

APPLICATION_ID = 0x4C4B4C4B  # "LKLK", seen by file(1) and by us before anything else is believed

VECTOR_SHIFT = 40
"""A vector's row id is ``descriptor_id << VECTOR_SHIFT | content_id``: the vectors of one descriptor lie together, in
the order of their contents, and need no further index."""

CHUNK = 14
"""Vectors are cached in chunks of 2 ** CHUNK content ids."""

MIGRATIONS = (
    """
    CREATE TABLE roots (
        id INTEGER PRIMARY KEY,
        uri TEXT NOT NULL UNIQUE,
        added_at REAL NOT NULL
    );
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        started_at REAL NOT NULL
    );
    CREATE TABLE contents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash BLOB NOT NULL UNIQUE,
        bytes INTEGER NOT NULL,
        kind TEXT,
        reason TEXT,
        format TEXT,
        width INTEGER,
        height INTEGER,
        frames INTEGER,
        pixel_hash BLOB,
        quality INTEGER
    );
    CREATE TABLE images (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        uri TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('ok', 'failed', 'skipped')),
        content_id INTEGER REFERENCES contents (id),
        kind TEXT,
        reason TEXT,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        device INTEGER NOT NULL,
        inode INTEGER NOT NULL,
        run INTEGER NOT NULL,
        missing INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX images_of_content ON images (content_id);
    CREATE INDEX images_not_ok ON images (state) WHERE state <> 'ok';
    CREATE TABLE descriptors (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        fingerprint TEXT NOT NULL UNIQUE,
        spec TEXT NOT NULL
    );
    CREATE TABLE vectors (
        id INTEGER PRIMARY KEY,
        vector BLOB NOT NULL
    );
    CREATE TABLE chunks (
        descriptor_id INTEGER NOT NULL REFERENCES descriptors (id),
        chunk INTEGER NOT NULL,
        token INTEGER NOT NULL,
        PRIMARY KEY (descriptor_id, chunk)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE scalers (
        descriptor_id INTEGER PRIMARY KEY REFERENCES descriptors (id),
        vectors INTEGER NOT NULL,
        state TEXT NOT NULL,
        mean BLOB NOT NULL,
        deviation BLOB NOT NULL
    );
    """,
    """
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE decisions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('not-duplicates', 'keep-all', 'keep-folder')),
        folder TEXT,
        decided_at REAL NOT NULL
    );
    CREATE TABLE decided (
        decision_id INTEGER NOT NULL REFERENCES decisions (id),
        hash BLOB NOT NULL,
        pixel_hash BLOB,
        name TEXT NOT NULL,
        PRIMARY KEY (decision_id, hash)
    ) WITHOUT ROWID;
    CREATE INDEX decided_hashes ON decided (hash);
    CREATE INDEX decided_pixels ON decided (pixel_hash) WHERE pixel_hash IS NOT NULL;
    """,
    # Pixels were hashed by SHA-256 before, now by BLAKE3. What is missing is worked out where it matters.
    """
    UPDATE contents SET pixel_hash = NULL;
    UPDATE decided SET pixel_hash = NULL;
    """,
)

VERSION = len(MIGRATIONS)
