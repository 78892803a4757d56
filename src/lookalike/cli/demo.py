"""`lookalike demo`: the main job, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import options
from lookalike.cli.common import progress

__all__ = ["demo"]


def demo(
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")] = Path(
        "lookalike-demo"
    ),
    quiet: options.Quiet = False,
) -> None:
    """Show the main job on real photographs that ship inside installed packages.

    \b
    Example:
      lookalike demo
    """
    from lookalike.demo import run_demo

    with progress("Indexing", quiet) as tell:
        lines = run_demo(folder, progress=lambda report: tell(report.found, report.total))
    for line in lines:
        typer.echo(line)
