"""`lookalike split`: pictures into training, validation and test, copies never on two sides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import open_library, stages, written
from lookalike.cli.emit import emit, face, say
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.splitting import Split

__all__ = ["split"]


def split(
    paths: options.Pictures = None,
    parts: Annotated[
        str,
        typer.Option(
            metavar="PARTS", help="Shares, such as 75:25 or train=.85,val=.15; or 'train=30 each,test=rest'."
        ),
    ] = defaults.PARTS,
    folds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Instead of parts: N equal folds. [default: none]", show_default=False),
    ] = None,
    labels: options.Labels = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="HOW", help="What else stays together: folder, name:PATTERN, or a CSV file, as in --labels.",
            show_default=False,
        ),
    ] = None,
    level: options.SplitLevel = defaults.SPLIT_LEVEL,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another number, another split.")] = defaults.SEED,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier split as CSV: its pictures stay, new ones are added.",
                     show_default=False),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Propose the moves that end leaks between PATHs, which are the folders of the parts, or the CSV of a "
            "split; --output takes the new split.",
        ),
    ] = False,
    protect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART", help="With --repair: nothing leaves this part if another can give way. [default: test...]",
            show_default=False,
        ),
    ] = None,
    probability: Annotated[
        float | None,
        typer.Option(
            metavar="P", help="With --repair: least probability, 0.5 to 1. [default: the library's, else 0.5]",
            show_default=False,
        ),
    ] = None,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Divide pictures into training, validation and test; copies are never on two sides.

    \b
    Examples:
      lookalike split pictures/ --labels folder --output split.csv
      lookalike split pictures/ --labels folder --parts 75:25 --format csv
      lookalike split pictures/ --labels folder --parts 'train=30 each,test=rest'
      lookalike split pictures/ --folds 5 --level same-scene --output folds.csv
      lookalike split pictures/ --keep split.csv --output larger.csv
      lookalike split --repair split.csv --output repaired.csv
      lookalike split --repair train/ val/ test/ --probability 0.9 --format csv
    """
    if repair:
        if folds is not None or labels or groups or keep or parts != defaults.PARTS:
            raise UsageError("--repair takes the parts as they are: leave --parts, --folds, --labels and the like out")
        if not paths:
            raise UsageError("name the folders of the parts, or the CSV of a split")
        _repair(paths, protect, level, probability, library, device, relative_to, format_, output, quiet)
        return
    if protect or probability is not None:
        raise UsageError("--protect and --probability go with --repair")
    chosen = face(output, format_)
    with open_library(library, create=bool(paths)) as opened, stages(quiet) as tell:
        made = opened.split(
            paths or (),
            labels=labels,
            groups=groups,
            parts=parts,
            folds=folds,
            level=level,
            seed=seed,
            keep=keep,
            device=device,
            progress=lambda report: tell("indexing", report.found, report.total, report.failed),
            comparing=lambda done, total: tell("comparing", done, total),
        )
    emit(made.rows(), chosen, output, relative_to=relative_to)
    for line in _in_words(made):
        say(line, quiet=quiet)
    say(written(output), quiet=quiet or output is None)


def _repair(
    parts: list[str],
    protect: list[str] | None,
    level: str,
    probability: float | None,
    library: Path | None,
    device: str,
    relative_to: Path | None,
    format_: str | None,
    output: Path | None,
    quiet: bool,
) -> None:
    """Print the moves that end the leaks of a split; write the split that they make."""
    from lookalike.leaks import repair_split
    from lookalike.words import human_count

    if str(output) == "-":
        raise UsageError("with --repair the moves go to standard output: give --output a file for the new split")
    chosen, target = face(None, format_), face(output, None)
    with open_library(library, create=True) as opened, stages(quiet) as tell:
        made = repair_split(
            opened,
            parts,
            level=level,
            probability=probability,
            protect=protect or None,
            device=device,
            progress=lambda report: tell("indexing", report.found, report.total, report.failed),
            comparing=lambda done, total: tell("comparing", done, total),
        )
    emit(made.rows(), chosen, None, relative_to=relative_to)
    if output is not None:
        emit(made.split.rows(), target, output, relative_to=relative_to)
    say(f"{human_count(len(made.moves), 'picture')} to move, of {len(made.split):,}.", quiet=quiet)
    for line in _in_words(made.split):
        say(line, quiet=quiet)
    for reason, count in made.left_out:
        say(f"{count} {reason}.", quiet=quiet)
    say(written(output), quiet=quiet or output is None)


def _in_words(made: Split) -> list[str]:
    """Return how near the parts are to what was asked for, and what could not be looked at."""
    from lookalike.words import human_count

    lines = []
    summary = made.summary()
    for name, pictures, asked, groups, off, label in summary.values:
        line = f"{summary.columns[0]} {name}: {human_count(pictures, 'picture')}"
        wish = "" if asked is None else f"; asked {asked:.1f}"
        line += f" ({pictures / max(len(made), 1):.1%}{wish}), {human_count(groups, 'group')} of copies"
        lines.append(f"{line}; farthest off in {label}: {off:+.1f}" if label is not None else line)
    return lines + [f"{count} {reason}." for reason, count in made.left_out]
