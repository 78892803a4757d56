"""Clusters: against scikit-learn, on blobs whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score

import lookalike.cluster.clustering
from lookalike.cluster import STARTS, UNCLUSTERED, agreement, cluster, parse_ks
from lookalike.errors import UsageError
from lookalike.results import Gallery


def blobs(sizes=(30, 20, 40, 10), dim=12, spread=0.3, seed=0):
    """Return (vectors, which blob each is of), mixed; blobs are far apart."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, 10, (len(sizes), dim))
    truth = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return (centres[truth] + random.normal(0, spread, (len(truth), dim))).astype(np.float32), truth


def gallery(vectors, metric="l2"):
    return Gallery.from_arrays(vectors, metric=metric)


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_known_blobs_are_found_and_their_number_is_chosen(metric):
    vectors, truth = blobs()
    found = cluster(gallery(vectors, metric))
    assert found.k == 4
    assert adjusted_rand_score(truth, found.labels) == 1
    assert [score.k for score in found.scores] == list(range(2, 13))


def test_clusters_of_bits_are_found():
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 20)
    bits = random.integers(0, 2, (3, 256))[truth]
    bits ^= random.random(bits.shape) < 0.05
    found = cluster(Gallery.from_arrays(np.packbits(bits.astype(np.uint8), axis=1), metric="hamming"), ks="2-6")
    assert found.k == 3
    assert adjusted_rand_score(truth, found.labels) == 1
    row = 7
    members = bits[found.labels == found.labels[row]]
    assert found.distances[row] == pytest.approx((members != bits[row]).sum(axis=1).mean(), rel=1e-5)


def test_short_vectors_are_clustered_as_scikit_learn_does():
    vectors = np.random.default_rng(3).normal(size=(200, 20)).astype(np.float32)
    found = cluster(gallery(vectors), k=5, seed=4)
    oracle = KMeans(5, n_init=STARTS, random_state=4).fit(vectors)
    assert adjusted_rand_score(oracle.labels_, found.labels) == 1
    assert found.inertia == pytest.approx(oracle.inertia_, rel=1e-5)
    assert adjusted_rand_score(oracle.labels_, cluster(gallery(vectors), k=5, seed=5).labels) < 1


def test_long_vectors_end_where_no_step_of_k_means_changes_anything():
    vectors = np.random.default_rng(3).normal(size=(160, 150)).astype(np.float32)
    vectors[:, :20] *= 4
    found = cluster(gallery(vectors), k=6)
    again = KMeans(6, init=found.centres, n_init=1).fit(vectors)
    assert (again.labels_ + 1 == found.labels).all()
    best = KMeans(6, n_init=4, random_state=0).fit(vectors)
    assert found.inertia <= 1.01 * best.inertia_


@pytest.mark.parametrize(("metric", "theirs"), [("l2", "euclidean"), ("cosine", "cosine")])
def test_silhouettes_are_those_of_scikit_learn(metric, theirs):
    vectors = np.random.default_rng(1).normal(size=(80, 6)).astype(np.float32) + 1
    found = cluster(gallery(vectors, metric), ks="2-5")
    expected = silhouette_score(gallery(vectors, metric).vectors, found.labels, metric=theirs)
    assert found.silhouette == pytest.approx(expected, abs=1e-5)
    assert found.silhouette == max(score.silhouette or -1 for score in found.scores)
    assert [row["k"] for row in found.score_rows().dicts() if row["chosen"]] == [found.k]


def test_the_largest_cluster_is_number_one_and_rows_begin_with_the_nearest_to_its_centre():
    vectors, truth = blobs()
    found = cluster(gallery(vectors), k=4)
    assert found.sizes == (40, 30, 20, 10)
    assert set(truth[found.labels == 1]) == {2}
    rows = list(found.rows().dicts())
    assert list(rows[0]) == ["uri", "cluster", "distance", "rank"]
    assert [row["cluster"] for row in rows] == [1] * 40 + [2] * 30 + [3] * 20 + [4] * 10
    assert [row["rank"] for row in rows[40:43]] == [1, 2, 3]
    assert [row["distance"] for row in rows[:40]] == sorted(row["distance"] for row in rows[:40])
    assert found.nearest == tuple(rows[at]["uri"] for at in (0, 40, 70, 90))
    for number in (1, 4):
        inside = vectors[found.labels == number]
        np.testing.assert_allclose(found.centres[number - 1], inside.mean(axis=0), atol=1e-4)
    at = int(rows[0]["uri"])
    assert rows[0]["distance"] == pytest.approx(np.linalg.norm(vectors[at] - found.centres[0]), rel=1e-4)


def test_of_two_clusters_of_one_size_the_one_with_the_earlier_picture_comes_first():
    vectors = np.array([[0.0], [0.1], [9.0], [9.1], [5.0], [5.1]], np.float32)
    assert cluster(gallery(vectors), k=3).labels.tolist() == [1, 1, 2, 2, 3, 3]
    assert cluster(gallery(vectors[::-1].copy()), k=3).labels.tolist() == [1, 1, 2, 2, 3, 3]


def test_cosine_distances_are_to_the_direction_of_the_centre():
    vectors, _ = blobs(dim=3)
    found = cluster(gallery(vectors, "cosine"), k=4)
    unit = gallery(vectors, "cosine").vectors
    centre = found.centres[found.labels[5] - 1]
    assert found.distances[5] == pytest.approx(1 - unit[5] @ centre / np.linalg.norm(centre), abs=1e-6)


def test_the_same_seed_gives_the_same_clusters():
    vectors = np.random.default_rng(0).normal(size=(150, 8)).astype(np.float32)
    one, two = cluster(gallery(vectors), ks="3,6", seed=1), cluster(gallery(vectors), ks=[3, 6], seed=1)
    assert one.rows() == two.rows()
    assert one.scores == two.scores


def test_a_density_method_leaves_over_what_fits_nowhere():
    vectors, truth = blobs(sizes=(40, 30))
    lost = np.full((1, 12), 500, np.float32)
    found = cluster(gallery(np.vstack([vectors, lost])), method="hdbscan", min_size=5)
    assert found.k == 2
    assert found.labels[-1] == UNCLUSTERED
    kept = found.labels[:-1] != UNCLUSTERED
    assert adjusted_rand_score(truth[kept], found.labels[:-1][kept]) == 1
    last = list(found.rows().dicts())[-1]
    assert last == {"uri": "70", "cluster": -1, "distance": None, "rank": None}
    assert found.unclustered == (found.labels == -1).sum()
    assert found.members(-1)[-1] == "70"
    assert cluster(gallery(np.vstack([vectors, lost])), method="hdbscan", min_size=35).k != 2


def test_long_vectors_are_clustered_by_density_too():
    vectors, truth = blobs(sizes=(30, 30, 30), dim=200)
    found = cluster(gallery(vectors, "cosine"), method="hdbscan", min_size=5)
    assert found.k == 3
    kept = found.labels > 0
    assert kept.mean() > 0.9
    assert adjusted_rand_score(truth[kept], found.labels[kept]) == 1


def test_many_pictures_are_judged_by_a_sample_and_all_are_clustered(monkeypatch):
    monkeypatch.setattr(lookalike.cluster.clustering, "SAMPLE", 60)
    vectors, truth = blobs(sizes=(90, 60, 50))
    found = cluster(gallery(vectors), ks="2-5", seed=2)
    assert (found.k, found.scored, len(found.labels)) == (3, 60, 200)
    assert adjusted_rand_score(truth, found.labels) == 1
    assert found.silhouette == pytest.approx(silhouette_score(vectors, found.labels), abs=0.05)
    more = cluster(gallery(vectors), k=70)
    assert more.k == 70
    assert more.scores[0].silhouette is None


def test_equal_pictures_are_one_cluster_however_many_are_asked_for():
    same = gallery(np.ones((6, 130), np.float32), "cosine")
    for options in ({"k": 3}, {"ks": "2-4"}, {"k": 1}):
        found = cluster(same, **options)
        assert found.sizes == (6,)
        assert found.silhouette is None


def test_zeros_have_no_direction_and_do_no_harm():
    vectors = np.zeros((8, 5), np.float32)
    vectors[4:, 0] = 1
    assert cluster(gallery(vectors, "cosine"), k=2).sizes == (4, 4)


def test_progress_counts_the_numbers_tried():
    told = []
    cluster(gallery(blobs()[0]), ks="2-4", progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("text", "ks"), [("2-5", (2, 3, 4, 5)), ("8, 4,4", (4, 8)), ("2-3,10", (2, 3, 10)), ("6", (6,))]
)
def test_ranges_of_k(text, ks):
    assert parse_ks(text) == ks


@pytest.mark.parametrize("text", ["", "a", "5-2", "1-3", "2-99999999", "2--3", "2-3-4"])
def test_what_is_no_range_of_k(text):
    with pytest.raises(UsageError):
        parse_ks(text)


@pytest.mark.parametrize(
    ("count", "options", "match"),
    [
        (5, {"k": 6}, "1 to the number of pictures, 5"),
        (5, {"k": 0}, "not 0"),
        (0, {}, "no picture to cluster"),
        (2, {}, "give K"),
        (5, {"method": "best"}, "kmeans, hdbscan"),
        (5, {"method": "hdbscan", "k": 2}, "finds the number"),
        (5, {"method": "hdbscan", "min_size": 1}, "at least 2"),
        (5, {"method": "hdbscan", "min_size": 6}, "smaller size"),
        (5, {"ks": []}, "2 or more"),
    ],
)
def test_a_value_out_of_range_is_a_sentence(count, options, match):
    with pytest.raises(UsageError, match=match):
        cluster(gallery(np.eye(5, dtype=np.float32)[:count]), **options)


def test_agreement_with_labels_by_hand():
    clusters = [1, 1, 1, 1, 2, 2, -1, 2]
    labels = ["a", "a", "a", "b", "b", "b", "b", None]
    how = agreement(clusters, labels)
    assert how.pictures == 6
    assert how.purity == pytest.approx(5 / 6)  # three a of four in 1, two b of two in 2
    kept = ([1, 1, 1, 1, 2, 2], list("aaabbb"))
    assert how.adjusted_rand == pytest.approx(adjusted_rand_score(kept[1], kept[0]))
    assert how.mutual_information == pytest.approx(normalized_mutual_info_score(kept[1], kept[0]))
    with pytest.raises(UsageError, match="do not fit"):
        agreement([1], [])
    with pytest.raises(UsageError, match="both"):
        agreement([-1, 1], ["a", None])
