"""Any ONNX model with a spec beside it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import lookalike
from lookalike.descriptors import get_descriptor
from lookalike.descriptors.onnx import ENVIRONMENT, FITS, ModelSpec, models_folder, read_spec
from lookalike.errors import LookalikeError, UnknownDescriptorError, UsageError
from lookalike.testing import check_descriptor
from lookalike.transforms import resize
from tests.conftest import picture, write_picture

SPEC: dict[str, Any] = {"dim": 3, "height": 16, "metric": "l2"}
CHANGES: list[dict[str, Any]] = [{"height": 17}, {"fit": "pad"}, {"mean": [1, 0, 0]}, {"metric": "cosine"}]


def write_model(folder: Path, name: str = "mean", *, spec: dict[str, Any] | None = None, layout: str = "nchw",
                dtype: int = TensorProto.FLOAT) -> Path:  # fmt: skip
    """Write a model whose vector is the mean of each channel, and its spec."""
    shape: list[str | int | None] = ["n", 3, "h", "w"] if layout == "nchw" else ["n", "h", "w", 3]
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3] if layout == "nchw" else [1, 2])
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["vector"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes, "mean", [helper.make_tensor_value_info("images", dtype, shape)],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 3])], [axes],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    (folder / f"{name}.json").write_text(json.dumps(SPEC if spec is None else spec))
    return path


def test_a_model_of_ones_own_keeps_the_contract(tmp_path):
    path = write_model(tmp_path, spec={**SPEC, "metric": "cosine"})
    check_descriptor(lambda: get_descriptor(f"onnx:{path}"))


@pytest.mark.parametrize("given", ["onnx", "json"])
def test_the_model_may_be_named_by_itself_or_by_its_spec(tmp_path, given):
    path = write_model(tmp_path)
    image = picture(1)
    vector = get_descriptor(f"onnx:{path.with_suffix('.' + given)}").embed([image])[0]
    assert vector == pytest.approx(resize(image, 16, 16).mean((0, 1)) / 255, abs=1e-5)


def test_scale_mean_std_and_layout_are_those_of_the_spec(tmp_path):
    image = picture(2)
    small = resize(image, 16, 16).astype(np.float64)
    spec = {**SPEC, "scale": 0.5, "mean": [1, 2, 3], "std": [2, 4, 8], "layout": "nhwc"}
    path = write_model(tmp_path, spec=spec, layout="nhwc")
    wanted = ((small * 0.5 - [1, 2, 3]) / [2, 4, 8]).mean((0, 1))
    assert get_descriptor(f"onnx:{path}").embed([image])[0] == pytest.approx(wanted, rel=1e-4)
    raw = write_model(tmp_path, "raw", spec={**SPEC, "dtype": "uint8"}, dtype=TensorProto.UINT8)
    assert get_descriptor(f"onnx:{raw}").embed([image])[0] == pytest.approx(small.mean((0, 1)), rel=1e-4)


def test_every_fit_gives_its_own_size():
    image = picture(3, 30, 50)
    shapes = {fit: ModelSpec(dim=1, height=16, width=20, fit=fit).prepare(image).shape for fit in FITS}
    assert shapes == {"squash": (3, 16, 20), "crop": (3, 16, 20), "pad": (3, 16, 20), "short": (3, 16, 27)}
    bordered = ModelSpec(dim=1, height=16, width=16, fit="pad", dtype="uint8", layout="nhwc").prepare(image)
    assert np.all(bordered[0] == 127)
    cropped = ModelSpec(dim=1, height=16, width=16, fit="crop", dtype="uint8", layout="nhwc").prepare(image)
    assert not np.any(np.all(cropped == 127, axis=(1, 2)))


def test_pictures_of_any_size_go_through_where_only_the_short_side_is_given(tmp_path):
    path = write_model(tmp_path, spec={**SPEC, "fit": "short"})
    images = [picture(1, 30, 50), picture(2, 60, 20)]
    one_by_one = [get_descriptor(f"onnx:{path}").embed([image])[0] for image in images]
    assert np.array_equal(get_descriptor(f"onnx:{path}").embed(images), one_by_one)


def test_grey_is_stacked(tmp_path):
    path = write_model(tmp_path, spec={**SPEC, "grey": True})
    vector = get_descriptor(f"onnx:{path}").embed([picture(4)])[0]
    assert np.ptp(vector) < 1e-6
    assert np.ptp(get_descriptor(f"onnx:{write_model(tmp_path, 'colour')}").embed([picture(4)])[0]) > 1e-3


def test_it_can_be_indexed_and_searched_and_moved(tmp_path):
    path = write_model(tmp_path)
    pictures = [write_picture(tmp_path / "pictures" / f"{seed}.png", seed) for seed in range(5)]
    with lookalike.open(tmp_path / "x.lookalike") as library:
        library.add(tmp_path / "pictures", descriptors=[f"onnx:{path}"])
        found = library.search(pictures[2], k=2, descriptor=f"onnx:{path}")
        assert len([uri for uri in found.uris[0] if uri]) == 2
        (tmp_path / "elsewhere").mkdir()
        for each in (path, path.with_suffix(".json")):
            each.rename(tmp_path / "elsewhere" / each.name)
        moved = library.search(pictures[2], k=2, descriptor=f"onnx:{tmp_path / 'elsewhere' / path.name}")
        assert moved.uris == found.uris


def test_what_decides_the_vectors_decides_the_fingerprint(tmp_path):
    prints = [get_descriptor(f"onnx:{write_model(tmp_path, 'a')}").spec.fingerprint]
    prints += [
        get_descriptor(f"onnx:{write_model(tmp_path, f'm{number}', spec={**SPEC, **change})}").spec.fingerprint
        for number, change in enumerate(CHANGES)
    ]
    assert len(set(prints)) == 5
    assert get_descriptor(f"onnx:{write_model(tmp_path, 'b')}").spec.fingerprint == prints[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "lacks fields"),
        ('{"dim": 3}', "lacks fields"),
        ('{"dim": 3, "height": 8, "colour": 1}', "unknown fields colour"),
        ('{"dim": 3, "height": 8, "fit": "stretch"}', "fit is one of squash"),
        ('{"dim": 3, "height": 8, "metric": "hamming"}', "metric cosine or l2"),
        ('{"dim": 0, "height": 8}', "height and width 1 to 65,536"),
        ('{"dim": 3, "height": 8, "std": [1, 0, 1]}', "says what cannot be"),
        ('{"dim": "3", "height": 8}', "says what cannot be"),
    ],
)
def test_a_spec_that_cannot_be_used_says_why(tmp_path, text, words):
    path = write_model(tmp_path)
    path.with_suffix(".json").write_text(text)
    with pytest.raises(UsageError, match=words):
        get_descriptor(f"onnx:{path}")


def test_what_is_missing_is_named(tmp_path):
    path = write_model(tmp_path)
    with pytest.raises(UsageError, match=r"no_such\.json"):
        get_descriptor(f"onnx:{tmp_path / 'no_such.onnx'}")
    path.with_suffix(".json").unlink()
    with pytest.raises(UsageError, match="needs a spec beside it"):
        get_descriptor(f"onnx:{path}")


def test_a_model_that_does_not_keep_to_its_spec_is_an_error_sentence(tmp_path):
    path = write_model(tmp_path, spec={**SPEC, "dim": 4})
    with pytest.raises(LookalikeError, match=r"3.* numbers a picture where its spec says 4"):
        get_descriptor(f"onnx:{path}").embed([picture(1)])
    other = write_model(tmp_path, "other", spec={**SPEC, "output": "features"})
    with pytest.raises(LookalikeError, match="cannot take these pictures"):
        get_descriptor(f"onnx:{other}").embed([picture(1)])


def test_a_checksum_in_the_spec_is_held(tmp_path):
    path = write_model(tmp_path, spec={**SPEC, "sha256": "0" * 64})
    with pytest.raises(LookalikeError, match="not the one"):
        get_descriptor(f"onnx:{path}")


def test_a_model_that_is_no_classifier_has_no_probabilities(tmp_path):
    with pytest.raises(UsageError, match="not a classifier"):
        get_descriptor(f"onnx:{write_model(tmp_path)}").probabilities([picture(1)])  # type: ignore[attr-defined]


def test_a_spec_is_written_and_read_alike(tmp_path):
    spec = ModelSpec(dim=8, height=5, width=7, mean=(1, 2, 3), labels=("a", "b"), fit="crop", grey=True)
    (tmp_path / "x.json").write_text(spec.to_json())
    assert read_spec(tmp_path / "x.json") == spec
    assert dataclasses.replace(spec, height=6).preprocess != spec.preprocess


def test_trained_models_lie_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "here"))
    assert models_folder() == tmp_path / "here"
    monkeypatch.delenv(ENVIRONMENT)
    assert models_folder().name == "models"
    with pytest.raises(UnknownDescriptorError, match="lookalike train augnet"):
        get_descriptor("augnet:none-of-that-name")
