"""Whether a library and what it runs on are well: `doctor` looks, and mends only if asked to.

The checks are in three files: the database (`catalogue`), what lies beside it (`surroundings`), and what all of it
runs on (`environment`). None of them changes anything; what does is in `mending`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from lookalike.errors import LibraryError
from lookalike.health.catalogue import check_catalogue
from lookalike.health.environment import check_disk, check_environment
from lookalike.health.mending import Repair
from lookalike.health.report import Check, Health, State
from lookalike.health.surroundings import check_folders, check_surroundings
from lookalike.library import default_path
from lookalike.store import Examination, present_writer

__all__ = ["Check", "Health", "State", "doctor", "mend"]

_Tell = Callable[[int], None]


def doctor(
    library: str | os.PathLike[str] | None = None, *, repair: bool = False, progress: _Tell | None = None
) -> Health:
    """Check a library and what it runs on. Without `repair` no byte of the library is changed.

    Parameters
    ----------
    library
        Its folder; None for `lookalike.library.default_path`. It need not be one that can be opened: what is wrong
        with it is then what is found.
    repair
        Mend what can be mended, see `mend`.
    progress
        Called with how many checks are done, now and then.

    Returns
    -------
    Health
        First the library, then what it runs on.

    Raises
    ------
    LibraryError
        As `mend`, if `repair`.

    Notes
    -----
    The whole database and all caches are read, and the name of every picture is looked up.
    """
    folder = default_path() if library is None else Path(library)
    found = Health(str(folder), tuple(_looked(folder, progress)))
    return mend(found, progress=progress) if repair else found


def mend(found: Health, *, progress: _Tell | None = None) -> Health:
    """Mend what was found and can be mended, and look again.

    Before anything in the database is changed it is copied to ``library-before-repair-DATE.db`` beside it. Rows that
    ought not to be there are dropped, damaged vectors too, so that the next `Library.add` makes them again; a file that
    SQLite calls damaged is read out into a new one; runs that were stopped half-way are finished or taken back; damaged
    caches and what was left behind are removed. Pictures are not touched.

    Raises
    ------
    LibraryLockedError
        If another process writes to the library.
    LibraryError
        If the copy cannot be made, or nothing can be read out of the file.
    """
    if not found.mendable:
        return found
    folder = Path(found.library)
    if not os.access(folder, os.W_OK):
        raise LibraryError(f"{folder} cannot be written to: change its permissions, or repair a copy of it")
    repair = Repair(folder)
    repair.run(found.checks)
    checks = [replace(check, mended=repair.done.pop(check.check, "")) for check in _looked(folder, progress)]
    checks += [Check(name, "ok", "mended", mended=what) for name, what in repair.done.items()]
    return Health(found.library, tuple(checks), repair.backup)


def _looked(folder: Path, progress: _Tell | None) -> list[Check]:
    checks: list[Check] = []
    newest, found = _library(folder)
    for check in (*found, *check_disk(folder, newest), *check_environment()):
        checks.append(check)
        if progress:
            progress(len(checks))
    return checks


def _library(folder: Path) -> tuple[float, Iterator[Check]]:
    """Return when the library's last run began, and the checks of it."""
    if folder.exists() and not folder.is_dir():
        return 0.0, iter([Check("library", "bad", f"{folder} is a file", "choose another --library")])
    if not (folder / "library.db").is_file():
        what = f"there is no library at {folder}"
        return 0.0, iter([Check("library", "warning", what, "`lookalike index PATH` makes one")])
    try:
        for _ in range(3):  # a writer that begins while a library at rest is looked at makes two states one
            with Examination(folder) as library:
                checks = list(check_catalogue(library))
                readable = checks[-1].check not in ("database", "format")
                newest = library.newest_run() if readable else 0.0
                checks += check_folders(library) if readable else ()
                if not library.has_changed():
                    break
    except LibraryError as error:
        newest, checks = 0.0, [Check("database", "bad", str(error), "allow it to be read")]
    beside = check_surroundings(folder, busy=present_writer(folder))
    return newest, iter([Check("library", "ok", str(folder)), *checks, *beside])
