"""Tiny labelled pictures: two kinds that a network learns to tell within seconds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.descriptors.onnx import ENVIRONMENT

pytest.importorskip("torch")


@dataclass(frozen=True)
class Labelled:
    uris: list[str]
    labels: list[str]
    parts: list[str]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let trained models lie in the test's own folder."""
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    """Return 24 pictures of stripes, lying and standing, in grain; every fourth is held out."""
    folder = tmp_path_factory.mktemp("stripes")
    random = np.random.default_rng(0)
    uris, labels = [], []
    for number in range(24):
        label = ("lying", "standing")[number % 2]
        wave = 128 + 90 * np.sin(np.arange(40) * random.uniform(0.7, 1.1) + random.uniform(0, 6))
        field = np.repeat(wave[:, None], 40, axis=1)
        field = field if label == "lying" else field.T
        pixels = np.clip(field[:, :, None] + random.normal(0, 12, (40, 40, 3)), 0, 255).astype(np.uint8)
        path = folder / label / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        uris.append(str(path))
        labels.append(label)
    return Labelled(uris, labels, ["val" if number % 8 in (0, 1) else "train" for number in range(24)])
