"""Build ``lite0-int8.onnx`` from ``lite0.onnx``: its convolutions in whole numbers, half the time.

Post-training static quantisation by ONNX Runtime (Krishnamoorthi, Quantizing deep convolutional networks for efficient
inference, arXiv 1806.08342): activations in 8 bits, one scale for each; weights in 7 bits, one scale for each channel.
Seven, since processors without VNNI add two products of 8 bits in 16, which overflow: the sums would depend on the
machine. The first three convolutions stay as they are: few of all steps, and most of the loss.

What numbers occur is read off photographs that installed packages bring along, whole and in parts.

Run by ``make weights``. The scales come from sums in float32, so that another machine may make a file that differs in
their last digits; --check allows for that.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from lookalike.demo import shipped_photographs
from lookalike.transforms import resize

WEIGHTS = Path(__file__).parents[1] / "src/lookalike/descriptors/weights"
SIDE = 224
LEAST = 10
"""Photographs without which nothing is made."""

KEPT = ("_conv_stem", "_blocks.0.")
"""Convolutions that stay in float32."""


def parts(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield a photograph and five parts of it, as the network takes them."""
    with Image.open(path) as opened:
        image = np.asarray(opened.convert("RGB"))
    height, width = (side // 2 for side in image.shape[:2])
    for top, left in ((0, 0), (0, width), (height, 0), (height, width), (height // 2, width // 2)):
        yield resize(image[top : top + height, left : left + width], SIDE, SIDE)
    yield resize(image, SIDE, SIDE)


class Photographs(CalibrationDataReader):  # type: ignore[misc]
    """What the network is shown while the range of its numbers is noted."""

    def __init__(self, paths: list[Path]) -> None:
        self._left = (part for path in paths for part in parts(path))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        part = next(self._left, None)
        return None if part is None else {"images": part[None]}


def build(paths: list[Path]) -> onnx.ModelProto:
    """Return the quantised network."""
    with tempfile.TemporaryDirectory() as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "made.onnx"
        quant_pre_process(WEIGHTS / "lite0.onnx", prepared, skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        quantize_static(
            prepared, made, Photographs(paths),
            quant_format=QuantFormat.QDQ, calibrate_method=CalibrationMethod.MinMax,
            per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Add", "Clip", "GlobalAveragePool"],
            nodes_to_exclude=[node.name for node in nodes if node.op_type == "Conv" and node.name.startswith(KEPT)],
        )  # fmt: skip
        model = onnx.load(made)
    model.producer_name = "lookalike"
    used = {node.domain for node in model.graph.node}
    for opset in [one for one in model.opset_import if one.domain not in used]:
        model.opset_import.remove(opset)
    onnx.checker.check_model(model, full_check=True)
    return model


def alike(one: onnx.ModelProto, other: onnx.ModelProto) -> bool:
    """Say whether two networks have the same nodes, and numbers that differ by rounding only."""
    held = [{each.name: numpy_helper.to_array(each) for each in model.graph.initializer} for model in (one, other)]
    return [node.name for node in one.graph.node] == [node.name for node in other.graph.node] and all(
        name in held[1] and np.allclose(array.astype(float), held[1][name].astype(float), rtol=1e-3, atol=1)
        if array.dtype.kind in "iu" else name in held[1] and np.allclose(array, held[1][name], rtol=1e-3)
        for name, array in held[0].items()
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the file that ships, write nothing")
    check = parser.parse_args().check
    paths = sorted(shipped_photographs(), key=lambda path: path.name)
    if len(paths) < LEAST:
        sys.exit("too few photographs: install the package with its extra `demo`")
    model, target = build(paths), WEIGHTS / "lite0-int8.onnx"
    if check:
        same = alike(model, onnx.load(target))
        print(f"{target.name}: {'what' if same else 'NOT what'} this script makes")
        return 0 if same else 1
    made = model.SerializeToString(deterministic=True)
    digest = hashlib.sha256(made).hexdigest()
    target.write_bytes(made)
    target.with_suffix(".onnx.sha256").write_text(f"{digest}  {target.name}\n")
    print(f"{target.name}: {len(made):,} bytes, sha256 {digest}, from {len(paths)} photographs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
