"""Pictures in files: found by name, read with care."""

# ruff: noqa: PTH100, PTH112, PTH116
# Paths are strings here: a URI keeps every byte of the name as it was given, and a walk makes millions of them.

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence

from lookalike.errors import TooLargeError, UnreadableError, UsageError
from lookalike.sources.names import is_url
from lookalike.sources.walk import Rules, Walk, path_key, reason_of
from lookalike.types import SourceItem, Uri

__all__ = ["MAX_FILE_BYTES", "FileSource", "read_bytes"]

MAX_FILE_BYTES = 512 * 1024 * 1024

_PIECE = 1 << 20  # bytes
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY", "O_NOINHERIT"):
    _FLAGS |= getattr(os, _name, 0)


class FileSource:
    """Named files and all files in named folders.

    Parameters
    ----------
    paths
        Files and folders, relative to the current folder or absolute. One that is a link or hidden is used: it was
        named. Given twice, it counts once, where it stood first.
    recursive
        Enter folders within folders.
    hidden
        Take names that begin with a dot, are hidden on Windows, or belong to a system (thumbs.db, $RECYCLE.BIN, ...).
    follow_links
        Follow symbolic links found in folders. Real names come first and win over links; see `Walk`.
    exclude_ids
        (device, inode) of files that are never yielded nor opened, such as an open SQLite database, whose locks would
        be lost when a second handle on it is closed.
    exclude_dirs
        Folders that are never entered, silently. A library (NAME.lookalike with a library.db) never is.
    fetch_url
        Reads a URL. With it URLs may stand among the paths; without it they are taken for paths.

    Attributes
    ----------
    incomplete_roots
        After an iteration: the named folders of which something may have been left unseen (unreadable or vanished
        folders, a stopped iteration, subfolders without `recursive`), and the named paths that are not there, such as
        an unplugged disk. A file of such a folder that was not seen must not be taken for gone.

    Raises
    ------
    UsageError
        If a path is empty.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        recursive: bool = True,
        hidden: bool = False,
        follow_links: bool = False,
        exclude_ids: Collection[tuple[int, int]] = (),
        exclude_dirs: Collection[str | os.PathLike[str]] = (),
        fetch_url: Callable[[Uri], bytes] | None = None,
    ) -> None:
        self._named: dict[str, Uri] = {}
        for path in paths:
            text = os.fsdecode(path)
            if not text:
                raise UsageError("an empty path was given: the current folder is written as a dot")
            uri = text if fetch_url is not None and is_url(text) else os.path.abspath(text)
            self._named.setdefault(path_key(uri), uri)
        self._rules = Rules(
            recursive=recursive,
            hidden=hidden,
            follow_links=follow_links,
            exclude_ids=frozenset(exclude_ids),
            exclude_dirs=frozenset(path_key(os.path.abspath(os.fsdecode(folder))) for folder in exclude_dirs),
        )
        self._fetch_url = fetch_url
        self.incomplete_roots: set[Uri] = set()

    @property
    def roots(self) -> tuple[Uri, ...]:
        """The named folders that exist now, as absolute paths in the order named."""
        return tuple(uri for uri in self._named.values() if not is_url(uri) and os.path.isdir(uri))

    def __iter__(self) -> Iterator[SourceItem]:
        # Until the walk has ended, nothing is known to be complete.
        self.incomplete_roots = {uri for uri in self._named.values() if not is_url(uri)}
        walk = Walk(self._named, self._rules)
        yield from walk
        self.incomplete_roots = walk.incomplete

    def read(self, uri: Uri, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Return the bytes of a file, or of a URL where URLs are taken; raise as `read_bytes` or `fetch` does."""
        if self._fetch_url is not None and is_url(uri):
            return self._fetch_url(uri)
        return read_bytes(uri, max_bytes=max_bytes, exclude_ids=self._rules.exclude_ids)


def read_bytes(
    path: str | os.PathLike[str],
    *,
    max_bytes: int = MAX_FILE_BYTES,
    head: int | None = None,
    exclude_ids: Collection[tuple[int, int]] = (),
) -> bytes:
    """Return the bytes of a regular file.

    Parameters
    ----------
    path
        Links are followed.
    max_bytes
        The largest length accepted.
    head
        Read only so many bytes of its beginning; None for all of it.
    exclude_ids
        (device, inode) of files that must not be opened.

    Raises
    ------
    UnreadableError
        If it is gone, forbidden, not a regular file, or the disk fails.
    TooLargeError
        If it is longer than `max_bytes`.

    Notes
    -----
    Never waits for another program: a FIFO is refused, also one put there since the folder was listed.
    """
    try:
        # Looked at before it is opened, since opening alone can disturb (a device) or do harm (our own database),
        # and once more afterwards, since it may have been replaced between.
        _check(os.stat(path), max_bytes, exclude_ids)
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            _check(status, max_bytes, exclude_ids)
            content = _read(descriptor, status.st_size, max_bytes + 1 if head is None else head)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise UnreadableError(reason_of(error, gone="gone since it was listed, or never there")) from error
    if len(content) > max_bytes:
        raise _too_large(len(content), max_bytes)
    return content


def _read(descriptor: int, size: int, most: int) -> bytes:
    """Return what an open file of `size` bytes holds, `most` of it: for a small file in one call of the system."""
    content = os.read(descriptor, min(most, size + 1))
    if len(content) == min(most, size):
        return content
    # It grew or shrank meanwhile, its file system tells no sizes, or gives less than was asked for.
    pieces = [content]
    left = most - len(content)
    while left and (piece := os.read(descriptor, min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _check(status: os.stat_result, max_bytes: int, exclude_ids: Collection[tuple[int, int]]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableError("it is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("it is not a regular file but a FIFO, socket or device")
    if (status.st_dev, status.st_ino) in exclude_ids:
        raise UnreadableError("it belongs to the library itself")
    if status.st_size > max_bytes:
        raise _too_large(status.st_size, max_bytes)


def _too_large(size: int, max_bytes: int) -> TooLargeError:
    return TooLargeError(f"it has {size:,} bytes or more: the limit is {max_bytes:,}")
