"""`lookalike distances`: all distances between pictures, as a matrix; or only near ones, of each picture or of all."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import drawing, emit_or_draw, gallery, open_library, progress, stages, written
from lookalike.cli.emit import emit, face, say
from lookalike.errors import UsageError
from lookalike.words import human_count

if TYPE_CHECKING:
    from lookalike.results import Gallery

__all__ = ["distances"]


def distances(
    paths: options.Pictures = None,
    descriptor: options.OneDescriptor = defaults.DESCRIPTOR,
    condensed: Annotated[bool, typer.Option("--condensed", help="Each pair once, in SciPy's order.")] = False,
    neighbours: Annotated[
        int | None,
        typer.Option("-k", "--neighbours", min=1, metavar="N", help="No matrix: the N nearest of each picture.",
                     show_default=False),
    ] = None,
    thresholds: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold", metavar="[NAME=]DISTANCE",
            help="No matrix: each pair within this distance, the nearest first; repeatable, for other descriptors.",
            show_default=False,
        ),
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Refuse to write more. [default: what is free where FILE is to be]",
                     show_default=False),
    ] = None,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    relative_to: options.RelativeTo = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT",
            help=f"csv, npy; with -k {', '.join(defaults.FACES)}, png, html; with --threshold those but png and html. "
            "[default: by the suffix of --output]",
            show_default=False,
        ),
    ] = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write the distance of every picture to every other as a matrix, or list only those of neighbours or near pairs.

    npy has the names in a CSV file beside it, row by row. Near pairs are a quick look: `duplicates` says what they are.

    \b
    Examples:
      lookalike distances photos/ --output distances.npy
      lookalike distances photos/ --descriptor haralick --condensed --format csv
      lookalike distances photos/ --descriptor haralick -k 5 --output sheet.png
      lookalike distances photos/ --threshold lite0:int8=0.1 --threshold pdq=40
    """
    from lookalike.distances import neighbours as find_neighbours
    from lookalike.render import distances_face, search_page, search_sheet

    target = None if output is None or str(output) == "-" else output
    if thresholds:
        if neighbours is not None or condensed:
            raise UsageError("--threshold lists pairs: leave out -k and --condensed")
        limits = _limits(thresholds, descriptor)
        _list_pairs(library, paths, limits, face(target, form), target, device, relative_to, quiet)
        return
    chosen = face(target, form, ("png", "html")) if neighbours else distances_face(target, form)
    with open_library(library, create=bool(paths)) as opened:
        pictures = gallery(opened, paths, descriptor=descriptor, device=device, quiet=quiet or not paths)
        if neighbours is None:
            if relative_to is not None:
                from lookalike.render import named_from

                pictures = named_from(pictures, relative_to)
            _write_matrix(pictures, chosen, target, condensed, max_bytes, quiet)
            return
        found = find_neighbours(pictures, neighbours)
        emit_or_draw(
            found.rows(), chosen, target, drawing(opened, quiet), partial(search_sheet, found),
            partial(search_page, found), relative_to=relative_to,
        )  # fmt: skip
    say(written(target), quiet=quiet or target is None)


def _list_pairs(
    library: Path | None,
    paths: list[str] | None,
    thresholds: dict[str, float],
    chosen: str,
    target: Path | None,
    device: str,
    relative_to: Path | None,
    quiet: bool,
) -> None:
    with open_library(library, create=bool(paths)) as opened, stages(quiet) as tell:
        found = opened.near_pairs(
            paths or (), thresholds=thresholds, device=device,
            progress=lambda report: tell("indexing", report.found, report.total, report.failed),
            comparing=lambda done, total: tell("comparing", done, total),
        )  # fmt: skip
    emit(found.rows(), chosen, target, relative_to=relative_to)
    say(f"{human_count(len(found), 'pair')}, not verified.", quiet=quiet)
    say(written(target), quiet=quiet or target is None)


def _limits(given: list[str], descriptor: str) -> dict[str, float]:
    """Return the thresholds of [NAME=]DISTANCE, by name."""
    limits = {}
    for one in given:
        name, _, value = one.rpartition("=")
        try:
            limits[name.strip() or descriptor] = float(value)
        except ValueError:
            raise UsageError(f"--threshold takes [NAME=]DISTANCE, such as lite0=0.1, not {one!r}") from None
    return limits


def _write_matrix(
    pictures: Gallery, chosen: str, target: Path | None, condensed: bool, max_bytes: int | None, quiet: bool
) -> None:
    from lookalike.distances import check_fits, distance_rows, free_disk
    from lookalike.render import distances_bytes, write_distances

    limit = max_bytes if max_bytes is not None or target is None else free_disk(target)
    what = "--max-bytes" if max_bytes is not None else f"free space at {target}"
    check_fits(len(pictures), distances_bytes(pictures, chosen, condensed=condensed), limit, what)
    with progress("Comparing", quiet) as tell:
        rows = distance_rows(pictures, upper=condensed)
        files = write_distances(pictures, rows, chosen, target, sys.stdout.buffer, condensed=condensed, progress=tell)
    sys.stdout.buffer.flush()
    say(f"{len(pictures):,} pictures. Written: {', '.join(map(str, files))}", quiet=quiet or not files)
