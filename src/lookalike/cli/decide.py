"""`lookalike decide`: decisions that last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import options
from lookalike.cli.common import listed, open_library, write_text, written
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.decisions import Decision
    from lookalike.types import Rows

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

_READ = 4  # columns: id, decision, uri, decided

_Pictures = Annotated[list[str] | None, typer.Argument(metavar="PICTURE", help="Files.", show_default=False)]
_PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan", metavar="FILE", help="Instead of files: a plan, or the csv or jsonl of `duplicates`.",
        show_default=False,
    ),
]  # fmt: skip
_Groups = Annotated[
    list[int] | None,
    typer.Option(
        "--group", metavar="N", help="A group of that file, decided by itself. Repeatable.", show_default=False
    ),
]


@app.callback()
def decide() -> None:
    """Decide once for all what no command shall ask again. Kept by content, it outlives moving and renaming.

    \b
    Examples:
      lookalike decide not-duplicates a.jpg b.jpg
      lookalike decide keep-all a.jpg a-small.jpg
      lookalike decide keep-all --plan plan.csv --group 3
      lookalike decide keep-folder ~/Pictures/best
      lookalike decide list
      lookalike decide undo 3
    """


@app.command(name="not-duplicates")
def not_duplicates(
    pictures: _Pictures = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    plan: _PlanFile = None,
    group: _Groups = None,
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """No two of these pictures are duplicates: no command calls them so again.

    \b
    Examples:
      lookalike decide not-duplicates a.jpg b.jpg
      lookalike decide not-duplicates --files-from twins.txt
      lookalike decide not-duplicates --plan plan.csv --group 3 --group 7
    """
    with open_library(library) as opened:
        for wanted in _sets(pictures, files_from, null, plan, group):
            _tell(opened.decisions.not_duplicates(wanted), quiet)


@app.command(name="keep-all")
def keep_all(
    pictures: _Pictures = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    plan: _PlanFile = None,
    group: _Groups = None,
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """All of these pictures stay: `duplicates` never offers one. To `leaks` and `split` they remain copies.

    \b
    Examples:
      lookalike decide keep-all a.jpg a-small.jpg a.png
      lookalike decide keep-all --plan plan.csv --group 3
    """
    with open_library(library) as opened:
        for wanted in _sets(pictures, files_from, null, plan, group):
            _tell(opened.decisions.keep_all(wanted), quiet)


@app.command(name="keep-folder")
def keep_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With all that is under it.")],
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """Pictures at or under this folder are always kept: `duplicates` makes them keepers and never offers them.

    \b
    Examples:
      lookalike decide keep-folder ~/Pictures/best
    """
    with open_library(library) as opened:
        made = opened.decisions.keep_folder(folder)
    _tell(made, quiet)


@app.command(name="list")
def list_(
    library: options.Library = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
) -> None:
    """List the decisions: a row for each picture or folder, with the name it has now. Hashes are left out of tables.

    \b
    Examples:
      lookalike decide list
      lookalike decide list --format csv
    """
    chosen = face(output, format_)
    with open_library(library) as opened:
        emit(_shown(opened.decisions.all().rows(), chosen), chosen, output, relative_to=relative_to)


@app.command()
def undo(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="ID", help="As `lookalike decide list` shows them.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All decisions.")] = False,
    library: options.Library = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Take decisions back, and print what they were.

    \b
    Examples:
      lookalike decide undo 3 4
      lookalike decide undo --all
    """
    from lookalike.words import human_count

    chosen = face(output, format_)
    if everything == bool(numbers):
        raise UsageError("name the decisions by their numbers, or take back --all")
    with open_library(library) as opened:
        wanted = [one.id for one in opened.decisions.all().decisions] if everything else numbers or []
        gone = opened.decisions.undo(wanted)
    emit(_shown(gone.rows(), chosen), chosen, output, relative_to=relative_to)
    say(f"{human_count(len(gone), 'decision')} taken back.", quiet=quiet)


@app.command()
def export(
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON lines, or CSV by its suffix; - is standard output.")
    ],
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """Write all decisions to a file that `lookalike decide import` reads into any library.

    \b
    Examples:
      lookalike decide export decisions.jsonl
      lookalike decide export decisions.csv
    """
    with open_library(library) as opened:
        decisions = opened.decisions
        if output.suffix.lower() == ".csv":
            emit(decisions.all().rows(), "csv", output)
        else:
            write_to(output, lambda stream: write_text(stream, decisions.text()))
    say(written(output), quiet=quiet or str(output) == "-")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `lookalike decide export` wrote it.")],
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """Take over the decisions of a file. Pictures that this library does not have yet may be among them.

    \b
    Examples:
      lookalike decide import decisions.jsonl
    """
    from lookalike.words import human_count

    with open_library(library, create=True) as opened:
        new = opened.decisions.load(file)
    say(f"{human_count(new, 'new decision')}.", quiet=quiet)


def _sets(
    pictures: list[str] | None, files_from: str | None, null: bool, plan: Path | None, group: list[int] | None
) -> list[list[str]]:  # fmt: skip
    """Return the pictures of each decision: those that are named, or those of each group of a plan."""
    if plan is None and not group:
        return [listed(pictures, files_from, null)]
    if plan is None or not group or pictures or files_from is not None:
        raise UsageError("--plan FILE and --group N go together, and without pictures")
    from lookalike.actions.planfile import read_groups

    groups = read_groups(plan)
    for number in group:
        if number not in groups:
            raise UsageError(f"{plan} has no group {number}")
    return [list(groups[number]) for number in dict.fromkeys(group)]


def _shown(rows: Rows, chosen: str) -> Rows:
    """Return rows without the hashes, of 64 digits each, where people read them."""
    if chosen != "table":
        return rows
    return replace(rows, columns=rows.columns[:_READ], values=[row[:_READ] for row in rows.values])


def _tell(made: Decision, quiet: bool) -> None:
    say(f"Decision {made.id}: `lookalike decide undo {made.id}` takes it back.", quiet=quiet)
