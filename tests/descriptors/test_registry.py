from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lookalike.descriptors
from lookalike.defaults import DESCRIPTORS, DEVICES
from lookalike.descriptors import available, describe, get_descriptor
from lookalike.errors import LookalikeError, UnknownDescriptorError, UsageError
from lookalike.testing import check_descriptor
from lookalike.types import Descriptor, DescriptorSpec
from tests.ugly import picture


class Mean:
    """A descriptor as a plug-in would bring it: the mean colour."""

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self.spec = DescriptorSpec("mean", 3, "l2", "mean of all pixels", "none", licence="none", min_side=1)

    def embed(self, images):
        return np.array([image.mean(axis=(0, 1)) for image in images], np.float32).reshape(-1, 3)


class Point:
    """An entry point, as importlib.metadata gives it."""

    def __init__(self, name: str, made: Any) -> None:
        self.name, self.made = name, made

    def load(self) -> Any:
        return self.made


@pytest.fixture
def plug_ins(monkeypatch):
    """Install a plug-in "mean", another that takes no device, and one that tries to pass for lite0."""
    points = [Point("mean", Mean), Point("bare", lambda: Mean("none asked")), Point("lite0", Mean)]
    monkeypatch.setattr(
        lookalike.descriptors, "entry_points", lambda group: points if group == "lookalike.descriptors" else []
    )
    lookalike.descriptors._make.cache_clear()
    yield
    lookalike.descriptors._make.cache_clear()


@pytest.mark.parametrize("name", [name for name in available() if name != "imgsim"])  # test_imgsim.py has its own
def test_every_descriptor_keeps_the_contract(name):
    check_descriptor(lambda: pickle.loads(pickle.dumps(get_descriptor(name))))
    assert get_descriptor(name).spec.name == name


def test_the_defaults_are_available():
    assert set(DESCRIPTORS) <= set(available())


def test_fingerprints_of_all_descriptors_differ():
    prints = {get_descriptor(name).spec.fingerprint for name in available()}
    assert len(prints) == len(available())
    assert all(len(print_) == 32 for print_ in prints)


@pytest.mark.parametrize(
    ("field", "value"), [("dim", 16), ("metric", "l2"), ("preprocess", "x"), ("weights", "x"), ("min_side", 9)]
)
def test_what_decides_a_vector_changes_the_fingerprint(field, value):
    spec = get_descriptor("pdq").spec
    assert replace(spec, **{field: value}).fingerprint != spec.fingerprint
    assert replace(spec, licence="other", source="other").fingerprint == spec.fingerprint


def test_the_same_name_gives_the_same_object():
    assert get_descriptor("pdq") is get_descriptor("pdq")
    assert get_descriptor("lite0", "cpu") is not get_descriptor("lite0", "auto")


def test_an_unknown_descriptor_is_refused_with_the_names_there_are():
    with pytest.raises(UnknownDescriptorError, match="no descriptor 'lite1': choose one of lite0, pdq"):
        get_descriptor("lite1")


def test_an_unknown_device_is_refused_with_the_names_there_are():
    with pytest.raises(UsageError, match=f"no device 'tpu': choose one of {', '.join(DEVICES)}"):
        get_descriptor("lite0", "tpu")


def test_a_device_that_is_not_there_is_refused_with_those_that_are(monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    lookalike.descriptors._make.cache_clear()
    descriptor = get_descriptor("lite0", "cuda")
    with pytest.raises(UsageError, match="onnxruntime has no cuda here: use --device auto, or one of cpu"):
        descriptor.embed([picture()])
    assert get_descriptor("lite0", "cpu").embed([picture()]).shape == (1, 1280)


def test_installed_plug_ins_are_found(plug_ins):
    assert available()[:2] == ("lite0", "pdq")
    assert available()[-2:] == ("bare", "mean")
    descriptor = get_descriptor("mean", "cpu")
    assert isinstance(descriptor, Descriptor)
    assert isinstance(descriptor, Mean)
    assert descriptor.device == "cpu"
    assert np.allclose(descriptor.embed([picture()]), picture().mean(axis=(0, 1)))


def test_a_plug_in_without_a_device_is_not_given_one(plug_ins):
    bare = get_descriptor("bare", "cpu")
    assert isinstance(bare, Mean)
    assert bare.device == "none asked"


def test_a_plug_in_cannot_take_the_place_of_ours(plug_ins):
    assert available().count("lite0") == 1
    assert get_descriptor("lite0").spec.dim == 1280


def test_the_contract_suite_is_for_plug_ins_too(plug_ins):
    check_descriptor(Mean)


class Scaled(Mean):
    def embed(self, images):
        return super().embed(images) * (1 + len(images))


class Scribbler(Mean):
    def embed(self, images):
        vectors = super().embed(images)
        for image in images:
            image[:] = 0
        return vectors


class Wide(Mean):
    def embed(self, images):
        return super().embed(images).astype(np.float64)


class Moody(Mean):
    calls = 0

    def embed(self, images):
        type(self).calls += 1
        return super().embed(images) + np.float32(self.calls)


class Nameless(Mean):
    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, name="")


class NotUnit(Mean):
    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, metric="cosine")


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (Scaled, "one by one"),
        (Scribbler, "untouched"),
        (Wide, "float32"),
        (Moody, "same"),
        (Nameless, "name"),
        (NotUnit, "unit length"),
    ],
)
def test_the_contract_suite_catches_a_broken_descriptor(broken, word):
    with pytest.raises(AssertionError, match=word):
        check_descriptor(broken)


def test_vectors_are_described_as_they_are_stored():
    vectors, quality = describe(get_descriptor("lite0"), [picture()])
    assert vectors.dtype == np.float16
    assert quality is None
    bits, qualities = describe(get_descriptor("pdq"), [picture(), np.zeros((64, 64, 3), np.uint8)])
    assert bits.dtype == np.uint8
    assert bits.shape == (2, 32)
    assert qualities is not None
    assert qualities[1] == 0 < qualities[0]


def test_errors_of_descriptors_are_ours():
    assert issubclass(UnknownDescriptorError, LookalikeError)
    assert issubclass(UnknownDescriptorError, ValueError)
