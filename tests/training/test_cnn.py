from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from lookalike import get_descriptor
from lookalike.decode import decode
from lookalike.descriptors.onnx import OnnxDescriptor, read_spec, trained
from lookalike.errors import LookalikeError, UnknownDescriptorError, UsageError
from lookalike.sources import read_bytes
from lookalike.testing import check_descriptor
from lookalike.training import RECIPES, Recipe, train_cnn, with_settings
from lookalike.training.networks import classifier

torch = pytest.importorskip("torch")

TINY = Recipe("modern", 24, 6, batch=6, learning_rate=3e-3, smoothing=0.0, patience=0)


def model(name: str) -> OnnxDescriptor:
    found = get_descriptor(name)
    assert isinstance(found, OnnxDescriptor)
    return found


def train(data, name="tiny", recipe=TINY, **options):
    return train_cnn(data.uris, data.labels, data.parts, name=name, recipe=recipe, **options)


def test_a_network_learns_to_tell_stripes_and_becomes_descriptor_and_classifier(stripes):
    report = train(stripes, recipe=replace(TINY, epochs=12))
    assert report.history.epochs[-1]["loss"] < report.history.epochs[0]["loss"]
    measures = dict(report.measures)
    assert measures["val_accuracy"] == 1.0
    assert {path.name for path in report.folder.iterdir()} == {
        "model.onnx", "model.json", "history.csv", "curves.png", "split.csv", "predictions.csv"
    }  # fmt: skip
    descriptor = model("cnn:tiny")
    assert descriptor.labels == ("lying", "standing")
    held_out = [row for row, part in enumerate(stripes.parts) if part == "val"]
    pictures = [decode(read_bytes(stripes.uris[row])).pixels for row in held_out]
    chances = descriptor.probabilities(pictures)
    assert chances.sum(1) == pytest.approx(1, abs=1e-5)
    assert [descriptor.labels[best] for best in chances.argmax(1)] == [stripes.labels[row] for row in held_out]
    told = {row[0]: row[4] for row in report.predictions}
    assert [told[stripes.uris[row]] for row in held_out] == pytest.approx(chances.max(1).tolist(), abs=1e-4)
    assert not report.missed().values
    vectors = descriptor.embed(pictures)
    same = np.array([[stripes.labels[a] == stripes.labels[b] for b in held_out] for a in held_out])
    near = vectors @ vectors.T
    assert near[same].mean() > near[~same].mean()
    check_descriptor(lambda: get_descriptor("cnn:tiny"))


@pytest.mark.parametrize("network", ["small", "modern", "lite0"])
def test_the_export_equals_the_network(network, stripes, monkeypatch):
    seen = {}
    original = torch.nn.Module.load_state_dict

    def remember(self, state, *args, **options):
        if hasattr(self, "head"):
            seen["network"] = self
        return original(self, state, *args, **options)

    monkeypatch.setattr(torch.nn.Module, "load_state_dict", remember)
    side = 32 if network == "lite0" else 24
    recipe = Recipe(network, side, 1, batch=8, learning_rate=1e-3, frozen=12)
    report = train(stripes, network, recipe)
    spec = read_spec(report.folder / "model.json")
    pictures = [decode(read_bytes(uri)).pixels for uri in stripes.uris[:4]]
    with torch.no_grad():
        given = torch.from_numpy(np.stack([spec.prepare(picture) for picture in pictures]))
        vectors, logits = seen["network"].cpu().eval()(given)
    descriptor = model(f"cnn:{network}")
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    assert np.abs(descriptor.embed(pictures) - unit.numpy()).max() < 1e-4
    assert np.abs(descriptor.probabilities(pictures) - torch.softmax(logits, 1).numpy()).max() < 1e-4


def test_a_stopped_run_goes_on_to_the_same_end(stripes):
    class Stopped(Exception):
        pass

    def stop(stage, done, total, measures):
        if stage == "training" and done == 2:
            raise Stopped

    whole = train(stripes, "whole", replace(TINY, epochs=4))
    with pytest.raises(Stopped):
        train(stripes, "broken", replace(TINY, epochs=4), progress=stop)
    broken = train(stripes, "broken", replace(TINY, epochs=4))
    assert broken.history.epochs == whole.history.epochs
    assert broken.measures == whole.measures


def test_a_finished_run_is_only_written_over_when_told(stripes):
    first = train(stripes, recipe=replace(TINY, epochs=1))
    with pytest.raises(UsageError, match="trained already"):
        train(stripes, recipe=replace(TINY, epochs=1))
    before = get_descriptor("cnn:tiny")
    again = train(stripes, recipe=replace(TINY, epochs=2), restart=True, seed=1)
    assert first.folder == again.folder
    assert get_descriptor("cnn:tiny").spec.fingerprint != before.spec.fingerprint, "the new one is loaded"


def test_the_split_is_written_and_unreadable_pictures_are_named(stripes, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    report = train_cnn(
        [*stripes.uris, str(broken)], [*stripes.labels, "lying"], [*stripes.parts, "train"], name="tiny",
        recipe=replace(TINY, epochs=1),
    )  # fmt: skip
    assert [uri for uri, _ in report.failed] == [str(broken)]
    assert dict(report.pictures) == {"train": 18, "val": 6}
    with open(report.folder / "split.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["uri"], row["part"]) for row in rows[:-1]] == list(zip(stripes.uris, stripes.parts, strict=True))


@pytest.mark.parametrize(
    ("labels", "parts", "words"),
    [
        (["a"] * 4, ["train", "val"] * 2, "two labels"),
        (["a", "b"] * 2, ["train"] * 4, "no val part"),
        (["a", "b"] * 2, ["val"] * 4, "no train part"),
        (["a", "b", "a", "b"], ["train", "val", "train", "val"], "none to train on"),
    ],
)
def test_what_cannot_be_trained_on_gets_a_sentence(stripes, labels, parts, words):
    with pytest.raises(UsageError, match=words):
        train_cnn(stripes.uris[:4], labels, parts, name="bad", recipe=TINY)


def test_folders_without_a_usable_picture_get_a_sentence(tmp_path):
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(b"no picture")
        paths.append(str(path))
    with pytest.raises(UsageError, match="no usable picture"):
        train_cnn(paths, ["a", "b"] * 2, ["train", "train", "val", "val"], name="bad", recipe=TINY)


def test_models_are_listed_and_unknown_ones_say_what_there_is(stripes):
    assert trained() == ()
    with pytest.raises(UnknownDescriptorError, match="there is none yet"):
        get_descriptor("cnn:tiny")
    train(stripes, recipe=replace(TINY, epochs=1))
    assert trained() == ("cnn:tiny",)
    with pytest.raises(UnknownDescriptorError, match="there is cnn:tiny"):
        get_descriptor("cnn:other")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a:b"])
def test_a_name_that_is_no_folder_is_refused(stripes, name):
    with pytest.raises(UsageError, match="cannot be the name"):
        train(stripes, name)


def test_an_export_that_was_changed_is_refused(stripes):
    report = train(stripes, recipe=replace(TINY, epochs=1))
    with open(report.folder / "model.onnx", "ab") as stream:
        stream.write(b"x")
    with pytest.raises(LookalikeError, match="not the one"):
        get_descriptor("cnn:tiny")


def test_settings_replace_only_what_is_given():
    assert with_settings(RECIPES["small"], epochs=None, side=None, augmentation=True) == RECIPES["small"]
    changed = with_settings(RECIPES["small"], epochs=3, augmentation=False)
    assert (changed.epochs, changed.augmentation.rotate, changed.side) == (3, 0, 64)


def test_the_small_network_is_the_published_one():
    network = classifier("small", 64, 5)
    shapes = [tuple(weight.shape) for weight in network.parameters() if weight.ndim > 1]
    assert shapes == [(32, 3, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (512, 64 * 15 * 15), (5, 512)]


def test_frozen_stages_keep_their_weights():
    network = classifier("lite0", 32, 2, frozen=12)
    free = [stage for stage, part in enumerate(network.trunk.stages) if any(w.requires_grad for w in part.parameters())]
    assert free == list(range(12, 18))
