"""Pictures with their vectors: what clustering, classifying and evaluating work on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.frames import html_table
from lookalike.types import DescriptorSpec, Metric, Rows, Tabular, Uri, Vectors
from lookalike.words import human_count

__all__ = ["Gallery"]


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
        from lookalike.notebook import Card, Section, more, page

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
        return page(title, [Section("", cards, more(len(self), len(cards), "picture"))], table=table)

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
