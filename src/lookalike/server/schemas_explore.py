"""What the calls that lay the whole library out take and answer: map, clusters, folders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from lookalike.defaults import CLUSTER_METHOD, DESCRIPTOR, KS, MAP_METHOD, MIN_SIZE, PERPLEXITY, SEED
from lookalike.projection import GRID
from lookalike.server.schemas import FiltersRequest, PictureFacts, Strict

__all__ = [
    "Category",
    "ClusterFacts",
    "ClusterPage",
    "ClustersAnswer",
    "ClustersRequest",
    "FolderFacts",
    "FolderList",
    "LassoAnswer",
    "LassoRequest",
    "MapFacts",
    "MapRequest",
]  # fmt: skip

_MAP_METHOD: Any = MAP_METHOD  # one of those below; a test holds it
_CLUSTER_METHOD: Any = CLUSTER_METHOD

Place = Annotated[float, Field(ge=-GRID, le=2 * GRID)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class MapRequest(Strict):
    """A map of the library, or of what passes: see `lookalike.projection.project`."""

    descriptor: str = Field(DESCRIPTOR, max_length=100)
    method: Literal["tsne", "pca"] = _MAP_METHOD
    perplexity: float = Field(PERPLEXITY, gt=0, le=1000)
    seed: Seed = SEED
    only: FiltersRequest | None = None


class Category(BaseModel):
    """What several pictures have in common: a folder, a label, a cluster."""

    name: str
    pictures: int


class MapFacts(BaseModel):
    """What belongs to a map beside its points."""

    job: int
    pictures: int
    method: str
    descriptor: str
    by: str
    categories: list[Category] = Field(description="Number 0, 1, ... as the points have them; 65535 stands for none.")


class LassoRequest(Strict):
    """A polygon on a map."""

    polygon: list[tuple[Place, Place]] = Field(
        min_length=3, max_length=2000, description="Corners in the unit of the points, 0 to 65535."
    )


class LassoAnswer(BaseModel):
    """The pictures within a polygon."""

    total: int
    ids: list[int]


class ClustersRequest(Strict):
    """Clusters of the whole library: see `lookalike.cluster.cluster`."""

    descriptor: str = Field(DESCRIPTOR, max_length=100)
    method: Literal["kmeans", "hdbscan"] = _CLUSTER_METHOD
    k: int | None = Field(None, ge=1, le=10_000)
    ks: str = Field(KS, max_length=200)
    min_size: int = Field(MIN_SIZE, ge=2, le=1_000_000)
    seed: Seed = SEED


class ClusterFacts(BaseModel):
    """A cluster: how many pictures, and those nearest to its centre."""

    number: int = Field(description="1 is the largest; -1 are the pictures in no cluster.")
    pictures: int
    middle: list[PictureFacts]


class ClustersAnswer(BaseModel):
    """The clusters that a job found."""

    job: int
    pictures: int
    method: str
    descriptor: str
    silhouette: float | None
    total: int
    clusters: list[ClusterFacts]


class ClusterPage(BaseModel):
    """Some pictures of a cluster, nearest to its centre first."""

    total: int
    pictures: list[PictureFacts]


class FolderFacts(BaseModel):
    """A folder that holds pictures itself."""

    path: str
    pictures: int
    bytes: int


class FolderList(BaseModel):
    """All folders, in the order of their names."""

    folders: list[FolderFacts]
