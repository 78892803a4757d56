"""Local features: what is found, and that mirrored and negative ones are those of the mirrored and negative picture."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.decode import decode
from lookalike.demo import shipped_photographs
from lookalike.descriptors.local import KEPT, SIDE, local_features, mirrored, negative, working_picture
from lookalike.transforms import resize


def photograph(height: int, width: int):
    """Return a real photograph at this size."""
    return resize(decode(shipped_photographs()[0].read_bytes()).pixels, height, width)


@pytest.mark.parametrize(
    ("predicted", "change"),
    [(mirrored, lambda image: image[:, ::-1]), (negative, lambda image: 255 - image)],
    ids=["mirrored", "negative"],
)
def test_features_of_a_changed_picture_are_known_without_looking(predicted, change):
    image = photograph(240, 320)
    told, seen = predicted(local_features(image, 200)), local_features(np.ascontiguousarray(change(image)), 300)
    agreeing = 0
    for point, row in zip(told.points, told.rows, strict=True):
        near = np.hypot(*(seen.points[:, :2] - point[:2]).T) < 1
        near &= np.abs((seen.points[:, 3] - point[3] + 180) % 360 - 180) < 5
        near &= np.abs(np.log(seen.points[:, 2] / point[2])) < 0.1
        if near.any():
            agreeing += np.abs(seen.rows[near].astype(int) - row.astype(int)).max(1).min() <= 40
    assert agreeing >= 0.9 * len(told.points) > 90


def test_twice_mirrored_or_negated_is_as_it_was():
    found = local_features(photograph(200, 300))
    for change in (mirrored, negative):
        again = change(change(found))
        np.testing.assert_array_equal(again.rows, found.rows)
        np.testing.assert_allclose(again.points, found.points, atol=1e-4)


def test_the_strongest_are_kept_and_rows_are_of_unit_length():
    image = photograph(240, 320)
    few, many = local_features(image, 50), local_features(image)
    assert (len(few.points), few.width, few.height) == (50, 320, 240)
    assert 50 < len(many.points) <= KEPT
    np.testing.assert_array_equal(many.points[:50], few.points)
    lengths = np.linalg.norm(many.rows.astype(float), axis=1)
    assert np.all((lengths > 500) & (lengths < 520))


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (64, 64)])
def test_flat_and_tiny_pictures_have_none(shape):
    found = local_features(np.full((*shape, 3), 90, np.uint8))
    assert (found.points.shape, found.rows.shape, found.width) == ((0, 4), (0, 128), shape[1])


@pytest.mark.parametrize(
    ("size", "expected"), [((640, 480), (320, 240)), ((100, 2000), (16, 320)), ((50, 60), (50, 60))]
)
def test_pictures_are_made_small_but_never_large(size, expected):
    assert working_picture(np.zeros((*size, 3), np.uint8)).shape == (*expected, 3)
    assert max(expected) <= SIDE
