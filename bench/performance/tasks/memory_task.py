"""Index pictures that are made up as they are asked for: python memory_task.py COUNT.

Each is a small JPEG with bytes of its own behind its end: another content, decoded and hashed as any other.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from told import tell, timed

from lookalike.defaults import MAX_PIXELS
from lookalike.descriptors import get_descriptor
from lookalike.indexing import available_cores, index
from lookalike.results import IndexReport
from lookalike.store import Store
from lookalike.types import SourceItem, Uri

SIDE = 64


class Made:
    """So many pictures."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.roots: tuple[str, ...] = ()
        picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG")
        self._bytes = buffer.getvalue()

    def __iter__(self) -> Iterator[SourceItem]:
        size = len(self._bytes) + 8
        for number in range(self.count):
            yield SourceItem(f"/made/{number:07}.jpg", size=size, mtime_ns=1, device=1, inode=number + 1)

    def read(self, uri: Uri) -> bytes:
        """Return the bytes of one of them."""
        return self._bytes + int(Path(uri).stem).to_bytes(8, "little")


if __name__ == "__main__":
    count = int(sys.argv[1])
    source, descriptor = Made(count), get_descriptor("pdq")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "x.lookalike", create=True)
        with store.writing():
            run = store.start_run(source.roots)
            reports: list[IndexReport] = []

            def work() -> None:
                threads = available_cores()
                reports.append(index(store, source, [descriptor], run=run, max_pixels=MAX_PIXELS, threads=threads))

            seconds = timed(work)
        store.close()
    tell(seconds, indexed=reports[0].added, done=count)
