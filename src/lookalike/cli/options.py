"""The options that several commands share, each with its one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lookalike.defaults import DEVICES, FACES

__all__ = [
    "AllowPrivate", "Descriptors", "Device", "ExitZero", "FilesFrom", "Format", "Labels", "Library", "MaxPixels", "Null",
    "Output", "PictureFormat", "Quiet", "RelativeTo", "Strict",
]  # fmt: skip

Library: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="PATH",
        help="Folder of the library, by custom NAME.lookalike. [default: $LOOKALIKE_LIBRARY or the user's data folder]",
        show_default=False,
    ),
]
Format: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="FORMAT", help=f"{', '.join(FACES)}. [default: by the suffix of --output, else table]",
        show_default=False,
    ),
]  # fmt: skip
PictureFormat: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="FORMAT",
        help=f"{', '.join(FACES)}, png, html. [default: by the suffix of --output, else table]", show_default=False,
    ),
]  # fmt: skip
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to FILE; its suffix decides the format.",
                 show_default=False),
]  # fmt: skip
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")]
Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Exit with 1 if a picture failed.")]
ExitZero: TypeAlias = Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 where it would be 1.")]
RelativeTo: TypeAlias = Annotated[
    Path | None,
    typer.Option("--relative-to", metavar="DIR", help="Print paths relative to DIR.", show_default=False),
]
Descriptors: TypeAlias = Annotated[
    list[str], typer.Option("--descriptor", "-d", metavar="NAME", help="Descriptor; may be given several times.")
]
Device: TypeAlias = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help=f"Where models run: {', '.join(DEVICES)}.")
]
Labels: TypeAlias = Annotated[
    str | None,
    typer.Option("--labels", metavar="HOW", help="Labels: folder, name:PATTERN (a regular expression), or a CSV file.",
                 show_default=False),
]  # fmt: skip
MaxPixels: TypeAlias = Annotated[
    int, typer.Option("--max-pixels", metavar="N", min=1, help="Pictures with more pixels fail.")
]
AllowPrivate: TypeAlias = Annotated[
    bool, typer.Option("--allow-private-urls", help="Let URLs lead to addresses that are not public.")
]
FilesFrom: TypeAlias = Annotated[
    str | None,
    typer.Option("--files-from", metavar="FILE", help="Take paths and URLs from FILE, one a line; - is standard input.",
                 show_default=False),
]  # fmt: skip
Null: TypeAlias = Annotated[bool, typer.Option("-0", "--null", help="In --files-from, names end in a NUL byte.")]
