"""The notebooks and scripts in examples/ run from top to bottom on photographs that installed packages bring along."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="the examples are not here")


def names(paths):
    return [path.stem for path in paths]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_a_notebook_is_kept_small_and_without_what_it_printed(path):
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert len(text) < 20_000
    assert [cell["id"] for cell in notebook["cells"]] == list(dict.fromkeys(cell["id"] for cell in notebook["cells"]))
    for cell in notebook["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_its_first_cell_of_code_is_where_a_folder_is_set(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    first = "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])
    assert re.search(r"^FOLDER = None", first, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=names(NOTEBOOKS))
def test_it_runs_from_top_to_bottom(path, photographs, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the machinery that runs notebooks, not of ours: see below
        from nbclient import NotebookClient

        # What the notebook writes goes there, and models of the user's own are left alone.
        for name in ("LOOKALIKE_MODELS", "IPYTHONDIR", "TMPDIR", "TEMP", "TMP"):
            (tmp_path / name).mkdir()
            monkeypatch.setenv(name, str(tmp_path / name))
        # Threads that wait for each other spin: where other tests run, too, two would be slower than one.
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
        client.execute()
    shown = {output.output_type for cell in notebook.cells for output in cell.get("outputs", [])}
    assert "execute_result" in shown
    told = "".join(output.text for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output)
    assert "Warning" not in told, told


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Return a folder with four folders of crops, one for each of four shipped photographs."""
    spec = importlib.util.spec_from_file_location("examples_cnn", FOLDER / "cnn.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.shipped(tmp_path_factory.mktemp("crops"))


SCRIPTS = {
    "texture": ["CROPS", "--labels", "folder", "-n", "3"],
    "cnn": ["--network", "small", "--epochs", "2"],
    "augnet": ["CROPS", "--epochs", "1"],
    "autoencoder": ["CROPS", "--epochs", "1", "-n", "3", "-k", "3"],
    "feature_vector": [],
}


def test_every_system_has_a_script_and_a_notebook():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(SCRIPTS) == {path.stem for path in NOTEBOOKS}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_the_whole_system(name, crops, photographs, tmp_path):
    arguments = [str(crops) if each == "CROPS" else each for each in SCRIPTS[name]]
    environment = {**os.environ, "LOOKALIKE_MODELS": str(tmp_path / "models"), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()
    assert "Traceback" not in run.stderr
