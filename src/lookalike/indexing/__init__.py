"""From a source into the store: read, hash, decode, describe, write. Streams; nothing is held for the whole folder.

The main thread lists and writes; a few threads each take a parcel of files through reading, decoding and describing.
Each has a process beside it that decodes: while one of the two works the other waits, so that there are as many at work
as there are threads, and a codec that crashes, spins or takes all memory costs the one file that it was given.
Parcels are written in the order in which they were found, so that two runs over the same files make the same
library.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path

from lookalike.defaults import ISOLATED
from lookalike.indexing.ahead import Ahead
from lookalike.indexing.describing import PARCEL_PIXELS, RETRIED, work
from lookalike.indexing.writing import Job, Progress, Writer
from lookalike.isolation import Isolated
from lookalike.onthespot import DESCRIBER, works_on_the_spot
from lookalike.results import IndexReport
from lookalike.store import Record, Store
from lookalike.types import Descriptor, Source, SourceItem
from lookalike.workers import available_cores

__all__ = ["PARCEL_PIXELS", "Ahead", "available_cores", "index"]

PARCEL = 16  # files that one thread takes at a time
LIGHT = 4  # times as many where nothing but a hash is asked for and files are small: each takes a moment
LIGHT_BYTES = 32_000  # that a file then has on average, at most
LISTED = 256  # entries looked up in the library at a time


def index(
    store: Store,
    source: Source,
    descriptors: Sequence[Descriptor],
    *,
    run: int,
    max_pixels: int,
    threads: int,
    retry: bool = False,
    isolated: bool = ISOLATED,
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
    isolated
        Decode in processes of their own, one for each thread.
    progress
        Called after each parcel with the counts so far.

    Returns
    -------
    IndexReport
        ``interrupted`` is True if it was ended by Ctrl-C; all that was described by then is written.
    """
    ids = {descriptor.spec.fingerprint: store.ensure_descriptor(descriptor.spec) for descriptor in descriptors}
    job = Job(store, source, descriptors, ids, max_pixels, retry)
    writer = Writer(job, run, progress)
    with ExitStack() as stack:
        if isolated:
            job.isolated = stack.enter_context(closing(Isolated(threads, make=DESCRIBER)))
        pool = stack.enter_context(ThreadPoolExecutor(threads, thread_name_prefix="lookalike"))
        waiting: deque[Future[list[Record]]] = deque()
        try:
            for parcel in _parcels(job, writer):
                waiting.append(pool.submit(work, job, parcel))
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


def _parcels(job: Job, writer: Writer) -> Iterator[list[SourceItem]]:
    """Yield what has to be read, a parcel at a time; what has not changed goes straight to the writer."""
    parcel: list[SourceItem] = []
    size = 0  # bytes of what is in it
    light = all(map(works_on_the_spot, job.descriptors))
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
                failed_for_good = row.content_id is not None and row.kind not in RETRIED and not job.retry
                if same and (row.content_id in complete if row.state == "ok" else failed_for_good):
                    writer.unchanged(row.id, row.state)
                    continue
                if item.error and row.content_id is not None and not Path(item.uri).exists():
                    writer.absent(row.id, item.uri)
                    continue
                writer.expect(item.uri, row.content_id if row.state == "ok" else None)
            parcel.append(item)
            size += item.size
            small = light and size <= LIGHT_BYTES * len(parcel)
            if len(parcel) >= (PARCEL * LIGHT if small else PARCEL):
                yield parcel
                parcel, size = [], 0
        writer.tell()
    if parcel:
        yield parcel
