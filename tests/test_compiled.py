"""What is compiled gives the very numbers that NumPy gives, and nothing is compiled without the extra."""

from __future__ import annotations

import ast
import subprocess
import sys

import numpy as np
import pytest

import lookalike.duplicates.verify.matching as matching
import lookalike.index._votes as votes
import lookalike.index.words as words
from lookalike.compiled import compiles
from lookalike.decode import decode
from lookalike.descriptors.local import local_features, working_picture
from lookalike.duplicates.verify import _compiled as compiled_matching
from lookalike.duplicates.verify import judge
from lookalike.duplicates.verify.pair import Look
from lookalike.edits import edit
from lookalike.index import WordIndex
from lookalike.index import _compiled as compiled_index
from lookalike.types import LocalFeatures
from lookalike.verifying import variants

USERS = (matching, votes, words)


@pytest.fixture
def way(monkeypatch):
    """Return what decides for all of them whether they use what is compiled."""

    def choose(compiled: bool) -> None:
        for module in USERS:
            monkeypatch.setattr(module, "compiles", lambda: compiled)

    return choose


@pytest.fixture(params=["compiled", "interpreted"])
def loops(request, monkeypatch):
    """Run the loops compiled, and the same source by Python itself."""
    if request.param == "interpreted":
        for module in (compiled_index, compiled_matching):
            for name in module.__all__:
                monkeypatch.setattr(module, name, getattr(module, name).py_func)
    with np.errstate(over="ignore"):  # bits are counted in 64 of them
        yield request.param


@pytest.fixture(scope="module")
def features(photographs) -> list[LocalFeatures]:
    """Return the features of photographs and of edited copies of them."""
    pixels = [decode(path.read_bytes(), min_side=320).pixels for path in photographs[:3]]
    edited = [edit(one, kind, "middle", 3) for one in pixels for kind in ("crop-corner", "rotate-inside")]
    return [local_features(working_picture(one)) for one in (*pixels, *edited)]


def made(count: int, seed: int) -> LocalFeatures:
    """Return features that were never in a picture, with rows that occur twice."""
    lot = np.random.default_rng(seed)
    rows = lot.integers(0, 120, (count, 128), dtype=np.uint8)
    rows[count // 2 :] = rows[: count - count // 2]
    points = lot.uniform(1, 300, (count, 4)).astype(np.float32)
    return LocalFeatures(points, rows, 320, 240)


def agreements(a: LocalFeatures, b: LocalFeatures):
    """Return all that is worked out of two pictures' matches, in all four variants."""
    rows_b = b.rows.astype(np.float32) / np.float32(512)
    told: list[np.ndarray] = []
    for mirror in (False, True):
        for negated in (False, True):
            matched = matching._matched(a, b, rows_b, mirror, negated)
            told += [matched.p, matched.q]
            if len(matched.p) >= matching.FEWEST:
                told += matching._agreeing(matched)
    return told


def assert_same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_matches_and_what_agrees_are_the_same(way, loops, features):
    pairs = [(features[0], features[3]), (made(30, 1), made(25, 2)), (made(6, 3), made(6, 3))]
    if loops == "compiled":
        pairs += [(a, b) for a in features for b in features]
    else:
        pairs = [(cut(a), cut(b)) for a, b in pairs]
    for a, b in pairs:
        way(True)
        found = agreements(a, b)
        way(False)
        assert_same(found, agreements(a, b))


def cut(one: LocalFeatures) -> LocalFeatures:
    """Return the first features of a picture: Python counts slowly."""
    return LocalFeatures(one.points[:40], one.rows[:40], one.width, one.height)


@pytest.mark.parametrize("differing", [0, 22, 64])
def test_lists_of_words_are_read_the_same(way, loops, features, differing):
    index = WordIndex(differing=differing)
    some = [*map(cut, features), made(40, 4)] if loops == "interpreted" else [*features, made(300, 4)]
    index.add(np.arange(len(some)), some)
    index._settle()
    rows = np.concatenate([one.rows for one in variants(some[1])])
    way(True)
    found = index._matches(rows)
    way(False)
    assert_same(found, index._matches(rows))
    assert len(found[0]) > 0


def test_a_search_by_words_finds_the_same(way, loops, features):
    index = WordIndex()
    some = [cut(one) for one in features] if loops == "interpreted" else features
    index.add(np.arange(len(some)), some)
    for one in some[:3]:
        way(True)
        found = index.search(variants(one), 5)
        way(False)
        expected = index.search(variants(one), 5)
        assert_same(
            (found.keys, found.distances, found.variants), (expected.keys, expected.distances, expected.variants)
        )
        assert np.isfinite(found.distances).any()


def test_which_match_supports_which_is_the_same(way, loops):
    lot = np.random.default_rng(5)
    table = lot.normal(0, 1, (7, 3, 12)).astype(np.float32)
    table[:, 0, 3:] = 0  # as where a group has few matches
    table[5:, 1] = [[1], [0]]
    way(True)
    found = votes.agreeing(table)
    way(False)
    assert_same([found], [votes.agreeing(table)])
    assert found.any()
    assert not found.all()


def test_verdicts_are_the_same(way, photographs):
    pixels = [decode(path.read_bytes(), min_side=320).pixels for path in photographs[:3]]
    looks = [Look(small, local_features(small)) for small in map(working_picture, pixels)]
    copies = [edit(pixels[0], kind, "middle", 3) for kind in ("crop-corner", "mirror", "resize-down")]
    looks += [Look(small, local_features(small)) for small in map(working_picture, copies)]
    told = []
    for compiled in (True, False):
        way(compiled)
        told.append([judge(a, b, (300, 200), (300, 200)) for a in looks for b in looks])
    for one, other in zip(*told, strict=True):
        assert (one.verdict, one.probability, one.reason, one.inliers) == (
            other.verdict, other.probability, other.reason, other.inliers
        )  # fmt: skip
        np.testing.assert_array_equal(one.points_a, other.points_a)
    assert {one.verdict for one in told[0]} > {"edited", "unrelated"}


def test_without_the_extra_there_is_nothing_to_compile():
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "from lookalike.compiled import compiles\n"
        "print(compiles())\n"
        "try:\n"
        "    import lookalike.index._compiled\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines()[0] == "False"
    assert "numba" in printed.splitlines()[1]


def test_compiled_loops_need_no_folder_that_can_be_written(tmp_path):
    """Numba refuses to keep what it compiled where it can write nowhere: then it is compiled anew in each process."""
    (tmp_path / "loops.py").write_text(
        "from lookalike.compiled import compiled\n@compiled\ndef twice(one: int) -> int:\n    return 2 * one\n"
    )
    script = (
        "import numba.core.caching as caching\n"
        "for locator in caching.CacheImpl._locator_classes:\n"
        "    locator.from_function = classmethod(lambda *_: None)\n"
        "import loops\n"
        "print([loops.twice(4), loops.twice.stats.cache_path])"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ast.literal_eval(printed.stdout) == [8, None]


def test_whether_it_compiles_is_known_without_loading_what_compiles():
    script = "import sys\nfrom lookalike.compiled import compiles\nprint(compiles(), 'numba' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [str(compiles()), "False"]
