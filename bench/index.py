"""From how many vectors on does the approximate index pay, and what does it cost?

    python bench/index.py [N ...]

Made vectors of unit length, 1280 numbers in float16: one Gaussian cluster per 50 vectors, its centre and its spread
(0.6 of the centres') in a subspace of 64 dimensions whose variance falls as 1 / rank, plus noise of 0.02 in all 1280.
Queries are new vectors from the same clusters. Prints a Markdown table; the times are medians.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.index import ApproximateIndex, ExactIndex
from lookalike.metrics import lengths

DIM, LATENT, PER_CLUSTER, K = 1280, 64, 50, 10


def clustered(n: int, n_queries: int) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    random = np.random.default_rng(0)
    spread = (1 / np.sqrt(1 + np.arange(LATENT))).astype(np.float32)
    basis = np.linalg.qr(random.standard_normal((DIM, LATENT)))[0].T.astype(np.float32)
    centres = random.standard_normal((n // PER_CLUSTER, LATENT), dtype=np.float32) * spread

    def drawn(count: int) -> NDArray[np.float16]:
        rows = np.empty((count, DIM), np.float16)
        for start in range(0, count, 8192):
            part = rows[start : start + 8192]
            latent = centres[random.integers(0, len(centres), len(part))]
            latent = latent + 0.6 * spread * random.standard_normal(latent.shape, dtype=np.float32)
            wide = latent @ basis + 0.02 * random.standard_normal(part.shape, dtype=np.float32)
            part[:] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
        return rows

    return drawn(n), drawn(n_queries)


def milliseconds(calls: list[Callable[[], object]]) -> float:
    times = []
    for call in calls:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def measure(n: int) -> str:
    rows, queries = clustered(n, 200)
    exact = ExactIndex.from_blocks("cosine", DIM, [(np.arange(n), rows, lengths(rows))])
    wide = queries.astype(np.float32)
    truth = exact.search(wide, K).keys
    one = milliseconds([lambda i=i: exact.search(wide[i : i + 1], K) for i in range(15)])  # type: ignore[misc]
    hundred = milliseconds([lambda: exact.search(wide[:100], K)] * 3) / 100
    start = time.perf_counter()
    index = ApproximateIndex.build(exact)
    built = time.perf_counter() - start
    index.search(wide[:1], K)
    near = milliseconds([lambda i=i: index.search(wide[i : i + 1], K) for i in range(100)])  # type: ignore[misc]
    found = index.search(wide, K).keys
    recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found, truth, strict=True)])
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "ann", "bench")
        size = (Path(folder) / "ann").stat().st_size / 1e6
    return (
        f"| {n:,} | {one:.1f} | {hundred:.2f} | {near:.2f} | {recall:.4f} | {index.recall:.4f} | {index.nprobe} "
        f"| {built:.1f} | {size:.0f} |"
    )


def main() -> None:
    print("| n | exact ms, 1 query | exact ms a query, of 100 | approximate ms, 1 query | recall@10, new queries "
          "| recall@10, own vectors | nprobe | build s | MB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for n in [int(argument) for argument in sys.argv[1:]] or [10_000, 50_000, 100_000, 200_000]:
        print(measure(n), flush=True)


if __name__ == "__main__":
    main()
