"""A search result, query by query."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lookalike.results import SearchResult
from lookalike.types import Uri

__all__ = ["Hit", "QueryHits", "hits_by_query"]


@dataclass(frozen=True)
class Hit:
    """One neighbour of a query; `verdict` and `probability` are None unless it was verified."""

    rank: int
    uri: Uri
    distance: float
    verdict: str | None
    probability: float | None


@dataclass(frozen=True)
class QueryHits:
    """A query and its neighbours, closest first; `failed` says why there are none, or is empty.

    `cluster` is what the query was told to be in, and `within` its neighbours there; None where no clusters were given.
    """

    query: str
    hits: tuple[Hit, ...]
    failed: str = ""
    cluster: str | None = None
    within: tuple[Hit, ...] | None = None


def hits_by_query(result: SearchResult) -> list[QueryHits]:
    """Return the neighbours of each query in the order asked; a query asked twice comes twice."""
    if result.within is not None:
        everywhere = hits_by_query(replace(result, within=None, clusters=()))
        inside = hits_by_query(result.within)
        return [
            replace(found, cluster=cluster, within=near.hits)
            for found, near, cluster in zip(everywhere, inside, result.clusters, strict=True)
        ]
    failed = dict(result.failed)
    rows = result.rows().dicts()
    found = []
    for query, uris in zip(result.queries, result.uris, strict=True):
        hits = []
        for _ in range(sum(uri is not None for uri in uris)):
            row = next(rows)
            hits.append(Hit(row["rank"], row["uri"], row["distance"], row["verdict"], row["probability"]))
        found.append(QueryHits(query, tuple(hits), failed.get(query, "")))
    return found
