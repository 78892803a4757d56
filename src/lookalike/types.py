"""Values that travel between the rooms: array aliases, frozen dataclasses, protocols.

Nothing here reads a file, opens a library or loads a model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lookalike.frames import arrow_table, html_pairs, html_table, pandas_frame, polars_frame

__all__ = [
    "DecodedImage",
    "Descriptor",
    "DescriptorSpec",
    "LocalFeatures",
    "Metric",
    "Neighbours",
    "RGBImage",
    "RangeNeighbours",
    "Rows",
    "Source",
    "SourceItem",
    "Table",
    "Tabular",
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
    standardised
        The numbers have units of their own: before a distance is taken they are standardised on the library's own
        pictures (mean 0, standard deviation 1).
    """

    name: str
    dim: int
    metric: Metric
    preprocess: str
    source: str
    weights: str = ""
    licence: str = ""
    min_side: int = 256
    standardised: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits over all that decides a vector's numbers; licence and source do not.

        A model of the user's own is called by its path, which decides nothing.
        """
        name = "onnx" if self.name.startswith("onnx:") else self.name
        decisive = [name, self.dim, self.metric, self.preprocess, self.weights, self.min_side]
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
    colours
        Whether the file stores channels of colour though its format could hold grey alone: no palette, no WebP, AVIF
        or HEIC.
    """

    pixels: RGBImage
    width: int
    height: int
    format: str
    pixel_hash: bytes | None
    frames: int = 1
    colours: bool = True


@dataclass(frozen=True)
class LocalFeatures:
    """Keypoints of one picture with what the picture looks like around each.

    Attributes
    ----------
    points
        (n, 4) float32: x, y and diameter in pixels of the picture in which they were found, angle in degrees.
    rows
        (n, 128) uint8: RootSIFT, unit length times 512.
    width, height
        Of that picture, in pixels.
    """

    points: NDArray[np.float32]
    rows: NDArray[np.uint8]
    width: int
    height: int


class Tabular:
    """What every result offers beside its own, given its ``rows()``: Arrow, pandas, polars, a table in a notebook.

    pandas, polars, DuckDB and others take it as it is, since it speaks the Arrow PyCapsule protocol.
    """

    def rows(self) -> Rows:
        """Return the result as rows: the same columns that the command line writes."""
        raise NotImplementedError

    def to_arrow(self) -> Any:
        """Return the rows as a `pyarrow.Table`, with the types that a Parquet file gets.

        Raises
        ------
        MissingDependencyError
            If pyarrow is not installed.
        """
        rows = self.rows()
        return arrow_table(rows.columns, rows.values)

    def to_pandas(self) -> Any:
        """Return the rows as a `pandas.DataFrame`; pyarrow is not needed.

        Raises
        ------
        MissingDependencyError
            If pandas is not installed.
        """
        rows = self.rows()
        return pandas_frame(rows.columns, rows.values)

    def to_polars(self) -> Any:
        """Return the rows as a `polars.DataFrame`; pyarrow is not needed.

        Raises
        ------
        MissingDependencyError
            If polars is not installed.
        """
        rows = self.rows()
        return polars_frame(rows.columns, rows.values)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        rows = self.rows()
        if rows.single and len(rows.values) == 1:
            return html_pairs(rows.columns, rows.values[0])
        return html_table(rows.columns, rows.values)


@dataclass(frozen=True)
class Rows(Tabular):
    """A result as rows, ready for any face: table, CSV, JSON, Parquet, data frames.

    `single` says that it is one object rather than a list: JSON then has no brackets around it.
    """

    columns: tuple[str, ...]
    values: Sequence[tuple[Any, ...]]
    single: bool = False

    def rows(self) -> Rows:
        """Return itself."""
        return self

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict in column order."""
        for row in self.values:
            yield dict(zip(self.columns, row, strict=True))


class Table(Protocol):
    """A result that can be shown as rows."""

    def rows(self) -> Rows: ...
