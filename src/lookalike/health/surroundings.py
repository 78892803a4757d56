"""Checks of what lies beside library.db, and of the pictures' own folders."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lookalike.actions.emptying import IN_QUARANTINE
from lookalike.actions.journal import Run, is_settled, journals, read_run
from lookalike.actions.moving import QUARANTINE
from lookalike.errors import LookalikeError
from lookalike.health.report import Check
from lookalike.sources import is_url
from lookalike.store import (
    BACKUPS,
    Examination,
    check_cache_file,
    check_chunk_file,
    network_kind,
    noted_writer,
)
from lookalike.types import Uri
from lookalike.words import human_bytes, human_count

__all__ = ["check_folders", "check_surroundings", "damaged_caches", "temporaries"]

REPAIR = "`lookalike doctor --repair`"
HARMLESS = f"{REPAIR} removes them; they do no harm"

_ANN = b"lookalike-ann-1\n"


def check_surroundings(folder: Path, *, busy: bool) -> Iterator[Check]:
    """Yield what is found of the library's other files.

    Parameters
    ----------
    folder
        The library's.
    busy
        Whether a process writes to it: its temporary files and its journal are then no left-overs.
    """
    yield _caches(folder)
    yield _temporaries(folder, busy)
    yield _lock(folder, busy)
    yield from _journals(folder, busy)
    yield _backups(folder)


def _size(paths: Iterable[Path]) -> str:
    """Return in words how large files are together; those that a process at work takes away meanwhile do not count."""
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return human_bytes(total)


# ---------------------------------------------------------------------------------------------------------- caches


def _caches(folder: Path) -> Check:
    damaged, files = damaged_caches(folder), list(_cache_files(folder))
    if damaged:
        path, why = damaged[0]
        more = f", and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        what = f"{path.relative_to(folder)}: {why}{more}"
        return Check("caches", "warning", what, f"{REPAIR}, or nothing: they are made again when needed", mendable=True)
    return Check("caches", "ok", f"{human_count(len(files), 'file')}, {_size(files)}, whole")


def _cache_files(folder: Path) -> Iterator[Path]:
    for path in sorted((folder / "cache").rglob("*")):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(("-wal", "-shm", "-journal")):
            yield path


def damaged_caches(folder: Path) -> list[tuple[Path, str]]:
    """Return the files of the cache that are damaged, each with why. One that is only out of date is not among them."""
    found = []
    for path in _cache_files(folder):
        why = _cache_fault(path)
        if why and path.exists():  # a writer may have replaced it
            found.append((path, why))
    return found


def _cache_fault(path: Path) -> str:
    if path.suffix in (".vectors", ".standardised"):
        return check_chunk_file(path)
    if path.suffix == ".approximate":
        return _ann_fault(path)
    if path.suffix == ".words":
        return _archive_fault(path)
    if path.suffix in (".local", ".thumbnails", ".verdicts"):
        return check_cache_file(path)
    return ""


def _ann_fault(path: Path) -> str:
    digest, start = hashlib.sha256(), len(_ANN) + 32
    try:
        with open(path, "rb") as stream:
            head = stream.read(start)
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        return error.strerror or str(error)
    return "" if head == _ANN + digest.digest() else "its checksum does not fit"


def _archive_fault(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        return str(error) or "cut short"
    return f"{bad} is damaged" if bad else ""


# ----------------------------------------------------------------------------------------------- what was left behind


def temporaries(folder: Path) -> list[Path]:
    """Return the temporary files in a library's folder: of a writer at work, or left by one that was killed."""
    inside = [path for path in (folder / "cache").rglob(".*") if path.is_file()]
    return sorted([*folder.glob(".new-*"), *inside])


def _temporaries(folder: Path, busy: bool) -> Check:
    left = temporaries(folder)
    if not left or busy:
        return Check("temporary files", "ok", "of the process at work" if left else "none left over")
    what = f"{human_count(len(left), 'file')} left by a process that was killed, {_size(left)}"
    return Check("temporary files", "warning", what, HARMLESS, mendable=True)


def _lock(folder: Path, busy: bool) -> Check:
    writer = noted_writer(folder)
    if busy:
        return Check("lock", "ok", f"{writer or 'a process'} is writing now")
    if writer is None:
        return Check("lock", "ok", "free")
    kind = network_kind(folder)
    if writer.elsewhere and kind:
        what = f"{writer} is writing, or was when it died; from here that cannot be told on a network share ({kind})"
        return Check("lock", "warning", what, f"if it has ended, delete {folder / 'writer.pid'}")
    what = f"free; {writer} was killed while it held it"
    return Check("lock", "warning", what, "nothing: the next writer takes it over", mendable=True)


# ----------------------------------------------------------------------------------------- journals and their files


def _journals(folder: Path, busy: bool) -> Iterator[Check]:
    runs: list[Run] = []
    unreadable: list[tuple[Path, str]] = []
    for path in journals(folder):
        try:
            runs.append(read_run(path))
        except (LookalikeError, KeyError, TypeError, ValueError, AttributeError) as error:
            unreadable.append((path, str(error)))
    if unreadable:
        broken, why = unreadable[0]
        what = f"{broken.relative_to(folder)} cannot be understood ({why}): its run cannot be undone"
        yield Check("journals", "bad", what, "put it back from a backup, or move it out of `history`")
        return
    open_runs = [run for run in runs if (run.unresolved or not run.ended) and not is_settled(run.path)]
    if open_runs and not busy:
        steps = sum(len(run.unresolved) for run in open_runs)
        what = f"{human_count(len(open_runs), 'run')} stopped half-way, with {human_count(steps, 'act')} not finished"
        remedy = f"{REPAIR}, or the next `lookalike apply` or `undo`: each is finished or taken back"
        yield Check("journals", "warning", what, remedy, mendable=True)
    else:
        yield Check("journals", "ok", f"{human_count(len(runs), 'run')}, nothing left half done")
    yield _quarantine(folder, runs)


def _quarantine(folder: Path, runs: Sequence[Run]) -> Check:
    held, known = set(), set()
    for step in (step for run in runs for step in run.steps.values()):
        places = {str(Path(piece.to).absolute()) for piece in step.files if hasattr(piece, "to")}
        known |= places
        held |= places if step.state == "done" and step.act in IN_QUARANTINE else set()
    lost = sorted(path for path in held if not os.path.lexists(path))
    inside = (str(path.absolute()) for path in (folder / QUARANTINE).rglob("*") if not path.is_dir())
    strange = sorted(path for path in inside if path not in known)
    if lost:
        what = f"{human_count(len(lost), 'file')} of it gone, such as {lost[0]}"
        return Check(
            "quarantine", "warning", what, "they cannot be brought back by `lookalike undo`: look for a backup"
        )
    if strange:
        what = f"{human_count(len(strange), 'file')} that no journal knows, such as {strange[0]}"
        return Check("quarantine", "warning", what, "look at them: nothing of ours will move or delete them")
    return Check("quarantine", "ok", human_count(len(held), "file"))


def _backups(folder: Path) -> Check:
    held = sorted(folder.glob(BACKUPS))
    if not held:
        return Check("copies", "ok", "no copies of earlier states")
    names = ", ".join(path.name for path in held)
    return Check("copies", "ok", f"{names}, {_size(held)}: delete them when all is well")


# -------------------------------------------------------------------------------------------------------- the pictures


def check_folders(library: Examination) -> Iterator[Check]:
    """Yield which indexed folders are offline, and how many pictures are gone from those that are there."""
    roots = [root for root in library.roots() if not is_url(root)]
    offline = [root for root in roots if not Path(root).is_file() and not _holds_anything(root)]
    if offline:
        more = f" and {len(offline) - 1} more" if len(offline) > 1 else ""
        remedy = "plug in or mount the disk; until then nothing there is offered for removal, nor forgotten"
        yield Check("folders", "warning", f"gone or empty, so offline: {offline[0]}{more}", remedy)
    else:
        yield Check("folders", "ok", f"{human_count(len(roots), 'folder')} or files, all there")
    apart = tuple(root.rstrip(os.sep) + os.sep for root in offline)
    gone: list[Uri] = []
    seen = 0
    for name in library.names():
        if is_url(name) or name.startswith(apart) or name in offline:
            continue
        seen += 1
        if not os.path.lexists(name):
            gone.append(name)
    if gone:
        what = f"{human_count(len(gone), 'picture')} of {seen:,} gone, such as {gone[0]}"
        remedy = "`lookalike index` on its folder if it was moved, then `lookalike prune` forgets the old names"
        yield Check("pictures", "warning", what, remedy)
    else:
        yield Check("pictures", "ok", f"{human_count(seen, 'file')} there" if seen else "no files to look for")


def _holds_anything(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except OSError:
        return False
