"""Entries of label files: which are about some pictures, cut from the text and put back into it."""

# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.actions.labelnames import real, resolved, stems_of, voc_pictures
from lookalike.errors import UsageError
from lookalike.tables import URI_COLUMNS
from lookalike.types import Uri

__all__ = ["Cut", "Found", "Listed", "Parsed", "insert_entries", "parse_labels"]

_SUFFIXES = {".json": "coco", ".csv": "csv", ".tsv": "csv", ".txt": "list", ".lst": "list"}
_SPACE = re.compile(r"[ \t\r\n]*")
_MARK = "\ufeff"


class Cut(NamedTuple):
    """A piece of a text that is taken out: where it began, what it was, and which list it stood in."""

    at: int
    text: str
    place: str


class _Entry(NamedTuple):
    """One entry of a list: where it lies, and what it is about."""

    start: int
    end: int
    value: Any


@dataclass(frozen=True)
class Found:
    """What a label file holds of some pictures: its kind, what to cut, of which pictures, relative to which folder."""

    kind: str
    cuts: tuple[Cut, ...]
    pictures: tuple[Uri, ...]
    folder: Uri | None = None


@dataclass(frozen=True, eq=False)
class Listed:
    """One list of a label file, of which entries can be cut.

    Attributes
    ----------
    place
        Which: "images", "annotations" or "lines".
    starts, ends
        Shape (n,): where in the text each entry lies.
    about
        Of each entry: its name, and the id of its image, None in a list of lines; of an annotation the id alone.
    """

    place: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    about: tuple[tuple[str | None, Any], ...]

    @classmethod
    def of(cls, place: str, entries: Sequence[_Entry]) -> Listed:
        """Return entries as a list."""
        starts, ends = (np.array([entry[at] for entry in entries], np.int64) for at in (0, 1))
        return cls(place, starts, ends, tuple(entry.value for entry in entries))

    def cuts(self, text: str, gone: Sequence[int]) -> list[Cut]:
        """Return what to cut so that the entries at these positions, in order, go: of an array each with one comma."""
        first = next((at for at, one in enumerate([*gone, -1]) if one != at), len(gone))  # the first that stays
        made = []
        for at in gone:
            start, end = int(self.starts[at]), int(self.ends[at])
            if self.place != "lines" and at > first:
                start = int(self.ends[at - 1])
            elif self.place != "lines" and at + 1 < len(self.starts):
                end = int(self.starts[at + 1])
            made.append(Cut(start, text[start:end], self.place))
        return made


@dataclass(frozen=True, eq=False)
class Parsed:
    """What matters of a label file's text, so that it need not be parsed for each picture anew.

    Attributes
    ----------
    uri
        Of the label file.
    kind
        "coco", "csv" or "list".
    lists
        The images and then the annotations of a COCO file; the lines of another.
    """

    uri: Uri
    kind: str
    lists: tuple[Listed, ...]

    def find(self, text: str, pictures: Sequence[Uri], folder: Uri | None) -> Found:
        """Return what the text says of some pictures.

        Parameters
        ----------
        text
            That was parsed.
        pictures
            Absolute paths, or URLs.
        folder
            That names in the file are relative to; None to find it.

        Raises
        ------
        UsageError
            If its names fit several folders.
        """
        named, *notes = self.lists
        names = [name for name, _ in named.about if name is not None]
        base = voc_pictures(real(self.uri)) if self.kind == "list" else None
        if base is None:
            told, folder = resolved(self.uri, names, pictures, folder)
        else:
            stems = stems_of(base, pictures)
            told = {name: stems[first] for name in names if (first := name.split()[0]) in stems}
        gone = [at for at, name in enumerate(names) if name in told]
        if self.kind == "coco":
            ids = {named.about[at][1] for at in gone}
            gone = [at for at, (_, id_) in enumerate(named.about) if id_ in ids]
            about = [[at for at, (_, id_) in enumerate(listed.about) if id_ in ids] for listed in notes]
        else:
            about = []
        cuts = [
            cut for listed, which in zip(self.lists, [gone, *about], strict=True) for cut in listed.cuts(text, which)
        ]
        said = {told[names[at]] for at in gone if names[at] in told}
        return Found(self.kind, tuple(sorted(cuts)), tuple(sorted(said)), folder)

    def without(self, cuts: Sequence[Cut]) -> Parsed:
        """Return what parsing the text would give once these are cut out of it, all of them found in it.

        Parameters
        ----------
        cuts
            Of `find`, in the order of the text.
        """
        begins = np.array([cut.at for cut in cuts], np.int64)
        stops = begins + np.array([len(cut.text) for cut in cuts], np.int64)
        removed = np.concatenate([[0], np.cumsum(stops - begins)])

        def left(listed: Listed) -> Listed:
            within = np.searchsorted(begins, listed.starts, "right") - 1
            stay = (within < 0) | (listed.ends > np.append(stops, 0)[within])
            starts, ends = (
                at[stay] - removed[np.searchsorted(stops, at[stay], "right")] for at in (listed.starts, listed.ends)
            )
            about = tuple(one for one, stays in zip(listed.about, stay.tolist(), strict=True) if stays)
            return Listed(listed.place, starts, ends, about)

        return Parsed(self.uri, self.kind, tuple(left(listed) for listed in self.lists))


def parse_labels(uri: Uri, text: str) -> Parsed:
    """Return what matters of a label file's text.

    Raises
    ------
    UsageError
        If it is no label file.
    """
    kind = _SUFFIXES.get(os.path.splitext(uri)[1].lower())
    if kind is None:
        raise UsageError(f"{uri} is no label file that is known: they end in {', '.join(_SUFFIXES)}")
    if kind != "coco":
        named = _csv_names(uri, text) if kind == "csv" else _list_names(text)
        return Parsed(uri, kind, (Listed.of("lines", [_Entry(*at[:2], (name, None)) for at, name in named]),))
    arrays = _arrays(uri, text)
    images = [_Entry(one.start, one.end, (one.value["file_name"], one.value["id"])) for one in arrays["images"][0]]
    notes = [_Entry(one.start, one.end, (None, one.value["image_id"])) for one in arrays.get("annotations", ([], 0))[0]]
    return Parsed(uri, kind, (Listed.of("images", images), Listed.of("annotations", notes)))


def insert_entries(uri: Uri, kind: str, text: str, cuts: Sequence[Cut]) -> str:
    """Return a text with those entries that it lacks, at the end of their lists.

    Raises
    ------
    UsageError
        If it has no place for them any more.
    """
    if kind == "coco":
        for place in ("images", "annotations"):
            lost = [cut.text.strip(" \t\r\n,") for cut in cuts if cut.place == place]
            text = _into_array(uri, text, place, lost)
        return text
    if kind == "csv":
        return _into_csv(uri, text, cuts)
    return _appended(text, text.splitlines(), cuts)


# ------------------------------------------------------------------------------------------------ lines


def _delimiter(text: str) -> str:
    """Return what parts the fields of a CSV file: what its first line has most of."""
    first = text[: text.find("\n") + 1 or len(text)]
    return max(",;\t", key=first.count)


def _records(uri: Uri, text: str, delimiter: str) -> Iterator[tuple[_Entry, list[str]]]:
    """Yield the records of a CSV file, with their line ends, and their fields; a quoted line end ends no record."""
    mark = len(_MARK) if text.startswith(_MARK) else 0
    *lines, last = text[mark:].split("\n")
    lines = [f"{line}\n" for line in lines] + ([last] if last else [])
    reader = csv.reader(lines, delimiter=delimiter)
    start, line = mark, 0
    try:
        for fields in reader:
            end = start + sum(map(len, lines[line : reader.line_num]))
            yield _Entry(start, end, None), fields
            start, line = end, reader.line_num
    except csv.Error as error:
        raise UsageError(f"{uri} is not a CSV file: {error}") from error


def _columns(fields: Sequence[str]) -> list[str]:
    return [name.strip().lower() for name in fields]


def _csv_names(uri: Uri, text: str) -> list[tuple[_Entry, str]]:
    """Return the rows of a CSV file with the picture that each names."""
    records = _records(uri, text, _delimiter(text))
    header = _columns(next(records, (None, []))[1])
    column = next((header.index(name) for name in URI_COLUMNS if name in header), None)
    if column is None:
        raise UsageError(
            f"{uri} needs a header with {', '.join(URI_COLUMNS)}; it has {', '.join(header[:8]) or 'none'}"
        )
    return [
        (entry, fields[column].strip()) for entry, fields in records if len(fields) > column and fields[column].strip()
    ]


def _into_csv(uri: Uri, text: str, cuts: Sequence[Cut]) -> str:
    delimiter = _delimiter(text)
    records = list(_records(uri, text, delimiter))
    width = {len(fields) for cut in cuts for _, fields in _records(uri, cut.text, delimiter)}
    if not records or width != {len(records[0][1])}:
        raise UsageError(f"{uri} has other columns than before: its entries cannot be put back")
    return _appended(text, [text[entry.start : entry.end] for entry, _ in records], cuts)


def _appended(text: str, there: Sequence[str], cuts: Sequence[Cut]) -> str:
    """Return a text with those lines at its end that it lacks."""
    left = Counter(line.rstrip("\r\n") for line in there)
    end = "\r\n" if "\r\n" in text else "\n"
    for cut in cuts:
        line = cut.text.rstrip("\r\n")
        if left[line] > 0:
            left[line] -= 1
        else:
            text += ("" if not text or text.endswith("\n") else end) + line + end
    return text


def _list_names(text: str) -> list[tuple[_Entry, str]]:
    """Return the lines of a list that are not empty, with what stands in each."""
    named = []
    start = 0
    for line in text.splitlines(keepends=True):
        if name := line.removeprefix(_MARK).strip():
            named.append((_Entry(start, start + len(line), None), name))
        start += len(line)
    return named


# ------------------------------------------------------------------------------------------------ COCO


def _into_array(uri: Uri, text: str, place: str, lost: Sequence[str]) -> str:
    """Return a COCO text with entries at the end of an array, those left out whose id is there."""
    if not lost:
        return text
    arrays = _arrays(uri, text)
    if place not in arrays:
        raise UsageError(f"{uri} has no {place} any more: its entries cannot be put back")
    entries, close = arrays[place]
    ids = {entry.value["id"] for entry in entries if entry.value["id"] is not None}
    missing = [one for one in lost if json.loads(one).get("id") not in ids]
    if not missing:
        return text
    between = text[entries[-2].end : entries[-1].start] if len(entries) > 1 else ", "
    at = entries[-1].end if entries else close
    return text[:at] + (between if entries else "") + between.join(missing) + text[at:]


def _arrays(uri: Uri, text: str) -> dict[str, tuple[list[_Entry], int]]:
    """Return the entries of the arrays of a COCO file, with where each array is closed."""
    try:
        found = dict(_walk(text))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{uri} is no COCO file: {error}") from error
    if "images" not in found:
        raise UsageError(f"{uri} is no COCO file: it has no images")
    return found


def _walk(text: str) -> Iterator[tuple[str, tuple[list[_Entry], int]]]:
    decoder = json.JSONDecoder()
    at = _expect(text, len(_MARK) if text.startswith(_MARK) else 0, "{")
    seen: set[str] = set()
    while text[at := _skip(text, at)] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, _expect(text, at, ":"))
        if key in ("images", "annotations"):
            if key in seen:
                raise ValueError(f"it has {key} twice")
            seen.add(key)
            entries, at = _entries(text, _expect(text, at, "["), decoder, key)
            yield key, (entries, at)
            at += 1
        else:
            _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at += 1


def _entries(text: str, at: int, decoder: json.JSONDecoder, key: str) -> tuple[list[_Entry], int]:
    """Return the entries of an array, with what matters of each, and where the array is closed."""
    entries = []
    while text[at := _skip(text, at)] != "]":
        value, end = decoder.raw_decode(text, at)
        if key == "images":
            kept = {"id": value["id"], "file_name": str(value["file_name"])}
        else:
            kept = {"id": value.get("id"), "image_id": value["image_id"]}
        hash(tuple(kept.values()))  # an id that is a list or an object is none
        entries.append(_Entry(at, end, kept))
        at = _skip(text, end)
        if text[at] == ",":
            at += 1
    return entries, at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _expect(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at] != sign:
        raise ValueError(f"{sign} is missing at character {at}")
    return at + 1
