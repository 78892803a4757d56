"""Leaks of a data set: copies on two sides of its parts, one picture under two labels, and the moves that end them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TypeAlias

from lookalike.defaults import DESCRIPTORS, DEVICE, LEVELS, SPLIT_LEVEL
from lookalike.duplicates import Apart, Pair, check_level, merged, needed_descriptors
from lookalike.errors import NotAnImageError, UsageError
from lookalike.labels import read_labels
from lookalike.library import Library, PathLike
from lookalike.results import Evidence, IndexReport
from lookalike.sources import collect, normalise_uri
from lookalike.splitting import Repair, Split, read_split, repair
from lookalike.store import Image
from lookalike.types import Rows, Tabular, Uri, Verdict
from lookalike.words import human_count, human_probability

__all__ = ["Leak", "LeakReport", "find_leaks", "repair_split"]

Parts: TypeAlias = "Split | PathLike | Mapping[str, PathLike] | Sequence[PathLike]"
Key: TypeAlias = "tuple[str, str | None]"

UNREAD = "pictures could not be read: `lookalike status --errors` says why"


@dataclass(frozen=True)
class Leak:
    """Two copies that should not be where they are, or not be labelled as they are.

    Attributes
    ----------
    part_a, part_b
        Of either; a is in the part that was named first.
    verdict, probability, distance, reason
        What b is of a; `distance` is lite0's cosine where there is one.
    evidence
        Of b against a, where that was verified; None for equal bytes or pixels.
    """

    part_a: str
    uri_a: Uri
    part_b: str
    uri_b: Uri
    verdict: Verdict
    probability: float
    distance: float | None
    reason: str
    label_a: str | None = None
    label_b: str | None = None
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    @property
    def across(self) -> bool:
        """Whether they are in two parts."""
        return self.part_a != self.part_b

    @property
    def problem(self) -> str:
        """Return "leak" (in two parts), "labels" (under two labels), or "leak+labels"."""
        two = self.label_a is not None and self.label_b is not None and self.label_a != self.label_b
        return "+".join(["leak"] * self.across + ["labels"] * two)


@dataclass(frozen=True)
class LeakReport(Tabular):
    """What `find_leaks` found.

    Attributes
    ----------
    leaks
        Leaks before mere differences of labels, the strongest verdict and the surest pair first. A picture with several
        names in one part is paired by its first one, so that each name that leaks is in some row.
    parts
        (name, pictures) of each part.
    level
        The weakest verdict looked for.
    left_out
        What could not be looked at, with counts.
    """

    leaks: tuple[Leak, ...]
    parts: tuple[tuple[str, int], ...]
    level: str
    seconds: float = 0.0
    left_out: tuple[tuple[str, int], ...] = ()

    def rows(self) -> Rows:
        columns = ("part_a", "uri_a", "part_b", "uri_b", "problem", "verdict", "probability", "label_a", "label_b",
                   "distance", "reason")  # fmt: skip
        values = [
            (x.part_a, x.uri_a, x.part_b, x.uri_b, x.problem, x.verdict, x.probability, x.label_a, x.label_b,
             x.distance, x.reason)
            for x in self.leaks
        ]  # fmt: skip
        return Rows(columns, values)

    def summary(self) -> Rows:
        """Return (part_a, part_b, leaks, pictures_a, pictures_b) of each two parts; pictures are those that leak."""
        values = []
        for at, (a, _) in enumerate(self.parts):
            for b, _ in self.parts[at + 1 :]:
                found = [leak for leak in self.leaks if (leak.part_a, leak.part_b) == (a, b)]
                values.append((a, b, len(found), len({x.uri_a for x in found}), len({x.uri_b for x in found})))
        return Rows(("part_a", "part_b", "leaks", "pictures_a", "pictures_b"), values)

    def sentences(self) -> list[str]:
        """Return what was found, in words: one for each two parts, one for labels, one for each thing left out."""
        said = []
        for a, b, leaks, pictures_a, pictures_b in self.summary().values:
            what = f"{human_count(leaks, 'leak')} between {a} and {b}" if leaks else f"No leak between {a} and {b}"
            of = f": {human_count(pictures_b, 'picture')} of {b}, {pictures_a:,} of {a}" if leaks else ""
            said.append(f"{what}{of}.")
        labels = sum("labels" in leak.problem for leak in self.leaks)
        if labels:
            said.append(f"{human_count(labels, 'pair')} of copies under two labels.")
        return said + [f"{count} {reason}." for reason, count in self.left_out]

    def _repr_html_(self, pairs: int = 12) -> str:
        from lookalike.notebook import Card, Section, page

        sections = []
        for leak in self.leaks[:pairs]:
            cards = [Card(leak.uri_a, (leak.part_a, leak.label_a or "")), Card(leak.uri_b, (leak.part_b, leak.reason))]
            sections.append(Section(f"{leak.problem}: {leak.verdict}", cards))
        more = len(self.leaks) - pairs
        return page(" ".join(self.sentences()), sections, note=human_count(more, "more pair") if more > 0 else "")


def find_leaks(
    library: Library,
    parts: Parts,
    *,
    level: str = SPLIT_LEVEL,
    labels: str | None = None,
    probability: float | None = None,
    device: str = DEVICE,
    progress: Callable[[IndexReport], None] | None = None,
    comparing: Callable[[int, int], None] | None = None,
) -> LeakReport:
    """Find copies across the parts of a data set, and copies under two labels, across or within parts.

    Parameters
    ----------
    library
        Where the pictures are indexed, if they are not yet.
    parts
        Two folders or more (or one, to look at its labels alone), called by their names; names with folders; or a
        split, or the CSV file of one: see `lookalike.splitting.read_split`.
    level
        The weakest verdict that counts, as in `Library.duplicates`.
    labels
        How to tell labels: see `lookalike.labels.read_labels`; None for those of a split, if it has any, else to look
        at parts alone.
    probability, device, progress
        As in `Library.duplicates` and `Library.add`.
    comparing
        As `progress` in `Library.duplicates`.

    Raises
    ------
    UsageError
        For unknown levels or labels, parts one of which lies in another, fewer than two parts and no labels, or a part
        without a usable picture.
    """
    started = time.perf_counter()
    data = _read(library, parts, level, device, progress)
    told = {} if data.given is None else dict(zip(data.given.uris, data.given.labels, strict=True))
    if len(data.order) < 2 and labels is None and not any(told.values()):
        raise UsageError("name at least two parts, or tell labels with --labels")
    images, found = library.pairs(data.under, level=level, probability=probability, progress=comparing)
    images = [image for image in images if image.uri in data.part_of]
    uris = [image.uri for image in images]
    if labels is not None:
        told = dict(zip(uris, read_labels(labels, uris), strict=True))
    leaks = _Search(images, data.part_of, data.order, told, library.decisions.apart()).find(found.pairs)
    counts = Counter(data.part_of[uri] for uri in uris)
    return LeakReport(
        tuple(leaks), tuple((name, counts[name]) for name in data.order), level, time.perf_counter() - started,
        found.left_out + data.left_out,
    )  # fmt: skip


def repair_split(
    library: Library,
    parts: Parts,
    *,
    level: str = SPLIT_LEVEL,
    protect: Sequence[str] | None = None,
    probability: float | None = None,
    device: str = DEVICE,
    progress: Callable[[IndexReport], None] | None = None,
    comparing: Callable[[int, int], None] | None = None,
) -> Repair:
    """Propose the moves that end the leaks of a split. No file is touched.

    Parameters
    ----------
    parts
        As in `find_leaks`; a split may have one group on two sides.
    protect
        See `lookalike.splitting.repair`.
    library, level, probability, device, progress, comparing
        As in `find_leaks`.

    Returns
    -------
    Repair
        The moves, and the split that they make, in which `find_leaks` finds none. A picture that could not be read
        stays where it is.

    Raises
    ------
    UsageError
        As in `find_leaks` and `lookalike.splitting.repair`.
    """
    data = _read(library, parts, level, device, progress)
    images, found = library.pairs(data.under, level=level, probability=probability, progress=comparing)
    images = [image for image in images if image.uri in data.part_of]
    search = _Search(images, data.part_of, data.order, {}, library.decisions.apart())
    made = repair(data.split(), search.ties(found.pairs), protect=protect)
    return replace(made, left_out=found.left_out + data.left_out)


@dataclass(frozen=True)
class _Parts:
    """The part of each usable picture, the parts in order, where they lie, the split that was given, what is amiss."""

    part_of: dict[Uri, str]
    order: tuple[str, ...]
    under: tuple[Uri, ...]
    given: Split | None = None
    left_out: tuple[tuple[str, int], ...] = ()

    def split(self) -> Split:
        """Return the split that was given, or one made of folders: each picture a group of its own."""
        if self.given is not None:
            return self.given
        uris = tuple(sorted(self.part_of))
        sides = tuple(self.part_of[uri] for uri in uris)
        return Split(uris, (None,) * len(uris), sides, tuple(range(1, len(uris) + 1)))


def _read(
    library: Library, parts: Parts, level: str, device: str, progress: Callable[[IndexReport], None] | None
) -> _Parts:
    """Index what is new, and tell what is in which part."""
    descriptors = needed_descriptors(check_level(level)) or DESCRIPTORS
    given = _given(parts)
    if isinstance(given, Split):
        if not len(given):
            raise UsageError("there is no picture in the split")
        if new := _new(library, given.uris):
            library.add(new, descriptors=descriptors, device=device, progress=progress)
        sides = given.sides()
        part_of = {image.uri: sides[image.uri] for image in library.store.images(given.uris) if image.uri in sides}
        if not part_of:
            raise UsageError(f"none of the {len(given)} pictures of the split is usable: `lookalike status --errors`")
        order = sorted(given.names, key=lambda name: not name.lower().startswith("tr"))  # training first
        return _Parts(part_of, tuple(order), tuple(part_of), given, _left_out(len(given) - len(part_of)))
    folders = {name: normalise_uri(os.fspath(path)) for name, path in given.items()}
    _check_apart(folders)
    if folders:
        library.add(list(folders.values()), descriptors=descriptors, device=device, progress=progress)
    part_of = {}
    for name, folder in folders.items():
        uris = [image.uri for image in library.store.images([folder])]
        if not uris:
            raise UsageError(f"there is no usable picture at or under {folder}: `lookalike status --errors` says why")
        part_of.update(dict.fromkeys(uris, name))
    inside = tuple(_prefix(folder) for folder in folders.values())
    failed = sum(
        state == "failed" and kind != NotAnImageError.kind and uri.startswith(inside)
        for uri, state, kind, _ in library.store.problems()
    )
    return _Parts(part_of, tuple(folders), tuple(folders.values()), None, _left_out(failed))


def _left_out(unread: int) -> tuple[tuple[str, int], ...]:
    return ((UNREAD, unread),) if unread else ()


def _given(parts: Parts) -> Split | dict[str, PathLike]:
    """Return a split, reading it where its CSV file is named; or folders by name."""
    if isinstance(parts, Split):
        return parts
    if isinstance(parts, Mapping):
        return dict(parts)
    paths = [parts] if isinstance(parts, str | os.PathLike) else list(parts)
    if len(paths) == 1 and Path(paths[0]).is_file():
        return read_split(paths[0], torn=True)
    # By the names of folders; by whole paths where two have one name.
    names = [PurePath(normalise_uri(os.fspath(path))).name or os.fspath(path) for path in paths]
    twice = {name for name, count in Counter(names).items() if count > 1}
    return {os.fspath(path) if name in twice else name: path for name, path in zip(names, paths, strict=True)}


def _new(library: Library, uris: Sequence[Uri]) -> list[Uri]:
    """Return what is not indexed, or is not what was indexed."""
    known = library.store.known(uris)
    items = collect(uris, exclude_ids=library.store.own_files())
    return [item.uri for item in items if item.uri not in known or not known[item.uri].is_unchanged(item)]


def _prefix(folder: Uri) -> str:
    return folder.rstrip(os.sep) + os.sep


def _check_apart(folders: Mapping[str, Uri]) -> None:
    listed = list(folders.items())
    for at, (name, folder) in enumerate(listed):
        for other, inside in listed[:at] + listed[at + 1 :]:
            if inside == folder or inside.startswith(_prefix(folder)):
                raise UsageError(f"{other} lies in {name}: parts must be apart, so name folders that are")


@dataclass(frozen=True)
class _Search:
    """From pairs of contents to pairs of names."""

    images: Sequence[Image]
    part_of: Mapping[Uri, str]
    order: Sequence[str]
    labels: Mapping[Uri, str | None]
    apart: Apart

    def find(self, pairs: Sequence[Pair]) -> list[Leak]:
        """Return all pairs of names in two parts or under two labels, in the order of `LeakReport`."""
        rank = {verdict: at for at, verdict in enumerate(LEVELS)}
        found = {(leak.uri_a, leak.uri_b): leak for leak in self._all(pairs)}
        return sorted(
            found.values(), key=lambda x: (not x.across, rank[x.verdict], -x.probability, x.uri_b, x.uri_a)
        )  # fmt: skip

    def ties(self, pairs: Sequence[Pair]) -> list[tuple[Uri, Uri, str]]:
        """Return what ties names together, in whatever part: names of one content or class, and pairs; in words."""
        classes, others = self._classes(pairs)
        names = self._names()
        found = []
        for images in classes.values():
            first = images[0]
            for image in images[1:]:
                same = image.content_id == first.content_id
                found.append((first.uri, image.uri, "same file" if same else "same pixels"))
        for pair in others:
            if pair.a in names and pair.b in names:
                sure = f"{pair.verdict}, {human_probability(pair.probability)}"
                found.append((names[pair.a][0].uri, names[pair.b][0].uri, sure))
        return found

    def _names(self) -> dict[int, list[Image]]:
        names: dict[int, list[Image]] = {}
        for image in self.images:
            names.setdefault(image.content_id, []).append(image)
        return names

    def _classes(self, pairs: Sequence[Pair]) -> tuple[dict[int, list[Image]], list[Pair]]:
        numbers, others = merged(list(self._names()), pairs, self.apart)
        classes: dict[int, list[Image]] = {}
        for image in self.images:
            classes.setdefault(numbers[image.content_id], []).append(image)
        return classes, others

    def _all(self, pairs: Sequence[Pair]) -> Iterator[Leak]:
        classes, others = self._classes(pairs)
        for images in classes.values():
            if len(images) > 1:
                yield from self._equal(images)
        names = self._names()
        for pair in others:
            yield from self._between(pair, names.get(pair.a, ()), names.get(pair.b, ()))

    def _keyed(self, images: Iterable[Image]) -> dict[Key, list[Image]]:
        """Return names by part and label, in the order of parts."""
        found: dict[Key, list[Image]] = {}
        for image in images:
            found.setdefault((self.part_of[image.uri], self.labels.get(image.uri)), []).append(image)
        return found

    def _clash(self, a: Key, b: Key) -> bool:
        return a[0] != b[0] or (None not in (a[1], b[1]) and a[1] != b[1])

    def _equal(self, images: Sequence[Image]) -> Iterator[Leak]:
        """Yield leaks among names of equal pixels: each name with one of each other part or label, equal in bytes."""
        keyed = list(self._keyed(images).items())
        for at, (key, those) in enumerate(keyed):
            for other, these in keyed[at + 1 :]:
                if self._clash(key, other):
                    for one, many in ((those, these), (these, those)):
                        by_content = {image.content_id: image for image in reversed(one)}
                        for image in many:
                            yield self._leak(by_content.get(image.content_id, one[0]), image, None)

    def _between(self, pair: Pair, of_a: Iterable[Image], of_b: Iterable[Image]) -> Iterator[Leak]:
        for key, those in self._keyed(of_a).items():
            for other, these in self._keyed(of_b).items():
                if self._clash(key, other):
                    for image in these:
                        yield self._leak(those[0], image, pair)
                    for image in those[1:]:
                        yield self._leak(image, these[0], pair)

    def _leak(self, a: Image, b: Image, pair: Pair | None) -> Leak:
        """Return what b is of a, these two swapped where the part of b was named first."""
        a, b = sorted((a, b), key=lambda image: (self.order.index(self.part_of[image.uri]), image.uri))
        verdict: Verdict
        if pair is None:
            same = a.content_id == b.content_id
            verdict, reason = ("same-file", "same bytes") if same else ("same-pixels", "same pixels, other bytes")
            known = Pair(b.content_id, a.content_id, verdict, 1.0, 0.0, reason)
        else:
            known = pair if pair.a == b.content_id else pair.turned()
        return Leak(
            self.part_of[a.uri], a.uri, self.part_of[b.uri], b.uri, known.verdict, known.probability, known.distance,
            known.reason, self.labels.get(a.uri), self.labels.get(b.uri), known.evidence,
        )  # fmt: skip
