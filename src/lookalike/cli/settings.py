"""Where an option's value comes from: command line > LOOKALIKE_* > project file > user file > default.

The project file is ``lookalike.toml`` in the current folder or the nearest one above it; the user file is
``config.toml`` in the user's configuration directory. Keys at the top of a file hold for every command that has such
an option; those in a table named after a command hold for that command: ``k = 20`` under ``[search]``, ``epochs = 20``
under ``[train.cnn]``.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.errors import UsageError

__all__ = ["Setting", "commands_of", "default_map", "settings"]

PREFIX = "LOOKALIKE_"


@dataclass(frozen=True)
class Setting:
    """A value that some file or variable gives to an option of a command."""

    command: str
    option: str
    value: Any
    source: str


def commands_of(program: Any, first: str | None = None) -> dict[str, Any]:
    """Return the commands of a program by name, in the order of its help; those of a group as "train cnn".

    With `first`, only the command or the group of that name: the program builds a command when it is asked for it.
    """
    found: dict[str, Any] = {}
    for name in program.commands if first is None else (first,):
        command = program.commands[name]
        inner = commands_of(command) if hasattr(command, "commands") else {}
        found |= {f"{name} {below}": one for below, one in inner.items()} or {name: command}
    return found


def settings(program: Any, environment: Mapping[str, str] | None = None, *, asked: str | None = None) -> list[Setting]:
    """Return what the files and the environment say, weakest first, for the options of a program's commands.

    With `asked`, for those of one command or group.

    Raises
    ------
    UsageError
        If a file is no TOML, or names an option or a command that does not exist.
    """
    commands = commands_of(program, asked)
    found: list[Setting] = []
    for path in (_user_file(), _project_file()):
        if path is not None and path.is_file():
            found += [one for one in _from_file(path, program, commands) if one.command in commands]
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.startswith(PREFIX):
            option = name.removeprefix(PREFIX).lower()
            for command, known in commands.items():
                parameter = _option(known, option)
                if parameter is not None:
                    value = text.split(",") if parameter.multiple else text
                    found.append(Setting(command, parameter.name, value, name))
    return found


def default_map(found: list[Setting]) -> dict[str, Any]:
    """Return the settings in the form in which click takes them: value by option by command (by group)."""
    result: dict[str, Any] = {}
    for setting in found:
        table = result
        for name in setting.command.split():
            table = table.setdefault(name, {})
        table[setting.option] = setting.value
    return result


def _option(command: Any, name: str) -> Any:
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name.strip("_") == name:
            return parameter
    return None


def _from_file(path: Path, program: Any, commands: Mapping[str, Any]) -> list[Setting]:
    """Return what a file says for some of the program's commands, and for all that it names."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be used: {error}") from error
    everywhere, own = [], []

    def taken(name: str, value: Any) -> Any:
        # A library named in a file lies relative to that file, wherever the command is run.
        return str(path.parent / Path(value).expanduser()) if name == "library" and isinstance(value, str) else value

    for key, value in content.items():
        if isinstance(value, dict) or key in program.commands:
            for command, options in _tables(path, program, key, value).items():
                for name, inner in options.items():
                    option = name.replace("-", "_")
                    if _option(commands_of(program, key)[command], option) is None:
                        raise UsageError(
                            f"{path}: `lookalike {command}` has no option {name!r}; see `lookalike {command} --help`"
                        )
                    own.append(Setting(command, option, taken(option, inner), str(path)))
        else:
            name = key.replace("-", "_")
            having = [command for command, known in commands.items() if _option(known, name) is not None]
            if not having and not any(_option(known, name) for known in commands_of(program).values()):
                raise UsageError(f"{path}: no command has an option {key!r}")
            everywhere += [Setting(command, name, taken(name, value), str(path)) for command in having]
    return everywhere + own


def _tables(path: Path, program: Any, key: str, value: Any) -> dict[str, dict[str, Any]]:
    """Return the options that a file's table gives to commands, by command."""
    if key not in program.commands:
        raise UsageError(f"{path}: no command {key!r}; there are {', '.join(program.commands)}")
    known = commands_of(program, key)
    if key in known:
        if not isinstance(value, dict):
            raise UsageError(f"{path}: options of `lookalike {key}` stand in a table, [{key}]")
        return {key: value}
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise UsageError(
            f"{path}: options of `lookalike {key}` stand in a table such as [{next(iter(known)).replace(' ', '.')}]"
        )
    tables = {f"{key} {name}": one for name, one in value.items()}
    for name in tables:
        if name not in known:
            raise UsageError(f"{path}: no command {name!r}; there are {', '.join(known)}")
    return tables


def _user_file() -> Path | None:
    import platformdirs

    return Path(platformdirs.user_config_dir("lookalike", appauthor=False)) / "config.toml"


def _project_file() -> Path | None:
    here = Path.cwd()
    return next(
        (folder / "lookalike.toml" for folder in (here, *here.parents) if (folder / "lookalike.toml").is_file()), None
    )
