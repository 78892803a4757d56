"""A server's library laid out: clusters, a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lookalike.client.answers import Cluster, Clusters, PointMap, points_of
from lookalike.client.asking import filters_of
from lookalike.client.wire import Facts, Progress, Wire, with_asked
from lookalike.defaults import CLUSTER_METHOD, DESCRIPTOR, KS, MAP_METHOD, MIN_SIZE, PERPLEXITY, SEED

if TYPE_CHECKING:
    from lookalike.filters import Filters

__all__ = ["Exploring"]


class Exploring(Wire):
    """The calls that lay the library out."""

    def cluster(
        self,
        *,
        descriptor: str = DESCRIPTOR,
        method: str = CLUSTER_METHOD,
        k: int | None = None,
        ks: str | Sequence[int] = KS,
        min_size: int = MIN_SIZE,
        seed: int = SEED,
        progress: Progress | None = None,
    ) -> Clusters:
        """Put all pictures into clusters of their like, and wait: see `lookalike.cluster.cluster`.

        Parameters
        ----------
        descriptor, method, k, ks, min_size, seed
            As there and in `lookalike.Library.gallery`.
        progress
            Called with the job's facts whenever they change.
        """
        body = {
            "descriptor": descriptor, "method": method, "k": k, "min_size": min_size, "seed": seed,
            "ks": ks if isinstance(ks, str) else ",".join(map(str, ks)),
        }  # fmt: skip
        return self.clusters(self._done("/clusters", body, progress)["id"])

    def clusters(self, job: int, *, middle: int = 5) -> Clusters:
        """Return the clusters that a job found, each with the pictures nearest to its centre: 1 to 50."""
        about = self._json("GET", with_asked(f"/clusters/{job}", limit=1, middle=middle))
        found = self._pages(f"/clusters/{job}", "clusters", middle=middle)
        return Clusters(
            job, about["pictures"], about["method"], about["descriptor"], about["silhouette"],
            tuple(Cluster(one["number"], one["pictures"], tuple(one["middle"])) for one in found),
            lambda number: self._pages(f"/clusters/{job}/{number}", "pictures"),
        )  # fmt: skip

    def map(
        self,
        *,
        descriptor: str = DESCRIPTOR,
        method: str = MAP_METHOD,
        perplexity: float = PERPLEXITY,
        seed: int = SEED,
        only: Filters | None = None,
        by: str = "folder",
        clusters: Clusters | int | None = None,
        progress: Progress | None = None,
    ) -> PointMap:
        """Lay all pictures out in a plane, like beside like, and wait: see `lookalike.projection.project`.

        Parameters
        ----------
        descriptor, method, perplexity, seed, only
            As there and in `search`.
        by, clusters
            See `points`.
        progress
            Called with the job's facts whenever they change.
        """
        body = {
            "descriptor": descriptor, "method": method, "perplexity": perplexity, "seed": seed,
            "only": filters_of(only),
        }  # fmt: skip
        return self.points(self._done("/map", body, progress)["id"], by=by, clusters=clusters)

    def points(self, job: int, *, by: str = "folder", clusters: Clusters | int | None = None) -> PointMap:
        """Return the map that a job made.

        Parameters
        ----------
        job
            Its number.
        by
            What a picture's category is: its "folder", that folder's name ("label"), or its "cluster".
        clusters
            For "cluster", what `cluster` returned, or the number of its job.
        """
        asked = {"by": by, "clusters": clusters.job if isinstance(clusters, Clusters) else clusters}
        facts = self._json("GET", with_asked(f"/map/{job}/categories", **asked))
        return points_of(job, facts, self._ask("GET", with_asked(f"/map/{job}", **asked)).body)

    def lasso(self, found: PointMap | int, polygon: Sequence[tuple[float, float]]) -> list[int]:
        """Return the ids of the pictures whose points lie within a polygon of corners (x, y), each 0 to 65535."""
        job = found if isinstance(found, int) else found.job
        answer: Facts = self._json("POST", f"/map/{job}/lasso", {"polygon": [list(corner) for corner in polygon]})
        ids: list[int] = answer["ids"]
        return ids
