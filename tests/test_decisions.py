"""Decisions that last: what was said once is honoured by every command, whatever the files are called now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

import lookalike
from lookalike.defaults import LEVELS
from lookalike.demo import shipped_photographs
from lookalike.errors import ImageError, UsageError
from lookalike.leaks import find_leaks
from lookalike.library import Library


def photograph(name: str) -> Image.Image:
    with Image.open(next(path for path in shipped_photographs() if path.stem == name)) as image:
        return image.convert("RGB").resize((360, 240))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder with china in four sizes and forms, its bytes twice, and flower in two."""
    folder = tmp_path / "photos"
    (folder / "best").mkdir(parents=True)
    china, flower = photograph("china"), photograph("flower")
    china.save(folder / "a.png")
    china.save(folder / "a.bmp")
    china.resize((240, 160)).save(folder / "b.jpg", quality=90)
    shutil.copyfile(folder / "b.jpg", folder / "b too.jpg")
    china.resize((180, 120)).save(folder / "c.jpg", quality=90)
    flower.save(folder / "f.png")
    flower.resize((240, 160)).save(folder / "best/f.jpg", quality=80)
    return folder


@pytest.fixture
def library(photos: Path):
    with lookalike.open(photos.parent / "d.lookalike") as opened:
        opened.add(photos)
        yield opened


def groups(library: Library, **options) -> list[dict[str, str]]:
    report = library.duplicates(**options)
    return [{Path(m.uri).name: m.verdict or "keep" for m in group.members} for group in report.groups]


def test_before_any_decision_all_are_found(library):
    assert groups(library) == [
        {"a.png": "keep", "a.bmp": "same-pixels", "b too.jpg": "same-picture", "b.jpg": "same-picture",
         "c.jpg": "same-picture"},
        {"f.png": "keep", "f.jpg": "same-picture"},
    ]  # fmt: skip


@pytest.mark.parametrize("level", ["same-pixels", "same-picture", "same-scene"])
@pytest.mark.parametrize("pair", [("a.png", "a.bmp"), ("b.jpg", "c.jpg"), ("a.png", "c.jpg")])
def test_not_duplicates_are_never_in_one_group_nor_by_way_of_a_keeper(library, photos, level, pair):
    library.decisions.not_duplicates([photos / name for name in pair])
    found = groups(library, level=level)
    assert found
    for group in found:
        assert not set(pair) <= set(group)
    _, pairs = library.pairs(level=level)
    ids = {image.uri: image.content_id for image in library.store.images()}
    decided = {ids[str(photos / name)] for name in pair}
    assert not any({one.a, one.b} == decided for one in pairs.pairs)


def test_of_a_decision_about_several_no_two_are_together_and_others_are_found_still(library, photos):
    library.decisions.not_duplicates([photos / name for name in ("a.png", "b.jpg", "c.jpg")])
    found = groups(library)
    assert not any({"b.jpg", "c.jpg"} <= set(group) or {"a.png", "b.jpg"} <= set(group) for group in found)
    assert any({"b.jpg", "b too.jpg"} <= set(group) for group in found)


def test_a_pair_between_others_of_the_same_pixels_is_not_lost_by_a_decision(library, photos):
    """One picture of three with equal pixels is decided apart from something: the other two are a pair all the same."""
    photograph("china").save(photos / "a.tif")
    library.add(photos)
    library.decisions.not_duplicates([photos / "a.png", photos / "b.jpg"])
    images, found = library.pairs(level="same-pixels")
    ids = {Path(image.uri).name: image.content_id for image in images}
    pairs = {frozenset((one.a, one.b)) for one in found.pairs}
    for a, b in (("a.png", "a.bmp"), ("a.png", "a.tif"), ("a.bmp", "a.tif")):
        assert frozenset((ids[a], ids[b])) in pairs


def test_keep_all_is_never_offered_under_any_name_and_stays_a_copy_for_leaks(library, photos):
    decision = library.decisions.keep_all([photos / "b.jpg", photos / "c.jpg"])
    assert decision.kind == "keep-all"
    for level in LEVELS:
        for group in groups(library, level=level):
            offered = {name for name, verdict in group.items() if verdict != "keep"}
            assert not offered & {"b.jpg", "b too.jpg", "c.jpg"}
    shutil.copyfile(photos / "b.jpg", photos / "b third.jpg")  # the same bytes under a new name
    library.add(photos)
    (kept,) = [group for group in groups(library) if "a.png" in group]
    assert next(name for name, verdict in kept.items() if verdict == "keep")[0] in "bc"
    assert "b third.jpg" not in kept or kept["b third.jpg"] == "keep"
    reasons = [group.keeper.reason for group in library.duplicates().groups]
    assert any(reason.startswith("always kept, as decided") for reason in reasons)
    _, pairs = library.pairs()
    ids = {Path(image.uri).name: image.content_id for image in library.store.images()}
    assert {ids["b.jpg"], ids["c.jpg"]} in [{one.a, one.b} for one in pairs.pairs]


def test_a_kept_folder_holds_keepers_only_by_whatever_path(library, photos, tmp_path):
    library.decisions.keep_folder(photos / "best")
    assert {"f.jpg": "keep", "f.png": "same-picture"} in groups(library)
    assert library.decisions.protected_folders() == (str(photos / "best"),)
    alias = tmp_path / "alias"
    alias.symlink_to(photos, target_is_directory=True)
    protects = library.decisions.protects()
    assert protects(str(photos / "best/f.jpg"))
    assert protects(str(alias / "best/f.jpg"))
    assert not protects(str(photos / "f.png"))
    assert not protects(str(photos / "best of all/f.png"))
    shutil.copyfile(photos / "best/f.jpg", photos / "f copy.jpg")
    library.add(photos)
    (group,) = [group for group in groups(library) if "f.jpg" in group]
    assert group == {"f.jpg": "keep", "f copy.jpg": "same-file", "f.png": "same-picture"}


def test_against_asks_for_its_own_folder_though_another_is_kept(library, photos):
    library.decisions.keep_folder(photos / "best")
    assert groups(library, against=photos / "a.png") == [
        {"a.png": "keep", "a.bmp": "same-pixels", "b too.jpg": "same-picture", "b.jpg": "same-picture",
         "c.jpg": "same-picture"}
    ]  # fmt: skip


def test_decisions_outlive_moving_and_renaming(library, photos):
    library.decisions.not_duplicates([photos / "a.png", photos / "c.jpg"])
    library.decisions.keep_all([photos / "b.jpg"])
    elsewhere = photos.parent / "elsewhere"
    elsewhere.mkdir()
    for name in ("a.png", "c.jpg", "b.jpg"):
        (photos / name).rename(elsewhere / f"renamed {name}")
    (photos / "b too.jpg").unlink()
    library.add([photos, elsewhere])
    library.prune()
    for group in groups(library):
        assert not {"renamed a.png", "renamed c.jpg"} <= set(group)
        assert group.get("renamed b.jpg", "keep") == "keep"
    listed = {row["uri"] for row in library.decisions.all().rows().dicts()}
    assert listed == {str(elsewhere / f"renamed {name}") for name in ("a.png", "c.jpg", "b.jpg")}


def test_a_tag_written_into_the_file_does_not_end_a_decision(library, photos):
    from PIL import PngImagePlugin

    library.decisions.not_duplicates([photos / "a.png", photos / "c.jpg"])
    library.decisions.keep_all([photos / "f.png"])
    for name in ("a.png", "f.png"):
        before = (photos / name).read_bytes()
        tags = PngImagePlugin.PngInfo()
        tags.add_text("Title", "another")
        with Image.open(photos / name) as image:
            image.save(photos / name, pnginfo=tags)
        assert (photos / name).read_bytes() != before
    library.add(photos)
    for group in groups(library):
        assert not {"a.png", "c.jpg"} <= set(group)
        assert group.get("f.png", "keep") == "keep"
    assert len(library.decisions.kept_hashes()) == 2  # what it was, and what took its place


def test_a_copy_with_other_bytes_beside_what_is_kept_is_offered(library, photos):
    library.decisions.keep_all([photos / "a.bmp"])
    (group,) = [group for group in groups(library) if "a.bmp" in group]
    assert group["a.bmp"] == "keep"
    assert group["a.png"] == "same-pixels"


def test_leaks_leave_out_what_is_not_duplicates(library, photos):
    parts = {"train": photos / "best", "test": photos / "f.png"}
    assert len(find_leaks(library, parts).leaks) == 1
    library.decisions.keep_all([photos / "f.png"])
    assert len(find_leaks(library, parts).leaks) == 1
    library.decisions.not_duplicates([photos / "f.png", photos / "best/f.jpg"])
    assert find_leaks(library, parts).leaks == ()


def test_undo_brings_back_what_was_before_and_refuses_unknown_numbers(library, photos):
    before = library.duplicates().rows().values
    first = library.decisions.not_duplicates([photos / "a.png", photos / "c.jpg"])
    second = library.decisions.keep_all([photos / "b.jpg"])
    third = library.decisions.keep_folder(photos / "best")
    assert library.duplicates().rows().values != before
    with pytest.raises(UsageError, match="no decision 99"):
        library.decisions.undo([first.id, 99])
    assert len(library.decisions.all()) == 3
    gone = library.decisions.undo([second.id, first.id, third.id])
    assert [one.kind for one in gone.decisions] == ["keep-all", "not-duplicates", "keep-folder"]
    assert library.duplicates().rows().values == before


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_is_exported_is_imported_the_same_into_another_library(library, photos, tmp_path, form):
    library.decisions.not_duplicates([photos / "a.png", photos / "c.jpg"])
    library.decisions.keep_all([photos / "b.jpg", photos / "f.png"])
    library.decisions.keep_folder(photos / "best")
    file = tmp_path / f"decisions.{form}"
    if form == "csv":
        from lookalike.cli import main

        assert main(["decide", "export", str(file), "--library", str(library.path)]) == 0
    else:
        file.write_text(library.decisions.text())
        assert all(json.loads(line)["decision"] for line in file.read_text().splitlines())
    with lookalike.open(tmp_path / "other.lookalike") as other:
        assert other.decisions.load(file) == 3  # before a picture is there
        assert other.decisions.load(file) == 0
        assert other.decisions.text() == library.decisions.text()
        other.add(photos)
        assert other.duplicates().rows().values == library.duplicates().rows().values


@pytest.mark.parametrize(
    "text",
    [
        "{", '{"decision": "keep-all"}\n', '{"decision": "maybe", "decided": "2026-01-01", "pictures": []}\n',
        '{"decision": "keep-all", "decided": "2026-01-01", "pictures": [{"sha256": "00", "uri": "a"}]}\n',
        '{"decision": "keep-folder", "decided": "2026-01-01", "folder": ""}\n', "[]\n", "id,uri\n1,a\n",
        f'{{"decision": "not-duplicates", "decided": "2026-01-01", "pictures": [{{"sha256": "{0:064d}", "uri": ""}}]}}',
        '{"decision": "keep-folder", "decided": "2026-01-01", "folder": "/p/\\ud800"}\n',
        f'{{"decision": "keep-all", "decided": "2026-01-01", "pictures":[{{"sha256": "{0:064d}", "uri": "\\ud800"}}]}}',
    ],
)  # fmt: skip
def test_a_file_that_holds_no_decisions_is_refused_whole(library, tmp_path, text):
    file = tmp_path / "bad.jsonl"
    good = '{"decision": "keep-folder", "decided": "2026-01-01T00:00:00Z", "folder": "/p"}\n'
    file.write_text(text if text.startswith("id") else good + text)
    with pytest.raises(UsageError):
        library.decisions.load(file)
    assert len(library.decisions.all()) == 0
    with pytest.raises(UsageError, match="cannot be read"):
        library.decisions.load(tmp_path / "nowhere.jsonl")


def test_what_cannot_be_decided_is_a_sentence(library, photos, tmp_path):
    with pytest.raises(UsageError, match="same bytes"):
        library.decisions.not_duplicates([photos / "b.jpg", photos / "b too.jpg"])
    with pytest.raises(UsageError, match="at least 2"):
        library.decisions.not_duplicates([photos / "b.jpg"])
    with pytest.raises(UsageError, match="at least 1"):
        library.decisions.keep_all([])
    with pytest.raises(UsageError, match="no folder"):
        library.decisions.keep_folder(tmp_path / "nowhere")
    with pytest.raises(ImageError):
        library.decisions.keep_all([tmp_path / "nowhere.jpg"])
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ImageError):
        library.decisions.keep_all([tmp_path / "notes.txt"])
    assert len(library.decisions.all()) == 0


def test_what_is_gone_can_still_be_decided_upon(library, photos):
    (photos / "c.jpg").unlink()
    decision = library.decisions.not_duplicates([photos / "a.png", photos / "c.jpg"])
    assert len(decision.hashes) == 2
