"""What does decoding in processes of its own cost, beside decoding in the process that indexes?

    python bench/isolation.py FOLDER [FILES [ROUNDS]]

Indexes FILES JPEGs of FOLDER (2,000 unless told; fewer pictures are taken several times, each time with other bytes
after their end) by pdq alone and by lite0 and pdq, in turns isolated and not, ROUNDS (5) times each. Models are loaded
and worker processes have started before a clock runs; what a start costs is told apart. The vectors of both ways must
be equal to the bit. CPU seconds are those of this process and of its workers; they tell more than seconds on a machine
that has other things to do. Prints Markdown tables; each figure is a median, each ratio the median of the rounds'
ratios.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lookalike
from lookalike import indexing
from lookalike.indexing import available_cores
from lookalike.isolation import Isolated
from lookalike.onthespot import DESCRIBER

TICKS = os.sysconf("SC_CLK_TCK")
SETS = (("pdq",), ("lite0", "pdq"))


class KeptOpen(Isolated):
    """Processes that go on from one run to the next."""

    def close(self) -> None:
        """Leave them."""

    def cpu(self) -> float:
        """CPU seconds that they have used so far."""
        return sum(_ticks(worker._process.pid) for worker in self._workers._running) / TICKS


def _ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def main() -> None:
    folder = Path(sys.argv[1])
    count, rounds = int((sys.argv[2:] or ["2000"])[0]), int((sys.argv[3:] or ["5"])[0])
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        pictures = [chosen(found, at, count, work) for at in range(count)]
        size = sum(path.stat().st_size for path in pictures) / count / 1e3
        print(f"{count:,} JPEGs of {folder.name}, {size:.0f} kB on average; {available_cores()} cores\n")
        print(
            "| descriptors | isolated, pictures/s | in process | ratio | ratio by CPU | isolated, CPU ms | in process |"
        )
        print("|---|---|---|---|---|---|---|")
        for descriptors in SETS:
            compared(pictures, descriptors, rounds, work)
        if len(sys.argv) < 5:
            starting(pictures, rounds, work)


def chosen(found: list[Path], at: int, count: int, work: Path) -> Path:
    """Return the file that is the `at`-th of `count`."""
    if len(found) >= count:
        return found[at * len(found) // count]
    path = work / "pictures" / f"{at}.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(found[at % len(found)].read_bytes() + at.to_bytes(4, "big"))
    return path


def compared(pictures: list[Path], descriptors: tuple[str, ...], rounds: int, work: Path) -> None:
    """Index by both ways in turns, and print a row."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    cpu: dict[bool, list[float]] = {True: [], False: []}
    vectors: dict[bool, list[bytes]] = {}
    with kept_open() as decoders:
        for number in range(-1, rounds):  # one round before the first one that counts
            for isolated in (True, False) if number % 2 else (False, True):
                with tempfile.TemporaryDirectory(dir=work) as fresh, lookalike.open(Path(fresh) / "x") as library:
                    wall, used = time.perf_counter(), time.process_time() + decoders.cpu()
                    report = library.add(
                        pictures[:64] if number < 0 else pictures, descriptors=descriptors, isolated=isolated
                    )
                    wall, used = time.perf_counter() - wall, time.process_time() + decoders.cpu() - used
                    if report.failed or report.found != len(pictures[:64] if number < 0 else pictures):
                        raise SystemExit(f"not all could be indexed: {report}")
                    vectors[isolated] = [library.vectors(name)[1].tobytes() for name in descriptors]
                if number >= 0:
                    seconds[isolated].append(wall)
                    cpu[isolated].append(used)
            if vectors[True] != vectors[False]:
                raise SystemExit("the two ways give other vectors")
    n = len(pictures)
    by_clock, by_cpu = (
        statistics.median(here / there for here, there in zip(one[False], one[True], strict=True))
        for one in (seconds, cpu)
    )
    print(
        f"| {' + '.join(descriptors)} | {n / statistics.median(seconds[True]):,.0f} "
        f"| {n / statistics.median(seconds[False]):,.0f} | {by_clock:.2f} | {by_cpu:.2f} "
        f"| {1000 * statistics.median(cpu[True]) / n:.2f} | {1000 * statistics.median(cpu[False]) / n:.2f} |",
        flush=True,
    )


@contextmanager
def kept_open() -> Iterator[KeptOpen]:
    """Have all indexing decode in processes that are started once."""
    kept, real = KeptOpen(available_cores(), make=DESCRIBER), vars(indexing)["Isolated"]
    vars(indexing)["Isolated"] = lambda _, **__: kept
    try:
        yield kept
    finally:
        vars(indexing)["Isolated"] = real
        Isolated.close(kept)


def starting(pictures: list[Path], rounds: int, work: Path) -> None:
    """Print what whole processes take that index few files."""
    print("\n| whole process | isolated, s | in process, s | CPU s | CPU s in process |\n|---|---|---|---|---|")
    for descriptors in SETS:
        for few in (1, 10):
            figures: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
            for number in range(2 * rounds):
                isolated = bool(number % 2)
                with tempfile.TemporaryDirectory(dir=work) as fresh:
                    options = [part for name in descriptors for part in ("--descriptor", name)]
                    command = [
                        sys.executable, "-m", "lookalike", "index", *map(str, pictures[:few]), *options, "--quiet",
                        "--library", str(Path(fresh) / "x"), "--isolated" if isolated else "--no-isolated",
                    ]  # fmt: skip
                    wall, before = time.perf_counter(), os.times()
                    subprocess.run(command, check=True, capture_output=True)
                    wall, after = time.perf_counter() - wall, os.times()
                used = sum(after[2:4]) - sum(before[2:4])
                figures[isolated].append((wall, used))
            (there, cpu_there), (here, cpu_here) = (
                tuple(map(statistics.median, zip(*figures[isolated], strict=True))) for isolated in (True, False)
            )
            name = f"index {few} with {' + '.join(descriptors)}"
            print(f"| {name} | {there:.2f} | {here:.2f} | {cpu_there:.2f} | {cpu_here:.2f} |", flush=True)


if __name__ == "__main__":
    main()
