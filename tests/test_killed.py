"""Indexing that is killed or stopped at any moment: the library opens, nothing acknowledged is lost, work goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import lookalike
from lookalike.results import IndexReport
from tests.conftest import Export, export, picture, write_picture
from tests.torture import many, record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")

PICTURES = 90
DESCRIPTORS = ("lite0", "pdq")

# Commits often, and says what it has committed: a name said is a promise.
INDEX = """
    import os, sys
    import lookalike
    from lookalike import indexing
    from lookalike.indexing import writing
    from lookalike.store import Store

    def write(self, records, run, ids, real=Store.write):
        real(self, records, run, ids)
        os.write(1, b"".join(os.fsencode(record.item.uri) + b"\\0" for record in records))

    Store.write = write
    writing.COMMIT_FILES, indexing.PARCEL = 6, 4
    lookalike.get_descriptor("lite0").embed([])
    with lookalike.open(sys.argv[1]) as library:
        os.write(1, b"ready\\0")
        library.add(sys.argv[2], descriptors=["lite0", "pdq"], threads=2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of pictures with copies, broken ones and texts among them."""
    folder = tmp_path_factory.mktemp("killed") / "photos"
    for n in range(PICTURES):
        path = write_picture(folder / f"{n // 20}" / f"{n:03d}.png", n - (n % 9 == 4), 90, 120)
        if n % 10 == 3:
            path.write_bytes(path.read_bytes()[:500])
        if n % 15 == 7:
            path.write_text(f"only words, {n}")
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> tuple[Export, float]:
    """Return what an undisturbed run exports, and how many seconds it takes once it has begun."""
    path = folder.parent / "undisturbed.lookalike"
    child = begin(path, folder)
    started = time.monotonic()
    assert child.wait(300) == 0
    seconds = time.monotonic() - started
    close(child)
    rows = export(path)
    assert len(rows) == PICTURES
    assert {len(row[6]) for row in rows if row[1] == "ok"} == {2}
    return rows, seconds


def start(library: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(INDEX), str(library), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def begin(library: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start indexing and return once it is under way."""
    child = start(library, folder)
    assert child.stdout is not None
    assert os.read(child.stdout.fileno(), 6) == b"ready\0"  # past any buffer, as `wait_for` reads
    return child


def wait_for(child: subprocess.Popen[bytes], number: int) -> bytes:
    """Return what a process says until it has promised so many names, or has ended."""
    assert child.stdout is not None
    said = b""
    while said.count(b"\0") < number and (more := os.read(child.stdout.fileno(), 65536)):
        said += more
    return said


def close(child: subprocess.Popen[bytes], said: bytes = b"") -> set[bytes]:
    """Return the names that an ended process has promised, those `said` before among them."""
    assert child.stdout is not None
    with child.stdout:
        said += child.stdout.read()
    return set(said.split(b"\0")[:-1]) - {b"ready"}


def check(library: Path, promised: set[bytes], truth: Export) -> None:
    """Check that a library opens, is whole, holds what was promised and nothing that is not true."""
    with lookalike.open(library, create=False) as opened:
        db = sqlite3.connect(library / "library.db")
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.close()
        held = {row[0]: row for row in export(library)}
        assert promised <= set(held)
        for row in truth:
            if row[0] in held:
                assert held[row[0]][:4] == row[:4]
                assert held[row[0]][6].items() <= row[6].items()
        if any(row[6] for row in held.values()):
            assert opened.search(picture(1), 3, descriptor="pdq").uris[0][0] is not None


@pytest.mark.slow
def test_kills_lose_nothing_and_the_finished_library_equals_an_undisturbed_one(tmp_path, folder, undisturbed):
    truth, seconds = undisturbed
    draw = random.Random(20)
    promised: set[bytes] = set()
    number, kills, finished, wanted = 0, 0, 0, many(20, 200)
    while kills < wanted:
        library, said = tmp_path / f"{number}.lookalike", b""
        if kills % 7 == 6:  # at its very beginning: while Python starts, or while the library is made
            child = start(library, folder)
            time.sleep(draw.uniform(0, 0.4))
        elif kills % 7 == 5:  # before anything is promised, or soon after
            child = begin(library, folder)
            time.sleep(draw.uniform(0, 0.8 * seconds))
        else:  # somewhere between two commits, however fast the machine is today
            child = begin(library, folder)
            said = wait_for(child, draw.randint(1, PICTURES // 4))
            time.sleep(draw.uniform(0, 0.1 * seconds))
        child.kill()
        killed = child.wait(120) == -signal.SIGKILL
        promised |= close(child, said)
        kills += killed
        if (library / "library.db").exists():
            check(library, promised, truth)
        if len(promised) > PICTURES // 2 or not killed:
            with lookalike.open(library) as opened:
                report = opened.add(folder, descriptors=DESCRIPTORS)
                assert (report.found, report.interrupted) == (PICTURES, False)
            assert export(library) == truth
            number, finished, promised = number + 1, finished + 1, set()
    assert finished >= 2
    record("R8", f"SIGKILL while indexing; {finished} libraries finished and equal", kills, "0 rows lost")


def test_control_c_stops_with_a_word_and_the_next_run_goes_on(tmp_path, folder, undisturbed):
    truth, _ = undisturbed
    library = tmp_path / "a.lookalike"
    code = """
        import signal, sys, time
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from lookalike import indexing
        from lookalike.indexing import describing, writing

        def slow(*given, read=describing._read):
            time.sleep(0.03)  # so that the signal comes in the midst of it on any machine
            return read(*given)

        describing._read = slow
        from lookalike.cli import main
        writing.COMMIT_FILES, indexing.PARCEL = 6, 4
        sys.exit(main(["index", sys.argv[2], "--library", sys.argv[1], "--threads", "1", "--format", "json"]))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(library), str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120  # nothing else is bounded by it
    while time.monotonic() < deadline:
        time.sleep(0.01)
        try:
            if len(export(library)) >= 6:
                break
        except sqlite3.Error:
            continue
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "Stopped." in err
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["interrupted"] is True
    assert report["found"] == sum(report[name] for name in ("added", "changed", "unchanged", "failed", "skipped"))
    done = export(library)
    assert 6 <= len(done) == report["found"] < PICTURES
    check(library, {row[0] for row in done}, truth)
    with lookalike.open(library) as opened:
        second: IndexReport = opened.add(folder, descriptors=DESCRIPTORS)
        assert second.read == PICTURES - len(done)
    assert export(library) == truth


def test_a_killed_run_leaves_no_lock_and_its_cache_is_not_believed(tmp_path, folder, undisturbed):
    truth, seconds = undisturbed
    library = tmp_path / "a.lookalike"
    child = begin(library, folder)
    time.sleep(seconds / 3)
    child.kill()
    child.wait(120)
    promised = close(child)
    cache = library / "cache"
    for name in ("x", *(lookalike.get_descriptor(name).spec.fingerprint for name in DESCRIPTORS)):
        (cache / name).mkdir(parents=True, exist_ok=True)
        (cache / name / ".new-left").write_bytes(b"half")
        (cache / name / "000000.vectors").write_bytes(b"half")
    (library / "writer.pid").write_text(f"{child.pid}\n")
    check(library, promised, truth)
    started = time.monotonic()
    with lookalike.open(library) as opened, opened.store.writing():
        assert time.monotonic() - started < 8  # SQLite alone would wait for 10
    with lookalike.open(library) as opened:
        opened.add(folder, descriptors=DESCRIPTORS)
        assert len(opened.vectors("lite0")[0]) == sum(row[1] == "ok" for row in truth)
    assert export(library) == truth


def test_control_c_ends_well_though_a_thread_is_at_work_in_a_compiled_library():
    """A pool whose `with` was broken by Ctrl-C leaves its threads alive; they must not bring the process down."""
    code = """
        import threading, time
        import cv2, numpy
        from lookalike import cli
        from lookalike.cli import app

        def stopped(*given, **more):
            picture = numpy.zeros((1500, 1500), numpy.uint8)
            work = lambda: [cv2.medianBlur(picture, 21) for _ in range(10_000)]
            for _ in range(4):
                threading.Thread(target=work, daemon=True).start()
            time.sleep(0.3)
            raise KeyboardInterrupt

        app.app = stopped
        cli.run()
    """
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
        )
        assert (ended.returncode, ended.stderr) == (130, "Stopped.\n")
