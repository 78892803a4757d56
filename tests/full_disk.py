"""Every kind of write, on a disk that becomes full at its nth write: run by `tests/test_full_disk.py`.


python -m tests.full_disk SHIM FOLDER POINTS [KIND...]
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from lookalike.cli import main
from lookalike.store import CacheFile
from tests.conftest import write_picture

FULL = ("disk is full", "No space left", "free some space", "disk I/O error")


def said(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and what it said."""
    errors = io.StringIO()
    out = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(out):
        code = main(list(arguments))
    return code, errors.getvalue()


def thumbnails(library: Path) -> tuple[int, str]:
    """Keep thumbnails; a cache that cannot be kept is no error."""
    cache = CacheFile(library, "webp82v1", "thumbnails")
    try:
        for n in range(30):
            cache.write({bytes([n]): b"picture" * 700})
    finally:
        cache.close()
    return 0, ""


def kinds(photos: Path, library: Path, out: Path) -> dict[str, Callable[[], tuple[int, str]]]:
    """Return what writes, by the kind of file that it writes."""
    at = ("--library", str(library), "--quiet")
    query = str(photos / "0.png")
    return {
        "SQLite": lambda: said("index", str(photos), *at, "-d", "pdq", "-d", "haralick", "--threads", "1"),
        "vectors": lambda: said("search", query, *at[:2], "-d", "pdq", "-q", "--format", "csv"),
        "thumbnails": lambda: thumbnails(library),
        "export": lambda: said("export", *at[:2], "-d", "pdq", "--output", str(out / "v.npz")),
        "csv": lambda: said("search", query, *at, "-d", "pdq", "--output", str(out / "s.csv")),
        "html": lambda: said("duplicates", *at, "--level", "same-file", "--output", str(out / "d.html")),
        "plan": lambda: said("plan", *at, "--level", "same-file", "--output", str(out / "plan.csv")),
        "repair": lambda: said("doctor", *at, "--repair", "--yes"),
    }


def searches(library: Path, query: Path) -> str:
    """Return why a library does not answer, or nothing."""
    code, words = said("search", str(query), "--library", str(library), "-d", "pdq", "-q", "--format", "csv")
    return "" if code == 0 else f"search exits with {code}: {words}"


def trial(top: Path, name: str, shim: ctypes.CDLL, point: int) -> tuple[int, dict[str, object]]:
    """Do one thing on a disk that is full after `point` writes; return how many there were, and what came of it."""
    disk = top / "disk"
    shutil.rmtree(disk, ignore_errors=True)
    shutil.copytree(top / "before", disk)
    library, out = disk / "a.lookalike", disk / "out"
    if name == "vectors":
        shutil.rmtree(library / "cache")
    if name == "repair":
        with contextlib.closing(sqlite3.connect(library / "library.db")) as db, db:
            db.execute("UPDATE settings SET value = '{'")
    act = kinds(top / "photos", library, out)[name]
    shim.disk_full_after(str(disk).encode(), point)
    code, words = act()
    writes = int(shim.disk_writes())
    troubles = [] if code in (0, 1, 3) and "Traceback" not in words else [f"exits with {code}: {words}"]
    if code == 3 and not any(one in words for one in FULL):
        troubles.append(f"says nothing of the disk: {words}")
    troubles.append(searches(library, top / "photos" / "1.png"))  # while it is full
    shim.disk_full_after(b"", -1)
    troubles.append(searches(library, top / "photos" / "1.png"))
    if name in ("export", "csv", "html", "plan"):
        left = {path.name: path.read_bytes() for path in out.iterdir()}
        if code != 0 and left != {"v.npz": b"old", "s.csv": b"old", "d.html": b"old", "plan.csv": b"old"}:
            troubles.append(f"leaves {sorted(left)}")
    with contextlib.closing(sqlite3.connect(library / "library.db")) as db:
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            troubles.append("the database is damaged")
    if code == 0 and name == "SQLite" and point == 0:
        troubles.append("says that all is done")
    return writes, {"kind": name, "point": point, "code": code, "said": words, "trouble": [t for t in troubles if t]}


def run(shim_path: str, top: Path, points: int, only: list[str]) -> None:
    shim = ctypes.CDLL(shim_path)
    shim.disk_writes.restype = ctypes.c_long
    shim.disk_full_after.argtypes = [ctypes.c_char_p, ctypes.c_long]
    for n in range(4):
        write_picture(top / "old" / f"{n}.png", n)
        write_picture(top / "photos" / f"{n + 10}.png", n + 10)
    for n in (0, 1):
        write_picture(top / "photos" / f"{n}.png", n)
    shutil.copyfile(top / "old" / "0.png", top / "old" / "copy.png")
    before = top / "before" / "a.lookalike"
    assert said("index", str(top / "old"), "--library", str(before), "-d", "pdq", "-d", "haralick", "-q")[0] == 0
    assert searches(before, top / "photos" / "1.png") == ""
    with contextlib.closing(sqlite3.connect(before / "library.db")) as db, db:
        db.execute("INSERT INTO settings VALUES ('probability', '0.5')")
    (top / "before" / "out").mkdir()
    for name in ("v.npz", "s.csv", "d.html", "plan.csv"):
        (top / "before" / "out" / name).write_bytes(b"old")
    names = only or list(kinds(top, top, top))
    share = max(points // len(names), 1)
    for name in names:
        total, outcome = trial(top, name, shim, -1)
        if outcome["code"] != 0 or outcome["trouble"]:
            raise AssertionError(outcome)
        for number in range(min(share, total)):
            print(json.dumps(trial(top, name, shim, number * total // share)[1]), flush=True)


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
