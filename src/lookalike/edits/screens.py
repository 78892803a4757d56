"""A picture as it is seen on the screen of a telephone or in a browser's window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from lookalike.edits.canvas import Colour, Pen, Random, bounded, font, lay
from lookalike.edits.words import lines_of, name, sentence
from lookalike.transforms import resize
from lookalike.types import RGBImage

__all__ = ["screenshot"]

_NARROWEST, _WIDEST = 240, 1600  # pixels of a screen's width


@dataclass(frozen=True)
class _Look:
    paper: Colour
    bar: Colour
    ink: Colour
    faint: Colour


_LIGHT = _Look((255, 255, 255), (246, 246, 248), (25, 25, 28), (150, 150, 156))
_DARK = _Look((18, 18, 20), (32, 32, 36), (236, 236, 240), (130, 130, 136))


def screenshot(image: RGBImage, level: int, random: Random) -> RGBImage:
    """Show it on the screen of a telephone or in a window: nearly filling it, in a page, small in a page."""
    look = _DARK if random.random() < 0.35 else _LIGHT
    whole = bounded(image)
    tall = whole.shape[0] > 1.2 * whole.shape[1]
    phone = random.random() < (0.8 if tall else 0.5)
    return (_phone if phone else _window)(whole, level, random, look)


def _phone(image: RGBImage, level: int, random: Random, look: _Look) -> RGBImage:
    height, width = image.shape[:2]
    wide = int(np.clip(width, _NARROWEST, _WIDEST))
    unit = wide / 100
    shown = round(wide * (1, 1, 0.74)[level])
    picture = resize(image, max(1, round(height * shown / width)), shown)
    top = round(unit * (8, 20, 38)[level])
    foot = round(unit * (6, 30, 40)[level])
    bottom = top + picture.shape[0]
    tall = bottom + foot if level < 2 else max(bottom + foot, round(wide * 1.9))
    left = round(unit * 4) if level == 2 else 0
    canvas = np.empty((tall, wide, 3), np.uint8)
    canvas[:] = look.paper
    lay(canvas, picture, top, left)
    pen = Pen(canvas)
    _status_bar(pen.draw, unit, wide, look, random)
    if level:
        _head(pen.draw, unit, 8 * unit, look, random)
    small = font(round(3.6 * unit))
    if level == 1:
        for number in range(3):
            x = (4 + 9 * number) * unit
            pen.draw.ellipse(
                (x, bottom + 3 * unit, x + 6 * unit, bottom + 9 * unit), None, look.ink, max(1, round(unit * 0.7))
            )
        pen.draw.text((4 * unit, bottom + 12 * unit), f"{random.integers(2, 9999)} likes", look.ink, small)
        for number, line in enumerate(lines_of(random, small, 92 * unit, 2)):
            pen.draw.text((4 * unit, bottom + (17.5 + 5 * number) * unit), line, look.ink, small)
    if level == 2:
        _chat(pen.draw, unit, wide, (bottom, tall), look, random)
    return pen.done()


def _status_bar(draw: ImageDraw.ImageDraw, unit: float, wide: int, look: _Look, random: Random) -> None:
    draw.rectangle((0, 0, wide, 7 * unit), look.bar)
    clock = f"{random.integers(7, 24):02d}:{random.integers(60):02d}"
    draw.text((4 * unit, 3.5 * unit), clock, look.ink, font(round(4 * unit)), anchor="lm")
    draw.rounded_rectangle(
        (86 * unit, 2 * unit, 95 * unit, 5.5 * unit), unit, None, look.ink, max(1, round(unit * 0.4))
    )
    draw.rectangle((87 * unit, 2.8 * unit, (88 + 6 * random.random()) * unit, 4.7 * unit), look.ink)
    for bar in range(4):
        draw.rectangle(((76 + 2 * bar) * unit, (4.6 - 0.8 * bar) * unit, (77.2 + 2 * bar) * unit, 5.5 * unit), look.ink)


def _head(draw: ImageDraw.ImageDraw, unit: float, top: float, look: _Look, random: Random) -> None:
    shade = tuple(int(value) for value in random.integers(60, 200, 3))
    draw.ellipse((4 * unit, top + unit, 13 * unit, top + 10 * unit), shade)
    draw.text((16 * unit, top + 3.6 * unit), name(random), look.ink, font(round(4 * unit)), anchor="lm")
    draw.text(
        (16 * unit, top + 8 * unit), f"{random.integers(1, 23)} h", look.faint, font(round(3 * unit)), anchor="lm"
    )


def _chat(
    draw: ImageDraw.ImageDraw, unit: float, wide: int, room: tuple[int, int], look: _Look, random: Random
) -> None:
    """Draw a bubble above the picture, bubbles below it, and where one writes."""
    letters = font(round(4 * unit))
    bottom, tall = room

    def bubble(y: float, mine: bool, lines: list[str]) -> float:
        length = max(letters.getlength(line) for line in lines) + 6 * unit
        x = wide - length - 4 * unit if mine else 4 * unit
        end = y + (3 + 5.2 * len(lines)) * unit
        draw.rounded_rectangle((x, y, x + length, end), 3 * unit, (50, 130, 240) if mine else look.bar)
        for number, line in enumerate(lines):
            ink = (255, 255, 255) if mine else look.ink
            draw.text((x + 3 * unit, y + (1.2 + 5.2 * number) * unit), line, ink, letters)
        return end

    bubble(22 * unit, True, lines_of(random, letters, 55 * unit, 2))
    y, mine = bottom + 4 * unit, True
    for _ in range(20):
        lines = lines_of(random, letters, 60 * unit, int(random.integers(1, 4)))
        if y + (3 + 5.2 * len(lines)) * unit > tall - 14 * unit:
            break
        y = bubble(y, mine, lines) + 3 * unit
        mine = bool(random.random() < 0.5)
    draw.rounded_rectangle((4 * unit, tall - 11 * unit, wide - 4 * unit, tall - 3 * unit), 4 * unit, look.bar)
    draw.text((8 * unit, tall - 7 * unit), "Message", look.faint, letters, anchor="lm")


def _window(image: RGBImage, level: int, random: Random, look: _Look) -> RGBImage:
    height, width = image.shape[:2]
    shown = int(np.clip(width * (1, 0.9, 0.75)[level], _NARROWEST * (1, 0.8, 0.5)[level], _WIDEST))
    picture = resize(image, max(1, round(height * shown / width)), shown)
    wide = round(shown * (1.02, 1.25, 2.0)[level])
    unit = wide / 100
    left = round((wide - shown) / 2) if level < 2 else round(5 * unit)
    bar = round(11 * unit)
    top = bar + round(unit * (1, 14, 17)[level])
    bottom = top + picture.shape[0]
    tall = bottom + round(unit * (1, 14, 22)[level])
    canvas = np.empty((tall, wide, 3), np.uint8)
    canvas[:] = look.paper
    lay(canvas, picture, top, left)
    pen = Pen(canvas)
    draw = pen.draw
    _tool_bar(draw, unit, wide, look, random)
    if level:
        title, body = font(round(4.6 * unit)), font(round(2.5 * unit))
        side = left / unit
        draw.text((left, bar + 4 * unit), lines_of(random, title, 86 * unit, 1)[0].capitalize(), look.ink, title)
        draw.text((left, bar + (10 if level == 1 else 12) * unit), f"by {name(random)}", look.faint, body)
        for number, line in enumerate(lines_of(random, body, (100 - 2 * side) * unit, 6)):
            if bottom + (2 + 3.6 * number) * unit + 3 * unit < tall:
                draw.text((left, bottom + (2 + 3.6 * number) * unit), line, look.ink, body)
    if level == 2:
        beside = left + shown + 4 * unit
        for number, line in enumerate(lines_of(random, body, wide - beside - 4 * unit, 40)):
            y = top + 3.6 * number * unit
            if y + 3 * unit > bottom:
                break
            draw.text((beside, y), line, look.ink, body)
    return pen.done()


def _tool_bar(draw: ImageDraw.ImageDraw, unit: float, wide: int, look: _Look, random: Random) -> None:
    draw.rectangle((0, 0, wide, 11 * unit), look.bar)
    draw.rounded_rectangle((14 * unit, unit, 44 * unit, 6 * unit), unit, look.paper)
    tab = font(round(2.2 * unit))
    draw.text((16 * unit, 3.3 * unit), sentence(random, 3)[:24], look.ink, tab, anchor="lm")
    for number, colour in enumerate(((255, 95, 86), (255, 189, 46), (39, 201, 63))):
        x = (2 + 3.2 * number) * unit
        draw.ellipse((x, 2.2 * unit, x + 2.2 * unit, 4.4 * unit), colour)
    draw.rectangle((0, 5.6 * unit, wide, 11 * unit), look.paper)
    draw.rounded_rectangle((12 * unit, 6.4 * unit, 90 * unit, 10 * unit), 1.8 * unit, look.bar)
    draw.text((15 * unit, 8.2 * unit), f"https://www.{name(random)}.example/", look.faint, tab, anchor="lm")
    draw.line((0, 11 * unit, wide, 11 * unit), look.faint, max(1, round(unit * 0.2)))
