"""`lookalike classify`: check and fit a classifier on labelled pictures, or label new ones with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import exit_with, listed, open_library, progress, write_text, written
from lookalike.cli.emit import emit, face, say, write_to
from lookalike.errors import UnreadableError, UsageError

if TYPE_CHECKING:
    from lookalike.results import Gallery

__all__ = ["classify"]


def classify(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Labelled pictures (with --labels), or new ones: files, folders, URLs, - for standard input. "
            "[default: the whole library]",
            show_default=False,
        ),
    ] = None,
    labels: options.Labels = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="Label pictures by a classifier: a file of --save, cnn:NAME or onnx:PATH.",
            show_default=False,
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fit on all labelled pictures and write the classifier, as NAME.npz.",
                     show_default=False),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what each picture was told to be, as .csv, .json, .parquet ...",
                     show_default=False),
    ] = None,
    descriptor: options.Descriptors = [defaults.DESCRIPTOR],  # noqa: B006
    method: Annotated[
        str, typer.Option(metavar="METHOD", help=f"{' or '.join(defaults.CLASSIFIERS)}.")
    ] = defaults.CLASSIFIER,
    folds: Annotated[int, typer.Option(metavar="N", min=2, help="Folds of the cross-validation.")] = defaults.FOLDS,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the folds.")] = defaults.SEED,
    together: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help=f"Keep copies in one fold, down to {', '.join(defaults.LEVELS)}. [default: no copies are looked for]",
            show_default=False,
        ),
    ] = None,
    neighbours: Annotated[
        int, typer.Option("--neighbours", metavar="N", min=1, help="Of knn.")
    ] = defaults.NEIGHBOURS,
    regularisation: Annotated[
        float, typer.Option(metavar="X", help="Of logistic: larger keeps weights smaller (1 / C).")
    ] = defaults.REGULARISATION,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Of logistic: classes count alike, however many pictures each has.")
    ] = False,
    min_pictures: Annotated[
        int, typer.Option("--min-pictures", metavar="N", min=1, help="Leave out classes with fewer pictures.")
    ] = 1,
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
) -> None:  # fmt: skip
    """Check how well labels follow from vectors and save a classifier; or label new pictures with it.

    \b
    Examples:
      lookalike classify pets/ --labels folder
      lookalike classify pets/ --labels folder --save pets.npz --output confusion.png
      lookalike classify pets/ --labels folder --descriptor lite0 --descriptor haralick --predictions told.csv
      lookalike classify new/ --model pets.npz --format csv
      lookalike classify new/ --model cnn:pets --output new.json
    """
    if (labels is None) == (model is None):
        raise UsageError("give --labels to check and fit a classifier, or --model to label pictures by one")
    names = listed(paths, files_from, null) if paths or files_from is not None or model is not None else []
    reading = {"max_pixels": max_pixels, "device": device, "allow_private_urls": allow_private_urls}
    if model is not None:
        _refuse_with_model(context)
        failed = _label(names, model, face(output, format_), output, relative_to, quiet, reading)
        exit_with(strict and failed > 0, exit_zero)
        return

    from lookalike.classify import cross_validate, fit_classifier

    chosen = face(output, format_, ("png", "html"))
    listing = None if predictions is None else face(predictions, None)
    fitting: dict[str, Any] = {
        "method": method, "neighbours": neighbours, "regularisation": regularisation, "balanced": balanced,
        "min_pictures": min_pictures,
    }  # fmt: skip
    galleries, groups, failed = _galleries(library, names, labels or "", descriptor, together, quiet, reading)
    with progress("Checking", quiet) as tell:
        result = cross_validate(galleries, folds=folds, seed=seed, groups=groups, progress=tell, **fitting)
    if chosen in ("png", "html"):
        from lookalike.render import classification_page, confusion_plot

        if chosen == "png":
            write_to(output, lambda stream: confusion_plot(result, stream))
        else:
            write_to(output, lambda stream: write_text(stream, classification_page(result)))
    else:
        emit(result.summary(), chosen, output, relative_to=relative_to)
    if listing is not None:
        emit(result.rows(), listing, predictions, relative_to=relative_to)
    if save is not None:
        fit_classifier(galleries, **fitting).save(save)
    say(result.in_words(), quiet=quiet)
    for note in result.notes:
        say(f"{note[0].upper()}{note[1:]}.", quiet=quiet)
    if failed:
        say(f"{_pictures(failed)} could not be used: `lookalike status --errors` says why.", quiet=quiet)
    for file in filter(None, (output, predictions, save)):
        say(written(file), quiet=quiet)
    exit_with(strict and failed > 0, exit_zero)


def _label(
    names: list[str], model: str, chosen: str, output: Path | None, relative_to: Path | None, quiet: bool,
    reading: dict[str, Any],
) -> int:  # fmt: skip
    """Label new pictures; return how many could not be read."""
    from lookalike.labelling import label_pictures

    with progress("Labelling", quiet) as tell:
        asked: list[Any] = [sys.stdin.buffer.read() if name == "-" else name for name in names]
        told = label_pictures(asked[0] if len(asked) == 1 else asked, model, progress=tell, **reading)
    emit(told.rows(), chosen, output, relative_to=relative_to)
    if told.skipped:
        say(f"{_pictures(told.skipped, 'file')} passed over: no pictures.", quiet=quiet)
    if told.failed:
        say(f"{len(told.failed)} of {len(told.uris)} could not be read: their rows say why.", quiet=quiet)
    say(written(output or Path()), quiet=quiet or output is None)
    if len(told.failed) == len(told.uris):
        raise UnreadableError("no picture could be read" if told.uris else "there is no picture to label")
    return len(told.failed)


def _galleries(
    library: Path | None, names: list[str], labels: str, descriptors: list[str], together: str | None, quiet: bool,
    reading: dict[str, Any],
) -> tuple[list[Gallery], list[int] | None, int]:  # fmt: skip
    """Return the labelled pictures by each descriptor, the groups that share a fold, and how many could not be used."""
    failed = 0
    with open_library(library, create=bool(names)) as opened:
        if names:
            with progress("Indexing", quiet) as tell:
                report = opened.add(
                    names,
                    descriptors=descriptors,
                    progress=lambda report: tell(report.found, report.total, report.failed),
                    **reading,
                )
            failed = report.failed
        device = reading["device"]
        galleries = [
            opened.gallery(names, descriptor=name, labels=labels, raw=True, device=device)
            for name in dict.fromkeys(descriptors)
        ]
        if together is None:
            return galleries, None, failed
        with progress("Comparing", quiet) as tell:
            copies = opened.split(names, level=together, device=device, comparing=tell)
        number = dict(zip(copies.uris, copies.groups, strict=True))
        return galleries, [number[uri] for uri in galleries[0].uris], failed


def _pictures(count: int, noun: str = "picture") -> str:
    from lookalike.words import human_count

    return human_count(count, noun)


_OF_LABELS = (
    "save", "predictions", "descriptor", "method", "folds", "seed", "together", "neighbours", "regularisation",
    "balanced", "min_pictures",
)  # fmt: skip


def _refuse_with_model(context: typer.Context) -> None:
    """Refuse options that play no part where a model labels pictures."""
    for name in _OF_LABELS:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UsageError(
                f"--{name.replace('_', '-')} goes with --labels: a saved classifier is used as it was fitted"
            )
