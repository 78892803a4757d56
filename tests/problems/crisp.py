"""Pictures without a problem, made in code."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lookalike.types import RGBImage


def crisp(seed: int, height: int = 96, width: int = 128) -> RGBImage:
    """Return coloured rectangles and discs: light, dark, colour, and sharp edges in all directions."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), random.integers(60, 200, 3), np.uint8)
    for _ in range(12):
        y, x = random.integers(0, height * 3 // 4), random.integers(0, width * 3 // 4)
        image[y : y + height // 4, x : x + width // 5] = random.integers(0, 256, 3)
        centre = int(random.integers(0, width)), int(random.integers(0, height))
        cv2.circle(image, centre, height // 8, random.integers(0, 256, 3).tolist(), -1)
    image[:3, :3] = 0
    image[-6:, -12:] = 255
    return image


def write_crisp(path: Path, seed: int, height: int = 96, width: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(crisp(seed, height, width)).save(path)
    return path
