"""Why two pictures are alike, as one picture: both plain, and with the places that carry the likeness coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.regions import PART, Explanation, strongest, upsampled
from lookalike.render.pairs import pair_sheet, stacked
from lookalike.render.sheet import (
    _FAINT,
    _INK,
    _LINE,
    _MARGIN,
    _PAPER,
    _font,
    _parent_and_name,
    _shortened_end,
    _shortened_path,
    _write,
)
from lookalike.types import RGBImage
from lookalike.words import human_distance

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from lookalike.results import Evidence

__all__ = ["explain_sheet", "why_sheet"]

_SIDE = 460
_GAP = 36
_HEAD = 148
_CAPTION = 40
_FOOT = 104
_LEAST = 48
"""Pixels of the shorter side at least, so that a sliver can be seen."""

# From "as much as no place" to "most": a dark-to-light scale that the colour-blind can read (matplotlib's inferno,
# its darkest and lightest ends left out), in seven steps between which colours are blended.
_SCALE = np.array(
    [(40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39), (250, 235, 110)],
    np.float32,
)


def explain_sheet(found: Explanation) -> Image.Image:
    """Return a picture of an explanation: A and B, below them the heat of their places, and what the colours mean.

    The strongest tenth of each picture's places is outlined. Both pictures have one scale.

    Parameters
    ----------
    found
        Of `lookalike.explain`.

    Returns
    -------
    PIL.Image.Image
        RGB, 1,036 pixels wide.
    """
    from PIL import Image, ImageDraw

    sides = [(found.a, found.image_a, found.likeness_a), (found.b, found.image_b, found.likeness_b)]
    sizes = [_size(image) for _, image, _ in sides]
    tall = max(height for height, _ in sizes)
    width = 2 * _MARGIN + 2 * _SIDE + _GAP
    page = Image.new("RGB", (width, _HEAD + 2 * tall + _CAPTION + _GAP // 2 + _FOOT), _PAPER)
    pen = ImageDraw.Draw(page)
    _head(pen, found, width - 2 * _MARGIN)
    low = min(float(alike.min()) for _, _, alike in sides)
    high = max(float(alike.max()) for _, _, alike in sides)
    below = _HEAD + tall + _CAPTION + _GAP // 2
    for at, ((name, image, alike), (height, wide)) in enumerate(zip(sides, sizes, strict=True)):
        left = _MARGIN + at * (_SIDE + _GAP)
        middle = left + (_SIDE - wide) // 2
        plain = _scaled(image, height, wide)
        page.paste(Image.fromarray(plain), (middle, _HEAD + (tall - height) // 2))
        label = f"{'AB'[at]}   "
        _write(pen, (left, _HEAD + tall + 10), label, 16, _INK)
        room = _SIDE - _font(16).getlength(label)
        text = _shortened_path(_parent_and_name(name), room, 16)
        _write(pen, (left + _font(16).getlength(label), _HEAD + tall + 10), text, 16, _FAINT)
        heat = Image.fromarray(_heated(plain, alike, low, high))
        _outline(heat, alike)
        page.paste(heat, (middle, below + (tall - height) // 2))
    _legend(page, pen, low, high, below + tall + 30, width)
    return page


def why_sheet(found: Explanation, evidence: Evidence | None) -> Image.Image:
    """Draw all there is to say of two pictures: one laid upon the other, if they are proven to share anything, and
    which regions make them alike.

    Parameters
    ----------
    found
        See `lookalike.explain`.
    evidence
        What they were found to be; None if that was not looked at.
    """
    sheets = [explain_sheet(found)]
    if evidence is not None and evidence.transform is not None and evidence.verdict not in ("related", "unrelated"):
        sheets.insert(0, pair_sheet(found.image_a, found.image_b, evidence, name_a=found.a, name_b=found.b))
    return stacked(sheets)


def _head(pen: ImageDraw.ImageDraw, found: Explanation, room: float) -> None:
    _write(pen, (_MARGIN, 30), "What makes them alike", 30, _INK)
    facts = (
        f"similarity {found.similarity:.2f} of 1",
        f"distance {human_distance(found.distance)}",
        f"by {found.descriptor}",
    )
    _write(pen, (_MARGIN, 74), _shortened_end("   ·   ".join(facts), room, 16), 16, _INK)
    words = "They have nothing in common by this descriptor: no place carries any likeness."
    if any(found.carried):
        words = (
            f"Outlined: the strongest {PART:.0%} of the places. They carry {found.carried[0]:.0%} of the similarity "
            f"in A and {found.carried[1]:.0%} in B."
        )
    _write(pen, (_MARGIN, 102), _shortened_end(words, room, 16), 16, _FAINT)


def _size(image: RGBImage) -> tuple[int, int]:
    """Return height and width at which a picture is shown whole within the tile."""
    height, width = image.shape[:2]
    factor = _SIDE / max(height, width)
    least = min(_LEAST, _SIDE)
    return max(least, round(height * factor)), max(least, round(width * factor))


def _scaled(image: RGBImage, height: int, width: int) -> RGBImage:
    from PIL import Image

    shrinks = height < image.shape[0]
    how = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), how))


def _colours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the colours of values from 0 to 1, (..., 3) from 0 to 255."""
    at = np.clip(values, 0, 1) * (len(_SCALE) - 1)
    low = np.minimum(at.astype(np.intp), len(_SCALE) - 2)
    part = (at - low)[..., None]
    blended: NDArray[np.float32] = _SCALE[low] * (1 - part) + _SCALE[low + 1] * part
    return blended


def _blended(grey: NDArray[np.float32], values: NDArray[np.float32]) -> RGBImage:
    """Return grey levels (height, width) tinted by values of 0 to 1, the more the higher they are."""
    tint = (0.35 + 0.3 * np.clip(values, 0, 1))[..., None]
    mixed = grey[..., None] * (1 - tint) + _colours(values) * tint
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _heated(image: RGBImage, alike: NDArray[np.float32], low: float, high: float) -> RGBImage:
    grey = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    # A flat map is as cold as can be: nothing stands out.
    heat = (upsampled(alike, *image.shape[:2]) - np.float32(low)) / np.float32(max(high - low, 1e-6))
    return _blended(grey, heat)


def _outline(heat: Image.Image, alike: NDArray[np.float32]) -> None:
    """Draw a line around the strongest places, where one of them meets one that is not, or the picture's edge."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(heat)
    chosen = np.pad(strongest(alike), 1) & bool(alike.any())
    rows, columns = alike.shape
    # Two pixels within the edges, so that the whole line is seen.
    x = [min(max(round(column * heat.width / columns), 2), heat.width - 3) for column in range(columns + 1)]
    y = [min(max(round(row * heat.height / rows), 2), heat.height - 3) for row in range(rows + 1)]
    for colour, width in (((20, 20, 20), 5), ((255, 255, 255), 2)):
        for row, column in np.argwhere(chosen[1:, 1:-1] != chosen[:-1, 1:-1]):
            pen.line((x[column], y[row], x[column + 1], y[row]), fill=colour, width=width)
        for row, column in np.argwhere(chosen[1:-1, 1:] != chosen[1:-1, :-1]):
            pen.line((x[column], y[row], x[column], y[row + 1]), fill=colour, width=width)


def _legend(page: Image.Image, pen: ImageDraw.ImageDraw, low: float, high: float, top: int, width: int) -> None:
    from PIL import Image

    left, right, tall = _MARGIN, width - _MARGIN, 18
    ramp = np.linspace(0, 1, right - left, dtype=np.float32)[None].repeat(tall, axis=0)
    page.paste(Image.fromarray(_blended(np.full(ramp.shape, 150, np.float32), ramp)), (left, top))
    pen.rectangle((left, top, right - 1, top + tall - 1), outline=_LINE)
    about = "how alike each place is to the other picture as a whole"
    for at, text in ((0.0, f"{low:.2f}  least"), (0.5, about), (1.0, f"most  {high:.2f}")):
        length = _font(14).getlength(text)
        x = left + at * (right - left) - length * at
        _write(pen, (x, top + tall + 8), text, 14, _FAINT)
