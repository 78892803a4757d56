"""How far clusters agree with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lookalike.cluster.clustering import UNCLUSTERED
from lookalike.errors import UsageError
from lookalike.types import Rows, Tabular

__all__ = ["Agreement", "agreement"]


@dataclass(frozen=True)
class Agreement(Tabular):
    """How far clusters agree with labels, over the pictures that have both.

    Attributes
    ----------
    pictures
        How many these are.
    purity
        Part of them whose label is the most frequent one of their cluster, 0 to 1. It rises with the number of
        clusters: read it together with the next two.
    adjusted_rand
        1 for the same partition, about 0 for chance.
    mutual_information
        Normalised, 0 to 1.
    """

    pictures: int
    purity: float
    adjusted_rand: float
    mutual_information: float

    def rows(self) -> Rows:
        values = (self.pictures, self.purity, self.adjusted_rand, self.mutual_information)
        return Rows(("pictures", "purity", "adjusted_rand", "mutual_information"), [values], single=True)


def agreement(clusters: Sequence[int], labels: Sequence[str | None]) -> Agreement:
    """Hold clusters against labels.

    Parameters
    ----------
    clusters
        n numbers; what is -1 is left out.
    labels
        n labels; what has none is left out.

    Raises
    ------
    UsageError
        If the numbers differ, or no picture has both.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    if len(clusters) != len(labels):
        raise UsageError(f"{len(clusters)} clusters and {len(labels)} labels do not fit together")
    both = [(int(a), b) for a, b in zip(clusters, labels, strict=True) if a != UNCLUSTERED and b is not None]
    if not both:
        raise UsageError("no picture has both a cluster and a label")
    ours, theirs = [a for a, _ in both], [b for _, b in both]
    table = contingency_matrix(theirs, ours)
    return Agreement(
        len(both),
        float(table.max(axis=0).sum() / len(both)),
        float(adjusted_rand_score(theirs, ours)),
        float(normalized_mutual_info_score(theirs, ours)),
    )
