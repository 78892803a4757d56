from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.errors import LibraryError, LibraryLockedError
from lookalike.store import Store
from lookalike.store.lock import writer_lock
from tests.store.conftest import fill, vectors
from tests.torture import many, record

HOLD = (
    "import sys\nfrom pathlib import Path\nfrom lookalike.store.lock import writer_lock\n"
    "with writer_lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.readline()"
)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold a folder's lock in another process, until a line is sent to it or the block ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with held(tmp_path) as child:
        yield child


def test_a_second_writer_is_refused_at_once_with_the_first_ones_pid(tmp_path, holder):
    started = time.monotonic()
    with pytest.raises(LibraryLockedError, match=f"process {holder.pid} is writing") as caught, writer_lock(tmp_path):
        pass
    assert time.monotonic() - started < 8  # SQLite alone would wait for 10
    assert caught.value.pid == holder.pid


def test_a_writer_that_ends_leaves_no_note_and_no_lock(tmp_path, holder):
    assert int((tmp_path / "writer.pid").read_text().split()[0]) == holder.pid
    holder.stdin.write("go on\n")
    holder.stdin.flush()
    holder.wait(60)
    assert not (tmp_path / "writer.pid").exists()
    with writer_lock(tmp_path):
        assert int((tmp_path / "writer.pid").read_text().split()[0]) == os.getpid()


def test_a_killed_writers_lock_is_free_at_once(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "writer.pid").exists()
    started = time.monotonic()
    with writer_lock(tmp_path):
        assert time.monotonic() - started < 8
        assert int((tmp_path / "writer.pid").read_text().split()[0]) == os.getpid()


def test_however_often_a_writer_is_killed_the_next_one_is_refused_before_and_let_in_after(tmp_path):
    times, slowest = many(2, 50), 0.0
    for _ in range(times):
        with held(tmp_path) as child:
            started = time.monotonic()
            with pytest.raises(LibraryLockedError) as caught, writer_lock(tmp_path):
                pass
            slowest = max(slowest, time.monotonic() - started)
            assert caught.value.pid == child.pid
            (tmp_path / ".new-left").write_bytes(b"half")
        with writer_lock(tmp_path):  # the block above has killed it
            assert int((tmp_path / "writer.pid").read_text().split()[0]) == os.getpid()
    assert slowest < 8
    record("R10", "a second writer refused, the first one killed, its lock taken over", times,
           f"0 failed, refused within {slowest:.3f} s")  # fmt: skip


@pytest.mark.parametrize("note", ["", "not a number", "999999999\n", "1\n"])
def test_left_over_notes_and_temporary_files_do_not_block(tmp_path, note):
    (tmp_path / "writer.pid").write_text(note)
    (tmp_path / "writer.lock").write_text("")
    (tmp_path / "cache" / "x").mkdir(parents=True)
    (tmp_path / "cache" / "x" / ".new-abc").write_bytes(b"half a file")
    store = Store(tmp_path, create=True)
    fill(store, vectors(1, 2))
    assert len(list(store.images())) == 2
    store.close()


def test_threads_of_one_process_exclude_each_other_too(tmp_path):
    errors = []

    def second() -> None:
        try:
            with writer_lock(tmp_path):
                pass
        except LibraryLockedError as error:
            errors.append(error)

    with writer_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(60)
    assert [error.pid for error in errors] == [os.getpid()]


def test_a_holder_whose_note_cannot_be_read_is_another_process(tmp_path, holder):
    (tmp_path / "writer.pid").write_text("?")
    with pytest.raises(LibraryLockedError, match="another process") as caught, writer_lock(tmp_path):
        pass
    assert caught.value.pid is None


def test_a_note_that_cannot_be_written_does_not_matter(tmp_path):
    (tmp_path / "writer.pid").mkdir()
    with writer_lock(tmp_path):
        assert (tmp_path / "writer.pid").is_dir()


def test_a_folder_that_is_gone_is_a_library_error(tmp_path):
    with pytest.raises(LibraryError, match="cannot lock"), writer_lock(tmp_path / "none" / "there"):
        pass


def test_reading_goes_on_while_another_process_holds_the_lock(tmp_path):
    store = Store(tmp_path, create=True)
    fill(store, vectors(1, 5))
    with held(tmp_path):
        reader = Store(tmp_path)
        assert len(list(store.images())) == len(list(reader.images())) == 5
        with pytest.raises(LibraryLockedError):
            fill(reader, vectors(2, 5), "b")
    fill(reader, vectors(2, 5), "b")
    assert len(list(store.images())) == 10
    reader.close()
    store.close()
