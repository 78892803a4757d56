"""The library as a whole: what goes missing and comes back, prune, many copies, many readers."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import indexing
from lookalike.errors import (
    LibraryError,
    LibraryFormatError,
    LibraryLockedError,
    LibraryNotFoundError,
    UsageError,
)
from lookalike.library import default_path
from tests.conftest import Fake, export, picture, write_picture

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs names, uids and modes of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of eight pictures in two folders, beside one whose name begins alike."""
    for n in range(8):
        write_picture(tmp_path / "photos" / ("b" if n % 2 else "bc") / f"{n}.png", n)
    return tmp_path / "photos"


@pytest.fixture
def library(tmp_path: Path, fake: Fake):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        yield library


def add(library, *paths, **options):
    return library.add(list(paths), descriptors=["fake"], **options)


def find(library, seed, k=1):
    return library.search(picture(seed), k, descriptor="fake").uris[0]


def missing_rows(library) -> int:
    db = sqlite3.connect(library.path / "library.db")
    (count,) = db.execute("SELECT count(*) FROM images WHERE missing").fetchone()
    db.close()
    return int(count)


def size(library) -> tuple[int, int]:
    """Return the numbers of contents and vectors, used or not."""
    db = sqlite3.connect(library.path / "library.db")
    counts = db.execute("SELECT (SELECT count(*) FROM contents), (SELECT count(*) FROM vectors)").fetchone()
    db.close()
    return counts  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------ opening


def test_a_library_is_made_where_it_is_asked_for_or_where_the_environment_says(tmp_path, monkeypatch):
    with pytest.raises(LibraryNotFoundError):
        lookalike.open(tmp_path / "a.lookalike", create=False)
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "chosen.lookalike"))
    assert default_path() == tmp_path / "chosen.lookalike"
    with lookalike.open() as library:
        assert library.path == tmp_path / "chosen.lookalike"
        assert repr(library) == f"<Library {library.path}>"
    assert (tmp_path / "chosen.lookalike" / "library.db").is_file()
    monkeypatch.delenv("LOOKALIKE_LIBRARY")
    assert default_path().name == "default.lookalike"


def test_status_counts_everything_once(library, folder, tmp_path):
    (folder / "notes.txt").write_text("only words")
    (folder / "cut.png").write_bytes((folder / "b" / "1.png").read_bytes()[:300])
    shutil.copyfile(folder / "b" / "1.png", folder / "copy.png")
    report = add(library, folder)
    status = library.status()
    assert (status.indexed, status.failed, status.skipped, status.missing, status.contents) == (9, 1, 1, 0, 8)
    assert report.found == status.indexed + status.failed + status.skipped
    assert status.bytes == sum(path.stat().st_size for path in folder.rglob("*.png") if path.name != "cut.png")
    assert status.library_bytes >= (library.path / "library.db").stat().st_size
    assert status.roots == (str(folder),)
    assert status.descriptors == (("fake", 8),)
    assert [(Path(uri).name, kind) for uri, kind, _ in library.problems().values] == [
        ("cut.png", "truncated"),
        ("notes.txt", "not an image"),
    ]


def test_load_gives_the_picture_or_nothing(library, folder):
    pixels = library.load(folder / "b" / "1.png")
    assert np.array_equal(pixels, picture(1))
    assert np.array_equal(library.load((folder / "b" / "1.png").read_bytes()), picture(1))
    assert np.array_equal(library.load(picture(1)), picture(1))
    (folder / "words.png").write_text("only words")
    for query in (folder / "words.png", folder / "none.png", b"", library.path / "library.db"):
        assert library.load(query) is None


# ------------------------------------------------------------------------------------------ missing, prune


def test_a_deleted_file_is_missing_after_the_next_run_and_not_found_and_comes_back_undecoded(library, folder, fake):
    add(library, folder)
    kept = (folder / "b" / "1.png").stat()
    (folder / "b" / "1.png").rename(folder.parent / "aside.png")
    report = add(library, folder)
    assert (report.found, report.unchanged, report.missing) == (7, 7, 1)
    assert library.status().missing == 1
    assert str(folder / "b" / "1.png") not in find(library, 1, 8)
    assert len(library.vectors("fake")[0]) == 7
    (folder.parent / "aside.png").rename(folder / "b" / "1.png")
    assert (folder / "b" / "1.png").stat().st_mtime_ns == kept.st_mtime_ns
    report = add(library, folder)
    assert (report.unchanged, report.read, report.missing) == (8, 0, 0)
    assert find(library, 1) == (str(folder / "b" / "1.png"),)
    assert fake.seen == 8 + 2  # the two searches by an array


def test_a_file_that_is_not_listed_but_still_there_is_not_missing(library, folder):
    write_picture(folder / ".hidden.png", 20)
    write_picture(folder / ".private" / "a.png", 21)
    assert add(library, folder, hidden=True).added == 10
    for options in ({}, {"recursive": False}):
        report = add(library, folder, **options)
        assert report.missing == missing_rows(library) == 0
    assert find(library, 20) == (str(folder / ".hidden.png"),)
    assert library.prune().uris == ()
    assert library.status().indexed == 10


def test_only_the_folder_that_was_listed_is_looked_at(library, folder):
    add(library, folder)
    (folder / "bc" / "0.png").unlink()
    assert add(library, folder / "b").missing == 0
    assert add(library, folder / "bc").missing == 1
    assert {row[0] for row in export(library.path)} == {os.fsencode(path) for path in folder.rglob("*.png")}


@posix_only
def test_a_folder_name_that_ends_in_a_backslash_is_a_folder_of_its_own(library, tmp_path):
    odd = tmp_path / "photos" / "b\\"
    write_picture(odd / "1.png", 1)
    write_picture(odd / "2.png", 2)
    write_picture(tmp_path / "photos" / "b" / "3.png", 3)
    add(library, tmp_path / "photos")
    (odd / "1.png").unlink()
    assert add(library, odd).missing == 1
    assert [Path(image.uri).name for image in library.store.images([str(odd)])] == ["2.png"]
    assert [Path(image.uri).name for image in library.store.images([str(odd.with_name("b"))])] == ["3.png"]


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_an_unplugged_folder_loses_nothing_and_is_not_read_again_when_back(library, folder, fake, how):
    add(library, folder)
    before = export(library.path)
    folder.rename(folder.parent / "unplugged")
    if how == "empty":
        folder.mkdir()
    report = add(library, folder)
    assert (report.missing, missing_rows(library)) == (0, 0)
    pruned = library.prune()
    assert pruned.uris == ()
    assert len([uri for uri in pruned.offline if uri.endswith(".png")]) == 8
    assert [row for row in export(library.path) if row[0] != os.fsencode(folder)] == before
    if how == "empty":
        folder.rmdir()
    (folder.parent / "unplugged").rename(folder)
    report = add(library, folder)
    assert (report.found, report.unchanged, report.read, report.missing) == (8, 8, 0, 0)
    assert export(library.path) == before
    assert library.problems().values == []
    library.prune()
    assert export(library.path) == before


def test_files_named_one_by_one_survive_an_unplugged_disk_too(library, folder, fake):
    files = sorted(folder.rglob("*.png"))
    add(library, *files)
    before = export(library.path)
    folder.rename(folder.parent / "unplugged")
    report = add(library, *files)
    assert (report.found, report.failed, report.missing) == (8, 8, 0)
    assert library.prune().uris == ()
    assert export(library.path) == before
    (folder.parent / "unplugged").rename(folder)
    report = add(library, *files)
    assert (report.unchanged, report.read) == (8, 0)
    assert export(library.path) == before


def test_a_file_named_by_itself_that_is_gone_is_missing_and_can_be_pruned(library, folder, fake):
    files = sorted(folder.rglob("*.png"))
    add(library, *files)
    files[0].rename(folder / "aside")
    report = add(library, *files)
    assert (report.found, report.failed, report.unchanged, report.missing) == (8, 1, 7, 1)
    assert library.prune(dry_run=True).uris == (str(files[0]),)
    (folder / "aside").rename(files[0])
    report = add(library, *files)
    assert (report.unchanged, report.read, report.missing) == (8, 0, 0)
    files[0].unlink()
    assert library.prune().uris == (str(files[0]),)
    assert library.status().indexed == 7


def test_a_name_that_never_was_a_file_is_forgotten_by_prune(library, folder, tmp_path):
    report = add(library, folder, tmp_path / "typo")
    assert report.failed == 1
    assert library.prune().uris == (str(tmp_path / "typo"),)
    assert library.problems().values == []


def test_a_folder_in_place_of_a_picture_leaves_no_picture_behind(library, folder):
    add(library, folder)
    (folder / "b" / "1.png").unlink()
    write_picture(folder / "b" / "1.png" / "inside.png", 30)
    report = add(library, folder)
    assert (report.added, report.unchanged, report.missing) == (1, 7, 1)
    assert str(folder / "b" / "1.png") not in find(library, 1, 9)
    assert library.prune().uris == (str(folder / "b" / "1.png"),)
    assert library.status().indexed == 8


def test_prune_removes_rows_contents_and_vectors_and_never_a_file(library, folder):
    shutil.copyfile(folder / "b" / "1.png", folder / "copy of 1.png")
    add(library, folder)
    tokens = library.store.chunk_tokens(1)
    for name in ("b/1.png", "b/3.png", "bc/0.png"):
        (folder / name).unlink()
    files = sorted(folder.rglob("*"))
    gone = tuple(str(folder / name) for name in ("b/1.png", "b/3.png", "bc/0.png"))
    trial = library.prune(dry_run=True)
    assert (trial.uris, trial.offline, trial.removed) == (gone, (), False)
    assert library.status().indexed == 9
    assert size(library) == (8, 8)
    done = library.prune()
    assert (done.uris, done.removed) == (gone, True)
    assert done.rows().values == [(uri, "gone") for uri in gone]
    assert size(library) == (6, 6)  # the bytes of 1.png still have a name
    assert library.store.chunk_tokens(1) != tokens
    assert find(library, 1) == (str(folder / "copy of 1.png"),)
    assert len(library.vectors("fake")[0]) == 6
    assert sorted(folder.rglob("*")) == files
    assert library.prune().uris == ()


def test_prune_removes_what_described_earlier_bytes_of_a_file(library, folder):
    add(library, folder)
    write_picture(folder / "b" / "1.png", 40)
    add(library, folder)
    assert size(library) == (9, 9)
    before = export(library.path)
    assert library.prune().uris == ()
    assert size(library) == (8, 8)
    assert export(library.path) == before


def test_prune_of_an_unplugged_root_leaves_it_and_takes_the_other(library, tmp_path):
    for name in ("one", "two"):
        for n in range(3):
            write_picture(tmp_path / name / f"{n}.png", n)
    add(library, tmp_path / "one", tmp_path / "two")
    (tmp_path / "one" / "0.png").unlink()
    (tmp_path / "two").rename(tmp_path / "unplugged")
    report = library.prune()
    assert report.uris == (str(tmp_path / "one" / "0.png"),)
    assert report.offline == tuple(str(tmp_path / "two" / f"{n}.png") for n in range(3))
    assert library.status().indexed == 5


# ------------------------------------------------------------------------------------------ many copies


def test_a_library_whose_pixels_were_hashed_otherwise_still_tells_equal_ones(library, tmp_path):
    photos = tmp_path / "pairs"
    photos.mkdir()
    for n, pixels in enumerate([picture(1), np.full((60, 80, 3), 90, np.uint8)]):  # the second is too plain for a hash
        for suffix in (".png", ".bmp"):
            Image.fromarray(pixels).save(photos / f"{n}{suffix}")
    library.add(photos, descriptors=["pdq"])
    truth = sorted(
        [Path(member.uri).name for member in group.members] for group in library.duplicates(level="same-pixels").groups
    )
    assert [sorted(names) for names in truth] == [["0.bmp", "0.png"], ["1.bmp", "1.png"]]
    path = library.path
    library.close()
    db = sqlite3.connect(path / "library.db")
    db.execute("UPDATE contents SET pixel_hash = randomblob(32) WHERE id % 2")
    db.execute("PRAGMA user_version = 4")
    db.commit()
    db.close()
    with lookalike.open(path) as renewed:
        assert {content.pixel_hash for content in renewed.store.contents(range(9)).values()} == {None}
        for _ in range(2):  # worked out, then kept
            groups = renewed.duplicates(level="same-pixels").groups
            assert sorted([Path(member.uri).name for member in group.members] for group in groups) == truth
        assert None not in {content.pixel_hash for content in renewed.store.contents(range(9)).values()}


@pytest.mark.slow
def test_ten_thousand_copies_of_one_file_are_one_group_in_seconds(library, tmp_path, fake):
    photos = tmp_path / "photos"
    first = write_picture(photos / "00000.png", 1)
    for n in range(1, 10_000):
        path = photos / f"{n:05d}.png"
        if n % 100:
            os.link(first, path)
        else:
            shutil.copyfile(first, path)
    write_picture(photos / "other.png", 2)
    started = time.process_time()
    report = add(library, photos)
    assert time.process_time() - started < 20
    assert (report.added, report.embedded, fake.seen) == (10_001, 2, 2)
    tracemalloc.start()
    started = time.process_time()
    found = library.duplicates(level="same-file")
    assert time.process_time() - started < 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6
    (group,) = found.groups
    assert len(group.members) == 10_000
    assert sum(member.hardlink for member in group.members) == 9_900
    assert found.pictures == 10_001
    started = time.process_time()
    result = library.search(first, 20, descriptor="fake")
    assert time.process_time() - started < 5
    assert (result.distances[0] < 1e-6).all()
    assert str(first) not in result.uris[0]


def test_duplicates_look_only_where_told(library, folder):
    shutil.copyfile(folder / "b" / "1.png", folder / "bc" / "copy.png")
    shutil.copyfile(folder / "b" / "1.png", folder / "b" / "copy.png")
    add(library, folder)
    assert [len(group.members) for group in library.duplicates(level="same-file").groups] == [3]
    assert [len(group.members) for group in library.duplicates(folder / "b", level="same-file").groups] == [2]
    assert library.duplicates(folder / "bc", level="same-file").groups == ()
    both = [folder / "bc" / "copy.png", folder / "b", folder / "b" / "copy.png"]
    assert [len(group.members) for group in library.duplicates(both, level="same-file").groups] == [3]
    with pytest.raises(UsageError):
        library.duplicates(level="nonsense")


# ------------------------------------------------------------------------------------------ others at work


READER = """
    import sys, time
    import numpy as np
    import lookalike
    with lookalike.open(sys.argv[1], create=False) as library:
        print("ready", flush=True)
        answers, most = 0, 0
        query = np.random.default_rng(1).integers(0, 256, (60, 60, 3), np.uint8)
        complete = False
        while not complete:
            complete = library.status().indexed >= int(sys.argv[2])
            result = library.search(query, 5, descriptor="pdq")
            found = [uri for uri in result.uris[0] if uri]
            assert len(set(found)) == len(found) and (np.diff(result.distances[0][: len(found)]) >= 0).all()
            uris, vectors = library.vectors("pdq")
            assert len(uris) == len(vectors) >= most, (len(uris), most)
            most = len(uris)
            list(library.problems().values)
            library.duplicates(level="same-file")
            answers += 1
        print(answers)
"""


def test_readers_in_threads_and_processes_are_never_disturbed_by_indexing(tmp_path, monkeypatch):
    monkeypatch.setattr(indexing.writing, "COMMIT_FILES", 12)
    photos = tmp_path / "photos"
    for n in range(300):
        write_picture(photos / f"{n // 30}" / f"{n:03d}.png", n % 280)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(photos / "0", descriptors=["pdq"])
        command = [sys.executable, "-c", textwrap.dedent(READER), str(library.path), "300"]
        children = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        problems: list[object] = []
        answers: list[int] = []
        done = threading.Event()

        def read() -> None:
            try:
                while not done.is_set():
                    result = library.search(picture(7), 5, descriptor="pdq")
                    assert all(uri for uri in result.uris[0])
                    assert result.uris[0][0] == str(photos / "0" / "007.png")
                    answers.append(len(library.duplicates(level="same-file").groups))
                    library.status()
            except Exception as error:
                problems.append(error)

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        report = library.add(photos, descriptors=["pdq"], threads=2)
        done.set()
        for thread in threads:
            thread.join()
        assert problems == []
        assert (report.found, report.failed) == (300, 0)
        assert len(answers) >= 6
        for child in children:
            out, err = child.communicate(timeout=60)
            assert (child.returncode, err) == (0, "")
            assert int(out) >= 1


def test_a_second_writer_is_refused_at_once_while_readers_read_on(library, folder):
    add(library, folder)
    with lookalike.open(library.path) as other, library.store.writing():
        for write in (lambda: add(other, folder), other.prune):
            started = time.monotonic()
            with pytest.raises(LibraryLockedError, match=f"process {os.getpid()} is writing"):
                write()
            assert time.monotonic() - started < 8  # SQLite alone would wait for 10
        assert find(other, 1) == (str(folder / "b" / "1.png"),)
        assert other.duplicates(level="same-file").groups == ()


def test_a_library_that_was_removed_while_open_is_a_typed_error(library, folder):
    add(library, folder)
    shutil.rmtree(library.path)
    with pytest.raises(LibraryError):
        add(library, folder)
    assert not library.path.exists()
    folder.joinpath("file").write_text("in the way")
    with pytest.raises((LibraryFormatError, LibraryError)):
        lookalike.open(folder / "file")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_url_that_cannot_be_fetched_for_a_while_costs_no_vector(tmp_path, fake):
    """The row fails, is not found, and comes back without being described again; prune leaves it alone."""
    write_picture(tmp_path / "web" / "a.png", 1)
    write_picture(tmp_path / "web" / "b.png", 2)
    handler = functools.partial(_Quiet, directory=str(tmp_path / "web"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        urls = [f"{base}/a.png", f"{base}/never.png"]
        with lookalike.open(tmp_path / "u.lookalike") as library:
            first = library.add(urls, descriptors=["fake"], allow_private_urls=True)
            assert (first.added, first.failed) == (1, 1)
            (tmp_path / "web" / "a.png").rename(tmp_path / "web" / "away.png")
            down = library.add(urls[0], descriptors=["fake"], allow_private_urls=True)
            assert (down.failed, library.status().indexed) == (1, 0)
            assert library.prune().uris == (urls[1],)
            (tmp_path / "web" / "away.png").rename(tmp_path / "web" / "a.png")
            back = library.add(urls[0], descriptors=["fake"], allow_private_urls=True)
            assert (back.embedded, library.status().indexed) == (0, 1)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_searching_a_library_that_was_never_filled_gives_an_empty_answer(tmp_path):
    with lookalike.open(tmp_path / "new.lookalike") as library:
        result = library.search(np.zeros((20, 20, 3), np.uint8), k=3)
    assert result.keys.tolist() == [[-1, -1, -1]]
    assert np.isinf(result.distances).all()
