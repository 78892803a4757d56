"""`lookalike export` as a script meets it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.cli import main
from lookalike.labels import read_labels
from tests.conftest import write_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat/1.png", "cat/2.png", "dog/3.png", "dog/4,5.png")):
        write_picture(tmp_path / "photos" / name, number)
    return tmp_path / "photos"


def run(capfdbinary, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_vectors_are_those_of_the_library_row_by_row(folder, tmp_path, capfdbinary):
    library = tmp_path / "x.lookalike"
    code, out, err = run(capfdbinary, "export", folder, "--library", library, "-o", tmp_path / "v.npy", "-d", "pdq")
    assert (code, out) == (0, "")
    assert "4 vectors of 32 numbers. Written:" in err
    with lookalike.open(library) as opened:
        uris, vectors = opened.vectors("pdq")
    assert np.array_equal(np.load(tmp_path / "v.npy"), vectors)
    with open(tmp_path / "v.uris.csv", newline="", encoding="utf-8") as stream:
        assert [row["uri"] for row in csv.DictReader(stream)] == uris


def test_what_is_indexed_is_exported_without_naming_it_and_another_descriptor_is_refused(folder, tmp_path, capfdbinary):
    library = tmp_path / "x.lookalike"
    run(capfdbinary, "index", folder, "--library", library, "-d", "pdq")
    code, out, _ = run(capfdbinary, "export", "--library", library, "-d", "pdq", "--quiet")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) == 4
    assert list(rows[0])[:2] == ["uri", "v0"]
    code, _, err = run(capfdbinary, "export", "--library", library)
    assert code == 3
    assert "no lite0 vectors" in err


def test_labels_names_and_lists(folder, tmp_path, capfdbinary):
    common = ("export", folder, "--library", tmp_path / "x.lookalike", "-d", "pdq", "--labels", "folder", "-q")
    code, out, err = run(capfdbinary, *common, "--relative-to", folder, "--format", "csv")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(Path(row["uri"]).as_posix(), row["label"]) for row in rows] == [
        ("cat/1.png", "cat"), ("cat/2.png", "cat"), ("dog/3.png", "dog"), ("dog/4,5.png", "dog"),
    ]  # fmt: skip
    run(capfdbinary, *common, "--format", "imagefolder", "-o", folder / "metadata.csv")
    listed = (folder / "metadata.csv").read_text()
    assert listed == 'file_name,label\ncat/1.png,cat\ncat/2.png,cat\ndog/3.png,dog\n"dog/4,5.png",dog\n'
    run(capfdbinary, *common, "--format", "labelstudio", "--relative-to", folder, "-o", tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[3]["data"]["image"] == "/data/local-files/?d=dog/4%2C5.png"


def test_the_list_of_names_is_a_list_of_labels_for_the_next_command(folder, tmp_path, capfdbinary):
    run(capfdbinary, "export", folder, "--library", tmp_path / "x.lookalike", "-d", "pdq", "--labels", "folder",
        "-o", tmp_path / "v.npy")  # fmt: skip
    with lookalike.open(tmp_path / "x.lookalike") as opened:
        uris, _ = opened.vectors("pdq")
    assert read_labels(str(tmp_path / "v.uris.csv"), uris) == ("cat", "cat", "dog", "dog")


def test_a_wrong_suffix_is_refused_before_any_work(folder, tmp_path, capfdbinary):
    code, _, err = run(capfdbinary, "export", folder, "--library", tmp_path / "x.lookalike", "-o", "v.html")
    assert code == 2
    assert ".npy" in err
    assert not (tmp_path / "x.lookalike").exists()
