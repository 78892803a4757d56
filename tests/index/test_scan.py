"""One query in one pass: the answer is that of comparing all, to the last digit, whatever the rows are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.index import ExactIndex, _scan, exact
from lookalike.metrics import lengths


def _rows(kind: str, random: np.random.Generator) -> Any:
    rows = random.standard_normal((3000, 24)).astype(np.float32)
    if kind == "clustered":
        rows = rows[random.integers(0, 60, 3000)] + 0.3 * rows
    if kind == "tied":
        rows = rows[random.integers(0, 20, 3000)]
    if kind == "unequal":
        rows *= random.uniform(0.01, 100, (3000, 1))
    if kind == "opposite":
        rows = -np.abs(rows)
    if kind != "unequal":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    if kind == "zeros":
        rows[random.integers(0, 3000, 2900)] = 0
    rows = rows.astype(np.float16)
    if kind == "damaged":
        rows[random.integers(0, 3000, 200), 0] = np.nan
        rows[random.integers(0, 3000, 300), 1] = np.inf
        rows[random.integers(0, 3000, 300), 2] = -np.inf
    return rows


@pytest.mark.parametrize("kind", ["plain", "clustered", "tied", "unequal", "zeros", "opposite", "damaged", "removed"])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_one_pass_answers_as_comparing_all_does(kind, k, monkeypatch):
    random = np.random.default_rng(k)
    rows = _rows(kind, random)
    keys = random.permutation(9000)[:3000].astype(np.int64)
    with np.errstate(invalid="ignore"):
        parts = [(keys[at], rows[at], lengths(rows[at])) for at in (slice(0, 700), slice(700, 701), slice(701, None))]
    index = ExactIndex.from_blocks("cosine", 24, parts)
    if kind == "removed":
        index.remove(keys[random.integers(0, 3000, 1500)])
    queries = np.concatenate([np.abs(random.standard_normal((3, 24))), random.standard_normal((3, 24))])
    wanted = [index.search(query[None], k) for query in queries]
    monkeypatch.setattr(_scan, "_BYTES", 0)
    proven: list[bool] = []

    def passed(self: ExactIndex, *given: Any) -> bool:
        proven.append(true_pass(self, *given))
        return proven[-1]

    true_pass = ExactIndex._passed
    monkeypatch.setattr(exact.ExactIndex, "_passed", passed)
    for query, expected in zip(queries, wanted, strict=True):
        found = index.search(query[None], k)
        assert np.array_equal(found.keys, expected.keys)
        assert np.array_equal(found.distances, expected.distances)
    assert len(proven) == len(queries)
    if kind == "plain" or (kind == "clustered" and k < 200):
        assert all(proven)  # else the whole test compares one way with itself


def test_a_few_queries_at_once_are_answered_so_and_many_are_not(monkeypatch):
    random = np.random.default_rng(3)
    index = ExactIndex("cosine", 24)
    index.add(np.arange(3000), _rows("plain", random))
    queries = random.standard_normal((5, 24))
    wanted = index.search(queries, 7)
    monkeypatch.setattr(_scan, "_BYTES", 0)
    asked: list[int] = []
    one_pass = ExactIndex._passed

    def passed(self: ExactIndex, *given: Any) -> bool:
        asked.append(1)
        return one_pass(self, *given)

    monkeypatch.setattr(ExactIndex, "_passed", passed)
    for count in (4, 5):
        found = index.search(queries[:count], 7)
        assert np.array_equal(found.keys, wanted.keys[:count])
        assert np.array_equal(found.distances, wanted.distances[:count])
    assert len(asked) == 4


def test_parts_hold_every_row_once():
    for lengths_, count in (([5, 0, 7, 1], 3), ([10], 2), ([1, 1], 4), ([8, 8], 2)):
        parts = _scan._parts(lengths_, count)
        assert len(parts) <= count
        held = [(number, at) for part in parts for number, piece in part for at in range(piece.start, piece.stop)]
        assert held == [(number, at) for number, length in enumerate(lengths_) for at in range(length)]
