"""How long a verified search of one query takes in a library, from the call to the answer.

python bench/verified.py LIBRARY FOLDER [--queries 40]

LIBRARY is one that was indexed; FOLDER holds the pictures that it was made of. Each query is an edited copy of one of
them, given as pixels: nothing about it is known before. The first call, for which models and the index are read, is
told apart.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import lookalike
from lookalike.decode import decode
from lookalike.edits import KINDS, edit
from lookalike.types import RGBImage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=40)
    given = parser.parse_args()
    lot = np.random.default_rng(5)
    paths = sorted(given.folder.rglob("*.jpg"))
    pictures = [decode(paths[at].read_bytes()).pixels for at in lot.integers(0, len(paths), given.queries + 5)]
    spare, originals = pictures[:4], pictures[4:]
    copies = [edit(one, str(lot.choice(KINDS)), "middle", at, spare) for at, one in enumerate(originals)]
    with lookalike.open(given.library) as library:
        first, *others = [seconds(library, copy, verify=True) for copy in copies]
        plain = [seconds(library, copy, verify=False) for copy in copies]
        count = library.status().indexed
    print(f"{len(others)} queries among {count:,} pictures: verified median {np.median(others):.2f} s, "
          f"9 in 10 within {np.quantile(others, 0.9):.2f} s, all within {max(others):.2f} s; the first {first:.2f} s; "
          f"not verified median {np.median(plain):.2f} s")  # fmt: skip


def seconds(library: lookalike.Library, query: RGBImage, *, verify: bool) -> float:
    started = time.perf_counter()
    library.search(query, verify=verify)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
