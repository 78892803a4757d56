from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike import metrics
from lookalike.index import ExactIndex, exact
from lookalike.testing import check_index

METRICS = {"cosine": 32, "l2": 32, "hamming": 256}


def drawn(metric, n, dim=None, seed=0):
    random = np.random.default_rng(seed)
    dim = dim or METRICS[metric]
    if metric == "hamming":
        return random.integers(0, 256, (n, dim // 8), dtype=np.uint8)
    return random.standard_normal((n, dim)).astype(np.float32)


def made(metric, rows, keys=None, parts=1):
    """An index over blocks of the rows as stored."""
    stored = metrics.as_stored(rows, metric)
    keys = np.arange(len(rows)) if keys is None else np.asarray(keys)
    dim = rows.shape[1] * (8 if metric == "hamming" else 1)
    pieces = np.array_split(np.arange(len(rows)), parts)
    return ExactIndex.from_blocks(metric, dim, [(keys[p], stored[p], None) for p in pieces])


def oracle(metric, rows, queries, keys):
    """All distances by their definition in float64 of the stored rows, as float32."""
    rows, queries = metrics.as_stored(rows, metric), metrics.as_stored(queries, metric)
    if metric == "hamming":
        return np.array([[np.unpackbits(q ^ r).sum() for r in rows] for q in queries], np.float32)
    rows, queries = rows.astype(np.float64), queries.astype(np.float64)
    if metric == "cosine":
        rows, queries = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, queries))
        return (((queries[:, None] - rows[None]) ** 2).sum(axis=2) / 2).astype(np.float32)
    return np.sqrt(((queries[:, None] - rows[None]) ** 2).sum(axis=2)).astype(np.float32)


def expected_nearest(metric, rows, queries, keys, k):
    distances = oracle(metric, rows, queries, keys)
    order = np.array([np.lexsort((keys, row))[:k] for row in distances]).reshape(len(queries), -1)
    return keys[order], np.take_along_axis(distances, order, axis=1)


def pairs(index, radius, **options):
    return [
        (int(i), int(j), float(d))
        for a, b, c in index.self_join(radius, **options)
        for i, j, d in zip(a, b, c, strict=True)
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_the_index_keeps_its_contract(metric):
    check_index(lambda: ExactIndex(metric, METRICS[metric]), metric, METRICS[metric])
    assert len(ExactIndex(metric, METRICS[metric])) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_search_equals_brute_force(metric):
    rows, queries = drawn(metric, 500), drawn(metric, 30, seed=1)
    keys = np.random.default_rng(2).permutation(5000)[:500]
    found = made(metric, rows, keys, parts=7).search(queries, 12)
    wanted_keys, wanted = expected_nearest(metric, rows, queries, keys, 12)
    assert np.array_equal(found.keys, wanted_keys)
    assert np.allclose(found.distances, wanted, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=40, deadline=None)
@given(payload=st.data())
def test_search_equals_brute_force_among_many_ties(metric, payload):
    # Few different small rows, repeated: nearly every place is a tie.
    width = 2
    n, k = payload.draw(st.integers(1, 40)), payload.draw(st.integers(1, 12))
    numbers = payload.draw(st.lists(st.integers(1, 3), min_size=(n + 2) * width, max_size=(n + 2) * width))
    rows = np.array(numbers).reshape(-1, width).astype(np.uint8 if metric == "hamming" else np.float32)
    queries, rows = rows[:2], rows[2:]
    keys = np.array(payload.draw(st.permutations(range(n))))
    parts = payload.draw(st.integers(1, 4))
    found = made(metric, rows, keys, parts).search(queries, k)
    wanted_keys, wanted = expected_nearest(metric, rows, queries, keys, k)
    width = wanted.shape[1]
    assert np.array_equal(found.keys[:, :width], wanted_keys)
    assert np.array_equal(found.distances[:, :width], wanted)
    assert (found.keys[:, width:] == -1).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.floats(-(2.0**50), 2.0**50, width=32), min_size=3, max_size=3), min_size=4, max_size=30),
    st.integers(1, 5),
)
def test_euclidean_search_is_right_whatever_the_size_of_the_numbers(numbers, k):
    rows = np.array(numbers, np.float32)
    keys = np.arange(len(rows))
    found = made("l2", rows).search(rows[:3], k)
    wanted_keys, wanted = expected_nearest("l2", rows, rows[:3], keys, k)
    width = wanted.shape[1]
    assert np.array_equal(found.keys[:, :width], wanted_keys)
    assert np.array_equal(found.distances[:, :width], wanted)


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_euclidean_search_does_not_suffer_from_cancellation(offset):
    rows = drawn("l2", 300) + np.float32(offset)
    found = made("l2", rows).search(rows[:20], 5)
    wanted_keys, wanted = expected_nearest("l2", rows, rows[:20], np.arange(300), 5)
    assert np.array_equal(found.keys, wanted_keys)
    assert np.allclose(found.distances, wanted, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_sizes_of_blocks_pieces_and_chunks_change_nothing(metric, monkeypatch):
    rows = np.concatenate([drawn(metric, 60, seed=3), drawn(metric, 60, seed=3)])
    keys = np.random.default_rng(4).permutation(120)
    radius = 100 if metric == "hamming" else 0.9
    answers = []
    for parts, piece, chunk, gather in ((1, 4096, 1024, 1 << 20), (5, 4096, 7, 40), (13, 16, 64, 1000), (2, 3, 5, 1)):
        monkeypatch.setattr(exact, "_PIECE", piece)
        monkeypatch.setattr(exact, "_CHUNK", chunk)
        monkeypatch.setattr(exact, "_GATHER", gather)
        index = made(metric, rows, keys, parts)
        near, within = index.search(rows[:50], 7), index.range_search(rows[:50], radius)
        answers.append(
            [near.keys, near.distances, within.offsets, within.keys, within.distances, sorted(pairs(index, radius))]
        )
    for other in answers[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(answers[0], other, strict=True))


@pytest.mark.parametrize("metric", METRICS)
def test_range_search_equals_brute_force(metric):
    rows, queries = drawn(metric, 400), drawn(metric, 20, seed=1)
    keys = np.arange(400) * 2
    distances = oracle(metric, rows, queries, keys)
    for radius in (0, float(np.quantile(distances, 0.1)), np.inf):
        found = made(metric, rows, keys, parts=3).range_search(queries, radius)
        for number in range(20):
            near = distances[number] <= np.float32(radius)
            order = np.lexsort((keys[near], distances[number][near]))
            part = slice(found.offsets[number], found.offsets[number + 1])
            assert np.array_equal(np.sort(found.keys[part]), np.sort(keys[near]))
            assert np.allclose(found.distances[part], distances[number][near][order], rtol=1e-6, atol=1e-9)


def test_a_radius_equal_to_a_distance_includes_it():
    rows = drawn("cosine", 50)
    index = made("cosine", rows)
    distance = index.search(rows[:1], 5).distances[0, 4]
    assert len(index.range_search(rows[:1], float(distance)).keys) == 5
    assert len(index.range_search(rows[:1], float(np.nextafter(distance, np.float32(0)))).keys) == 4


@pytest.mark.parametrize("metric", METRICS)
def test_a_self_join_yields_each_near_pair_once(metric):
    rows = np.concatenate([drawn(metric, 150), drawn(metric, 150)[:40]])
    keys = np.random.default_rng(5).permutation(1000)[: len(rows)]
    distances = oracle(metric, rows, rows, keys)
    radius = float(np.quantile(distances, 0.05))
    wanted = {
        (min(keys[i], keys[j]), max(keys[i], keys[j]))
        for i in range(len(rows))
        for j in range(i)
        if distances[i, j] <= np.float32(radius)
    }
    found = pairs(made(metric, rows, keys, parts=3), radius)
    assert {(i, j) for i, j, _ in found} == wanted
    assert len(found) == len(wanted) > 40
    assert all(i < j and d <= radius + 1e-6 for i, j, d in found)


def test_a_self_join_leaves_out_removed_vectors_and_stops_at_its_limit():
    rows = np.zeros((60, 32), np.uint8)
    index = made("hamming", rows, parts=4)
    assert len(pairs(index, 0)) == 60 * 59 // 2
    index.remove(np.arange(50))
    assert len(pairs(index, 0)) == 10 * 9 // 2
    assert len(pairs(index, 0, limit=7)) == 7
    assert pairs(index, 0, limit=0) == []
    assert pairs(ExactIndex("hamming", 256), 5) == []


def test_a_self_join_refuses_a_senseless_radius_or_limit():
    index = made("hamming", drawn("hamming", 3))
    with pytest.raises(ValueError, match="radius"):
        next(index.self_join(-1))
    with pytest.raises(ValueError, match="limit"):
        next(index.self_join(1, limit=-1))


@pytest.mark.parametrize("radius", [0, 31, 128, 256])
@pytest.mark.parametrize("dim", [8, 64, 72, 192, 256, 512])
def test_near_hashes_are_found_whatever_their_length_and_the_radius(dim, radius):
    rows = drawn("hamming", 150, dim)
    rows[100:] = rows[:50]
    rows[100:, 0] ^= 3
    distances = oracle("hamming", rows, rows, None)
    index = made("hamming", rows)
    found = index.range_search(rows, radius)
    assert len(found.keys) == (distances <= radius).sum()
    assert len(pairs(index, radius)) == (np.triu(distances <= radius, 1)).sum()


def test_all_near_pairs_of_nine_thousand_hashes_are_found_quickly():
    rows = drawn("hamming", 9144)
    rows[9000:] = rows[:144]
    rows[9000:, 5] ^= 1
    index = made("hamming", rows)
    start = time.process_time()
    found = pairs(index, 31)
    assert [d for _, _, d in found] == [1.0] * 144
    # Takes about 0.3 s: the bound is for slow machines.
    assert time.process_time() - start < 10


@pytest.mark.parametrize("metric", METRICS)
def test_a_stored_vector_is_at_exactly_zero_from_itself(metric):
    rows = drawn(metric, 300, 1280)
    found = made(metric, rows).search(rows, 1)
    assert found.keys[:, 0].tolist() == list(range(300))
    assert (found.distances == 0).all()


def test_a_row_of_zeros_is_found_at_one_under_cosine():
    rows = np.zeros((3, 8), np.float32)
    rows[1, 0] = rows[2, 1] = 1
    index = made("cosine", rows)
    assert index.search(rows[:1], 3).distances.tolist() == [[1, 1, 1]]
    assert index.search(rows[1:2], 3).keys.tolist() == [[1, 0, 2]]
    assert index.range_search(rows[:1], 1.0).keys.tolist() == [0, 1, 2]
    assert len(index.range_search(rows[:1], 0.9).keys) == 0


def test_damaged_rows_are_passed_over_without_a_warning():
    rows = metrics.as_stored(drawn("cosine", 20), "cosine")
    rows[3], rows[4] = np.nan, np.inf
    index = ExactIndex.from_blocks("cosine", 32, [(np.arange(20), rows, None)])
    found = index.search(rows[:1].astype(np.float32), 20)
    assert sorted(found.keys[0].tolist()) == [-1, -1, *(i for i in range(20) if i not in (3, 4))]


@pytest.mark.parametrize("metric", METRICS)
def test_memory_mapped_rows_are_used_where_they_lie(metric, tmp_path):
    stored = metrics.as_stored(drawn(metric, 100), metric)
    stored.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", stored.dtype, "r", shape=stored.shape)
    index = ExactIndex.from_blocks(metric, METRICS[metric], [(np.arange(100), mapped, None)])
    assert all(np.shares_memory(rows, mapped) for rows in (index._blocks[0].rows, next(iter(index._pieces(10))).rows))
    index.remove(np.array([0]))
    index.add(np.array([0, 200]), drawn(metric, 2, seed=1))
    assert index.search(stored[5:6], 1).keys.tolist() == [[5]]
    assert len(index) == 101
    assert np.array_equal(mapped, stored)


def test_memory_of_a_search_does_not_grow_with_the_library():
    rows = np.zeros((20_000, 512), np.float16)
    rows[:] = metrics.as_stored(drawn("cosine", 20, 512), "cosine").repeat(1000, axis=0)
    index = ExactIndex.from_blocks("cosine", 512, [(np.arange(20_000), rows, metrics.lengths(rows))])
    index.search(rows[:1], 5)
    tracemalloc.start()
    index.search(rows[:2].astype(np.float32), 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All rows as float32 would be 41 MB; each query has a thousand ties for its five places.
    assert peak < 20e6


def test_given_norms_and_computed_norms_lead_to_the_same_answer():
    rows = drawn("cosine", 100)
    stored = metrics.as_stored(rows, "cosine")
    given_norms = ExactIndex.from_blocks("cosine", 32, [(np.arange(100), stored, metrics.lengths(stored))])
    a, b = given_norms.search(rows[:9], 9), made("cosine", rows).search(rows[:9], 9)
    assert np.array_equal(a.keys, b.keys)
    assert np.array_equal(a.distances, b.distances)


def test_rows_added_one_by_one_are_like_rows_added_at_once(monkeypatch):
    monkeypatch.setattr(exact, "_TAIL", 8)
    rows = drawn("l2", 50)
    slow, fast = ExactIndex("l2", 32), ExactIndex("l2", 32)
    for number in range(50):
        slow.add(np.array([number]), rows[number : number + 1])
        if number % 3 == 0:
            slow.remove(np.array([number]))
            slow.add(np.array([number]), rows[number : number + 1])
    fast.add(np.arange(50), rows)
    a, b = slow.search(rows, 6), fast.search(rows, 6)
    assert np.array_equal(a.keys, b.keys)
    assert np.array_equal(a.distances, b.distances)
    assert sorted(slow.keys) == list(range(50))


def test_blocks_of_another_shape_or_type_are_refused():
    keys, rows = np.arange(3), np.zeros((3, 4), np.float32)
    for blocks, message in (
        ([(keys, rows.astype(np.float64), None)], "float32"),
        ([(keys, rows[:, :3], None)], "rows must be"),
        ([(keys[:2], rows, None)], "keys must be"),
        ([(keys.astype(float), rows, None)], "integers"),
        ([(keys - 1, rows, None)], "at least 0"),
        ([(keys, rows, np.ones(2, np.float32))], "norms"),
        ([(keys, rows, None), (keys[2:], rows[2:], None)], "twice"),
    ):
        with pytest.raises(ValueError, match=message):
            ExactIndex.from_blocks("l2", 4, blocks)


def test_a_senseless_metric_or_dim_is_refused():
    for metric, dim in (("manhattan", 4), ("l2", 0), ("hamming", 12)):
        with pytest.raises(ValueError, match=r"must be|none of"):
            ExactIndex(metric, dim)  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", METRICS)
def test_candidates_get_the_distances_of_a_full_search(metric):
    rows, queries = drawn(metric, 90), drawn(metric, 6, seed=1)
    index = made(metric, rows, parts=4)
    whole = index.search(queries, 20)
    mixed = whole.keys[:, np.random.default_rng(0).permutation(20)]
    mixed[:, 3] = -1
    mixed[:, 4] = 12345
    found = index.search_among(queries, mixed, 20)
    left = np.array([[key for key in row if key in mixed[i]] for i, row in enumerate(whole.keys)])
    assert np.array_equal(found.keys[:, :18], left)
    assert (found.keys[:, 18:] == -1).all()
    assert np.isin(found.distances[:, :18], whole.distances).all()
    assert index.search_among(queries, mixed[:, :0], 2).keys.tolist() == [[-1, -1]] * 6


def test_candidates_must_match_the_queries():
    index = made("l2", drawn("l2", 5))
    with pytest.raises(ValueError, match="candidates"):
        index.search_among(drawn("l2", 2), np.zeros((3, 1), np.int64), 1)
    with pytest.raises(ValueError, match="k must"):
        index.search_among(drawn("l2", 2), np.zeros((2, 1), np.int64), 0)


def test_stored_rows_can_be_read_back_by_key_and_in_batches():
    rows = drawn("l2", 30)
    index = made("l2", rows, keys=np.arange(30) * 2, parts=3)
    index.remove(np.array([0]))
    assert np.array_equal(index.rows_of(np.array([8, 2])), rows[[4, 1]])
    with pytest.raises(KeyError):
        index.rows_of(np.array([0]))
    batches = list(index.batches(4))
    assert np.concatenate([keys for keys, _ in batches]).tolist() == list(range(2, 60, 2))
    assert np.array_equal(np.concatenate([part for _, part in batches]), rows[1:])
    assert max(len(keys) for keys, _ in batches) == 4
