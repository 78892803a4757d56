"""`lookalike plan`, `apply`, `undo`, `history`, `quarantine`: acting on copies, and taking it back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import confirm, exit_with, open_library, progress, ruled, written
from lookalike.cli.emit import emit, face, say, write_to

if TYPE_CHECKING:
    from lookalike.actions import Plan, Resolved
    from lookalike.types import Rows

__all__ = ["apply", "history", "plan", "quarantine", "undo"]

_SHOWN = ("group", "uri", "act", "to", "verdict", "probability", "bytes", "with", "reason")
"""Columns of a plan that a table shows."""


def plan(
    paths: options.Within = None,
    level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL", help="Weakest verdict to act on: same-file, same-pixels, same-picture, edited."
        ),
    ] = defaults.PLAN_LEVEL,
    probability: Annotated[
        float | None,
        typer.Option(
            metavar="P", help="Least probability, 0.5 to 1; same-picture and edited need one.", show_default=False
        ),
    ] = None,
    act: Annotated[
        str, typer.Option(metavar="ACT", help=f"What to do with the copies: {', '.join(defaults.ACTS)}.")
    ] = defaults.ACT,
    move_to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for --act move, outside what is indexed.", show_default=False),
    ] = None,
    reference: options.Reference = None,
    protect: options.Protect = None,
    keep: options.Keep = list(defaults.KEEP_RULES),  # noqa: B006
    label_file: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="COCO JSON, CSV or list out of which pictures that go are taken. Repeatable.",
            show_default=False,
        ),
    ] = None,
    library: options.Library = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Plan what to do with copies: a file to read, to edit and to apply. Nothing is touched by this.

    A .jsonl or .csv file can be applied. Delete a row, or change its act to list-only, and nothing is done with that
    file; let two files of a group change their acts, and the other one is kept. RAW, film, sidecars and labels go with
    their picture; a picture whose RAW or film would be the last one is only listed.

    \b
    Examples:
      lookalike plan --output plan.csv
      lookalike plan ~/Pictures/phone --reference ~/Pictures/best --output plan.jsonl
      lookalike plan --level same-picture --probability 0.99 --output plan.csv
      lookalike plan --act move --move-to ~/copies --output plan.jsonl
      lookalike plan --act hardlink --level same-file --output plan.csv
      lookalike plan dataset/ --label-file dataset/annotations.json --output plan.jsonl
    """
    from lookalike.actions import make_plan
    from lookalike.actions.planfile import write_plan_to

    chosen = face(output, format_)
    with open_library(library) as opened, progress("Comparing", quiet) as tell:
        made = make_plan(
            opened,
            paths or (),
            level=level,
            probability=probability,
            act=act,
            move_to=move_to,
            reference=reference or (),
            protect=protect or (),
            keep=ruled(keep),
            label_file=label_file or (),
            progress=tell,
        )
    if chosen in ("csv", "jsonl"):
        write_to(output, lambda stream: write_plan_to(made, chosen, stream))
    else:
        emit(made.rows() if chosen != "table" else _to_read(made), chosen, output)
    for line in _sum_in_words(made):
        say(line, quiet=quiet)
    for reason, count in made.left_out:
        say(f"{count} left out: {reason}.", quiet=quiet)
    say(written(output), quiet=quiet or output is None)


def apply(
    path: Annotated[Path, typer.Argument(metavar="PLAN", help="A file that `lookalike plan` wrote, edited or not.")],
    protect: options.Protect = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at every file as for acting, and do nothing.")
    ] = False,
    yes: options.Yes = False,
    library: options.Library = None,
    exit_zero: options.ExitZero = False,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Do what a plan says, after asking. Each file is checked once more; each act can be undone.

    Without --library it is the library that the plan is of. Exit code 1 if something was refused.

    \b
    Examples:
      lookalike apply plan.csv
      lookalike apply plan.jsonl --dry-run
      lookalike apply plan.jsonl --protect ~/Pictures/best --yes --format csv
    """
    from lookalike.actions import apply_plan, read_plan

    chosen = face(output, format_)
    made = read_plan(path)
    for line in _sum_in_words(made):
        say(line, quiet=quiet)
    if made.acting and not (yes or dry_run):
        confirm("Do this?")
    with open_library(library or (Path(made.library) if made.library else None)) as opened:
        with progress("Checking" if dry_run else "Acting", quiet) as tell:
            count = Counter[str]()

            def told(state: str) -> None:
                count[state] += 1
                tell(count.total(), len(made.acting), 0)

            report = apply_plan(
                opened, made, protect=protect or (), dry_run=dry_run, on_row=lambda row: told(row.state)
            )
        where = opened.path
    emit(report.rows(), chosen, output, relative_to=relative_to)
    _say_resolved(report.resolved, quiet)
    done, refused = report.count("would" if dry_run else "done"), report.count("refused")
    say(f"{done} {'would be done' if dry_run else 'done'}, {refused} refused.", quiet=quiet)
    displaced = report.count("displaced")
    if displaced:
        say(
            f"{displaced} half done, for a fault of the disk: they lie where the column to says, until they are undone."
        )
    if report.count("done") or displaced:
        say(f"To take it back: `lookalike undo {report.run} --library {where}`", quiet=quiet)
    exit_with(refused + displaced > 0, exit_zero)


def undo(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="As `history` lists it. [default: the last]", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be brought back.")] = False,
    yes: options.Yes = False,
    library: options.Library = None,
    exit_zero: options.ExitZero = False,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Bring back the files of a run, after asking: path, bytes, mode, times, extended attributes.

    Exit code 1 if something was refused: where another file has come to the old place, or a file was changed since.

    \b
    Examples:
      lookalike undo
      lookalike undo 20260314-092653 --dry-run
      lookalike undo --yes --format csv
    """
    from lookalike.actions import undo as undo_run
    from lookalike.words import human_count

    chosen = face(output, format_)
    with open_library(library) as opened:
        if not (yes or dry_run):
            foreseen = undo_run(opened, run, dry_run=True)
            run = foreseen.run
            confirm(f"Undo {human_count(foreseen.count('would'), 'act')} of the run {run}?")
        with progress("Undoing", quiet) as tell:
            count = Counter[str]()

            def told(state: str) -> None:
                count[state] += 1
                tell(count.total(), None, 0)

            report = undo_run(opened, run, dry_run=dry_run, on_row=lambda row: told(row.state))
    emit(report.rows(), chosen, output, relative_to=relative_to)
    _say_resolved(report.resolved, quiet)
    done, refused = report.count("would" if dry_run else "undone"), report.count("refused")
    say(f"{done} {'would be undone' if dry_run else 'undone'}, {refused} refused.", quiet=quiet)
    exit_with(refused > 0, exit_zero)


def history(library: options.Library = None, format_: options.Format = None, output: options.Output = None) -> None:
    """List what `apply` has done, run by run, the newest first.

    \b
    Examples:
      lookalike history
      lookalike history --format json
    """
    from lookalike.actions import history as runs

    chosen = face(output, format_)
    with open_library(library) as opened:
        emit(runs(opened).rows(), chosen, output)


def quarantine(
    empty: Annotated[
        bool, typer.Option("--empty", help="Delete what has lain there for long, after asking. It cannot be undone.")
    ] = False,
    older_than: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Age from which on --empty deletes.")
    ] = defaults.OLDER_THAN,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    yes: options.Yes = False,
    library: options.Library = None,
    exit_zero: options.ExitZero = False,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """List what lies in the quarantine; with --empty delete it by age, the only permanent delete that there is.

    A file of which no readable copy is left, or that was changed where it lies, stays; the exit code is then 1.

    \b
    Examples:
      lookalike quarantine
      lookalike quarantine --empty --older-than 90 --dry-run
      lookalike quarantine --empty --yes
    """
    from lookalike.actions import empty_quarantine
    from lookalike.actions import quarantine as lying
    from lookalike.words import human_bytes, human_count

    chosen = face(output, format_)
    with open_library(library) as opened:
        if not empty:
            report = lying(opened)
        else:
            report = empty_quarantine(opened, older_than_days=older_than, dry_run=True)
            if not dry_run:
                count, size = report.count("would"), human_bytes(report.bytes("would"))
                if count and not yes:
                    confirm(f"Delete {human_count(count, 'file')}, {size}, for ever?")
                report = empty_quarantine(opened, older_than_days=older_than)
    emit(report.rows(), chosen, output, relative_to=relative_to)
    _say_resolved(report.resolved, quiet)
    for state, words in (("kept", "in quarantine"), ("would", "would be deleted"), ("deleted", "deleted")):
        if count := report.count(state):
            say(f"{human_count(count, 'file')} {words}, {human_bytes(report.bytes(state))}.", quiet=quiet)
    refused = report.count("refused")
    say(f"{refused} refused.", quiet=quiet or not refused)
    exit_with(refused > 0, exit_zero)


def _to_read(made: Plan) -> Rows:
    """Return the rows of a plan without what only `apply` reads."""
    from lookalike.types import Rows

    rows = made.rows()
    shown = [rows.columns.index(name) for name in _SHOWN]
    return Rows(_SHOWN, [tuple(row[at] for at in shown) for row in rows.values])


def _sum_in_words(made: Plan) -> list[str]:
    """Return what a plan comes to, one line for each act."""
    from lookalike.words import human_bytes, human_count

    lines = []
    for act, files, size in made.sum().values:
        line = f"{act}: {human_count(files, 'file')}"
        lines.append(line if act == "list-only" else f"{line}, {human_bytes(size)} won")
    if not made.acting:
        lines.append("There is nothing to act on.")
    return lines + [f"labels: {item.reason or item.uri}" for item in made.items if item.act == "labels"]


def _say_resolved(resolved: tuple[Resolved, ...], quiet: bool) -> None:
    for one in resolved:
        say(f"{one.uri}: a run that was stopped, {one.run}, was put in order: {one.state} {one.reason}", quiet=quiet)
