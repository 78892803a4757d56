"""From a source into the store: read, hash, decode, describe, write. Streams; nothing is held for the whole folder.

The main thread lists and writes; a few threads each take a parcel of files through reading, decoding and describing.
Parcels are written in the order in which they were found, so that two runs over the same files make the same
library.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np

from lookalike.decode import decode_at
from lookalike.descriptors import describe
from lookalike.errors import CorruptError, ImageError
from lookalike.results import IndexReport
from lookalike.store import Content, Record, Store
from lookalike.types import DecodedImage, Descriptor, Source, SourceItem, Vectors

__all__ = ["Ahead", "available_cores", "index"]

PARCEL = 16  # files that one thread takes at a time: also the largest batch of a model
PARCEL_PIXELS = 16_000_000  # decoded pixels that one thread may hold before it describes them
LISTED = 256  # entries looked up in the library at a time
COMMIT_FILES = 256
COMMIT_SECONDS = 2.0

Progress = Callable[[IndexReport], None]

_RETRIED = {"unreadable", "too large"}  # these depend on more than the bytes: tried again each time


def available_cores() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass
class _Job:
    """What all threads of one run share.

    `claims` holds the contents that are being described or wait to be written, so that copies of a file are decoded
    once: the thread that enters a hash describes it, the others wait for its result.
    """

    store: Store
    source: Source
    descriptors: Sequence[Descriptor]
    ids: dict[str, int]
    max_pixels: int
    retry: bool
    lock: threading.Lock = field(default_factory=threading.Lock)
    claims: dict[bytes, Future[Content]] = field(default_factory=dict)


def index(
    store: Store,
    source: Source,
    descriptors: Sequence[Descriptor],
    *,
    run: int,
    max_pixels: int,
    threads: int,
    retry: bool = False,
    progress: Progress | None = None,
) -> IndexReport:
    """Bring the store up to date with all that `source` holds. The caller holds the writer lock.

    Work that is done stays done however this ends: every few hundred files are committed.

    Parameters
    ----------
    store, source, descriptors
        From where to where, by what.
    run
        The number that `Store.start_run` gave.
    max_pixels
        See `lookalike.decode.decode`.
    threads
        At least 1.
    retry
        Try again what failed before, though it has not changed.
    progress
        Called after each parcel with the counts so far.

    Returns
    -------
    IndexReport
        ``interrupted`` is True if it was ended by Ctrl-C; all that was described by then is written.
    """
    ids = {descriptor.spec.fingerprint: store.ensure_descriptor(descriptor.spec) for descriptor in descriptors}
    job = _Job(store, source, descriptors, ids, max_pixels, retry)
    writer = _Writer(job, run, progress)
    with ThreadPoolExecutor(threads, thread_name_prefix="lookalike") as pool:
        waiting: deque[Future[list[Record]]] = deque()
        try:
            for parcel in _parcels(job, writer):
                waiting.append(pool.submit(_work, job, parcel))
                while len(waiting) > 2 * threads:
                    writer.take(waiting[0].result())
                    waiting.popleft()
            while waiting:
                writer.take(waiting[0].result())
                waiting.popleft()
        except KeyboardInterrupt:
            writer.interrupted = True
            for future in waiting:
                future.cancel()
            for future in waiting:
                if not future.cancelled():
                    writer.take(future.result())
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
        writer.commit()
    return writer.report()


class _Writer:
    """Counts outcomes and writes them, in order, every few hundred files."""

    def __init__(self, job: _Job, run: int, progress: Progress | None) -> None:
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


def _parcels(job: _Job, writer: _Writer) -> Iterator[list[SourceItem]]:
    """Yield what has to be read, a parcel at a time; what has not changed goes straight to the writer."""
    parcel: list[SourceItem] = []
    items = iter(job.source)
    while listed := list(islice(items, LISTED)):
        known = job.store.known([item.uri for item in listed])
        content_ids = [row.content_id for row in known.values() if row.state == "ok" and row.content_id is not None]
        complete = set(content_ids)
        for descriptor_id in job.ids.values():
            complete &= job.store.contents_with_vectors(descriptor_id, content_ids)
        for item in listed:
            row = known.get(item.uri)
            if row is not None:
                same = bool(item.size) and not (item.skip or item.error) and row.is_unchanged(item)
                failed_for_good = row.content_id is not None and row.kind not in _RETRIED and not job.retry
                if same and (row.content_id in complete if row.state == "ok" else failed_for_good):
                    writer.unchanged(row.id, row.state)
                    continue
                if item.error and row.content_id is not None and not Path(item.uri).exists():
                    writer.absent(row.id, item.uri)
                    continue
                writer.expect(item.uri, row.content_id if row.state == "ok" else None)
            parcel.append(item)
            if len(parcel) == PARCEL:
                yield parcel
                parcel = []
        writer.tell()
    if parcel:
        yield parcel


def _holds_anything(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


@dataclass
class _Pending:
    """A decoded picture that waits for its vectors; `images` are what each least side of a descriptor gave."""

    at: int
    content_id: int
    digest: bytes
    images: dict[int, DecodedImage]
    size: int
    descriptors: list[Descriptor]

    @property
    def image(self) -> DecodedImage:
        """The largest."""
        return next(iter(self.images.values()))

    @property
    def pixels(self) -> int:
        """How many are held."""
        held = {id(image): image.pixels.size // 3 for image in self.images.values()}
        return sum(held.values())


def _work(job: _Job, parcel: list[SourceItem]) -> list[Record]:
    """Take a parcel of files from their names to their vectors, in one thread."""
    records: list[Record | None] = [None] * len(parcel)
    pending: list[_Pending] = []
    copies: list[tuple[int, Future[Content]]] = []
    claimed: list[Future[Content]] = []
    try:
        for at, item in enumerate(parcel):
            data = _read(job, item, at, records)
            if data is None:
                continue
            digest = hashlib.sha256(data).digest()
            with job.lock:
                claim = job.claims.get(digest)
                if claim is None:
                    claimed.append(job.claims.setdefault(digest, Future()))
            if claim is not None:
                copies.append((at, claim))
                continue
            held = job.store.content_of_hash(digest)
            missing = _missing(job, held)
            if held is not None and not missing:
                records[at] = _settle(job, item, held, known=True)
                continue
            try:
                images = decode_at(data, (d.spec.min_side for d in missing), max_pixels=job.max_pixels)
            except ImageError as error:
                content = Content(held.id if held else 0, digest, len(data), error.kind, str(error))
                records[at] = _settle(job, item, content)
                continue
            pending.append(_Pending(at, held.id if held else 0, digest, images, len(data), missing))
            if sum(p.pixels for p in pending) > PARCEL_PIXELS:
                _describe_pending(job, parcel, pending, records)
                pending = []
        _describe_pending(job, parcel, pending, records)
    except BaseException as error:
        for claim in claimed:  # never leave another thread waiting
            if not claim.done():
                claim.set_exception(error)
        raise
    # Only now, with nothing of its own undone, may a thread wait for another: so none waits in a circle.
    for at, claim in copies:
        records[at] = _record(parcel[at], claim.result())
    return [record for record in records if record is not None]


def _read(job: _Job, item: SourceItem, at: int, records: list[Record | None]) -> bytes | None:
    """Return the bytes of an item, or enter why there are none."""
    if item.skip:
        records[at] = Record(item, "skipped", kind="skipped", reason=item.skip)
        return None
    if item.error:
        records[at] = Record(item, "failed", kind="unreadable", reason=item.error)
        return None
    try:
        return job.source.read(item.uri)
    except ImageError as error:
        records[at] = Record(item, "failed", kind=error.kind, reason=str(error))
        return None


def _missing(job: _Job, held: Content | None) -> list[Descriptor]:
    """Return the descriptors whose vector is still to be made; none for a content that failed for good."""
    if held is None:
        return list(job.descriptors)
    if held.kind is not None:
        return list(job.descriptors) if job.retry or held.kind in _RETRIED else []
    return [
        descriptor
        for descriptor in job.descriptors
        if not job.store.contents_with_vectors(job.ids[descriptor.spec.fingerprint], [held.id])
    ]


def _record(item: SourceItem, content: Content, vectors: dict[str, Vectors] | None = None) -> Record:
    state = "ok" if content.kind is None else "skipped" if content.kind == "not an image" else "failed"
    return Record(item, state, content.hash, content.kind, content.reason, content, vectors or {})


def _settle(
    job: _Job, item: SourceItem, content: Content, vectors: dict[str, Vectors] | None = None, *, known: bool = False
) -> Record:
    """Make the record of a claimed content and let those who wait for it go on."""
    with job.lock:
        job.claims[content.hash].set_result(content)
        if known:
            del job.claims[content.hash]
    return _record(item, content, vectors)


def _describe_pending(
    job: _Job, parcel: list[SourceItem], pending: list[_Pending], records: list[Record | None]
) -> None:
    vectors: dict[int, dict[str, Vectors]] = {p.at: {} for p in pending}
    qualities: dict[int, int] = {}
    for descriptor in job.descriptors:
        wanting = [p for p in pending if descriptor in p.descriptors]
        rows, quality = describe(descriptor, [p.images[descriptor.spec.min_side].pixels for p in wanting])
        for p, row in zip(wanting, rows, strict=True):
            vectors[p.at][descriptor.spec.fingerprint] = row
        if quality is not None:
            qualities |= {p.at: int(q) for p, q in zip(wanting, quality, strict=True)}
    for p in pending:
        bad = [v for v in vectors[p.at].values() if v.dtype != np.uint8 and not (np.isfinite(v).all() and v.any())]
        kind, reason = (CorruptError.kind, "its vector is zero or not finite") if bad else (None, None)
        content = Content(
            p.content_id, p.digest, p.size, kind, reason, p.image.format, p.image.width,
            p.image.height, p.image.frames, p.image.pixel_hash, qualities.get(p.at),
        )  # fmt: skip
        records[p.at] = _settle(job, parcel[p.at], content, {} if bad else vectors[p.at])


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
