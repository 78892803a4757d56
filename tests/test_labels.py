"""Labels told by folders, by names and by CSV files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lookalike.errors import UsageError
from lookalike.labels import read_labels


def test_a_folder_names_the_class_of_files_and_urls():
    uris = ["/pets/cats/a.jpg", "/pets/dogs/b.jpg", "https://example.org/birds/c.jpg"]
    assert read_labels("folder", uris) == ("cats", "dogs", "birds")


def test_a_file_at_the_root_has_no_label():
    assert read_labels("folder", ["/a.jpg", "/x/b.jpg"]) == (None, "x")


def test_a_pattern_takes_its_first_group_from_the_name_without_suffix():
    uris = ["/p/building03.jpg", "/p/text12.jpg", "/p/12.jpg"]
    assert read_labels(r"name:(\D+)\d\d$", uris) == ("building", "text", None)
    assert read_labels(r"name:\d+", uris) == ("03", "12", "12")
    assert read_labels(r"name:(?:b(\w))?", uris)[0] == "u"


def test_a_group_that_finds_nothing_is_no_label():
    assert read_labels(r"name:^(b*)", ["/p/bb.jpg", "/p/text.jpg"]) == ("bb", None)


@pytest.mark.parametrize("pattern", ["name:(", "name:*"])
def test_what_is_no_pattern_is_said_so(pattern):
    with pytest.raises(UsageError, match="not a regular expression"):
        read_labels(pattern, ["/p/a.jpg"])


def test_labels_that_no_picture_gets_are_an_error_but_no_pictures_are_none():
    with pytest.raises(UsageError, match="no picture gets a label"):
        read_labels(r"name:\d", ["/p/a.jpg"])
    assert read_labels(r"name:\d", []) == ()


@pytest.mark.parametrize("column", ["uri", "file", "path", "file_name", "filename", "image", "URI", " File "])
@pytest.mark.parametrize("label", ["label", "class", "category", "cluster", "Label"])
def test_a_csv_may_call_its_columns_differently(tmp_path, column, label):
    (tmp_path / "labels.csv").write_text(f"{column},{label}\na.jpg,cat\nb.jpg,dog\n")
    uris = [str(tmp_path / name) for name in ("b.jpg", "a.jpg", "c.jpg")]
    assert read_labels(str(tmp_path / "labels.csv"), uris) == ("dog", "cat", None)


@pytest.mark.parametrize("part", [",", ";", "\t"])
def test_a_csv_may_have_other_marks_between_fields_and_quotes(tmp_path, part):
    path = tmp_path / "labels.csv"
    path.write_text(f'id{part}uri{part}label\n1{part}"a{part}b.jpg"{part}"big{part}cat"\n', encoding="utf-8-sig")
    assert read_labels(str(path), [str(tmp_path / f"a{part}b.jpg")]) == (f"big{part}cat",)


def test_a_csv_names_pictures_wholly_relatively_and_by_url(tmp_path):
    (tmp_path / "sub").mkdir()
    path = tmp_path / "labels.csv"
    url = "https://example.org/x.jpg"
    whole = tmp_path.parent / "whole.jpg"
    path.write_text(
        f"uri,label\nsub/../sub/a.jpg,one\n{whole},two\n{url},three\n{whole.as_uri()},two\n,left out\nshort\n"
    )
    uris = [str(tmp_path / "sub" / "a.jpg"), str(whole), url]
    assert read_labels(str(path), uris) == ("one", "two", "three")


def test_names_are_looked_for_in_the_current_folder_if_none_is_beside_the_csv(tmp_path, monkeypatch):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "l.csv").write_text("uri,label\na.jpg,here\n")
    monkeypatch.chdir(tmp_path)
    assert read_labels("lists/l.csv", [str(tmp_path / "a.jpg")]) == ("here",)
    both = [str(tmp_path / "a.jpg"), str(tmp_path / "lists" / "a.jpg")]
    assert read_labels("lists/l.csv", both) == (None, "here")


def test_a_column_can_be_asked_for(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text("uri,label,cluster\na.jpg,cat,7\n")
    uris = [str(tmp_path / "a.jpg")]
    assert read_labels(str(path), uris) == ("cat",)
    assert read_labels(str(path), uris, columns=("cluster",)) == ("7",)


def test_one_picture_with_two_labels_is_refused_and_the_same_label_twice_is_not(tmp_path):
    path = tmp_path / "l.csv"
    path.write_text("uri,label\na.jpg,cat\na.jpg,dog\n")
    with pytest.raises(UsageError, match="two labels, 'cat' and 'dog'"):
        read_labels(str(path), [str(tmp_path / "a.jpg")])
    path.write_text("uri,label\na.jpg,cat\na.jpg, cat \n")
    assert read_labels(str(path), [str(tmp_path / "a.jpg")]) == ("cat",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a header with uri and label; it has none"),
        ("name,label\n", "it has name, label"),
        ("uri,size\n", "it has uri, size"),
        ("uri,label\nelsewhere.jpg,cat\n", "labels no picture that is here: it names 'elsewhere.jpg'"),
        ("uri,label\n", "no picture gets a label"),
        ("uri,label\na.jpg,\n", "no picture"),
    ],
)
def test_a_csv_that_tells_nothing_is_said_why(tmp_path, text, message):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_labels(str(tmp_path / "l.csv"), [str(tmp_path / "a.jpg")])


def test_a_file_that_is_not_there_is_said_with_the_choices(tmp_path):
    with pytest.raises(UsageError, match="use folder, name:PATTERN or a CSV"):
        read_labels("foldr", ["/p/a.jpg"])
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(str(tmp_path), ["/p/a.jpg"])


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_name_that_is_not_utf_8_is_found(tmp_path):
    (tmp_path / "l.csv").write_bytes(b"uri,label\ncaf\xe9.jpg,coffee\n")
    uri = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    assert read_labels(str(tmp_path / "l.csv"), [uri]) == ("coffee",)
    assert Path(uri).name.startswith("caf")
