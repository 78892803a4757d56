"""What each task prints at its end, and how it times: for Lookalike's environment and for that of others alike."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

__all__ = ["files_of", "found_of", "tell", "timed"]


def timed(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the seconds that a call takes, the median of some."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def tell(seconds: float, **more: float | str) -> None:
    """Print what was measured as the last line."""
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, **more}) + "\n")


def files_of(listing: str) -> list[str]:
    """Return the paths that a file names, one a line."""
    return Path(listing).read_text(encoding="utf-8").splitlines()


def found_of(groups: Iterable[Iterable[str]], planted: Sequence[str]) -> dict[str, int]:
    """Return how many pairs of files are together in a group, and how many of those that were planted.

    Parameters
    ----------
    groups
        Paths that were found to be copies of each other.
    planted
        The path of a file with the two paths of a pair on each line, tab between; or nothing.
    """
    together = [{os.path.realpath(path) for path in group} for group in groups]
    told = {"pairs": sum(len(group) * (len(group) - 1) // 2 for group in together)}
    if planted:
        pairs = [set(map(os.path.realpath, line.split("\t"))) for line in files_of(planted[0])]
        told["found"] = sum(any(pair <= group for group in together) for pair in pairs)
        told["planted"] = len(pairs)
    return told
