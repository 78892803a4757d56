"""What single edits do, and that stronger is more of it."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from lookalike.edits import STRENGTHS, edit

SAME_FRAME = (
    "tilt perspective brightness contrast gamma cast saturation grey sepia posterise vignette faded jpeg webp blur "
    "motion-blur sharpen noise salt-and-pepper pixelate text-over watermark stickers occlusion blended"
)


def three(image, kind, seed, others=()):
    return [edit(image, kind, strength, seed, others) for strength in STRENGTHS]


def area(image):
    return image.shape[0] * image.shape[1]


@pytest.mark.parametrize("kind", SAME_FRAME.split())
@pytest.mark.parametrize("seed", [1, 2])
def test_a_stronger_edit_is_farther_from_the_picture(kind, seed, image, others):
    made = three(image, kind, seed, others)
    assert {copy.shape for copy in made} == {image.shape}
    far = [float(np.abs(copy.astype(float) - image).mean()) for copy in made]
    assert far[0] < far[1] < far[2]


@pytest.mark.parametrize("kind", ["resize-down", "aspect", "square", "crop-corner", "crop-centre", "crop-strip"])
def test_a_stronger_edit_leaves_fewer_pixels(kind, image):
    sizes = [area(image), *map(area, three(image, kind, 3))]
    assert sizes == sorted(set(sizes), reverse=True)


@pytest.mark.parametrize("kind", ["resize-up", "border", "blurred-border", "caption-below", "meme"])
def test_a_stronger_edit_adds_more_pixels(kind, image):
    sizes = [area(image), *map(area, three(image, kind, 3))]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("kind", "parts"),
    [("crop-corner", (0.75, 0.55, 0.35)), ("crop-centre", (0.7, 0.45, 0.25)), ("crop-strip", (0.7, 0.5, 0.35))],
)
def test_a_crop_keeps_the_part_of_the_area_that_is_told(kind, parts, places):
    for seed in range(6):
        for copy, part in zip(three(places, kind, seed), parts, strict=True):
            assert area(copy) / area(places) == pytest.approx(part, abs=0.01)
            left, top = copy[0, 0, :2]
            height, width = copy.shape[:2]
            np.testing.assert_array_equal(copy, places[top : top + height, left : left + width])


def test_crops_lie_where_they_should(places):
    corners, strips = set(), set()
    for seed in range(40):
        copy = edit(places, "crop-corner", "strong", seed)
        corners.add((bool(copy[0, 0, 0] == 0), bool(copy[-1, -1, 0] == 249), bool(copy[0, 0, 1] == 0)))
        assert (copy[0, 0, 0] == 0) != (copy[-1, -1, 0] == 249)
        assert (copy[0, 0, 1] == 0) != (copy[-1, -1, 1] == 199)
        strip = edit(places, "crop-strip", "strong", seed)
        strips.add(strip.shape[:2])
        middle = edit(places, "crop-centre", "strong", seed)
        assert middle[0, 0, 0] < 125 < middle[-1, -1, 0]
        assert middle[0, 0, 1] < 100 < middle[-1, -1, 1]
    assert len(corners) == 4
    assert strips == {(70, 250), (200, 88)}


def test_turns_and_mirrors_are_exact_when_weak(image):
    np.testing.assert_array_equal(edit(image, "mirror", "weak", 1), np.fliplr(image))
    np.testing.assert_array_equal(edit(image, "mirror-upside", "weak", 1), np.flipud(image))
    np.testing.assert_array_equal(edit(image, "half-turn", "weak", 1), np.rot90(image, 2))
    np.testing.assert_array_equal(edit(image, "negative", "weak", 1), 255 - image)
    turned = {edit(image, "quarter-turn", "weak", seed).tobytes() for seed in range(12)}
    assert turned == {np.rot90(image).tobytes(), np.rot90(image, -1).tobytes()}


def test_turns_and_mirrors_are_saved_again_when_stronger(image):
    for kind in ("mirror", "mirror-upside", "half-turn", "negative"):
        exact, middle, strong = (copy.astype(float) for copy in three(image, kind, 1))
        assert 0 < np.abs(middle - exact).mean() < np.abs(strong - exact).mean() < 12


@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_turned_picture_has_black_corners_or_none_at_all(strength):
    for shape in ((90, 150), (150, 90), (100, 100)):
        white = np.full((*shape, 3), 255, np.uint8)
        for seed in range(8):
            black = edit(white, "rotate-black", strength, seed)
            assert black[0, 0].max() < 30
            assert black.shape[0] * black.shape[1] > white[..., 0].size
            assert edit(white, "rotate-inside", strength, seed).min() > 0


def test_the_inside_of_a_turned_picture_is_the_largest_rectangle_and_truly_turned(places):
    for strength, (low, high) in zip(STRENGTHS, ((3, 8), (8, 20), (20, 45)), strict=True):
        for seed in range(10):
            copy = edit(places, "rotate-inside", strength, seed).astype(float)
            row = copy[copy.shape[0] // 2]
            step = row[-3, :2] - row[2, :2]  # along a row of the copy, in pixels of the picture
            degrees = abs(float(np.rad2deg(np.arctan2(step[1], step[0]))))
            bare = min(degrees % 90, 90 - degrees % 90)
            assert low - 0.7 <= bare <= high + 0.7
            assert strength == "strong" or degrees < 21
            assert float(np.hypot(*step)) == pytest.approx(copy.shape[1] - 5, rel=0.02)
            assert area(copy) > {"weak": 0.65, "middle": 0.4, "strong": 0.25}[strength] * area(places)


def test_a_jpeg_of_quality_5_is_that_of_pillow(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=5)
    saved = np.asarray(Image.open(file), np.float64)
    assert np.abs(edit(image, "jpeg", "strong", 1) - saved).mean() < 2
    assert np.abs(edit(image, "jpeg", "middle", 1) - saved).mean() > 5


def test_grey_has_no_colour_and_hue_keeps_the_luma(image):
    for strength in ("middle", "strong"):
        copy = edit(image, "grey", strength, 1)
        assert (copy.max(2) == copy.min(2)).all()
    dull = np.clip(image, 90, 165)
    luma = cv2.cvtColor(dull, cv2.COLOR_RGB2GRAY).astype(float)
    turned = cv2.cvtColor(edit(dull, "hue", "strong", 1), cv2.COLOR_RGB2GRAY)
    assert np.abs(turned - luma).mean() < 2
    assert np.abs(edit(dull, "hue", "strong", 1).astype(float) - dull).mean() > 5


def test_posterised_pictures_have_few_levels(image):
    for copy, steps in zip(three(image, "posterise", 1), (8, 5, 3), strict=True):
        assert len(np.unique(copy)) == steps


def test_a_dark_picture_is_brightened_and_a_bright_one_darkened(image):
    for kind in ("brightness", "gamma"):
        for seed in range(4):
            dark, bright = (image // 3), (255 - image // 3)
            assert edit(dark, kind, "middle", seed).mean() > dark.mean()
            assert edit(bright, kind, "middle", seed).mean() < bright.mean()


def test_noise_is_as_strong_as_told():
    flat = np.full((200, 200, 3), 128, np.uint8)
    for copy, sigma in zip(three(flat, "noise", 1), (8, 18, 36), strict=True):
        assert 0.88 * sigma < copy.std() < 1.12 * sigma
    for copy, part in zip(three(flat, "salt-and-pepper", 1), (0.01, 0.04, 0.12), strict=True):
        assert np.mean(copy[..., 0] != 128) == pytest.approx(part, rel=0.15)


def test_rectangles_hide_as_much_as_told():
    unlike = np.full((200, 300, 3), 99, np.uint8)
    for seed in range(5):
        for copy, part in zip(three(unlike, "occlusion", seed), (0.08, 0.2, 0.38), strict=True):
            assert 0.88 * part <= np.mean((copy != 99).any(2)) <= part + 0.02


def test_a_pasted_picture_has_the_part_of_the_others_side_that_is_told():
    red = np.zeros((80, 120, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    for other in (np.zeros((300, 450, 3), np.uint8), np.zeros((450, 300, 3), np.uint8)):
        for copy, part in zip(three(red, "pasted", 2, [other]), (0.6, 0.4, 0.25), strict=True):
            rows, columns = np.nonzero(copy[..., 0] > 128)
            tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
            assert max(tall, wide) / max(copy.shape[:2]) == pytest.approx(part, abs=0.02)
            assert wide / tall == pytest.approx(1.5, rel=0.06)


def test_half_transparent_is_half(image):
    black = np.zeros((30, 30, 3), np.uint8)
    for copy, part in zip(three(image, "blended", 1, [black]), (0.2, 0.35, 0.5), strict=True):
        np.testing.assert_allclose(copy, image * (1 - part), atol=0.6)


def test_a_collage_shows_four_pictures():
    red = np.zeros((90, 120, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    greens = [np.zeros((60, 60, 3), np.uint8) + np.array([0, level, 0], np.uint8) for level in (60, 120, 180)]
    parts = []
    for copy in three(red, "collage", 4, greens):
        colours, counts = np.unique(copy.reshape(-1, 3), axis=0, return_counts=True)
        shown = {tuple(colour.tolist()): int(count) for colour, count in zip(colours, counts, strict=True)}
        assert all((0, level, 0) in shown for level in (60, 120, 180))
        parts.append(shown[255, 0, 0] / area(copy))
    assert parts[0] > 0.5
    assert 0.2 < parts[1] <= 0.25
    assert 0.2 < parts[2] <= 0.25


@pytest.mark.parametrize("seed", range(6))
def test_the_picture_takes_less_and_less_of_a_screen(seed):
    red = np.zeros((200, 300, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    parts = [np.mean((copy == (255, 0, 0)).all(2)) for copy in three(red, "screenshot", seed)]
    assert parts[0] > 0.7
    assert 0.4 < parts[1] < 0.75
    assert 0.15 < parts[2] < 0.4


def test_borders_and_strips_leave_the_picture_as_it_is(image):
    height, width = image.shape[:2]
    for strength in STRENGTHS:
        framed = edit(image, "border", strength, 1)
        edge = (framed.shape[0] - height) // 2
        np.testing.assert_array_equal(framed[edge : edge + height, edge : edge + width], image)
        assert len(np.unique(framed[:edge].reshape(-1, 3), axis=0)) == 1
        np.testing.assert_array_equal(edit(image, "caption-below", strength, 1)[:height], image)
        told = edit(image, "meme", strength, 1)
        bar = (told.shape[0] - height) // 2
        np.testing.assert_array_equal(told[bar : bar + height], image)
        filled = edit(image, "blurred-border", strength, 1)
        top = (filled.shape[0] - height) // 2
        np.testing.assert_array_equal(filled[top : top + height], image)
        assert filled.shape[1] == width
