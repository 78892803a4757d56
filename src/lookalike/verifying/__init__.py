"""Verification on a library: local features of its pictures, kept in its cache, and verdicts of many pairs.

A query's candidates come from three sides: the nearest by vector, those near by hash in eight orientations, and those
that share local features with it. Each is then verified; only what was verified has a verdict.
"""

from __future__ import annotations

from lookalike.descriptors.local import SIDE
from lookalike.verifying.known import known_copies
from lookalike.verifying.looks import Entry, Looks, look_at, single_threaded, size_of, variants
from lookalike.verifying.pairs import PairVerdicts
from lookalike.verifying.queries import NEAREST, Verification

__all__ = [
    "NEAREST", "SIDE", "Entry", "Looks", "PairVerdicts", "Verification", "known_copies", "look_at", "single_threaded",
    "size_of", "variants",
]  # fmt: skip
