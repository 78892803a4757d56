"""Ctrl-C at any time: a good state, and a word on how to go on. (Indexing: test_killed.py; training: test_cli_train.py;
serving: server/test_serve.py.)"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lookalike
from lookalike.actions import history
from lookalike.actions.moving import Move
from lookalike.cli import main
from lookalike.duplicates import find_duplicates
from tests.conftest import Fake, write_picture
from tests.torture import TORTURE, record

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")


@pytest.fixture
def copies(tmp_path: Path, fake: Fake) -> tuple[Path, list[str]]:
    """Return a folder of four pictures with a copy each, and the library of it."""
    photos = tmp_path / "photos"
    for number in range(4):
        path = write_picture(photos / f"{number}.png", number)
        shutil.copyfile(path, photos / f"{number} copy.png")
    library = ["--library", str(tmp_path / "a.lookalike"), "--quiet"]
    assert main(["index", str(photos), "--descriptor", "fake", *library]) == 0
    return photos, library


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Have Ctrl-C do what it does in a program of its own; other tests of this process may have left something else."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def stopping(at: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is `real`, but that Ctrl-C is pressed before its call number `at`, from 0."""
    calls = 0

    def call(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at + 1:
            signal.raise_signal(signal.SIGINT)
        return real(*given, **more)

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def whole(library: list[str]) -> bool:
    db = sqlite3.connect(Path(library[1]) / "library.db")
    try:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        db.close()


def test_duplicates_stopped_anywhere_touch_nothing_and_are_found_the_next_time(copies, capsys, monkeypatch):
    photos, library = copies
    before = contents(photos)
    asked = ["duplicates", "--level", "same-file", "--format", "csv", *library]
    assert main(asked) == 0
    truth = capsys.readouterr().out
    for at in range(2):
        with monkeypatch.context() as patch:
            name = ("pairing.find_duplicates", "library.Library.duplicates")[at]
            real = find_duplicates if at == 0 else lookalike.library.Library.duplicates
            patch.setattr(f"lookalike.{name}", stopping(0, real))
            assert main(asked) == 130
        told = capsys.readouterr()
        assert (told.out, told.err.count("Traceback")) == ("", 0)
        assert "run the same command again" in told.err
        assert contents(photos) == before
        assert whole(library)
    assert main(asked) == 0
    assert capsys.readouterr().out == truth


def test_acting_stopped_at_any_file_is_taken_up_again_and_undone(copies, capsys, monkeypatch):
    photos, library = copies
    before = contents(photos)
    plan = str(photos.parent / "plan.jsonl")
    tried = range(4) if TORTURE else (1,)
    for at in tried:
        assert main(["plan", "--level", "same-file", "--output", plan, *library]) == 0
        with monkeypatch.context() as patch:
            patch.setattr(Move, "do", stopping(at, Move.do))
            assert main(["apply", plan, "--yes", *library]) == 130
        told = capsys.readouterr().err
        assert "run the same command again to go on" in told
        assert "lookalike undo" in told
        assert "Traceback" not in told
        left = contents(photos)
        assert set(before.values()) == set(left.values())
        assert len(left) == len(before) - at
        with lookalike.open(library[1]) as opened:
            assert sum(run.done for run in history(opened).runs) == at
        assert main(["plan", "--level", "same-file", "--output", plan, *library]) == 0
        assert main(["apply", plan, "--yes", *library]) == 0
        assert len(contents(photos)) == 4
        with monkeypatch.context() as patch:
            patch.setattr(Move, "back", stopping(1, Move.back))
            assert main(["undo", "--yes", *library]) in (0, 130)
        while contents(photos) != before:
            assert main(["undo", "--yes", *library]) == 0
        assert whole(library)
        capsys.readouterr()
    record("D3", "Ctrl-C before each file of an act: nothing missing, goes on, undone", len(tried), "0 files missing")


@pytest.mark.parametrize(("command", "words"), [("serve", "closed and whole"), ("train", "epochs")])
def test_each_command_says_how_to_go_on(command, words, capsys, monkeypatch):
    def stopped(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    app = lookalike.cli.app.app
    monkeypatch.setattr(type(app), "__call__", stopped)
    assert main([command]) == 130
    assert words in capsys.readouterr().err
