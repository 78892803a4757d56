"""Saved classifiers: the same probabilities as scikit-learn, one file without pickle, and what is refused."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lookalike.classify import Classifier, fit_classifier
from lookalike.errors import FingerprintError, LookalikeError, UsageError
from lookalike.results import Gallery
from lookalike.types import Vectors
from tests.classify.conftest import clouds


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("regularisation", [1.0, 30.0])
def test_probabilities_are_those_of_scikit_learn_after_saving_and_loading(tmp_path, classes, regularisation):
    gallery = clouds(classes, 12)
    fit_classifier(gallery, regularisation=regularisation).save(tmp_path / "c.npz")
    loaded = Classifier.load(tmp_path / "c.npz")
    table, new = gallery.vectors.astype(float), clouds(classes, 9, seed=0, spread=3.0).vectors
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / regularisation, max_iter=2000))
    model.fit(table, gallery.labels)
    assert loaded.classes == tuple(model.classes_)
    assert np.abs(loaded.probabilities(new) - model.predict_proba(new.astype(float))).max() < 1e-6
    assert loaded.predict(new) == tuple(model.predict(new.astype(float)))
    assert loaded.pictures == len(gallery)


@pytest.mark.parametrize(("metric", "neighbours"), [("cosine", 1), ("cosine", 5), ("l2", 3), ("hamming", 3)])
def test_knn_votes_are_those_of_scikit_learn(tmp_path, metric, neighbours):
    random = np.random.default_rng(2)
    rows: Vectors
    new: Vectors
    labels = [f"c{number}" for number in random.integers(0, 4, 50)]
    if metric == "hamming":
        rows, new = (random.integers(0, 256, (count, 32)).astype(np.uint8) for count in (50, 20))
        model = KNeighborsClassifier(neighbours)
        table, asked = (np.unpackbits(part, axis=1).astype(float) for part in (rows, new))
    else:
        rows, new = (random.normal(size=(count, 12)).astype(np.float32) for count in (50, 20))
        table, asked = rows.astype(float), new.astype(float)
        model = KNeighborsClassifier(neighbours, metric="cosine")
        if metric == "l2":
            model = make_pipeline(StandardScaler(), KNeighborsClassifier(neighbours))
    gallery = Gallery.from_arrays(rows, labels, metric=metric)
    fit_classifier(gallery, method="knn", neighbours=neighbours).save(tmp_path / "c.npz")
    found = Classifier.load(tmp_path / "c.npz").probabilities(new)
    model.fit(table, labels)
    same = np.isclose(found, model.predict_proba(asked)).all(axis=1)
    assert same.mean() >= (0.6 if metric == "hamming" else 1)  # bits tie often, and ties are for us to break


def test_of_equally_near_pictures_those_fitted_first_vote():
    rows = np.array([[0, 0], [0, 0], [0, 0], [9, 9]], np.float32)
    classifier = fit_classifier(Gallery.from_arrays(rows, list("bbaa"), metric="l2"), method="knn", neighbours=2)
    assert classifier.predict(np.zeros((1, 2), np.float32)) == ("b",)


def test_knn_in_blocks_is_knn_at_once(gallery, monkeypatch):
    classifier = fit_classifier(gallery, method="knn")
    at_once = classifier.probabilities(gallery)
    monkeypatch.setattr("lookalike.classify.classifier._BLOCK", 100)
    assert np.array_equal(classifier.probabilities(gallery), at_once)


def test_more_neighbours_than_pictures_are_all_pictures(pair):
    found = fit_classifier(pair, method="knn", neighbours=1000).probabilities(pair)
    assert np.allclose(found, 0.5)


def test_bits_are_taken_packed_or_spread_out():
    bits = np.random.default_rng(1).integers(0, 256, (30, 4)).astype(np.uint8)
    gallery = Gallery.from_arrays(bits, ["a", "b", "c"] * 10, metric="hamming")
    classifier = fit_classifier(gallery)
    assert np.array_equal(classifier.probabilities(bits), classifier.probabilities(np.unpackbits(bits, axis=1)))
    assert np.array_equal(classifier.probabilities(bits), classifier.probabilities(gallery))


def test_no_vectors_have_no_probabilities(gallery):
    for method in ("logistic", "knn"):
        assert fit_classifier(gallery, method=method).probabilities(gallery.vectors[:0]).shape == (0, 3)
        assert fit_classifier(gallery, method=method).predict(gallery.vectors[:0]) == ()


def test_a_number_that_never_varies_harms_nothing(gallery):
    rows = np.concatenate([gallery.vectors, np.full((len(gallery), 1), 7, np.float32)], axis=1)
    wider = Gallery.from_arrays(rows, gallery.labels, metric="l2")
    assert np.allclose(
        fit_classifier(wider).probabilities(wider), fit_classifier(gallery).probabilities(gallery), atol=1e-6
    )


def test_vectors_of_another_descriptor_are_refused_with_what_to_do(gallery):
    classifier = fit_classifier(gallery)
    other = Gallery(gallery.uris, gallery.vectors, replace(gallery.spec, name="other"))
    with pytest.raises(FingerprintError, match=r"fitted on arrays vectors, these are of other"):
        classifier.probabilities(other)
    changed = Gallery(gallery.uris, gallery.vectors, replace(gallery.spec, preprocess="another"))
    with pytest.raises(FingerprintError, match=r"another preprocessing: fit it again"):
        classifier.predict(changed)
    with pytest.raises(FingerprintError, match="arrays and arrays"):
        classifier.probabilities([gallery, gallery])
    with pytest.raises(UsageError, match=r"takes vectors \(n, 6\), not an array of shape \(60, 5\)"):
        classifier.probabilities(gallery.vectors[:, :5])


def test_vectors_standardised_on_a_library_are_refused(gallery):
    there = Gallery(gallery.uris, gallery.vectors, replace(gallery.spec, standardised=True), gallery.labels)
    with pytest.raises(FingerprintError, match="raw=True"):
        fit_classifier(there)
    with pytest.raises(FingerprintError, match="raw=True"):
        fit_classifier(gallery).probabilities(there)


def test_a_file_in_a_folder_that_is_not_there_is_refused(gallery, tmp_path):
    with pytest.raises(UsageError, match="folder that exists"):
        fit_classifier(gallery).save(tmp_path / "gone" / "c.npz")
    with pytest.raises(UsageError, match="cannot be written"):
        fit_classifier(gallery).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_saving_replaces_a_file_in_one_step_and_leaves_nothing_else(gallery, tmp_path):
    path = tmp_path / "no suffix"
    path.write_text("old")
    fit_classifier(gallery).save(path)
    assert [found.name for found in tmp_path.iterdir()] == ["no suffix"]
    assert Classifier.load(path).classes == ("c0", "c1", "c2")


class Trap:
    """Unpickling it is an error."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def rewritten(path, change):
    """Write the arrays of a classifier anew, changed."""
    with np.load(path) as held:
        arrays = {name: held[name] for name in held.files}
    about = json.loads(arrays["about"].tobytes())
    change(about, arrays)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


@pytest.fixture(params=["logistic", "knn"])
def saved(request, gallery, tmp_path):
    path = tmp_path / "c.npz"
    fit_classifier(gallery, method=request.param).save(path)
    return path


def test_a_pickle_in_the_file_is_refused_unopened(saved, tmp_path):
    rewritten(saved, lambda about, arrays: arrays.update(mean=np.array([Trap()], object)))
    with pytest.raises(LookalikeError, match="damaged"):
        Classifier.load(saved)
    (tmp_path / "p.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UsageError, match="is not a classifier"):
        Classifier.load(tmp_path / "p.npz")


def test_no_part_of_the_file_is_a_pickle(saved):
    with zipfile.ZipFile(saved) as archive:
        assert "about.npy" in archive.namelist()
        for name in archive.namelist():
            assert np.load(io.BytesIO(archive.read(name)), allow_pickle=False).dtype.kind in "fiu"


@pytest.mark.parametrize("cut", [10, 200, -200, -1])
def test_a_file_cut_short_is_said_to_be_damaged(saved, cut):
    saved.write_bytes(saved.read_bytes()[:cut])
    with pytest.raises(LookalikeError, match="is damaged: fit it again"):
        Classifier.load(saved)


def test_a_flipped_byte_never_goes_unnoticed_or_crashes(saved):
    whole = saved.read_bytes()
    expected = Classifier.load(saved)
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        saved.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = Classifier.load(saved)
        except LookalikeError:
            continue
        assert found.classes == expected.classes  # a byte that tells nothing, such as a date
        assert all(np.array_equal(found.arrays[name], expected.arrays[name]) for name in expected.arrays)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a classifier"),
        (b"uri,label\n", "is not a classifier"),
        (b"PK\x05\x06" + bytes(18), "is not a class"),
    ],
)
def test_a_file_of_another_kind_is_said_to_be_none(tmp_path, data, message):
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(UsageError, match=message):
        Classifier.load(tmp_path / "x.npz")


def test_other_archives_and_arrays_are_none(tmp_path):
    np.savez(tmp_path / "a.npz", vectors=np.zeros(3))
    np.save(tmp_path / "b.npy", np.zeros(3))
    np.savez(tmp_path / "c.npz", about=np.frombuffer(b'{"format": "other"}', np.uint8))
    for name in ("a.npz", "b.npy", "c.npz"):
        with pytest.raises(UsageError, match="is not a classifier"):
            Classifier.load(tmp_path / name)
    with pytest.raises(UsageError, match="cannot be read"):
        Classifier.load(tmp_path / "gone.npz")


@pytest.mark.parametrize(
    "change",
    [
        lambda about, arrays: about.update(classes=["c0", "c1"]),
        lambda about, arrays: about.update(classes=[1, 2, 3]),
        lambda about, arrays: about.update(method="forest"),
        lambda about, arrays: about.update(descriptors=[]),
        lambda about, arrays: about.update(descriptors=[["one"]]),
        lambda about, arrays: about.pop("method"),
        lambda about, arrays: arrays.update(scale=np.zeros(6)),
        lambda about, arrays: arrays.update(mean=np.full(6, np.nan)),
        lambda about, arrays: arrays.update(mean=np.zeros(5), scale=np.ones(5)),
        lambda about, arrays: arrays.pop("scale"),
        lambda about, arrays: [arrays.pop(name, None) for name in ("weights", "numbers")],
        lambda about, arrays: arrays.update(weights=np.zeros((3, 7)), numbers=np.full(60, 3)),
        lambda about, arrays: arrays.update(offsets=np.zeros(2), numbers=np.full(60, -1)),
    ],
)
def test_contents_that_do_not_go_together_are_damage(saved, change):
    rewritten(saved, change)
    with pytest.raises(LookalikeError, match="damaged"):
        Classifier.load(saved)


def test_a_file_of_a_newer_version_says_so(saved):
    rewritten(saved, lambda about, arrays: about.update(version=2))
    with pytest.raises(LookalikeError, match="newer version"):
        Classifier.load(saved)


@pytest.mark.parametrize("arguments", [{"method": "forest"}, {"neighbours": 0}, {"regularisation": -1}])
def test_fitting_refuses_what_cannot_be(gallery, arguments):
    with pytest.raises(UsageError):
        fit_classifier(gallery, **arguments)


def test_fitting_leaves_out_pictures_without_labels_and_small_classes(gallery):
    labels = tuple(None if row < 10 else label for row, label in enumerate(gallery.labels))
    assert fit_classifier(Gallery(gallery.uris, gallery.vectors, gallery.spec, labels)).pictures == 50
    few = gallery.take([row for row, label in enumerate(gallery.labels) if label != "c0" or row < 5])
    assert fit_classifier(few).classes == ("c0", "c1", "c2")
    assert fit_classifier(few, min_pictures=10).classes == ("c1", "c2")
