"""Rows of a benchmark: work done by Lookalike, by others, and by the limit of the machine, in turns in the same run."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

__all__ = ["TASKS", "Contestant", "Figure", "Result", "Row", "machine", "measure"]

Role: TypeAlias = Literal["ours", "peer", "limit"]

TASKS = Path(__file__).parent / "tasks"
ROUNDS = 3
_LOOK = 0.1  # seconds between two looks at the memory of a process and its children
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Contestant:
    """One that does the work, in a process of its own.

    Attributes
    ----------
    name
        As it is printed, with its version where it is another's.
    role
        `ours`, `peer` (another library or program) or `limit` (what the machine can do at best).
    command
        What is run. If its last line on standard output is JSON with `seconds`, these count; else those of the whole
        process, with its start.
    environment
        Variables that are set for it.
    """

    name: str
    role: Role
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One piece of work.

    Attributes
    ----------
    name, what
        A word to ask for it by, and what is done.
    work
        How many of `unit` are done.
    contestants
        Who does it.
    wanted
        What must hold of the rates, by role: {"peer": 3} is at least 3 times the best peer's.
    counts
        What is compared: the rate, or the memory, of which less is better.
    at_most
        Seconds that ours may take; None for whatever it takes.
    """

    name: str
    what: str
    work: int
    unit: str
    contestants: Sequence[Contestant]
    wanted: Mapping[Role, float] = field(default_factory=dict)
    rounds: int = ROUNDS
    counts: Literal["rate", "memory"] = "rate"
    at_most: float | None = None


@dataclass(frozen=True)
class Figure:
    """What was measured of one contestant: seconds of each round, bytes at the most, and what it printed besides."""

    name: str
    role: Role
    seconds: tuple[float, ...]
    peak: int
    told: Mapping[str, float | int | str]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Result:
    """A row with its figures."""

    name: str
    what: str
    work: int
    unit: str
    figures: tuple[Figure, ...]
    wanted: Mapping[Role, float]
    when: str
    machine: Mapping[str, str | int]
    counts: Literal["rate", "memory"] = "rate"
    at_most: float | None = None

    def rate(self, figure: Figure) -> float:
        """Return how much one did in a second: all of the work, or what it says it has `done` of it."""
        return float(figure.told.get("done", self.work)) / figure.median

    def ratio(self, role: Role) -> float | None:
        """Return how many times as fast, or as small, as the best of a role we are; None if there is none."""

        def worth(figure: Figure) -> float:
            return self.rate(figure) if self.counts == "rate" else 1 / figure.peak

        rates = [worth(figure) for figure in self.figures if figure.role == role]
        ours = max(worth(figure) for figure in self.figures if figure.role == "ours")
        return ours / max(rates) if rates else None

    def met(self) -> bool | None:
        """Say whether all that is wanted was reached; None where one that it is held against did not run."""
        ratios = {role: self.ratio(role) for role in self.wanted}
        if None in ratios.values():
            return None
        ours = min(figure.median for figure in self.figures if figure.role == "ours")
        soon = self.at_most is None or ours < self.at_most
        return soon and all((ratios[role] or 0) >= least for role, least in self.wanted.items())

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(
            {**asdict(self), "ratio": {"peer": self.ratio("peer"), "limit": self.ratio("limit")}}, indent=1
        )

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Return what `to_json` wrote."""
        held = json.loads(text)
        held.pop("ratio")
        held["figures"] = tuple(Figure(**{**one, "seconds": tuple(one["seconds"])}) for one in held["figures"])
        return cls(**held)


def machine() -> dict[str, str | int]:
    """Return what the machine is."""
    model = platform.processor() or platform.machine()
    cpus, memory = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    if cpus.exists():
        names = [
            line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    total = int(memory.read_text().split()[1]) * 1024 if memory.exists() else 0
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory": total,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def measure(row: Row, say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)) -> Result:
    """Let all contestants of a row take turns, and return what was measured.

    Raises
    ------
    subprocess.CalledProcessError
        If one of them fails; what it said is in it.
    """
    runs: dict[str, list[tuple[float, int, dict[str, float | int | str]]]] = {one.name: [] for one in row.contestants}
    for turn in range(row.rounds):
        for one in row.contestants:
            runs[one.name].append(_run(one))
            say(f"{row.name} {turn + 1}/{row.rounds}: {one.name} {runs[one.name][-1][0]:.2f} s")
    figures = tuple(
        Figure(
            one.name, one.role, tuple(seconds for seconds, _, _ in runs[one.name]),
            max(peak for _, peak, _ in runs[one.name]), runs[one.name][-1][2],
        )
        for one in row.contestants
    )  # fmt: skip
    when = time.strftime("%Y-%m-%d", time.gmtime())
    return Result(
        row.name, row.what, row.work, row.unit, figures, dict(row.wanted), when, machine(), row.counts, row.at_most
    )


_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as they are where a package is installed."""


def _run(one: Contestant) -> tuple[float, int, dict[str, float | int | str]]:
    """Run one; return its seconds, the most memory it had and what else it told."""
    started = time.perf_counter()
    with subprocess.Popen(
        list(one.command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**_ENVIRONMENT, **one.environment},
    ) as process:  # fmt: skip
        memory = _Memory(process.pid)
        memory.start()
        output, errors = process.communicate()
        seconds = time.perf_counter() - started
        memory.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(one.command), output, errors)
    lines = output.rstrip().splitlines()
    told: dict[str, float | int | str] = {}
    if lines and lines[-1].startswith("{"):
        told = json.loads(lines[-1])
    return float(told.pop("seconds", seconds)), memory.most, told


class _Memory(threading.Thread):
    """The most memory that a process and its descendants had together, what they share counted once (Linux).

    Of each the pages that it has for itself, and the most that any of them shares. Finer counts, such as smaps, take
    half a core for a large process.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self._pid, self._over = pid, threading.Event()

    def run(self) -> None:
        while not self._over.wait(_LOOK):
            pages = [_pages(pid) for pid in _family(self._pid)]
            total = sum(resident - shared for resident, shared in pages) + max(shared for _, shared in pages)
            self.most = max(self.most, total * _PAGE)

    def stop(self) -> None:
        self._over.set()
        self.join()


def _family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found, at = [pid], 0
    while at < len(found):
        with contextlib.suppress(OSError):  # it ended meanwhile, or the system has no such list
            for thread in Path(f"/proc/{found[at]}/task").iterdir():
                found += map(int, (thread / "children").read_text(encoding="ascii").split())
        at += 1
    return found


def _pages(pid: int) -> tuple[int, int]:
    """Return how many pages of a process are in memory, and how many of these it shares; 0 if it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", encoding="ascii") as file:
        _, resident, shared, *_ = map(int, file.read().split())
        return resident, shared
    return 0, 0
