"""The vectors of one descriptor as memory-mapped chunk files: a cache of the database, checked before use.

Those of a descriptor that is standardised are kept so, in files of their own.

A file holds a header, the keys (int64), the norms (float32, cosine only) and the rows. The header names the chunk's
token in the database and the CRC-32 of all that follows, and has a CRC-32 of its own. Whatever does not match,
is cut short or cannot be read is made again from the database; if it cannot be written, it is kept in memory.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.store.scaler import Scaler
from lookalike.store.store import Store
from lookalike.types import DescriptorSpec, Vectors

__all__ = ["Block", "VectorMatrix", "check_chunk_file"]

_MAGIC = b"LKVEC\x01\x00\x00"
_HEADER = struct.Struct("<8s32sqqqqI")  # magic, fingerprint, chunk, token, rows, width, CRC-32 of the body
_SIZE = 128  # of the header with its own CRC-32, so that the arrays behind it lie on 64-byte lines


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
        self._folder = store.folder / "cache" / spec.fingerprint
        self._blocks: dict[int, tuple[int, Block]] = {}

    def blocks(self, scaler: Scaler | None = None) -> Sequence[Block]:
        """Return all blocks in the order of their keys, brought up to date with the database.

        Parameters
        ----------
        scaler
            What standardises the rows; None for the rows as the database has them.
        """
        mask = 0 if scaler is None else scaler.token
        fresh: dict[int, tuple[int, Block]] = {}
        for chunk, token in self._store.chunk_tokens(self._descriptor_id).items():
            held = self._blocks.get(chunk)
            good = held is not None and held[0] == token ^ mask
            fresh[chunk] = held if held and good else (token ^ mask, self._load(chunk, token, scaler))
        self._blocks = fresh
        return [block for _, block in fresh.values() if len(block.keys)]

    def _load(self, chunk: int, token: int, scaler: Scaler | None) -> Block:
        # A file of standardised rows names the chunk's token and the scaler's in one number.
        mask, suffix = (0, "vectors") if scaler is None else (scaler.token, "standardised")
        path = self._folder / f"{chunk:06d}.{suffix}"
        block = self._read(path, chunk, token ^ mask)
        if block is not None:
            return block
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
                self._write(path, chunk, token ^ mask, block)
        return block

    def _layout(self, rows: int) -> tuple[int, int, int]:
        """Return where the norms and the rows begin and where the file ends."""
        norms = _SIZE + 8 * rows
        start = norms + (4 * rows if self._spec.metric == "cosine" else 0)
        start += -start % 64
        return norms, start, start + rows * self._spec.width * self._spec.storage.itemsize

    def _read(self, path: Path, chunk: int, token: int) -> Block | None:
        try:
            file: NDArray[Any] = np.memmap(path, np.uint8, mode="r")
        except (OSError, ValueError):  # not there, not readable, or empty
            return None
        if len(file) < _SIZE:
            return None
        header = file[:_SIZE].tobytes()
        if zlib.crc32(header[:-4]) != struct.unpack("<I", header[-4:])[0]:
            return None
        magic, fingerprint, held_chunk, held_token, rows, width, checksum = _HEADER.unpack(header[: _HEADER.size])
        expected = (_MAGIC, self._spec.fingerprint.encode(), chunk, token, self._spec.width)
        if (magic, fingerprint, held_chunk, held_token, width) != expected:
            return None
        norms, start, end = self._layout(rows)
        if len(file) != end or zlib.crc32(file[_SIZE:].data) != checksum:
            return None
        return Block(
            np.asarray(file[_SIZE:norms]).view(np.int64),
            file[start:end].view(self._spec.storage).reshape(rows, width),
            np.asarray(file[norms : norms + 4 * rows]).view(np.float32) if self._spec.metric == "cosine" else None,
        )

    def _write(self, path: Path, chunk: int, token: int, block: Block) -> None:
        rows = len(block.keys)
        _, start, _ = self._layout(rows)
        body = block.keys.tobytes() + (b"" if block.norms is None else block.norms.tobytes())
        body += bytes(start - _SIZE - len(body))
        checksum = zlib.crc32(np.ascontiguousarray(block.rows).data, zlib.crc32(body)) if rows else zlib.crc32(body)
        header = _HEADER.pack(
            _MAGIC, self._spec.fingerprint.encode(), chunk, token, rows, self._spec.width, checksum
        ).ljust(_SIZE - 4, b"\0")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(header + struct.pack("<I", zlib.crc32(header)) + body)
                if rows:
                    file.write(np.ascontiguousarray(block.rows).data)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def check_chunk_file(path: Path) -> str:
    """Return what is wrong with a chunk file in itself; nothing if it is whole, be it up to date or not."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return error.strerror or str(error)
    if len(data) < _SIZE or zlib.crc32(data[: _SIZE - 4]) != struct.unpack("<I", data[_SIZE - 4 : _SIZE])[0]:
        return "its header is damaged"
    magic, *_, checksum = _HEADER.unpack(data[: _HEADER.size])
    if magic != _MAGIC:
        return "of another program or version"
    return "" if zlib.crc32(data[_SIZE:]) == checksum else "its checksum does not fit"
