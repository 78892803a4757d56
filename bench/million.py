"""How long do opening, searching and pruning take in a library of a million pictures?

    python bench/million.py FOLDER [ROWS] [--approximate]

Fills a library in FOLDER (a new one is made and removed again) with ROWS (1,000,000) random unit vectors of lite0's
length, as if so many pictures had been indexed from ten folders, of which one is there and the others are on disks
that are not. Takes 5.6 kB of disk a row. Then prints, each by the clock, what it takes to open it, which must take less
than 2 s, to open it and count all that is in it, to search for a picture for the first time (the vectors are written
out as a cache file then, as `index` does at its end) and again, to plan a prune and to prune the folder whose files are
gone. With --approximate, making the approximate index (which `index` does) and searching by it are measured, too.
It is checked that a vector of the library finds itself, and what was pruned.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

import lookalike
from lookalike.descriptors import get_descriptor
from lookalike.library import Library
from lookalike.store import Content, Record, Store
from lookalike.types import SourceItem, Vectors

FOLDERS = 10
BLOCK = 10_000
OPENED = 2.0
"""Seconds in which it must open."""

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--approximate", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        measure(Path(temporary), options.rows, options.approximate)


def measure(folder: Path, rows: int, approximate: bool) -> None:
    """Print a table of what each takes."""
    print("| what | seconds |\n|---|--:|")
    path, _ = timed(f"{rows:,} rows written", lambda: fill(folder, noise(rows)))

    def opened() -> Library:
        library = lookalike.open(path, create=False)
        if (held := library.status().indexed) != rows:
            raise SystemExit(f"{held:,} of {rows:,} rows are there")
        return library

    library, seconds = timed("opened", lambda: lookalike.open(path, create=False))
    timed("opened anew, with its status, while no vector is cached", lambda: opened().close())
    spec = get_descriptor("lite0").spec
    id_ = next(iter(library.store.descriptors()))
    wanted = rows // 2
    query = library.store.vectors(id_, [wanted], spec)[wanted][None].astype(np.float32)
    picture = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for name in ("first search, with the cache file made", "second search", "third search"):
        found, _ = timed(name, lambda: library.search(picture, 10))
        if not np.isfinite(found.distances).all():
            raise SystemExit("a search does not give its ten pictures")
    Image.fromarray(picture).save(folder / "query.png")
    command = [sys.executable, "-m", "lookalike", "search", str(folder / "query.png"), "--library", str(path)]
    for name in ("first", "second", "third"):
        timed(f"`lookalike search FILE`, a whole process, the {name} time",
              lambda: subprocess.run(command, check=True, capture_output=True))  # fmt: skip
    timed("opened anew, with its status", lambda: opened().close())
    hits, _ = timed("a search by a vector", lambda: library._holdings.index(id_, spec).search(query, 10))
    if hits.keys[0, 0] != wanted:
        raise SystemExit("a vector does not find itself")
    if approximate:
        timed("approximate index made", lambda: library._holdings.refresh([spec]))
        for name in ("first approximate search", "second approximate search"):
            hits, _ = timed(name, lambda: library._holdings.index(id_, spec).search(query, 10))
        for name in ("first", "second", "third"):
            timed(f"`lookalike search FILE` by it, a whole process, the {name} time",
                  lambda: subprocess.run(command, check=True, capture_output=True))  # fmt: skip
        if hits.keys[0, 0] != wanted:
            raise SystemExit("a vector does not find itself by the approximate index")
    planned, _ = timed("prune planned", lambda: library.prune(dry_run=True))
    gone, there = len(planned.uris), library.store.counts()["ok"]
    timed(f"{gone:,} rows pruned", library.prune)
    status, _ = timed("status after it", library.status)
    if (gone, len(planned.offline), status.indexed) != (rows // FOLDERS, rows - rows // FOLDERS, there - gone):
        raise SystemExit(f"other rows than those of the folder that is there were pruned: {gone:,}")
    library.close()
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\n{size / 1e9:.1f} GB on disk; {peak:.1f} GB of memory at most, cache files that are mapped included")
    if seconds > OPENED:
        raise SystemExit(f"it opens in {seconds:.1f} s, not in {OPENED:g}")


def noise(rows: int) -> Iterator[Vectors]:
    """Yield random unit vectors, a block at a time."""
    random = np.random.default_rng(1)
    for start in range(0, rows, BLOCK):
        vectors = random.standard_normal((min(BLOCK, rows - start), get_descriptor("lite0").spec.dim), np.float32)
        yield vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(folder: Path, blocks: Iterable[Vectors], name: str = "million.lookalike") -> Path:
    """Write a library of made-up pictures with these vectors, and return where it is."""
    spec = get_descriptor("lite0").spec
    roots = [folder / f"disk {number}" for number in range(FOLDERS)]
    roots[0].mkdir()
    (roots[0] / "not a picture.txt").write_text("so that this folder is not empty")
    path = folder / name
    store = Store(path, create=True)
    with store.writing():
        ids = {spec.fingerprint: store.ensure_descriptor(spec)}
        run = store.start_run([str(root) for root in roots])
        first = 0
        for vectors in blocks:
            records = []
            for n, row in enumerate(vectors.astype(spec.storage), first):
                digest = n.to_bytes(32, "big")
                item = SourceItem(
                    f"{roots[n % FOLDERS]}/{n // 10_000:03d}/{n:07d}.jpg", size=10, mtime_ns=1, inode=n + 1
                )
                content = Content(0, digest, 10, format="JPEG", width=640, height=480)
                records.append(Record(item, "ok", digest, content=content, vectors={spec.fingerprint: row}))
            store.write(records, run, ids)
            first += len(vectors)
    store.close()
    return path


def timed(what: str, call: Callable[[], T]) -> tuple[T, float]:
    """Do something, and print a row of the table."""
    started = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - started
    print(f"| {what} | {seconds:.2f} |", flush=True)
    return result, seconds


if __name__ == "__main__":
    main()
