"""Running text for captions, watermarks, screens and pages: plain words drawn by lot."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import ImageFont

from lookalike.edits.canvas import font as font_of

__all__ = ["WORDS", "lines_of", "name", "sentence", "some_words"]

_TEXT = """
the of and to in we you that was for on are with they at be this from have by what all were when there can an
your which their if will each about how up out them then many some so these would other into has more two like
him see time could no make than first been its who now people made over did down only way find use may water
long little very after words called just where most know get through back much before good new write our used me
man too any day same right look think also around another came come work three must because does part even place
well such here take why help put years different away again off went old number great tell men say small every
found still between name should home big give air line set own under read last never us left end along while
might next sound below saw something thought both few those always show large often together asked house world
going want school important until form food keep children feet land side without boy once animals life enough
took four head above kind began almost live page got earth need far hand high year mother light country father
let night following picture being study second soon story since white ever paper hard near sentence better best
across during today however sure means knew try told young sun thing whole hear example heard several change
answer room sea against top turned learn point city play toward five using himself usually summer garden market
river morning weekend sale offer delivery invoice amount balance meeting report contract account customer
service total order payment
"""

WORDS = tuple(_TEXT.split())

_GAP = 0.26  # width of a space in parts of the font's size

_NAMES = ("anna", "marco", "lena", "sam", "noor", "yuki", "otto", "carla", "ivan", "mia", "jonas", "zoe")


def some_words(random: np.random.Generator, count: int) -> list[str]:
    """Return `count` words drawn by lot."""
    return [WORDS[place] for place in random.integers(0, len(WORDS), count)]


def sentence(random: np.random.Generator, count: int) -> str:
    """Return a sentence of `count` words."""
    return " ".join(some_words(random, count)).capitalize() + "."


def name(random: np.random.Generator) -> str:
    """Return a name of a user as social sites show it."""
    return f"{_NAMES[random.integers(len(_NAMES))]}.{WORDS[random.integers(len(WORDS))]}{random.integers(100)}"


def lines_of(random: np.random.Generator, font: ImageFont.FreeTypeFont, width: float, count: int) -> list[str]:
    """Return `count` lines of words, each as wide as fits into `width` pixels but at least one word."""
    lines = []
    for _ in range(count):
        words = some_words(random, 24)
        long, fit = -_GAP, 0
        while fit < len(words) and (long := long + _GAP + _width(words[fit])) * font.size <= width:
            fit += 1
        lines.append(" ".join(words[: max(1, fit)]))
    return lines


@lru_cache(maxsize=1024)
def _width(word: str) -> float:
    """Return a word's width in parts of the font's size."""
    return font_of(100).getlength(word) / 100
