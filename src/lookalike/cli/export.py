"""`lookalike export`: vectors with their names, for other programs; lists of pictures, for labelling tools."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import gallery, open_library
from lookalike.cli.emit import say

__all__ = ["export"]


def export(
    paths: options.Pictures = None,
    descriptor: Annotated[
        str, typer.Option("--descriptor", "-d", metavar="NAME", help="Whose vectors.")
    ] = defaults.DESCRIPTOR,
    labels: options.Labels = None,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    relative_to: options.RelativeTo = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT",
            help=f"{', '.join(defaults.EXPORT_FACES)}. [default: by the suffix of --output, else csv]",
            show_default=False,
        ),
    ] = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Write vectors with the names of their pictures, for NumPy, pandas and others; or a list for a labelling tool.

    npy has the names in a CSV file beside it, row by row. imagefolder and labelstudio hold no vectors.

    \b
    Examples:
      lookalike export --output vectors.npy
      lookalike export photos/ --descriptor pdq --output hashes.parquet
      lookalike export photos/ --labels folder --format csv
      lookalike export photos/ --labels folder --format imagefolder --output photos/metadata.csv
    """
    from lookalike.render import named_from, vectors_face, write_vectors

    target = None if output is None or str(output) == "-" else output
    face = vectors_face(target, form)
    if face == "imagefolder" and relative_to is None and target is not None:
        relative_to = target.absolute().parent  # where those that read such a list look
    with open_library(library, create=bool(paths)) as opened:
        chosen = gallery(opened, paths, descriptor=descriptor, labels=labels, device=device, quiet=quiet or not paths)
    if relative_to is not None:
        chosen = named_from(chosen, relative_to)
    files = write_vectors(chosen, face, target, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    what = f"{len(chosen):,} pictures" if face in ("imagefolder", "labelstudio") else _vectors(chosen.vectors.shape)
    say(f"{what}. Written: {', '.join(map(str, files))}", quiet=quiet or not files)


def _vectors(shape: tuple[int, ...]) -> str:
    return f"{shape[0]:,} vectors of {shape[1]:,} numbers"
