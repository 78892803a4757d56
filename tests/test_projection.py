"""Places on a map."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from lookalike.errors import UsageError
from lookalike.projection import GRID, inside, on_grid, project
from lookalike.results import Gallery


def groups(n=30, dim=80, seed=0):
    random = np.random.default_rng(seed)
    truth = np.repeat([0, 1, 2], n)
    centres = random.normal(0, 6, (3, dim))
    return (centres[truth] + random.normal(0, 1, (3 * n, dim))).astype(np.float32), truth


def test_groups_stay_apart_and_rows_carry_labels():
    vectors, truth = groups()
    labels = [f"g{one}" for one in truth]
    found = project(Gallery.from_arrays(vectors, labels))
    assert silhouette_score(found.xy, truth) > 0.7
    rows = found.rows()
    assert rows.columns == ("uri", "x", "y", "label")
    assert rows.values[31] == ("31", float(found.xy[31, 0]), float(found.xy[31, 1]), "g1")
    assert project(Gallery.from_arrays(vectors)).rows().values[0][3] is None


def test_pca_is_that_of_scikit_learn():
    vectors, _ = groups(dim=12)
    found = project(Gallery.from_arrays(vectors, metric="l2"), method="pca")
    oracle = PCA(2).fit(vectors)
    np.testing.assert_allclose(found.xy, oracle.transform(vectors), atol=1e-3)
    assert found.explained == pytest.approx(tuple(oracle.explained_variance_ratio_), rel=1e-4)
    assert found.perplexity is None


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_the_same_seed_gives_the_same_map(method):
    gallery = Gallery.from_arrays(groups()[0])
    one = project(gallery, method=method, seed=3)
    assert np.array_equal(one.xy, project(gallery, method=method, seed=3).xy)


def test_perplexity_changes_the_map_and_fits_a_few_pictures():
    vectors, _ = groups()
    near, far = (project(Gallery.from_arrays(vectors), perplexity=value) for value in (3, 25))
    assert (near.perplexity, far.perplexity) == (3, 25)
    assert not np.allclose(near.xy, far.xy)
    few = project(Gallery.from_arrays(vectors[::20]))
    assert few.perplexity == pytest.approx(4 / 3)
    assert np.isfinite(few.xy).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_bits_one_number_and_equal_vectors_are_laid_out(method):
    bits = np.random.default_rng(0).integers(0, 256, (12, 32), np.uint8)
    assert np.isfinite(project(Gallery.from_arrays(bits, metric="hamming"), method=method).xy).all()
    line = np.arange(8, dtype=np.float32)[:, None]
    assert np.isfinite(project(Gallery.from_arrays(line, metric="l2"), method=method).xy).all()
    equal = project(Gallery.from_arrays(np.ones((6, 70), np.float32)), method=method)
    assert not equal.xy.any()


@pytest.mark.parametrize(
    ("count", "options", "match"),
    [
        (3, {}, "at least 4 pictures, and there are 3"),
        (1, {}, "there is 1"),
        (9, {"perplexity": 0}, "above 0"),
        (9, {"perplexity": float("nan")}, "above 0"),
        (9, {"method": "umap"}, "tsne, pca"),
    ],
)
def test_a_value_out_of_range_is_a_sentence(count, options, match):
    with pytest.raises(UsageError, match=match):
        project(Gallery.from_arrays(np.eye(9, dtype=np.float32)[:count]), **options)


def test_a_grid_keeps_shapes_and_fills_its_longer_side():
    xy = np.array([[0, 0], [4, 1], [2, 0.5]], np.float32)
    placed = on_grid(xy)
    assert placed.dtype == np.uint16
    assert np.ptp(placed[:, 0]) == GRID
    assert abs(np.ptp(placed[:, 1].astype(int)) - GRID / 4) < 2
    assert abs(placed[:, 1].astype(int).mean() - GRID / 2) < 2  # in the middle
    assert on_grid(np.empty((0, 2), np.float32)).shape == (0, 2)
    assert len(np.unique(on_grid(np.ones((3, 2), np.float32)), axis=0)) == 1


def test_what_is_inside_a_polygon_is_what_matplotlib_says():
    from matplotlib.path import Path as Outline

    random = np.random.default_rng(0)
    places = random.integers(0, GRID, (2000, 2)).astype(np.uint16)
    for corners in (3, 4, 9):
        angles = np.sort(random.uniform(0, 2 * np.pi, corners))
        polygon = GRID / 2 + random.uniform(8000, 30000, (corners, 1)) * np.c_[np.cos(angles), np.sin(angles)]
        assert np.array_equal(inside(places, polygon), Outline(polygon).contains_points(places))
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
    assert inside(np.array([[5, 5], [11, 5], [5, 11]], np.uint16), square).tolist() == [True, False, False]
