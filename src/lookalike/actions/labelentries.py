"""Entries of label files: which are about some pictures, cut from the text and put back into it."""

# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lookalike.actions.units import PICTURES
from lookalike.errors import UsageError
from lookalike.sources import is_url
from lookalike.tables import URI_COLUMNS
from lookalike.types import Uri

__all__ = ["Cut", "Found", "find_entries", "insert_entries"]

_SUFFIXES = {".json": "coco", ".csv": "csv", ".tsv": "csv", ".txt": "list", ".lst": "list"}
_SPACE = re.compile(r"[ \t\r\n]*")
_MARK = "\ufeff"
_SAMPLE = 40
"""Names of a file that are looked for in a folder."""

_MOST_FOLDERS = 500
"""Folders near a label file that its names are looked for in."""


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


def find_entries(uri: Uri, text: str, pictures: Sequence[Uri], folder: Uri | None) -> Found:
    """Return what a label file's text says of some pictures.

    Parameters
    ----------
    uri, text
        Of the label file.
    pictures
        Absolute paths, or URLs.
    folder
        That names in the file are relative to; None to find it.

    Raises
    ------
    UsageError
        If it is no label file, or its names fit several folders.
    """
    kind = _SUFFIXES.get(os.path.splitext(uri)[1].lower())
    if kind is None:
        raise UsageError(f"{uri} is no label file that is known: they end in {', '.join(_SUFFIXES)}")
    if kind == "coco":
        return _in_coco(uri, text, pictures, folder)
    named = _csv_names(uri, text) if kind == "csv" else _list_names(text)
    base = _voc_pictures(_real(uri)) if kind == "list" else None
    if base is None:
        told, folder = _resolved(uri, [name for _, name in named], pictures, folder)
    else:
        stems = _stems(base, pictures)
        told = {name: stems[first] for _, name in named if (first := name.split()[0]) in stems}
    cuts = [Cut(entry.start, text[entry.start : entry.end], "lines") for entry, name in named if name in told]
    return Found(kind, tuple(cuts), tuple(sorted({told[name] for _, name in named if name in told})), folder)


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


# ------------------------------------------------------------------------------------------------ which pictures


def _resolved(
    uri: Uri, names: Sequence[str], pictures: Sequence[Uri], folder: Uri | None
) -> tuple[dict[str, Uri], Uri | None]:
    """Return which of the pictures each name means, names of other pictures left out, and relative to which folder."""
    wanted = {one if is_url(one) else _real(one): one for one in pictures}
    called = {os.path.basename(one) for one in wanted}
    told = {}
    relative = []
    for name in dict.fromkeys(names):
        if _name(name) not in called and not is_url(name):  # the folders of all others need not be looked at
            if not os.path.isabs(name):
                relative.append(name)
            continue
        if is_url(name):
            if name in wanted:
                told[name] = wanted[name]
        elif os.path.isabs(name):
            if _real(name) in wanted:
                told[name] = wanted[_real(name)]
        else:
            relative.append(name)
    if not relative:
        return told, folder
    base = os.path.realpath(folder) if folder is not None else _base(_real(uri), relative, list(wanted))
    if base is not None:
        for name in relative:
            if _name(name) in called and (path := _real(_joined(base, name))) in wanted:
                told[name] = wanted[path]
    return told, base


def _stems(base: str, pictures: Sequence[Uri]) -> dict[str, Uri]:
    """Return by its stem each picture in a folder of Pascal VOC, unless another of that stem stays there."""
    here = {os.path.basename(one): one for one in pictures if os.path.dirname(_real(one)) == base}
    stems = {os.path.splitext(name)[0]: one for name, one in here.items()}
    if stems:
        with contextlib.suppress(OSError), os.scandir(base) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)
                if stem in stems and entry.name not in here and suffix.lower() in PICTURES:
                    del stems[stem]
    return stems


def _name(path: str) -> str:
    return os.path.basename(path.replace("\\", "/"))


def _real(path: str) -> str:
    """Return a path by whatever links it was reached; a name that is a link itself is kept."""
    folder, name = os.path.split(os.path.normpath(path))
    return os.path.join(os.path.realpath(folder), name)


def _joined(base: str, name: str) -> str:
    return os.path.normpath(os.path.join(base, name.replace("\\", "/")))


def _base(uri: Uri, names: Sequence[str], pictures: Sequence[str]) -> str | None:
    """Return the folder that names are relative to; None if they are not about these pictures."""
    own = os.path.dirname(uri)
    possible = set()
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault(os.path.basename(name.replace("\\", "/")), []).append(name)
    for picture in pictures:
        for name in by_name.get(os.path.basename(picture), ()):
            tail = os.path.normpath(name.replace("\\", "/"))
            if picture.endswith(os.sep + tail):
                possible.add(picture[: -len(tail) - 1] or os.sep)
    if not possible:
        return None
    sample = names[:: max(1, len(names) // _SAMPLE)]
    fitting = []
    for folder in dict.fromkeys([*sorted(possible), *_near(own)]):
        there = sum(os.path.lexists(_joined(folder, name)) for name in sample)
        if there * 2 >= len(sample) or (folder == own and folder in possible):
            fitting.append((_rank(uri, folder), folder))
    best = [folder for rank, folder in fitting if rank == min(fitting)[0]]
    if len(best) > 1:
        raise UsageError(
            f"the names in {uri} fit several folders, {best[0]} and {best[1]}: say to which of them they are relative"
        )
    return best[0] if best else None


def _rank(uri: Uri, folder: str) -> int:
    """Return how little a folder has to do with a label file: 0 for its own, 1 for one that it is named after."""
    if folder == os.path.dirname(uri):
        return 0
    stem = os.path.splitext(os.path.basename(uri))[0].casefold()
    parts = [part.casefold() for part in folder.split(os.sep)[-2:] if part]
    return 1 if any(part in stem for part in parts) else 2


def _near(own: str) -> Iterator[str]:
    """Yield the folder of a label file, the one above, and what is in them, two folders deep."""
    waiting = [(own, 2), (os.path.dirname(own), 2)]
    seen = 0
    while waiting and seen < _MOST_FOLDERS:
        folder, depth = waiting.pop(0)
        seen += 1
        yield folder
        if depth:
            try:
                with os.scandir(folder) as entries:
                    inner = sorted(one.path for one in entries if one.is_dir(follow_symlinks=False))
            except OSError:
                continue
            waiting += [(path, depth - 1) for path in inner]


def _voc_pictures(uri: Uri) -> str | None:
    """Return the folder JPEGImages of a list of Pascal VOC, or None if the list is none."""
    parts = os.path.dirname(uri).split(os.sep)
    if "ImageSets" not in parts:
        return None
    at = len(parts) - 1 - parts[::-1].index("ImageSets")
    return os.sep.join([*parts[:at], "JPEGImages"])


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


def _in_coco(uri: Uri, text: str, pictures: Sequence[Uri], folder: Uri | None) -> Found:
    arrays = _arrays(uri, text)
    images = arrays["images"][0]
    told, folder = _resolved(uri, [entry.value["file_name"] for entry in images], pictures, folder)
    gone = {entry.value["id"] for entry in images if entry.value["file_name"] in told}
    cuts = _cut_from(text, images, {at for at, one in enumerate(images) if one.value["id"] in gone}, "images")
    notes = arrays.get("annotations", ([], 0))[0]
    about = {at for at, one in enumerate(notes) if one.value["image_id"] in gone}
    cuts += _cut_from(text, notes, about, "annotations")
    return Found("coco", tuple(sorted(cuts)), tuple(sorted(set(told.values()))), folder)


def _cut_from(text: str, entries: Sequence[_Entry], gone: set[int], place: str) -> list[Cut]:
    """Return what to cut so that entries of an array go, each with one comma."""
    cuts = []
    kept_before = False
    for at, entry in enumerate(entries):
        if at not in gone:
            kept_before = True
            continue
        start, end = entry.start, entry.end
        if kept_before:
            start = entries[at - 1].end
        elif at + 1 < len(entries):
            end = entries[at + 1].start
        cuts.append(Cut(start, text[start:end], place))
    return cuts


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
