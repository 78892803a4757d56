"""A convolutional autoencoder trained on pictures without labels: its code is a descriptor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import CODE, DEVICE, SEED
from lookalike.descriptors.onnx import ModelSpec, model_folder
from lookalike.durable import replacing
from lookalike.errors import UsageError
from lookalike.training.autoencoder_network import STAGES, autoencoder, code_shape
from lookalike.training.autoencoder_plots import DECODER, LAYERS, AutoencoderModel, activations_plot, pairs_plot
from lookalike.training.export import export, to_onnx
from lookalike.training.folder import discard, prepare_folder, write_rows, write_split
from lookalike.training.loop import CHECKPOINT, Epoch, fit, import_torch, torch_device
from lookalike.training.pictures import Pictures, load_pictures
from lookalike.training.report import TrainingReport, curves, fingerprint
from lookalike.types import Uri

__all__ = ["AUTOENCODER", "AutoencoderRecipe", "train_autoencoder", "with_autoencoder_settings"]

SHOWN = 16
"""Held-out pictures that are drawn beside their reconstructions."""

SHOWN_ACTIVATIONS = 5
"""Held-out pictures whose activation maps are drawn."""


@dataclass(frozen=True)
class AutoencoderRecipe:
    """How an autoencoder is trained.

    Attributes
    ----------
    code
        Its shape: see `lookalike.training.autoencoder_network.code_shape`. At most an eighth of the picture's numbers.
    side
        Pictures are resized to side x side, their aspect not kept; a multiple of 32.
    epochs, patience, batch, learning_rate
        As everywhere; patience 0 never stops early.
    mirror
        Whether half of the pictures are mirrored, anew in each epoch.
    """

    code: str = CODE
    side: int = 224
    epochs: int = 15
    batch: int = 8
    learning_rate: float = 5e-3
    patience: int = 5
    mirror: bool = True


AUTOENCODER = AutoencoderRecipe()


def train_autoencoder(
    uris: Sequence[Uri],
    parts: Sequence[str],
    *,
    name: str,
    recipe: AutoencoderRecipe = AUTOENCODER,
    seed: int = SEED,
    device: str = DEVICE,
    restart: bool = False,
    layer: int | None = None,
    folder: Path | None = None,
    progress: Callable[[str, int, int, Epoch], None] | None = None,
) -> TrainingReport:
    """Train a network to draw pictures from a short code, and export what makes the code as "autoencoder:NAME".

    The loss is the mean squared error of the pixels, 0 to 1. Of the epochs, the one is kept that draws the pictures
    that were not trained on best.

    Parameters
    ----------
    uris, parts
        The pictures, and the part of the split that each belongs to: "train" and "val" (others are left out), with
        near-duplicates on one side: see `Library.split`.
    name
        Of the model.
    recipe
        Code, side, epochs and so on.
    seed
        Of the first weights, the order and the mirroring.
    device
        "auto", "cpu" or "cuda"; on a GPU in mixed precision.
    restart
        Begin anew, though a run of this name was stopped or finished.
    layer
        Of the encoder, whose activation maps are drawn: 1 is nearest to the picture. None for the middle one.
    folder
        Where to write; None for where `get_descriptor` looks for "autoencoder:NAME".
    progress
        Called with "reading" or "training", how many of how many, and the last epoch's measures.

    Returns
    -------
    TrainingReport
        In its folder: model.onnx, model.json, decoder.onnx, layers.onnx, history.csv, curves.png, reconstructions.png,
        activations.png; train.csv, val.csv and split.csv, which can be given again.

    Raises
    ------
    UsageError
        If a part has too few pictures, the recipe says what cannot be, or a run of this name is there that is another.
    MissingDependencyError
        If PyTorch is not installed.

    Notes
    -----
    The code's channels have mean 0 and variance 1 (batch normalisation without weights): codes can be compared as they
    are.
    """
    _check(recipe, layer)
    torch = import_torch()
    target = torch_device(device)
    folder = model_folder(f"autoencoder:{name}") if folder is None else folder
    rows = _rows(parts)
    prepare_folder(folder, restart)
    _write_lists(folder, uris, parts)
    chosen = [uris[row] for row in (*rows["train"], *rows["val"])]
    pictures = load_pictures(
        chosen, recipe.side, recipe.side, folder / "pictures.npy",
        progress=lambda done, total: progress("reading", done, total, {}) if progress else None,
    )  # fmt: skip
    try:
        part_of = dict(zip(uris, parts, strict=True))
        rows = _rows([part_of[uri] for uri in pictures.uris])
        torch.manual_seed(seed)
        network = autoencoder(recipe.code, recipe.side).to(target)
        optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
        feed = _Feed(torch, pictures.images, target)
        history = fit(
            network,
            folder=folder,
            batches=lambda random: feed.batches(rows["train"], recipe.batch, recipe.mirror, random),
            loss=lambda batch: (_error(network, batch), {}),
            validate=lambda: {"val_loss": _held_out_error(network, feed, rows["val"], recipe.batch)},
            optimiser=optimiser,
            scheduler=torch.optim.lr_scheduler.LambdaLR(optimiser, lambda done: _rate(done, recipe.epochs)),
            epochs=recipe.epochs,
            patience=recipe.patience,
            seed=seed,
            settings=fingerprint(recipe, chosen, [part_of[uri] for uri in chosen], [seed]),
            progress=lambda done, total, epoch: progress("training", done, total, epoch) if progress else None,
        )
        curves(history.epochs, history.best, folder / "curves.png", f"autoencoder:{name}, code {recipe.code}")
        _export(network, folder, _spec(recipe, network.dim, name), pictures.images)
        _draw(AutoencoderModel(folder, "cpu"), pictures, rows["val"], layer, folder)
        (folder / CHECKPOINT).unlink(missing_ok=True)
    finally:
        discard(folder / "pictures.npy")
    counts = tuple((part, len(found)) for part, found in rows.items())
    best = history.epochs[history.best - 1]["val_loss"]
    return TrainingReport(
        f"autoencoder:{name}", folder, counts, history, (("val_loss", best), ("code", network.dim)), pictures.failed
    )


def with_autoencoder_settings(recipe: AutoencoderRecipe, **changed: Any) -> AutoencoderRecipe:
    """Return `recipe` with what is not None in `changed`."""
    return replace(recipe, **{name: value for name, value in changed.items() if value is not None})


class _Feed:
    """Batches of pictures as tensors."""

    def __init__(self, torch: Any, images: NDArray[np.uint8], device: Any) -> None:
        self.torch, self.images, self.device = torch, images, device

    def batches(self, rows: NDArray[np.intp], size: int, mirror: bool, random: np.random.Generator) -> Iterator[Any]:
        """Yield (n, 3, side, side) in 0 to 1, in a random order; a last batch of one is left out."""
        order = random.permutation(rows)
        mirrored = random.random(len(order)) < (0.5 if mirror else 0.0)
        for start in range(0, len(order), size):
            part = self.images[order[start : start + size]]
            flip = mirrored[start : start + size]
            part[flip] = part[flip][:, :, ::-1]
            if len(part) > 1:  # batch normalisation needs two
                yield self.tensor(part)

    def in_order(self, rows: NDArray[np.intp], size: int) -> Iterator[Any]:
        for start in range(0, len(rows), size):
            yield self.tensor(self.images[rows[start : start + size]])

    def tensor(self, images: NDArray[np.uint8]) -> Any:
        given = self.torch.from_numpy(images).to(self.device, non_blocking=True)
        values = given.permute(0, 3, 1, 2).float() / 255
        return values.contiguous(memory_format=self.torch.channels_last)


def _rate(done: int, epochs: int) -> float:
    """Return the part of the learning rate for the next epoch: a quarter in the first one, then a falling cosine."""
    return 0.25 if not done else 0.5 * (1 + float(np.cos(np.pi * (done - 1) / epochs)))


def _error(network: Any, pictures: Any) -> Any:
    _, drawn = network(pictures)
    return (drawn.float() - pictures).square().mean()


def _held_out_error(network: Any, feed: _Feed, rows: NDArray[np.intp], size: int) -> float:
    errors = [(float(_error(network, batch)), len(batch)) for batch in feed.in_order(rows, size)]
    return float(np.average([error for error, _ in errors], weights=[count for _, count in errors]))


def _spec(recipe: AutoencoderRecipe, dim: int, name: str) -> ModelSpec:
    return ModelSpec(
        dim=dim, height=recipe.side, width=recipe.side, metric="cosine", name=f"autoencoder:{name}",
        source=f"a convolutional autoencoder with a code of {recipe.code}, trained by Lookalike",
        licence="the user's own",
    )  # fmt: skip


def _export(network: Any, folder: Path, spec: ModelSpec, images: NDArray[np.uint8]) -> None:
    """Write the encoder, the decoder and the encoder's layers; the encoder's spec, which says "finished", last."""
    torch = import_torch()

    class Part(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, run: Callable[[Any], Any]) -> None:
            super().__init__()
            self.network, self.run = network, run

        def forward(self, given: Any) -> Any:
            return self.run(given)

    network.cpu().eval()
    example = np.stack([spec.prepare(image) for image in images[:2]])
    with torch.no_grad():
        codes = network.encode(torch.from_numpy(example)).numpy()
    parts = {
        LAYERS: to_onnx(
            Part(network.activations), example, input_=spec.input,
            outputs=[f"layer{number}" for number in range(1, len(network.stages) + 1)],
        ),
        DECODER: to_onnx(Part(network.decode), codes, input_=spec.output, outputs=[spec.input]),
    }  # fmt: skip
    for file, model in parts.items():
        with replacing(folder / file, partial=folder / f"{file}.partial") as stream:
            stream.write(model)
    export(Part(network.encode), folder, spec, example)


def _draw(model: AutoencoderModel, pictures: Pictures, rows: NDArray[np.intp], layer: int | None, folder: Path) -> None:
    """Draw held-out pictures, spread over all of them."""
    spread = rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).astype(np.intp))]
    shown = [pictures.images[row] for row in spread]
    pairs_plot(shown, model.reconstruct(shown), folder / "reconstructions.png", model.name)
    few = shown[:: max(1, len(shown) // SHOWN_ACTIVATIONS)][:SHOWN_ACTIVATIONS]
    number = model.middle if layer is None else min(layer, model.layers)
    activations_plot(few, model.activations(few, number), number, folder / "activations.png", model.name)


def _write_lists(folder: Path, uris: Sequence[Uri], parts: Sequence[str]) -> None:
    """Write the split as one CSV file, and each part as a list of its own, as published."""
    write_split(folder / "split.csv", uris, [""] * len(uris), parts)
    for part in ("train", "val"):
        listed = [(uri,) for uri, its in zip(uris, parts, strict=True) if its == part]
        write_rows(folder / f"{part}.csv", ("uri",), listed)


def _rows(parts: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    rows = {part: np.array([at for at, its in enumerate(parts) if its == part], np.intp) for part in ("train", "val")}
    for part, least in (("train", 4), ("val", 1)):
        if len(rows[part]) < least:
            raise UsageError(
                f"the split has {len(rows[part])} usable pictures in its part {part}: an autoencoder needs at least "
                f"{least} there"
            )
    return rows


def _check(recipe: AutoencoderRecipe, layer: int | None) -> None:
    code_shape(recipe.code, recipe.side)
    for what, value, least in (("batch", recipe.batch, 2), ("epochs", recipe.epochs, 1)):
        if value < least:
            raise UsageError(f"{what} must be at least {least}, not {value}")
    if layer is not None and not 1 <= layer <= STAGES:
        raise UsageError(f"the encoder has layers 1 to {STAGES} at most, not {layer}")
