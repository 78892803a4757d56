from __future__ import annotations

import numpy as np
import pytest

from lookalike.transforms import centre_crop, pad_square, resize, resize_short_side
from tests.ugly import picture


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (32, 48), (48, 32), (100, 100), (31, 97), (20, 60)])
def test_resize_gives_exactly_the_size_asked(size):
    assert resize(picture(), *size).shape == (*size, 3)
    assert resize(picture(), *size).dtype == np.uint8


def test_resize_to_the_same_size_changes_nothing():
    assert np.array_equal(resize(picture(), 32, 48), picture())


def test_shrinking_averages_areas():
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 200
    assert np.array_equal(resize(checks, 32, 32), np.full((32, 32, 3), 100, np.uint8))
    by_hand = picture().reshape(16, 2, 24, 2, 3).mean(axis=(1, 3))
    assert np.abs(resize(picture(), 16, 24) - by_hand).max() <= 0.5


def test_enlarging_interpolates_between_neighbours():
    step = np.zeros((1, 2, 3), np.uint8)
    step[0, 1] = 200
    wide = resize(step, 1, 8)[0, :, 0].astype(int)
    assert wide[0] == 0
    assert wide[-1] == 200
    assert (np.diff(wide) >= 0).all()
    assert len(set(wide)) > 3


@pytest.mark.parametrize("shape", [(30, 90), (90, 30), (50, 50), (1, 400), (333, 500), (7, 5)])
def test_the_short_side_is_as_asked_and_the_aspect_kept(shape):
    height, width = resize_short_side(picture(*shape), 24).shape[:2]
    assert min(height, width) == 24
    assert abs(height - shape[0] * 24 / min(shape)) <= 0.5
    assert abs(width - shape[1] * 24 / min(shape)) <= 0.5


def test_the_crop_is_the_centre():
    image = picture(9, 11)
    assert np.array_equal(centre_crop(image, 3, 5), image[3:6, 3:8])
    assert np.array_equal(centre_crop(image, 9, 11), image)


@pytest.mark.parametrize("size", [(10, 5), (5, 12), (100, 100)])
def test_a_crop_larger_than_the_picture_is_refused(size):
    with pytest.raises(ValueError, match=f"{size[0]} x {size[1]} does not fit in a picture of 9 x 11"):
        centre_crop(picture(9, 11), *size)


@pytest.mark.parametrize("fill", [0, 127, 255])
def test_padding_centres_the_picture_in_grey(fill):
    image = picture(10, 16)
    square = pad_square(image, fill)
    assert square.shape == (16, 16, 3)
    assert np.array_equal(square[3:13], image)
    assert (square[:3] == fill).all()
    assert (square[13:] == fill).all()
    assert np.array_equal(pad_square(image), pad_square(image, 127))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: resize(image, 10, 20),
        lambda image: resize_short_side(image, 99),
        lambda image: centre_crop(image, 5, 5),
        pad_square,
    ],
)
def test_the_picture_given_is_left_untouched(change):
    image = picture()
    image.flags.writeable = False
    assert change(image).dtype == np.uint8
    assert np.array_equal(image, picture())
    turned = np.asfortranarray(picture())
    assert np.array_equal(change(turned), change(picture()))
