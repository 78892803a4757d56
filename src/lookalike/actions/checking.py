"""What a plan says of a file, looked at once more at the moment of acting."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from lookalike.actions.belonging import Folders, check_unit, naming
from lookalike.actions.files import Facts, Refused, digest, look, same_entry
from lookalike.actions.guard import Guard, Roots
from lookalike.actions.plan import Plan, check_target
from lookalike.actions.rows import LINKS, PlanRow
from lookalike.actions.standing import Standing
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.sources import QUARANTINE_FOLDER
from lookalike.types import Uri

__all__ = ["Checks"]


@dataclass
class Checks:
    """Looks at the rows of one plan, and remembers what need not be looked at twice."""

    library: Library
    plan: Plan
    guard: Guard
    hashed: dict[tuple[Uri, int, int, int, int, int], str] = field(default_factory=dict)
    folders: Folders = field(default_factory=Folders)

    def __post_init__(self) -> None:
        self.roots = Roots(self.library.store.roots())
        self.standing = Standing(self.library)
        self.rows = {item.uri: item for item in self.plan.items}
        self.keepers = {item.group: item for item in self.plan.items if item.keeper}
        self.by_inode: dict[int, list[Uri]] = {}
        for keeper in self.keepers.values():
            with contextlib.suppress(OSError):
                self.by_inode.setdefault(os.lstat(keeper.uri).st_ino, []).append(keeper.uri)

    def of(self, row: PlanRow, *, leaving: Collection[Uri] = ()) -> tuple[PlanRow, tuple[Facts, ...]]:
        """Return a row as it is to be done now, and the facts of its files.

        Parameters
        ----------
        row
            As planned.
        leaving
            In a dry run, all that would go: what belongs to several of them goes with the last.

        Raises
        ------
        Refused
            If it must not be done.
        """
        keeper = self.keepers[row.group]
        for uri in (row.uri, *row.together, keeper.uri):
            self.roots.check(uri)
        for uri in (row.uri, *row.together):
            self.guard.check(uri)
        self.standing.check(row.sha256, keeper.sha256)
        kept = self._check_keeper(keeper)
        row = check_unit(row, keeper.uri, self.rows, self.folders, self.plan.label_files, leaving)
        facts = []
        for uri, sha256 in zip((row.uri, *row.together), (row.sha256, *row.together_sha256), strict=True):
            with naming(uri, row.uri):
                found = look(uri)
                if uri == row.uri:
                    _compare(row, found)
                self._check_no_keeper(uri, found)
                if digest(uri) != sha256:
                    raise Refused("its bytes have changed since the plan was made: plan again")
                facts.append(found)
        if row.verdict == "same-file" and row.sha256 != keeper.sha256:
            raise Refused("the plan calls it the same file as its keeper, and they have other bytes")
        if row.act in LINKS:
            self._check_link(row, keeper, facts[0], kept)
        if row.act == "move":
            try:
                check_target(row.to, self.roots)
            except UsageError as error:
                raise Refused(str(error)) from error
        return row, tuple(facts)

    def _check_no_keeper(self, uri: Uri, facts: Facts) -> None:
        """Refuse a file that is the keeper of any group of the plan: another path may lead to it."""
        for keeper in self.by_inode.get(facts.inode, ()):
            with contextlib.suppress(OSError):  # a keeper that is gone keeps nothing
                if same_entry(uri, keeper):
                    raise Refused(f"it is a keeper itself, by another path: {keeper}")

    def _check_keeper(self, keeper: PlanRow) -> Facts:
        """Return the facts of the file that is kept, if it is there, itself, readable and still what it was."""
        try:
            if QUARANTINE_FOLDER in Path(keeper.uri).parts or self._is_ours(keeper.uri):
                raise Refused("it lies in a quarantine itself")
            facts = look(keeper.uri)
            _compare(keeper, facts)
            status = os.lstat(keeper.uri)
            key = (keeper.uri, facts.device, facts.inode, facts.size, facts.mtime_ns, status.st_ctime_ns)
            if key not in self.hashed:
                self.hashed = {key: digest(keeper.uri)}  # of the last one: a plan goes group by group
            if self.hashed[key] != keeper.sha256:
                raise Refused("its bytes have changed since the plan was made")
        except Refused as error:
            raise Refused(f"its keeper {keeper.uri} cannot be relied on: {error}") from error
        return facts

    def still_kept(self, keeper: PlanRow) -> None:
        """Refuse, after an act, if the keeper went with it: then they were one file by two paths."""
        try:
            status = os.lstat(keeper.uri)
        except OSError as error:
            raise Refused("it is its own keeper, by another path") from error
        if not stat.S_ISREG(status.st_mode) or status.st_size != keeper.size:
            raise Refused("it is its own keeper, by another path")

    def _check_link(self, row: PlanRow, keeper: PlanRow, facts: Facts, kept: Facts) -> None:
        if row.sha256 != keeper.sha256:
            raise Refused(f"only files of equal bytes are linked, and it is {row.verdict}: choose quarantine")
        if facts.inode and (facts.device, facts.inode) == (kept.device, kept.inode):
            raise Refused("it is a hard link to its keeper already")
        if row.act == "hardlink":
            if (folder := self.guard.holds(keeper.uri)) is not None:
                raise Refused(f"its keeper lies in {folder}, which is protected: choose quarantine, reflink or symlink")
            if facts.device != kept.device:
                raise Refused("its keeper is on another file system: choose quarantine or symlink")

    def _is_ours(self, uri: Uri) -> bool:
        folder = os.path.realpath(os.path.dirname(uri))
        return Path(os.path.realpath(self.library.path)) in (Path(folder), *Path(folder).parents)


def _compare(row: PlanRow, found: Facts) -> None:
    """Refuse a file that is not what it was when the plan was made; its bytes are looked at elsewhere.

    An inode counts only on the same device: a disk that is plugged in again may get another number.
    """
    if row.size is not None and row.size != found.size:
        raise Refused("its size has changed since the plan was made: plan again")
    if row.mtime_ns is not None and row.mtime_ns != found.mtime_ns:
        raise Refused("it has been written to since the plan was made: plan again")
    if row.inode is not None and row.device == found.device and row.inode != found.inode:
        raise Refused("another file has taken its place since the plan was made: plan again")
