from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import LibraryFormatError
from lookalike.index import APPROXIMATE_FROM, ApproximateIndex, ExactIndex, approximate, choose
from lookalike.testing import check_index


def clustered(n, dim=64, seed=0):
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((40, dim))
    rows = centres[random.integers(0, 40, n)] + 0.5 * random.standard_normal((n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exact_index(metric, rows, keys=None):
    index = ExactIndex(metric, rows.shape[1])
    index.add(np.arange(len(rows)) if keys is None else keys, rows)
    return index


def emptied(metric, dim):
    """An index that was trained, then emptied: few vectors do not train one."""
    keys = np.arange(400) + 10**6
    index = ApproximateIndex.build(exact_index(metric, clustered(400, dim), keys))
    index.remove(keys)
    return index


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    rows = clustered(1500)
    path = tmp_path_factory.mktemp("ann") / "index"
    ApproximateIndex.build(exact_index("cosine", rows)).save(path, "token")
    return rows, path


@pytest.mark.parametrize(("metric", "dim"), [("cosine", 32), ("l2", 32), ("cosine", 300)])
def test_the_index_keeps_its_contract(metric, dim):
    made = [emptied(metric, dim) for _ in range(2)]
    assert [len(index) for index in made] == [0, 0]
    check_index(made.pop, metric, dim)


@pytest.mark.parametrize("factor", [1, 1e-6, 1e6])
@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_nearly_all_neighbours_are_found_at_exactly_their_distances(metric, factor):
    rows, queries = clustered(4000) * np.float32(factor), clustered(100, seed=1) * np.float32(factor)
    index = ApproximateIndex.build(exact_index(metric, rows))
    assert index.recall >= 0.99
    assert index.nprobe >= 1
    found, truth = index.search(queries, 10), index.exact.search(queries, 10)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(found.keys, truth.keys, strict=True)]) >= 9.8
    for keys, distances, every, right in zip(found.keys, found.distances, truth.keys, truth.distances, strict=True):
        known = dict(zip(every.tolist(), right.tolist(), strict=True))
        pairs = zip(keys.tolist(), distances.tolist(), strict=True)
        assert all(known[key] == distance for key, distance in pairs if key in known)


def test_long_vectors_are_searched_by_their_principal_components():
    random = np.random.default_rng(0)
    low = clustered(3000, 40) @ random.standard_normal((40, 600)).astype(np.float32)
    index = ApproximateIndex.build(exact_index("cosine", low))
    assert index.recall >= 0.99
    assert "PreTransform" in type(index._inverted).__name__
    assert (index.search(low[:50], 1).distances == 0).all()


def test_vectors_without_structure_are_searched_whole():
    rows = np.random.default_rng(0).standard_normal((3000, 600)).astype(np.float32)
    index = ApproximateIndex.build(exact_index("l2", rows))
    assert index.recall >= 0.99
    assert "PreTransform" not in type(index._inverted).__name__


def test_more_is_looked_through_where_more_recall_is_wanted():
    rows = clustered(4000)
    low, high = (ApproximateIndex.build(exact_index("cosine", rows), recall=recall) for recall in (0.3, 1.0))
    assert low.nprobe < high.nprobe
    assert low.recall < high.recall == 1


def test_vectors_come_and_go_without_a_rebuild():
    rows = clustered(2000)
    index = ApproximateIndex.build(exact_index("cosine", rows[:1500]))
    index.add(np.arange(1500, 2000), rows[1500:])
    assert index.search(rows[1500:], 1).keys[:, 0].tolist() == list(range(1500, 2000))
    index.remove(np.arange(0, 2000, 2))
    found = index.search(rows, 5)
    assert len(index) == 1000
    assert (found.keys % 2 == 1).all()
    assert index._inverted.ntotal == 1000


def test_a_refused_addition_leaves_both_halves_as_they_were():
    rows = clustered(500)
    index = ApproximateIndex.build(exact_index("cosine", rows))
    with pytest.raises(ValueError, match="new"):
        index.add(np.array([500, 3]), rows[:2])
    assert len(index) == index._inverted.ntotal == 500


def test_as_many_neighbours_as_wanted_are_found_if_there_are_so_many():
    rows = clustered(3000)
    index = ApproximateIndex.build(exact_index("cosine", rows), recall=0.3)
    found = index.search(rows[:5], 400)
    assert (found.keys >= 0).all()
    assert (index.search(rows[:2], 3010).keys >= 0).sum() == 6000


def test_many_equal_vectors_are_no_trouble():
    rows = np.repeat(clustered(5), 200, axis=0)
    index = ApproximateIndex.build(exact_index("cosine", rows))
    found = index.search(rows[:3], 10)
    assert (found.distances == 0).all()
    assert (np.diff(found.keys, axis=1) > 0).all()


def test_the_very_vector_is_found_among_a_thousand_nearly_alike():
    random = np.random.default_rng(3)
    rows = clustered(8000, 256)
    rows[:1000] = rows[0] + 0.004 * random.standard_normal((1000, 256), np.float32)
    index = ApproximateIndex.build(exact_index("l2", rows))
    assert np.median(index.exact.search(rows[:1], 500).distances) < 0.1, "as alike as pictures of a burst"
    assert index.search(rows[:1000], 1).keys[:, 0].tolist() == list(range(1000))


def test_a_stray_vector_of_enormous_length_is_no_trouble():
    rows = clustered(500)
    rows[7] *= np.float32(1e12)
    index = ApproximateIndex.build(exact_index("l2", rows[:300]))
    index.add(np.arange(300, 500), rows[300:])
    index.add(np.array([999]), rows[:1] * np.float32(1e15))
    assert np.isfinite(index.search(rows, 3).distances).all()


@pytest.mark.parametrize("factor", [1e4, 1e12])
def test_strays_that_it_is_built_from_cost_the_others_nothing(factor):
    rows = clustered(6000)
    rows[::2000] *= np.float32(factor)
    index = ApproximateIndex.build(exact_index("l2", rows))
    assert index.recall >= 0.99
    found, truth = index.search(clustered(100, seed=1), 10), index.exact.search(clustered(100, seed=1), 10)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(found.keys, truth.keys, strict=True)]) >= 9.8
    assert index.nprobe < 0.7 * 6000 / 39, "not all lists have to be looked through"


def test_an_index_that_cannot_be_built_says_why():
    rows = clustered(100)
    with pytest.raises(ValueError, match="at least 40"):
        ApproximateIndex.build(exact_index("cosine", rows[:39]))
    with pytest.raises(ValueError, match="exactly"):
        ApproximateIndex.build(ExactIndex("hamming", 256))
    for recall in (0.0, 1.5):
        with pytest.raises(ValueError, match="recall"):
            ApproximateIndex.build(exact_index("cosine", rows), recall=recall)


def test_a_saved_index_answers_as_before(saved):
    rows, path = saved
    built = ApproximateIndex.build(exact_index("cosine", rows))
    loaded = ApproximateIndex.load(path, exact_index("cosine", rows), "token")
    a, b = built.search(rows[:50], 10), loaded.search(rows[:50], 10)
    assert np.array_equal(a.keys, b.keys)
    assert np.array_equal(a.distances, b.distances)
    assert (loaded.nprobe, loaded.recall, len(loaded)) == (built.nprobe, built.recall, 1500)
    assert [file.name for file in path.parent.iterdir()] == ["index"]


def test_a_loaded_index_catches_up_with_vectors_that_came_and_went(saved):
    rows, path = saved
    present = exact_index("cosine", np.concatenate([rows, clustered(300, seed=5)])[200:], np.arange(200, 1800))
    loaded = ApproximateIndex.load(path, present, "token")
    assert loaded._inverted.ntotal == 1600
    assert loaded.search(clustered(300, seed=5), 1).keys[:, 0].tolist() == list(range(1500, 1800))
    assert (loaded.search(rows[:200], 5).keys >= 200).all()


def test_an_index_of_other_vectors_is_refused(saved):
    rows, path = saved
    exact = exact_index("cosine", rows)
    for other, token in (
        (exact, "another"),
        (exact_index("l2", rows), "token"),
        (exact_index("cosine", rows[:, :32]), "token"),
        (exact_index("cosine", clustered(3200)), "token"),
    ):
        with pytest.raises(LibraryFormatError, match="anew"):
            ApproximateIndex.load(path, other, token)
    with pytest.raises(FileNotFoundError):
        ApproximateIndex.load(path.with_name("nowhere"), exact, "token")


def test_any_damage_to_the_file_is_noticed_before_it_is_used(saved, tmp_path, monkeypatch):
    rows, path = saved
    exact = exact_index("cosine", rows)
    content = path.read_bytes()
    damaged = [b"", content[:10], content[:48], content[: len(content) // 2], content[:-1], content + b"\0"]
    for place in [*range(0, 400, 7), *np.random.default_rng(0).integers(0, len(content), 100)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        damaged.append(bytes(flipped))
    monkeypatch.setattr(approximate, "_faiss", lambda: pytest.fail("faiss was given bytes that were not verified"))
    for number, part in enumerate(damaged):
        broken = tmp_path / f"{number}"
        broken.write_bytes(part)
        with pytest.raises(LibraryFormatError, match="anew"):
            ApproximateIndex.load(broken, exact, "token")


@pytest.mark.parametrize("body", [b"", b"\xff" * 60, (2).to_bytes(8, "little") + b"{}", b"\1" + b"\0" * 7 + b"["])
def test_a_body_that_is_intact_but_foreign_is_refused(tmp_path, body):
    (tmp_path / "x").write_bytes(approximate._MAGIC + hashlib.sha256(body).digest() + body)
    with pytest.raises(LibraryFormatError, match="anew"):
        ApproximateIndex.load(tmp_path / "x", exact_index("cosine", clustered(50)), "token")


def test_an_intact_body_whose_index_is_cut_short_is_refused(saved, tmp_path):
    rows, path = saved
    start = len(approximate._MAGIC) + 32
    for cut in (1, 1000, 200_000):
        body = path.read_bytes()[start:-cut]
        (tmp_path / "x").write_bytes(approximate._MAGIC + hashlib.sha256(body).digest() + body)
        with pytest.raises(LibraryFormatError, match="anew"):
            ApproximateIndex.load(tmp_path / "x", exact_index("cosine", rows), "token")


def test_a_failed_save_leaves_the_file_of_before(saved, tmp_path, monkeypatch):
    rows, path = saved
    target = tmp_path / "index"
    target.write_bytes(path.read_bytes())

    def full(_descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        ApproximateIndex.load(path, exact_index("cosine", rows), "token").save(target, "new")
    assert target.read_bytes() == path.read_bytes()
    assert list(tmp_path.iterdir()) == [target]


def test_saving_again_replaces_the_file(saved, tmp_path):
    rows, path = saved
    index = ApproximateIndex.load(path, exact_index("cosine", rows), "token")
    for token in ("first", "second"):
        index.save(tmp_path / "index", token)
    assert len(ApproximateIndex.load(tmp_path / "index", exact_index("cosine", rows), "second")) == 1500
    with pytest.raises(LibraryFormatError):
        ApproximateIndex.load(tmp_path / "index", exact_index("cosine", rows), "first")


def test_importing_the_room_does_not_import_faiss():
    code = "import sys, lookalike.index, lookalike.testing; print('faiss' in sys.modules, 'pytest' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.home())
    assert answer.stdout.split() == ["False", "False"]


def test_the_kind_of_index_follows_from_the_number_of_vectors():
    assert choose(APPROXIMATE_FROM - 1, "cosine") == "exact"
    assert choose(APPROXIMATE_FROM, "cosine") == choose(APPROXIMATE_FROM, "l2") == "approximate"
    assert choose(10**7, "hamming") == "exact"
