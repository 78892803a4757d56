"""S7: whatever lies in the place of a model: no pickle runs, nothing outside the file is read, checksums are held."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from lookalike.classify import Classifier
from lookalike.descriptors import get_descriptor
from lookalike.errors import LookalikeError
from tests.conftest import picture
from tests.descriptors.test_onnx import SPEC, write_model
from tests.torture import record


class Trap:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_in_the_place_of_a_model_is_refused_and_does_not_run(tmp_path, protocol):
    mark = tmp_path / "it ran"
    body = pickle.dumps(Trap(mark), protocol)
    pickle.loads(body)
    assert mark.exists(), "the trap works"
    mark.unlink()
    path = write_model(tmp_path)
    path.write_bytes(body)
    with pytest.raises(LookalikeError):
        get_descriptor(f"onnx:{path}").embed([picture(1)])
    for name in ("x.npz", "x.pt", "x.onnx"):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(LookalikeError):
            Classifier.load(tmp_path / name)
    assert not mark.exists()


@pytest.mark.parametrize("where", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_weights_outside_a_model_of_ones_own_are_not_read(tmp_path, where):
    folder = tmp_path / "model"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "weights.bin").write_bytes(b"\0" * 64)
    outside = TensorProto(name="added", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", where), ("offset", "0"), ("length", "12")):
        outside.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["images", "axes"], ["mean"], keepdims=0),
         helper.make_node("Add", ["mean", "added"], ["vector"])],
        "outside", [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]), outside],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    path.with_suffix(".json").write_text(json.dumps(SPEC))
    with pytest.raises(LookalikeError):
        get_descriptor(f"onnx:{path}").embed([picture(1)])


def test_every_changed_byte_of_a_model_with_a_checksum_is_refused(tmp_path):
    import hashlib

    path = write_model(tmp_path)
    good = path.read_bytes()
    path.with_suffix(".json").write_text(json.dumps({**SPEC, "sha256": hashlib.sha256(good).hexdigest()}))
    assert get_descriptor(f"onnx:{path}").embed([picture(1)]).shape == (1, 3)
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(LookalikeError, match="is not the one"):
            get_descriptor(f"onnx:{path}")
    record("S7", "each byte of a model with a checksum changed", len(good), "all refused")


def test_a_model_that_is_changed_after_it_was_checked_is_refused(tmp_path):
    path = write_model(tmp_path)
    descriptor = get_descriptor(f"onnx:{path}")
    path.write_bytes(onnx.load(path).SerializeToString() + b"\x08\x08")
    with pytest.raises(LookalikeError, match="changed while it was in use"):
        descriptor.embed([picture(1)])
