"""From contents to groups: candidates, what proves them, groups around keepers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from lookalike import decode
from lookalike.defaults import KEEP_RULES, LEVELS
from lookalike.descriptors.pdq import MIN_QUALITY
from lookalike.duplicates.candidates import Progress, Sharing, VectorBlock, hash_pairs
from lookalike.duplicates.edges import Edges
from lookalike.duplicates.groups import Group, Pairs, group
from lookalike.duplicates.keeper import Candidate, Preference, check_keep, prefer
from lookalike.duplicates.levels import check_level
from lookalike.duplicates.origin import HEAD, origin
from lookalike.duplicates.proving import Proving, Verify, seen_through
from lookalike.duplicates.sides import NONE, Apart, ContentLike, ImageLike, Picture, Sides
from lookalike.errors import ImageError
from lookalike.results import DuplicateGroup, Evidence, GroupMember
from lookalike.types import Uri, Verdict
from lookalike.workers import available_cores

__all__ = ["Found", "Pair", "Picture", "find_duplicates"]

SAME_PIXELS = LEVELS.index("same-pixels")

Beside = Callable[[Uri], tuple[str, ...]]
"""Tells the kinds of files that belong to a picture: see `lookalike.units.kinds_beside`."""


@dataclass(frozen=True)
class Pair:
    """Two contents that passed against each other.

    Attributes
    ----------
    a, b
        Content ids.
    verdict, probability, distance, reason
        Of a against b; `distance` is lite0's cosine, 0 for equal pixels.
    evidence
        Of a against b, where that was verified; None for equal pixels.
    """

    a: int
    b: int
    verdict: Verdict
    probability: float
    distance: float
    reason: str
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def turned(self) -> Pair:
        """Return the same of b against a."""
        back = None if self.evidence is None else self.evidence.turned()
        return replace(
            self, a=self.b, b=self.a, evidence=back, reason=self.reason if back is None else back.reason
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """The groups, the pixel hashes that were worked out on the way, and what was left out, with counts.

    `pairs` are all contents that passed against each other, also across groups. Of n contents of equal pixels not all
    pairs are among them: one is paired with all others, and each of which something was decided with all it may be
    paired with.
    """

    groups: tuple[DuplicateGroup, ...]
    pixel_hashes: dict[int, bytes] = field(default_factory=dict)
    left_out: tuple[tuple[str, int], ...] = ()
    pairs: tuple[Pair, ...] = ()


def find_duplicates(
    pictures: Sequence[Picture],
    level: Verdict,
    vectors: Mapping[str, Sequence[VectorBlock]],
    *,
    read: Callable[[Uri], bytes],
    read_head: Callable[[Uri, int], bytes] | None = None,
    keep: Sequence[str] = KEEP_RULES,
    reference: Callable[[Uri], bool] = lambda _: False,
    kept: Callable[[Uri], bool] = lambda _: False,
    beside: Beside = lambda _: (),
    across: bool = False,
    apart: Apart = NONE,
    verify: Verify = lambda _: (),
    sharing: Callable[[Progress], Sharing] = lambda _: Sharing(),
    probability: float = 0.0,
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
    read_head
        Returns so many bytes of a file's beginning, for the metadata of pictures in pairs; None for `read`.
    keep
        See `lookalike.duplicates.keeper.check_keep`.
    reference
        Says of a name whether its picture is always kept: it is a keeper, or in no group.
    kept
        Says of a name whether its picture is always kept wherever it is met: as a reference, but it does not make a
        pair that `across` asks for.
    beside
        Tells what belongs to a picture; it is asked about pictures in pairs, and about all names of one.
    across
        Only pairs of which one is a reference and the other is not.
    apart
        What it was decided shall be no pair.
    verify
        Takes pairs of contents with lite0's distance, and yields for each what the first is to the second, or None
        where either cannot be read. Levels beyond "same-pixels" need it.
    sharing
        Returns which contents share local features: more candidates for "edited" and "same-scene". It calls what it is
        given with the part that is done.
    probability
        Least of a pair that is called "same-picture" or "edited"; one below it is at best "same-scene".
    progress
        Called with the part that is done, 0 to 1.
    """
    check_level(level)
    keep = check_keep(keep)
    sides = Sides.of(pictures, reference, kept, across, apart)
    candidates = [_candidate(picture, keep, sides, beside) for picture in pictures]
    edges = Edges()
    alike: list[list[int]] = []
    left_out: dict[str, int] = {}
    hashes: dict[int, bytes] = {}
    if level != "same-file":
        hashes = _late_hashes(pictures, vectors["pdq"], read)
        alike, unread = _prove_pixels(pictures, hashes, sides, read)
        if unread:
            left_out["could not be read again to compare pixels"] = unread
    if LEVELS.index(level) > SAME_PIXELS:
        settled = {(min(x, y), max(x, y)) for positions in alike for x in positions for y in positions if x != y}
        proving = Proving(pictures, level, probability, sides, settled, seen_through(pictures, verify, read), edges)
        unverified = proving.add_near(vectors, sharing, progress)
        if unverified:
            left_out["pairs that could not be read again to be verified"] = unverified
        plain = sum(1 for p in pictures if p.content.quality is not None and p.content.quality < MIN_QUALITY)
        if plain:
            left_out["too plain to be told apart by descriptors: only equal pixels count"] = plain
    paired = {*edges.a, *edges.b, *(at for positions in alike for at in positions)}
    for at in sorted(paired):
        candidates[at] = _with_origin(candidates[at], read_head or (lambda uri, _: read(uri)), beside)
    preference = prefer(candidates, keep, edges.facts)
    _add_alike(pictures, alike, preference.places, sides, edges)
    pairs = Pairs(
        np.array(edges.a, np.int64), np.array(edges.b, np.int64), np.array(edges.rank, np.int64),
        np.array([0.0 if one is None else 1 - one.probability for one in edges.evidence], np.float32),
    )  # fmt: skip
    decided = {at for at in paired if sides.decided(at)}
    found = group(pairs, preference.places, decided, sides.apart_at)
    grouped = {at for g in found for at in (g.keeper, *(member for member, _ in g.members))}
    found += [Group(at, ()) for at in range(len(pictures)) if at not in grouped and sides.has_copies(at, pictures[at])]
    built = [_members(g, pictures, preference, edges, keep, sides, beside) for g in found]
    order = {verdict: rank for rank, verdict in enumerate(LEVELS)}
    built.sort(key=lambda m: (max(order[str(x.verdict)] for x in m[1:]), -len(m), m[0].uri))
    groups = tuple(DuplicateGroup(number, tuple(members)) for number, members in enumerate(built, 1))
    return Found(groups, hashes, tuple(left_out.items()), _passed(pictures, edges))


def _passed(pictures: Sequence[Picture], edges: Edges) -> tuple[Pair, ...]:
    return tuple(
        Pair(
            pictures[a].content.id, pictures[b].content.id, check_level(LEVELS[rank]),
            1.0 if evidence is None else evidence.probability, distance, reason, evidence,
        )
        for a, b, rank, distance, reason, evidence in zip(
            edges.a, edges.b, edges.rank, edges.distance, edges.reason, edges.evidence, strict=True
        )
    )  # fmt: skip


def _candidate(picture: Picture, keep: Sequence[str], sides: Sides, beside: Beside) -> Candidate:
    """Return the best name of a picture as a candidate."""
    named = _named(picture, sides, beside)
    return named[prefer(named, keep).places.index(0)] if len(named) > 1 else named[0]


def _named(picture: Picture, sides: Sides, beside: Beside) -> list[Candidate]:
    content = picture.content
    several = len(picture.images) > 1
    return [
        Candidate(
            image.uri, content.width, content.height, content.size, image.mtime_ns, content.format,
            beside=beside(image.uri) if several else (),
            reference=sides.reference(image.uri), kept=sides.kept(image.uri),
        )
        for image in picture.images
    ]  # fmt: skip


def _with_origin(candidate: Candidate, read_head: Callable[[Uri, int], bytes], beside: Beside) -> Candidate:
    candidate = replace(candidate, beside=beside(candidate.uri))
    try:
        found = origin(read_head(candidate.uri, HEAD))
    except ImageError:
        return candidate
    return replace(
        candidate, lossless=found.lossless, quality=found.quality, camera=found.camera, taken=found.taken
    )  # fmt: skip


def _late_hashes(
    pictures: Sequence[Picture], blocks: Sequence[VectorBlock], read: Callable[[Uri], bytes]
) -> dict[int, bytes]:
    """Work out pixel hashes that are not known (reduced JPEGs, animations, older libraries) where they can matter.

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

    def hashed(id_: int) -> bytes | None:
        try:
            return decode.pixel_hash(read(waiting[id_].images[0].uri))
        except ImageError:
            return None

    order = sorted(wanted)
    with ThreadPoolExecutor(available_cores()) as pool:
        return {id_: digest for id_, digest in zip(order, pool.map(hashed, order), strict=True) if digest is not None}


def _prove_pixels(
    pictures: Sequence[Picture], hashes: Mapping[int, bytes], sides: Sides, read: Callable[[Uri], bytes]
) -> tuple[list[list[int]], int]:
    """Return sets of pictures of equal pixels, compared with the first of each, and how many could not be read."""
    same: dict[bytes, list[int]] = {}
    for at in sorted(range(len(pictures)), key=lambda at: pictures[at].images[0].uri):
        digest = hashes.get(pictures[at].content.id, pictures[at].content.pixel_hash)
        if digest is not None:
            same.setdefault(digest, []).append(at)

    def compared(pair: tuple[int, int]) -> bool | None:
        try:
            return decode.same_pixels(*(read(pictures[at].images[0].uri) for at in pair))
        except ImageError:
            return None

    sets = [one for one in same.values() if len(one) > 1 and sides.allow_any(one)]
    jobs = [(one[0], other) for one in sets for other in one[1:]]
    with ThreadPoolExecutor(available_cores()) as pool:
        told = dict(zip(jobs, pool.map(compared, jobs), strict=True))
    alike = [[first, *(other for other in others if told[first, other])] for first, *others in sets]
    return [equal for equal in alike if len(equal) > 1], sum(answer is None for answer in told.values())


def _add_alike(
    pictures: Sequence[Picture], alike: Sequence[list[int]], places: Sequence[int], sides: Sides, edges: Edges
) -> None:
    """Add an edge from the preferred picture of equal pixels to each other one: what equals one of them equals all.

    Those of which something was decided say nothing of the others: each of them has an edge to all that it may be
    paired with, and so has one of the others.
    """
    for positions in alike:
        ordered = sorted(positions, key=lambda at: places[at])
        decided = [at for at in ordered if sides.decided(at)]
        free = next((at for at in ordered if not sides.decided(at)), ordered[0])
        hubs = list(dict.fromkeys([ordered[0], free, *decided]))
        for number, hub in enumerate(hubs):
            for other in ordered:
                if other not in hubs[: number + 1] and sides.allow(hub, other):
                    a, b = pictures[hub].content.format, pictures[other].content.format
                    reason = "same pixels" + (f", {b} beside {a}" if a != b else ", other bytes")
                    edges.add(hub, other, SAME_PIXELS, 0.0, reason)


def _members(
    g: Group,
    pictures: Sequence[Picture],
    preference: Preference,
    edges: Edges,
    keep: Sequence[str],
    sides: Sides,
    beside: Beside,
) -> list[GroupMember]:
    """Return the keeper, its copies under other names, and all names of the other members; no other reference."""
    keeper, own = preference.candidates[g.keeper], pictures[g.keeper]
    images = [image for image in own.images if image.uri == keeper.uri or not sides.stays(image.uri)]
    if g.members:
        reason = preference.reason(g.keeper, [at for at, _ in g.members])
    else:
        named = [
            name for name in _named(own, sides, beside) if name.uri == keeper.uri or not (name.reference or name.kept)
        ]
        at = next(at for at, name in enumerate(named) if name.uri == keeper.uri)
        reason = prefer(named, keep).reason(at, [other for other in range(len(named)) if other != at])
    inodes: set[tuple[int, int]] = set()
    members = []
    for image in sorted(images, key=lambda image: (image.uri != keeper.uri, image.uri)):
        linked = _is_link(image, inodes)
        if image.uri == keeper.uri:
            members.append(_member(image, own.content, linked, None, None, None, reason))
        else:
            words = "the same file (hard link)" if linked else "same bytes"
            members.append(_member(image, own.content, linked, LEVELS[0], 1.0, 0.0, words))
    for at, edge in g.members:
        verdict, distance, reason = LEVELS[edges.rank[edge]], edges.distance[edge], edges.reason[edge]
        evidence = edges.evidence[edge]
        probability = 1.0 if evidence is None else evidence.probability
        if evidence is not None:  # of the member against the keeper
            evidence = evidence if edges.a[edge] == at else evidence.turned()
            reason = evidence.reason
        for image in sorted(pictures[at].images, key=lambda image: image.uri):
            linked = _is_link(image, inodes)
            made = _member(image, pictures[at].content, linked, verdict, probability, distance, reason)
            members.append(replace(made, evidence=evidence))
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
