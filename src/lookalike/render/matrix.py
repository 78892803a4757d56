"""A matrix of distances as CSV or NumPy file, written while it is computed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError
from lookalike.frames import original_bytes
from lookalike.render.rows import _csv_field, write_file

if TYPE_CHECKING:
    from lookalike.results import Gallery

__all__ = ["distances_bytes", "distances_face", "write_distances"]

_DIGITS, _BITS = 11, 4
"""Characters of a distance in CSV with its comma, and of one in bits: seldom more."""


def distances_face(path: Path | None, explicit: str | None = None) -> str:
    """Decide the face of a matrix from ``--output`` and ``--format``: "csv" or "npy".

    Parameters
    ----------
    path
        The file to write; None and "-" are standard output, as "csv".
    explicit
        The format asked for, or None to let the suffix decide.

    Raises
    ------
    UsageError
        If the format or the suffix is another, they contradict each other, or "npy", two files, has no file to go to.
    """
    if explicit not in (None, "csv", "npy"):
        raise UsageError(
            f"there is no format {explicit!r} for a matrix; choose csv or npy, or ask for neighbours (-k N)"
        )
    if path is None or str(path) == "-":
        if explicit == "npy":
            raise UsageError("npy is two files, the numbers and the names: give --output FILE")
        return "csv"
    implied = {".csv": "csv", ".npy": "npy"}.get(path.suffix.lower())
    if implied is None and explicit is None:
        raise UsageError(f"the suffix {path.suffix!r} does not tell what to write; end the file's name in .csv or .npy")
    if None not in (implied, explicit) and implied != explicit:
        raise UsageError(f"--format {explicit} contradicts the suffix {path.suffix!r}; leave one of them out")
    return str(explicit or implied)


def write_distances(
    gallery: Gallery,
    rows: Iterator[NDArray[np.float32]],
    face: str,
    path: Path | None,
    stdout: BinaryIO | None = None,
    *,
    condensed: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, ...]:
    """Write all distances between the pictures of a gallery, as they come.

    Parameters
    ----------
    gallery
        n pictures.
    rows
        What `lookalike.distances.distance_rows` yields for it; its upper part is enough if `condensed`.
    face
        "csv": a header "uri" and the n names, then a name and n distances a line; if `condensed`, the header
        "a,b,distance" and a line for each pair. Distances have the digits that float32 needs. "npy": float32 (n, n), or
        (n * (n - 1) / 2,) if `condensed`; beside it NAME.uris.csv with the names, a row for each picture.
    path
        The file; None for `stdout`.
    stdout
        Where to write if there is no `path`.
    condensed
        Each pair once, in SciPy's order.
    progress
        Called with how many pictures of how many are done.

    Returns
    -------
    tuple of Path
        The files written, each in one step.

    Raises
    ------
    UsageError
        If the folder to write to does not exist, or "npy" has no file to go to.
    """

    def write(stream: BinaryIO) -> None:
        lines = _array(gallery, rows, condensed) if face == "npy" else _text(gallery, rows, condensed)
        for done, line in enumerate(lines):
            stream.write(line)
            if progress and done % 64 == 0:
                progress(done, len(gallery))

    if path is None:
        if stdout is None or face == "npy":
            raise UsageError("name a file to write to")
        write(stdout)
        return ()
    write_file(path, write)
    if face == "csv":
        return (path,)
    names = path.with_name(f"{path.stem}.uris.csv")
    write_file(names, lambda stream: stream.writelines(_names(gallery)))
    return path, names


def distances_bytes(gallery: Gallery, face: str, *, condensed: bool = False) -> int:
    """Return how many bytes `write_distances` writes; as "csv", about how many."""
    n = len(gallery)
    numbers = n * (n - 1) // 2 if condensed else n * n
    names = sum(map(len, _names(gallery)))
    if face == "npy":
        return 4 * numbers + names
    return (_BITS if gallery.spec.metric == "hamming" else _DIGITS) * numbers + (
        names * (n - 1) if condensed else 2 * names
    )


def _names(gallery: Gallery) -> Iterator[bytes]:
    yield b"uri\n"
    for uri in gallery.uris:
        yield original_bytes(_csv_field(uri) + "\n")


def _array(gallery: Gallery, rows: Iterator[NDArray[np.float32]], condensed: bool) -> Iterator[bytes]:
    n = len(gallery)
    shape = (n * (n - 1) // 2,) if condensed else (n, n)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": shape})
    yield header.getvalue()
    for row, away in enumerate(away for some in rows for away in some):
        yield (away[row + 1 :] if condensed else away).astype("<f4").tobytes()


def _text(gallery: Gallery, rows: Iterator[NDArray[np.float32]], condensed: bool) -> Iterator[bytes]:
    names = [_csv_field(uri) for uri in gallery.uris]
    whole = gallery.spec.metric == "hamming"
    yield original_bytes("a,b,distance\n" if condensed else ",".join(["uri", *names]) + "\n")
    for row, away in enumerate(away for some in rows for away in some):
        wanted = away[row + 1 :] if condensed else away
        # NumPy's text of a float32 is the shortest that reads back as the same float32.
        digits = (wanted.astype(np.int64) if whole else wanted).astype(np.str_).tolist()
        if condensed:
            pairs = zip(names[row + 1 :], digits, strict=True)
            yield original_bytes("".join(f"{names[row]},{name},{text}\n" for name, text in pairs))
        else:
            yield original_bytes(",".join([names[row], *digits]) + "\n")
