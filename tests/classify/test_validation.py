"""Cross-validation against scikit-learn's own, its folds and groups, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lookalike.classify import cross_validate, fit_classifier
from lookalike.errors import UsageError
from lookalike.results import Gallery
from tests.classify.conftest import clouds


@pytest.mark.parametrize(("folds", "seed", "regularisation"), [(5, 0, 1.0), (3, 7, 20.0)])
def test_logistic_is_scikit_learns_cross_validation(gallery, folds, seed, regularisation):
    result = cross_validate(gallery, folds=folds, seed=seed, regularisation=regularisation)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / regularisation, max_iter=2000))
    table, labels = gallery.vectors.astype(float), np.array(gallery.labels)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed)
    assert result.fold_accuracies == pytest.approx(cross_val_score(model, table, labels, cv=splits))
    expected = cross_val_predict(model, table, labels, cv=splits, method="predict_proba")
    assert np.abs(result.probabilities - expected).max() < 1e-6
    told = np.array(result.classes)[expected.argmax(axis=1)]
    assert result.predicted == tuple(told)
    assert result.accuracy == pytest.approx((told == labels).mean())
    assert result.macro_f1 == pytest.approx(f1_score(labels, told, average="macro"))
    assert 0.4 < result.accuracy < 1


def test_balanced_classes_count_alike_as_in_scikit_learn(gallery):
    rows = [row for row, label in enumerate(gallery.labels) if label != gallery.labels[0] or row % 3 == 0]
    uneven = gallery.take(rows)
    result = cross_validate(uneven, folds=3, balanced=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, class_weight="balanced"))
    splits = StratifiedKFold(3, shuffle=True, random_state=0)
    table, labels = uneven.vectors.astype(float), np.array(uneven.labels)
    expected = cross_val_predict(model, table, labels, cv=splits, method="predict_proba")
    assert np.abs(result.probabilities - expected).max() < 1e-6
    assert np.abs(result.probabilities - cross_validate(uneven, folds=3).probabilities).max() > 1e-3
    both = [fit_classifier(uneven, balanced=one).probabilities(uneven.vectors) for one in (False, True)]
    assert np.abs(both[0] - both[1]).max() > 1e-3


@pytest.mark.parametrize("neighbours", [1, 4])
def test_knn_is_scikit_learns_on_standardised_numbers(gallery, neighbours):
    result = cross_validate(gallery, method="knn", neighbours=neighbours)
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(neighbours))
    splits = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_score(model, gallery.vectors.astype(float), np.array(gallery.labels), cv=splits)
    assert result.fold_accuracies == pytest.approx(expected, abs=1e-9)


def test_two_classes_are_scikit_learns_too(pair):
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    splits = StratifiedKFold(5, shuffle=True, random_state=0)
    table = pair.vectors.astype(float)
    expected = cross_val_predict(model, table, np.array(pair.labels), cv=splits, method="predict_proba")
    assert np.abs(cross_validate(pair).probabilities - expected).max() < 1e-6


def test_each_argument_matters(gallery):
    base = cross_validate(gallery)
    assert not np.array_equal(base.folds, cross_validate(gallery, seed=1).folds)
    assert cross_validate(gallery, folds=4).folds.max() == 3
    others = [
        cross_validate(gallery, regularisation=50),
        cross_validate(gallery, method="knn"),
        cross_validate(gallery, method="knn", neighbours=2),
    ]
    for one in others:
        assert np.array_equal(one.folds, base.folds)
        assert not np.allclose(one.probabilities, base.probabilities)
    assert not np.allclose(others[1].probabilities, others[2].probabilities)


def test_the_same_seed_gives_the_same_to_the_bit(gallery):
    one, two = cross_validate(gallery, seed=3), cross_validate(gallery, seed=3)
    assert np.array_equal(one.probabilities, two.probabilities)
    assert np.array_equal(one.folds, two.folds)


def test_folds_have_each_class_in_equal_shares(gallery):
    result = cross_validate(gallery, folds=4)
    labels = np.array(result.labels)
    for fold in range(4):
        assert np.unique(labels[result.folds == fold], return_counts=True)[1].tolist() == [5, 5, 5]


def test_a_group_is_never_on_two_sides_and_copies_without_groups_flatter():
    single = clouds(3, 12, spread=4.0)
    rows = np.repeat(np.arange(len(single)), 3)
    copies = single.take(rows.tolist())
    groups = [1000 - 7 * row for row in rows.tolist()]
    torn = cross_validate(copies, method="knn", neighbours=1)
    whole = cross_validate(copies, method="knn", neighbours=1, groups=groups)
    assert all(len(set(whole.folds[rows == row])) == 1 for row in range(len(single)))
    assert not all(len(set(torn.folds[rows == row])) == 1 for row in range(len(single)))
    assert torn.accuracy > 0.95 > whole.accuracy + 0.2
    assert not np.array_equal(whole.folds, cross_validate(copies, groups=groups, seed=1).folds)


def test_groups_are_those_of_the_pictures_that_have_labels():
    gallery = clouds(2, 12)
    labels = tuple(None if row % 3 == 0 else label for row, label in enumerate(gallery.labels))
    groups = (np.arange(len(gallery)) // 2).tolist()
    result = cross_validate(Gallery(gallery.uris, gallery.vectors, gallery.spec, labels), folds=2, groups=groups)
    number = dict(zip(gallery.uris, groups, strict=True))
    folds: dict[int, set[int]] = {}
    for uri, fold in zip(result.uris, result.folds, strict=True):
        folds.setdefault(number[uri], set()).add(fold)
    assert all(len(found) == 1 for found in folds.values())
    assert result.notes == ("8 of 24 pictures have no label and were left out",)


def test_classes_with_few_pictures_are_left_out_on_request(gallery):
    rows = [row for row, label in enumerate(gallery.labels) if label != "c2"]
    few = gallery.take(rows + [row for row, label in enumerate(gallery.labels) if label == "c2"][:4])
    result = cross_validate(few, min_pictures=5)
    assert result.classes == ("c0", "c1")
    assert result.notes == ("1 class with fewer than 5 pictures left out: 4 pictures",)
    with pytest.raises(UsageError, match=r"5 folds need 5 pictures of each class.*c2 \(4\).*4 folds.*--min-pictures 5"):
        cross_validate(few)
    assert cross_validate(few, folds=4).classes == ("c0", "c1", "c2")


def test_rows_name_each_picture_with_what_it_was_told_to_be(gallery):
    result = cross_validate(gallery)
    rows = list(result.rows().dicts())
    assert [row["uri"] for row in rows] == list(gallery.uris)
    assert sum(row["correct"] for row in rows) == round(result.accuracy * len(rows))
    for row, fold in zip(rows, result.folds, strict=True):
        assert row["correct"] == (row["label"] == row["predicted"])
        assert row["probability"] >= row["label_probability"]
        assert row["fold"] == fold + 1
    wrong = [rows[at] for at in result.missed]
    assert all(not row["correct"] for row in wrong)
    assert len(wrong) == len(rows) - sum(row["correct"] for row in rows)
    assert [row["probability"] for row in wrong] == sorted((row["probability"] for row in wrong), reverse=True)


def test_the_summary_has_classes_then_folds_then_all(gallery):
    result = cross_validate(gallery, folds=4)
    rows = list(result.summary().dicts())
    assert [(row["part"], row["name"]) for row in rows] == [
        ("class", "c0"), ("class", "c1"), ("class", "c2"),
        ("fold", "1"), ("fold", "2"), ("fold", "3"), ("fold", "4"), ("all", "all"),
    ]  # fmt: skip
    assert rows[-1]["accuracy"] == result.accuracy
    assert (
        rows[-1]["recall"] == result.mean_class_accuracy == pytest.approx(np.mean([row["recall"] for row in rows[:3]]))
    )
    assert rows[-1]["f1"] == result.macro_f1 == pytest.approx(np.mean([row["f1"] for row in rows[:3]]))
    assert sum(row["support"] for row in rows[3:7]) == rows[-1]["support"] == 60
    cells = list(result.confusion_rows().dicts())
    assert sum(cell["pictures"] for cell in cells) == 60
    assert sum(cell["pictures"] for cell in cells if cell["label"] == cell["predicted"]) == np.trace(result.confusion)


def test_progress_is_told_fold_by_fold(gallery):
    told: list[tuple[int, int]] = []
    cross_validate(gallery, folds=3, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_notebook_shows_the_figures_and_the_worst_mistakes(gallery):
    text = cross_validate(gallery)._repr_html_()
    assert "Accuracy 0." in text
    assert "told to be" in text
    assert "support" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "forest"}, "choose one of logistic, knn"),
        ({"folds": 1}, "folds must be at least 2"),
        ({"neighbours": 0}, "neighbours must be at least 1"),
        ({"regularisation": 0}, "above 0"),
        ({"regularisation": float("nan")}, "above 0"),
        ({"regularisation": float("inf")}, "above 0"),
        ({"folds": 21}, r"21 folds need 21 pictures of each class, but there are fewer of c0 \(20\), c1"),
        ({"groups": [1, 2]}, "groups are one integer per picture, 60"),
        ({"groups": [0] * 60}, "groups of pictures of each class"),
        ({"min_pictures": 21}, "no class to tell apart after leaving out small ones"),
    ],
)
def test_what_cannot_be_is_refused(gallery, arguments, message):
    with pytest.raises(UsageError, match=message):
        cross_validate(gallery, **arguments)


def test_galleries_without_labels_or_with_one_class_are_refused(gallery):
    with pytest.raises(UsageError, match="--labels folder"):
        cross_validate(Gallery(gallery.uris, gallery.vectors, gallery.spec))
    with pytest.raises(UsageError, match="only one class, 'c1'"):
        cross_validate(gallery.take([row for row, label in enumerate(gallery.labels) if label == "c1"]))
    with pytest.raises(UsageError, match="no gallery"):
        cross_validate([])


def test_descriptors_side_by_side_know_more_than_each():
    random = np.random.default_rng(5)
    truth = random.integers(0, 4, 120)
    labels = [f"c{number}" for number in truth]
    low = (truth % 2)[:, None] * 3 + random.normal(size=(120, 4))
    high = (truth // 2)[:, None] * 3 + random.normal(size=(120, 5))
    parts = [Gallery.from_arrays(part, labels, metric="l2") for part in (low, high)]
    alone = [cross_validate(part).accuracy for part in parts]
    for method in ("logistic", "knn"):
        both = cross_validate(parts, method=method)
        assert both.accuracy > max(alone) + 0.2
        assert both.descriptors == ("arrays", "arrays")
    with pytest.raises(UsageError, match="same pictures"):
        cross_validate([parts[0], parts[1].take(range(119))])


def test_a_fit_that_does_not_settle_is_reported(gallery, monkeypatch):
    monkeypatch.setattr("lookalike.classify.fitting.ROUNDS", 1)
    assert "5 of 5 folds" in cross_validate(gallery).notes[-1]
