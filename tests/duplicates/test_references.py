"""Two folders against each other, reference folders, the rules of keeping: groups of real files, end to end."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.duplicates import Picture, find_duplicates
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.results import DuplicateReport
from lookalike.sources import read_bytes
from lookalike.store import Content
from lookalike.store import Image as Named

LEVELS = ["same-file", "same-pixels", "same-picture", "edited", "same-scene"]


def photograph(name: str) -> Image.Image:
    with Image.open(next(path for path in shipped_photographs() if path.stem == name)) as image:
        return image.convert("RGB")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a and b; each has copies of its own, and some of what the other has."""
    root = tmp_path_factory.mktemp("folders")
    for name in "abc":
        (root / name).mkdir()
    china, flower, coffee = photograph("china"), photograph("flower"), photograph("coffee")
    china.resize((320, 213)).save(root / "b/china.jpg", quality=70)
    shutil.copyfile(root / "b/china.jpg", root / "b/china too.jpg")
    china.save(root / "a/china.png")
    shutil.copyfile(root / "b/china.jpg", root / "a/china small.jpg")
    china.resize((320, 213)).save(root / "a/china 60.jpg", quality=60)
    flower.save(root / "a/flower.jpg", quality=90)  # a and a
    shutil.copyfile(root / "a/flower.jpg", root / "a/flower too.jpg")
    flower.resize((320, 213)).save(root / "a/flower small.jpg", quality=90)
    coffee.save(root / "b/coffee.png")  # b and b
    coffee.save(root / "b/coffee.bmp")
    coffee.resize((300, 200)).save(root / "b/coffee.jpg", quality=80)
    coffee.save(root / "c/coffee.jpg", quality=80)  # not asked for
    return root


@pytest.fixture(scope="module")
def library(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with lookalike.open(tmp_path_factory.mktemp("library") / "d.lookalike") as library:
        library.add(folders)
        yield library


def told(report: DuplicateReport, root: Path) -> list[dict[str, str]]:
    """Return each group as {name: verdict}, the keeper first."""
    return [
        {Path(m.uri).relative_to(root).as_posix(): m.verdict or "keep" for m in group.members}
        for group in report.groups
    ]


def test_against_holds_pairs_with_one_picture_on_each_side_and_keeps_the_other_folders(library, folders):
    report = library.duplicates(folders / "a", against=folders / "b")
    (group,) = told(report, folders)
    assert next(iter(group)) == "b/china.jpg"
    assert group == {
        "b/china.jpg": "keep",
        "a/china small.jpg": "same-file",
        "a/china.png": "same-picture",
        "a/china 60.jpg": "same-picture",
    }
    assert report.groups[0].keeper.reason == "in a reference folder"
    assert report.pictures == 11
    assert told(library.duplicates(folders / "a", against=folders / "b", level="same-file"), folders) == [
        {"b/china.jpg": "keep", "a/china small.jpg": "same-file"}
    ]


def test_against_the_other_way_round_keeps_the_other_side(library, folders):
    report = library.duplicates(folders / "b", against=folders / "a", level="same-pixels")
    assert told(report, folders) == [
        {"a/china small.jpg": "keep", "b/china too.jpg": "same-file", "b/china.jpg": "same-file"}
    ]


def test_against_without_paths_holds_the_whole_library_against_a_folder(library, folders):
    groups = told(library.duplicates(against=folders / "c"), folders)
    assert {frozenset(group) for group in groups} == {
        frozenset({"c/coffee.jpg", "b/coffee.png", "b/coffee.bmp", "b/coffee.jpg"})
    }
    assert next(iter(groups[0])) == "c/coffee.jpg"
    assert told(library.duplicates(folders / "c", against=folders / "c"), folders) == []


def test_references_are_keepers_and_never_members(library, folders):
    groups = told(library.duplicates(folders / "a", reference=folders / "b"), folders)
    assert {tuple(sorted(group)) for group in groups} == {
        ("a/china 60.jpg", "a/china small.jpg", "a/china.png", "b/china.jpg"),
        ("a/flower small.jpg", "a/flower too.jpg", "a/flower.jpg"),
    }
    assert {name: verdict for group in groups for name, verdict in group.items() if name[0] == "b"} == {
        "b/china.jpg": "keep"
    }
    both = told(library.duplicates(reference=[folders / "b", folders / "c"]), folders)
    assert {name for group in both for name in group if name[0] in "bc"} == {"b/china.jpg"}
    everywhere = told(library.duplicates(), folders)
    assert sum(name.startswith("b/coffee") for group in everywhere for name in group) == 3


def test_a_folder_that_is_not_indexed_is_an_error(library, folders, tmp_path):
    for name in ("against", "reference"):
        with pytest.raises(UsageError, match="nothing is indexed"):
            library.duplicates(folders / "a", **{name: tmp_path})


def test_the_rules_can_be_ordered(library, folders):
    a = folders / "a"
    assert [group.keeper.uri for group in library.duplicates(a).groups] != []
    kept = {Path(group.keeper.uri).name for group in library.duplicates(a).groups}
    assert kept == {"china.png", "flower.jpg"}
    newest = {Path(group.keeper.uri).name for group in library.duplicates(a, keep=["newest"]).groups}
    assert newest == {"china 60.jpg", "flower small.jpg"}
    folder = library.duplicates(keep=[f"folder:{folders / 'c'}"], level="same-picture")
    assert str(folders / "c/coffee.jpg") in {group.keeper.uri for group in folder.groups}
    assert any(group.keeper.reason.startswith(f"in {folders / 'c'}") for group in folder.groups)
    with pytest.raises(UsageError, match="choose of uncropped"):
        library.duplicates(keep=["prettiest"])


def test_metadata_is_read_for_pictures_in_pairs_alone(tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    exif = Image.Exif()
    exif[0x0110] = "Camera"
    china = photograph("china")
    china.save(photos / "z taken by a camera.jpg", exif=exif, quality=90)
    china.save(photos / "a.jpg", quality=90)
    photograph("flower").save(photos / "alone.jpg")
    heads = []

    def read(path: str, **options: Any) -> bytes:
        if "head" in options:
            heads.append(Path(path).name)
        return read_bytes(path, **options)

    monkeypatch.setattr("lookalike.pairing.read_bytes", read)
    with lookalike.open(tmp_path / "d.lookalike") as library:
        library.add(photos)
        keeper = library.duplicates(level="same-pixels").groups[0].keeper
        assert sorted(heads) == ["a.jpg", "z taken by a camera.jpg"]
        (photos / "a.jpg").unlink()  # gone since: it is then judged by what the library knows
        library.duplicates()
    assert Path(keeper.uri).name == "z taken by a camera.jpg"
    assert keeper.reason == "names its camera"


def found(pictures: list[Picture], **options: Any) -> list[list[str]]:
    report = find_duplicates(pictures, "same-file", {}, read=read_bytes, **options)
    return [[member.uri for member in group.members] for group in report.groups]


def named(count: int, contents: int) -> list[Picture]:
    return [
        Picture(
            Content(n + 1, b"%032d" % n, 10, format="PNG", width=4, height=3),
            [Named(i, f"/{'ab'[i % 2]}/{i:05d}.png", n + 1, 10, 5, 0, 0) for i in range(n, count, contents)],
        )
        for n in range(contents)
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sides", ["all", "against", "reference"])
def test_the_order_in_which_pictures_come_changes_nothing(library, folders, level, sides, monkeypatch):
    options = {"all": {}, "against": {"against": folders / "b"}, "reference": {"reference": folders / "a"}}[sides]
    expected = library.duplicates(level=level, **options).rows().values
    images = list(library.store.images())
    draw = random.Random(level + sides)
    original = library.store.images

    def shuffled(under=()):
        chosen = list(original(under))
        draw.shuffle(chosen)
        return iter(chosen)

    monkeypatch.setattr(library.store, "images", shuffled)
    for _ in range(2):
        assert library.duplicates(level=level, **options).rows().values == expected
    assert len(images) == 12


def test_a_thousand_copies_of_one_file_are_one_group_at_once():
    started = time.process_time()
    groups = found(named(1000, 1))
    assert time.process_time() - started < 2
    assert [len(group) for group in groups] == [1000]
    assert groups[0][0] == "/a/00000.png"
    assert found(named(1000, 1), reference=lambda uri: uri.startswith("/b"), across=True) == [
        ["/b/00001.png", *(f"/a/{i:05d}.png" for i in range(0, 1000, 2))]
    ]


def test_copies_within_one_side_are_no_group_against_the_other():
    pictures = named(8, 2)  # one content in a alone, one in b alone
    assert len(found(pictures)) == 2
    assert found(pictures, reference=lambda uri: uri.startswith("/b"), across=True) == []
    assert [group[0] for group in found(pictures, reference=lambda uri: uri.startswith("/b"))] == ["/a/00000.png"]
