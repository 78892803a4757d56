"""EfficientNet-Lite0 as a torch module, with the weights of the ``lite0`` descriptor: to be fine-tuned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookalike.errors import MissingDependencyError
from lookalike.training.loop import import_torch

__all__ = ["DIM", "MEAN", "SIDE", "STD", "lite0_trunk"]

DIM, SIDE = 1280, 224
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
"""Of pictures in 0..1, as `ModelSpec` has them."""

_WEIGHTS = Path(__file__).parents[1] / "descriptors" / "weights" / "lite0.onnx"


def lite0_trunk() -> Any:
    """Return the network up to its vector: (n, 3, height, width) normalised by MEAN and STD, to (n, 1280).

    With the descriptor's ImageNet weights.

    Notes
    -----
    Batch normalisations are folded into the convolutions, as in the ONNX file that it is read from: with few pictures
    and small batches that trains steadily, since there are no statistics to drift. ``stages`` lists its 18 parts from
    input to output, so that the first ones can be held fixed.
    """
    torch = import_torch()
    nodes, weights = _graph(torch)
    nn = torch.nn

    class Convolution(nn.Module):  # type: ignore[misc, name-defined]
        """A convolution with the asymmetric padding of the TensorFlow release."""

        def __init__(self, node: Any) -> None:
            super().__init__()
            attributes = {a.name: list(a.ints) or a.i for a in node.attribute}
            weight, bias = weights[node.input[1]], weights[node.input[2]]
            group = attributes["group"]
            top, left, bottom, right = attributes["pads"]
            self.pad = (left, right, top, bottom)
            self.convolution = nn.Conv2d(
                weight.shape[1] * group,
                weight.shape[0],
                attributes["kernel_shape"],
                attributes["strides"],
                groups=group,
            )
            self.convolution.weight.data, self.convolution.bias.data = weight, bias

        def forward(self, values: Any) -> Any:
            return self.convolution(nn.functional.pad(values, self.pad) if any(self.pad) else values)

    class Stage(nn.Module):  # type: ignore[misc, name-defined]
        """Convolutions with ReLU6 between them; its input is added to its output where the release does so."""

        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleList()
            self.residual = False

        def forward(self, values: Any) -> Any:
            result = values
            for part in self.parts:
                result = part(result)
            return result + values if self.residual else result

    class Trunk(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, stages: list[Stage]) -> None:
            super().__init__()
            self.stages = nn.ModuleList(stages)

        def forward(self, values: Any) -> Any:
            for stage in self.stages:
                values = stage(values)
            return values.mean((2, 3))

    stages: dict[str, Stage] = {}
    for node in nodes:  # outputs are called _conv_stem.relu6, _blocks.3._project_conv.out and the like
        names = node.output[0].split(".")
        stage = stages.setdefault(".".join(names[: 2 if names[0] == "_blocks" else 1]), Stage())
        if node.op_type == "Conv":
            stage.parts.append(Convolution(node))
        elif node.op_type == "Clip":
            stage.parts.append(nn.ReLU6())
        elif node.op_type == "Add":
            stage.residual = True
    trunk = Trunk([stage for stage in stages.values() if len(stage.parts)])
    return trunk.to(memory_format=torch.channels_last)  # three times as fast on a CPU


def _graph(torch: Any) -> tuple[Any, dict[str, Any]]:
    """Return the nodes of the descriptor's network in order of execution, and its weights by name."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise MissingDependencyError("training on lite0 needs onnx: pip install 'lookalike[train]'") from None
    graph = onnx.load(_WEIGHTS).graph
    return graph.node, {held.name: torch.from_numpy(numpy_helper.to_array(held).copy()) for held in graph.initializer}
