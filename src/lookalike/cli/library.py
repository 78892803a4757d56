"""`lookalike index`, `status`, `prune`, `descriptors`: what a library holds."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import confirm, exit_with, listed, open_library, progress
from lookalike.cli.emit import emit, face, say
from lookalike.errors import LibraryNotFoundError, LookalikeError
from lookalike.words import human_count

__all__ = ["descriptors", "index", "prune", "status"]


def index(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files, folders, URLs.", show_default=False)
    ] = None,
    descriptor: options.Descriptors = list(defaults.DESCRIPTORS),  # noqa: B006
    recursive: Annotated[bool, typer.Option(help="Descend into folders inside folders.")] = True,
    hidden: Annotated[bool, typer.Option("--hidden", help="Take hidden files and folders, too.")] = False,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow symbolic links.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed before.")] = False,
    isolated: Annotated[
        bool, typer.Option(help="Decode in processes of their own, so that a codec's crash costs one file.")
    ] = defaults.ISOLATED,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    library: options.Library = None,
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    device: options.Device = defaults.DEVICE,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="[default: one per core]", show_default=False)
    ] = None,
    allow_private_urls: options.AllowPrivate = False,
    strict: options.Strict = False,
    exit_zero: options.ExitZero = False,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Index pictures: read, describe and remember them. What has not changed is not read again.

    \b
    Examples:
      lookalike index ~/Pictures
      lookalike index train/ val/ --library project.lookalike --format json
      find . -name '*.jpg' -print0 | lookalike index --files-from - -0
    """
    chosen = face(output, format_)
    with open_library(library, create=True) as opened, progress("Indexing", quiet) as tell_counts:
        report = opened.add(
            listed(paths, files_from, null),
            descriptors=descriptor,
            recursive=recursive,
            hidden=hidden,
            follow_links=follow_links,
            max_pixels=max_pixels,
            device=device,
            threads=threads,
            retry=retry,
            isolated=isolated,
            allow_private_urls=allow_private_urls,
            progress=lambda report: tell_counts(report.found, report.total, report.failed),
        )
        where = opened.path
    emit(report.rows(), chosen, output)
    if report.interrupted:
        say("Stopped. What was done is kept: run the same command again to go on.")
        raise typer.Exit(130)
    if report.missing:
        say(f"{report.missing} indexed before are gone: `lookalike prune` forgets them.", quiet=quiet)
    if report.failed:
        say(f"{report.failed} could not be used: `lookalike status --errors --library {where}` says why.", quiet=quiet)
    if report.found and not (report.added or report.changed or report.unchanged):
        say("No picture could be indexed.")
        raise typer.Exit(3)
    exit_with(strict and report.failed > 0, exit_zero)


def status(
    errors: Annotated[
        bool, typer.Option("--errors", help="List what failed or was skipped, with the reasons.")
    ] = False,
    library: options.Library = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
) -> None:
    """Say what the library holds.

    \b
    Examples:
      lookalike status
      lookalike status --errors --format csv
    """
    chosen = face(output, format_)
    with open_library(library) as opened:
        emit(opened.problems() if errors else opened.status().rows(), chosen, output, relative_to=relative_to)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be forgotten.")] = False,
    yes: options.Yes = False,
    library: options.Library = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Forget pictures whose files are gone. Files are never touched; folders that are offline are left alone.

    \b
    Examples:
      lookalike prune --dry-run
      lookalike prune --yes
    """
    chosen = face(output, format_)
    with open_library(library) as opened:
        report = opened.prune(dry_run=True)
        if not dry_run:
            if report.uris and not yes:
                confirm(f"Forget {human_count(len(report.uris), 'picture')} whose files are gone?")
            report = opened.prune()
    emit(report.rows(), chosen, output, relative_to=relative_to)
    done = "forgotten" if report.removed and report.uris else "gone"
    say(f"{len(report.uris)} {done}, {len(report.offline)} offline and left alone.", quiet=quiet)


def descriptors(library: options.Library = None, format_: options.Format = None, output: options.Output = None) -> None:
    """List the descriptors that there are, those of trained models too, and how many vectors the library has of each.

    \b
    Example:
      lookalike descriptors --format json
    """
    from lookalike.descriptors import available, get_descriptor
    from lookalike.descriptors.onnx import trained
    from lookalike.types import Rows

    held = {}
    with contextlib.suppress(LibraryNotFoundError), open_library(library) as opened:
        held = opened.store.vector_counts_by_fingerprint()
    columns = ("name", "dim", "metric", "preprocess", "source", "licence", "fingerprint")
    specs = []
    for name in (*available(), *trained()):
        try:
            specs.append(get_descriptor(name).spec)
        except LookalikeError as error:  # one damaged model does not hide the others
            say(f"{name}: {error}")
    values = [(*(getattr(spec, name) for name in columns), held.get(spec.fingerprint, 0)) for spec in specs]
    emit(Rows((*columns, "vectors"), values), face(output, format_), output)
