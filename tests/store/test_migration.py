"""Libraries of every older format are renewed, each with a copy of what it was beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from lookalike.errors import LibraryError
from lookalike.store import Store
from lookalike.store.schema import APPLICATION_ID, MIGRATIONS, VERSION
from tests.store.conftest import SPEC, fill, vectors

RELEASED = ("3b0912248484", "6671b4ae69c7", "2cfcc5b8fc79", "ee70f9b89612", "1aca6c08b1e5")


def planted(folder: Path, version: int, pictures: int = 30) -> Path:
    """Make a library as that version left it, past our own code: its tables, WAL, some rows."""
    folder.mkdir()
    fresh = Store(folder.with_name("fresh.lookalike"), create=True)
    fill(fresh, vectors(version, pictures))
    rows = {
        table: fresh._db.rows(f"SELECT * FROM {table}")
        for table in ("runs", "contents", "images", "descriptors", "vectors", "chunks")
    }
    fresh.close()
    shutil.rmtree(fresh.folder)
    db = sqlite3.connect(folder / "library.db", isolation_level=None)
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    for script in MIGRATIONS[:version]:
        db.executescript(script)
    for table, values in rows.items():
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
    if version >= 3:
        db.execute("INSERT INTO settings VALUES ('probability', '0.7')")
    db.execute(f"PRAGMA user_version = {version}")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.close()
    return folder


def dump(path: Path) -> list[str]:
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [*db.iterdump(), str(db.execute("PRAGMA user_version").fetchone())]
    finally:
        db.close()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_every_older_format_is_renewed_and_its_copy_is_what_it_was(tmp_path, version):
    folder = planted(tmp_path / "old.lookalike", version)
    before = dump(folder / "library.db")
    store = Store(folder)
    assert store._db.rows("PRAGMA user_version") == [(VERSION,)]
    assert store._db.rows("PRAGMA journal_mode") == [("wal",)]
    assert len(list(store.images())) == 30
    id_ = next(iter(store.descriptors()))
    assert store.read_chunk(id_, 0, SPEC)[1].tobytes() == vectors(version, 30).tobytes()
    assert store.setting("probability") == (0.7 if version >= 3 else None)
    fill(store, vectors(9, 5), "later")
    assert store.decisions.all() == []
    store.close()
    copy = folder / f"library-format-{version}.db"
    assert dump(copy) == before
    assert sorted(path.name for path in folder.glob("library*")) == sorted(["library.db", copy.name])
    copy.replace(folder / "library.db")  # what the copy is for
    Store(folder).close()
    assert dump(folder / f"library-format-{version}.db") == before


def test_a_copy_that_cannot_be_written_leaves_the_old_format(tmp_path, monkeypatch):
    folder = planted(tmp_path / "old.lookalike", 2)
    before = dump(folder / "library.db")
    with monkeypatch.context() as full:
        full.setattr("lookalike.store.backup.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 4096))
        with pytest.raises(LibraryError, match=r"format 2, and to renew it needs a copy .* 8\.\d MB.* 4\.1 kB free"):
            Store(folder)
    (folder / "library-format-2.db").mkdir()
    (folder / "library-format-2.db" / "in the way").touch()
    with pytest.raises(LibraryError, match=r"library-format-2\.db cannot be written"):
        Store(folder)
    assert dump(folder / "library.db") == before
    assert not list(folder.glob(".new-*"))
    shutil.rmtree(folder / "library-format-2.db")
    Store(folder).close()
    assert dump(folder / "library-format-2.db") == before


def test_a_new_library_has_no_copy_and_a_current_one_gets_none(tmp_path):
    for _ in range(2):
        Store(tmp_path / "a.lookalike", create=True).close()
    assert [path.name for path in (tmp_path / "a.lookalike").glob("library*")] == ["library.db"]


def killed_at(moment: int, folder: Path) -> bool:
    """Open a library in a process that dies before its SQL statement of this number; say whether it came to that."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1] != 0
    steps, real = 0, sqlite3.connect

    def stop(_: str) -> None:
        nonlocal steps
        steps += 1
        if steps == moment:
            os._exit(9)

    def connect(*given, **more):
        db = real(*given, **more)
        db.set_trace_callback(stop)
        return db

    sqlite3.connect = connect
    try:
        Store(folder).close()
    finally:
        os._exit(0)


@pytest.mark.skipif(os.name == "nt", reason="needs fork")
def test_an_upgrade_killed_at_any_moment_leaves_the_old_or_the_new_format(tmp_path):
    for moment in range(1, 80, 4):
        folder = planted(tmp_path / f"{moment}.lookalike", 1, 5)
        killed = killed_at(moment, folder)
        store = Store(folder)
        assert store._db.rows("PRAGMA user_version") == [(VERSION,)]
        assert len(list(store.images())) == 5
        store.close()
        assert (folder / "library-format-1.db").exists()
        if not killed:
            return
    raise AssertionError("it was always killed")


def test_the_scripts_of_formats_that_libraries_have_are_never_edited():
    """Whoever needs other tables adds a script."""
    made = tuple(hashlib.sha256(script.encode()).hexdigest()[:12] for script in MIGRATIONS[: len(RELEASED)])
    assert made == RELEASED
