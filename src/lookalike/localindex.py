"""The index over local features of a library's pictures: worked out once, kept as a cache file, brought up to date.

The file holds the arrays of `lookalike.index.WordIndex` and, for each picture, the beginning of its content's hash:
what is gone or another one is dropped, what is new is added. What is damaged or of another version is made anew.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.local import FINGERPRINT
from lookalike.duplicates import Sharing
from lookalike.duplicates.verify import Look
from lookalike.durable import replacing
from lookalike.index import WordIndex
from lookalike.results import Evidence
from lookalike.store import Store
from lookalike.types import LocalFeatures
from lookalike.verifying import Entry, Looks, PairVerdicts, single_threaded, variants

__all__ = ["PairVerification", "entries_of", "open_word_index"]

SHARED = 6
"""Pictures that share most local features with each one, as candidates of a pair."""

PREPARED = 0.7
"""Part of the work of `PairVerification.sharing`, about, that working out features is."""

SHARING_WITHIN = 0.4
"""Largest distance by shared local features of such a candidate: about 1.5 keypoints that agree beyond chance."""

TELLING = 100
"""Keypoints from which on a picture that shares none with another one is no copy of it: see `Sharing`.

Of 603 copies edited at full strength and 479 at middle strength none was found by its vector alone, nor any among 900
photographs of animals: docs/decisions.md.
"""

BATCH = 256
"""Pictures whose features are read from the cache at a time."""


def entries_of(store: Store) -> list[Entry]:
    """Return each content of the library that a picture has, with the first of its names."""
    names: dict[int, str] = {}
    for image in store.images():
        names.setdefault(image.content_id, image.uri)
    contents = store.contents(list(names))
    return [Entry(contents[id_], names[id_]) for id_ in sorted(names) if id_ in contents]


def open_word_index(
    store: Store, looks: Looks, entries: Sequence[Entry], progress: Callable[[int, int], None] | None = None
) -> WordIndex:
    """Return the index over the local features of `entries`, by content id.

    Parameters
    ----------
    store, looks
        The library's.
    entries
        All pictures of the library: see `entries_of`.
    progress
        Called with how many of how many pictures have their features worked out.

    Notes
    -----
    Features that are not in the cache are worked out first: for a library that was never verified, those of every
    picture, some 20 ms each.
    """
    marks = {entry.content.id: int.from_bytes(entry.content.hash[:7], "big") for entry in entries}
    path = store.folder / "cache" / f"{FINGERPRINT}.words"
    index, held = _load(path)
    gone = np.array([key for key, mark in held.items() if marks.get(key) != mark], np.int64)
    index.remove(gone)
    kept = {key for key, mark in held.items() if marks.get(key) == mark}
    new = [entry for entry in entries if entry.content.id not in kept]
    if new:
        looks.prepare(new, progress)
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            found = looks.of(part, hold=False)
            seen = [entry for entry in part if entry.content.hash in found]
            index.add(
                np.array([entry.content.id for entry in seen], np.int64),
                [found[entry.content.hash].features for entry in seen],
            )
    if store.writable and (len(gone) or new):
        _save(path, index, marks)
    return index


def _load(path: Path) -> tuple[WordIndex, dict[int, int]]:
    """Return what a file holds, or an empty index where there is none to be trusted."""
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as held:  # CRC-32s are checked
            arrays = {name: held[name] for name in held.files}
        marks: NDArray[np.int64] = arrays.pop("marks")
        index = WordIndex.from_arrays(arrays)
        if len(marks) == len(index.keys):
            return index, dict(zip(index.keys.tolist(), marks.tolist(), strict=True))
    return WordIndex(), {}


def _save(path: Path, index: WordIndex, marks: dict[int, int]) -> None:
    """Write the index beside the file and put it in its place; a folder that cannot be written to costs time only."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, synced=False) as stream:
            marks_of = np.array([marks[key] for key in index.keys.tolist()], np.int64)
            np.savez(stream, marks=marks_of, **index.to_arrays())  # type: ignore[arg-type]
        for other in path.parent.glob("*.words"):
            if other != path:
                other.unlink(missing_ok=True)


class PairVerification:
    """Candidates by local features, and verdicts, for pairs of some contents of a library.

    Parameters
    ----------
    store
        The library's.
    contents
        Ids of the contents that may be in pairs.
    threads, max_pixels
        See `Library.add`.
    """

    def __init__(self, store: Store, contents: Collection[int], *, threads: int, max_pixels: int) -> None:
        self._store, self._threads = store, threads
        self._looks = Looks(store, threads=threads, max_pixels=max_pixels)
        self._verdicts = PairVerdicts(store, self._looks, threads)
        self._all = entries_of(store)
        wanted = set(contents)
        self._entries = {entry.content.id: entry for entry in self._all if entry.content.id in wanted}

    def close(self) -> None:
        """Close the caches of local features and of verdicts."""
        self._looks.close()
        self._verdicts.close()

    def sharing(self, progress: Callable[[float], None] = lambda _: None) -> Sharing:
        """Return which contents share local features: pairs of ids, each once, the smaller one first.

        `progress` is called with the part that is done, 0 to 1; the most of it is for features to be worked out.
        """

        def prepared(done: int, total: int) -> None:
            progress(PREPARED * done / total)

        entries = list(self._entries.values())
        if len(entries) == len(self._all):
            index = open_word_index(self._store, self._looks, entries, prepared)
        else:  # only these are looked at: an index of them alone is not worth keeping
            index = WordIndex()
            self._looks.prepare(entries, prepared)
            for part, found in self._parts(entries):
                index.add(
                    np.array([entry.content.id for entry in part], np.int64),
                    [found[entry.content.hash].features for entry in part],
                )
        pairs: set[tuple[int, int]] = set()
        telling: set[int] = set()
        asked = 0

        def near(job: tuple[int, LocalFeatures]) -> list[tuple[int, int]]:
            own, features = job
            found = index.search(variants(features), SHARED + 1)
            near = found.keys[found.distances <= SHARING_WITHIN]
            return [(min(own, key), max(own, key)) for key in near.tolist() if key not in (-1, own)]

        with single_threaded(), ThreadPoolExecutor(self._threads) as pool:
            for part, found in self._parts(entries):
                jobs = [(entry.content.id, found[entry.content.hash].features) for entry in part]
                for some in pool.map(near, jobs):
                    pairs.update(some)
                telling |= {id_ for id_, features in jobs if len(features.rows) >= TELLING}
                asked += len(part)
                progress(PREPARED + (1 - PREPARED) * asked / len(entries))
        return Sharing(sorted(pairs), telling)

    def pairs(self, jobs: Sequence[tuple[int, int, float]]) -> Iterator[Evidence | None]:
        """Yield what the first content of each pair is to the second, in order; None where either cannot be read.

        Parameters
        ----------
        jobs
            (content id, content id, lite0's distance).
        """
        entries = [self._entries[id_] for id_ in sorted({id_ for a, b, _ in jobs for id_ in (a, b)})]
        self._looks.prepare(entries)
        known = [(self._entries[a], self._entries[b], distance) for a, b, distance in jobs]
        return self._verdicts.of(known)

    def _parts(self, entries: Sequence[Entry]) -> Iterator[tuple[list[Entry], dict[bytes, Look]]]:
        """Yield entries with their looks, some at a time, without those that cannot be read."""
        for start in range(0, len(entries), BATCH):
            part = entries[start : start + BATCH]
            found = self._looks.of(part, hold=False)
            yield [entry for entry in part if entry.content.hash in found], found
