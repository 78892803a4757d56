"""The sheet of an explanation shows both pictures and where the likeness lies, whatever the pictures are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lookalike.regions import Explanation
from lookalike.render import explain_sheet

FLAT = np.full((7, 7), 1 / 49, np.float32)


def heat(row: int, column: int, size: int = 7):
    part = np.zeros((size, size), np.float32)
    part[row, column] = 1
    return part


def explained(**changed) -> Explanation:
    grey = np.full((120, 180, 3), 128, np.uint8)
    a, b = heat(0, 0), heat(6, 6)
    found = Explanation("/p/a.jpg", "/p/b.jpg", "lite0", 0.25, grey, grey[:, :90], a, b, a, b)
    return replace(found, **changed)


def tiles(found: Explanation):
    """Return the two heated pictures, as they lie on the page."""
    page = np.asarray(explain_sheet(found)).astype(int)
    height = round(120 * 460 / 180) if found.image_b.shape[1] == 180 else 460
    top = page.shape[0] - 104 - height
    return page[top : top + height, 40:500], page[top : top + height, 536:996]


def warmth(pixels):
    return (pixels[..., 0] - pixels[..., 2]).mean()


def test_the_heat_lies_where_the_share_is():
    found = explained(image_b=np.full((120, 180, 3), 128, np.uint8))
    a, b = tiles(found)
    assert warmth(a[:60, :60]) > 60 > 0 > warmth(a[-60:, -60:])
    assert warmth(b[-60:, -60:]) > 60 > 0 > warmth(b[:60, :60])
    moved, _ = tiles(replace(found, likeness_a=heat(6, 0)))
    assert warmth(moved[-60:, :60]) > 60 > 0 > warmth(moved[:60, :60])


def test_both_pictures_have_one_scale():
    found = explained(image_b=np.full((120, 180, 3), 128, np.uint8), likeness_b=heat(6, 6) * np.float32(0.3))
    a, b = tiles(found)
    assert warmth(a[:60, :60]) > 60 > warmth(b[-60:, -60:]), "0.3 is little where the most is 1"


def test_the_strongest_places_are_outlined_and_nothing_is_where_there_is_no_likeness():
    def white(found):
        return (np.asarray(explain_sheet(found)) == 255).all(axis=2).sum()

    assert white(explained()) > 200
    none = np.zeros((7, 7), np.float32)
    assert white(explained(likeness_a=none, likeness_b=none, shares_a=none, shares_b=none, distance=1.0)) == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 5), (900, 1200)])
@pytest.mark.parametrize("part", [FLAT, FLAT * 0, heat(3, 3, 14), np.ones((1, 1), np.float32)])
def test_any_picture_and_any_map_can_be_drawn(size, part):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    image.flags.writeable = False
    sheet = explain_sheet(explained(image_a=image, likeness_a=part, shares_a=part, a="Zoë 🦁\n" * 50))
    assert sheet.mode == "RGB"
    assert sheet.width == 1036
    assert 400 < sheet.height < 1300


def test_the_words_change_with_the_figures():
    def head(found):
        return np.asarray(explain_sheet(found))[:148].tobytes()

    sheets = [explained(), explained(distance=0.5), explained(descriptor="lite0:grey"), explained(shares_b=FLAT)]
    assert len({head(found) for found in sheets}) == 4
