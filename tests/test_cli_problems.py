"""`lookalike problems` as it is typed: rows, page, options, exit codes."""

from __future__ import annotations

import csv
import inspect as signatures
import io
import json

import pytest
import typer

import lookalike
from lookalike.cli import main
from lookalike.cli.app import app
from lookalike.cli.settings import commands_of
from lookalike.problems.report import COLUMNS

from .problems.crisp import write_crisp


@pytest.fixture
def album(tmp_path, fake, monkeypatch):
    folder = tmp_path / "album"
    for number in range(4):
        write_crisp(folder / "a" / f"{number}.png", number, 96, 128)
    write_crisp(folder / "b" / "<b>small.png", 9, 12, 16)
    write_crisp(folder / "b" / "long.png", 10, 70, 420)
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "x.lookalike"))
    return folder


def run(capfd, *options):
    code = main(["problems", "-d", "fake", *map(str, options)])
    said = capfd.readouterr()
    return code, said.out, said.err


def test_rows_are_those_of_python(album, tmp_path, capfd):
    code, out, err = run(capfd, album, "--format", "csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["uri"].rpartition("/")[2], row["problems"]) for row in rows] == [
        ("<b>small.png", "too-small"), ("long.png", "odd-aspect"),
    ]  # fmt: skip
    assert "2 pictures with a problem among 6: 1 odd-aspect, 1 too-small." in err
    with lookalike.open(tmp_path / "x.lookalike") as library:
        told = lookalike.inspect(library, descriptor="fake")
    assert [one.uri for one in told.flagged] == [row["uri"] for row in rows]
    assert len(json.loads(run(capfd, "--all", "--format", "json", "-q")[1])) == 6


def test_options_make_a_difference(album, capfd):
    def found(*options):
        _, out, _ = run(capfd, album, "--format", "json", "-q", "--relative-to", album, *options)
        return {row["uri"]: row["problems"] for row in json.loads(out)}

    assert found("--only", "odd-aspect") == {"b/long.png": "odd-aspect"}
    assert found("--only", "odd-aspect", "--threshold", "odd-aspect=7") == {}
    assert set(found("--only", "odd-aspect", "--only", "too-small")) == {"b/long.png", "b/<b>small.png"}
    assert set(found("--threshold", "too-small=71", "--threshold", "odd-aspect=9")) == {"b/long.png", "b/<b>small.png"}


def test_the_exit_code_tells_when_asked(album, capfd):
    assert run(capfd, album, "--fail", "-q")[0] == 1
    assert run(capfd, album, "--fail", "-q", "--only", "dark")[0] == 0
    assert run(capfd, album, "-q")[0] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--threshold", "blurred"], "KIND=VALUE"),
        (["--threshold", "blurry=3"], "choose among"),
        (["--only", "blurry"], "choose among"),
        (["--format", "png"], "no format"),
        (["--format", "html"], "needs --output"),
        (["--labels", "folder", "--only", "mislabelled"], "not two classes"),
    ],
)
def test_wrong_use_is_a_sentence_and_code_2(album, capfd, options, said):
    path = album / "a" if "mislabelled" in options else album
    code, out, err = run(capfd, path, *options)
    assert code == 2
    assert said in err
    assert out == ""


def test_the_page_shows_each_kind_with_its_pictures_and_markup_in_names_is_inert(album, tmp_path, capfd):
    page = tmp_path / "p.html"
    assert run(capfd, album, "--output", page)[0] == 0
    text = page.read_text()
    assert text.index('id="odd-aspect"') < text.index('id="too-small"')
    assert "16 x 12 pixels" in text
    assert "&lt;b&gt;small.png" in text
    assert "<b>small" not in text
    assert text.count("<img") == 2
    assert run(capfd, album / "a", "--only", "dark", "--output", page)[0] == 0
    assert "No picture has a problem." in page.read_text()


def test_the_defaults_are_those_of_python():
    theirs = signatures.signature(lookalike.inspect).parameters
    command = commands_of(typer.main.get_command(app))["problems"]
    shared = [one for one in command.params if one.name in theirs and one.name not in ("library", "paths")]
    assert {one.name for one in shared} >= {
        "labels",
        "descriptor",
        "neighbours",
        "folds",
        "seed",
        "max_pixels",
        "device",
    }
    for one in shared:
        assert (one.default or None) == (theirs[one.name].default or None), one.name
