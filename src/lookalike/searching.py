"""From a query to its neighbours: what can be asked about, its vector, and the pictures that lie near it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from lookalike.decode import decode
from lookalike.descriptors import describe
from lookalike.errors import ImageError, UnreadableError, UsageError
from lookalike.sources import FileSource, fetch, is_url, normalise_uri, read_bytes
from lookalike.store import Image, Store
from lookalike.types import Descriptor, RGBImage, SourceItem, VectorIndex, Vectors

__all__ = ["Query", "QueryLike", "as_array", "expand", "nearest", "read_query", "vectors_of"]

BATCH = 16

QueryLike: TypeAlias = str | os.PathLike[str] | bytes | RGBImage | Any
"""A path, a folder, a URL, the bytes of a file, an array (height, width, 3) uint8, or a Pillow image."""


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
        if isinstance(query, str | os.PathLike):
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
    """

    def work(batch: list[Query]) -> list[Query]:
        done: list[Query] = []
        waiting: list[tuple[int, RGBImage]] = []
        for query in batch:
            query, pixels = _look_up(query, store, descriptor, descriptor_id, max_pixels, allow_private)
            if pixels is not None:
                waiting.append((len(done), pixels))
            done.append(query)
        rows, _ = describe(descriptor, [pixels for _, pixels in waiting])
        for (at, _), row in zip(waiting, rows, strict=True):
            done[at] = replace(done[at], vector=row)
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
    query: Query, store: Store, descriptor: Descriptor, descriptor_id: int, max_pixels: int, allow_private: bool
) -> tuple[Query, RGBImage | None]:
    """Return the query with its vector or its problem, or else with the pixels that are still to be described."""
    if query.pixels is not None:
        return query, query.pixels
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
        return query, decode(data, min_side=spec.min_side, max_pixels=max_pixels).pixels
    except ImageError as error:
        return replace(query, problem=str(error)), None


def nearest(
    store: Store, index: VectorIndex, vectors: Vectors, own: Sequence[int], k: int
) -> list[list[tuple[Image, float]]]:
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

    Notes
    -----
    A content may have many names or none that is still there, so that k contents are not always k pictures: then more
    are asked for.
    """
    wanted = k + 1
    while True:
        neighbours = index.search(vectors, wanted)
        names = store.images_of([int(key) for key in np.unique(neighbours.keys) if key >= 0])
        answers = []
        for keys, distances, self_id in zip(neighbours.keys, neighbours.distances, own, strict=True):
            hits = [
                (image, float(distance))
                for key, distance in zip(keys.tolist(), distances, strict=True)
                for image in names.get(key, ())
                if image.id != self_id
            ]
            hits.sort(key=lambda hit: (hit[1], hit[0].id))
            answers.append(hits[:k])
        if wanted >= len(index) or all(len(hits) == k for hits in answers):
            return answers
        wanted = min(2 * wanted, max(len(index), 1))
