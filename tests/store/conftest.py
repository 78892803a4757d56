from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookalike.store import Content, Record, Store
from lookalike.types import DescriptorSpec, SourceItem, Vectors

SPEC = DescriptorSpec("stored", 24, "cosine", "none", "these tests")
BITS = DescriptorSpec("stored bits", 64, "hamming", "none", "these tests")


def vectors(seed: int, n: int, spec: DescriptorSpec = SPEC) -> Vectors:
    random = np.random.default_rng(seed)
    if spec.metric == "hamming":
        return random.integers(0, 256, (n, spec.width), np.uint8)
    rows = random.standard_normal((n, spec.dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), spec.storage)


def fill(store: Store, rows: Vectors, name: str = "a", specs: Sequence[DescriptorSpec] = (SPEC,)) -> dict[str, int]:
    """Write one picture for each row, in a run of its own, as if described; return the ids by fingerprint."""
    with store.writing():
        ids = {spec.fingerprint: store.ensure_descriptor(spec) for spec in specs}
        records = []
        for number, row in enumerate(rows):
            digest = f"{name} {number}".encode().ljust(32, b"\0")
            item = SourceItem(f"/pictures/{name}/{number:06d}", size=10, mtime_ns=1, inode=number + 1)
            content = Content(0, digest, 10, format="PNG", width=4, height=3)
            described = {spec.fingerprint: row for spec in specs}
            records.append(Record(item, "ok", digest, content=content, vectors=described))
        store.write(records, store.start_run([]), ids)
    return ids
