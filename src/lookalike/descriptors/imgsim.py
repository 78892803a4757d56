"""The published AugNet: the weights of the package ``imgsim``, used without that package's code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lookalike.descriptors import convert_imgsim
from lookalike.descriptors.onnx import models_folder, read_spec
from lookalike.descriptors.runtime import Model
from lookalike.errors import MissingDependencyError
from lookalike.types import DescriptorSpec, RGBImage, Vectors

__all__ = ["Imgsim", "model_file", "ready"]

LONGEST = 8
"""Sides beyond this many times the shorter one are squeezed to it, so that a strip does not take all memory."""


def model_file() -> Path:
    """Return where the converted model lies, whether it is there or not."""
    return models_folder() / "imgsim" / "model.onnx"


def ready() -> bool:
    """Tell whether `Imgsim` can be used: the model is converted, or the package with the weights is installed."""
    return model_file().with_suffix(".json").is_file() or convert_imgsim.published_weights() is not None


class Imgsim:
    """AugNet as published: ResNet-50 trained without labels, so that views of one picture lie close.

    768 numbers, each -1 to 1 (tanh), Euclidean distance. Copies of a picture, mirrored, cut, turned or recoloured,
    stay closer than other pictures of the same kind (docs/systems/augnet.md has tables).

    The shorter side is resized to 350 by OpenCV's linear interpolation, the other with it, rounded down; pixels are
    scaled by ImageNet's mean and deviation. JPEGs are decoded at full scale, as the package's examples do, since
    that interpolation sees single pixels. One departure: sides beyond 8 times the shorter one are squeezed to that.

    The weights come from the Python package ``imgsim`` 0.1.2 (MIT), which must be installed once:
    ``pip install 'lookalike[train]'``, then ``pip install --no-deps imgsim==0.1.2``. They are converted to ONNX at
    first use, into the models folder; from then on neither that package nor PyTorch is needed. The package is never
    imported.

    Paper: Chen et al., AugNet, arXiv 2106.06250. Reference for our tests: ``imgsim.Vectorizer``.

    Parameters
    ----------
    device
        Where to run: see `lookalike.descriptors.get_descriptor`.
    """

    def __init__(self, device: str = "auto") -> None:
        # The sha256 is that of the published file: known before anything is converted, and the same for everyone.
        self.spec = DescriptorSpec(
            name="imgsim",
            dim=768,
            metric="l2",
            preprocess="short side to 350 linearly, aspect kept up to 1:8; ImageNet mean and deviation",
            source="AugNet, arXiv 2106.06250; weights of PyPI imgsim 0.1.2",
            weights=convert_imgsim.SOURCE_SHA256,
            licence="MIT",
            min_side=1 << 16,
        )
        self.device = device
        self._model: Model | None = None

    def embed(self, images: Sequence[RGBImage]) -> Vectors:
        """Return one vector per picture.

        Parameters
        ----------
        images
            Each (height, width, 3) uint8, upright sRGB, of any size from 1 x 1.

        Returns
        -------
        Vectors
            (n, 768) float32, from -1 to 1.

        Raises
        ------
        MissingDependencyError
            If the model has not been converted and the package, or what converting needs, is not installed.
        LookalikeError
            If the weights are not the published ones, or are damaged.
        """
        vectors = np.empty((len(images), self.spec.dim), np.float32)
        for row, image in enumerate(images):  # one by one: their sizes differ
            vectors[row] = self._ready_model().run("vector", shortened(image)[None])[0]
        return vectors

    def _ready_model(self) -> Model:
        if self._model is None:
            path = model_file()
            if not path.with_suffix(".json").is_file():
                source = convert_imgsim.published_weights()
                if source is None:
                    raise MissingDependencyError(
                        f"the weights of imgsim are not there: {convert_imgsim.INSTALL} (without --no-deps it brings "
                        "an OpenCV that overwrites ours)"
                    )
                convert_imgsim.convert(source, path)
            digest = read_spec(path.with_suffix(".json")).sha256
            self._model = Model(path, digest, self.device, f"remove {path.parent} to have them converted again")
        return self._model


def shortened(image: RGBImage) -> RGBImage:
    """Return `image` with its shorter side at 350 pixels, to the pixel as ``imgsim`` resizes it."""
    import cv2

    side = convert_imgsim.SIDE
    height, width = image.shape[:2]
    scale = side / min(height, width)
    new = [min(int(max(length * scale, side)), LONGEST * side) for length in (width, height)]
    resized = image if new == [width, height] else cv2.resize(image, (new[0], new[1]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(resized, np.uint8)
