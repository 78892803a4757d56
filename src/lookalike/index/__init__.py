"""Neighbour search: exact up to about a hundred thousand vectors, approximate beyond; and by shared regions."""

from __future__ import annotations

from typing import Literal

from lookalike.index.approximate import ApproximateIndex
from lookalike.index.exact import ExactIndex
from lookalike.index.words import WordIndex, WordNeighbours
from lookalike.types import Metric

__all__ = ["APPROXIMATE_FROM", "ApproximateIndex", "ExactIndex", "WordIndex", "WordNeighbours", "choose"]

APPROXIMATE_FROM = 100_000
"""Number of vectors from which an approximate index pays: below it one exact query takes less than about 0.1 s.

Measured by ``bench/performance exact-1280 approximate``."""


def choose(n: int, metric: Metric) -> Literal["exact", "approximate"]:
    """Return which index suits n vectors. Bits are always searched exactly: a hundred thousand take milliseconds."""
    return "approximate" if metric != "hamming" and n >= APPROXIMATE_FROM else "exact"
