"""Files that are gone: marking their rows, and removing them. Files are never touched."""

from __future__ import annotations

import os
from pathlib import Path

from lookalike.results import PruneReport
from lookalike.sources import is_url
from lookalike.store import Store
from lookalike.types import Uri

__all__ = ["mark_missing", "prune"]


def mark_missing(store: Store, root: Uri, run: int) -> None:
    """Mark what a whole listing of `root` in that run did not show and is no longer there.

    A listing that shows nothing at all is a disk that is not plugged in, not an emptied folder.
    """
    unseen, seen = store.unseen(root, run)
    if seen:
        store.set_missing([id_ for id_, uri in unseen if _is_gone(uri)])


def prune(store: Store, *, dry_run: bool) -> PruneReport:
    """Remove the rows of files that are gone: see `Library.prune`."""
    roots = sorted(store.roots(), key=len, reverse=True)
    online = {root: _is_online(Path(root)) for root in roots}
    gone: list[tuple[int, Uri]] = []
    offline: list[Uri] = []
    unfetched = {uri for uri in store.never_read() if is_url(uri)}
    for id_, uri in store.entries():
        if uri in unfetched:
            gone.append((id_, uri))
        if is_url(uri) or not _is_gone(uri):
            continue
        root = next((r for r in roots if uri == r or uri.startswith(r.rstrip(os.sep) + os.sep)), None)
        if _is_online(Path(uri).parent) if root is None else online[root]:
            gone.append((id_, uri))
        else:
            offline.append(uri)
    if not dry_run:
        with store.writing():
            store.remove([id_ for id_, uri in gone if is_url(uri) or _is_gone(uri)])
    return PruneReport(tuple(uri for _, uri in gone), tuple(offline), removed=not dry_run)


def _is_gone(uri: Uri) -> bool:
    """Say whether there is no such file any more: nothing, or a folder in its place."""
    return not os.path.lexists(uri) or (Path(uri).is_dir() and not Path(uri).is_symlink())


def _is_online(folder: Path) -> bool:
    """Say whether a folder is there and not an empty mount point."""
    try:
        return any(folder.iterdir())
    except (OSError, ValueError):  # a name with a NUL is none that could be there
        return False
