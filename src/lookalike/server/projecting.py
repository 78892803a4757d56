"""A map made in a process of its own, so that it can be stopped: t-SNE tells nothing until it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LateError
from typing import Any

from lookalike.projection import Projection, project
from lookalike.results import Gallery
from lookalike.workers import Workers

__all__ = ["make_projector", "project_stoppably"]

AT_ONCE = 1000
"""Pictures up to which t-SNE takes about as long as starting a process."""

_LOOKS = 0.25  # seconds between two looks at whether it is to stop


def make_projector() -> Callable[[tuple[Gallery, dict[str, Any]]], Projection]:
    """Return what a worker does: a map of a gallery."""
    return lambda job: project(job[0], **job[1])


def project_stoppably(gallery: Gallery, tell: Callable[[float], None], **settings: Any) -> Projection:
    """Return what `lookalike.projection.project` does.

    Parameters
    ----------
    gallery, settings
        As there.
    tell
        Called a few times a second with the seconds since the beginning; what it raises ends the work at once. Not
        called where there are few pictures, or for "pca": that is quick.

    Raises
    ------
    UsageError
        As there.
    """
    if settings.get("method") == "pca" or len(gallery) <= AT_ONCE:
        return project(gallery, **settings)
    began = time.monotonic()
    workers = Workers(1, "lookalike.server.projecting:make_projector")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(workers.call, (gallery, settings))
        try:
            while True:
                try:
                    made: Projection = asked.result(_LOOKS)
                    return made
                except LateError:
                    tell(time.monotonic() - began)
        finally:
            workers.close()
