"""Sheets and a page of clusters, the plot of K, the map as PNG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.cluster import cluster
from lookalike.errors import UsageError
from lookalike.projection import Projection
from lookalike.render.clusters import cluster_sheet, clusters_page, clusters_sheet
from lookalike.render.plots_cluster import choice_plot, map_plot
from lookalike.results import Gallery


@pytest.fixture(scope="module")
def clustering():
    """Clusters of 6, 4 and 2 pictures, and one picture in none."""
    vectors = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [0.5], [9], [9.1], [9.2], [9.3], [50], [50.1], [999]])
    gallery = Gallery.from_arrays(vectors, uris=[f"/p/{n}.jpg" for n in range(13)], metric="l2")
    return cluster(gallery, method="hdbscan", min_size=2), cluster(gallery, k=3)


def seen(draw):
    """Return which pictures a face asked for."""
    asked = []

    def load(uri):
        asked.append(uri)
        return np.zeros((20, 20, 3), np.uint8)

    drawn = draw(load)
    return asked, drawn


def test_a_sheet_has_a_block_for_each_cluster_nearest_first(clustering):
    found, _ = clustering
    asked, sheet = seen(lambda load: clusters_sheet(found, load, tile=64, columns=3))
    assert asked == [uri for number in (*range(1, found.k + 1), -1) for uri in found.members(number)]
    few, smaller = seen(lambda load: clusters_sheet(found, load, tile=64, columns=3, pictures=2))
    assert len(few) == sum(min(2, len(found.members(number))) for number in (*range(1, found.k + 1), -1))
    assert smaller.height < sheet.height
    wide = clusters_sheet(found, lambda uri: None, tile=64, columns=6)
    assert wide.width > sheet.width
    assert seen(lambda load: clusters_sheet(found, load, max_clusters=1))[0] == list(found.members(1))
    with pytest.raises(UsageError, match="at least 1 picture"):
        clusters_sheet(found, lambda uri: None, pictures=0)


def test_a_sheet_of_one_cluster_has_all_its_pictures(clustering):
    found, _ = clustering
    for number in (1, 2, -1):
        assert seen(lambda load, number=number: cluster_sheet(found, number, load))[0] == list(found.members(number))
    with pytest.raises(UsageError, match="no cluster 99"):
        cluster_sheet(found, 99, lambda uri: None)


def test_a_page_shows_clusters_and_says_what_is_left_out(clustering):
    found, _ = clustering
    page = clusters_page(found, lambda uri: np.zeros((20, 20, 3), np.uint8), pictures=2, title="A <b>")
    assert page.count('<section class="group"') == found.k + 1
    assert "Unclustered" in page
    assert "A &lt;b&gt;" in page
    more = clusters_page(found, lambda uri: None, max_clusters=1)
    assert f"{found.k - 1} more cluster" in more
    assert "cannot be read" in more
    assert "more picture" not in more


def png(draw):
    stream = io.BytesIO()
    draw(stream)
    with Image.open(stream) as image:
        return np.asarray(image.convert("RGB"))


def test_the_plot_of_k_marks_another_k_for_other_pictures(clustering):
    density, found = clustering
    several = cluster(Gallery.from_arrays(np.random.default_rng(0).normal(size=(30, 3)), metric="l2"))
    assert not np.array_equal(png(lambda out: choice_plot(found, out)), png(lambda out: choice_plot(several, out)))
    with pytest.raises(UsageError, match="chooses no K"):
        choice_plot(density, io.BytesIO())


def has(pixels, colour):
    return (np.abs(pixels.astype(int) - colour).sum(axis=2) < 40).sum()


def test_a_map_shows_dots_or_pictures_and_a_legend_for_any_name():
    xy = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    uris = ("/a.jpg", "/gone.jpg", "/c.jpg", "/d.jpg")
    projection = Projection(uris, xy, ("$x_{", "日本語", "-1", None), "tsne", "lite0", 1.0)
    magenta = np.zeros((60, 120, 3), np.uint8) + np.array([255, 0, 255], np.uint8)
    dots = png(lambda out: map_plot(projection, out))

    def load(uri):
        return None if "gone" in uri else magenta

    small, large = (
        png(lambda out, s=side: map_plot(projection, out, load=load, thumbnail_side=s)) for side in (40, 80)
    )
    assert has(dots, (255, 0, 255)) == 0
    assert has(small, (255, 0, 255)) == pytest.approx(3 * 40 * 20, rel=0.1)
    assert has(large, (255, 0, 255)) == pytest.approx(3 * 80 * 40, rel=0.1)
    with pytest.raises(UsageError, match="16 to 400"):
        map_plot(projection, io.BytesIO(), load=load, thumbnail_side=4)


def test_pictures_on_a_map_do_not_cover_each_other():
    projection = Projection(tuple("abcdefgh"), np.zeros((8, 2), np.float32), (), "pca", "lite0", None, (0.5, 0.25))
    asked, _ = seen(lambda load: png(lambda out: map_plot(projection, out, load=load)))
    assert len(asked) == 1
    spread = np.random.default_rng(1).normal(size=(300, 2)).astype(np.float32)
    crowd = Projection(tuple(map(str, range(300))), spread, (), "pca", "lite0")
    magenta = np.zeros((60, 60, 3), np.uint8) + np.array([255, 0, 255], np.uint8)
    drawn: list[str] = []

    def load(uri):
        drawn.append(uri)
        return magenta

    page = png(lambda out: map_plot(crowd, out, load=load, thumbnail_side=40))
    assert 50 < len(drawn) < 300
    assert has(page, (255, 0, 255)) == pytest.approx(len(drawn) * 1600, rel=0.01)
    other, _ = seen(lambda load: png(lambda out: map_plot(projection, out, load=load, seed=1)))
    assert asked != other
    many = Projection(tuple(map(str, range(50))), np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32),
                      tuple(f"label {i}" for i in range(50)), "pca", "x")  # fmt: skip
    assert png(lambda out: map_plot(many, out)).shape == (1350, 1800, 3)
