"""How much there is to do."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Self

from lookalike.types import SourceItem

__all__ = ["Ahead"]


class Ahead:
    """Counts what a source holds, in a thread that runs ahead of the work, so that there is an end in sight.

    ``total`` is None until the count is complete.
    """

    def __init__(self, source: Iterable[SourceItem]) -> None:
        self.total: int | None = None
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count, name="lookalike-count", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _count(self) -> None:
        count = 0
        for _ in self._source:
            count += 1
            if self._stop.is_set():
                return
        self.total = count
