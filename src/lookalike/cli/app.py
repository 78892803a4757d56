"""The commands. Each parses, makes one call, and shows the result."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lookalike.cli.settings import default_map, settings

__all__ = ["COMMANDS", "StoppedError", "app"]


class StoppedError(Exception):
    """Ctrl-C, in the midst of a command."""


# Where each command is, in the order of the help: it is loaded, and its options are made, when somebody asks for it.
COMMANDS = {
    "index": "library:index",
    "search": "search:search",
    "compare": "search:compare",
    "duplicates": "duplicates:duplicates",
    "plan": "acting:plan",
    "apply": "acting:apply",
    "undo": "acting:undo",
    "history": "acting:history",
    "quarantine": "acting:quarantine",
    "folders": "folders:folders",
    "leaks": "leaks:leaks",
    "split": "split:split",
    "problems": "problems:problems",
    "cluster": "cluster:cluster",
    "map": "map:map_",
    "distances": "distances:distances",
    "classify": "classify:classify",
    "evaluate": "evaluate:evaluate",
    "export": "export:export",
    "serve": "serve:serve",
    "status": "library:status",
    "prune": "library:prune",
    "descriptors": "library:descriptors",
    "config": "config:config",
    "doctor": "doctor:doctor",
    "demo": "demo:demo",
    "decide": "decide:app",
    "train": "train:app",
}


def _loaded(name: str) -> Any:
    """Return a command's function, or the program of a group of commands."""
    module, _, attribute = COMMANDS[name].partition(":")
    return getattr(importlib.import_module(f"lookalike.cli.{module}"), attribute)


class _Built(Mapping[str, Any]):
    """The commands by name, each built when it is first asked for."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._built:
            program = _loaded(name)
            if not isinstance(program, typer.Typer):
                function, program = program, typer.Typer(rich_markup_mode=None, add_completion=False)
                program.command(name=name)(function)
            self._built[name] = typer.main.get_command(program)
            self._built[name].name = name
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Commands(TyperGroup):
    """All commands; Ctrl-C is told to `main`, where typer would end without a word."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Built()  # type: ignore[assignment]

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """See `click.Group`; a command says the first sentence of its help, and none is built for that."""
        rows = []
        for name in COMMANDS:
            program = _loaded(name)
            callback = getattr(program, "registered_callback", None)  # of a group of commands
            said = (inspect.getdoc(callback.callback if callback else program) or "").partition("\n")[0].rstrip(".")
            rows.append((name, said.partition(". ")[0]))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

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
    context.default_map = default_map(settings(context.command, asked=context.invoked_subcommand))
