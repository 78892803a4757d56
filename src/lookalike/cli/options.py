"""The options that several commands share, each with its one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from lookalike.defaults import DEVICES, FACES, KEEP_RULES, LEVELS

__all__ = [
    "After", "AllowPrivate", "Batch", "Before", "Descriptors", "Device", "Epochs", "ExitZero", "Fail",
    "FilesFrom", "FilterFormat", "FilterLabel", "Folders", "Format", "Keep", "Labels", "LabelsHow",
    "LearningRate", "Level", "Library", "MaxBytes", "MaxPixels", "MaxSide", "MinBytes", "MinSide", "ModelName",
    "Null", "OneDescriptor", "Output", "Patience", "PictureFormat", "Pictures", "Probability", "Protect",
    "Quiet", "Reference", "Region", "RelativeTo", "Restart", "Seed", "SplitFile", "SplitLevel", "Strict",
    "TrainParts", "Under", "Within", "Yes",
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
OneDescriptor: TypeAlias = Annotated[
    str, typer.Option("--descriptor", "-d", metavar="NAME", help="By which to compare.")
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
Folders: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="PATH", help="Folders of pictures.", show_default=False)
]
ModelName: TypeAlias = Annotated[str, typer.Option("--name", metavar="NAME", help="What to call the model.")]
Epochs: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="At most so many. [default: the network's]", show_default=False)
]
Batch: TypeAlias = Annotated[
    int | None,
    typer.Option(metavar="N", min=2, help="Pictures a step. [default: the network's]", show_default=False),
]
LearningRate: TypeAlias = Annotated[
    float | None,
    typer.Option("--learning-rate", metavar="R", help="[default: the network's]", show_default=False),
]
Patience: TypeAlias = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, help="Stop after so many epochs without improvement; 0 never. [default: the network's]",
        show_default=False,
    ),
]  # fmt: skip
SplitFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--split", metavar="FILE", help="Train on this split, a CSV of `lookalike split`.",
                 show_default=False),
]  # fmt: skip
TrainParts: TypeAlias = Annotated[
    str, typer.Option("--parts", metavar="PARTS", help="Shares of a new split; the parts train and val must be there.")
]
SplitLevel: TypeAlias = Annotated[
    str, typer.Option("--level", metavar="LEVEL", help=f"Weakest verdict that binds copies: {', '.join(LEVELS)}.")
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Another number, another lot.")]
Restart: TypeAlias = Annotated[
    bool, typer.Option("--restart", help="Begin anew, though a run of this name was stopped or finished.")
]
Under: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--under", metavar="PATH", help="Only pictures at or under here. Repeatable.", show_default=False),
]
After: TypeAlias = Annotated[
    str | None,
    typer.Option("--after", metavar="DATE", help="Only pictures changed since: 2024, 2024-05, 2024-05-31.",
                 show_default=False),
]  # fmt: skip
Before: TypeAlias = Annotated[
    str | None, typer.Option("--before", metavar="DATE", help="Only pictures changed before.", show_default=False)
]
MinSide: TypeAlias = Annotated[
    int | None,
    typer.Option("--min-side", metavar="N", min=0, help="Only pictures whose shorter side has N pixels or more.",
                 show_default=False),
]  # fmt: skip
MaxSide: TypeAlias = Annotated[
    int | None, typer.Option("--max-side", metavar="N", min=0, help="... N pixels at most.", show_default=False)
]
MinBytes: TypeAlias = Annotated[
    int | None,
    typer.Option("--min-bytes", metavar="N", min=0, help="Only files of N bytes or more.", show_default=False),
]
MaxBytes: TypeAlias = Annotated[
    int | None, typer.Option("--max-bytes", metavar="N", min=0, help="... N bytes at most.", show_default=False)
]
FilterFormat: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--picture-format", metavar="FORMAT", help="Only such pictures: jpeg, png, ... Repeatable.",
                 show_default=False),
]  # fmt: skip
FilterLabel: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="LABEL", help="Only pictures with this label. Repeatable.", show_default=False),
]
LabelsHow: TypeAlias = Annotated[
    str,
    typer.Option("--labels", metavar="HOW", help="How --label is told: folder, name:PATTERN, or a CSV file."),
]
Region: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--region", metavar="X,Y,W,H",
        help="Ask with a part of each query: left, top, width, height as shares of its sides, such as .25,0,.5,1.",
        show_default=False,
    ),
]  # fmt: skip
Pictures: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Folders and files; new ones are indexed. [default: the whole library]",
                   show_default=False),
]  # fmt: skip
Within: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Only at or under these. [default: the whole library]", show_default=False),
]
Level: TypeAlias = Annotated[
    str, typer.Option("--level", metavar="LEVEL", help=f"Weakest verdict that counts: {', '.join(LEVELS)}.")
]
Probability: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--probability", metavar="P", help="Least probability of a copy, 0.5 to 1. [default: the library's, else 0.5]",
        show_default=False,
    ),
]  # fmt: skip
Reference: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--reference", metavar="PATH", help="Pictures here are always keepers, and never touched. Repeatable.",
        show_default=False,
    ),
]  # fmt: skip
Keep: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "--keep", metavar="RULE,RULE,...",
        help=f"What decides first which picture to keep: {', '.join(KEEP_RULES)}, newest, folder:PATH.",
        show_default=False,
    ),
]  # fmt: skip
Protect: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--protect", metavar="PATH", help="Nothing in this folder is touched. Repeatable.",
                 show_default=False),
]  # fmt: skip
Fail: TypeAlias = Annotated[bool, typer.Option("--fail", help="Exit with 1 if anything is found.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
