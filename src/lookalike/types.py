"""Values that travel between the rooms: array aliases, frozen dataclasses, protocols.

Nothing here reads a file, opens a library or loads a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Comparison",
    "DecodedImage",
    "Descriptor",
    "DescriptorSpec",
    "DuplicateGroup",
    "DuplicateReport",
    "GroupMember",
    "IndexReport",
    "Metric",
    "Neighbours",
    "PruneReport",
    "RGBImage",
    "RangeNeighbours",
    "Rows",
    "SearchResult",
    "Source",
    "SourceItem",
    "Status",
    "Table",
    "Uri",
    "VectorIndex",
    "Vectors",
    "Verdict",
]

Uri: TypeAlias = str
"""An absolute file path in the platform's form, or an http(s) URL."""

RGBImage: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) uint8, upright, sRGB."""

Vectors: TypeAlias = NDArray[Any]
"""(n, dim) float32, unit rows if the metric is cosine; (n, n_bits // 8) uint8 if it is hamming."""

Metric: TypeAlias = Literal["cosine", "l2", "hamming"]

Verdict: TypeAlias = Literal["same-file", "same-pixels", "same-picture", "edited", "same-scene", "related", "unrelated"]
"""What two pictures are to each other, strongest first. Only the first four are duplicates."""


@dataclass(frozen=True)
class DescriptorSpec:
    """What a descriptor is, so that two vectors can be known to be comparable.

    Attributes
    ----------
    name
        As typed on the command line.
    dim
        Length of a vector: numbers, or bits for "hamming".
    metric
        "cosine" (0 to 2), "l2" (0 up) or "hamming" (bits, 0 to dim).
    preprocess
        What happens to an upright picture before it is described, in words that change whenever it does.
    source
        The paper and the reference implementation.
    weights
        sha256 of the weights, or empty when there are none.
    licence
        Of the weights, or of the method where there are none.
    min_side
        A picture whose shorter side has at least this many pixels loses nothing that the descriptor needs. JPEGs
        are decoded at a reduced scale down to it.
    """

    name: str
    dim: int
    metric: Metric
    preprocess: str
    source: str
    weights: str = ""
    licence: str = ""
    min_side: int = 256

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over all that decides a vector's numbers; licence and source do not."""
        decisive = [self.name, self.dim, self.metric, self.preprocess, self.weights, self.min_side]
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:32]

    @property
    def width(self) -> int:
        """Columns of a row of vectors: `dim`, or its bytes for "hamming"."""
        return self.dim // 8 if self.metric == "hamming" else self.dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a vector's numbers as `embed` returns them: uint8 for "hamming", else float32."""
        return np.dtype(np.uint8 if self.metric == "hamming" else np.float32)

    @property
    def storage(self) -> np.dtype[Any]:
        """Type as stored: float16 for "cosine", whose numbers stay within -1 to 1; float32 for "l2"."""
        return np.dtype(np.float16) if self.metric == "cosine" else self.dtype


@runtime_checkable
class Descriptor(Protocol):
    """Turns pictures into vectors."""

    spec: DescriptorSpec

    def embed(self, images: Sequence[RGBImage]) -> Vectors:
        """Return one vector per picture, shape (n, spec.width), dtype spec.dtype; n may be 0. Inputs are untouched."""
        ...


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each query.

    Attributes
    ----------
    keys
        (n_queries, k) int64, closest first, ties by smaller key; -1 where there is none.
    distances
        (n_queries, k) float32; +inf where there is none.
    """

    keys: NDArray[np.int64]
    distances: NDArray[np.float32]


@dataclass(frozen=True)
class RangeNeighbours:
    """All within a radius of each query.

    Attributes
    ----------
    offsets
        (n_queries + 1,) int64: the neighbours of query i are at ``offsets[i]:offsets[i + 1]``.
    keys
        (total,) int64, within a query closest first, ties by smaller key.
    distances
        (total,) float32.
    """

    offsets: NDArray[np.int64]
    keys: NDArray[np.int64]
    distances: NDArray[np.float32]


@runtime_checkable
class VectorIndex(Protocol):
    """Neighbour search over keyed vectors of one metric."""

    def add(self, keys: NDArray[np.int64], vectors: Vectors) -> None: ...
    def remove(self, keys: NDArray[np.int64]) -> None: ...
    def search(self, queries: Vectors, k: int) -> Neighbours: ...
    def range_search(self, queries: Vectors, radius: float) -> RangeNeighbours: ...
    def __len__(self) -> int: ...


@dataclass(frozen=True)
class SourceItem:
    """One thing found where pictures were looked for.

    Attributes
    ----------
    uri
        Its name: see `Uri`.
    size, mtime_ns, device, inode, links
        As the file system tells; 0 for a URL.
    skip
        Why it is passed over without being opened ("FIFO", "symbolic link", ...), or empty.
    error
        Why it cannot be read ("no such file", "permission denied", ...), or empty.
    """

    uri: Uri
    size: int = 0
    mtime_ns: int = 0
    device: int = 0
    inode: int = 0
    links: int = 1
    skip: str = ""
    error: str = ""


class Source(Protocol):
    """Where pictures come from. Iterating is cheap, ordered and never raises for one bad entry."""

    def __iter__(self) -> Iterator[SourceItem]: ...
    def read(self, uri: Uri) -> bytes: ...


@dataclass(frozen=True)
class DecodedImage:
    """A picture after decoding.

    Attributes
    ----------
    pixels
        Upright sRGB, maybe at a reduced scale.
    width, height
        Of the upright picture at full scale, in pixels.
    format
        "JPEG", "PNG", ...
    pixel_hash
        32 bytes over every sample of the picture at full scale and depth, alpha and all frames included; None when
        it was decoded at a reduced scale.
    frames
        1 for a still picture.
    """

    pixels: RGBImage
    width: int
    height: int
    format: str
    pixel_hash: bytes | None
    frames: int = 1


@dataclass(frozen=True)
class Rows:
    """A result as rows, ready for any face: table, CSV, JSON, Parquet.

    `single` says that it is one object rather than a list: JSON then has no brackets around it.
    """

    columns: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]
    single: bool = False

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict in column order."""
        for row in self.values:
            yield dict(zip(self.columns, row, strict=True))


class Table(Protocol):
    """A result that can be shown as rows."""

    def rows(self) -> Rows: ...


@dataclass(frozen=True)
class IndexReport:
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
class PruneReport:
    """What `Library.prune` removed (or would remove): rows of files that are gone, by URI."""

    uris: tuple[Uri, ...]
    offline: tuple[Uri, ...]
    removed: bool

    def rows(self) -> Rows:
        values = [(uri, "gone") for uri in self.uris] + [(uri, "offline") for uri in self.offline]
        return Rows(("uri", "state"), values)


@dataclass(frozen=True)
class SearchResult:
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
    """

    queries: tuple[str, ...]
    keys: NDArray[np.int64]
    distances: NDArray[np.float32]
    uris: tuple[tuple[Uri | None, ...], ...]
    descriptor: str
    failed: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0

    def rows(self) -> Rows:
        values: list[tuple[Any, ...]] = []
        for query, uris, distances in zip(self.queries, self.uris, self.distances, strict=True):
            for rank, (uri, distance) in enumerate(zip(uris, distances, strict=True), 1):
                if uri is not None:
                    values.append((query, rank, uri, float(distance), None, None))
        return Rows(("query", "rank", "uri", "distance", "verdict", "probability"), values)


@dataclass(frozen=True)
class Comparison:
    """Two pictures held against each other.

    Attributes
    ----------
    distances
        One (descriptor, distance) per descriptor, in the order asked.
    verdict
        "same-file" or "same-pixels" when bytes or pixels prove it, else None: nothing is guessed from a distance.
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

    def rows(self) -> Rows:
        columns = (
            "a", "b", "descriptor", "distance", "width_a", "height_a", "width_b", "height_b", "bytes_a", "bytes_b",
            "format_a", "format_b", "same_bytes", "same_pixels", "verdict", "probability",
        )  # fmt: skip
        shared = (
            self.width_a, self.height_a, self.width_b, self.height_b, self.bytes_a, self.bytes_b,
            self.format_a, self.format_b, self.same_bytes, self.same_pixels, self.verdict, self.probability,
        )  # fmt: skip
        return Rows(columns, [(self.a, self.b, name, distance, *shared) for name, distance in self.distances])


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
class DuplicateReport:
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


@dataclass(frozen=True)
class Status:
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

    def rows(self) -> Rows:
        values = asdict(self)
        values["roots"] = list(self.roots)
        values["descriptors"] = dict(self.descriptors)
        return Rows(tuple(values), [tuple(values.values())], single=True)
