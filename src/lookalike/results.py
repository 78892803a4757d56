"""What the calls of a library return: frozen dataclasses, with ``rows()`` for any face and a look in notebooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.frames import html_table
from lookalike.types import DescriptorSpec, Metric, Rows, Tabular, Uri, Vectors, Verdict
from lookalike.words import human_bytes, human_count, human_distance, human_seconds

__all__ = [
    "Comparison",
    "DuplicateGroup",
    "DuplicateReport",
    "Evidence",
    "Gallery",
    "GroupMember",
    "IndexReport",
    "PruneReport",
    "SearchResult",
    "Status",
]


@dataclass(frozen=True)
class IndexReport(Tabular):
    """What one run of `Library.add` did, or has done so far.

    Attributes
    ----------
    found
        The sum of added, changed, unchanged, failed and skipped.
    seconds
        Since it began.
    read, embedded
        Files whose bytes were read, and contents that got a new vector.
    missing
        Pictures of the whole library whose files are gone.
    interrupted
        Ended by Ctrl-C.
    total
        How many there will be, once the listing that runs ahead has ended; None before.
    """

    found: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    read: int = 0
    embedded: int = 0
    missing: int = 0
    interrupted: bool = False
    total: int | None = None

    def rows(self) -> Rows:
        values = asdict(self)
        del values["total"]
        return Rows(tuple(values), [tuple(values.values())], single=True)


@dataclass(frozen=True)
class PruneReport(Tabular):
    """What `Library.prune` removed (or would remove): rows of files that are gone, by URI."""

    uris: tuple[Uri, ...]
    offline: tuple[Uri, ...]
    removed: bool

    def rows(self) -> Rows:
        values = [(uri, "gone") for uri in self.uris] + [(uri, "offline") for uri in self.offline]
        return Rows(("uri", "state"), values)


@dataclass(frozen=True)
class SearchResult(Tabular):
    """The k nearest pictures of each query.

    Attributes
    ----------
    queries
        The queries' names, in the order asked.
    keys, distances
        As in `Neighbours`; keys are the library's image ids.
    uris
        (n_queries) tuples of k URIs, closest first; None where there is none.
    descriptor
        By which the pictures were compared.
    failed
        Queries that could not be read, each with its reason. They keep their place, without neighbours.
    clusters
        Where clusters were given, the one that each query was told to be in, None where no neighbour has one; else
        empty.
    within
        Where clusters were given, the k nearest of each query among the pictures of its cluster; else None.
    evidence
        Where neighbours were verified, what the query is to each of them; else empty.
    """

    queries: tuple[str, ...]
    keys: NDArray[np.int64]
    distances: NDArray[np.float32]
    uris: tuple[tuple[Uri | None, ...], ...]
    descriptor: str
    failed: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    clusters: tuple[str | None, ...] = ()
    within: SearchResult | None = None
    evidence: tuple[tuple[Evidence, ...], ...] = ()

    def rows(self) -> Rows:
        """Return (query, rank, uri, distance, verdict, probability), query by query, closest first.

        Where neighbours were verified, the surest copy comes first, and (reason) follows.

        Where clusters were given, (cluster, scope) follow: the query's cluster, and "all" for its neighbours among all
        pictures, then "within" for those among the pictures of its cluster.
        """
        columns: tuple[str, ...] = ("query", "rank", "uri", "distance", "verdict", "probability")
        if self.evidence:
            columns = (*columns, "reason")
        if self.within is None:
            return Rows(columns, [row for at in range(len(self.queries)) for row in self._found(at)])
        values: list[tuple[Any, ...]] = []
        for at, cluster in enumerate(self.clusters):
            values += [(*row, cluster, "all") for row in self._found(at)]
            values += [(*row, cluster, "within") for row in self.within._found(at)]
        return Rows((*columns, "cluster", "scope"), values)

    def _found(self, at: int) -> list[tuple[Any, ...]]:
        near = zip(self.uris[at], self.distances[at], strict=True)
        found = [(rank, uri, float(distance)) for rank, (uri, distance) in enumerate(near, 1) if uri is not None]
        if not self.evidence:
            return [(self.queries[at], *one, None, None) for one in found]
        told = [(one.verdict, one.probability, one.reason) for one in self.evidence[at]]
        return [(self.queries[at], *one, *says) for one, says in zip(found, told, strict=True)]

    def _repr_html_(self, queries: int = 5, hits: int = 11) -> str:
        from lookalike.notebook import Card, Section, page

        failed = dict(self.failed)
        sections = []
        for at, query in enumerate(self.queries[:queries]):
            asked = [Card(query, (failed.get(query, "query"),), first=True, read=query not in failed)]
            for result in (self, self.within):
                if result is not None:
                    found = result._found(at)
                    near = [Card(row[2], (human_distance(row[3], self.descriptor),)) for row in found[:hits]]
                    title = f"within its cluster, {self.clusters[at]}" if result is self.within else ""
                    sections.append(Section(title, asked + near, _more(len(found), hits, "neighbour")))
                    asked = []
        count = len(self.queries)
        title = f"{human_count(count, 'query', 'queries')} by {self.descriptor}"
        title += f", {human_seconds(self.seconds)}" if self.seconds >= 0.05 else ""
        return page(title, sections, note=_more(count, queries, "query", "queries"))


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
        from lookalike.notebook import Card, Section, page

        sections = []
        for group in self.groups[:groups]:
            cards = [
                Card(m.uri, ("keep" if m.keeper else m.verdict or "", m.reason, human_bytes(m.bytes)), first=m.keeper)
                for m in group.members[:members]
            ]
            title = f"Group {group.number}: {human_count(len(group.members), 'picture')}"
            sections.append(Section(title, cards, _more(len(group.members), members, "picture")))
        title = f"{human_count(len(self.groups), 'group')} at level {self.level} among {self.pictures:,} pictures"
        return page(title, sections, note=_more(len(self.groups), groups, "group"))


@dataclass(frozen=True)
class Status(Tabular):
    """What a library holds. `bytes` are those of the indexed files, `library_bytes` those of the library on disk."""

    indexed: int
    failed: int
    skipped: int
    bytes: int
    roots: tuple[str, ...]
    descriptors: tuple[tuple[str, int], ...]
    missing: int
    contents: int
    library: str
    library_bytes: int
    version: int
    probability: float

    def rows(self) -> Rows:
        values = asdict(self)
        values["roots"] = list(self.roots)
        values["descriptors"] = dict(self.descriptors)
        return Rows(tuple(values), [tuple(values.values())], single=True)


@dataclass(frozen=True)
class Gallery(Tabular):
    """Pictures with their vectors, and labels where there are: what clustering, classifying and evaluating work on.

    `Library.gallery` makes one of what is indexed, `from_arrays` of arrays.

    Attributes
    ----------
    uris
        n names.
    vectors
        (n, spec.width) in ``spec.dtype``, as distances are taken between them: for a descriptor that is standardised
        on its library, standardised.
    spec
        Of the descriptor.
    labels
        n labels, None for a picture without one; empty if none were asked for.
    """

    uris: tuple[Uri, ...]
    vectors: Vectors
    spec: DescriptorSpec
    labels: tuple[str | None, ...] = ()

    @classmethod
    def from_arrays(
        cls, vectors: Vectors, labels: Sequence[str | None] = (), uris: Sequence[Uri] = (), *, metric: Metric = "cosine"
    ) -> Gallery:
        """Make a gallery of vectors from anywhere.

        Parameters
        ----------
        vectors
            (n, dim) float, of any length, for "cosine" and "l2"; (n, n_bits // 8) uint8 for "hamming".
        labels, uris
            n each, or none; pictures without a URI are called by their number.
        metric
            Of the distance between them.

        Raises
        ------
        UsageError
            If the numbers of vectors, labels and URIs differ, or `vectors` is not 2-D.
        """
        rows = np.asarray(vectors)
        if rows.ndim != 2:
            raise UsageError(f"vectors are an array (n, dim), not of shape {rows.shape}")
        dim = rows.shape[1] * 8 if metric == "hamming" else rows.shape[1]
        spec = DescriptorSpec("arrays", dim, metric, "given as vectors", "given as vectors")
        rows = rows.astype(spec.dtype)
        if metric == "cosine":
            rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        names = tuple(uris) or tuple(str(number) for number in range(len(rows)))
        if len(names) != len(rows) or len(labels) not in (0, len(rows)):
            raise UsageError(f"{len(rows)} vectors, {len(names)} URIs and {len(labels)} labels do not fit together")
        return cls(names, rows, spec, tuple(labels))

    def __len__(self) -> int:
        return len(self.uris)

    def rows(self) -> Rows:
        """Return (uri, label); the vectors stay beside them, in the same order."""
        labels = self.labels or (None,) * len(self.uris)
        return Rows(("uri", "label"), list(zip(self.uris, labels, strict=True)))

    def _repr_html_(self, pictures: int = 24) -> str:
        from lookalike.notebook import Card, Section, page

        step = max(1, len(self.uris) // pictures)  # from all over it, not one folder's first ones
        rows = self.rows().values[::step][:pictures]
        cards = [Card(uri, (label or "",)) for uri, label in rows]
        title = (
            f"{human_count(len(self), 'picture')} by {self.spec.name}: {self.spec.dim:,} numbers, {self.spec.metric}"
        )
        if self.spec.metric == "hamming":
            title = f"{human_count(len(self), 'picture')} by {self.spec.name}: {self.spec.dim:,} bits"
        counts = Counter(label for label in self.labels if label is not None).most_common()
        table = html_table(("label", "pictures"), counts) if counts else ""
        return page(title, [Section("", cards, _more(len(self), len(cards), "picture"))], table=table)

    @property
    def numbers(self) -> NDArray[np.float32]:
        """The vectors as (n, spec.dim) float32, whatever their metric: bits become 0 and 1."""
        if self.spec.metric == "hamming":
            return np.unpackbits(self.vectors, axis=1).astype(np.float32)
        return np.asarray(self.vectors, np.float32)

    def labelled(self) -> Gallery:
        """Return the pictures that have a label.

        Raises
        ------
        UsageError
            If there are none.
        """
        keep = [row for row, label in enumerate(self.labels) if label is not None]
        if not keep:
            raise UsageError("no picture has a label: say how to tell them with --labels folder, name:PATTERN or a CSV")
        return self.take(keep)

    def take(self, rows: Sequence[int]) -> Gallery:
        """Return the pictures of these rows, in this order."""
        return Gallery(
            tuple(self.uris[row] for row in rows),
            self.vectors[np.asarray(rows, np.intp)],
            self.spec,
            tuple(self.labels[row] for row in rows) if self.labels else (),
        )


def _more(total: int, shown: int, noun: str, plural: str | None = None) -> str:
    return f"{human_count(total - shown, f'more {noun}', plural and f'more {plural}')}" if total > shown else ""
