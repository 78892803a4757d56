"""From contents to groups: candidates, what proves them, groups around keepers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from lookalike import decode
from lookalike.defaults import LEVELS
from lookalike.descriptors.pdq import MIN_QUALITY
from lookalike.duplicates.candidates import Progress, VectorBlock, hash_pairs, in_words, near_pairs
from lookalike.duplicates.groups import Group, Pairs, group
from lookalike.duplicates.keeper import Candidate, keeping_reason, preference
from lookalike.duplicates.levels import check_level
from lookalike.errors import ImageError
from lookalike.results import DuplicateGroup, GroupMember
from lookalike.types import Uri, Verdict

__all__ = ["Found", "Picture", "find_duplicates"]

SAME_PIXELS = LEVELS.index("same-pixels")


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
class Found:
    """The groups, the pixel hashes that were worked out on the way, and what was left out, with counts.

    `pairs` are the content ids of all that passed, also across groups.
    """

    groups: tuple[DuplicateGroup, ...]
    pixel_hashes: dict[int, bytes] = field(default_factory=dict)
    left_out: tuple[tuple[str, int], ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()


@dataclass
class _Edges:
    """Pairs of positions that passed, growing."""

    a: list[int] = field(default_factory=list)
    b: list[int] = field(default_factory=list)
    rank: list[int] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)
    reason: list[str] = field(default_factory=list)

    def add(self, a: int, b: int, rank: int, distance: float, reason: str) -> None:
        self.a.append(a)
        self.b.append(b)
        self.rank.append(rank)
        self.distance.append(distance)
        self.reason.append(reason)


def find_duplicates(
    pictures: Sequence[Picture],
    level: Verdict,
    vectors: Mapping[str, Sequence[VectorBlock]],
    *,
    read: Callable[[Uri], bytes],
    progress: Progress = lambda _: None,
) -> Found:
    """Return chain-free groups of pictures at `level` or stronger.

    Parameters
    ----------
    pictures
        Each content once.
    level
        See `lookalike.duplicates.levels`.
    vectors
        Blocks of vectors of the descriptors that the level needs, keyed by content id.
    read
        Returns the bytes of a URI, to compare pixels; raises `ImageError`.
    progress
        Called with the part that is done, 0 to 1.
    """
    check_level(level)
    candidates = [_candidate(picture) for picture in pictures]
    places = preference(candidates)
    edges = _Edges()
    left_out: dict[str, int] = {}
    hashes: dict[int, bytes] = {}
    if level != "same-file":
        hashes = _late_hashes(pictures, vectors["pdq"], read)
        unread = _prove_pixels(pictures, hashes, places, edges, read)
        if unread:
            left_out["could not be read again to compare pixels"] = unread
    if LEVELS.index(level) > SAME_PIXELS:
        _add_near(pictures, level, vectors, edges, progress)
        plain = sum(1 for p in pictures if p.content.quality is not None and p.content.quality < MIN_QUALITY)
        if plain:
            left_out["too plain to be told apart by descriptors: only equal pixels count"] = plain
    pairs = Pairs(
        np.array(edges.a, np.int64), np.array(edges.b, np.int64), np.array(edges.rank, np.int64),
        np.array(edges.distance, np.float32),
    )  # fmt: skip
    found = group(pairs, places)
    grouped = {at for g in found for at in (g.keeper, *(member for member, _ in g.members))}
    found += [Group(at, ()) for at, picture in enumerate(pictures) if at not in grouped and len(picture.images) > 1]
    built = [_members(g, pictures, candidates, edges) for g in found]
    order = {verdict: rank for rank, verdict in enumerate(LEVELS)}
    built.sort(key=lambda m: (max(order[str(x.verdict)] for x in m[1:]), -len(m), m[0].uri))
    groups = tuple(DuplicateGroup(number, tuple(members)) for number, members in enumerate(built, 1))
    passed = tuple((pictures[a].content.id, pictures[b].content.id) for a, b in zip(edges.a, edges.b, strict=True))
    return Found(groups, hashes, tuple(left_out.items()), passed)


def _candidate(picture: Picture) -> Candidate:
    content = picture.content
    best = min(picture.images, key=lambda image: (image.mtime_ns or 1 << 63, len(image.uri), image.uri))
    return Candidate(best.uri, content.width, content.height, content.size, best.mtime_ns)


def _late_hashes(
    pictures: Sequence[Picture], blocks: Sequence[VectorBlock], read: Callable[[Uri], bytes]
) -> dict[int, bytes]:
    """Work out the pixel hashes that indexing left out (reduced JPEGs, animations) where they can matter.

    They can where another picture has the same size in pixels and is near by hash, or where a hash says nothing.
    """
    by_size: dict[tuple[int, int], list[Picture]] = {}
    for picture in pictures:
        by_size.setdefault((picture.content.width, picture.content.height), []).append(picture)
    shared = {p.content.id for same in by_size.values() if len(same) > 1 for p in same}
    waiting = {p.content.id: p for p in pictures if p.content.pixel_hash is None and p.content.id in shared}
    if not waiting:
        return {}
    plain = {id_ for id_, p in waiting.items() if p.content.quality is None or p.content.quality < MIN_QUALITY}
    near = hash_pairs(blocks, plain, orientations=False)
    wanted = plain | ((set(near.a.tolist()) | set(near.b.tolist())) & set(waiting))
    hashes = {}
    for id_ in sorted(wanted):
        try:
            digest = decode.pixel_hash(read(waiting[id_].images[0].uri))
        except ImageError:
            continue
        if digest is not None:
            hashes[id_] = digest
    return hashes


def _prove_pixels(
    pictures: Sequence[Picture],
    hashes: Mapping[int, bytes],
    places: Sequence[int],
    edges: _Edges,
    read: Callable[[Uri], bytes],
) -> int:
    """Add an edge from the preferred picture of equal pixels to each other one; return how many could not be read."""
    same: dict[bytes, list[int]] = {}
    for at, picture in enumerate(pictures):
        digest = hashes.get(picture.content.id, picture.content.pixel_hash)
        if digest is not None:
            same.setdefault(digest, []).append(at)
    unread = 0
    for positions in same.values():
        if len(positions) < 2:
            continue
        keeper, *others = sorted(positions, key=lambda at: places[at])
        for other in others:
            try:
                proven = decode.same_pixels(read(pictures[keeper].images[0].uri), read(pictures[other].images[0].uri))
            except ImageError:
                unread += 1
                continue
            if proven:
                a, b = pictures[keeper].content.format, pictures[other].content.format
                reason = "same pixels" + (f", {b} beside {a}" if a != b else ", other bytes")
                edges.add(keeper, other, SAME_PIXELS, 0.0, reason)
    return unread


def _add_near(
    pictures: Sequence[Picture],
    level: Verdict,
    vectors: Mapping[str, Sequence[VectorBlock]],
    edges: _Edges,
    progress: Progress,
) -> None:
    at = {picture.content.id: position for position, picture in enumerate(pictures)}
    quality = {p.content.id: p.content.quality for p in pictures if p.content.quality is not None}
    aspect = {p.content.id: p.content.width / max(p.content.height, 1) for p in pictures}
    near = near_pairs(vectors["pdq"], vectors["lite0"], level, quality, aspect, progress)
    for a, b, bits, turn, distance, rank in zip(
        near.a.tolist(), near.b.tolist(), near.bits.tolist(), near.turn.tolist(), near.distance.tolist(),
        near.rank.tolist(), strict=True,
    ):  # fmt: skip
        if a in at and b in at:
            edges.add(at[a], at[b], rank, distance, in_words(bits, turn, distance))


def _members(
    g: Group, pictures: Sequence[Picture], candidates: Sequence[Candidate], edges: _Edges
) -> list[GroupMember]:
    """Return the keeper, its copies under other names, and all names of the other members."""
    keeper, own = candidates[g.keeper], pictures[g.keeper]
    copies = [
        replace(keeper, uri=image.uri, mtime_ns=image.mtime_ns) for image in own.images if image.uri != keeper.uri
    ]
    reason = keeping_reason(keeper, [candidates[at] for at, _ in g.members] or copies)
    inodes: set[tuple[int, int]] = set()
    members = []
    for image in sorted(own.images, key=lambda image: (image.uri != keeper.uri, image.uri)):
        linked = _is_link(image, inodes)
        if image.uri == keeper.uri:
            members.append(_member(image, own.content, linked, None, None, None, reason))
        else:
            words = "the same file (hard link)" if linked else "same bytes"
            members.append(_member(image, own.content, linked, LEVELS[0], 1.0, 0.0, words))
    for at, edge in g.members:
        verdict, distance, reason = LEVELS[edges.rank[edge]], edges.distance[edge], edges.reason[edge]
        probability = 1.0 if edges.rank[edge] <= SAME_PIXELS else None
        for image in sorted(pictures[at].images, key=lambda image: image.uri):
            linked = _is_link(image, inodes)
            members.append(_member(image, pictures[at].content, linked, verdict, probability, distance, reason))
    return members


def _is_link(image: ImageLike, inodes: set[tuple[int, int]]) -> bool:
    """Say whether an image shares its bytes on disk with one seen before."""
    key = (image.device, image.inode)
    if key in inodes:
        return True
    if image.inode:
        inodes.add(key)
    return False


def _member(
    image: ImageLike,
    content: ContentLike,
    linked: bool,
    verdict: str | None,
    probability: float | None,
    distance: float | None,
    reason: str,
) -> GroupMember:
    checked = None if verdict is None else check_level(verdict)
    return GroupMember(
        image.uri, verdict is None, checked, probability, distance, reason, content.width, content.height,
        content.size, linked,
    )  # fmt: skip
