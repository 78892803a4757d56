"""Index a folder and list the pairs within distances: python near_task.py FOLDER NAME=DISTANCE[,...] [PAIRS]."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from told import found_of, tell

import lookalike

if __name__ == "__main__":
    folder, given, *planted = sys.argv[1:]
    thresholds = {name: float(value) for name, _, value in (one.rpartition("=") for one in given.split(","))}
    with tempfile.TemporaryDirectory() as fresh, lookalike.open(Path(fresh) / "x.lookalike") as library:
        started = time.perf_counter()
        found = library.near_pairs([folder], thresholds=thresholds)
        seconds = time.perf_counter() - started
        tell(seconds, **found_of(zip(found.a, found.b, strict=True), planted))
