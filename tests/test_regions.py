"""The shares of places: by hand, and by hiding what is said to matter."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.decode import decode
from lookalike.descriptors.lite0 import Lite0
from lookalike.regions import SpatialDescriptor, explain_pictures, hide, likeness, shares, strongest, upsampled
from lookalike.transforms import resize


def some_places(seed: int, rows: int = 7, columns: int = 7):
    return np.random.default_rng(seed).gamma(0.5, size=(rows, columns, 16)).astype(np.float32)


def test_shares_sum_to_one_and_none_is_negative():
    for rows, columns in ((7, 7), (3, 5), (1, 1)):
        found = shares(some_places(1, rows, columns), some_places(2))
        assert found.shape == (rows, columns)
        assert found.dtype == np.float32
        assert found.min() >= 0
        assert found.sum() == pytest.approx(1, abs=1e-5)


def test_shares_divide_the_dot_product_exactly():
    a, b = some_places(1), some_places(2)
    u, v = a.mean(axis=(0, 1), dtype=float), b.mean(axis=(0, 1), dtype=float)
    for part, places, to in ((shares(a, b), a, v), (shares(b, a), b, u)):
        assert (part * (u @ v)).ravel() == pytest.approx((places.reshape(49, 16) @ to) / 49, rel=1e-5)


def test_likeness_is_the_cosine_averaged_over_neighbours():
    places, other = some_places(1, 5, 4), some_places(2, 3, 3)
    mean = other.mean(axis=(0, 1))
    plain = places @ mean / np.linalg.norm(places, axis=2) / np.linalg.norm(mean)
    found = likeness(places, other)
    assert found.shape == (5, 4)
    assert found.dtype == np.float32
    assert found[2, 2] == pytest.approx(plain[1:4, 1:4].mean(), abs=1e-6)
    beyond = np.pad(plain, 1, mode="edge")
    assert found[0, 3] == pytest.approx(beyond[0:3, 3:6].mean(), abs=1e-6)
    assert likeness(places * 3, other * 7) == pytest.approx(found, abs=1e-6), "lengths are no matter"


def test_what_the_other_picture_has_is_alike_and_what_it_has_not_is_not():
    places, other = np.zeros((7, 7, 3), np.float32), np.zeros((2, 2, 3), np.float32)
    places[..., 0] = 1
    places[4:, 4:] = [0, 2, 0]
    other[..., 1] = 1
    assert likeness(places, other)[5, 5] == pytest.approx(1)
    assert (likeness(places, other)[:3, :3] == 0).all()
    assert shares(places, other)[4:, 4:] == pytest.approx(np.full((3, 3), 1 / 9))
    other[:] = [0, 0, 1]
    for nothing in (places, places * 0):
        assert not likeness(nothing, other).any()
        assert not shares(nothing, other).any()


def test_equal_places_share_equally_and_the_length_of_vectors_is_no_matter():
    flat = np.ones((7, 7, 4), np.float32)
    assert shares(flat, flat) == pytest.approx(np.full((7, 7), 1 / 49), abs=1e-6)
    a, b = some_places(3), some_places(4)
    assert shares(a * 3, b * 7) == pytest.approx(shares(a, b), abs=1e-6)


def test_the_strongest_tenth_has_a_fixed_number_of_places_the_first_of_equals():
    assert strongest(np.zeros((7, 7), np.float32)).sum() == 5
    assert np.flatnonzero(strongest(np.zeros((7, 7), np.float32))).tolist() == [0, 1, 2, 3, 4]
    assert strongest(np.zeros((14, 14), np.float32)).sum() == 20
    assert strongest(np.zeros((1, 1), np.float32)).sum() == 1
    part = np.arange(49, dtype=np.float32).reshape(7, 7)
    assert np.flatnonzero(strongest(part)).tolist() == [44, 45, 46, 47, 48]
    assert np.flatnonzero(strongest(part, 0.04)).tolist() == [47, 48]
    part[0, 0] = part[6, 6]
    assert np.flatnonzero(strongest(part, 0.02)).tolist() == [0]


@pytest.mark.parametrize("size", [(70, 140), (1, 1), (3, 500), (7, 7)])
def test_a_map_is_enlarged_smoothly_and_stays_in_its_range(size):
    part = some_places(5)[..., 0]
    found = upsampled(part, *size)
    assert found.shape == size
    assert found.dtype == np.float32
    assert part.min() <= found.min()
    assert found.max() <= part.max()
    corner = np.zeros((7, 7), np.float32)
    corner[0, 6] = 1
    top = np.unravel_index(upsampled(corner, 70, 140).argmax(), (70, 140))
    assert top[0] < 10 < 120 < top[1]


def test_hiding_covers_the_places_and_nothing_else():
    image = np.random.default_rng(0).integers(0, 256, (70, 35, 3), np.uint8)
    before = image.copy()
    places = np.zeros((7, 7), bool)
    places[0, 6] = True
    covered = hide(image, places)
    changed = (covered != image).any(axis=2)
    assert not changed[10:].any()
    assert not changed[:, :30].any()
    assert changed[:10, 30:].mean() > 0.9
    assert covered[0, 34].tolist() == image.reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
    assert np.array_equal(image, before)
    assert np.array_equal(hide(image, places & False), image)
    assert hide(image[:2, :3], ~places).shape == (2, 3, 3), "a picture smaller than the map"


@pytest.fixture(scope="module")
def lite0() -> Lite0:
    return Lite0("cpu")


@pytest.fixture(scope="module")
def pictures(photographs):
    names = ("astronaut", "chelsea", "coffee", "rocket", "china", "flower", "grace_hopper", "motorcycle_left")
    found = {path.stem: decode(path.read_bytes()).pixels for path in photographs if path.stem in names}
    if len(found) < 5:
        pytest.skip("the photographs of scikit-image and scikit-learn are not installed")
    return found


def test_the_half_that_two_pictures_share_is_the_more_alike(lite0, pictures):
    """A is half of one photograph beside half of another; B is the first one: the map of A must say which half."""
    names = sorted(pictures)
    for name, foreign in zip(names, [*names[1:], names[0]], strict=True):
        one, other = resize(pictures[name], 224, 224), resize(pictures[foreign], 224, 224)
        right = one.copy()
        right[:, :112] = other[:, :112]
        found = explain_pictures(right, one, lite0).likeness_a
        assert found[:, 4:].mean() > found[:, :3].mean(), (name, foreign)


def test_hiding_the_strongest_tenth_costs_more_than_hiding_any_tenth(lite0, pictures):
    """The test of bench/explain.py on pairs made by cropping: it fails for a map that is flipped, or flat."""
    dice = np.random.default_rng(0)
    top, lot = [], []
    for image in list(pictures.values())[:6]:
        height, width = image.shape[:2]
        cut = image[height // 8 : height * 3 // 4, width // 4 :]
        found = explain_pictures(image, cut, lite0)
        chosen = strongest(found.likeness_a)
        masks = [chosen, *(dice.permutation(chosen.ravel()).reshape(chosen.shape) for _ in range(6))]
        vectors = lite0.embed([image, cut, *(hide(image, mask) for mask in masks)])
        similar = vectors @ vectors[1]
        top.append(similar[0] - similar[2])
        lot.append(similar[0] - similar[3:].mean())
    assert np.mean(top) > 1.5 * np.mean(lot)
    assert np.mean(np.array(top) > lot) > 0.6


def test_an_explanation_agrees_with_the_descriptor_and_has_a_row_for_each_place(lite0, pictures):
    a, b = pictures["astronaut"], pictures["china"]
    found = explain_pictures(a, b, lite0, ("x", "y"))
    vectors = lite0.embed([a, b])
    assert found.similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)
    assert (found.a, found.b, found.descriptor) == ("x", "y", "lite0")
    rows = list(found.rows().dicts())
    assert len(rows) == found.shares_a.size + found.shares_b.size
    assert sum(row["strongest"] for row in rows) == 2 * round(found.shares_a.size / 10)
    assert rows[8]["share"] == pytest.approx(found.shares_a[1, 1])
    assert rows[8]["likeness"] == pytest.approx(found.likeness_a[1, 1])
    assert (rows[8]["row"], rows[8]["column"]) == (1, 1)
    assert found.carried[1] == pytest.approx(sum(row["share"] for row in rows[49:] if row["strongest"]))
    assert rows[-1]["picture"] == "b"
    back = explain_pictures(b, a, lite0)
    assert np.array_equal(back.shares_a, found.shares_b)
    assert np.array_equal(back.likeness_b, found.likeness_a)


def test_equal_flat_and_tiny_pictures_are_explained_too(lite0, pictures):
    image = pictures["astronaut"]
    same = explain_pictures(image, image, lite0)
    assert same.distance == 0
    assert np.array_equal(same.shares_a, same.shares_b)
    assert np.array_equal(same.likeness_a, same.likeness_b)
    assert np.ptp(same.likeness_a) > 0.1
    for odd in (np.zeros((1, 1, 3), np.uint8), np.full((3, 400, 3), 255, np.uint8)):
        found = explain_pictures(odd, image, lite0)
        assert np.isfinite(found.likeness_a).all()
        assert found.shares_a.sum() == pytest.approx(1, abs=1e-5)


def test_which_descriptors_have_places():
    from lookalike.descriptors import get_descriptor

    assert isinstance(get_descriptor("lite0:grey"), SpatialDescriptor)
    assert not isinstance(get_descriptor("pdq"), SpatialDescriptor)
