"""The vectors of one descriptor as memory-mapped chunk files: a cache of the database, checked before use.

Those of a descriptor that is standardised are kept so, in files of their own.

A file holds a header, the keys (int64), the norms (float32, cosine only) and the rows. The header names the chunk's
token in the database and the CRC-32 of all that follows, and has a CRC-32 of its own. Whatever does not match,
is cut short or cannot be read is made again from the database; if it cannot be written, it is kept in memory.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.durable import replacing
from lookalike.store.chunkfile import SIZE, make_header, path_of_chunk, read_header
from lookalike.store.scaler import Scaler
from lookalike.store.store import Store
from lookalike.types import DescriptorSpec, Vectors
from lookalike.workers import available_cores

__all__ = ["Block", "VectorMatrix"]


@dataclass(frozen=True)
class Block:
    """A chunk in memory or on disk: keys (n,) int64, rows (n, width) in storage type, norms (n,) float32 or None."""

    keys: NDArray[np.int64]
    rows: Vectors
    norms: NDArray[np.float32] | None


class VectorMatrix:
    """The vectors of one descriptor, block by block, as they were when it was opened.

    Parameters
    ----------
    store
        Where the truth is.
    descriptor_id, spec
        Whose vectors.
    """

    def __init__(self, store: Store, descriptor_id: int, spec: DescriptorSpec) -> None:
        self._store = store
        self._descriptor_id = descriptor_id
        self._spec = spec
        self._blocks: dict[int, tuple[int, Block]] = {}

    def blocks(self, scaler: Scaler | None = None) -> Sequence[Block]:
        """Return all blocks in the order of their keys, brought up to date with the database.

        Parameters
        ----------
        scaler
            What standardises the rows; None for the rows as the database has them.
        """
        mask = 0 if scaler is None else scaler.token
        tokens = self._store.chunk_tokens(self._descriptor_id)
        fresh = {chunk: held for chunk, held in self._blocks.items() if held[0] ^ mask == tokens.get(chunk)}
        lacking = [chunk for chunk in tokens if chunk not in fresh]

        def read(chunk: int) -> Block | None:
            return self._read(self._path(chunk, scaler), chunk, tokens[chunk] ^ mask)

        # Their checksums take longer than all else: each core works out some.
        with ThreadPoolExecutor(available_cores()) if len(lacking) > 1 else contextlib.nullcontext() as pool:
            found = list(pool.map(read, lacking) if pool else map(read, lacking))
        for chunk, block in zip(lacking, found, strict=True):
            fresh[chunk] = tokens[chunk] ^ mask, block or self._made(chunk, tokens[chunk], scaler)
        self._blocks = {chunk: fresh[chunk] for chunk in tokens}
        return [block for _, block in self._blocks.values() if len(block.keys)]

    def _path(self, chunk: int, scaler: Scaler | None) -> Path:
        suffix = "vectors" if scaler is None else "standardised"
        return path_of_chunk(self._store.folder, self._spec, chunk, suffix)

    def _made(self, chunk: int, token: int, scaler: Scaler | None) -> Block:
        """Return a chunk from the database, and write its file."""
        # A file of standardised rows names the chunk's token and the scaler's in one number.
        mask = 0 if scaler is None else scaler.token
        keys, rows = self._store.read_chunk(self._descriptor_id, chunk, self._spec)
        if scaler is not None:
            rows = scaler.standardise(rows)
        norms = None
        if self._spec.metric == "cosine":
            norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float32)).astype(np.float32)
        block = Block(keys, rows, norms)
        # Read again: a writer may have been between the token and the rows. Then memory serves, and no file is made.
        if self._store.chunk_tokens(self._descriptor_id).get(chunk) == token:
            with contextlib.suppress(OSError):
                self._write(self._path(chunk, scaler), chunk, token ^ mask, block)
        return block

    def _layout(self, rows: int) -> tuple[int, int, int]:
        """Return where the norms and the rows begin and where the file ends."""
        norms = SIZE + 8 * rows
        start = norms + (4 * rows if self._spec.metric == "cosine" else 0)
        start += -start % 64
        return norms, start, start + rows * self._spec.width * self._spec.storage.itemsize

    def _read(self, path: Path, chunk: int, token: int) -> Block | None:
        try:
            file: NDArray[Any] = np.memmap(path, np.uint8, mode="r")
        except (OSError, ValueError):  # not there, not readable, or empty
            return None
        header = read_header(file[:SIZE].tobytes(), self._spec, chunk, token)
        if header is None:
            return None
        rows, checksum = header
        norms, start, end = self._layout(rows)
        if len(file) != end or zlib.crc32(file[SIZE:].data) != checksum:
            return None
        return Block(
            np.asarray(file[SIZE:norms]).view(np.int64),
            file[start:end].view(self._spec.storage).reshape(rows, self._spec.width),
            np.asarray(file[norms : norms + 4 * rows]).view(np.float32) if self._spec.metric == "cosine" else None,
        )

    def _write(self, path: Path, chunk: int, token: int, block: Block) -> None:
        rows = len(block.keys)
        _, start, _ = self._layout(rows)
        body = block.keys.tobytes() + (b"" if block.norms is None else block.norms.tobytes())
        body += bytes(start - SIZE - len(body))
        checksum = zlib.crc32(np.ascontiguousarray(block.rows).data, zlib.crc32(body)) if rows else zlib.crc32(body)
        header = make_header(self._spec, chunk, token, rows, checksum)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, synced=False) as file:
            file.write(header + body)
            if rows:
                file.write(np.ascontiguousarray(block.rows).data)
