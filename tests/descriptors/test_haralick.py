"""Haralick's features beside mahotas, and beside whole-number arithmetic where mahotas is not exact."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import mahotas
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import lookalike.descriptors.haralick as module
from lookalike.decode import decode
from lookalike.descriptors import cooccurrence, get_descriptor
from lookalike.descriptors.haralick import DIRECTIONS, FEATURES, Haralick, grey, haralick
from lookalike.testing import check_descriptor

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
RANDOM = np.random.default_rng(3)


@pytest.fixture(autouse=True, params=["NumPy", "compiled"])
def way(request, monkeypatch):
    """Run each test without and with the extra `compiled`."""
    monkeypatch.setattr(module, "compiles", lambda: request.param == "compiled")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Keep mahotas' many dot products from waking all threads of the linear algebra each time."""
    with threadpool_limits(1):
        yield


def assert_equals_mahotas(levels):
    expected = mahotas.features.haralick(levels)
    found = haralick(levels)
    assert found.shape == expected.shape == (len(DIRECTIONS), len(FEATURES))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def smooth(height, width, top=256):
    walk = np.cumsum(np.cumsum(RANDOM.integers(-2, 3, (height, width)), axis=0), axis=1)
    return (np.abs(walk) % top).astype(np.uint8)


PICTURES = {
    "noise": RANDOM.integers(0, 256, (61, 47), dtype=np.uint8),
    "dark noise": RANDOM.integers(0, 7, (40, 90), dtype=np.uint8),
    "bright noise": RANDOM.integers(240, 256, (40, 90), dtype=np.uint8),
    "two levels": np.where(RANDOM.random((50, 50)) < 0.2, 200, 3).astype(np.uint8),
    "0 and 255": RANDOM.integers(0, 2, (33, 33), dtype=np.uint8) * np.uint8(255),
    "chess board": (np.indices((24, 24)).sum(axis=0) % 2 * 90).astype(np.uint8),
    "stripes": np.tile(np.array([0, 10, 200], np.uint8), (20, 12)),
    "ramp": np.tile(np.arange(256, dtype=np.uint8), (5, 1)),
    "black": np.zeros((9, 11), np.uint8),
    "white": np.full((11, 9), 255, np.uint8),
    "grey": np.full((2, 2), 77, np.uint8),
    "2 x 2": np.array([[1, 2], [3, 250]], np.uint8),
    "2 x 300": smooth(2, 300),
    "301 x 2": smooth(301, 2),
    "soft": smooth(200, 300),
    "soft, few levels": smooth(120, 130, 9),
}


@pytest.mark.parametrize("name", PICTURES)
def test_values_equal_mahotas(name):
    assert_equals_mahotas(PICTURES[name])


def test_values_equal_mahotas_on_many_random_pictures():
    for _ in range(60):
        height, width = RANDOM.integers(2, 60, 2)
        low, high = np.sort(RANDOM.integers(0, 257, 2))
        levels = RANDOM.integers(low, max(high, low + 1), (height, width)).clip(0, 255).astype(np.uint8)
        assert_equals_mahotas(levels)


def test_values_equal_mahotas_on_photographs(photographs):
    for path in photographs[:4]:
        pixels = decode(path.read_bytes(), min_side=200).pixels
        assert_equals_mahotas(grey(pixels))


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_values_equal_mahotas_on_the_shared_photographs():
    for path in sorted((SHARED / "simple").glob("*0.jpg"))[:9]:
        assert_equals_mahotas(grey(decode(path.read_bytes(), min_side=300).pixels))


def shapes():
    yield from PICTURES.values()
    for _ in range(30):
        height, width, top = RANDOM.integers(2, 90, 3)
        yield smooth(height, width, 3 * top)


@pytest.mark.parametrize("interpreted", [False, True])
def test_compiled_loops_count_what_numpy_counts(interpreted, monkeypatch):
    if interpreted:  # the same source by Python itself
        for name in ("count", "summarise"):
            monkeypatch.setattr(cooccurrence, name, getattr(cooccurrence, name).py_func)
    for levels in list(shapes())[: 3 if interpreted else None]:
        top = int(levels.max()) + 1
        expected, found = module._counted(levels, top), module._counted_compiled(levels, top)
        for one, other in zip(expected[:3], found[:3], strict=True):
            assert one.dtype == other.dtype == np.float64
            assert np.array_equal(one, other)
        np.testing.assert_allclose(found.squares, expected.squares, rtol=1e-12)
        np.testing.assert_allclose(found.bits, expected.bits, rtol=1e-12, atol=1e-12)


def test_without_the_extra_nothing_is_compiled_and_nothing_else_changes():
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from lookalike.descriptors.haralick import haralick\n"
        "print(repr(haralick(np.arange(200, dtype=np.uint8).reshape(10, 20)).tolist()))\n"
        "print('lookalike.descriptors.cooccurrence' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    values, compiled = printed.splitlines()
    assert compiled == "False"
    np.testing.assert_allclose(ast.literal_eval(values), haralick(np.arange(200, dtype=np.uint8).reshape(10, 20)))


def by_definition(levels, step):
    """Return mean, variance, correlation, contrast and sum variance of a direction, in fractions."""
    height, width = levels.shape
    down, right = step
    met: Counter[tuple[int, int]] = Counter()
    for row in range(height - down):
        for column in range(max(0, -right), width - max(0, right)):
            one, other = int(levels[row, column]), int(levels[row + down, column + right])
            met[one, other] += 1
            met[other, one] += 1
    count = sum(met.values())
    mean = Fraction(sum(i * n for (i, _), n in met.items()), count)
    variance = sum((i - mean) ** 2 * n for (i, _), n in met.items()) / count
    covariance = sum((i - mean) * (j - mean) * n for (i, j), n in met.items()) / count
    contrast = Fraction(sum((i - j) ** 2 * n for (i, j), n in met.items()), count)
    total = sum((i + j - 2 * mean) ** 2 * n for (i, j), n in met.items()) / count
    return mean, variance, covariance / variance, contrast, total


def test_a_nearly_plain_picture_has_the_right_moments():
    levels = np.full((150, 200), 255, np.uint8)
    levels[70, 90:92] = 254
    found = haralick(levels)
    for row, step in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        mean, variance, correlation, contrast, total = by_definition(levels, step)
        wanted = [float(value) for value in (contrast, correlation, variance, 2 * mean, total)]
        np.testing.assert_allclose(found[row, [1, 2, 3, 5, 6]], wanted, rtol=1e-14)
    assert math.isclose(found[0, 2], 0.5, abs_tol=0.01)


def test_a_plain_picture_has_correlation_1_and_no_information():
    for level in (0, 9, 255):
        expected = [1, 0, 1, 0, 1, 2 * level, 0, 0, 0, level / (level + 1) ** 2, 0, 0, 0]
        found = haralick(np.full((4, 5), level, np.uint8))
        np.testing.assert_allclose(found, [expected] * 4, atol=1e-15)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_a_picture_one_pixel_high_or_wide_is_taken_twice(shape):
    levels = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    with pytest.raises(ValueError, match="empty"):
        mahotas.features.haralick(levels)
    twice = levels
    for axis in (0, 1):
        twice = np.repeat(twice, 2, axis=axis) if shape[axis] == 1 else twice
    assert np.array_equal(haralick(levels), haralick(twice))
    assert_equals_mahotas(twice)


def test_a_turned_picture_has_its_directions_turned():
    levels = smooth(30, 50)
    found, turned = haralick(levels), haralick(np.rot90(levels))
    np.testing.assert_allclose(turned, found[[2, 3, 0, 1]], rtol=1e-12)


def test_counting_in_bands_changes_nothing(monkeypatch):
    levels = smooth(60, 50)
    whole = haralick(levels)
    monkeypatch.setattr(module, "_BAND", 7 * 50)
    assert np.array_equal(haralick(levels), whole)


def test_views_and_read_only_pictures_are_taken():
    levels = smooth(40, 60)
    levels.flags.writeable = False
    assert np.array_equal(haralick(levels[::-1, ::2]), haralick(levels[::-1, ::2].copy()))


@pytest.mark.parametrize("wrong", [np.zeros((0, 3), np.uint8), np.zeros((3, 3)), np.zeros((3, 3, 3), np.uint8)])
def test_what_is_no_grey_picture_is_refused(wrong):
    with pytest.raises(ValueError, match=r"\(height, width\) uint8"):
        haralick(wrong)


def test_grey_is_what_mahotas_calls_so_but_for_its_rounding_errors():
    pixels = RANDOM.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    theirs = mahotas.colors.rgb2grey(pixels).round(6)  # 254.99999999999997 is 255
    assert np.array_equal(grey(pixels), np.floor(theirs))
    truncated = mahotas.colors.rgb2grey(pixels, np.uint8)
    assert (grey(pixels) - truncated).max() <= 1
    assert (grey(pixels) != truncated).mean() < 0.01
    assert grey(np.full((1, 1, 3), 255, np.uint8))[0, 0] == 255


def test_the_descriptor_keeps_the_contract():
    check_descriptor(Haralick)


def test_the_vector_is_the_features_direction_by_direction_in_float32():
    pixels = np.repeat(smooth(20, 30)[:, :, None], 3, axis=2)
    descriptor = get_descriptor("haralick")
    assert np.array_equal(descriptor.embed([pixels])[0], haralick(pixels[:, :, 0]).ravel().astype(np.float32))
    assert descriptor.spec.standardised
    assert descriptor.spec.metric == "l2"


def test_large_jpegs_are_decoded_at_full_scale(tmp_path):
    from PIL import Image

    path = tmp_path / "large.jpg"
    Image.fromarray(np.zeros((1100, 2100), np.uint8)).save(path)
    data = path.read_bytes()
    assert decode(data, min_side=get_descriptor("pdq").spec.min_side).pixels.shape == (275, 525, 3)
    assert decode(data, min_side=Haralick.spec.min_side).pixels.shape == (1100, 2100, 3)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
@pytest.mark.slow
def test_the_textbooks_classifier_reaches_its_figure_on_the_simple_photographs():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    files = sorted((SHARED / "simple").glob("*.jpg"))
    vectors = np.concatenate([Haralick().embed([decode(path.read_bytes()).pixels]) for path in files])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores = cross_val_score(classifier, vectors, [path.stem[:-2] for path in files], cv=5)
    assert scores.mean() > 0.877
