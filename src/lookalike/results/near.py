"""Pairs of pictures that lie near each other by their vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Rows, Tabular, Uri

__all__ = ["NearPairs"]


@dataclass(frozen=True)
class NearPairs(Tabular):
    """Pairs of pictures within a distance of each other, the nearest first. Nothing about them is verified.

    Attributes
    ----------
    a, b
        n names each, a before b; each pair once.
    descriptors
        n names of descriptors: by which the pair is nearest, as part of its threshold.
    distances
        (n,) float32: by that descriptor.
    """

    a: tuple[Uri, ...]
    b: tuple[Uri, ...]
    descriptors: tuple[str, ...]
    distances: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.a)

    def rows(self) -> Rows:
        """Return (a, b, descriptor, distance), the nearest first."""
        values = list(zip(self.a, self.b, self.descriptors, self.distances.tolist(), strict=True))
        return Rows(("a", "b", "descriptor", "distance"), values)
