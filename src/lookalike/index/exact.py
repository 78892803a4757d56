"""Exact neighbour search, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.index._blocks import Best, Block
from lookalike.index._kernels import Bits, Numbers, kernel, places, widen
from lookalike.index._scan import nearest_rows, worthwhile
from lookalike.index._substrings import close_pairs, pays
from lookalike.metrics import as_stored, paired
from lookalike.types import Metric, Neighbours, RangeNeighbours, Vectors

__all__ = ["ExactIndex"]

_PIECE = 4096
"""Gallery rows compared at a time."""

_CHUNK = 1024
"""Queries compared at a time: with _PIECE, at most 4 M distances, 16 MiB, are in memory."""

_TAIL = 1024
"""A block in memory that is smaller than this is joined with the next rows added, so that blocks stay few."""

_GATHER = 1 << 20
"""Numbers of winners' rows that are gathered at a time to compute their final distances."""


class ExactIndex:
    """All distances are computed, so every answer is exact and the same on every machine.

    Rows are kept as `lookalike.metrics.as_stored` makes them, or used where they lie (`from_blocks`). Final distances
    are those of `lookalike.metrics.paired` between the query and the row, both as stored: a stored vector is at 0 from
    itself, and neither the cutting into blocks nor the machine's linear algebra changes a digit. Searching from
    several threads at once is safe as long as none adds or removes.

    Parameters
    ----------
    metric
        "cosine", "l2" or "hamming".
    dim
        Length of a vector: numbers, or bits (a multiple of 8) for "hamming".

    Raises
    ------
    ValueError
        If the metric is unknown, or `dim` is below 1 or no whole number of bytes for "hamming".
    """

    def __init__(self, metric: Metric, dim: int) -> None:
        if metric not in ("cosine", "l2", "hamming"):
            raise ValueError(f'metric {metric!r} is none of "cosine", "l2", "hamming"')
        if dim < 1 or (metric == "hamming" and dim % 8):
            raise ValueError(f"dim must be at least 1, and a multiple of 8 for hamming, not {dim}")
        self.metric: Metric = metric
        self.dim = dim
        self.width = dim // 8 if metric == "hamming" else dim
        self._dtype = {"cosine": np.float16, "l2": np.float32, "hamming": np.uint8}[metric]
        self._blocks: list[Block] = []

    @classmethod
    def from_blocks(
        cls,
        metric: Metric,
        dim: int,
        blocks: Sequence[tuple[NDArray[np.int64], Vectors, NDArray[np.float32] | None]],
    ) -> ExactIndex:
        """Return an index over rows that stay where they are, for example in memory-mapped files.

        Parameters
        ----------
        metric, dim
            As in the class.
        blocks
            Each (keys, rows, norms). ``keys`` (n,) int64, at least 0, all different over all blocks. ``rows``
            (n, width) in the stored type: float16 for "cosine", float32 for "l2", uint8 for "hamming"; never copied,
            never written. ``norms`` (n,) float32, the Euclidean lengths of these very rows; None to have them
            computed at the first search (not needed for "hamming").

        Raises
        ------
        ValueError
            If a shape or type is another, a key is below 0 or comes twice.

        Notes
        -----
        Rows are not looked at: one with NaN or infinity in it, and so in its norm, is never found. Rows under
        "cosine" need not be of unit length.
        """
        index = cls(metric, dim)
        for keys, rows, norms in blocks:
            if rows.ndim != 2 or rows.shape[1] != index.width or rows.dtype != index._dtype:
                raise ValueError(
                    f"rows must be (n, {index.width}) {np.dtype(index._dtype)}, not {rows.shape} {rows.dtype}"
                )
            if norms is not None and norms.shape != (len(rows),):
                raise ValueError(f"norms must be ({len(rows)},), not {norms.shape}")
            index._blocks.append(Block(_checked_keys(keys, len(rows)), rows, norms))
        every = np.sort(index.keys)
        if (every[1:] == every[:-1]).any():
            raise ValueError("keys must differ: one comes twice")
        return index

    def __len__(self) -> int:
        return sum(int(block.alive.sum()) for block in self._blocks)

    @property
    def keys(self) -> NDArray[np.int64]:
        """All keys, (n,) int64, in the order of adding."""
        return np.concatenate([np.empty(0, np.int64), *(block.keys[block.alive] for block in self._blocks)])

    def add(self, keys: NDArray[np.int64], vectors: Vectors) -> None:
        """Add vectors; all or none.

        Parameters
        ----------
        keys
            (n,) integers, at least 0, all new.
        vectors
            (n, width): finite numbers, or packed bits in uint8 for "hamming". A copy is kept, as stored.

        Raises
        ------
        ValueError
            If a shape or type is wrong, a number is not finite, or a key is below 0, comes twice or is there already.
        """
        rows = self.stored(vectors)
        keys = _checked_keys(keys, len(rows))
        if len(np.unique(keys)) != len(keys) or any((block.find(keys) >= 0).any() for block in self._blocks):
            raise ValueError("keys must be new: one comes twice or is in the index already")
        if not len(keys):
            return
        if rows is vectors or np.shares_memory(rows, vectors):
            rows = rows.copy()
        if self._blocks and self._blocks[-1].owned and len(self._blocks[-1].keys) < _TAIL:
            tail = self._blocks.pop()
            keys = np.concatenate([tail.keys[tail.alive], keys])
            rows = np.concatenate([tail.rows[tail.alive], rows])
        self._blocks.append(Block(keys, rows, None, owned=True))

    def remove(self, keys: NDArray[np.int64]) -> None:
        """Remove the vectors of these keys, (n,) integers; a key that is not there is ignored.

        The rows are hidden, not freed: memory is given back with the index.
        """
        keys = np.asarray(keys).reshape(-1).astype(np.int64)
        for block in self._blocks:
            found = block.find(keys)
            block.alive[found[found >= 0]] = False

    def search(self, queries: Vectors, k: int) -> Neighbours:
        """Return the k nearest vectors of each query, closest first.

        Parameters
        ----------
        queries
            Shape (n_queries, width): finite numbers, or packed bits in uint8 for "hamming". They are rounded to the
            stored type first. n_queries may be 0.
        k
            At least 1. May exceed the number of vectors.

        Returns
        -------
        Neighbours
            ``keys`` (n_queries, k) int64, -1 where there is none; ``distances`` (n_queries, k) float32, +inf there.
            Ties, also at the k-th place: smaller key first.

        Raises
        ------
        ValueError
            If `queries` is not 2-D, its width or type is wrong, a number is not finite, or k < 1.

        Notes
        -----
        Exact, O(n_queries * n * dim); memory does not grow with n. A query that is in the index finds itself: drop it
        by key.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        rows = self.stored(queries)
        kept = min(k, len(self))
        keys = np.full((len(rows), k), -1, np.int64)
        distances = np.full((len(rows), k), np.inf, np.float32)
        passed = self.metric == "cosine" and worthwhile(self._blocks, len(rows), kept)
        if passed and all(self._passed(rows[at], keys[at, :kept], distances[at, :kept]) for at in range(len(rows))):
            return Neighbours(keys, distances)
        for start in range(0, len(rows) if kept else 0, _CHUNK):
            chunk = slice(start, start + _CHUNK)
            best = Best(len(rows[chunk]), kept)
            nearer = kernel(self.metric, self.dim, rows[chunk])
            for piece in self._pieces():
                i, j = _promising(nearer, piece, best)
                best.merge(i, piece.keys[j], self._distances(rows[chunk], i, piece, j))
            keys[chunk, :kept], distances[chunk, :kept] = best.keys, best.distances
        return Neighbours(keys, distances)

    def range_search(self, queries: Vectors, radius: float) -> RangeNeighbours:
        """Return all vectors within `radius` of each query.

        Parameters
        ----------
        queries
            As in `search`.
        radius
            Largest distance, itself included, compared in float32. May be +inf.

        Returns
        -------
        RangeNeighbours
            Within a query closest first, ties by smaller key.

        Raises
        ------
        ValueError
            As in `search`, or if `radius` is NaN or below 0.

        Notes
        -----
        Exact. Memory grows with the answer only.
        """
        limit = _checked_radius(radius)
        rows = self.stored(queries)
        counts = np.zeros(len(rows), np.int64)
        keys, distances = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        for start in range(0, len(rows), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
            nearer = kernel(self.metric, self.dim, rows[chunk])
            for piece in self._pieces():
                i, j, away = self._within(nearer, rows[chunk], piece, limit)
                found.append((i, piece.keys[j], away))
            query, key, away = (np.concatenate(column) for column in zip(*found, strict=True))
            order = np.lexsort((key, away, query))
            keys.append(key[order])
            distances.append(away[order])
            counts[chunk] = np.bincount(query, minlength=len(rows[chunk]))
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        return RangeNeighbours(offsets, np.concatenate(keys), np.concatenate(distances))

    def self_join(
        self, radius: float, *, limit: int | None = None, progress: Callable[[float], None] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
        """Yield all pairs of the index's own vectors within `radius` of each other, part by part.

        Parameters
        ----------
        radius
            Largest distance, itself included, compared in float32. May be +inf.
        limit
            End after so many pairs, whichever come first. None: all pairs.
        progress
            Called now and then with the part that is done, 0 to 1.

        Yields
        ------
        tuple
            ``i_keys``, ``j_keys`` (m,) int64 with i < j, and ``distances`` (m,) float32; m is at least 1 and at most
            about 4 million. Every pair comes once. Within a part by (i, j); over the parts in no order to rely on.

        Raises
        ------
        ValueError
            If `radius` is NaN or below 0, or `limit` below 0; at the first step.

        Notes
        -----
        Exact, O(n^2 * dim / 2): only one of (i, j) and (j, i) is computed. Bits within a radius of less than one in
        four are joined by multi-index hashing where that costs less. Do not add or remove until it ends.
        """
        within = _checked_radius(radius)
        if limit is not None and limit < 0:
            raise ValueError(f"limit must be at least 0, not {limit}")
        left = np.inf if limit is None else limit
        for a, b, away in self._joined(within, progress or (lambda _: None)):
            if left <= 0:
                return
            a, b = np.minimum(a, b), np.maximum(a, b)
            order = np.lexsort((b, a))[: int(min(left, len(a)))]
            left -= len(order)
            if len(order):
                yield a[order], b[order], away[order]

    def _joined(
        self, within: np.float32, progress: Callable[[float], None]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
        """Yield the keys and distances of all pairs, each once, in whatever order; maybe none at a time."""
        if self.metric == "hamming" and len(self._blocks) and np.isfinite(within):
            bits = np.concatenate([block.rows[block.alive] for block in self._blocks])
            if pays(bits, float(within)):
                keys = np.concatenate([block.keys[block.alive] for block in self._blocks])
                for part, i, j in close_pairs(bits, float(within)):
                    progress(part)
                    yield keys[i], keys[j], paired(bits[i], bits[j], "hamming").astype(np.float32)
                return
        pieces = list(self._pieces())
        total, done = sum(len(piece.keys) for piece in pieces), 0
        for number, own in enumerate(pieces):
            for start in range(0, len(own.keys), _CHUNK):
                progress(1 - (1 - (done + start) / total) ** 2)  # of n rows the first meets n others, the last none
                rows = own[start : start + _CHUNK]
                nearer = kernel(self.metric, self.dim, rows.rows)
                for later in pieces[number:]:
                    other = own[start:] if later is own else later
                    i, j, away = self._within(nearer, rows.rows, other, within)
                    fresh = rows.alive[i] & (j > i) if later is own else rows.alive[i]
                    yield rows.keys[i[fresh]], other.keys[j[fresh]], away[fresh]
            done += len(own.keys)

    def search_among(self, queries: Vectors, candidates: NDArray[np.int64], k: int) -> Neighbours:
        """Return the k nearest of the candidates given for each query: the second step after a search of another kind.

        Parameters
        ----------
        queries
            As in `search`.
        candidates
            (n_queries, m) int64 keys, different within a row; -1 and keys that are not in the index are passed over.
        k
            At least 1. May exceed m.

        Returns
        -------
        Neighbours
            As `search` would answer if there were only the candidates: distances are the same to the last digit.

        Raises
        ------
        ValueError
            As in `search`, or if there is not one row of candidates per query.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        rows = self.stored(queries)
        if candidates.ndim != 2 or len(candidates) != len(rows):
            raise ValueError(f"candidates must be ({len(rows)}, m), not {candidates.shape}")
        best = Best(len(rows), k)
        for number, keys in enumerate(candidates):
            piece = self._piece_of(keys)
            nearer = kernel(self.metric, self.dim, rows[number : number + 1])
            _, j = _promising(nearer, piece, Best(1, k))
            query = np.full(len(j), number, np.int64)
            best.merge(query, piece.keys[j], self._distances(rows, query, piece, j))
        return Neighbours(best.keys, best.distances)

    def batches(self, size: int) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """Yield (keys, rows) of at most `size` vectors at a time, rows as stored, in the order of adding."""
        for piece in self._pieces(size):
            if piece.alive.any():
                yield piece.keys[piece.alive], piece.rows[piece.alive]

    def rows_of(self, keys: NDArray[np.int64]) -> Vectors:
        """Return the rows of these keys as stored, (n, width).

        Raises
        ------
        KeyError
            If a key is not in the index.
        """
        piece = self._piece_of(keys)
        if not piece.alive.all():
            raise KeyError(int(keys[~piece.alive][0]))
        return piece.rows

    def stored(self, vectors: Vectors) -> Vectors:
        rows = as_stored(vectors, self.metric)
        if rows.shape[1] != self.width:
            raise ValueError(f"vectors must have {self.width} columns, not {rows.shape[1]}")
        return rows

    def _piece_of(self, keys: NDArray[np.int64]) -> Block:
        """Return the rows of these keys, copied; those that are not in the index are not alive."""
        rows, there = np.zeros((len(keys), self.width), self._dtype), np.zeros(len(keys), np.bool_)
        norms = None if self.metric == "hamming" else np.zeros(len(keys), np.float32)
        order = np.argsort(keys, kind="stable")
        bounds = np.array([block.bounds() for block in self._blocks], np.int64).reshape(-1, 2)
        first = np.searchsorted(keys, bounds[:, 0], side="left", sorter=order)
        last = np.searchsorted(keys, bounds[:, 1], side="right", sorter=order)
        for number in np.flatnonzero(first < last):  # blocks hold keys in a row, mostly: few are looked into
            block, some = self._blocks[number], order[first[number] : last[number]]
            places = block.find(keys[some])
            some, places = some[places >= 0], places[places >= 0]
            rows[some], there[some] = block.rows[places], True
            if norms is not None:
                norms[some] = block.norms(self.metric)[places]
        return Block(keys, rows, norms, there)

    def _pieces(self, size: int | None = None) -> Iterator[Block]:
        size = size or _PIECE
        for block in self._blocks:
            for start in range(0, len(block.keys), size):
                yield block[start : start + size]

    def _passed(self, query: Vectors, keys: NDArray[np.int64], distances: NDArray[np.float32]) -> bool:
        """Fill in the nearest of one query, (k,), found in one pass over the rows; say whether these are proven."""
        nearer = Numbers(self.metric, self.dim, query[None])
        named, beyond = nearest_rows(self._blocks, nearer.queries[0], len(keys), nearer.precision)
        rows = np.concatenate([block.rows[at] for block, at in zip(self._blocks, named, strict=True)])
        theirs = np.concatenate([block.keys[at] for block, at in zip(self._blocks, named, strict=True)])
        first = np.zeros(len(rows), np.int64)
        best = Best(1, len(keys))
        best.merge(first, theirs, paired(widen(query[None])[first], widen(rows), self.metric))
        keys[:], distances[:] = best.keys[0], best.distances[0]
        return bool(distances[-1] < beyond - 2 * nearer.precision)

    def _within(
        self, nearer: Bits | Numbers, rows: Vectors, piece: Block, radius: np.float32
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return the places (query, row) of all live rows within the radius, and their final distances."""
        i, j = nearer.within(piece.rows, piece.norms(self.metric), radius)
        live = piece.alive[j]
        i, j = i[live], j[live]
        away = self._distances(rows, i, piece, j)
        near = away <= radius
        return i[near], j[near], away[near]

    def _distances(
        self, queries: Vectors, i: NDArray[np.int64], piece: Block, j: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the final distances of queries i to rows j, of some at a time."""
        found = np.empty(len(i), np.float32)
        step = max(1, _GATHER // self.width)
        for start in range(0, len(i), step):
            part = slice(start, start + step)
            found[part] = paired(widen(queries[i[part]]), widen(piece.rows[j[part]]), self.metric)
        return found


def _promising(nearer: Bits | Numbers, piece: Block, best: Best) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places (query, row) of all live rows that may be among the k nearest, and few others.

    The kernel's values are off by up to its margin, so whatever is within the margin of the k-th place stays in.
    """
    norms = piece.norms(nearer.metric)
    values = nearer.values(piece.rows, norms)
    if not piece.alive.all():
        values[:, ~piece.alive] = np.inf
    k = best.keys.shape[1]
    margin = nearer.margin(norms)
    bound = nearer.scaled(best.distances[:, -1]) + margin
    close = values <= bound[:, None]
    if k < values.shape[1] and np.count_nonzero(close) > 2 * k * len(values):
        # Too many to compute one by one: k rows of this piece itself bound what can still win.
        own = np.partition(values, k - 1, axis=1)[:, k - 1]
        bound = np.fmin(bound, own + 2 * margin)
        close = values <= bound[:, None]
    if not np.isfinite(bound).all():
        close &= values < np.inf  # removed rows are there
    return places(close)


def _checked_keys(keys: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    keys = np.asarray(keys)
    if keys.shape != (count,) or (count and keys.dtype.kind not in "iu"):
        raise ValueError(f"keys must be ({count},) integers, one for each row, not {keys.shape} {keys.dtype}")
    keys = keys.astype(np.int64)
    if (keys < 0).any():
        raise ValueError("keys must be at least 0")
    return keys


def _checked_radius(radius: float) -> np.float32:
    if not radius >= 0:
        raise ValueError(f"radius must be at least 0, not {radius}")
    return np.float32(radius)
