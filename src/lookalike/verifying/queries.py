"""A query's candidates, found and verified."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lookalike.decode import decode, same_pixels
from lookalike.descriptors.local import SIDE
from lookalike.descriptors.pdq import MIN_QUALITY, hash_with_quality, turned_hashes
from lookalike.duplicates.verify import Look, judge, less_hidden, proven
from lookalike.errors import ImageError
from lookalike.filters import Chosen
from lookalike.index import WordIndex
from lookalike.results import Evidence
from lookalike.searching import Hits, Query, read_query
from lookalike.sources import read_bytes
from lookalike.store import Content, Image, Store
from lookalike.types import RGBImage, VectorIndex
from lookalike.verifying.looks import Entry, Looks, look_at, single_threaded, size_of, variants

__all__ = ["NEAREST", "Verification"]

NEAREST = 8
"""Candidates by vector."""

BITS = 60
"""Bits by which a candidate's hash may differ in the best of eight orientations; the nearest `NEAREST` are taken."""

ASKED = 800
"""Keypoints of a query: more than of the pictures that it is held against, for part of it may be other things."""

SHARING = 6
"""Candidates by shared local features."""

_AMONG = 200
"""... of which those that count are taken, where only some pictures do."""


@dataclass(frozen=True)
class _Asked:
    """A query as verification needs it."""

    look: Look
    size: tuple[int, int]
    content: Content | None
    format: str = ""
    read: Callable[[], bytes] | None = None
    """Returns the bytes; None where there are only pixels."""


Verified = list[tuple[Image, float, Evidence]]
"""Pictures with their distance and what the query is to them."""


class Verification:
    """Finds and verifies the candidates of queries.

    Parameters
    ----------
    store, looks
        The library's.
    hashes
        Finds contents by PDQ; None where the library has no hashes.
    words
        Finds contents by local features; None where there is no such index.
    distances
        Gives the distances of a query to contents: see `Library.search`.
    threads, max_pixels, allow_private
        See `Library.add`.
    only
        Pictures that count; None for all.
    """

    def __init__(
        self,
        store: Store,
        looks: Looks,
        *,
        hashes: VectorIndex | None,
        words: WordIndex | None,
        distances: Callable[[Query, Sequence[int]], dict[int, float]],
        threads: int,
        max_pixels: int,
        allow_private: bool = False,
        only: Chosen | None = None,
    ) -> None:
        self._store, self._looks, self._hashes, self._words = store, looks, hashes, words
        self._distances, self._threads = distances, threads
        self._max_pixels, self._allow_private, self._only = max_pixels, allow_private, only

    def __call__(self, query: Query, near: Hits, k: int) -> Verified:
        """Return the k candidates of a query: the surest copies first, and what is surely none by distance.

        Parameters
        ----------
        query
            With its vector.
        near
            Its nearest pictures by vector, at least `NEAREST` where there are as many.
        k
            At least 1.
        """
        try:
            asked = self._asked(query)
        except ImageError:
            return []
        contents = dict.fromkeys(image.content_id for image, _ in near)
        contents |= dict.fromkeys(self._by_hash(asked.look.picture))
        if self._words is not None:
            contents |= dict.fromkeys(self._by_words(asked.look, self._words))
        names = self._store.images_of(list(contents))
        held = self._store.contents(list(names))
        distance = {image.content_id: value for image, value in near}
        distance |= self._distances(query, [content for content in names if content not in distance])
        entries = [Entry(held[content], images[0].uri) for content, images in names.items() if content in held]
        seen = self._looks.of(entries)

        def verify(entry: Entry) -> Evidence | None:
            look = seen.get(entry.content.hash)
            return None if look is None else self._verdict(asked, entry, look, distance.get(entry.content.id))

        with single_threaded(), ThreadPoolExecutor(self._threads) as pool:
            verified = list(pool.map(verify, entries))
        found = [
            (image, distance.get(entry.content.id, float("inf")), evidence)
            for entry, evidence in zip(entries, verified, strict=True)
            if evidence is not None
            for image in names[entry.content.id]
            if image.id != query.own and (self._only is None or image.id in self._only.images)
        ]
        found.sort(key=lambda hit: (-hit[2].probability, hit[1], hit[0].id))
        return found[:k]

    def close(self) -> None:
        """Close the cache of looks."""
        self._looks.close()

    def _asked(self, query: Query) -> _Asked:
        if query.own >= 0 and query.item is not None:
            known = self._store.known([query.item.uri]).get(query.item.uri)
            content = None
            if known is not None and known.content_id is not None and known.is_unchanged(query.item):
                content = self._store.contents([known.content_id]).get(known.content_id)
            if content is not None:
                look = self._looks.of([Entry(content, query.item.uri)]).get(content.hash)
                if look is not None:
                    uri = query.item.uri
                    return _Asked(look, size_of(content), content, content.format or "", lambda: read_bytes(uri))
        if query.pixels is not None:
            height, width = query.pixels.shape[:2]
            return _Asked(look_at(query.pixels, ASKED), (width, height), None)
        data = read_query(query, allow_private=self._allow_private, exclude_ids=self._store.own_files()) or b""
        image = decode(data, min_side=SIDE, max_pixels=self._max_pixels)
        content = self._store.content_of_hash(hashlib.sha256(data).digest())
        size = image.width, image.height
        return _Asked(look_at(image.pixels, ASKED), size, content, image.format, lambda: data)

    def _by_hash(self, picture: RGBImage) -> list[int]:
        """Return the contents whose hash lies near that of a picture in any orientation, the nearest first."""
        if self._hashes is None:
            return []
        _, quality = hash_with_quality(picture)
        if quality < MIN_QUALITY:
            return []
        found = self._hashes.range_search(turned_hashes(picture), BITS)
        order = np.lexsort((found.keys, found.distances))
        return self._chosen((int(found.keys[at]) for at in order), NEAREST)

    def _by_words(self, look: Look, words: WordIndex) -> list[int]:
        """Return the contents that share most local features with a picture."""
        asked = SHARING if self._only is None else _AMONG
        keys = words.search(variants(look.features), asked).keys
        return self._chosen((int(key) for key in np.ravel(keys) if key >= 0), SHARING)

    def _chosen(self, contents: Iterable[int], most: int) -> list[int]:
        """Return the first that count, each once."""
        found = dict.fromkeys(contents)
        return [key for key in found if self._only is None or key in self._only.contents][:most]

    def _verdict(self, asked: _Asked, entry: Entry, look: Look, distance: float | None) -> Evidence:
        own = asked.content
        if own is not None and own.id == entry.content.id:
            return proven("same-file", "the same bytes")
        if own is not None and own.pixel_hash is not None and own.pixel_hash == entry.content.pixel_hash:
            return proven("same-pixels", "the same pixels, other bytes")
        evidence = judge(asked.look, look, asked.size, size_of(entry.content), distance)
        read, sizes = asked.read, (asked.size, size_of(entry.content))
        if read is None:
            return evidence
        if evidence.verdict == "same-picture" and sizes[0] == sizes[1]:
            with contextlib.suppress(ImageError):
                if same_pixels(read(), read_bytes(entry.uri), max_pixels=self._max_pixels):
                    return proven("same-pixels", "the same pixels, other bytes")
        formats = asked.format, entry.content.format or ""
        return less_hidden(evidence, formats, sizes, lambda: (read(), read_bytes(entry.uri)))
