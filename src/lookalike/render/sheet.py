"""Contact sheets: a result as one picture."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from lookalike.errors import UsageError
from lookalike.render.hits import Hit, QueryHits, hits_by_query
from lookalike.results import DuplicateGroup, DuplicateReport, GroupMember, SearchResult
from lookalike.types import RGBImage
from lookalike.words import (
    COPIES,
    human_count,
    human_distance,
    human_seconds,
    number,
    shorten_end,
    shorten_path,
    split_path,
    visible,
)

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

__all__ = ["groups_sheet", "search_sheet"]

_MARGIN = 40
_GAP = 20
_CAPTION = 52
_BLOCK_GAP = 36
_HEADING = 30
_MAX_ENLARGEMENT = 4

_PAPER = (250, 249, 246)
_TILE = (240, 238, 233)
_INK = (34, 36, 40)
_FAINT = (116, 118, 124)
_LINE = (224, 221, 214)
_ACCENT = (30, 98, 178)

# Verdicts that say "a copy" are green, the same scene amber, the rest grey; the word is what counts.
_COPY, _SCENE, _OTHER = ((222, 240, 226), (24, 92, 50)), ((250, 236, 205), (122, 80, 6)), ((232, 232, 230), _FAINT)
_BADGES = {
    "same-file": _COPY,
    "same-pixels": _COPY,
    "same-picture": _COPY,
    "edited": _COPY,
    "keep": ((219, 232, 248), _ACCENT),
    "same-scene": _SCENE,
}


@dataclass(frozen=True)
class _Tile:
    uri: str
    text: str
    badge: str = ""
    outlined: bool = False
    missing: str = "cannot be read"


@dataclass(frozen=True)
class _Block:
    """A picture at the left, those that belong to it at the right; `heading` stands above, `remark` below these."""

    lead: _Tile | None
    tiles: tuple[_Tile, ...]
    remark: str = ""
    heading: str = ""


def search_sheet(
    result: SearchResult,
    load: Callable[[str], RGBImage | None],
    *,
    tile: int = 224,
    columns: int = 5,
    title: str | None = None,
    max_queries: int = 20,
    max_pixels: int = 60_000_000,
) -> Image.Image:
    """Return a contact sheet: each query at the left, its neighbours to the right of it, closest first.

    Where clusters were given, a query has two rows: its neighbours among all pictures, and those in its cluster.

    Parameters
    ----------
    result
        Of a search.
    load
        Gives the upright picture of a URI or a query, at any scale, or None; called once per tile.
    tile
        Side of a tile in pixels, 64 to 1024. Pictures are shown whole, and enlarged at most four times.
    columns
        Neighbours per row, 1 to 40.
    title
        Of the sheet; None for "Search".
    max_queries, max_pixels
        What would go beyond is left out, and the sheet says how much.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    UsageError
        If `tile` or `columns` is out of range.
    """
    found = hits_by_query(result)
    blocks = [block for query in found[:max_queries] for block in _search_blocks(query, result.descriptor)]
    facts = [human_count(len(found), "query", "queries"), f"by {result.descriptor}"]
    if result.seconds > 0:
        facts.append(f"found in {_milliseconds(result.seconds)}")
    sheet = _Sheet(tile, columns, max_pixels)
    return sheet.draw(blocks, len(found), ("more query", "more queries"), title or "Search", facts, load)


def groups_sheet(
    report: DuplicateReport,
    load: Callable[[str], RGBImage | None],
    *,
    tile: int = 224,
    columns: int = 5,
    title: str | None = None,
    max_groups: int = 50,
    max_pixels: int = 60_000_000,
) -> Image.Image:
    """Return a contact sheet of duplicates: a block per group, the picture to keep at the left.

    Parameters
    ----------
    report
        Of a search for duplicates.
    load, tile, columns, max_pixels
        As in `search_sheet`.
    title
        Of the sheet; None for "Duplicates".
    max_groups
        How many are shown; the sheet says how many more there are.

    Raises
    ------
    UsageError
        If `tile` or `columns` is out of range.
    """
    blocks = [_group_block(group) for group in report.groups[:max_groups]]
    copies = sum(member.verdict in COPIES for group in report.groups for member in group.members)
    facts = [
        human_count(len(report.groups), "group"),
        human_count(copies, "copy", "copies"),
        f"among {human_count(report.pictures, 'picture')}",
    ]
    sheet = _Sheet(tile, columns, max_pixels)
    return sheet.draw(blocks, len(report.groups), ("more group", "more groups"), title or "Duplicates", facts, load)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.95 else human_seconds(seconds)


def _search_blocks(found: QueryHits, descriptor: str) -> list[_Block]:
    lead = _Tile(found.query, "query", outlined=True)
    remark = found.failed or ("" if found.hits else "nothing found")
    tiles = tuple(_hit_tile(hit, descriptor) for hit in found.hits)
    if found.within is None or found.failed:
        return [_Block(lead, tiles, remark)]
    everywhere = _Block(lead, tiles, remark, "among all pictures")
    if found.cluster is None:
        return [everywhere]
    inside = tuple(_hit_tile(hit, descriptor) for hit in found.within)
    empty = "" if inside else "nothing found"
    return [everywhere, _Block(None, inside, empty, f"within cluster {found.cluster}, told by its nearest neighbours")]


def _hit_tile(hit: Hit, descriptor: str) -> _Tile:
    return _Tile(hit.uri, f"{hit.rank}   {human_distance(hit.distance, descriptor)}", hit.verdict or "")


def _group_block(group: DuplicateGroup) -> _Block:
    def tile(member: GroupMember) -> _Tile:
        return _Tile(member.uri, human_distance(member.distance), member.verdict or "")

    lead = _Tile(group.keeper.uri, f"group {number(group.number)}", "keep", outlined=True)
    return _Block(lead, tuple(tile(member) for member in group.members[1:]))


class _Sheet:
    """Geometry and drawing of one sheet."""

    def __init__(self, tile: int, columns: int, max_pixels: int) -> None:
        if not 64 <= tile <= 1024:
            raise UsageError(f"a tile has 64 to 1024 pixels, not {tile}")
        if not 1 <= columns <= 40:
            raise UsageError(f"a sheet has 1 to 40 columns, not {columns}")
        self.tile, self.columns = tile, columns
        # The picture asked for stands apart from its neighbours by a wider gap.
        self.width = 2 * _MARGIN + (columns + 1) * tile + columns * _GAP + _GAP
        self.row = tile + _CAPTION
        self.max_height = max(max_pixels // self.width, 0)

    def draw(
        self,
        blocks: Sequence[_Block],
        total: int,
        nouns: tuple[str, str],
        title: str,
        facts: Sequence[str],
        load: Callable[[str], RGBImage | None],
    ) -> Image.Image:
        """Return the sheet with as many blocks as there is room for, out of `total` there are."""
        from PIL import Image, ImageDraw

        head, foot = 120, _MARGIN
        shown = self._within_limits(blocks, head + foot)
        left_out = total - sum(block.lead is not None for block in shown)
        note = f"{human_count(left_out, *nouns)} not shown" if left_out else ""
        if not shown:
            note = note or "nothing found"
        height = head + foot + sum(map(self._height, shown)) + _BLOCK_GAP * max(len(shown) - 1, 0)
        height += _BLOCK_GAP + 20 if note else 0
        page = Image.new("RGB", (self.width, height), _PAPER)
        pen = ImageDraw.Draw(page)
        self._head(pen, title, [*facts, *([note] if left_out else [])])
        top = head
        for at, block in enumerate(shown):
            if at and block.lead is not None:
                self._line(pen, top - _BLOCK_GAP // 2)
            self._block(page, pen, top, block, load)
            top += self._height(block) + _BLOCK_GAP
        if note:
            _write(pen, (_MARGIN, height - foot - 20), note, 16, _FAINT)
        return page

    def _within_limits(self, blocks: Sequence[_Block], room_taken: int) -> list[_Block]:
        """Return the blocks that fit in the height; the first is cut to fit, so that there is always one."""
        room = self.max_height - room_taken - _BLOCK_GAP - 20
        shown: list[_Block] = []
        for block in blocks:
            if self._height(block) > room:
                if not shown:
                    shown.append(self._cut(block, room))
                break
            shown.append(block)
            room -= self._height(block) + _BLOCK_GAP
        return shown

    def _cut(self, block: _Block, room: int) -> _Block:
        rows = max((room - 24 - _HEADING + _GAP) // (self.row + _GAP), 1)
        kept = block.tiles[: rows * self.columns]
        return _Block(block.lead, kept, f"{number(len(block.tiles) - len(kept))} more not shown", block.heading)

    def _height(self, block: _Block) -> int:
        rows = max(-(-len(block.tiles) // self.columns), 1)
        height = rows * self.row + (rows - 1) * _GAP + (24 if block.tiles and block.remark else 0)
        return height + (_HEADING if block.heading else 0)

    def _head(self, pen: ImageDraw.ImageDraw, title: str, facts: Sequence[str]) -> None:
        room = self.width - 2 * _MARGIN
        _write(pen, (_MARGIN, 30), _shortened_end(visible(title), room, 30), 30, _INK)
        _write(pen, (_MARGIN, 70), _shortened_end("   ·   ".join(facts), room, 16), 16, _FAINT)

    def _line(self, pen: ImageDraw.ImageDraw, y: int) -> None:
        pen.line((_MARGIN, y, self.width - _MARGIN, y), fill=_LINE)

    def _block(
        self,
        page: Image.Image,
        pen: ImageDraw.ImageDraw,
        top: int,
        block: _Block,
        load: Callable[[str], RGBImage | None],
    ) -> None:
        start = _MARGIN + self.tile + 2 * _GAP
        room = self.width - _MARGIN - start
        below = self._height(block) - 18 if block.tiles else self.tile // 2 - 10
        if block.heading:
            _write(pen, (start, top), _shortened_end(visible(block.heading), room, 16), 16, _FAINT)
            top, below = top + _HEADING, below - (_HEADING if block.tiles else 0)
        if block.lead is not None:
            self._tile(page, pen, _MARGIN, top, block.lead, load)
        for at, tile in enumerate(block.tiles):
            row, column = divmod(at, self.columns)
            self._tile(page, pen, start + column * (self.tile + _GAP), top + row * (self.row + _GAP), tile, load)
        if block.remark:
            _write(pen, (start, top + below), _shortened_end(visible(block.remark), room, 16), 16, _FAINT)

    def _tile(
        self,
        page: Image.Image,
        pen: ImageDraw.ImageDraw,
        left: int,
        top: int,
        tile: _Tile,
        load: Callable[[str], RGBImage | None],
    ) -> None:
        side = self.tile
        pen.rectangle((left, top, left + side - 1, top + side - 1), fill=_TILE)
        picture = load(tile.uri)
        if picture is None:
            font = _font(16)
            x = left + (side - font.getlength(tile.missing)) / 2
            _write(pen, (x, top + side // 2 - 10), tile.missing, 16, _FAINT)
        else:
            fitted = _fit(picture, side)
            page.paste(fitted, (left + (side - fitted.width) // 2, top + (side - fitted.height) // 2))
        if tile.outlined:
            # Around the tile, so that no pixel of the picture is covered.
            pen.rectangle((left - 4, top - 4, left + side + 3, top + side + 3), outline=_ACCENT, width=3)
        room: float = side
        if tile.badge:
            room -= self._badge(pen, left + side, top + side + 7, tile.badge) + 8
        _write(pen, (left, top + side + 8), _shortened_end(tile.text, room, 16), 16, _ACCENT if tile.outlined else _INK)
        name = _shortened_path(_parent_and_name(tile.uri), side, 14)
        _write(pen, (left, top + side + 31), name, 14, _FAINT)

    def _badge(self, pen: ImageDraw.ImageDraw, right: int, top: int, text: str) -> float:
        """Draw a word on a coloured ground that ends at `right`; return its width."""
        ground, ink = _BADGES.get(text, _OTHER)
        width = _font(14).getlength(text) + 14
        pen.rounded_rectangle((right - width, top, right - 1, top + 20), radius=10, fill=ground)
        _write(pen, (right - width + 7, top + 2), text, 14, ink)
        return width


def _parent_and_name(uri: str) -> str:
    """Return the last folder and the name, on one line."""
    # What follows "?" in a URL is no name.
    path = uri.split("?", 1)[0] if uri.startswith(("http://", "https://")) else uri
    folder, name = split_path(path)
    parent = split_path(folder[:-1])[1]
    return visible(f"{parent}{folder[-1:]}{name}" if parent else name)


def _fit(picture: RGBImage, side: int) -> Image.Image:
    """Return the whole picture within a square of `side`."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    factor = min(side / max(image.size), _MAX_ENLARGEMENT)
    width, height = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize((width, height), Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.BICUBIC)


# Text. The font that Pillow brings has little more than ASCII, so names with other letters are drawn with a font of the
# system. Where there is none that has them all, "Zoë" becomes "Zoe", and a letter without a plain form "?".
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "arial.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "msgothic.ttc",
)


@cache
def _font(size: int, name: str = "") -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    if name:
        return ImageFont.truetype(name, size)
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise UsageError("this Pillow was built without FreeType, so that a sheet has no font; install Pillow's wheel")
    return font


@cache
def _installed(name: str) -> bool:
    # Looking for a font that is not there goes through all the system's folders: once is enough.
    try:
        _font(16, name)
    except OSError:
        return False
    return True


@cache
def _draws(character: str, name: str) -> bool:
    """Tell whether a font has a character: what it lacks looks like a code point that no font has."""
    if not _installed(name):
        return False
    font = _font(16, name)
    return character.isspace() or _mask(font, character) != _mask(font, "\U0010fffe")


def _mask(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _lettered(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return `text` and a font that has all its letters, or else what the built-in font can draw of it."""
    for name in ("", *_SYSTEM_FONTS):
        if all(_draws(character, name) for character in set(text)):
            return text, _font(size, name)
    return "".join(map(_plain_letter, text)), _font(size)


def _plain_letter(character: str) -> str:
    if _draws(character, ""):
        return character
    base = unicodedata.normalize("NFKD", character)[0]
    if _draws(base, ""):
        return base
    # A mark on the letter before has no place of its own.
    return "" if unicodedata.combining(character) else "?"


def _write(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, ink: tuple[int, int, int]) -> None:
    text, font = _lettered(text, size)
    pen.text(at, text, fill=ink, font=font)


def _shortened_end(text: str, room: float, size: int) -> str:
    text, font = _lettered(text, size)
    return shorten_end(text, room, font.getlength)


def _shortened_path(text: str, room: float, size: int) -> str:
    text, font = _lettered(text, size)
    return shorten_path(text, room, font.getlength)
