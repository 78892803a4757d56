"""What the first bytes of a file tell of where its picture comes from: camera, date, how hard it was compressed.

Nothing is decoded. Damaged metadata is as none.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEAD", "Origin", "is_lossless", "jpeg_quality", "origin"]

HEAD = 1 << 18
"""Bytes of the beginning of a file in which metadata is looked for."""

LOSSLESS = ("PNG", "BMP", "TIFF")

_MAKE, _MODEL, _DATE, _CAMERA_BLOCK, _TAKEN = 0x010F, 0x0110, 0x0132, 0x8769, 0x9003
_WHEN = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")

# Luminance table of the JPEG standard (ITU-T T.81, table K.1) in the zigzag order of the file.
_LUMINANCE = (
    "16 11 12 14 12 10 16 14 13 14 18 17 16 19 24 40 26 24 22 22 24 49 35 37 29 40 58 51 61 60 57 51 "
    "56 55 64 72 92 78 64 68 87 69 55 56 80 109 81 87 95 98 103 104 103 62 77 113 121 112 100 120 92 101 103 99"
)


@dataclass(frozen=True)
class Origin:
    """What the first bytes tell.

    Attributes
    ----------
    camera
        A make or model of a camera is named.
    taken
        When, by the camera's clock: "2020-01-31 23:59:59"; None where it is not told.
    lossless
        Whether the format keeps every sample; None if it is not told.
    quality
        Of a JPEG, 1 to 100 on libjpeg's scale, by its luminance table; None for other formats.
    """

    camera: bool = False
    taken: str | None = None
    lossless: bool | None = None
    quality: int | None = None


def origin(head: bytes) -> Origin:
    """Return what the beginning of a file tells, `HEAD` bytes or more where it has as many."""
    exif, quality, lossless = b"", None, None
    if head.startswith(b"\xff\xd8\xff"):
        exif, quality = _jpeg(head)
        lossless = False
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        exif = next((body for name, body in _png_chunks(head) if name == b"eXIf"), b"")
        lossless = True
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        chunks = dict(_riff_chunks(head))
        exif, lossless = chunks.get(b"EXIF", b""), b"VP8L" in chunks
    elif head.startswith((b"II*\x00", b"MM\x00*")):
        exif, lossless = head, True
    elif head.startswith(b"BM"):
        lossless = True
    elif head[4:8] == b"ftyp":  # the item lies anywhere, but its mark is hard to take for something else
        found = re.search(rb"Exif\x00\x00(?=II\*\x00|MM\x00\*)", head)
        exif, lossless = head[found.end() :] if found else b"", False
    camera, taken = _camera(exif)
    return Origin(camera, taken, lossless, quality)


def is_lossless(kind: str | None) -> bool:
    """Say whether a format, by its name in `lookalike.formats`, usually keeps every sample."""
    return kind in LOSSLESS


def jpeg_quality(table: NDArray[np.int64]) -> int:
    """Return the quality, 1 to 100, at which libjpeg makes the luminance table that is nearest to this one.

    Parameters
    ----------
    table
        (64,) the steps in the order of the file.
    """
    return int(np.abs(_tables() - table).sum(1).argmin()) + 1


@functools.cache
def _tables() -> NDArray[np.int64]:
    """Return the luminance tables of the qualities 1 to 100, as libjpeg scales them."""
    base = np.array(_LUMINANCE.split(), np.int64)
    qualities = np.arange(1, 101)
    scales = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)[:, None]
    return np.asarray(np.clip((base * scales + 50) // 100, 1, 255), np.int64)


def _jpeg(head: bytes) -> tuple[bytes, int | None]:
    """Return the EXIF block and the quality of a JPEG."""
    exif, quality = b"", None
    for marker, body in _jpeg_segments(head):
        if marker == 0xE1 and body.startswith(b"Exif\x00\x00") and not exif:
            exif = body[6:]
        if marker == 0xDB:
            quality = _table_quality(body) or quality
    return exif, quality


def _jpeg_segments(head: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            return
        length = int.from_bytes(head[at + 2 : at + 4], "big")
        yield marker, head[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _table_quality(body: bytes) -> int | None:
    """Return the quality that table 0 tells, if this segment holds it."""
    at = 0
    while at < len(body):
        deep, number = body[at] >> 4, body[at] & 15
        size = 128 if deep else 64
        steps = body[at + 1 : at + 1 + size]
        if len(steps) == size and number == 0:
            return jpeg_quality(np.frombuffer(steps, ">u2" if deep else "u1").astype(np.int64))
        at += 1 + size
    return None


def _png_chunks(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 8 <= len(head):
        length, name = struct.unpack_from(">I4s", head, at)
        yield name, head[at + 8 : at + 8 + length]
        at += 12 + length


def _riff_chunks(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, at)
        yield name, head[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _camera(exif: bytes) -> tuple[bool, str | None]:
    """Return whether a camera is named, and when the picture was taken."""
    if not exif:
        return False, None
    from PIL import Image

    tags = Image.Exif()
    try:
        tags.load(exif.removeprefix(b"Exif\x00\x00"))
        camera = any(_text(tags.get(tag)) for tag in (_MAKE, _MODEL))
        # The date of the file's last change stands in only where a camera is named: editors write it, too.
        taken = _moment(tags.get_ifd(_CAMERA_BLOCK).get(_TAKEN)) or (_moment(tags.get(_DATE)) if camera else None)
    except Exception:  # damaged metadata never costs the picture
        return False, None
    return camera, taken


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return text.strip(" \x00")


def _moment(value: Any) -> str | None:
    found = _WHEN.match(_text(value))
    if not found or found[1] == "0000" or found[2] == "00":
        return None
    year, month, day, *clock = found.groups()
    return f"{year}-{month}-{day} {':'.join(clock)}"
