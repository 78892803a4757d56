"""Approximate neighbour search for large libraries, with exact distances."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.durable import replacing
from lookalike.errors import LibraryFormatError
from lookalike.index._kernels import widen
from lookalike.index.exact import ExactIndex
from lookalike.types import Neighbours, RangeNeighbours, Vectors

__all__ = ["ApproximateIndex"]

_MAGIC = b"lookalike-ann-1\n"

_WIDTHS = (128, 256)
"""Numbers kept of a longer vector, by principal components; more only where fewer do not tell neighbours apart."""

_TRAINED_ON = 100_000
"""Largest number of rows in memory as float32 while building: 512 MB of 1280 numbers."""

_PER_LIST = 39
"""Rows in the training sample for each list: k-means needs about so many to place a centre well."""

_STRAYS = 0.001
"""Part of the training sample, at each end of each number, that is left out of its range."""

_BATCH = 8192
"""Rows added at a time."""

_SAMPLED = 400
"""Own vectors whose neighbours are compared with the exact ones to measure the recall."""

_APART = 4000
"""Vectors from which on those of the sample are not trained on: they then lie as new ones will."""

_SEED = 20


class ApproximateIndex:
    """Finds nearly all of the nearest neighbours in a small part of the time.

    An inverted file (faiss ``IndexIVFScalarQuantizer``, 8 bits a number, on 128 or 256 principal components) names
    4 k + 160 candidates; their distances are then computed from the vectors themselves, so that every distance is the
    one that `ExactIndex` gives. What is not found is what the candidates miss: `recall` says how much that was on the
    index's own vectors. Where more rows are at the very same distance than fit, any of them may be named.

    Made by `build` or `load`; the exact index given to them holds the vectors and belongs to this index from then on:
    add and remove here only.

    Attributes
    ----------
    exact
        The vectors. For what this index does not do: all pairs (`ExactIndex.self_join`).
    nprobe
        Lists looked through for each query, chosen when built.
    recall
        Part of the 10 nearest other vectors that was found, measured when built on a sample of its own vectors.
    """

    def __init__(self, exact: ExactIndex, inverted: Any, scale: float, nprobe: int, recall: float) -> None:
        self.exact = exact
        self.nprobe = nprobe
        self.recall = recall
        self._inverted = inverted
        self._scale = scale

    @classmethod
    def build(cls, exact: ExactIndex, *, recall: float = 0.99) -> ApproximateIndex:
        """Return an approximate index of all vectors of `exact`.

        Parameters
        ----------
        exact
            At least 40 vectors, "cosine" or "l2".
        recall
            Wanted part of the 10 nearest that is found, above 0 and at most 1. `nprobe` is raised by a quarter until it
            is reached on own vectors.

        Raises
        ------
        ValueError
            If there are fewer vectors, the metric is "hamming", or `recall` is out of range.

        Notes
        -----
        O(n ** 1.5 * 128); memory: at most 100,000 rows of float32 beside the index, about 145 bytes a vector. Add as
        many vectors again as it was built from, and it is time to build anew.
        """
        if exact.metric == "hamming":
            raise ValueError("hamming distances are searched exactly: ExactIndex is fast enough for bits")
        if not 0 < recall <= 1:
            raise ValueError(f"recall must be above 0 and at most 1, not {recall}")
        if len(exact) <= _PER_LIST:
            raise ValueError(f"an approximate index needs at least {_PER_LIST + 1} vectors, not {len(exact)}")
        keys = exact.keys
        random = np.random.default_rng(_SEED)
        sampled, rest = np.split(random.permutation(keys), [min(_SAMPLED, len(keys))])
        sample = (rest if len(keys) >= _APART else keys)[:_TRAINED_ON]
        # Where no components tell neighbours apart, as in noise, the whole vectors are used.
        for width in [*(width for width in _WIDTHS if width < exact.dim), exact.dim]:
            index = cls(exact, *_trained(exact, sample, width), nprobe=1, recall=0.0)
            for batch, rows in exact.batches(_BATCH):
                index._inverted.add_with_ids(index._scaled(rows), batch)
            index._choose_nprobe(sampled, recall)
            if index.recall >= recall:
                break
        return index

    def __len__(self) -> int:
        return len(self.exact)

    @property
    def share(self) -> float:
        """Bytes that a query reads, as part of those of all vectors: few where these lie in clusters, half in noise."""
        inverted = _faiss().extract_index_ivf(self._inverted)
        row = self.exact.dim * (2 if self.exact.metric == "cosine" else 4)
        return float(self.nprobe / inverted.nlist * inverted.code_size / row)

    def add(self, keys: NDArray[np.int64], vectors: Vectors) -> None:
        """Add vectors without rebuilding; all or none. As `ExactIndex.add`, with the same errors."""
        self.exact.add(keys, vectors)
        if len(keys):
            rows = self._scaled(self.exact.stored(vectors))
            self._inverted.add_with_ids(rows, np.asarray(keys).astype(np.int64))

    def remove(self, keys: NDArray[np.int64]) -> None:
        """Remove vectors without rebuilding, (n,) integers; a key that is not there is ignored."""
        keys = np.asarray(keys).reshape(-1).astype(np.int64)
        self.exact.remove(keys)
        if len(keys):
            self._inverted.remove_ids(keys)

    def search(self, queries: Vectors, k: int) -> Neighbours:
        """Return k vectors near each query, closest first: nearly always the nearest.

        Parameters
        ----------
        queries
            Shape (n_queries, dim), finite; rounded to the stored type first. n_queries may be 0.
        k
            At least 1. May exceed the number of vectors.

        Returns
        -------
        Neighbours
            ``keys`` (n_queries, k) int64, -1 where there is none; ``distances`` (n_queries, k) float32, +inf there.
            As many are found as there are, up to k. Ties: smaller key first among those found.

        Raises
        ------
        ValueError
            If `queries` is not 2-D, its width is not `dim`, a number is not finite, or k < 1.

        Notes
        -----
        Answers exactly, and in the time that takes, where so many are asked for that every vector is a candidate or
        the lists looked through hold too few.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        if len(self) <= _candidates(k):
            return self.exact.search(queries, k)
        rows = self.exact.stored(queries)
        candidates = self._near(rows, _candidates(k))
        found = self.exact.search_among(rows, candidates, k)
        short = found.keys[:, -1] < 0
        if short.any():
            whole = self.exact.search(rows[short], k)
            found.keys[short], found.distances[short] = whole.keys, whole.distances
        return found

    def range_search(self, queries: Vectors, radius: float) -> RangeNeighbours:
        """Return all vectors within `radius` of each query: exactly, by `ExactIndex.range_search`."""
        return self.exact.range_search(queries, radius)

    def save(self, path: Path, token: str) -> None:
        """Write the index, but not the vectors, to a file; the file is replaced whole or not at all.

        Parameters
        ----------
        path
            The folder must be there.
        token
            Whatever tells that the vectors' meaning is the same, for example the descriptor's fingerprint: only who
            gives the same token can load the file.

        Raises
        ------
        OSError
            If the file cannot be written. What was there before is still there.
        """
        keys = self.exact.keys.astype("<i8")
        description = {
            "metric": self.exact.metric,
            "dim": self.exact.dim,
            "token": token,
            "keys": len(keys),
            "nprobe": self.nprobe,
            "recall": self.recall,
            "scale": self._scale,
        }
        text = json.dumps(description).encode()
        parts: list[bytes | memoryview] = [
            len(text).to_bytes(8, "little"),
            text,
            keys.tobytes(),
            # The largest part is not copied once more.
            _faiss().serialize_index(self._inverted).data,
        ]
        checksum = hashlib.sha256()
        for part in parts:
            checksum.update(part)
        with replacing(Path(path)) as file:
            file.writelines([_MAGIC, checksum.digest(), *parts])

    @classmethod
    def load(cls, path: Path, exact: ExactIndex, token: str) -> ApproximateIndex:
        """Return the index saved at `path`, brought up to date with the vectors of `exact`.

        Parameters
        ----------
        path
            As given to `save`.
        exact
            The vectors. Keys that came or went since the file was written are added or removed; a key that stayed
            must have the same vector (if not, give another token).
        token
            As given to `save`.

        Raises
        ------
        LibraryFormatError
            If the file is damaged, no such index, of another metric, dim or token, or has less than half of the keys:
            build it anew.
        OSError
            If the file is not there or cannot be read.

        Notes
        -----
        The checksum over all bytes is verified before faiss sees one of them: a damaged file cannot crash it.
        """
        content = memoryview(Path(path).read_bytes())
        start = len(_MAGIC) + 32
        if content[: len(_MAGIC)] != _MAGIC:
            raise LibraryFormatError(f"{path} is no approximate index of this version: build it anew")
        body = content[start:]
        if hashlib.sha256(body).digest() != content[len(_MAGIC) : start]:
            raise LibraryFormatError(f"{path} is damaged: build the approximate index anew")
        try:
            rest = 8 + int.from_bytes(body[:8], "little")
            description = json.loads(bytes(body[8:rest]))
            keys = np.frombuffer(body[rest : rest + 8 * description["keys"]], "<i8").astype(np.int64)
            told = (description["metric"], description["dim"], description["token"])
            scale, nprobe, recall = (description[name] for name in ("scale", "nprobe", "recall"))
        except (ValueError, KeyError, TypeError) as error:
            raise LibraryFormatError(f"{path} cannot be understood: build the approximate index anew") from error
        if told != (exact.metric, exact.dim, token):
            raise LibraryFormatError(f"{path} was made from other vectors: build the approximate index anew")
        present = exact.keys
        fresh, gone = np.setdiff1d(present, keys), np.setdiff1d(keys, present)
        if len(fresh) > len(keys):
            raise LibraryFormatError(f"{path} was made when there were few vectors: build the approximate index anew")
        try:
            inverted = _faiss().deserialize_index(np.frombuffer(body[rest + 8 * len(keys) :], np.uint8))
            whole = inverted.ntotal == len(keys) and inverted.d == exact.dim
        except (RuntimeError, ValueError) as error:
            raise LibraryFormatError(f"{path} cannot be understood: build the approximate index anew") from error
        if not whole:
            raise LibraryFormatError(f"{path} does not fit its own description: build the approximate index anew")
        index = cls(exact, inverted, scale, nprobe, recall)
        index._set_nprobe(nprobe)
        if len(gone):
            inverted.remove_ids(gone)
        for at in range(0, len(fresh), _BATCH):
            batch = fresh[at : at + _BATCH]
            inverted.add_with_ids(index._scaled(exact.rows_of(batch)), batch)
        return index

    def _near(self, rows: Vectors, count: int) -> NDArray[np.int64]:
        """Return (n_queries, count) keys of candidates, -1 where there is none."""
        if not len(rows):
            return np.empty((0, count), np.int64)
        keys: NDArray[np.int64] = self._inverted.search(self._scaled(rows), count)[1]
        return keys

    def _scaled(self, rows: Vectors) -> NDArray[np.float32]:
        return _clipped(rows, self._scale)

    def _set_nprobe(self, nprobe: int) -> None:
        self.nprobe = nprobe
        _faiss().extract_index_ivf(self._inverted).nprobe = nprobe

    def _choose_nprobe(self, sample: NDArray[np.int64], wanted: float) -> None:
        """Raise `nprobe` by a quarter until the recall on these own vectors is as wanted; to the end if it never is."""
        queries = self.exact.rows_of(sample)
        k = min(11, len(self))
        # The vector itself is always found: it is left out of both counts.
        farthest = self.exact.search(queries, k).distances[:, -1:]
        lists = _faiss().extract_index_ivf(self._inverted).nlist

        def reaches(nprobe: int) -> bool:
            self._set_nprobe(nprobe)
            found = self.exact.search_among(queries, self._near(queries, _candidates(k)), k)
            self.recall = float(((found.distances <= farthest).sum(axis=1) - 1).mean() / (k - 1))
            return self.recall >= wanted

        if not reaches(lists):
            return
        nprobe = 1
        while not reaches(nprobe):
            nprobe = min(nprobe + (nprobe + 3) // 4, lists)


def _faiss() -> Any:
    # Imported at the first use: a search in a small library does not wait for it.
    with warnings.catch_warnings():
        # Its generated types have no __module__, which Python deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        import faiss
    return faiss


def _candidates(k: int) -> int:
    """Return how many candidates are compared exactly for k neighbours.

    Among 200 by 128 of 1280 components are 99.9 % of the 10 nearest by all, for EfficientNet-Lite0 on photographs.
    """
    return 4 * k + 160


def _trained(exact: ExactIndex, sample: NDArray[np.int64], width: int) -> tuple[Any, float]:
    """Return an empty inverted file on `width` components, trained on these keys' rows, and the scale of its rows."""
    faiss = _faiss()
    rows = exact.rows_of(sample)
    # To a typical length of 1, which a few strays do not change.
    typical = float(np.median(np.linalg.norm(widen(rows).astype(np.float64), axis=1)))
    scale = 1 / typical if typical > 0 else 1.0
    training = _clipped(rows, scale)
    lists = max(1, min(int(4 * np.sqrt(len(exact))), len(training) // _PER_LIST))
    reduction = f"PCA{width}," if width < exact.dim else ""
    inverted = faiss.index_factory(exact.dim, f"{reduction}IVF{lists},SQ8", faiss.METRIC_L2)
    clustering = faiss.extract_index_ivf(inverted).cp
    clustering.niter = 8
    clustering.seed = _SEED
    quantiser = faiss.downcast_index(faiss.extract_index_ivf(inverted)).sq
    # Nor do they spread the 256 steps of a number so far that all others fall on one.
    quantiser.rangestat, quantiser.rangestat_arg = faiss.ScalarQuantizer.RS_quantiles, _STRAYS
    inverted.train(training)
    return inverted, scale


def _clipped(rows: Vectors, scale: float) -> NDArray[np.float32]:
    """Return rows times `scale`, without lengths whose squares are beyond float32."""
    reach = 3e4 / np.sqrt(rows.shape[1])
    return np.clip(widen(rows).astype(np.float64) * scale, -reach, reach).astype(np.float32)
