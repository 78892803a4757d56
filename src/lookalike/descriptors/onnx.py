"""ONNX models with a small spec file beside them: the user's own, and those that Lookalike has trained.

A spec is a JSON file beside the model, named like it: ``model.onnx`` and ``model.json``. docs/reference/model-spec.md
lists its fields. Using one needs ONNX Runtime only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.runtime import Model
from lookalike.errors import LookalikeError, UnknownDescriptorError, UsageError
from lookalike.transforms import centre_crop, pad_square, resize, resize_short_side
from lookalike.types import DescriptorSpec, RGBImage, Vectors

__all__ = [
    "FITS",
    "KINDS",
    "ModelSpec",
    "OnnxDescriptor",
    "model_folder",
    "model_path",
    "models_folder",
    "read_spec",
    "trained",
]

FITS = ("squash", "crop", "pad", "short")
"""How a picture comes to (height, width): aspect not kept; short side, then the centre; grey borders; and "short": only
the shorter side is given its length (height), the aspect kept."""

KINDS = ("cnn", "augnet", "autoencoder")
"""Families that can be trained: their descriptors are called KIND:NAME."""

ENVIRONMENT = "LOOKALIKE_MODELS"
_LARGEST = 65_536  # numbers of a vector, pixels of a side


def models_folder() -> Path:
    """Return where trained models lie: $LOOKALIKE_MODELS, or in the user's data directory."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_data_dir("lookalike", appauthor=False)) / "models"


def model_folder(name: str) -> Path:
    """Return the folder of the trained model "KIND:NAME", whether it is there or not.

    Raises
    ------
    UsageError
        If the name cannot be one of a folder.
    """
    kind, _, own = name.partition(":")
    if not own or own != Path(own).name or own.startswith(".") or any(sign in own for sign in '\\/:*?"<>|\0'):
        raise UsageError(f"{own!r} cannot be the name of a model: use letters, digits, - and _")
    return models_folder() / kind / own


def model_path(name: str) -> Path:
    """Return the file of the model "KIND:NAME" or "onnx:PATH", whether it is there or not."""
    kind, _, rest = name.partition(":")
    if kind == "onnx":
        return Path(rest).expanduser().absolute().with_suffix(".onnx")
    return model_folder(name) / "model.onnx"


def trained() -> tuple[str, ...]:
    """Return the names of all trained models, in order."""
    return tuple(
        f"{kind}:{spec.parent.name}" for kind in KINDS for spec in sorted(models_folder().glob(f"{kind}/*/model.json"))
    )


@dataclass(frozen=True)
class ModelSpec:
    """What must be known to use an ONNX image model.

    Attributes
    ----------
    dim, metric
        Of the vectors: see `DescriptorSpec`; "cosine" vectors are scaled to unit length after the model.
    height, width, fit
        How a picture is brought to size: see `FITS`. Widths of "short" are free.
    output, probabilities
        Names of the model's outputs: the vectors (n, dim), and where there are any the class probabilities.
    input
        Name of its input.
    layout, dtype
        "nchw" or "nhwc"; "float32" (pixel x scale - mean) / std, or "uint8" as they are.
    scale, mean, std
        Per channel of RGB.
    grey
        The picture is turned to grey first (ITU-R 601) and stacked to three channels.
    labels
        Of the classes, in the order of `probabilities`.
    name, source, licence, sha256
        For people, but for `sha256`: what the model file must hash to; empty to take it as it is.
    """

    dim: int
    height: int
    width: int = 0
    metric: str = "cosine"
    fit: str = "squash"
    output: str = "vector"
    probabilities: str = ""
    input: str = "images"
    layout: str = "nchw"
    dtype: str = "float32"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    grey: bool = False
    labels: tuple[str, ...] = ()
    name: str = ""
    source: str = "a model of the user's own"
    licence: str = ""
    sha256: str = ""

    @property
    def preprocess(self) -> str:
        """In words, as `DescriptorSpec` has it."""
        size = f"short side to {self.height}" if self.fit == "short" else f"{self.fit} to {self.height} x {self.width}"
        grey = "grey, stacked; " if self.grey else ""
        values = (
            f"(value x {self.scale:.6g} - {list(self.mean)}) / {list(self.std)}" if self.dtype != "uint8" else "as is"
        )
        return f"{grey}{size}; {values}; {self.layout}"

    def to_json(self) -> str:
        """Return the text of a spec file."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"

    def prepare(self, image: RGBImage) -> NDArray[Any]:
        """Return one picture as the model takes it, without the leading axis: (3, height, width) for "nchw"."""
        if self.grey:
            import cv2

            image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
        if self.fit == "short":
            image = resize_short_side(image, self.height)
        elif self.fit == "crop":
            image = centre_crop(_cover(image, self.height, self.width), self.height, self.width)
        else:
            image = resize(pad_square(image) if self.fit == "pad" else image, self.height, self.width)
        values: NDArray[Any] = image
        if self.dtype != "uint8":
            mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
            values = (image * np.float32(self.scale) - mean) / std
        return np.ascontiguousarray(values.transpose(2, 0, 1) if self.layout == "nchw" else values)


def read_spec(path: Path) -> ModelSpec:
    """Read a spec file.

    Raises
    ------
    UsageError
        If it is missing, no JSON, or says what cannot be.
    """
    try:
        fields: Any = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"the model needs a spec beside it, {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the spec {path} is not JSON: {error}") from error
    known = {field.name: field for field in dataclasses.fields(ModelSpec)}
    if (
        not isinstance(fields, dict)
        or (unknown := sorted(set(fields) - set(known)))
        or not {"dim", "height"} <= set(fields)
    ):
        what = f"has unknown fields {', '.join(unknown)}" if isinstance(fields, dict) and unknown else "lacks fields"
        raise UsageError(f"the spec {path} {what}: it takes {', '.join(known)}; dim and height must be there")
    for name in ("mean", "std", "labels"):
        if isinstance(fields.get(name), list):
            fields[name] = tuple(fields[name])
    spec = ModelSpec(**{"width": fields["height"], **fields})
    if not _is_possible(spec):
        raise UsageError(
            f"the spec {path} says what cannot be: fit is one of {', '.join(FITS)}; metric cosine or l2; layout nchw "
            f"or nhwc; dtype float32 or uint8; dim, height and width 1 to {_LARGEST:,}; mean and std three numbers each"
        )
    return spec


def _is_possible(spec: ModelSpec) -> bool:
    """Return whether each field is of its kind and in its range, whatever JSON held."""
    texts = (spec.metric, spec.fit, spec.output, spec.probabilities, spec.input, spec.layout, spec.dtype, spec.name,
             spec.source, spec.licence, spec.sha256)  # fmt: skip
    return (
        all(isinstance(text, str) for text in texts)
        and spec.fit in FITS
        and spec.metric in ("cosine", "l2")
        and spec.layout in ("nchw", "nhwc")
        and spec.dtype in ("float32", "uint8")
        and isinstance(spec.grey, bool)
        and all(type(size) is int and 1 <= size <= _LARGEST for size in (spec.dim, spec.height, spec.width))
        and all(isinstance(three, tuple) and len(three) == 3 for three in (spec.mean, spec.std))
        and all(_is_number(value) for value in (spec.scale, *spec.mean, *spec.std))
        and all(np.float32(value) for value in spec.std)
        and isinstance(spec.labels, tuple)
        and all(isinstance(label, str) for label in spec.labels)
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30  # type: ignore[arg-type]


class OnnxDescriptor:
    """Any ONNX model that turns pictures into vectors, described by the spec beside it.

    Parameters
    ----------
    name
        As typed: "onnx:PATH" (of the model or its spec), or "cnn:NAME" and the like for a trained one.
    device
        Where to run: see `lookalike.descriptors.get_descriptor`.

    Raises
    ------
    UnknownDescriptorError
        If there is no trained model of that name.
    UsageError
        If a model is missing or its spec cannot be used.
    LookalikeError
        If the model is not the one that its spec tells of.
    """

    def __init__(self, name: str, device: str = "auto") -> None:
        path = model_path(name)
        kind, _, rest = name.partition(":")
        if kind == "onnx":
            name = f"onnx:{path}"
        elif not path.is_file():
            have = ", ".join(trained()) or "none yet"
            raise UnknownDescriptorError(
                f"no model {name!r} (there is {have}): train it with `lookalike train {kind} FOLDER --name {rest}`"
            )
        self.model_spec = spec = read_spec(path.with_suffix(".json"))
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(f"the model {path} cannot be read: {error.strerror or error}") from error
        if spec.sha256 and digest != spec.sha256:
            raise LookalikeError(f"the model {path} is not the one that {path.with_suffix('.json').name} tells of")
        self.spec = DescriptorSpec(
            name=name,
            dim=spec.dim,
            metric="l2" if spec.metric == "l2" else "cosine",
            preprocess=spec.preprocess,
            source=spec.source,
            weights=digest,
            licence=spec.licence or "not stated",
            min_side=max(spec.height, spec.width if spec.fit != "short" else 0),
        )
        self.labels = spec.labels
        self.model = Model(path, digest, device, "it was changed while it was in use; try again")

    def embed(self, images: Sequence[RGBImage]) -> Vectors:
        """Return one vector per picture.

        Parameters
        ----------
        images
            Each (height, width, 3) uint8, upright sRGB.

        Returns
        -------
        Vectors
            (n, dim) float32; rows of unit length if the spec's metric is "cosine", where a row of zeros, which has no
            direction, gets that of equal numbers.

        Raises
        ------
        LookalikeError
            If the model does not give vectors of the length that its spec tells.
        """
        vectors = self._run(self.model_spec.output, images, self.spec.dim)
        if self.spec.metric == "cosine":
            vectors[~vectors.any(axis=1)] = 1.0
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def probabilities(self, images: Sequence[RGBImage]) -> NDArray[np.float32]:
        """Return the probability of each of `labels`, (n, n_labels) float32, for a model that is a classifier.

        Raises
        ------
        UsageError
            If it is none.
        """
        if not self.model_spec.probabilities:
            raise UsageError(f"{self.spec.name} is not a classifier")
        return self._run(self.model_spec.probabilities, images, len(self.labels))

    def _run(self, output: str, images: Sequence[RGBImage], dim: int) -> NDArray[np.float32]:
        rows = np.empty((len(images), dim), np.float32)
        free = self.model_spec.fit == "short"  # pictures of different sizes cannot share a batch
        step = 1 if free or not images else self.model.batch(self.model_spec.height)
        for start in range(0, len(images), step):
            batch = np.stack([self.model_spec.prepare(image) for image in images[start : start + step]])
            found = self.model.run(output, batch, input=self.model_spec.input)
            if found.shape != (len(batch), dim):
                raise LookalikeError(
                    f"{self.spec.name} gives {found.shape[1:]} numbers a picture where its spec says {dim}"
                )
            rows[start : start + step] = found
        return rows


def _cover(image: RGBImage, height: int, width: int) -> RGBImage:
    """Return `image` at the smallest size that covers (height, width), its aspect kept to the pixel."""
    factor = max(height / image.shape[0], width / image.shape[1])
    return resize(image, max(height, round(image.shape[0] * factor)), max(width, round(image.shape[1] * factor)))
