"""Random changes to pictures while a network is trained, so that it learns what does not matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.types import RGBImage

__all__ = ["NONE", "PUBLISHED_ANGLES", "USUAL", "Augmentation", "augment", "rotated"]

PUBLISHED_ANGLES = (-20.0, -15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0)
"""Degrees by which the published CNN recipe rotates each picture; each rotation is also mirrored."""


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed; each change is drawn uniformly within its bounds.

    Attributes
    ----------
    mirror
        Whether half of them are mirrored.
    rotate
        Degrees to either side.
    zoom
        Largest enlargement and reduction, as a part: .2 is from x .8 to x 1.2.
    shift
        Part of a side to either direction.
    squeeze
        Largest change of the aspect, as a part.
    light, colour
        Part by which brightness and contrast, and saturation, change.
    erase
        Part of the pictures in which a random rectangle is made grey.
    """

    mirror: bool = True
    rotate: float = 20.0
    zoom: float = 0.2
    shift: float = 0.08
    squeeze: float = 0.1
    light: float = 0.25
    colour: float = 0.3
    erase: float = 0.25


USUAL = Augmentation()
NONE = Augmentation(False, 0, 0, 0, 0, 0, 0, 0)


def augment(image: RGBImage, how: Augmentation, random: np.random.Generator) -> RGBImage:
    """Return `image` changed at random, of the same size. What comes in from beyond its border is its reflection."""
    import cv2

    height, width = image.shape[:2]
    draw = random.uniform(-1, 1, 8)  # always as many, so that one setting does not shift the others' numbers
    mirrored, erased = random.random(2)
    field = random.random(4)
    if how.rotate or how.zoom or how.shift or how.squeeze or (how.mirror and mirrored < 0.5):
        angle = np.deg2rad(how.rotate * draw[0])
        scale = 1 + how.zoom * draw[1]
        wide = np.sqrt(1 + how.squeeze * draw[2])
        flip = -1.0 if how.mirror and mirrored < 0.5 else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = turn @ np.diag([flip * scale * wide, scale / wide])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        moved = centre + how.shift * draw[3:5] * (width, height) - linear @ centre
        matrix = np.column_stack([linear, moved])
        image = np.asarray(
            cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
            np.uint8,
        )
    if how.light or how.colour:
        values = image.astype(np.float32)
        grey = values.mean(2, keepdims=True)
        values = grey + (values - grey) * np.float32(1 + how.colour * draw[5])
        level = values.mean(dtype=np.float32)
        values = (values - level) * np.float32(1 + how.light * draw[6]) + level * np.float32(1 + how.light * draw[7])
        image = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    if erased < how.erase:
        image = image.copy()
        top, left = int(field[0] * height), int(field[1] * width)
        image[top : top + int((0.1 + 0.3 * field[2]) * height), left : left + int((0.1 + 0.3 * field[3]) * width)] = 127
    return image


def rotated(image: RGBImage) -> NDArray[np.uint8]:
    """Return the 17 versions of the published recipe: the picture, 8 rotations, and each of these mirrored.

    Returns
    -------
    NDArray
        (17, height, width, 3) uint8; corners that come in are black, as rotating does in the published code.
    """
    import cv2

    height, width = image.shape[:2]
    versions = [image]
    for angle in PUBLISHED_ANGLES:
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        turned = np.asarray(cv2.warpAffine(image, matrix, (width, height)), np.uint8)
        versions += [turned, turned[:, ::-1]]
    return np.stack(versions)
