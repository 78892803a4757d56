"""Labels of pictures: from their folders, from their names by a pattern, or from a CSV file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from lookalike.errors import UsageError
from lookalike.sources import is_url, normalise_uri
from lookalike.tables import URI_COLUMNS, read_table
from lookalike.types import Uri

__all__ = ["FOLDER", "LABEL_COLUMNS", "NAME", "read_labels"]

FOLDER = "folder"
NAME = "name:"

LABEL_COLUMNS = ("label", "class", "category", "cluster")
"""Names that the column of labels may have; of several the first is taken."""


def read_labels(how: str, uris: Sequence[Uri], *, columns: Sequence[str] = LABEL_COLUMNS) -> tuple[str | None, ...]:
    r"""Return the label of each picture, None where it has none.

    Parameters
    ----------
    how
        "folder": the name of the folder that the file is in. "name:PATTERN": what the first group of the regular
        expression, or all of it where it has none, finds in the file's name without its suffix, such as
        ``name:([a-z]+)\d\d``. Else the path of a CSV file with a header: its column uri (or file, path, file_name,
        image) names pictures, wholly or relative to the CSV's folder (or else, if none of them is there, to the
        current one); its column label (or class, category, cluster) labels them. Fields are parted by commas,
        semicolons or tabs, and the case of a column's name plays no part.
    uris
        The pictures.
    columns
        Names that the CSV's column of labels may have, the first that is there is taken.

    Raises
    ------
    UsageError
        If the pattern or the CSV file is none, the CSV gives one picture two labels, or not one picture gets a label.
    """
    if how == FOLDER:
        found = tuple(PurePath(uri).parent.name or None for uri in uris)
    elif how.startswith(NAME):
        found = _by_name(how.removeprefix(NAME), uris)
    else:
        found = _by_csv(Path(how), uris, columns)
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


def _by_csv(path: Path, uris: Sequence[Uri], columns: Sequence[str]) -> tuple[str | None, ...]:
    named = _read_csv(path, columns)
    found: tuple[str | None, ...] = ()
    for folder in (path.absolute().parent, Path.cwd()):
        listed: dict[Uri, str | None] = {}
        for name, label in named:
            uri = name.strip() if is_url(name) else normalise_uri(os.path.join(folder, name))  # noqa: PTH118
            if listed.setdefault(uri, label) != label:
                raise UsageError(f"{path} gives {uri} two labels, {listed[uri]!r} and {label!r}: keep one of them")
        found = tuple(listed.get(uri) for uri in uris)
        if any(found):
            return found
    if uris and named:
        raise UsageError(
            f"{path} labels no picture that is here: it names {named[0][0]!r}, here is {uris[0]}; names are whole "
            "paths or relative to the CSV's folder"
        )
    return found


def _read_csv(path: Path, columns: Sequence[str]) -> list[tuple[str, str | None]]:
    """Return (name, label) of each line that has a name."""
    table = read_table(path, URI_COLUMNS, columns, hint="; use folder, name:PATTERN or a CSV file")
    return [(name, label.strip() or None) for _, (name, label), _ in table if name.strip()]
