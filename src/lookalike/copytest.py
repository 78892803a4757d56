"""Self-evaluation: how well copies of the user's own pictures are found among those that are none."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lookalike.decode import decode
from lookalike.defaults import COPIES_EACH, DEVICE, PROBABILITY, SEED
from lookalike.duplicates.verify import CopyVerifier
from lookalike.edits import KINDS, STRENGTHS, edit
from lookalike.errors import ImageError, UsageError
from lookalike.evaluate import CopyReport, copy_report
from lookalike.isolation import decoding_elsewhere
from lookalike.library import Library, open_library
from lookalike.sources import PathLike, read_bytes
from lookalike.types import RGBImage, Rows, Tabular, Uri

__all__ = ["METHODS", "CopyTest", "evaluate_copies"]

METHODS = ("verified", "lite0", "pdq")
"""What can be measured: verification, or the distance of one descriptor alone."""

SPARE = 24
"""Pictures that others are pasted into; they are not searched."""

SEARCHED = 10
"""Candidates of a query that are ranked."""

BATCH = 16
"""Copies that are made, described and verified together."""


@dataclass(frozen=True)
class CopyTest(Tabular):
    """How well copies are found, by one or several methods.

    Attributes
    ----------
    reports
        One for each method.
    pictures
        How many pictures the copies were sought among.
    ambiguous
        (original, picture found) of pairs left out because the picture found is itself a copy of the original, or of
        one that others are pasted into, as far as verification tells: worth a look.
    mistaken
        (kind, strength, original, picture found, probability) of false pairs that were called copies, surest first.
    missed
        (kind, strength, original) of copies that were not called copies of their original.
    """

    reports: tuple[CopyReport, ...]
    pictures: int
    ambiguous: tuple[tuple[Uri, Uri], ...]
    mistaken: tuple[tuple[str, str, Uri, Uri, float], ...] = ()
    missed: tuple[tuple[str, str, Uri], ...] = ()

    def report(self, method: str) -> CopyReport:
        """Return the report of one method."""
        return next(report for report in self.reports if report.method == method)

    def rows(self) -> Rows:
        """Return the rows of all reports."""
        tables = [report.rows() for report in self.reports]
        return Rows(tables[0].columns, [row for table in tables for row in table.values])


@dataclass(frozen=True)
class _Copy:
    """One copy to be made."""

    kind: str
    strength: str
    original: Uri
    seed: int


def evaluate_copies(
    paths: PathLike | Iterable[PathLike],
    *,
    kinds: Sequence[str] = KINDS,
    strengths: Sequence[str] = STRENGTHS,
    each: int = COPIES_EACH,
    methods: Sequence[str] = METHODS,
    seed: int = SEED,
    device: str = DEVICE,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> CopyTest:
    """Make edited copies of pictures, look for their originals among all of them, and measure how well that went.

    Parameters
    ----------
    paths
        Folders and files of pictures; at least 50.
    kinds, strengths
        Which of `lookalike.edits.KINDS` and `STRENGTHS`.
    each
        Copies of each kind at each strength, each of another picture as far as there are as many.
    methods
        Which of `METHODS`.
    seed
        Of the lot by which pictures and edits are drawn.
    device
        See `Library.add`.
    folder
        Of the library in which the pictures are indexed; None for one that is removed afterwards.
    progress
        Called with "indexing", "comparing" or "searching", and how many of how many are done.

    Returns
    -------
    CopyTest
        Originals that have a copy among the pictures are not drawn.

    Raises
    ------
    UsageError
        If there are too few pictures, or a kind, strength or method is unknown.
    """
    _check(kinds, strengths, methods, each)
    tell = progress or _silent
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "copies.lookalike"
        library = stack.enter_context(open_library(folder))
        library.add(paths, device=device, progress=lambda report: tell("indexing", report.found, report.total or 0))
        uris = sorted(image.uri for image in library.store.images())
        if len(uris) < SPARE + 26:
            raise UsageError(f"{len(uris)} pictures are too few to measure with: give at least {SPARE + 26}")
        lot = np.random.default_rng([seed, 4])
        uris = [uris[at] for at in lot.permutation(len(uris))]
        spare = [picture for uri in uris[:SPARE] if (picture := _read(uri)) is not None]
        searched = set(uris[SPARE:])
        doubled = _doubled(library, lambda done, total: tell("comparing", done, total))
        pasted = {doubled[uri] for uri in uris[:SPARE] if uri in doubled}
        usable = [uri for uri in uris[SPARE:] if uri not in doubled]
        copies = _drawn(usable, kinds, strengths, each, lot)
        return _run(library, copies, spare, searched, doubled, pasted, methods, device, tell)


def _silent(*_: object) -> None:
    """Tell nobody how it goes on."""


def _check(kinds: Sequence[str], strengths: Sequence[str], methods: Sequence[str], each: int) -> None:
    choices = ((kinds, KINDS, "kind"), (strengths, STRENGTHS, "strength"), (methods, METHODS, "method"))
    for given, known, what in choices:
        for one in given:
            if one not in known:
                raise UsageError(f"no {what} {one!r}: choose among {', '.join(known)}")
        if not given:
            raise UsageError(f"name at least one {what}")
    if each < 1:
        raise UsageError(f"at least 1 copy of each kind and strength, not {each}")


def _doubled(library: Library, progress: Callable[[int, int], None]) -> dict[Uri, int]:
    """Return the pictures that have a copy among the others, with the number of their group."""
    groups = library.duplicates(level="edited", progress=progress).groups
    return {member.uri: group.number for group in groups for member in group.members}


def _drawn(
    uris: Sequence[Uri], kinds: Sequence[str], strengths: Sequence[str], each: int, lot: np.random.Generator
) -> list[_Copy]:
    """Return the copies to be made, each original as seldom as can be."""
    cells = [(kind, strength) for kind in kinds for strength in strengths for _ in range(each)]
    if not uris:
        raise UsageError("every picture has a copy among the others: there is none to measure with")
    seeds = lot.integers(0, 1 << 31, len(cells))
    return [
        _Copy(kind, strength, uris[at % len(uris)], int(seed))
        for at, ((kind, strength), seed) in enumerate(zip(cells, seeds, strict=True))
    ]


def _run(
    library: Library,
    copies: Sequence[_Copy],
    spare: Sequence[RGBImage],
    searched: set[Uri],
    doubled: dict[Uri, int],
    pasted: set[int],
    methods: Sequence[str],
    device: str,
    tell: Callable[[str, int, int], None],
) -> CopyTest:
    made: list[_Copy] = []
    pairs: dict[str, list[tuple[float, bool, int]]] = {method: [] for method in methods}
    mistaken: list[tuple[str, str, Uri, Uri, float]] = []
    missed: list[tuple[str, str, Uri]] = []
    ambiguous: dict[tuple[Uri, Uri], None] = {}
    listed = iter(copies)
    while batch := list(islice(listed, BATCH)):
        images = []
        for copy in batch:
            image = _read(copy.original)
            if image is not None:
                images.append(edit(image, copy.kind, copy.strength, copy.seed, spare))
                made.append(copy)
        for method in methods if images else ():
            for at, found in enumerate(_found(library, images, method, device)):
                number = len(made) - len(images) + at
                copy, hit = made[number], False
                for uri, score in found:
                    if uri not in searched:
                        continue
                    right = uri == copy.original
                    pair = (copy.original, uri)
                    if not right and (
                        pair in ambiguous
                        or doubled.get(uri) in {doubled.get(copy.original), *pasted} - {None}
                        or (method == "verified" and score >= PROBABILITY and _copies_themselves(*pair))
                    ):
                        ambiguous[pair] = None
                        continue
                    pairs[method].append((score, right, number))
                    hit |= right and score >= PROBABILITY
                    if method == "verified" and not right and score >= PROBABILITY:
                        mistaken.append((copy.kind, copy.strength, copy.original, uri, score))
                if method == "verified" and not hit:
                    missed.append((copy.kind, copy.strength, copy.original))
        tell("searching", len(made), len(copies))
    reports = []
    for method in methods:
        scores, truth, numbers = (np.array(column) for column in zip(*pairs[method], strict=True))
        reports.append(
            copy_report(
                scores.astype(np.float64), truth.astype(bool), numbers.astype(np.int64),
                [copy.kind for copy in made], [copy.strength for copy in made], method=method,
            )
        )  # fmt: skip
    mistaken.sort(key=lambda row: (-row[4], row))
    return CopyTest(tuple(reports), len(searched), tuple(ambiguous), tuple(mistaken), tuple(missed))


def _copies_themselves(a: Uri, b: Uri) -> bool:
    """Say whether two unedited pictures of the test are copies of each other."""
    one, two = _read(a), _read(b)
    return one is not None and two is not None and CopyVerifier().verify(one, two).probability >= PROBABILITY


def _found(library: Library, images: Sequence[RGBImage], method: str, device: str) -> Iterator[list[tuple[Uri, float]]]:
    """Yield what is found for each picture: its name and a score, larger for a surer copy."""
    verify = method == "verified"
    result = library.search(
        list(images), SEARCHED, descriptor="lite0" if verify else method, verify=verify, device=device
    )
    for at, (uris, distances) in enumerate(zip(result.uris, result.distances, strict=True)):
        scores = [one.probability for one in result.evidence[at]] if verify else (-distances).tolist()
        yield [(uri, float(score)) for uri, score in zip(uris, scores, strict=False) if uri is not None]


def _read(uri: Uri) -> RGBImage | None:
    """Return a picture, or None if it cannot be read any more."""
    try:
        with decoding_elsewhere():
            return decode(read_bytes(uri), min_side=1024).pixels
    except ImageError:
        return None
