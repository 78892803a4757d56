from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lookalike.descriptors
from lookalike.descriptors import get_descriptor
from lookalike.descriptors.onnx import trained
from lookalike.errors import UsageError
from tests.conftest import picture, write_picture

torch = pytest.importorskip("torch")

from lookalike.training import AUGNET_RECIPES, train_augnet, with_augnet_settings  # noqa: E402
from lookalike.training.augnet import augnet_loss, augnet_network  # noqa: E402
from lookalike.training.export import export  # noqa: E402

TINY = replace(AUGNET_RECIPES["small"], side=32, dim=16, epochs=4, batch=8, views=3, patience=0)


@pytest.fixture(autouse=True)
def _models(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    lookalike.descriptors._make.cache_clear()
    yield
    lookalike.descriptors._make.cache_clear()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [str(write_picture(folder / f"{seed:02}.png", seed, 40, 56)) for seed in range(24)]


def by_hand(vectors, kind):
    """Return the loss by the paper's words, one view at a time."""
    centres = vectors.mean(1)
    losses = []
    for own, views in enumerate(vectors):
        for one in views:
            likeness = -np.linalg.norm(centres - one, axis=1)
            if kind == "margin":
                losses.append(np.delete(likeness, own).max() - likeness[own])
            else:
                losses.append(np.log(np.exp(likeness).sum()) - likeness[own])
    return np.mean(losses)


@pytest.mark.parametrize("kind", ["margin", "cross-entropy"])
def test_the_loss_is_the_papers(kind):
    vectors = np.random.default_rng(2).normal(size=(5, 3, 7))
    loss, measures = augnet_loss(torch.from_numpy(vectors), kind)
    assert float(loss) == pytest.approx(by_hand(vectors, kind), rel=1e-5)
    assert 0 <= measures["accuracy"] <= 1


def test_views_at_their_own_centres_are_all_told_apart():
    vectors = torch.eye(4)[:, None].repeat(1, 3, 1).requires_grad_()
    loss, measures = augnet_loss(vectors, "margin")
    assert measures["accuracy"] == 1
    assert float(loss.detach()) == pytest.approx(-(2**0.5), abs=1e-6)
    loss.backward()
    assert torch.isfinite(vectors.grad).all(), "a distance of 0 has a slope"


def test_training_lowers_the_loss_and_the_export_is_the_network(pictures, monkeypatch):
    stages, expected = [], []
    images = [picture(seed, 40, 56) for seed in range(4)]

    def watched(network, folder, spec, example):
        given = torch.from_numpy(np.stack([spec.prepare(image) for image in images]))
        with torch.no_grad():
            expected.append(network.cpu().eval()(given).numpy())
        return export(network, folder, spec, example)

    monkeypatch.setattr("lookalike.training.augnet.export", watched)
    report = train_augnet(pictures, name="tiny", recipe=TINY, device="cpu", progress=lambda *told: stages.append(told))
    losses = [epoch["loss"] for epoch in report.history.epochs]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert dict(report.pictures) == {"train": 22, "val": 2}
    assert dict(report.measures).keys() == {"val_loss", "val_accuracy"}
    assert {stage for stage, *_ in stages} == {"reading", "training"}
    assert trained() == ("augnet:tiny",)
    assert sorted(path.name for path in report.folder.iterdir()) == [
        "curves.png", "history.csv", "model.json", "model.onnx", "split.csv",
    ]  # fmt: skip
    with open(report.folder / "split.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["uri"] for row in rows) == sorted(pictures)
    descriptor = get_descriptor("augnet:tiny", "cpu")
    assert (descriptor.spec.metric, descriptor.spec.dim) == ("l2", 16)
    vectors = descriptor.embed(images)
    assert np.abs(vectors - expected[0]).max() < 1e-4
    assert np.abs(vectors).max() <= 1
    assert len(np.unique(vectors.round(4), axis=0)) == 4
    assert json.loads((report.folder / "model.json").read_text())["fit"] == "squash"


@pytest.fixture
def made(monkeypatch):
    """Keep models from being exported, which takes longer than to train them; return their vectors by model name."""
    vectors = {}

    def keep(network, folder, spec, example):
        with torch.no_grad():
            vectors[spec.name] = network.cpu().eval()(torch.from_numpy(example)).numpy()

    monkeypatch.setattr("lookalike.training.augnet.export", keep)
    return vectors


def quick(pictures, name="x", parts=None, seed=0, progress=None, **changed):
    recipe = replace(TINY, **{"epochs": 1, **changed})
    return train_augnet(pictures, parts, name=name, recipe=recipe, seed=seed, device="cpu", progress=progress)


def test_the_same_seed_gives_the_same_model_and_another_another(pictures, made):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        quick(pictures[:12], name, seed=seed)
    assert np.array_equal(made["augnet:a"], made["augnet:b"])
    assert not np.array_equal(made["augnet:a"], made["augnet:c"])


def test_a_stopped_run_goes_on_to_where_an_unbroken_one_ends(pictures, made):
    def stop(stage, done, total, measures):
        if measures and done == 1:
            raise KeyboardInterrupt

    unbroken = quick(pictures[:12], "unbroken", epochs=2)
    with pytest.raises(KeyboardInterrupt):
        quick(pictures[:12], "stopped", epochs=2, progress=stop)
    gone_on = quick(pictures[:12], "stopped", epochs=2)
    assert gone_on.history.epochs == unbroken.history.epochs
    assert np.array_equal(made["augnet:stopped"], made["augnet:unbroken"])


def test_a_given_split_is_kept_and_other_parts_are_left_out(pictures, made):
    parts = ["train"] * 16 + ["val"] * 4 + ["test"] * 4
    report = quick(pictures, parts=parts)
    assert dict(report.pictures) == {"train": 16, "val": 4}
    text = (report.folder / "split.csv").read_text()
    assert pictures[-1] not in text
    assert f"{pictures[16]},,val" in text


def test_copies_of_a_picture_count_once_and_pictures_that_cannot_be_read_are_named(pictures, made, tmp_path):
    copy = str(write_picture(tmp_path / "copy.png", 0, 40, 56))
    (broken := tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    report = quick([*pictures[:9], copy, str(broken)])
    assert sum(dict(report.pictures).values()) == 9
    assert [uri for uri, _ in report.failed] == [str(broken)]


def test_every_setting_changes_the_model(pictures, made):
    settings: list[dict[str, Any]] = [
        {},
        {"loss": "margin"},
        {"views": 2},
        {"batch": 4},
        {"side": 48},
        {"learning_rate": 0.01},
        {"dim": 24},
    ]
    for number, changed in enumerate(settings):
        quick(pictures[:10], str(number), **changed)
    assert len({vectors.tobytes() for vectors in made.values()}) == len(settings)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"trunk": "huge"}, "no trunk 'huge': choose one of small, lite0"),
        ({"loss": "mse"}, "no loss 'mse': choose one of cross-entropy, margin"),
        ({"views": 1}, "views must be at least 2, not 1"),
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"side": 16}, "side must be at least 32, not 16"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(pictures, changed, words):
    with pytest.raises(UsageError, match=words):
        train_augnet(pictures, name="x", recipe=replace(TINY, **changed))


def test_too_few_pictures_are_refused(pictures, tmp_path):
    with pytest.raises(UsageError, match="at least 8 different pictures to train on: there are 7"):
        train_augnet(pictures[:7], name="x", recipe=TINY)
    copies = [str(write_picture(tmp_path / f"{number}.png", 0)) for number in range(9)]
    with pytest.raises(UsageError, match="at least 8 different pictures to train on: there are 1"):
        train_augnet(copies, name="y", recipe=TINY)
    with pytest.raises(UsageError, match="0 different pictures in its part val: it needs two or more"):
        train_augnet(pictures, ["train"] * 24, name="z", recipe=TINY)


def test_a_lite0_trunk_keeps_its_first_stages_and_gives_tanh_vectors():
    recipe = replace(AUGNET_RECIPES["lite0"], dim=32)
    network = augnet_network(recipe).eval()
    fixed = [weight.requires_grad for weight in network.trunk.stages[: recipe.frozen].parameters()]
    assert fixed
    assert not any(fixed)
    assert any(weight.requires_grad for weight in network.trunk.parameters())
    with torch.no_grad():
        vectors = network(torch.zeros(2, 3, 64, 64))
    assert vectors.shape == (2, 32)
    assert float(vectors.abs().max()) <= 1


def test_settings_that_are_none_stay():
    recipe = with_augnet_settings(AUGNET_RECIPES["small"], epochs=3, batch=None)
    assert (recipe.epochs, recipe.batch) == (3, AUGNET_RECIPES["small"].batch)


def test_the_command_trains_on_a_split_and_says_what_it_made(pictures, made, tmp_path, capsys):
    from lookalike.cli import main

    lines = [f"{uri},{'val' if at < 3 else 'train'}" for at, uri in enumerate(pictures[:14])]
    (split := tmp_path / "split.csv").write_text("\n".join(["uri,part", *lines]))
    asked = [
        "train",
        "augnet",
        "--split",
        str(split),
        "--name",
        "told",
        "--side",
        "32",
        "--epochs",
        "1",
        "--format",
        "json",
    ]
    assert main(asked) == 0
    told = capsys.readouterr()
    row = json.loads(told.out)
    assert (row["descriptor"], row["train_pictures"], row["val_pictures"]) == ("augnet:told", 11, 3)
    assert "augnet:told: 1 epochs" in told.err
    assert made["augnet:told"].shape[1] == 256
    assert main([*asked, "--trunk", "huge"]) == 2
    assert "no trunk 'huge': choose one of small, lite0" in capsys.readouterr().err
