"""`lookalike folders`: how much of one folder is inside another."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import open_library, progress, written
from lookalike.cli.emit import emit, face, say

__all__ = ["folders"]


def folders(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH", help="Only folders at or under these. [default: the whole library]", show_default=False
        ),
    ] = None,
    level: options.Level = defaults.LEVEL,
    least: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=1, help="Only pairs of which so much of one is in the other.")
    ] = 0.0,
    probability: options.Probability = None,
    library: options.Library = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Tell how much of one folder is inside another: "A is 97 % inside B". Nothing is ever removed by this.

    \b
    Examples:
      lookalike folders
      lookalike folders ~/phone ~/Pictures --format csv
      lookalike folders --level same-file --least 0.9
    """
    from lookalike.folders import compare_folders

    chosen = face(output, format_)
    with open_library(library) as opened, progress("Comparing", quiet) as tell:
        report = compare_folders(
            opened, paths or (), level=level, least=least, probability=probability, progress=tell
        )  # fmt: skip
    emit(report.rows(), chosen, output, relative_to=relative_to)

    def near(folder: str) -> str:
        return folder if relative_to is None or "://" in folder else os.path.relpath(folder, relative_to)

    for pair in report.pairs[:3]:
        say(f"{replace(pair, a=near(pair.a), b=near(pair.b))}.", quiet=quiet)
    for reason, count in report.left_out:
        say(f"{count} {reason}.", quiet=quiet)
    say(written(output), quiet=quiet or output is None)
