"""Labels of pictures: from their folders, from their names by a pattern, or from a CSV file."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from lookalike.errors import UsageError
from lookalike.types import Uri

__all__ = ["FOLDER", "NAME", "read_labels"]

FOLDER = "folder"
NAME = "name:"

_URI_COLUMNS = ("uri", "file", "path", "file_name", "filename", "image")
_LABEL_COLUMNS = ("label", "class", "category", "cluster")


def read_labels(how: str, uris: Sequence[Uri]) -> tuple[str | None, ...]:
    r"""Return the label of each picture, None where it has none.

    Parameters
    ----------
    how
        "folder": the name of the folder that the file is in. "name:PATTERN": what the first group of the regular
        expression, or all of it where it has none, finds in the file's name without its suffix, such as
        ``name:([a-z]+)\d\d``. Else the path of a CSV file with a header: its column uri (or file, path, file_name,
        image) names pictures, wholly or relative to the CSV's folder; label (or class, category, cluster) labels them.
    uris
        The pictures.

    Raises
    ------
    UsageError
        If the pattern or the CSV file is none, or not one picture gets a label.
    """
    if how == FOLDER:
        found = tuple(PurePath(uri).parent.name or None for uri in uris)
    elif how.startswith(NAME):
        found = _by_name(how.removeprefix(NAME), uris)
    else:
        listed = _read_csv(Path(how))
        found = tuple(listed.get(uri) for uri in uris)
    if uris and not any(found):
        raise UsageError(f"no picture gets a label by {how!r}: use folder, name:PATTERN or a CSV with uri and label")
    return found


def _by_name(pattern: str, uris: Sequence[Uri]) -> tuple[str | None, ...]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is not a regular expression: {error}") from error
    hits = [expression.search(PurePath(uri).stem) for uri in uris]
    return tuple((hit[1] if expression.groups else hit[0]) or None if hit else None for hit in hits)


def _read_csv(path: Path) -> dict[Uri, str | None]:
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            reader = csv.DictReader(stream)
            names = reader.fieldnames or []
            uri = next((name for name in _URI_COLUMNS if name in names), None)
            label = next((name for name in _LABEL_COLUMNS if name in names), None)
            if uri is None or label is None:
                raise UsageError(f"{path} needs a header with uri and label; it has {', '.join(names) or 'none'}")
            folder = path.absolute().parent
            return {_absolute(row[uri] or "", folder): row[label] or None for row in reader}
    except OSError as error:
        raise UsageError(f"the labels {path} cannot be read: {error.strerror or error}") from error
    except csv.Error as error:
        raise UsageError(f"{path} is not a CSV file: {error}") from error


def _absolute(name: str, folder: Path) -> Uri:
    return name if "://" in name else os.path.normpath(folder / name)
