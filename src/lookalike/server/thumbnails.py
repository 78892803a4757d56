"""Small pictures, made once: WebP, upright, kept in the library's cache by content."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lookalike.decoder import thumbnail
from lookalike.isolation import Isolated
from lookalike.store import BoundedCache, Store

__all__ = ["SIDES", "Thumbnails"]

SIDES = (128, 256, 512, 1024, 2048)
"""Pixels of the longer side that there are; the two largest are not kept."""

_KEPT = 512
_FORMAT = "webp82v1"


class Thumbnails:
    """Makes and keeps thumbnails of a library's pictures.

    Parameters
    ----------
    store
        The library's.
    isolated
        Where pictures are decoded; None for here.
    max_pixels
        Largest picture that is decoded.
    most
        Bytes that may be kept: see `Settings.max_thumbnails`.
    """

    def __init__(self, store: Store, isolated: Isolated | None, max_pixels: int, most: int) -> None:
        self._cache = BoundedCache(store.folder, _FORMAT, "thumbnails", most, writable=store.writable)
        self._isolated, self._max_pixels = isolated, max_pixels
        self._making: dict[bytes, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, digest: bytes, read: Callable[[], bytes], side: int) -> bytes:
        """Return the WebP of a content, whose bytes `read` gives if it has to be made.

        Raises
        ------
        ImageError
            If the picture cannot be decoded.
        """
        key = digest + side.to_bytes(2, "big")
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                held = self._cache.read([key]).get(key) if side <= _KEPT else None
                if held is None:
                    held = self.make(read(), side)
                    if side <= _KEPT:
                        self._cache.write({key: held})
                return held
        finally:
            with self._lock:
                self._making.pop(key, None)

    def make(self, data: bytes, side: int) -> bytes:
        """Return the WebP of a picture that is not in the library."""
        if self._isolated is not None:
            return self._isolated.thumbnail(data, side, max_pixels=self._max_pixels)
        return thumbnail(data, side=side, max_pixels=self._max_pixels)

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()
