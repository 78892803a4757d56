"""S8: mutated inputs raise typed errors only; and what fuzzing has found before stays mended."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lookalike
from lookalike.actions import history, read_plan, undo
from lookalike.actions.labelfiles import plan_label_edits
from lookalike.actions.planfile import read_groups
from lookalike.descriptors.onnx import read_spec
from lookalike.errors import LibraryFormatError, LookalikeError, UsageError
from tests.conftest import Fake, write_picture
from tests.torture import TORTURE, record

ROOT = Path(__file__).parents[1]
DEEP = "[" * 100_000
ROW = '{"group": 1, "uri": "/a.png", "keeper": true, "act": "keep", "sha256": "' + "0" * 64 + '"'


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits of POSIX")
def test_mutated_inputs_raise_typed_errors_only(tmp_path: Path):
    seconds = float(os.environ.get("LOOKALIKE_FUZZ_SECONDS", 600)) if TORTURE else 2
    targets = [] if TORTURE else ["--target", "urls", "--target", "specs"]
    command = [sys.executable, "bench/fuzz.py", "--seconds", str(seconds), "--found", str(tmp_path), *targets]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    *_, inputs, _, findings = (cell.strip() for cell in ended.stdout.splitlines()[-1].strip("|").split("|"))
    assert int(inputs.replace(",", "")) >= 2
    record("S8", f"mutated inputs in {seconds:.0f} s", int(inputs.replace(",", "")), f"{findings} findings")


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits of POSIX")
@pytest.mark.parametrize("how", ["raise", "abort", "spin"])
def test_the_fuzzer_finds_what_is_wrong(tmp_path: Path, how: str):
    """An error that is not typed, a crash and an endless loop are each a finding."""
    script = tmp_path / "broken.py"
    acts = {"raise": "raise KeyError(1)", "abort": "import os; os.abort()", "spin": "while True: pass"}
    script.write_text(
        f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'bench')!r}]\nimport fuzz_targets, fuzz\n"
        f"fuzz.SECONDS, fuzz.__file__ = 0.3, __file__\n"
        f"def broken(self, data, draw):\n    {acts[how]}\n"
        "fuzz_targets.Urls.read = broken\nif __name__ == '__main__':\n    sys.exit(fuzz.main())\n"
    )
    command = [sys.executable, str(script), "--seconds", "0.1", "--target", "urls", "--found", str(tmp_path / "found")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert {"raise": "KeyError", "abort": "crash SIGABRT", "spin": "hang"}[how] in ended.stdout
    assert list((tmp_path / "found").iterdir())


@pytest.mark.parametrize(
    "text",
    [
        '{"dim": 3, "height": 16, "mean": [1, [2], 3]}', '{"dim": 3, "height": 16, "mean": null}', DEEP,
        '{"dim": 3, "height": 16, "std": {"a": 1}}', '{"dim": 3, "height": 1.5}', '{"dim": true, "height": 16}',
        '{"dim": 3, "height": 16, "scale": "x"}', '{"dim": 3, "height": 16, "labels": [1]}',
        '{"dim": 3, "height": 99999999}', '{"dim": 3, "height": 16, "fit": []}',
        '{"dim": 3, "height": 16, "std": [1, 1e-99, 1]}',
        '{"dim": 3, "height": 16, "mean": [1, Infinity, 1]}', '{"dim": 3, "height": 16, "output": 4}',
    ],
)  # fmt: skip
def test_specs_of_models_that_cannot_be_are_refused(tmp_path: Path, text: str):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(UsageError):
        read_spec(tmp_path / "m.json")


ONE = {1: ("/a.png",)}


@pytest.mark.parametrize(
    ("name", "text", "refused", "groups"),
    [
        ("a.jsonl", DEEP, "no JSON object", None),
        ("a.jsonl", ROW + ', "size": []}', None, ONE),  # a size that is none is not held against the file's
        ("a.jsonl", ROW + ', "size": 1e999}', None, ONE),
        ("a.jsonl", '{"lookalike plan": 1, "made": 5}', "says what cannot be", {}),
        ("a.jsonl", '{"lookalike plan": 1, "probability": []}', "says what cannot be", {}),
        ("a.jsonl", ROW.replace("1", "[]", 1) + "}", "is a number", None),
        ("a.csv", f'group,uri,keeper,act,sha256,with\n1,/a.png,true,keep,{"0" * 64},"{DEEP}"\n', "is a list", ONE),
    ],
)  # fmt: skip
def test_plans_that_cannot_be_are_refused(tmp_path: Path, name: str, text: str, refused: str | None, groups: object):
    (tmp_path / name).write_text(text)
    if refused is None:
        (row,) = read_plan(tmp_path / name).items
        assert (row.uri, row.size) == ("/a.png", None)
    else:
        with pytest.raises(LookalikeError, match=refused):
            read_plan(tmp_path / name)
    if groups is None:
        with pytest.raises(LookalikeError):
            read_groups(tmp_path / name)
    else:
        assert read_groups(tmp_path / name) == groups


@pytest.mark.parametrize("place", ["id", "image_id"])
def test_an_annotation_whose_id_is_a_list_makes_no_coco_file(tmp_path: Path, place: str):
    picture = write_picture(tmp_path / "a.png", 1)
    note = {"id": 1, "image_id": 1} | {place: [1]}
    text = f'{{"images": [{{"id": 1, "file_name": "a.png"}}], "annotations": [{str(note).replace(chr(39), chr(34))}]}}'
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="no COCO file"):
        plan_label_edits([str(picture)], [str(tmp_path / "x.json")])


@pytest.mark.parametrize(
    "text",
    [
        DEEP, '{"decision": "keep-folder", "decided": "0001-01-01T00:00:00", "folder": "/x"}',
        '{"decision": "keep-all", "decided": 5, "pictures": 1}', '{"decision": [], "decided": "x"}',
    ],
)  # fmt: skip
def test_decisions_that_cannot_be_are_refused(tmp_path: Path, text: str):
    (tmp_path / "d.jsonl").write_text("\n" + text if text == DEEP else text)
    with lookalike.open(tmp_path / "a.lookalike") as library, pytest.raises(LookalikeError):
        library.decisions.load(tmp_path / "d.jsonl")


STEP = (
    '{"step": 1, "state": "begun", "act": "quarantine", "uri": "/a", "keeper": "/b", "keeper_sha256": "", "bytes": 1, '
    '"pieces": [{"piece": "move", "path": "/a", "to": "/c", "sha256": "x", "facts": {"device": 1, "inode": 1, '
    '"size": 1, "mtime_ns": 1, "atime_ns": 1, "mode": 1, "links": 1}}]}'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"mtime_ns"', '"mtim"'), ('"piece": "move"', '"piece": "nothing"'), ('"path": "/a"', '"path": 3'),
        ('"path": "/a"', '"path": "a"'), ('"to": "/c"', '"to": "/c\\u0000"'), ('"act": "quarantine"', '"act": 5'),
        ('"step": 1', '"step": "x"'), ('"pieces": [', '"pieces": 5, "x": ['), ('"device": 1', '"device": []'),
    ],
)  # fmt: skip
def test_a_damaged_journal_is_said_to_be_so_and_nothing_is_done_by_it(tmp_path: Path, old: str, new: str):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        folder = library.path / "history"
        folder.mkdir()
        head = '{"run": "r", "started": 1.0, "plan": "", "version": ""}\n'
        (folder / "20240101-000000.jsonl").write_text(head + STEP + "\n")
        assert len(history(library).runs) == 1
        (folder / "20240101-000000.jsonl").write_text(head + STEP.replace(old, new) + "\n")
        for act in (history, undo):
            with pytest.raises(UsageError, match="changed or damaged"):
                act(library)
        for started in ("1e300", '"x"', "null"):
            (folder / "20240101-000000.jsonl").write_text(head.replace("1.0", started))
            with pytest.raises(UsageError, match="changed or damaged"):
                history(library)


CHANGES = (
    "UPDATE descriptors SET spec = 'x'",
    "UPDATE descriptors SET spec = '{}'",
    "UPDATE decisions SET decided_at = 1e300",
    "UPDATE descriptors SET id = 1 << 50",
)


@pytest.mark.parametrize("change", CHANGES)
def test_values_that_damage_has_made_are_a_damaged_library(tmp_path: Path, fake: Fake, change: str):
    path = write_picture(tmp_path / "in" / "a.png", 1)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(path, descriptors=["fake"])
        library.decisions.keep_all([path])
    with contextlib.closing(sqlite3.connect(tmp_path / "a.lookalike/library.db")) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        assert db.execute(change).rowcount >= 1
        db.commit()
    asks: tuple[Callable[[lookalike.Library], object], ...] = (
        lambda library: library.status(), lambda library: library.decisions.all(),
        lambda library: library.search(path, descriptor="fake"),
    )  # fmt: skip
    said = []
    for ask in asks:
        try:
            with lookalike.open(tmp_path / "a.lookalike", create=False) as library:
                ask(library)
        except LookalikeError as error:
            said.append(error)
    assert any(isinstance(error, LibraryFormatError) for error in said)


def test_a_root_with_a_nul_in_its_name_is_offline(tmp_path: Path, fake: Fake):
    path = write_picture(tmp_path / "in" / "a.png", 1)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(path.parent, descriptors=["fake"])
        with contextlib.closing(sqlite3.connect(tmp_path / "a.lookalike/library.db")) as db:
            db.execute("UPDATE roots SET uri = ?", ("/x\0y",))
            db.commit()
        path.unlink()
        assert library.prune(dry_run=True).removed is False
