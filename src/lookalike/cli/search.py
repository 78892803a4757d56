"""`lookalike search` and `compare`: what is alike, and why."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lookalike import defaults, render
from lookalike.cli import options
from lookalike.cli.common import (
    drawing,
    emit_or_draw,
    exit_with,
    listed,
    open_library,
    parsed_region,
    stages,
    written,
)
from lookalike.cli.emit import emit, face, say
from lookalike.cli.explain import explaining
from lookalike.errors import UnreadableError

__all__ = ["compare", "search"]


def search(
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY", help="Files, folders, URLs; - is a picture on standard input.", show_default=False
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, metavar="N", help="Neighbours of each query.")] = defaults.K,
    descriptor: options.OneDescriptor = defaults.DESCRIPTOR,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="DISTANCE", help="Largest accepted distance. [default: any]", show_default=False),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Tell what the query is to each neighbour, by aligning their pixels."),
    ] = False,
    together: Annotated[
        bool, typer.Option("--together", help="Ask one question with all queries: by the mean of their vectors.")
    ] = False,
    region: options.Region = None,
    under: options.Under = None,
    after: options.After = None,
    before: options.Before = None,
    min_side: options.MinSide = None,
    max_side: options.MaxSide = None,
    min_bytes: options.MinBytes = None,
    max_bytes: options.MaxBytes = None,
    picture_format: options.FilterFormat = None,
    label: options.FilterLabel = None,
    labels: options.LabelsHow = defaults.LABELS,
    clusters: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Also tell each query's cluster, and search within it: a CSV of `lookalike cluster`.",
            show_default=False,
        ),
    ] = None,
    votes: Annotated[
        int, typer.Option(metavar="N", min=1, help="Neighbours whose majority tells the cluster.")
    ] = defaults.VOTES,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    library: options.Library = None,
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    device: options.Device = defaults.DEVICE,
    allow_private_urls: options.AllowPrivate = False,
    strict: options.Strict = False,
    exit_zero: options.ExitZero = False,
    relative_to: options.RelativeTo = None,
    format_: options.PictureFormat = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Find the pictures most similar to a query, closest first.

    \b
    Examples:
      lookalike search beach.jpg
      lookalike search beach.jpg -k 20 --output sheet.png
      curl -s https://example.org/a.jpg | lookalike search - --format json
      lookalike search new/ --threshold 0.1 --format csv
      lookalike search new/ --verify -k 3
      lookalike search beach.jpg --under ~/Pictures/2024 --min-side 1000 --picture-format jpeg
      lookalike search dog.jpg beach.jpg --together
      lookalike search beach.jpg --clusters clusters.csv --output sheet.png
    """
    from lookalike.filters import Filters

    chosen = face(output, format_, ("png", "html"))
    only = Filters(
        under=tuple(under or ()), after=after, before=before, min_side=min_side, max_side=max_side,
        min_bytes=min_bytes, max_bytes=max_bytes, formats=tuple(picture_format or ()), label=tuple(label or ()),
        labels=labels,
    )  # fmt: skip
    asked: list[Any] = [
        sys.stdin.buffer.read() if query == "-" else query for query in listed(queries, files_from, null)
    ]
    piped = next((query for query in asked if isinstance(query, bytes)), None)
    with open_library(library) as opened:
        with stages(quiet) as tell:
            result = opened.search(
                asked[0] if len(asked) == 1 else asked,
                k,
                descriptor=descriptor,
                threshold=threshold,
                verify=verify,
                only=only or None,
                together=together,
                region=parsed_region(region),
                clusters=clusters,
                votes=votes,
                max_pixels=max_pixels,
                device=device,
                allow_private_urls=allow_private_urls,
                progress=lambda done, total: tell("searching", done, total),
                preparing=lambda done, total: tell("preparing", done, total),
            )
        for name, reason in result.failed:
            say(f"{name}: {reason}")
        if len(result.failed) == len(result.queries):
            raise UnreadableError("no query could be read" if result.queries else "there is no picture to search for")
        emit_or_draw(
            result.rows(), chosen, output, drawing(opened, quiet, piped),
            lambda load: render.search_sheet(result, load), lambda load: render.search_page(result, load),
            relative_to=relative_to,
        )  # fmt: skip
    say(written(output), quiet=quiet or output is None)
    exit_with(strict and bool(result.failed), exit_zero)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A file or URL; - is standard input.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    descriptor: options.Descriptors = list(defaults.DESCRIPTORS),  # noqa: B006
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    device: options.Device = defaults.DEVICE,
    library: options.Library = None,
    allow_private_urls: options.AllowPrivate = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw one laid upon the other, and which regions make them alike: a PNG.",
            show_default=False,
        ),
    ] = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
) -> None:
    """Hold two pictures against each other: verdict with its reason, distances, dimensions, bytes, pixels.

    It needs no library, but for a descriptor such as haralick that is standardised on a library's pictures.

    \b
    Examples:
      lookalike compare a.jpg b.png
      lookalike compare a.jpg https://example.org/b.jpg --format json
      lookalike compare a.jpg b.png --explain why.png
      lookalike compare a.jpg b.jpg --descriptor haralick --library textures.lookalike
    """
    from lookalike.comparing import compare as compare_pictures
    from lookalike.descriptors import get_descriptor

    chosen = face(output, format_)
    draw = explaining(explain, descriptor, device)
    sides: list[Any] = [sys.stdin.buffer.read() if side == "-" else side for side in (a, b)]
    with contextlib.ExitStack() as stack:
        if any(get_descriptor(name, device).spec.standardised for name in descriptor):
            compare_pictures = stack.enter_context(open_library(library)).compare
        result = compare_pictures(
            sides[0],
            sides[1],
            descriptors=descriptor,
            max_pixels=max_pixels,
            device=device,
            allow_private_urls=allow_private_urls,
        )
    emit(result.rows(), chosen, output, relative_to=relative_to)
    draw(*sides, result.evidence, max_pixels=max_pixels, allow_private_urls=allow_private_urls)
