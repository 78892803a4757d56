"""All distances between the pictures of a gallery: as a matrix, part by part, and as each one's neighbours in order.

Equal to SciPy's ``pdist`` and ``squareform`` to within float32, and exactly symmetric.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.metrics import pairwise
from lookalike.results import Gallery, SearchResult
from lookalike.words import human_bytes, human_count

__all__ = ["check_fits", "distance_matrix", "distance_rows", "free_disk", "free_memory", "matrix_bytes", "neighbours"]

_TILE = 1024
"""Most pictures on a side of what is computed at a time."""

_HELD = 1 << 24
"""Most distances in memory at a time while streaming: 64 MiB."""


def distance_rows(gallery: Gallery, *, upper: bool = False) -> Iterator[NDArray[np.float32]]:
    """Yield the square matrix of all distances from top to bottom, some rows at a time.

    Parameters
    ----------
    gallery
        n pictures, n at least 0.
    upper
        Only the part right of the diagonal, which takes half the work; what is left of it is 0.

    Yields
    ------
    (m, n) float32
        In the descriptor's metric: see `lookalike.metrics.pairwise`. The diagonal is 0.

    Notes
    -----
    O(n * n * dim). Memory: 64 MiB, or one row where that is more. Each pair is computed in one way only, whichever
    comes first, so that the matrix is symmetric to the last digit.
    """
    n = len(gallery)
    step = max(1, min(_TILE, _HELD // max(n, 1)))
    vectors, metric = gallery.vectors, gallery.spec.metric
    for top in range(0, n, step):
        own = vectors[top : top + step]
        rows = np.zeros((len(own), n), np.float32)
        for left in range(top if upper else 0, n, step):
            other = vectors[left : left + step]
            if left < top:
                part = pairwise(other, own, metric).T
            elif left > top:
                part = pairwise(own, other, metric)
            else:
                part = np.triu(pairwise(own, own, metric), 1)
                part = part if upper else part + part.T
            rows[:, left : left + step] = part
        yield rows


def distance_matrix(gallery: Gallery, *, condensed: bool = False, limit: int | None = None) -> NDArray[np.float32]:
    """Return all distances between the pictures of a gallery.

    Parameters
    ----------
    gallery
        n pictures.
    condensed
        Each pair once, in SciPy's order: (0, 1), (0, 2) ... (1, 2) ... ``scipy.spatial.distance.squareform`` turns one
        form into the other.
    limit
        Most bytes that it may take; None for what memory is free.

    Returns
    -------
    float32
        (n, n), or (n * (n - 1) / 2,) if condensed.

    Raises
    ------
    UsageError
        If it would not fit: the message has the sum.
    """
    n = len(gallery)
    check_fits(n, matrix_bytes(n, condensed=condensed), free_memory() if limit is None else limit, "free memory")
    found = np.empty(n * (n - 1) // 2 if condensed else n * n, np.float32)
    at = 0
    for part in _condensed(gallery) if condensed else (rows.reshape(-1) for rows in distance_rows(gallery)):
        found[at : at + len(part)] = part
        at += len(part)
    return found if condensed else found.reshape(n, n)


def neighbours(gallery: Gallery, k: int) -> SearchResult:
    """Return the k nearest other pictures of each picture, in the order in which argsort puts its row of the matrix.

    A picture is left out of its own row because it is itself, not because it comes first: copies at distance 0 stay.

    Parameters
    ----------
    gallery
        n pictures.
    k
        At least 1. May exceed n - 1.

    Returns
    -------
    SearchResult
        One query per picture. Keys are row numbers of the gallery, -1 where there is none; ties: smaller first.

    Raises
    ------
    UsageError
        If k < 1.

    Notes
    -----
    O(n * n * dim). Memory: as `distance_rows`, beside the result.
    """
    if k < 1:
        raise UsageError(f"k must be at least 1, not {k}")
    started = time.perf_counter()
    n = len(gallery)
    kept = max(0, min(k, n - 1))
    keys = np.full((n, k), -1, np.int64)
    distances = np.full((n, k), np.inf, np.float32)
    row = 0
    for rows in distance_rows(gallery) if kept else ():
        rows[np.arange(len(rows)), np.arange(row, row + len(rows))] = np.inf  # itself
        last = np.partition(rows, kept - 1, axis=1)[:, kept - 1]
        for away, farthest in zip(rows, last, strict=True):
            near = np.flatnonzero(away <= farthest)
            near = near[np.argsort(away[near], kind="stable")][:kept]
            keys[row, :kept], distances[row, :kept] = near, away[near]
            row += 1
    uris = tuple(tuple(None if key < 0 else gallery.uris[key] for key in found) for found in keys.tolist())
    seconds = time.perf_counter() - started
    return SearchResult(gallery.uris, keys, distances, uris, gallery.spec.name, seconds=seconds)


def matrix_bytes(n: int, *, condensed: bool = False) -> int:
    """Return how many bytes the distances of n pictures are: 4 for each."""
    return 4 * (n * (n - 1) // 2 if condensed else n * n)


def check_fits(n: int, needed: int, limit: int | None, where: str) -> None:
    """Refuse what would not fit, with the sum; a limit of None is not known and refuses nothing.

    Parameters
    ----------
    n
        Pictures.
    needed, limit
        Bytes.
    where
        What is so large: "free memory", ...

    Raises
    ------
    UsageError
        If more is needed than there is.
    """
    if limit is not None and needed > limit:
        raise UsageError(
            f"the {n:,} x {n:,} distances between {human_count(n, 'picture')} take {human_bytes(needed)} "
            f"({needed:,} bytes), more than the {human_bytes(limit)} ({limit:,} bytes) of {where}: take fewer "
            "pictures, each pair once (condensed), or only each one's neighbours"
        )


def free_memory() -> int | None:
    """Return the bytes of memory that can be had without swapping, or None where the system does not tell."""
    found: list[int] = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")]
        limit, used = (Path(f"/sys/fs/cgroup/memory.{name}").read_text(encoding="ascii") for name in ("max", "current"))
        found += [int(limit) - int(used)]  # of a container; "max" if it has none
    except (OSError, ValueError, IndexError):
        pass
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return max(0, min(found)) if found else None


def free_disk(path: str | os.PathLike[str]) -> int | None:
    """Return the bytes that are free where a file is to be written, or None where the system does not tell."""
    try:
        return shutil.disk_usage(Path(path).absolute().parent).free
    except OSError:
        return None


def _condensed(gallery: Gallery) -> Iterator[NDArray[np.float32]]:
    """Yield the distances of each picture to all that come after it."""
    row = 0
    for rows in distance_rows(gallery, upper=True):
        for away in rows:
            row += 1
            yield away[row:]
