"""What the commands share: opening, listing, progress, asking, the exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import typer

from lookalike import defaults
from lookalike.cli.emit import emit, write_to
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from PIL.Image import Image as PicturesSheet

    from lookalike.library import Library
    from lookalike.results import Gallery
    from lookalike.types import RGBImage, Rows

    Load: TypeAlias = Callable[[str], RGBImage | None]

__all__ = [
    "confirm", "drawing", "emit_or_draw", "exit_with", "gallery", "listed", "open_library", "parsed_region", "progress",
    "ruled", "stages", "write_text", "written",
]  # fmt: skip


def open_library(path: Path | None, *, create: bool = False) -> Library:
    from lookalike import library

    return library.open_library(path, create=create)


def gallery(
    opened: Library,
    paths: list[str] | None,
    *,
    descriptor: str,
    labels: str | None = None,
    device: str = defaults.DEVICE,
    quiet: bool = False,
) -> Gallery:
    """Return what a task works on: see `Library.gallery`; pictures that are not indexed yet are, with progress."""
    with progress("Indexing", quiet) as tell:
        return opened.gallery(
            paths or (),
            descriptor=descriptor,
            labels=labels,
            device=device,
            progress=lambda report: tell(report.found, report.total, report.failed),
        )


def listed(given: list[str] | None, files_from: str | None, null: bool) -> list[str]:
    """Return the names on the command line and those of a list file."""
    names = list(given or [])
    if files_from is not None:
        from lookalike.sources import read_list

        if files_from == "-":
            names += read_list(sys.stdin.buffer, null=null)
        else:
            try:
                with open(files_from, "rb") as stream:
                    names += read_list(stream, null=null)
            except OSError as error:
                raise UsageError(f"{files_from} cannot be read: {error.strerror or error}") from error
    if not names:
        raise UsageError("name at least one file, folder or URL")
    return names


def ruled(given: list[str]) -> list[str]:
    """Return the rules of --keep, of which each value may hold several; a folder's path may hold commas."""
    rules: list[str] = []
    for value in given:
        for number, part in enumerate(value.split(",")):
            known = part in (*defaults.KEEP_RULES, "newest") or part.startswith("folder:")
            if number and not known and rules[-1].startswith("folder:"):
                rules[-1] += f",{part}"
            else:
                rules.append(part)
    return [rule.strip() for rule in rules]


def parsed_region(text: str | None) -> tuple[float, float, float, float] | None:
    """Return the four numbers of --region."""
    if text is None:
        return None
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"a region is four numbers, left,top,width,height as .25,0,.5,1: not {text!r}") from error
    return left, top, width, height


@contextlib.contextmanager
def progress(label: str, quiet: bool) -> Iterator[Callable[..., None]]:
    """Show progress while a block runs; yield what takes (done, total or None, failed)."""
    from lookalike import render

    with render.progress(None, label, quiet=quiet) as bar:

        def tell(done: int, total: int | None, failed: int = 0) -> None:
            bar.total = total
            bar.advance(done - bar.done, f"{failed} failed" if failed else "")

        yield tell


@contextlib.contextmanager
def stages(quiet: bool) -> Iterator[Callable[..., None]]:
    """Show the progress of one stage after another, each when it is first told of.

    Yields what takes (stage, done, total or None, failed).
    """
    with contextlib.ExitStack() as bars:
        shown: dict[str, Callable[..., None]] = {}

        def tell(stage: str, done: int, total: int | None, failed: int = 0) -> None:
            if stage not in shown:
                bars.close()  # one bar at a time
                shown[stage] = bars.enter_context(progress(stage.capitalize(), quiet))
            shown[stage](done, total, failed)

        yield tell


@contextlib.contextmanager
def drawing(library: Library, quiet: bool, piped: bytes | None = None) -> Iterator[Load]:
    """Yield what gives a renderer its pictures, by name, and show how many it has asked for."""
    with progress("Drawing", quiet) as tell:
        drawn = 0

        def load(name: str) -> RGBImage | None:
            nonlocal drawn
            drawn += 1
            tell(drawn, None)
            return library.load(piped if name == "-" and piped is not None else name)

        yield load


def emit_or_draw(
    rows: Rows,
    chosen: str,
    output: Path | None,
    pictures: AbstractContextManager[Load],
    sheet: Callable[[Load], PicturesSheet],
    page: Callable[[Load], str],
    *,
    relative_to: Path | None = None,
) -> None:
    """Write rows, or draw them as a contact sheet ("png") or a page ("html") with what `drawing` yields."""
    if chosen not in ("png", "html"):
        emit(rows, chosen, output, relative_to=relative_to)
        return
    with pictures as load:
        if chosen == "png":
            write_to(output, lambda stream: sheet(load).save(stream, "PNG"))
        else:
            write_to(output, lambda stream: write_text(stream, page(load)))


def write_text(stream: BinaryIO, text: str) -> None:
    stream.write(text.encode())


def written(output: Path | None) -> str:
    return f"Written: {output}"


def confirm(question: str) -> None:
    """Ask on the terminal; without one, refuse."""
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on: give --yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(3)


def exit_with(reported: bool, exit_zero: bool) -> None:
    if reported and not exit_zero:
        raise typer.Exit(1)
