"""New pictures labelled: by a saved classifier as the library would, by a network, and what cannot be read."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import lookalike
from lookalike.classify import Classifier, fit_classifier
from lookalike.errors import FingerprintError, UnknownDescriptorError, UsageError
from lookalike.labelling import label_pictures
from tests.conftest import Fake, picture, write_picture


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def tinted(path, seed, tint):
    """Write a picture of one of three colours."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = picture(seed).astype(int)
    pixels[..., tint] += 120
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for tint, name in enumerate(("red", "green", "blue")):
        for number in range(6):
            tinted(tmp_path / "labelled" / name / f"{number}.png", 10 * tint + number, tint)
    return tmp_path / "labelled"


@pytest.fixture
def classifier(fake, folder, tmp_path):
    with lookalike.open(tmp_path / "l.lookalike") as library:
        gallery = library.gallery(folder, descriptor="fake", labels="folder")
    classifier = fit_classifier(gallery)
    classifier.save(tmp_path / "colours.npz")
    return classifier


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Make cnn:colours: the softmax of the mean red, green and blue."""
    folder = tmp_path / "models" / "cnn" / "colours"
    folder.mkdir(parents=True)
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["vector"]),
        helper.make_node("Mul", ["vector", "ten"], ["louder"]),
        helper.make_node("Softmax", ["louder"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("vector", "probabilities")],
        [
            numpy_helper.from_array(np.array([-1, 3], np.int64), "shape"),
            numpy_helper.from_array(np.array(10, np.float32), "ten"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    spec = {"dim": 3, "height": 8, "probabilities": "probabilities", "labels": ["red", "green", "blue"]}
    (folder / "model.json").write_text(json.dumps(spec))
    return folder


def test_a_file_a_folder_an_array_and_bytes_are_labelled_in_order(classifier, tmp_path):
    new = [tinted(tmp_path / "new" / f"{name}.png", 90 + at, at) for at, name in enumerate(("a", "b", "c"))]
    result = label_pictures([tmp_path / "new", new[2], new[1].read_bytes()], classifier)
    assert result.uris == (*map(str, new), str(new[2]), "bytes 3")
    assert [names[0] for names in result.labels] == ["red", "green", "blue", "blue", "green"]
    assert result.labels[2] == result.labels[3]
    assert all(0.5 < first > second > 0 for first, second in result.probabilities)
    assert result.failed == ()
    one = label_pictures(new[0], classifier)
    assert one.labels[0] == result.labels[0]
    array = np.clip(picture(95).astype(int) + np.array([0, 0, 120]), 0, 255).astype(np.uint8)
    assert label_pictures(array, classifier).labels[0][0] == "blue"


def test_labels_are_those_that_the_librarys_own_vectors_get(classifier, fake, folder, tmp_path):
    with lookalike.open(tmp_path / "l.lookalike") as library:
        gallery = library.gallery(folder, descriptor="fake")
    expected = classifier.probabilities(gallery)
    result = label_pictures(folder, tmp_path / "colours.npz", choices=3)
    assert result.uris == gallery.uris
    for names, parts, row in zip(result.labels, result.probabilities, expected, strict=True):
        assert names == tuple(classifier.classes[column] for column in np.argsort(-row))
        assert parts == pytest.approx(np.sort(row)[::-1], abs=1e-6)


def test_no_library_is_made_or_changed(classifier, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "default.lookalike"))
    label_pictures(folder, tmp_path / "colours.npz")
    assert not (tmp_path / "default.lookalike").exists()


def test_choices_say_how_many_classes_are_kept(classifier, folder):
    assert {len(names) for names in label_pictures(folder, classifier, choices=1).labels} == {1}
    assert {len(names) for names in label_pictures(folder, classifier, choices=9).labels} == {3}
    with pytest.raises(UsageError, match="choices"):
        label_pictures(folder, classifier, choices=0)
    row = next(label_pictures(folder, classifier, choices=1).rows().dicts())
    assert (row["second"], row["second_probability"]) == (None, None)


def test_what_cannot_be_read_keeps_its_place_with_its_reason(classifier, tmp_path):
    new = tmp_path / "new"
    good = [tinted(new / f"{at}.png", at, at) for at in range(2)]
    (new / "broken.png").write_bytes(good[0].read_bytes()[:200])
    (new / "notes.txt").write_text("not a picture")
    (tmp_path / "named.txt").write_text("not a picture either")
    result = label_pictures([new, tmp_path / "gone.png", tmp_path / "named.txt"], classifier)
    assert [uri.rsplit("/", 1)[-1] for uri in result.uris] == ["0.png", "1.png", "broken.png", "gone.png", "named.txt"]
    assert result.skipped == 1
    assert [uri for uri, _ in result.failed] == [
        str(new / "broken.png"),
        str(tmp_path / "gone.png"),
        str(tmp_path / "named.txt"),
    ]
    rows = list(result.rows().dicts())
    assert list(rows[0]) == ["uri", "label", "probability", "second", "second_probability", "reason"]
    assert rows[0]["reason"] is None
    assert all(row["label"] is None and row["reason"] for row in rows[2:])


def test_more_pictures_than_a_batch_keep_their_order(classifier, tmp_path):
    for at in range(40):
        tinted(tmp_path / "many" / f"{at:02}.png", at, at % 3)
    told: list[int] = []
    result = label_pictures(tmp_path / "many", classifier, progress=lambda done, total: told.append(done))
    assert [uri[-6:-4] for uri in result.uris] == [f"{at:02}" for at in range(40)]
    assert sum(names[0] == ("red", "green", "blue")[at % 3] for at, names in enumerate(result.labels)) >= 36
    assert told == sorted(set(told))
    assert told[-1] == 40


def test_nothing_to_label_is_an_empty_answer(classifier, tmp_path):
    (tmp_path / "empty").mkdir()
    assert label_pictures(tmp_path / "empty", classifier).rows().values == []
    assert label_pictures([], classifier).uris == ()


def test_a_large_picture_fails_by_the_limit(classifier, folder):
    assert all("pixels" in reason for reason in label_pictures(folder, classifier, max_pixels=100).reasons)


def test_a_url_is_fetched_only_if_it_may_be(classifier, folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/green/0.png"
        refused = label_pictures(url, classifier)
        taken = label_pictures(url, classifier, allow_private_urls=True)
        server.shutdown()
    assert refused.reasons[0]
    assert taken.uris == (url,)
    assert taken.labels[0][0] == "green"


def test_a_classifier_of_another_version_of_its_descriptor_is_refused(classifier, register, folder, tmp_path):
    register(Fake(preprocess="another"))
    with pytest.raises(FingerprintError, match="another preprocessing"):
        label_pictures(folder, tmp_path / "colours.npz")
    lost = Classifier(**{**classifier.__dict__, "descriptors": (("lost", "0"),)})
    with pytest.raises(UnknownDescriptorError, match="lost"):
        label_pictures(folder, lost)


def test_a_network_labels_by_itself(network, folder):
    result = label_pictures(folder, "cnn:colours", choices=3)
    assert [names[0] for names in result.labels] == [uri.split("/")[-2] for uri in result.uris]
    assert all(sum(parts) == pytest.approx(1, abs=1e-5) for parts in result.probabilities)
    by_path = label_pictures(folder, f"onnx:{network / 'model.onnx'}", choices=3)
    assert by_path.probabilities == result.probabilities


def test_a_network_without_classes_says_how_to_make_a_classifier(network, folder):
    (network / "model.json").write_text(json.dumps({"dim": 3, "height": 8}))
    with pytest.raises(UsageError, match=r"cnn:colours is not a classifier: fit one .* --descriptor cnn:colours"):
        label_pictures(folder, "cnn:colours")
    with pytest.raises(UnknownDescriptorError, match="lookalike train cnn"):
        label_pictures(folder, "cnn:other")


def test_a_classifier_can_be_fitted_on_a_networks_vectors(network, folder, tmp_path):
    with lookalike.open(tmp_path / "n.lookalike") as library:
        gallery = library.gallery(folder, descriptor="cnn:colours", labels="folder")
    fit_classifier(gallery, regularisation=0.01).save(tmp_path / "n.npz")
    result = label_pictures(folder, tmp_path / "n.npz")
    assert [names[0] for names in result.labels] == [uri.split("/")[-2] for uri in result.uris]


def test_descriptors_side_by_side_and_standardised_ones_work_without_their_library(fake, folder, tmp_path):
    with lookalike.open(tmp_path / "two.lookalike") as library:
        parts = [library.gallery(folder, descriptor=name, labels="folder", raw=True) for name in ("fake", "haralick")]
        library.add(write_picture(tmp_path / "other" / "x.png", 5), descriptors=["haralick"])  # the scaler changes
        again = [library.gallery(folder, descriptor=name, raw=True) for name in ("fake", "haralick")]
    classifier = fit_classifier(parts)
    classifier.save(tmp_path / "two.npz")
    expected = classifier.probabilities(again)
    assert np.array_equal(expected, classifier.probabilities(parts))
    shutil.rmtree(tmp_path / "two.lookalike")
    result = label_pictures(folder, tmp_path / "two.npz")
    for parts_, row in zip(result.probabilities, expected, strict=True):
        assert parts_[0] == pytest.approx(row.max(), abs=1e-6)


def test_large_pictures_are_described_a_few_at_a_time_with_the_same_answer(classifier, fake, folder, monkeypatch):
    expected = label_pictures(folder, classifier)
    fake.calls.clear()
    label_pictures(folder, classifier)
    assert max(fake.calls) > 2
    fake.calls.clear()
    monkeypatch.setattr("lookalike.labelling.PARCEL_PIXELS", 24 * 32)
    found = label_pictures(folder, classifier)
    assert (found.uris, found.labels) == (expected.uris, expected.labels)
    assert np.allclose(found.probabilities, expected.probabilities, atol=1e-9)
    assert max(fake.calls) == 2


def test_an_iterator_of_pictures_is_gone_through_once(classifier, tmp_path):
    new = [tinted(tmp_path / "new" / f"{at}.png", at, at) for at in range(3)]
    assert label_pictures(iter(new), classifier) == label_pictures(new, classifier)
    assert label_pictures(new[0].read_bytes(), classifier).uris == ("-",)
