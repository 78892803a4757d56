"""What belongs to a picture: names of cameras, phones, editors, exports and data sets."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.actions.belonging import unit_blocks
from lookalike.units import Siblings, companions, kinds_beside, unit


def asked(picture, names, leaving=()):
    """Return the companions and the shared files of a picture, by kind and name, in a folder with these names."""
    found = unit(f"/p/{picture}", siblings=Siblings("/p", names), leaving=[f"/p/{one}" for one in leaving])
    return (
        {Path(one.uri).name: one.kind for one in found.companions},
        {Path(one.uri).name: one.kind for one in found.shared},
    )


@pytest.mark.parametrize(
    ("picture", "companion", "kind"),
    [
        ("IMG_1.JPG", "IMG_1.CR2", "raw"),
        ("IMG_1.heic", "IMG_1.dng", "raw"),
        ("DSC01.jpg", "DSC01.ARW", "raw"),
        ("IMG_1.HEIC", "IMG_1.MOV", "film"),
        ("IMG_1.jpg", "IMG_1.mp4", "film"),
        ("PXL_1.MP.jpg", "PXL_1.MP", "film"),
        ("IMG_1.JPG", "IMG_1.THM", "thumbnail"),
        ("IMG_1.jpg", "IMG_1.xmp", "xmp"),
        ("IMG_1.jpg", "IMG_1.jpg.xmp", "xmp"),
        ("IMG_1.png", "IMG_1.PNG.XMP", "xmp"),
        ("IMG_1.HEIC", "IMG_1.AAE", "aae"),
        ("IMG_1234.HEIC", "IMG_O1234.AAE", "aae"),
        ("IMG_1.jpg", "IMG_1.jpg.pp3", "settings"),
        ("IMG_1.jpg", "IMG_1.txt", "label"),
        ("IMG_1.jpg", "IMG_1.xml", "label"),
        ("IMG_1.jpg", "IMG_1.json", "json"),
        ("IMG_1.jpg", "IMG_1.jpg.json", "json"),
        ("IMG(1).jpg", "IMG.jpg(1).json", "json"),
        ("IMG(1).jpg", "IMG.jpg.supplemental-metadata(1).json", "json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json", "json"),
        ("PXL_20230922_061638750.jpg", "PXL_20230922_061638750.jpg.supplemental-metada.json", "json"),
        ("a" * 47 + ".jpg", "a" * 46 + ".json", "json"),
        ("b" * 47 + "(2).jpg", "b" * 46 + "(2).json", "json"),
        ("img_1.jpg", "IMG_1.CR2", "raw"),
    ],
)
def test_a_companion_goes_along(picture, companion, kind):
    assert asked(picture, [picture, companion]) == ({companion: kind}, {})


@pytest.mark.parametrize(
    ("picture", "other"),
    [
        ("IMG_1.jpg", "IMG_10.xmp"),
        ("IMG_1.jpg", "IMG_1.png"),
        ("IMG_1.png", "IMG_1.CR2"),  # no camera writes a PNG beside its RAW
        ("IMG_1.jpg", "IMG_2.CR2"),
        ("IMG.jpg", "IMG.jpg(1).json"),
        ("IMG(2).jpg", "IMG.jpg(1).json"),
        ("IMG(1).jpg", "IMG.jpg.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-met.json"),  # cut, though there was room
        ("a" * 47 + ".jpg", "a" * 30 + ".json"),
        ("IMG_1.jpg", "IMG_1.docx"),
        ("IMG_1.jpg", "IMG_1.png.xmp"),
        ("IMG_1.jpg", "IMG_1.jpg.txt"),
    ],
)
def test_what_is_only_called_alike_stays(picture, other):
    assert asked(picture, [picture, other]) == ({}, {})


def test_a_raw_brings_its_own_sidecars_and_is_one_unit_with_its_jpeg():
    names = ["IMG.jpg", "IMG.CR2", "IMG.CR2.xmp", "IMG.xmp", "IMG.MOV", "IMG.MOV.supplemental-metadata.json"]
    going, shared = asked("IMG.jpg", names)
    assert set(going) == set(names) - {"IMG.jpg"}
    assert not shared


def test_what_belongs_to_two_pictures_stays_until_both_go():
    names = ["IMG.jpg", "IMG.png", "IMG.xmp", "IMG.png.xmp"]
    assert asked("IMG.png", names) == ({"IMG.png.xmp": "xmp"}, {"IMG.xmp": "xmp"})
    assert asked("IMG.png", names, leaving=["IMG.jpg"]) == ({"IMG.png.xmp": "xmp", "IMG.xmp": "xmp"}, {})
    raw = ["IMG.jpg", "IMG.HEIC", "IMG.CR2"]
    assert asked("IMG.jpg", raw) == ({}, {"IMG.CR2": "raw"})
    google = ["IMG(1).jpg", "IMG-edited(1).jpg", "IMG.jpg(1).json"]
    assert asked("IMG(1).jpg", google) == ({}, {"IMG.jpg(1).json": "json"})
    assert asked("IMG-edited(1).jpg", google) == ({}, {"IMG.jpg(1).json": "json"})
    two = ["a" * 50 + ".jpg", "a" * 46 + "b.jpg", "a" * 46 + ".json"]
    assert asked(two[0], two) == ({}, {two[2]: "json"})


def test_the_case_of_letters_counts_only_where_nothing_fits_exactly():
    names = ["img.jpg", "IMG.jpg", "IMG.xmp"]
    assert asked("IMG.jpg", names) == ({"IMG.xmp": "xmp"}, {})
    assert asked("img.jpg", names) == ({}, {})


def test_the_folder_itself_is_listed_and_folders_in_it_are_no_companions(tmp_path):
    picture = tmp_path / "IMG.jpg"
    for name in ("IMG.jpg", "IMG.CR2", "IMG2.CR2"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "IMG.mov").mkdir()
    assert [one.uri for one in companions(str(picture))] == [str(tmp_path / "IMG.CR2")]
    assert companions(str(tmp_path / "gone" / "IMG.jpg")) == ()
    assert companions("https://example.org/IMG.jpg") == ()


def test_labels_in_the_other_folder_of_a_data_set_go_along(tmp_path):
    for name in (
        "yolo/images/train/a.jpg", "yolo/images/train/b.jpg", "yolo/images/train/b.png", "yolo/labels/train/a.txt",
        "yolo/labels/train/b.txt", "voc/JPEGImages/c.jpg", "voc/Annotations/c.xml", "voc/SegmentationClass/c.png",
        "images/images/d.jpg", "images/labels/d.txt", "labels/images/d.txt",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")

    def of(name):
        found = unit(str(tmp_path / name))
        return [[os.path.relpath(one.uri, tmp_path) for one in part] for part in (found.companions, found.shared)]

    assert of("yolo/images/train/a.jpg") == [["yolo/labels/train/a.txt"], []]
    assert of("yolo/images/train/b.jpg") == [[], ["yolo/labels/train/b.txt"]]
    assert of("voc/JPEGImages/c.jpg") == [["voc/Annotations/c.xml", "voc/SegmentationClass/c.png"], []]
    assert of("images/images/d.jpg") == [["images/labels/d.txt"], []]


def test_a_raw_or_film_that_the_keeper_does_not_have_blocks_the_removal(tmp_path):
    for folder, raw in (("a", b"raw 1"), ("b", b"raw 1"), ("c", b"raw 2"), ("d", None)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "IMG.jpg").write_bytes(b"x")
        (tmp_path / folder / "IMG.xmp").write_bytes(folder.encode())  # sidecars differ and block nothing
        if raw is not None:
            (tmp_path / folder / "IMG.CR2").write_bytes(raw)
    a, b, c, d = (str(tmp_path / folder / "IMG.jpg") for folder in "abcd")
    assert unit_blocks(a, b) == ()
    assert unit_blocks(d, a) == ()
    (other,) = unit_blocks(a, c)
    assert "IMG.CR2" in other
    assert "is another file" in other
    (missing,) = unit_blocks(a, d)
    assert "missing there" in missing
    assert "would be lost" in missing
    (tmp_path / "b" / "IMG.CR2").unlink()
    (tmp_path / "b" / "IMG.CR2").symlink_to(tmp_path / "a" / "IMG.CR2")  # would lead nowhere afterwards
    assert len(unit_blocks(a, b)) == 1


def test_asking_a_large_folder_takes_no_longer_for_each_picture():
    names = [f"IMG_{number:05}{suffix}" for number in range(20_000) for suffix in (".jpg", ".xmp")]
    names += [f"cat ({number}){suffix}" for number in range(5_000) for suffix in (".jpg", ".txt")]  # one name, numbered
    siblings = Siblings("/p", names)
    started = time.process_time()
    for name in names:
        if name.endswith(".jpg"):
            assert len(companions(f"/p/{name}", siblings=siblings)) == 1
    assert time.process_time() - started < 15  # about half a second; hours, if each looked at all of its name


def test_kinds_beside_a_picture_are_told_also_of_what_others_have_too(tmp_path):
    for name in ("IMG.jpg", "IMG.png", "IMG.xmp", "IMG.CR2", "IMG.CR2.xmp", "other.jpg"):
        (tmp_path / name).write_bytes(b"")
    kinds = kinds_beside()
    assert kinds(str(tmp_path / "IMG.jpg")) == ("raw", "xmp")
    assert kinds(str(tmp_path / "IMG.png")) == ("xmp",)
    assert kinds(str(tmp_path / "other.jpg")) == ()
    assert kinds(str(tmp_path / "gone" / "IMG.jpg")) == ()
    assert kinds("https://example.org/IMG.jpg") == ()


_STEMS = ("IMG_1234", "IMG_E1234", "IMG_1234(1)", "IMG_1234-edited", "img_1234", "a" * 47, "a" * 46 + "b")
_SUFFIXES = (
    ".jpg", ".JPG", ".heic", ".png", ".CR2", ".MOV", ".xmp", ".AAE", ".json", ".txt", ".THM", ".jpg.xmp", ".jpg.json",
    ".CR2.xmp", ".jpg(1).json", ".jpg.supplemental-metadata.json", ".MOV.json", "",
)  # fmt: skip


@given(
    st.sets(st.builds("{}{}".format, st.sampled_from(_STEMS), st.sampled_from(_SUFFIXES)), max_size=14),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150, deadline=None)
def test_nothing_goes_that_belongs_to_a_picture_that_stays(names, lot):
    siblings = Siblings("/p", sorted(names))
    pictures = [f"/p/{name}" for name in sorted(names) if name.lower().endswith((".jpg", ".heic", ".png"))]
    leaving = [uri for uri in pictures if lot.random() < 0.5]
    gone = {one.uri for uri in leaving for one in companions(uri, siblings=siblings, leaving=leaving)}
    assert gone.isdisjoint(pictures)
    for uri in pictures:
        found = unit(uri, siblings=siblings)
        belonging = {one.uri for one in (*found.companions, *found.shared)}
        if uri not in leaving:
            assert gone.isdisjoint(belonging)
    if set(leaving) == set(pictures):
        units = [unit(uri, siblings=siblings) for uri in pictures]
        assert gone == {one.uri for found in units for one in (*found.companions, *found.shared)}
