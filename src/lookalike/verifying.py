"""Verification on a library: local features of its pictures, kept in its cache, and verdicts of many pairs.

A query's candidates come from three sides: the nearest by vector, those near by hash in eight orientations, and those
that share local features with it. Each is then verified; only what was verified has a verdict.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from lookalike.decode import decode, same_pixels
from lookalike.descriptors.local import FINGERPRINT, KEPT, SIDE, local_features, mirrored, negative, working_picture
from lookalike.descriptors.pdq import MIN_QUALITY, hash_with_quality, turned_hashes
from lookalike.duplicates.verify import Look, judge, proven
from lookalike.errors import ImageError
from lookalike.index import WordIndex
from lookalike.results import Evidence
from lookalike.searching import Hits, Query, read_query
from lookalike.sources import read_bytes
from lookalike.store import Content, Image, LocalCache, Store, as_kept
from lookalike.types import LocalFeatures, RGBImage, Uri, VectorIndex

__all__ = ["NEAREST", "Entry", "Looks", "Verification", "look_at", "variants", "verdicts"]

NEAREST = 10
"""Candidates by vector."""

BITS = 60
"""Bits by which a candidate's hash may differ in the best of eight orientations; the nearest `NEAREST` are taken."""

ASKED = 800
"""Keypoints of a query: more than of the pictures that it is held against, for part of it may be other things."""

SHARING = 10
"""Candidates by shared local features."""

BATCH = 64
"""Pictures that are read, described and written to the cache together."""

HELD = 1500
"""Looks that are held in memory: about 300 kB each."""


@dataclass(frozen=True)
class Entry:
    """A picture of the library: its content and one of its names."""

    content: Content
    uri: Uri


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own: pictures are small, and there is a thread for each core already."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def look_at(pixels: RGBImage, keypoints: int = KEPT) -> Look:
    """Return what verification needs of a picture, just as the cache would give it back."""
    small = working_picture(pixels)
    features, kept = as_kept(local_features(small, keypoints), small)
    return Look(kept, features)


class Looks:
    """What verification needs of a library's pictures; worked out once, then read from the cache.

    Parameters
    ----------
    store
        The library's.
    threads, max_pixels
        See `Library.add`.
    """

    def __init__(self, store: Store, *, threads: int, max_pixels: int) -> None:
        self._cache = LocalCache(store.folder, FINGERPRINT, writable=store.writable)
        self._threads, self._max_pixels = threads, max_pixels
        self._held: OrderedDict[bytes, Look] = OrderedDict()
        self.failed: dict[bytes, str] = {}

    def prepare(self, pictures: Sequence[Entry], progress: Callable[[int, int], None] | None = None) -> None:
        """Work out what the cache lacks of these pictures, some at a time, each part written when it is done.

        A picture that cannot be read any more is named in ``failed``, by its content's hash.
        """
        lacking = set(self._cache.missing([entry.content.hash for entry in pictures]))
        todo = [entry for entry in pictures if entry.content.hash in lacking and entry.content.hash not in self.failed]
        done = len(pictures) - len(todo)
        listed = iter(todo)
        with single_threaded(), ThreadPoolExecutor(self._threads) as pool:
            while batch := list(islice(listed, BATCH)):
                self._work_out(batch, pool)
                done += len(batch)
                if progress:
                    progress(done, len(pictures))

    def of(self, pictures: Iterable[Entry], *, hold: bool = True) -> dict[bytes, Look]:
        """Return the looks of pictures by content hash; of those in ``failed`` there is none.

        With `hold`, the last ones asked for stay in memory.
        """
        wanted = {entry.content.hash: entry for entry in pictures}
        found = {}
        for digest in [digest for digest in wanted if digest in self._held]:
            self._held.move_to_end(digest)
            found[digest] = self._held[digest]
        lacking = [digest for digest in wanted if digest not in found]
        for digest, (features, picture) in self._cache.get_many(lacking).items():
            found[digest] = Look(picture, features)
            if hold:
                self._hold(digest, found[digest])
        todo = [wanted[d] for d in lacking if d not in found and d not in self.failed]
        if todo:
            with ThreadPoolExecutor(self._threads) as pool:
                found |= self._work_out(todo, pool)
        return found

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    def _work_out(self, batch: Sequence[Entry], pool: ThreadPoolExecutor) -> dict[bytes, Look]:
        made: dict[bytes, Look] = {}
        for entry, outcome in zip(batch, pool.map(self._read, batch), strict=True):
            if isinstance(outcome, str):
                self.failed[entry.content.hash] = outcome
            else:
                made[entry.content.hash] = self._hold(entry.content.hash, outcome)
        self._cache.put_many({digest: (look.features, look.picture) for digest, look in made.items()})
        return made

    def _read(self, entry: Entry) -> Look | str:
        try:
            return look_at(decode(read_bytes(entry.uri), min_side=SIDE, max_pixels=self._max_pixels).pixels)
        except ImageError as error:
            return str(error)

    def _hold(self, digest: bytes, one: Look) -> Look:
        self._held[digest] = one
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return one


def verdicts(
    pairs: Sequence[tuple[Entry, Entry, float | None]],
    looks: Looks,
    threads: int,
) -> Iterator[Evidence | None]:
    """Yield what the first is to the second, pair by pair in order; None where either cannot be read.

    Parameters
    ----------
    pairs
        (a, b, lite0's distance or None), best with neighbouring pairs sharing pictures.
    looks
        Of the library.
    threads
        How many pairs are verified at a time.
    """

    def one(job: tuple[Entry, Entry, float | None, Look | None, Look | None]) -> Evidence | None:
        a, b, distance, look_a, look_b = job
        if look_a is None or look_b is None:
            return None
        return judge(look_a, look_b, size_of(a.content), size_of(b.content), distance)

    with single_threaded(), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(pairs), 4 * BATCH):
            part = pairs[start : start + 4 * BATCH]
            seen = looks.of(entry for a, b, _ in part for entry in (a, b))
            jobs = [(a, b, d, seen.get(a.content.hash), seen.get(b.content.hash)) for a, b, d in part]
            yield from pool.map(one, jobs)


def variants(features: LocalFeatures) -> list[LocalFeatures]:
    """Return the features of a picture as it is, mirrored, negative, and both."""
    flipped = mirrored(features)
    return [features, flipped, negative(features), negative(flipped)]


@dataclass(frozen=True)
class _Asked:
    """A query as verification needs it."""

    look: Look
    size: tuple[int, int]
    data: bytes | None
    content: Content | None


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
    ) -> None:
        self._store, self._looks, self._hashes, self._words = store, looks, hashes, words
        self._distances, self._threads = distances, threads
        self._max_pixels, self._allow_private = max_pixels, allow_private

    def __call__(self, query: Query, near: Hits, k: int) -> Verified:
        """Return the k candidates of a query that are surest to be copies, then nearest.

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
            shared = self._words.search(variants(asked.look.features), SHARING)
            contents |= dict.fromkeys(int(key) for key in shared.keys if key >= 0)
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
            if image.id != query.own
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
                    return _Asked(look, size_of(content), None, content)
        if query.pixels is not None:
            height, width = query.pixels.shape[:2]
            return _Asked(look_at(query.pixels, ASKED), (width, height), None, None)
        data = read_query(query, allow_private=self._allow_private, exclude_ids=self._store.own_files()) or b""
        image = decode(data, min_side=SIDE, max_pixels=self._max_pixels)
        content = self._store.content_of_hash(hashlib.sha256(data).digest())
        return _Asked(look_at(image.pixels, ASKED), (image.width, image.height), data, content)

    def _by_hash(self, picture: RGBImage) -> list[int]:
        """Return the contents whose hash lies near that of a picture in any orientation, the nearest first."""
        if self._hashes is None:
            return []
        _, quality = hash_with_quality(picture)
        if quality < MIN_QUALITY:
            return []
        found = self._hashes.range_search(turned_hashes(picture), BITS)
        order = np.lexsort((found.keys, found.distances))
        return list(dict.fromkeys(int(found.keys[at]) for at in order))[:NEAREST]

    def _verdict(self, asked: _Asked, entry: Entry, look: Look, distance: float | None) -> Evidence:
        own = asked.content
        if own is not None and own.id == entry.content.id:
            return proven("same-file", "the same bytes")
        if own is not None and own.pixel_hash is not None and own.pixel_hash == entry.content.pixel_hash:
            return proven("same-pixels", "the same pixels, other bytes")
        evidence = judge(asked.look, look, asked.size, size_of(entry.content), distance)
        if evidence.verdict == "same-picture" and asked.data is not None and asked.size == size_of(entry.content):
            with contextlib.suppress(ImageError):
                if same_pixels(asked.data, read_bytes(entry.uri), max_pixels=self._max_pixels):
                    return proven("same-pixels", "the same pixels, other bytes")
        return evidence


def size_of(content: Content) -> tuple[int, int]:
    """Return (width, height) at full size."""
    return content.width, content.height
