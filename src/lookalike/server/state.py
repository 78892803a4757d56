"""What all calls of one server share."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import numpy as np
from fastapi import Request

from lookalike.errors import FetchError, ImageError, UsageError
from lookalike.indexing import available_cores
from lookalike.isolation import Isolated
from lookalike.library import Library, open_library
from lookalike.results import Evidence
from lookalike.searching import Query
from lookalike.server.jobs import Job, Jobs
from lookalike.server.schemas import EvidenceFacts, QueryRef
from lookalike.server.settings import Settings
from lookalike.server.thumbnails import Thumbnails
from lookalike.server.uploads import Uploads
from lookalike.sources import fetch, is_url, read_bytes
from lookalike.store import Content, Image
from lookalike.types import SourceItem
from lookalike.verifying import SIDE

_T = TypeVar("_T")

_FETCHES = 8  # URLs that are waited for at a time
_GIVES_WAY = 1.0  # seconds that an indexing job waits for searches before each parcel of files, at most
_LOOKS = 0.02  # seconds between two looks at whether any are left

__all__ = ["Asked", "MissingError", "State", "evidence_facts", "picture_facts", "state_of"]


class MissingError(UsageError):
    """What was asked for by its number is not there."""

    status = 404
    kind = "not found"


@dataclass(frozen=True)
class Asked:
    """A picture that was asked about: how it is called, its bytes if it is not in the library, its ids if it is."""

    query: Query
    library: tuple[int, ...]
    data: bytes | None


class State:
    """A library, what is kept beside it while the server runs, and the jobs."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self.library, self.settings = library, settings
        self.isolated = None
        if settings.isolated:
            self.isolated = Isolated(available_cores(), seconds=settings.seconds, memory=settings.memory)
            self.isolated.__enter__()
        self.uploads = Uploads()
        self.jobs = Jobs()
        self.thumbnails = Thumbnails(library.store, self.isolated, settings.max_pixels, settings.max_thumbnails)
        # More at a time would only wait for each other, and each holds pictures in memory. Who waits for a turn holds
        # no thread, so that short calls are answered meanwhile.
        cores = max(available_cores(), 2)
        self._turns = {"heavy": cores, "drawing": cores, "fetching": _FETCHES}
        self._asking = 0  # calls of `heavily` that are not answered yet
        self._limiters = {name: anyio.CapacityLimiter(count) for name, count in self._turns.items()}

    def close(self) -> None:
        """End jobs and processes; the library stays open."""
        self.jobs.close()
        self.thumbnails.close()
        if self.isolated is not None:
            self.isolated.close()

    async def heavily(self, work: Callable[[], _T]) -> _T:
        """Do in a thread what takes a core for a while: only so many at a time."""
        self._asking += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiters["heavy"])
        finally:
            self._asking -= 1

    def give_way(self, seconds: float = _GIVES_WAY) -> None:
        """Wait, within a job, while somebody waits for an answer; no longer than `seconds`, so that it gets on."""
        deadline = time.monotonic() + seconds
        while self._asking and time.monotonic() < deadline:
            time.sleep(_LOOKS)

    async def drawn(self, work: Callable[[], _T]) -> _T:
        """Do in a thread what makes a picture: it does not wait for those of `heavily`."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiters["drawing"])

    @contextlib.contextmanager
    def writer(self) -> Iterator[Library]:
        """Open the library once more for a job, so that what it writes keeps no reader waiting."""
        with open_library(self.library.path, create=False) as library:
            yield library

    def images(self, ids: Sequence[int]) -> dict[int, tuple[Image, Content]]:
        """Return pictures of the library with what is known of their contents."""
        images = self.library.store.images_by_id(ids)
        contents = self.library.store.contents(list({image.content_id for image in images.values()}))
        return {
            key: (image, contents[image.content_id]) for key, image in images.items() if image.content_id in contents
        }

    def image(self, id_: int) -> tuple[Image, Content]:
        """Return one picture of the library.

        Raises
        ------
        MissingError
            If there is none of this id.
        """
        found = self.images([id_]).get(id_)
        if found is None:
            raise MissingError(f"the library has no picture {id_}")
        return found

    def read(self, image: Image, content: Content) -> bytes:
        """Return the bytes of a picture of the library, if they are still those that were indexed.

        Raises
        ------
        MissingError
            If the file is gone or was replaced, by a link to another one for example; or it was a URL.
        """
        if is_url(image.uri):
            raise MissingError("this picture was fetched from a URL: it is not kept")
        try:
            data = read_bytes(image.uri, exclude_ids=self.library.store.own_files())
        except ImageError as error:
            raise MissingError(f"the file of picture {image.id} cannot be read: {error}") from error
        if hashlib.sha256(data).digest() != content.hash:
            raise MissingError(f"picture {image.id} has changed since it was indexed: index its folder again")
        return data

    async def asked(self, refs: Sequence[QueryRef]) -> list[Asked]:
        """Return the pictures that a request names, each under a name of its own; URLs are fetched side by side.

        A URL that cannot be fetched is a query with a problem.

        Raises
        ------
        MissingError
            If an id is not in the library, or an upload is no longer kept.
        """
        found: list[Asked | None] = [None] * len(refs)

        async def one(at: int) -> None:
            fetching = refs[at].url is not None
            limiter = self._limiters["fetching"] if fetching else None
            found[at] = await anyio.to_thread.run_sync(self._asked, refs[at], limiter=limiter)

        for at, ref in enumerate(refs):
            if ref.url is None:
                await one(at)
        async with anyio.create_task_group() as group:
            for at, ref in enumerate(refs):
                if ref.url is not None:
                    group.start_soon(one, at)
        return _told_apart([asked for asked in found if asked is not None])

    def _asked(self, ref: QueryRef) -> Asked:
        if ref.id is not None:
            image, _ = self.image(ref.id)
            item = SourceItem(image.uri, image.size, image.mtime_ns, image.device, image.inode)
            return Asked(Query(image.uri, item=item, own=image.id), (image.id,), None)
        if ref.upload is not None:
            upload = self.uploads.get(ref.upload)
            return Asked(Query(upload.name, data=upload.data), self.same_file(upload.data), upload.data)
        url = (ref.url or "").strip()
        try:
            if not is_url(url):
                raise FetchError("only http and https URLs are fetched")
            data = fetch(url, allow_private=self.settings.allow_private_urls)
        except ImageError as error:
            return Asked(Query(url, problem=str(error)), (), None)
        return Asked(Query(url, data=data), self.same_file(data), data)

    def value_of(self, number: int, kind: str) -> Any:
        """Return what a job found.

        Raises
        ------
        MissingError
            If there is no such job, or what it found is no longer kept.
        UsageError
            If it is of another kind, or not done.
        """
        job = self.job(number)
        if job.kind != kind:
            raise UsageError(f"job {number} is of another kind: {job.kind}")
        if job.state != "done":
            raise UsageError(f"job {number} is {job.state}: read what it found when it is done")
        value = self.jobs.use(job)
        if value is None:
            raise MissingError(f"what job {number} found is no longer kept: start it again")
        return value

    def job(self, number: int) -> Job:
        """Return a job.

        Raises
        ------
        MissingError
            If there is none of this number.
        """
        try:
            return self.jobs.get(number)
        except KeyError:
            raise MissingError(f"there is no job {number}") from None

    def same_file(self, data: bytes) -> tuple[int, ...]:
        """Return the pictures of the library that are this very file."""
        content = self.library.store.content_of_hash(hashlib.sha256(data).digest())
        if content is None:
            return ()
        return tuple(image.id for image in self.library.store.images_of([content.id]).get(content.id, []))


def _told_apart(asked: list[Asked]) -> list[Asked]:
    """Return the queries with numbers behind names that several have: their problems are told by name."""
    often = Counter(one.query.name for one in asked)
    seen: Counter[str] = Counter()
    named = []
    for one in asked:
        name = one.query.name
        seen[name] += 1
        again = often[name] > 1 and one.query.item is None
        named.append(replace(one, query=replace(one.query, name=f"{name} ({seen[name]})")) if again else one)
    return named


def state_of(request: Request) -> State:
    """Return what all calls share."""
    state: State = request.app.state.lookalike
    return state


def picture_facts(image: Image, content: Content) -> dict[str, Any]:
    """Return what `PictureFacts` takes."""
    return {
        "id": image.id, "uri": image.uri, "width": content.width, "height": content.height, "bytes": image.size,
        "format": content.format, "modified": image.mtime_ns / 1e9, "version": content.hash.hex()[:16],
    }  # fmt: skip


def evidence_facts(
    evidence: Evidence | None, size_a: tuple[int, int] | None, size_b: tuple[int, int]
) -> EvidenceFacts | None:
    """Return why a verdict, as calls answer it; sizes are (width, height) at full size, None where it is not told."""
    if evidence is None:
        return None
    transform = None
    if evidence.transform is not None and size_a is not None:
        # Evidence speaks of working pictures, whose longer sides are SIDE pixels at most.
        a, b = (min(SIDE / max(*size, 1), 1.0) for size in (size_a, size_b))
        full = np.diag([1 / b, 1 / b, 1]) @ evidence.transform @ np.diag([a, a, 1])
        transform = (full / full[2, 2]).tolist()
    return EvidenceFacts(
        verdict=evidence.verdict,
        probability=evidence.probability,
        reason=evidence.reason,
        reason_back=evidence.reason_back or evidence.reason,
        scene_probability=evidence.scene_probability,
        transform=transform,
        mirrored=evidence.mirrored,
        negative=evidence.negative,
        inliers=evidence.inliers,
        share_a=evidence.share_a,
        share_b=evidence.share_b,
        agreement=evidence.agreement,
        moved=evidence.moved,
        edits=list(evidence.edits),
    )
