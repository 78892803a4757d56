"""A trained network as an ONNX file with its spec beside it: using it needs no torch."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.onnx import ModelSpec
from lookalike.descriptors.runtime import onnx_runtime
from lookalike.durable import replacing
from lookalike.errors import LookalikeError, MissingDependencyError
from lookalike.training.loop import import_torch

__all__ = ["TOLERANCE", "export", "to_onnx"]

TOLERANCE = 1e-4
"""Largest difference between the network and its export that is accepted, in parts of the largest output."""


def export(network: Any, folder: Path, spec: ModelSpec, example: NDArray[np.float32]) -> ModelSpec:
    """Write ``model.onnx`` and ``model.json`` into `folder`, once their outputs are seen to agree.

    Parameters
    ----------
    network
        A torch module in evaluation mode: pictures (n, 3, height, width) float32 as `ModelSpec.prepare` gives them, to
        the vectors, or to a tuple of vectors and probabilities if ``spec.probabilities`` has a name.
    folder
        Where to; it must exist.
    spec
        Without its ``sha256``.
    example
        Two or more prepared pictures, (n, 3, height, width) float32, on which network and export are compared.

    Returns
    -------
    ModelSpec
        As written.

    Raises
    ------
    LookalikeError
        If the two differ by more than `TOLERANCE`: nothing is written then.
    MissingDependencyError
        If what PyTorch exports through is not installed.
    """
    outputs = [spec.output, *([spec.probabilities] if spec.probabilities else [])]
    model = to_onnx(network, example, input_=spec.input, outputs=outputs)
    written = dataclasses.replace(spec, sha256=hashlib.sha256(model).hexdigest())
    for name, content in (("model.onnx", model), ("model.json", written.to_json().encode())):
        with replacing(folder / name, partial=folder / f"{name}.partial") as stream:
            stream.write(content)
    return written


def to_onnx(network: Any, example: NDArray[np.float32], *, input_: str, outputs: Sequence[str]) -> bytes:
    """Return a network as an ONNX model that takes any number of rows, once the outputs of both are seen to agree.

    Parameters
    ----------
    network
        A torch module that takes one tensor, to one tensor or a tuple of them. It is left on the CPU, evaluating.
    example
        Two or more rows that it takes.
    input_, outputs
        What the model is to call its input and its outputs.

    Raises
    ------
    LookalikeError
        If an output differs by more than `TOLERANCE`.
    MissingDependencyError
        If what PyTorch exports through is not installed.
    """
    torch = import_torch()
    network = network.cpu().eval()
    given = torch.from_numpy(np.ascontiguousarray(example))
    model = _converted(torch, network, given, input_, outputs)
    with torch.no_grad():
        made = network(given)
    expected = [tensor.numpy() for tensor in (made if isinstance(made, tuple) else (made,))]
    session = onnx_runtime().InferenceSession(model, providers=["CPUExecutionProvider"])
    for wanted, found in zip(expected, session.run(list(outputs), {input_: example}), strict=True):
        difference = float(np.abs(wanted - found).max() / max(float(np.abs(wanted).max()), 1e-12))
        if not difference <= TOLERANCE:
            raise LookalikeError(f"the export differs from the network by {difference:.1e}: it was not written")
    return model


def _converted(torch: Any, network: Any, example: Any, input_: str, outputs: Sequence[str]) -> bytes:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about torch's own insides
            program = torch.onnx.export(
                network, (example,), dynamo=True, input_names=[input_], output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("n")},), verbose=False,
            )  # fmt: skip
    except ImportError as error:
        raise MissingDependencyError("exporting needs onnx and onnxscript: pip install 'lookalike[train]'") from error
    stream = io.BytesIO()
    program.save(stream)
    return stream.getvalue()
