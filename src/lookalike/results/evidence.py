"""What two pictures are to each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lookalike.frames import html_table
from lookalike.types import Rows, Tabular, Verdict
from lookalike.words import human_bytes, human_distance

__all__ = ["Comparison", "Evidence"]


@dataclass(frozen=True)
class Evidence:
    """What one picture, a, is to another, b, how sure that is, and on what it rests.

    Attributes
    ----------
    verdict
        See `Verdict`.
    probability
        That they are duplicates: equal files, equal pixels, the same picture, or one an edit of the other. Calibrated.
    reason
        In words, what makes a out of b.
    scene_probability
        That they are duplicates or shots of one scene.
    transform
        (3, 3) float64: pixels of a's working picture to pixels of b's (their longer sides are 320 pixels at most);
        None where no way was found to lay one upon the other.
    mirrored, negative
        Whether a is so in b.
    inliers
        Matches of local features that agree with the transform.
    points_a, points_b
        (inliers, 2) float64: their places in the working pictures.
    share_a, share_b
        What part of the area of either the other one shows, 0 to 1.
    agreement
        Part of the textured area shared that agrees.
    moved
        Part of it that agrees only when shifted.
    edits
        The words of `reason` one by one, where it is an edit.
    reason_back
        In words, what makes b out of a.
    framed
        1 if a is b with a plain border, a caption or a frame around it, -1 if b is a so framed, else 0.
    greyer
        1 if a is in colour and b is not, -1 if it is the other way round, else 0.
    """

    verdict: Verdict
    probability: float
    reason: str
    scene_probability: float = 0.0
    transform: NDArray[np.float64] | None = None
    mirrored: bool = False
    negative: bool = False
    inliers: int = 0
    points_a: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)), repr=False)
    points_b: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)), repr=False)
    share_a: float = 0.0
    share_b: float = 0.0
    agreement: float = 0.0
    moved: float = 0.0
    edits: tuple[str, ...] = ()
    reason_back: str = ""
    framed: int = 0
    greyer: int = 0

    def turned(self) -> Evidence:
        """Return what b is to a."""
        back = None if self.transform is None else np.linalg.inv(self.transform).astype(np.float64)
        return replace(
            self, transform=back, points_a=self.points_b, points_b=self.points_a, share_a=self.share_b,
            share_b=self.share_a, reason=self.reason_back, reason_back=self.reason, framed=-self.framed,
            greyer=-self.greyer, edits=tuple(self.reason_back.split(", ")) if self.edits else (),
        )  # fmt: skip


@dataclass(frozen=True)
class Comparison(Tabular):
    """Two pictures held against each other.

    Attributes
    ----------
    distances
        One (descriptor, distance) per descriptor, in the order asked.
    verdict, probability, evidence
        What a is to b, how sure it is that they are duplicates, and on what that rests.
    """

    a: str
    b: str
    distances: tuple[tuple[str, float], ...]
    width_a: int
    height_a: int
    width_b: int
    height_b: int
    bytes_a: int
    bytes_b: int
    format_a: str
    format_b: str
    same_bytes: bool
    same_pixels: bool
    verdict: Verdict | None
    probability: float | None
    evidence: Evidence | None = None

    def rows(self) -> Rows:
        columns = (
            "a", "b", "descriptor", "distance", "width_a", "height_a", "width_b", "height_b", "bytes_a", "bytes_b",
            "format_a", "format_b", "same_bytes", "same_pixels", "verdict", "probability", "reason",
        )  # fmt: skip
        shared = (
            self.width_a, self.height_a, self.width_b, self.height_b, self.bytes_a, self.bytes_b,
            self.format_a, self.format_b, self.same_bytes, self.same_pixels, self.verdict, self.probability,
            None if self.evidence is None else self.evidence.reason,
        )  # fmt: skip
        return Rows(columns, [(self.a, self.b, name, distance, *shared) for name, distance in self.distances])

    def _repr_html_(self) -> str:
        from lookalike.notebook import Card, Section, page

        def card(name: str, width: int, height: int, form: str, size: int) -> Card:
            return Card(name, (f"{width} × {height} {form}", human_bytes(size) if size else ""))

        cards = (
            card(self.a, self.width_a, self.height_a, self.format_a, self.bytes_a),
            card(self.b, self.width_b, self.height_b, self.format_b, self.bytes_b),
        )
        told = [(name, human_distance(distance, name)) for name, distance in self.distances]
        title = {True: "The same file", False: "The same pixels"}[self.same_bytes] if self.verdict else "Two pictures"
        return page(title, [Section("", cards)], table=html_table(("descriptor", "distance"), told))
