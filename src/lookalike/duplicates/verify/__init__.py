"""Pairs of pictures held against each other by their local features and their aligned pixels."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

from lookalike.descriptors.local import FINGERPRINT
from lookalike.duplicates.verify.hidden import less_hidden
from lookalike.duplicates.verify.pair import Look, look
from lookalike.duplicates.verify.verdict import CopyVerifier, judge, looked_apart, proven

__all__ = ["CopyVerifier", "Look", "fingerprint", "judge", "less_hidden", "look", "looked_apart", "proven"]


@functools.cache
def fingerprint() -> str:
    """Return what tells verdicts of this version from those of another: of this package's code and weights."""
    here = resources.files(__name__)
    parts = [part for folder in (here, here / "weights") for part in folder.iterdir() if part.is_file()]
    digest = hashlib.sha256(FINGERPRINT.encode())
    for part in sorted(parts, key=lambda part: part.name):
        digest.update(part.name.encode() + part.read_bytes())
    return digest.hexdigest()[:16]
