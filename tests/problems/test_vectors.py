"""Outliers by vectors: against scikit-learn, and planted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.errors import UsageError
from lookalike.problems import outlyingness, vectors
from lookalike.problems.vectors import FEWEST


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def crowd():
    """120 vectors about one direction, and three (the last) about others."""
    random = np.random.default_rng(1)
    rows = np.concatenate([random.normal(0, 0.15, (120, 16)) + np.eye(16)[0], np.eye(16)[[3, 5, 7]]])
    return unit(rows)


@pytest.mark.parametrize("neighbours", [1, 5])
def test_outlyingness_is_the_mean_distance_to_the_nearest_as_scikit_learn_finds_them(crowd, neighbours):
    told = outlyingness(crowd, "cosine", neighbours=neighbours)
    distances, _ = (
        NearestNeighbors(n_neighbors=neighbours + 1, metric="cosine", algorithm="brute")
        .fit(crowd.astype(np.float64))
        .kneighbors(crowd.astype(np.float64))
    )
    means = distances[:, 1:].mean(axis=1)
    off = means - np.median(means)
    assert told == pytest.approx(off / (1.4826 * np.median(np.abs(off))), abs=1e-3)


def test_what_is_like_none_of_the_others_lies_out(crowd):
    told = outlyingness(crowd, "cosine")
    assert set(np.argsort(-told)[:3]) == {120, 121, 122}
    assert (told[120:] > 3.5).all()
    assert (told[:120] > 3.5).mean() < 0.03


def test_bits_and_lengths_have_outliers_too():
    random = np.random.default_rng(2)
    bits = np.tile(random.integers(0, 256, 32, dtype=np.uint8), (40, 1))
    bits ^= (random.random((40, 32)) < 0.1).astype(np.uint8)
    bits[7] = ~bits[7]
    assert outlyingness(bits, "hamming").argmax() == 7
    rows = random.normal(size=(40, 4)).astype(np.float32)
    rows[9] += 50
    assert outlyingness(rows, "l2").argmax() == 9


def test_blocks_change_nothing_and_a_lot_is_drawn_by_the_seed(crowd, monkeypatch):
    whole = outlyingness(crowd, "cosine")
    monkeypatch.setattr(vectors, "_BLOCK", 300)
    assert outlyingness(crowd, "cosine") == pytest.approx(whole)
    monkeypatch.setattr(vectors, "REFERENCE", 60)
    one, two = (outlyingness(crowd, "cosine", seed=seed) for seed in (0, 1))
    assert not np.allclose(one, two)
    assert np.array_equal(one, outlyingness(crowd, "cosine", seed=0))
    assert (one[120:] > 3.5).all()


def test_too_few_pictures_tell_of_no_outlier_and_equal_ones_have_none(crowd):
    assert np.isnan(outlyingness(crowd[: FEWEST - 1], "cosine")).all()
    assert outlyingness(crowd[:0], "cosine").shape == (0,)
    assert not outlyingness(np.tile(crowd[:1], (30, 1)), "cosine").any()
    with pytest.raises(UsageError, match="at least 1 neighbour"):
        outlyingness(crowd, "cosine", neighbours=0)
