"""Edits that lay something upon a picture: text, watermarks, stickers, rectangles."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from lookalike.edits.canvas import Colour, Edit, Pen, Random, between, either, font, lay
from lookalike.edits.words import lines_of, name, some_words
from lookalike.types import RGBImage

__all__ = ["OVERLAY", "any_colour"]

_COLOURS: tuple[Colour, ...] = (
    (0, 0, 0),
    (255, 255, 255),
    (128, 128, 128),
    (226, 59, 59),
    (245, 200, 40),
    (40, 120, 220),
    (40, 160, 90),
    (240, 240, 230),
)


def any_colour(random: Random) -> Colour:
    """Return a colour drawn by lot, half of the time black or white."""
    if random.random() < 0.5:
        return _COLOURS[int(random.integers(2))]
    return _COLOURS[int(random.integers(len(_COLOURS)))]


def text_over(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Write upon it: a small line, a large one, several."""
    height, width = image.shape[:2]
    size = max(5, round(min(height, width * 0.8) * (0.08, 0.13, 0.14)[level]))
    letters = font(size)
    place = between(random, 0.08, 0.85)
    light = random.random() < 0.7
    fill, edge = ((255, 255, 255), (0, 0, 0)) if light else ((0, 0, 0), (255, 255, 255))
    pen = Pen(image)
    count = (1, 1, 5)[level]
    lines = lines_of(random, letters, width * (0.6, 0.9, 0.94)[level], count)
    top = (height - size * 1.25) * place if count == 1 else (height - count * size * 1.25) / 2
    for number, line in enumerate(lines):
        left = (width - letters.getlength(line)) / 2
        pen.draw.text(
            (left, top + number * size * 1.25), line, fill, letters, stroke_width=max(1, size // 14), stroke_fill=edge
        )
    return pen.done()


def watermark(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Repeat a text over all of it, half-transparent and aslant."""
    height, width = image.shape[:2]
    size = max(6, round(max(height, width) * (0.045, 0.06, 0.075)[level]))
    text = ("© " + name(random), "SAMPLE", "PREVIEW ONLY", " ".join(some_words(random, 2)).upper())[
        int(random.integers(4))
    ]
    letters = font(size)
    wide, tall = int(letters.getlength(text) + size * (3.0, 2.0, 1.2)[level]), int(size * (4.0, 3.0, 2.2)[level])
    tile = Image.new("L", (2 * wide, 2 * tall))
    draw = ImageDraw.Draw(tile)
    draw.text((size * 0.3, tall * 0.2), text, 255, letters)
    draw.text((size * 0.3 + wide, tall * 0.2), text, 255, letters)
    draw.text((size * 0.3 + wide / 2, tall * 1.2), text, 255, letters)
    once = np.asarray(tile)[:, : 2 * wide]
    reach = int(np.hypot(height, width)) + 2
    field = np.tile(once, (reach // once.shape[0] + 1, reach // once.shape[1] + 1))[:reach, :reach]
    slant = cv2.getRotationMatrix2D((reach / 2, reach / 2), either(random) * between(random, 15, 40), 1.0)
    slant[:, 2] -= ((reach - width) / 2, (reach - height) / 2)
    mask = cv2.warpAffine(field, slant, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    marked = image.copy()
    white = random.random() < 0.75
    colour = np.full((height, width, 3), 255 if white else 0, np.uint8)
    lay(marked, colour, 0, 0, np.asarray(mask, np.float32) * np.float32((0.25, 0.45, 0.7)[level] / 255))
    return marked


_STICKER = 128  # pixels of a side in which stickers are drawn once


@lru_cache(maxsize=16)
def _sticker(which: int) -> NDArray[np.uint8]:
    """Return a sticker, (128, 128, 4) uint8 with its alpha last."""
    big = 2 * _STICKER
    paper = Image.new("RGBA", (big, big))
    draw = ImageDraw.Draw(paper)
    unit = big / 100

    def box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return x0 * unit, y0 * unit, x1 * unit, y1 * unit

    def points(*places: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * unit, y * unit) for x, y in places]

    if which in (0, 1, 2):  # faces: smiling, astonished, in sunglasses
        draw.ellipse(box(4, 4, 96, 96), (255, 204, 50), (214, 150, 20), round(2 * unit))
        if which == 2:
            draw.rounded_rectangle(box(14, 32, 47, 52), 8 * unit, (30, 30, 34))
            draw.rounded_rectangle(box(53, 32, 86, 52), 8 * unit, (30, 30, 34))
            draw.rectangle(box(10, 34, 90, 39), (30, 30, 34))
        else:
            draw.ellipse(box(28, 30, 40, 48), (80, 50, 20))
            draw.ellipse(box(60, 30, 72, 48), (80, 50, 20))
        if which == 1:
            draw.ellipse(box(38, 58, 62, 86), (120, 50, 30))
        else:
            draw.chord(box(24, 38, 76, 84), 10, 170, (150, 50, 40))
    elif which == 3:  # a heart
        draw.ellipse(box(6, 12, 54, 60), (225, 40, 70))
        draw.ellipse(box(46, 12, 94, 60), (225, 40, 70))
        draw.polygon(points((10, 48), (90, 48), (50, 94)), (225, 40, 70))
    elif which == 4:  # a star
        angles = np.deg2rad(np.arange(10) * 36 - 90)
        reach = np.where(np.arange(10) % 2, 20, 47)
        star = [(50 + r * float(np.cos(a)), 52 + r * float(np.sin(a))) for a, r in zip(angles, reach, strict=True)]
        draw.polygon(points(*star), (250, 190, 20), (200, 130, 0))
    elif which == 5:  # a speech bubble
        draw.rounded_rectangle(box(4, 10, 96, 72), 18 * unit, (255, 255, 255), (40, 40, 40), round(2 * unit))
        draw.polygon(points((22, 70), (46, 70), (18, 94)), (255, 255, 255), (40, 40, 40))
        draw.rectangle(box(24, 66, 44, 71), (255, 255, 255))
        draw.text((50 * unit, 40 * unit), "WOW!", (30, 30, 30), font(round(26 * unit)), anchor="mm")
    elif which == 6:  # an arrow
        draw.polygon(points((6, 40), (56, 40), (56, 18), (96, 50), (56, 82), (56, 60), (6, 60)), (220, 30, 30))
    else:  # a badge with a price
        draw.ellipse(box(3, 3, 97, 97), (30, 140, 80), (255, 255, 255), round(3 * unit))
        draw.text((50 * unit, 50 * unit), "-50%", (255, 255, 255), font(round(30 * unit)), anchor="mm")
    return np.asarray(paper.resize((_STICKER, _STICKER), Image.Resampling.BOX), np.uint8)


_KINDS_OF_STICKERS = 8


def stickers(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Put stickers upon it: faces, hearts, stars, bubbles, arrows, badges."""
    height, width = image.shape[:2]
    busy = image.copy()
    for _ in range((1, 3, 6)[level]):
        size = max(3.0, min(height, width) * (0.22, 0.27, 0.31)[level] * between(random, 0.9, 1.2))
        form = _sticker(int(random.integers(_KINDS_OF_STICKERS)))
        side = int(size * 1.3) + 1
        matrix = cv2.getRotationMatrix2D((_STICKER / 2, _STICKER / 2), between(random, -25, 25), size / _STICKER)
        matrix[:, 2] += np.full(2, (side - _STICKER) / 2)
        drawn = np.asarray(cv2.warpAffine(form, matrix, (side, side), flags=cv2.INTER_LINEAR), np.uint8)
        top = round(between(random, -0.1, 1) * (height - side * 0.8))
        left = round(between(random, -0.1, 1) * (width - side * 0.8))
        lay(busy, drawn[..., :3], top, left, drawn[..., 3].astype(np.float32) / np.float32(255))
    return busy


def occlusion(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Cover parts of it by rectangles of one colour."""
    height, width = image.shape[:2]
    hidden = image.copy()
    covered = np.zeros((height, width), bool)
    wanted = (0.08, 0.2, 0.38)[level]
    for _ in range(60):
        part = wanted - int(covered.sum()) / covered.size
        if part < wanted * 0.1:
            break
        area = min(part, wanted * between(random, 0.3, 0.6))
        shape = between(random, 0.6, 1.7)
        tall = min(max(1, round(height * float(np.sqrt(area * shape)))), height)
        wide = min(max(1, round(width * float(np.sqrt(area / shape)))), width)
        top, left = int(random.integers(height - tall + 1)), int(random.integers(width - wide + 1))
        hidden[top : top + tall, left : left + wide] = any_colour(random)
        covered[top : top + tall, left : left + wide] = True
    return hidden


OVERLAY: dict[str, Edit] = {
    "text-over": text_over,
    "watermark": watermark,
    "stickers": stickers,
    "occlusion": occlusion,
}
