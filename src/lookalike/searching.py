"""From a query to its neighbours: what can be asked about, its vector, and the pictures that lie near it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import compress, islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from lookalike.decode import decode
from lookalike.descriptors import describe, load
from lookalike.errors import ImageError, UnreadableError, UsageError
from lookalike.results import Evidence, SearchResult
from lookalike.sources import FileSource, fetch, is_url, normalise_uri, read_bytes
from lookalike.store import Image, Store
from lookalike.types import Descriptor, RGBImage, SourceItem, VectorIndex, Vectors

__all__ = [
    "Hits",
    "Query",
    "QueryLike",
    "Within",
    "as_array",
    "expand",
    "majority",
    "nearest",
    "read_query",
    "search_result",
    "vectors_of",
]

BATCH = 16

QueryLike: TypeAlias = str | os.PathLike[str] | bytes | RGBImage | Any
"""A path, a folder, a URL, the bytes of a file, an array (height, width, 3) uint8, or a Pillow image."""

Hits: TypeAlias = list[tuple[Image, float]]
"""Pictures with their distances, closest first."""

_NO_VECTOR = "its vector is zero or not finite"

NO_CLUSTER = "-1"
"""How `lookalike cluster` marks a picture that is in no cluster."""


@dataclass(frozen=True)
class Query:
    """One picture asked about.

    Attributes
    ----------
    name
        As it is called in the answer.
    item
        Set for files and URLs.
    data
        Set for bytes.
    pixels
        Set for arrays.
    vector
        In storage type, once it is known.
    own
        The image id under which the query itself is in the library, or -1.
    others
        Image ids that are no answers either.
    problem
        Why there is no vector, or empty.
    """

    name: str
    item: SourceItem | None = None
    data: bytes | None = None
    pixels: RGBImage | None = None
    vector: Vectors | None = None
    own: int = -1
    problem: str = ""
    others: frozenset[int] = frozenset()


def expand(queries: QueryLike | Iterable[QueryLike]) -> Iterator[Query]:
    """Yield one query per picture; a folder becomes all the files in it, in order.

    Raises
    ------
    UsageError
        For what is none of `QueryLike`.
    """
    many = isinstance(queries, list | tuple | Iterator)
    listed: Any = queries if many else [queries]
    for number, query in enumerate(listed, 1):
        if isinstance(query, Query):
            yield query
        elif isinstance(query, str | os.PathLike):
            text = normalise_uri(os.fspath(query))
            if is_url(text):
                yield Query(text, SourceItem(text))
            else:
                inside = Path(text).is_dir()
                yield from (Query(item.uri, item) for item in FileSource([text]) if not (inside and item.skip))
        elif isinstance(query, bytes):
            yield Query(f"bytes {number}" if many else "-", data=query)
        else:
            try:
                yield Query(f"picture {number}", pixels=as_array(query))
            except OSError as error:  # a Pillow image is only now read from its file
                yield Query(f"picture {number}", problem=f"it cannot be decoded: {error}")


def as_array(picture: Any) -> RGBImage:
    """Return an array or a Pillow image as (height, width, 3) uint8; a grey array is stacked to three channels.

    A Pillow image is turned upright as its EXIF says, and laid on white where it is transparent, like a file.

    Raises
    ------
    UsageError
        If it has another shape or type.
    """
    if hasattr(picture, "convert"):
        from PIL import ImageOps

        picture = ImageOps.exif_transpose(picture)
        if picture.has_transparency_data:
            clear = picture.convert("RGBA")
            picture = clear.copy()
            picture.paste((255, 255, 255, 255), (0, 0, *clear.size))
            picture.alpha_composite(clear)
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise UsageError(
            f"a picture is an array (height, width, 3) of uint8, not {array.shape} of {array.dtype}: convert it first"
        )
    return array


def read_query(
    query: Query, *, allow_private: bool = False, exclude_ids: Collection[tuple[int, int]] = ()
) -> bytes | None:
    """Return the bytes of a query, or None for an array.

    Parameters
    ----------
    query
        What is asked about.
    allow_private
        See `Library.add`.
    exclude_ids
        (device, inode) of files that are never opened: see `Store.own_files`.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    if query.problem:
        raise UnreadableError(query.problem)
    if query.item is None:
        return query.data
    if query.item.error or query.item.skip:
        raise ImageError(query.item.error or f"{query.item.skip}: not a regular file")
    if is_url(query.item.uri):
        return fetch(query.item.uri, allow_private=allow_private)
    return read_bytes(query.item.uri, exclude_ids=exclude_ids)


def vectors_of(
    queries: Iterable[Query],
    store: Store,
    descriptor: Descriptor,
    descriptor_id: int,
    *,
    max_pixels: int,
    threads: int,
    allow_private: bool = False,
    soon: Callable[[], bool] = lambda: False,
) -> Iterator[list[Query]]:
    """Yield the queries in order, some at a time, each with its vector or its problem.

    A file that is in the library and has not changed, or whose bytes are, is not decoded again.

    Parameters
    ----------
    queries
        What is asked about.
    store
        The library's.
    descriptor, descriptor_id
        By what to compare, and its number in the library.
    max_pixels, threads, allow_private
        See `Library.add`.
    soon
        Called before pictures are decoded: see `lookalike.isolation.decoding_elsewhere`. If it returns True there is
        time to load the model first.
    """

    def work(batch: list[Query]) -> list[Query]:
        done: list[Query] = []
        waiting: list[tuple[int, RGBImage]] = []
        for query in batch:
            query, data = _look_up(query, store, descriptor, descriptor_id, allow_private)
            pixels = query.pixels
            if data is not None:
                if soon():
                    load(descriptor)
                try:
                    pixels = decode(data, min_side=descriptor.spec.min_side, max_pixels=max_pixels).pixels
                except ImageError as error:
                    query = replace(query, problem=str(error))
            if pixels is not None:
                waiting.append((len(done), pixels))
            done.append(query)
        rows, _ = describe(descriptor, [pixels for _, pixels in waiting])
        for (at, _), row in zip(waiting, rows, strict=True):
            usable = row.dtype == np.uint8 or bool(np.isfinite(row).all() and row.any())  # as for indexing
            done[at] = replace(done[at], vector=row) if usable else replace(done[at], problem=_NO_VECTOR)
        return done

    listed = iter(queries)
    with ThreadPoolExecutor(threads) as pool:
        while round_ := list(islice(listed, BATCH * threads)):
            parts = [round_[start::threads] for start in range(threads) if round_[start::threads]]
            answers: list[Query] = [round_[0]] * len(round_)
            for start, part in enumerate(pool.map(work, parts)):
                answers[start::threads] = part
            yield answers


def _look_up(
    query: Query, store: Store, descriptor: Descriptor, descriptor_id: int, allow_private: bool
) -> tuple[Query, bytes | None]:
    """Return the query with its pixels, its vector or its problem, or else with the bytes that are to be decoded."""
    if query.pixels is not None:
        return query, None
    spec = descriptor.spec
    item = query.item
    if item is not None:
        known = store.known([item.uri]).get(item.uri)
        if known is not None:
            query = replace(query, own=known.id)
            if known.state == "ok" and known.content_id is not None and known.is_unchanged(item):
                held = store.vectors(descriptor_id, [known.content_id], spec).get(known.content_id)
                if held is not None:
                    return replace(query, vector=held), None
    try:
        data = read_query(query, allow_private=allow_private, exclude_ids=store.own_files()) or b""
        content = store.content_of_hash(hashlib.sha256(data).digest())
        if content is not None:
            held = store.vectors(descriptor_id, [content.id], spec).get(content.id)
            if held is not None:
                return replace(query, vector=held), None
        return query, data
    except ImageError as error:
        return replace(query, problem=str(error)), None


def nearest(
    store: Store,
    index: VectorIndex,
    vectors: Vectors,
    own: Sequence[int],
    k: int,
    only: Collection[int] | None = None,
) -> list[Hits]:
    """Return the k nearest pictures of each query with their distances, closest first.

    Parameters
    ----------
    store, index
        The library's; the index's keys are content ids.
    vectors
        (n_queries, width) in storage type.
    own
        For each query, the image id that must not be in its answer, or -1.
    k
        At least 1.
    only
        Image ids among which to look; None for all.

    Notes
    -----
    A content may have many names or none that is still there, so that k contents are not always k pictures: then more
    are asked for.
    """
    wanted = k + 1
    while True:
        neighbours = index.search(vectors, wanted)
        names = store.images_of(sorted({key for key in neighbours.keys.ravel().tolist() if key >= 0}))
        answers = []
        for keys, distances, self_id in zip(neighbours.keys, neighbours.distances, own, strict=True):
            hits = [
                (image, float(distance))
                for key, distance in zip(keys.tolist(), distances, strict=True)
                for image in names.get(key, ())
                if image.id != self_id and (only is None or image.id in only)
            ]
            hits.sort(key=lambda hit: (hit[1], hit[0].id))
            answers.append(hits[:k])
        if wanted >= len(index) or all(len(hits) == k for hits in answers):
            return answers
        wanted = min(2 * wanted, max(len(index), 1))


def majority(labels: Sequence[str]) -> str | None:
    """Return the most frequent label; of several, the one that comes first; None if there is no label.

    Parameters
    ----------
    labels
        Of a query's neighbours, closest first, so that a tie goes to the nearer one.
    """
    counts = Counter(labels)  # in the order in which they were met
    return max(counts, key=counts.__getitem__) if counts else None


class Within:
    """Tells the cluster of a query by its nearest neighbours, and searches in that cluster alone.

    Parameters
    ----------
    store
        The library's.
    labels
        Pictures with the name of their cluster; a picture in none (None, or "-1") has no say and is not found.
    index_of
        Gives an index of some contents only.

    Notes
    -----
    The index of each cluster that a query falls into is kept, so that after many queries there is a second copy of
    the clustered vectors in memory.
    """

    def __init__(
        self,
        store: Store,
        labels: Iterable[tuple[Image, str | None]],
        index_of: Callable[[set[int]], VectorIndex],
    ) -> None:
        self._store, self._index_of = store, index_of
        self._label_of: dict[int, str] = {}
        self._members: dict[str, set[int]] = {}
        self._contents: dict[str | None, set[int]] = {None: set()}
        self._indexes: dict[str | None, VectorIndex] = {}
        for image, label in labels:
            if label is not None and label != NO_CLUSTER and image.content_id is not None:
                self._label_of[image.id] = label
                self._members.setdefault(label, set()).add(image.id)
                self._contents[None].add(image.content_id)
                self._contents.setdefault(label, set()).add(image.content_id)

    def __call__(self, vectors: Vectors, own: Sequence[int], k: int, votes: int) -> list[tuple[str | None, Hits]]:
        """Return each query's cluster, by the majority of its `votes` neighbours, and the k nearest there.

        `vectors` and `own` are as in `nearest`.
        """
        voters = nearest(self._store, self._index(None), vectors, own, votes, self._label_of)
        told = [majority([self._label_of[image.id] for image, _ in hits]) for hits in voters]
        found: list[Hits] = [[] for _ in told]
        for label in {label for label in told if label is not None}:
            at = [row for row, other in enumerate(told) if other == label]
            mine = [own[row] for row in at]
            near = nearest(self._store, self._index(label), vectors[at], mine, k, self._members[label])
            for row, hits in zip(at, near, strict=True):
                found[row] = hits
        return list(zip(told, found, strict=True))

    def _index(self, label: str | None) -> VectorIndex:
        """Return the index of a cluster's contents; of all clustered ones for None."""
        if label not in self._indexes:
            self._indexes[label] = self._index_of(self._contents[label])
        return self._indexes[label]


def search_result(
    names: Sequence[str],
    found: Sequence[Hits],
    seconds: float,
    *,
    k: int,
    threshold: float | None,
    descriptor: str,
    failed: Sequence[tuple[str, str]],
    evidence: Sequence[Sequence[Evidence]] = (),
) -> SearchResult:
    """Return what was found as arrays of k columns, padded.

    Farther than `threshold` does not count. `evidence` is of each neighbour of each query, or empty.
    """
    if threshold is not None:
        within = [[hit[1] <= threshold for hit in near] for near in found]
        found = [list(compress(near, keep)) for near, keep in zip(found, within, strict=True)]
        evidence = [list(compress(one, keep)) for one, keep in zip(evidence, within, strict=bool(evidence))]
    keys = np.full((len(names), k), -1, np.int64)
    distances = np.full((len(names), k), np.inf, np.float32)
    for row, near in enumerate(found):
        keys[row, : len(near)] = [image.id for image, _ in near]
        distances[row, : len(near)] = [distance for _, distance in near]
    uris = tuple((*(image.uri for image, _ in near), *[None] * (k - len(near))) for near in found)
    return SearchResult(tuple(names), keys, distances, uris, descriptor, tuple(failed), seconds,
                        evidence=tuple(tuple(one) for one in evidence))  # fmt: skip
