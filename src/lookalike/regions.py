"""Which places of two pictures make them alike: on arrays of spatial vectors.

A model that ends in a mean over places (as EfficientNet does) gives a vector for each place of a picture; their mean is
the picture's vector. `likeness` tells how alike each place is to the other picture; `shares` divides the similarity of
the two exactly among the places of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lookalike.metrics import paired
from lookalike.types import DescriptorSpec, RGBImage, Rows, Tabular, Vectors

__all__ = [
    "PART",
    "Explanation",
    "SpatialDescriptor",
    "explain_pictures",
    "hide",
    "likeness",
    "shares",
    "strongest",
    "upsampled",
]

PART = 0.1
"""Of a map's places, how many are "the strongest"."""


@runtime_checkable
class SpatialDescriptor(Protocol):
    """A descriptor whose vectors are means over places."""

    spec: DescriptorSpec

    def embed(self, images: Sequence[RGBImage]) -> Vectors: ...

    def spatial(self, images: Sequence[RGBImage]) -> NDArray[np.float32]:
        """Return the vectors of places, (n, rows, columns, dim), rows from the top, columns from the left."""
        ...


@dataclass(frozen=True)
class Explanation(Tabular):
    """What makes two pictures alike, place by place.

    Attributes
    ----------
    a, b
        Names of the pictures.
    descriptor
        By which they were compared.
    distance
        Between them, by that descriptor; cosine, so that the similarity is 1 - distance.
    image_a, image_b
        The pictures, upright, maybe at a reduced scale.
    likeness_a, likeness_b
        (rows, columns) float32 each: how alike a place is to the other picture. See `likeness`.
    shares_a, shares_b
        (rows, columns) float32 each: what part of the similarity a place carries. See `shares`.
    """

    a: str
    b: str
    descriptor: str
    distance: float
    image_a: RGBImage
    image_b: RGBImage
    likeness_a: NDArray[np.float32]
    likeness_b: NDArray[np.float32]
    shares_a: NDArray[np.float32]
    shares_b: NDArray[np.float32]

    @property
    def similarity(self) -> float:
        """Cosine of the two vectors: 1 - distance."""
        return 1 - self.distance

    @property
    def carried(self) -> tuple[float, float]:
        """What part of the similarity the strongest tenth of the places carries, in either picture."""
        return (
            float(self.shares_a[strongest(self.likeness_a)].sum()),
            float(self.shares_b[strongest(self.likeness_b)].sum()),
        )

    def rows(self) -> Rows:
        """Return (picture, row, column, likeness, share, strongest): a row for each place of "a", then of "b"."""
        values: list[tuple[Any, ...]] = []
        for name, alike, part in (("a", self.likeness_a, self.shares_a), ("b", self.likeness_b, self.shares_b)):
            chosen = strongest(alike)
            values += [
                (name, row, column, float(alike[row, column]), float(part[row, column]), bool(chosen[row, column]))
                for row, column in np.ndindex(part.shape)
            ]
        return Rows(("picture", "row", "column", "likeness", "share", "strongest"), values)


def explain_pictures(
    a: RGBImage, b: RGBImage, descriptor: SpatialDescriptor, names: tuple[str, str] = ("A", "B")
) -> Explanation:
    """Return what makes two pictures alike, place by place.

    Parameters
    ----------
    a, b
        Each (height, width, 3) uint8, upright, of any size.
    descriptor
        One with spatial vectors, such as ``lite0``.
    names
        Of the pictures.
    """
    vectors = descriptor.embed([a, b])
    distance = float(paired(vectors[:1], vectors[1:], descriptor.spec.metric)[0])
    one, two = descriptor.spatial([a, b])
    return Explanation(
        *names, descriptor.spec.name, distance, a, b,
        likeness(one, two), likeness(two, one), shares(one, two), shares(two, one),
    )  # fmt: skip


def likeness(places: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how alike each place of a picture is to another picture as a whole.

    Parameters
    ----------
    places, other
        (rows, columns, dim): spatial vectors of the picture, and of the one that it is held against.

    Returns
    -------
    (rows, columns) float32
        Cosine of the place's vector with the other picture's mean vector, then the mean over the place and its eight
        neighbours (at the edges, the nearest place stands in for those outside). 0 for vectors of zeros.

    Notes
    -----
    Of the ways tried that need nothing but the two pictures, this is the one whose strongest tenth, hidden, costs most
    similarity beyond what any tenth costs: docs/systems/feature-vector.md.
    """
    import cv2

    mean = other.reshape(-1, other.shape[-1]).mean(axis=0, dtype=np.float64)
    lengths = np.linalg.norm(places.astype(np.float64), axis=-1) * np.linalg.norm(mean)
    found = places.astype(np.float64) @ mean / np.maximum(lengths, np.finfo(np.float64).tiny)
    return np.asarray(cv2.blur(found, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)


def shares(places: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what part of the similarity to another picture each place of a picture carries.

    Parameters
    ----------
    places, other
        As in `likeness`.

    Returns
    -------
    (rows, columns) float32
        The dot product of the place's vector with the other picture's mean vector, divided by the sum over all places:
        they sum to 1, and are 0 or more where the vectors have no negative numbers, as after a ReLU. All 0 where the
        pictures have nothing in common.

    Notes
    -----
    Exact: with u and v the mean vectors, cos = u.v / |u||v|, and u.v is the mean over places p of p.v.
    """
    mean = other.reshape(-1, other.shape[-1]).mean(axis=0, dtype=np.float64)
    found = places.astype(np.float64) @ mean
    total = found.sum()
    return np.asarray(found / total if total > 0 else np.zeros_like(found), np.float32)


def strongest(alike: NDArray[np.float32], of: float = PART) -> NDArray[np.bool_]:
    """Return which places of a map are its strongest tenth.

    Parameters
    ----------
    alike
        (rows, columns), as `likeness` gives it.
    of
        0 to 1: what part of the places.

    Returns
    -------
    (rows, columns) bool
        True for round(of x places) of them, at least one. Ties: the place that comes first, row by row.
    """
    chosen = np.zeros(alike.size, bool)
    chosen[np.argsort(-alike.ravel(), kind="stable")[: max(1, round(of * alike.size))]] = True
    return chosen.reshape(alike.shape)


def upsampled(alike: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a map at the size of a picture, (height, width) float32, smoothly, within the map's own range."""
    import cv2

    smooth = cv2.resize(alike.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(smooth, alike.min(), alike.max()), np.float32)


def hide(image: RGBImage, places: NDArray[np.bool_]) -> RGBImage:
    """Return a picture whose `places` are covered by the picture's mean colour.

    Parameters
    ----------
    image
        (height, width, 3) uint8.
    places
        (rows, columns): True for what is covered; the picture is divided evenly.
    """
    height, width = image.shape[:2]
    rows = np.arange(height) * places.shape[0] // height
    columns = np.arange(width) * places.shape[1] // width
    covered = image.copy()
    covered[places[rows[:, None], columns]] = image.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    return covered
