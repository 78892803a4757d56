"""What all threads of a run share, and the one that counts and writes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from lookalike.isolation import Isolated
from lookalike.results import IndexReport
from lookalike.store import Content, Record, Store
from lookalike.types import Descriptor, Source

__all__ = ["Claim", "Job", "Progress", "Writer"]

COMMIT_FILES = 256
COMMIT_SECONDS = 2.0

Progress = Callable[[IndexReport], None]

Claim: TypeAlias = Future[dict[bytes, Content]]
"""What becomes of a parcel's contents, by hash: there when the parcel is described."""


@dataclass
class Job:
    """What all threads of one run share.

    `claims` holds the contents that are being described or wait to be written, so that copies of a file are decoded
    once: the thread that enters a hash describes it with the rest of its parcel, the others wait for that.
    """

    store: Store
    source: Source
    descriptors: Sequence[Descriptor]
    ids: dict[str, int]
    max_pixels: int
    retry: bool
    isolated: Isolated | None = None
    started: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    claims: dict[bytes, Claim] = field(default_factory=dict)


class Writer:
    """Counts outcomes and writes them, in order, every few hundred files."""

    def __init__(self, job: Job, run: int, progress: Progress | None) -> None:
        self.interrupted = False
        self._job, self._run, self._progress = job, run, progress
        self._counts = dict.fromkeys(("added", "changed", "unchanged", "failed", "skipped", "read", "embedded"), 0)
        self._records: list[Record] = []
        self._before: dict[str, int | None] = {}
        self._seen: list[int] = []
        self._gone: list[int] = []
        self._started = time.perf_counter()
        self._last = time.monotonic()

    def expect(self, uri: str, content_id: int | None) -> None:
        """Note that a URI about to be worked on is known already, and with which content, if it was ok."""
        self._before[uri] = content_id

    def unchanged(self, image_id: int, state: str) -> None:
        """Count a file that needs no work."""
        self._seen.append(image_id)
        self._counts["unchanged" if state == "ok" else state] += 1

    def absent(self, image_id: int, uri: str) -> None:
        """Count a file that was named and is not there: gone, or offline if its folder is gone or empty, too."""
        self._counts["failed"] += 1
        if not os.path.lexists(uri) and _holds_anything(Path(uri).parent):
            self._gone.append(image_id)

    def take(self, records: list[Record]) -> None:
        """Count the records of a parcel and write them soon."""
        for record in records:
            outcome = "added"
            if record.item.uri in self._before:
                before = self._before.pop(record.item.uri)
                same = record.content is not None and record.content.id == before
                outcome = "unchanged" if same else "changed"
            self._counts[outcome if record.state == "ok" else record.state] += 1
            self._counts["read"] += record.hash is not None
            self._counts["embedded"] += bool(record.vectors)
        self._records += records
        if len(self._records) + len(self._seen) >= COMMIT_FILES or time.monotonic() - self._last > COMMIT_SECONDS:
            self.commit()
        self.tell()

    def tell(self) -> None:
        """Report progress."""
        if self._progress:
            self._progress(self.report())

    def commit(self) -> None:
        """Write all that waits."""
        if self._records:
            self._job.store.write(self._records, self._run, self._job.ids)
            with self._job.lock:
                for record in self._records:
                    if record.vectors or record.state != "ok":
                        self._job.claims.pop(record.hash or b"", None)
            self._records = []
        if self._seen:
            self._job.store.mark_seen(self._seen, self._run)
            self._seen = []
        if self._gone:
            self._job.store.set_missing(self._gone)
            self._gone = []
        self._last = time.monotonic()

    def report(self) -> IndexReport:
        """Return the counts so far."""
        found = sum(self._counts[name] for name in ("added", "changed", "unchanged", "failed", "skipped"))
        seconds = time.perf_counter() - self._started
        return IndexReport(found=found, **self._counts, seconds=seconds, interrupted=self.interrupted)


def _holds_anything(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
