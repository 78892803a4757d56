"""The command line, as a script and as a person meets it."""

from __future__ import annotations

import csv
import inspect
import io
import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.cli import main
from lookalike.cli.app import app
from lookalike.cli.common import ruled
from lookalike.cli.settings import commands_of
from lookalike.demo import shipped_photographs
from lookalike.library import Library
from tests.conftest import write_picture

PHOTOGRAPHS = shipped_photographs()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten real photographs, a copy of one, a small version of another, a text file and a broken picture."""
    folder = tmp_path_factory.mktemp("photos")
    for path in PHOTOGRAPHS[:10]:
        with Image.open(path) as image:
            image.convert("RGB").save(folder / f"{path.stem}.jpg", quality=90)
    names = sorted(folder.glob("*.jpg"))
    shutil.copyfile(names[0], folder / "zz copy.jpg")
    with Image.open(names[1]) as image:
        image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(folder / "zz small.jpg")
    (folder / "notes.txt").write_text("not a picture")
    (folder / "broken.jpg").write_bytes(names[0].read_bytes()[:2000])
    return folder


@pytest.fixture(scope="module")
def library(folder: Path) -> Path:
    path = folder.parent / "test.lookalike"
    with lookalike.open(path) as opened:
        opened.add(folder)
    return path


def run(capfdbinary: pytest.CaptureFixture[bytes], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def originals(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.jpg") if path.name[:2] != "zz" and path.stem != "broken")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_index_prints_one_object_whose_found_is_the_sum(folder, tmp_path, capfdbinary):
    code, out, err = run(capfdbinary, "index", folder, "--library", tmp_path / "new.lookalike", "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert list(report)[:7] == ["found", "added", "changed", "unchanged", "failed", "skipped", "seconds"]
    assert report["found"] == sum(report[name] for name in list(report)[1:6]) == 14
    assert (report["failed"], report["skipped"]) == (1, 1)
    assert "--errors" in err


def test_index_strict_exits_with_one_and_exit_zero_with_none(folder, library, capfdbinary):
    assert run(capfdbinary, "index", folder, "--library", library, "--strict")[0] == 1
    assert run(capfdbinary, "index", folder, "--library", library, "--strict", "--exit-zero")[0] == 0


def test_index_of_nothing_that_exists_exits_with_three(tmp_path, capfdbinary):
    code, out, err = run(
        capfdbinary, "index", tmp_path / "gone", "--library", tmp_path / "n.lookalike", "--format", "csv"
    )
    assert code == 3
    assert rows(out)[0]["failed"] == "1"
    assert "No picture" in err


def test_search_prints_the_documented_columns_and_never_the_query_itself(folder, library, capfdbinary):
    query = folder / "zz copy.jpg"
    code, out, _ = run(capfdbinary, "search", query, "--library", library, "-k", 3, "--format", "csv")
    found = rows(out)
    assert code == 0
    assert out.splitlines()[0].startswith("query,rank,uri,distance,verdict,probability")
    assert [row["rank"] for row in found] == ["1", "2", "3"]
    assert all(row["uri"] != str(query) for row in found)
    assert float(found[0]["distance"]) == 0.0
    assert found[0]["verdict"] == ""


def test_k_changes_how_many_and_threshold_how_far(folder, library, capfdbinary):
    query = folder / "zz copy.jpg"
    many = rows(run(capfdbinary, "search", query, "--library", library, "-k", 9, "--format", "csv")[1])
    few = rows(run(capfdbinary, "search", query, "--library", library, "-k", 2, "--format", "csv")[1])
    near = rows(run(capfdbinary, "search", query, "--library", library, "--threshold", 0.05, "--format", "csv")[1])
    assert (len(many), len(few), len(near)) == (9, 2, 1)


def test_descriptor_changes_the_unit_of_distance(folder, library, capfdbinary):
    query = folder / "zz small.jpg"
    by_hash = rows(run(capfdbinary, "search", query, "--library", library, "-d", "pdq", "--format", "csv")[1])
    by_vector = rows(run(capfdbinary, "search", query, "--library", library, "--format", "csv")[1])
    assert float(by_hash[1]["distance"]) > 2 > float(by_vector[1]["distance"])


def test_a_picture_on_standard_input_is_searched_like_its_file(folder, library):
    picture = (folder / "zz small.jpg").read_bytes()
    command = [
        sys.executable,
        "-m",
        "lookalike",
        "search",
        "-",
        "--library",
        str(library),
        "-k",
        "2",
        "--format",
        "json",
    ]
    done = subprocess.run(command, input=picture, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found[0]["query"] == "-"
    assert found[0]["uri"].endswith("zz small.jpg")
    assert found[0]["distance"] == 0.0


def test_a_folder_asks_about_each_file_in_it_and_a_bad_one_is_named(folder, library, capfdbinary):
    code, out, err = run(capfdbinary, "search", folder, "--library", library, "-k", 1, "--format", "csv")
    assert code == 0
    assert len(rows(out)) == 12
    assert "broken.jpg: truncated" in err
    assert "notes.txt: not an image" in err
    assert run(capfdbinary, "search", folder, "--library", library, "--strict", "--format", "csv")[0] == 1


def test_queries_can_come_from_a_list_with_nul_bytes(folder, library, tmp_path, capfdbinary):
    names = tmp_path / "names"
    names.write_bytes(b"\0".join(os.fsencode(folder / name) for name in ("zz copy.jpg", "zz small.jpg")) + b"\0")
    found = rows(
        run(capfdbinary, "search", "--files-from", names, "-0", "-k", 1, "--library", library, "--format", "csv")[1]
    )
    assert [Path(row["query"]).name for row in found] == ["zz copy.jpg", "zz small.jpg"]


def test_compare_says_what_is_equal_and_needs_no_library(folder, tmp_path, capfdbinary, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "none.lookalike"))
    first = originals(folder)[1]
    code, out, _ = run(capfdbinary, "compare", first, folder / "zz small.jpg", "--format", "csv")
    found = rows(out)
    assert code == 0
    assert out.splitlines()[0].startswith("a,b,descriptor,distance")
    assert out.splitlines()[0].endswith("verdict,probability,reason")
    assert (found[0]["verdict"], float(found[0]["probability"]) > 0.9) == ("same-picture", True)
    assert [row["descriptor"] for row in found] == ["lite0", "pdq"]
    assert found[0]["same_bytes"] == found[0]["same_pixels"] == "false"
    same = rows(run(capfdbinary, "compare", first, first, "--format", "csv")[1])
    assert (same[0]["verdict"], same[0]["probability"], float(same[0]["distance"])) == ("same-file", "1.0", 0.0)
    assert not (tmp_path / "none.lookalike").exists()


def test_duplicates_finds_the_copy_and_the_small_version_by_level(folder, library, capfdbinary):
    code, out, _ = run(capfdbinary, "duplicates", "--library", library, "--format", "csv")
    found = {Path(row["uri"]).name: row for row in rows(out)}
    assert code == 0
    assert out.splitlines()[0].startswith("group,uri,keeper,verdict,probability,distance")
    copies = {found["zz copy.jpg"]["verdict"], found[originals(folder)[0].name]["verdict"]}
    assert copies == {"same-file", ""}
    assert found["zz small.jpg"]["verdict"] == "same-picture"
    assert float(found["zz small.jpg"]["probability"]) > 0.9
    assert "resized" in found["zz small.jpg"]["reason"] or "beside" in found["zz small.jpg"]["reason"]
    exact = rows(run(capfdbinary, "duplicates", "--library", library, "--level", "same-file", "--format", "csv")[1])
    assert {Path(row["uri"]).name for row in exact} < set(found)


def test_duplicates_can_be_limited_to_paths(folder, library, capfdbinary):
    out = run(capfdbinary, "duplicates", folder / "zz copy.jpg", "--library", library, "--format", "csv")[1]
    assert rows(out) == []


def test_duplicates_can_be_held_against_a_folder_and_kept_by_rule(folder, library, capfdbinary):
    command = ("duplicates", "--library", library, "--level", "same-file", "--format", "csv")
    assert len(rows(run(capfdbinary, *command)[1])) == 2
    for option in ("--against", "--reference"):
        out = rows(run(capfdbinary, *command, option, folder / "zz copy.jpg")[1])
        assert (Path(out[0]["uri"]).name, out[0]["keeper"]) == ("zz copy.jpg", "true")
        assert out[0]["reason"] == "in a reference folder"
    kept = [
        rows(run(capfdbinary, *command, "--keep", rules)[1])[0]["reason"] for rules in ("name,oldest", "oldest,name")
    ]
    assert kept[0] != kept[1]
    code, _, err = run(capfdbinary, *command, "--keep", "prettiest")
    assert code == 2
    assert "choose of uncropped, " in err


def test_rules_of_keeping_may_be_several_values_and_hold_commas_in_paths():
    assert ruled(["oldest,name", "pixels"]) == ["oldest", "name", "pixels"]
    assert ruled(["folder:/a,b,name", "oops"]) == ["folder:/a,b", "name", "oops"]
    assert ruled(["folder:/a,folder:/b, c"]) == ["folder:/a", "folder:/b, c"]
    assert ruled(["oops,folder"]) == ["oops", "folder"]


@pytest.mark.parametrize("name", ["sheet.png", "page.html", "rows.csv", "rows.json", "rows.jsonl", "rows.parquet"])
@pytest.mark.parametrize("command", ["search", "duplicates"])
def test_the_suffix_of_output_decides_the_face(command, name, folder, library, tmp_path, capfdbinary):
    target = tmp_path / name
    query = [folder / "zz copy.jpg"] if command == "search" else []
    code, out, _ = run(capfdbinary, command, *query, "--library", library, "--output", target)
    head = target.read_bytes()[:15]
    expected = {"png": b"\x89PNG", "html": b"<!doctype html>", "csv": b"query" if query else b"group",
                "json": b"[", "jsonl": b"{", "parquet": b"PAR1"}  # fmt: skip
    assert code == 0
    assert out == ""
    assert head.lower().startswith(expected[name.rpartition(".")[2]].lower())


def test_relative_to_shortens_every_path(folder, library, capfdbinary):
    query = folder / "zz copy.jpg"
    out = run(capfdbinary, "search", query, "--library", library, "--relative-to", folder, "--format", "csv")[1]
    assert rows(out)[0]["query"] == "zz copy.jpg"
    assert os.sep not in rows(out)[0]["uri"]


def test_status_counts_and_lists_errors(folder, library, capfdbinary):
    report = json.loads(run(capfdbinary, "status", "--library", library, "--format", "json")[1])
    assert (report["indexed"], report["failed"], report["skipped"]) == (12, 1, 1)
    assert report["descriptors"] == {"lite0": 12 - 1, "pdq": 12 - 1}
    assert report["roots"] == [str(folder)]
    errors = rows(run(capfdbinary, "status", "--errors", "--library", library, "--format", "csv")[1])
    assert [(Path(row["uri"]).name, row["error"]) for row in errors] == [
        ("broken.jpg", "truncated"),
        ("notes.txt", "not an image"),
    ]


def test_prune_asks_forgets_and_leaves_files_alone(folder, tmp_path, capfdbinary):
    copy = tmp_path / "photos"
    shutil.copytree(folder, copy)
    library = tmp_path / "p.lookalike"
    run(capfdbinary, "index", copy, "--library", library, "-d", "pdq")
    (copy / "zz copy.jpg").unlink()
    out = run(capfdbinary, "prune", "--dry-run", "--library", library, "--format", "csv")[1]
    assert [Path(row["uri"]).name for row in rows(out)] == ["zz copy.jpg"]
    command = [sys.executable, "-m", "lookalike", "prune", "--library", str(library)]
    refused = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert run(capfdbinary, "prune", "--yes", "--library", library)[0] == 0
    assert json.loads(run(capfdbinary, "status", "--library", library, "--format", "json")[1])["indexed"] == 11
    assert len(list(copy.glob("*.jpg"))) == 12


def test_descriptors_are_listed_with_their_fingerprints(capfdbinary):
    found = rows(run(capfdbinary, "descriptors", "--format", "csv")[1])
    assert [row["name"] for row in found][:2] == ["lite0", "pdq"]
    assert all(len(row["fingerprint"]) == 32 for row in found)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["search", "x.jpg", "--library", "/nowhere/x.lookalike"], 3, "lookalike index"),
        (["search"], 2, "name at least one"),
        (["search", "x.jpg", "--format", "xml"], 2, "choose one of"),
        (["search", "x.jpg", "-k", "0"], 2, "k"),
        (["nope"], 2, "--help"),
        (["duplicates", "--level", "nope"], 2, "same-picture"),
        (["compare", "a.jpg"], 2, "B"),
        (["index", ".", "-d", "nope"], 2, "lite0"),
        (["index", ".", "--device", "nope"], 2, "cpu"),
    ],
)
def test_an_error_is_one_sentence_with_its_remedy_and_its_code(
    arguments, code, words, tmp_path, monkeypatch, capfdbinary
):
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "empty.lookalike"))
    if arguments[0] == "duplicates":
        lookalike.open().close()
    got, out, err = run(capfdbinary, *arguments)
    assert got == code
    assert out == ""
    assert err.startswith("lookalike: ")
    assert words in err
    assert err.count("\n") == 1


def test_an_error_in_json_is_the_http_body(tmp_path, capfdbinary):
    code, out, err = run(capfdbinary, "status", "--library", tmp_path / "none.lookalike", "--format", "json")
    body = json.loads(err)
    assert (code, out) == (3, "")
    assert set(body) == {"ok", "error", "errors", "status"}
    assert (body["ok"], body["status"], body["errors"]) == (False, 404, [body["error"]])


def test_a_reader_that_goes_away_is_no_error(folder, library):
    command = f'"{sys.executable}" -m lookalike search "{folder}" --library "{library}" --format csv -q 2>err | head -1'
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False,
                          cwd=library.parent)  # fmt: skip
    assert done.stdout.startswith("query,")
    assert "Traceback" not in (library.parent / "err").read_text()


def test_values_come_from_the_command_line_then_variables_then_project_then_user_file(
    folder, library, tmp_path, monkeypatch, capfdbinary
):
    home, project = tmp_path / "config" / "lookalike", tmp_path / "project"
    home.mkdir(parents=True)
    project.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(project)

    def count(*more: object) -> int:
        out = run(capfdbinary, "search", folder / "zz copy.jpg", "--library", library, "--format", "csv", *more)[1]
        return len(rows(out))

    if sys.platform != "linux":
        pytest.skip("the user's configuration folder is told by XDG_CONFIG_HOME on Linux only")
    assert count() == 10
    (home / "config.toml").write_text("[search]\nk = 5\n")
    assert count() == 5
    (project / "lookalike.toml").write_text("k = 4\n")
    assert count() == 4
    monkeypatch.setenv("LOOKALIKE_K", "3")
    assert count() == 3
    assert count("-k", 2) == 2
    shown = rows(run(capfdbinary, "config", "--format", "csv")[1])
    line = next(row for row in shown if (row["command"], row["option"]) == ("search", "--k") or row["option"] == "-k")
    assert (line["value"], line["source"]) == ("3", "LOOKALIKE_K")
    (project / "lookalike.toml").write_text("colour = 4\n")
    code, _, err = run(capfdbinary, "status", "--library", library)
    assert code == 2
    assert "colour" in err


def test_one_default_in_one_place():
    """The command line and the Python signature agree on every default that they share (law 9)."""
    import typer

    methods: dict[str, Callable[..., object]] = {
        "index": Library.add,
        "search": Library.search,
        "duplicates": Library.duplicates,
        "compare": Library.compare,
        "prune": Library.prune,
    }
    commands = commands_of(typer.main.get_command(app))
    compared = 0
    for name, method in methods.items():
        signature = inspect.signature(method).parameters
        for parameter in commands[name].params:
            same = (
                {"descriptor": "descriptors"}.get(parameter.name, parameter.name)
                if name != "search"
                else parameter.name
            )
            if same in signature and signature[same].default is not inspect.Parameter.empty and same != "dry_run":
                ours, theirs = parameter.default, signature[same].default
                if isinstance(ours, list | tuple) or isinstance(theirs, list | tuple):
                    ours, theirs = tuple(ours or ()), tuple(theirs or ())
                assert ours == theirs, (name, parameter.name)
                compared += 1
    assert compared >= 15


def test_command_python_give_the_same_answer(folder, library, capfdbinary):
    query = folder / "zz small.jpg"
    out = json.loads(run(capfdbinary, "search", query, "--library", library, "-k", 4, "--format", "json")[1])
    with lookalike.open(library) as opened:
        result = opened.search(query, k=4)
    assert [row["uri"] for row in out] == list(result.uris[0])
    assert np.allclose([row["distance"] for row in out], result.distances[0], atol=1e-7)


def test_progress_is_shown_on_a_terminal_only_and_rows_stay_clean(folder, tmp_path):
    def indexed(name: str, stderr: int) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "lookalike", "index", str(folder), "--library", str(tmp_path / name),
                   "--format", "json"]  # fmt: skip
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, check=True)

    controller, terminal = pty.openpty()
    try:
        on_terminal = indexed("a.lookalike", terminal)
    finally:
        os.close(terminal)
        os.close(controller)
    piped = indexed("b.lookalike", subprocess.PIPE)
    assert json.loads(on_terminal.stdout)["found"] == json.loads(piped.stdout)["found"] == 14
    assert b"\r" not in piped.stderr
    assert b"\x1b" not in piped.stderr


def test_every_help_page_starts_with_examples():
    import typer

    for name, command in commands_of(typer.main.get_command(app)).items():
        assert "Example" in (command.help or ""), name
        assert "[/" not in (command.help or ""), name


def test_how_many_duplicates_there_are_is_told_in_the_singular_too(tmp_path, capsys):
    photos = tmp_path / "photos"
    for name, seed in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        write_picture(photos / name, seed)
    at = ["--library", str(tmp_path / "a.lookalike"), "--level", "same-pixels"]
    for told in (
        "1 group, 1 picture beside those to keep, among 3.",
        "2 groups, 2 pictures beside those to keep, among 4.",
    ):
        assert main(["index", str(photos), *at[:2], "--descriptor", "pdq", "--quiet"]) == 0
        capsys.readouterr()
        assert main(["duplicates", *at]) == 0
        assert told in capsys.readouterr().err
        write_picture(photos / "d.png", 2)
