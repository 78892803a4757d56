"""Verification: known edits of real photographs are found with their transform; what is no copy is told apart."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from lookalike.decode import decode
from lookalike.demo import shipped_photographs
from lookalike.duplicates.verify import CopyVerifier, judge, look
from lookalike.duplicates.verify.matching import poses
from lookalike.duplicates.verify.pair import MEASURES, measure
from lookalike.duplicates.verify.probability import copy_probability, scene_probability, score
from lookalike.edits import another_shot, documents, edit, plain
from lookalike.transforms import resize
from lookalike.types import RGBImage


def photographs(count: int) -> list[RGBImage]:
    """Return real photographs, 320 x 240."""
    found = []
    for path in shipped_photographs()[:count]:
        image = decode(path.read_bytes()).pixels
        height, width = image.shape[:2]
        part = min(height, width * 3 // 4)
        found.append(resize(np.ascontiguousarray(image[:part, : part * 4 // 3]), 240, 320))
    return found


@pytest.fixture(scope="module")
def images() -> list[RGBImage]:
    return photographs(4)


def warped(image: RGBImage, matrix: np.ndarray) -> RGBImage:
    return np.asarray(cv2.warpAffine(image, matrix[:2], (320, 240), borderMode=cv2.BORDER_CONSTANT), np.uint8)


def turn(degrees: float, scale: float) -> np.ndarray:
    return np.vstack([cv2.getRotationMatrix2D((160, 120), degrees, scale), [0, 0, 1]])


@pytest.mark.parametrize(
    "matrix",
    [turn(0, 1), turn(37, 1), turn(-120, 0.6), turn(5, 0.35), np.array([[1.2, 0.1, -20], [0, 0.9, 5], [0, 0, 1]]),
     np.diag([0.36, 1, 1]) @ turn(25, 1)],
    ids=["as it is", "37 degrees", "-120 degrees, .6", "small", "sheared", "25 degrees, squeezed"],
)  # fmt: skip
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("negative", [False, True])
def test_the_transform_of_a_known_edit_is_found(images, matrix, mirrored, negative):
    a = images[0]
    if mirrored:
        matrix = matrix @ np.array([[-1.0, 0, 319], [0, 1, 0], [0, 0, 1]])
    b = warped(a, matrix)
    b = 255 - b if negative else b
    found = measure(look(a), look(b))
    assert (found.mirrored, found.negative) == (mirrored, negative)
    assert found.alignment is not None
    corners = np.array([[0, 0, 1], [319, 0, 1], [0, 239, 1], [319, 239, 1.0]])
    there, wanted = (corners @ m.T for m in (found.alignment.transform, matrix))
    assert np.abs(there[:, :2] / there[:, 2:] - wanted[:, :2]).max() < 2.0
    assert found.alignment.agreeing > 0.85
    assert found.alignment.moved < 0.02


def test_shares_are_parts_of_the_area(images):
    crop = np.ascontiguousarray(images[0][60:180, 80:240])
    evidence = CopyVerifier().verify(crop, images[0])
    assert evidence.verdict == "edited"
    assert evidence.share_a == pytest.approx(1.0, abs=0.02)
    assert evidence.share_b == pytest.approx(0.25, abs=0.01)
    assert "cropped to 25 %" in evidence.reason


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("mirror", "mirrored"),
        ("negative", "negative"),
        ("grey", "in grey"),
        ("quarter-turn", "turned by"),
        ("rotate-black", "turned by"),
        ("crop-centre", "cropped to"),
        ("blur", "blurred"),
        ("noise", "noise"),
        ("aspect", "stretched"),
        ("perspective", "slant"),
        ("border", "with a border"),
        ("brightness", "er"),
        ("occlusion", "covered or changed"),
    ],
)
def test_edits_are_found_and_said_in_words(images, kind, words):
    seen = [CopyVerifier().verify(edit(image, kind, "middle", 7, images), image) for image in images[:3]]
    assert all(one.verdict == "edited" and one.probability > 0.9 for one in seen)
    assert sum(words in one.reason for one in seen) >= 2, [one.reason for one in seen]


def test_a_resized_and_recompressed_picture_is_the_same_picture(images):
    for kind in ("resize-down", "resize-up", "jpeg"):
        for image in images:
            evidence = CopyVerifier().verify(edit(image, kind, "weak", 3, images), image)
            assert evidence.verdict == "same-picture", (kind, evidence.reason)


def test_other_photographs_are_no_copies(images):
    for a, b in itertools.combinations(images, 2):
        evidence = CopyVerifier().verify(a, b)
        assert evidence.verdict == "unrelated"
        assert evidence.probability < 0.1
    related = judge(look(images[0]), look(images[1]), (320, 240), (320, 240), 0.1)
    assert related.verdict == "related"


def test_another_shot_of_a_scene_is_no_copy(images):
    told = [
        CopyVerifier().verify(another_shot(image, seed, "middle"), image)
        for image in images
        for seed in range(3)
    ]  # fmt: skip
    assert all(one.probability < 0.5 for one in told)
    assert sum(one.verdict == "same-scene" for one in told) >= 10


def test_pages_with_one_letterhead_and_plain_pictures_are_no_copies():
    pages = documents(5, 4)
    for a, b in itertools.combinations(pages, 2):
        assert CopyVerifier().verify(a, b).verdict not in ("same-picture", "edited")
    for a, b in itertools.combinations(plain(5, 8), 2):
        assert CopyVerifier().verify(a, b).verdict not in ("same-picture", "edited", "same-scene")


def test_both_orders_give_one_verdict_and_transforms_that_undo_each_other(images):
    others = [edit(images[0], kind, "middle", 1, images) for kind in ("rotate-black", "crop-corner", "pasted")]
    for other in (*others, images[1]):
        there, back = CopyVerifier().verify(images[0], other), CopyVerifier().verify(other, images[0])
        assert (there.verdict, there.probability, there.inliers) == (back.verdict, back.probability, back.inliers)
        assert (there.share_a, there.share_b) == (back.share_b, back.share_a)
        if there.transform is not None and back.transform is not None:
            both = there.transform @ back.transform
            np.testing.assert_allclose(both / both[2, 2], np.eye(3), atol=1e-6)
    again = CopyVerifier().verify(images[0], others[0])
    assert again.reason == CopyVerifier().verify(images[0], others[0]).reason


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (16, 16), (40, 40)])
def test_tiny_and_odd_pictures_get_a_verdict(shape, images):
    tiny = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert CopyVerifier().verify(tiny, images[0]).probability < 0.5
    assert CopyVerifier().verify(images[0], tiny).probability < 0.5
    assert CopyVerifier().verify(tiny, tiny.copy()).verdict


def test_inputs_are_untouched_and_pictures_without_keypoints_have_no_pose(images):
    a, b = images[0].copy(), images[1].copy()
    CopyVerifier().verify(a, b)
    assert np.array_equal(a, images[0])
    assert np.array_equal(b, images[1])
    empty = look(np.full((50, 50, 3), 7, np.uint8))
    assert poses(empty.features, look(a).features) == []


def test_more_agreeing_matches_never_make_a_copy_less_likely():
    row = np.array([2.0, 0.3, 0.5, 0.6, 0.6, 0.1, 1.0, 0.3, 8.0, 1.0, 0.5, 0.5, 0.2])
    at = MEASURES.index("inliers")
    told = []
    for inliers in np.linspace(0, 6, 13):
        row[at] = inliers
        told.append(copy_probability(row))
        assert told[-1] <= scene_probability(row)
    assert told == sorted(told)


def test_trees_are_read_as_written():
    tree = np.array([[[0, 1.5, 1, 2, 0], [-1, 0, 0, 0, 10], [1, 0.0, 3, 4, 0], [-1, 0, 0, 0, 20], [-1, 0, 0, 0, 30]]])
    for row, value in (((1.5, 9), 11), ((2, 0), 21), ((2, 1), 31)):
        assert score(tree.astype(float), 1.0, np.array(row, float)) == value
