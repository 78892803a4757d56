"""What is wrong with single pictures of a library: pixels, size, vectors and labels, in one pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import PurePath

import numpy as np

from lookalike.decode import decode
from lookalike.defaults import DESCRIPTOR, DEVICE, FOLDS, MAX_PIXELS, OUTLIER_NEIGHBOURS, SEED
from lookalike.errors import ImageError, UnreadableError
from lookalike.indexing import available_cores
from lookalike.isolation import decoding_elsewhere
from lookalike.library import Library
from lookalike.problems import (
    Measures,
    Problems,
    check_only,
    check_thresholds,
    class_probabilities,
    judge,
    measure_pixels,
    outlyingness,
)
from lookalike.problems.pixels import BLUR_SIDE, is_grey
from lookalike.results import Gallery, IndexReport
from lookalike.sources import PathLike, read_bytes, several, uris_of
from lookalike.store import Image
from lookalike.types import Uri
from lookalike.words import human_count

__all__ = ["inspect"]

_PIXELS = frozenset(("unreadable", "blurred", "dark", "bright", "low-information", "grey-in-colour"))
"""What it takes reading the file to tell; of the others the library knows all."""

_BATCH = 256
"""Pictures that are given to the threads at a time."""


def inspect(
    library: Library,
    paths: PathLike | Iterable[PathLike] = (),
    *,
    labels: str | None = None,
    only: Sequence[str] = (),
    thresholds: Mapping[str, float] | None = None,
    descriptor: str = DESCRIPTOR,
    neighbours: int = OUTLIER_NEIGHBOURS,
    folds: int = FOLDS,
    seed: int = SEED,
    max_pixels: int = MAX_PIXELS,
    device: str = DEVICE,
    threads: int | None = None,
    progress: Callable[[IndexReport], None] | None = None,
    looking: Callable[[int, int], None] | None = None,
    checking: Callable[[int, int], None] | None = None,
) -> Problems:
    """Measure pictures and say what is wrong with each. Nothing is changed but the index.

    Parameters
    ----------
    library
        An open one.
    paths
        Files and folders: what of them is not indexed yet is indexed first. None for the whole library.
    labels
        How to tell labels, to find those that are likely wrong: see `lookalike.labels.read_labels`; None for no labels.
    only
        Of `lookalike.defaults.PROBLEM_KINDS`: what to look for; none for all. What it does not need is not measured.
    thresholds
        Other values than `lookalike.defaults.PROBLEM_THRESHOLDS`, for any of its kinds.
    descriptor
        By whose vectors outliers and wrong labels are told.
    neighbours
        See `lookalike.problems.outlyingness`.
    folds, seed
        Of the check of labels, in which each picture is judged by those of other folds: see
        `lookalike.problems.class_probabilities`. Files with the same bytes are always in one fold. Labels of fewer
        pictures than folds are left out.
    max_pixels, device
        As in `Library.add`.
    threads
        None for one per core.
    progress, looking, checking
        Called with the counts of indexing so far; with how many pictures of how many were measured; with how many
        folds of how many are done.

    Returns
    -------
    Problems
        Worst first. What failed when it was indexed has a row, too; what cannot be read now (gone, a disk that is
        offline) is counted in the notes and is no problem of the picture.

    Raises
    ------
    UsageError
        For an unknown kind or threshold, if there is no usable picture at or under one of `paths`, or no
        label to tell apart.
    FingerprintError
        If the library has no vectors of this descriptor.

    Notes
    -----
    Memory: the vectors, 4 bytes x the descriptor's length for each picture, and the measures.
    """
    started = time.perf_counter()
    kinds, limits = check_only(only), check_thresholds(thresholds or {})
    paths = several(paths)
    by_label = "mislabelled" in kinds and labels is not None
    gallery = None
    if by_label or "outlier" in kinds:
        gallery = library.gallery(paths, descriptor=descriptor, labels=labels, device=device, progress=progress)
    elif paths:
        library.add(paths, descriptors=[descriptor], device=device, progress=progress)
    under = uris_of(paths)
    images = list(dict.fromkeys(library.store.images(under)))
    told = _known(library, images)
    if gallery is not None:
        gallery = gallery.take([row for row, uri in enumerate(gallery.uris) if uri in told])
    notes: list[str] = []
    if _PIXELS & set(kinds):
        gone = _look(images, told, max_pixels, threads or available_cores(), looking)
        if gone:
            notes.append(f"{human_count(gone, 'picture')} could not be read now and so not be looked at")
    content = {image.uri: image.content_id for image in images}
    if gallery is not None and "outlier" in kinds:
        _outliers(gallery, content, told, neighbours, seed)
    if gallery is not None and by_label:
        notes += _labels(gallery, content, told, folds, seed, checking)
    if "unreadable" in kinds:
        for uri, state, kind, reason in library.store.problems():
            if state == "failed" and _is_under(uri, under):
                told[uri] = Measures(error=reason or kind)
    judged = [judge(uri, measures, limits, kinds) for uri, measures in told.items()]
    judged.sort(key=lambda one: (not one.found, -one.severity, -len(one.found), one.uri))
    return Problems(tuple(judged), limits, tuple(notes), time.perf_counter() - started)


def _is_under(uri: Uri, roots: Sequence[Uri]) -> bool:
    if not roots:
        return True
    return any(uri == root or PurePath(root) in PurePath(uri).parents for root in roots)


def _known(library: Library, images: Sequence[Image]) -> dict[Uri, Measures]:
    """Return what the library knows of each picture: its size."""
    contents = library.store.contents(list({image.content_id for image in images}))
    told = {}
    for image in images:
        known = contents.get(image.content_id)
        told[image.uri] = Measures() if known is None else Measures(known.width, known.height)
    return told


def _look(
    images: Sequence[Image],
    told: dict[Uri, Measures],
    max_pixels: int,
    threads: int,
    looking: Callable[[int, int], None] | None,
) -> int:
    """Measure the pixels of every content once; return how many pictures could not be read."""
    named: dict[int, list[Image]] = {}
    for image in images:
        named.setdefault(image.content_id, []).append(image)

    def measure(same: list[Image]) -> tuple[list[Image], Measures | None]:
        for image in same:  # a copy serves where the first name is gone
            try:
                return same, _measured(read_bytes(image.uri), max_pixels)
            except UnreadableError:
                continue
            except ImageError as error:
                return same, Measures(error=str(error))
        return same, None

    gone = done = 0
    with decoding_elsewhere(), ThreadPoolExecutor(threads) as pool:
        for batch in _batches(iter(named.values())):
            for same, measures in pool.map(measure, batch):
                done += len(same)
                if measures is None:
                    gone += len(same)
                else:
                    told.update({image.uri: measures for image in same})
            if looking:
                looking(done, len(images))
    return gone


def _measured(data: bytes, max_pixels: int) -> Measures:
    """Decode and measure one file: reduced, but for what is only to be told from all of its pixels."""
    found = decode(data, min_side=BLUR_SIDE * 3 // 4, max_pixels=max_pixels)
    pixels = measure_pixels(found.pixels)
    colour_file = found.colours and found.frames == 1
    if colour_file and pixels.grey and found.pixels.shape[:2] != (found.height, found.width):
        pixels = replace(pixels, grey=is_grey(decode(data, max_pixels=max_pixels).pixels))
    return Measures(found.width, found.height, pixels, colour_file)


def _batches(items: Iterator[list[Image]]) -> Iterator[list[list[Image]]]:
    while batch := list(islice(items, _BATCH)):
        yield batch


def _outliers(
    gallery: Gallery, content: Mapping[Uri, int], told: dict[Uri, Measures], neighbours: int, seed: int
) -> None:
    """Tell how far each content lies from the others: copies of it would make it look at home."""
    first: dict[int, int] = {}
    for row, uri in enumerate(gallery.uris):
        first.setdefault(content[uri], row)
    off = outlyingness(gallery.vectors[list(first.values())], gallery.spec.metric, neighbours=neighbours, seed=seed)
    found = dict(zip(first, off.tolist(), strict=True))
    for uri in gallery.uris:
        value = found[content[uri]]
        told[uri] = replace(told[uri], outlier=None if np.isnan(value) else value)


def _labels(
    gallery: Gallery,
    content: Mapping[Uri, int],
    told: dict[Uri, Measures],
    folds: int,
    seed: int,
    checking: Callable[[int, int], None] | None,
) -> list[str]:
    """Tell which labels are likely wrong; return notes on what was left out."""
    for uri, label in zip(gallery.uris, gallery.labels, strict=True):
        told[uri] = replace(told[uri], label=label)
    counts = Counter(label for label in gallery.labels if label is not None)
    classes = sorted(label for label, count in counts.items() if count >= folds)
    column = {label: at for at, label in enumerate(classes)}
    rows = [row for row, label in enumerate(gallery.labels) if label in column]
    given = [column[gallery.labels[row] or ""] for row in rows]
    chosen = gallery.take(rows)
    groups = [content[uri] for uri in chosen.uris]
    probabilities = class_probabilities(
        chosen.numbers, given, groups=groups, folds=folds, seed=seed, progress=checking
    )  # fmt: skip
    likeliest = probabilities.argmax(axis=1)
    for row, uri in enumerate(chosen.uris):
        told[uri] = replace(
            told[uri],
            suggested=classes[likeliest[row]],
            label_probability=float(probabilities[row, given[row]]),
            suggested_probability=float(probabilities[row, likeliest[row]]),
        )
    return _left_out(gallery, counts, folds)


def _left_out(gallery: Gallery, counts: Mapping[str, int], folds: int) -> list[str]:
    notes = []
    if without := sum(label is None for label in gallery.labels):
        notes.append(f"{human_count(without, 'picture')} without a label not checked for a wrong one")
    if small := [label for label, count in counts.items() if count < folds]:
        named = ", ".join(sorted(small)[:5]) + (" ..." if len(small) > 5 else "")
        notes.append(
            f"{human_count(len(small), 'label')} with fewer than {folds} pictures not checked ({named}): fewer --folds "
            "may do"
        )
    return notes
