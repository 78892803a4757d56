"""All pairs of bit strings within a few bits, held against comparing every pair."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from lookalike.index import ExactIndex
from lookalike.index._substrings import close_pairs, pays

Triple = tuple[int, int, float]


def strings(kind: str, n: int, width: int = 32) -> NDArray[np.uint8]:
    """Return n strings of `width` bytes: any, few values only, near one another, or all zeros."""
    lot = np.random.default_rng(len(kind))
    if kind == "zeros":
        return np.zeros((n, width), np.uint8)
    if kind == "few":
        return lot.integers(0, 2, (n, width), np.uint8)
    rows = lot.integers(0, 256, (n, width), np.uint8)
    if kind == "near":
        flips = lot.random((n, width * 8)) < lot.uniform(0, 0.2, (n, 1))
        rows = rows[lot.integers(0, 20, n)] ^ np.packbits(flips, axis=1)
    return rows


def all_pairs(rows: NDArray[np.uint8], radius: float) -> list[Triple]:
    bits = np.unpackbits(rows, axis=1)
    found = ((i, j, int((bits[i] != bits[j]).sum())) for i, j in itertools.combinations(range(len(rows)), 2))
    return [(i, j, float(away)) for i, j, away in found if away <= radius]


def joined(index: ExactIndex, radius: float, limit: int | None = None) -> list[Triple]:
    parts = index.self_join(radius, limit=limit)
    return sorted((int(i), int(j), float(d)) for part in parts for i, j, d in zip(*part, strict=True))


@pytest.mark.parametrize("kind", ["any", "few", "near", "zeros"])
@pytest.mark.parametrize(("width", "radius"), [(32, 31), (32, 0), (32, 17.5), (8, 7), (16, 15)])
def test_the_pairs_are_those_of_comparing_each_with_each(kind, width, radius):
    rows = strings(kind, 120, width)
    parts = list(close_pairs(rows, radius))
    found = [tuple(sorted((int(i), int(j)))) for _, left, right in parts for i, j in zip(left, right, strict=True)]
    assert len(found) == len(set(found))
    assert sorted(found) == [(i, j) for i, j, _ in all_pairs(rows, radius)]
    assert all(0 <= done <= 1 for done, _, _ in parts)


def test_an_index_joins_by_substrings_what_it_would_join_by_comparing_all(monkeypatch):
    rows = strings("near", 300)
    keys = np.random.default_rng(0).permutation(1000)[:300]
    index = ExactIndex("hamming", 256)
    for start in range(0, 300, 100):
        index.add(keys[start : start + 100], rows[start : start + 100])
    index.remove(keys[50:70])
    assert not pays(rows, 31)
    compared = joined(index, 31)
    monkeypatch.setattr("lookalike.index.exact.pays", lambda rows, radius: True)
    looked: list[float] = []

    def counted(rows: NDArray[np.uint8], radius: float) -> Iterator[tuple[float, NDArray[np.int64], NDArray[np.int64]]]:
        looked.append(radius)
        return close_pairs(rows, radius)

    monkeypatch.setattr("lookalike.index.exact.close_pairs", counted)
    assert joined(index, 31) == compared
    assert looked == [31]
    assert len(compared) > 100
    some = joined(index, 31, limit=7)
    assert len(some) == 7
    assert set(some) < set(compared)
    assert joined(index, 32) == [pair for pair in joined(index, np.inf) if pair[2] <= 32]  # too far for substrings


def test_it_pays_for_many_unlike_strings_only():
    assert pays(strings("any", 8000), 31)
    assert not pays(strings("any", 8000), 60)
    assert not pays(strings("any", 8000), 64)
    assert not pays(strings("few", 8000), 31)
    assert not pays(strings("any", 200), 31)
    assert not pays(strings("any", 8000, 10), 3)
    assert not pays(strings("any", 0), 31)


def test_equal_strings_are_compared_with_others_once():
    rows = np.repeat(strings("near", 40), np.arange(40), axis=0)  # the first not at all, the last 39 times
    rows = rows[np.random.default_rng(1).permutation(len(rows))]
    parts = list(close_pairs(rows, 31))
    found = sorted(
        tuple(sorted((int(i), int(j)))) for _, left, right in parts for i, j in zip(left, right, strict=True)
    )
    assert found == [(i, j) for i, j, _ in all_pairs(rows, 31)]
    many = strings("zeros", 3000)
    assert pays(many, 31)
    told = [len(left) for _, left, _ in close_pairs(many, 31)]
    assert sum(told) == 3000 * 2999 // 2
    assert max(told) <= 1 << 19  # memory does not grow with the pairs


def test_sums_that_unlike_strings_share_by_chance_lose_no_pair(monkeypatch):
    rows = np.repeat(strings("any", 30), 4, axis=0)
    rows = rows[np.random.default_rng(2).permutation(len(rows))]
    monkeypatch.setattr("lookalike.index._substrings._mixed", lambda wide: np.zeros(len(wide), np.uint64))
    found = sorted(
        (int(i), int(j)) for _, left, right in close_pairs(rows, 31) for i, j in zip(left, right, strict=True)
    )
    assert sorted(tuple(sorted(pair)) for pair in found) == [(i, j) for i, j, _ in all_pairs(rows, 31)]
