"""What every edit keeps to, and which edits a chain is made of."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from lookalike.edits import FAMILIES, KINDS, STRENGTHS, edit, links
from lookalike.errors import UsageError
from tests.edits.conftest import scene

JOINT = ("pasted", "blended", "collage")
BY_LOT = set(KINDS).difference(
    ("square", "half-turn", "mirror", "mirror-upside", "jpeg", "webp"),
    ("grey", "sepia", "negative", "posterise", "equalise"),
)
PAGE = Path(__file__).parents[2] / "docs/reference/edits.md"


def test_there_are_kinds_of_every_family():
    assert len(KINDS) == len(set(KINDS)) >= 34
    assert set(FAMILIES) == set(KINDS)
    assert set(FAMILIES.values()) == {"geometry", "light and colour", "quality", "overlay", "composition", "chain"}
    assert STRENGTHS == ("weak", "middle", "strong")


@pytest.mark.parametrize("kind", KINDS)
def test_each_strength_changes_the_picture_in_its_own_way_and_always_the_same(kind, image, others):
    before, rest = image.copy(), [other.copy() for other in others]
    made = [edit(image, kind, strength, 5, others) for strength in STRENGTHS]
    for strength, copy in zip(STRENGTHS, made, strict=True):
        assert copy.dtype == np.uint8
        assert copy.shape[2:] == (3,)
        assert copy.flags.c_contiguous
        assert copy.flags.writeable
        assert not any(np.shares_memory(copy, given) for given in (image, *others))
        assert copy.shape != image.shape or (copy != image).any()
        np.testing.assert_array_equal(copy, edit(image, kind, strength, 5, others))
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[1], made[2])
    np.testing.assert_array_equal(image, before)
    assert all(np.array_equal(other, same) for other, same in zip(others, rest, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_by_lot_differs_by_seed(kind, image, others):
    made = [edit(image, kind, "middle", seed, others) for seed in range(8)]
    different = any(one.shape != made[0].shape or (one != made[0]).any() for one in made)
    assert different == (kind in BY_LOT)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (16, 130), (131, 17)])
def test_small_and_narrow_pictures_are_edited_too(height, width, others):
    small = scene(9, height, width)
    for kind in KINDS:
        for strength in STRENGTHS:
            copy = edit(small, kind, strength, 3, [*others, scene(8, 2, 60)])
            assert copy.size
            assert copy.shape != small.shape or (copy != small).any() or height == 1


@pytest.mark.slow
def test_pictures_of_twelve_megapixels_are_edited_too(others):
    large = scene(9, 3000, 4000)
    for kind in (
        "resize-up",
        "rotate-inside",
        "blur",
        "motion-blur",
        "printed",
        "watermark",
        "screenshot",
        "pasted",
        "collage",
    ):
        copy = edit(large, kind, "strong", 3, others)
        assert 250 * 250 < copy.shape[0] * copy.shape[1] <= 40_000_000


def test_a_view_that_is_neither_contiguous_nor_writable_is_edited(image, others):
    view = image[::2, ::-2]
    view.flags.writeable = False
    for kind in KINDS:
        np.testing.assert_array_equal(
            edit(view, kind, "middle", 1, others), edit(view.copy(), kind, "middle", 1, others)
        )


@pytest.mark.parametrize("kind", JOINT)
def test_an_edit_that_needs_another_picture_says_so(kind, image):
    with pytest.raises(UsageError, match="give at least one"):
        edit(image, kind, "weak", 1)


@pytest.mark.parametrize("kind", JOINT)
def test_which_other_pictures_are_given_counts(kind, image, others):
    made = [edit(image, kind, "middle", 1, [other]) for other in others[:2]]
    assert made[0].shape != made[1].shape or (made[0] != made[1]).any()


def test_wrong_use_is_told(image):
    with pytest.raises(UsageError, match="choose one of resize-down"):
        edit(image, "swirl", "weak", 1)
    with pytest.raises(UsageError, match="choose one of weak, middle, strong"):
        edit(image, "mirror", "mild", 1)
    with pytest.raises(UsageError, match="0 or more"):
        edit(image, "mirror", "weak", -1)
    for wrong in (image[..., 0], image.astype(np.float32), image[:0], image[..., :2]):
        with pytest.raises(UsageError, match="uint8"):
            edit(wrong, "mirror", "weak", 1)


@pytest.mark.parametrize(("kind", "count"), [("chain-2", 2), ("chain-3", 3)])
def test_a_chain_is_its_links_one_after_the_other(kind, count, image, others):
    seen: set[str] = set()
    for seed in range(60):
        for strength in STRENGTHS:
            parts = links(kind, strength, seed)
            assert len(parts) == count == len({FAMILIES[part] for part, _ in parts})
            assert "chain" not in {FAMILIES[part] for part, _ in parts}
            levels = [level for _, level in parts]
            assert max(levels, key=STRENGTHS.index) == strength
            assert levels.count("strong") <= 1
            seen.update(part for part, _ in parts)
        assert [part for part, _ in links(kind, "weak", seed)] == [part for part, _ in links(kind, "strong", seed)]
        assert not {part for part, _ in links(kind, "weak", seed, joint=False)} & set(JOINT)
    assert len(seen) > 30
    assert edit(image, kind, "strong", 4).size  # without others


def test_a_chain_of_exact_edits_is_what_they_give_by_hand(image):
    exact = {"mirror": lambda x: x[:, ::-1], "half-turn": lambda x: x[::-1, ::-1], "negative": lambda x: 255 - x}
    tried = 0
    for seed in range(3000):
        parts = [part for part, _ in links("chain-2", "weak", seed, joint=False)]
        if set(parts) <= set(exact):
            by_hand = exact[parts[1]](exact[parts[0]](image))
            np.testing.assert_array_equal(edit(image, "chain-2", "weak", seed), by_hand)
            tried += 1
    assert tried > 1


def test_an_edit_that_is_no_chain_has_itself_as_its_only_link():
    assert links("mirror", "strong", 3) == (("mirror", "strong"),)


def test_the_page_has_every_kind_in_its_family():
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    written = {
        kind: title.lower()
        for title, body in sections.items()
        for kind in re.findall(r"^\| `([\w-]+)` \|", body, re.MULTILINE)
    }
    assert {kind: family + ("s" if family == "chain" else "") for kind, family in FAMILIES.items()} == written
