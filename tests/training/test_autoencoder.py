"""The autoencoder: what is trained, written, given again and refused."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript", reason="exporting needs onnxscript")

from lookalike.descriptors import get_descriptor  # noqa: E402
from lookalike.descriptors.onnx import read_spec  # noqa: E402
from lookalike.errors import UsageError  # noqa: E402
from lookalike.splitting import read_split  # noqa: E402
from lookalike.training import AutoencoderModel, AutoencoderRecipe, train_autoencoder  # noqa: E402
from lookalike.training import autoencoder as room  # noqa: E402
from lookalike.training.autoencoder import with_autoencoder_settings  # noqa: E402
from lookalike.training.autoencoder_network import autoencoder, code_shape  # noqa: E402
from lookalike.training.autoencoder_plots import _telling, activations_plot, pairs_plot  # noqa: E402

TINY = AutoencoderRecipe(code="2x2x8", side=32, epochs=4, batch=4, patience=0)


def picture(seed: int) -> np.ndarray[Any, Any]:
    """Return a blob on a coloured ground, 40 x 48."""
    random = np.random.default_rng(seed)
    image = np.full((40, 48, 3), random.integers(40, 216, 3), np.uint8)
    centre = tuple(int(number) for number in random.integers(12, 28, 2))
    cv2.circle(image, centre, int(random.integers(6, 12)), [int(value) for value in random.integers(0, 256, 3)], -1)
    return image


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("blobs")
    names = [folder / f"{number:02}.png" for number in range(20)]
    for number, name in enumerate(names):
        Image.fromarray(picture(number)).save(name)
    return [str(name) for name in names]


PARTS = ["val" if number % 5 == 4 else "train" for number in range(20)]


@pytest.fixture(scope="module")
def trained(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("models") / "autoencoder" / "blobs"
    recipe = dataclasses.replace(TINY, epochs=8)
    report = train_autoencoder(files, PARTS, name="blobs", recipe=recipe, device="cpu", folder=folder)
    return report, folder


@pytest.fixture
def quick(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Train for two epochs into a folder of its own, without exporting and drawing; return the report."""
    monkeypatch.setattr(room, "_export", lambda *given: None)
    monkeypatch.setattr(room, "_draw", lambda *given: None)
    monkeypatch.setattr(room, "AutoencoderModel", lambda *given: None)

    def train(folder: str, parts: list[str] = PARTS, uris: list[str] | None = None, **changed: Any) -> Any:
        more = {name: changed.pop(name) for name in ("seed", "progress", "layer") if name in changed}
        recipe = dataclasses.replace(TINY, **{"epochs": 2, **changed})
        return train_autoencoder(
            uris or files, parts, name="one", recipe=recipe, device="cpu", folder=tmp_path / folder, **more
        )

    return train


def codes_of(folder: Path, images: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return AutoencoderModel(folder, "cpu").codes(images)


def test_the_loss_falls_and_the_best_epoch_is_kept(trained: tuple[Any, Path]) -> None:
    report, _ = trained
    losses = [epoch["loss"] for epoch in report.history.epochs]
    held_out = [epoch["val_loss"] for epoch in report.history.epochs]
    assert losses[-1] < 0.6 * losses[0]
    assert dict(report.measures)["val_loss"] == min(held_out) == held_out[report.history.best - 1]
    assert report.pictures == (("train", 16), ("val", 4))


def test_the_export_equals_the_network(trained: tuple[Any, Path]) -> None:
    """The held-out error, measured through the two exported models, is the one that PyTorch measured."""
    report, folder = trained
    model = AutoencoderModel(folder, "cpu")
    spec = model.spec
    shown = [picture(number) for number in range(20) if PARTS[number] == "val"]
    prepared = np.stack([spec.prepare(image) for image in shown])
    drawn = model._decoder.run("images", model.codes(shown), input="vector")
    assert np.square(drawn - prepared).mean() == pytest.approx(dict(report.measures)["val_loss"], rel=1e-4)


def test_encoder_decoder_and_layers_are_exported_to_the_digit(tmp_path: Path) -> None:
    code = "24"  # the others are grids
    torch.manual_seed(0)
    network = autoencoder(code, 32).eval()
    images = np.stack([cv2.resize(picture(number), (32, 32)) for number in range(3)]).astype(np.uint8)
    room._export(network, tmp_path, room._spec(dataclasses.replace(TINY, code=code), network.dim, "x"), images)
    model = AutoencoderModel(tmp_path, "cpu")
    given = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        codes, drawn = network(given)
        layers = network.activations(given)
    assert np.allclose(model.codes(list(images)), codes.numpy(), atol=1e-4)
    wanted = np.clip(drawn.numpy(), 0, 1).transpose(0, 2, 3, 1) * 255
    assert np.abs(model.reconstruct(list(images)) - wanted).max() <= 0.51
    assert model.layers == len(layers)
    for number, layer in enumerate(layers, 1):
        assert np.allclose(model.activations(list(images), number), layer.numpy(), atol=1e-4)


def test_the_code_is_a_descriptor(trained: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = trained
    monkeypatch.setenv("LOOKALIKE_MODELS", str(folder.parent.parent))
    descriptor = get_descriptor("autoencoder:blobs", "cpu")
    vectors = descriptor.embed([picture(0), picture(1)])
    assert vectors.shape == (2, 32)
    assert descriptor.spec.dim == 32
    raw = codes_of(folder, [picture(0), picture(1)])
    assert np.allclose(vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    assert AutoencoderModel("autoencoder:blobs").name == "autoencoder:blobs"


def test_the_code_is_at_least_eight_times_smaller_than_the_picture() -> None:
    assert code_shape("14x14x64", 224) == (64, 14, 14)
    assert code_shape("14x14x96", 224) == (96, 14, 14)  # 18,816 numbers, an eighth of 150,528
    assert code_shape("256", 224) == (256,)
    assert code_shape("28x28x24", 224) == (24, 28, 28)
    for code in ("14x14x97", "18817", "28x28x25"):
        with pytest.raises(UsageError, match="more than an eighth of the picture: at most 18,816"):
            code_shape(code, 224)


@pytest.mark.parametrize("code", ["", "0", "7x7", "7x7x0", "7x14x64", "13x13x8", "-3", "7x7x64x2", "big"])
def test_a_code_of_no_shape_is_refused_with_the_shapes_there_are(code: str) -> None:
    with pytest.raises(UsageError, match=r"write N, 28x28xN or 14x14xN or 7x7xN"):
        code_shape(code, 224)


def test_a_side_that_cannot_be_halved_is_refused() -> None:
    for side in (16, 100):
        with pytest.raises(UsageError, match="multiple of 32"):
            code_shape("8", side)


def test_a_resumed_run_ends_where_an_unbroken_one_ends(quick: Callable[..., Any], tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(stage: str, done: int, total: int, measures: dict[str, float]) -> None:
        if stage == "training" and done == 2:
            raise Stop

    whole = quick("whole", epochs=3)
    with pytest.raises(Stop):
        quick("broken", epochs=3, progress=stop)
    assert (tmp_path / "broken" / "checkpoint.pt").exists()
    assert not (tmp_path / "broken" / "pictures.npy").exists()
    assert quick("broken", epochs=3).history.epochs == whole.history.epochs
    with pytest.raises(Stop):
        quick("other", epochs=3, progress=stop)
    with pytest.raises(UsageError, match="a run with other settings"):
        quick("other", epochs=3, batch=8)


def test_the_same_seed_gives_the_same_run_and_another_another(quick: Callable[..., Any]) -> None:
    first, again, other = (
        quick(str(number), seed=seed).history.epochs for number, seed in enumerate((0, 0, 1))
    )  # fmt: skip
    assert first == again != other


def test_each_setting_changes_the_run(quick: Callable[..., Any]) -> None:
    base = quick("base").history.epochs
    changes: list[dict[str, Any]] = [
        {"batch": 8}, {"learning_rate": 1e-3}, {"mirror": False}, {"code": "2x2x4"}, {"side": 64}
    ]  # fmt: skip
    for number, changed in enumerate(changes):
        assert quick(str(number), **changed).history.epochs != base, changed


def test_patience_stops_early(quick: Callable[..., Any]) -> None:
    report = quick("one", epochs=30, learning_rate=1e-9, patience=1)
    assert report.history.stopped_early
    assert len(report.history.epochs) < 30


def test_the_lists_are_written_and_the_split_can_be_given_again(files: list[str], trained: tuple[Any, Path]) -> None:
    _, folder = trained
    lists = {}
    for part in ("train", "val"):
        with open(folder / f"{part}.csv", newline="", encoding="utf-8") as stream:
            lists[part] = [row["uri"] for row in csv.DictReader(stream)]
    assert lists["train"] == [uri for uri, part in zip(files, PARTS, strict=True) if part == "train"]
    assert lists["val"] == [uri for uri, part in zip(files, PARTS, strict=True) if part == "val"]
    again = read_split(folder / "split.csv")
    assert again.uris == tuple(files)
    assert list(again.parts) == PARTS


def test_everything_promised_lies_in_the_folder(trained: tuple[Any, Path]) -> None:
    report, folder = trained
    assert sorted(path.name for path in folder.iterdir()) == [
        "activations.png", "curves.png", "decoder.onnx", "history.csv", "layers.onnx", "model.json", "model.onnx",
        "reconstructions.png", "split.csv", "train.csv", "val.csv",
    ]  # fmt: skip
    for name in ("activations.png", "curves.png", "reconstructions.png"):
        with Image.open(folder / name) as image:
            assert min(image.size) > 100
    spec = read_spec(folder / "model.json")
    assert (spec.dim, spec.height, spec.width, spec.name) == (32, 32, 32, "autoencoder:blobs")
    assert json.loads((folder / "model.json").read_text("utf-8"))["source"].startswith("a convolutional autoencoder")
    assert report.rows().columns[:3] == ("descriptor", "train_pictures", "val_pictures")


def test_pictures_of_other_parts_and_broken_ones_are_left_out(
    quick: Callable[..., Any], files: list[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    report = quick("one", ["test", *PARTS[1:], "train"], [*files, str(broken)])
    assert report.pictures == (("train", 15), ("val", 4))
    assert [uri for uri, _ in report.failed] == [str(broken)]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"batch": 1}, "batch must be at least 2, not 1"),
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"side": 40}, "multiple of 32 pixels, not 40"),
        ({"code": "9x9x9"}, "no shape of a code"),
        ({"code": "2x2x97"}, "388 numbers is more than an eighth of the picture: at most 384"),
        ({"layer": 0}, "layers 1 to 4 at most, not 0"),
        ({"layer": 9}, "layers 1 to 4 at most, not 9"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_written(
    changed: dict[str, Any], sentence: str, quick: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=sentence):
        quick("one", **changed)
    assert not (tmp_path / "one").exists()


def test_too_few_pictures_are_refused(quick: Callable[..., Any], files: list[str]) -> None:
    with pytest.raises(UsageError, match="3 usable pictures in its part train: an autoencoder needs at least 4"):
        quick("x", ["train"] * 3 + ["val"], files[:4])
    with pytest.raises(UsageError, match="0 usable pictures in its part val"):
        quick("x", ["train"] * 6, files[:6])


def test_a_finished_run_is_only_replaced_when_asked(files: list[str], trained: tuple[Any, Path]) -> None:
    _, folder = trained
    with pytest.raises(UsageError, match="is trained already: give another --name, or --restart"):
        train_autoencoder(files, PARTS, name="blobs", recipe=TINY, device="cpu", folder=folder)


def test_the_layer_decides_what_the_activation_maps_show(trained: tuple[Any, Path], tmp_path: Path) -> None:
    _, folder = trained
    model = AutoencoderModel(folder, "cpu")
    images = [picture(4), picture(9)]
    assert model.layers == 3
    assert model.middle == 2
    shapes = [model.activations(images, layer).shape for layer in (1, 2, 3)]
    assert shapes == [(2, 32, 8, 8), (2, 64, 4, 4), (2, 96, 2, 2)]
    assert np.array_equal(model.activations(images), model.activations(images, 2))
    drawn = []
    for layer in (1, 2):
        activations_plot(images, model.activations(images, layer), layer, tmp_path / f"{layer}.png", "x")
        drawn.append((tmp_path / f"{layer}.png").read_bytes())
    assert drawn[0] != drawn[1]
    with pytest.raises(UsageError, match="has layers 1 to 3, not 4"):
        model.activations(images, 4)


def test_channels_that_tell_the_same_are_not_drawn_twice() -> None:
    random = np.random.default_rng(0)
    strong, other = random.normal(0, 1, (2, 3, 4, 4)).astype(np.float32)
    maps = np.stack([0.5 * other, 0.9 * strong, strong, np.zeros_like(strong)], axis=1)
    assert _telling(maps, 2).tolist() == [2, 0]
    assert sorted(_telling(maps, 9).tolist()) == [0, 1, 2, 3]


def test_no_picture_and_one_picture_are_drawn(trained: tuple[Any, Path], tmp_path: Path) -> None:
    _, folder = trained
    model = AutoencoderModel(folder, "cpu")
    assert model.reconstruct([]).shape == (0, 32, 32, 3)
    one = model.reconstruct([picture(3)])
    both = model.reconstruct([picture(4), picture(3)])
    assert one.dtype == np.uint8
    assert np.abs(one[0].astype(int) - both[1]).max() <= 1
    pairs_plot([picture(3)], one, tmp_path / "one.png", "x", labels=["three"])
    assert (tmp_path / "one.png").stat().st_size > 1000


def test_a_missing_part_is_named(trained: tuple[Any, Path], tmp_path: Path) -> None:
    _, folder = trained
    for name in ("model.json", "model.onnx", "decoder.onnx"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(UsageError, match=r"layers\.onnx cannot be read"):
        AutoencoderModel(tmp_path)


def test_settings_that_are_not_given_stay() -> None:
    assert with_autoencoder_settings(TINY, code=None, epochs=9) == dataclasses.replace(TINY, epochs=9)


def test_the_command_trains_on_a_given_split_and_prints_one_row(
    quick: Callable[..., Any], files: list[str], tmp_path: Path, models: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from lookalike.cli import main

    split = tmp_path / "given.csv"
    split.write_text("uri,part\n" + "".join(f"{uri},{part}\n" for uri, part in zip(files, PARTS, strict=True)), "utf-8")
    small = ["train", "autoencoder", "--side", "32", "--epochs", "1", "--batch", "4", "--format", "json"]
    assert main([*small, "--split", str(split), "--name", "a", "--code", "2x2x8"]) == 0
    said = capfd.readouterr()
    row = json.loads(said.out)
    assert (row["descriptor"], row["train_pictures"], row["val_pictures"], row["code"]) == ("autoencoder:a", 16, 4, 32)
    assert "autoencoder:a: 1 epochs" in said.err
    assert (models / "autoencoder" / "a" / "val.csv").exists()
    assert main([*small, "--split", str(split), "--name", "b", "--code", "16", "-q"]) == 0
    assert json.loads(capfd.readouterr().out)["code"] == 16
    assert main([*small, "--split", str(split), "--code", "5x5x5"]) == 2
    assert "4x4xN or 2x2xN or 1x1xN" in " ".join(capfd.readouterr().err.split())
    assert main([*small, "--split", str(split), str(tmp_path)]) == 2
    assert "not both" in capfd.readouterr().err
