"""`lookalike train`: what a user sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.cli import main
from tests.conftest import write_picture

pytest.importorskip("torch")


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make two folders of ten pictures, and a place for libraries and models."""
    for number in range(20):
        write_picture(tmp_path / "pets" / ("cats" if number % 2 else "dogs") / f"{number}.png", number)
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "x.lookalike"))
    monkeypatch.setenv("LOOKALIKE_MODELS", str(tmp_path / "models"))
    return tmp_path / "pets"


def run(capfd, *arguments: object) -> tuple[int, str, str]:
    code = main([str(each) for each in arguments])
    out, err = capfd.readouterr()
    return code, out, err


SMALL = ("--network", "small", "--side", 24, "--batch", 8)


def test_a_network_is_trained_and_labels_pictures(pets, tmp_path, capfd):
    split = tmp_path / "split.csv"
    assert run(capfd, "split", pets, "--labels", "folder", "--parts", "train=.7,val=.3", "-o", split)[0] == 0
    code, out, err = run(
        capfd, "train", "cnn", "--split", split, "--name", "pets", *SMALL, "--epochs", 2, "--format", "json"
    )
    assert code == 0, err
    row = json.loads(out)
    assert (row["descriptor"], row["epochs"], row["train_pictures"] + row["val_pictures"]) == ("cnn:pets", 2, 20)
    assert "epoch 2, loss" in err
    code, out, err = run(capfd, "classify", pets, "--model", "cnn:pets", "--format", "json")
    assert code == 0, err
    assert {told["label"] for told in json.loads(out)} <= {"cats", "dogs"}
    listed = json.loads(run(capfd, "descriptors", "--format", "json")[1])
    assert "cnn:pets" in [each["name"] for each in listed]
    code, out, err = run(capfd, "index", pets, "-d", "cnn:pets", "--format", "json")
    assert (code, json.loads(out)["failed"]) == (0, 0)


def test_a_run_that_ctrl_c_stops_says_so_and_goes_on(pets, capfd):
    arguments = ["train", "cnn", str(pets), "--name", "pets", *map(str, SMALL), "--level", "same-file", "--seed", "3"]
    command = [sys.executable, "-m", "lookalike", *arguments, "--epochs", "400", "--patience", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 3,"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Stopped." in rest
    assert "the same command goes on" in rest
    folder = Path(os.environ["LOOKALIKE_MODELS"]) / "cnn" / "pets"
    epochs = len((folder / "history.csv").read_text().splitlines()) - 1
    assert epochs >= 3
    code, _, err = run(capfd, *arguments, "--epochs", 400, "--patience", 1)
    assert code == 2
    assert "--restart" in err, "another patience is another run"
    code, out, err = run(capfd, *arguments, "--epochs", 2, "--patience", 0, "--restart", "--format", "json")
    assert (code, json.loads(out)["epochs"]) == (0, 2), err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the folders"),
        (("--network", "huge"), "choose one of small, modern, lite0"),
        (("--split", "no.csv", "pets"), "not both"),
    ],
)
def test_wrong_use_gets_a_sentence(pets, capfd, arguments, words):
    code, _, err = run(capfd, "train", "cnn", *arguments)
    assert code == 2
    assert words in err


def test_one_label_is_too_few(pets, capfd):
    code, _, err = run(capfd, "train", "cnn", pets / "cats", "--level", "same-file")
    assert code == 2
    assert "two labels" in err
