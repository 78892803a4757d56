"""The lines of docs/reliability.md: each is held by tests that exist, and is on the page."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

from tests.torture import many, record

ROOT = Path(__file__).parents[1]

_spec = importlib.util.spec_from_file_location("tools_torture", ROOT / "tools/torture.py")
assert _spec is not None
assert _spec.loader is not None
torture = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = torture
_spec.loader.exec_module(torture)


@pytest.mark.parametrize("one", torture.LINES, ids=lambda one: one.number)
def test_each_line_is_held_by_tests_that_exist_and_told_on_the_page(one):
    for test in one.tests:
        file, _, name = test.partition("::")
        names = {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}
        assert any(found.startswith("test_") for found in names), file
        assert not name or name in names, test
    text = " ".join((ROOT / "docs/reliability.md").read_text().split())
    assert f"* **{one.number}**: {one.promise}." in text


def test_all_lines_are_there():
    wanted = [f"{kind}{number}" for kind, last in (("R", 17), ("D", 5), ("S", 8)) for number in range(1, last + 1)]
    assert [one.number for one in torture.LINES] == wanted


def test_a_row_is_put_in_its_place_and_the_others_stay(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{torture.BEGIN}\n\n{torture.END}\nafter\n")
    monkeypatch.setattr(torture, "PAGE", page)
    for number in ("D1", "R2", "D1"):
        torture.write(torture.written() | {number: [number, "1", "K = 1", "held", "2", "today"]})
    text = page.read_text()
    assert text.index("| R2 |") < text.index("| D1 |")
    assert text.count("| D1 |") == 1
    assert (text.startswith("before"), text.endswith("after\n")) == (True, True)


def test_a_line_that_does_not_hold_fails_the_run(tmp_path, monkeypatch, capsys):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_x.py").write_text("def test_good(): pass\ndef test_bad(): assert 0\n")
    monkeypatch.setattr(torture, "ROOT", tmp_path)
    lines = (torture.Line("R1", "x", ("tests/test_x.py::test_good",)), torture.Line("R2", "x", ("tests/test_x.py",)),
             torture.Line("R3", "x", ("tests/test_none.py",)))  # fmt: skip
    monkeypatch.setattr(torture, "LINES", lines)
    assert torture.main(["R1", "--small"]) == 0
    assert "| R1 | 1 | K = 1, all its tests | held |" in capsys.readouterr().out
    assert torture.main(["R2"]) == 1
    assert "**1 failed**" in capsys.readouterr().out
    assert torture.main(["R3"]) == 1
    assert "not there" in capsys.readouterr().out


def test_figures_are_appended_to_the_table_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_TORTURE_TABLE", str(tmp_path / "table"))
    assert record("R1", "tried", 1000, "0 failed") == "R1 | 1,000 | 0 failed | tried"
    assert (tmp_path / "table").read_text() == "R1 | 1,000 | 0 failed | tried\n"
    assert many(1, 2) in (1, 2)
