"""A search, from what was asked to the answer: vectors, neighbours, verification."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lookalike.decode import decode
from lookalike.descriptors import get_descriptor
from lookalike.errors import ImageError, UsageError
from lookalike.filters import Chosen, Filters
from lookalike.holdings import Holdings
from lookalike.indexing import available_cores
from lookalike.isolation import decoding_elsewhere
from lookalike.labels import read_labels
from lookalike.results import Evidence, SearchResult
from lookalike.searching import Hits, Query, QueryLike, Within, expand, nearest, read_query, search_result, vectors_of
from lookalike.store import Scaler, Store, current_scaler
from lookalike.types import Descriptor, DescriptorSpec, RGBImage, VectorIndex, Vectors
from lookalike.verifying import NEAREST, SIDE, Verification

__all__ = ["Asking", "Region", "answer"]

Region = tuple[float, float, float, float]
"""Left, top, width and height of a part of a picture, as shares of its width and height."""

_WHOLE: Region = (0.0, 0.0, 1.0, 1.0)
_LEAST = 16  # pixels of a region's sides
_OPPOSITE = 1e-3
_NARROW = 0.25
"""Share of the contents below which a filtered search looks through these alone, rather than leaving others out."""


@dataclass(frozen=True)
class Asking:
    """How a search is to be done: see `Library.search`."""

    k: int
    descriptor: str
    threshold: float | None = None
    verify: bool = False
    only: Filters | None = None
    together: bool = False
    region: Region | None = None
    clusters: str | None = None
    votes: int = 1
    max_pixels: int = 0
    device: str = "auto"
    allow_private: bool = False

    def check(self) -> None:
        """Raise UsageError for what cannot be asked."""
        if self.k < 1:
            raise UsageError(f"k must be at least 1, not {self.k}")
        if self.threshold is not None and not self.threshold >= 0:
            raise UsageError(f"a threshold is a distance of 0 or more, not {self.threshold}")
        if self.votes < 1:
            raise UsageError(f"at least 1 neighbour must vote on a cluster, not {self.votes}")
        if self.region is not None:
            _check_region(self.region)
        if self.together and self.verify:
            raise UsageError("the mean of several pictures is no picture to verify: leave out one of the two")
        if self.clusters is not None and self.only:
            raise UsageError("a search within clusters takes no other filters: leave out one of the two")


def answer(
    store: Store,
    holdings: Holdings,
    queries: QueryLike | Iterable[QueryLike],
    asking: Asking,
    *,
    progress: Callable[[int, int | None], None] | None = None,
    preparing: Callable[[int, int], None] | None = None,
) -> SearchResult:
    """Return what was found: see `Library.search`."""
    started = time.perf_counter()
    asking.check()
    embedder = get_descriptor(asking.descriptor, asking.device)
    if asking.together and embedder.spec.metric == "hamming":
        raise UsageError(f"{asking.descriptor} hashes have no mean: ask by a descriptor such as lite0")
    search = _Search(store, holdings, asking, embedder, preparing)
    total = sum(1 for _ in expand(queries)) if progress and not isinstance(queries, Iterator) else None
    names: list[str] = []
    failed: list[tuple[str, str]] = []
    found: list[Hits] = []
    evidence: list[list[Evidence]] = []
    told: list[tuple[str | None, Hits]] = []
    with contextlib.closing(search), decoding_elsewhere() as soon:
        for batch in search.asked(queries, soon):
            for query, near, verified, cluster in search.of(batch):
                names.append(query.name)
                found.append(near)
                evidence.append(verified)
                told.append(cluster)
                if query.problem:
                    failed.append((query.name, query.problem))
            if progress:
                progress(len(names), total)
    result = partial(
        search_result, names, k=asking.k, threshold=asking.threshold, descriptor=asking.descriptor, failed=failed
    )
    seconds = time.perf_counter() - started
    whole = result(found, seconds, evidence=evidence if search.verifies else ())
    if asking.clusters is None:
        return whole
    near_within = result([near for _, near in told], seconds)
    return replace(whole, clusters=tuple(label for label, _ in told), within=near_within)


class _Search:
    """What one search works with."""

    def __init__(
        self,
        store: Store,
        holdings: Holdings,
        asking: Asking,
        embedder: Descriptor,
        preparing: Callable[[int, int], None] | None,
    ) -> None:
        self._store, self._holdings, self._asking, self._embedder = store, holdings, asking, embedder
        spec = embedder.spec
        # Nothing was ever indexed: an empty answer, like that of a library whose pictures are all gone.
        self._number = holdings.number(spec) if store.descriptors() else 0
        self._scaler = current_scaler(store, self._number, spec)
        self._chosen: Chosen | None = holdings.chosen(asking.only) if asking.only else None
        self._index, self._among = self._searched()
        self._verification: Verification | None = None
        if asking.verify and self._number:
            self._verification = holdings.verification(
                spec,
                self._number,
                self._scaler,
                max_pixels=asking.max_pixels,
                allow_private=asking.allow_private,
                only=self._chosen,
                progress=preparing,
            )
        self._within = None if asking.clusters is None else self._clusters(asking.clusters, spec, self._scaler)

    @property
    def verifies(self) -> bool:
        return self._verification is not None

    def close(self) -> None:
        if self._verification is not None:
            self._verification.close()

    def asked(self, queries: QueryLike | Iterable[QueryLike], soon: Callable[[], bool]) -> Iterator[list[Query]]:
        """Yield the queries with their vectors or problems, some at a time; one alone if they are asked together.

        `soon` is as in `vectors_of`.
        """
        listed: Iterable[Query] = expand(queries)
        if self._asking.region not in (None, _WHOLE):
            listed = map(self._cut, listed)
        batches = vectors_of(
            listed,
            self._store,
            self._embedder,
            self._number,
            max_pixels=self._asking.max_pixels,
            threads=available_cores(),
            allow_private=self._asking.allow_private,
            soon=soon,
        )
        if self._asking.together:
            yield [_mean([query for batch in batches for query in batch], self._embedder.spec.metric == "cosine")]
        else:
            yield from batches

    def of(self, batch: Sequence[Query]) -> Iterator[tuple[Query, Hits, list[Evidence], tuple[str | None, Hits]]]:
        """Yield each query with its neighbours, what it is to them, and its cluster with those in it."""
        spec, k = self._embedder.spec, self._asking.k
        answered = [query for query in batch if query.vector is not None]
        rows = np.array([query.vector for query in answered], spec.storage).reshape(len(answered), spec.width)
        rows = rows if self._scaler is None else self._scaler.standardise(rows)
        own = [query.own for query in answered]
        more = max((len(query.others) for query in answered), default=0)
        wanted = max(k, NEAREST) if self._verification else k
        hits = iter(nearest(self._store, self._index, rows, own, wanted + more, self._among))
        inside = iter(self._within(rows, own, k, self._asking.votes) if self._within else ())
        for query in batch:
            near = next(hits) if query.vector is not None else []
            near = [(image, distance) for image, distance in near if image.id not in query.others][:wanted]
            verified: list[Evidence] = []
            if self._verification and query.vector is not None:
                proven = self._verification(query, near, k)
                near = [(image, distance) for image, distance, _ in proven]
                verified = [one for _, _, one in proven]
            cluster = next(inside, (None, [])) if query.vector is not None else (None, [])
            yield query, near, verified, cluster

    def _searched(self) -> tuple[VectorIndex, frozenset[int] | None]:
        """Return what is searched, and the pictures that count in it; None for all."""
        spec, chosen = self._embedder.spec, self._chosen
        if chosen is None:
            return self._holdings.index(self._number, spec, self._scaler), None
        if len(chosen.contents) > _NARROW * self._store.counts()["contents"]:
            return self._holdings.index(self._number, spec, self._scaler), chosen.images
        narrow = self._holdings.exact(self._number, spec, self._scaler, set(chosen.contents))
        return narrow, chosen.images

    def _clusters(self, clusters: str, spec: DescriptorSpec, scaler: Scaler | None) -> Within:
        images = list(self._store.images())
        labels = read_labels(clusters, [image.uri for image in images])
        return Within(
            self._store,
            zip(images, labels, strict=True),
            lambda contents: self._holdings.exact(self._number, spec, scaler, contents),
        )

    def _cut(self, query: Query) -> Query:
        """Return the asked region of a query as a query of its own, which is still no answer to itself."""
        assert self._asking.region is not None
        known = self._store.known([query.item.uri]).get(query.item.uri) if query.item is not None else None
        own = known.id if known is not None else query.own
        try:
            pixels = query.pixels
            if pixels is None:
                data = read_query(query, allow_private=self._asking.allow_private, exclude_ids=self._store.own_files())
                side = math.ceil(max(self._embedder.spec.min_side or 0, SIDE) / min(self._asking.region[2:]))
                pixels = decode(data or b"", min_side=side, max_pixels=self._asking.max_pixels).pixels
            return Query(query.name, pixels=cut(pixels, self._asking.region), own=own)
        except ImageError as error:
            return Query(query.name, problem=str(error))


def cut(pixels: RGBImage, region: Region) -> RGBImage:
    """Return a region of a picture, at least 16 pixels a side where it has as many."""
    height, width = pixels.shape[:2]
    left, top, wide, high = region
    x, w = _span(left, wide, width)
    y, h = _span(top, high, height)
    return np.ascontiguousarray(pixels[y : y + h, x : x + w])


def _span(start: float, share: float, of: int) -> tuple[int, int]:
    length = min(max(round(share * of), _LEAST), of)
    return min(max(round(start * of), 0), of - length), length


def _check_region(region: Region) -> None:
    left, top, width, height = region
    inside = all(math.isfinite(one) for one in region) and min(left, top) >= 0
    if not (inside and min(width, height) > 0 and left + width <= 1 + 1e-6 and top + height <= 1 + 1e-6):
        raise UsageError(
            f"a region is left, top, width, height as shares of the picture, such as .25,0,.5,1: not {region}"
        )


def _mean(queries: Sequence[Query], unit: bool) -> Query:
    """Return one query that lies between several, by the mean of their vectors; none of them is its answer.

    With `unit`, the mean is made a unit vector, as they are.
    """
    name = " + ".join(query.name for query in queries)
    if not queries:
        return Query(name, problem="there is no picture to search for")
    problems = [f"{query.name}: {query.problem}" for query in queries if query.vector is None]
    if problems:
        return Query(name, problem="; ".join(problems))
    rows: Vectors = np.stack([np.asarray(query.vector, np.float32) for query in queries])
    mean = rows.mean(axis=0)
    if unit:
        length = float(np.linalg.norm(mean))
        if length < _OPPOSITE:
            return Query(name, problem="these pictures are opposites by this descriptor: they have no mean")
        mean = mean / length
    return Query(name, vector=mean, others=frozenset(query.own for query in queries if query.own >= 0))
