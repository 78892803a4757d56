"""The approximate index of a library: same answers, kept up to date, never trusted after a backup was put back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.approximation import load_approximate
from lookalike.descriptors import get_descriptor
from lookalike.index import ApproximateIndex, ExactIndex
from lookalike.library import Library
from lookalike.store import Content, Record
from lookalike.types import SourceItem

SPEC = get_descriptor("lite0").spec


@pytest.fixture(autouse=True)
def approximate_from_a_few(monkeypatch):
    monkeypatch.setattr("lookalike.holdings.choose", lambda n, _: "approximate" if n >= 100 else "exact")
    monkeypatch.setattr("lookalike.holdings._EXACT_FIRST", 0)
    monkeypatch.setattr("lookalike.holdings._USEFUL", 1)


def unit(seed: int, n: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n // 10 + 1, SPEC.dim)).repeat(10, axis=0)[:n] + 0.3 * random.normal(size=(n, SPEC.dim))
    unit_rows: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit_rows.astype(np.float32)


def fill(library: Library, vectors: np.ndarray, name: str) -> None:
    """Write vectors as if pictures had been described, in a run of its own."""
    store = library.store
    with store.writing():
        ids = {SPEC.fingerprint: store.ensure_descriptor(SPEC)}
        run = store.start_run([])
        records = []
        for n, row in enumerate(vectors):
            digest = f"{name} {n}".encode().ljust(32, b"\0")
            content = Content(0, digest, 10, None, None, "PNG", 10, 10, 1, None, 100)
            item = SourceItem(f"/pictures/{name}/{n}.png", size=10, mtime_ns=1, inode=n)
            records.append(Record(item, "ok", digest, None, None, content, {SPEC.fingerprint: row.astype(np.float16)}))
        store.write(records, run, ids)
        library._holdings.refresh([SPEC])


def answers(library: Library, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, type]:
    index = library._holdings.index(library._holdings.number(SPEC), SPEC)
    found = index.search(vectors[:20], 10)
    return found.keys, found.distances, type(index)


def test_an_approximate_index_gives_the_exact_distances_and_follows_what_is_added(tmp_path):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        first, second = unit(1, 300), unit(2, 200)
        fill(library, first, "first")
        keys, distances, kind = answers(library, first)
        exact = library._holdings.exact(library._holdings.number(SPEC), SPEC).search(first[:20], 10)
        assert kind is ApproximateIndex
        assert np.mean(keys == exact.keys) > 0.95
        assert np.array_equal(distances[:, 0], exact.distances[:, 0])
        fill(library, second, "second")
        found = library._holdings.index(library._holdings.number(SPEC), SPEC).search(second[:20], 1)
        assert (found.distances[:, 0] < 1e-3).all()
        assert len(list((tmp_path / "a.lookalike/cache").rglob("*.approximate"))) == 1


def test_after_a_backup_was_put_back_the_index_of_another_past_is_not_used(tmp_path):
    path = tmp_path / "a.lookalike"
    with lookalike.open(path) as library:
        fill(library, unit(1, 300), "first")
    shutil.copytree(path, tmp_path / "backup")
    with lookalike.open(path) as library:
        fill(library, unit(2, 200), "second")
    for name in ("library.db", "library.db-wal", "library.db-shm"):
        (path / name).unlink(missing_ok=True)
        if (tmp_path / "backup" / name).exists():
            shutil.copyfile(tmp_path / "backup" / name, path / name)
    other = unit(3, 200)
    with lookalike.open(path) as library:
        assert answers(library, other)[2] is ExactIndex
        fill(library, other, "other")
        _, distances, kind = answers(library, other)
        assert kind is ApproximateIndex
        assert (distances[:, 0] < 1e-3).all()


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_index_file_is_passed_over(tmp_path, damage):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        vectors = unit(1, 300)
        fill(library, vectors, "first")
        path = next((tmp_path / "a.lookalike/cache").rglob("*.approximate"))
        held = bytearray(path.read_bytes())
        held[len(held) // 2] ^= 0x10
        path.write_bytes({"flip": bytes(held), "cut": bytes(held[:-100]), "empty": b""}[damage])
        _, distances, kind = answers(library, vectors)
        assert kind is ExactIndex
        assert (distances[:, 0] < 1e-3).all()


def test_searching_many_vectors_goes_through_the_library(tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (64, 64, 3), np.uint8)).save(picture)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        fill(library, unit(1, 300), "first")
        library.add(picture, descriptors=["lite0"])
        result = library.search(Path(picture), k=3)
        copy = library.search(picture.read_bytes(), k=1)
    assert (result.keys >= 0).all()
    assert str(picture) not in result.uris[0]
    assert copy.uris[0] == (str(picture),)
    assert copy.distances[0, 0] < 1e-6


def test_the_first_searches_are_exact_and_the_index_is_read_once(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.holdings._EXACT_FIRST", 3)
    vectors, read = unit(1, 300), []
    with lookalike.open(tmp_path / "a.lookalike") as library:
        fill(library, vectors, "first")

    def reading(*given: object) -> object:
        read.append(given)
        return load_approximate(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("lookalike.holdings.load_approximate", reading)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        kinds = [answers(library, vectors)[2] for _ in range(6)]
        assert kinds == [ExactIndex] * 3 + [ApproximateIndex] * 3
        assert len(read) == 1
        fill(library, unit(2, 10), "second")  # what it holds is no longer all
        kinds = [answers(library, vectors)[2] for _ in range(5)]
        assert kinds == [ExactIndex] * 3 + [ApproximateIndex] * 2
        assert len(read) == 2


def test_an_index_that_reads_nearly_as_much_is_not_used(tmp_path, monkeypatch):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        noise = np.random.default_rng(0).standard_normal((3000, SPEC.dim)).astype(np.float32)
        fill(library, noise / np.linalg.norm(noise, axis=1, keepdims=True), "noise")
        index = library._holdings.index(library._holdings.number(SPEC), SPEC)
        assert isinstance(index, ApproximateIndex)
        assert index.share > 1 / 8
    monkeypatch.setattr("lookalike.holdings._USEFUL", 1 / 8)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        assert isinstance(library._holdings.index(library._holdings.number(SPEC), SPEC), ExactIndex)
