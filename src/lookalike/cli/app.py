"""The commands. Each parses, makes one call, and shows the result."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.acting import apply, history, plan, quarantine, undo
from lookalike.cli.classify import classify
from lookalike.cli.cluster import cluster
from lookalike.cli.common import (
    confirm,
    drawing,
    exit_with,
    listed,
    open_library,
    parsed_region,
    progress,
    ruled,
    stages,
    write_text,
    written,
)
from lookalike.cli.decide import app as decide
from lookalike.cli.distances import distances
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.cli.evaluate import evaluate
from lookalike.cli.explain import explaining
from lookalike.cli.export import export
from lookalike.cli.folders import folders
from lookalike.cli.leaks import leaks
from lookalike.cli.map import map_
from lookalike.cli.problems import problems
from lookalike.cli.serve import serve
from lookalike.cli.settings import commands_of, default_map, settings
from lookalike.cli.split import split
from lookalike.cli.train import app as train
from lookalike.errors import LibraryNotFoundError, LookalikeError, UnreadableError

if TYPE_CHECKING:
    from lookalike.results import Evidence, GroupMember

__all__ = ["app"]

app = typer.Typer(
    name="lookalike",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lookalike {version('lookalike')}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Tell which pictures are the same and which are alike.

    \b
    Examples:
      lookalike index ~/Pictures
      lookalike search beach.jpg --output sheet.png
      lookalike duplicates --output report.html
      lookalike demo
    """
    commands = commands_of(context.command)
    context.default_map = default_map(settings(commands))


@app.command()
def index(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files, folders, URLs.", show_default=False)
    ] = None,
    descriptor: options.Descriptors = list(defaults.DESCRIPTORS),  # noqa: B006
    recursive: Annotated[bool, typer.Option(help="Descend into folders inside folders.")] = True,
    hidden: Annotated[bool, typer.Option("--hidden", help="Take hidden files and folders, too.")] = False,
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Follow symbolic links.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what failed before.")] = False,
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


@app.command()
def search(
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY", help="Files, folders, URLs; - is a picture on standard input.", show_default=False
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, metavar="N", help="Neighbours of each query.")] = defaults.K,
    descriptor: Annotated[
        str, typer.Option("--descriptor", "-d", metavar="NAME", help="By which to compare.")
    ] = defaults.DESCRIPTOR,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="DISTANCE", help="Largest accepted distance. [default: any]", show_default=False),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Tell what the query is to each neighbour, by aligning their pixels."),
    ] = False,
    together: Annotated[
        bool, typer.Option("--together", help="Ask one question with all queries: by the mean of their vectors.")
    ] = False,
    region: options.Region = None,
    under: options.Under = None,
    after: options.After = None,
    before: options.Before = None,
    min_side: options.MinSide = None,
    max_side: options.MaxSide = None,
    min_bytes: options.MinBytes = None,
    max_bytes: options.MaxBytes = None,
    picture_format: options.FilterFormat = None,
    label: options.FilterLabel = None,
    labels: options.LabelsHow = defaults.LABELS,
    clusters: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Also tell each query's cluster, and search within it: a CSV of `lookalike cluster`.",
            show_default=False,
        ),
    ] = None,
    votes: Annotated[
        int, typer.Option(metavar="N", min=1, help="Neighbours whose majority tells the cluster.")
    ] = defaults.VOTES,
    files_from: options.FilesFrom = None,
    null: options.Null = False,
    library: options.Library = None,
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    device: options.Device = defaults.DEVICE,
    allow_private_urls: options.AllowPrivate = False,
    strict: options.Strict = False,
    exit_zero: options.ExitZero = False,
    relative_to: options.RelativeTo = None,
    format_: options.PictureFormat = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:
    """Find the pictures most similar to a query, closest first.

    \b
    Examples:
      lookalike search beach.jpg
      lookalike search beach.jpg -k 20 --output sheet.png
      curl -s https://example.org/a.jpg | lookalike search - --format json
      lookalike search new/ --threshold 0.1 --format csv
      lookalike search new/ --verify -k 3
      lookalike search beach.jpg --under ~/Pictures/2024 --min-side 1000 --picture-format jpeg
      lookalike search dog.jpg beach.jpg --together
      lookalike search beach.jpg --clusters clusters.csv --output sheet.png
    """
    from lookalike.filters import Filters

    chosen = face(output, format_, ("png", "html"))
    only = Filters(
        under=tuple(under or ()), after=after, before=before, min_side=min_side, max_side=max_side,
        min_bytes=min_bytes, max_bytes=max_bytes, formats=tuple(picture_format or ()), label=tuple(label or ()),
        labels=labels,
    )  # fmt: skip
    asked: list[Any] = [
        sys.stdin.buffer.read() if query == "-" else query for query in listed(queries, files_from, null)
    ]
    piped = next((query for query in asked if isinstance(query, bytes)), None)
    with open_library(library) as opened:
        with stages(quiet) as tell:
            result = opened.search(
                asked[0] if len(asked) == 1 else asked,
                k,
                descriptor=descriptor,
                threshold=threshold,
                verify=verify,
                only=only or None,
                together=together,
                region=parsed_region(region),
                clusters=clusters,
                votes=votes,
                max_pixels=max_pixels,
                device=device,
                allow_private_urls=allow_private_urls,
                progress=lambda done, total: tell("searching", done, total),
                preparing=lambda done, total: tell("preparing", done, total),
            )
        for name, reason in result.failed:
            say(f"{name}: {reason}")
        if len(result.failed) == len(result.queries):
            raise UnreadableError("no query could be read" if result.queries else "there is no picture to search for")
        if chosen in ("png", "html"):
            from lookalike.render import search_page, search_sheet

            with drawing(opened, quiet, piped) as load:
                if chosen == "png":
                    write_to(output, lambda stream: search_sheet(result, load).save(stream, "PNG"))
                else:
                    write_to(output, lambda stream: write_text(stream, search_page(result, load)))
        else:
            emit(result.rows(), chosen, output, relative_to=relative_to)
    say(written(output), quiet=quiet or output is None)
    exit_with(strict and bool(result.failed), exit_zero)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A file or URL; - is standard input.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    descriptor: options.Descriptors = list(defaults.DESCRIPTORS),  # noqa: B006
    max_pixels: options.MaxPixels = defaults.MAX_PIXELS,
    device: options.Device = defaults.DEVICE,
    library: options.Library = None,
    allow_private_urls: options.AllowPrivate = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw one laid upon the other, and which regions make them alike: a PNG.",
            show_default=False,
        ),
    ] = None,
    relative_to: options.RelativeTo = None,
    format_: options.Format = None,
    output: options.Output = None,
) -> None:
    """Hold two pictures against each other: verdict with its reason, distances, dimensions, bytes, pixels.

    It needs no library, but for a descriptor such as haralick that is standardised on a library's pictures.

    \b
    Examples:
      lookalike compare a.jpg b.png
      lookalike compare a.jpg https://example.org/b.jpg --format json
      lookalike compare a.jpg b.png --explain why.png
      lookalike compare a.jpg b.jpg --descriptor haralick --library textures.lookalike
    """
    from lookalike.comparing import compare as compare_pictures
    from lookalike.descriptors import get_descriptor

    chosen = face(output, format_)
    draw = explaining(explain, descriptor, device)
    sides: list[Any] = [sys.stdin.buffer.read() if side == "-" else side for side in (a, b)]
    with contextlib.ExitStack() as stack:
        if any(get_descriptor(name, device).spec.standardised for name in descriptor):
            compare_pictures = stack.enter_context(open_library(library)).compare
        result = compare_pictures(
            sides[0],
            sides[1],
            descriptors=descriptor,
            max_pixels=max_pixels,
            device=device,
            allow_private_urls=allow_private_urls,
        )
    emit(result.rows(), chosen, output, relative_to=relative_to)
    draw(*sides, result.evidence, max_pixels=max_pixels, allow_private_urls=allow_private_urls)


def _held(member: GroupMember, _: GroupMember) -> Evidence | None:
    """Return what a member of a group was found to be to its keeper."""
    return member.evidence


@app.command()
def duplicates(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Only at or under these. [default: the whole library]", show_default=False),
    ] = None,
    level: Annotated[
        str, typer.Option(metavar="LEVEL", help=f"Weakest verdict to report: {', '.join(defaults.LEVELS)}.")
    ] = defaults.LEVEL,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Only pairs of one picture here, which is kept, and one elsewhere.", show_default=False
        ),
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Pictures here are always keepers. Repeatable.", show_default=False),
    ] = None,
    keep: Annotated[
        list[str],
        typer.Option(
            metavar="RULE,RULE,...",
            help=f"What decides first which picture to keep: {', '.join(defaults.KEEP_RULES)}, newest, folder:PATH.",
            show_default=False,
        ),
    ] = list(defaults.KEEP_RULES),  # noqa: B006
    probability: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Least probability of a copy, 0.5 to 1. [default: the library's, else 0.5]",
            show_default=False,
        ),
    ] = None,
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
        if chosen in ("png", "html"):
            from lookalike.render import duplicates_page, groups_sheet

            with drawing(opened, quiet) as load:
                if chosen == "png":
                    write_to(output, lambda stream: groups_sheet(report, load).save(stream, "PNG"))
                else:
                    write_to(output, lambda stream: write_text(stream, duplicates_page(report, load, evidence=_held)))
        else:
            emit(report.rows(), chosen, output, relative_to=relative_to)
    copies = sum(len(group.members) - 1 for group in report.groups)
    say(f"{len(report.groups)} groups, {copies} pictures beside their keepers, among {report.pictures}.", quiet=quiet)
    for reason, count in report.left_out:
        say(f"{count} {reason}.", quiet=quiet)
    say(written(output), quiet=quiet or output is None)


@app.command()
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


@app.command()
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be forgotten.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
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
                confirm(f"Forget {len(report.uris)} pictures whose files are gone?")
            report = opened.prune()
    emit(report.rows(), chosen, output, relative_to=relative_to)
    done = "forgotten" if report.removed and report.uris else "gone"
    say(f"{len(report.uris)} {done}, {len(report.offline)} offline and left alone.", quiet=quiet)


@app.command()
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


@app.command()
def config(context: typer.Context, format_: options.Format = None, output: options.Output = None) -> None:
    """Show the value of every option and where it comes from: variable, project file, user file or default.

    \b
    Example:
      lookalike config
    """
    from lookalike.types import Rows

    commands = commands_of(context.parent.command)  # type: ignore[union-attr]
    said = {(setting.command, setting.option): setting for setting in settings(commands)}
    values = []
    for name, command in commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name:
                found = said.get((name, parameter.name))
                value = found.value if found else parameter.default
                values.append((name, parameter.opts[0], value, found.source if found else "default"))
    emit(Rows(("command", "option", "value", "source"), values), face(output, format_), output)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")] = Path(
        "lookalike-demo"
    ),
    quiet: options.Quiet = False,
) -> None:
    """Show the main job on real photographs that ship inside installed packages.

    \b
    Example:
      lookalike demo
    """
    from lookalike.demo import run_demo

    with progress("Indexing", quiet) as tell:
        lines = run_demo(folder, progress=lambda report: tell(report.found, report.total))
    for line in lines:
        typer.echo(line)


app.command()(split)
app.command()(evaluate)
app.command()(export)
app.command()(classify)
app.command()(cluster)
app.command(name="map")(map_)
app.command()(distances)
app.command()(problems)
app.command()(serve)
app.add_typer(train, name="train")
app.command()(leaks)
app.command()(folders)
app.add_typer(decide, name="decide")
for command in (plan, apply, undo, history, quarantine):
    app.command()(command)
