"""Plans as files: what was written is read, edits are honoured, and what makes no sense is refused with its line."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lookalike.actions import Plan, make_plan, read_plan, write_plan
from lookalike.errors import UsageError
from lookalike.library import Library

Edit = Callable[[list[dict[str, Any]]], Any]


def edited(path: Path, edit: Edit) -> Path:
    """Change the rows of a plan as an editor would."""
    if path.suffix == ".csv":
        with open(path, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        columns = list(rows[0])
        edit(rows)
        with open(path, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(rows)
    else:
        head, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        edit(lines)
        path.write_text("".join(json.dumps(line) + "\n" for line in [head, *lines]), encoding="utf-8")
    return path


@pytest.fixture(params=["csv", "jsonl"])
def written(request: pytest.FixtureRequest, library: Library, tmp_path: Path) -> Path:
    path = tmp_path / f"plan.{request.param}"
    write_plan(make_plan(library), path)
    return path


def test_what_is_read_is_what_was_written(library: Library, tmp_path: Path, photos: Path):
    plan = make_plan(library, protect=photos / "sub 1")
    for name in ("plan.csv", "plan.jsonl"):
        write_plan(plan, tmp_path / name)
        assert read_plan(tmp_path / name).items == plan.items
    read = read_plan(tmp_path / "plan.jsonl")
    assert (read.library, read.level, read.version) == (plan.library, plan.level, plan.version)
    assert read.protected == (str(photos / "sub 1"),)


def test_a_row_deleted_or_listed_is_left_alone(written: Path):
    def edit(rows):
        del rows[1]
        rows[1]["act"] = "list-only"

    plan = read_plan(edited(written, edit))
    assert len(plan.acting) == 4


@pytest.mark.parametrize(
    ("edit", "line", "words"),
    [
        (lambda rows: rows[1].update(act="shred"), 1, "there is no act 'shred'"),
        (lambda rows: rows.pop(0), 0, "has no keeper"),
        (lambda rows: rows[0].update(act="quarantine"), 0, "nothing of group 1 would be kept"),
        (lambda rows: [row.update(act="trash") for row in rows], 0, "nothing of group 1 would be kept"),
        (lambda rows: rows[1].update(uri=rows[2]["uri"]), 2, "is named before"),
        (lambda rows: rows[1].update(uri="somewhere.png"), 1, "absolute path"),
        (lambda rows: rows[1].update(sha256="1234"), 1, "64 hexadecimal digits"),
        (lambda rows: rows[1].update(group="seven"), 1, "group is a number"),
        (lambda rows: rows[1].update(verdict="same-scene"), 1, "are copies"),
        (lambda rows: rows[1].update(act="move"), 1, "needs the absolute path"),
        (lambda rows: rows[3].update(group=1), 3, "group 1 has a keeper already"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_its_line(written: Path, edit: Edit, line: int, words: str):
    first = 2  # after a header, or a line about the plan
    with pytest.raises(UsageError) as caught:
        read_plan(edited(written, edit))
    assert words in str(caught.value)
    assert f"line {first + line}:" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"uri": "/photos/a\0.png"}, "absolute path"),
        ({"uri": "/photos/\ud800.png"}, "absolute path"),
        ({"act": "move", "to": "/photos\0"}, "absolute path"),
        ({"with": ["/photos/a\0.xmp"], "with_sha256": ["0" * 64]}, "two lists"),
        ({"verdict": ["same-file"]}, "are copies"),
        ({"probability": 10**400}, "probability is a number"),
    ],
)
def test_what_only_json_can_hold_is_refused(library: Library, tmp_path: Path, values: dict[str, Any], words: str):
    path = tmp_path / "plan.jsonl"  # each was found by fuzzing
    write_plan(make_plan(library), path)
    with pytest.raises(UsageError, match=words):
        read_plan(edited(path, lambda rows: rows[1].update(values)))


def test_another_file_of_a_group_can_be_kept(written: Path):
    before = read_plan(written)

    def edit(rows):
        rows[0]["act"], rows[1]["act"] = rows[1]["act"], rows[0]["act"]

    after = read_plan(edited(written, edit))
    assert [item.keeper for item in after.items[:3]] == [False, True, False]
    assert [item.act for item in after.items[:3]] == ["quarantine", "keep", "quarantine"]
    assert after.items[0].verdict == "same-file"
    assert after.items[3:] == before.items[3:]


def test_another_keeper_is_not_trusted_with_what_was_never_held_against_it(written: Path):
    def edit(rows):
        rows[0]["act"], rows[1]["act"] = rows[1]["act"], rows[0]["act"]
        rows[2]["verdict"], rows[2]["sha256"] = "edited", "0" * 64

    with pytest.raises(UsageError, match=r"line 4: .* was held against another keeper"):
        read_plan(edited(written, edit))


def test_more_than_one_file_can_be_kept(written: Path):
    plan = read_plan(edited(written, lambda rows: rows[1].update(act="keep")))
    assert [item.act for item in plan.items[:3]] == ["keep", "list-only", "quarantine"]


def test_numbers_that_a_spreadsheet_has_rounded_are_done_without(library: Library, tmp_path: Path):
    path = tmp_path / "plan.csv"
    write_plan(make_plan(library), path)
    edited(path, lambda rows: [row.update(mtime_ns="1.5E+18", keeper=row["keeper"].upper()) for row in rows])
    plan = read_plan(path)
    assert {item.mtime_ns for item in plan.items} == {None}
    assert len(plan.acting) == 6


def test_odd_names_survive(tmp_path: Path, library: Library):
    plan = make_plan(library)
    odd = os.fsdecode(b'/p/a\xff,"b\n c.png')
    items = (plan.items[0], type(plan.items[1])(**{**vars(plan.items[1]), "uri": odd}))
    for name in ("a.csv", "a.jsonl"):
        write_plan(Plan(items), tmp_path / name)
        assert read_plan(tmp_path / name).items[1].uri == odd


@pytest.mark.parametrize(("name", "text"), [("a.csv", "x,y\n1,2\n"), ("a.jsonl", "no json\n"), ("a.txt", "")])
def test_what_is_no_plan_is_refused(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError):
        read_plan(tmp_path / name)
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(tmp_path / f"gone{Path(name).suffix}") if name != "a.txt" else read_plan(tmp_path / "gone.csv")
