"""K-means with K given or chosen by silhouette, and HDBSCAN."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import CLUSTER_METHOD, CLUSTER_METHODS, KS, MIN_SIZE, SEED
from lookalike.errors import UsageError
from lookalike.metrics import paired, pairwise
from lookalike.results import Gallery
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_count

__all__ = ["SAMPLE", "STARTS", "UNCLUSTERED", "Clustering", "KScore", "cluster", "parse_ks"]

UNCLUSTERED = -1
"""Number of "no cluster", for pictures that a density method leaves over."""

SAMPLE = 4_000
"""Most pictures by which K is chosen and silhouettes are taken: distances between them fill 64 MB."""

STARTS = 5
"""Runs of K-means from other starting points; the one with the least inertia counts."""

_SEARCH_DIMS = 100
_DENSITY_DIMS = 50
_MOST_CLUSTERS = 10_000

Numbers = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class KScore:
    """How well K clusters fit.

    Attributes
    ----------
    k
        As tried.
    silhouette
        Mean over the scored pictures, -1 to 1, larger is better; None where it is not defined (one cluster only).
    inertia
        Sum of the squared Euclidean distances of the scored pictures to their centres.
    """

    k: int
    silhouette: float | None
    inertia: float


@dataclass(frozen=True)
class Clustering(Tabular):
    """Pictures in clusters, numbered by size: 1 is the largest; of two alike, the one with the earlier picture.

    Attributes
    ----------
    uris
        n names, in the order of the gallery.
    labels
        (n,) int64: the cluster of each, 1 to k; -1 (`UNCLUSTERED`) for what the density method leaves over.
    distances
        (n,) float32: from each picture to the centre of its cluster, in the unit of the descriptor; nan where there
        is none. "cosine": to the centre's direction. "hamming": the mean number of bits in which it differs from the
        members. Within a cluster the order is that of the Euclidean distances that K-means works with.
    centres
        (k, dim) float32: the mean of each cluster's vectors, not scaled to unit length; bits as 0 to 1.
    sizes
        Pictures of cluster 1, 2, ...
    inertia
        Sum of the squared Euclidean distances to the centres.
    silhouette
        Of the clusters as they are, on `scored` pictures; see `KScore`.
    scores
        Of every K that was tried, in the order tried; empty for the density method.
    scored
        How many pictures the silhouettes rest upon: all, or a sample of `SAMPLE`.
    method, descriptor
        By which it was done.
    """

    uris: tuple[Uri, ...]
    labels: Labels
    distances: NDArray[np.float32]
    centres: Numbers
    sizes: tuple[int, ...]
    inertia: float
    silhouette: float | None
    scores: tuple[KScore, ...]
    scored: int
    method: str
    descriptor: str

    @property
    def k(self) -> int:
        """The number of clusters."""
        return len(self.sizes)

    @property
    def unclustered(self) -> int:
        """How many pictures are in no cluster."""
        return len(self.uris) - sum(self.sizes)

    @property
    def nearest(self) -> tuple[Uri, ...]:
        """The picture nearest to the centre of cluster 1, 2, ..."""
        return tuple(self.members(number)[0] for number in range(1, self.k + 1))

    def members(self, number: int) -> tuple[Uri, ...]:
        """Return the pictures of a cluster, nearest to its centre first; ties in the order of the gallery."""
        return tuple(self.uris[row] for row in self._order(number))

    def _order(self, number: int) -> list[int]:
        rows = np.flatnonzero(self.labels == number)
        ordered: list[int] = rows[np.argsort(self.distances[rows], kind="stable")].tolist()
        return ordered

    def _all_rows(self) -> Iterator[tuple[Uri, int, float | None, int | None]]:
        for number in range(1, self.k + 1):
            for rank, row in enumerate(self._order(number), 1):
                yield self.uris[row], number, float(self.distances[row]), rank
        for row in np.flatnonzero(self.labels == UNCLUSTERED).tolist():
            yield self.uris[row], UNCLUSTERED, None, None

    def rows(self) -> Rows:
        """Return (uri, cluster, distance, rank), cluster by cluster, nearest to the centre first."""
        return Rows(("uri", "cluster", "distance", "rank"), list(self._all_rows()))

    def score_rows(self) -> Rows:
        """Return (k, silhouette, inertia, chosen) for every K tried."""
        best = _best(self.scores) if self.scores else None
        values = [(score.k, score.silhouette, score.inertia, score is best) for score in self.scores]
        return Rows(("k", "silhouette", "inertia", "chosen"), values)

    def _repr_html_(self, clusters: int = 8, pictures: int = 8) -> str:
        from lookalike.notebook import Card, Section, page

        sections = []
        for number, size in enumerate(self.sizes[:clusters], 1):
            cards = [Card(uri, first=not at) for at, uri in enumerate(self.members(number)[:pictures])]
            more = f"{human_count(size - pictures, 'more picture')}" if size > pictures else ""
            sections.append(Section(f"cluster {number}: {human_count(size, 'picture')}", cards, more))
        title = f"{human_count(self.k, 'cluster')} of {human_count(len(self.uris), 'picture')} by {self.descriptor}"
        title += f", silhouette {self.silhouette:.3f}" if self.silhouette is not None else ""
        rest = human_count(self.k - clusters, "more cluster") if self.k > clusters else ""
        left = f"{human_count(self.unclustered, 'picture')} in no cluster" if self.unclustered else ""
        return page(title, sections, note=", ".join(filter(None, (rest, left))))


def cluster(
    gallery: Gallery,
    *,
    method: str = CLUSTER_METHOD,
    k: int | None = None,
    ks: str | Sequence[int] = KS,
    min_size: int = MIN_SIZE,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
) -> Clustering:
    """Put pictures into clusters of their like.

    Parameters
    ----------
    gallery
        At least one picture.
    method
        "kmeans", or "hdbscan", which finds dense regions, their number included, and leaves over what lies between.
    k
        Number of clusters for "kmeans", 1 to n; None to choose it among `ks`.
    ks
        Numbers to choose among, such as "2-12", "2-6,10" or a sequence; those that are not below n are passed over.
    min_size
        Pictures that make a cluster for "hdbscan", at least 2.
    seed
        The same seed gives the same clusters.
    progress
        Called with how many K of how many are tried.

    Returns
    -------
    Clustering
        The K with the largest silhouette; ties: the smaller. There are fewer clusters than asked for only if there
        are fewer different vectors.

    Raises
    ------
    UsageError
        If a value is out of range, there is no picture, or there are too few to choose K.

    Notes
    -----
    K-means is scikit-learn's (Lloyd, k-means++), on bits as 0 and 1 for "hamming". On vectors of unit length the
    squared Euclidean distance is twice the cosine distance, so that it makes the clusters tight in just that distance,
    as spherical K-means does; only, a centre is a mean and lies within the sphere. Vectors of more than 100 numbers
    are first clustered from 5 starting points by their 100 principal components, and the best of these is refined on
    the whole vectors; shorter ones are clustered as they are.

    Silhouettes are taken with the distances of the descriptor's own metric. In larger galleries both they and the
    choice of K rest upon a random sample of 4,000 pictures, and all pictures are then clustered from the centres
    found: memory stays at some hundred MB beside the vectors, and time grows with the final K only.

    HDBSCAN is scikit-learn's, Euclidean, on the 50 principal components where there are more numbers: in thousands of
    dimensions everything is about equally far away, and a search takes thirty times as long.

    Threads: one, because sums in changing order would differ in the last digits.
    """
    from threadpoolctl import threadpool_limits

    _check(gallery, method, k, min_size)
    numbers = gallery.numbers
    sample = _sample(len(numbers), seed)
    scores: tuple[KScore, ...] = ()
    with threadpool_limits(1, user_api="openmp"):
        if method == "hdbscan":
            labels = _density(numbers, min_size, seed)
        else:
            labels, scores = _kmeans(gallery, numbers, sample, _candidates(k, ks, len(sample)), seed, progress)
    labels, sizes = _by_size(labels)
    centres = np.array([numbers[labels == number].mean(axis=0) for number in range(1, len(sizes) + 1)], np.float32)
    centres = centres.reshape(len(sizes), numbers.shape[1])
    distances, inertia = _to_centres(gallery, numbers, labels, centres)
    inside = sample[labels[sample] != UNCLUSTERED]
    if scores and len(sample) == len(numbers):
        silhouette = _best(scores).silhouette
    else:
        silhouette = _silhouette(_distances(gallery, inside), labels[inside])
    return Clustering(
        gallery.uris, labels, distances, centres, sizes, inertia, silhouette, scores, len(inside), method,
        gallery.spec.name,
    )  # fmt: skip


def parse_ks(text: str) -> tuple[int, ...]:
    """Return the numbers of "2-12", "4,8" or "2-6,10", each once, in ascending order.

    Raises
    ------
    UsageError
        If it is none of these, or a number is not 2 to 10,000.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:\s*-\s*(\d{1,9}))?\s*", part)
        if not match:
            raise UsageError(f"{text!r} is no range of K: write 2-12, or 4,8,16")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 2 <= first <= last <= _MOST_CLUSTERS:
            raise UsageError(f"K is chosen among numbers from 2 to {_MOST_CLUSTERS:,}, the smaller first, not {part!r}")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def _check(gallery: Gallery, method: str, k: int | None, min_size: int) -> None:
    if method not in CLUSTER_METHODS:
        raise UsageError(f"there is no method {method!r}: choose one of {', '.join(CLUSTER_METHODS)}")
    if not len(gallery):
        raise UsageError("there is no picture to cluster: name folders with pictures, or index some first")
    if k is not None and method != "kmeans":
        raise UsageError(f"{method} finds the number of clusters itself: leave K away, or use kmeans")
    if k is not None and not 1 <= k <= len(gallery):
        raise UsageError(f"K must be from 1 to the number of pictures, {len(gallery):,}, not {k}")
    if min_size < 2:
        raise UsageError(f"a cluster has at least 2 pictures, not {min_size}")
    if method == "hdbscan" and len(gallery) < min_size:
        raise UsageError(f"{len(gallery)} pictures are fewer than one cluster of {min_size}: choose a smaller size")


def _candidates(k: int | None, ks: str | Sequence[int], most: int) -> tuple[int, ...]:
    if k is not None:
        return (k,)
    asked = parse_ks(ks) if isinstance(ks, str) else tuple(dict.fromkeys(int(number) for number in ks))
    if not asked or min(asked) < 2:
        raise UsageError("K is chosen among numbers of 2 or more: give K itself for one cluster")
    fitting = tuple(number for number in asked if number < most)
    if not fitting:
        raise UsageError(f"K cannot be chosen from {min(asked)} upwards among {most} pictures: add some, or give K")
    return fitting


def _sample(n: int, seed: int) -> NDArray[np.int64]:
    if n <= SAMPLE:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False))


def _kmeans(
    gallery: Gallery,
    numbers: Numbers,
    sample: NDArray[np.int64],
    candidates: Sequence[int],
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Labels, tuple[KScore, ...]]:
    """Return the labels of all pictures for the best K, and the score of each K on the sample."""
    if max(candidates) > len(sample):  # only if K was given: more clusters than the sample has pictures
        sample = np.arange(len(numbers))
    whole = numbers if len(sample) == len(numbers) else numbers[sample]
    short = _principal(whole, _SEARCH_DIMS, seed)
    # With more than SAMPLE pictures in the sample there is no room for distances between all of them.
    distances = _distances(gallery, sample) if len(sample) <= SAMPLE else None
    scores: list[KScore] = []
    chosen = np.zeros(len(sample), np.int64)
    for done, k in enumerate(candidates, 1):
        labels, inertia = _fit(short, k, starts=STARTS, seed=seed)
        if short is not whole:
            labels, inertia = _fit(whole, k, start=_means(whole, labels), seed=seed)
        scores.append(KScore(k, None if distances is None else _silhouette(distances, labels), inertia))
        if _best(scores) is scores[-1]:
            chosen = labels
        if progress:
            progress(done, len(candidates))
    if whole is not numbers:
        centres = _means(whole, chosen)
        chosen, _ = _fit(numbers, len(centres), start=centres, seed=seed)
    return chosen, tuple(scores)


def _fit(
    rows: Numbers, k: int, *, start: Numbers | None = None, starts: int = 1, seed: int = SEED
) -> tuple[Labels, float]:
    """Return the labels and the inertia of K-means from given centres, or from the best of some starting points."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    k = k if start is None else len(start)
    model = KMeans(k, init="k-means++" if start is None else start, n_init=starts, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different vectors than clusters: see `cluster`
        model.fit(rows)
    return model.labels_.astype(np.int64), float(model.inertia_)


def _means(rows: Numbers, labels: Labels) -> Numbers:
    return np.array([rows[labels == label].mean(axis=0) for label in np.unique(labels)], np.float32)


def _principal(rows: Numbers, dims: int, seed: int) -> Numbers:
    """Return the principal components where there are more numbers and more pictures than `dims`, else the rows."""
    from sklearn.decomposition import PCA

    if min(rows.shape) <= dims or not np.ptp(rows, axis=0).any():
        return rows
    return np.asarray(PCA(dims, random_state=seed).fit_transform(rows), np.float32)


def _density(numbers: Numbers, min_size: int, seed: int) -> Labels:
    from sklearn.cluster import HDBSCAN

    model = HDBSCAN(min_cluster_size=min_size, copy=True)
    labels: Labels = model.fit(_principal(numbers, _DENSITY_DIMS, seed)).labels_.astype(np.int64)
    return labels


def _best(scores: Sequence[KScore]) -> KScore:
    return max(scores, key=lambda score: (-2.0 if score.silhouette is None else score.silhouette, -score.k))


def _distances(gallery: Gallery, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    some = gallery.vectors[rows]
    distances = pairwise(some, some, gallery.spec.metric)
    np.fill_diagonal(distances, 0)  # a vector of zeros is at cosine distance 1 even from itself
    return distances


def _silhouette(distances: NDArray[np.float32], labels: Labels) -> float | None:
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(labels)) < len(labels):
        return None
    return float(silhouette_score(distances, labels, metric="precomputed"))


def _by_size(labels: Labels) -> tuple[Labels, tuple[int, ...]]:
    """Return the labels anew: 1 for the largest cluster, and the sizes."""
    found, first, counts = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    numbered = np.full(len(labels), UNCLUSTERED, np.int64)
    for number, at in enumerate(order.tolist(), 1):
        numbered[labels == found[at]] = number
    return numbered, tuple(counts[order].tolist())


def _to_centres(
    gallery: Gallery, numbers: Numbers, labels: Labels, centres: Numbers
) -> tuple[NDArray[np.float32], float]:
    """Return each picture's distance to its centre, and the inertia."""
    distances = np.full(len(labels), np.nan, np.float32)
    inertia = 0.0
    for number, centre in enumerate(centres, 1):
        inside = labels == number
        rows = numbers[inside]
        inertia += float(np.square(rows - centre, dtype=np.float64).sum())
        if gallery.spec.metric == "hamming":
            distances[inside] = np.abs(rows - centre).sum(axis=1)
        else:
            distances[inside] = paired(rows, np.broadcast_to(centre, rows.shape), gallery.spec.metric)
    return distances, inertia
