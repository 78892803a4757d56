"""The header of a cache file of vectors: which chunk of which descriptor it holds, as of when, and how many rows."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from lookalike.types import DescriptorSpec

__all__ = ["SIZE", "check_chunk_file", "make_header", "path_of_chunk", "read_header"]

SIZE = 128
"""Bytes of the header with its own CRC-32, so that the arrays behind it lie on 64-byte lines."""

_MAGIC = b"LKVEC\x01\x00\x00"
_HEADER = struct.Struct("<8s32sqqqqI")  # magic, fingerprint, chunk, token, rows, width, CRC-32 of the body


def path_of_chunk(folder: Path, spec: DescriptorSpec, chunk: int, suffix: str = "vectors") -> Path:
    """Return where the vectors of a chunk are kept in a library's folder."""
    return folder / "cache" / spec.fingerprint / f"{chunk:06d}.{suffix}"


def make_header(spec: DescriptorSpec, chunk: int, token: int, rows: int, checksum: int) -> bytes:
    """Return the header of a file, `SIZE` bytes."""
    header = _HEADER.pack(_MAGIC, spec.fingerprint.encode(), chunk, token, rows, spec.width, checksum)
    header = header.ljust(SIZE - 4, b"\0")
    return header + struct.pack("<I", zlib.crc32(header))


def read_header(header: bytes, spec: DescriptorSpec, chunk: int, token: int) -> tuple[int, int] | None:
    """Return the rows of a file and the CRC-32 of what follows; None if the header is damaged or another chunk's."""
    if len(header) < SIZE or zlib.crc32(header[:-4]) != struct.unpack("<I", header[-4:])[0]:
        return None
    magic, fingerprint, held_chunk, held_token, rows, width, checksum = _HEADER.unpack(header[: _HEADER.size])
    expected = (_MAGIC, spec.fingerprint.encode(), chunk, token, spec.width)
    return (rows, checksum) if (magic, fingerprint, held_chunk, held_token, width) == expected else None


def check_chunk_file(path: Path) -> str:
    """Return what is wrong with a chunk file in itself; nothing if it is whole, be it up to date or not."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return error.strerror or str(error)
    if len(data) < SIZE or zlib.crc32(data[: SIZE - 4]) != struct.unpack("<I", data[SIZE - 4 : SIZE])[0]:
        return "its header is damaged"
    magic, *_, checksum = _HEADER.unpack(data[: _HEADER.size])
    if magic != _MAGIC:
        return "of another program or version"
    return "" if zlib.crc32(data[SIZE:]) == checksum else "its checksum does not fit"
