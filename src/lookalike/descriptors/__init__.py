"""Descriptors by name: ours, and those of installed packages that register under ``lookalike.descriptors``.

A plug-in registers a callable that returns a Descriptor in that entry-point group, under the descriptor's name; if it
has a parameter ``device``, it is given one.
Nothing is imported before it is asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import DEVICE, DEVICES
from lookalike.errors import UnknownDescriptorError, UsageError
from lookalike.types import Descriptor, RGBImage, Vectors

__all__ = ["available", "describe", "get_descriptor", "load"]

_BUILT_IN = {
    "lite0": "lookalike.descriptors.lite0:Lite0",
    "pdq": "lookalike.descriptors.pdq:PDQ",
    "haralick": "lookalike.descriptors.haralick:Haralick",
    "lite0:320": "lookalike.descriptors.lite0:Lite0Large",
    "lite0:int8": "lookalike.descriptors.lite0:Lite0Int8",
    "lite0:grey": "lookalike.descriptors.lite0:Lite0Grey",
    "imgsim": "lookalike.descriptors.imgsim:Imgsim",
}

_READY = {"imgsim": "lookalike.descriptors.imgsim:ready"}
"""Of those that need something to be set up first: what tells whether it is."""


def entry_points(group: str) -> Iterable[Any]:
    """Return what installed packages register. What reads that takes a tenth of the time in which a process starts."""
    from importlib import metadata

    return metadata.entry_points(group=group)


def available() -> tuple[str, ...]:
    """Return the names of all descriptors that can be used here, ours first.

    `imgsim` is among them once its weights are there: the others need nothing but this package.
    """
    ours = [name for name in _BUILT_IN if name not in _READY or _attribute(_READY[name])()]
    others = sorted({point.name for point in entry_points("lookalike.descriptors")} - set(_BUILT_IN))
    return (*ours, *others)


def get_descriptor(name: str, device: str = DEVICE) -> Descriptor:
    """Return the descriptor of that name, ready to embed; the same object for the same arguments.

    Parameters
    ----------
    name
        See `available`; or that of a trained model (see `lookalike.descriptors.onnx.trained`), or "onnx:PATH" for a
        model of your own with its spec beside it.
    device
        "auto" takes what onnxruntime has: CUDA, then Core ML, then DirectML, then the CPU. Others insist.

    Raises
    ------
    UnknownDescriptorError
        If there is none of that name.
    UsageError
        If `device` is unknown or not to be had.
    """
    if device not in DEVICES:
        raise UsageError(f"no device {device!r}: choose one of {', '.join(DEVICES)}")
    return _make(name, device, _stamp(name))


@lru_cache(maxsize=16)
def _make(name: str, device: str, _stamp: int) -> Descriptor:
    make: Callable[..., Descriptor]
    if _is_model(name):
        from lookalike.descriptors.onnx import OnnxDescriptor

        return OnnxDescriptor(name, device)
    if name in _BUILT_IN:
        make = _attribute(_BUILT_IN[name])
    else:
        points = [point for point in entry_points("lookalike.descriptors") if point.name == name]
        if not points:
            from lookalike.descriptors.onnx import trained

            have = ", ".join((*available(), *trained(), "onnx:PATH"))
            raise UnknownDescriptorError(f"no descriptor {name!r}: choose one of {have}")
        make = points[0].load()
    return make(device=device) if "device" in inspect.signature(make).parameters else make()


def _attribute(place: str) -> Callable[..., Any]:
    """Return what "module:name" names."""
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _is_model(name: str) -> bool:
    return name.partition(":")[0] in ("onnx", "cnn", "augnet", "autoencoder") and ":" in name


def _stamp(name: str) -> int:
    """Return what changes when a model is trained again, so that the new one is loaded."""
    if not _is_model(name):
        return 0
    from lookalike.descriptors.onnx import model_path

    try:
        return model_path(name).stat().st_mtime_ns
    except OSError:
        return 0


def describe(descriptor: Descriptor, images: Sequence[RGBImage]) -> tuple[Vectors, NDArray[np.uint8] | None]:
    """Return the vectors of `images` in the type in which a library keeps them, and their qualities.

    Returns
    -------
    tuple
        (n, width) in ``descriptor.spec.storage``; and (n,) 0 to 100 if the descriptor knows how much a picture holds
        for it to go by (it has ``embed_with_quality``), else None.
    """
    with_quality = getattr(descriptor, "embed_with_quality", None)
    vectors, quality = with_quality(images) if with_quality else (descriptor.embed(images), None)
    return vectors.astype(descriptor.spec.storage, copy=False), quality


def load(descriptor: Descriptor) -> None:
    """Have a descriptor load what it loads at first use, while something else is waited for.

    Errors are left for its use to raise.
    """
    from lookalike.descriptors.runtime import Model

    with contextlib.suppress(Exception):
        descriptor.embed([])
        if isinstance(model := getattr(descriptor, "model", None), Model):
            model.load()
