"""A parcel of files from their names to their vectors: read, hash, decode, describe."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lookalike.decode import decode_at
from lookalike.descriptors import describe, load
from lookalike.errors import CorruptError, ImageError
from lookalike.indexing.writing import Job
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
    content_id: int
    digest: bytes
    data: bytes
    descriptors: list[Descriptor]


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


def work(job: Job, parcel: list[SourceItem]) -> list[Record]:
    """Take a parcel of files from their names to their vectors, in one thread."""
    records: list[Record | None] = [None] * len(parcel)
    wanted: list[_Wanted] = []
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
            wanted.append(_Wanted(at, held.id if held else 0, digest, data, missing))
            if sum(len(w.data) for w in wanted) > PARCEL_BYTES:
                _describe_wanted(job, parcel, wanted, records)
        _describe_wanted(job, parcel, wanted, records)
    except BaseException as error:
        for claim in claimed:  # never leave another thread waiting
            if not claim.done():
                claim.set_exception(error)
        raise
    # Only now, with nothing of its own undone, may a thread wait for another: so none waits in a circle.
    for at, claim in copies:
        records[at] = _record(parcel[at], claim.result())
    return [record for record in records if record is not None]


def _describe_wanted(job: Job, parcel: list[SourceItem], wanted: list[_Wanted], records: list[Record | None]) -> None:
    """Decode and describe what is wanted, or enter why it cannot be."""
    files, sides = [w.data for w in wanted], [[d.spec.min_side for d in w.descriptors] for w in wanted]
    pending: list[_Pending] = []
    # Pictures are lent until this is closed: they are described before.
    with closing(_decoder(job)(files, sides, max_pixels=job.max_pixels)) as results:
        for w in wanted:
            images = next(results)
            if isinstance(images, ImageError):
                content = Content(w.content_id, w.digest, len(w.data), images.kind, str(images))
                records[w.at] = _settle(job, parcel[w.at], content)
                continue
            pending.append(_Pending(w.at, w.content_id, w.digest, images, len(w.data), w.descriptors))
            if sum(p.pixels for p in pending) > PARCEL_PIXELS:
                _describe_pending(job, parcel, pending, records)
        _describe_pending(job, parcel, pending, records)
    wanted.clear()


def _decoder(job: Job) -> _Decoder:
    """Return what decodes. At first models are loaded while the first process starts: each takes half a second."""
    if job.isolated is None:
        return _decode_here
    with job.lock:
        first, job.started = not job.started, True
    if first:
        job.isolated.start()
        for descriptor in job.descriptors:
            load(descriptor)
    return job.isolated.decode_each


def _read(job: Job, item: SourceItem, at: int, records: list[Record | None]) -> bytes | None:
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


def _missing(job: Job, held: Content | None) -> list[Descriptor]:
    """Return the descriptors whose vector is still to be made; none for a content that failed for good."""
    if held is None:
        return list(job.descriptors)
    if held.kind is not None:
        return list(job.descriptors) if job.retry or held.kind in RETRIED else []
    return [
        descriptor
        for descriptor in job.descriptors
        if not job.store.contents_with_vectors(job.ids[descriptor.spec.fingerprint], [held.id])
    ]


def _record(item: SourceItem, content: Content, vectors: dict[str, Vectors] | None = None) -> Record:
    state = "ok" if content.kind is None else "skipped" if content.kind == "not an image" else "failed"
    return Record(item, state, content.hash, content.kind, content.reason, content, vectors or {})


def _settle(
    job: Job, item: SourceItem, content: Content, vectors: dict[str, Vectors] | None = None, *, known: bool = False
) -> Record:
    """Make the record of a claimed content and let those who wait for it go on."""
    with job.lock:
        job.claims[content.hash].set_result(content)
        if known:
            del job.claims[content.hash]
    return _record(item, content, vectors)


def _describe_pending(
    job: Job, parcel: list[SourceItem], pending: list[_Pending], records: list[Record | None]
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
    pending.clear()


class _Decoder(Protocol):
    """Decodes files for several least sides each: see `lookalike.isolation.Isolated.decode_each`."""

    def __call__(
        self, files: Sequence[bytes], sides: Sequence[Collection[int]], *, max_pixels: int
    ) -> Generator[dict[int, DecodedImage] | ImageError, None, None]: ...


def _decode_here(
    files: Sequence[bytes], sides: Sequence[Collection[int]], *, max_pixels: int
) -> Generator[dict[int, DecodedImage] | ImageError, None, None]:
    """Do in this process what `_Decoder` says."""
    for data, some in zip(files, sides, strict=True):
        try:
            images = decode_at(data, some, max_pixels=max_pixels)
        except ImageError as error:
            yield error
        else:
            yield images
