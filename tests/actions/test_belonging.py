"""A real small tree with units and labels of every kind: planned, applied and undone to an equal tree."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import lookalike
from lookalike.actions import apply_plan, empty_quarantine, make_plan, read_plan, undo, write_plan
from lookalike.errors import UsageError
from lookalike.library import Library
from tests.actions.conftest import files, mark, row, states, tree
from tests.conftest import write_picture


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or path.name)
    os.utime(path, ns=(1_500_000_000_000_000_001, 1_600_000_000_000_000_007))
    mark(path, path.name)
    return path


def copied(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def units(top: Path) -> Path:
    """Write pictures with all that may belong to one, and a copy of each in "copy"."""
    photos = top / "photos"
    for number, suffixes in enumerate(((".CR2", ".xmp"), (".MOV", ".AAE"), (".jpg.json", ".THM", ".jpg.pp3"), ())):
        first = write_picture(photos / f"best/IMG_{number}.jpg", number)
        copied(first, photos / f"copy/IMG_{number}.jpg")
        for suffix in suffixes:
            put(photos / f"copy/IMG_{number}{suffix}")
            if suffix in (".CR2", ".MOV"):
                put(photos / f"best/IMG_{number}{suffix}")
    return photos


def yolo(top: Path) -> Path:
    data = top / "yolo"
    for number in range(3):
        first = write_picture(data / f"images/train/{number}.png", 10 + number)
        copied(first, data / f"images/val/{number} copy.png")
        put(data / f"labels/train/{number}.txt", f"{number} .5 .5 1 1\n")
        put(data / f"labels/val/{number} copy.txt", f"{number} .5 .5 1 1\n")
    put(data / "train.txt", "".join(f"./images/train/{n}.png\n" for n in range(3)))
    put(data / "val.txt", "".join(f"./images/val/{n} copy.png\n" for n in range(3)))
    return data


def voc(top: Path) -> Path:
    data = top / "voc"
    for number in range(2):
        first = write_picture(data / f"JPEGImages/{number}.jpg", 20 + number)
        copied(first, data / f"JPEGImages/{number}_copy.jpg")
        for name in (f"{number}", f"{number}_copy"):
            put(data / f"Annotations/{name}.xml", f"<annotation>{name}</annotation>")
    put(data / "ImageSets/Main/train.txt", "".join(f"{n}\n{n}_copy\n" for n in range(2)))
    return data


def coco(top: Path) -> tuple[Path, Path]:
    """Return a COCO file and a CSV file about the same pictures."""
    data = top / "coco"
    names = []
    for number in range(4):
        first = write_picture(data / f"val/{number}.png", 30 + number)
        copied(first, data / f"val/{number} copy.png")
        names += [f"{number}.png", f"{number} copy.png"]
    images = [{"id": n, "file_name": name} for n, name in enumerate(names)]
    notes = [{"id": 2 * n + k, "image_id": n, "bbox": [n, k, 1, 1]} for n in range(len(names)) for k in (0, 1)]
    labels = put(
        data / "instances_val.json", json.dumps({"images": images, "annotations": notes, "categories": []}, indent=1)
    )
    table = put(data / "labels.csv", "file,label\n" + "".join(f"val/{name},{n % 3}\n" for n, name in enumerate(names)))
    return labels, table


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with lookalike.open(tmp_path / "t.lookalike") as opened:
        yield opened


def index(library: Library, *folders: Path) -> None:
    library.add(list(folders), descriptors=["pdq"])


def test_the_copy_that_has_its_raw_beside_it_is_kept_and_the_bare_one_goes(library: Library, tmp_path: Path):
    bare = write_picture(tmp_path / "a/IMG.jpg", 1)
    whole = copied(bare, tmp_path / "with raw/IMG.jpg")
    os.utime(bare, ns=(1_000_000_000, 1_000_000_000))  # older, and first by name and length
    raw = put(tmp_path / "with raw/IMG.CR2")
    index(library, tmp_path / "a", tmp_path / "with raw")
    (group,) = library.duplicates(level="same-pixels").groups
    assert (group.keeper.uri, group.keeper.reason) == (str(whole), "has its RAW beside it")
    plan = make_plan(library)
    assert [(one.uri, one.act) for one in plan.acting] == [(str(bare), "quarantine")]
    assert "has its RAW beside it" in {one.reason for one in plan.items if one.keeper}
    assert states(apply_plan(library, plan)) == ["done"]
    assert (bare.exists(), whole.exists(), raw.exists()) == (False, True, True)
    undo(library)
    (group,) = library.duplicates(level="same-pixels", keep=["oldest"]).groups
    assert group.keeper.uri == str(bare)
    assert make_plan(library, keep=["oldest"]).acting == ()


@pytest.mark.parametrize("act", ["quarantine", "move", "trash"])
def test_units_and_labels_of_every_kind_come_back_to_an_equal_tree(
    library: Library, tmp_path: Path, act: str, request: pytest.FixtureRequest
):
    if act == "trash":
        request.getfixturevalue("trash")
    photos, boxes, old = units(tmp_path), yolo(tmp_path), voc(tmp_path)
    instances, table = coco(tmp_path)
    top = instances.parent
    lists = [boxes / "train.txt", boxes / "val.txt", old / "ImageSets/Main/train.txt"]
    index(library, photos, boxes / "images", old, top)
    before = tree(photos, boxes, old, top)
    plan = make_plan(
        library, act=act, move_to=tmp_path / "moved" if act == "move" else None,
        keep=[f"folder:{photos / 'best'}", f"folder:{boxes / 'images/train'}"],
        label_file=[instances, table, *lists],
    )  # fmt: skip
    write_plan(plan, tmp_path / "plan.csv")
    plan = read_plan(tmp_path / "plan.csv")
    assert len(plan.acting) == 13
    assert plan.sum().values[0][:2] == (act, 13 + 7 + 3 + 2)
    report = apply_plan(library, plan)
    assert set(states(report)) == {"done"}, [one.reason for one in report.acted]
    assert not list((photos / "copy").iterdir())
    assert not list((boxes / "labels/val").iterdir())
    assert lists[1].read_text() == ""
    assert lists[0].read_text().count("\n") == 3
    left = {path.stem for path in (old / "JPEGImages").iterdir()}
    assert {path.stem for path in (old / "Annotations").iterdir()} == left
    assert set(lists[2].read_text().split()) == left
    here = {path.name for path in (top / "val").iterdir()}
    said = json.loads(instances.read_text())
    assert {one["file_name"] for one in said["images"]} == here
    assert {one["image_id"] for one in said["annotations"]} == {one["id"] for one in said["images"]}
    with table.open(newline="") as stream:
        assert {Path(one["file"]).name for one in csv.DictReader(stream)} == here
    back = undo(library)
    assert set(states(back)) == {"undone"}, [one.reason for one in back.undone]
    assert tree(photos, boxes, old, top) == before


def test_a_raw_or_film_that_would_be_the_last_one_makes_its_picture_list_only(library: Library, tmp_path: Path):
    first = write_picture(tmp_path / "p/best/IMG.jpg", 1)
    copied(first, tmp_path / "p/copy/IMG.jpg")
    raw = put(tmp_path / "p/copy/IMG.CR2")
    index(library, tmp_path / "p")
    rules = [f"folder:{tmp_path / 'p/best'}"]
    (listed,) = [item for item in make_plan(library, keep=rules).items if not item.keeper]
    assert listed.act == "list-only"
    assert "IMG.CR2" in listed.reason
    assert "would be lost" in listed.reason
    twin = copied(raw, tmp_path / "p/best/IMG.CR2")
    plan = make_plan(library, keep=rules)
    assert [item.together for item in plan.acting] == [(str(raw),)]
    twin.write_text("another")  # after the plan was made
    (one,) = apply_plan(library, plan).acted
    assert one.state == "refused"
    assert "IMG.CR2" in one.reason
    assert raw.exists()
    copied(raw, twin)
    assert states(apply_plan(library, plan)) == ["done"]
    twin.unlink()  # and before the quarantine is emptied
    (kept,) = empty_quarantine(library, older_than_days=0).items
    assert kept.state == "refused"
    assert "IMG.CR2" in kept.reason
    copied(Path(kept.place).with_suffix(".CR2"), twin)
    assert [item.state for item in empty_quarantine(library, older_than_days=0).items] == ["deleted"]


def test_what_belongs_to_two_goes_once_and_only_when_both_have_gone(library: Library, tmp_path: Path):
    folder = tmp_path / "p"
    for name, seed in (("IMG.jpg", 1), ("IMG.png", 2)):
        copied(write_picture(folder / f"best/{name}", seed), folder / f"copy/{name}")
    shared = put(folder / "copy/IMG.xmp")
    index(library, folder)
    plan = make_plan(library, keep=[f"folder:{folder / 'best'}"])
    assert [item.together for item in plan.acting] == [(), (str(shared),)]
    before = tree(folder)
    touched = Path(plan.acting[0].uri)
    os.utime(touched, (1, 1))
    report = apply_plan(library, plan)
    assert states(report) == ["refused", "done"]
    assert shared.exists(), "the picture that stays keeps what belongs to it"
    assert set(states(undo(library))) == {"undone"}
    os.utime(touched, ns=(0, before[str(touched)][3]))
    assert set(states(apply_plan(library, plan, dry_run=True))) == {"would"}
    assert set(states(apply_plan(library, plan))) == {"done"}
    assert not shared.exists()
    undo(library)
    assert tree(folder) == before
    one = make_plan(library, keep=[f"folder:{folder / 'best'}"], protect=folder / "copy/IMG.png")
    assert len(one.acting) == 2
    assert not any(item.together for item in one.acting)


def test_a_protected_or_kept_folder_of_labels_blocks_the_unit_when_planned_and_when_applied(
    library: Library, tmp_path: Path
):
    data = yolo(tmp_path)
    index(library, data / "images")
    rules = [f"folder:{data / 'images/train'}"]
    plan = make_plan(library, keep=rules)
    assert len(plan.acting) == 3
    (tmp_path / "link").symlink_to(data / "labels")
    for protected in (data / "labels", tmp_path / "link/val"):
        blocked = make_plan(library, keep=rules, protect=protected)
        assert blocked.acting == ()
        reasons = [item.reason for item in blocked.items if item.act == "list-only"]
        assert len(reasons) == 3
        assert all("is protected" in reason for reason in reasons)
        assert set(states(apply_plan(library, plan, protect=protected))) == {"refused"}
    before = files(data)
    library.decisions.keep_folder(data / "labels")  # decided after the plan was made
    assert set(states(apply_plan(library, plan))) == {"refused"}
    assert make_plan(library, keep=rules).acting == ()
    assert files(data) == before


def test_a_unit_that_has_grown_since_the_plan_was_made_is_refused(library: Library, tmp_path: Path):
    copied(write_picture(tmp_path / "p/best/IMG.jpg", 1), tmp_path / "p/copy/IMG.jpg")
    old = put(tmp_path / "p/copy/IMG.xmp")
    index(library, tmp_path / "p")
    plan = make_plan(library, keep=[f"folder:{tmp_path / 'p/best'}"])
    new = put(tmp_path / "p/copy/IMG.jpg.xmp")
    for dry in (True, False):
        (one,) = apply_plan(library, plan, dry_run=dry).acted
        assert one.state == "refused"
        assert "IMG.jpg.xmp" in one.reason
    new.unlink()
    old.write_text("other")
    (one,) = apply_plan(library, plan).acted
    assert one.state == "refused"
    assert "IMG.xmp" in one.reason
    assert "bytes have changed" in one.reason


def test_a_mask_of_a_picture_that_stays_stays_though_another_has_its_bytes(library: Library, tmp_path: Path):
    data = tmp_path / "voc"
    for name, seed in (("a", 1), ("b", 2), ("c", 1)):
        write_picture(data / f"JPEGImages/{name}.png", seed)
        write_picture(data / f"SegmentationClass/{name}.png", 9)
    index(library, data)
    plan = make_plan(library)
    acting = sorted(os.path.relpath(item.uri, data) for item in plan.acting)
    gone = {Path(name).name for name in acting if name.startswith("JPEG")}
    assert len(gone) == 1
    assert {Path(name).name for name in acting if name.startswith("Segm")} <= gone
    before = tree(data)
    report = apply_plan(library, plan)
    assert set(states(report)) == {"done"}, [one.reason for one in report.acted]
    left = {path.name for path in (data / "JPEGImages").iterdir()}
    assert {path.name for path in (data / "SegmentationClass").iterdir()} >= left
    undo(library)
    assert tree(data) == before


def test_links_leave_what_belongs_to_a_picture_where_it_is(library: Library, tmp_path: Path):
    photos, (instances, _) = units(tmp_path), coco(tmp_path)
    index(library, photos, instances.parent)
    plan = make_plan(library, act="hardlink", label_file=instances)
    before, said = files(photos), instances.read_bytes()
    assert set(states(apply_plan(library, plan))) == {"done"}
    assert files(photos) == before
    assert instances.read_bytes() == said


# ------------------------------------------------------------------------------------------------ label files


@pytest.fixture
def labelled(library: Library, tmp_path: Path) -> tuple[Path, Path]:
    labels, table = coco(tmp_path)
    index(library, labels.parent)
    return labels, table


def test_a_label_file_that_has_changed_is_edited_as_it_is_now(library: Library, labelled: tuple[Path, Path]):
    labels, _ = labelled
    plan = make_plan(library, label_file=labels)
    said = json.loads(labels.read_text())
    said["annotations"].append({"id": 999, "image_id": 0, "bbox": [9, 9, 9, 9]})
    labels.write_text(json.dumps(said))
    assert set(states(apply_plan(library, plan))) == {"done"}
    left = json.loads(labels.read_text())
    assert len(left["images"]) == 4
    left["info"] = "changed meanwhile"
    labels.write_text(json.dumps(left))
    assert set(states(undo(library))) == {"undone"}
    now = json.loads(labels.read_text())
    assert now["info"] == "changed meanwhile"
    assert sorted(one["id"] for one in now["images"]) == list(range(8))
    assert sorted(one["id"] for one in now["annotations"]) == [*range(16), 999]


@pytest.mark.parametrize("how", ["gone", "broken", "protected", "linked", "read-only"])
def test_a_label_file_that_cannot_be_edited_keeps_its_pictures(
    library: Library, labelled: tuple[Path, Path], how: str, monkeypatch: pytest.MonkeyPatch
):
    labels, _ = labelled
    plan = make_plan(library, label_file=labels)
    before = files(labels.parent / "val")
    more: tuple[Path, ...] = ()
    if how == "gone":
        labels.rename(labels.with_suffix(".old"))
    elif how == "broken":
        labels.write_text(labels.read_text()[:-20])
    elif how == "protected":
        more = (labels,)
    elif how == "linked":
        os.link(labels, labels.with_suffix(".too"))
    else:
        monkeypatch.setattr("lookalike.actions.labelfiles.os.access", lambda *_: False)
    for dry in (True, False) if how != "read-only" else (False,):
        report = apply_plan(library, plan, protect=more, dry_run=dry)
        assert set(states(report)) == {"refused"}
        assert all(labels.name in one.reason for one in report.acted)
    assert files(labels.parent / "val") == before
    assert not [name for name in files(labels.parent) if ".lookalike" in name]


def test_a_label_file_that_is_gone_keeps_no_picture_from_coming_back(library: Library, labelled: tuple[Path, Path]):
    labels, table = labelled
    before = tree(labels.parent)
    apply_plan(library, make_plan(library, label_file=[labels, table]))
    labels.rename(labels.with_suffix(".away"))
    back = undo(library)
    assert set(states(back)) == {"refused"}
    assert all("entries are not put back" in one.reason for one in back.undone)
    assert len(list((labels.parent / "val").iterdir())) == 8
    labels.with_suffix(".away").rename(labels)
    assert set(states(undo(library))) == {"undone"}
    assert tree(labels.parent) == before


def test_entries_come_back_also_when_the_first_act_is_undone_last(library: Library, labelled: tuple[Path, Path]):
    labels, table = labelled
    report = apply_plan(library, make_plan(library, label_file=[labels, table]))
    last = Path(report.acted[-1].uri)
    put(last, "something else has come there")
    assert sorted(states(undo(library))) == ["refused", "undone", "undone", "undone"]
    assert len(json.loads(labels.read_text())["images"]) == 7
    last.unlink()
    assert states(undo(library)) == ["undone"]
    said = json.loads(labels.read_text())
    assert sorted(one["id"] for one in said["images"]) == list(range(8))
    assert sorted(one["id"] for one in said["annotations"]) == list(range(16))
    assert len(table.read_text().splitlines()) == 9


def test_a_list_named_as_a_picture_is_edited_and_not_moved(library: Library, tmp_path: Path):
    copied(write_picture(tmp_path / "p/best/train.png", 1), tmp_path / "p/train.png")
    names = put(tmp_path / "p/train.txt", "train.png\nbest/train.png\n")
    index(library, tmp_path / "p")
    plan = make_plan(library, keep=[f"folder:{tmp_path / 'p/best'}"], label_file=names)
    assert [item.together for item in plan.acting] == [()]
    assert states(apply_plan(library, plan)) == ["done"]
    assert names.read_text() == "best/train.png\n"


def test_a_label_file_that_is_none_is_refused_when_planned(library: Library, labelled: tuple[Path, Path]):
    labels, _ = labelled
    for path, protect, words in (
        (labels.parent / "none.json", (), "cannot be read"),
        (put(labels.parent / "x.docx"), (), "no label file"),
        (labels, (labels.parent / "instances_val.json",), "which is protected"),
    ):
        with pytest.raises(UsageError if words != "cannot be read" else lookalike.LookalikeError, match=words):
            make_plan(library, label_file=path, protect=protect)


# ------------------------------------------------------------------------------------------------ decisions


def test_what_was_decided_after_the_plan_was_made_is_honoured(library: Library, tmp_path: Path):
    first = write_picture(tmp_path / "p/a.png", 1)
    shutil.copyfile(first, tmp_path / "p/a copy.png")
    from PIL import Image

    with Image.open(write_picture(tmp_path / "p/b.png", 2)) as image:
        image.save(tmp_path / "p/b.bmp")
    index(library, tmp_path / "p")
    plan = make_plan(library)
    assert len(plan.acting) == 2
    by = {Path(item.uri).stem[0]: item for item in plan.acting}
    library.decisions.keep_all([by["a"].uri])
    library.decisions.not_duplicates([tmp_path / "p/b.png", tmp_path / "p/b.bmp"])
    for dry in (True, False):
        report = apply_plan(library, plan, dry_run=dry)
        assert states(report) == ["refused", "refused"]
        assert all("it was decided" in one.reason for one in report.acted)
    assert make_plan(library).acting == ()
    library.decisions.undo([one.id for one in library.decisions.all().decisions])
    assert set(states(apply_plan(library, plan))) == {"done"}
    library.decisions.keep_all([tmp_path / "p/a.png", tmp_path / "p/a copy.png"])
    library.decisions.not_duplicates([by["b"].uri, next(i.uri for i in plan.items if i.keeper and "/b." in i.uri)])
    items = empty_quarantine(library, older_than_days=0).items
    assert [item.state for item in items] == ["refused", "refused"], "nothing that was decided to stay is deleted"


def test_a_kept_folder_that_has_another_name_now_stops_everything_until_it_is_decided_anew(
    library: Library, tmp_path: Path
):
    copied(write_picture(tmp_path / "p/best/a.png", 1), tmp_path / "p/copy/a.png")
    index(library, tmp_path / "p")
    library.decisions.keep_folder(tmp_path / "p/best")
    plan = make_plan(library)
    assert [Path(item.uri).parent.name for item in plan.acting] == ["copy"]
    (tmp_path / "p/best").rename(tmp_path / "p/best pictures")
    for call in (lambda: make_plan(library), lambda: apply_plan(library, plan)):
        with pytest.raises(UsageError, match="not there, so nothing is done"):
            call()
    library.decisions.undo([1])
    make_plan(library)


def test_a_kept_folder_on_a_disk_that_is_offline_stops_nothing_elsewhere(library: Library, tmp_path: Path):
    here, disk = tmp_path / "here", tmp_path / "disk"
    copied(write_picture(here / "a.png", 1), here / "b.png")
    write_picture(disk / "best/c.png", 2)
    index(library, here, disk)
    library.decisions.keep_folder(disk / "best")
    shutil.move(disk, tmp_path / "unplugged")
    disk.mkdir()
    plan = make_plan(library)
    assert len(plan.acting) == 1
    assert states(apply_plan(library, plan)) == ["done"]


def test_a_plan_by_hand_cannot_take_a_picture_from_its_sidecar(library: Library, tmp_path: Path):
    from lookalike.actions import Plan

    first = write_picture(tmp_path / "p/a.jpg", 1)
    copy = copied(first, tmp_path / "p/c.jpg")
    put(tmp_path / "p/c.xmp")
    index(library, tmp_path / "p")
    report = apply_plan(library, Plan((row(first, keeper=True), row(copy))))
    assert states(report) == ["refused"]
