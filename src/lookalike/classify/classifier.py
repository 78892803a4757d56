"""A fitted classifier: a few arrays, used with NumPy alone, kept in one file without pickle."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.durable import replacing
from lookalike.errors import FingerprintError, LookalikeError, UsageError
from lookalike.results import Gallery
from lookalike.types import DescriptorSpec, Vectors

__all__ = ["Classifier", "check_raw", "numbers_of"]

FORMAT = "lookalike classifier"
VERSION = 1
_BLOCK = 1 << 24
"""Distances held at once by "knn"."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """Tells the class of a vector, with probabilities. `fit_classifier` makes one.

    Attributes
    ----------
    classes
        n_classes names, in the order of text.
    descriptors
        (name, fingerprint) of what the vectors are made by; several are taken side by side.
    method
        "logistic" or "knn".
    arrays
        "mean" and "scale" (dim,) where numbers are standardised; for "logistic" "weights" (n_classes, dim) and
        "offsets" (n_classes,), one row for two classes; for "knn" "vectors" (pictures, dim) and their "numbers"
        (pictures,), indices of classes.
    metric
        Of "knn".
    neighbours
        Of "knn".
    pictures
        How many it was fitted on.
    """

    classes: tuple[str, ...]
    descriptors: tuple[tuple[str, str], ...]
    method: str
    arrays: Mapping[str, NDArray[Any]]
    metric: str
    neighbours: int
    pictures: int

    @property
    def dim(self) -> int:
        """Numbers in a vector; bits count as numbers."""
        return int(self.arrays["weights" if self.method == "logistic" else "vectors"].shape[1])

    def check(self, *specs: DescriptorSpec) -> None:
        """Check that vectors of these descriptors are of the kind that this was fitted on.

        Raises
        ------
        FingerprintError
            If they are not: another descriptor, other weights or another preprocessing, or standardised on a library.
        """
        check_raw(specs)
        wanted, given = self.descriptors, tuple((spec.name, spec.fingerprint) for spec in specs)
        if [mark for _, mark in wanted] == [mark for _, mark in given]:
            return
        names = " and ".join(name for name, _ in wanted)
        if [name for name, _ in wanted] == [name for name, _ in given]:
            raise FingerprintError(
                f"this classifier was fitted on {names} vectors made with other weights or another preprocessing: "
                "fit it again with `lookalike classify FOLDER --labels folder --save FILE`"
            )
        raise FingerprintError(
            f"this classifier was fitted on {names} vectors, these are of {' and '.join(name for name, _ in given)}: "
            f"describe the pictures by {names}, or fit another classifier"
        )

    def probabilities(self, vectors: Vectors | Gallery | Sequence[Gallery]) -> NDArray[np.float64]:
        """Return the probability of each class.

        Parameters
        ----------
        vectors
            A gallery, or several side by side, whose fingerprints are checked; or an array (n, dim), bits as packed
            in (n, dim // 8) uint8 or as 0 and 1.

        Returns
        -------
        numpy.ndarray
            (n, n_classes) float64, rows that sum to 1. "logistic": as scikit-learn's ``predict_proba``. "knn": the
            part of the nearest that are of the class; of equally near ones those fitted first.

        Raises
        ------
        FingerprintError
            If a gallery's vectors are of another kind.
        UsageError
            If an array is not of `dim` columns.
        """
        table = self._table(vectors)
        if "mean" in self.arrays:
            table = (table - self.arrays["mean"]) / self.arrays["scale"]
        if self.method == "knn":
            return self._votes(table)
        scores = table @ self.arrays["weights"].T + self.arrays["offsets"]
        if scores.shape[1] == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        result: NDArray[np.float64] = scores / scores.sum(axis=1, keepdims=True)
        return result

    def predict(self, vectors: Vectors | Gallery | Sequence[Gallery]) -> tuple[str, ...]:
        """Return the most probable class of each; of equally probable ones the first in `classes`."""
        return tuple(self.classes[column] for column in self.probabilities(vectors).argmax(axis=1))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, by custom NAME.npz: NumPy arrays and a JSON text, no pickle.

        Raises
        ------
        UsageError
            If there is no such folder.
        LookalikeError
            If the file cannot be written.
        """
        target = Path(path)
        if target.is_dir() or not target.absolute().parent.is_dir():
            raise UsageError(f"{path} cannot be written: name a file in a folder that exists")
        about = {
            "format": FORMAT,
            "version": VERSION,
            "classes": self.classes,
            "descriptors": self.descriptors,
            "method": self.method,
            "metric": self.metric,
            "neighbours": self.neighbours,
            "pictures": self.pictures,
        }
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        try:
            with replacing(target) as stream:
                np.savez_compressed(stream, allow_pickle=False, about=text, **self.arrays)
        except OSError as error:
            raise LookalikeError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Classifier:
        """Read what `save` has written. Nothing in the file is ever executed.

        Raises
        ------
        UsageError
            If it cannot be read or is something else.
        LookalikeError
            If it is damaged, or was written by a newer version.
        """
        try:
            with open(path, "rb") as stream:
                held = np.load(stream, allow_pickle=False)
                if not isinstance(held, np.lib.npyio.NpzFile) or "about" not in held.files:
                    raise _no_classifier(path)
                about = json.loads(held["about"].tobytes())
                arrays = {name: held[name] for name in held.files if name != "about"}
        except OSError as error:
            raise UsageError(f"the classifier {path} cannot be read: {error.strerror or error}") from error
        except UsageError:
            raise
        except (
            ValueError, EOFError, KeyError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error,
        ) as error:  # fmt: skip
            raise _refused(path) from error
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise _no_classifier(path)
        if about.get("version") != VERSION:
            raise LookalikeError(f"{path} was written by a newer version of Lookalike: update to use it")
        try:
            made = cls(
                tuple(about["classes"]),
                tuple((name, fingerprint) for name, fingerprint in about["descriptors"]),
                about["method"],
                arrays,
                about["metric"],
                about["neighbours"],
                about["pictures"],
            )
            fits = made._fits()
        except (KeyError, TypeError, ValueError, IndexError):
            fits = False
        if not fits:
            raise LookalikeError(f"the classifier {path} is damaged: fit it again, or take another copy")
        return made

    def _fits(self) -> bool:
        """Say whether the arrays are those that the method needs, in shapes that go together."""
        arrays, classes, dim = self.arrays, len(self.classes), self.dim
        finite = all(array.dtype.kind in "fiu" and np.isfinite(array).all() for array in arrays.values())
        texts = all(isinstance(word, str) for word in (*self.classes, *sum(self.descriptors, ()), self.metric))
        scaled = "mean" not in arrays or (
            arrays["mean"].shape == arrays["scale"].shape == (dim,) and bool((arrays["scale"] > 0).all())
        )
        if not (finite and texts and scaled and classes >= 2 and self.descriptors):
            return False
        if self.method == "logistic":
            rows = 1 if classes == 2 else classes
            return arrays["weights"].shape == (rows, dim) and arrays["offsets"].shape == (rows,)
        numbers = arrays["numbers"]
        return (
            self.method == "knn"
            and arrays["vectors"].shape == (len(numbers), dim)
            and numbers.dtype.kind in "iu"
            and 1 <= self.neighbours <= len(numbers)
            and int(numbers.min()) >= 0
            and int(numbers.max()) < classes
        )

    def _table(self, vectors: Vectors | Gallery | Sequence[Gallery]) -> NDArray[np.float64]:
        if isinstance(vectors, Gallery):
            vectors = [vectors]
        if not isinstance(vectors, np.ndarray):
            self.check(*(part.spec for part in vectors))
            return numbers_of(vectors)
        if vectors.dtype == np.uint8 and vectors.ndim == 2 and vectors.shape[1] * 8 == self.dim:
            vectors = np.unpackbits(vectors, axis=1)
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise UsageError(f"this classifier takes vectors (n, {self.dim}), not an array of shape {vectors.shape}")
        return vectors.astype(np.float64)

    def _votes(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return which part of the nearest is of each class."""
        fitted = self.arrays["vectors"].astype(np.float64)
        if self.metric == "cosine":
            fitted, table = _unit(fitted), _unit(table)
        squares = (fitted**2).sum(axis=1)
        votes = np.zeros((len(table), len(self.classes)))
        step = max(1, _BLOCK // len(fitted))
        for start in range(0, len(table), step):
            part = table[start : start + step]
            distances = squares - 2 * part @ fitted.T  # the square of the query's own length changes no order
            nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.neighbours]
            rows = np.repeat(np.arange(start, start + len(part)), self.neighbours)
            np.add.at(votes, (rows, self.arrays["numbers"][nearest].ravel()), 1)
        return votes / self.neighbours


def check_raw(specs: Sequence[DescriptorSpec]) -> None:
    """Refuse vectors that depend on the library that they lie in: a classifier goes without it.

    Raises
    ------
    FingerprintError
        If some are standardised on their library.
    """
    for spec in specs:
        if spec.standardised:
            raise FingerprintError(
                f"these {spec.name} vectors are standardised on their library, and a classifier must do without it: "
                "take them with Library.gallery(..., raw=True)"
            )


def numbers_of(galleries: Sequence[Gallery]) -> NDArray[np.float64]:
    """Return the vectors of galleries side by side, (n, sum of dims), bits as 0 and 1."""
    return np.concatenate([gallery.numbers for gallery in galleries], axis=1).astype(np.float64)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    return unit


def _refused(path: str | os.PathLike[str]) -> LookalikeError:
    """Return the error for a file that NumPy does not read: a damaged archive, or something else altogether."""
    try:
        with open(path, "rb") as stream:
            archive = stream.read(2) == b"PK"
    except OSError:
        archive = False
    if archive:
        return LookalikeError(f"the classifier {path} is damaged: fit it again, or take another copy")
    return _no_classifier(path)


def _no_classifier(path: str | os.PathLike[str]) -> UsageError:
    return UsageError(
        f"{path} is not a classifier: make one with `lookalike classify FOLDER --labels folder --save FILE`"
    )
