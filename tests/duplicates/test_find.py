"""Duplicates of real files, end to end: what is found, what must never be."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.library import Library
from lookalike.results import DuplicateReport

PHOTOGRAPHS = [
    path for path in shipped_photographs() if path.stem in ("china", "flower", "chelsea", "coffee", "rocket")
]
SHARED = Path(__file__).resolve().parents[2] / "../shared/data"


def photograph(name: str) -> Image.Image:
    with Image.open(next(path for path in PHOTOGRAPHS if path.stem == name)) as image:
        return image.convert("RGB")


@pytest.fixture
def grouped(tmp_path: Path) -> Callable[..., dict[str, tuple[int, str]]]:
    """Index the files in tmp_path/photos and return {name: (group, verdict)}; the keeper's verdict is "keep"."""

    def run(level: str = "same-picture") -> dict[str, tuple[int, str]]:
        with lookalike.open(tmp_path / "d.lookalike") as library:
            library.add(tmp_path / "photos")
            report = library.duplicates(level=level)
        return {Path(m.uri).name: (g.number, str(m.verdict or "keep")) for g in report.groups for m in g.members}

    (tmp_path / "photos").mkdir()
    return run


def test_same_file_same_pixels_and_same_picture_are_told_apart(tmp_path, grouped):
    photos = tmp_path / "photos"
    china = photograph("china")
    china.save(photos / "a.png")
    shutil.copyfile(photos / "a.png", photos / "b.png")
    china.save(photos / "c.bmp")
    china.resize((480, 320)).save(photos / "d.jpg")
    found = grouped()
    assert {name: verdict for name, (_, verdict) in found.items()} == {
        "a.png": "keep",
        "b.png": "same-file",
        "c.bmp": "same-pixels",
        "d.jpg": "same-picture",
    }
    assert len({group for group, _ in found.values()}) == 1
    assert set(grouped("same-file")) == {"a.png", "b.png"}
    assert set(grouped("same-pixels")) == {"a.png", "b.png", "c.bmp"}


def test_mirrored_and_turned_copies_are_edits(tmp_path, grouped):
    photos = tmp_path / "photos"
    for name in ("china", "flower", "coffee"):
        photograph(name).save(photos / f"{name}.jpg", quality=95)
    photograph("flower").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / "mirrored.jpg", quality=80)
    photograph("coffee").transpose(Image.Transpose.ROTATE_90).save(photos / "turned.jpg", quality=80)
    assert grouped() == {}
    found = grouped("edited")
    assert found["mirrored.jpg"] == (found["flower.jpg"][0], "edited")
    assert found["turned.jpg"] == (found["coffee.jpg"][0], "edited")
    assert "china.jpg" not in found


def flat(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (300, 200), colour)


def scan(mark: tuple[int, int]) -> Image.Image:
    page = Image.new("RGB", (300, 400), (250, 250, 248))
    ImageDraw.Draw(page).rectangle((*mark, mark[0] + 3, mark[1] + 3), fill=(90, 90, 90))
    return page


@pytest.mark.parametrize("level", ["same-picture", "edited", "same-scene"])
def test_flat_and_blank_pictures_are_never_near_duplicates_of_one_another(tmp_path, grouped, level):
    photos = tmp_path / "photos"
    for n, colour in enumerate([(255, 255, 255), (254, 255, 255), (0, 0, 0), (200, 30, 30), (201, 30, 30)]):
        flat(colour).save(photos / f"flat {n}.png")
    for n, mark in enumerate([(20, 30), (200, 300), (100, 150)]):
        scan(mark).save(photos / f"scan {n}.png")
    for n, end in enumerate([250, 251, 240]):
        ramp = np.linspace(0, end, 300).astype(np.uint8)
        Image.fromarray(np.tile(ramp, (200, 1))).save(photos / f"gradient {n}.png")
    assert grouped(level) == {}


def test_equal_flat_pictures_in_two_formats_are_the_same_pixels(tmp_path, grouped):
    flat((10, 20, 30)).save(tmp_path / "photos" / "a.png")
    flat((10, 20, 30)).save(tmp_path / "photos" / "b.bmp")
    assert {verdict for _, verdict in grouped().values()} == {"keep", "same-pixels"}


def test_low_bits_alpha_and_later_frames_keep_pictures_apart_at_same_pixels(tmp_path, grouped):
    photos = tmp_path / "photos"
    grey = np.asarray(photograph("china").convert("L")).astype(np.uint16) * 256
    Image.fromarray(grey).save(photos / "deep a.png")
    Image.fromarray(grey + 1).save(photos / "deep b.png")
    alpha = photograph("flower").convert("RGBA")
    alpha.save(photos / "opaque.png")
    alpha.putalpha(200)
    alpha.save(photos / "alpha 200.png")
    alpha.putalpha(201)
    alpha.save(photos / "alpha 201.png")
    first = photograph("coffee").resize((150, 100)).quantize(64)
    for n in (1, 2):
        later = photograph(["rocket", "chelsea"][n - 1]).resize((150, 100)).quantize(64)
        first.save(photos / f"moving {n}.gif", save_all=True, append_images=[later])
    assert grouped("same-pixels") == {}
    assert grouped("edited") == {}, "they look the same, and neither can replace the other"


def test_large_jpegs_of_the_same_pixels_are_found_though_indexed_at_a_reduced_scale(tmp_path, grouped):
    photos = tmp_path / "photos"
    large = photograph("china").resize((2560, 1708))
    large.save(photos / "a.jpg", quality=90)
    data = (photos / "a.jpg").read_bytes()
    (photos / "b.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x06note" + data[2:])
    large.rotate(1).save(photos / "other.jpg", quality=90)
    found = grouped("same-pixels")
    assert {name: verdict for name, (_, verdict) in found.items()} in (
        {"a.jpg": "keep", "b.jpg": "same-pixels"},
        {"b.jpg": "keep", "a.jpg": "same-pixels"},
    )


@pytest.mark.skipif(not hasattr(os, "link"), reason="needs hard links")
def test_hard_links_are_seen_as_such(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    photograph("china").save(photos / "a.jpg")
    os.link(photos / "a.jpg", photos / "b.jpg")
    shutil.copyfile(photos / "a.jpg", photos / "c.jpg")
    with lookalike.open(tmp_path / "d.lookalike") as library:
        library.add(photos)
        members = {Path(m.uri).name: m for m in library.duplicates(level="same-file").groups[0].members}
    assert {name: member.hardlink for name, member in members.items()} == {
        "a.jpg": False,
        "b.jpg": True,
        "c.jpg": False,
    }
    assert "hard link" in members["b.jpg"].reason


def test_a_file_that_is_gone_is_neither_keeper_nor_copy(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in "abc":
        photograph("china").save(photos / f"{name}.png")
    with lookalike.open(tmp_path / "d.lookalike") as library:
        library.add(photos)
        (photos / "a.png").unlink()
        library.add(photos)
        names = [Path(m.uri).name for m in library.duplicates().groups[0].members]
    assert names == ["b.png", "c.png"]


def test_a_level_needs_its_descriptors(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    photograph("china").save(photos / "a.png")
    with lookalike.open(tmp_path / "d.lookalike") as library:
        library.add(photos, descriptors=["pdq"])
        assert library.duplicates(level="same-pixels").groups == ()
        with pytest.raises(lookalike.LookalikeError, match="--descriptor lite0"):
            library.duplicates(level="edited")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Library:
    if not (SHARED / "caltech101").is_dir():
        pytest.skip("../shared/data/caltech101 is not here")
    library = lookalike.open(tmp_path_factory.mktemp("faces") / "f.lookalike")
    picks = [f"image_{n:04d}.jpg" for n in range(1, 436, 4)]
    library.add([SHARED / "caltech101" / folder / name for folder in ("Faces", "Faces_easy") for name in picks])
    return library


@pytest.mark.slow
def test_faces_and_their_crops_are_candidates_of_each_other(faces):
    """Faces_easy holds crops of the pictures of Faces: every fourth pair."""
    report = faces.duplicates(level="same-scene")
    together = 0
    for group in report.groups:
        names = [Path(member.uri) for member in group.members]
        whole = {path.name for path in names if path.parent.name == "Faces"}
        crops = {path.name for path in names if path.parent.name == "Faces_easy"}
        together += len(whole & crops)
        assert all(member.verdict in ("same-picture", "edited", "same-scene") for member in group.members[1:])
    assert together >= 40, f"{together} of 109"


def test_the_report_is_the_same_twice(tmp_path, grouped):
    photos = tmp_path / "photos"
    for n, name in enumerate(("china", "flower", "coffee")):
        photograph(name).save(photos / f"{n}.png")
        photograph(name).resize((320, 240)).save(photos / f"{n} small.jpg")
        buffer = io.BytesIO()
        photograph(name).save(buffer, "JPEG", quality=40)
        (photos / f"{n} bad.jpg").write_bytes(buffer.getvalue())
    assert grouped("edited") == grouped("edited")
    assert len({g for g, _ in grouped("edited").values()}) == 3


def test_the_weakest_member_is_the_least_certain_one(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    china = photograph("china")
    china.save(photos / "a.png")
    china.save(photos / "b.bmp")
    china.resize((320, 213)).save(photos / "c.jpg", quality=60)
    with lookalike.open(tmp_path / "d.lookalike") as library:
        library.add(photos)
        report: DuplicateReport = library.duplicates()
    assert Path(report.groups[0].weakest.uri).name == "c.jpg"
