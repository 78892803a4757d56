"""`lookalike cluster` and `lookalike map` as they are typed."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.cli import main
from lookalike.cluster import cluster
from lookalike.projection import project

KINDS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


@pytest.fixture
def album(tmp_path, fake, monkeypatch):
    """Fifteen reds, nine greens and six blues, each kind in a folder, indexed by the descriptor "fake"."""
    random = np.random.default_rng(0)
    folder = tmp_path / "album"
    for count, (name, colour) in zip((15, 9, 6), KINDS.items(), strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(np.array(colour) + random.integers(-25, 26, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((32, 24)).save(folder / name / f"{name}{number}.png")
    monkeypatch.setenv("LOOKALIKE_LIBRARY", str(tmp_path / "x.lookalike"))
    with lookalike.open(tmp_path / "x.lookalike") as opened:
        opened.add(folder, descriptors=["fake"])
    return folder


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_clusters_as_rows_are_those_of_python(album, tmp_path, capfd):
    out = tmp_path / "clusters.csv"
    assert main(["cluster", "-d", "fake", "--labels", "folder", "--output", str(out)]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert "3 clusters of 30 pictures, silhouette 0." in said.err
    assert "purity 1.000, adjusted Rand 1.000" in said.err
    rows = rows_of(out)
    assert list(rows[0])[:2] == ["uri", "cluster"]
    assert [row["cluster"] for row in rows] == ["1"] * 15 + ["2"] * 9 + ["3"] * 6
    with lookalike.open(tmp_path / "x.lookalike") as opened:
        found = cluster(opened.gallery(descriptor="fake"))
    assert [row["uri"] for row in rows] == [row[0] for row in found.rows().values]


def test_k_and_seed_and_range_and_paths_make_a_difference(album, capfd):
    def run(*options):
        assert main(["cluster", "-d", "fake", "--format", "json", "-q", *options]) == 0
        return json.loads(capfd.readouterr().out)

    assert {row["cluster"] for row in run("-k", "5")} == {1, 2, 3, 4, 5}
    assert {row["cluster"] for row in run("--ks", "2")} == {1, 2}
    assert len(run(str(album / "blue"), "-k", "2")) == 6
    assert run("-k", "7", "--seed", "1") != run("-k", "7", "--seed", "2")
    assert {row["cluster"] for row in run("--method", "hdbscan", "--min-size", "7")} == {1, 2, -1}
    assert run("-k", "2", "--relative-to", str(album))[0]["uri"].split("/")[0] in KINDS


def test_pictures_of_clusters_are_drawn(album, tmp_path, capfd):
    options = ["cluster", "-d", "fake", "--plot", str(tmp_path / "k.png"), "--sheets", str(tmp_path / "sheets")]
    assert main([*options, "--output", str(tmp_path / "all.png")]) == 0
    assert sorted(path.name for path in (tmp_path / "sheets").iterdir()) == [
        "cluster-1.png", "cluster-2.png", "cluster-3.png",
    ]  # fmt: skip
    for name in ("k.png", "all.png", "sheets/cluster-3.png"):
        with Image.open(tmp_path / name) as image:
            image.load()
            assert image.width > 600
    assert main(["cluster", "-d", "fake", "-q", "--output", str(tmp_path / "all.html")]) == 0
    page = (tmp_path / "all.html").read_text()
    assert page.count('<section class="group"') == 3
    assert page.count("data:image/") == 30
    capfd.readouterr()
    assert main(["cluster", "-d", "fake", "--method", "hdbscan", "--plot", str(tmp_path / "no.png")]) == 2
    assert "chooses no K" in capfd.readouterr().err


def test_nothing_dense_is_said(album, tmp_path, capfd):
    assert main(["cluster", str(album / "blue"), "-d", "fake", "--method", "hdbscan", "--min-size", "5",
                 "--output", str(tmp_path / "x.png")]) == 0  # fmt: skip
    said = capfd.readouterr().err
    assert "0 clusters of 6 pictures" in said
    assert "try a smaller --min-size" in said
    assert (tmp_path / "x.png").exists()


def test_a_map_as_rows_is_that_of_python_and_coloured_by_clusters(album, tmp_path, capfd):
    clusters, out = tmp_path / "clusters.csv", tmp_path / "map.csv"
    assert main(["cluster", "-d", "fake", "-k", "3", "-q", "--output", str(clusters)]) == 0
    assert main(["map", "-d", "fake", "--labels", str(clusters), "--output", str(out)]) == 0
    rows = rows_of(out)
    assert list(rows[0]) == ["uri", "x", "y", "label"]
    told = {row["uri"]: row["cluster"] for row in rows_of(clusters)}
    assert {row["uri"]: row["label"] for row in rows} == told
    with lookalike.open(tmp_path / "x.lookalike") as opened:
        found = project(opened.gallery(descriptor="fake"))
    np.testing.assert_allclose([(float(row["x"]), float(row["y"])) for row in rows], found.xy, rtol=1e-6)
    capfd.readouterr()
    assert main(["map", "-d", "fake", "--method", "pca", "--format", "csv"]) == 0
    assert capfd.readouterr().out.splitlines()[1] != out.read_text().splitlines()[1]


def test_a_map_as_parquet_has_the_columns_that_other_maps_open(album, tmp_path):
    """Embedding Atlas: numbers in x and y, a text for the category."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet is not installed")
    out, csv = tmp_path / "map.parquet", tmp_path / "map.csv"
    for file in (out, csv):
        assert main(["map", "-d", "fake", "--method", "pca", "--labels", "folder", "--output", str(file)]) == 0
    table = parquet.read_table(out)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert list(kinds) == ["uri", "x", "y", "label"]
    assert {kinds["x"], kinds["y"]} <= {"double", "float"}
    assert {kinds["uri"], kinds["label"]} <= {"string", "large_string"}
    rows = rows_of(csv)
    assert table["uri"].to_pylist() == [row["uri"] for row in rows]
    assert table["label"].to_pylist() == [row["label"] for row in rows]
    np.testing.assert_allclose(table["x"].to_pylist(), [float(row["x"]) for row in rows], rtol=1e-6)


def test_a_map_is_drawn_as_png_and_as_a_page(album, tmp_path, capfd):
    sizes = []
    for options in ([], ["--thumbnails"]):
        assert main(["map", "-d", "fake", "--labels", "folder", "-o", str(tmp_path / "m.png"), *options]) == 0
        with Image.open(tmp_path / "m.png") as image:
            colours = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
            sizes.append((np.abs(colours - KINDS["blue"]).sum(axis=1) < 60).sum())
    assert sizes[1] > sizes[0] + 500  # blue pictures, where dots have other colours
    assert main(["map", "-d", "fake", "-o", str(tmp_path / "m.html"), "--max-pictures", "10"]) == 0
    assert "10 of 30 pictures, drawn by lot" in capfd.readouterr().err
    assert "30 pictures · by fake · t-SNE, perplexity 9.67. 10 of them" in (tmp_path / "m.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["cluster", "-k", "31"], "1 to the number of pictures, 30"),
        (["cluster", "--ks", "many"], "2-12, or 4,8,16"),
        (["cluster", "--method", "x"], "kmeans, hdbscan"),
        (["map", "--method", "x"], "tsne, pca"),
        (["map", "--perplexity", "-1"], "above 0"),
        (["map", "--format", "png"], "needs --output"),
    ],
)
def test_wrong_use_ends_with_two_and_a_sentence(album, capfd, arguments, sentence):
    assert main([arguments[0], "-d", "fake", *arguments[1:]]) == 2
    assert sentence in capfd.readouterr().err
