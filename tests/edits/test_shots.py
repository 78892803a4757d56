"""What is no copy: another shot, pages with one letterhead, plain pictures."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lookalike.edits import STRENGTHS, another_shot, documents, plain
from lookalike.errors import UsageError
from tests.edits.conftest import scene


def misfit(a, b):
    """Return by how many pixels tracked points miss the best single homography, as a mean over all of them."""
    first, second = (cv2.GaussianBlur(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), (0, 0), 1) for x in (a, b))
    points = cv2.goodFeaturesToTrack(first, 250, 0.01, 5)
    there, found, _ = cv2.calcOpticalFlowPyrLK(first, second, points, np.zeros_like(points), winSize=(21, 21))
    kept = found.ravel() > 0
    points, there = points[kept].reshape(-1, 2), there[kept].reshape(-1, 2)
    matrix, _ = cv2.findHomography(points, there, cv2.RANSAC, 1.5)
    moved = cv2.perspectiveTransform(points[None], matrix)[0]
    return float(np.minimum(np.linalg.norm(moved - there, axis=1), 20).mean())


def test_another_shot_is_the_same_scene_and_no_move_of_the_camera_explains_it():
    far = np.zeros(3)
    for seed in range(6):
        image = scene(seed, 210, 320)
        before = image.copy()
        shots = [another_shot(image, seed, strength) for strength in STRENGTHS]
        np.testing.assert_array_equal(image, before)
        assert {shot.shape for shot in shots} == {image.shape}
        assert all(shot.dtype == np.uint8 and shot.flags.c_contiguous for shot in shots)
        far += [misfit(image, shot) for shot in shots]
        same = [np.mean(np.abs(shot.astype(float) - image)) for shot in shots]
        assert max(same) < np.mean(np.abs(image[::-1].astype(float) - image))
    assert 2 < far[0] / 6 < far[1] / 6 < far[2] / 6


def test_an_edit_would_be_explained_by_one_move():
    """The measure of the test above, on a picture that is turned as a whole."""
    image = scene(1, 210, 320)
    matrix = cv2.getRotationMatrix2D((160, 105), 2, 1.05)
    turned = cv2.warpAffine(image, matrix, (320, 210), borderMode=cv2.BORDER_REFLECT_101)
    assert misfit(image, turned) < 1


def test_another_shot_is_decided_by_its_seed(image):
    for strength in STRENGTHS:
        first = another_shot(image, 1, strength)
        np.testing.assert_array_equal(first, another_shot(image, 1, strength))
        assert (first != another_shot(image, 2, strength)).mean() > 0.5


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (16, 16), (15, 240), (700, 500)])
def test_there_is_another_shot_of_a_picture_of_any_size(shape):
    image = scene(2, *shape)
    assert another_shot(image, 1, "strong").shape == image.shape
    assert another_shot(np.full_like(image, 90), 1, "strong").shape == image.shape


def test_wrong_use_is_told(image):
    with pytest.raises(UsageError, match="weak, middle, strong"):
        another_shot(image, 1, "much")
    with pytest.raises(UsageError, match="0 or more"):
        another_shot(image, -1, "weak")
    for make in (documents, plain):
        with pytest.raises(UsageError, match="0 or more"):
            make(-1, 3)
        with pytest.raises(UsageError, match="0 or more"):
            make(3, -1)


def test_pages_share_their_letterhead_and_nothing_else():
    pages = documents(5, 6)
    assert [page.shape for page in pages] == [(800, 600, 3)] * 6
    for number, page in enumerate(pages):
        np.testing.assert_array_equal(page[:115], pages[0][:115])
        np.testing.assert_array_equal(page[755:], pages[0][755:])
        assert page.mean() > 220
        for other in pages[:number]:
            ink, there = page[125:750].min(2) < 128, other[125:750].min(2) < 128
            assert 0.02 < ink.mean() < 0.25
            assert (ink & there).sum() < 0.4 * (ink | there).sum()
    assert (pages[0][:115] < 200).any()
    assert (documents(6, 1)[0][:115] != pages[0][:115]).any()
    np.testing.assert_array_equal(documents(5, 2)[1], pages[1])
    assert documents(5, 0) == []


def test_plain_pictures_are_flat_colours_gradients_and_blank_scans():
    made = plain(3, 30)
    assert len({picture.tobytes() for picture in made}) == 30
    for number, picture in enumerate(made):
        assert 200 <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= 400
        values = picture.astype(float)
        if number % 3 == 0:
            assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1
        elif number % 3 == 1:
            assert values.std((0, 1)).max() > 3
            assert max(np.abs(np.diff(values, axis=0)).max(), np.abs(np.diff(values, axis=1)).max()) < 8
        else:
            assert values.mean() > 215
            assert 0.3 < values[40:-40, 40:-40].std((0, 1)).mean() < 6
    flat = np.array([picture[0, 0] for picture in made[::3]], float)
    gaps = np.abs(flat[:, None] - flat[None]).max(2) + 255 * np.eye(10)
    assert gaps.min() > 8
    np.testing.assert_array_equal(plain(3, 2)[1], made[1])
    assert plain(4, 1)[0].shape != made[0].shape or (plain(4, 1)[0] != made[0]).any()
