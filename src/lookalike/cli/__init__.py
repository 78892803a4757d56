"""The command line: parse, one call, render."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from typing import Any, NoReturn

__all__ = ["main", "run"]

STOPPED = 130  # what shells say of a program that Ctrl-C ended


def run() -> NoReturn:
    """Be the process `lookalike`: run the command line and leave with its exit code.

    After Ctrl-C it leaves at once, without the interpreter's last steps. A pool's threads may be at work still, for
    Python does not wait a second time for a thread once Ctrl-C broke the first wait; one that came back from OpenCV
    into an interpreter half taken down would abort the process, after all was said and kept.
    """
    try:
        code = main()
    except KeyboardInterrupt:  # before main() could look out for it
        code = STOPPED
    if code == STOPPED:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 something to report, 2 wrong use, 3 nothing done.

    Parameters
    ----------
    arguments
        Without the program's name; None for those of the process.
    """
    import typer

    from lookalike.cli.app import app
    from lookalike.errors import LookalikeError

    # Newer typers carry a click of their own: its root of all usage errors is reached through what typer exports.
    click_error: Any = typer.BadParameter.__mro__[2]
    given = sys.argv[1:] if arguments is None else arguments
    # What a codec grumbles about becomes a row with its reason; its warnings would only break the progress line.
    warnings.filterwarnings("ignore", module=r"PIL\..*")
    try:
        code = app(given, prog_name="lookalike", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.Exit as stop:
        return stop.exit_code
    except click_error as error:
        text = error.format_message()
        context = getattr(error, "ctx", None)
        if not given:
            print(text, file=sys.stderr)
            return 2
        hint = f"; see `{context.command_path} --help`" if context else ""
        if context is not None:
            hint += _blame(context, getattr(error, "param", None))
        return _fail(given, text.rstrip(".") + hint, 2, 400)
    except LookalikeError as error:
        return _fail(given, str(error), error.exit_code, error.status)
    except (KeyboardInterrupt, typer.Abort):
        print("Stopped.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # The reader has gone, as `head` does: nothing to say, and nothing may be flushed at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _blame(context: Any, parameter: Any) -> str:
    """Name the file or variable from which a refused value came, if it did not come from the command line."""
    from lookalike.cli.settings import commands_of, settings

    name = getattr(parameter, "name", None)
    if context.parent is None or name is None or context.get_parameter_source(name).name != "DEFAULT_MAP":
        return ""
    root, command = context.find_root(), context.command_path.partition(" ")[2]
    said = [s.source for s in settings(commands_of(root.command)) if (s.command, s.option) == (command, name)]
    return f"; the value comes from {said[-1]}" if said else ""


def _fail(given: list[str], text: str, code: int, status: int) -> int:
    """Print one sentence, or with --format json the body that the HTTP API answers with."""
    asked = " ".join(given)
    if "--format json" in asked or "--format=json" in asked:
        body = {"ok": False, "error": text, "errors": [text], "status": status}
        print(json.dumps(body), file=sys.stderr)
    else:
        print(f"lookalike: {text}", file=sys.stderr)
    return code
