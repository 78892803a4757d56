"""The pairs that passed, while they are gathered."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookalike.duplicates.keeper import PairFacts
from lookalike.results import Evidence

__all__ = ["Edges"]


@dataclass
class Edges:
    """Pairs of positions that passed, growing; `facts` are what else some of them tell of which to keep."""

    a: list[int] = field(default_factory=list)
    b: list[int] = field(default_factory=list)
    rank: list[int] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    evidence: list[Evidence | None] = field(default_factory=list)
    facts: dict[tuple[int, int], PairFacts] = field(default_factory=dict)

    def add(self, a: int, b: int, rank: int, distance: float, reason: str, evidence: Evidence | None = None) -> None:
        self.evidence.append(evidence)
        self.a.append(a)
        self.b.append(b)
        self.rank.append(rank)
        self.distance.append(distance)
        self.reason.append(reason)
