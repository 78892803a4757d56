"""lite0 in whole numbers, held against lite0."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.decode import decode
from lookalike.descriptors import get_descriptor
from lookalike.descriptors.lite0 import Lite0, Lite0Int8

WEIGHTS = Path(lookalike.__file__).parent / "descriptors/weights/lite0-int8.onnx"


@pytest.fixture(scope="module")
def images(photographs):
    return [decode(path.read_bytes(), min_side=256).pixels for path in photographs]


def test_its_vectors_lie_near_those_of_lite0_and_have_the_same_neighbours(images):
    exact, whole = Lite0().embed(images), Lite0Int8().embed(images)
    assert np.linalg.norm(whole, axis=1) == pytest.approx(1, abs=1e-6)
    same = (exact * whole).sum(axis=1)
    assert same.min() > 0.95
    assert (1 - same > 1e-4).all()  # another network, not the same one under two names
    between, among = exact @ exact.T, whole @ whole.T
    for each in (between, among):
        np.fill_diagonal(each, -1)
    assert (between.argmax(axis=1) == among.argmax(axis=1)).mean() > 0.8
    assert np.abs(between - among).mean() < 0.03


def test_a_picture_has_the_same_vector_in_any_company(images):
    descriptor = Lite0Int8()
    together = descriptor.embed(images[:9])
    assert np.array_equal(together, np.concatenate([descriptor.embed([image]) for image in images[:9]]))


def test_its_spatial_vectors_have_its_vector_as_mean(images):
    spatial = Lite0Int8().spatial(images[:2])
    assert spatial.shape == (2, 7, 7, 1280)
    mean = spatial.mean(axis=(1, 2))
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    assert (mean * Lite0Int8().embed(images[:2])).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_no_sum_of_two_products_leaves_16_bits():
    onnx = pytest.importorskip("onnx")
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load(WEIGHTS).graph.initializer}
    whole = [array for name, array in arrays.items() if name.endswith(".weight_quantized")]
    assert len(whole) == 46  # of 49 convolutions
    assert all(array.dtype == np.int8 for array in whole)
    assert max(int(np.abs(array.astype(int)).max()) for array in whole) * 2 * 255 < 1 << 15


def test_the_file_is_the_one_that_was_checked_and_another_descriptor_than_lite0():
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert WEIGHTS.with_suffix(".onnx.sha256").read_text() == f"{digest}  lite0-int8.onnx\n"
    spec = get_descriptor("lite0:int8").spec
    assert spec.weights == digest
    assert spec.fingerprint != get_descriptor("lite0").spec.fingerprint


def test_it_can_be_made_again():
    for package in ("onnx", "skimage", "sklearn", "matplotlib"):
        pytest.importorskip(package)
    tool = Path(__file__).parents[2] / "tools/make_int8.py"
    run = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "lite0-int8.onnx: what this script makes" in run.stdout


def test_a_library_is_searched_by_it(photographs, images, tmp_path):
    with lookalike.open(tmp_path / "x.lookalike") as library:
        library.add(photographs, descriptors=["lite0:int8"])
        found = library.search(photographs[0], 3, descriptor="lite0:int8")
    near = [photographs.index(Path(uri)) for uri in found.uris[0] if uri]
    assert len(near) == 3
    vectors = Lite0Int8().embed([images[0], *(images[at] for at in near)])
    assert found.distances[0] == pytest.approx(1 - vectors[1:] @ vectors[0], abs=2e-3)
