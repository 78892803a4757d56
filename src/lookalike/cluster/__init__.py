"""Pictures into groups of their like: K-means with K given or chosen, and a density method; on arrays."""

from lookalike.cluster.agreement import Agreement, agreement
from lookalike.cluster.clustering import SAMPLE, STARTS, UNCLUSTERED, Clustering, KScore, cluster, parse_ks

__all__ = [
    "SAMPLE",
    "STARTS",
    "UNCLUSTERED",
    "Agreement",
    "Clustering",
    "KScore",
    "agreement",
    "cluster",
    "parse_ks",
]
