"""What verification needs of a library's pictures: worked out once, then read from the cache."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from lookalike.decode import decode
from lookalike.descriptors.local import FINGERPRINT, KEPT, SIDE, local_features, mirrored, negative, working_picture
from lookalike.duplicates.verify import Look
from lookalike.errors import ImageError
from lookalike.sources import read_bytes
from lookalike.store import Content, Kept, LocalCache, Store, as_kept
from lookalike.types import LocalFeatures, RGBImage, Uri

__all__ = ["BATCH", "Entry", "Looks", "look_at", "single_threaded", "size_of", "variants"]

BATCH = 64
"""Pictures that are read, described and written to the cache together."""

HELD = 400
"""Looks that are held in memory: about 300 kB each."""


@dataclass(frozen=True)
class Entry:
    """A picture of the library: its content and one of its names."""

    content: Content
    uri: Uri


_Batch: TypeAlias = "list[tuple[Entry, Future[tuple[Kept, Look] | str]]]"
"""Pictures that are being looked at."""


@contextlib.contextmanager
def single_threaded() -> Iterator[None]:
    """Keep libraries from starting threads of their own: pictures are small, and each core has a thread already."""
    with _alone:
        yield


class _Alone:
    """Limits such libraries while any thread is inside: the first one in sets the limit, the last one out lifts it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._lift: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        import cv2
        from threadpoolctl import threadpool_limits

        with self._lock:
            if self._inside == 0:
                before, limits = cv2.getNumThreads(), threadpool_limits(1)
                cv2.setNumThreads(1)

                def lift() -> None:
                    limits.restore_original_limits()
                    cv2.setNumThreads(before)

                self._lift = lift
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._lift()


_alone = _Alone()


def look_at(pixels: RGBImage, keypoints: int = KEPT) -> Look:
    """Return what verification needs of a picture, just as the cache would give it back."""
    return _as_kept(_described(pixels, keypoints))


def _described(pixels: RGBImage, keypoints: int) -> Kept:
    small = working_picture(pixels)
    return local_features(small, keypoints), small


def _as_kept(kept: Kept) -> Look:
    features, picture = as_kept(*kept)
    return Look(picture, features)


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
        self.folder = store.folder
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
        given: deque[_Batch] = deque()
        with single_threaded(), ThreadPoolExecutor(self._threads) as pool:
            for batch in [*(todo[at : at + BATCH] for at in range(0, len(todo), BATCH)), []]:
                if batch:
                    given.append(self._begun(batch, pool))
                while len(given) > (1 if batch else 0):  # the next ones are worked out while these are written
                    done += len(given[0])
                    self._finished(given.popleft())
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
                found |= self._finished(self._begun(todo, pool))
        return found

    @property
    def kept(self) -> bool:
        """Whether looks are kept in a cache that others can read."""
        return self._cache.writable

    def close(self) -> None:
        """Close the cache."""
        self._cache.close()

    def _begun(self, batch: Sequence[Entry], pool: ThreadPoolExecutor) -> _Batch:
        return [(entry, pool.submit(self._read, entry)) for entry in batch]

    def _finished(self, batch: _Batch) -> dict[bytes, Look]:
        """Write what was worked out to the cache, and return the looks."""
        made: dict[bytes, Look] = {}
        kept: dict[bytes, Kept] = {}
        for entry, future in batch:
            digest, outcome = entry.content.hash, future.result()
            if isinstance(outcome, str):
                self.failed[digest] = outcome
            else:
                kept[digest], look = outcome
                made[digest] = self._hold(digest, look)
        self._cache.put_many(kept)
        return made

    def _read(self, entry: Entry) -> tuple[Kept, Look] | str:
        """Return what is to be kept of a picture, and its look, or why it cannot be read."""
        try:
            image = decode(read_bytes(entry.uri), min_side=SIDE, max_pixels=self._max_pixels)
        except ImageError as error:
            return str(error)
        kept = _described(image.pixels, KEPT)
        return kept, _as_kept(kept)

    def _hold(self, digest: bytes, one: Look) -> Look:
        self._held[digest] = one
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return one


def variants(features: LocalFeatures) -> list[LocalFeatures]:
    """Return the features of a picture as it is, mirrored, negative, and both."""
    flipped = mirrored(features)
    return [features, flipped, negative(features), negative(flipped)]


def size_of(content: Content) -> tuple[int, int]:
    """Return (width, height) at full size."""
    return content.width, content.height
