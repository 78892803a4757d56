"""`lookalike leaks`: copies across the parts of a data set, as a gate in continuous integration."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import drawing, exit_with, open_library, stages, write_text, written
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.errors import UsageError

__all__ = ["leaks"]


def leaks(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PART", show_default=False,
            help="Folders: training, validation, test ...; or the CSV of a split. New pictures are indexed.",
        ),
    ] = None,
    level: options.Level = defaults.SPLIT_LEVEL,
    labels: options.Labels = None,
    probability: options.Probability = None,
    fail: options.Fail = False,
    exit_zero: options.ExitZero = False,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    relative_to: options.RelativeTo = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT",
            help=f"{', '.join(defaults.FACES)}, html, junit, github. [default: by the suffix of --output, else table]",
            show_default=False,
        ),
    ] = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Find copies across training, validation and test; with labels, also one picture under two of them.

    What is printed of each pair says what b, in the part named later, is of a.

    \b
    Examples:
      lookalike leaks train/ val/ test/
      lookalike leaks train/ val/ --labels folder --output leaks.html
      lookalike leaks train/ val/ --fail --format github
      lookalike leaks split.csv --fail --output leaks.xml
      lookalike leaks pictures/ --labels labels.csv --format csv
    """
    from lookalike.leaks import find_leaks

    chosen = face(output, format_, ("html",), ("junit", "github"))
    if not parts:
        raise UsageError("name the folders of the parts, or the CSV of a split")
    with open_library(library, create=True) as opened:
        with stages(quiet) as tell:
            report = find_leaks(
                opened,
                parts,
                level=level,
                labels=labels,
                probability=probability,
                device=device,
                progress=lambda report: tell("indexing", report.found, report.total, report.failed),
                comparing=lambda done, total: tell("comparing", done, total),
            )
        if chosen == "html":
            from lookalike.render import leaks_page

            with drawing(opened, quiet) as load:
                write_to(output, lambda stream: write_text(stream, leaks_page(report, load)))
    if chosen == "junit":
        from lookalike.render import leaks_junit

        write_to(output, lambda stream: write_text(stream, leaks_junit(report, relative_to=relative_to)))
    elif chosen == "github":
        from lookalike.render import leaks_github

        write_to(output, lambda stream: write_text(stream, leaks_github(report, relative_to=relative_to)))
    elif chosen != "html":
        emit(report.rows(), chosen, output, relative_to=relative_to)
    for line in report.sentences():
        say(line, quiet=quiet)
    say(written(output), quiet=quiet or output is None)
    exit_with(fail and bool(report.leaks), exit_zero)
