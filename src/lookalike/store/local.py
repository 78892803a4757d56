"""Local features and small pictures of contents, kept so that verifying a pair reads no original file.

Keyed by the SHA-256 of a content, so that nothing in it is ever out of date: see `lookalike.store.cachefile`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from lookalike.store.cachefile import CacheFile
from lookalike.types import LocalFeatures, RGBImage

__all__ = ["Kept", "LocalCache", "as_kept"]

Kept: TypeAlias = tuple[LocalFeatures, RGBImage]
"""The local features of a content and the picture, (height, width, 3) uint8, in which they were found."""

QUALITY = 92  # of the JPEG without chroma subsampling: 46 dB, 23 kB, .9 ms there and back; WebP 17 kB, 9 ms

_HEADER = struct.Struct("<IIII")  # width, height, points, bytes of the compressed rows


class LocalCache(CacheFile):
    """Local features and working pictures by content hash.

    Parameters
    ----------
    folder
        The library's, NAME.lookalike.
    fingerprint
        Of what makes the features, such as `lookalike.descriptors.local.FINGERPRINT`.
    writable
        False keeps and finds nothing, as does a folder that cannot be written to.
    """

    def __init__(self, folder: Path, fingerprint: str, *, writable: bool = True) -> None:
        super().__init__(folder, fingerprint, "local", writable=writable)

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
        return {digest: _unpack(body) for digest, body in self.read(hashes).items()}

    def put_many(self, kept: Mapping[bytes, Kept]) -> bool:
        """Keep features and pictures by content hash, all of them in one transaction, in place of any before.

        Returns
        -------
        bool
            False if they could not be kept: a full disk, a folder that cannot be written to, a writer that holds on.
        """
        return self.write({digest: _pack(features, picture) for digest, (features, picture) in kept.items()})


def as_kept(features: LocalFeatures, picture: RGBImage) -> Kept:
    """Return what `LocalCache.get_many` will give back of these, so that the answer is one whether it serves or not."""
    return features, _decoded(_encoded(picture))


def _pack(features: LocalFeatures, picture: RGBImage) -> bytes:
    # Such numbers repeat nothing: Huffman codes alone are as short as what deflate makes of them, in half the time.
    coder = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    rows = coder.compress(np.ascontiguousarray(features.rows).tobytes()) + coder.flush()
    header = _HEADER.pack(features.width, features.height, len(features.points), len(rows))
    return header + features.points.astype("<f4").tobytes() + rows + _encoded(picture)


def _unpack(body: bytes) -> Kept:
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
