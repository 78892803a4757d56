"""How much a library holds. Counting goes through every row: what was counted is kept while nothing changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lookalike.store.chunkfile import SIZE, path_of_chunk, read_header
from lookalike.store.database import Database
from lookalike.store.schema import CHUNK, VECTOR_SHIFT
from lookalike.types import DescriptorSpec, Uri

__all__ = ["Counting"]

_T = TypeVar("_T")

_BATCH = 10_000  # rows at a time: others get their turn between


class Counting:
    """Counts of a library. Safe for threads."""

    def __init__(self, db: Database, folder: Path) -> None:
        self._db, self._folder = db, folder
        self._kept: dict[str, tuple[tuple[int, int], Any]] = {}
        self._chunks: dict[tuple[int, int], tuple[int, int]] = {}

    def rows(self) -> dict[str, int]:
        """See `Store.counts`."""
        return self._unchanged("rows", self._count_rows)

    def folders(self) -> dict[Uri, tuple[int, int]]:
        """See `Store.folders`."""
        return self._unchanged("folders", self._count_folders)

    def vectors(self, specs: Mapping[int, DescriptorSpec], tokens: Mapping[int, Mapping[int, int]]) -> dict[int, int]:
        """Return the number of vectors of each descriptor id.

        Parameters
        ----------
        specs
            By their ids.
        tokens
            By id the token of each chunk, which changes with what is in it.
        """
        counts = {}
        for id_, spec in specs.items():
            counts[id_] = sum(self._in_chunk(id_, spec, chunk, token) for chunk, token in tokens[id_].items())
        return counts

    def _unchanged(self, name: str, count: Callable[[], _T]) -> _T:
        state = self._db.state  # before: what changes meanwhile is counted the next time
        held = self._kept.get(name)
        if held is not None and held[0] == state:
            found: _T = held[1]
            return found
        found = count()
        self._kept[name] = (state, found)
        return found

    def _in_chunk(self, id_: int, spec: DescriptorSpec, chunk: int, token: int) -> int:
        held = self._chunks.get((id_, chunk))
        if held is None or held[0] != token:
            # Their rows are long, so that to count them in the database is to read nearly all of it.
            held = (token, self._in_file(spec, chunk, token))
            if held[1] < 0:
                low = id_ << VECTOR_SHIFT | chunk << CHUNK
                sql = "SELECT count(*) FROM vectors WHERE id >= ? AND id < ?"
                held = (token, int(self._db.rows(sql, (low, low + (1 << CHUNK)))[0][0]))
            self._chunks[id_, chunk] = held
        return held[1]

    def _in_file(self, spec: DescriptorSpec, chunk: int, token: int) -> int:
        """Return how many vectors the cache has of a chunk as it is now, -1 if it has none of it."""
        try:
            with open(path_of_chunk(self._folder, spec, chunk), "rb") as file:
                header = read_header(file.read(SIZE), spec, chunk, token)
        except OSError:
            return -1
        return -1 if header is None else header[0]

    def _count_rows(self) -> dict[str, int]:
        counts = {"ok": 0, "failed": 0, "skipped": 0, "missing": 0, "bytes": 0}
        sql = "SELECT state, missing, count(*), sum(size) FROM images GROUP BY state, missing"
        for state, missing, count, size in self._db.rows(sql):
            if not missing:
                counts[state] = count
            if state == "ok":
                counts["missing" if missing else "bytes"] = count if missing else size
        sql = "SELECT count(DISTINCT content_id) FROM images WHERE state = 'ok' AND NOT missing"
        counts["contents"] = self._db.rows(sql)[0][0]
        return counts

    def _count_folders(self) -> dict[Uri, tuple[int, int]]:
        counts: dict[Uri, tuple[int, int]] = {}
        last = 0
        while True:
            sql = "SELECT id, uri, size, state = 'ok' AND NOT missing FROM images WHERE id > ? ORDER BY id LIMIT ?"
            rows = self._db.rows(sql, (last, _BATCH))
            for _, uri, size, counted in rows:
                if counted:
                    path = uri.split("/", 3)[2] if uri[:8].lower().startswith(_URLS) else os.path.dirname(uri)  # noqa: PTH120
                    pictures, total = counts.get(path, (0, 0))
                    counts[path] = pictures + 1, total + size
            if len(rows) < _BATCH:
                return {path: counts[path] for path in sorted(counts)}
            last = rows[-1][0]


_URLS = ("http://", "https://")
