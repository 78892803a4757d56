"""The demo, as a new user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lookalike.cli import main
from lookalike.demo import run_demo, shipped_photographs
from lookalike.errors import LookalikeError, UsageError


@pytest.mark.slow
def test_the_demo_finds_what_it_made_and_writes_what_it_found(tmp_path, capsys):
    folder = tmp_path / "demo"
    assert main(["demo", "--output", str(folder), "--quiet"]) == 0
    said = capsys.readouterr().out
    for verdict, name in [
        ("same-file", "camera again.png"),
        ("same-pixels", "coins"),
        ("same-picture", "china small.jpg"),
        ("edited", "chelsea mirrored.jpg"),
        ("edited", "rocket turned.jpg"),
    ]:
        assert any(verdict in line and name in line for line in said.splitlines()), (verdict, name)
    assert "index PATH" in said
    assert (folder / "search.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "duplicates.html").stat().st_size > 50_000
    assert main(["demo", "--output", str(folder), "--quiet"]) == 0, "a demo can be made anew"


def test_the_demo_leaves_a_folder_of_yours_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="something else"):
        run_demo(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_without_photographs_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.demo.shipped_photographs", list)
    with pytest.raises(LookalikeError, match="demo"):
        run_demo(tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_photographs_are_found_without_importing_their_packages():
    found = shipped_photographs()
    assert len(found) >= 15
    assert all(isinstance(path, Path) and path.is_file() for path in found)
