"""A scikit-learn transformer: pictures in, vectors out.

>>> from lookalike.sklearn import ImageDescriptor
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.model_selection import cross_val_score
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> model = make_pipeline(ImageDescriptor("lite0"), StandardScaler(), LogisticRegression())
>>> cross_val_score(model, paths, labels)  # doctest: +SKIP

scikit-learn is imported with this module.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from lookalike.decode import decode
from lookalike.defaults import DESCRIPTOR, DEVICE, MAX_PIXELS
from lookalike.descriptors import describe, get_descriptor
from lookalike.errors import ImageError, LibraryLockedError, UsageError
from lookalike.indexing import available_cores
from lookalike.isolation import decoding_elsewhere
from lookalike.library import Library, open_library
from lookalike.searching import BATCH, Query, expand, read_query, vectors_of
from lookalike.sources import is_url
from lookalike.types import Descriptor, RGBImage, Vectors

__all__ = ["ImageDescriptor"]

OnError: TypeAlias = Literal["raise", "nan"]
_ON_ERROR = ("raise", "nan")


class ImageDescriptor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn pictures into the vectors of a descriptor.

    It learns nothing, so that `transform` needs no `fit`. The numbers are as the descriptor gives them: unit rows for
    "lite0", 0 and 1 for the bits of "pdq". Those of "haralick" have units of their own: put a StandardScaler behind
    it, which then learns from the training folds alone.

    Parameters
    ----------
    descriptor
        Its name: see `lookalike.get_descriptor`. A grid search can try several.
    device
        Where its model runs: see `lookalike.get_descriptor`.
    max_pixels
        Larger pictures cannot be used.
    library
        The folder of a library that keeps the vectors of files and URLs, made if it is not there; None for none. With
        it a picture is described once, however many folds, grids and sessions ask for it. Arrays, bytes and Pillow
        images are always described anew.
    on_error
        What a picture that cannot be used does: "raise" an error that names it; or its row is "nan" and a warning is
        given.

    Attributes
    ----------
    n_features_out_
        Length of a vector, after `fit`.

    Notes
    -----
    Vectors are rounded as a library keeps them (float16 for a cosine descriptor), with and without `library`.

    A library has one writer at a time. Of the parallel jobs of a grid search one writes, and the others describe what
    they need themselves: to describe each picture once, call ``fit_transform`` on all of them before the search.
    """

    n_features_out_: int

    def __init__(
        self,
        descriptor: str = DESCRIPTOR,
        *,
        device: str = DEVICE,
        max_pixels: int = MAX_PIXELS,
        library: str | os.PathLike[str] | None = None,
        on_error: OnError = "raise",
    ) -> None:
        self.descriptor = descriptor
        self.device = device
        self.max_pixels = max_pixels
        self.library = library
        self.on_error = on_error

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803
        """Check the parameters and that `X` holds pictures, without reading them.

        Parameters
        ----------
        X
            See `transform`; at least one picture.
        y
            Of no use here.

        Raises
        ------
        UsageError
            For wrong parameters or what is no list of pictures. It is also a ValueError.
        """
        if not _listed(X):
            raise UsageError("there are no pictures to fit to: X is empty")
        self.n_features_out_ = self._embedder().spec.dim
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: N803
        """Return one vector per picture.

        Parameters
        ----------
        X
            n pictures: a list, an array or a data frame's column of paths and URLs; a list of arrays (height, width,
            3) uint8, of Pillow images or of the bytes of files, mixed as you like; or one array (n, height, width, 3).

        Returns
        -------
        ndarray
            (n, dim) float32.

        Raises
        ------
        ImageError
            If a picture cannot be used and `on_error` is "raise".
        UsageError
            As in `fit`.
        """
        pictures = _listed(X)
        embedder = self._embedder()
        spec = embedder.spec
        queries = [_query(picture, number) for number, picture in enumerate(pictures)]
        answered = (
            self._from_library(queries, pictures, embedder)
            if self.library is not None
            else self._anew(queries, embedder)
        )
        vectors = np.full((len(queries), spec.dim), np.nan, np.float32)
        problems: list[str] = []
        for row, query in enumerate(answered):
            if query.vector is None:
                if self.on_error == "raise":
                    raise ImageError(f"{query.name}: {query.problem} (on_error='nan' passes over such pictures)")
                problems.append(f"{query.name}: {query.problem}")
            else:
                vectors[row] = np.unpackbits(query.vector) if spec.metric == "hamming" else query.vector
        if problems:
            warnings.warn(f"{len(problems)} of {len(queries)} pictures cannot be used: {problems[0]}", stacklevel=2)
        return vectors

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return the names of the columns: "lite0_0", "lite0_1" ...

        Parameters
        ----------
        input_features
            Of no use here: what comes in are pictures.
        """
        return np.array([f"{self.descriptor}_{number}" for number in range(self._embedder().spec.dim)], object)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        # A list of paths is 1-D; no table of numbers is meant.
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _embedder(self) -> Descriptor:
        if self.on_error not in _ON_ERROR:
            raise UsageError(f"on_error is one of {', '.join(_ON_ERROR)}, not {self.on_error!r}")
        if isinstance(self.library, Library):
            raise UsageError(f"library is the path of one, so that it can be cloned and pickled: {self.library.path}")
        return get_descriptor(self.descriptor, self.device)

    def _anew(self, queries: Sequence[Query], embedder: Descriptor) -> Iterator[Query]:
        batches = [queries[start : start + BATCH] for start in range(0, len(queries), BATCH)]
        with decoding_elsewhere(), ThreadPoolExecutor(available_cores()) as pool:
            for batch in pool.map(lambda batch: _described(batch, embedder, self.max_pixels), batches):
                yield from batch

    def _from_library(self, queries: Sequence[Query], pictures: list[Any], embedder: Descriptor) -> Iterator[Query]:
        name = embedder.spec.name
        with open_library(self.library) as library:
            files = [picture for picture in pictures if isinstance(picture, str | os.PathLike)]
            with contextlib.suppress(LibraryLockedError):  # who holds it may be a sibling: see Notes
                if files:
                    library.add(files, descriptors=[name], max_pixels=self.max_pixels, device=self.device)
            held = {spec.fingerprint: id_ for id_, spec in library.store.descriptors().items()}
            with decoding_elsewhere():
                for batch in vectors_of(
                    queries,
                    library.store,
                    embedder,
                    held.get(embedder.spec.fingerprint, 0),
                    max_pixels=self.max_pixels,
                    threads=available_cores(),
                ):
                    yield from batch


def _listed(pictures: Any) -> list[Any]:
    """Return the pictures as a list.

    Raises
    ------
    UsageError
        If it is one picture, or a table of something else.
    """
    if isinstance(pictures, str | bytes | os.PathLike) or hasattr(pictures, "convert"):
        raise UsageError("X is a list of pictures: put one picture in brackets, [picture]")
    if hasattr(pictures, "to_numpy"):  # a column, or a data frame of one
        pictures = pictures.to_numpy()
    if not isinstance(pictures, np.ndarray):
        try:
            return list(pictures)
        except TypeError:
            raise UsageError(f"X is a list of pictures, not {type(pictures).__name__}") from None
    if pictures.dtype.kind in "OUT":
        if pictures.ndim == 2 and pictures.shape[1] == 1:
            pictures = pictures[:, 0]
        if pictures.ndim == 1:
            return [str(one) if isinstance(one, np.str_) else one for one in pictures]
    if pictures.dtype == np.uint8 and (pictures.ndim == 4 or (pictures.ndim == 3 and pictures.shape[2] != 3)):
        return list(pictures)
    raise UsageError(
        f"X is a list of paths, arrays, Pillow images or bytes, or one array (n, height, width, 3) of uint8, not "
        f"{pictures.shape} of {pictures.dtype}"
    )


def _query(picture: Any, number: int) -> Query:
    """Return what is asked about; a picture without a name is called by its place."""
    if isinstance(picture, str | os.PathLike):
        if not is_url(text := os.fspath(picture)) and Path(text).is_dir():
            raise UsageError(f"{text} is a folder: X lists its files, as in sorted(Path({text!r}).iterdir())")
        return next(expand(picture))
    if isinstance(picture, bytes):
        return Query(f"picture {number} of X", data=picture)
    try:
        one = next(expand([picture]))
    except UsageError as error:
        raise UsageError(f"picture {number} of X: {error}") from error
    return Query(f"picture {number} of X", pixels=one.pixels, problem=one.problem)


def _described(queries: Sequence[Query], embedder: Descriptor, max_pixels: int) -> list[Query]:
    """Return the queries, each with its vector in storage type or its problem."""
    done: list[Query] = []
    pixels: list[RGBImage] = []
    for query in queries:
        picture, problem = query.pixels, ""
        try:
            if picture is None:
                data = read_query(query) or b""
                picture = decode(data, min_side=embedder.spec.min_side, max_pixels=max_pixels).pixels
            pixels.append(picture)
        except ImageError as error:
            problem = str(error)
        done.append(Query(query.name, problem=problem))
    rows: Iterator[Vectors] = iter(describe(embedder, pixels)[0])
    return [query if query.problem else Query(query.name, vector=next(rows)) for query in done]
