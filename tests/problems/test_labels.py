"""Probabilities of classes by the other pictures: against scikit-learn, with wrong labels planted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lookalike.errors import UsageError
from lookalike.problems import class_probabilities, labels


@pytest.fixture
def classes():
    """Three clouds of 60 vectors that touch, with the class of each."""
    random = np.random.default_rng(4)
    given = np.repeat(np.arange(3), 60)
    rows = random.normal(size=(180, 12)) @ random.normal(size=(12, 12)) + 4 * np.eye(12)[given]
    return rows.astype(np.float32), given


def test_scores_are_those_of_scikit_learns_discriminant(classes):
    rows, given = classes
    lot = np.random.default_rng(0).permutation(180)
    train, test = lot[:130], lot[130:]
    told = labels._discriminant(rows, train, given[train], test, 3)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=_Shrunken()).fit(rows[train], given[train])
    expected = theirs.decision_function(rows[test])
    assert told - told[:, :1] == pytest.approx(expected - expected[:, :1], abs=1e-3)


class _Shrunken:
    """The covariance of each class, shrunken so that their mean is the scatter within classes, shrunken."""

    def fit(self, rows):
        covariance = np.cov(rows.T, bias=True)
        self.covariance_ = 0.7 * covariance + 0.3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        return self


def test_wrong_labels_that_are_planted_get_the_least_probability(classes):
    rows, given = classes
    wrong = given.copy()
    planted = [5, 70, 130, 171]
    wrong[planted] = (wrong[planted] + 1) % 3
    told = class_probabilities(rows, wrong)
    assert told.sum(axis=1) == pytest.approx(1)
    own = told[np.arange(180), wrong]
    assert len(set(np.argsort(own)[:5].tolist()) & set(planted)) >= 3
    assert (told.argmax(axis=1)[planted] == given[planted]).sum() >= 3
    assert np.median(own) > 0.7


def test_probabilities_are_as_sure_as_they_are_right(classes):
    rows, given = classes
    told = class_probabilities(rows, given)
    sure = told.max(axis=1).mean()
    assert sure == pytest.approx((told.argmax(axis=1) == given).mean(), abs=0.06)


def test_a_copy_in_the_same_group_is_no_witness(classes):
    rows, given = classes
    rows, given = np.concatenate([rows, rows[:1]]), np.append(given, 2)  # a copy under another label
    groups = np.append(np.arange(180), 0)
    parts = labels._folds(given, groups, 5, 0)
    assert parts[0] == parts[180]
    sizes = np.array([[((parts == fold) & (given == k)).sum() for k in range(3)] for fold in range(5)])
    assert np.ptp(sizes, axis=0).max() <= 1
    assert not np.array_equal(parts, labels._folds(given, groups, 5, 1))
    assert np.array_equal(parts, labels._folds(given, groups, 5, 0))
    assert class_probabilities(rows, given, groups=groups)[180, 2] < 0.2


def test_folds_seeds_and_progress_make_a_difference(classes):
    rows, given = classes
    seen = []
    one = class_probabilities(rows, given, folds=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert not np.allclose(one, class_probabilities(rows, given, folds=5))
    assert not np.allclose(one, class_probabilities(rows, given, folds=3, seed=1))


def test_small_classes_and_equal_vectors_raise_nothing(classes):
    rows, given = classes
    few = class_probabilities(rows[:64], given[:64])  # the second class has 4 pictures
    assert np.isfinite(few).all()
    alone = class_probabilities(rows[:61], given[:61])  # and now one: no other picture speaks for it
    assert alone[60, 1] == 0
    assert np.isfinite(class_probabilities(np.ones((20, 4), np.float32), np.arange(20) % 2)).all()


def test_wrong_use_is_refused(classes):
    rows, given = classes
    for call, said in (
        (lambda: class_probabilities(rows, given[:5]), "do not fit together"),
        (lambda: class_probabilities(rows, given, groups=[1]), "do not fit together"),
        (lambda: class_probabilities(rows[:60], given[:60]), "not two classes"),
        (lambda: class_probabilities(rows, given, folds=1), "cannot be checked"),
        (lambda: class_probabilities(rows[[0, 99]], [0, 1], folds=5), "cannot be checked"),
    ):
        with pytest.raises(UsageError, match=said):
            call()
