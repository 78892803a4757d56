"""The vectors that a library holds: which there are, and what searches them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from lookalike.approximation import load_approximate, refresh_approximate
from lookalike.descriptors import get_descriptor
from lookalike.errors import FingerprintError, UsageError
from lookalike.filters import Chosen, Filters, choose_pictures
from lookalike.index import ExactIndex, WordIndex, choose
from lookalike.indexing import available_cores
from lookalike.labels import read_labels
from lookalike.localindex import entries_of, open_word_index
from lookalike.metrics import paired
from lookalike.results import Gallery
from lookalike.searching import Query
from lookalike.store import Block, Scaler, Store, VectorMatrix, current_scaler
from lookalike.types import DescriptorSpec, Uri, VectorIndex, Vectors
from lookalike.verifying import Looks, Verification

__all__ = ["Holdings"]

_EXACT_FIRST = 8
"""Searches that are answered exactly before an approximate index is read: that takes about as long as so many."""

_USEFUL = 1 / 8
"""An approximate index that reads a larger part of the bytes of all vectors saves nothing: vectors without clusters."""


class Holdings:
    """A library's vectors by descriptor. The matrices that it has mapped, and its visual words, outlive a call."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._matrices: dict[int, VectorMatrix] = {}
        self._words: tuple[tuple[int, int], WordIndex] | None = None
        self._choice: tuple[tuple[int, int], Filters, Chosen] | None = None
        self._making = threading.Lock()  # of two searches that need the words, one makes them
        self._reading = threading.Lock()  # so with approximate indexes, which nobody is to wait for words for
        self._approximate: dict[int, tuple[tuple[int, int], VectorIndex]] = {}
        self._searches: Counter[int] = Counter()  # since an approximate index was last looked for

    def number(self, spec: DescriptorSpec) -> int:
        """Return the number that a descriptor has in this library.

        Raises
        ------
        FingerprintError
            If there are no vectors of it, or only such of another version.
        """
        held = self.store.descriptors()
        for id_, other in held.items():
            if other.fingerprint == spec.fingerprint:
                return id_
        again = f"`lookalike index PATH --descriptor {spec.name} --library {self.store.folder}`"
        if any(other.name == spec.name for other in held.values()):
            raise FingerprintError(
                f"this library's {spec.name} vectors were made with other weights or another preprocessing: "
                f"make new ones with {again}"
            )
        have = ", ".join(sorted({other.name for other in held.values()})) or "none at all"
        raise FingerprintError(f"this library has no {spec.name} vectors (it has {have}): make them with {again}")

    def scaler(self, spec: DescriptorSpec) -> Scaler | None:
        """Return what standardises a descriptor's vectors here; None if nothing does."""
        return current_scaler(self.store, self.number(spec), spec) if spec.standardised else None

    def _matrix(self, descriptor_id: int, spec: DescriptorSpec) -> VectorMatrix:
        return self._matrices.setdefault(descriptor_id, VectorMatrix(self.store, descriptor_id, spec))

    def blocks(
        self, descriptor_id: int, spec: DescriptorSpec, only: set[int] | None = None, scaler: Scaler | None = None
    ) -> list[Block]:
        """Return all vectors, or those of some contents, block by block: the blocks are mapped, not read."""
        blocks = list(self._matrix(descriptor_id, spec).blocks(scaler))
        if only is None:
            return blocks
        chosen = []
        for block in blocks:
            keep = np.fromiter((int(key) in only for key in block.keys), bool, len(block.keys))
            chosen.append(Block(block.keys[keep], block.rows[keep], None if block.norms is None else block.norms[keep]))
        return chosen

    def chosen(self, filters: Filters) -> Chosen:
        """Return the pictures that pass; those of the last filters outlive the call."""
        state, held = self.store.state, self._choice
        if held is None or held[0] != state or held[1] != filters:
            held = self._choice = state, filters, choose_pictures(self.store, filters)
        return held[2]

    def exact(
        self, descriptor_id: int, spec: DescriptorSpec, scaler: Scaler | None = None, only: set[int] | None = None
    ) -> ExactIndex:
        """Return the index over `blocks`."""
        blocks = self.blocks(descriptor_id, spec, only, scaler)
        return ExactIndex.from_blocks(spec.metric, spec.dim, [(b.keys, b.rows, b.norms) for b in blocks])

    def index(self, descriptor_id: int, spec: DescriptorSpec, scaler: Scaler | None = None) -> VectorIndex:
        """Return what searches fastest: the exact index, or an approximate one where there are many vectors.

        The approximate one is made by `add`; where it is not there or not to be trusted, the exact one answers. So it
        does for standardised vectors: all of them change with the scaler, and an index of them would not last. And for
        the first few searches after a change: to read the approximate one would take longer. Then it is kept.
        """
        exact = self.exact(descriptor_id, spec, scaler)
        if scaler is not None or choose(len(exact), spec.metric) == "exact":
            return exact
        with self._reading:
            state = self.store.state
            held = self._approximate.get(descriptor_id)
            if held and held[0] == state:
                return held[1]
            self._searches[descriptor_id] += 1
            if self._searches[descriptor_id] <= _EXACT_FIRST:
                return exact
            del self._searches[descriptor_id]
            made = load_approximate(self.store, exact, spec)
            if made is None:
                return exact
            useful = made if made.share <= _USEFUL else exact
            self._approximate[descriptor_id] = state, useful
            return useful

    def verification(
        self,
        spec: DescriptorSpec,
        descriptor_id: int,
        scaler: Scaler | None,
        *,
        max_pixels: int,
        allow_private: bool,
        only: Chosen | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Verification:
        """Return what finds and verifies the candidates of queries whose vectors are of this descriptor.

        The hashes serve where the library has any, local features where their index can be kept. `progress` is called
        while that index is brought up to date.
        """
        hashes = get_descriptor("pdq").spec
        held = {other.fingerprint: id_ for id_, other in self.store.descriptors().items()}

        def distances(query: Query, contents: Sequence[int]) -> dict[int, float]:
            rows = self.store.vectors(descriptor_id, contents, spec)
            if not rows or query.vector is None:
                return {}
            known, own = np.stack(list(rows.values())), np.asarray(query.vector)[None]
            if scaler is not None:
                known, own = scaler.standardise(known), scaler.standardise(own)
            apart = paired(np.repeat(own, len(known), axis=0), known, spec.metric)
            return dict(zip(rows, apart.tolist(), strict=True))

        looks = Looks(self.store, threads=available_cores(), max_pixels=max_pixels)
        return Verification(
            self.store,
            looks,
            hashes=self.exact(held[hashes.fingerprint], hashes) if hashes.fingerprint in held else None,
            words=self._word_index(looks, progress) if self.store.writable else None,
            distances=distances,
            threads=available_cores(),
            max_pixels=max_pixels,
            allow_private=allow_private,
            only=only,
        )

    def _word_index(self, looks: Looks, progress: Callable[[int, int], None] | None) -> WordIndex:
        with self._making:
            state = self.store.state
            if self._words is None or self._words[0] != state:
                self._words = state, open_word_index(self.store, looks, entries_of(self.store), progress)
            return self._words[1]

    def refresh(self, specs: Iterable[DescriptorSpec]) -> None:
        """Make or bring up to date the approximate indexes of descriptors that have many vectors."""
        for spec in specs:
            if spec.standardised:
                continue  # see `index`
            exact = self.exact(self.number(spec), spec)
            if choose(len(exact), spec.metric) == "approximate":
                refresh_approximate(self.store, exact, spec)

    def vectors(self, spec: DescriptorSpec, *, raw: bool) -> tuple[list[Uri], Vectors]:
        """Return the names of all pictures and their vectors: see `Library.vectors`."""
        blocks = self.blocks(self.number(spec), spec, scaler=None if raw else self.scaler(spec))
        keys = np.concatenate([np.empty(0, np.int64), *(block.keys for block in blocks)])
        rows = np.concatenate([np.empty((0, spec.width), spec.storage), *(block.rows for block in blocks)])
        at = {int(key): row for row, key in enumerate(keys)}
        images = [image for image in self.store.images() if image.content_id in at]
        return [image.uri for image in images], rows[[at[image.content_id] for image in images]].astype(spec.dtype)

    def gallery(self, spec: DescriptorSpec, under: Sequence[Uri], *, labels: str | None, raw: bool) -> Gallery:
        """Return the pictures at or under `under`, all if it is empty, with their vectors: see `Library.gallery`."""
        uris, vectors = self.vectors(spec, raw=raw)
        if under:
            chosen = {image.uri for image in self.store.images(under)}
            for path in under:
                if not self.store.holds(path):
                    raise UsageError(f"there is no usable picture at or under {path}: `lookalike status --errors`")
            keep = [row for row, uri in enumerate(uris) if uri in chosen]
            uris, vectors = [uris[row] for row in keep], vectors[keep]
        spec = replace(spec, standardised=spec.standardised and not raw)
        return Gallery(tuple(uris), vectors, spec, () if labels is None else read_labels(labels, uris))
