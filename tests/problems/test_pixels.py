"""What pixels say: blur, light, information, colour; on photographs and on pictures made for it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from lookalike.decode import decode
from lookalike.defaults import PROBLEM_THRESHOLDS
from lookalike.demo import shipped_photographs
from lookalike.errors import UsageError
from lookalike.problems import measure_pixels
from lookalike.problems.pixels import is_grey


@pytest.fixture(scope="module", params=["china.jpg", "flower.jpg"])
def photograph(request):
    for path in shipped_photographs():
        if path.name == request.param:
            return decode(path.read_bytes()).pixels
    pytest.skip("scikit-learn, which brings the photographs, is not installed")


def exposed(image, stops):
    """Return a picture taken with so many stops more light, by the curve of sRGB."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    more = np.clip(linear * 2.0**stops, 0, 1)
    curve = np.where(more <= 0.0031308, 12.92 * more, 1.055 * more ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)[image]


def blur_of(image: Any) -> float:
    told = measure_pixels(image).blur
    assert told is not None
    return told


def blurred(image, thousandths):
    return cv2.GaussianBlur(image, (0, 0), thousandths * max(image.shape) / 1000)


def test_blur_grows_with_the_blur_and_is_over_the_threshold_when_it_is_seen(photograph):
    limit = PROBLEM_THRESHOLDS["blurred"]
    told = [blur_of(photograph), *(blur_of(blurred(photograph, s)) for s in (3, 6, 9, 12))]
    assert told == sorted(told)
    assert told[0] < limit < told[2]
    assert told[2] == pytest.approx(6, abs=2.5)  # the picture's own blur is in it


def test_a_picture_smeared_along_a_line_is_blurred(photograph):
    if photograph[0, 0, 0] > 100:
        pytest.skip("all edges of china.jpg that are left lie along the line")
    length = max(photograph.shape) // 25
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    assert blur_of(cv2.filter2D(photograph, -1, kernel)) > PROBLEM_THRESHOLDS["blurred"]


def test_a_picture_that_is_sharp_in_one_part_is_not_blurred(photograph):
    image = blurred(photograph, 10)
    height, width = image.shape[:2]
    part = np.s_[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4]
    image[part] = photograph[part]
    assert blur_of(image) < PROBLEM_THRESHOLDS["blurred"]


def test_a_photograph_measures_the_same_at_whatever_size_it_is_saved(photograph):
    large = cv2.resize(photograph, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one, two = measure_pixels(photograph), measure_pixels(large)
    assert two.blur == pytest.approx(one.blur, rel=0.15)
    assert two.information == pytest.approx(one.information, rel=0.05)
    assert two.highlight == pytest.approx(one.highlight, abs=0.02)
    assert two.shadow == pytest.approx(one.shadow, abs=0.02)


def test_too_little_and_too_much_light_pass_their_thresholds(photograph):
    as_it_is = measure_pixels(photograph)
    assert as_it_is.highlight > PROBLEM_THRESHOLDS["dark"]
    assert as_it_is.shadow < PROBLEM_THRESHOLDS["bright"]
    assert measure_pixels(exposed(photograph, -5)).highlight < PROBLEM_THRESHOLDS["dark"]
    washed = (255 - (255 - photograph.astype(np.int64)) // 3).astype(np.uint8)
    assert measure_pixels(washed).shadow > PROBLEM_THRESHOLDS["bright"]
    assert measure_pixels(exposed(photograph, -2)).highlight < as_it_is.highlight


def test_a_thing_on_white_or_on_black_is_neither_dark_nor_bright():
    for ground, thing in ((255, 20), (0, 235)):
        image = np.full((200, 300, 3), ground, np.uint8)
        image[60:140, 100:200] = thing
        told = measure_pixels(image)
        assert told.highlight > PROBLEM_THRESHOLDS["dark"]
        assert told.shadow < PROBLEM_THRESHOLDS["bright"]
    assert measure_pixels(np.full((50, 50, 3), (230, 0, 0), np.uint8)).highlight > PROBLEM_THRESHOLDS["dark"]
    assert measure_pixels(np.full((50, 50, 3), (255, 255, 0), np.uint8)).shadow < PROBLEM_THRESHOLDS["bright"]


def test_information_is_none_on_a_plain_picture_and_some_on_a_photograph(photograph):
    limit = PROBLEM_THRESHOLDS["low-information"]
    assert measure_pixels(np.full((100, 100, 3), 90, np.uint8)).information == 0
    page = np.full((400, 300, 3), 250, np.uint8)
    page[200:203, 20:40] = 30  # a blank page with a speck
    assert measure_pixels(page).information < limit
    ramp = np.repeat(np.linspace(0, 255, 300).astype(np.uint8)[None, :, None], 200, 0).repeat(3, 2)
    assert measure_pixels(ramp).information < limit
    assert measure_pixels(photograph).information > 2 * limit


def test_grey_is_exact(photograph):
    grey = np.repeat(photograph[..., :1], 3, axis=2)
    assert is_grey(grey)
    assert measure_pixels(grey).grey
    assert not measure_pixels(photograph).grey
    grey[3, 5, 2] ^= 1
    assert not measure_pixels(grey).grey


def test_where_there_is_no_edge_blur_cannot_be_told():
    for shape in ((1, 1, 3), (2, 300, 3), (100, 100, 3)):
        told = measure_pixels(np.full(shape, 128, np.uint8))
        assert told.blur is None
        assert told.information == 0


def test_the_picture_is_not_touched_and_what_is_no_picture_is_refused(photograph):
    before = photograph.copy()
    measure_pixels(photograph[:, ::-1])
    assert np.array_equal(photograph, before)
    for wrong in (photograph[..., 0], photograph.astype(float), photograph[:0]):
        with pytest.raises(UsageError, match="a picture is"):
            measure_pixels(wrong)
