"""Which pictures may be a pair: references, what is always kept, and what was decided."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lookalike.types import Uri

__all__ = ["NONE", "Apart", "ContentLike", "ImageLike", "Picture", "Sides"]


class ContentLike(Protocol):
    """What is known of some bytes: see `lookalike.store.Content`."""

    @property
    def id(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def format(self) -> str | None: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def pixel_hash(self) -> bytes | None: ...
    @property
    def quality(self) -> int | None: ...


class ImageLike(Protocol):
    """One name of a content: see `lookalike.store.Image`."""

    @property
    def uri(self) -> Uri: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def device(self) -> int: ...
    @property
    def inode(self) -> int: ...


@dataclass(frozen=True)
class Picture:
    """A content and all the names it has, at least one."""

    content: ContentLike
    images: Sequence[ImageLike]


@dataclass(frozen=True)
class Apart:
    """What it was decided shall be no pair.

    Attributes
    ----------
    decisions
        For each content of which something was decided, by its id: the decisions, and which picture of each it is.
        Two contents are no pair if they are two pictures of one decision.
    """

    decisions: Mapping[int, Mapping[int, Hashable]] = field(default_factory=dict)

    def concerns(self, content: int) -> bool:
        """Say whether anything was decided of a content."""
        return content in self.decisions

    def parts(self, a: int, b: int) -> bool:
        """Say whether two contents, not the same, shall be no pair."""
        mine, other = self.decisions.get(a), self.decisions.get(b)
        if not mine or not other:
            return False
        return any(other.get(decision, which) != which for decision, which in mine.items())


NONE = Apart()


@dataclass(frozen=True)
class Sides:
    """Which pictures are references, and so which pairs and copies count.

    Attributes
    ----------
    references
        Whether each picture is always kept, for whatever reason.
    sought
        Whether each is a reference of this search.
    across
        Only pairs of which one is sought.
    """

    references: tuple[bool, ...]
    sought: tuple[bool, ...]
    ids: tuple[int, ...]
    reference: Callable[[Uri], bool]
    kept: Callable[[Uri], bool]
    across: bool
    apart: Apart

    @classmethod
    def of(
        cls,
        pictures: Sequence[Picture],
        reference: Callable[[Uri], bool],
        kept: Callable[[Uri], bool],
        across: bool,
        apart: Apart,
    ) -> Sides:
        """Return those of a search: see `find_duplicates`."""
        sought = tuple(any(reference(image.uri) for image in p.images) for p in pictures)
        always = tuple(any(kept(image.uri) for image in p.images) for p in pictures)
        references = tuple(a or b for a, b in zip(sought, always, strict=True))
        return cls(references, sought, tuple(p.content.id for p in pictures), reference, kept, across, apart)

    def stays(self, uri: Uri) -> bool:
        """Say whether a name is always kept."""
        return self.reference(uri) or self.kept(uri)

    def apart_at(self, a: int, b: int) -> bool:
        """Say whether it was decided that two pictures are no pair."""
        return self.apart.parts(self.ids[a], self.ids[b])

    def allow(self, a: int, b: int) -> bool:
        """Say whether two pictures may be a pair."""
        if (self.references[a] and self.references[b]) or self.apart_at(a, b):
            return False
        return not self.across or self.sought[a] or self.sought[b]

    def allow_any(self, positions: Sequence[int]) -> bool:
        """Say whether any two of these, at least two, may be a pair."""
        if self.across and not any(self.sought[at] for at in positions):
            return False
        return not all(self.references[at] for at in positions)

    def has_copies(self, at: int, picture: Picture) -> bool:
        """Say whether names of one content are a group of their own."""
        if self.across and not self.sought[at]:
            return False
        if self.references[at]:
            return not all(self.stays(image.uri) for image in picture.images)
        return len(picture.images) > 1

    def decided(self, at: int) -> bool:
        """Say whether anything was decided of a picture."""
        return self.apart.concerns(self.ids[at])
