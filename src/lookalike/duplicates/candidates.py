"""Pairs that may be copies of each other: by hash in eight orientations and by vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import LEVELS
from lookalike.descriptors.pdq import MIN_QUALITY, ORIENTATIONS, turned_from_hashes
from lookalike.duplicates.levels import (
    CROP_COSINE,
    EDIT_BITS,
    EDIT_COSINE,
    SAME_BITS,
    SAME_COSINE,
    SCENE_COSINE,
)
from lookalike.index import ExactIndex
from lookalike.metrics import paired
from lookalike.types import Vectors, Verdict

__all__ = ["Near", "Progress", "VectorBlock", "hash_pairs", "near_pairs"]

ASPECT = 0.02
"""Largest relative difference between the aspects of two versions of one whole picture: rounding, not cropping."""


Progress = Callable[[float], None]


class VectorBlock(Protocol):
    """Rows of vectors with the content each belongs to; see `lookalike.store.Block`."""

    @property
    def keys(self) -> NDArray[np.int64]: ...
    @property
    def rows(self) -> Vectors: ...
    @property
    def norms(self) -> NDArray[np.float32] | None: ...


@dataclass(frozen=True)
class Near:
    """Pairs of contents, as parallel arrays (n,), each pair once.

    Attributes
    ----------
    a, b
        Content ids, a < b.
    bits
        Hash distance in the best orientation; -1 where a hash means nothing.
    turn
        Which of `lookalike.descriptors.pdq.ORIENTATIONS` makes a look like b.
    distance
        lite0's cosine distance; NaN where it was not asked for.
    rank
        Position of the verdict in `LEVELS`.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    bits: NDArray[np.int64]
    turn: NDArray[np.int64]
    distance: NDArray[np.float32]
    rank: NDArray[np.int64]


@dataclass(frozen=True)
class _HashPairs:
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    bits: NDArray[np.int64]
    turn: NDArray[np.int64]


def hash_pairs(
    blocks: Sequence[VectorBlock],
    plain: set[int],
    *,
    orientations: bool,
    radius: int = EDIT_BITS,
    progress: Progress = lambda _: None,
) -> _HashPairs:
    """Return the pairs of contents whose hashes lie within `radius` bits.

    Parameters
    ----------
    blocks
        Hashes by content.
    plain
        Contents too plain for their hash to mean anything: in no pair.
    orientations
        Try all eight orientations, not only the upright one.
    radius
        Largest distance in bits.
    progress
        Called with the part that is done, 0 to 1.
    """
    index = ExactIndex("hamming", 256)
    for block in blocks:
        keep = np.fromiter((int(key) not in plain for key in block.keys), bool, len(block.keys))
        index.add(block.keys[keep], block.rows[keep])
    share = 0.3 if orientations else 1.0
    joined = index.self_join(radius, progress=lambda part: progress(share * part))
    parts = [(a, b, bits, np.zeros(len(a), np.int64)) for a, b, bits in joined]
    if orientations:
        for block in blocks:
            keep = np.fromiter((int(key) not in plain for key in block.keys), bool, len(block.keys))
            keys = block.keys[keep]
            for turn, rows in enumerate(turned_from_hashes(np.ascontiguousarray(block.rows[keep]))):
                if turn == 0:
                    continue
                progress((2 + turn) / 10)
                found = index.range_search(rows, radius)
                a = np.repeat(keys, np.diff(found.offsets))
                # A turn and its inverse find the same pair from both sides: one of them is enough.
                once = a < found.keys
                parts.append((a[once], found.keys[once], found.distances[once], np.full(int(once.sum()), turn)))
    if not parts:
        empty = np.empty(0, np.int64)
        return _HashPairs(empty, empty, empty, empty)
    a, b, bits, turns = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((turns, bits, b, a))
    a, b, bits, turns = a[order], b[order], bits[order].astype(np.int64), turns[order]
    first = np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])] if len(a) else np.empty(0, bool)
    return _HashPairs(a[first], b[first], bits[first], turns[first])


def near_pairs(
    hashes: Sequence[VectorBlock],
    vectors: Sequence[VectorBlock],
    level: Verdict,
    quality: dict[int, int],
    aspect: dict[int, float],
    progress: Progress = lambda _: None,
) -> Near:
    """Return the pairs whose verdict by the descriptors is at `level` or stronger.

    Parameters
    ----------
    hashes, vectors
        Of pdq and of lite0, by content.
    level
        "same-picture", "edited" or "same-scene".
    quality
        PDQ's quality, 0 to 100, of each content.
    aspect
        Width by height of each content.
    progress
        Called with the part that is done, 0 to 1.

    Notes
    -----
    Two pictures that are both plain (quality under `MIN_QUALITY`: flat colours, blank scans) are in no pair: their
    hashes are noise and their vectors alike.
    """
    plain = {content for content, value in quality.items() if value < MIN_QUALITY}
    edits = LEVELS.index(level) >= LEVELS.index("edited")
    bits_within = EDIT_BITS if edits else SAME_BITS
    by_hash = hash_pairs(
        hashes, plain, orientations=edits, radius=bits_within, progress=lambda part: progress(0.4 * part)
    )
    radius = {"same-picture": None, "edited": CROP_COSINE, "same-scene": SCENE_COSINE}[level]
    index = ExactIndex.from_blocks("cosine", 1280, [(block.keys, block.rows, block.norms) for block in vectors])
    a, b = [by_hash.a], [by_hash.b]
    if radius is not None:
        for i, j, _ in index.self_join(radius, progress=lambda part: progress(0.4 + 0.6 * part)):
            a.append(i)
            b.append(j)
    pairs = np.unique(np.stack([np.concatenate(a), np.concatenate(b)], axis=1).reshape(-1, 2), axis=0)
    if plain:
        noise = np.array(sorted(plain), np.int64)
        pairs = pairs[~(np.isin(pairs[:, 0], noise) & np.isin(pairs[:, 1], noise))]
    bits, turn = _look_up(pairs, by_hash)
    distance = _distances(pairs, vectors)
    upright = (bits >= 0) & (turn == 0)
    shape = np.array([abs(aspect[x] / aspect[y] - 1) for x, y in pairs.tolist()]).reshape(len(pairs))
    rank = np.full(len(pairs), len(LEVELS), np.int64)
    rank[distance <= SCENE_COSINE] = LEVELS.index("same-scene")
    rank[((bits >= 0) & (distance <= EDIT_COSINE)) | (distance <= CROP_COSINE)] = LEVELS.index("edited")
    same = upright & (bits <= SAME_BITS) & (distance <= SAME_COSINE) & (shape <= ASPECT)
    rank[same] = LEVELS.index("same-picture")
    keep = rank <= LEVELS.index(level)
    return Near(pairs[keep, 0], pairs[keep, 1], bits[keep], turn[keep], distance[keep], rank[keep])


_TURNS = {
    "rotate_90": "turned by 90 degrees",
    "rotate_180": "turned by 180 degrees",
    "rotate_270": "turned by 270 degrees",
    "flip_x": "turned upside down and mirrored",
    "flip_y": "mirrored",
    "flip_plus_1": "mirrored and turned by 90 degrees",
    "flip_minus_1": "mirrored and turned by 270 degrees",
}


def in_words(bits: int, turn: int, distance: float) -> str:
    """Say on what a near-duplicate rests."""
    words = []
    if bits >= 0:
        how = f" when {_TURNS[ORIENTATIONS[turn]]}" if turn else ""
        words.append(f"hashes {bits} of 256 bits apart{how}")
    words.append(f"vectors {distance:.3f} apart")
    return ", ".join(words) + "; not proven by pixels"


def _look_up(pairs: NDArray[np.int64], found: _HashPairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return bits and turn of each pair that was found by hash, -1 and 0 of the others."""
    bits, turn = np.full(len(pairs), -1, np.int64), np.zeros(len(pairs), np.int64)
    at = {(a, b): i for i, (a, b) in enumerate(zip(found.a.tolist(), found.b.tolist(), strict=True))}
    for row, pair in enumerate(map(tuple, pairs.tolist())):
        i = at.get(pair)
        if i is not None:
            bits[row], turn[row] = found.bits[i], found.turn[i]
    return bits, turn


def _distances(pairs: NDArray[np.int64], blocks: Sequence[VectorBlock]) -> NDArray[np.float32]:
    """Return lite0's distance of each pair, some at a time; +inf where either has no vector."""
    keys = np.concatenate([np.empty(0, np.int64), *(block.keys for block in blocks)])
    starts = np.cumsum([0, *(len(block.keys) for block in blocks)])
    at = {int(key): row for row, key in enumerate(keys)}

    def row(content: int) -> Vectors:
        position = at[content]
        block = int(np.searchsorted(starts, position, side="right")) - 1
        vector: Vectors = blocks[block].rows[position - starts[block]]
        return vector

    distances = np.full(len(pairs), np.inf, np.float32)
    for start in range(0, len(pairs), 4096):
        part = [(i, x, y) for i, (x, y) in enumerate(pairs[start : start + 4096].tolist()) if x in at and y in at]
        if part:
            left, right = np.stack([row(x) for _, x, _ in part]), np.stack([row(y) for _, _, y in part])
            distances[[start + i for i, _, _ in part]] = paired(left, right, "cosine")
    return distances
