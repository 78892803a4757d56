"""CSV files that people and other programs write, read into rows."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence

from lookalike.errors import UsageError

__all__ = ["URI_COLUMNS", "read_table"]

URI_COLUMNS = ("uri", "file", "path", "file_name", "filename", "image")
"""Columns that name a picture, the first that is there."""


def read_table(
    path: str | os.PathLike[str], *needed: Sequence[str], hint: str = ""
) -> Iterator[tuple[int, list[str], dict[str, str]]]:
    """Yield (line number, the value of each needed column, the whole row) of each line of a CSV file.

    Parameters
    ----------
    path
        Commas, semicolons or tabs, whichever its header has most of; a header in any case; a byte order mark or none.
    needed
        For each needed column the names that it may have; the first that is there is taken.
    hint
        What to do if the file cannot be read.

    Raises
    ------
    UsageError
        If it cannot be read, is no CSV file or lacks a needed column.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as stream:
            first = stream.readline()
            stream.seek(0)
            reader = csv.reader(stream, delimiter=max(",;\t", key=first.count))
            header = [name.strip().lower() for name in next(reader, [])]
            chosen = [next((name for name in names if name in header), None) for names in needed]
            if None in chosen:
                have = ", ".join(filter(None, header[:8])) or "none"
                wanted = " and ".join(names[0] for names in needed)
                raise UsageError(f"{path} needs a header with {wanted}; it has {have}")
            for fields in reader:
                if fields:
                    row = dict.fromkeys(header, "") | dict(zip(header, fields, strict=False))
                    yield reader.line_num, [row[name] for name in chosen if name is not None], row
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}{hint}") from error
    except csv.Error as error:
        raise UsageError(f"{path} is not a CSV file: {error}") from error
