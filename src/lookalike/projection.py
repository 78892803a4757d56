"""Pictures as points in a plane, like beside like: t-SNE and PCA, on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import MAP_METHOD, MAP_METHODS, PERPLEXITY, SEED
from lookalike.errors import UsageError
from lookalike.results import Gallery
from lookalike.types import Rows, Tabular, Uri

__all__ = ["GRID", "Projection", "inside", "on_grid", "project"]

FEWEST = 4
"""Pictures that make a map."""

GRID = 65535
"""The largest place on either axis of a map's grid."""

_DIMS = 50


@dataclass(frozen=True)
class Projection(Tabular):
    """A place in the plane for each picture.

    Attributes
    ----------
    uris
        n names, in the order of the gallery.
    xy
        (n, 2) float32. t-SNE's axes and distances mean nothing beyond near and far; PCA's are the two directions in
        which the vectors differ most, in the unit of the vectors.
    labels
        n labels, None for a picture without one; empty if the gallery has none.
    method, descriptor
        By which it was made.
    perplexity
        As used: see `project`; None for "pca".
    explained
        For "pca", the part of the variance that each axis holds; else empty.
    """

    uris: tuple[Uri, ...]
    xy: NDArray[np.float32]
    labels: tuple[str | None, ...]
    method: str
    descriptor: str
    perplexity: float | None = None
    explained: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.uris)

    def rows(self) -> Rows:
        """Return (uri, x, y, label) in the order of the gallery."""
        labels = self.labels or (None,) * len(self.uris)
        values = [
            (uri, float(x), float(y), label) for uri, (x, y), label in zip(self.uris, self.xy, labels, strict=True)
        ]
        return Rows(("uri", "x", "y", "label"), values)


def project(
    gallery: Gallery, *, method: str = MAP_METHOD, perplexity: float = PERPLEXITY, seed: int = SEED
) -> Projection:
    """Give each picture a place in the plane, so that those alike lie together.

    Parameters
    ----------
    gallery
        At least 4 pictures.
    method
        "tsne": neighbours stay together, distances between groups mean little. "pca": the two directions of largest
        variance, quick, and the same axes for the same pictures; groups overlap more.
    perplexity
        For "tsne": about how many neighbours each picture has, more than 0; lowered to a third of the others where
        there are few pictures.
    seed
        The same seed gives the same map.

    Returns
    -------
    Projection

    Raises
    ------
    UsageError
        If a value is out of range, or there are too few pictures.

    Notes
    -----
    scikit-learn's. t-SNE (van der Maaten & Hinton 2008; Barnes-Hut) starts from the first two principal components and
    works on the first 50 of them where vectors are longer: that changes little and saves most of the time. On vectors
    of unit length Euclidean neighbours are cosine neighbours. Threads: one, because t-SNE magnifies a change in the
    last digit of a sum. Pictures whose vectors are all equal lie on one point.
    """
    if method not in MAP_METHODS:
        raise UsageError(f"there is no method {method!r}: choose one of {', '.join(MAP_METHODS)}")
    if not perplexity > 0:
        raise UsageError(f"a perplexity is a number above 0, not {perplexity}")
    n = len(gallery)
    if n < FEWEST:
        raise UsageError(f"a map needs at least {FEWEST} pictures, and there {'is 1' if n == 1 else f'are {n}'}")
    numbers = gallery.numbers
    used = None if method == "pca" else min(perplexity, (n - 1) / 3)
    explained: tuple[float, ...] = ()
    if not np.ptp(numbers, axis=0).any():
        xy = np.zeros((n, 2), np.float32)
    elif used is None:
        xy, explained = _pca(numbers, seed)
    else:
        xy = _tsne(numbers, used, seed)
    return Projection(gallery.uris, xy, gallery.labels, method, gallery.spec.name, used, explained)


def _pca(numbers: NDArray[np.float32], seed: int) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    from sklearn.decomposition import PCA

    model = PCA(min(2, numbers.shape[1]), random_state=seed)
    found = np.asarray(model.fit_transform(numbers), np.float32)
    xy = np.zeros((len(numbers), 2), np.float32)
    xy[:, : found.shape[1]] = found
    return xy, tuple(float(part) for part in model.explained_variance_ratio_)


def _tsne(numbers: NDArray[np.float32], perplexity: float, seed: int) -> NDArray[np.float32]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        if min(numbers.shape) > _DIMS:
            numbers = PCA(_DIMS, random_state=seed).fit_transform(numbers)
        first, _ = _pca(numbers, seed)
        start = (first / first[:, 0].std() * 1e-4).astype(np.float32)  # as scikit-learn's init="pca"
        model = TSNE(perplexity=perplexity, init=start, learning_rate="auto", random_state=seed)
        return np.asarray(model.fit_transform(numbers), np.float32)


def on_grid(xy: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return places as whole numbers, 0 to `GRID`, for whoever draws them.

    Parameters
    ----------
    xy
        (n, 2), as `Projection` has them.

    Returns
    -------
    NDArray
        (n, 2) uint16. Both axes are scaled alike, so that shapes stay, and the map lies in the middle; y grows upwards.
    """
    if not len(xy):
        return np.empty((0, 2), np.uint16)
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    side = float((high - low).max()) or 1.0
    placed = (xy - (low + high) / 2) / side + 0.5
    found: NDArray[np.uint16] = np.clip(np.rint(placed * GRID), 0, GRID).astype(np.uint16)
    return found


def inside(places: NDArray[np.uint16], polygon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which places lie within a polygon, by the even-odd rule.

    Parameters
    ----------
    places
        (n, 2).
    polygon
        (corners, 2), in the same unit; it closes itself, and may cross itself.

    Returns
    -------
    NDArray
        (n,) bool. A place on an edge may be told either way.
    """
    x, y = places[:, 0].astype(np.float64), places[:, 1].astype(np.float64)
    within = np.zeros(len(places), bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y1 == y2:
            continue
        crossed = (y1 > y) != (y2 > y)
        within ^= crossed & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return within
