"""Exact and near-duplicates: candidates, proof where there is one, chain-free groups, keepers."""

from __future__ import annotations

from lookalike.duplicates.candidates import EDIT_BITS, Sharing, hash_pairs
from lookalike.duplicates.find import Found, Pair, find_duplicates
from lookalike.duplicates.keeper import check_keep
from lookalike.duplicates.levels import check_level, needed_descriptors
from lookalike.duplicates.relations import merged
from lookalike.duplicates.sides import Apart, Picture

__all__ = [
    "EDIT_BITS", "Apart", "Found", "Pair", "Picture", "Sharing", "check_keep", "check_level", "find_duplicates",
    "hash_pairs", "merged", "needed_descriptors",
]  # fmt: skip
