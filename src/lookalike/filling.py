"""A library filled: files, folders and URLs indexed, what is gone marked, the indexes brought up to date."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lookalike.descriptors import get_descriptor
from lookalike.errors import UsageError
from lookalike.holdings import Holdings
from lookalike.indexing import Ahead, available_cores, index
from lookalike.pruning import mark_missing
from lookalike.results import IndexReport
from lookalike.sources import PathLike, collect
from lookalike.store import Store, refresh_scalers

__all__ = ["Filling", "fill"]

_log = logging.getLogger("lookalike.library")


@dataclass(frozen=True)
class Filling:
    """How pictures are to be indexed: see `Library.add`."""

    descriptors: Sequence[str]
    recursive: bool
    hidden: bool
    follow_links: bool
    max_pixels: int
    device: str
    threads: int | None
    retry: bool
    isolated: bool
    allow_private: bool


def fill(
    store: Store,
    holdings: Holdings,
    paths: Sequence[PathLike],
    filling: Filling,
    *,
    progress: Callable[[IndexReport], None] | None = None,
) -> IndexReport:
    """Index what has changed, and return the counts: see `Library.add`."""
    names = list(dict.fromkeys(filling.descriptors))
    if not names:
        raise UsageError("name at least one descriptor")
    loaded = [get_descriptor(name, filling.device) for name in names]
    with contextlib.ExitStack() as stack:
        stack.enter_context(store.writing())
        list_files = partial(
            collect,
            paths,
            recursive=filling.recursive,
            hidden=filling.hidden,
            follow_links=filling.follow_links,
            exclude_ids=store.own_files(),
            exclude_dirs=[store.folder],
            allow_private=filling.allow_private,
        )
        told = None
        if progress is not None:
            told = partial(_tell, progress, stack.enter_context(Ahead(list_files())))
        source = list_files()
        roots = source.roots
        run = store.start_run(roots)
        report = index(
            store,
            source,
            loaded,
            run=run,
            max_pixels=filling.max_pixels,
            threads=filling.threads or available_cores(),
            retry=filling.retry,
            isolated=filling.isolated,
            progress=told,
        )
        if not report.interrupted:
            for root in roots:
                if root not in source.incomplete_roots and os.path.isdir(root):  # noqa: PTH112 - no error
                    mark_missing(store, root, run)
        refresh_scalers(store)
        if not report.interrupted and (report.added or report.changed or report.embedded):
            holdings.refresh(descriptor.spec for descriptor in loaded)
    report = replace(report, missing=store.counts()["missing"])
    _log.info("%s, into %s by %s: %s", list(paths), store.folder, ", ".join(names), report)
    return report


def _tell(progress: Callable[[IndexReport], None], ahead: Ahead, report: IndexReport) -> None:
    progress(replace(report, total=ahead.total))
