"""New pictures labelled by a classifier, without a library."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.classify import Classifier
from lookalike.decode import decode_at
from lookalike.defaults import DEVICE, MAX_PIXELS
from lookalike.descriptors import describe, get_descriptor
from lookalike.descriptors.onnx import KINDS, OnnxDescriptor
from lookalike.errors import ImageError, NotAnImageError, UsageError
from lookalike.indexing import PARCEL_PIXELS, available_cores
from lookalike.isolation import decoding_elsewhere
from lookalike.results import Gallery
from lookalike.searching import BATCH, Query, QueryLike, expand, read_query
from lookalike.sources import normalise_uri
from lookalike.types import Descriptor, DescriptorSpec, RGBImage, Rows, Tabular, Uri

__all__ = ["Labelling", "ModelLike", "label_pictures"]

ModelLike: TypeAlias = Classifier | str | os.PathLike[str]
"""A classifier, the file of a saved one, or the name of a trained network: "cnn:NAME", "onnx:PATH"."""


@dataclass(frozen=True)
class Labelling(Tabular):
    """What pictures are told to be.

    Attributes
    ----------
    uris
        n names, in the order asked.
    labels
        For each the classes held likeliest, likeliest first; none where it could not be read.
    probabilities
        Theirs.
    reasons
        Why a picture could not be read, or empty.
    skipped
        Files in folders that are no pictures and have no row.
    """

    uris: tuple[Uri, ...]
    labels: tuple[tuple[str, ...], ...]
    probabilities: tuple[tuple[float, ...], ...]
    reasons: tuple[str, ...]
    skipped: int = 0

    @property
    def failed(self) -> tuple[tuple[Uri, str], ...]:
        """(uri, reason) of what could not be read."""
        return tuple((uri, reason) for uri, reason in zip(self.uris, self.reasons, strict=True) if reason)

    def rows(self) -> Rows:
        """One row per picture, with its first and its second choice; `reason` says why there is none."""
        values = []
        for uri, names, parts, reason in zip(self.uris, self.labels, self.probabilities, self.reasons, strict=True):
            cells = [cell for pair in zip(names, parts, strict=True) for cell in pair][:4]
            values.append((uri, *cells, *[None] * (4 - len(cells)), reason or None))
        return Rows(("uri", "label", "probability", "second", "second_probability", "reason"), values)


def label_pictures(
    pictures: QueryLike | Iterable[QueryLike],
    model: ModelLike,
    *,
    choices: int = 2,
    max_pixels: int = MAX_PIXELS,
    device: str = DEVICE,
    allow_private_urls: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Labelling:
    """Tell the class of pictures. They are read, described and forgotten: no library is opened or changed.

    Parameters
    ----------
    pictures
        One or several of: a file, a folder of files, a URL, the bytes of a file, an array (height, width, 3) uint8, a
        Pillow image. What in a folder is no picture is passed over.
    model
        See `ModelLike`.
    choices
        How many classes to keep of each picture.
    max_pixels, device, allow_private_urls
        As in `Library.add`.
    progress
        Called now and then with how many pictures are done, of None: folders are listed while they are read.

    Returns
    -------
    Labelling
        In the order asked. A picture that cannot be read keeps its place, with its reason.

    Raises
    ------
    FingerprintError
        If the classifier was fitted on vectors that its descriptor no longer makes.
    UsageError
        If the model is no classifier, or a picture is of no known kind.
    """
    if choices < 1:
        raise UsageError(f"choices must be at least 1, not {choices}")
    judge = _judge(model, device)
    if isinstance(pictures, Iterator):
        pictures = list(pictures)  # gone through twice
    listed = pictures if isinstance(pictures, list | tuple) else [pictures]
    named = {normalise_uri(os.fspath(one)) for one in listed if isinstance(one, str | os.PathLike)}

    uris: list[Uri] = []
    reasons: list[str] = []
    found: list[NDArray[np.float64]] = []
    skipped = 0
    work = partial(_work, judge, max_pixels, allow_private_urls)
    for told in _rounds(expand(pictures), work):
        for query, row in told:
            if isinstance(row, NotAnImageError) and query.item is not None and query.name not in named:
                skipped += 1
                continue
            uris.append(query.name)
            reasons.append(str(row) if isinstance(row, ImageError) else "")
            found.append(np.empty(0) if isinstance(row, ImageError) else row)
        if progress:
            progress(len(uris), None)
    best = [np.argsort(-row, kind="stable")[:choices] for row in found]
    return Labelling(
        tuple(uris),
        tuple(tuple(judge.classes[column] for column in order) for order in best),
        tuple(tuple(float(row[column]) for column in order) for row, order in zip(found, best, strict=True)),
        tuple(reasons),
        skipped,
    )


Sides: TypeAlias = dict[int, RGBImage]
"""A picture at the least sides that descriptors ask for."""


class _Judge(Protocol):
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def sides(self) -> tuple[int, ...]: ...
    def probabilities(self, images: Sequence[Sides]) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class _Network:
    """A trained network that ends in classes."""

    model: OnnxDescriptor

    @property
    def classes(self) -> tuple[str, ...]:
        return self.model.labels

    @property
    def sides(self) -> tuple[int, ...]:
        return (self.model.spec.min_side,)

    def probabilities(self, images: Sequence[Sides]) -> NDArray[np.float64]:
        return self.model.probabilities([image[self.sides[0]] for image in images]).astype(np.float64)


@dataclass(frozen=True)
class _Fitted:
    """Descriptors, and a classifier fitted on their vectors."""

    classifier: Classifier
    descriptors: tuple[Descriptor, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.classifier.classes

    @property
    def sides(self) -> tuple[int, ...]:
        return tuple(descriptor.spec.min_side for descriptor in self.descriptors)

    def probabilities(self, images: Sequence[Sides]) -> NDArray[np.float64]:
        names = tuple(map(str, range(len(images))))
        galleries = []
        for descriptor in self.descriptors:
            spec = _raw(descriptor.spec)
            # In the type in which a library keeps them: what was fitted on came from there.
            rows, _ = describe(descriptor, [image[spec.min_side] for image in images])
            galleries.append(Gallery(names, rows.astype(spec.dtype), spec))
        return self.classifier.probabilities(galleries)


def _judge(model: ModelLike, device: str) -> _Judge:
    if isinstance(model, str) and model.partition(":")[0] in (*KINDS, "onnx") and ":" in model:
        network = get_descriptor(model, device)
        if not isinstance(network, OnnxDescriptor) or not network.model_spec.probabilities:
            raise UsageError(
                f"{model} is not a classifier: fit one on its vectors with `lookalike classify FOLDER --labels folder "
                f"--descriptor {model} --save FILE`"
            )
        return _Network(network)
    classifier = model if isinstance(model, Classifier) else Classifier.load(model)
    descriptors = tuple(get_descriptor(name, device) for name, _ in classifier.descriptors)
    classifier.check(*(_raw(descriptor.spec) for descriptor in descriptors))
    return _Fitted(classifier, descriptors)


def _raw(spec: DescriptorSpec) -> DescriptorSpec:
    """Return what tells of vectors as a descriptor makes them, standardised on no library."""
    return replace(spec, standardised=False)


def _work(
    judge: _Judge, max_pixels: int, allow_private: bool, batch: Sequence[Query]
) -> list[tuple[Query, NDArray[np.float64] | ImageError]]:
    """Take some pictures from their names to their probabilities, in one thread."""
    found: list[NDArray[np.float64] | ImageError] = []
    waiting: dict[int, Sides] = {}

    def flush() -> None:
        for at, row in zip(waiting, judge.probabilities(list(waiting.values())) if waiting else (), strict=True):
            found[at] = row
        waiting.clear()

    for query in batch:
        try:
            waiting[len(found)] = _read(query, judge.sides, max_pixels, allow_private)
            found.append(np.empty(0))
        except ImageError as error:
            found.append(error)
        if sum(image.size // 3 for sides in waiting.values() for image in sides.values()) > PARCEL_PIXELS:
            flush()
    flush()
    return list(zip(batch, found, strict=True))


def _read(query: Query, sides: Sequence[int], max_pixels: int, allow_private: bool) -> Sides:
    if query.pixels is not None:
        return dict.fromkeys(sides, query.pixels)
    data = read_query(query, allow_private=allow_private) or b""
    return {side: image.pixels for side, image in decode_at(data, sides, max_pixels=max_pixels).items()}


def _rounds(
    queries: Iterator[Query], work: Callable[[Sequence[Query]], list[tuple[Query, NDArray[np.float64] | ImageError]]]
) -> Iterator[list[tuple[Query, NDArray[np.float64] | ImageError]]]:
    """Yield what pictures are told to be, in order, some at a time; one thread per core."""
    threads = available_cores()
    with decoding_elsewhere(), ThreadPoolExecutor(threads) as pool:
        while round_ := list(islice(queries, BATCH * threads)):
            parts = [round_[at::threads] for at in range(threads)]
            told: list[Any] = [None] * len(round_)
            for at, part in enumerate(pool.map(work, parts)):
                told[at::threads] = part
            yield told
