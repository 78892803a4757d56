"""`lookalike map`: pictures as points in a plane, like beside like."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import drawing, gallery, open_library, progress, write_text, written
from lookalike.cli.emit import emit, face, say, write_to

__all__ = ["map_"]


def map_(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Pictures to show. [default: the whole library]", show_default=False),
    ] = None,
    descriptor: options.OneDescriptor = defaults.DESCRIPTOR,
    method: Annotated[
        str, typer.Option(metavar="METHOD", help="tsne: neighbours stay together; pca: the largest differences.")
    ] = defaults.MAP_METHOD,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Colour by labels: folder, name:PATTERN, or a CSV file, such as one of `lookalike cluster`.",
            show_default=False,
        ),
    ] = None,
    perplexity: Annotated[
        float, typer.Option(metavar="X", help="Of tsne: about how many neighbours each picture keeps.")
    ] = defaults.PERPLEXITY,
    seed: options.Seed = defaults.SEED,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="In a PNG, show pictures in place of dots, where there is room.")
    ] = False,
    max_pictures: Annotated[
        int, typer.Option("--max-pictures", metavar="N", min=1, help="Most pictures on an HTML page; about 4 kB each.")
    ] = defaults.MAP_PICTURES,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    relative_to: options.RelativeTo = None,
    format_: options.PictureFormat = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Lay pictures out in a plane, like beside like, as rows, a PNG, or a page where each dot shows its picture.

    \b
    Examples:
      lookalike map --output map.html
      lookalike map photos/ --labels folder --output map.png --thumbnails
      lookalike map --labels clusters.csv --method pca --output map.csv
    """
    from lookalike.projection import project

    chosen = face(output, format_, ("png", "html"))
    with open_library(library, create=bool(paths)) as opened:
        pictures = gallery(opened, paths, descriptor=descriptor, labels=labels, device=device, quiet=quiet)
        result = project(pictures, method=method, perplexity=perplexity, seed=seed)
        if chosen == "html":
            from lookalike.render import map_page

            with progress("Drawing", quiet) as tell:
                page = map_page(
                    result,
                    lambda uri: opened.load(uri, min_side=192),
                    max_pictures=max_pictures,
                    seed=seed,
                    progress=tell,
                )
            write_to(output, lambda stream: write_text(stream, page))
        elif chosen == "png":
            from lookalike.render import map_plot

            with drawing(opened, quiet) as load:
                write_to(output, lambda stream: map_plot(result, stream, load=load if thumbnails else None, seed=seed))
        else:
            emit(result.rows(), chosen, output, relative_to=relative_to)
    if chosen == "html" and len(result) > max_pictures:
        say(f"{max_pictures:,} of {len(result):,} pictures, drawn by lot, are on the page: --max-pictures takes more.",
            quiet=quiet)  # fmt: skip
    say(written(output), quiet=quiet or output is None)
