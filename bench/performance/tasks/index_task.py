"""Index some files into a new library: python index.py LISTING|FOLDER DESCRIPTOR[,DESCRIPTOR...]."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from told import files_of, tell, timed

import lookalike

if __name__ == "__main__":
    named, descriptors = sys.argv[1], sys.argv[2].split(",")
    whole = Path(named).is_dir()
    files = [str(path) for path in Path(named).rglob("*.jpg")] if whole else files_of(named)
    for name in descriptors:
        lookalike.get_descriptor(name)  # the model is loaded before any clock runs
    with tempfile.TemporaryDirectory() as folder, lookalike.open(Path(folder) / "x.lookalike") as library:
        library.add(files[:8], descriptors=descriptors)  # and files that all runs read have been read
        seconds = timed(lambda: library.add([named] if whole else files, descriptors=descriptors))
        tell(seconds, indexed=library.status().indexed)
