"""Leaks between real folders at every level, labels that clash, and repairs after which none is left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

import lookalike
from lookalike.defaults import LEVELS
from lookalike.demo import shipped_photographs
from lookalike.errors import UsageError
from lookalike.leaks import LeakReport, find_leaks, repair_split
from lookalike.library import Library
from lookalike.results import IndexReport
from lookalike.splitting import Split, read_split


def photograph(name: str) -> Image.Image:
    with Image.open(next(path for path in shipped_photographs() if path.stem == name)) as image:
        return image.convert("RGB").resize((420, 280))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return train, val and test: one copy of each level across them, and some that are no leak."""
    root = tmp_path_factory.mktemp("set")
    for part in ("train", "val", "test"):
        for label in ("food", "place"):
            (root / part / label).mkdir(parents=True)
    coffee, china, flower = photograph("coffee"), photograph("china"), photograph("flower")
    coffee.save(root / "train/food/coffee.jpg", quality=92)
    shutil.copyfile(root / "train/food/coffee.jpg", root / "val/food/same file.jpg")
    shutil.copyfile(root / "train/food/coffee.jpg", root / "train/place/mislabelled.jpg")
    china.save(root / "train/place/china.png")
    china.save(root / "test/place/same pixels.bmp")
    flower.save(root / "train/place/flower.png")
    flower.resize((300, 200)).save(root / "val/place/same picture.jpg", quality=85)
    rocket = photograph("rocket")
    rocket.save(root / "val/place/rocket.png")
    rocket.crop((60, 20, 380, 270)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "test/food/edited.png")
    photograph("chelsea").save(root / "train/place/chelsea.jpg")
    photograph("astronaut").save(root / "test/place/astronaut.jpg")
    (root / "test/place/broken.jpg").write_bytes((root / "train/food/coffee.jpg").read_bytes()[:1500])
    (root / "test/place/notes.txt").write_text("no picture")
    return root


@pytest.fixture(scope="module")
def library(parts: Path, tmp_path_factory: pytest.TempPathFactory):
    with lookalike.open(tmp_path_factory.mktemp("library") / "l.lookalike") as opened:
        yield opened


def folders(root: Path) -> list[Path]:
    return [root / "train", root / "val", root / "test"]


def told(report: LeakReport, root: Path) -> set[tuple[str, str, str, str]]:
    return {
        (Path(x.uri_a).relative_to(root).as_posix(), Path(x.uri_b).relative_to(root).as_posix(), x.verdict, x.problem)
        for x in report.leaks
    }


LEAKS = [
    ("train/food/coffee.jpg", "val/food/same file.jpg", "same-file", "leak"),
    ("train/place/mislabelled.jpg", "val/food/same file.jpg", "same-file", "leak"),
    ("train/place/china.png", "test/place/same pixels.bmp", "same-pixels", "leak"),
    ("train/place/flower.png", "val/place/same picture.jpg", "same-picture", "leak"),
    ("val/place/rocket.png", "test/food/edited.png", "edited", "leak"),
]


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_finds_the_copies_of_its_strength_and_stronger(library, parts, level):
    found = told(find_leaks(library, folders(parts), level=level), parts)
    assert found == {leak for leak in LEAKS if LEVELS.index(leak[2]) <= LEVELS.index(level)}


def test_the_report_counts_parts_and_what_could_not_be_read(library, parts):
    report = find_leaks(library, folders(parts))
    assert report.parts == (("train", 5), ("val", 3), ("test", 3))
    assert report.left_out[-1] == ("pictures could not be read: `lookalike status --errors` says why", 1)
    assert [leak.verdict for leak in report.leaks] == [leak[2] for leak in LEAKS]  # the strongest first
    edited = report.leaks[-1]
    assert edited.probability > 0.5
    assert "mirrored" in edited.reason
    assert edited.evidence is not None
    assert ("train", "val", 3, 3, 2) in report.summary().values


def test_with_labels_one_picture_under_two_is_found_in_one_part_and_across(library, parts):
    found = told(find_leaks(library, folders(parts), labels="folder"), parts)
    assert ("train/food/coffee.jpg", "train/place/mislabelled.jpg", "same-file", "labels") in found
    assert ("train/place/mislabelled.jpg", "val/food/same file.jpg", "same-file", "leak+labels") in found
    assert ("val/place/rocket.png", "test/food/edited.png", "edited", "leak+labels") in found
    assert ("train/food/coffee.jpg", "val/food/same file.jpg", "same-file", "leak") in found
    only = find_leaks(library, [parts / "train"], labels="folder", level="same-file")
    assert [leak.problem for leak in only.leaks] == ["labels"]


def test_parts_can_be_named_and_a_split_can_be_given(library, parts, tmp_path):
    named = find_leaks(library, {"a": parts / "train", "b": parts / "val"}, level="same-file")
    assert {(leak.part_a, leak.part_b) for leak in named.leaks} == {("a", "b")}
    made = repair_split(library, folders(parts), level="same-file", protect=[])
    assert isinstance(made.split, Split)
    uris = [image.uri for image in library.store.images([str(parts)])]
    labels = [Path(uri).parent.name for uri in uris]
    sides = [Path(uri).relative_to(parts).parts[0] for uri in uris]
    split = Split(tuple(uris), tuple(labels), tuple(sides), tuple(range(1, len(uris) + 1)))
    by_split = find_leaks(library, split)
    assert told(by_split, parts) >= {(a, b, verdict, "leak") for a, b, verdict, _ in LEAKS[:1]}
    assert ("train/food/coffee.jpg", "train/place/mislabelled.jpg", "same-file", "labels") in told(by_split, parts)
    split.save(tmp_path / "split.csv")
    assert find_leaks(library, tmp_path / "split.csv").leaks == by_split.leaks


def test_pairs_hidden_by_a_group_are_leaks_all_the_same(tmp_path):
    """A group of duplicates lists each copy beside its keeper; two copies of one keeper leak into each other, too."""
    china = photograph("china")
    for part, side in (("train", 360), ("val", 300), ("test", 240)):
        (tmp_path / part).mkdir()
        china.resize((side, side * 2 // 3)).save(tmp_path / part / "china.jpg", quality=90)
    with lookalike.open(tmp_path / "g.lookalike") as opened:
        report = find_leaks(opened, folders(tmp_path))
        assert {(leak.part_a, leak.part_b) for leak in report.leaks} == {
            ("train", "val"), ("train", "test"), ("val", "test"),
        }  # fmt: skip
        made = repair_split(opened, folders(tmp_path))
        assert [(move.from_, move.to) for move in made.moves] == [("train", "test"), ("val", "test")]


def test_many_names_of_one_file_are_not_the_square_of_their_number(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        for at in range(60):
            shutil.copyfile(_small(tmp_path), tmp_path / part / f"{at}.png")
    with lookalike.open(tmp_path / "m.lookalike") as opened:
        report = find_leaks(opened, [tmp_path / "train", tmp_path / "test"], level="same-file")
    assert len({leak.uri_a for leak in report.leaks} | {leak.uri_b for leak in report.leaks}) == 120
    assert len(report.leaks) < 130


def _small(folder: Path) -> Path:
    path = folder / "small.png"
    if not path.is_file():
        photograph("china").resize((40, 30)).save(path)
    return path


@pytest.mark.parametrize("level", ["same-file", "same-picture", "edited"])
def test_after_a_repair_no_leak_is_left_and_test_keeps_its_pictures(library, parts, tmp_path, level):
    made = repair_split(library, folders(parts), level=level)
    assert made.moves
    assert all(move.from_ != "test" for move in made.moves)
    assert find_leaks(library, made.split, level=level).leaks == ()
    assert repair_split(library, made.split, level=level).moves == ()
    made.split.save(tmp_path / "repaired.csv")
    assert find_leaks(library, tmp_path / "repaired.csv", level=level).leaks == ()
    assert read_split(tmp_path / "repaired.csv").parts == made.split.parts  # no group is on two sides
    why = {Path(move.uri).name: (move.from_, move.to, move.why) for move in made.moves}
    if level == "edited":
        assert why["china.png"][:2] == ("train", "test")
        assert why["china.png"][2].startswith("copy of same pixels.bmp (same pixels)")
        assert why["rocket.png"][:2] == ("val", "test")
        assert why["flower.png"][:2] == ("train", "val")  # of two alike, training gives way


def test_what_is_not_indexed_yet_is_indexed_and_wrong_use_is_a_sentence(library, parts, tmp_path):
    seen: list[IndexReport] = []
    with lookalike.open(tmp_path / "new.lookalike") as opened:
        found = find_leaks(opened, folders(parts)[:2], level="same-file", progress=seen.append)
    assert len(found.leaks) == 2
    assert seen
    with pytest.raises(UsageError, match="at least two parts"):
        find_leaks(library, [parts / "train"])
    with pytest.raises(UsageError, match="lies in"):
        find_leaks(library, [parts / "train", parts / "train/food"])
    with pytest.raises(UsageError, match="no level"):
        find_leaks(library, folders(parts), level="near")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no usable picture"):
        find_leaks(library, [parts / "train", tmp_path / "empty"])
    with pytest.raises(UsageError, match="no part 'final'"):
        repair_split(library, folders(parts), protect=["final"], level="same-file")
    with pytest.raises(UsageError, match="no picture in the split"):
        find_leaks(library, Split((), (), (), ()))


def test_a_library_that_holds_more_than_the_parts_changes_nothing(parts, tmp_path):
    (tmp_path / "other").mkdir()
    shutil.copyfile(parts / "train/food/coffee.jpg", tmp_path / "other/coffee.jpg")
    with lookalike.open(tmp_path / "more.lookalike") as opened:
        opened.add(tmp_path / "other")
        assert told(find_leaks(opened, folders(parts)), parts) == set(LEAKS)
        assert isinstance(opened, Library)
