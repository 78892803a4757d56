from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.errors import LibraryError, LibraryFormatError, LibraryLockedError, LibraryNotFoundError
from lookalike.store import Store
from lookalike.store.database import Database
from lookalike.store.schema import MIGRATIONS, VERSION
from tests.store.conftest import fill, vectors


def one_sentence(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert not text.endswith(".")
    return text


def altered(folder: Path, sql: str) -> Path:
    db = sqlite3.connect(folder / "library.db")
    db.execute(sql)
    db.commit()
    db.close()
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return the folder of a closed library with 40 pictures."""
    folder = tmp_path / "a.lookalike"
    store = Store(folder, create=True)
    fill(store, vectors(1, 40))
    store.close()
    return folder


def test_a_library_that_is_not_there_is_made_only_if_asked(tmp_path):
    with pytest.raises(LibraryNotFoundError, match=r"lookalike index PATH --library .*none") as caught:
        Store(tmp_path / "none")
    one_sentence(caught.value)
    assert not (tmp_path / "none").exists()
    Store(tmp_path / "deep" / "er" / "none", create=True).close()
    assert (tmp_path / "deep" / "er" / "none" / "library.db").is_file()


def test_a_library_that_cannot_be_made_there_says_why(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LibraryError, match="cannot make a library") as caught:
        Store(tmp_path / "file" / "a.lookalike", create=True)
    one_sentence(caught.value)


def test_text_is_no_library_and_stays_as_it_is(tmp_path):
    (tmp_path / "library.db").write_text("dear diary\n" * 500)
    with pytest.raises(LibraryFormatError, match="not a library") as caught:
        Store(tmp_path, create=True)
    one_sentence(caught.value)
    assert (tmp_path / "library.db").read_text() == "dear diary\n" * 500


def test_another_programs_database_is_no_library_and_stays_as_it_is(tmp_path):
    altered(tmp_path, "CREATE TABLE friends (name TEXT)")
    before = (tmp_path / "library.db").read_bytes()
    with pytest.raises(LibraryFormatError, match="not of Lookalike") as caught:
        Store(tmp_path, create=True)
    one_sentence(caught.value)
    assert (tmp_path / "library.db").read_bytes() == before


def test_a_newer_format_asks_for_an_update(library):
    altered(library, "PRAGMA user_version = 99")
    with pytest.raises(LibraryFormatError, match=r"format 99.*update Lookalike") as caught:
        Store(library)
    one_sentence(caught.value)


def test_an_older_format_is_renewed_where_it_lies_and_keeps_what_it_held(library, monkeypatch):
    script = "ALTER TABLE images ADD COLUMN stars INTEGER; UPDATE images SET stars = 3"
    monkeypatch.setattr("lookalike.store.database.MIGRATIONS", ("never run again",) * VERSION + (script,))
    monkeypatch.setattr("lookalike.store.database.VERSION", VERSION + 1)
    store = Store(library)
    assert len(list(store.images())) == 40
    assert store._db.rows("SELECT DISTINCT stars FROM images") == [(3,)]
    assert store._db.rows("PRAGMA user_version") == [(VERSION + 1,)]
    store.close()


def test_an_older_format_that_is_being_written_to_waits_and_then_names_the_writer(library, monkeypatch):
    monkeypatch.setattr("lookalike.store.database.MIGRATIONS", (*MIGRATIONS, "CREATE TABLE more (a)"))
    writer = Store(library)
    monkeypatch.setattr("lookalike.store.database.VERSION", VERSION + 1)
    monkeypatch.setattr("lookalike.store.database.MIGRATION_SECONDS", 0.1)
    with writer.writing(), pytest.raises(LibraryLockedError, match=str(os.getpid())):
        Store(library)
    Store(library).close()
    writer.close()


def test_a_migration_that_fails_leaves_the_old_format(library, monkeypatch):
    broken = "CREATE TABLE more (a); no such statement"
    monkeypatch.setattr("lookalike.store.database.MIGRATIONS", (*MIGRATIONS, broken))
    monkeypatch.setattr("lookalike.store.database.VERSION", VERSION + 1)
    with pytest.raises(LibraryError) as caught:
        Store(library)
    one_sentence(caught.value)
    monkeypatch.undo()
    store = Store(library)
    assert len(list(store.images())) == 40
    assert store._db.rows("SELECT count(*) FROM sqlite_master WHERE name = 'more'") == [(0,)]
    store.close()


def test_several_processes_may_make_the_same_library_at_once(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom lookalike.store import Store\nprint('ready', flush=True)\n"
        "sys.stdin.readline()\nprint(len(list(Store(Path(sys.argv[1]), create=True).images())))"
    )
    command = [sys.executable, "-c", code, tmp_path / "a.lookalike"]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert child.communicate(timeout=30) == ("0\n", "")


def test_damage_inside_the_file_is_a_typed_error_or_no_matter(library, tmp_path):
    whole = (library / "library.db").read_bytes()
    errors = 0
    for place in range(0, len(whole), 997):
        folder = tmp_path / f"{place}.lookalike"
        folder.mkdir()
        (folder / "library.db").write_bytes(whole[:place] + b"\xff" * 600 + whole[place + 600 :])
        try:
            store = Store(folder)
            try:
                list(store.images())
                for id_ in store.descriptors():
                    for chunk in store.chunk_tokens(id_):
                        store.read_chunk(id_, chunk, store.descriptors()[id_])
                list(store.problems())
            finally:
                store.close()
        except LibraryError as error:
            errors += 1
            one_sentence(error)
        shutil.rmtree(folder)
    assert errors > 10


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, sqlite3.OperationalError])
def test_a_transaction_that_ends_in_an_error_leaves_nothing_behind(tmp_path, error):
    db = Database(tmp_path, create=True)

    def fail() -> None:
        with db.transaction() as connection:
            connection.execute("INSERT INTO runs (started_at) VALUES (1)")
            raise error

    with pytest.raises((error, LibraryError)):
        fail()
    assert db.rows("SELECT count(*) FROM runs") == [(0,)]
    with db.transaction() as connection:
        connection.execute("INSERT INTO runs (started_at) VALUES (2)")
    assert db.rows("SELECT started_at FROM runs") == [(2.0,)]
    db.close()


def test_a_stop_between_begin_and_the_first_statement_leaves_no_transaction_open(tmp_path):
    db = Database(tmp_path, create=True)
    real = db._connection

    class Stopped:
        in_transaction = property(lambda _: real.in_transaction)

        def execute(self, sql, *values):
            real.execute(sql, *values)
            if sql.startswith("BEGIN"):
                raise KeyboardInterrupt

    db._connection = Stopped()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt), db.transaction():
        raise AssertionError("never reached")
    db._connection = real
    with db.transaction() as connection:
        connection.execute("INSERT INTO runs (started_at) VALUES (1)")
    assert db.rows("SELECT count(*) FROM runs") == [(1,)]
    db.close()


def test_a_closed_library_says_so_in_one_sentence(library):
    store = Store(library)
    store.close()
    with pytest.raises(LibraryError) as caught:
        list(store.images())
    one_sentence(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="needs names of POSIX")
def test_a_path_with_odd_characters_opens(tmp_path):
    for name in ("a?b#c%20d.lookalike", "it's 100%.lookalike", os.fsdecode(b"caf\xe9.lookalike")):
        store = Store(tmp_path / name, create=True)
        fill(store, vectors(2, 3))
        store.close()
        assert (tmp_path / name / "library.db").is_file()
        store = Store(tmp_path / name)
        assert len(list(store.images())) == 3
        store.close()
    assert len(list(tmp_path.iterdir())) == 3
