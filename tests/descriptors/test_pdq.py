"""PDQ against Meta's own hashes, against a literal filter, and by what must hold for any picture.

The reference hashes in ../shared/data/pdq are those of Meta's C++ code (PyPI pdqhash 0.2.8) on the RGB that Pillow
decodes.
"""

from __future__ import annotations

import csv
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.descriptors import pdq
from lookalike.descriptors.pdq import (
    MIN_QUALITY,
    ORIENTATIONS,
    PDQ,
    dihedral,
    hash_with_quality,
    nearest_turns,
    quality,
    turn,
    turned_from_hashes,
    turned_hashes,
)
from lookalike.testing import check_descriptor
from lookalike.types import RGBImage

REFERENCE = Path(__file__).resolve().parents[2] / "../shared/data/pdq"

needs_reference = pytest.mark.skipif(
    not (REFERENCE / "reference_hashes.csv").exists(), reason="the reference's pictures are not in ../shared/data/pdq"
)


def bits(a, b):
    """Return how many bits differ between rows of packed hashes."""
    return np.bitwise_count(a ^ b).sum(axis=-1, dtype=int)


def read(hexadecimal):
    return np.frombuffer(bytes.fromhex(hexadecimal), np.uint8)


def read_picture(name):
    with Image.open(REFERENCE / name) as image:
        return np.asarray(image.convert("RGB"))


def blobs(seed, height, width) -> RGBImage:
    """Return a smooth picture, 40 to 215: random cosines, the fine ones fainter."""
    frequency = np.arange(17)
    rows = np.cos(np.pi / height * frequency * (np.arange(height)[:, None] + 0.5))
    columns = np.cos(np.pi / width * frequency * (np.arange(width)[:, None] + 0.5))
    strength = 1 / (1 + np.hypot(frequency[:, None], frequency))
    total = rows @ (strength * np.random.default_rng(seed).normal(size=(3, 17, 17))) @ columns.T
    total -= total.min()
    return np.asarray(40 + 175 * (total / total.max()).transpose(1, 2, 0), np.uint8, order="C")


def noise(seed, height, width, low=0, high=256) -> RGBImage:
    return np.random.default_rng(seed).integers(low, high, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def references():
    with (REFERENCE / "reference_hashes.csv").open(newline="") as file:
        return [(row, read_picture(row["file"])) for row in csv.DictReader(file)]


# The reference's figures.


@needs_reference
def test_hashes_are_those_of_the_reference(references):
    off = [bits(hash_with_quality(image)[0], read(row["hash"])) for row, image in references]
    assert max(off) <= 10
    assert np.median(off) <= 2


@needs_reference
def test_a_hash_in_hexadecimal_is_the_text_that_the_reference_prints(references):
    row, image = references[0]
    assert hash_with_quality(image)[0].tobytes().hex() == row["hash"]


@needs_reference
def test_qualities_are_within_5_of_the_reference(references):
    assert max(abs(quality(image) - int(row["quality"])) for row, image in references) <= 5


@needs_reference
def test_every_orientation_is_that_of_the_reference(references):
    off = [
        bits(hashes, read(row[name]))
        for row, image in references
        for name, hashes in zip(ORIENTATIONS, dihedral(image), strict=True)
    ]
    assert max(off) <= 10
    assert np.median(off) <= 2


@needs_reference
def test_the_orientations_are_the_reference_s_columns_in_its_order(references):
    assert tuple(references[0][0])[3:] == ORIENTATIONS


@needs_reference
def test_an_orientation_is_the_hash_of_the_file_turned_so(references):
    # Tolerance: the specification has a window of even length half a pixel off centre, so a mirrored picture is
    # blurred a little differently. At 1600 x 1004 that and JPEG come to at most 16 bits.
    files = sorted((REFERENCE / "dih").glob("*.jpg"))
    hashes = dihedral(read_picture("dih/bridge-1-original.jpg"))
    for name, expected, file in zip(ORIENTATIONS, hashes, files, strict=True):
        assert bits(hash_with_quality(read_picture(file.relative_to(REFERENCE)))[0], expected) <= 16, name


@needs_reference
def test_an_orientation_of_a_large_picture_is_the_hash_of_it_turned_within_10_bits(references):
    large = [image for row, image in references if row["file"].startswith("dih/")]
    assert len(large) == 8
    for image in large:
        turned = [hash_with_quality(turn(image, name))[0] for name in ORIENTATIONS]
        assert bits(dihedral(image), np.stack(turned)).max() <= 10


@needs_reference
def test_an_edited_picture_is_within_31_bits_of_the_original(references):
    hashes = {row["file"]: hash_with_quality(image)[0] for row, image in references}
    original = hashes["bridge-mods/aaa-orig.jpg"]
    edits = [value for name, value in hashes.items() if name.startswith("bridge-mods/")]
    assert len(edits) == 12
    assert bits(np.stack(edits), original).max() <= 31


# The slow, literal filter.


def literal_box(line):
    """Average a line as the specification's loop does: a running sum that gains on the right and loses on the left."""
    n = len(line)
    window = (n + 127) // 128
    half = (window + 2) // 2
    out, total, count, left, right = [], 0.0, 0, 0, 0
    for _ in range(half - 1):
        total, count, right = total + line[right], count + 1, right + 1
    for _ in range(window - half + 1):
        total, count, right = total + line[right], count + 1, right + 1
        out.append(total / count)
    for _ in range(n - window):
        total, left, right = total + line[right] - line[left], left + 1, right + 1
        out.append(total / count)
    for _ in range(half - 1):
        total, count, left = total - line[left], count - 1, left + 1
        out.append(total / count)
    return out


def literal_buffer(image):
    """Return the specification's 64 x 64 buffer: luminance, box along rows and columns, twice, and decimation."""
    luma = image.astype(float) @ [0.299, 0.587, 0.114]
    for _ in range(2):
        luma = np.array([literal_box(row) for row in luma])
        luma = np.array([literal_box(column) for column in luma.T]).T
    height, width = luma.shape
    return np.array(
        [[luma[int((i + 0.5) * height / 64), int((j + 0.5) * width / 64)] for j in range(64)] for i in range(64)]
    )


def literal_hash(image):
    """Return hash and quality from the literal buffer, coefficient by coefficient and bit by bit."""
    buffer = literal_buffer(image)
    basis = [[np.sqrt(2 / 64) * np.cos(np.pi / 128 * i * (2 * j + 1)) for j in range(64)] for i in range(1, 17)]
    coefficients = (np.array(basis) @ buffer @ np.array(basis).T).ravel()
    median = sorted(coefficients)[127]
    number = sum(1 << place for place, value in enumerate(coefficients) if value > median)
    steps = [*np.diff(buffer, axis=0).ravel(), *np.diff(buffer, axis=1).ravel()]
    return read(f"{number:064x}"), min(100, sum(abs(int(step * 100 / 255)) for step in steps) // 90)


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (5, 7), (63, 65), (64, 64), (100, 129), (128, 256), (257, 300), (385, 200), (513, 640), (97, 1100)],
)
def test_the_fast_filter_gives_the_literal_filter_s_buffer(height, width):
    image = noise(height * width, height, width)
    fast = pdq._shrink_columns(pdq._shrink_rows(image))
    np.testing.assert_allclose(fast, literal_buffer(image), atol=2e-3)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 330), width=st.integers(1, 330), seed=st.integers(0, 99))
def test_the_fast_filter_gives_the_literal_filter_s_buffer_at_any_size(height, width, seed):
    image = noise(seed, height, width)
    fast = pdq._shrink_columns(pdq._shrink_rows(image))
    np.testing.assert_allclose(fast, literal_buffer(image), atol=2e-3)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (200, 300), (300, 200), (410, 333)])
def test_hash_and_quality_are_those_of_the_literal_specification(height, width):
    for image in (blobs(height, height, width), noise(width, height, width)):
        vector, value = hash_with_quality(image)
        expected, expected_value = literal_hash(image)
        assert bits(vector, expected) <= 2  # A coefficient within rounding of the median, and the one it displaces.
        assert abs(value - expected_value) <= 1


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6000), seed=st.integers(0, 99))
def test_an_axis_of_any_length_is_boxed_twice_and_decimated(n, seed):
    line = np.random.default_rng(seed).integers(0, 256, n).astype(float)
    boxed = literal_box(literal_box(line))
    expected = [boxed[int((i + 0.5) * n / 64)] for i in range(64)]
    for values in (line.astype(np.uint8), line.astype(np.float32)):
        np.testing.assert_allclose(pdq._decimated(values[:, None])[:, 0], expected, atol=1e-3)


def test_many_columns_are_decimated_a_part_at_a_time():
    values = noise(4, 520, 3000)
    whole = pdq._decimated(values)
    assert whole.shape == (64, 3000, 3)
    for at in (0, 1500, 2999):
        np.testing.assert_array_equal(whole[:, at], pdq._decimated(values[:, at]))


def test_the_cache_of_axes_is_bounded_and_cannot_be_written_to():
    assert pdq._axis.cache_info().maxsize is not None
    for array in (pdq._axis(300).inputs, pdq._axis(400).last):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


# What holds for any picture.


def test_pdq_keeps_the_contract_of_descriptors():
    check_descriptor(PDQ)
    spec = PDQ.spec
    assert (spec.name, spec.dim, spec.metric, spec.width, spec.weights) == ("pdq", 256, "hamming", 32, "")
    assert spec.min_side == 256
    assert spec.licence.startswith("BSD-3-Clause")


def test_no_pictures_give_no_vectors_and_no_qualities():
    vectors, qualities = PDQ().embed_with_quality([])
    assert vectors.shape == PDQ().embed([]).shape == (0, 32)
    assert qualities.shape == (0,)
    assert vectors.dtype == qualities.dtype == np.uint8


def test_vectors_and_qualities_of_a_batch_are_those_of_its_pictures():
    images = [blobs(1, 200, 300), noise(2, 30, 500), np.zeros((9, 9, 3), np.uint8), blobs(3, 5, 5)]
    vectors, qualities = PDQ().embed_with_quality(images)
    for image, vector, value in zip(images, vectors, qualities, strict=True):
        alone, alone_value = hash_with_quality(image)
        assert np.array_equal(vector, alone)
        assert value == alone_value == quality(image)
    assert np.array_equal(PDQ().embed(images), vectors)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 200), width=st.integers(1, 200), seed=st.integers(0, 99))
def test_any_size_has_a_hash_and_is_left_untouched(height, width, seed):
    image = noise(seed, height, width)
    before = image.copy()
    image.flags.writeable = False
    vector, value = hash_with_quality(image)
    assert vector.shape == (32,)
    assert vector.dtype == np.uint8
    assert 0 <= value <= 100
    assert np.array_equal(dihedral(image)[0], vector)
    assert np.array_equal(turned_hashes(image)[0], vector)
    assert np.array_equal(image, before)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), offset=st.integers(-40, 40))
def test_brightness_changes_hardly_a_bit_and_not_the_quality(seed, offset):
    image = blobs(seed, 90, 140)
    brighter = (image.astype(int) + offset).astype(np.uint8)
    vector, value = hash_with_quality(image)
    other, other_value = hash_with_quality(brighter)
    assert bits(vector, other) <= 2
    assert abs(value - other_value) <= 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999))
def test_half_of_the_bits_are_set(seed):
    vector, _ = hash_with_quality(blobs(seed, 100, 100))
    assert np.bitwise_count(vector).sum() == 128


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), factor=st.sampled_from([0.5, 0.75, 1.5, 2]))
def test_a_resized_picture_is_within_31_bits_and_another_is_not(seed, factor):
    image = blobs(seed, 320, 480)
    resized = Image.fromarray(image).resize((int(480 * factor), int(320 * factor)), Image.Resampling.LANCZOS)
    vector = hash_with_quality(image)[0]
    assert bits(vector, hash_with_quality(np.asarray(resized))[0]) <= 31
    assert bits(vector, hash_with_quality(blobs(seed + 1000, 320, 480))[0]) > 60


def test_a_picture_that_is_not_contiguous_has_the_hash_of_its_copy():
    image = blobs(4, 200, 300)
    for view in (image[::-1, ::-1], image.swapaxes(0, 1), image[::2, ::3], image[:, :, ::-1]):
        assert np.array_equal(hash_with_quality(view)[0], hash_with_quality(view.copy())[0])


def test_red_green_and_blue_weigh_as_in_luminance():
    image = blobs(5, 120, 120)
    level = literal_buffer(image)
    np.testing.assert_allclose(pdq._shrink_columns(pdq._shrink_rows(image)), level, atol=2e-3)
    swapped = literal_buffer(image[:, :, ::-1])
    assert np.abs(swapped - level).max() > 1


def test_pictures_of_less_than_5_pixels_in_a_side_have_no_hash_as_in_the_reference():
    for height, width in [(1, 1), (4, 300), (300, 4)]:
        image = noise(6, height, width)
        vector, value = hash_with_quality(image)
        assert not vector.any()
        assert value == 0
        assert not dihedral(image).any()
        assert not turned_hashes(image).any()
    assert hash_with_quality(noise(6, 5, 5))[0].any()


@settings(max_examples=40, deadline=None)
@given(height=st.integers(5, 700), width=st.integers(5, 700), level=st.integers(0, 255))
def test_flat_pictures_have_an_empty_hash_and_no_quality(height, width, level):
    image = np.full((height, width, 3), level, np.uint8)
    vector, value = hash_with_quality(image)
    assert not vector.any()
    assert value == 0
    assert not turned_hashes(image).any()


def test_stripes_have_no_quality_because_their_hash_would_be_that_of_all_stripes():
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[:, (np.arange(400) // 20) % 2 == 1] = 255
    for image in (stripes, turn(stripes, "rotate_90")):
        vector, value = hash_with_quality(image)
        assert not vector.any()
        assert value == 0


def test_a_faint_picture_has_less_quality():
    image = noise(7, 20, 30).repeat(10, axis=0).repeat(10, axis=1)
    faint = (100 + (image.astype(int) - 100) // 20).astype(np.uint8)
    assert quality(image) >= MIN_QUALITY > quality(faint)


@pytest.mark.parametrize("function", [hash_with_quality, quality, dihedral, turned_hashes])
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), np.uint8),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((0, 20, 3), np.uint8),
        np.zeros((20, 0, 3), np.uint8),
        np.zeros((), np.uint8),
    ],
    ids=lambda image: f"{image.shape} {image.dtype}",
)
def test_what_is_no_picture_is_refused(function, image):
    with pytest.raises(ValueError, match="a picture must be"):
        function(image)


# Turns.


def test_turns_are_what_their_names_say():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    turned = {name: turn(image, name)[:, :, 0].tolist() for name in ORIENTATIONS}
    assert turned == {
        "original": [[0, 1, 2], [3, 4, 5]],
        "rotate_90": [[2, 5], [1, 4], [0, 3]],
        "rotate_180": [[5, 4, 3], [2, 1, 0]],
        "rotate_270": [[3, 0], [4, 1], [5, 2]],
        "flip_x": [[3, 4, 5], [0, 1, 2]],
        "flip_y": [[2, 1, 0], [5, 4, 3]],
        "flip_plus_1": [[0, 3], [1, 4], [2, 5]],
        "flip_minus_1": [[5, 2], [4, 1], [3, 0]],
    }


def test_an_unknown_turn_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"original, rotate_90.*not 'rotate_45'"):
        turn(blobs(8, 10, 10), "rotate_45")


@settings(max_examples=30, deadline=None)
@given(height=st.integers(5, 400), width=st.integers(5, 400), seed=st.integers(0, 99))
def test_turned_hashes_are_the_hashes_of_the_turned_pictures(height, width, seed):
    image = blobs(seed, height, width)
    expected = np.stack([hash_with_quality(turn(image, name))[0] for name in ORIENTATIONS])
    assert bits(turned_hashes(image), expected).max() <= 2


@needs_reference
def test_turned_hashes_of_the_reference_s_pictures_are_those_of_the_turned_pictures(references):
    for row, image in references:
        expected = np.stack([hash_with_quality(turn(image, name))[0] for name in ORIENTATIONS])
        assert bits(turned_hashes(image), expected).max() <= 2, row["file"]


@settings(max_examples=30, deadline=None)
@given(height=st.integers(5, 400), width=st.integers(5, 400), seed=st.integers(0, 99))
def test_turned_hashes_and_dihedral_agree_on_a_picture_and_its_transpose(height, width, seed):
    # Neither mirrors an axis, so neither meets a window that is off centre.
    image = blobs(seed, height, width)
    kept = [ORIENTATIONS.index("original"), ORIENTATIONS.index("flip_plus_1")]
    assert bits(turned_hashes(image)[kept], dihedral(image)[kept]).max() <= 2


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_stored_turned_picture_is_found_with_its_turn(name):
    image, other = blobs(9, 220, 300), blobs(10, 220, 300)
    stored = np.stack([hash_with_quality(turn(image, name))[0], hash_with_quality(other)[0]])
    turns, distances = nearest_turns(stored, turned_hashes(image))
    assert ORIENTATIONS[turns[0]] == name
    assert distances[0] <= 2
    assert distances[1] > 60
    assert turns.shape == distances.shape == (2,)


def test_the_nearest_turn_is_that_of_every_distance_taken_alone():
    random = np.random.default_rng(11)
    stored = random.integers(0, 256, (50, 32), np.uint8)
    turned = random.integers(0, 256, (8, 32), np.uint8)
    turns, distances = nearest_turns(stored, turned)
    table = np.array([[bits(a, b) for b in turned] for a in stored])
    assert np.array_equal(turns, table.argmin(axis=1))
    assert np.array_equal(distances, table.min(axis=1))


def test_equally_near_turns_give_the_first():
    stored = np.zeros((1, 32), np.uint8)
    turns, distances = nearest_turns(stored, np.zeros((8, 32), np.uint8))
    assert (turns.tolist(), distances.tolist()) == ([0], [0])


def test_no_stored_hashes_have_no_turns_and_other_shapes_are_refused():
    turned = turned_hashes(blobs(12, 50, 50))
    turns, distances = nearest_turns(np.empty((0, 32), np.uint8), turned)
    assert turns.shape == distances.shape == (0,)
    for stored, wrong in [(turned[0], turned), (turned, turned[:7]), (turned[:, :31], turned)]:
        with pytest.raises(ValueError, match="stored must be"):
            nearest_turns(stored, wrong)


def test_turning_the_bits_alone_comes_near_turning_the_coefficients():
    images = [blobs(seed, 210, 310) for seed in range(20)]
    from_bits = turned_from_hashes(PDQ().embed(images))
    assert from_bits.shape == (8, 20, 32)
    exact = np.stack([dihedral(image) for image in images], axis=1)
    assert np.array_equal(from_bits[0], exact[0])
    assert bits(from_bits, exact).max() <= 40
    assert turned_from_hashes(np.empty((0, 32), np.uint8)).shape == (8, 0, 32)


# The module as such.


def test_importing_pdq_loads_no_opencv():
    code = "import sys, lookalike.descriptors.pdq; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_exists_and_is_documented():
    assert set(pdq.__all__) <= set(dir(pdq))
    for name in pdq.__all__:
        value = getattr(pdq, name)
        assert not callable(value) or inspect.getdoc(value), name


@pytest.mark.parametrize("shape", [(5, 9), (64, 64), (200, 301), (500, 700), (900, 1300)])
@pytest.mark.parametrize("seen", [lambda image: image, lambda image: image[:, ::-1], lambda image: image[::2, 1::3]])
def test_rows_and_columns_are_those_of_the_whole_matrix_on_the_luminance_of_the_whole_picture(shape, seen):
    image = seen(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))
    luminance = image @ np.array([0.299, 0.587, 0.114])

    def matrix(n):
        window = (n + 127) // 128
        apart = np.arange(n) - np.arange(n)[:, None]
        boxes = ((apart >= window // 2 + 1 - window) & (apart <= window // 2)).astype(float)
        boxes /= boxes.sum(axis=1, keepdims=True)
        return (boxes @ boxes)[((np.arange(64) + 0.5) * n / 64).astype(int)]

    rows = matrix(image.shape[0]) @ luminance
    np.testing.assert_allclose(pdq._shrink_rows(image), rows, atol=2e-4)
    columns = matrix(image.shape[1])
    np.testing.assert_allclose(pdq._shrink_columns(rows.astype(np.float32)), rows @ columns.T, atol=2e-4)
