"""What was decided for good, asked when a plan is made, when it is applied, and before anything is deleted."""

from __future__ import annotations

import os

from lookalike.actions.files import Refused
from lookalike.actions.guard import Guard, Roots
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.types import Uri

__all__ = ["Standing", "decided_folders"]


def decided_folders(library: Library, roots: Roots) -> list[Uri]:
    """Return the folders that were decided to be kept always, as far as they are there.

    One on a disk that is offline is left out: what lies there can be reached by no path.

    Raises
    ------
    UsageError
        If one is gone from where its disk is there: it may have been renamed, and what is to be kept is not known.
    """
    found = []
    for folder in library.decisions.protected_folders():
        if os.path.lexists(folder):
            found.append(folder)
        elif roots.online(folder) and os.path.isdir(os.path.dirname(folder)):
            raise UsageError(
                f"it was decided to keep all in {folder}, which is not there, so nothing is done: if it has another "
                f"name now, `lookalike decide keep-folder` that; `lookalike decide list` and `lookalike decide undo` "
                "take the old decision back"
            )
    return found


class Standing:
    """The decisions of a library about its pictures, as they are when this is made."""

    def __init__(self, library: Library) -> None:
        self._store = library.store
        self._kept = {digest.hex() for digest in library.decisions.kept_hashes()}
        self._apart = library.decisions.apart()
        self._folders = Guard(f for f in library.decisions.protected_folders() if os.path.lexists(f))

    def check(self, sha256: str, keeper_sha256: str) -> None:
        """Refuse a file of these bytes, if it was decided that it stays or that it is no copy of its keeper."""
        if sha256 in self._kept:
            raise Refused("it was decided that it stays: `lookalike decide list` shows when")
        if sha256 != keeper_sha256 and self.parts(sha256, keeper_sha256):
            raise Refused("it was decided that it and its keeper are no duplicates: `lookalike decide list` shows when")

    def check_folder(self, uri: Uri) -> None:
        """Refuse a name in a folder that was decided to be kept."""
        if (folder := self._folders.holds(uri)) is not None:
            raise Refused(f"it was decided to keep all in {folder}")

    def parts(self, a: str, b: str) -> bool:
        """Say whether it was decided that two contents, told by their SHA-256, are no duplicates."""
        ids = [self._store.content_of_hash(bytes.fromhex(digest)) for digest in (a, b)]
        one, other = ids
        return one is not None and other is not None and self._apart.parts(one.id, other.id)
