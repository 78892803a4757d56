"""Pairs of pictures held against each other by their local features and their aligned pixels."""

from __future__ import annotations

from lookalike.duplicates.verify.pair import Look, look
from lookalike.duplicates.verify.verdict import CopyVerifier, judge, proven

__all__ = ["CopyVerifier", "Look", "judge", "look", "proven"]
