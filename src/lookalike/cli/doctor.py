"""`lookalike doctor`: whether a library and what it runs on are well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import options
from lookalike.cli.common import confirm, exit_with, progress
from lookalike.cli.emit import emit, face, say

if TYPE_CHECKING:
    from lookalike.health import Health
    from lookalike.types import Rows

__all__ = ["doctor"]


def doctor(
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; the database is copied before it is changed.")
    ] = False,
    yes: options.Yes = False,
    library: options.Library = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
    exit_zero: options.ExitZero = False,
) -> None:
    """Check a library, the packages, the codecs and the disk. Nothing is changed without --repair.

    Exits with 1 if anything is bad.

    \b
    Examples:
      lookalike doctor
      lookalike doctor --library pets.lookalike --repair
      lookalike doctor --format json
    """
    from lookalike.health import doctor as look
    from lookalike.health import mend

    chosen = face(output, format_)
    with progress("Checking", quiet) as tell:
        found = look(library, progress=lambda done: tell(done, None))
    if repair and found.mendable:
        if not yes:
            for one in found.mendable:
                say(f"{one.check}: {one.what}.")
            confirm(f"Mend {'this' if len(found.mendable) == 1 else f'these {len(found.mendable)}'}?")
        with progress("Checking again", quiet) as tell:
            found = mend(found, progress=lambda done: tell(done, None))
    rows = found.rows()
    emit(_narrow(rows) if chosen == "table" and output is None else rows, chosen, output)
    _tell(found, quiet)
    exit_with(found.worst == "bad", exit_zero)


def _narrow(rows: Rows) -> Rows:
    """Leave out what is told below the table, and, where nothing was mended, that column."""
    from lookalike.types import Rows

    keep = [at for at, name in enumerate(rows.columns) if name in ("check", "state", "what")]
    return Rows(tuple(rows.columns[at] for at in keep), [tuple(row[at] for at in keep) for row in rows.values])


def _tell(found: Health, quiet: bool) -> None:
    for one in found.checks:
        if one.state != "ok":
            say(f"{one.state}: {one.check}: {one.what}. What to do: {one.remedy}.", quiet=quiet)
    for one in found.checks:
        if one.mended:
            say(f"mended: {one.check}: {one.mended}.", quiet=quiet)
    if found.backup:
        say(f"The database as it was: {found.backup}", quiet=quiet)
    bad, warnings = found.count("bad"), found.count("warning")
    words = "All is well" if not bad and not warnings else f"{bad} bad, {warnings} to know of"
    say(f"{len(found.checks)} checks: {words}.", quiet=quiet)
