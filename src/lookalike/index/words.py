"""Search by what pictures share: an inverted file of visual words over their local features.

Sivic and Zisserman, Video Google, ICCV 2003, with Hamming embedding, multiple assignment and agreement of turn, scale
and place: see `lookalike.index._quantiser` and `lookalike.index._votes`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.compiled import compiles
from lookalike.index._entries import Entries
from lookalike.index._quantiser import WORDS, Quantiser, shipped
from lookalike.index._votes import SHORTLIST, decoded, encoded, supported, turned_alike
from lookalike.types import LocalFeatures

__all__ = ["WordIndex", "WordNeighbours"]

ASSIGNED = 4
"""Words of a query's keypoint; those of the gallery have one."""

DIFFERING = 16
"""Bits of 64 by which the signatures of a match differ at most; unlike keypoints differ by 32."""

_READ = 0.5, 1 << 20
"""Of all entries, the part that one query reads at most, from the shortest lists on; and what it may read always."""

_CELLS = 1024
"""Pairs of picture and variant whose matches are looked at for agreement, those with the most votes."""

_CHUNK = 1 << 17
"""Entries compared at a time: 2 MB, which stay in a core's cache."""

_TAIL = 1 << 18, 8
"""Entries added since that are kept apart: so many, or an eighth of the others."""

_KINDS = {
    "codebook": np.dtype(np.uint8),
    "keys": np.dtype(np.int64),
    "offsets": np.dtype(np.int64),
    "slots": np.dtype(np.int32),
    "signatures": np.dtype(np.uint64),
    "shapes": np.dtype(np.uint8),
}

_UNPROVEN = 1e-3  # of a vote that was not held against the others, beside one that was


@dataclass(frozen=True)
class WordNeighbours:
    """The pictures that share most with a query.

    Attributes
    ----------
    keys
        (k,) int64, closest first, ties by smaller key; -1 where there is none.
    distances
        (k,) float32: 1 / (1 + score), where the score is about the number of keypoints that agree on one turn, scale
        and place; +inf where there is none.
    variants
        (k,) int64: which of the query's variants was closest, the first of equals; -1 where there is none.
    """

    keys: NDArray[np.int64]
    distances: NDArray[np.float32]
    variants: NDArray[np.int64]


class WordIndex:
    """Finds the pictures that share a region with a query, however small, turned or surrounded by other things.

    Each keypoint of the gallery is an entry of 16 bytes in the list of its word: picture, signature, place, scale and
    angle. A query reads the lists of its keypoints' nearest words; entries whose signature is close are matches. They
    vote for pictures, and where most agree on one turn, scale and place, that picture is closest.

    Parameters
    ----------
    quantiser
        What words and signatures are made by; None for the codebook that ships with the package.
    assigned
        Words that are looked up for each keypoint of a query, 1 to 65,536: more find more and take longer.
    differing
        Bits of 64 by which signatures of a match differ at most.

    Raises
    ------
    ValueError
        If `assigned` or `differing` is out of range.

    Notes
    -----
    Same pictures, same answer: the order in which they came, and what was added and removed between, do not matter.
    Several threads may search at once, as long as none adds or removes.
    """

    def __init__(
        self, quantiser: Quantiser | None = None, *, assigned: int = ASSIGNED, differing: int = DIFFERING
    ) -> None:
        if not 1 <= assigned <= WORDS:
            raise ValueError(f"assigned must be 1 to {WORDS}, not {assigned}")
        if not 0 <= differing <= 64:
            raise ValueError(f"differing must be 0 to 64, not {differing}")
        self.quantiser = shipped() if quantiser is None else quantiser
        self.assigned = assigned
        self.differing = differing
        self._keys = np.empty(0, np.int64)
        self._alive = np.empty(0, np.bool_)
        self._places: dict[int, int] = {}
        self._main = self._recent = Entries.sorted([])
        self._pending: list[tuple[NDArray[np.uint16], Entries]] = []
        self._settling = threading.Lock()  # of several threads that ask first after an addition, one sorts it in

    def __len__(self) -> int:
        return len(self._places)

    @property
    def keys(self) -> NDArray[np.int64]:
        """All keys, (n,) int64, in the order of adding."""
        return self._keys[self._alive]

    def add(self, keys: NDArray[np.int64], features: Sequence[LocalFeatures]) -> None:
        """Add pictures; all or none. One without keypoints has its key, and is never found.

        Parameters
        ----------
        keys
            (n,) integers, at least 0, all new.
        features
            Of n pictures.

        Raises
        ------
        ValueError
            If there are not as many keys as pictures, or a key is below 0, comes twice or is there already.
        """
        keys = np.asarray(keys)
        if keys.shape != (len(features),) or (len(keys) and not np.issubdtype(keys.dtype, np.integer)):
            raise ValueError(
                f"keys must be ({len(features)},) integers, one for each picture, not {keys.shape} {keys.dtype}"
            )
        named = [int(key) for key in keys]
        if named and min(named) < 0:
            raise ValueError("keys must be at least 0")
        if len(set(named)) < len(named) or any(key in self._places for key in named):
            raise ValueError("keys must be new: one comes twice or is in the index already")
        if not named:
            return
        rows = np.concatenate([one.rows for one in features])
        words = self.quantiser.words(rows)
        slots = np.repeat(np.arange(len(named), dtype=np.int32), [len(one.rows) for one in features]) + np.int32(
            len(self._keys)
        )
        signatures = self.quantiser.signatures(rows, words)[:, 0]
        shapes = np.concatenate([encoded(one) for one in features])
        unsorted = Entries(np.empty(0, np.int64), slots, signatures, shapes)
        self._pending.append((words[:, 0].astype(np.uint16), unsorted))
        self._places.update(zip(named, range(len(self._keys), len(self._keys) + len(named)), strict=True))
        self._keys = np.concatenate([self._keys, keys.astype(np.int64)])
        self._alive = np.concatenate([self._alive, np.ones(len(named), np.bool_)])

    def remove(self, keys: NDArray[np.int64]) -> None:
        """Remove the pictures of these keys, (n,) integers; a key that is not there is ignored."""
        for key in np.asarray(keys).reshape(-1):
            place = self._places.pop(int(key), None)
            if place is not None:
                self._alive[place] = False

    def search(self, variants: Sequence[LocalFeatures], k: int) -> WordNeighbours:
        """Return the k pictures that share most with one query.

        Parameters
        ----------
        variants
            At least one: the query's features as they are, and those of whatever it may be a copy of, such as its
            mirrored and its negative picture. A picture counts by its closest variant.
        k
            At least 1. May exceed the number of pictures; only those with a match are named.

        Returns
        -------
        WordNeighbours
            Closest first. A query that is in the index finds itself: drop it by key.

        Raises
        ------
        ValueError
            If there is no variant, or k < 1.

        Notes
        -----
        Of the lists that a query asks for the shortest are read, up to half as many entries as there are, or a million:
        what is in every picture tells nothing. Time grows with the number of entries; the figures are in
        docs/explanation/visual-words.md.
        """
        if not variants:
            raise ValueError("variants must be at least one")
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        self._settle()
        rows = np.concatenate([one.rows for one in variants])
        found = WordNeighbours(np.full(k, -1, np.int64), np.full(k, np.inf, np.float32), np.full(k, -1, np.int64))
        if not len(rows) or not len(self._main) + len(self._recent):
            return found
        query, slots, weights, theirs = self._matches(rows)
        if not len(query):
            return found
        of = np.repeat(np.arange(len(variants)), [len(one.rows) for one in variants])
        ours = _shaped(variants)
        cells = slots.astype(np.int64) * len(variants) + of[query]
        cells, scores = self._scored(cells, len(variants), weights, ours[query], decoded(theirs), query, k)
        distances = (1 / (1 + scores)).astype(np.float32)
        place, variant = np.divmod(cells, len(variants))
        order = np.lexsort((variant, distances, place))
        order = order[np.concatenate([[True], np.diff(place[order]) > 0])]  # the closest variant of each picture
        order = order[np.lexsort((self._keys[place[order]], distances[order]))][:k]
        found.keys[: len(order)] = self._keys[place[order]]
        found.distances[: len(order)] = distances[order]
        found.variants[: len(order)] = variant[order]
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the index holds as arrays, about 16 bytes a keypoint, for `from_arrays` or `numpy.savez`."""
        self._settle(whole=True)
        return {
            "codebook": np.frombuffer(bytes.fromhex(self.quantiser.fingerprint), np.uint8).copy(),
            "keys": self._keys,
            "offsets": self._main.offsets,
            "slots": self._main.slots,
            "signatures": self._main.signatures,
            "shapes": self._main.shapes,
        }

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        quantiser: Quantiser | None = None,
        *,
        assigned: int = ASSIGNED,
        differing: int = DIFFERING,
    ) -> WordIndex:
        """Return the index that `to_arrays` was called on. Arrays may be memory-mapped; they are never written.

        Raises
        ------
        ValueError
            If an array is missing, does not fit the others, or was made by another codebook.
        """
        index = cls(quantiser, assigned=assigned, differing=differing)
        missing = set(_KINDS) - set(arrays)
        if missing:
            raise ValueError(f"not the arrays of a word index: {', '.join(sorted(missing))} missing")
        if arrays["codebook"].tobytes().hex() != index.quantiser.fingerprint:
            raise ValueError("these words are of another codebook: make the index anew")
        keys, main = arrays["keys"], Entries(*(arrays[name] for name in ("offsets", "slots", "signatures", "shapes")))
        count = len(main)
        whole = (
            all(arrays[name].dtype == kind for name, kind in _KINDS.items())
            and main.offsets.shape == (WORDS + 1,)
            and (main.offsets[0], main.offsets[-1]) == (0, count)
            and bool((np.diff(main.offsets) >= 0).all())
            and main.signatures.shape == (count,)
            and main.shapes.shape == (count, 4)
            and (not count or (int(main.slots.min()) >= 0 and int(main.slots.max()) < len(keys)))
            and len(np.unique(keys)) == len(keys)
        )
        if not whole:
            raise ValueError("the arrays of the word index do not fit one another: make it anew")
        index._main = main
        index._keys = np.array(keys)
        index._alive = np.ones(len(keys), np.bool_)
        index._places = {int(key): place for place, key in enumerate(keys)}
        return index

    def _settle(self, *, whole: bool = False) -> None:
        """Bring what was added into lists, and drop what was removed."""
        with self._settling:
            self._settle_alone(whole)

    def _settle_alone(self, whole: bool) -> None:
        if not self._alive.all():
            kept = self._alive
            slots = (np.cumsum(kept) - 1).astype(np.int32)
            self._main, self._recent = self._main.without(kept, slots), self._recent.without(kept, slots)
            for number, (words, part) in enumerate(self._pending):
                stay = kept[part.slots]
                part = Entries(part.offsets, slots[part.slots[stay]], part.signatures[stay], part.shapes[stay])
                self._pending[number] = (words[stay], part)
            self._keys, self._alive = self._keys[kept], np.ones(int(kept.sum()), np.bool_)
            self._places = {int(key): place for place, key in enumerate(self._keys)}
        apart = len(self._recent) + sum(len(part) for _, part in self._pending)
        if not apart or not (self._pending or whole):
            return
        if whole or apart > max(_TAIL[0], len(self._main) // _TAIL[1]):
            parts = [(part.words(), part) for part in (self._main, self._recent)]
            self._main, self._recent = Entries.sorted(parts + self._pending), Entries.sorted([])
        else:
            self._recent = Entries.sorted([(self._recent.words(), self._recent), *self._pending])
        self._pending = []

    def _matches(
        self, rows: NDArray[np.uint8]
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8]]:
        """Return the matches of all rows as columns: row, slot, weight, the other keypoint's 4 bytes."""
        words = self.quantiser.words(rows, self.assigned)
        signatures = self.quantiser.signatures(rows, words).reshape(-1)
        asked = words.reshape(-1).astype(np.int64)
        pieces = (self._main, self._recent)
        counts = np.diff(self._main.offsets) + np.diff(self._recent.offsets)
        total = len(self._main) + len(self._recent)
        lengths = counts[asked]
        order = np.lexsort((asked, lengths))
        last = int(np.searchsorted(np.cumsum(lengths[order]), max(total * _READ[0], _READ[1]), side="right"))
        read = np.sort(order[:last])
        rarity = np.log(total / np.maximum(counts, 1) + 1) / np.log(total + 1)
        columns = []
        by_bits = np.exp(-np.square(np.arange(65) / (self.differing / 2 + 1e-9)) / 2)
        for piece in pieces:
            for lists, entries, differing in self._close(piece, asked[read], signatures[read]):
                at = read[lists]
                weights = by_bits[differing] * rarity[asked[at]]
                columns.append((at // self.assigned, piece.slots[entries], weights, piece.shapes[entries]))
        if not columns:
            return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0), np.empty((0, 4), np.uint8)
        query, slots, weights, shapes = (np.concatenate(column) for column in zip(*columns, strict=True))
        return query, slots, weights, shapes

    def _close(
        self, piece: Entries, asked: NDArray[np.int64], signatures: NDArray[np.uint64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
        """Yield matches: which list of those asked for, which entry, by how many bits they differ."""
        starts = piece.offsets[asked]
        lengths = piece.offsets[asked + 1] - starts
        if compiles():
            yield from self._close_compiled(piece, starts, lengths, signatures)
            return
        ends = np.cumsum(lengths)
        first = 0
        while first < len(asked):
            done = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
            part = slice(first, last)
            count = lengths[part]
            before = ends[part] - count - done
            entries = np.arange(int(ends[last - 1]) - done) + np.repeat(starts[part] - before, count)
            differing = np.bitwise_count(piece.signatures[entries] ^ np.repeat(signatures[part], count))
            near = np.nonzero(differing <= self.differing)[0]
            if len(near):
                lists = first + np.searchsorted(ends[part] - done, near, side="right")
                yield lists, entries[near], differing[near]
            first = last

    def _close_compiled(
        self,
        piece: Entries,
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        signatures: NDArray[np.uint64],
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]]:
        """Yield what `_close` does, all at once, by a compiled loop."""
        from lookalike.index import _compiled

        room = int(lengths.sum()) // 8
        while True:
            lists, entries = np.empty(room, np.int64), np.empty(room, np.int64)
            differing = np.empty(room, np.uint8)
            found = _compiled.close(
                piece.signatures, starts, lengths, signatures, self.differing, lists, entries, differing
            )
            if found <= room:
                break
            room = found
        if found:
            yield lists[:found], entries[:found], differing[:found]

    def _scored(
        self,
        cells: NDArray[np.int64],
        variants: int,
        weights: NDArray[np.float64],
        ours: NDArray[np.float32],
        theirs: NDArray[np.float32],
        query: NDArray[np.int64],
        k: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return pairs of picture and variant, as slot x variants + variant, and their scores."""
        votes: NDArray[np.float64] = np.bincount(cells, weights, len(self._keys) * variants).astype(np.float64)
        kept = self._most(np.nonzero(votes)[0], votes, variants, max(_CELLS, 4 * k))
        votes = np.zeros(len(votes))
        groups = np.full(len(votes), -1, np.int64)
        groups[kept] = np.arange(len(kept))
        among = np.nonzero(groups[cells] >= 0)[0]
        # A keypoint that matches many of one picture, as in a grid of windows, counts as their root.
        pair = groups[cells[among]] * (int(query.max()) + 1) + query[among]
        _, which, times = np.unique(pair, return_inverse=True, return_counts=True)
        weights = weights[among] / np.sqrt(times[which])
        ours, theirs, of = ours[among], theirs[among], groups[cells[among]]
        scores = turned_alike(of, len(kept), weights, ours, theirs)
        votes[kept] = scores
        best = groups[self._most(kept, votes, variants, max(SHORTLIST, k))]
        scores *= _UNPROVEN
        numbers = np.full(len(kept), -1, np.int64)
        numbers[best] = np.arange(len(best))
        short = numbers[of] >= 0
        scores[best] += supported(numbers[of[short]], len(best), weights[short], ours[short], theirs[short])
        return kept, scores

    def _most(
        self, cells: NDArray[np.int64], votes: NDArray[np.float64], variants: int, count: int
    ) -> NDArray[np.int64]:
        """Return the cells with the most votes, ties by smaller key and variant, in ascending order."""
        if len(cells) <= count:
            return cells
        limit = np.partition(votes[cells], len(cells) - count)[len(cells) - count]
        cells = cells[votes[cells] >= limit]
        order = np.lexsort((cells % variants, self._keys[cells // variants], -votes[cells]))
        return np.sort(cells[order[:count]])


def _shaped(variants: Sequence[LocalFeatures]) -> NDArray[np.float32]:
    """Return the keypoints of all variants as `decoded` gives those of the index: both are rounded alike."""
    return decoded(np.concatenate([encoded(one) for one in variants]))
