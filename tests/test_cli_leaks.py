"""`lookalike decide`, `leaks`, `split --repair` and `folders` as a script meets them."""

from __future__ import annotations

import csv
import inspect
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from PIL import Image

import lookalike
from lookalike.cli import main
from lookalike.cli.app import app
from lookalike.cli.settings import commands_of
from lookalike.demo import shipped_photographs


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return train and test: one copy of the bytes and one smaller version across them, and a picture in each."""
    root = tmp_path_factory.mktemp("set")
    made = {}
    for path in shipped_photographs():
        if path.stem in ("china", "flower", "coffee", "chelsea"):
            with Image.open(path) as image:
                made[path.stem] = image.convert("RGB").resize((300, 200))
    (root / "train").mkdir()
    (root / "test").mkdir()
    for name in ("china", "flower", "coffee"):
        made[name].save(root / f"train/{name}.jpg", quality=92)
    shutil.copyfile(root / "train/china.jpg", root / "test/copy.jpg")
    made["flower"].resize((210, 140)).save(root / "test/small.jpg", quality=88)
    made["chelsea"].save(root / "test/chelsea.jpg")
    return root


@pytest.fixture(scope="module")
def library(parts: Path) -> Path:
    path = parts.parent / "cli.lookalike"
    with lookalike.open(path) as opened:
        opened.add(parts)
    return path


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], library: Path) -> Run:
    def command(*arguments: object) -> tuple[int, str, str]:
        code = main([*(str(argument) for argument in arguments), "--library", str(library)])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return command


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_leaks_prints_rows_and_fails_only_if_asked_to(run, parts):
    code, out, err = run("leaks", parts / "train", parts / "test", "--format", "csv", "--relative-to", parts)
    assert code == 0
    names = ("part_a", "uri_a", "part_b", "uri_b", "problem", "verdict")
    assert [tuple(row[name] for name in names) for row in rows(out)] == [
        ("train", "train/china.jpg", "test", "test/copy.jpg", "leak", "same-file"),
        ("train", "train/flower.jpg", "test", "test/small.jpg", "leak", "same-picture"),
    ]  # fmt: skip
    assert "2 leaks between train and test: 2 pictures of test, 2 of train." in err
    assert run("leaks", parts / "train", parts / "test", "--fail")[0] == 1
    assert run("leaks", parts / "train", parts / "test", "--fail", "--exit-zero")[0] == 0
    assert run("leaks", parts / "train/coffee.jpg", parts / "test", "--fail")[0] == 0
    assert len(rows(run("leaks", parts / "train", parts / "test", "--level", "same-file", "--format", "csv")[1])) == 1


def test_leaks_has_a_face_for_people_and_two_for_continuous_integration(run, parts, tmp_path):
    page, report = tmp_path / "leaks.html", tmp_path / "leaks.xml"
    assert run("leaks", parts / "train", parts / "test", "--output", page)[0] == 0
    assert "small.jpg" in page.read_text()
    code, out, _ = run("leaks", parts / "train", parts / "test", "--output", report, "--fail")
    assert (code, out) == (1, "")
    assert ElementTree.parse(report).getroot().get("failures") == "2"
    out = run("leaks", parts / "train", parts / "test", "--format", "junit")[1]
    assert ElementTree.fromstring(out.encode()).get("failures") == "2"
    out = run("leaks", parts / "train", parts / "test", "--format", "github", "--relative-to", parts)[1]
    assert "::error file=test/copy.jpg,title=Leak::copy of train/china.jpg in train" in out
    code, _, err = run("leaks", parts / "train", parts / "test", "--format", "html")
    assert (code, "needs --output" in err) == (2, True)
    assert run("duplicates", "--output", report)[0] == 2  # this face is not every command's


def test_split_repair_prints_moves_and_writes_the_split_that_has_no_leak(run, parts, tmp_path):
    repaired = tmp_path / "repaired.csv"
    code, out, err = run(
        "split", "--repair", parts / "train", parts / "test", "--format", "csv", "--output", repaired,
        "--relative-to", parts,
    )  # fmt: skip
    assert code == 0
    moves = {row["uri"]: (row["from"], row["to"], row["why"]) for row in rows(out)}
    assert set(moves) == {"train/china.jpg", "train/flower.jpg"}
    assert moves["train/china.jpg"] == ("train", "test", "copy of copy.jpg (same file), which is in test")
    assert "2 pictures to move, of 6." in err
    surest = run("split", "--repair", parts / "train", parts / "test", "--format", "csv", "--probability", "1")[1]
    assert "train/china.jpg" in surest
    assert "train/flower.jpg" not in surest, "a resized copy is not that sure"
    shutil.copyfile(repaired, parts / "repaired.csv")  # names are relative to it
    assert run("leaks", parts / "repaired.csv", "--fail")[0] == 0
    code, out, _ = run("split", "--repair", parts / "repaired.csv", "--format", "csv")
    assert (code, rows(out)) == (0, [])
    (parts / "repaired.csv").unlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["leaks"], "name the folders"),
        (["leaks", "{}/train"], "at least two parts"),
        (["split", "--repair"], "name the folders"),
        (["split", "--repair", "{}/train", "{}/test", "--parts", "50:50"], "leave --parts"),
        (["split", "{}/train", "--protect", "test"], "go with --repair"),
        (["split", "{}/train", "--probability", ".9"], "go with --repair"),
        (["decide", "keep-all", "--group", "1"], "go together"),
        (["split", "--repair", "{}/train", "{}/test", "--output", "-"], "--output a file"),
        (["decide", "undo"], "by their numbers"),
        (["decide", "undo", "77"], "no decision 77"),
        (["decide", "not-duplicates", "{}/train/china.jpg"], "at least 2"),
        (["decide", "keep-all"], "at least one"),
        (["decide", "import", "{}/train/china.jpg"], "cannot be read|no CSV|needs a header|not a CSV"),
        (["folders", "{}/nowhere"], "nothing is indexed"),
    ],
)
def test_wrong_use_is_one_sentence_and_code_2(run, parts, arguments, words):
    import re

    code, out, err = run(*(argument.format(parts) for argument in arguments))
    assert (code, out) == (2, "")
    assert re.search(words, err)


def test_decisions_are_made_listed_undone_and_carried_over(run, parts, tmp_path):
    code, out, err = run("decide", "not-duplicates", parts / "train/flower.jpg", parts / "test/small.jpg")
    assert (code, out) == (0, "")
    number = int(err.split()[1].rstrip(":"))
    assert f"`lookalike decide undo {number}`" in err
    assert run("decide", "keep-all", parts / "train/coffee.jpg")[0] == 0
    assert run("decide", "keep-folder", parts / "test")[0] == 0
    listed = rows(run("decide", "list", "--format", "csv", "--relative-to", parts)[1])
    assert [(row["decision"], row["uri"], len(row["sha256"])) for row in listed] == [
        ("not-duplicates", "test/small.jpg", 64), ("not-duplicates", "train/flower.jpg", 64),
        ("keep-all", "train/coffee.jpg", 64), ("keep-folder", "test", 0),
    ]  # fmt: skip
    table = run("decide", "list")[1]
    assert "small.jpg" in table
    assert "sha256" not in table
    leaking = rows(run("leaks", parts / "train", parts / "test", "--format", "csv")[1])
    assert [row["verdict"] for row in leaking] == ["same-file"]
    held = json.loads(run("duplicates", "--format", "json")[1])
    assert [(Path(row["uri"]).name, row["keeper"]) for row in held] == [("copy.jpg", True), ("china.jpg", False)]
    for suffix in ("jsonl", "csv"):
        assert run("decide", "export", tmp_path / f"d.{suffix}")[0] == 0
    piped = run("decide", "export", "-", "--quiet")
    assert piped == (0, (tmp_path / "d.jsonl").read_text(), "")
    gone = rows(run("decide", "undo", number, "--format", "csv")[1])
    assert {row["decision"] for row in gone} == {"not-duplicates"}
    assert "1 new decision." in run("decide", "import", tmp_path / "d.csv")[2]
    assert "0 new decisions." in run("decide", "import", tmp_path / "d.jsonl")[2]
    assert len(rows(run("decide", "undo", "--all", "--format", "csv")[1])) == 4
    assert rows(run("decide", "list", "--format", "csv")[1]) == []


@pytest.mark.parametrize(("made_by", "suffix"), [("plan", "jsonl"), ("plan", "csv"), ("duplicates", "csv")])
def test_a_decision_is_made_of_a_group_of_a_plan(run, parts, tmp_path, suffix, made_by):
    path = tmp_path / f"groups.{suffix}"
    assert run("index", parts)[0] == 0
    if made_by == "plan":
        assert run("plan", parts, "--level", "edited", "--probability", ".6", "--output", path)[0] == 0
    else:
        assert run("duplicates", parts, "--level", "edited", "--output", path, "--format", suffix)[0] == 0
    lines = path.read_text().splitlines()
    told = list(csv.DictReader(lines)) if suffix == "csv" else [json.loads(line) for line in lines]
    groups: dict[str, set[str]] = {}
    for row in told:
        if "uri" in row:
            groups.setdefault(str(row["group"]), set()).add(Path(row["uri"]).name)
    number = next(number for number, names in groups.items() if names == {"flower.jpg", "small.jpg"})
    code, _, err = run("decide", "not-duplicates", "--plan", path, "--group", number)
    assert (code, err.split()[0]) == (0, "Decision")
    listed = rows(run("decide", "list", "--format", "csv")[1])
    assert {Path(row["uri"]).name for row in listed} == {"flower.jpg", "small.jpg"}
    assert "flower.jpg" not in run("plan", parts, "--level", "edited", "--probability", ".6", "--format", "csv")[1]
    assert run("decide", "keep-all", "--plan", path, "--group", "99")[0] == 2
    assert run("decide", "keep-all", "--plan", path)[0] == 2
    assert run("decide", "undo", "--all")[0] == 0  # the library is of all tests here


def test_folders_say_how_much_of_one_is_inside_another(run, parts):
    code, out, err = run("folders", parts / "train", parts / "test", "--format", "csv", "--relative-to", parts)
    assert code == 0
    (row,) = rows(out)
    assert (row["a"], row["b"], row["inside"], row["of"], row["share"][:5]) == ("test", "train", "2", "3", "0.666")
    assert "test is 66.7 % inside train (2 of 3 pictures, " in err
    assert rows(run("folders", parts, "--level", "same-file", "--least", ".5", "--format", "csv")[1]) == []


def test_python_and_the_command_line_have_the_same_defaults():
    from lookalike.folders import compare_folders
    from lookalike.leaks import find_leaks, repair_split

    commands = commands_of(typer.main.get_command(app))
    compared = 0
    for name, function in (("leaks", find_leaks), ("folders", compare_folders), ("split", repair_split)):
        signature = inspect.signature(function).parameters
        for parameter in commands[name].params:
            if parameter.name in signature and parameter.name not in ("library", "parts", "paths"):
                assert parameter.default == signature[parameter.name].default, (name, parameter.name)
                compared += 1
    assert compared >= 9


def test_command_and_python_give_the_same_answer(run, parts, library):
    from lookalike.folders import compare_folders
    from lookalike.leaks import find_leaks

    told = json.loads(run("leaks", parts / "train", parts / "test", "--format", "json")[1])
    with lookalike.open(library) as opened:
        assert [row["uri_b"] for row in told] == [
            leak.uri_b for leak in find_leaks(opened, [parts / "train", parts / "test"]).leaks
        ]
        found = compare_folders(opened, [parts]).pairs
    told = json.loads(run("folders", parts, "--format", "json")[1])
    assert [(row["a"], row["b"], row["inside"]) for row in told] == [(pair.a, pair.b, pair.inside) for pair in found]
