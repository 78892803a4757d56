"""The walk over named files and folders. It looks at names and states and opens nothing but folders."""

# ruff: noqa: PTH116, PTH118, PTH119, PTH120, PTH208
# Paths are strings here: a URI keeps every byte of the name as it was given, and a walk makes millions of them.

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lookalike.sources.names import is_url
from lookalike.types import SourceItem, Uri

__all__ = ["QUARANTINE_FOLDER", "Rules", "Walk", "path_key", "reason_of"]

QUARANTINE_FOLDER = ".lookalike-quarantine"
"""Folder at the top of a disk in which files lie that were taken away: see `lookalike.actions`. It is never entered."""

_SYSTEM_NAMES = frozenset(
    {
        "$recycle.bin",
        "system volume information",
        "thumbs.db",
        "desktop.ini",
        "lost+found",  # belongs to root: without this no disk's top folder could ever be listed completely
        "@eadir",  # Synology's thumbnails
        "#recycle",
        "@recycle",
    }
)

_KINDS = (
    (stat.S_ISFIFO, "FIFO"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)

_REASONS = {
    errno.ENOENT: "gone while being listed",
    errno.ENOTDIR: "gone while being listed",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "symbolic link loop",
    errno.ENAMETOOLONG: "path too long",
    errno.EIO: "the disk fails",
    errno.ESTALE: "the network folder is gone",
}

# Windows: a junction is no symbolic link to Python, but leads elsewhere and can loop like one.
_JUNCTION_TAG = 0xA0000003
_HIDDEN_ATTRIBUTE = 0x2

_Place = tuple[int, int] | str
_LIBRARY_ITEM = "a lookalike library"


@dataclass(frozen=True)
class Rules:
    """What a walk enters and what it leaves out.

    Attributes
    ----------
    exclude_ids
        (device, inode) of files that are never yielded.
    exclude_dirs
        Keys (`path_key`) of folders that are never entered.
    """

    recursive: bool
    hidden: bool
    follow_links: bool
    exclude_ids: frozenset[tuple[int, int]]
    exclude_dirs: frozenset[str]


def path_key(uri: Uri) -> str:
    """Return what two spellings of one path share: the case on Windows; nothing elsewhere, nor for a URL."""
    return uri if is_url(uri) else os.path.normcase(uri)


def reason_of(error: OSError | ValueError, gone: str = "gone while being listed") -> str:
    """Return in a few words why a path cannot be used; `gone` is said when there is nothing at that path."""
    if not isinstance(error, OSError):
        return gone  # a NUL character in the path: no file has such a name
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return gone
    return _REASONS.get(error.errno or 0) or (error.strerror or type(error).__name__).lower()


class Walk:
    """One iteration over the named paths.

    In the order named; a folder's entries sorted by code point, each subfolder entered where it stands. A named path
    appears at its own place only, even where a named folder holds it, so that no URI comes twice and nothing needs to
    be remembered for each file: memory grows with the widest folder on the way down, not with the tree.

    When links are followed, whatever is reached through one comes last: first all real names, then the folders behind
    links in the order met, then the files behind links. So a real name always wins over a link to it, a folder is
    walked once, and a loop ends. Remembered then: one entry per folder and per followed link.

    Attributes
    ----------
    incomplete
        Named folders of which something may have been left unseen, and named paths that are not there.
    """

    def __init__(self, named: Mapping[str, Uri], rules: Rules) -> None:
        self.incomplete: set[Uri] = set()
        self._named = named
        self._rules = rules
        self._listed: dict[_Place, str] = {}
        self._excluded_folders: dict[str, bool] = {}
        self._files: dict[tuple[_Place, str], Uri] = {}
        self._folder_links: deque[str] = deque()
        self._file_links: list[str] = []

    def __iter__(self) -> Iterator[SourceItem]:
        for uri in self._named.values():
            if is_url(uri):
                yield SourceItem(uri)
            else:
                yield from self._start(uri)
        while self._folder_links:
            yield from self._enter(self._folder_links.popleft())
        for link in self._file_links:
            yield from _present(self._behind(link))

    def _start(self, path: str) -> Iterator[SourceItem]:
        """Yield what a named path stands for; the path itself may be a link or hidden, since the user named it."""
        if self._excluded(path):
            yield SourceItem(path, skip="excluded")
            return
        try:
            status = os.lstat(path)
        except (OSError, ValueError) as error:
            self.incomplete.add(path)  # maybe the root of an unplugged disk
            yield SourceItem(path, error=reason_of(error, gone="no such file or folder"))
            return
        if self._rules.follow_links and (_is_link(status) or os.path.realpath(path) != path):
            yield from _present(self._queue(path))
            return
        if _is_link(status):
            try:
                status = os.stat(path)
            except OSError as error:
                self.incomplete.add(path)
                yield _dangling(path, error)
                return
        if stat.S_ISDIR(status.st_mode):
            yield from self._start_folder(path, status)
        else:
            if self._rules.follow_links:
                self._files[_place(path)] = path
            yield from _present(self._item(path, status))

    def _start_folder(self, path: str, status: os.stat_result) -> Iterator[SourceItem]:
        if _is_library(path):
            yield SourceItem(path, skip=_LIBRARY_ITEM)
        else:
            yield from self._tree(path, status)

    def _tree(self, top: str, status: os.stat_result) -> Iterator[SourceItem]:
        """Yield all below a folder, depth first. A stack, not recursion: trees can be deeper than Python's limit."""
        path = top
        found: SourceItem | list[str] | None = self._list(top, status)
        stack: list[tuple[str, list[str]]] = []
        while True:
            if isinstance(found, SourceItem):
                yield found
            elif found:
                stack.append((path, found))
            while stack and not stack[-1][1]:
                stack.pop()
            if not stack:
                return
            folder, names = stack[-1]
            path = os.path.join(folder, names.pop())
            found = self._visit(path)

    def _visit(self, path: str) -> SourceItem | list[str] | None:
        """Return an entry's item, or the names in it if it is a folder to enter, or None to pass it over silently."""
        name = os.path.basename(path)
        if path_key(path) in self._named or name == QUARANTINE_FOLDER:
            return None
        if not self._rules.hidden and _is_hidden(name):
            return None
        try:
            status = os.lstat(path)
        except OSError as error:
            self._mark_incomplete(path)
            return SourceItem(path, error=reason_of(error))
        if not self._rules.hidden and getattr(status, "st_file_attributes", 0) & _HIDDEN_ATTRIBUTE:
            return None
        if _is_link(status):
            return self._queue(path) if self._rules.follow_links else SourceItem(path, skip="symbolic link")
        if not stat.S_ISDIR(status.st_mode):
            return self._item(path, status)
        if not self._rules.recursive:
            self._mark_incomplete(path)  # files below it are left unseen, not gone
            return None
        if path_key(path) in self._rules.exclude_dirs or _is_library(path):
            return None
        return self._list(path, status)

    def _list(self, path: str, status: os.stat_result) -> SourceItem | list[str]:
        """Return the names in a folder, last first, ready to be popped; or an item that says why there are none."""
        place = _identity(path, status)
        if self._rules.follow_links and place in self._listed:
            return SourceItem(path, skip=f"same folder as {_printable(self._listed[place])}")
        try:
            names = os.listdir(path)
        except OSError as error:
            self._mark_incomplete(path)
            return SourceItem(path, device=status.st_dev, inode=status.st_ino, error=reason_of(error))
        if self._rules.follow_links:
            self._listed[place] = path
        names.sort(reverse=True)
        return names

    def _item(self, path: str, status: os.stat_result) -> SourceItem | None:
        if (status.st_dev, status.st_ino) in self._rules.exclude_ids:
            return None
        skip = ""
        if not stat.S_ISREG(status.st_mode):
            skip = next((kind for is_kind, kind in _KINDS if is_kind(status.st_mode)), "special file")
        return SourceItem(
            uri=path,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            device=status.st_dev,
            inode=status.st_ino,
            links=status.st_nlink,
            skip=skip,
        )

    def _queue(self, link: str) -> SourceItem | None:
        """Put what a link leads to on the list of things that come last; return an item if it leads nowhere."""
        try:
            status = os.stat(link)
        except OSError as error:
            self._mark_incomplete(link)  # its target may be on an unplugged disk
            return _dangling(link, error)
        if stat.S_ISDIR(status.st_mode):
            # Without recursion a link to a folder is passed over like a folder, unless it was named.
            if self._rules.recursive or path_key(link) in self._named:
                self._folder_links.append(link)
            else:
                self._mark_incomplete(link)
        else:
            self._file_links.append(link)
        return None

    def _enter(self, link: str) -> Iterator[SourceItem]:
        target = os.path.realpath(link)
        if self._excluded(target) or _is_library(target):
            return
        try:
            status = os.stat(link)
        except OSError as error:
            self._mark_incomplete(link)
            yield _dangling(link, error)
            return
        yield from self._tree(link, status)

    def _behind(self, link: str) -> SourceItem | None:
        """Return the item of a file behind a link, passed over if the same name was reached before."""
        try:
            place, name = key = _place(link)
            status = os.stat(link)
        except OSError as error:
            self._mark_incomplete(link)
            return _dangling(link, error)
        first = self._files.setdefault(key, link)
        if place in self._listed and (self._rules.hidden or not _is_hidden(name)):
            first = os.path.join(self._listed[place], name)
        item = self._item(link, status)
        if item is None or first == link:
            return item
        return SourceItem(link, device=item.device, inode=item.inode, skip=f"same file as {_printable(first)}")

    def _excluded(self, path: str) -> bool:
        """Say whether a path is left out: it, or a folder above it, which is asked once for all below."""
        path = path_key(path)
        folder = os.path.dirname(path)
        if folder not in self._excluded_folders:
            self._excluded_folders[folder] = any(map(self._is_excluded, _upwards(folder)))
        return self._excluded_folders[folder] or self._is_excluded(path)

    def _is_excluded(self, path: str) -> bool:
        return os.path.basename(path) == QUARANTINE_FOLDER or path in self._rules.exclude_dirs

    def _mark_incomplete(self, path: str) -> None:
        """Note every named folder that holds this path."""
        for key in _upwards(path_key(path)):
            if key in self._named:
                self.incomplete.add(self._named[key])


def _upwards(path: str) -> Iterator[str]:
    """Yield the path and every folder above it."""
    yield path
    while (parent := os.path.dirname(path)) != path:
        path = parent
        yield path


def _present(item: SourceItem | None) -> Iterable[SourceItem]:
    return () if item is None else (item,)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _is_link(status: os.stat_result) -> bool:
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION_TAG


def _is_library(path: str) -> bool:
    return path.endswith(".lookalike") and os.path.lexists(os.path.join(path, "library.db"))


def _identity(path: str, status: os.stat_result) -> _Place:
    """Return what tells a folder from all others: its inode, or its real path on file systems without inodes."""
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _place(path: str) -> tuple[_Place, str]:
    """Return the folder and the name of a file behind all links: a hard link is another name and another place."""
    folder, name = os.path.split(os.path.realpath(path))
    return _identity(folder, os.stat(folder)), name


def _dangling(path: str, error: OSError) -> SourceItem:
    return SourceItem(path, error=reason_of(error, gone="dangling symbolic link"))


def _printable(path: str) -> str:
    """Return the path with every byte that is no text replaced, so that a reason can be stored and printed."""
    return path.encode("utf-8", "replace").decode("utf-8")
