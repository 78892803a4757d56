"""From a folder into the library: what is read, decoded and described, and what is not done again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike import indexing
from lookalike.errors import LibraryError, UsageError
from lookalike.indexing import describing, writing
from lookalike.results import IndexReport
from lookalike.types import DescriptorSpec
from tests.conftest import Fake, export, fresh_export, picture, write_picture

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs inodes, links, FIFOs and names of POSIX")
OUTCOMES = ("added", "changed", "unchanged", "failed", "skipped")


class Work:
    """Counts the files that are read and the contents that are decoded."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.decoded = 0

    def clear(self) -> None:
        self.read, self.decoded = [], 0


@pytest.fixture
def work(monkeypatch) -> Work:
    work = Work()
    lock = threading.Lock()
    read = describing._read

    def counted_read(job, parcel, at):
        data = read(job, parcel, at)
        if data is not None:
            with lock:
                work.read.append(Path(parcel.items[at].uri).name)
        return data

    def counted_looks(job, wanted):
        with lock:
            work.decoded += len(wanted)
        return looked_at(job, wanted)

    looked_at = describing._looked_at
    monkeypatch.setattr(describing, "_read", counted_read)
    monkeypatch.setattr(describing, "_looked_at", counted_looks)
    return work


@pytest.fixture
def library(tmp_path: Path):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        yield library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of twelve pictures in two folders."""
    for n in range(12):
        write_picture(tmp_path / "photos" / ("old" if n % 2 else "new") / f"{n:02d}.png", n)
    return tmp_path / "photos"


def add(library, *paths, **options) -> IndexReport:
    report = library.add(list(paths), descriptors=options.pop("descriptors", ["fake"]), **options)
    assert report.found == sum(getattr(report, name) for name in OUTCOMES)
    return report  # type: ignore[no-any-return]


def counts(report: IndexReport) -> tuple[int, ...]:
    return tuple(getattr(report, name) for name in OUTCOMES)


def test_a_second_run_reads_nothing_and_changes_nothing(library, folder, fake, work):
    first = add(library, folder)
    assert counts(first) == (12, 0, 0, 0, 0)
    assert (first.read, first.embedded, first.missing, first.interrupted) == (12, 12, 0, False)
    before = export(library.path)
    work.clear()
    second = add(library, folder)
    assert counts(second) == (0, 0, 12, 0, 0)
    assert (second.read, second.embedded) == (0, 0)
    assert work.read == []
    assert fake.seen == 12
    assert export(library.path) == before


def test_a_file_with_other_bytes_is_changed_and_the_others_are_left_alone(library, folder, fake, work):
    add(library, folder)
    work.clear()
    write_picture(folder / "old" / "03.png", 103)
    report = add(library, folder)
    assert counts(report) == (0, 1, 11, 0, 0)
    assert work.read == ["03.png"]
    assert report.embedded == 1


def test_a_file_that_was_only_touched_is_read_but_not_decoded_and_counts_as_unchanged(library, folder, fake, work):
    add(library, folder)
    work.clear()
    path = folder / "old" / "03.png"
    os.utime(path, ns=(1, 1))
    report = add(library, folder)
    assert work.read == ["03.png"]
    assert (report.unchanged, report.read, report.embedded, work.decoded) == (12, 1, 0, 0)
    assert add(library, folder).read == 0


def test_a_file_of_the_same_size_and_another_time_may_hold_another_picture(library, folder, fake, work):
    path = folder / "old" / "03.png"
    path.write_bytes(path.read_bytes() + b"\0")
    add(library, folder)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    os.utime(path, ns=(1, 1))
    report = add(library, folder)
    assert (report.changed, report.unchanged, report.embedded) == (1, 11, 1)


@posix_only
def test_a_file_replaced_by_another_of_equal_size_and_time_is_noticed(library, folder, fake, work):
    path, other = folder / "a.png", folder / "b.png"
    write_picture(path, 50)
    write_picture(other, 51)
    size = max(path.stat().st_size, other.stat().st_size) + 9
    for file in (path, other):
        file.write_bytes(file.read_bytes().ljust(size, b"\0"))
        os.utime(file, ns=(10**18, 10**18))
    add(library, folder)
    work.clear()
    other.replace(path)
    report = add(library, folder)
    assert work.read == ["a.png"]
    assert (report.changed, report.embedded, report.missing) == (1, 0, 1)
    hashes = {row[0]: row[3] for row in export(library.path)}
    with lookalike.open(library.path.parent / "fresh.lookalike") as fresh:
        add(fresh, folder)
        assert {row[0]: row[3] for row in export(fresh.path)} == hashes


def test_times_that_no_64_bits_of_nanoseconds_hold_are_no_obstacle(library, folder, fake, work):
    path = folder / "new" / "00.png"
    os.utime(path, ns=(0, 15 * 10**18))
    if path.stat().st_mtime_ns < 1 << 63:
        pytest.skip("this file system ends before the year 2262")
    assert counts(add(library, folder)) == (12, 0, 0, 0, 0)
    assert counts(add(library, folder)) == (0, 0, 12, 0, 0)
    os.utime(path, ns=(0, 15 * 10**18 + 10**9))
    assert add(library, folder).read == 1


def test_moved_files_keep_their_vectors(library, folder, fake, work):
    add(library, folder)
    before = [row[1:] for row in export(library.path)]
    work.clear()
    (folder / "old").rename(folder / "moved")
    report = add(library, folder)
    assert (report.added, report.unchanged, report.missing, report.embedded) == (6, 6, 6, 0)
    assert work.decoded == 0
    assert sorted(map(repr, [row[1:] for row in export(library.path)])) == sorted(map(repr, before))


@pytest.mark.parametrize("threads", [1, 4])
def test_twins_are_two_rows_and_one_vector_and_are_decoded_once(library, tmp_path, fake, work, threads):
    photos = tmp_path / "photos"
    for n in range(90):  # several parcels, with copies within each and across
        write_picture(photos / f"{n:02d}.png", n % 5)
    report = add(library, photos, threads=threads)
    assert counts(report) == (90, 0, 0, 0, 0)
    assert (report.read, report.embedded, work.decoded, fake.seen) == (90, 5, 5, 5)
    rows = export(library.path)
    assert len({row[3] for row in rows}) == 5
    assert all(set(row[6]) == {fake.spec.fingerprint} for row in rows)
    assert library.status().contents == 5


def test_parcels_that_hold_copies_of_one_another_wait_in_no_circle(library, tmp_path, fake, monkeypatch):
    photos = tmp_path / "photos"
    half = indexing.PARCEL // 2
    for n in range(2 * indexing.PARCEL):  # the second parcel holds the halves of the first one the other way round
        place = n % indexing.PARCEL
        write_picture(photos / f"{n:02d}.png", place if n < indexing.PARCEL else (place + half) % indexing.PARCEL)
    together = threading.Barrier(2)
    read = describing._read

    def in_step(job, parcel, at):
        together.wait(30)
        return read(job, parcel, at)

    monkeypatch.setattr(describing, "_read", in_step)
    report = add(library, photos, threads=2)
    assert (report.added, report.embedded, fake.seen) == (32, 16, 16)
    assert library.status().contents == 16


@pytest.mark.parametrize("threads", [1, 4])
def test_twins_of_a_broken_file_are_decoded_once(library, tmp_path, fake, work, threads):
    photos = tmp_path / "photos"
    photos.mkdir()
    broken = write_picture(tmp_path / "a.png", 1).read_bytes()[:300]
    for n in range(60):
        (photos / f"{n}.png").write_bytes(broken)
    report = add(library, photos, threads=threads)
    assert counts(report) == (0, 0, 0, 60, 0)
    assert work.decoded == 1
    assert {row[2] for row in export(library.path)} == {"truncated"}


def test_what_failed_is_remembered_and_tried_again_only_if_asked(library, tmp_path, fake, work):
    photos = tmp_path / "photos"
    whole = write_picture(photos / "good.png", 1).read_bytes()
    (photos / "cut.png").write_bytes(whole[:200])
    (photos / "notes.txt").write_text("only words")
    assert counts(add(library, photos)) == (1, 0, 0, 1, 1)
    work.clear()
    assert counts(add(library, photos)) == (0, 0, 1, 1, 1)
    assert (work.read, work.decoded) == ([], 0)
    shutil.copyfile(photos / "cut.png", photos / "cut again.png")  # known by its bytes under another name
    assert counts(add(library, photos)) == (0, 0, 1, 2, 1)
    assert (work.read, work.decoded) == (["cut again.png"], 0)
    work.clear()
    assert counts(add(library, photos, retry=True)) == (0, 0, 1, 2, 1)
    assert (sorted(work.read), work.decoded) == (["cut again.png", "cut.png", "notes.txt"], 2)
    assert [row[:2] for row in library.problems().values] == [
        (str(photos / "cut again.png"), "truncated"),
        (str(photos / "cut.png"), "truncated"),
        (str(photos / "notes.txt"), "not an image"),
    ]


def test_retry_takes_in_what_can_be_decoded_by_now(library, tmp_path, fake, monkeypatch):
    photos = tmp_path / "photos"
    write_picture(photos / "a.png", 1)
    shutil.copyfile(photos / "a.png", photos / "b.png")

    def refuse(*_, **__):
        raise lookalike.LookalikeError.__subclasses__()[1]("not in this version")

    with monkeypatch.context() as patch:
        patch.setattr(describing, "decode_at", refuse)
        assert counts(add(library, photos, isolated=False)) == (0, 0, 0, 2, 0)
    assert counts(add(library, photos)) == (0, 0, 0, 2, 0)
    report = add(library, photos, retry=True)
    assert counts(report) == (0, 2, 0, 0, 0)
    assert (report.embedded, fake.seen) == (1, 1)
    assert library.problems().values == []
    assert counts(add(library, photos)) == (0, 0, 2, 0, 0)


def test_too_large_is_tried_again_each_time_since_the_limit_may_have_risen(library, tmp_path, fake, work):
    photos = tmp_path / "photos"
    write_picture(photos / "a.png", 1, 24, 32)
    write_picture(photos / "b.png", 2, 60, 80)
    assert counts(add(library, photos, max_pixels=1000)) == (1, 0, 0, 1, 0)
    assert library.problems().values[0][1] == "too large"
    assert counts(add(library, photos, max_pixels=1000)) == (0, 0, 1, 1, 0)
    assert counts(add(library, photos, max_pixels=10_000)) == (0, 1, 1, 0, 0)
    assert library.problems().values == []


def test_unreadable_is_tried_again_each_time(library, tmp_path, fake, monkeypatch):
    photos = tmp_path / "photos"
    write_picture(photos / "a.png", 1)
    read = describing._read

    def deny(job, parcel, at):
        item = parcel.items[at]
        parcel.items[at] = type(item)(item.uri, item.size, error="permission denied")
        return read(job, parcel, at)

    with monkeypatch.context() as patch:
        patch.setattr(describing, "_read", deny)
        assert counts(add(library, photos)) == (0, 0, 0, 1, 0)
    assert list(library.problems().values) == [(str(photos / "a.png"), "unreadable", "permission denied")]
    assert counts(add(library, photos)) == (0, 1, 0, 0, 0)
    assert counts(add(library, photos)) == (0, 0, 1, 0, 0)


def test_a_file_without_bytes_is_truncated_and_can_be_filled_later(library, tmp_path, fake):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").touch()
    assert counts(add(library, photos)) == (0, 0, 0, 1, 0)
    assert library.problems().values[0][1] == "truncated"
    write_picture(photos / "a.png", 1)
    assert counts(add(library, photos)) == (0, 1, 0, 0, 0)


def test_a_descriptor_added_later_describes_only_what_lacks_it(library, folder, fake, register, work):
    add(library, folder)
    second = register(Fake("second"))
    write_picture(folder / "late.png", 77)
    work.clear()
    report = add(library, folder, descriptors=["fake", "second"])
    assert counts(report) == (1, 0, 12, 0, 0)
    assert (fake.seen, second.seen, report.embedded) == (13, 13, 13)
    assert work.decoded == 13
    assert all(len(row[6]) == 2 for row in export(library.path))
    work.clear()
    assert counts(add(library, folder, descriptors=["second"])) == (0, 0, 13, 0, 0)
    assert work.read == []
    assert dict(library.status().descriptors) == {"fake": 13, "second": 13}


def test_a_descriptor_that_has_changed_describes_all_again(library, folder, fake, register):
    add(library, folder)
    changed = register(Fake(preprocess="another way"))
    assert counts(add(library, folder)) == (0, 0, 12, 0, 0)
    assert changed.seen == 12
    assert all(len(row[6]) == 2 for row in export(library.path))


@pytest.mark.parametrize("threads", [1, 3])
def test_runs_with_any_number_of_threads_make_the_same_library(tmp_path, fake, threads):
    photos = tmp_path / "photos"
    for n in range(150):
        write_picture(photos / f"{n}.png", n % 60)
        if n % 10 == 0:
            (photos / f"{n}.txt").write_text(f"words {n % 3}")
    exports = []
    for name, number in (("one", 1), ("more", threads)):
        with lookalike.open(tmp_path / f"{name}.lookalike") as library:
            add(library, photos, threads=number)
            exports.append(export(library.path))
    assert exports[0] == exports[1]


def test_progress_tells_growing_counts_and_the_total(library, folder, fake):
    told: list[IndexReport] = []
    report = add(library, folder, progress=told.append)
    assert [one.found for one in told] == sorted(one.found for one in told)
    assert told[-1].found == report.found == 12
    assert {one.total for one in told} <= {None, 12}


def test_nothing_is_written_for_an_unknown_descriptor(library, folder):
    with pytest.raises(UsageError, match="no descriptor 'nonsense'"):
        library.add(folder, descriptors=["nonsense"])
    with pytest.raises(UsageError, match="at least one descriptor"):
        library.add(folder, descriptors=[])
    assert export(library.path) == []
    assert library.status().roots == ()


def test_the_library_itself_is_never_indexed(tmp_path, fake):
    write_picture(tmp_path / "a.png", 1)
    with lookalike.open(tmp_path / "no suffix") as library:
        add(library, tmp_path)
        library.search(picture(1), descriptor="fake")  # makes a cache
        report = add(library, tmp_path, hidden=True)
        assert counts(report) == (0, 0, 1, 0, 0)
        assert [Path(os.fsdecode(row[0])).name for row in export(library.path)] == ["a.png"]


@posix_only
def test_hostile_trees_end_soon_with_every_good_file_indexed(library, tmp_path, fake):
    photos = tmp_path / "photos"
    good = write_picture(photos / "good.png", 1)
    (photos / "folder.jpg").mkdir()
    write_picture(photos / "folder.jpg" / "inside.png", 2)
    (photos / "link.png").symlink_to(good)
    (photos / "dangling.png").symlink_to("nowhere")
    (photos / "loop.png").symlink_to("loop.png")
    (photos / "up").symlink_to(photos)
    os.link(good, photos / "hard.png")
    (photos / "empty.png").touch()
    os.mkfifo(photos / "fifo.png")
    write_picture(photos / os.fsdecode(b"caf\xe9 \xff.png"), 3)
    write_picture(photos / "new\nline 100%_'\".png", 4)
    started = time.monotonic()
    report = add(library, photos)
    assert time.monotonic() - started < 120  # nothing waits for what a FIFO never says
    assert (report.added, report.failed) == (5, 1)
    assert report.found == len(export(library.path)) == 11
    report = add(library, photos)
    assert (report.unchanged, report.read) == (5, 1)  # a file without bytes is looked at again
    report = add(library, photos, follow_links=True)
    assert report.unchanged == 5
    assert {row[0] for row in export(library.path) if row[1] == "ok"} == {
        os.fsencode(photos / name)
        for name in ("good.png", "hard.png", "folder.jpg/inside.png", os.fsdecode(b"caf\xe9 \xff.png"),
                     "new\nline 100%_'\".png")
    }  # fmt: skip


class Flat:
    """Describes every picture by the same numbers."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.spec = DescriptorSpec("flat", 8, "cosine", f"{value}", "these tests", min_side=8)

    def embed(self, images):
        return np.full((len(images), 8), self.value, np.float32)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -np.inf])
def test_vectors_that_are_zero_or_not_finite_are_a_reason_and_not_stored(library, folder, register, value):
    register(Flat(value))
    report = add(library, folder, descriptors=["flat"])
    assert counts(report) == (0, 0, 0, 12, 0)
    assert {row[6] == {} for row in export(library.path)} == {True}
    assert {row[1:] for row in library.problems().values} == {("corrupt", "its vector is zero or not finite")}


def test_plain_and_tiny_pictures_have_finite_vectors_of_unit_length(library, tmp_path):
    from PIL import Image

    photos = tmp_path / "photos"
    photos.mkdir()
    for name, size, colour in [("black", (40, 30), 0), ("white", (40, 30), 255), ("grey", (300, 300), 128),
                               ("dot", (1, 1), 77), ("black dot", (1, 1), 0), ("line", (1, 500), 9)]:  # fmt: skip
        Image.new("L", size, colour).save(photos / f"{name}.png")
    report = library.add(photos)
    assert counts(report) == (6, 0, 0, 0, 0)
    uris, vectors = library.vectors("lite0")
    assert len(uris) == 6
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)
    assert library.vectors("pdq")[1].shape == (6, 32)


def test_a_stop_keeps_what_is_done_and_the_next_run_goes_on(library, tmp_path, fake, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_FILES", 20)
    photos = tmp_path / "photos"
    for n in range(200):
        write_picture(photos / f"{n:03d}.png", n)

    stops: list[IndexReport] = []

    def stop(report: IndexReport) -> None:
        if report.found >= 60 and not stops:
            stops.append(report)
            raise KeyboardInterrupt

    first = add(library, photos, progress=stop, threads=2)
    assert first.interrupted
    done = len(export(library.path))
    assert 60 <= done < 200
    second = add(library, photos)
    assert not second.interrupted
    assert (second.added, second.unchanged, second.found) == (200 - done, done, 200)
    assert fake.seen == 200
    assert second.missing == 0


def test_an_error_in_a_thread_ends_the_run_and_keeps_what_was_committed(library, tmp_path, fake, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_FILES", 20)
    photos = tmp_path / "photos"
    for n in range(200):
        write_picture(photos / f"{n:03d}.png", n % 70)
    embed = Fake.embed

    def fail(self, images):
        if self.seen > 40:
            raise RuntimeError("the model broke")
        return embed(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(Fake, "embed", fail)
        with pytest.raises(RuntimeError, match="the model broke"):
            add(library, photos, threads=4)
    report = add(library, photos, threads=4)
    assert (report.found, report.failed) == (200, 0)
    assert len(export(library.path)) == 200


FULL = "database or disk is full"


def failure(library, photos) -> str | None:
    """Return what indexing fails with, or None if it does not."""
    try:
        add(library, photos)
    except LibraryError as error:
        return str(error)
    return None


@pytest.mark.parametrize("point", range(1, 9))
def test_a_write_that_fails_is_explained_and_a_later_run_ends_as_if_it_had_not(
    tmp_path, fake, monkeypatch, point, folder
):
    monkeypatch.setattr(writing, "COMMIT_FILES", 4)
    monkeypatch.setattr(indexing, "PARCEL", 3)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        add(library, folder / "old")
        before = export(library.path)
        write_picture(folder / "old" / "01.png", 99)
        (folder / "old" / "05.png").unlink()
        real, calls = type(library.store._db).transaction, Counter[str]()

        def transaction(self):
            calls["all"] += 1
            if calls["all"] >= point:
                raise LibraryError(f"cannot write: {FULL}") from sqlite3.OperationalError(FULL)
            return real(self)

        with monkeypatch.context() as patch:
            patch.setattr(type(library.store._db), "transaction", transaction)
            if (error := failure(library, folder)) is not None:
                assert FULL in error
            assert (error is not None) == (calls["all"] >= point)
        held = {row[0]: row for row in export(library.path)}
        assert {row[0] for row in before} - {os.fsencode(folder / "old" / "05.png")} <= set(held)
        assert library.search(picture(1), k=3, descriptor="fake").keys.shape == (1, 3)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        add(library, folder)
        assert export(library.path) == fresh_export(library, folder)


def test_a_full_disk_says_what_is_needed_and_the_old_library_still_searches(library, tmp_path, fake, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_FILES", 10)
    photos = tmp_path / "photos"
    for n in range(150):
        write_picture(photos / f"{n // 10}" / f"{n:03d}.png", n)
    add(library, photos / "0")
    connection = library.store._db._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    full = 0
    for more in (0, 1, 2, 3, 5, 7, 9):
        connection.execute(f"PRAGMA max_page_count = {pages + more}")
        if (error := failure(library, photos)) is not None:
            full += 1
            assert FULL in error
            assert "free some space and run the command again" in error
            assert str(library.path) in error
        assert library.search(picture(3), k=4, descriptor="fake").uris[0][0] == str(photos / "0" / "003.png")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert full >= 3
    connection.execute("PRAGMA max_page_count = 1000000")
    add(library, photos)
    assert export(library.path) == fresh_export(library, photos)


@pytest.mark.parametrize(
    ("descriptors", "side", "largest"),
    [(["pdq"], 24, 64), (["pdq"], 200, 16), (["fake"], 24, 16), (["fake", "pdq"], 24, 16)],
)
def test_only_small_files_of_which_a_hash_is_asked_for_go_in_large_parcels(
    tmp_path, fake, monkeypatch, descriptors, side, largest
):
    for n in range(100):
        write_picture(tmp_path / "photos" / f"{n:02d}.png", n, side, side)
    parcels: list[int] = []
    real = describing.work

    def work(job, parcel):
        parcels.append(len(parcel))
        return real(job, parcel)

    monkeypatch.setattr(indexing, "work", work)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        assert library.add(tmp_path / "photos", descriptors=descriptors).added == 100
    assert max(parcels) == largest
    assert sum(parcels) == 100
