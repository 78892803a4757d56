"""Pairs that may be copies of each other: by hash in eight orientations, by vector, by shared local features."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import LEVELS
from lookalike.descriptors.pdq import MIN_QUALITY, turned_from_hashes
from lookalike.index import ExactIndex
from lookalike.metrics import paired
from lookalike.types import Vectors, Verdict

__all__ = [
    "EDIT_BITS", "HashPairs", "Near", "Progress", "Sharing", "VectorBlock", "candidate_pairs", "closing_pairs",
    "hash_pairs", "vector_distances",
]  # fmt: skip

EDIT_BITS = 60
"""Bits by which the hashes of a pair may differ, in the best of eight orientations."""

NEAREST_SAME, NEAREST_EDITED = 2, 3
"""Nearest by vector of each picture, for "same-picture" and for weaker levels; ..."""

FARTHEST = 0.5
"""... within this cosine distance: farther ones share what local features find, or nothing."""

SAME_BITS = 96
"""Bits by which the hashes of two pictures of which neither is plain may differ if they are "same-picture".

Of the pairs with that verdict among 9,144 photographs the farthest lie 36 apart, of the others nine in ten over 96.
"""

FIRST = 12
"""Copies of one picture that are paired with all its others: see `closing_pairs`."""

ASKED = 1024
"""Rows that are searched at a time."""

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
class Sharing:
    """What the local features of contents tell of which may be copies of each other.

    Attributes
    ----------
    pairs
        Pairs of contents that share some.
    telling
        Contents that have so many that sharing none with another one tells that they are no copies: what edits leave of
        a picture is found by them, or by its hash. Nearness by vector alone is then that of two things of a kind.
    """

    pairs: Collection[tuple[int, int]] = ()
    telling: Collection[int] = frozenset()


@dataclass(frozen=True)
class Near:
    """Pairs of contents, as parallel arrays (n,), each pair once.

    Attributes
    ----------
    a, b
        Content ids, a < b.
    distance
        lite0's cosine distance; +inf where either has no vector.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    distance: NDArray[np.float32]


_NOTHING = Sharing()


@dataclass(frozen=True)
class HashPairs:
    """Pairs of contents, as parallel arrays (n,): a < b, differing bits, and which of the 8 orientations that is in."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    bits: NDArray[np.int64]
    turn: NDArray[np.int64]


def hash_pairs(
    blocks: Sequence[VectorBlock],
    plain: set[int],
    *,
    orientations: bool,
    bits: int = EDIT_BITS,
    progress: Progress = lambda _: None,
) -> HashPairs:
    """Return the pairs of contents whose hashes are near each other.

    Parameters
    ----------
    blocks
        Hashes by content.
    plain
        Contents too plain for their hash to mean anything: in no pair.
    orientations
        Try all eight orientations, not only the upright one.
    bits
        By which they may differ.
    progress
        Called with the part that is done, 0 to 1.
    """
    index = ExactIndex("hamming", 256)
    for block in blocks:
        keep = np.fromiter((int(key) not in plain for key in block.keys), bool, len(block.keys))
        index.add(block.keys[keep], block.rows[keep])
    share = 0.3 if orientations else 1.0
    joined = index.self_join(bits, progress=lambda part: progress(share * part))
    parts = [(a, b, away, np.zeros(len(a), np.int64)) for a, b, away in joined]
    if orientations:
        for block in blocks:
            keep = np.fromiter((int(key) not in plain for key in block.keys), bool, len(block.keys))
            keys = block.keys[keep]
            for turn, rows in enumerate(turned_from_hashes(np.ascontiguousarray(block.rows[keep]))):
                if turn == 0:
                    continue
                progress((2 + turn) / 10)
                found = index.range_search(rows, bits)
                a = np.repeat(keys, np.diff(found.offsets))
                # A turn and its inverse find the same pair from both sides: one of them is enough.
                once = a < found.keys
                parts.append((a[once], found.keys[once], found.distances[once], np.full(int(once.sum()), turn)))
    if not parts:
        empty = np.empty(0, np.int64)
        return HashPairs(empty, empty, empty, empty)
    a, b, away, turns = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((turns, away, b, a))
    a, b, away, turns = a[order], b[order], away[order].astype(np.int64), turns[order]
    first = np.r_[True, (a[1:] != a[:-1]) | (b[1:] != b[:-1])] if len(a) else np.empty(0, bool)
    return HashPairs(a[first], b[first], away[first], turns[first])


def candidate_pairs(
    hashes: Sequence[VectorBlock],
    vectors: Sequence[VectorBlock],
    level: Verdict,
    quality: dict[int, int],
    sharing: Sharing = _NOTHING,
    progress: Progress = lambda _: None,
) -> Near:
    """Return the pairs that are worth verifying for `level`: near by hash or by vector, or sharing local features.

    Parameters
    ----------
    hashes, vectors
        Of pdq and of lite0, by content.
    level
        "same-picture", "edited" or "same-scene".
    quality
        PDQ's quality, 0 to 100, of each content.
    sharing
        Which contents share local features.
    progress
        Called with the part that is done, 0 to 1.

    Notes
    -----
    Two pictures that are both plain (quality under `MIN_QUALITY`: flat colours, blank scans) are in no pair: their
    hashes are noise and their vectors alike. For "same-picture" two that are not plain are in none if their hashes are
    `SAME_BITS` apart or more. For "edited" those that are near by vector only are none if the local features of both
    are telling, and neither is plain: see `Sharing`.
    """
    plain = {content for content, value in quality.items() if value < MIN_QUALITY}
    edits = LEVELS.index(level) >= LEVELS.index("edited")
    by_hash = hash_pairs(hashes, plain, orientations=edits, progress=lambda part: progress(0.4 * part))
    a, b = [by_hash.a], [by_hash.b]
    index = ExactIndex.from_blocks("cosine", 1280, [(block.keys, block.rows, block.norms) for block in vectors])
    near = NEAREST_EDITED if edits else NEAREST_SAME
    telling = np.array(sorted(set(sharing.telling) - plain) if level == "edited" else [], np.int64)
    for at, block in enumerate(vectors):
        for start in range(0, len(block.keys), ASKED):
            keys = np.asarray(block.keys[start : start + ASKED])
            found = index.search(np.asarray(block.rows[start : start + ASKED]), near + 1)
            other = np.repeat(keys, near + 1), found.keys.ravel()
            close = (other[1] >= 0) & (other[0] != other[1]) & (found.distances.ravel() <= FARTHEST)
            close &= ~(np.isin(other[0], telling) & np.isin(other[1], telling))
            a.append(np.minimum(*other)[close])
            b.append(np.maximum(*other)[close])
        progress(0.4 + 0.6 * (at + 1) / len(vectors))
    shared = np.array([pair for pair in sharing.pairs if pair[0] != pair[1]], np.int64).reshape(-1, 2)
    a.append(shared.min(1, initial=np.iinfo(np.int64).max) if len(shared) else np.empty(0, np.int64))
    b.append(shared.max(1, initial=-1) if len(shared) else np.empty(0, np.int64))
    pairs = np.unique(np.stack([np.concatenate(a), np.concatenate(b)], axis=1).reshape(-1, 2), axis=0)
    if plain:
        noise = np.array(sorted(plain), np.int64)
        pairs = pairs[~(np.isin(pairs[:, 0], noise) & np.isin(pairs[:, 1], noise))]
    if not edits:
        pairs = pairs[_may_be_same(pairs, hashes, {key for key in quality if key not in plain})]
    return Near(pairs[:, 0], pairs[:, 1], vector_distances(pairs, vectors))


def closing_pairs(
    copies: Mapping[tuple[int, int], float], known: Collection[tuple[int, int]], rank: Callable[[int], Any] = int
) -> dict[tuple[int, int], float]:
    """Return pairs of pictures that are copies of one and the same picture, and were no candidates themselves.

    Two edits of a photograph may have little in common that a descriptor sees, each of them being near the photograph.

    Parameters
    ----------
    copies
        Pairs of keys that were proven, with their probabilities.
    known
        Pairs (lower key, higher key) that were candidates.
    rank
        Sorts keys, those of the pictures that are likely to be kept first.

    Returns
    -------
    dict
        Pairs (lower key, higher key), in order, with the probability of the weaker of the two by which the surest way
        from one to the other leads: a mistake among copies must not beget surer ones. Where a picture has very many
        copies, the `FIRST` of them by rank are paired with the others, so that the number of pairs grows no faster than
        that of copies.
    """
    of: dict[int, dict[int, float]] = {}
    for (a, b), probability in copies.items():
        of.setdefault(a, {})[b] = probability
        of.setdefault(b, {})[a] = probability
    found: dict[tuple[int, int], float] = {}
    for several in of.values():
        ordered = sorted(several, key=rank)
        for number, one in enumerate(ordered[:FIRST]):
            for other in ordered[number + 1 :]:
                pair = (min(one, other), max(one, other))
                found[pair] = max(found.get(pair, 0.0), min(several[one], several[other]))
    return {pair: found[pair] for pair in sorted(found.keys() - set(known))}


def _may_be_same(
    pairs: NDArray[np.int64], hashes: Sequence[VectorBlock], telling: set[int]
) -> NDArray[np.bool_]:  # fmt: skip
    """Return of each pair whether its hashes are near enough, or say too little, for it to be one picture."""
    rows = {
        int(key): row for block in hashes for key, row in zip(block.keys, block.rows, strict=True) if key in telling
    }
    known = np.fromiter((a in rows and b in rows for a, b in pairs.tolist()), bool, len(pairs))
    if not known.any():
        return ~known
    left, right = (np.stack([rows[key] for key in side.tolist()]) for side in pairs[known].T)
    near = ~known
    near[known] = np.bitwise_count(left ^ right).sum(axis=1) < SAME_BITS
    return near


def vector_distances(pairs: NDArray[np.int64], blocks: Sequence[VectorBlock]) -> NDArray[np.float32]:
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
