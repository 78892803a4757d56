"""Pictures to edit: one with much in it, one whose pixels say where they come from, and others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lookalike.types import RGBImage
from tests.conftest import picture


def scene(seed: int, height: int = 160, width: int = 240) -> RGBImage:
    """Return coloured fields with shapes of sharp edges upon them."""
    random = np.random.default_rng(seed)
    drawn = picture(seed, height, width).copy()
    for _ in range(60):
        x, y = int(random.integers(width)), int(random.integers(height))
        radius = int(random.integers(3, 3 + max(1, min(height, width) // 10)))
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        if random.random() < 0.5:
            cv2.circle(drawn, (x, y), radius, colour, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(drawn, (x, y), (x + radius, y + 2 * radius), colour, -1)
    return drawn


@pytest.fixture(scope="session")
def image() -> RGBImage:
    return scene(1)


@pytest.fixture(scope="session")
def others() -> list[RGBImage]:
    return [scene(2, 150, 200), scene(3, 200, 130), scene(4, 120, 120)]


@pytest.fixture(scope="session")
def places() -> RGBImage:
    """Return a picture whose red is its column and whose green is its row."""
    y, x = np.mgrid[:200, :250]
    return np.dstack([x, y, np.full_like(x, 77)]).astype(np.uint8)
