"""What proves that two pictures are copies, as one picture: matches, what they share, overlay and difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lookalike.render.sheet import (
    _BADGES,
    _FAINT,
    _INK,
    _LINE,
    _MARGIN,
    _OTHER,
    _PAPER,
    _font,
    _parent_and_name,
    _shortened_end,
    _shortened_path,
    _write,
)
from lookalike.render.views import (
    PairViews,
    heated,
    hues,
    marked,
    on_picture,
    pair_views,
    shared_region,
    spread,
)
from lookalike.results import Evidence
from lookalike.transforms import resize
from lookalike.types import RGBImage
from lookalike.words import VERDICT_MEANING, human_count, visible

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

__all__ = ["pair_sheet", "stacked"]

_SIDE = 560
_GAP = 36
_TILE_GAP = 24
_TILE = (2 * _SIDE + _GAP - 2 * _TILE_GAP) // 3
_WIDTH = 2 * _MARGIN + 2 * _SIDE + _GAP
_HEAD = 168
_CAPTION = 44
_LEAST = 48
"""Pixels of the shorter side at least, so that a sliver can be seen."""


def stacked(sheets: Sequence[Image.Image]) -> Image.Image:
    """Return sheets one below the other, each in the middle of the widest's width."""
    from PIL import Image

    width = max(sheet.width for sheet in sheets)
    page = Image.new("RGB", (width, sum(sheet.height for sheet in sheets)), _PAPER)
    top = 0
    for sheet in sheets:
        page.paste(sheet, ((width - sheet.width) // 2, top))
        top += sheet.height
    return page


def pair_sheet(
    image_a: RGBImage,
    image_b: RGBImage,
    evidence: Evidence,
    *,
    name_a: str = "",
    name_b: str = "",
    lines: int = 40,
) -> Image.Image:
    """Return a picture of a verified pair: both with lines between what matches, overlay, chequerboard, difference.

    Without a transform in the evidence: both pictures with the verdict.

    Parameters
    ----------
    image_a, image_b
        Upright, at any scale.
    evidence
        Of a against b.
    name_a, name_b
        Paths or URLs.
    lines
        Matches that are drawn at most, spread over what is shared.

    Returns
    -------
    PIL.Image.Image
        RGB, 1,236 pixels wide.
    """
    from PIL import Image, ImageDraw

    drawn = [resize(image, *_size(image)) for image in (image_a, image_b)]
    tall = max(picture.shape[0] for picture in drawn)
    views = pair_views(image_a, image_b, evidence, side=_TILE)
    below = 0 if views is None else 38 + views.overlay.shape[0] + 66
    page = Image.new("RGB", (_WIDTH, _HEAD + tall + _CAPTION + below + 24), _PAPER)
    pen = ImageDraw.Draw(page)
    _head(pen, evidence)
    corners = []
    for at, (picture, name) in enumerate(zip(drawn, (name_a, name_b), strict=True)):
        left = _MARGIN + at * (_SIDE + _GAP) + (_SIDE - picture.shape[1]) // 2
        corners.append((left, _HEAD + (tall - picture.shape[0]) // 2))
        _write(pen, (_MARGIN + at * (_SIDE + _GAP), _HEAD + tall + 10), "AB"[at], 16, _INK)
        text = _shortened_path(_parent_and_name(name), _SIDE - 24, 16)
        _write(pen, (_MARGIN + at * (_SIDE + _GAP) + 24, _HEAD + tall + 10), text, 16, _FAINT)
    matched = _matched(np.array(page), drawn, corners, evidence, lines, (image_a, image_b))
    page.paste(Image.fromarray(matched))
    if views is not None:
        _row(page, ImageDraw.Draw(page), views, evidence, _HEAD + tall + _CAPTION + 8)
    return page


def _head(pen: ImageDraw.ImageDraw, evidence: Evidence) -> None:
    room = _WIDTH - 2 * _MARGIN
    ground, ink = _BADGES.get(evidence.verdict, _OTHER)
    width = _font(22).getlength(evidence.verdict) + 28
    pen.rounded_rectangle((_MARGIN, 28, _MARGIN + width, 66), radius=19, fill=ground)
    _write(pen, (_MARGIN + 14, 33), evidence.verdict, 22, ink)
    meaning = VERDICT_MEANING.get(evidence.verdict, "")
    _write(pen, (_MARGIN + width + 18, 38), _shortened_end(meaning, room - width - 18, 17), 17, _FAINT)
    _write(pen, (_MARGIN, 84), _shortened_end(visible(evidence.reason), room, 20), 20, _INK)
    facts = [f"probability of a copy {_percent(evidence.probability)}"]
    if evidence.transform is not None:
        facts += [
            human_count(evidence.inliers, "place matches", "places match"),
            f"A shows {_percent(evidence.share_b)} of B",
            f"B shows {_percent(evidence.share_a)} of A",
            f"{_percent(evidence.agreement)} of it agrees",
        ]
    if evidence.moved >= 0.005:
        facts.append(f"{_percent(evidence.moved)} has moved")
    _write(pen, (_MARGIN, 122), _shortened_end("   ·   ".join(facts), room, 16), 16, _FAINT)


def _percent(share: float) -> str:
    # Rounded, but 100 % and 0 % are said only of all and nothing.
    percent = min(max(share * 100, 0.0), 100.0)
    if 0 < percent < 1 or 99 < percent < 100:
        return f"{min(max(percent, 0.1), 99.9):.1f} %"
    return f"{percent:.0f} %"


def _size(image: RGBImage) -> tuple[int, int]:
    """Return height and width at which a picture is shown whole within its square."""
    height, width = image.shape[:2]
    factor = min(_SIDE / max(height, width), 4.0)
    return max(_LEAST, round(height * factor)), max(_LEAST, round(width * factor))


def _matched(
    page: RGBImage,
    drawn: list[RGBImage],
    corners: list[tuple[int, int]],
    evidence: Evidence,
    lines: int,
    images: tuple[RGBImage, RGBImage],
) -> RGBImage:
    """Return the page with both pictures, what they share outlined, and lines between what matches."""
    import cv2

    sizes = [(image.shape[0], image.shape[1]) for image in images]
    shared = shared_region(evidence, sizes[0], sizes[1])
    ends = []
    for at, (picture, (left, top)) in enumerate(zip(drawn, corners, strict=True)):
        shown = picture
        if shared is not None:
            outline, size = ((shared.outline_a, shared.size_a), (shared.outline_b, shared.size_b))[at]
            shown = marked(picture, on_picture(outline, size, picture.shape))
            points = (evidence.points_a, evidence.points_b)[at]
            ends.append(on_picture(points, size, picture.shape) + np.array([left, top]))
        page[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    if shared is None or not len(ends[0]):
        return page
    chosen = spread(evidence.points_b, lines)
    pairs = list(zip(ends[0][chosen], ends[1][chosen], hues(evidence.points_b[chosen]), strict=True))
    veil = page.copy()
    for one, two, colour in pairs:
        start, stop = ((round(float(x) * 16), round(float(y) * 16)) for x, y in (one, two))
        cv2.line(veil, start, stop, colour, 2, cv2.LINE_AA, 4)
    page = np.asarray(cv2.addWeighted(veil, 0.65, page, 0.35, 0), np.uint8)
    for one, two, colour in pairs:
        for x, y in (one, two):
            centre = (round(float(x) * 16), round(float(y) * 16))
            cv2.circle(page, centre, 5 * 16, (20, 20, 20), -1, cv2.LINE_AA, 4)
            cv2.circle(page, centre, round(3.5 * 16), colour, -1, cv2.LINE_AA, 4)
    return page


def _row(page: Image.Image, pen: ImageDraw.ImageDraw, views: PairViews, evidence: Evidence, top: int) -> None:
    """Draw overlay, chequerboard and difference, with what the colours mean."""
    from PIL import Image

    pen.line((_MARGIN, top - 4, _WIDTH - _MARGIN, top - 4), fill=_LINE)
    part = " (a part of B)" if views.zoomed else ""
    turned = "A's negative" if evidence.negative else "A"
    tiles = (
        (views.overlay, f"{turned} laid upon B, half and half{part}"),
        (views.turns, "A and B in turn, square by square"),
        (views.difference, "what differs when colours are matched"),
    )
    tall, wide = views.overlay.shape[:2]
    for at, (picture, text) in enumerate(tiles):
        left = _MARGIN + at * (_TILE + _TILE_GAP)
        _write(pen, (left, top + 8), _shortened_end(text, _TILE, 16), 16, _INK)
        page.paste(Image.fromarray(picture), (left + (_TILE - wide) // 2, top + 38))
    left, below, high = _MARGIN + 2 * (_TILE + _TILE_GAP), top + 38 + tall + 14, 14
    ramp = np.linspace(0, 90, _TILE, dtype=np.float32)[None].repeat(high, axis=0)
    page.paste(Image.fromarray(heated(np.full(ramp.shape, 150, np.float32), ramp)), (left, below))
    pen.rectangle((left, below, left + _TILE - 1, below + high - 1), outline=_LINE)
    _write(pen, (left, below + high + 6), "alike", 14, _FAINT)
    text = "very different"
    _write(pen, (left + _TILE - _font(14).getlength(text), below + high + 6), text, 14, _FAINT)
