"""Clusters to look at: contact sheets and a page, each cluster with the pictures nearest to its centre first."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lookalike.errors import UsageError
from lookalike.render.report import _check_side, _picture, _render
from lookalike.render.sheet import _Block, _Sheet, _Tile
from lookalike.types import RGBImage
from lookalike.words import human_count, human_distance, number, visible

if TYPE_CHECKING:
    from PIL import Image

    from lookalike.cluster import Clustering

__all__ = ["cluster_sheet", "clusters_page", "clusters_sheet"]


def clusters_sheet(
    clustering: Clustering,
    load: Callable[[str], RGBImage | None],
    *,
    tile: int = 128,
    columns: int = 9,
    pictures: int = 19,
    title: str | None = None,
    max_clusters: int = 100,
    max_pixels: int = 60_000_000,
) -> Image.Image:
    """Return one contact sheet of all clusters: the picture nearest to the centre outlined, the next ones beside it.

    Parameters
    ----------
    clustering
        Of `lookalike.cluster.cluster`. What is in no cluster comes last, in the order of names.
    load
        Gives the upright picture of a URI, at any scale, or None; called once per tile.
    tile
        Side of a tile in pixels, 64 to 1024.
    columns
        Pictures per row beside the outlined one, 1 to 40.
    pictures
        Most of each cluster, the outlined one included; at least 1.
    title
        Of the sheet; None for "Clusters".
    max_clusters, max_pixels
        What would go beyond is left out, and the sheet says how much.

    Raises
    ------
    UsageError
        If a value is out of range.
    """
    if pictures < 1:
        raise UsageError(f"a cluster is shown by at least 1 picture, not {pictures}")
    numbers = [*range(1, clustering.k + 1)][:max_clusters]
    blocks = [_block(clustering, at, pictures) for at in numbers]
    total = clustering.k
    if clustering.unclustered and len(numbers) == clustering.k:
        blocks.append(_block(clustering, -1, pictures))
        total += 1
    sheet = _Sheet(tile, columns, max_pixels)
    return sheet.draw(blocks, total, ("more cluster", "more clusters"), title or "Clusters", _facts(clustering), load)


def cluster_sheet(
    clustering: Clustering,
    cluster: int,
    load: Callable[[str], RGBImage | None],
    *,
    tile: int = 128,
    columns: int = 9,
    max_pixels: int = 60_000_000,
) -> Image.Image:
    """Return a contact sheet of one cluster: all its pictures, nearest to the centre first.

    Parameters
    ----------
    clustering
        Of `lookalike.cluster.cluster`.
    cluster
        1 to its number of clusters, or -1 for what is in none.
    load, tile, columns, max_pixels
        As in `clusters_sheet`.

    Raises
    ------
    UsageError
        If there is no such cluster, or a value is out of range.
    """
    if not _members(clustering, cluster):
        raise UsageError(f"there is no cluster {cluster}: they are 1 to {clustering.k}")
    block = _block(clustering, cluster, len(clustering.uris))
    sheet = _Sheet(tile, columns, max_pixels)
    facts = [human_count(len(block.tiles) + 1, "picture"), *_facts(clustering)[1:]]
    return sheet.draw([block], 1, ("more cluster", "more clusters"), _name(cluster).capitalize(), facts, load)


def clusters_page(
    clustering: Clustering,
    load: Callable[[str], RGBImage | None],
    *,
    title: str = "Clusters",
    thumbnail_side: int = 160,
    pictures: int = 24,
    max_clusters: int = 100,
) -> str:
    """Return an HTML page of clusters, each with the pictures nearest to its centre.

    Parameters
    ----------
    clustering, load, title
        As in `clusters_sheet`.
    thumbnail_side
        Longer side of the pictures in the page, in pixels, 16 to 2048.
    pictures, max_clusters
        Pictures of a cluster and clusters on the page; it says how many are left out.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    _check_side(thumbnail_side)
    numbers = [*range(1, clustering.k + 1)][:max_clusters]
    if clustering.unclustered and len(numbers) == clustering.k:
        numbers.append(-1)
    shown = [_section(clustering, at, load, thumbnail_side, pictures) for at in numbers]
    sums = [("clusters" if clustering.k != 1 else "cluster", number(clustering.k))]
    sums.append(("pictures", number(len(clustering.uris))))
    if clustering.unclustered:
        sums.append(("unclustered", number(clustering.unclustered)))
    if clustering.silhouette is not None:
        sums.append(("silhouette", f"{clustering.silhouette:.3f}"))
    return _render(
        "clusters.html",
        title=visible(title),
        sums=sums,
        method=clustering.method,
        descriptor=visible(clustering.descriptor),
        clusters=shown,
        more=human_count(clustering.k - len(numbers), "more cluster"),
        any_more=len(numbers) < clustering.k,
        command="lookalike cluster … --format csv",
    )


def _members(clustering: Clustering, cluster: int) -> list[tuple[str, float]]:
    """Return the pictures of a cluster with their distances to its centre, nearest first."""
    distance_of = dict(zip(clustering.uris, clustering.distances.tolist(), strict=True))
    return [(uri, distance_of[uri]) for uri in clustering.members(cluster)]


def _block(clustering: Clustering, cluster: int, limit: int) -> _Block:
    members = _members(clustering, cluster)
    tiles = tuple(_Tile(uri, _distance(distance, clustering.descriptor)) for uri, distance in members[1:limit])
    lead = _Tile(members[0][0], f"{_name(cluster)}: {number(len(members))}", outlined=cluster > 0)
    return _Block(lead, tiles)


def _section(
    clustering: Clustering, cluster: int, load: Callable[[str], RGBImage | None], side: int, limit: int
) -> dict[str, Any]:
    members = _members(clustering, cluster)
    pictures = [
        {**_picture(uri, load, side), "distance": _distance(distance, clustering.descriptor)}
        for uri, distance in members[:limit]
    ]
    return {
        "name": _name(cluster).capitalize(),
        "size": human_count(len(members), "picture"),
        "pictures": pictures,
        "nearest": cluster > 0,
        "more": human_count(len(members) - len(pictures), "more picture"),
        "any_more": len(members) > len(pictures),
    }


def _name(cluster: int) -> str:
    return f"cluster {number(cluster)}" if cluster > 0 else "unclustered"


def _distance(distance: float, descriptor: str) -> str:
    return "" if math.isnan(distance) else human_distance(distance, descriptor)


def _facts(clustering: Clustering) -> list[str]:
    facts = [human_count(clustering.k, "cluster"), f"of {human_count(len(clustering.uris), 'picture')}"]
    if clustering.unclustered:
        facts.append(f"{number(clustering.unclustered)} unclustered")
    facts.append(f"by {clustering.descriptor}, {clustering.method}")
    if clustering.silhouette is not None:
        facts.append(f"silhouette {clustering.silhouette:.3f}")
    return facts
