"""What was found for each query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.results.evidence import Evidence
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_count, human_distance, human_seconds

__all__ = ["SearchResult"]


@dataclass(frozen=True)
class SearchResult(Tabular):
    """The k nearest pictures of each query.

    Attributes
    ----------
    queries
        The queries' names, in the order asked.
    keys, distances
        As in `Neighbours`; keys are the library's image ids.
    uris
        (n_queries) tuples of k URIs, closest first; None where there is none.
    descriptor
        By which the pictures were compared.
    failed
        Queries that could not be read, each with its reason. They keep their place, without neighbours.
    clusters
        Where clusters were given, the one that each query was told to be in, None where no neighbour has one; else
        empty.
    within
        Where clusters were given, the k nearest of each query among the pictures of its cluster; else None.
    evidence
        Where neighbours were verified, what the query is to each of them; else empty.
    """

    queries: tuple[str, ...]
    keys: NDArray[np.int64]
    distances: NDArray[np.float32]
    uris: tuple[tuple[Uri | None, ...], ...]
    descriptor: str
    failed: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    clusters: tuple[str | None, ...] = ()
    within: SearchResult | None = None
    evidence: tuple[tuple[Evidence, ...], ...] = ()

    def rows(self) -> Rows:
        """Return (query, rank, uri, distance, verdict, probability), query by query, closest first.

        Where neighbours were verified, the surest copy comes first, and (reason) follows.

        Where clusters were given, (cluster, scope) follow: the query's cluster, and "all" for its neighbours among all
        pictures, then "within" for those among the pictures of its cluster.
        """
        columns: tuple[str, ...] = ("query", "rank", "uri", "distance", "verdict", "probability")
        if self.evidence:
            columns = (*columns, "reason")
        if self.within is None:
            return Rows(columns, [row for at in range(len(self.queries)) for row in self._found(at)])
        values: list[tuple[Any, ...]] = []
        for at, cluster in enumerate(self.clusters):
            values += [(*row, cluster, "all") for row in self._found(at)]
            values += [(*row, cluster, "within") for row in self.within._found(at)]
        return Rows((*columns, "cluster", "scope"), values)

    def _found(self, at: int) -> list[tuple[Any, ...]]:
        near = zip(self.uris[at], self.distances[at], strict=True)
        found = [(rank, uri, float(distance)) for rank, (uri, distance) in enumerate(near, 1) if uri is not None]
        if not self.evidence:
            return [(self.queries[at], *one, None, None) for one in found]
        told = [(one.verdict, one.probability, one.reason) for one in self.evidence[at]]
        return [(self.queries[at], *one, *says) for one, says in zip(found, told, strict=True)]

    def _repr_html_(self, queries: int = 5, hits: int = 11) -> str:
        from lookalike.notebook import Card, Section, more, page

        failed = dict(self.failed)
        sections = []
        for at, query in enumerate(self.queries[:queries]):
            asked = [Card(query, (failed.get(query, "query"),), first=True, read=query not in failed)]
            for result in (self, self.within):
                if result is not None:
                    found = result._found(at)
                    near = [Card(row[2], (human_distance(row[3], self.descriptor),)) for row in found[:hits]]
                    title = f"within its cluster, {self.clusters[at]}" if result is self.within else ""
                    sections.append(Section(title, asked + near, more(len(found), hits, "neighbour")))
                    asked = []
        count = len(self.queries)
        title = f"{human_count(count, 'query', 'queries')} by {self.descriptor}"
        title += f", {human_seconds(self.seconds)}" if self.seconds >= 0.05 else ""
        return page(title, sections, note=more(count, queries, "query", "queries"))
