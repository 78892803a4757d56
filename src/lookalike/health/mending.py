"""What `repair` does about what was found: each act makes good one check, or says why it cannot."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from lookalike.actions.resolving import resolve
from lookalike.errors import LibraryError
from lookalike.health.catalogue import known_specs
from lookalike.health.report import Check
from lookalike.health.surroundings import damaged_caches, temporaries
from lookalike.holdings import Holdings
from lookalike.library import Library
from lookalike.store import Examination, Store, VectorMatrix, copy_files, refresh_scalers, salvage, writer_lock
from lookalike.words import human_count

__all__ = ["Repair"]

WHY = "a repair of the library"

_INDEX_FAULTS = ("row ", "wrong # of entries in index", "non-unique entry in index")
"""How SQLite's messages about indexes alone begin, which are made anew from the rows."""


class Repair:
    """Mends what a list of checks names. Afterwards `done` has what was done by the name of the check.

    Parameters
    ----------
    folder
        The library's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: dict[str, str] = {}
        self.backup = ""

    def run(self, checks: Iterable[Check]) -> None:
        """Mend.

        Raises
        ------
        LibraryLockedError
            If another process writes to the library.
        LibraryError
            If the copy that is made beforehand cannot be: then nothing is changed.
        """
        wanted = {check.check for check in checks if check.mendable and check.state != "ok"}
        if "database" in wanted:
            with writer_lock(self.folder):
                self._database()
        if "format" in wanted:
            Store(self.folder).close()  # renews it, after a copy
            self.done["format"] = "renewed; library-format-*.db is as it was"
        with contextlib.closing(Store(self.folder)) as store, store.writing():
            self._rows(store, self._still(wanted))
            self._left_over(wanted)
            if "journals" in wanted:
                found = resolve(Library(store))
                self.done["journals"] = f"{human_count(len(found), 'act')} finished or taken back"
            refresh_scalers(store)
            self._caches(store, wanted)

    def _still(self, wanted: set[str]) -> set[str]:
        """Return what is wanted, and all that may have come to light where the file could not be read before."""
        return wanted | {"rows", "vectors", "scalers"} if "database" in wanted else wanted

    # ------------------------------------------------------------------------------------------------ the database

    def _place(self) -> Path:
        """Return where the copy goes: a name of its own, so that no earlier copy is lost."""
        stem = time.strftime("library-before-repair-%Y%m%d-%H%M%S")
        path = self.folder / f"{stem}.db"
        number = 2
        while path.exists():
            path, number = self.folder / f"{stem}-{number}.db", number + 1
        return path

    def _database(self) -> None:
        with Examination(self.folder) as library:
            try:
                faults, (tables, indexes) = library.integrity(), library.shape()
                light = not tables and all(fault.startswith(_INDEX_FAULTS) for fault in faults)
            except LibraryError:
                light, indexes = False, []
            path = library.path
        self.backup = str(copy_files(path, self._place(), WHY))
        if light:
            try:
                with contextlib.closing(Store(self.folder)) as store:
                    store.mending.make_indexes(indexes)
                self.done["database"] = "its indexes were made anew"
                return
            except LibraryError:
                pass  # then its rows are read out
        try:
            counts = salvage(path)
        except (sqlite3.Error, OSError) as error:
            raise LibraryError(
                f"nothing can be read out of {path} ({error}): put back a copy, or index the pictures anew"
            ) from error
        images, contents, vectors = (counts[name][0] for name in ("images", "contents", "vectors"))
        self.done["database"] = (
            f"read out into a new file: {human_count(images, 'name')}, {human_count(contents, 'content')}, "
            f"{human_count(vectors, 'vector')}; what is lost, the next `lookalike index` makes again"
        )

    def _copy(self, store: Store) -> None:
        if not self.backup:
            self.backup = str(store.mending.copy(self._place(), WHY))

    def _rows(self, store: Store, wanted: set[str]) -> None:
        with Examination(self.folder) as library:
            faults = library.row_faults() if "rows" in wanted else []
            held = library.descriptors()
            damaged = {
                one.name: sorted({id_ for ids in library.damaged_vectors(one).values() for id_ in ids})
                for one in held
                if f"vectors {one.name}" in wanted or "database" in wanted
            }
            strange = [one for one in held if one.spec is None]
        acts: list[tuple[str, bool, Callable[[], str]]] = [
            ("rows", bool(faults), lambda: f"{human_count(store.mending.drop_rows(faults), 'row')} dropped"),
        ]
        acts += [(f"vectors {name}", bool(some), partial(self._drop, store, some)) for name, some in damaged.items()]
        acts += [
            (f"vectors {one.name}", True, partial(self._respell, store, one.id, one.fingerprint)) for one in strange
        ]
        acts.append(("vectors", "vectors" in wanted, lambda: self._orphans(store)))
        acts.append(("scalers", "scalers" in wanted, lambda: self._scalers(store)))
        for name, needed, act in acts:
            if needed:
                self._copy(store)
                said = act()
                if said:
                    self.done[name] = said

    def _drop(self, store: Store, ids: list[int]) -> str:
        store.mending.drop_vectors(ids)
        return f"{human_count(len(ids), 'vector')} dropped: the next `lookalike index` makes them again"

    def _respell(self, store: Store, id_: int, fingerprint: str) -> str:
        spec = known_specs().get(fingerprint)
        if spec is None:
            store.mending.drop_descriptor(id_)
            return "dropped, with its vectors: the next `lookalike index` makes them again"
        store.mending.restore_spec(id_, spec)
        return "written down anew"

    def _orphans(self, store: Store) -> str:
        with Examination(self.folder) as library:
            orphans, unnamed = library.orphan_vectors(), library.chunks_without_token()
        store.mending.drop_vectors(orphans)
        store.mending.name_chunks(unnamed)
        said = [f"{human_count(len(orphans), 'vector')} dropped"] if orphans else []
        said += [f"{human_count(len(unnamed), 'chunk')} brought back"] if unnamed else []
        return ", ".join(said)

    def _scalers(self, store: Store) -> str:
        with Examination(self.folder) as library:
            bad = library.damaged_scalers()
        store.mending.forget_scalers(bad)
        return "fitted anew" if bad else ""

    # ------------------------------------------------------------------------------------------------ other files

    def _left_over(self, wanted: set[str]) -> None:
        if "temporary files" in wanted:
            removed = [path for path in temporaries(self.folder) if _remove(path)]
            self.done["temporary files"] = f"{human_count(len(removed), 'file')} removed"
        if "lock" in wanted:
            self.done["lock"] = "taken over"

    def _caches(self, store: Store, wanted: set[str]) -> None:
        """Remove what is damaged, and make the vectors' caches again, here and now."""
        if "caches" in wanted:
            removed = [path for path, _ in damaged_caches(self.folder) if _remove(path)]
            self.done["caches"] = f"{human_count(len(removed), 'file')} removed, to be made again"
        elif not self.done:
            return
        specs = store.descriptors()
        for id_, spec in specs.items():
            VectorMatrix(store, id_, spec).blocks()
        counts = store.vector_counts()
        Holdings(store).refresh(spec for id_, spec in specs.items() if counts[id_])


def _remove(path: Path) -> bool:
    with contextlib.suppress(OSError):
        path.unlink()
    for end in ("-wal", "-shm"):  # of a cache that is an SQLite file
        with contextlib.suppress(OSError):
            path.with_name(path.name + end).unlink()
    return not path.exists()
