"""Groups of duplicates."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookalike.results.evidence import Evidence
from lookalike.types import Rows, Tabular, Uri, Verdict
from lookalike.words import human_bytes, human_count

__all__ = ["DuplicateGroup", "DuplicateReport", "GroupMember"]


@dataclass(frozen=True)
class GroupMember:
    """One picture of a group of duplicates.

    Attributes
    ----------
    verdict, probability, distance
        Against the group's keeper: the keeper itself has None. `distance` is lite0's cosine where there is one.
    reason
        In words: why it belongs here; for the keeper, why it is the one to keep.
    hardlink
        True if it shares its bytes on disk with another member, so that removing it frees nothing.
    evidence
        What it was found to be to the keeper, where that was verified; None for equal bytes or pixels.
    """

    uri: Uri
    keeper: bool
    verdict: Verdict | None
    probability: float | None
    distance: float | None
    reason: str
    width: int
    height: int
    bytes: int
    hardlink: bool = False
    evidence: Evidence | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class DuplicateGroup:
    """Pictures that each pass against the keeper, the first of `members`."""

    number: int
    members: tuple[GroupMember, ...]

    @property
    def keeper(self) -> GroupMember:
        return self.members[0]

    @property
    def weakest(self) -> GroupMember:
        """The member that is surest to deserve a look: weakest verdict, then largest distance."""
        order = {"same-file": 0, "same-pixels": 1, "same-picture": 2, "edited": 3, "same-scene": 4}
        return max(self.members[1:], key=lambda member: (order[str(member.verdict)], member.distance or 0.0))


@dataclass(frozen=True)
class DuplicateReport(Tabular):
    """All groups of duplicates at a level, surest and largest first."""

    groups: tuple[DuplicateGroup, ...]
    level: Verdict
    pictures: int
    seconds: float
    left_out: tuple[tuple[str, int], ...] = field(default=())

    def rows(self) -> Rows:
        columns = ("group", "uri", "keeper", "verdict", "probability", "distance", "reason", "width", "height",
                   "bytes", "hardlink")  # fmt: skip
        values = [
            (group.number, m.uri, m.keeper, m.verdict, m.probability, m.distance, m.reason, m.width, m.height,
             m.bytes, m.hardlink)
            for group in self.groups
            for m in group.members
        ]  # fmt: skip
        return Rows(columns, values)

    def _repr_html_(self, groups: int = 6, members: int = 8) -> str:
        from lookalike.notebook import Card, Section, more, page

        sections = []
        for group in self.groups[:groups]:
            cards = [
                Card(m.uri, ("keep" if m.keeper else m.verdict or "", m.reason, human_bytes(m.bytes)), first=m.keeper)
                for m in group.members[:members]
            ]
            title = f"Group {group.number}: {human_count(len(group.members), 'picture')}"
            sections.append(Section(title, cards, more(len(group.members), members, "picture")))
        title = f"{human_count(len(self.groups), 'group')} at level {self.level} among {self.pictures:,} pictures"
        return page(title, sections, note=more(len(self.groups), groups, "group"))
