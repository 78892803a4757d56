"""Which pictures of a library lie within a distance of each other: by one descriptor, or by any of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors import get_descriptor
from lookalike.descriptors.pdq import MIN_QUALITY
from lookalike.duplicates import EDIT_BITS, hash_pairs
from lookalike.errors import UsageError
from lookalike.holdings import Holdings
from lookalike.results import NearPairs
from lookalike.store import Image, Store
from lookalike.types import Uri

__all__ = ["check_near", "near_pairs"]

MOST = 1_000_000
"""Pairs that are returned at most: some 300 bytes each while they are sorted."""

_Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


def check_near(thresholds: Mapping[str, float]) -> dict[str, float]:
    """Return thresholds by descriptor, if they can be such.

    Raises
    ------
    UsageError
        If there is none, one is not a finite distance of 0 or more, or of pdq more than 60 bits.
    """
    if not thresholds:
        raise UsageError("name at least one descriptor with its threshold")
    for name, value in thresholds.items():
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"a threshold is a distance of 0 or more, not {value}")
        if name == "pdq" and value > EDIT_BITS:
            raise UsageError(f"hashes more than {EDIT_BITS} bits apart say nothing: take a threshold of pdq up to that")
    return dict(thresholds)


def near_pairs(
    store: Store,
    holdings: Holdings,
    under: Sequence[Uri],
    thresholds: Mapping[str, float],
    progress: Callable[[int, int], None] | None = None,
) -> NearPairs:
    """Return all pairs of pictures at or under `under`, all of them if it is empty: see `Library.near_pairs`."""
    checked = check_near(thresholds)
    for path in under:
        if not store.holds(path):
            raise UsageError(f"there is no usable picture at or under {path}: `lookalike status --errors`")
    named: dict[int, list[Image]] = {}
    for image in store.images(under):
        named.setdefault(image.content_id, []).append(image)
    only = set(named) if under else None
    found: list[_Pairs] = []
    by: list[NDArray[np.int64]] = []
    for number, (name, threshold) in enumerate(checked.items()):

        def tell(part: float, number: int = number) -> None:
            if progress:
                progress(round((number + part) / len(checked) * len(named)), len(named))

        for part in _joined(store, holdings, name, threshold, only, tell):
            found.append(part)
            by.append(np.full(len(part[0]), number, np.int64))
            _check_count(sum(map(len, by)))
    same = [content for content, images in named.items() if len(images) > 1]  # each of them equals itself
    found.append((np.array(same, np.int64), np.array(same, np.int64), np.zeros(len(same), np.float32)))
    by.append(np.zeros(len(same), np.int64))
    a, b, distances = (np.concatenate(column) for column in zip(*found, strict=True))
    nearest_by = np.concatenate(by)
    limits = np.array(list(checked.values()))[nearest_by]
    far = np.divide(distances, limits, out=np.zeros(len(limits)), where=limits > 0)
    order = np.lexsort((nearest_by, far, b, a))
    first = np.r_[True, (np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)][: len(order)]
    return _in_names(named, tuple(checked), *(column[order[first]] for column in (a, b, nearest_by, far, distances)))


def _joined(
    store: Store,
    holdings: Holdings,
    name: str,
    threshold: float,
    only: set[int] | None,
    progress: Callable[[float], None],
) -> Iterator[_Pairs]:
    """Yield pairs of contents (lower id, higher id, distance) within a distance by one descriptor."""
    spec = get_descriptor(name).spec
    number = holdings.number(spec)
    if name == "pdq":
        blocks = holdings.blocks(number, spec, only)
        contents = store.contents([int(key) for block in blocks for key in block.keys])
        plain = {id_ for id_, content in contents.items() if (content.quality or 0) < MIN_QUALITY}
        pairs = hash_pairs(blocks, plain, bits=int(threshold), orientations=True, progress=progress)
        yield pairs.a, pairs.b, pairs.bits.astype(np.float32)
        return
    index = holdings.exact(number, spec, holdings.scaler(spec), only)
    yield from index.self_join(threshold, limit=MOST + 1, progress=progress)


def _in_names(
    named: Mapping[int, Sequence[Image]],
    descriptors: Sequence[str],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    number: NDArray[np.int64],
    far: NDArray[np.float64],
    distances: NDArray[np.float32],
) -> NearPairs:
    """Return pairs of contents as pairs of all their names, the nearest first, then by name."""
    rows: list[tuple[float, Uri, Uri, int, float]] = []
    for one, other, by, how_far, distance in zip(
        a.tolist(), b.tolist(), number.tolist(), far.tolist(), distances.tolist(), strict=True
    ):
        if one not in named or other not in named:
            continue
        mine, theirs = named[one], named[other]
        _check_count(len(rows) + (len(mine) * len(theirs) if one != other else len(mine) * (len(mine) - 1) // 2))
        rows += [
            (how_far, *sorted((my.uri, their.uri)), by, distance)
            for my in mine
            for their in theirs
            if one != other or my.uri < their.uri
        ]
    rows.sort()
    return NearPairs(
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows),
        tuple(descriptors[row[3]] for row in rows),
        np.array([row[4] for row in rows], np.float32),
    )


def _check_count(count: int) -> None:
    if count > MOST:
        raise UsageError(f"more than {MOST:,} pairs are as near as that: take a smaller threshold")
