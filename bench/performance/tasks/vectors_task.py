"""Search made vectors: python vectors.py FILE.npy WHAT WHO.

FILE.npy holds unit vectors in float16, made by ../made.py, or packed bits; it is mapped, not read.

WHAT is `one` (single queries), `batch` (1,000 queries at once) or `join` (all pairs within a radius). WHO is
`lookalike`, `numpy` (the product alone, nothing kept), `scan` (reading the bytes alone) or `faiss`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from told import tell, timed

K, BLOCK, QUERIES = 10, 1 << 14, 15
COSINE, BITS = 0.1, 31


def blocks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield a mapped array by parts."""
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def lookalike_index(rows: NDArray[Any]) -> Any:
    """Return Lookalike's exact index of mapped rows."""
    from lookalike.index import ExactIndex
    from lookalike.metrics import lengths

    numbers = rows.dtype != np.uint8
    keys = np.arange(len(rows), dtype=np.int64)
    parts = [
        (keys[at : at + BLOCK], part, lengths(part) if numbers else None)
        for at, part in zip(range(0, len(rows), BLOCK), blocks(rows), strict=True)
    ]
    return ExactIndex.from_blocks("cosine" if numbers else "hamming", rows.shape[1] * (1 if numbers else 8), parts)


def queries(rows: NDArray[Any], count: int) -> NDArray[Any]:
    """Return vectors near some of the rows."""
    lot = np.random.default_rng(9)
    near = rows[np.sort(lot.choice(len(rows), count, replace=False))].astype(np.float32)
    near += lot.standard_normal(near.shape, np.float32) * 0.3 / np.sqrt(rows.shape[1])
    unit: NDArray[Any] = near / np.linalg.norm(near, axis=1, keepdims=True)
    return unit


def one(rows: NDArray[Any], who: str) -> Callable[[int], object]:
    """Return what answers the query of a number."""
    asked = queries(rows, QUERIES)
    if who == "lookalike":
        index = lookalike_index(rows)
        return lambda at: index.search(asked[at : at + 1], K)
    if who == "scan":
        return lambda _: [int(part.view(np.uint64).sum()) for part in blocks(rows)]
    if who == "faiss":
        import faiss

        index = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        index.train(np.zeros((1, rows.shape[1]), np.float32))
        for part in blocks(rows):
            index.add(part.astype(np.float32))
        return lambda at: index.search(asked[at : at + 1], K)

    def product(at: int) -> object:
        found = np.concatenate([part.astype(np.float32) @ asked[at] for part in blocks(rows)])
        return np.argpartition(-found, K)[:K]

    return product


def batch(rows: NDArray[Any], who: str) -> Callable[[], object]:
    """Return what answers 1,000 queries at once."""
    asked = queries(rows, 1000)
    if who == "lookalike":
        index = lookalike_index(rows)
        return lambda: index.search(asked, K)
    import faiss

    index = faiss.IndexFlatIP(rows.shape[1])
    for part in blocks(rows):
        index.add(part.astype(np.float32))
    return lambda: index.search(asked, K)


def join(rows: NDArray[Any], who: str) -> Callable[[], int]:
    """Return what finds all pairs within a radius, and how many."""
    if who == "lookalike":
        index = lookalike_index(rows)
        radius = BITS if rows.dtype == np.uint8 else COSINE
        return lambda: sum(len(found[0]) for found in index.self_join(radius))
    if who == "faiss":
        import faiss

        index = faiss.IndexBinaryFlat(rows.shape[1] * 8)
        index.add(np.ascontiguousarray(rows))

        def ranged() -> int:
            found = 0
            for part in blocks(rows):
                limits, _, _ = index.range_search(np.ascontiguousarray(part), BITS + 1)  # faiss takes what is nearer
                found += int(limits[-1])
            return (found - len(rows)) // 2

        return ranged

    def product() -> int:
        wide = [part.astype(np.float32) for part in blocks(rows)]
        found = 0
        for at, part in enumerate(wide):
            for other in wide[at:]:
                found += int(np.count_nonzero(part @ other.T > 1 - COSINE))
        return found

    return product


def main() -> None:
    path, what, who = sys.argv[1:]
    rows = np.load(path, mmap_mode="r")
    if what == "one":
        answer = one(rows, who)
        answer(0)
        at = iter(range(1, QUERIES))
        tell(timed(lambda: answer(next(at)), QUERIES - 1))
    elif what == "batch":
        tell(timed(batch(rows, who)))
    else:
        found: list[int] = []
        work = join(rows, who)
        tell(timed(lambda: found.append(work())), pairs=found[0], done=len(rows))


if __name__ == "__main__":
    main()
