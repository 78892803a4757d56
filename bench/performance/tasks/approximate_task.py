"""Search one query after another approximately: python approximate_task.py FILE.npy.

FILE.npy holds unit vectors in float16, made by ../made.py; it is mapped, not read. Tells, besides, what is found of the
true 10 nearest of 200 new queries, what the index takes to build, how large its file is, and what it takes to add
1,000 vectors to it and to remove them again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from told import tell, timed
from vectors_task import K, lookalike_index, queries

from lookalike.index import ApproximateIndex

ASKED, CHANGED = 200, 1000

if __name__ == "__main__":
    rows = np.load(sys.argv[1], mmap_mode="r")
    asked = queries(rows, ASKED)
    exact = lookalike_index(rows)
    truth = exact.search(asked, K).keys
    built: list[ApproximateIndex] = []
    building = timed(lambda: built.append(ApproximateIndex.build(exact)))
    (index,) = built
    at = iter(range(ASKED))
    seconds = timed(lambda: index.search(asked[(one := next(at)) : one + 1], K), ASKED)
    found = index.search(asked, K).keys
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)])
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "index", "bench")
        size = (Path(folder) / "index").stat().st_size
    more, keys = queries(rows, CHANGED), np.arange(len(rows), len(rows) + CHANGED)
    adding, removing = timed(lambda: index.add(keys, more)), timed(lambda: index.remove(keys))
    told: dict[str, float | str] = {
        "recall@10": f"{recall:.4f}",
        "built in s": building,
        "MB of file": size / 1e6,
        f"{CHANGED} added in s": adding,
        "removed in s": removing,
    }
    tell(seconds, **told)
