"""What a trained autoencoder makes of pictures: reconstructions and activation maps. Needs no PyTorch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.onnx import model_folder, read_spec
from lookalike.descriptors.runtime import Model
from lookalike.durable import replacing
from lookalike.errors import UsageError
from lookalike.types import RGBImage

__all__ = ["AutoencoderModel", "activations_plot", "pairs_plot"]

DECODER = "decoder.onnx"
LAYERS = "layers.onnx"

_COLUMNS = 8
_CHANNELS = 7


class AutoencoderModel:
    """A trained autoencoder with all its parts, where `get_descriptor` has the code alone.

    Parameters
    ----------
    model
        Its name, "autoencoder:NAME", or its folder.
    device
        See `lookalike.descriptors.get_descriptor`.

    Raises
    ------
    UsageError
        If there is none, or a part of it is missing.
    """

    def __init__(self, model: str | Path, device: str = "auto") -> None:
        folder = model_folder(model) if isinstance(model, str) else model
        self.spec = read_spec(folder / "model.json")
        self.name = self.spec.name
        self._encoder, self._decoder, self._stages = (
            _part(folder / file, device) for file in ("model.onnx", DECODER, LAYERS)
        )

    @property
    def layers(self) -> int:
        """How many layers of the encoder there are to have activation maps of."""
        return len(self._stages.outputs)

    @property
    def middle(self) -> int:
        """The number of the middle layer."""
        return (self.layers + 1) // 2

    def codes(self, images: Sequence[RGBImage]) -> NDArray[np.float32]:
        """Return the codes, (n, dim), as the encoder gives them: not brought to unit length."""
        return _run(self._encoder, self.spec.output, self._prepared(images), self.spec.input)

    def decode(self, codes: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the pictures that codes (n, dim) stand for, (n, side, side, 3)."""
        drawn = _run(self._decoder, self.spec.input, codes, self.spec.output)
        return np.ascontiguousarray(np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8).transpose(0, 2, 3, 1))

    def reconstruct(self, images: Sequence[RGBImage]) -> NDArray[np.uint8]:
        """Return pictures, each of any size, as they are drawn from their codes, (n, side, side, 3)."""
        return self.decode(self.codes(images))

    def activations(self, images: Sequence[RGBImage], layer: int | None = None) -> NDArray[np.float32]:
        """Return the outputs of a layer of the encoder, (n, channels, height, width); None for the middle one.

        Raises
        ------
        UsageError
            If it has no such layer.
        """
        number = self.middle if layer is None else layer
        if not 1 <= number <= self.layers:
            raise UsageError(f"{self.name} has layers 1 to {self.layers}, not {number}")
        return _run(self._stages, f"layer{number}", self._prepared(images), self.spec.input)

    def _prepared(self, images: Sequence[RGBImage]) -> NDArray[np.float32]:
        shape = (0, 3, self.spec.height, self.spec.width)
        return np.stack([self.spec.prepare(image) for image in images]) if len(images) else np.empty(shape, np.float32)


def _part(path: Path, device: str) -> Model:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}; train the model anew") from error
    return Model(path, digest, device, "it was changed while it was in use; try again")


def _run(model: Model, output: str, rows: NDArray[np.float32], input_: str) -> NDArray[np.float32]:
    step = model.batch(64)  # pixels of a side: networks of pictures that small
    found = [model.run(output, rows[start : start + step], input=input_) for start in range(0, len(rows), step)]
    return np.concatenate(found) if found else model.run(output, rows, input=input_)


def pairs_plot(
    originals: Sequence[RGBImage], drawn: NDArray[np.uint8], path: Path, title: str, labels: Sequence[str] = ()
) -> None:
    """Draw pictures above their reconstructions, eight a row, into a PNG.

    Parameters
    ----------
    originals
        Each of any size; shown at the size of the reconstructions.
    drawn
        (n, side, side, 3).
    path
        The PNG.
    title, labels
        Above all, and below each pair; without labels, the mean squared error of the pair.
    """
    from matplotlib.figure import Figure

    from lookalike.transforms import resize

    columns = min(_COLUMNS, len(originals))
    blocks = -(-len(originals) // columns)
    figure = Figure(figsize=(max(1.45 * columns, 4), 3.2 * blocks + 0.5), dpi=110, layout="constrained")
    figure.suptitle(f"{title}: originals above, reconstructions below", fontsize=11)
    grid = figure.add_gridspec(2 * blocks, columns, wspace=0.02, hspace=0.02)
    for at, (original, other) in enumerate(zip(originals, drawn, strict=True)):
        shown = resize(original, *other.shape[:2])
        error = np.square((shown.astype(np.float32) - other) / 255).mean()
        for below, image in ((0, shown), (1, other)):
            axes = _picture(figure.add_subplot(grid[2 * (at // columns) + below, at % columns]), image)
        axes.set_xlabel(labels[at] if labels else f"error {error:.4f}", fontsize=8, labelpad=3)
    _write(figure, path)


def activations_plot(images: Sequence[RGBImage], maps: NDArray[np.float32], layer: int, path: Path, title: str) -> None:
    """Draw, for each picture, where the channels of a layer that tell most are hot, into a PNG.

    Parameters
    ----------
    images
        n pictures.
    maps
        (n, channels, height, width): see `AutoencoderModel.activations`.
    layer
        Its number, for the title.
    path, title
        As in `pairs_plot`.

    Notes
    -----
    The first map is the mean of all channels' strength. Then come the channel that varies most from place to place, and
    those that vary much and otherwise than the ones before. A channel is coloured on one scale for all pictures: from
    its 2nd percentile over them, dark, to its 99.5th, bright.
    """
    from matplotlib.figure import Figure

    order = _telling(maps, _CHANNELS)
    heat = np.concatenate([np.abs(maps).mean(axis=1, keepdims=True), maps[:, order]], axis=1)
    names = ["picture", "all channels", *(f"channel {number + 1}" for number in order)]
    figure = Figure(figsize=(1.45 * len(names), 1.5 * len(images) + 0.8), dpi=110, layout="constrained")
    size = f"{maps.shape[2]} x {maps.shape[3]}"
    figure.suptitle(f"{title}: layer {layer}, {maps.shape[1]} channels of {size}; bright is strong", fontsize=11)
    grid = figure.add_gridspec(len(images), len(names), wspace=0.02, hspace=0.02)
    for row, image in enumerate(images):
        for column, name in enumerate(names):
            shown = image if not column else _heated(image, heat[row, column - 1], heat[:, column - 1])
            axes = _picture(figure.add_subplot(grid[row, column]), shown)
            if not row:
                axes.set_title(name, fontsize=8, pad=3)
    _write(figure, path)


def _telling(maps: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the channels, most telling first: see `activations_plot`."""
    channels = maps.transpose(1, 0, 2, 3).reshape(maps.shape[1], -1)
    channels = channels - channels.mean(axis=1, keepdims=True)
    spread = np.linalg.norm(channels, axis=1)
    unit = channels / np.maximum(spread, np.finfo(np.float32).tiny)[:, None]
    alike = np.zeros(len(unit), np.float32)
    chosen: list[int] = []
    for _ in range(min(count, len(unit))):
        worth = spread * (1 - alike)
        worth[chosen] = -1
        chosen.append(int(np.argmax(worth)))
        alike = np.maximum(alike, np.abs(unit @ unit[chosen[-1]]))
    return np.array(chosen, np.intp)


def _heated(image: RGBImage, values: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the picture in grey under a coloured map of `values`, whose colours are set by all of `scale`."""
    import cv2
    from matplotlib import colormaps

    low, high = np.percentile(scale, [2, 99.5])
    part = np.clip((values - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)
    part = np.clip(cv2.resize(part, image.shape[1::-1], interpolation=cv2.INTER_CUBIC), 0, 1)
    grey = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None] / 255, 3, axis=2)
    colour = colormaps["inferno"](part)[:, :, :3]
    mixed: NDArray[np.float64] = np.clip(0.35 * grey + 0.75 * colour, 0, 1)
    return mixed


def _picture(axes: Any, image: NDArray[Any]) -> Any:
    axes.imshow(image, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


def _write(figure: Any, path: Path) -> None:
    with replacing(path, partial=path.with_suffix(".partial")) as stream:
        figure.savefig(stream, format="png")
