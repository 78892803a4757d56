"""`lookalike config`: every option's value and where it comes from."""

from __future__ import annotations

import typer

from lookalike.cli import options
from lookalike.cli.emit import emit, face
from lookalike.cli.settings import commands_of, settings

__all__ = ["config"]


def config(context: typer.Context, format_: options.Format = None, output: options.Output = None) -> None:
    """Show the value of every option and where it comes from: variable, project file, user file or default.

    \b
    Example:
      lookalike config
    """
    from lookalike.types import Rows

    program = context.parent.command  # type: ignore[union-attr]
    said = {(setting.command, setting.option): setting for setting in settings(program)}
    values = []
    for name, command in commands_of(program).items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name:
                found = said.get((name, parameter.name))
                value = found.value if found else parameter.default
                values.append((name, parameter.opts[0], value, found.source if found else "default"))
    emit(Rows(("command", "option", "value", "source"), values), face(output, format_), output)
