"""Which pictures are asked among: each filter alone, together, and in every face."""

from __future__ import annotations

import csv
import inspect
import io
import os
import time
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import typer

import lookalike
from lookalike import Filters
from lookalike.cli import main
from lookalike.cli.app import app
from lookalike.cli.settings import commands_of
from lookalike.errors import UsageError
from lookalike.filters import choose_pictures, count_folders
from lookalike.library import Library
from tests.conftest import write_picture

FILES = {  # name: (height, width, when)
    "a/one.jpg": (24, 32, "2023-05-31T23:59:59"),
    "a/two.png": (48, 64, "2023-06-01T00:00:00"),
    "a/deep/three.jpg": (24, 64, "2024-01-01T12:00:00"),
    "b/four.tif": (96, 128, "2024-02-29T18:30:00"),
    "ab/five.webp": (24, 24, "2025-01-01T00:00:00"),
}


@pytest.fixture
def shelf(tmp_path, fake):
    for seed, (name, (height, width, when)) in enumerate(FILES.items()):
        path = write_picture(tmp_path / name, seed, height, width)
        seconds = datetime.fromisoformat(when).timestamp()
        os.utime(path, (seconds, seconds))
    with lookalike.open(tmp_path / "shelf.lookalike") as library:
        library.add(tmp_path, descriptors=["fake"])
        yield library


def names(library: Library, **filters):
    chosen = choose_pictures(library.store, Filters(**filters))
    held = library.store.images_by_id(list(chosen.images))
    assert {image.content_id for image in held.values()} == set(chosen.contents)
    return {Path(image.uri).stem for image in held.values()}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"after": "2024"}, {"three", "four", "five"}),
        ({"after": "2023-06"}, {"two", "three", "four", "five"}),
        ({"before": "2023-06-01"}, {"one"}),
        ({"after": "2024-02-29T18:30", "before": "2024-02-29T18:31"}, {"four"}),
        ({"min_side": 48}, {"two", "four"}),
        ({"max_side": 24}, {"one", "three", "five"}),
        ({"min_side": 25, "max_side": 48}, {"two"}),
        ({"formats": ("jpg",)}, {"one", "three"}),
        ({"formats": ("JPEG", "TIFF")}, {"one", "three", "four"}),
        ({"formats": "webp"}, {"five"}),
        ({"label": ("a", "b")}, {"one", "two", "four"}),
        ({"label": "nothing"}, set()),
        ({"label": "o", "labels": "name:^(.)"}, {"one"}),
        ({"formats": ("jpeg",), "after": "2024", "max_side": 24}, {"three"}),
        ({}, {"one", "two", "three", "four", "five"}),
    ],
)
def test_a_filter_lets_pass_what_it_says(shelf, filters, found):
    assert names(shelf, **filters) == found


def test_under_is_a_folder_and_all_within_not_one_that_begins_alike(shelf, tmp_path):
    assert names(shelf, under=(str(tmp_path / "a"),)) == {"one", "two", "three"}
    assert names(shelf, under=str(tmp_path / "b/four.tif")) == {"four"}
    with pytest.raises(UsageError, match="indexed"):
        names(shelf, under=str(tmp_path / "c"))


def test_bytes_are_those_of_the_file(shelf, tmp_path):
    size = (tmp_path / "b/four.tif").stat().st_size
    assert names(shelf, min_bytes=size) == {"four"}
    assert "four" not in names(shelf, max_bytes=size - 1)
    assert names(shelf, max_bytes=0) == set()


@pytest.mark.parametrize("text", ["yesterday", "", "2024-13", "24", "2024-05-31T25:00", "٢٠٢٤x"])
def test_what_is_no_date_is_said_at_once(text):
    with pytest.raises(UsageError, match="no date"):
        Filters(after=text)


def test_a_filter_of_nothing_is_none_and_one_of_zero_is_one():
    assert not Filters()
    assert not Filters(labels="name:x")
    assert Filters(max_bytes=0)
    assert Filters(under=["a"]) == Filters(under="a")


def test_a_search_finds_only_what_passes_in_the_order_of_distance(shelf, tmp_path):
    query = tmp_path / "a/one.jpg"
    whole = shelf.search(query, k=9, descriptor="fake")
    some = shelf.search(query, k=9, descriptor="fake", only=Filters(after="2024"))
    order = [uri for uri in whole.uris[0] if uri and Path(uri).stem in ("three", "four", "five")]
    assert [uri for uri in some.uris[0] if uri] == order
    assert len(order) == 3
    none = shelf.search(query, k=2, descriptor="fake", only=Filters(max_bytes=1))
    assert none.uris == ((None, None),)


def test_a_narrow_search_and_a_wide_one_answer_alike(shelf, tmp_path, monkeypatch):
    """Few contents are searched by themselves; of many, those that do not pass are left out."""
    answers = []
    for narrow in (0.0, 1.0):
        monkeypatch.setattr("lookalike.answering._NARROW", narrow)
        found = shelf.search(tmp_path / "a/one.jpg", k=3, descriptor="fake", only=Filters(min_side=24, after="2023-06"))
        answers.append((found.uris, found.distances.tolist()))
    assert answers[0] == answers[1]


def test_filters_follow_what_is_indexed_anew(shelf, tmp_path):
    only = Filters(under=str(tmp_path / "a"))
    before = shelf.search(tmp_path / "a/one.jpg", k=9, descriptor="fake", only=only)
    write_picture(tmp_path / "a/six.png", 6)
    shelf.add(tmp_path, descriptors=["fake"])
    after = shelf.search(tmp_path / "a/one.jpg", k=9, descriptor="fake", only=only)
    assert set(after.uris[0]) - set(before.uris[0]) == {str(tmp_path / "a/six.png")}


def test_folders_are_counted_with_their_bytes(shelf, tmp_path):
    found = {folder.path: (folder.pictures, folder.bytes) for folder in count_folders(shelf.store)}
    assert list(found) == sorted(found)
    sizes = [(tmp_path / name).stat().st_size for name in ("a/one.jpg", "a/two.png")]
    assert found[str(tmp_path / "a")] == (2, sum(sizes))
    assert len(found) == 4


def test_the_dates_of_many_pictures_are_read_quickly(shelf):
    started = time.process_time()
    for _ in range(200):
        names(shelf, after="2024-05-31", before="2026")
    assert time.process_time() - started < 5


def test_the_command_has_each_filter_under_its_name_with_its_default():
    options = {one.name: one for one in commands_of(typer.main.get_command(app))["search"].params}
    renamed = {"formats": "picture_format"}
    for one in fields(Filters):
        option = options[renamed.get(one.name, one.name)]
        ours = option.default
        assert (tuple(ours or ()) if isinstance(one.default, tuple) else ours) == one.default, one.name
    signature = inspect.signature(Library.search).parameters
    for name in ("together", "region"):
        assert options[name].default == signature[name].default


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        (["--under", "{}/a"], {"under": ["{}/a"]}),
        (["--after", "2024", "--before", "2025"], {"after": "2024", "before": "2025"}),
        (["--min-side", "30", "--max-side", "60"], {"min_side": 30, "max_side": 60}),
        (["--min-bytes", "1000"], {"min_bytes": 1000}),
        (["--max-bytes", "1000"], {"max_bytes": 1000}),
        (["--picture-format", "jpg", "--picture-format", "tiff"], {"formats": ["jpg", "tiff"]}),
        (["--label", "a", "--label", "b"], {"label": ["a", "b"]}),
        (["--label", "f", "--labels", "name:^(.)"], {"label": ["f"], "labels": "name:^(.)"}),
    ],
)
def test_the_command_answers_as_python_does(shelf, tmp_path, capfdbinary, options, filters):
    query = tmp_path / "ab/five.webp"
    given = [one.format(tmp_path) for one in options]
    code = main(["search", str(query), "--library", str(shelf.path), "-d", "fake", "--format", "csv", *given])
    rows = list(csv.DictReader(io.StringIO(capfdbinary.readouterr().out.decode())))
    asked: dict[str, Any] = dict(filters)
    if "under" in asked:
        asked["under"] = [one.format(tmp_path) for one in asked["under"]]
    only = Filters(**asked)
    found = shelf.search(query, descriptor="fake", only=only)
    assert code == 0
    assert [row["uri"] for row in rows] == [uri for uri in found.uris[0] if uri]
    assert rows
