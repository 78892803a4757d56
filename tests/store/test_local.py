"""The cache of local features: what is put comes back, and nothing that happens to its file is worse than a miss."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike.store import Kept, LocalCache, as_kept
from lookalike.types import LocalFeatures


def kept(seed: int, points: int = 5, height: int = 9, width: int = 14) -> Kept:
    """Return what might be kept of a picture, as it comes back."""
    draw = np.random.default_rng(seed)
    features = LocalFeatures(
        draw.normal(100, 80, (points, 4)).astype(np.float32),
        draw.integers(0, 256, (points, 128), np.uint8),
        width,
        height,
    )
    return as_kept(features, draw.integers(0, 256, (height, width, 3), np.uint8))


def digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def same(a: Kept, b: Kept) -> bool:
    """Say whether two are equal to the bit; the pictures once more through JPEG, as `b` was put."""
    sizes = (a[0].width, a[0].height) == (b[0].width, b[0].height)
    return (
        sizes
        and a[0].points.tobytes() == b[0].points.tobytes()
        and a[0].rows.tobytes() == b[0].rows.tobytes()
        and np.array_equal(a[1], as_kept(*b)[1])
    )


def check(cache: LocalCache, truth: dict[bytes, Kept]) -> int:
    """Check that all that comes back is true; return how much does."""
    found = cache.get_many(truth)
    assert all(same(value, truth[key]) for key, value in found.items())
    return len(found)


TRUTH = {digest(n): kept(n) for n in range(12)}


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[LocalCache]:
    cache = LocalCache(tmp_path, "abc")
    yield cache
    cache.close()


@pytest.mark.parametrize(("points", "height", "width"), [(400, 240, 320), (0, 1, 1), (1, 320, 2)])
def test_features_come_back_to_the_bit_and_pictures_as_jpeg_leaves_them(cache, points, height, width):
    one = kept(3, points, height, width)
    assert cache.put_many({digest(1): one})
    found = cache.get_many([digest(1), digest(2)])
    assert list(found) == [digest(1)]
    assert same(found[digest(1)], one)
    features, picture = found[digest(1)]
    assert features.points.shape == (points, 4)
    assert features.rows.shape == (points, 128)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8
    assert features.points.flags.writeable
    assert features.rows.flags.writeable


def test_a_smooth_picture_is_nearly_what_it_was():
    ramp = np.add.outer(np.arange(120), np.arange(160))[:, :, None] // np.array([2, 3, 4])
    picture = ramp.astype(np.uint8)
    _, back = as_kept(kept(1)[0], picture)
    assert np.abs(back.astype(int) - picture).max() <= 4


def test_another_process_finds_what_one_has_put(cache, tmp_path):
    cache.put_many(TRUTH)
    other = LocalCache(tmp_path, "abc")
    assert check(other, TRUTH) == 12
    assert len(other) == 12
    assert other.keys() == set(TRUTH)
    other.close()
    assert check(cache, TRUTH) == 12


def test_missing_tells_what_is_not_kept_once_and_in_order(cache):
    assert cache.missing([digest(5), digest(4), digest(5)]) == [digest(5), digest(4)]
    cache.put_many({digest(4): kept(4)})
    assert cache.missing([digest(5), digest(4), digest(3)]) == [digest(5), digest(3)]
    assert cache.missing([]) == []


def test_many_are_asked_for_in_several_queries(cache, monkeypatch):
    monkeypatch.setattr("lookalike.store.cachefile._BATCH", 5)
    cache.put_many(TRUTH)
    assert check(cache, TRUTH) == 12
    assert cache.missing([*TRUTH, digest(99)]) == [digest(99)]


def test_what_is_put_again_takes_the_place_of_the_first(cache):
    cache.put_many({digest(1): kept(1)})
    cache.put_many({digest(1): kept(2)})
    assert len(cache) == 1
    assert same(cache.get_many([digest(1)])[digest(1)], kept(2))


def test_what_is_forgotten_is_gone_and_gives_its_room_back(cache):
    cache.put_many({digest(n): kept(n, 400, 240, 320) for n in range(8)})
    cache.close()
    again = LocalCache(cache.path.parents[1], "abc")
    before = again.size
    assert again.forget([digest(n) for n in range(6)] + [digest(77)]) == 6
    again.close()
    assert again.size < before / 2
    assert LocalCache(cache.path.parents[1], "abc").keys() == {digest(6), digest(7)}


def test_another_fingerprint_has_another_file_and_the_old_one_goes(cache, tmp_path):
    cache.put_many(TRUTH)
    cache.close()
    (tmp_path / "cache" / "note.txt").write_text("not ours")
    newer = LocalCache(tmp_path, "def")
    assert newer.missing(TRUTH) == list(TRUTH)
    assert cache.path.exists()
    newer.put_many({digest(1): kept(1)})
    assert not cache.path.exists()
    assert (tmp_path / "cache" / "note.txt").exists()
    newer.close()


# ------------------------------------------------------------------------------------------------ damage


def mended(folder: Path) -> tuple[int, int]:
    """Open the file, check it, put what is missing; return how much was found first and how much after."""
    cache = LocalCache(folder, "abc")
    first = check(cache, TRUTH)
    assert cache.put_many({key: TRUTH[key] for key in cache.missing(TRUTH)})
    again = check(cache, TRUTH)
    cache.close()
    return first, again


def test_every_flipped_byte_is_noticed_and_the_row_or_the_file_made_again(cache, tmp_path):
    cache.put_many(TRUTH)
    cache.close()
    whole = cache.path.read_bytes()
    draw = random.Random(4)
    places = [*range(100), *range(8192 * 2, 8192 * 2 + 60), *(draw.randrange(len(whole)) for _ in range(340))]
    lost = 0
    for number, place in enumerate(places):
        cache.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << number % 8]) + whole[place + 1 :])
        first, after = mended(tmp_path)
        assert after == 12, f"byte {place}"
        lost += first < 12
    assert lost > 100


def test_every_truncation_is_noticed_and_the_file_made_again(cache, tmp_path):
    cache.put_many(TRUTH)
    cache.close()
    whole = cache.path.read_bytes()
    draw = random.Random(5)
    for length in [0, 1, 99, 100, 8192, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(40))]:
        cache.path.write_bytes(whole[:length])
        assert mended(tmp_path)[1] == 12, length


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 1000)


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE rows (key, checksum, body)")
    db.close()


def _text(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE rows SET body = CAST(x'ff' AS TEXT), checksum = 'x'")
    db.close()


@pytest.mark.parametrize("harm", [_garbage, _foreign, _text])
def test_a_file_that_is_something_else_is_begun_anew(cache, tmp_path, harm: Callable[[Path], None]):
    cache.put_many(TRUTH)
    cache.close()
    if harm is _foreign:
        cache.path.unlink()
    harm(cache.path)
    assert mended(tmp_path) == (0, 12)


def test_a_damaged_row_is_missing_from_then_on(cache, tmp_path):
    cache.put_many(TRUTH)
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE rows SET body = (SELECT body FROM rows WHERE key = ?) WHERE key = ?",
                   (digest(1), digest(2)))  # fmt: skip
    db.close()
    assert cache.missing([digest(2)]) == []
    assert check(cache, TRUTH) == 11
    assert cache.missing(TRUTH) == [digest(2)]


def test_a_file_that_was_removed_while_open_is_begun_anew(cache):
    cache.put_many(TRUTH)
    shutil.rmtree(cache.path.parent)
    assert cache.get_many(TRUTH) == {}
    assert cache.put_many(TRUTH)
    assert check(cache, TRUTH) == 12


# ------------------------------------------------------------------------------------------------ no way to write


@pytest.mark.parametrize("how", ["read-only", "a file for a folder", "a folder for the file", "closed"])
def test_where_nothing_can_be_kept_nothing_is_found_and_nothing_raised(tmp_path, how):
    if how == "a file for a folder":
        (tmp_path / "cache").write_text("")
    if how == "a folder for the file":
        (tmp_path / "cache" / "abc.local").mkdir(parents=True)
    cache = LocalCache(tmp_path, "abc", writable=how != "read-only")
    if how == "closed":
        cache.close()
    assert cache.put_many(TRUTH) is False
    assert cache.put_many({}) is True
    assert cache.get_many(TRUTH) == {}
    assert cache.missing(TRUTH) == list(TRUTH)
    assert cache.forget(TRUTH) == 0
    assert len(cache) == 0
    assert list(tmp_path.rglob("*.local-*")) == []
    if how == "read-only":
        assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_holds_nothing(tmp_path):
    tmp_path.chmod(0o555)
    assert LocalCache(tmp_path, "abc").put_many(TRUTH) is False
    tmp_path.chmod(0o755)


def test_a_full_disk_keeps_what_was_there(cache):
    cache.put_many(TRUTH)
    pages = cache._run(lambda db: db.execute("PRAGMA page_count").fetchone()[0], 0)
    cache._run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall(), [])
    assert cache.put_many({digest(n): kept(n, 400) for n in range(100, 110)}) is False
    assert check(cache, TRUTH) == 12
    assert len(cache) == 12


# ------------------------------------------------------------------------------------------------ together


def test_threads_and_processes_write_and_read_at_once(cache, tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.store.test_local import LocalCache, TRUTH, check, digest, kept\n"
        "cache = LocalCache(Path(sys.argv[1]), 'abc'); start = int(sys.argv[2])\n"
        "for n in range(start, start + 30):\n"
        "    assert cache.put_many({digest(n): kept(n)}); check(cache, TRUTH)\n"
        "cache.close()"
    )
    root = Path(__file__).resolve().parents[2]
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(start)], cwd=root)
        for start in (1000, 2000, 3000)
    ]
    problems: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for n in range(start, start + 20):
                assert cache.put_many({digest(n): kept(n), digest(n % 12): kept(n % 12)})
                check(cache, TRUTH)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (4000, 5000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert not problems
    everything = {digest(n): kept(n) for at in (1000, 2000, 3000) for n in range(at, at + 30)}
    everything |= {digest(n): kept(n) for at in (4000, 5000) for n in range(at, at + 20)}
    assert check(cache, everything) == 130
