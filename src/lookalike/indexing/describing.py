"""A parcel of files from their names to their vectors: read, hash, decode, describe."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from lookalike.decode import decode_at
from lookalike.descriptors import describe, load
from lookalike.errors import CorruptError, ImageError
from lookalike.indexing.writing import Claim, Job
from lookalike.onthespot import Looked, look, works_on_the_spot
from lookalike.store import Content, Record
from lookalike.types import DecodedImage, Descriptor, SourceItem, Vectors

__all__ = ["RETRIED", "work"]

PARCEL_BYTES = 16_000_000  # bytes of files that one thread may hold before it has them decoded
PARCEL_PIXELS = 16_000_000  # decoded pixels that one thread may hold before it describes them

RETRIED = {"unreadable", "too large"}  # these depend on more than the bytes: tried again each time


@dataclass
class _Wanted:
    """A file's bytes that wait to be decoded."""

    at: int
    digest: bytes
    data: bytes
    content_id: int = 0
    descriptors: list[Descriptor] = field(default_factory=list)


@dataclass
class _Pending:
    """A decoded picture that waits for vectors of `descriptors`; `images` are what each least side of them gave."""

    at: int
    content_id: int
    digest: bytes
    image: DecodedImage
    images: dict[int, DecodedImage]
    size: int
    descriptors: list[Descriptor]
    vectors: dict[str, Vectors]
    quality: int | None

    @property
    def pixels(self) -> int:
        """How many are held."""
        held = {id(image): image.pixels.size // 3 for image in self.images.values()}
        return sum(held.values())


@dataclass
class _Parcel:
    """Files that one thread takes together, and what becomes of them; `settled` is what copies of them wait for."""

    items: list[SourceItem]
    records: list[Record | None]
    settled: dict[bytes, Content] = field(default_factory=dict)


def work(job: Job, items: list[SourceItem]) -> list[Record]:
    """Take a parcel of files from their names to their vectors, in one thread."""
    parcel = _Parcel(items, [None] * len(items))
    wanted: list[_Wanted] = []
    copies: list[tuple[int, bytes, Claim]] = []
    claim: Claim = Future()
    size = 0  # bytes of what is wanted
    try:
        for at in range(len(items)):
            data = _read(job, parcel, at)
            if data is None:
                continue
            digest = hashlib.sha256(data).digest()
            with job.lock:
                other = job.claims.get(digest)
                if other is None:
                    job.claims[digest] = claim
            if other is not None:
                copies.append((at, digest, other))
                continue
            wanted.append(_Wanted(at, digest, data))
            size += len(data)
            if size > PARCEL_BYTES:
                _settle_wanted(job, parcel, wanted)
                size = 0
        _settle_wanted(job, parcel, wanted)
    except BaseException as error:
        claim.set_exception(error)  # never leave another thread waiting
        raise
    claim.set_result(parcel.settled)
    # Only now, with nothing of its own undone, may a thread wait for another: so none waits in a circle.
    for at, digest, other in copies:
        parcel.records[at] = _record(items[at], other.result()[digest])
    return [record for record in parcel.records if record is not None]


def _settle_wanted(job: Job, parcel: _Parcel, wanted: list[_Wanted]) -> None:
    """Enter what is known of claimed files, and describe the others; then none is wanted."""
    held = job.store.contents_of_hashes([w.digest for w in wanted])
    missing = _missing(job, held.values())
    left = []
    for w in wanted:
        content = held.get(w.digest)
        if content is None:
            w.descriptors = list(job.descriptors)
        else:
            w.content_id, w.descriptors = content.id, missing[content.id]
        if content is not None and not w.descriptors:
            _settle(parcel, w.at, content)
            with job.lock:
                del job.claims[w.digest]  # it is not written, and can be looked up
        else:
            left.append(w)
    wanted.clear()
    _describe_wanted(job, parcel, left)


def _describe_wanted(job: Job, parcel: _Parcel, wanted: list[_Wanted]) -> None:
    """Decode and describe what is wanted, or enter why it cannot be."""
    pending: list[_Pending] = []
    pixels = 0  # of what is pending
    # Pictures are lent until this is closed: they are described before.
    with closing(_looked_at(job, wanted)) as results:
        for w in wanted:
            found = next(results)
            if isinstance(found, ImageError):
                content = Content(w.content_id, w.digest, len(w.data), found.kind, str(found))
                _settle(parcel, w.at, content)
                continue
            left = [one for one in w.descriptors if one.spec.fingerprint not in found.vectors]
            vectors = {name: row.copy() for name, row in found.vectors.items()}  # these are kept, not described
            pending.append(
                _Pending(
                    w.at, w.content_id, w.digest, found.image, found.images, len(w.data), left, vectors, found.quality
                )
            )
            pixels += pending[-1].pixels
            if pixels > PARCEL_PIXELS:
                _describe_pending(job, parcel, pending)
                pixels = 0
        _describe_pending(job, parcel, pending)


def _looked_at(job: Job, wanted: Sequence[_Wanted]) -> Generator[Looked | ImageError, None, None]:
    """Yield for each file the picture with the pixels that descriptors need here, and what was described elsewhere.

    At first models are loaded while the first process starts: each takes half a second.
    """
    if job.isolated is None:
        for w in wanted:
            sides = [one.spec.min_side for one in w.descriptors]
            try:
                yield look(decode_at(w.data, sides, max_pixels=job.max_pixels), sides, ())
            except ImageError as error:
                yield error
        return
    with job.lock:
        first, job.started = not job.started, True
    if first:
        job.isolated.start()
        for descriptor in job.descriptors:
            load(descriptor)
    settings = [
        {
            "sides": tuple({one.spec.min_side for one in w.descriptors if not works_on_the_spot(one)}),
            "descriptors": tuple(one.spec.name for one in w.descriptors if works_on_the_spot(one)),
            "max_pixels": job.max_pixels,
        }
        for w in wanted
    ]
    yield from job.isolated.each("look", [w.data for w in wanted], settings)


def _read(job: Job, parcel: _Parcel, at: int) -> bytes | None:
    """Return the bytes of an item, or enter why there are none."""
    item = parcel.items[at]
    if item.skip:
        parcel.records[at] = Record(item, "skipped", kind="skipped", reason=item.skip)
        return None
    if item.error:
        parcel.records[at] = Record(item, "failed", kind="unreadable", reason=item.error)
        return None
    try:
        return job.source.read(item.uri)
    except ImageError as error:
        parcel.records[at] = Record(item, "failed", kind=error.kind, reason=str(error))
        return None


def _missing(job: Job, held: Collection[Content]) -> dict[int, list[Descriptor]]:
    """Return by content the descriptors whose vector is still to be made; none for one that failed for good."""
    good = [content.id for content in held if content.kind is None]
    have = {
        d.spec.fingerprint: job.store.contents_with_vectors(job.ids[d.spec.fingerprint], good) for d in job.descriptors
    }
    missing = {id_: [d for d in job.descriptors if id_ not in have[d.spec.fingerprint]] for id_ in good}
    for content in held:
        if content.kind is not None:
            missing[content.id] = list(job.descriptors) if job.retry or content.kind in RETRIED else []
    return missing


def _record(item: SourceItem, content: Content, vectors: dict[str, Vectors] | None = None) -> Record:
    state = "ok" if content.kind is None else "skipped" if content.kind == "not an image" else "failed"
    return Record(item, state, content.hash, content.kind, content.reason, content, vectors or {})


def _settle(parcel: _Parcel, at: int, content: Content, vectors: dict[str, Vectors] | None = None) -> None:
    """Make the record of a claimed content, for its file and for those who wait for it."""
    parcel.settled[content.hash] = content
    parcel.records[at] = _record(parcel.items[at], content, vectors)


def _describe_pending(job: Job, parcel: _Parcel, pending: list[_Pending]) -> None:
    vectors = {p.at: p.vectors for p in pending}
    qualities = {p.at: p.quality for p in pending}
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
            p.image.height, p.image.frames, p.image.pixel_hash, qualities[p.at],
        )  # fmt: skip
        _settle(parcel, p.at, content, {} if bad else vectors[p.at])
    pending.clear()
