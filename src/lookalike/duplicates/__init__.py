"""Exact and near-duplicates: candidates, proof where there is one, chain-free groups, keepers."""

from __future__ import annotations

from lookalike.duplicates.find import Found, Picture, find_duplicates
from lookalike.duplicates.keeper import check_keep
from lookalike.duplicates.levels import check_level, needed_descriptors

__all__ = ["Found", "Picture", "check_keep", "check_level", "find_duplicates", "needed_descriptors"]
