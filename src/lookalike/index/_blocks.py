"""Rows with their keys, and the nearest found among them so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics import lengths
from lookalike.types import Metric, Vectors

__all__ = ["Best", "Block"]


class Block:
    """Rows with their keys; a slice of it is a view."""

    def __init__(
        self,
        keys: NDArray[np.int64],
        rows: Vectors,
        norms: NDArray[np.float32] | None,
        alive: NDArray[np.bool_] | None = None,
        *,
        owned: bool = False,
    ) -> None:
        self.keys = keys
        self.rows = rows
        self.alive = np.ones(len(keys), np.bool_) if alive is None else alive
        self.owned = owned
        self._norms = norms
        self._order: NDArray[np.int64] | None = None
        self._reach: tuple[float, float] | None = None
        self._bounds: tuple[int, int] | None = None

    def __getitem__(self, part: slice) -> Block:
        norms = None if self._norms is None else self._norms[part]
        return Block(self.keys[part], self.rows[part], norms, self.alive[part])

    def norms(self, metric: Metric) -> NDArray[np.float32]:
        """Return the rows' lengths, (n,) float32; for bits, nothing."""
        if metric == "hamming":
            return np.empty(0, np.float32)
        if self._norms is None:
            self._norms = lengths(self.rows)
        return self._norms

    def reach(self) -> tuple[float, float]:
        """Return the smallest and the largest length of a row, of those that have one: neither 0 nor damaged."""
        if self._reach is None:
            norms = self.norms("cosine")
            whole = norms[np.isfinite(norms) & (norms > 0)]
            self._reach = (float(whole.min()), float(whole.max())) if len(whole) else (1.0, 1.0)
        return self._reach

    def bounds(self) -> tuple[int, int]:
        """Return the smallest and the largest key; of an empty block 0 and -1."""
        if self._bounds is None:
            self._bounds = (int(self.keys.min()), int(self.keys.max())) if len(self.keys) else (0, -1)
        return self._bounds

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place of each key among the live rows, -1 where it is not there."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        if self._order is None:
            self._order = np.argsort(self.keys, kind="stable")
        at = np.searchsorted(self.keys, keys, sorter=self._order)
        places = self._order[np.minimum(at, len(self.keys) - 1)]
        return np.where((self.keys[places] == keys) & self.alive[places], places, -1)


class Best:
    """The k nearest so far of each query: distances (n, k), ascending, and keys (n, k); +inf and -1 where none."""

    def __init__(self, n_queries: int, k: int) -> None:
        self.keys = np.full((n_queries, k), -1, np.int64)
        self.distances = np.full((n_queries, k), np.inf, np.float32)

    def merge(self, query: NDArray[np.int64], keys: NDArray[np.int64], distances: NDArray[np.float32]) -> None:
        """Let more neighbours compete, given as three equally long columns."""
        if not len(query):
            return
        k = self.keys.shape[1]
        touched = np.flatnonzero(np.bincount(query))
        query = np.concatenate([np.repeat(touched, k), query])
        keys = np.concatenate([self.keys[touched].reshape(-1), keys])
        distances = np.concatenate([self.distances[touched].reshape(-1), distances])
        order = np.lexsort((keys, distances, query))
        query = query[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        kept = rank < k
        self.keys[query[kept], rank[kept]] = keys[order[kept]]
        self.distances[query[kept], rank[kept]] = distances[order[kept]]
