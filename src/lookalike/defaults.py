"""Every default and every list of choices, once: the Python signatures and the command line both take them from here.

This file imports nothing, so that ``lookalike --help`` stays quick.
"""

from __future__ import annotations

__all__ = ["DESCRIPTOR", "DESCRIPTORS", "DEVICE", "DEVICES", "FACES", "LEVEL", "LEVELS", "MAX_PIXELS", "K"]

DESCRIPTORS = ("lite0", "pdq")
"""What `index` describes pictures by."""

DESCRIPTOR = "lite0"
"""What `search` compares by."""

K = 10
"""Neighbours of a query."""

LEVELS = ("same-file", "same-pixels", "same-picture", "edited", "same-scene")
"""Verdicts that `duplicates` can report down to, strongest first."""

LEVEL = "same-picture"

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded, in width x height."""

DEVICES = ("auto", "cpu", "cuda", "coreml", "directml")
DEVICE = "auto"

FACES = ("table", "csv", "json", "jsonl", "parquet")
"""Forms in which rows are printed."""
