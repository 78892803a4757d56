"""What all calls of one server share."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import Request

from lookalike.errors import UsageError
from lookalike.indexing import available_cores
from lookalike.isolation import Isolated
from lookalike.library import Library, open_library
from lookalike.results import Evidence
from lookalike.searching import Query
from lookalike.server.jobs import Jobs
from lookalike.server.schemas import EvidenceFacts, QueryRef
from lookalike.server.settings import Settings
from lookalike.server.thumbnails import Thumbnails
from lookalike.server.uploads import Uploads
from lookalike.sources import fetch, normalise_uri
from lookalike.store import Content, Image
from lookalike.types import SourceItem
from lookalike.verifying import SIDE

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
        self.thumbnails = Thumbnails(library.store, self.isolated, settings.max_pixels)
        # More at a time would only wait for each other, and each holds pictures in memory.
        self.heavy = threading.BoundedSemaphore(max(available_cores(), 2))

    def close(self) -> None:
        """End jobs and processes; the library stays open."""
        self.jobs.close()
        self.thumbnails.close()
        if self.isolated is not None:
            self.isolated.close()

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

    def asked(self, ref: QueryRef) -> Asked:
        """Return the picture that a request names.

        Raises
        ------
        MissingError
            If it is not in the library.
        UsageError
            If it is an upload that is no longer kept.
        ImageError
            If its URL cannot be fetched.
        """
        if ref.id is not None:
            image, _ = self.image(ref.id)
            item = SourceItem(image.uri, image.size, image.mtime_ns, image.device, image.inode)
            return Asked(Query(image.uri, item=item, own=image.id), (image.id,), None)
        if ref.upload is not None:
            upload = self.uploads.get(ref.upload)
            return Asked(Query(upload.name, data=upload.data), self.same_file(upload.data), upload.data)
        url = normalise_uri(str(ref.url))
        data = fetch(url, allow_private=self.settings.allow_private_urls)
        return Asked(Query(url, data=data), self.same_file(data), data)

    def same_file(self, data: bytes) -> tuple[int, ...]:
        """Return the pictures of the library that are this very file."""
        content = self.library.store.content_of_hash(hashlib.sha256(data).digest())
        if content is None:
            return ()
        return tuple(image.id for image in self.library.store.images_of([content.id]).get(content.id, []))


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
