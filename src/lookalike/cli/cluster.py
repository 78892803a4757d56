"""`lookalike cluster`: pictures in groups of their like."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import drawing, emit_or_draw, gallery, open_library, progress, written
from lookalike.cli.emit import face, say, write_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.cluster import Clustering
    from lookalike.results import Gallery
    from lookalike.types import RGBImage

__all__ = ["cluster"]


def cluster(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Pictures to cluster. [default: the whole library]", show_default=False),
    ] = None,
    descriptor: options.OneDescriptor = defaults.DESCRIPTOR,
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD", help="kmeans, or hdbscan: it finds how many there are and leaves over what fits nowhere."
        ),
    ] = defaults.CLUSTER_METHOD,
    k: Annotated[
        int | None,
        typer.Option(
            "-k", "--k", min=1, metavar="K", help="Number of clusters. [default: chosen from --ks]", show_default=False
        ),
    ] = None,
    ks: Annotated[
        str, typer.Option(metavar="RANGE", help="Choose the number by silhouette, from 2-12 or 4,8,16.")
    ] = defaults.KS,
    min_size: Annotated[
        int, typer.Option("--min-size", min=2, metavar="N", help="Fewest pictures of a cluster of hdbscan.")
    ] = defaults.MIN_SIZE,
    seed: options.Seed = defaults.SEED,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Say how far clusters agree with labels: folder, name:PATTERN, or a CSV file.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw silhouette and inertia of every K tried, as PNG.", show_default=False),
    ] = None,
    sheets: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw a contact sheet of each cluster, all its pictures, to DIR.", show_default=False
        ),
    ] = None,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    relative_to: options.RelativeTo = None,
    format_: options.PictureFormat = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Put pictures into clusters of their like. Cluster 1 is the largest; -1 is "in no cluster".

    \b
    Examples:
      lookalike cluster
      lookalike cluster photos/ -k 6 --output clusters.csv
      lookalike cluster --ks 2-30 --plot choice.png --output clusters.png --sheets clusters/
      lookalike cluster --method hdbscan --output clusters.html
    """
    from lookalike.cluster import cluster as cluster_pictures
    from lookalike.render import choice_plot, clusters_page, clusters_sheet

    chosen = face(output, format_, ("png", "html"))
    with open_library(library, create=bool(paths)) as opened:
        pictures = gallery(opened, paths, descriptor=descriptor, labels=labels, device=device, quiet=quiet)
        with progress("Trying K", quiet) as tell:
            result = cluster_pictures(pictures, method=method, k=k, ks=ks, min_size=min_size, seed=seed, progress=tell)
        if plot is not None:
            write_to(plot, lambda stream: choice_plot(result, stream))
        emit_or_draw(
            result.rows(), chosen, output, drawing(opened, quiet), partial(clusters_sheet, result),
            partial(clusters_page, result), relative_to=relative_to,
        )  # fmt: skip
        if sheets is not None:
            with drawing(opened, quiet) as load:
                _write_sheets(result, sheets, load)
    _summary(result, pictures, quiet)
    for path in (plot, output, sheets):
        say(written(path), quiet=quiet or path is None)


def _write_sheets(result: Clustering, folder: Path, load: Callable[[str], RGBImage | None]) -> None:
    from lookalike.render import cluster_sheet

    folder.mkdir(parents=True, exist_ok=True)
    digits = len(str(result.k))
    for number in [*range(1, result.k + 1), *([-1] if result.unclustered else [])]:
        name = f"cluster-{number:0{digits}}.png" if number > 0 else "unclustered.png"
        write_to(folder / name, partial(cluster_sheet(result, number, load).save, format="PNG"))


def _summary(result: Clustering, pictures: Gallery, quiet: bool) -> None:
    from lookalike.cluster import agreement
    from lookalike.render import human_count

    text = f"{human_count(result.k, 'cluster')} of {human_count(len(pictures), 'picture')}"
    if result.silhouette is not None:
        text += f", silhouette {result.silhouette:.3f}"
    if result.scored < len(pictures) - result.unclustered:
        text += f" (of {human_count(result.scored, 'picture')} drawn by lot)"
    say(f"{text}.", quiet=quiet)
    if result.unclustered:
        say(f"{human_count(result.unclustered, 'picture')} in no cluster.", quiet=quiet)
    if not result.k:
        say("Nothing lies densely enough: try a smaller --min-size, or --method kmeans.", quiet=quiet)
    elif pictures.labels:
        how = agreement(result.labels.tolist(), pictures.labels)
        say(
            f"Held against the labels of {human_count(how.pictures, 'picture')}: purity {how.purity:.3f}, "
            f"adjusted Rand {how.adjusted_rand:.3f}, mutual information {how.mutual_information:.3f}.",
            quiet=quiet,
        )
