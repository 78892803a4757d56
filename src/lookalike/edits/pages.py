"""Pages of letters with one letterhead and different text: alike as a whole, and no copies of each other."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from lookalike.edits.canvas import Random, font, not_negative
from lookalike.edits.words import WORDS, lines_of, sentence, some_words
from lookalike.types import RGBImage

__all__ = ["documents"]

_WIDTH, _HEIGHT = 600, 800
_LEFT, _RIGHT = 60, 540
_INK = (25, 25, 30)


def documents(seed: int, count: int) -> list[RGBImage]:
    """Return pages with the same letterhead and different running text.

    Parameters
    ----------
    seed
        Decides letterhead and texts: 0 or more. Another seed is another sender.
    count
        How many pages.

    Returns
    -------
    list
        (800, 600, 3) uint8 each, white paper. No two have the same text.

    Raises
    ------
    UsageError
        If seed or count is negative.
    """
    not_negative("a seed", seed)
    not_negative("a count", count)
    head = _letterhead(np.random.default_rng([seed, 79]))
    return [_page(head, np.random.default_rng([seed, 80, number])) for number in range(count)]


def _letterhead(random: Random) -> Image.Image:
    paper = Image.new("RGB", (_WIDTH, _HEIGHT), (255, 255, 255))
    draw = ImageDraw.Draw(paper)
    colour = tuple(int(value) for value in random.integers(10, 150, 3))
    shape = int(random.integers(3))
    if shape == 0:
        draw.ellipse((60, 40, 110, 90), colour)
        draw.ellipse((74, 54, 96, 76), (255, 255, 255))
    elif shape == 1:
        draw.polygon([(60, 90), (85, 40), (110, 90)], colour)
        draw.polygon([(74, 90), (85, 66), (96, 90)], (255, 255, 255))
    else:
        draw.rounded_rectangle((60, 40, 110, 90), 10, colour)
        draw.line((68, 80, 102, 50), (255, 255, 255), 8)
    sender = " & ".join(word.capitalize() for word in some_words(random, 2))
    draw.text((124, 46), sender, colour, font(26))
    draw.text((124, 76), sentence(random, 4)[:-1], (110, 110, 115), font(12))
    address = (
        f"{WORDS[random.integers(len(WORDS))].capitalize()} Street {random.integers(1, 200)}",
        f"{random.integers(10000, 99999)} {WORDS[random.integers(len(WORDS))].capitalize()}ton",
        f"Tel. +00 {random.integers(100, 999)} {random.integers(100000, 999999)}",
        f"post@{WORDS[random.integers(len(WORDS))]}.example",
    )
    for number, line in enumerate(address):
        draw.text((_RIGHT, 42 + 14 * number), line, (110, 110, 115), font(11), anchor="ra")
    draw.line((_LEFT, 108, _RIGHT, 108), colour, 2)
    draw.line((_LEFT, 760, _RIGHT, 760), (160, 160, 165), 1)
    bank = (
        f"Bank {random.integers(10**7, 10**8)}   Register {random.integers(1000, 99999)}   VAT {random.integers(10**8)}"
    )
    draw.text((_WIDTH / 2, 766), bank, (140, 140, 145), font(10), anchor="ma")
    return paper


def _page(head: Image.Image, random: Random) -> RGBImage:
    paper = head.copy()
    draw = ImageDraw.Draw(paper)
    body = font(13)
    y = 130
    for line in lines_of(random, body, 150, 3):
        draw.text((_LEFT, y), line.title(), _INK, body)
        y += 17
    date = f"{random.integers(1, 29):02d}.{random.integers(1, 13):02d}.20{random.integers(10, 27)}"
    draw.text((_RIGHT, 130), date, _INK, body, anchor="ra")
    y += 28
    draw.text((_LEFT, y), sentence(random, int(random.integers(3, 7)))[:-1], _INK, font(16))
    y += 32
    end = int(random.integers(560, 690))
    with_table = random.random() < 0.4
    while y < end:
        count = int(random.integers(3, 8))
        lines = lines_of(random, body, _RIGHT - _LEFT, count)
        lines[0], lines[-1] = lines[0].capitalize(), " ".join(lines[-1].split()[: int(random.integers(2, 9))]) + "."
        for line in lines[: max(1, (end + 20 - y) // 18)]:
            draw.text((_LEFT, y), line, _INK, body)
            y += 18
        y += 10
        if with_table and y < end - 100:
            y = _table(draw, y, random) + 14
            with_table = False
    draw.text((_LEFT, y + 4), f"{WORDS[random.integers(len(WORDS))].capitalize()} regards,", _INK, body)
    start = np.array([_LEFT + 4, y + 42.0])
    strokes = start + np.cumsum(random.uniform((1, -7), (6, 7), (16, 2)), 0) * (1, 0.5)
    draw.line([(float(px), float(py)) for px, py in strokes], (30, 40, 120), 2, joint="curve")
    return np.array(paper, np.uint8)


def _table(draw: ImageDraw.ImageDraw, y: int, random: Random) -> int:
    """Draw a table of items and sums; return where it ends."""
    small = font(12)
    for number in range(int(random.integers(3, 6))):
        draw.line((_LEFT, y, _RIGHT, y), (170, 170, 175), 1)
        draw.text((_LEFT + 6, y + 3), f"{number + 1}   " + " ".join(some_words(random, 3)), _INK, small)
        draw.text(
            (_RIGHT - 6, y + 3), f"{random.integers(5, 4000)}.{random.integers(100):02d}", _INK, small, anchor="ra"
        )
        y += 20
    draw.line((_LEFT, y, _RIGHT, y), (170, 170, 175), 1)
    return y
