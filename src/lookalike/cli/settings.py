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


def commands_of(group: Any) -> dict[str, Any]:
    """Return the commands of a program by name, in the order of its help; those of a group as "train cnn"."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = commands_of(command) if hasattr(command, "commands") else {}
        found |= {f"{name} {below}": one for below, one in inner.items()} or {name: command}
    return found


def settings(commands: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> list[Setting]:
    """Return what the files and the environment say, weakest first, for the options that the commands have.

    Raises
    ------
    UsageError
        If a file is no TOML, or names an option or a command that does not exist.
    """
    found: list[Setting] = []
    for path in (_user_file(), _project_file()):
        if path is not None and path.is_file():
            found += _from_file(path, commands)
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


def _from_file(path: Path, commands: Mapping[str, Any]) -> list[Setting]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be used: {error}") from error
    everywhere, own = [], []

    def taken(name: str, value: Any) -> Any:
        # A library named in a file lies relative to that file, wherever the command is run.
        return str(path.parent / Path(value).expanduser()) if name == "library" and isinstance(value, str) else value

    groups = {name.rpartition(" ")[0] for name in commands} - {""}
    tables = {key: value for key, value in content.items() if key not in groups}
    for group in groups & set(content):
        if not isinstance(content[group], dict) or not all(isinstance(one, dict) for one in content[group].values()):
            raise UsageError(f"{path}: options of `lookalike {group}` stand in a table such as [{group}.cnn]")
        tables |= {f"{group} {name}": one for name, one in content[group].items()}
    for key, value in tables.items():
        if isinstance(value, dict):
            if key not in commands:
                raise UsageError(f"{path}: no command {key!r}; there are {', '.join(commands)}")
            for name, inner in value.items():
                if _option(commands[key], name.replace("-", "_")) is None:
                    raise UsageError(f"{path}: `lookalike {key}` has no option {name!r}; see `lookalike {key} --help`")
                own.append(Setting(key, name.replace("-", "_"), taken(name, inner), str(path)))
        else:
            name = key.replace("-", "_")
            having = [command for command, known in commands.items() if _option(known, name) is not None]
            if not having:
                raise UsageError(f"{path}: no command has an option {key!r}")
            everywhere += [Setting(command, name, taken(name, value), str(path)) for command in having]
    return everywhere + own


def _user_file() -> Path | None:
    import platformdirs

    return Path(platformdirs.user_config_dir("lookalike", appauthor=False)) / "config.toml"


def _project_file() -> Path | None:
    here = Path.cwd()
    return next(
        (folder / "lookalike.toml" for folder in (here, *here.parents) if (folder / "lookalike.toml").is_file()), None
    )
