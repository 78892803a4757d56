"""The doctor: every kind of damage is found and mended where it can be; a healthy library raises no alarm."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import health
from lookalike.errors import LibraryError, LibraryLockedError
from lookalike.health import Check, Health, doctor
from lookalike.store import CacheFile
from lookalike.store.schema import VECTOR_SHIFT, VERSION
from tests.conftest import export, picture, write_picture
from tests.torture import TORTURE, record

PICTURES = 12


@pytest.fixture(autouse=True)
def only_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library runs on has tests of its own."""
    monkeypatch.setattr(health, "check_environment", lambda: iter(()))
    monkeypatch.setattr("lookalike.health.environment.LITTLE", 0)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for n in range(PICTURES):
        write_picture(tmp_path / "photos" / f"{n:02d}.png", n)
    shutil.copyfile(tmp_path / "photos" / "00.png", tmp_path / "photos" / "copy.png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    return tmp_path / "photos"


@pytest.fixture
def path(tmp_path: Path, photos: Path, fake: object) -> Path:
    """Return a closed, healthy library with every kind of cache file that is made without local features."""
    path = tmp_path / "a.lookalike"
    with lookalike.open(path) as library:
        library.add(photos, descriptors=["fake", "pdq", "haralick"])
        library.search(picture(3), 3, descriptor="fake")
        library.search(picture(3), 3, descriptor="haralick")
        library.decisions.keep_all([photos / "01.png", photos / "02.png"])
        library.probability = 0.7
    cache = CacheFile(path, "webp82v1", "thumbnails")
    cache.write({b"a": b"picture", b"b": b"another"})
    cache.close()
    return path


def states(found: Health) -> dict[str, str]:
    return {one.check: one.state for one in found.checks if one.state != "ok"}


def the(found: Health, name: str) -> Check:
    return next(one for one in found.checks if one.check == name)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def sql(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path / "library.db")
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_a_healthy_library_raises_no_alarm_and_stays_as_it_was_to_the_byte(path):
    before, times = digests(path), {file: file.stat().st_mtime_ns for file in path.rglob("*")}
    found = doctor(path)
    assert states(found) == {}
    assert found.worst == "ok"
    assert {"database", "rows", "vectors fake", "vectors pdq", "caches", "journals", "pictures"} <= {
        one.check for one in found.checks
    }
    assert the(found, "rows").what == "13 pictures, 1 failed or skipped"
    assert the(found, "vectors fake").what == "12 of 12 contents, finite of unit length"
    assert digests(path) == before
    assert {file: file.stat().st_mtime_ns for file in path.rglob("*")} == times
    again = doctor(path, repair=True)
    assert (states(again), again.backup) == ({}, "")
    assert digests(path) == before


def test_a_library_that_is_open_and_half_in_its_journal_is_healthy_too(path, photos):
    with lookalike.open(path) as library:
        write_picture(photos / "late.png", 77)
        library.add(photos, descriptors=["fake", "pdq", "haralick"])
        assert (path / "library.db-wal").stat().st_size
        before = (path / "library.db").read_bytes()
        assert states(doctor(path)) == {}
        assert (path / "library.db").read_bytes() == before


def test_what_edits_and_unplugged_disks_leave_behind_is_no_damage(path, photos):
    write_picture(photos / "03.png", 200)
    (photos / "04.png").unlink()
    with lookalike.open(path) as library:
        library.add(photos, descriptors=["fake", "pdq", "haralick"])
        assert states(doctor(path)) == {}
    photos.rename(photos.parent / "away")
    found = doctor(path)
    assert states(found) == {"folders": "warning"}
    assert str(photos) in the(found, "folders").what
    assert not found.mendable
    photos.mkdir()
    assert states(doctor(path)) == {"folders": "warning"}


def test_files_that_are_gone_are_counted_with_what_to_do(path, photos):
    (photos / "05.png").unlink()
    found = doctor(path)
    assert states(found) == {"pictures": "warning"}
    assert the(found, "pictures").what == f"1 picture of 13 gone, such as {photos / '05.png'}"
    assert "lookalike prune" in the(found, "pictures").remedy


VECTOR = "(SELECT min(id) FROM vectors WHERE id >> 40 = (SELECT id FROM descriptors WHERE name = 'fake'))"


def blob(values: np.ndarray) -> str:
    return f"x'{values.astype(np.float16).tobytes().hex()}'"


NAN, ZERO, LONG, UNIT = np.full(48, np.nan), np.zeros(48), np.full(48, 2.0), np.eye(48)[0]
DAMAGE: dict[str, tuple[str, str, str, list[str]]] = {
    "NaN": ("vectors fake", "bad", "1 NaN or inf", [f"UPDATE vectors SET vector = {blob(NAN)} WHERE id = {VECTOR}"]),
    "zero": ("vectors fake", "bad", "1 zero", [f"UPDATE vectors SET vector = {blob(ZERO)} WHERE id = {VECTOR}"]),
    "norm": ("vectors fake", "bad", "1 not of unit", [f"UPDATE vectors SET vector = {blob(LONG)} WHERE id = {VECTOR}"]),
    "short": ("vectors fake", "bad", "1 another length", [f"UPDATE vectors SET vector = x'00' WHERE id = {VECTOR}"]),
    "orphan vector": (
        "vectors", "bad", "1 vector of no content",
        [f"INSERT INTO vectors VALUES ((1 << {VECTOR_SHIFT}) | 99999, {blob(UNIT)})"],
    ),
    "vector of no descriptor": (
        "vectors", "bad", "1 vector of no content", [f"INSERT INTO vectors VALUES ((77 << {VECTOR_SHIFT}) | 1, x'00')"],
    ),
    "chunk": ("vectors", "bad", "that no search sees", ["DELETE FROM chunks WHERE descriptor_id = 1"]),
    "no content": ("rows", "bad", "1 images without a content", ["UPDATE images SET content_id = NULL WHERE id = 3"]),
    "lost content": ("rows", "bad", "images without a content", ["DELETE FROM contents WHERE id = 5"]),
    "lost decision": ("rows", "bad", "2 pictures of a decision", ["DELETE FROM decisions"]),
    "empty decision": ("rows", "bad", "1 decisions about nothing", ["DELETE FROM decided"]),
    "setting": ("rows", "bad", "1 settings that are no JSON", ["UPDATE settings SET value = '{'"]),
    "chunk of none": ("rows", "bad", "1 chunks of a descriptor", ["INSERT INTO chunks VALUES (55, 0, 1)"]),
    "spec": ("vectors fake", "bad", "cannot be understood", ["UPDATE descriptors SET spec = '{' WHERE name = 'fake'"]),
    "spec of another": (
        "vectors fake", "bad", "cannot be understood",
        ["UPDATE descriptors SET spec = (SELECT spec FROM descriptors WHERE name = 'pdq') WHERE name = 'fake'"],
    ),
    "scaler": ("scalers", "bad", "1 scaler", ["UPDATE scalers SET mean = x'00'"]),
    "index": ("database", "bad", "images_of_content", ["DROP INDEX images_of_content"]),
    "table": ("database", "bad", "settings", ["DROP TABLE settings"]),
    "column": ("database", "bad", "decided", ["DROP INDEX decided_pixels", "ALTER TABLE decided DROP pixel_hash"]),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_in_the_database_is_found_and_mended_after_a_copy(path, photos, damage):
    truth = export(path)
    name, state, words, statements = DAMAGE[damage]
    sql(path, *statements)
    before = digests(path)
    found = doctor(path)
    assert states(found)[name] == state
    assert words in the(found, name).what
    assert the(found, name).mendable
    assert "doctor --repair" in the(found, name).remedy
    assert digests(path) == before
    held = (path / "library.db").read_bytes()
    mended = doctor(path, repair=True)
    assert states(mended).keys() <= {"vectors"}, states(mended)  # a picture without any vector, until it is indexed
    assert the(mended, name).mended
    copy = sqlite3.connect(mended.backup)
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    original = sqlite3.connect(path.parent / "original.db")
    original.close()
    (path.parent / "original.db").write_bytes(held)
    original = sqlite3.connect(path.parent / "original.db")
    assert list(copy.iterdump()) == list(original.iterdump())
    copy.close()
    original.close()
    with lookalike.open(path) as library:
        library.add(photos, descriptors=["fake", "pdq", "haralick"])
        found_again = library.search(photos / "07.png", 1, descriptor="fake")
        assert found_again.uris[0][0] is not None
        assert library.search((photos / "07.png").read_bytes(), 1, descriptor="fake").distances[0, 0] < 1e-3
    assert export(path) == truth
    assert states(doctor(path)) == {}


def test_pages_overwritten_anywhere_are_found_and_what_can_be_read_is_read_out(path, photos, tmp_path):
    truth = export(path)
    whole = (path / "library.db").read_bytes()
    pages = len(whole) // 8192
    kept = []
    for page in range(1, pages, 1 if TORTURE else 5):
        place = tmp_path / f"{page}.lookalike"
        place.mkdir()
        (place / "library.db").write_bytes(whole[: page * 8192] + b"\xa7" * 8192 + whole[(page + 1) * 8192 :])
        found = doctor(place)
        assert found.worst == "bad", page
        mended = doctor(place, repair=True)
        assert mended.worst != "bad", (page, states(mended))
        kept.append(sqlite3.connect(place / "library.db").execute("SELECT count(*) FROM contents").fetchone()[0])
        with lookalike.open(place) as library:
            library.add(photos, descriptors=["fake", "pdq", "haralick"])
        assert export(place) == truth
        assert Path(mended.backup).read_bytes() == whole[: page * 8192] + b"\xa7" * 8192 + whole[(page + 1) * 8192 :]
        shutil.rmtree(place)
    assert pages > 15
    record(
        "doctor", "a page of library.db overwritten, read out by doctor --repair, indexed again", len(kept), "0 failed"
    )


def test_what_is_no_library_or_of_a_newer_version_is_said_and_left_alone(path, tmp_path):
    sql(path, f"PRAGMA user_version = {VERSION + 3}")
    before = digests(path)
    found = doctor(path, repair=True)
    assert states(found) == {"format": "bad"}
    assert the(found, "format").remedy == "update Lookalike"
    sql(path, "PRAGMA application_id = 5")
    assert the(doctor(path), "format").remedy == "choose another --library"
    assert set(digests(path)) == set(before)
    (tmp_path / "text").write_text("no folder")
    assert states(doctor(tmp_path / "text")) == {"library": "bad"}
    assert states(doctor(tmp_path / "none")) == {"library": "warning"}
    (tmp_path / "b.lookalike").mkdir()
    (tmp_path / "b.lookalike" / "library.db").write_text("dear diary\n" * 900)
    assert states(doctor(tmp_path / "b.lookalike"))["database"] == "bad"


# ---------------------------------------------------------------------------------------------- beside the database


def flip(file: Path, at: float = 0.7) -> None:
    data = bytearray(file.read_bytes())
    data[int(at * len(data))] ^= 0x10
    file.write_bytes(data)


def flip_in(file: Path, what: bytes) -> None:
    data = file.read_bytes()
    assert what in data
    file.write_bytes(data.replace(what, what[::-1]))


CACHES: dict[str, Callable[[Path], object]] = {
    "vectors flipped": lambda path: flip(next((path / "cache").rglob("*.vectors"))),
    "vectors cut": lambda path: os.truncate(next((path / "cache").rglob("*.vectors")), 100),
    "standardised flipped": lambda path: flip(next((path / "cache").rglob("*.standardised"))),
    "approximate": lambda path: next((path / "cache").iterdir()).joinpath("1-2.approximate").write_bytes(b"nothing"),
    "words": lambda path: (path / "cache" / "0.words").write_bytes(b"PK nothing"),
    "thumbnails": lambda path: flip_in(path / "cache" / "webp82v1.thumbnails", b"another"),
    "local": lambda path: (path / "cache" / "0.local").write_bytes(b"\0" * 9000),
}


@pytest.mark.parametrize("harm", CACHES)
def test_a_damaged_cache_file_is_found_and_made_again(path, harm):
    CACHES[harm](path)
    before = digests(path)
    found = doctor(path)
    assert states(found) == {"caches": "warning"}
    assert digests(path) == before
    mended = doctor(path, repair=True)
    assert states(mended) == {}
    assert mended.backup == ""  # nothing of the database was changed
    assert the(mended, "caches").mended == "1 file removed, to be made again"
    if harm.startswith("vectors"):
        assert len(list((path / "cache").rglob("*.vectors"))) == 3


def test_what_a_killed_writer_left_is_found_and_removed_but_not_while_one_is_at_work(path):
    (path / ".new-x.db").write_bytes(b"half")
    for name in (".new-a", ".words-b", ".7.approximate.tmp"):
        (path / "cache" / name).write_bytes(b"half")
    (path / "writer.pid").write_text("999999\n")
    with lookalike.open(path) as library, library.store.writing():
        busy = doctor(path)
        assert states(busy) == {}
        assert the(busy, "lock").what == f"process {os.getpid()} is writing now"
        with pytest.raises(LibraryLockedError, match=str(os.getpid())):
            health.mend(Health(str(path), (Check("lock", "warning", "", mendable=True),)))
    (path / "writer.pid").write_text("999999\n")
    found = doctor(path)
    assert states(found) == {"temporary files": "warning", "lock": "warning"}
    assert "process 999999 was killed" in the(found, "lock").what
    assert states(doctor(path, repair=True)) == {}
    assert not list(path.rglob(".*"))
    assert not (path / "writer.pid").exists()


@pytest.fixture
def acted(path: Path, photos: Path) -> Path:
    """Return a library of which one copy was put into the quarantine."""
    with lookalike.open(path) as library:
        report = lookalike.apply_plan(library, lookalike.make_plan(library, level="same-file"))
        assert len(report.acted) == 1
    return path


def test_a_run_that_was_stopped_half_way_is_found_and_put_in_order(acted, photos):
    assert states(doctor(acted)) == {}
    (journal,) = (acted / "history").glob("*.jsonl")
    lines = journal.read_text().splitlines()
    begun = next(number for number, line in enumerate(lines) if '"begun"' in line)
    journal.write_text("\n".join(lines[: begun + 1]) + "\n")
    found = doctor(acted)
    assert states(found) == {"journals": "warning"}
    assert the(found, "journals").what == "1 run stopped half-way, with 1 act not finished"
    mended = doctor(acted, repair=True)
    assert states(mended) == {}
    assert the(mended, "journals").mended == "1 act finished or taken back"
    assert json.loads(journal.read_text().splitlines()[-1]) == {"ended": True}
    with lookalike.open(acted) as library:
        lookalike.undo(library)
    assert (photos / "copy.png").exists()


def test_a_journal_and_a_quarantine_that_contradict_each_other_are_told(acted):
    (kept,) = (file for file in (acted / "quarantine").rglob("*") if file.is_file())
    (acted / "quarantine" / "stray.png").write_bytes(b"whose?")
    assert "1 file that no journal knows" in the(doctor(acted), "quarantine").what
    kept.unlink()
    lost = doctor(acted)
    assert states(lost) == {"quarantine": "warning"}
    assert f"1 file of it gone, such as {kept}" == the(lost, "quarantine").what
    (acted / "history" / "20200101-000000.jsonl").write_text('{"step": 1, "pieces": [{}]}\n')
    broken = doctor(acted, repair=True)
    assert states(broken)["journals"] == "bad"
    assert "20200101-000000.jsonl" in the(broken, "journals").what
    assert (acted / "quarantine" / "stray.png").exists()


def test_vectors_of_a_descriptor_that_has_changed_are_told(path, register, fake):
    fake.preprocess = "another one"
    found = doctor(path)
    assert states(found) == {"vectors fake": "warning"}
    assert "lookalike index PATH --descriptor fake" in the(found, "vectors fake").remedy


@pytest.mark.skipif(os.name == "nt", reason="needs links")
def test_a_copy_that_leads_nowhere_is_counted_and_no_error(path):
    (path / "library-gone.db").symlink_to(path / "nowhere.db")
    found = doctor(path)
    assert states(found) == {}
    assert the(found, "copies").what.startswith("library-gone.db, 0")


def test_a_clock_that_was_set_back_is_told(path):
    sql(path, f"UPDATE runs SET started_at = {time.time() + 7200}")
    found = doctor(path)
    assert states(found) == {"clock": "warning"}
    assert "2.0 hours from now" in the(found, "clock").what


def test_a_repair_that_has_no_room_for_its_copy_changes_nothing(path, monkeypatch):
    sql(path, f"UPDATE vectors SET vector = {blob(ZERO)} WHERE id = {VECTOR}")
    before = digests(path)
    monkeypatch.setattr("lookalike.store.backup.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 5000))
    with pytest.raises(LibraryError, match=r"needs a copy of it first, of .* MB, and the disk of .* has 5.0 kB free"):
        doctor(path, repair=True)
    assert digests(path) == before


def test_progress_counts_the_checks(path):
    told: list[int] = []
    found = doctor(path, progress=told.append)
    assert told == list(range(1, len(found.checks) + 1))
    assert found.rows().columns == ("check", "state", "what", "remedy", "mended")
    assert len(found.rows().values) == len(found.checks)
