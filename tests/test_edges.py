"""Values at their edges: no pictures, one, none asked for, more than there are, odd names, numbers that are none."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.errors import LookalikeError, UsageError
from lookalike.index import ExactIndex
from lookalike.store import Content, Record, Store
from lookalike.types import SourceItem
from tests.conftest import picture, write_picture
from tests.store.conftest import SPEC
from tests.torture import many, record


@pytest.fixture
def library(tmp_path, fake):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        yield library


@pytest.mark.parametrize("pictures", [0, 1])
def test_all_questions_have_answers_in_a_library_of_none_and_of_one(library, tmp_path, pictures):
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(pictures):
        write_picture(folder / f"{n}.png", n)
    assert library.add(folder, descriptors=["fake", "pdq"]).found == pictures
    for k in (1, 7, 10_000):
        found = library.search(picture(5), k, descriptor="fake")
        assert found.keys.shape == found.distances.shape == (1, k)
        assert (found.keys >= 0).sum() == pictures
        assert np.isinf(found.distances[0, pictures:]).all()
        assert not np.isnan(found.distances).any()
    for level in ("same-file", "same-pixels"):
        assert library.duplicates(level=level).groups == ()
    assert library.status().indexed == pictures
    assert library.prune().uris == ()
    assert len(library.vectors("fake")[0]) == pictures


@pytest.mark.parametrize("k", [0, -1])
def test_none_at_all_cannot_be_asked_for(library, k):
    with pytest.raises(UsageError, match="k "):
        library.search(picture(1), k, descriptor="fake")


def test_a_huge_k_costs_no_more_than_its_answer(library, tmp_path):
    write_picture(tmp_path / "photos" / "0.png", 0)
    library.add(tmp_path / "photos", descriptors=["fake"])
    found = library.search(picture(0), 2_000_000, descriptor="fake")
    assert found.keys.shape == (1, 2_000_000)
    assert (found.keys[0, 1:] == -1).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_query_that_is_no_number_gives_no_distance_that_is_none(value):
    rows = np.eye(8, dtype=np.float32)
    index = ExactIndex("cosine", 8)
    index.add(np.arange(8), rows)
    query = rows[:1].copy()
    query[0, 3] = value
    try:
        found = index.search(query, 3)
    except (LookalikeError, ValueError):
        return
    assert not np.isnan(found.distances[found.keys >= 0]).any()


def test_names_that_look_the_same_and_are_not_stay_two(library, tmp_path):
    """A file system may keep both forms of an umlaut: two names, two files."""
    folder = tmp_path / "photos"
    names = [unicodedata.normalize(form, "Kühe fürs Öhr é.png") for form in ("NFC", "NFD")]
    for n, name in enumerate(names):
        write_picture(folder / name, n)
    if len(list(folder.iterdir())) == 1:
        pytest.skip("this file system keeps one form only")
    report = library.add(folder, descriptors=["fake"])
    assert (report.added, library.status().indexed) == (2, 2)
    for n, name in enumerate(names):
        assert library.search(picture(n), 1, descriptor="fake").uris[0] == (str(folder / name),)
        assert [image.uri for image in library.store.images([str(folder / name)])] == [str(folder / name)]
    (folder / names[0]).unlink()
    library.add(folder, descriptors=["fake"])
    assert library.prune().uris == (str(folder / names[0]),)


@pytest.mark.skipif(os.name == "nt", reason="needs paths of 4,096 bytes")
def test_paths_of_four_thousand_bytes_are_indexed_and_found_again(library, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "deep"
    place.mkdir()
    os.chdir(place)
    while len(os.fsencode(place)) < 4080 - 210:
        name = "é" * 100
        Path(name).mkdir()
        os.chdir(name)
        place = place / name
    rest = 4095 - len(os.fsencode(place)) - 1
    name = "x" * min(rest - 4, 200) + ".png"
    write_picture(Path("short.png"), 3)
    Path("short.png").rename(name)
    os.chdir(tmp_path)
    report = library.add(tmp_path / "deep", descriptors=["fake"])
    assert (report.found, report.failed) == (1, 0)
    assert library.search(picture(3), 1, descriptor="fake").uris[0] == (str(place / name),)
    assert library.add(tmp_path / "deep", descriptors=["fake"]).read == 0
    shutil.rmtree(tmp_path / "deep")
    (tmp_path / "deep").mkdir()
    write_picture(tmp_path / "deep" / "other.png", 1)
    library.add(tmp_path / "deep", descriptors=["fake"])
    assert library.prune().uris == (str(place / name),)


@pytest.mark.skipif(os.name == "nt", reason="there such names are paths")
def test_names_like_windows_paths_are_names(library, tmp_path):
    folder = tmp_path / "photos"
    names = ["C:\\Pictures\\a.png", "\\\\host\\share\\b.png", "a:b.png", "trailing. .png"]
    for n, name in enumerate(names):
        write_picture(folder / name, n)
    assert library.add(folder, descriptors=["fake"]).added == 4
    for n, name in enumerate(names):
        assert library.search(picture(n), 1, descriptor="fake").uris[0] == (str(folder / name),)


@pytest.mark.parametrize("moment", [-2_000_000_000, 0, 4_102_444_800, 15_000_000_000])
def test_times_before_1970_and_far_in_the_future_are_times(library, tmp_path, moment):
    path = write_picture(tmp_path / "photos" / "a.png", 1)
    os.utime(path, (moment, moment))
    assert library.add(path.parent, descriptors=["fake"]).added == 1
    again = library.add(path.parent, descriptors=["fake"])
    assert (again.unchanged, again.read) == (1, 0)
    os.utime(path, (moment + 1, moment + 1))
    assert library.add(path.parent, descriptors=["fake"]).read == 1


def test_a_clock_that_goes_back_between_runs_loses_and_forgets_nothing(library, tmp_path, monkeypatch):
    real, shift = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + shift)
    folder = tmp_path / "photos"
    for n in range(3):
        write_picture(folder / f"{n}.png", n)
    library.add(folder, descriptors=["fake"])
    for hours, n in ((-1000, 5), (1000, 6), (-5000, 7)):
        shift = hours * 3600.0
        write_picture(folder / f"{n}.png", n)
        (folder / f"{n - 5}.png").unlink()
        report = library.add(folder, descriptors=["fake"])
        assert (report.added, report.unchanged, report.missing) == (1, 2, n - 4)
        assert library.search(picture(n), 1, descriptor="fake").uris[0] == (str(folder / f"{n}.png"),)
    assert len(library.prune().uris) == 3
    with sqlite3.connect(library.path / "library.db") as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (4,)
    db.close()


def test_a_file_that_changes_or_vanishes_while_it_is_read_costs_itself_only(library, tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    for n in range(6):
        write_picture(folder / f"{n}.png", n)
    from lookalike.sources import files

    reader = next(name for name in ("read_bytes", "read_file") if hasattr(files, name))
    real = getattr(files, reader)

    def disturbed(path, *given, **more):
        name = Path(path).name
        if name == "2.png":
            (folder / name).unlink(missing_ok=True)
        if name == "4.png":
            data = (folder / name).read_bytes()
            (folder / name).write_bytes(data[: len(data) // 2])
        return real(path, *given, **more)

    monkeypatch.setattr(files, reader, disturbed)
    report = library.add(folder, descriptors=["fake"], threads=1)
    monkeypatch.undo()
    assert report.found == 6
    if report.failed:
        assert {Path(uri).name for uri, *_ in library.problems().values} <= {"2.png", "4.png"}
    write_picture(folder / "4.png", 4)
    again = library.add(folder, descriptors=["fake"])
    assert (again.found, again.failed) == (5, 0)
    assert library.search(picture(4), 1, descriptor="fake").uris[0] == (str(folder / "4.png"),)


def test_a_root_that_is_unmounted_while_it_is_indexed_loses_no_row(library, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.indexing.PARCEL", 2)
    monkeypatch.setattr("lookalike.indexing.writing.COMMIT_FILES", 2)
    folder = tmp_path / "disk" / "photos"
    for n in range(10):
        write_picture(folder / f"{n}.png", n)
    library.add(folder, descriptors=["fake"])
    for n in range(10):
        os.utime(folder / f"{n}.png", (n, n))  # all are read again
    gone: list[Path] = []

    def unmount(report):
        if report.found >= 4 and not gone:
            gone.append((tmp_path / "disk").rename(tmp_path / "away"))
            folder.mkdir(parents=True)

    report = library.add(folder, descriptors=["fake"], threads=1, progress=unmount)
    assert gone
    assert report.failed
    assert library.prune().uris == ()
    shutil.rmtree(tmp_path / "disk")
    gone[0].rename(tmp_path / "disk")
    back = library.add(folder, descriptors=["fake"])
    assert (back.found, back.failed, back.embedded) == (10, 0, 0)
    assert library.status().indexed == 10


def filled(folder: Path, rows: int, seed: int = 1) -> Store:
    """Return a library of synthetic vectors, as if so many pictures had been indexed."""
    random = np.random.default_rng(seed)
    store = Store(folder, create=True)
    with store.writing():
        ids = {SPEC.fingerprint: store.ensure_descriptor(SPEC)}
        run = store.start_run(["/pictures"])
        for start in range(0, rows, 20_000):
            count = min(20_000, rows - start)
            vectors = random.standard_normal((count, SPEC.dim), np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            records = []
            for n, row in zip(range(start, start + count), vectors.astype(SPEC.storage), strict=True):
                digest = n.to_bytes(32, "big")
                item = SourceItem(f"/pictures/{n // 1000:04d}/{n:07d}.jpg", size=10, mtime_ns=1, inode=n + 1)
                content = Content(0, digest, 10, format="JPEG", width=640, height=480)
                records.append(Record(item, "ok", digest, content=content, vectors={SPEC.fingerprint: row}))
            store.write(records, run, ids)
    return store


@pytest.mark.slow
def test_a_library_of_a_million_rows_opens_at_once_searches_and_prunes(tmp_path):
    rows = many(10_000, 1_000_000)
    made = time.perf_counter()
    filled(tmp_path / "a.lookalike", rows).close()
    made = time.perf_counter() - made
    started = time.perf_counter()
    library = lookalike.open(tmp_path / "a.lookalike", create=False)
    status = library.status()
    opened = time.perf_counter() - started
    assert (status.indexed, opened < 2) == (rows, True), opened
    id_ = next(iter(library.store.descriptors()))
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        query = library.store.vectors(id_, [rows // 2], SPEC)[rows // 2][None].astype(np.float32)
        found = library._holdings.exact(id_, SPEC).search(query, 10)
        seconds.append(time.perf_counter() - started)
        assert found.keys[0, 0] == rows // 2
    started = time.perf_counter()
    report = library.prune(dry_run=True)
    planned = time.perf_counter() - started
    assert (len(report.uris), len(report.offline)) == (0, rows)  # their folder is not there: offline
    with library.store.writing():
        started = time.perf_counter()
        library.store.remove(list(range(1, rows // 10 + 1)))
        removed = time.perf_counter() - started
    assert library.status().indexed == rows - rows // 10
    library.close()
    record(
        "rows", "a library of synthetic vectors", rows,
        f"made in {made:.0f} s, opens in {opened:.2f} s, first search {seconds[0]:.2f} s, then {seconds[-1]:.2f} s, "
        f"prune looks in {planned:.1f} s and removes a tenth in {removed:.1f} s",
    )  # fmt: skip


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_query_whose_vector_is_no_number_is_named_and_has_no_neighbours(library, tmp_path, fake, register, value):
    """A library keeps no such vector (R14); a query may still have one, of a model that cannot cope with it."""
    for n in range(3):
        write_picture(tmp_path / "photos" / f"{n}.png", n)
    library.add(tmp_path / "photos", descriptors=["fake"])
    real = fake.embed

    def embed(images):
        rows = real(images)
        rows[[not image.any() for image in images]] = value
        return rows

    fake.embed = embed
    black = np.zeros((16, 16, 3), np.uint8)
    found = library.search([black, picture(1)], 2, descriptor="fake")
    assert [name for name, _ in found.failed] == ["picture 1"]
    assert "not finite" in found.failed[0][1]
    assert found.keys[0].tolist() == [-1, -1]
    assert np.isinf(found.distances[0]).all()
    assert found.uris[1][0] == str(tmp_path / "photos" / "1.png")
    together = library.search([black, picture(1)], 2, descriptor="fake", together=True)
    assert together.failed
    assert together.keys.tolist() == [[-1, -1]]


@pytest.mark.parametrize("settings", [{"threshold": float("nan")}, {"region": (0, 0, float("nan"), 1)}, {"votes": 0}])
def test_settings_that_are_no_numbers_are_refused(library, settings):
    with pytest.raises(UsageError):
        library.search(picture(1), 1, descriptor="fake", **settings)


def test_a_probability_that_is_no_number_is_refused(library):
    with pytest.raises(UsageError, match="nan"):
        library.duplicates(level="same-file", probability=float("nan"))
    with pytest.raises(UsageError):
        library.probability = float("nan")
