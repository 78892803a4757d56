"""Candidates are verified, and what passes becomes an edge."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from lookalike.defaults import LEVELS
from lookalike.duplicates.candidates import (
    Near,
    Progress,
    Sharing,
    VectorBlock,
    candidate_pairs,
    closing_pairs,
    vector_distances,
)
from lookalike.duplicates.edges import Edges
from lookalike.duplicates.keeper import PairFacts, shows_more
from lookalike.duplicates.sides import Picture, Sides
from lookalike.duplicates.verify import less_hidden
from lookalike.results import Evidence
from lookalike.types import Uri, Verdict

__all__ = ["Proving", "Verify", "seen_through"]

SHARED, SOUGHT, CLOSING = 0.4, 0.5, 0.95
"""Part of the work that is done, about, when pictures that share local features are known, all candidates, and what of
them is a copy."""

LINK = 0.9
"""Least probability of copies of one picture that are then held against each other."""

Verify = Callable[[Sequence[tuple[int, int, float]]], Iterable["Evidence | None"]]
"""Takes pairs of contents with lite0's distance; yields for each what the first is to the second, None if unread."""


@dataclass
class Proving:
    """Verifies pairs of pictures and gathers those that pass.

    Attributes
    ----------
    pictures, level, probability, sides, verify
        As of `lookalike.duplicates.find_duplicates`.
    settled
        Pairs of positions (lower, higher) that need no look: they have equal pixels.
    edges
        Where those that pass are added.
    """

    pictures: Sequence[Picture]
    level: Verdict
    probability: float
    sides: Sides
    settled: Collection[tuple[int, int]]
    verify: Verify
    edges: Edges

    def __post_init__(self) -> None:
        self._at = {picture.content.id: position for position, picture in enumerate(self.pictures)}
        self._copies: dict[tuple[int, int], float] = {}

    def add_near(
        self,
        vectors: Mapping[str, Sequence[VectorBlock]],
        sharing: Callable[[Progress], Sharing],
        progress: Progress,
    ) -> int:
        """Verify the candidates, then copies of one picture against each other; return how many could not be read."""
        quality = {p.content.id: p.content.quality for p in self.pictures if p.content.quality is not None}
        edited = LEVELS.index(self.level) >= LEVELS.index("edited")
        shared = sharing(lambda part: progress(SHARED * part)) if edited else Sharing()
        from_, to, until = (SHARED, SOUGHT, CLOSING) if edited else (0.0, SOUGHT / 2, 1.0)
        near = candidate_pairs(
            vectors["pdq"], vectors["lite0"], self.level, quality, shared,
            lambda part: progress(from_ + (to - from_) * part),
        )  # fmt: skip
        unread = self._add(near, lambda part: progress(to + (until - to) * part))
        if edited and self._copies:
            closing, ways = self._closing(near, vectors["lite0"])
            unread += self._add(closing, lambda part: progress(until + (1 - until) * part), ways)
        return unread

    def _add(self, near: Near, progress: Progress, ways: Mapping[tuple[int, int], float] = MappingProxyType({})) -> int:
        """Verify pairs and add an edge for each that passes; return how many could not be read.

        Of those that copies of one picture led to, none is surer than the way that led there.
        """
        at = self._at
        jobs = [
            (a, b, distance)
            for a, b, distance in zip(near.a.tolist(), near.b.tolist(), near.distance.tolist(), strict=True)
            if a in at and b in at and self.sides.allow(at[a], at[b])
            and (min(at[a], at[b]), max(at[a], at[b])) not in self.settled
        ]  # fmt: skip
        unread = 0
        for done, ((a, b, distance), evidence) in enumerate(zip(jobs, self.verify(jobs), strict=True), 1):
            if evidence and evidence.verdict in ("same-picture", "edited"):
                evidence = replace(evidence, probability=min(evidence.probability, ways.get((a, b), 1.0)))
                if evidence.probability < self.probability:
                    evidence = replace(evidence, verdict="same-scene")
                elif evidence.probability >= LINK:
                    self._copies[a, b] = evidence.probability
            if evidence is None:
                unread += 1
            elif evidence.verdict in LEVELS and LEVELS.index(evidence.verdict) <= LEVELS.index(self.level):
                rank = LEVELS.index(evidence.verdict)
                self.edges.add(at[a], at[b], rank, distance, evidence.reason, evidence)
                self.edges.facts[at[a], at[b]] = _facts(evidence)
            if done % 100 == 0:
                progress(done / len(jobs))
        return unread

    def _closing(self, near: Near, vectors: Sequence[VectorBlock]) -> tuple[Near, dict[tuple[int, int], float]]:
        """Return pairs of copies of one picture that were no candidates, and how sure the way to each is."""

        def rank(key: int) -> tuple[int, int, Uri]:
            picture = self.pictures[self._at[key]]
            return -picture.content.width * picture.content.height, -picture.content.size, picture.images[0].uri

        known = set(zip(near.a.tolist(), near.b.tolist(), strict=True))
        ways = closing_pairs(self._copies, known, rank)
        pairs = np.array(list(ways), np.int64).reshape(-1, 2)
        return Near(pairs[:, 0], pairs[:, 1], vector_distances(pairs, vectors)), ways


def seen_through(pictures: Sequence[Picture], verify: Verify, read: Callable[[Uri], bytes]) -> Verify:
    """Return what verifies pairs, and looks for what verification does not see."""
    by_id = {picture.content.id: picture for picture in pictures}

    def verified(jobs: Sequence[tuple[int, int, float]]) -> Iterator[Evidence | None]:
        for (a, b, _), evidence in zip(jobs, verify(jobs), strict=True):
            one, two = by_id[a], by_id[b]
            yield (
                None
                if evidence is None
                else less_hidden(
                    evidence,
                    (one.content.format or "", two.content.format or ""),
                    ((one.content.width, one.content.height), (two.content.width, two.content.height)),
                    lambda one=one, two=two: (read(one.images[0].uri), read(two.images[0].uri)),  # type: ignore[misc]
                )
            )

    return verified


def _facts(evidence: Evidence) -> PairFacts:
    """Return what evidence of a against b tells of which to keep."""
    more = shows_more(evidence.share_a, evidence.share_b)
    framed = evidence.framed
    return PairFacts(
        shows_more=0 if framed else more,
        clean=-framed,
        colour=evidence.greyer,
        turned=evidence.mirrored or any(word.startswith("turned") for word in evidence.edits),
    )
