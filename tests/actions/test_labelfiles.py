"""Entries of label files are cut with the picture and come back: equal bytes, or the very entries."""

from __future__ import annotations

import csv
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.actions import labelfiles
from lookalike.actions.labelentries import parse_labels
from lookalike.actions.labelfiles import LabelEdit, Parses, apply_edit, plan_label_edits, revert_edit
from lookalike.errors import LookalikeError, UsageError


def pictures(folder, *names):
    made = []
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        made.append(str(path))
    return made


def coco(names, indent=None):
    images = [{"id": number, "file_name": name, "width": 8} for number, name in enumerate(names, 1)]
    notes = [
        {"id": 10 * one["id"] + at, "image_id": one["id"], "bbox": [1, 2, 3, 4]} for one in images for at in (0, 1)
    ]
    return json.dumps(
        {"info": {"images": "no"}, "images": images, "annotations": notes, "categories": []}, indent=indent
    )


def planned(label_file, going, **options):
    """Plan one edit, sent through JSON as a journal keeps it."""
    (edit,) = plan_label_edits(going, [str(label_file)], **options)
    back = LabelEdit.from_dict(json.loads(json.dumps(edit.as_dict())))
    assert back == edit
    return back


def planned_of_one(folder):
    """Return a label file of one picture, and the planned edit that takes it out."""
    label_file = folder / "l.csv"
    label_file.write_text("file,label\na.jpg,x\n")
    return label_file, planned(label_file, pictures(folder, "a.jpg"))


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("going", [[0], [2], [4], [0, 1], [3, 4], [1, 3], [0, 1, 2, 3, 4]])
def test_images_leave_a_coco_file_with_their_annotations_and_come_back_byte_for_byte(tmp_path, indent, going):
    names = [f"{at}.jpg" for at in range(5)]
    paths = pictures(tmp_path, *names)
    label_file = tmp_path / "labels.json"
    label_file.write_text(coco(names, indent))
    before = label_file.read_bytes()
    edit = planned(label_file, [paths[at] for at in going])
    assert label_file.read_bytes() == before
    assert edit.pictures == tuple(paths[at] for at in going)
    assert edit.entries == 3 * len(going)
    assert apply_edit(edit) is True
    assert apply_edit(edit) is False
    left = json.loads(label_file.read_text())
    kept = [name for at, name in enumerate(names) if at not in going]
    assert [one["file_name"] for one in left["images"]] == kept
    assert {one["image_id"] for one in left["annotations"]} == {names.index(name) + 1 for name in kept}
    assert left["info"] == {"images": "no"}
    assert revert_edit(edit) == "restored"
    assert label_file.read_bytes() == before
    assert revert_edit(edit) == "unchanged"


def test_entries_are_put_back_into_a_coco_file_that_has_changed_meanwhile(tmp_path):
    names = ["a.jpg", "b.jpg", "c.jpg"]
    paths = pictures(tmp_path, *names)
    label_file = tmp_path / "labels.json"
    label_file.write_text(coco(names))
    first, second = planned(label_file, paths[:1]), None
    apply_edit(first)
    second = planned(label_file, paths[1:])
    apply_edit(second)
    assert revert_edit(first) == "put back"
    assert revert_edit(first) == "unchanged"
    assert revert_edit(second) == "put back"
    left, whole = json.loads(label_file.read_text()), json.loads(coco(names))
    for key in ("images", "annotations"):
        assert sorted(left[key], key=lambda one: one["id"]) == whole[key]
    label_file.write_text('{"images": []}')
    with pytest.raises(UsageError, match="no annotations any more"):
        revert_edit(first)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "ü", "c d"]), st.text(alphabet='x",;\n é', max_size=6)), max_size=12),
    st.sets(st.sampled_from(["a", "b", "ü", "c d"])),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_rows_of_any_csv_file_leave_and_come_back(tmp_path_factory, rows, going, delimiter, end, mark, last):
    folder = tmp_path_factory.mktemp("csv")
    label_file = folder / "labels.csv"
    with open(label_file, "w", newline="", encoding="utf-8-sig" if mark else "utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
        writer.writerows([("File", "label"), *((f"{name}.jpg", label) for name, label in rows)])
    if last and rows:
        label_file.write_bytes(label_file.read_bytes().removesuffix(end.encode()))
    before = label_file.read_bytes()
    wanted = [str(folder / f"{name}.jpg") for name in going]
    edits = plan_label_edits(wanted, [str(label_file)], folders={str(label_file): str(folder)})
    assert len(edits) == any(name in going for name, _ in rows)
    for edit in edits:
        apply_edit(edit)
        with open(label_file, newline="", encoding="utf-8-sig") as stream:
            left = list(csv.reader(stream, delimiter=delimiter))
        assert left == [["File", "label"], *([f"{name}.jpg", label] for name, label in rows if name not in going)]
        changed = label_file.read_bytes()
        assert revert_edit(edit) == "restored"
        assert label_file.read_bytes() == before
        # Changed meanwhile: the same rows, in whatever order.
        label_file.write_bytes(changed + (b"" if changed.endswith(b"\n") else end.encode()) + b"new.jpg" + end.encode())
        assert revert_edit(edit) == "put back"
        with open(label_file, newline="", encoding="utf-8-sig") as stream:
            left = list(csv.reader(stream, delimiter=delimiter))
        assert sorted(left[1:]) == sorted([["new.jpg"], *([f"{name}.jpg", label] for name, label in rows)])
        assert revert_edit(edit) == "unchanged"


def test_a_quote_within_a_field_ends_no_row(tmp_path):
    (one,) = pictures(tmp_path, "a.jpg")
    label_file = tmp_path / "l.csv"
    label_file.write_text('file,label\na.jpg,5" disk\nb.jpg,"two\nlines"\na.jpg,"two\nlines"\n\nc.jpg,x\n')
    edit = planned(label_file, [one])
    apply_edit(edit)
    assert label_file.read_text() == 'file,label\nb.jpg,"two\nlines"\n\nc.jpg,x\n'


def test_a_csv_file_with_other_columns_gets_nothing_back(tmp_path):
    label_file, edit = planned_of_one(tmp_path)
    apply_edit(edit)
    label_file.write_text("file,label,split\n")
    with pytest.raises(UsageError, match="other columns"):
        revert_edit(edit)
    assert label_file.read_text() == "file,label,split\n"


def test_lists_of_pascal_voc_and_of_paths_lose_their_line(tmp_path):
    a, b = pictures(tmp_path, "JPEGImages/a.jpg", "JPEGImages/b.jpg")
    c, _ = pictures(tmp_path, "images/train/c.jpg", "images/train/d e.jpg")
    sets = tmp_path / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a\nb\n")
    (sets / "cat_train.txt").write_text("a  1\nb -1")
    (sets / "val.txt").write_text("z\n")
    (tmp_path / "train.txt").write_text("./images/train/c.jpg\n./images/train/d e.jpg\n")
    files = [
        str(path) for path in (sets / "train.txt", sets / "cat_train.txt", sets / "val.txt", tmp_path / "train.txt")
    ]
    edits = plan_label_edits([b, c], files)
    assert [Path(edit.uri).name for edit in edits] == ["train.txt", "cat_train.txt", "train.txt"]
    old = [Path(edit.uri).read_bytes() for edit in edits]
    for edit in edits:
        apply_edit(edit)
    assert (sets / "train.txt").read_text() == "a\n"
    assert (sets / "cat_train.txt").read_text() == "a  1\n"
    assert (tmp_path / "train.txt").read_text() == "./images/train/d e.jpg\n"
    assert [revert_edit(edit) for edit in edits] == ["restored"] * 3
    assert [Path(edit.uri).read_bytes() for edit in edits] == old
    assert a not in {name for edit in edits for name in edit.pictures}


def test_names_are_relative_to_the_folder_in_which_the_pictures_lie(tmp_path):
    names = [f"{at:03}.jpg" for at in range(6)]
    train = pictures(tmp_path / "train2017", *names)
    val = pictures(tmp_path / "val2017", *names)
    notes = tmp_path / "annotations"
    notes.mkdir()
    (notes / "instances_train2017.json").write_text(coco(names))
    (notes / "instances_val2017.json").write_text(coco(names))
    files = [str(notes / "instances_train2017.json"), str(notes / "instances_val2017.json")]
    assert [edit.uri for edit in plan_label_edits(val[:1], files)] == files[1:]
    assert [edit.uri for edit in plan_label_edits(train[:1], files)] == files[:1]
    both = plan_label_edits([train[0], val[1]], files)
    assert [edit.pictures for edit in both] == [(train[0],), (val[1],)]
    unclear = notes / "all.json"
    unclear.write_text(coco(names))
    with pytest.raises(UsageError, match="fit several folders"):
        plan_label_edits(val[:1], [str(unclear)])
    told = planned(unclear, val[:1], folders={str(unclear): str(tmp_path / "val2017")})
    assert told.pictures == tuple(val[:1])
    assert plan_label_edits(val[:1], [str(unclear)], folders={str(unclear): str(tmp_path / "train2017")}) == ()


def test_pictures_reached_through_a_link_are_the_same_pictures(tmp_path):
    (one,) = pictures(tmp_path / "real" / "images", "a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name, text in (("l.csv", "file,label\nimages/a.jpg,x\n"), ("m.csv", f"file,label\n{one},x\n")):
        (tmp_path / "real" / name).write_text(text)
        spelled = str(tmp_path / "link/images/a.jpg")
        edit = planned(tmp_path / "real" / name, [spelled])
        assert edit.pictures == (spelled,)
        assert planned(tmp_path / "link" / name, [one]).pictures == (one,)


def test_a_picture_of_the_same_name_elsewhere_loses_no_label(tmp_path):
    names = ["a.jpg", "b.jpg"]
    pictures(tmp_path / "here", *names)
    (other,) = pictures(tmp_path / "there", "a.jpg")
    label_file = tmp_path / "here" / "labels.csv"
    label_file.write_text("file,label\na.jpg,x\nb.jpg,y\n")
    assert plan_label_edits([other], [str(label_file)]) == ()


def test_absolute_names_urls_and_names_that_are_not_utf8(tmp_path):
    label_file = tmp_path / "l.csv"
    label_file.write_bytes(b"uri,label\n/p/\xe9.jpg,x\nhttps://example.org/a.jpg,y\n/p/b.jpg,z\n")
    before = label_file.read_bytes()
    edit = planned(label_file, [os.fsdecode(b"/p/\xe9.jpg"), "https://example.org/a.jpg"])
    apply_edit(edit)
    assert label_file.read_bytes() == b"uri,label\n/p/b.jpg,z\n"
    revert_edit(edit)
    assert label_file.read_bytes() == before


def test_a_file_that_changed_since_the_plan_is_left_alone(tmp_path):
    label_file, edit = planned_of_one(tmp_path)
    label_file.write_text("file,label\na.jpg,changed\n")
    with pytest.raises(UsageError, match="changed since the plan"):
        apply_edit(edit)
    assert label_file.read_text() == "file,label\na.jpg,changed\n"


def test_mode_times_and_links_outlive_an_edit_and_its_undoing(tmp_path):
    (one,) = pictures(tmp_path, "a.jpg")
    target = tmp_path / "real.csv"
    target.write_text("file,label\na.jpg,x\n")
    target.chmod(0o640)
    os.utime(target, ns=(10**18, 10**18 + 7))
    link = tmp_path / "l.csv"
    link.symlink_to(target)
    edit = planned(link, [one])
    apply_edit(edit)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.stat().st_mtime_ns != 10**18 + 7
    revert_edit(edit)
    assert target.stat().st_mtime_ns == 10**18 + 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "l.csv", "real.csv"]


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    label_file, edit = planned_of_one(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LookalikeError, match="No space left on device; it is as it was"):
        apply_edit(edit)
    assert label_file.read_text() == "file,label\na.jpg,x\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "l.csv"]
    label_file.unlink()
    with pytest.raises(LookalikeError, match="cannot be read"):
        revert_edit(edit)


def test_an_edit_that_was_made_is_not_denied_where_the_folder_itself_cannot_be_opened(tmp_path, monkeypatch):
    label_file, edit = planned_of_one(tmp_path)
    real = os.open

    def open_(path, *rest, **options):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", open_)
    apply_edit(edit)
    assert label_file.read_text() == "file,label\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("l.json", '{"images": [{"id": 1}]}', "no COCO file"),
        ("l.json", '{"annotations": []}', "no images"),
        ("l.json", "[1, 2]", "no COCO file"),
        ("l.json", '{"images": [], "images": []}', "twice"),
        ("l.json", '{"images": [', "no COCO file"),
        ("l.csv", "name,label\n", "needs a header"),
        ("l.yaml", "a: 1", "no label file"),
    ],
)
def test_what_is_no_label_file_is_refused_in_a_sentence(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        plan_label_edits(["/p/a.jpg"], [str(path)])


def test_a_file_that_another_program_writes_in_the_same_moment_is_left_alone(tmp_path, monkeypatch):
    label_file, edit = planned_of_one(tmp_path)
    real = os.fsync

    def meanwhile(handle):
        label_file.write_text("file,label\na.jpg,x\nb.jpg,y\n")
        real(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(UsageError, match="being changed by another program"):
        apply_edit(edit)
    assert label_file.read_text() == "file,label\na.jpg,x\nb.jpg,y\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "l.csv"]


NAMES = [f"{at}.jpg" for at in range(6)]
TEXTS = {
    "coco": lambda names, indent: coco(names, indent),
    "csv": lambda names, _: "label,file\n" + "".join(f'"a\nb",{name}\n' for name in names),
    "list": lambda names, _: "\n".join(names),
}


@given(
    st.sampled_from(sorted(TEXTS)), st.sampled_from([None, 1]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=9),
    st.lists(st.sets(st.sampled_from(NAMES), max_size=3), max_size=4),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_a_file_without_its_cuts_is_known_as_if_it_were_parsed_anew(kind, indent, names, goings):
    text = TEXTS[kind](names, indent)
    uri = {"coco": "/p/labels.json", "csv": "/p/labels.csv", "list": "/p/labels.txt"}[kind]
    known = parse_labels(uri, text)
    for going in goings:
        found = known.find(text, [f"/p/{name}" for name in sorted(going)], "/p")
        known, text = known.without(found.cuts), labelfiles._without(text, found.cuts)
        again = parse_labels(uri, text)
        for one, other in zip(known.lists, again.lists, strict=True):
            assert one.place == other.place
            assert one.about == other.about
            assert one.starts.tolist() == other.starts.tolist()
            assert one.ends.tolist() == other.ends.tolist()


def test_a_file_is_parsed_once_for_many_edits_and_again_when_somebody_else_changed_it(tmp_path, monkeypatch):
    names = [f"{at}.jpg" for at in range(8)]
    paths = pictures(tmp_path, *names)
    label_file = tmp_path / "labels.json"
    label_file.write_text(coco(names, 1))
    before = label_file.read_bytes()
    parsed = []
    known, edits = Parses(), []

    def counted(uri, text):
        parsed.append(uri)
        return parse_labels(uri, text)

    monkeypatch.setattr(labelfiles, "parse_labels", counted)

    def cut(path):
        (edit,) = plan_label_edits([path], [str(label_file)], parses=known)
        (alone,) = plan_label_edits([path], [str(label_file)])
        assert edit == alone
        apply_edit(edit)
        return edit

    for path in paths[:3]:
        plan_label_edits([paths[5]], [str(label_file)], parses=known)  # planned, and never done
        edits.append(cut(path))
    assert len(parsed) == 1 + 3  # three of them by the plans that know nothing
    assert revert_edit(edits[-1]) == "restored"
    edits[-1] = cut(paths[3])
    label_file.write_text(label_file.read_text().replace('"width": 8', '"width": 9'))
    cut(paths[4])
    assert {one["file_name"] for one in json.loads(label_file.read_text())["images"]} == {*names[5:], names[2]}
    assert [one["width"] for one in json.loads(label_file.read_text())["images"]] == [9] * 4
    assert before != label_file.read_bytes()
