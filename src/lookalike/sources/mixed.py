"""Paths and URLs as one source."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from functools import partial

from lookalike.sources.files import FileSource
from lookalike.sources.names import normalise_uri
from lookalike.sources.remote import FetchLimits, fetch

__all__ = ["collect"]


def collect(
    names: Iterable[str | os.PathLike[str]],
    *,
    recursive: bool = True,
    hidden: bool = False,
    follow_links: bool = False,
    exclude_ids: Collection[tuple[int, int]] = (),
    exclude_dirs: Collection[str | os.PathLike[str]] = (),
    limits: FetchLimits | None = None,
    allow_private: bool = False,
) -> FileSource:
    """Return a source over paths and URLs, in the order given; each URI comes once.

    Parameters
    ----------
    names
        As a user writes them: paths, http(s) URLs and file:// URLs. Chain the entries of `read_list` to them.
    recursive, hidden, follow_links, exclude_ids, exclude_dirs
        As in `FileSource`.
    limits, allow_private
        As in `fetch`.

    Raises
    ------
    UsageError
        If a name is empty or has a scheme that is not read.
    """
    return FileSource(
        [normalise_uri(os.fsdecode(name)) for name in names],
        recursive=recursive,
        hidden=hidden,
        follow_links=follow_links,
        exclude_ids=exclude_ids,
        exclude_dirs=exclude_dirs,
        fetch_url=partial(fetch, limits=limits or FetchLimits(), allow_private=allow_private),
    )
