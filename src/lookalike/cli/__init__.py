"""The command line: parse, one call, render."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
import warnings
from typing import Any, NoReturn

__all__ = ["main", "run"]

STOPPED = 130  # what shells say of a program that Ctrl-C ended

_log = logging.getLogger("lookalike.cli")
_log.addHandler(logging.NullHandler())  # else Python prints what nobody asked to be logged

_GO_ON = {
    "index": "What was done is kept: run the same command again to go on.",
    "apply": "What was done is in the journal: run the same command again to go on, or `lookalike undo`.",
    "undo": "What was put back stays so: run the same command again to go on.",
    "quarantine": "What was deleted is in the journal: run the same command again to go on.",
    "train": "The epochs that were finished are kept: run the same command again to go on.",
    "serve": "The library is closed and whole.",
}
_ELSE = "No picture was touched and the library is whole: run the same command again."


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
    from lookalike.cli.app import app

    given = sys.argv[1:] if arguments is None else arguments
    # What a codec grumbles about becomes a row with its reason; its warnings would only break the progress line.
    warnings.filterwarnings("ignore", module=r"PIL\..*")
    started = time.monotonic()
    try:
        code = _run(app, given)
    except BaseException:
        _log.exception("an error that nobody expected")
        raise
    _log.info("%s ended with code %d after %.1f s", _command(given) or "lookalike", code, time.monotonic() - started)
    return code


def _command(given: list[str]) -> str:
    """Return the command among arguments, "" if there is none."""
    if not given:
        return ""
    from lookalike.cli.app import COMMANDS

    return next((word for word in given if word in COMMANDS), "")


def _run(app: Any, given: list[str]) -> int:
    """Run the command line; see `main`."""
    import typer

    from lookalike.cli.app import StoppedError
    from lookalike.errors import LookalikeError

    # Newer typers carry a click of their own: its root of all usage errors is reached through what typer exports.
    click_error: Any = typer.BadParameter.__mro__[2]
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
        _log.error("%s: %s", type(error).__name__, error, exc_info=error)
        return _fail(given, str(error), error.exit_code, error.status)
    except (KeyboardInterrupt, typer.Abort, StoppedError):
        _log.warning("stopped by Ctrl-C")
        command = _command(given)
        print(f"Stopped. {_GO_ON.get(command, _ELSE)}" if command else "Stopped.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # The reader has gone, as `head` does: nothing to say, and nothing may be flushed at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _blame(context: Any, parameter: Any) -> str:
    """Name the file or variable from which a refused value came, if it did not come from the command line."""
    from lookalike.cli.settings import settings

    name = getattr(parameter, "name", None)
    if context.parent is None or name is None or context.get_parameter_source(name).name != "DEFAULT_MAP":
        return ""
    program, command = context.find_root().command, context.command_path.partition(" ")[2]
    found = settings(program, asked=command.partition(" ")[0])
    said = [one.source for one in found if (one.command, one.option) == (command, name)]
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
