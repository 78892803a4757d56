"""A pair is drawn so that what matches lies upon each other and only what differs is coloured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from lookalike.render import pair_sheet, pair_views
from lookalike.render.views import heated, hues, marked, on_picture, shared_region, spread
from lookalike.results import Evidence


def photograph(height: int = 200, width: int = 300, seed: int = 0):
    """Return a picture with shapes and colours at all scales, smooth enough to be moved by parts of a pixel."""
    random = np.random.default_rng(seed)
    layers = [
        cv2.resize(random.random((max(2, height // step), max(2, width // step), 3)), (width, height), None, 0, 0, 2)
        for step in (50, 20, 8)
    ]
    return np.clip(sum(layers) / 3 * 400 - 70, 0, 255).astype(np.uint8)


def work(shape):
    factor = min(1, 320 / max(shape[:2]))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def scaling(shape, to):
    y, x = to[0] / shape[0], to[1] / shape[1]
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])


def evidence(a, b, to_a, **changed) -> Evidence:
    """Return the evidence of a against b, `to_a` taking pixels of b at full scale to pixels of a."""
    back = scaling(b.shape, work(b.shape)) @ np.linalg.inv(to_a) @ np.linalg.inv(scaling(a.shape, work(a.shape)))
    grid = np.stack(np.meshgrid(*(np.linspace(0.2, 0.8, 8) * side for side in work(b.shape)[::-1])), -1).reshape(-1, 2)
    there = np.column_stack([grid, np.ones(len(grid))]) @ np.linalg.inv(back).T
    points = there[:, :2] / there[:, 2:]
    found = Evidence("edited", 0.98, "cropped", 0.99, back, inliers=64, points_a=points, points_b=grid)
    return replace(found, **changed)


def edits():
    """Yield named (a, b, to_a): crop, mirror, turn, perspective, pasted into a large picture."""
    b = photograph()
    crop = np.array([[1.0, 0, -60], [0, 1, -40], [0, 0, 1]])
    mirror = np.array([[-1.0, 0, 299], [0, 1, 0], [0, 0, 1]])
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((150, 100), 30, 1.2)
    corners = np.array([[0, 0], [300, 0], [300, 200], [0, 200]], np.float32)
    moved = np.array([[30, 20], [290, 0], [260, 190], [0, 160]], np.float32)
    yield "crop", cv2.warpPerspective(b, crop, (150, 120)), b, crop
    yield "mirror", cv2.warpPerspective(b, mirror, (300, 200)), b, mirror
    yield "turn", cv2.warpPerspective(b, turn, (300, 200)), b, turn
    angle = np.asarray(cv2.getPerspectiveTransform(corners, moved), np.float64)
    yield "perspective", cv2.warpPerspective(b, angle, (300, 200)), b, angle
    large = photograph(600, 900, 1)
    large[100:300, 200:500] = b
    yield "pasted", b, large, np.array([[1.0, 0, -200], [0, 1, -100], [0, 0, 1]])


CASES = {name: case for name, *case in edits()}


def hot(picture) -> float:
    """Return what part of a picture is coloured by a difference."""
    pixels = picture.astype(int)
    return float((pixels.max(2) - pixels.min(2) > 40).mean())


@pytest.mark.parametrize("name", CASES)
def test_what_is_the_same_lies_upon_each_other_and_is_not_coloured(name):
    a, b, to_a = CASES[name]
    views = pair_views(a, b, evidence(a, b, to_a))
    assert views is not None
    assert hot(views.difference) < 0.005
    # Off by 15 pixels it is: so it is the transform that lays them upon each other.
    off = evidence(a, b, np.array([[1, 0, 15], [0, 1, 15], [0, 0, 1.0]]) @ to_a)
    shifted = pair_views(a, b, off)
    assert shifted is not None
    assert hot(shifted.difference) > 0.05
    apart = np.abs(views.overlay.astype(int) - views.turns).mean()
    assert apart < 3 < np.abs(shifted.overlay.astype(int) - shifted.turns).mean()


def test_what_was_added_is_coloured_and_nothing_else():
    a, b, to_a = CASES["mirror"]
    a = a.copy()
    a[40:80, 20:80] = (255, 0, 0)  # in the mirrored picture: in b it is at the right
    views = pair_views(a, b, evidence(a, b, to_a), side=300)
    assert views is not None
    assert hot(views.difference[45:75, 225:275]) > 0.7
    assert hot(views.difference[:, :200]) == 0


@pytest.mark.parametrize("change", ["negative", "grey", "dark", "tinted"])
def test_another_colour_of_all_is_no_difference(change):
    _, b, _ = CASES["crop"]
    grey = (b @ np.array([0.3, 0.6, 0.1])).astype(np.uint8)
    a = {
        "negative": 255 - b,
        "grey": np.repeat(grey[..., None], 3, axis=2),
        "dark": (b * 0.5 + 10).astype(np.uint8),
        "tinted": (b * np.array([1, 0.8, 0.5])).astype(np.uint8),
    }[change]
    views = pair_views(a, b, evidence(a, b, np.eye(3), negative=change == "negative"), side=300)
    assert views is not None
    assert hot(views.difference) < 0.01
    if change == "negative":
        plain = pair_views(a, b, evidence(a, b, np.eye(3)), side=300)
        assert plain is not None
        assert np.abs(views.overlay.astype(int) - b).mean() < 3, "turned back, it is b again"
        assert plain.overlay.astype(int).std() < 15, "half a picture and half its negative is grey"


@pytest.mark.parametrize("side", [100, 256])
def test_the_views_are_as_large_as_asked_and_small_shares_are_shown_larger(side):
    a, b, to_a = CASES["pasted"]
    views = pair_views(a, b, evidence(a, b, to_a), side=side)
    assert views is not None
    assert views.zoomed
    for picture in (views.a, views.b, views.overlay, views.turns, views.difference):
        assert max(picture.shape) == side
    a, b, to_a = CASES["mirror"]
    whole = pair_views(a, b, evidence(a, b, to_a), side=side)
    assert whole is not None
    assert not whole.zoomed


def test_a_thumbnail_is_drawn_as_the_picture_that_was_verified():
    a, b, to_a = CASES["pasted"]
    found = evidence(a, b, to_a)
    small = cv2.resize(b, (150, 100), interpolation=cv2.INTER_AREA)
    right = pair_views(a, small, found, full_b=b.shape[:2])
    wrong = pair_views(a, small, found)
    assert right is not None
    assert hot(right.difference) < 0.02
    assert wrong is None or hot(wrong.difference) > hot(right.difference)


def test_outlines_are_what_each_picture_shows_of_the_other():
    a, b, to_a = CASES["pasted"]
    shared = shared_region(evidence(a, b, to_a), a.shape[:2], b.shape[:2])
    assert shared is not None
    box = on_picture(shared.outline_b, shared.size_b, b.shape)
    np.testing.assert_allclose([box.min(0), box.max(0)], [[199.5, 99.5], [499.5, 299.5]], atol=0.01)
    corners = [(-0.5, -0.5), (-0.5, 199.5), (299.5, -0.5), (299.5, 199.5)]
    np.testing.assert_allclose(sorted(map(tuple, shared.outline_a.round(6))), corners, atol=0.01)
    faded = marked(b, box)
    assert (faded[200, 350] == b[200, 350]).all()
    assert (faded[500, 700].astype(int) - b[500, 700]).max() > 20
    assert (marked(b, np.array([[-1, -1], [901, -1], [901, 601], [-1, 601]])) == b).all(), "all of it"


@pytest.mark.parametrize(
    "transform",
    [
        None,
        np.zeros((3, 3)),
        np.full((3, 3), np.nan),
        np.array([[1, 0, 5000], [0, 1, 0], [0, 0, 1.0]]),  # beside the picture
        np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1.0]]),  # beyond the horizon
    ],
)
def test_without_a_way_to_lay_them_upon_each_other_both_are_shown_with_the_verdict(transform):
    a, b, _ = CASES["crop"]
    found = Evidence("unrelated", 0.01, "nothing found in both", transform=transform)
    assert pair_views(a, b, found) is None
    sheet = np.asarray(pair_sheet(a, b, found))
    with_proof = np.asarray(pair_sheet(a, b, evidence(*CASES["crop"])))
    assert sheet.shape[0] < with_proof.shape[0] - 200


def test_points_are_spread_and_no_more_than_asked():
    points = np.array([[0.0, 0], [1, 0], [0, 1], [100, 100], [101, 100], [50, 0], [50, 0]])
    chosen = spread(points, 3)
    assert len(chosen) == 3
    assert {tuple(points[at]) for at in chosen} & {(100, 100), (101, 100)}
    assert len(spread(points, 100)) == 6, "one of two in the same place"
    assert len(spread(points, 0)) == len(spread(np.empty((0, 2)), 5)) == 0
    assert hues(np.empty((0, 2))) == []
    assert len(set(hues(np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]])))) == 4


def test_lines_join_matches_across_the_pictures():
    a, b, to_a = CASES["mirror"]
    found = evidence(a, b, to_a)
    gap = np.s_[168:540, 602:634]  # between the two pictures, as high as they are

    def lines(count):
        part = np.asarray(pair_sheet(a, b, found, lines=count))[gap].astype(int)
        return int((part.max(2) - part.min(2) > 60).sum())

    assert lines(0) == 0 < lines(5) < lines(40)


def test_a_difference_is_the_hotter_the_larger_and_noise_is_none():
    levels = np.array([[0, 5, 20, 40, 60, 200]], np.float32)
    drawn = heated(np.full((1, 6), 128, np.float32), levels).astype(int)[0]
    assert np.ptp(drawn[0]) == np.ptp(drawn[1]) == 0
    assert (np.diff(drawn[1:].sum(1)[1:]) < 0).all(), "darker and darker, so that it can be read in grey"


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 5), (900, 1200)])
def test_any_picture_can_be_drawn(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    image.flags.writeable = False
    b = photograph()
    many = evidence(image, image, np.eye(3))
    for one, two in ((image, image), (image, b), (b, image)):
        sheet = pair_sheet(one, two, replace(many, reason="Zoë 🦁\n" * 50), name_a="Zoë 🦁\n" * 50)
        assert sheet.mode == "RGB"
        assert sheet.width == 1236
        assert 200 < sheet.height < 1400


def test_the_words_change_with_the_evidence():
    a, b, to_a = CASES["crop"]
    found = evidence(a, b, to_a)
    changed: list[dict[str, Any]] = [
        {},
        {"verdict": "same-scene"},
        {"probability": 0.5},
        {"reason": "turned"},
        {"share_b": 0.3},
        {"moved": 0.2},
    ]
    sheets = [pair_sheet(a, b, replace(found, **change)) for change in changed]
    assert len({np.asarray(sheet)[:160].tobytes() for sheet in sheets}) == len(changed)
    named = [np.asarray(pair_sheet(a, b, found, name_a=one, name_b=two)) for one, two in (("x", "y"), ("x", "z"))]
    assert (named[0] != named[1]).any()


def test_pictures_given_are_not_changed():
    a, b, to_a = (each.copy() for each in CASES["crop"])
    before = a.copy(), b.copy()
    pair_sheet(a, b, evidence(a, b, to_a))
    assert (a == before[0]).all()
    assert (b == before[1]).all()
