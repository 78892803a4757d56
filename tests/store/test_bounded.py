"""The cache that does not outgrow its size."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lookalike.store import BoundedCache, CacheFile

MOST = 400_000
FILL = """
import sys
from pathlib import Path
from lookalike.store import BoundedCache
cache = BoundedCache(Path(sys.argv[1]), "f", "small", int(sys.argv[2]))
for number in range(150):
    assert cache.write({f"{sys.argv[3]} {number}".encode(): bytes([number]) * 8000})
    cache.read([b"wanted"])
cache.close()
"""


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "a.lookalike").mkdir()
    opened = BoundedCache(tmp_path / "a.lookalike", "f", "small", MOST)
    yield opened
    opened.close()


def body(number: int) -> bytes:
    return bytes([number % 256]) * 8000


def fill(cache, numbers) -> None:
    for number in numbers:
        assert cache.write({b"%d" % number: body(number)})


def test_it_stays_within_its_size_and_gives_room_back(cache):
    for start in range(0, 400, 50):
        fill(cache, range(start, start + 50))
        cache.trim()
        assert cache.path.stat().st_size <= MOST + 50_000
    assert len(cache) > 30
    last = cache.read([b"399"])
    assert last == {b"399": body(399)}


def test_what_was_not_used_for_longest_goes_first(cache):
    fill(cache, range(40))
    assert set(cache.read([b"3", b"5"])) == {b"3", b"5"}
    fill(cache, range(40, 60))
    assert cache.trim() + len(cache) <= 60
    kept = cache.keys()
    assert {b"3", b"5", b"59"} <= kept
    assert not {b"0", b"1", b"2", b"4"} & kept


def test_uses_by_another_that_has_it_open_count(cache):
    fill(cache, range(40))
    other = BoundedCache(cache.path.parents[1], "f", "small", MOST)
    assert other.read([b"1"])
    other.close()  # writes down what it used
    fill(cache, range(40, 60))
    cache.trim()
    assert b"1" in set(cache.keys())
    assert b"2" not in set(cache.keys())


def test_what_was_kept_before_uses_were_counted_is_the_oldest(tmp_path):
    folder = tmp_path / "a.lookalike"
    folder.mkdir()
    plain = CacheFile(folder, "f", "small")
    for number in range(60):
        plain.write({b"old %d" % number: body(number)})
    plain.close()
    cache = BoundedCache(folder, "f", "small", MOST)
    fill(cache, range(1))  # the first writing looks at the size
    assert cache.path.stat().st_size <= MOST
    assert b"0" in set(cache.keys())
    cache.close()


def test_several_processes_fill_it_and_lose_nothing_that_is_used(cache):
    cache.write({b"wanted": b"still here"})
    command = [sys.executable, "-c", FILL, str(cache.path.parents[1]), str(MOST)]
    workers = [subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in "ab"]
    for worker in workers:
        assert worker.communicate(timeout=60)[1] == b""
        assert worker.returncode == 0
    assert cache.read([b"wanted"]) == {b"wanted": b"still here"}
    cache.trim()
    assert cache.path.stat().st_size <= MOST
    left = cache.keys() - {b"wanted"}
    assert len(left) > 20
    assert all(value == bytes([int(key.split()[1])]) * 8000 for key, value in cache.read(left).items())


def test_of_no_size_it_keeps_nothing(tmp_path):
    (tmp_path / "a.lookalike").mkdir()
    cache = BoundedCache(tmp_path / "a.lookalike", "f", "small", 0)
    assert not cache.write({b"1": b"one"})
    assert cache.read([b"1"]) == {}
    assert not cache.path.exists()
