"""`lookalike decide`: decisions that last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import options
from lookalike.cli.common import listed, open_library, write_text, written
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.decisions import Decision

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_Pictures = Annotated[
    list[str] | None, typer.Argument(metavar="PICTURE", help="Files, two at least.", show_default=False)
]


@app.callback()
def decide() -> None:
    """Decide for good what no command shall ask again. Kept by content, it outlives moving and renaming.

    \b
    Examples:
      lookalike decide not-duplicates a.jpg b.jpg
      lookalike decide keep-all a.jpg a-small.jpg
      lookalike decide keep-folder ~/Pictures/best
      lookalike decide list
    """


@app.command(name="not-duplicates")
def not_duplicates(
    pictures: _Pictures = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """No two of these pictures are duplicates: no command calls them so again.

    \b
    Examples:
      lookalike decide not-duplicates a.jpg b.jpg
      lookalike decide not-duplicates --files-from twins.txt
    """
    with open_library(library) as opened:
        made = opened.decisions.not_duplicates(listed(pictures, files_from, null))
    _tell(made, quiet)


@app.command(name="keep-all")
def keep_all(
    pictures: _Pictures = None,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """All of these copies stay: `duplicates` does not offer them again. To `leaks` and `split` they remain copies.

    \b
    Examples:
      lookalike decide keep-all a.jpg a-small.jpg a.png
    """
    with open_library(library) as opened:
        made = opened.decisions.keep_all(listed(pictures, files_from, null))
    _tell(made, quiet)


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
    """List the decisions: a row for each picture or folder, with the name it has now.

    \b
    Examples:
      lookalike decide list
      lookalike decide list --format csv
    """
    chosen = face(output, format_)
    with open_library(library) as opened:
        emit(opened.decisions.all().rows(), chosen, output, relative_to=relative_to)


@app.command()
def forget(
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
      lookalike decide forget 3 4
      lookalike decide forget --all
    """
    chosen = face(output, format_)
    if everything == bool(numbers):
        raise UsageError("name the decisions by their numbers, or take back --all")
    with open_library(library) as opened:
        wanted = [one.id for one in opened.decisions.all().decisions] if everything else numbers or []
        gone = opened.decisions.forget(wanted)
    emit(gone.rows(), chosen, output, relative_to=relative_to)
    say(f"{len(gone)} taken back.", quiet=quiet)


@app.command()
def export(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines; - is standard output.")],
    library: options.Library = None,
    quiet: options.Quiet = False,
) -> None:
    """Write all decisions to a file that `lookalike decide import` reads into any library.

    \b
    Examples:
      lookalike decide export decisions.jsonl
    """
    with open_library(library) as opened:
        text = opened.decisions.text()
    write_to(output, lambda stream: write_text(stream, text))
    say(written(output), quiet=quiet)


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
    with open_library(library, create=True) as opened:
        new = opened.decisions.load(file)
    say(f"{new} new.", quiet=quiet)


def _tell(made: Decision, quiet: bool) -> None:
    say(f"Decision {made.id}: `lookalike decide forget {made.id}` takes it back.", quiet=quiet)
