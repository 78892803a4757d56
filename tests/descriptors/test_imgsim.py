"""The published AugNet: converted from weights as they are, equal to the published code."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import lookalike.descriptors
from lookalike.descriptors import available, convert_imgsim, get_descriptor, imgsim
from lookalike.descriptors.imgsim import Imgsim, model_file, shortened
from lookalike.errors import LookalikeError, MissingDependencyError
from lookalike.metrics import pairwise
from lookalike.testing import check_descriptor
from tests.descriptors.test_lite0 import PHOTOGRAPHS, photograph

# By imgsim.Vectorizer of PyPI imgsim 0.1.2 with torchvision 0.28.0's resnet50, torch 2.13.0 and OpenCV 5.0 on pictures
# decoded here and reversed to BGR, November 2026: vectors x 32000 as int16, and imgsim.distance between all of them.
GOLDEN = Path(__file__).parent / "imgsim_golden.npz"
WIDTHS = (4, 8, 16, 32)  # of the tiny network's layers

needs_weights = pytest.mark.skipif(
    convert_imgsim.published_weights() is None, reason="the package imgsim is not installed (93 MB)"
)


def installed() -> Path:
    """Return the weights file of the installed package."""
    found = convert_imgsim.published_weights()
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """Keep converted models in a folder of this test's own."""
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    lookalike.descriptors._make.cache_clear()
    yield tmp_path / "models"
    lookalike.descriptors._make.cache_clear()


@pytest.fixture(scope="session")
def converted(tmp_path_factory):
    """Return a models folder with the published weights converted, once for all tests."""
    folder = tmp_path_factory.mktemp("models")
    convert_imgsim.convert(installed(), folder / "imgsim" / "model.onnx")
    return folder


def tiny_state(torch):
    """Return weights by torchvision's names, of a ResNet of 2 + 1 + 1 + 1 narrow bottlenecks and 768 outputs."""
    random = torch.Generator().manual_seed(3)
    state = {}

    def conv(name, norm, outputs, inputs, kernel):
        spread = (2 / (inputs * kernel * kernel)) ** 0.5
        state[f"{name}.weight"] = torch.randn((outputs, inputs, kernel, kernel), generator=random) * spread
        for part, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            state[f"{norm}.{part}"] = torch.rand(outputs, generator=random) + low
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    conv("conv1", "bn1", 4, 3, 7)
    inputs = 4
    for layer, width in enumerate(WIDTHS, 1):
        for block in range(2 if layer == 1 else 1):
            name = f"layer{layer}.{block}"
            conv(f"{name}.conv1", f"{name}.bn1", width, inputs, 1)
            conv(f"{name}.conv2", f"{name}.bn2", width, width, 3)
            conv(f"{name}.conv3", f"{name}.bn3", width * 2, width, 1)
            if block == 0:
                conv(f"{name}.downsample.0", f"{name}.downsample.1", width * 2, inputs, 1)
            inputs = width * 2
    state["fc.weight"] = torch.randn((768, inputs), generator=random) / 400
    state["fc.bias"] = torch.randn(768, generator=random) / 8
    return {f"module.pre.{name}": value for name, value in state.items()}


def tiny_network(torch, state, image):
    """Return the vector of a picture of the right size, by torch: torchvision's ResNet, written out."""
    functional = torch.nn.functional

    def conv(x, name, norm, stride=1):
        def of(part):
            return state[f"module.pre.{norm}.{part}"]

        weight = state[f"module.pre.{name}.weight"]
        x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
        return functional.batch_norm(x, of("running_mean"), of("running_var"), of("weight"), of("bias"))

    x = torch.from_numpy(image[None].transpose(0, 3, 1, 2).copy()).float() / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    x = functional.max_pool2d(conv(x, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for layer in range(1, 5):
        for block in range(2 if layer == 1 else 1):
            name, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            inner = conv(x, f"{name}.conv1", f"{name}.bn1").relu()
            inner = conv(inner, f"{name}.conv2", f"{name}.bn2", stride).relu()
            inner = conv(inner, f"{name}.conv3", f"{name}.bn3")
            short = conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride) if block == 0 else x
            x = (inner + short).relu()
    return functional.linear(x.mean((2, 3)), state["module.pre.fc.weight"], state["module.pre.fc.bias"]).tanh()[0]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package imgsim with a tiny network's weights, whose code raises when it is run; return the weights."""
    torch = pytest.importorskip("torch")
    folder = tmp_path / "site" / "imgsim"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the package was imported')\n")
    state = tiny_state(torch)
    torch.save(state, folder / "model.pth")
    monkeypatch.syspath_prepend(str(folder.parent))
    import hashlib

    digest = hashlib.sha256((folder / "model.pth").read_bytes()).hexdigest()
    monkeypatch.setattr(convert_imgsim.convert, "__defaults__", (digest,))
    return state


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(convert_imgsim, "published_weights", lambda: None)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_tiny_network_is_converted_and_equals_torch(package, models):
    import torch

    assert "imgsim" in available()
    descriptor = get_descriptor("imgsim", "cpu")
    pictures = [noise(350, 420), noise(500, 350, seed=1)]
    vectors = descriptor.embed(pictures)
    assert vectors.shape == (2, 768)
    assert vectors.dtype == np.float32
    for vector, image in zip(vectors, pictures, strict=True):
        expected = tiny_network(torch, package, image).numpy()
        assert 0.1 < np.abs(expected).mean() < 0.9, "tanh hides differences where it is saturated"
        assert np.abs(vector - expected).max() < 1e-4
    assert sorted(path.name for path in (models / "imgsim").iterdir()) == ["model.json", "model.onnx"]
    assert json.loads((models / "imgsim" / "model.json").read_text())["metric"] == "l2"


def test_once_converted_neither_the_package_nor_torch_is_needed(package, monkeypatch):
    before = Imgsim("cpu").embed([noise(40, 50)])
    stamp = model_file().stat().st_mtime_ns
    monkeypatch.setattr(convert_imgsim, "published_weights", lambda: None)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert "imgsim" in available()
    assert np.array_equal(Imgsim("cpu").embed([noise(40, 50)]), before)
    assert model_file().stat().st_mtime_ns == stamp


def test_it_keeps_the_contract(package, monkeypatch):
    monkeypatch.setattr(convert_imgsim, "SIDE", 64)  # quicker
    check_descriptor(lambda: pickle.loads(pickle.dumps(Imgsim("cpu"))))


def test_a_conversion_is_the_same_to_the_byte(package, tmp_path):
    source = installed()
    for name in ("a", "b"):
        convert_imgsim.convert(source, tmp_path / name / "model.onnx")
    assert (tmp_path / "a/model.onnx").read_bytes() == (tmp_path / "b/model.onnx").read_bytes()


def test_without_the_package_it_is_not_listed_and_says_how_to_get_it(nothing_installed):
    assert "imgsim" not in available()
    descriptor = get_descriptor("imgsim")
    assert descriptor.spec.dim == 768
    assert descriptor.embed([]).shape == (0, 768)
    with pytest.raises(
        MissingDependencyError, match=r"pip install 'lookalike\[train\]', then pip install --no-deps imgsim"
    ):
        descriptor.embed([noise(8, 8)])


def test_without_torch_it_says_what_converting_needs(package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"needs PyTorch and onnx: pip install 'lookalike\[train\]'"):
        Imgsim("cpu").embed([noise(8, 8)])


def test_other_weights_are_refused(package, monkeypatch):
    monkeypatch.setattr(convert_imgsim.convert, "__defaults__", ("0" * 64,))
    with pytest.raises(LookalikeError, match=r"model\.pth are not those of imgsim 0\.1\.2: pip install"):
        Imgsim("cpu").embed([noise(8, 8)])
    assert not model_file().exists()


def test_weights_that_would_run_code_are_not_loaded(package, monkeypatch, tmp_path):
    import hashlib

    mark = tmp_path / "was-run"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (mark,))

    import torch

    source = installed()
    torch.save({"module.pre.conv1.weight": Trap()}, source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    with pytest.raises(Exception, match=r"Weights only load failed"):
        convert_imgsim.convert(source, tmp_path / "model.onnx", digest)
    assert not mark.exists()


def test_a_damaged_model_is_noticed(package):
    Imgsim("cpu").embed([noise(8, 8)])
    with model_file().open("r+b") as stream:
        stream.seek(2000)
        stream.write(b"damage")
    with pytest.raises(LookalikeError, match=r"damaged: remove .*imgsim to have them converted again"):
        Imgsim("cpu").embed([noise(8, 8)])


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(package, models):
    models.write_text("a file where the folder should be")
    with pytest.raises(LookalikeError, match="cannot be written"):
        Imgsim("cpu").embed([noise(8, 8)])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((300, 451), (350, 526)),  # 526.17 and 1133.4 are rounded down
        ((1132, 350 * 10 // 10), (1132, 350)),
        ((500, 741), (350, 518)),
        ((1, 1), (350, 350)),
        ((2, 301), (350, 2800)),  # 52,675 as published
        ((301, 2), (2800, 350)),
    ],
)
def test_the_short_side_is_resized_as_published(size, expected):
    assert shortened(noise(*size)).shape[:2] == expected


def test_the_resize_is_opencvs_linear_one():
    import cv2

    image = noise(400, 600)
    assert np.array_equal(shortened(image), cv2.resize(image, (525, 350)))
    assert not np.array_equal(shortened(image), cv2.resize(image, (525, 350), interpolation=cv2.INTER_AREA))


@needs_weights
@pytest.mark.slow
def test_vectors_and_distances_equal_the_published_codes(converted, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MODELS", str(converted))
    golden = np.load(GOLDEN)
    assert tuple(golden["names"]) == PHOTOGRAPHS
    vectors = get_descriptor("imgsim", "cpu").embed([photograph(name) for name in PHOTOGRAPHS])
    assert np.abs(vectors - golden["vectors"] / np.float32(32000)).max() < 1e-3
    assert np.abs(pairwise(vectors, vectors, "l2") - golden["distances"]).max() < 5e-3


def test_ready_tells_of_either(nothing_installed, models):
    assert not imgsim.ready()
    (models / "imgsim").mkdir(parents=True)
    (models / "imgsim" / "model.json").write_text("{}")
    assert imgsim.ready()
