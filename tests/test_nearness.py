"""Pairs of pictures within a distance of each other: on real photographs, beside the whole matrix."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy.spatial.distance import pdist, squareform

import lookalike
from lookalike import nearness
from lookalike.cli import main
from lookalike.errors import FingerprintError, UsageError
from tests.conftest import write_picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photographs):
    """Return photographs, one of them twice, with a mirrored, a turned and a smaller copy, and two plain pictures."""
    made = tmp_path_factory.mktemp("near") / "photos"
    made.mkdir()
    for path in photographs:
        if path.name in ("chelsea.png", "astronaut.png", "coffee.png", "rocket.jpg", "china.jpg", "flower.jpg"):
            shutil.copyfile(path, made / path.name)
    with Image.open(made / "chelsea.png") as image:
        ImageOps.mirror(image.convert("RGB")).save(made / "chelsea mirrored.jpg")
    with Image.open(made / "coffee.png") as image:
        image.convert("RGB").transpose(Image.Transpose.ROTATE_90).save(made / "coffee turned.jpg")
    with Image.open(made / "china.jpg") as image:
        image.resize((320, 213)).save(made / "china small.jpg")
    shutil.copyfile(made / "rocket.jpg", made / "rocket again.jpg")
    for number, grey in enumerate((200, 201)):
        Image.new("RGB", (300, 200), (grey,) * 3).save(made / f"plain {number}.png")
    return made


@pytest.fixture(scope="module")
def library(folder, tmp_path_factory):
    with lookalike.open(tmp_path_factory.mktemp("near") / "x.lookalike") as opened:
        opened.add([folder], descriptors=["lite0", "pdq"])
        yield opened


def names(found):
    return {tuple(sorted((Path(a).name, Path(b).name))) for a, b in zip(found.a, found.b, strict=True)}


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.8])
def test_they_are_those_of_the_matrix_by_one_descriptor(library, threshold):
    gallery = library.gallery()
    matrix = squareform(pdist(gallery.vectors.astype(np.float64), "cosine"))
    i, j = np.nonzero(np.triu(matrix <= threshold + 1e-6, 1))
    expected = {tuple(sorted((gallery.uris[a], gallery.uris[b]))) for a, b in zip(i, j, strict=True)}
    found = library.near_pairs(thresholds={"lite0": threshold})
    assert set(zip(found.a, found.b, strict=True)) == expected
    assert len(found) == len(expected) > 0
    assert (np.diff(found.distances) >= 0).all()
    at = {uri: row for row, uri in enumerate(gallery.uris)}
    right = [matrix[at[a], at[b]] for a, b in zip(found.a, found.b, strict=True)]
    np.testing.assert_allclose(found.distances, right, atol=2e-3)


def test_hashes_are_held_against_each_other_in_all_orientations_and_plain_pictures_are_not(library):
    found = library.near_pairs(thresholds={"pdq": 40})
    assert names(found) == {
        ("chelsea mirrored.jpg", "chelsea.png"),
        ("coffee turned.jpg", "coffee.png"),
        ("china small.jpg", "china.jpg"),
        ("rocket again.jpg", "rocket.jpg"),
    }
    assert set(found.descriptors) == {"pdq"}
    assert found.distances.max() <= 40


def test_a_pair_by_any_descriptor_is_one_and_the_nearest_is_told(library):
    both = library.near_pairs(thresholds={"lite0": 0.02, "pdq": 31})
    apart = [library.near_pairs(thresholds=one) for one in ({"lite0": 0.02}, {"pdq": 31})]
    assert names(both) == names(apart[0]) | names(apart[1])
    assert len(both) == len(names(both)), "each pair once"
    assert ("plain 0.png", "plain 1.png") in names(both), "by lite0"
    limits = {"lite0": 0.02, "pdq": 31}
    parts = [away / limits[name] for name, away in zip(both.descriptors, both.distances, strict=True)]
    assert parts == sorted(parts)
    single = [
        {(a, b): away / limits[one.descriptors[0]] for a, b, away in zip(one.a, one.b, one.distances, strict=True)}
        for one in apart
    ]
    for a, b, part in zip(both.a, both.b, parts, strict=True):
        assert part == pytest.approx(min(one.get((a, b), np.inf) for one in single))


def test_only_what_is_at_or_under_a_path_counts_and_new_pictures_are_indexed(folder, tmp_path):
    for name in ("chelsea.png", "chelsea mirrored.jpg"):
        shutil.copyfile(folder / name, tmp_path / name)
    inside = tmp_path / "inside"
    inside.mkdir()
    shutil.copyfile(folder / "chelsea.png", inside / "chelsea.png")
    with lookalike.open(tmp_path / "y.lookalike") as opened:
        compared: list[tuple[int, int]] = []
        found = opened.near_pairs(
            [tmp_path], thresholds={"pdq": 31}, comparing=lambda done, total: compared.append((done, total))
        )
        assert len(found) == 3
        assert compared[-1] == (2, 2), "two contents of three files"
        assert len(opened.near_pairs([inside], thresholds={"pdq": 31})) == 0
        with pytest.raises(FingerprintError, match="lite0"):
            opened.near_pairs(thresholds={"lite0": 0.1})
        (tmp_path / "empty").mkdir()
        with pytest.raises(UsageError, match="no usable picture"):
            opened.near_pairs([tmp_path / "empty"], thresholds={"pdq": 31})


def test_a_descriptor_that_is_standardised_is_compared_so(tmp_path):
    for seed in range(6):
        write_picture(tmp_path / f"{seed}.png", seed, 40, 50)
    with lookalike.open(tmp_path / "z.lookalike") as opened:
        opened.add([tmp_path], descriptors=["haralick"])
        gallery = opened.gallery(descriptor="haralick")
        away = pdist(gallery.vectors.astype(np.float64))
        limit = float(np.median(away))
        found = opened.near_pairs(thresholds={"haralick": limit})
        np.testing.assert_allclose(found.distances, np.sort(away[away <= limit]), rtol=1e-4)


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [({}, "at least one"), ({"lite0": -1}, "0 or more"), ({"lite0": float("nan")}, "0 or more"),
     ({"lite0": float("inf")}, "0 or more"), ({"pdq": 61}, "say nothing")],
)  # fmt: skip
def test_thresholds_that_cannot_be_are_refused_before_anything_is_indexed(library, folder, thresholds, words):
    with pytest.raises(UsageError, match=words):
        library.near_pairs([folder / "nothing"], thresholds=thresholds)


def test_more_pairs_than_can_be_held_are_refused(library, monkeypatch):
    monkeypatch.setattr(nearness, "MOST", 3)
    for thresholds in ({"lite0": 0.9}, {"pdq": 40}):
        with pytest.raises(UsageError, match="smaller threshold"):
            library.near_pairs(thresholds=thresholds)


def test_the_command_lists_them(library, folder, tmp_path, capsys):
    at = ["--library", str(library.store.folder)]
    assert main(["distances", *at, "--threshold", "pdq=40", "--threshold", "0.02", "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    found = library.near_pairs(thresholds={"pdq": 40, "lite0": 0.02})
    assert list(rows[0]) == ["a", "b", "descriptor", "distance"]
    assert [(row["a"], row["b"], row["descriptor"]) for row in rows] == list(
        zip(found.a, found.b, found.descriptors, strict=True)
    )
    assert f"{len(found)} pairs, not verified" in err
    target = tmp_path / "pairs.json"
    arguments = ["--threshold", "pdq=40", "-o", str(target), "-q", "--relative-to", str(folder)]
    assert main(["distances", *at, str(folder), *arguments]) == 0
    assert {"a": "rocket again.jpg", "b": "rocket.jpg", "descriptor": "pdq", "distance": 0} in json.loads(
        target.read_text()
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--threshold", "near"], "NAME="), (["--threshold", "0.1", "-k", "3"], "leave out"),
     (["--threshold", "0.1", "--condensed"], "leave out"), (["--threshold", "0.1", "--format", "png"], "png")],
)  # fmt: skip
def test_wrong_use_is_told(library, arguments, words, capsys):
    assert main(["distances", "--library", str(library.store.folder), *arguments]) == 2
    assert words in capsys.readouterr().err
