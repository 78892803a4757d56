"""What must not be touched: protected folders by whatever path, and all that lies under a folder that is offline."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from lookalike.actions.files import Refused, holds_nothing
from lookalike.errors import UsageError
from lookalike.types import Uri

__all__ = ["Guard", "Roots"]


class Guard:
    """Protected folders, and files that are protected themselves.

    A folder is told by what it is (device and inode), not by its name: links to it, mounts of it and spellings in
    another case, where the file system takes them, all lead to it.

    Raises
    ------
    UsageError
        If a protected folder is not there: what must not be touched is then not known.
    """

    def __init__(self, folders: Iterable[Uri]) -> None:
        self.folders: tuple[Uri, ...] = tuple(dict.fromkeys(os.path.abspath(folder) for folder in folders))
        self._ids: dict[tuple[int, int] | str, Uri] = {}
        self._known: dict[str, Uri | None] = {}
        for folder in self.folders:
            try:
                self._ids[_identity(folder)] = folder
            except OSError as error:
                raise UsageError(
                    f"the protected folder {folder} is not there, so nothing is done: bring it back, or take it out"
                ) from error

    def holds(self, path: Uri) -> Uri | None:
        """Return the protected folder that a file lies in, by its path as it is written or as it really is."""
        path = os.path.abspath(path)
        for name in (path, os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))):
            for known in (os.path.dirname(name), name) if self._ids else ():
                found = self._above(known) if known != name else self._itself(name)
                if found is not None:
                    return found
        return None

    def check(self, path: Uri) -> None:
        """Refuse a file that lies in a protected folder."""
        if (folder := self.holds(path)) is not None:
            raise Refused(f"it lies in {folder}, which is protected")

    def _itself(self, path: str) -> Uri | None:
        try:
            return self._ids.get(_identity(path))
        except OSError:
            return None

    def _above(self, folder: str) -> Uri | None:
        if folder not in self._known:
            try:
                found = self._ids.get(_identity(folder))
            except OSError:
                found = None
            parent = os.path.dirname(folder)
            self._known[folder] = found or (self._above(parent) if parent != folder else None)
        return self._known[folder]


class Roots:
    """The folders that were indexed, and whether they are online."""

    def __init__(self, roots: Sequence[Uri]) -> None:
        self._roots = sorted(roots, key=len, reverse=True)

    def of(self, path: Uri) -> Uri:
        """Return the indexed folder that a file lies in; for a file indexed by its own name the folder it is in."""
        root = next((r for r in self._roots if path.startswith(r.rstrip(os.sep) + os.sep)), None)
        return os.path.dirname(path) if root is None else root

    def check(self, path: Uri) -> None:
        """Refuse a file whose folder is offline."""
        if holds_nothing(root := self.of(path)):
            raise Refused(f"{root} is offline: nothing under it is touched")

    def there(self, path: Uri) -> bool:
        """Say whether the folder that a file belongs in is there, or its disk: an emptied folder on it is."""
        root = self.of(path)
        return os.path.isdir(root) or os.path.isdir(os.path.dirname(path))

    def online(self, path: Uri) -> bool:
        """Say whether the folder that a file lies in is there and not an empty mount point."""
        return not holds_nothing(self.of(path))

    def holding(self, folder: str) -> Uri | None:
        """Return the indexed folder in which, or in a link to which, a folder lies, if one does."""
        roots = {}
        for root in self._roots:
            try:
                roots[_identity(root)] = root
            except OSError:
                continue
        for name in _upwards(os.path.realpath(folder)):
            try:
                if (found := roots.get(_identity(name))) is not None:
                    return found
            except OSError:
                continue
        return None


def _identity(path: str) -> tuple[int, int] | str:
    status = os.stat(path)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path).casefold()


def _upwards(path: str) -> Iterator[str]:
    yield path
    while (parent := os.path.dirname(path)) != path:
        path = parent
        yield path
