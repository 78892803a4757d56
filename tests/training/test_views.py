from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lookalike.training.views import PUBLISHED_VIEWS, Views, view, view_batches
from tests.conftest import picture

NOTHING = Views(1.0, 0.0, 0.0, 1.0, 0.0, 0.0, (0.0, 0.0), (1.0, 1.0), (0.0, 0.0))


def made(how, seed=0, size=48, side=32, image=None):
    return view(picture(3, size, size) if image is None else image, side, how, np.random.default_rng(seed))


def test_a_view_that_changes_nothing_is_the_picture_but_for_the_turn_through_hsv():
    image = picture(3, 32, 32)
    assert np.abs(made(NOTHING, image=image).astype(int) - image).max() <= 6
    assert np.abs(made(NOTHING, image=image).astype(int) - image).mean() < 1.5


@pytest.mark.parametrize("seed", range(5))
def test_views_have_one_size_and_leave_the_picture_untouched(seed):
    image = picture(seed, 60, 60)
    before = image.copy()
    found = made(PUBLISHED_VIEWS, seed, image=image, side=40)
    assert found.shape == (40, 40, 3)
    assert found.dtype == np.uint8
    assert np.array_equal(image, before)


def test_a_mirrored_view_is_mirrored():
    image = picture(3, 32, 32)
    plain, mirrored = made(NOTHING, image=image), made(replace(NOTHING, mirror=1.0), image=image)
    assert np.array_equal(mirrored, plain[:, ::-1])


def test_half_of_the_views_are_mirrored_as_published():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, :16] = 255
    how = replace(NOTHING, mirror=PUBLISHED_VIEWS.mirror)
    random = np.random.default_rng(0)
    mirrored = [view(image, 32, how, random)[16, 2, 0] == 0 for _ in range(400)]
    assert 0.42 < np.mean(mirrored) < 0.58


def test_a_crop_is_between_its_least_part_and_the_whole():
    ramp = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 200, axis=0).repeat(3, axis=2)
    widths = []
    for seed in range(200):
        row = made(replace(NOTHING, crop=0.2), seed, side=64, image=ramp)[32, :, 0].astype(int)
        widths.append((row[-1] - row[0]) / 199)
    assert 0.15 < min(widths) < 0.3
    assert 0.9 < max(widths) <= 1.0


def test_a_shrunken_view_has_lost_detail():
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    sharp = made(NOTHING, image=noise, side=64)
    blurred = made(replace(NOTHING, shrink=1.0, least=0.2), image=noise, side=64)
    assert np.diff(blurred.astype(int), axis=1).std() < np.diff(sharp.astype(int), axis=1).std() / 2


def test_a_turned_view_is_turned_within_its_bounds_and_black_at_the_corners():
    image = np.full((65, 65, 3), 90, np.uint8)
    image[32, 33:] = 255  # a ray to the right
    angles = []
    for seed in range(100):
        found = made(replace(NOTHING, rotate=35.0), seed, image=image, side=65)
        y, x = np.nonzero(found[..., 0] > 170)
        angles.append(np.degrees(np.arctan2((y - 32).mean(), (x - 32).mean())))
        if abs(angles[-1]) > 10:
            assert found[0, 0].max() == 0
    assert 30 < max(angles) < 36
    assert -36 < min(angles) < -30


@pytest.mark.parametrize(
    ("changed", "colour", "expected"),
    [
        ({"hue": 25.0}, (200, 40, 40), None),
        ({"saturation": (-255.0, -255.0)}, (200, 40, 40), (200, 200, 200)),
        ({"saturation": (50.0, 50.0)}, (200, 100, 100), (200, 61, 61)),  # S 128 -> 178
        ({"add": (-50.0, -50.0)}, (120, 120, 120), (70, 70, 70)),
        ({"multiply": (1.25, 1.25)}, (120, 120, 120), (150, 150, 150)),
        ({"multiply": (1.25, 1.25), "add": (50.0, 50.0)}, (240, 240, 240), (255, 255, 255)),
    ],
)
def test_colours_change_as_they_are_told_to(changed, colour, expected):
    image = np.full((16, 16, 3), colour, np.uint8)
    found = made(replace(NOTHING, **changed), image=image, side=16)
    if expected is None:
        hues = {tuple(made(replace(NOTHING, **changed), seed, image=image, side=16)[8, 8]) for seed in range(60)}
        assert len(hues) > 15
        assert all(max(hue) == 200 and min(hue) == 40 for hue in hues), "hue leaves value and saturation alone"
    else:
        assert np.abs(found[8, 8].astype(int) - expected).max() <= 2


def test_batches_are_the_same_for_a_seed_whatever_the_batches_are():
    images = np.stack([picture(seed, 48, 48) for seed in range(6)])
    two = list(view_batches(images, [np.array([4, 1]), np.array([2, 0])], 3, 32, PUBLISHED_VIEWS, 9))
    one = next(iter(view_batches(images, [np.array([0, 1, 2, 4])], 3, 32, PUBLISHED_VIEWS, 9)))
    assert [batch.shape for batch in two] == [(2, 3, 32, 32, 3)] * 2
    assert np.array_equal(np.concatenate(two)[[3, 1, 2, 0]], one)
    other = next(iter(view_batches(images, [np.array([0, 1, 2, 4])], 3, 32, PUBLISHED_VIEWS, 10)))
    assert not np.array_equal(other, one)
    assert not np.array_equal(one[0, 0], one[0, 1]), "views of one picture differ"
    assert list(view_batches(images, [], 3, 32, PUBLISHED_VIEWS, 9)) == []
