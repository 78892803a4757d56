"""`lookalike train`: networks on the user's own pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike import defaults
from lookalike.cli import options
from lookalike.cli.common import open_library, progress
from lookalike.cli.emit import emit, face, say
from lookalike.errors import UsageError

if TYPE_CHECKING:
    from lookalike.splitting import Split
    from lookalike.training import TrainingReport

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def train() -> None:
    """Train a network on your own pictures and export it as a descriptor. Needs `pip install 'lookalike[train]'`.

    \b
    Examples:
      lookalike train cnn pets/ --name pets
      lookalike search dog.jpg --descriptor cnn:pets
      lookalike train autoencoder photos/ --name photos
    """


@app.command()
def cnn(
    paths: options.Folders = None,
    name: options.ModelName = defaults.MODEL,
    network: Annotated[
        str, typer.Option("--network", metavar="NETWORK", help=f"{', '.join(defaults.NETWORKS)}.")
    ] = defaults.NETWORK,
    labels: Annotated[
        str, typer.Option("--labels", metavar="HOW", help="folder, name:PATTERN (a regular expression), or a CSV file.")
    ] = "folder",
    augmentation: Annotated[
        bool, typer.Option(help="Train on changed pictures: turned, mirrored, shifted, other light.")
    ] = True,
    side: Annotated[
        int | None,
        typer.Option(metavar="N", min=16, help="Pixels of the network's square input. [default: 64, lite0: 224]",
                     show_default=False),
    ] = None,
    epochs: options.Epochs = None,
    batch: options.Batch = None,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = None,
    split: options.SplitFile = None,
    parts: options.TrainParts = defaults.TRAIN_PARTS,
    level: options.SplitLevel = defaults.SPLIT_LEVEL,
    seed: options.Seed = defaults.SEED,
    restart: options.Restart = False,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Train a network to tell labelled pictures apart: a classifier and the descriptor cnn:NAME.

    \b
    Examples:
      lookalike train cnn pets/ --name pets
      lookalike train cnn pets/ --name pets --network lite0 --split split.csv
      lookalike classify new/ --model cnn:pets
      lookalike search dog.jpg --descriptor cnn:pets
    """
    from lookalike.training import RECIPES, train_cnn, with_settings

    chosen = face(output, format_)
    if network not in RECIPES:
        raise UsageError(f"no network {network!r}: choose one of {', '.join(RECIPES)}")
    recipe = with_settings(
        RECIPES[network], side=side, epochs=epochs, batch=batch, learning_rate=learning_rate, patience=patience,
        augmentation=augmentation,
    )  # fmt: skip
    divided = divided_by(paths, split, labels=labels, parts=parts, level=level, seed=seed, library=library, quiet=quiet)
    with watching(quiet) as tell:
        report = train_cnn(
            *labelled(divided), name=name, recipe=recipe, seed=seed, device=device, restart=restart, progress=tell
        )
    tell_of(report, quiet=quiet)
    if report.predictions:
        missed = report.missed().values
        say(f"Missed {len(missed)} of {len(report.predictions)} pictures that were not trained on: "
            f"{report.folder / 'predictions.csv'}", quiet=quiet)  # fmt: skip
    emit(report.rows(), chosen, output)


@app.command()
def augnet(
    paths: options.Folders = None,
    name: options.ModelName = defaults.MODEL,
    trunk: Annotated[
        str, typer.Option("--trunk", metavar="TRUNK", help=f"{', '.join(defaults.TRUNKS)}.")
    ] = defaults.TRUNK,
    loss: Annotated[
        str, typer.Option("--loss", metavar="LOSS", help=f"{', '.join(defaults.AUGNET_LOSSES)}.")
    ] = defaults.AUGNET_LOSS,
    side: Annotated[
        int | None,
        typer.Option(metavar="N", min=32, help="Pixels of a view's side. [default: 128, lite0: 224]",
                     show_default=False),
    ] = None,
    dim: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Numbers of a vector. [default: 256, lite0: 512]", show_default=False),
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="Of each picture in a step. [default: 4]", show_default=False),
    ] = None,
    epochs: options.Epochs = None,
    batch: options.Batch = None,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = None,
    split: options.SplitFile = None,
    parts: options.TrainParts = defaults.TRAIN_PARTS,
    level: options.SplitLevel = defaults.SPLIT_LEVEL,
    seed: options.Seed = defaults.SEED,
    restart: options.Restart = False,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Train on pictures without labels to know one again in its changed copies: the descriptor augnet:NAME.

    \b
    Examples:
      lookalike train augnet photos/ --name photos
      lookalike train augnet photos/ --name photos --trunk lite0 --epochs 3
      lookalike compare a.jpg b.jpg --descriptor augnet:photos
    """
    from lookalike.training import AUGNET_RECIPES, train_augnet, with_augnet_settings

    chosen = face(output, format_)
    if trunk not in AUGNET_RECIPES:
        raise UsageError(f"no trunk {trunk!r}: choose one of {', '.join(AUGNET_RECIPES)}")
    recipe = with_augnet_settings(
        AUGNET_RECIPES[trunk], loss=loss, side=side, dim=dim, views=views, epochs=epochs, batch=batch,
        learning_rate=learning_rate, patience=patience,
    )  # fmt: skip
    divided = divided_by(paths, split, labels=None, parts=parts, level=level, seed=seed, library=library, quiet=quiet)
    with watching(quiet) as tell:
        report = train_augnet(
            divided.uris, divided.parts, name=name, recipe=recipe, seed=seed, device=device, restart=restart,
            progress=tell,
        )  # fmt: skip
    tell_of(report, quiet=quiet)
    emit(report.rows(), chosen, output)


@app.command()
def autoencoder(
    paths: options.Folders = None,
    name: options.ModelName = defaults.MODEL,
    code: Annotated[
        str,
        typer.Option(
            "--code", metavar="SHAPE", help="256: so many numbers; 7x7x64: a grid of cells with 64 numbers each."
        ),
    ] = defaults.CODE,
    side: Annotated[
        int | None,
        typer.Option(metavar="N", min=32, help="Pixels of a side: 32, 64, ... [default: 224]", show_default=False),
    ] = None,
    mirror: Annotated[bool, typer.Option(help="Train on mirrored pictures, too.")] = True,
    layer: Annotated[
        int | None,
        typer.Option(
            "--layer", metavar="N", min=1, help="Draw the activation maps of this one. [default: the middle one]",
            show_default=False,
        ),
    ] = None,
    epochs: options.Epochs = None,
    batch: options.Batch = None,
    learning_rate: options.LearningRate = None,
    patience: options.Patience = None,
    split: options.SplitFile = None,
    parts: options.TrainParts = defaults.AUTOENCODER_PARTS,
    level: options.SplitLevel = defaults.SPLIT_LEVEL,
    seed: options.Seed = defaults.SEED,
    restart: options.Restart = False,
    library: options.Library = None,
    device: options.Device = defaults.DEVICE,
    format_: options.Format = None,
    output: options.Output = None,
    quiet: options.Quiet = False,
) -> None:  # fmt: skip
    """Train on pictures without labels to draw them from a short code: the descriptor autoencoder:NAME.

    Beside the model lie drawings of held-out pictures, their reconstructions and activation maps, and the lists of
    what was trained on and held out.

    \b
    Examples:
      lookalike train autoencoder photos/ --name photos
      lookalike train autoencoder photos/ --name wide --code 14x14x64 --layer 1
      lookalike cluster photos/ --descriptor autoencoder:photos
    """
    from lookalike.training import AUTOENCODER, train_autoencoder, with_autoencoder_settings

    chosen = face(output, format_)
    recipe = with_autoencoder_settings(
        AUTOENCODER, code=code, side=side, mirror=mirror, epochs=epochs, batch=batch, learning_rate=learning_rate,
        patience=patience,
    )  # fmt: skip
    divided = divided_by(paths, split, labels=None, parts=parts, level=level, seed=seed, library=library, quiet=quiet)
    with watching(quiet) as tell:
        report = train_autoencoder(
            divided.uris, divided.parts, name=name, recipe=recipe, seed=seed, device=device, restart=restart,
            layer=layer, progress=tell,
        )  # fmt: skip
    tell_of(report, quiet=quiet)
    emit(report.rows(), chosen, output)


def divided_by(
    paths: Sequence[str] | None,
    split: Path | None,
    *,
    labels: str | None,
    parts: str,
    level: str,
    seed: int,
    library: Path | None,
    quiet: bool,
) -> Split:
    """Return the split of a CSV file, or a new one of the pictures at `paths`, copies kept on one side."""
    if split is not None:
        from lookalike.splitting import read_split

        if paths:
            raise UsageError("give folders or --split, not both: a split names its pictures")
        return read_split(split)
    if not paths:
        raise UsageError("name the folders of pictures to train on, or a --split file")
    with open_library(library, create=True) as opened, contextlib.ExitStack() as bars:
        count = bars.enter_context(progress("Indexing", quiet))
        return opened.split(
            paths,
            labels=labels,
            parts=parts,
            level=level,
            seed=seed,
            progress=lambda report: count(report.found, report.total, report.failed),
        )


def labelled(split: Split) -> tuple[list[str], list[str], list[str]]:
    """Return URIs, labels and parts of the pictures that have a label.

    Raises
    ------
    UsageError
        If none has.
    """
    rows = [
        (uri, label, part)
        for uri, label, part in zip(split.uris, split.labels, split.parts, strict=True)
        if label is not None
    ]
    if not rows:
        raise UsageError("no picture of the split has a label: say how to tell them with --labels, or in its CSV file")
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


@contextlib.contextmanager
def watching(quiet: bool) -> Iterator[Callable[[str, int, int, dict[str, float]], None]]:
    """Show how reading and training go on; yield what training calls. Ctrl-C says how to go on."""
    finished = 0
    with contextlib.ExitStack() as bars:
        shown: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int, measures: dict[str, float]) -> None:
            nonlocal finished
            finished = done if measures else 0
            if stage not in shown:
                bars.close()  # one bar at a time
                shown[stage] = bars.enter_context(progress(stage.capitalize(), quiet))
            shown[stage](done, total)
            if measures:
                told = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in measures.items())
                say(told, quiet=quiet)

        try:
            yield tell
        except KeyboardInterrupt:
            bars.close()
            kept = f"{finished} epochs are kept" if finished else "No epoch was finished yet"
            say(f"Stopped. {kept}: the same command goes on from there.")
            raise typer.Exit(130) from None


def tell_of(report: TrainingReport, *, quiet: bool) -> None:
    """Say in words what was made and what failed."""
    for uri, reason in report.failed:
        say(f"{uri}: {reason}")
    early = " (stopped early)" if report.history.stopped_early else ""
    say(
        f"{report.name}: {len(report.history.epochs)} epochs in {report.history.seconds:.0f} s{early}, "
        f"epoch {report.history.best} kept. Curves, split and model: {report.folder}",
        quiet=quiet,
    )
