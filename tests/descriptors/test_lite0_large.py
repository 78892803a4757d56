"""lite0 on larger pictures."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.decode import decode
from lookalike.descriptors import get_descriptor
from lookalike.descriptors.lite0 import Lite0, Lite0Large
from lookalike.transforms import resize


def test_it_is_the_same_network_on_320_pixels(photographs):
    images = [decode(path.read_bytes(), min_side=512).pixels for path in photographs[:3]]
    fitted = np.stack([resize(image, 320, 320) for image in images])
    raw = Lite0().model.run("vector", fitted)
    expected = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    assert Lite0Large().embed(images) == pytest.approx(expected, abs=1e-6)
    assert np.abs(Lite0().embed(images) - expected).max() > 1e-3


def test_its_spatial_vectors_lie_on_a_finer_grid(photographs):
    images = [decode(photographs[0].read_bytes(), min_side=512).pixels]
    spatial = Lite0Large().spatial(images)
    assert spatial.shape == (1, 10, 10, 1280)
    mean = spatial.mean((1, 2))
    assert mean / np.linalg.norm(mean) == pytest.approx(Lite0Large().embed(images), abs=1e-5)
    assert Lite0().spatial(images).shape == (1, 7, 7, 1280)


def test_it_is_another_descriptor_than_lite0():
    assert get_descriptor("lite0:320").spec.fingerprint != get_descriptor("lite0").spec.fingerprint
    assert get_descriptor("lite0:320").spec.min_side > 320
