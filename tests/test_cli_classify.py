"""`lookalike classify`: check and save, label new pictures, and what scripts get of both."""

from __future__ import annotations

import csv
import inspect
import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.classify import cross_validate, fit_classifier
from lookalike.cli import main
from lookalike.cli.classify import classify
from lookalike.labelling import label_pictures
from tests.conftest import picture


@pytest.fixture
def folder(tmp_path, fake):
    """Make six pictures each of three tints, and a broken one."""
    for tint, name in enumerate(("red", "green", "blue")):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(6):
            pixels = picture(10 * tint + number).astype(int)
            pixels[..., tint] += 60
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(
                tmp_path / "in" / name / f"{name}{number}.png"
            )
    (tmp_path / "in" / "red" / "broken.png").write_bytes((tmp_path / "in" / "red" / "red0.png").read_bytes()[:300])
    return tmp_path / "in"


@pytest.fixture
def run(capfdbinary, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "l.lookalike"))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["classify", *map(str, arguments)])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_of_a_check_are_those_of_python_and_words_go_to_standard_error(folder, run, tmp_path):
    code, out, err = run(folder, "--labels", "folder", "-d", "fake", "--folds", 3, "--seed", 2, "--format", "json")
    with lookalike.open(tmp_path / "l.lookalike") as library:
        gallery = library.gallery(folder, descriptor="fake", labels="folder")
    result = cross_validate(gallery, folds=3, seed=2)
    assert code == 0
    told = json.loads(out)
    assert [row["part"] for row in told] == ["class"] * 3 + ["fold"] * 3 + ["all"]
    expected = list(result.summary().dicts())
    for row, other in zip(told, expected, strict=True):
        assert row == {
            name: pytest.approx(value) if isinstance(value, float) else value for name, value in other.items()
        }
    assert result.in_words() in err
    assert "1 picture could not be used" in err


@pytest.mark.parametrize("how", ["folder", r"name:^(\D+)", "csv"])
def test_labels_are_told_three_ways(folder, run, tmp_path, how):
    if how == "csv":
        how = str(tmp_path / "labels.csv")
        lines = [f"in/{path.parent.name}/{path.name},{path.parent.name}\n" for path in folder.rglob("*.png")]
        Path(how).write_text("file,class\n" + "".join(lines))
    code, out, _ = run(folder, "--labels", how, "-d", "fake", "--format", "csv")
    assert code == 0
    assert [row["name"] for row in rows(out)[:3]] == ["blue", "green", "red"]
    assert rows(out)[-1]["support"] == "18"


def test_predictions_confusion_and_classifier_are_written_in_one_go(folder, run, tmp_path):
    code, out, err = run(
        folder, "--labels", "folder", "-d", "fake", "--output", tmp_path / "c.png",
        "--predictions", tmp_path / "p.csv", "--save", tmp_path / "c.npz", "--relative-to", tmp_path,
    )  # fmt: skip
    assert (code, out) == (0, "")
    with Image.open(tmp_path / "c.png") as image:
        assert min(image.size) > 300
    told = rows((tmp_path / "p.csv").read_text())
    assert list(told[0]) == ["uri", "label", "predicted", "correct", "probability", "label_probability", "fold"]
    assert len(told) == 18
    assert told[0]["uri"].startswith("in")
    for name in ("c.png", "p.csv", "c.npz"):
        assert f"Written: {tmp_path / name}" in err
    code, out, err = run(folder, tmp_path / "gone.png", "--model", tmp_path / "c.npz", "--format", "csv")
    with lookalike.open(tmp_path / "l.lookalike") as library:
        gallery = library.gallery(folder, descriptor="fake", labels="folder")
    expected = label_pictures([folder, tmp_path / "gone.png"], fit_classifier(gallery))
    found = rows(out)
    assert list(found[0]) == ["uri", "label", "probability", "second", "second_probability", "reason"]
    assert [(row["uri"], row["label"]) for row in found] == [
        (uri, names[0] if names else "") for uri, names in zip(expected.uris, expected.labels, strict=True)
    ]
    assert float(found[0]["probability"]) == pytest.approx(expected.probabilities[0][0], abs=1e-6)
    assert code == 0
    assert "2 of 20 could not be read" in err


def test_an_html_page_holds_everything_itself(folder, run, tmp_path):
    assert run(folder, "--labels", "folder", "-d", "fake", "-o", tmp_path / "c.html")[0] == 0
    text = (tmp_path / "c.html").read_text()
    assert text.count("data:image/png;base64") == 1
    assert "Accuracy" in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize(
    "options",
    [["--method", "knn"], ["--method", "knn", "--neighbours", "2"], ["--regularisation", "1000"], ["--seed", "5"],
     ["--folds", "2"]],
)  # fmt: skip
def test_options_reach_the_fit(folder, run, tmp_path, options):
    run(folder, "--labels", "folder", "-d", "fake", "--predictions", tmp_path / "one.csv")
    run(folder, "--labels", "folder", "-d", "fake", "--predictions", tmp_path / "two.csv", *options)
    assert (tmp_path / "one.csv").read_text() != (tmp_path / "two.csv").read_text()


def test_several_descriptors_are_taken_side_by_side(folder, run, tmp_path):
    code, _, err = run(folder, "--labels", "folder", "-d", "fake", "-d", "haralick", "--save", tmp_path / "two.npz")
    assert code == 0
    assert "logistic on fake and haralick" in err
    code, out, _ = run(folder / "blue", "--model", tmp_path / "two.npz", "--format", "jsonl")
    assert code == 0
    assert [json.loads(line)["label"] for line in out.splitlines()].count("blue") >= 5


def test_copies_stay_in_one_fold_on_request(folder, run, tmp_path):
    for path in sorted(folder.rglob("*[0-9].png")):
        for number in range(2):
            path.with_name(f"{path.stem}-copy{number}.png").write_bytes(path.read_bytes())
    folds = []
    for options in ([], ["--together", "same-file"]):
        run(folder, "--labels", "folder", "-d", "fake", "--predictions", tmp_path / "p.csv", *options)
        found: dict[str, set[str]] = {}
        for row in rows((tmp_path / "p.csv").read_text()):
            found.setdefault(Path(row["uri"]).stem.split("-")[0], set()).add(row["fold"])
        assert len(found) == 18
        folds.append(max(map(len, found.values())))
    assert folds[0] > 1
    assert folds[1] == 1


def test_exit_codes(folder, run, tmp_path):
    check = [folder, "--labels", "folder", "-d", "fake"]
    assert run(*check, "--strict", "--save", tmp_path / "c.npz")[0] == 1
    assert run(*check, "--strict", "--exit-zero")[0] == 0
    label = ["--model", tmp_path / "c.npz"]
    assert run(folder, *label, "--strict")[0] == 1
    assert run(folder, *label, "--strict", "--exit-zero")[0] == 0
    code, out, err = run(tmp_path / "gone.png", *label, "--format", "csv")
    assert (code, rows(out)[0]["reason"]) == (3, "no such file or folder")
    assert "no picture could be read" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --labels to check and fit a classifier, or --model"),
        (["--labels", "folder", "--model", "x.npz"], "give --labels to check"),
        (["--model", "x.npz", "--save", "y.npz"], "--save goes with --labels"),
        (["--model", "x.npz", "--min-pictures", "3"], "--min-pictures goes with --labels"),
        (["--model", "x.npz"], "x.npz cannot be read"),
        (["--labels", "folder", "-d", "fake", "--method", "forest"], "choose one of logistic, knn"),
        (["--labels", "folder", "-d", "fake", "--folds", "1"], "folds"),
        (["--labels", "folder", "-d", "fake", "--folds", "9"], "9 folds need 9 pictures of each class"),
        (["--labels", r"name:\d", "-d", "fake", "--predictions", "p.xyz"], "suffix"),
        (["--model", "x.npz", "--output", "c.png"], "suffix"),
    ],
)
def test_wrong_use_exits_with_two_and_says_what_to_do(folder, run, options, message):
    code, out, err = run(folder, *options)
    assert (code, out) == (2, "")
    assert message in err


def test_one_class_is_wrong_use(folder, run):
    code, _, err = run(folder / "red", "--labels", "folder", "-d", "fake")
    assert code == 2
    assert "only one class, 'red'" in err


def test_the_whole_library_is_classified_without_paths(folder, run, tmp_path):
    with lookalike.open(tmp_path / "l.lookalike") as library:
        library.add(folder, descriptors=["fake"])
    code, out, _ = run("--labels", "folder", "-d", "fake", "--format", "csv")
    assert code == 0
    assert rows(out)[-1]["support"] == "18"


def test_defaults_of_the_command_are_those_of_python():
    options = {name: parameter.default for name, parameter in inspect.signature(classify).parameters.items()}
    for function in (cross_validate, fit_classifier, label_pictures):
        for name, parameter in inspect.signature(function).parameters.items():
            if name in options and parameter.default is not parameter.empty:
                assert options[name] == parameter.default, name


def test_a_picture_on_standard_input_is_labelled(folder, run, tmp_path, monkeypatch):
    run(folder, "--labels", "folder", "-d", "fake", "--save", tmp_path / "c.npz", "-q")
    picture_ = folder / "blue" / "blue1.png"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(picture_.read_bytes())))
    code, out, _ = run("-", "--model", tmp_path / "c.npz", "--format", "csv")
    assert (code, rows(out)[0]["uri"]) == (0, "-")
    expected = label_pictures(picture_, tmp_path / "c.npz")
    assert rows(out)[0]["label"] == expected.labels[0][0]
