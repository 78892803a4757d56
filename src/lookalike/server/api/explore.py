"""The library laid out: a map, clusters, folders."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Literal, TypeAlias

import numpy as np
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from numpy.typing import NDArray

from lookalike.cluster import Clustering, cluster
from lookalike.descriptors import get_descriptor
from lookalike.errors import UsageError
from lookalike.filters import choose_pictures, count_folders
from lookalike.projection import Projection, inside, on_grid
from lookalike.server.jobs import Job
from lookalike.server.projecting import project_stoppably
from lookalike.server.schemas import JobFacts, PictureFacts
from lookalike.server.schemas_explore import (
    Category,
    ClusterFacts,
    ClusterPage,
    ClustersAnswer,
    ClustersRequest,
    FolderFacts,
    FolderList,
    LassoAnswer,
    LassoRequest,
    MapFacts,
    MapRequest,
)
from lookalike.server.state import MissingError, State, picture_facts, state_of

__all__ = ["MAGIC", "NO_CATEGORY", "router"]

router = APIRouter(tags=["explore"])

MAGIC = b"LKM1"
NO_CATEGORY = 65535

Number = Annotated[int, Path(ge=1, lt=2**31, description="Of the job that made it.")]
By = Annotated[
    Literal["folder", "label", "cluster"],
    Query(description="What a picture's category is: its folder, that folder's name, or its cluster."),
]
Clusters = Annotated[
    int | None, Query(ge=1, lt=2**31, description="Of the job that found the clusters, for by=cluster.")
]


_Categories: TypeAlias = tuple[list[tuple[str, int]], NDArray[np.uint16]]


@dataclass(frozen=True)
class _Map:
    """A map with what is asked of it again and again."""

    projection: Projection
    ids: NDArray[np.uint32]
    places: NDArray[np.uint16]
    named: dict[tuple[str, int | None], _Categories] = field(default_factory=dict, repr=False)

    def categories(self, by: str, clusters: int | None, state: State) -> _Categories:
        """Return the categories with their counts, the largest first, and the number of each picture's."""
        key = (by, clusters if by == "cluster" else None)
        if key not in self.named:
            self.named[key] = _categories(self.projection, by, clusters, state)
        return self.named[key]


@router.post("/map", operation_id="map", status_code=202)
def map_(asked: MapRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Lay all pictures out in a plane, like beside like, as a job; `GET /map/{job}` reads it. It can be stopped."""
    get_descriptor(asked.descriptor)

    def work(job: Job) -> dict[str, object]:
        with state.writer() as library:
            gallery = library.gallery(descriptor=asked.descriptor)
            only = asked.only.filters() if asked.only else None
            ids = _ids(gallery.uris, state)
            if only:
                passing = choose_pictures(library.store, only).images
                rows = [row for row, uri in enumerate(gallery.uris) if ids.get(uri) in passing]
                gallery = replace(gallery, uris=tuple(gallery.uris[row] for row in rows), vectors=gallery.vectors[rows])
        made = project_stoppably(
            gallery,
            lambda seconds: state.jobs.tell(job, stage="laying out", pictures=len(gallery), seconds=round(seconds)),
            method=asked.method,
            perplexity=asked.perplexity,
            seed=asked.seed,
        )
        job.value = _Map(made, np.array([ids.get(uri, 0) for uri in made.uris], np.uint32), on_grid(made.xy))
        return {"pictures": len(made), "method": made.method, "descriptor": made.descriptor}

    return JobFacts(**state.jobs.start("map", f"Map by {asked.descriptor}, {asked.method}", work).facts())


@router.get(
    "/map/{number}", operation_id="map_points", response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)  # fmt: skip
def map_points(
    number: Number, state: Annotated[State, Depends(state_of)], by: By = "folder", clusters: Clusters = None
) -> Response:
    """Read a map's points as bytes, little-endian.

    LKM1, uint32 n, uint32 number of categories; n uint32 ids; n uint16 x; n uint16 y; n uint16 categories. Both axes
    are 0 to 65535, and y grows upwards. Category 65535 is none.
    """
    held: _Map = state.value_of(number, "map")
    names, categories = held.categories(by, clusters, state)
    head = MAGIC + np.array([len(held.ids), len(names)], "<u4").tobytes()
    columns = (held.places[:, 0], held.places[:, 1], categories)
    body = b"".join([head, held.ids.astype("<u4").tobytes(), *(one.astype("<u2").tobytes() for one in columns)])
    return Response(body, media_type="application/octet-stream")


@router.get("/map/{number}/categories", operation_id="map_categories")
def map_categories(
    number: Number, state: Annotated[State, Depends(state_of)], by: By = "folder", clusters: Clusters = None
) -> MapFacts:
    """Read what the categories of a map's points are called, the largest first."""
    held: _Map = state.value_of(number, "map")
    names, _ = held.categories(by, clusters, state)
    return MapFacts(
        job=number, pictures=len(held.ids), method=held.projection.method, descriptor=held.projection.descriptor, by=by,
        categories=[Category(name=name, pictures=count) for name, count in names],
    )  # fmt: skip


@router.post("/map/{number}/lasso", operation_id="lasso")
def lasso(number: Number, asked: LassoRequest, state: Annotated[State, Depends(state_of)]) -> LassoAnswer:
    """Find the pictures whose points lie within a polygon."""
    held: _Map = state.value_of(number, "map")
    ids = held.ids[inside(held.places, np.array(asked.polygon, np.float64))].tolist()
    return LassoAnswer(total=len(ids), ids=ids)


@router.post("/clusters", operation_id="cluster", status_code=202)
def start_clusters(asked: ClustersRequest, state: Annotated[State, Depends(state_of)]) -> JobFacts:
    """Put all pictures into clusters of their like, as a job; `GET /clusters/{job}` reads them."""
    get_descriptor(asked.descriptor)

    def work(job: Job) -> dict[str, object]:
        with state.writer() as library:
            made = cluster(
                library.gallery(descriptor=asked.descriptor),
                method=asked.method,
                k=asked.k,
                ks=asked.ks,
                min_size=asked.min_size,
                seed=asked.seed,
                progress=lambda done, total: state.jobs.tell(job, stage="clustering", done=done, total=total),
            )
        job.value = made
        return {"clusters": made.k, "pictures": len(made.uris), "unclustered": made.unclustered,
                "silhouette": made.silhouette}  # fmt: skip

    title = f"Clusters by {asked.descriptor}, {asked.method}"
    return JobFacts(**state.jobs.start("clusters", title, work).facts())


@router.get("/clusters/{number}", operation_id="clusters")
def clusters_(
    number: Number,
    state: Annotated[State, Depends(state_of)],
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    middle: Annotated[int, Query(ge=1, le=50, description="Pictures to tell of each.")] = 5,
) -> ClustersAnswer:
    """Read the clusters that a job found, the largest first; -1, what is in none, last."""
    made: Clustering = state.value_of(number, "clusters")
    numbers = [*range(1, made.k + 1), *([-1] if made.unclustered else [])]
    return ClustersAnswer(
        job=number, pictures=len(made.uris), method=made.method, descriptor=made.descriptor,
        silhouette=made.silhouette, total=len(numbers),
        clusters=[
            ClusterFacts(
                number=one,
                pictures=made.sizes[one - 1] if one > 0 else made.unclustered,
                middle=_facts(made.members(one)[:middle], state),
            )
            for one in numbers[offset : offset + limit]
        ],
    )  # fmt: skip


@router.get("/clusters/{number}/{cluster}", operation_id="cluster_pictures")
def cluster_pictures(
    number: Number,
    cluster: Annotated[int, Path(ge=-1, lt=2**31, description="1 is the largest; -1 is none.")],
    state: Annotated[State, Depends(state_of)],
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ClusterPage:
    """Read the pictures of a cluster, nearest to its centre first."""
    made: Clustering = state.value_of(number, "clusters")
    members = made.members(cluster)
    if not members:
        raise MissingError(f"job {number} found no cluster {cluster}")
    return ClusterPage(total=len(members), pictures=_facts(members[offset : offset + limit], state))


@router.get("/folders", operation_id="folders")
def folders(state: Annotated[State, Depends(state_of)]) -> FolderList:
    """List the folders that pictures are in, with their counts: what a search can be narrowed to."""
    return FolderList(folders=[FolderFacts(**asdict(folder)) for folder in count_folders(state.library.store)])


def _ids(uris: Sequence[str], state: State) -> dict[str, int]:
    return {uri: known.id for uri, known in state.library.store.known(uris).items()}


def _facts(uris: Sequence[str], state: State) -> list[PictureFacts]:
    ids = _ids(uris, state)
    held = state.images(list(ids.values()))
    return [PictureFacts(**picture_facts(*held[ids[uri]])) for uri in uris if uri in ids and ids[uri] in held]


def _categories(made: Projection, by: str, clusters: int | None, state: State) -> _Categories:
    if by == "cluster":
        if clusters is None:
            raise UsageError("by=cluster takes clusters=JOB, the job that found them")
        found: Clustering = state.value_of(clusters, "clusters")
        cluster_of = dict(zip(found.uris, found.labels.tolist(), strict=True))
        names = [str(cluster_of.get(uri, -1)) for uri in made.uris]
    else:
        names = [os.path.dirname(uri) for uri in made.uris]  # noqa: PTH120 - URIs
        if by == "label":
            names = [os.path.basename(name) for name in names]  # noqa: PTH119
    counts = Counter(names)
    if by == "cluster":  # in the order of their numbers, which is that of their sizes
        counts.pop("-1", None)
        ordered = [(-counts[name], name) for name in sorted(counts, key=int)]
    else:
        ordered = sorted((-count, name) for name, count in counts.items())
    listed = [(name, -count) for count, name in ordered[:NO_CATEGORY]]
    number = {name: at for at, (name, _) in enumerate(listed)}
    return listed, np.array([number.get(name, NO_CATEGORY) for name in names], np.uint16)
