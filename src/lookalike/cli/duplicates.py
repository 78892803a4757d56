"""`lookalike duplicates`: groups of copies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import drawing, emit_or_draw, open_library, progress, ruled, written
from lookalike.cli.emit import face, say
from lookalike.words import human_count, number

if TYPE_CHECKING:
    from lookalike.results import Evidence, GroupMember

__all__ = ["duplicates"]


def duplicates(
    paths: options.Within = None,
    level: options.Level = defaults.LEVEL,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Only pairs of one picture here, which is kept, and one elsewhere.", show_default=False
        ),
    ] = None,
    reference: options.Reference = None,
    keep: options.Keep = list(defaults.KEEP_RULES),  # noqa: B006
    probability: options.Probability = None,
    library: options.Library = None,
    relative_to: options.RelativeTo = None,
    format_: options.PictureFormat = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Find groups of duplicates. Nothing is ever removed by this.

    \b
    Examples:
      lookalike duplicates
      lookalike duplicates --level edited --output report.html
      lookalike duplicates train/ val/ --level same-pixels --format csv
      lookalike duplicates ~/phone --against ~/Pictures --format csv
      lookalike duplicates --reference ~/Pictures/best --keep metadata,oldest
    """
    from lookalike.render import duplicates_page, groups_sheet

    chosen = face(output, format_, ("png", "html"))
    with open_library(library) as opened:
        with progress("Comparing", quiet) as tell:
            report = opened.duplicates(
                paths or (),
                level=level,
                against=against or (),
                reference=reference or (),
                keep=ruled(keep),
                probability=probability,
                progress=tell,
            )
        emit_or_draw(
            report.rows(), chosen, output, drawing(opened, quiet), partial(groups_sheet, report),
            partial(duplicates_page, report, evidence=_held), relative_to=relative_to,
        )  # fmt: skip
    copies = sum(len(group.members) - 1 for group in report.groups)
    found = f"{human_count(len(report.groups), 'group')}, {human_count(copies, 'picture')} beside those to keep"
    say(f"{found}, among {number(report.pictures)}.", quiet=quiet)
    for reason, count in report.left_out:
        say(f"{count} {reason}.", quiet=quiet)
    say(written(output), quiet=quiet or output is None)


def _held(member: GroupMember, _: GroupMember) -> Evidence | None:
    """Return what a member of a group was found to be to its keeper."""
    return member.evidence
