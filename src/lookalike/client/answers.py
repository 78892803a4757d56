"""What the client's calls return, where the library without a server has no type of that kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lookalike.client.wire import Facts, ServerError
from lookalike.types import Rows, Tabular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lookalike.actions import Plan

__all__ = ["Cluster", "Clusters", "Duplicates", "Group", "Planned", "PointMap", "SearchAnswer", "points_of"]


@dataclass(frozen=True)
class SearchAnswer(Tabular):
    """What a server found.

    Attributes
    ----------
    queries
        Each query's name, `problem` (None if there is none), `library` (ids of pictures that are this very file) and
        `results`: id, uri, rank, distance, verdict, probability, evidence and what is known of the file.
    descriptor, verified, seconds
        As in `lookalike.results.SearchResult`.
    probability
        From which on the library calls a pair copies.
    """

    queries: tuple[Facts, ...]
    descriptor: str
    verified: bool
    probability: float
    seconds: float

    @property
    def hits(self) -> list[Facts]:
        """The results of the first query."""
        found: list[Facts] = self.queries[0]["results"] if self.queries else []
        return found

    def rows(self) -> Rows:
        """Return the rows of `lookalike search`: query, rank, uri, distance, verdict, probability, and reason."""
        columns: tuple[str, ...] = ("query", "rank", "uri", "distance", "verdict", "probability")
        values = [
            (one["query"], hit["rank"], hit["uri"], hit["distance"], hit["verdict"], hit["probability"],
             *((hit["evidence"]["reason"],) if self.verified else ()))
            for one in self.queries
            for hit in one["results"]
        ]  # fmt: skip
        return Rows((*columns, "reason") if self.verified else columns, values)


@dataclass(frozen=True)
class Group:
    """A group of duplicates: its number, the bytes of all but the keeper, and its members, the keeper first."""

    number: int
    bytes: int
    members: tuple[Facts, ...]

    @property
    def keeper(self) -> Facts:
        """The picture to keep."""
        return self.members[0]


@dataclass(frozen=True)
class Duplicates(Tabular):
    """Groups of duplicates that a job found: go through it for the groups, which are read by pages.

    Attributes
    ----------
    job
        Of the server: what `Client.plan` plans of.
    level, compared, seconds, left_out
        As in `lookalike.results.DuplicateReport`; `compared` is its `pictures`.
    groups, pictures, bytes
        How many groups there are, pictures in them, and bytes of all but the keepers.
    """

    job: int
    level: str
    groups: int
    pictures: int
    bytes: int
    compared: int
    seconds: float
    left_out: tuple[tuple[str, int], ...]
    pages: Callable[[], Iterator[Facts]] = field(repr=False, compare=False)

    def __len__(self) -> int:
        return self.groups

    def __iter__(self) -> Iterator[Group]:
        """Yield the groups, the surest first."""
        for group in self.pages():
            yield Group(group["group"], group["bytes"], tuple(group["members"]))

    def rows(self) -> Rows:
        """Return the rows of `lookalike duplicates`; all groups are read."""
        columns = ("group", "uri", "keeper", "verdict", "probability", "distance", "reason", "width", "height",
                   "bytes", "hardlink")  # fmt: skip
        values = [(group.number, *(m[name] for name in columns[1:])) for group in self for m in group.members]
        return Rows(columns, values)


@dataclass(frozen=True)
class Planned(Tabular):
    """A plan that a job made.

    Attributes
    ----------
    job
        Of the server: what `Client.apply` applies.
    files, bytes
        Of which something is to be done, and what is won by it.
    samples
        Some rows at random, each as it is and with what stays: `row` and `keeper`.
    plan
        As `lookalike.actions` has it, to be looked through or written by `lookalike.actions.write_plan`.
    """

    job: int
    files: int
    bytes: int
    samples: tuple[Facts, ...]
    plan: Plan

    def rows(self) -> Rows:
        """Return the plan's rows."""
        return self.plan.rows()


@dataclass(frozen=True)
class Cluster:
    """A cluster: its number (1 is the largest, -1 what is in none), how many pictures, those nearest its centre."""

    number: int
    pictures: int
    middle: tuple[Facts, ...]


@dataclass(frozen=True)
class Clusters(Tabular):
    """Clusters that a job found, the largest first.

    Attributes
    ----------
    job
        Of the server.
    pictures, method, descriptor, silhouette
        As in `lookalike.cluster.Clustering`; `pictures` is how many there are.
    clusters
        What is in none comes last.
    """

    job: int
    pictures: int
    method: str
    descriptor: str
    silhouette: float | None
    clusters: tuple[Cluster, ...]
    members_of: Callable[[int], Iterator[Facts]] = field(repr=False, compare=False)

    def members(self, number: int) -> Iterator[Facts]:
        """Yield the pictures of a cluster, those nearest to its centre first; they are read by pages."""
        return self.members_of(number)

    def rows(self) -> Rows:
        """Return (uri, cluster), cluster by cluster; all of them are read."""
        pairs = [(one["uri"], each.number) for each in self.clusters for one in self.members(each.number)]
        return Rows(("uri", "cluster"), pairs)


@dataclass(frozen=True)
class PointMap:
    """A map that a job made.

    Attributes
    ----------
    job
        Of the server.
    method, descriptor
        As in `lookalike.projection.Projection`.
    ids
        (n,) uint32: of the pictures.
    xy
        (n, 2) uint16: their places, 0 to 65535 on either axis; y grows upwards.
    categories
        (n,) uint16: of each picture its place in `names`; 65535 for none.
    names
        Of the categories, the largest first, with how many pictures each has.
    """

    job: int
    method: str
    descriptor: str
    ids: NDArray[np.uint32]
    xy: NDArray[np.uint16]
    categories: NDArray[np.uint16]
    names: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.ids)


def points_of(job: int, facts: Facts, body: bytes) -> PointMap:
    """Return a map of what the server says of it and its points as bytes.

    Raises
    ------
    ServerError
        If they are not as the API describes them.
    """
    import numpy as np

    if body[:4] != b"LKM1":
        raise ServerError("this is no map as this version reads it: the server is of another version")
    n, _ = np.frombuffer(body, "<u4", 2, 4).tolist()
    x, y, categories = np.frombuffer(body, "<u2", 3 * n, 12 + 4 * n).reshape(3, n).astype(np.uint16)
    names = tuple((one["name"], one["pictures"]) for one in facts["categories"])
    ids = np.frombuffer(body, "<u4", n, 12).astype(np.uint32)
    return PointMap(job, facts["method"], facts["descriptor"], ids, np.stack([x, y], 1), categories, names)
