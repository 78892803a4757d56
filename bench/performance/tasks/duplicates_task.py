"""Index a folder and find the copies in it: python duplicates.py FOLDER LEVEL DESCRIPTORS [PAIRS]."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from told import found_of, tell

import lookalike

if __name__ == "__main__":
    folder, level, descriptors, *planted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as fresh, lookalike.open(Path(fresh) / "x.lookalike") as library:
        started = time.perf_counter()
        library.add([folder], descriptors=descriptors.split(","))
        indexed = time.perf_counter() - started
        found = library.duplicates([folder], level=level)
        seconds = time.perf_counter() - started
        groups = [[member.uri for member in group.members] for group in found.groups]
        tell(seconds, indexing=indexed, **found_of(groups, planted))
