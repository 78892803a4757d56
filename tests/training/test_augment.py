from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lookalike.training.augment import NONE, PUBLISHED_ANGLES, USUAL, Augmentation, augment, rotated
from tests.conftest import picture


def test_nothing_is_changed_where_nothing_is_asked():
    image = picture(1)
    assert np.array_equal(augment(image, NONE, np.random.default_rng(0)), image)


@pytest.mark.parametrize("name", ["rotate", "zoom", "shift", "squeeze", "light", "colour"])
def test_each_change_changes_the_picture_more_the_farther_it_may_go(name):
    image = picture(1, 48, 64)
    differences = []
    for bound in (0.0, 0.02, 0.4):
        changes: dict[str, Any] = {name: bound * (40 if name == "rotate" else 1)}
        how = replace(NONE, **changes)
        changed = [augment(image, how, np.random.default_rng(seed)).astype(float) for seed in range(6)]
        differences.append(np.mean([np.abs(one - image).mean() for one in changed]))
    assert differences[0] == 0 < differences[1] < differences[2]


def test_half_of_the_pictures_are_mirrored():
    image = picture(2)
    how = replace(NONE, mirror=True)
    mirrored = [not np.array_equal(augment(image, how, np.random.default_rng(seed)), image) for seed in range(200)]
    assert 70 < sum(mirrored) < 130
    one = next(seed for seed in range(200) if mirrored[seed])
    assert np.array_equal(augment(image, how, np.random.default_rng(one)), image[:, ::-1])


def test_rectangles_are_erased_in_as_many_pictures_as_asked():
    image = np.zeros((40, 40, 3), np.uint8)
    share = [
        np.any(augment(image, replace(NONE, erase=0.3), np.random.default_rng(seed)) == 127) for seed in range(300)
    ]
    assert 0.2 < np.mean(share) < 0.4


def test_the_same_numbers_give_the_same_picture_and_the_input_is_untouched():
    image = picture(3)
    before = image.copy()
    first = augment(image, USUAL, np.random.default_rng(4))
    assert np.array_equal(first, augment(image, USUAL, np.random.default_rng(4)))
    assert not np.array_equal(first, augment(image, USUAL, np.random.default_rng(5)))
    assert np.array_equal(image, before)
    assert first.shape == image.shape
    assert first.dtype == np.uint8


def test_one_setting_does_not_shift_the_others_numbers():
    image = picture(6)
    turned = augment(image, Augmentation(False, 20, 0, 0, 0, 0, 0, 0), np.random.default_rng(8))
    also = augment(image, Augmentation(False, 20, 0, 0, 0, 0.0001, 0, 0), np.random.default_rng(8))
    assert np.abs(turned.astype(int) - also).max() <= 1


def test_the_published_recipe_makes_seventeen_of_one():
    image = picture(7, 64, 64)
    made = rotated(image)
    assert made.shape == (17, 64, 64, 3)
    assert np.array_equal(made[0], image)
    upright = 1 + 2 * PUBLISHED_ANGLES.index(0.0)
    assert np.array_equal(made[upright], image)
    assert np.array_equal(made[upright + 1], image[:, ::-1])
    assert len({one.tobytes() for one in made}) == 16  # the one that is turned by 0 degrees is the picture itself
