"""The commands: what they print, what they ask, how they exit."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from lookalike.actions import make_plan, read_plan
from lookalike.cli import main
from lookalike.library import Library
from tests.actions.conftest import files, tree


@pytest.fixture
def at(library: Library) -> str:
    return str(library.path)


@pytest.fixture
def planned(at: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = str(tmp_path / "plan.csv")
    assert main(["plan", "--library", at, "--output", path]) == 0
    capsys.readouterr()
    return path


def test_plan_apply_history_undo(at: str, tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]):
    before = tree(photos)
    path = str(tmp_path / "plan.jsonl")
    assert main(["plan", str(photos), "--library", at, "--output", path]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "quarantine: 6 files" in said.err
    assert f"Written: {path}" in said.err

    # A plan of JSON lines knows its library.
    assert main(["apply", path, "--yes", "--format", "csv"]) == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["state"] for row in rows] == ["done"] * 6
    assert "6 done, 0 refused." in said.err
    assert len(files(photos)) == 3

    assert main(["history", "--library", at, "--format", "json"]) == 0
    runs = json.loads(capsys.readouterr().out)
    assert (runs[0]["act"], runs[0]["done"], runs[0]["state"], runs[0]["plan"]) == ("quarantine", 6, "done", path)
    assert f"lookalike undo {runs[0]['run']}" in said.err

    assert main(["undo", runs[0]["run"], "--library", at, "--yes", "--format", "jsonl"]) == 0
    said = capsys.readouterr()
    assert {json.loads(line)["state"] for line in said.out.splitlines()} == {"undone"}
    assert tree(photos) == before


def test_companions_and_label_files_go_by_command_as_from_python(
    at: str, library: Library, tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
):
    planned = make_plan(library)
    group = planned.acting[0].group
    for row in planned.items:  # all of a group have one, or the one that has would be kept
        if row.group == group:
            Path(row.uri).with_suffix(".xmp").write_text("<x/>")
    sidecars = [Path(row.uri).with_suffix(".xmp") for row in planned.acting if row.group == group]
    names = photos / "names.csv"
    names.write_text("file,label\n" + "".join(f"{name},x\n" for name in files(photos) if name.endswith(".png")))
    before = tree(photos)
    path = str(tmp_path / "plan.csv")
    assert main(["plan", "--library", at, "--label-file", str(names), "--output", path]) == 0
    said = capsys.readouterr().err
    assert f"quarantine: {6 + len(sidecars)} files" in said
    assert f"labels: 6 entries of 6 pictures taken out of {names}" in said
    made = make_plan(library, label_file=names)
    assert read_plan(path).items == made.items
    assert main(["apply", path, "--library", at, "--yes", "--quiet"]) == 0
    left = [name for name in files(photos) if name.endswith(".png")]
    assert len(left) == 3
    assert sorted(line.partition(",")[0] for line in names.read_text().splitlines()[1:]) == left
    assert not any(sidecar.exists() for sidecar in sidecars)
    assert main(["undo", "--library", at, "--yes", "--quiet"]) == 0
    assert tree(photos) == before


def test_the_rows_of_a_plan_go_to_standard_output(at: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", "--library", at, "--format", "jsonl"]) == 0
    head, *lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert head["lookalike plan"] == 1
    assert list(lines[0])[:4] == ["group", "uri", "keeper", "act"]
    assert len(lines) == 9
    assert main(["plan", "--library", at, "--format", "csv", "--act", "list-only", "--quiet"]) == 0
    said = capsys.readouterr()
    assert {row["act"] for row in csv.DictReader(io.StringIO(said.out))} == {"keep", "list-only"}
    assert said.err == ""


def test_without_a_terminal_acting_needs_yes(at: str, planned: str, photos: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["apply", planned, "--library", at]) == 2
    assert len(files(photos)) == 9
    assert main(["apply", planned, "--library", at, "--yes"]) == 0
    for command in (["undo"], ["quarantine", "--empty", "--older-than", "0"]):
        assert main([*command, "--library", at]) == 2
        assert "--yes" in capsys.readouterr().err
        assert len(files(photos)) == 3
    assert len(list((Path(at) / "quarantine").rglob("*.png"))) == 6


def test_what_is_refused_is_told_by_the_exit_code(
    at: str, planned: str, photos: Path, capsys: pytest.CaptureFixture[str]
):
    os.utime(photos / "0.png", (1, 1))
    assert main(["apply", planned, "--library", at, "--dry-run"]) == 1
    assert "5 would be done, 1 refused." in capsys.readouterr().err
    assert main(["apply", planned, "--library", at, "--dry-run", "--exit-zero"]) == 0
    assert len(files(photos)) == 9
    assert main(["apply", planned, "--library", at, "--yes"]) == 1
    assert len(files(photos)) == 4
    (photos / "sub 1/2 copy.png").write_text("new")
    assert main(["undo", "--library", at, "--yes"]) == 1
    assert "something else is at its old place" in capsys.readouterr().out


def test_protected_folders_on_the_command_line(at: str, planned: str, photos: Path):
    assert main(["apply", planned, "--library", at, "--yes", "--protect", str(photos)]) == 1
    assert len(files(photos)) == 9


def test_what_makes_no_sense_is_wrong_use(at: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bad = tmp_path / "bad.csv"
    bad.write_text("group,uri,keeper,act,sha256\n1,/a,false,shred,\n")
    for arguments in (
        ["plan", "--level", "edited"], ["plan", "--act", "shred"], ["plan", "--act", "move"],
        ["plan", "--protect", str(tmp_path / "gone")], ["apply", str(bad), "--yes"], ["undo", "--yes"],
        ["undo", "never", "--yes"],
    ):  # fmt: skip
        assert main([*arguments, "--library", at]) == 2, arguments
    assert "line 2" in capsys.readouterr().err


def test_the_quarantine_is_listed_and_emptied(at: str, planned: str, photos: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["apply", planned, "--library", at, "--yes", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["quarantine", "--library", at, "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert len(list(csv.DictReader(io.StringIO(said.out)))) == 6
    assert "6 files in quarantine" in said.err
    assert main(["quarantine", "--empty", "--yes", "--library", at]) == 0
    assert len(list((Path(at) / "quarantine").rglob("*.png"))) == 6, "none is 30 days old"
    assert main(["quarantine", "--empty", "--older-than", "0", "--dry-run", "--library", at]) == 0
    assert "6 files would be deleted" in capsys.readouterr().err
    assert main(["quarantine", "--empty", "--older-than", "0", "--yes", "--library", at]) == 0
    assert "6 files deleted" in capsys.readouterr().err
    assert not list((Path(at) / "quarantine").rglob("*.png"))
    assert len(files(photos)) == 3
