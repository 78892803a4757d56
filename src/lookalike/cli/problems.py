"""`lookalike problems`: what is wrong with single pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import drawing, exit_with, open_library, stages, write_text, written
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.errors import UsageError

__all__ = ["problems"]


def problems(
    paths: options.Pictures = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", help="Look for wrong labels, too. Labels: folder, name:PATTERN, or a CSV file.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help=f"Look for this alone; repeatable: {', '.join(defaults.PROBLEM_KINDS)}.",
            show_default=False,
        ),
    ] = None,
    thresholds: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold", metavar="KIND=VALUE",
            help="From where on a picture has this problem; repeatable. [default: "
            f"{', '.join(f'{kind}={value:g}' for kind, value in defaults.PROBLEM_THRESHOLDS.items())}]",
            show_default=False,
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="List pictures without a problem, too, with what was measured.")
    ] = False,
    descriptor: options.OneDescriptor = defaults.DESCRIPTOR,
    neighbours: Annotated[
        int, typer.Option(metavar="N", min=1, help="Nearest pictures that an outlier is held against.")
    ] = defaults.OUTLIER_NEIGHBOURS,
    folds: Annotated[int, typer.Option(metavar="N", min=2, help="Of the check of labels.")] = defaults.FOLDS,
    seed: options.Seed = defaults.SEED,
    library: options.Library = None,
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    device: options.Device = defaults.DEVICE,
    fail: options.Fail = False,
    relative_to: options.RelativeTo = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT",
            help=f"{', '.join(defaults.FACES)}, html. [default: by the suffix of --output, else table]",
            show_default=False,
        ),
    ] = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Find blurred, dark, plain, small, oddly shaped, outlying and wrongly labelled pictures. Nothing is changed.

    \b
    Examples:
      lookalike problems
      lookalike problems train/ --labels folder --output problems.html
      lookalike problems train/ --labels labels.csv --only mislabelled --format csv
      lookalike problems photos/ --only blurred --only dark --threshold blurred=4
      lookalike problems photos/ --all --output measures.parquet
    """
    from lookalike.inspecting import inspect

    chosen = face(output, format_, ("html",))
    with open_library(library, create=bool(paths)) as opened:
        with stages(quiet) as tell:
            found = inspect(
                opened,
                paths or (),
                labels=labels,
                only=only or (),
                thresholds=_limits(thresholds or ()),
                descriptor=descriptor,
                neighbours=neighbours,
                folds=folds,
                seed=seed,
                max_pixels=max_pixels,
                device=device,
                progress=lambda report: tell("indexing", report.found, report.total, report.failed),
                looking=lambda done, total: tell("looking", done, total),
                checking=lambda done, total: tell("checking labels", done, total),
            )
        if chosen == "html":
            from lookalike.render import problems_page

            with drawing(opened, quiet) as load:
                write_to(output, lambda stream: write_text(stream, problems_page(found, load)))
        else:
            emit((found if all_ else found.only_flagged()).rows(), chosen, output, relative_to=relative_to)
    say(found.in_words(), quiet=quiet)
    for note in found.notes:
        say(f"{note[0].upper()}{note[1:]}.", quiet=quiet)
    say(written(output or Path()), quiet=quiet or output is None)
    exit_with(fail and bool(found.flagged), False)


def _limits(given: list[str] | tuple[str, ...]) -> dict[str, float]:
    """Return the thresholds of KIND=VALUE."""
    limits = {}
    for one in given:
        kind, _, value = one.partition("=")
        try:
            limits[kind.strip()] = float(value)
        except ValueError:
            raise UsageError(f"--threshold takes KIND=VALUE, such as blurred=4, not {one!r}") from None
    return limits
