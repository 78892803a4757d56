"""Edits that put a picture into something larger: a border, a caption, another picture, a collage."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from lookalike.edits.canvas import (
    Edit,
    Joint,
    Pen,
    Random,
    between,
    blurred,
    bounded,
    cover,
    font,
    lay,
    scaled,
)
from lookalike.edits.overlay import any_colour
from lookalike.edits.screens import screenshot
from lookalike.edits.words import lines_of
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = ["COMPOSITION", "JOINT"]


def border(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Put a border of one colour around it."""
    width = max(1 + level, round(max(image.shape[:2]) * (0.04, 0.1, 0.22)[level]))
    return np.asarray(
        cv2.copyMakeBorder(image, width, width, width, width, cv2.BORDER_CONSTANT, value=any_colour(random)), np.uint8
    )


def blurred_border(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Fill a taller or wider frame up with its own blurred enlargement, as social sites do."""
    whole = bounded(image)
    height, width = whole.shape[:2]
    factor = (1.3, 1.7, 2.4)[level] * between(random, 0.95, 1.05)
    tall, wide = (round(height * factor), width) if width >= height else (height, round(width * factor))
    tall, wide = max(tall, height + (width >= height)), max(wide, width + (width < height))
    canvas = blurred(cover(whole, tall, wide), max(tall, wide) * 0.03)
    canvas = np.asarray(cv2.convertScaleAbs(canvas, alpha=0.8), np.uint8)
    lay(canvas, whole, (tall - height) // 2, (wide - width) // 2)
    return canvas


def caption_below(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Add a strip with text under it."""
    height, width = image.shape[:2]
    count = (1, 2, 5)[level]
    size = max(5, round(width * (0.055, 0.07, 0.075)[level]))
    strip = round(size * (count * 1.3 + 0.9))
    dark = random.random() < 0.35
    paper, ink = ((24, 24, 28), (240, 240, 240)) if dark else ((255, 255, 255), (20, 20, 20))
    canvas = np.empty((height + strip, width, 3), np.uint8)
    canvas[:height], canvas[height:] = image, paper
    pen = Pen(canvas)
    letters = font(size)
    for number, line in enumerate(lines_of(random, letters, width * 0.94, count)):
        pen.draw.text((width * 0.03, height + size * (0.4 + 1.3 * number)), line, ink, letters)
    return pen.done()


def meme(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Add bars with capital letters at its top and at its bottom."""
    height, width = image.shape[:2]
    bar = max(3, round(height * (0.14, 0.22, 0.38)[level]))
    count = (1, 1, 2)[level]
    size = max(5, round(min(bar / count * 0.7, width * 0.1)))
    letters = font(size)
    dark = random.random() < 0.5
    paper, ink = ((0, 0, 0), (255, 255, 255)) if dark else ((255, 255, 255), (0, 0, 0))
    canvas = np.empty((height + 2 * bar, width, 3), np.uint8)
    canvas[:], canvas[bar : bar + height] = paper, image
    pen = Pen(canvas)
    lines = [line.upper() for line in lines_of(random, letters, width * 0.75, 2 * count)]
    for number, line in enumerate(lines):
        top, place = number < count, number % count
        middle = (0 if top else bar + height) + bar * (place + 0.5) / count
        pen.draw.text((width / 2, middle), line, ink, letters, anchor="mm", stroke_width=size // 24, stroke_fill=ink)
    return pen.done()


def _one(others: Sequence[RGBImage], random: Random) -> RGBImage:
    return others[int(random.integers(len(others)))]


def pasted(image: RGBImage, level: int, random: Random, others: Sequence[RGBImage]) -> RGBImage:
    """Paste it into another picture, smaller and smaller."""
    part = (0.6, 0.4, 0.25)[level]
    whole = bounded(image)
    other = _one(others, random)
    height, width = whole.shape[:2]
    # The other picture is taken so large that this one keeps 85, 65, 50 % of its own size.
    keep = (0.85, 0.65, 0.5)[level]
    canvas = bounded(scaled(other, keep * max(height, width) / part / max(other.shape[:2])), 16_000_000).copy()
    fit = part * min(
        max(canvas.shape[:2]) / max(height, width), *(0.9 / part * np.divide(canvas.shape[:2], (height, width)))
    )
    patch = scaled(whole, fit)
    top = round(between(random, 0.05, 0.95) * (canvas.shape[0] - patch.shape[0]))
    left = round(between(random, 0.05, 0.95) * (canvas.shape[1] - patch.shape[1]))
    lay(canvas, patch, top, left)
    return canvas


def blended(image: RGBImage, level: int, random: Random, others: Sequence[RGBImage]) -> RGBImage:
    """Lay another picture upon it, half-transparent."""
    height, width = image.shape[:2]
    veil = cover(_one(others, random), height, width)
    part = (0.2, 0.35, 0.5)[level]
    return np.asarray(cv2.addWeighted(np.ascontiguousarray(image), 1 - part, veil, part, 0), np.uint8)


def collage(image: RGBImage, level: int, random: Random, others: Sequence[RGBImage]) -> RGBImage:
    """Set it into a collage of four: large, a quarter, a quarter with its own sides cut off."""
    whole = bounded(image)
    height, width = whole.shape[:2]
    gap = round(max(height, width) * between(random, 0, 0.03))
    shade = any_colour(random)
    order = random.permutation(len(others))
    rest = [others[order[number % len(others)]] for number in range(3)]
    corner = int(random.integers(4))
    if level == 0:
        side = max(1, (height - 2 * gap) // 3)
        wide = max(1, round(side * 1.2))
        canvas = np.full((height + 2 * gap, width + wide + 3 * gap, 3), shade, np.uint8)
        left, beside = (gap, 2 * gap + width) if corner % 2 == 0 else (2 * gap + wide, gap)
        lay(canvas, whole, gap, left)
        for number, other in enumerate(rest):
            top = gap + number * (side + gap)
            lay(canvas, cover(other, side, wide), top, beside)
        return canvas
    shrink = (1, 0.8, 0.7)[level]
    tall, wide = max(1, round(height * shrink)), max(1, round(width * shrink))
    if level == 2:  # a tile of the other shape: only the middle of the picture is left
        tall = wide = min(tall, wide)
    tiles = [cover(other, tall, wide) for other in rest]
    tiles.insert(corner, cover(whole, tall, wide) if level == 2 else resize(whole, tall, wide))
    canvas = np.full((2 * tall + 3 * gap, 2 * wide + 3 * gap, 3), shade, np.uint8)
    for number, tile in enumerate(tiles):
        lay(canvas, tile, gap + number // 2 * (tall + gap), gap + number % 2 * (wide + gap))
    return canvas


COMPOSITION: dict[str, Edit] = {
    "border": border,
    "blurred-border": blurred_border,
    "caption-below": caption_below,
    "meme": meme,
    "screenshot": screenshot,
}

JOINT: dict[str, Joint] = {"pasted": pasted, "blended": blended, "collage": collage}
"""Edits that need other pictures."""
