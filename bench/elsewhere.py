"""What does it cost that commands other than `index` decode in processes that they share?

    python bench/elsewhere.py FOLDER [FILES [ROUNDS]]

Decodes FILES (400) JPEGs of FOLDER as `search --verify` and `duplicates` do, hashes and compares their samples, in this
process and elsewhere in turns, ROUNDS (5) times each; works out their local features as `duplicates --level edited`
does, and searches for one of them with `lookalike search`, a whole process each time, in a library that lacks it. CPU
seconds are those of all processes together; by them a busy machine tells more than by the clock. Figures are medians.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lookalike
from lookalike import decode as decoding
from lookalike import isolation
from lookalike.isolation import decoding_elsewhere
from lookalike.verifying import SIDE, Entry, Looks

TICKS = os.sysconf("SC_CLK_TCK")
HERE = "import lookalike.isolation as i; i._shared.enter = i._shared.leave = lambda: None; "
RUN = "from lookalike.cli import run; run()"


def main() -> None:
    folder = Path(sys.argv[1])
    count, rounds = int((sys.argv[2:] or ["400"])[0]), int((sys.argv[3:] or ["5"])[0])
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    paths = found[:: max(1, len(found) // count)][:count]
    files = [path.read_bytes() for path in paths]
    print(f"{len(files)} JPEGs of {folder.name}, {sum(map(len, files)) / len(files) / 1e3:.0f} kB on average\n")
    print("| ms a picture | elsewhere, CPU | here, CPU | elsewhere, clock | here, clock |\n|---|--:|--:|--:|--:|")
    told("decoded", rounds, count, lambda: [decoding.decode(data, min_side=SIDE) for data in files])
    told("all samples hashed", rounds, count, lambda: [decoding.pixel_hash(data) for data in files])
    told("all samples compared", rounds, count, lambda: [decoding.same_pixels(data, data + b"x") for data in files])
    with tempfile.TemporaryDirectory() as temporary:
        with lookalike.open(Path(temporary) / "x.lookalike") as library:
            library.add(paths, descriptors=["pdq"])
            contents = library.store.contents([image.content_id for image in library.store.images()])
            entries = [Entry(contents[image.content_id], image.uri) for image in library.store.images()]

            def features() -> None:
                for cache in (library.path / "cache").glob("*.local*"):
                    cache.unlink()
                looks = Looks(library.store, threads=2, max_pixels=10**8)
                looks.prepare(entries)
                looks.close()

            told("local features made", min(rounds, 3), count, features)
            library.add(paths[1:], descriptors=["lite0"])
        print("\n| `search FILE`, whole process | CPU s | s |\n|---|--:|--:|")
        seconds: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        for number in range(2 * rounds):
            elsewhere = bool(number % 2)
            query = Path(temporary) / "query.jpg"
            query.write_bytes(files[0] + number.to_bytes(4, "big"))
            command = [sys.executable, "-c", ("" if elsewhere else HERE) + RUN, "search", str(query), "--library"]
            wall, before = time.perf_counter(), os.times()
            subprocess.run([*command, str(Path(temporary) / "x.lookalike")], check=True, capture_output=True)
            wall, after = time.perf_counter() - wall, os.times()
            seconds[elsewhere].append((sum(after[2:4]) - sum(before[2:4]), wall))
        for elsewhere, name in ((True, "decoded elsewhere"), (False, "decoded here")):
            cpu, wall = (statistics.median(some) for some in zip(*seconds[elsewhere], strict=True))
            print(f"| {name} | {cpu:.2f} | {wall:.2f} |")


def told(what: str, rounds: int, count: int, work: Callable[[], object]) -> None:
    """Do something by both ways in turns, and print a row."""
    figures: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in range(-2, 2 * rounds):  # once each before the first that counts
        elsewhere = bool(number % 2)
        with decoding_elsewhere() if elsewhere else contextlib.nullcontext():
            cpu, wall = _cpu(), time.perf_counter()
            work()
            cpu, wall = _cpu() - cpu, time.perf_counter() - wall
        if number >= 0:
            figures[elsewhere].append((1000 * cpu / count, 1000 * wall / count))
    (cpu, wall), (cpu_here, wall_here) = (
        tuple(map(statistics.median, zip(*figures[way], strict=True))) for way in (True, False)
    )
    print(f"| {what} | {cpu:.2f} | {cpu_here:.2f} | {wall:.2f} | {wall_here:.2f} |", flush=True)


def _cpu() -> float:
    """CPU seconds of this process and of the workers that run."""
    shared = isolation._shared._isolated
    ticks = 0
    for worker in list(shared._workers._running) if shared else ():
        user, system = Path(f"/proc/{worker._process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        ticks += int(user) + int(system)
    return time.process_time() + ticks / TICKS


if __name__ == "__main__":
    main()
