from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import distance as scipy_distance

from lookalike import metrics

METRICS = ("cosine", "l2", "hamming")


def drawn(metric, n, width=24, seed=0):
    random = np.random.default_rng(seed)
    if metric == "hamming":
        return random.integers(0, 256, (n, width), dtype=np.uint8)
    return random.standard_normal((n, width)).astype(np.float32)


def oracle(a, b, metric):
    if metric == "hamming":
        bits = np.unpackbits(a, axis=1), np.unpackbits(b, axis=1)
        return scipy_distance.cdist(*bits, "hamming") * bits[0].shape[1]
    name = {"cosine": "cosine", "l2": "euclidean"}[metric]
    return scipy_distance.cdist(a.astype(np.float64), b.astype(np.float64), name)


@pytest.mark.parametrize("width", [1, 8, 24, 33])
@pytest.mark.parametrize("metric", METRICS)
def test_pairwise_distances_are_those_of_scipy(metric, width):
    a, b = drawn(metric, 50, width), drawn(metric, 70, width, seed=1)
    found = metrics.pairwise(a, b, metric)
    assert found.dtype == np.float32
    assert found.shape == (50, 70)
    assert np.allclose(found, oracle(a, b, metric), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_paired_distances_are_the_diagonal_of_the_pairwise_ones(metric):
    a, b = drawn(metric, 40), drawn(metric, 40, seed=1)
    found = metrics.paired(a, b, metric)
    assert found.dtype == np.float32
    assert np.allclose(found, np.diag(oracle(a, b, metric)), rtol=1e-6, atol=1e-6)
    assert np.allclose(found, np.diag(metrics.pairwise(a, b, metric)), rtol=1e-6, atol=1e-6)
    assert np.array_equal(found, metrics.paired(b, a, metric))


@pytest.mark.parametrize("metric", METRICS)
def test_a_paired_distance_does_not_depend_on_its_company(metric):
    a, b = drawn(metric, 2500, 130), drawn(metric, 2500, 130, seed=1)
    together = metrics.paired(a, b, metric)
    alone = [metrics.paired(a[i : i + 1], b[i : i + 1], metric)[0] for i in range(0, 2500, 97)]
    assert together[::97].tolist() == alone


@pytest.mark.parametrize("metric", METRICS)
def test_equal_rows_are_at_exactly_zero(metric):
    a = drawn(metric, 30, 1280)
    if metric == "cosine":
        a = (a / np.linalg.norm(a, axis=1, keepdims=True)).astype(np.float16)
    assert (np.diag(metrics.pairwise(a, a, metric)) == 0).all()
    assert (metrics.paired(a, a, metric) == 0).all()


def test_small_differences_of_large_numbers_are_not_lost():
    a = np.full((2, 16), 1e6, np.float32)
    b = a.copy()
    b[:, 0] += 1
    assert metrics.pairwise(a, b, "l2").tolist() == [[1, 1], [1, 1]]
    assert metrics.paired(a, b, "l2").tolist() == [1, 1]


def test_cosine_of_opposite_rows_is_two_and_never_more():
    a = drawn("cosine", 200, 100)
    assert metrics.paired(a, -a, "cosine").max() == 2
    assert metrics.pairwise(a, -a, "cosine").max() == 2


def test_a_row_of_zeros_is_at_one_from_everything_under_cosine():
    a = np.zeros((2, 4), np.float32)
    a[1, 0] = 1
    assert metrics.pairwise(a, a, "cosine").tolist() == [[1, 1], [1, 0]]
    assert metrics.paired(a, a, "cosine").tolist() == [1, 0]


@pytest.mark.parametrize("metric", METRICS)
def test_no_rows_give_no_distances(metric):
    a, none = drawn(metric, 3), drawn(metric, 0)
    assert metrics.pairwise(a, none, metric).shape == (3, 0)
    assert metrics.pairwise(none, a, metric).shape == (0, 3)
    assert metrics.paired(none, none, metric).shape == (0,)
    assert metrics.as_stored(none, metric).shape == none.shape


@pytest.mark.parametrize("metric", METRICS)
def test_wrong_shapes_types_and_names_are_refused(metric):
    a = drawn(metric, 3)
    for call in (metrics.pairwise, metrics.paired):
        with pytest.raises(ValueError, match="2-D"):
            call(a[0], a, metric)
        with pytest.raises(ValueError, match=r"compared|paired"):
            call(a, a[:, :-1], metric)
        with pytest.raises(ValueError, match="none of"):
            call(a, a, "manhattan")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="paired"):
        metrics.paired(a, a[:2], metric)
    with pytest.raises(ValueError, match="uint8"):
        metrics.pairwise(a.astype(np.int32), a.astype(np.int32), "hamming")


def test_large_pairwise_results_are_made_in_parts_and_agree():
    a = np.repeat(drawn("l2", 5, 3), 200, axis=0)
    found = metrics.pairwise(a, np.repeat(a, 2, axis=0), "l2")
    assert np.allclose(found, oracle(a, np.repeat(a, 2, axis=0), "l2"), atol=1e-6)


def test_stored_unit_rows_are_only_rounded_and_stay_as_they_are():
    a = drawn("cosine", 50, 1280)
    stored = metrics.as_stored(a, "cosine")
    assert stored.dtype == np.float16
    assert np.allclose(np.linalg.norm(stored.astype(np.float64), axis=1), 1, atol=1e-3)
    assert np.array_equal(metrics.as_stored(stored, "cosine"), stored)
    assert np.array_equal(metrics.as_stored(a * 1e6, "cosine"), metrics.as_stored(a * 1e-6, "cosine"))
    assert metrics.as_stored(np.zeros((1, 3)), "cosine").tolist() == [[0, 0, 0]]


def test_stored_rows_have_the_type_of_their_metric_and_the_input_is_untouched():
    a = drawn("l2", 5).astype(np.float64)
    before = a.copy()
    assert metrics.as_stored(a, "l2").dtype == np.float32
    assert metrics.as_stored(a, "cosine").dtype == np.float16
    assert np.array_equal(a, before)
    assert metrics.as_stored(drawn("hamming", 5), "hamming").dtype == np.uint8


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite_cannot_be_stored(bad):
    for metric in ("cosine", "l2"):
        with pytest.raises(ValueError, match="finite"):
            metrics.as_stored(np.array([[1.0, bad]]), metric)
    with pytest.raises(ValueError, match="longer"):
        metrics.as_stored(np.array([[1.0, 1e19]]), "l2")


def test_lengths_are_euclidean():
    a = drawn("l2", 3000, 100)
    assert np.allclose(metrics.lengths(a), np.linalg.norm(a, axis=1), rtol=1e-6)
    assert metrics.lengths(a[:0]).shape == (0,)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (4, 5), elements=st.floats(-1e6, 1e6, width=32)),
    hnp.arrays(np.float32, (3, 5), elements=st.floats(-1e6, 1e6, width=32)),
)
def test_euclidean_distance_is_that_of_the_differences_whatever_the_numbers(a, b):
    expected = np.sqrt(((a[:, None].astype(np.float64) - b[None].astype(np.float64)) ** 2).sum(axis=2))
    assert np.allclose(metrics.pairwise(a, b, "l2"), expected, rtol=1e-5, atol=1e-30)
