"""The commands. Each parses, makes one call, and shows the result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lookalike.cli import options
from lookalike.cli.acting import apply, history, plan, quarantine, undo
from lookalike.cli.classify import classify
from lookalike.cli.cluster import cluster
from lookalike.cli.common import progress
from lookalike.cli.decide import app as decide
from lookalike.cli.distances import distances
from lookalike.cli.doctor import doctor
from lookalike.cli.duplicates import duplicates
from lookalike.cli.emit import emit, face
from lookalike.cli.evaluate import evaluate
from lookalike.cli.export import export
from lookalike.cli.folders import folders
from lookalike.cli.leaks import leaks
from lookalike.cli.library import descriptors, index, prune, status
from lookalike.cli.map import map_
from lookalike.cli.problems import problems
from lookalike.cli.search import compare, search
from lookalike.cli.serve import serve
from lookalike.cli.settings import commands_of, default_map, settings
from lookalike.cli.split import split
from lookalike.cli.train import app as train

__all__ = ["StoppedError", "app"]


class StoppedError(Exception):
    """Ctrl-C, in the midst of a command."""


class _Commands(TyperGroup):
    """All commands; Ctrl-C is told to `main`, where typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        """See `click.Group`."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise StoppedError from stop


app = typer.Typer(
    name="lookalike",
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lookalike {_own_version()}")
        raise typer.Exit


def _own_version() -> str:
    from importlib.metadata import version

    return version("lookalike")


@app.callback()
def start(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say on standard error what is being done, and all of an error.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", envvar="LOOKALIKE_LOG", help="Write that to the end of a file, too."),
    ] = None,
) -> None:
    """Tell which pictures are the same and which are alike.

    \b
    Examples:
      lookalike index ~/Pictures
      lookalike search beach.jpg --output sheet.png
      lookalike duplicates --output report.html
      lookalike demo
    """
    import platform

    from lookalike.logs import log_to

    log_to(verbose, log)
    if verbose or log:
        about = f"lookalike {_own_version()}, Python {platform.python_version()}, {platform.platform()}"
        logging.getLogger("lookalike.cli").info("%s: %s", about, context.invoked_subcommand)
    commands = commands_of(context.command)
    context.default_map = default_map(settings(commands))


def config(context: typer.Context, format_: options.Format = None, output: options.Output = None) -> None:
    """Show the value of every option and where it comes from: variable, project file, user file or default.

    \b
    Example:
      lookalike config
    """
    from lookalike.types import Rows

    commands = commands_of(context.parent.command)  # type: ignore[union-attr]
    said = {(setting.command, setting.option): setting for setting in settings(commands)}
    values = []
    for name, command in commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name:
                found = said.get((name, parameter.name))
                value = found.value if found else parameter.default
                values.append((name, parameter.opts[0], value, found.source if found else "default"))
    emit(Rows(("command", "option", "value", "source"), values), face(output, format_), output)


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


_COMMANDS: tuple[Callable[..., None], ...] = (
    index, search, compare, duplicates, plan, apply, undo, history, quarantine, folders, leaks, split, problems,
    cluster, map_, distances, classify, evaluate, export, serve, status, prune, descriptors, config, doctor, demo,
)  # fmt: skip
for _command in _COMMANDS:
    app.command(name=_command.__name__.rstrip("_"))(_command)
app.add_typer(decide, name="decide")
app.add_typer(train, name="train")
