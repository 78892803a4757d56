"""Figures from predictions: by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    precision_score,
)
from sklearn.metrics import (
    confusion_matrix as reference,
)

from lookalike.classify import confusion_matrix, scores
from lookalike.errors import UsageError


def test_a_hand_worked_table():
    labels = ["cat", "cat", "cat", "cat", "dog", "dog", "owl"]
    told = ["cat", "cat", "cat", "dog", "dog", "cat", "dog"]
    found = confusion_matrix(labels, told)
    assert found.tolist() == [[3, 1, 0], [1, 1, 0], [0, 1, 0]]
    figures = scores(found)
    assert figures.pictures == 7
    assert figures.accuracy == pytest.approx(4 / 7)
    assert figures.recall == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert figures.precision == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)
    assert figures.f1 == pytest.approx((3 / 4 + 2 / 5 + 0) / 3)


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_scikit_learn(seed):
    random = np.random.default_rng(seed)
    labels = random.choice(list("abcde"), 60, p=[0.5, 0.2, 0.2, 0.05, 0.05])
    told = np.where(random.random(60) < 0.6, labels, random.choice(list("abcde"), 60))
    labels[labels == "e"] = "a"  # told, but never there
    found = confusion_matrix(labels.tolist(), told.tolist(), list("abcdef"))
    assert np.array_equal(found, reference(labels, told, labels=list("abcdef")))
    figures = scores(found)
    assert figures.accuracy == pytest.approx(accuracy_score(labels, told))
    assert figures.f1 == pytest.approx(f1_score(labels, told, average="macro"))
    assert figures.precision == pytest.approx(precision_score(labels, told, average="macro", zero_division=0))
    present = sorted(set(labels))
    assert figures.recall == pytest.approx(np.mean([(told[labels == name] == name).mean() for name in present]))
    if set(told) <= set(present):
        assert figures.recall == pytest.approx(balanced_accuracy_score(labels, told))


def test_no_pictures_have_no_figures():
    figures = scores(np.zeros((2, 2), np.int64))
    assert figures.pictures == 0
    assert all(math.isnan(value) for value in (figures.accuracy, figures.precision, figures.recall, figures.f1))


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(UsageError, match="2 labels and 1 predictions"):
        confusion_matrix(["a", "b"], ["a"])
