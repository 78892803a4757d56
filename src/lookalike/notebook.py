"""What a notebook shows of a result: thumbnails in cards, inside one piece of HTML that needs nothing else.

It reads local files only, and never raises: a picture that is gone is a card without one. Nothing is fetched.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from lookalike.decode import decode
from lookalike.errors import ImageError
from lookalike.sources import read_bytes
from lookalike.types import Uri
from lookalike.words import human_count, shorten_end, shorten_path, split_path, visible

__all__ = ["Card", "Section", "more", "page", "thumbnails"]

SIDE = 128
"""Pixels of a thumbnail's square on the page; the picture itself has half as many again, for sharp screens."""

MAX_BYTES = 64_000_000
MAX_PIXELS = 50_000_000
_THREADS = 4
_LETTERS = 20

# Grey at part strength is right on white and on black; text takes the colour of the page.
_STYLE = f"""<style>
.lookalike-cards{{display:flex;flex-wrap:wrap;gap:10px;margin:6px 0 12px;align-items:flex-start}}
.lookalike-cards figure{{width:{SIDE + 12}px;margin:0;padding:6px;box-sizing:border-box;border-radius:6px;
background:rgba(128,128,128,.1);border:1px solid rgba(128,128,128,.25)}}
.lookalike-cards figure.first{{border:2px solid #2f81f7;padding:5px}}
.lookalike-cards .frame{{width:{SIDE}px;height:{SIDE}px;max-width:100%;display:flex;align-items:center;
justify-content:center;font-size:11px;opacity:1}}
.lookalike-cards .frame.none{{border:1px dashed rgba(128,128,128,.6);box-sizing:border-box;opacity:.75}}
.lookalike-cards img{{max-width:100%;max-height:100%;margin:0}}
.lookalike-cards figcaption{{font-size:12px;line-height:1.35;margin-top:4px;overflow-wrap:anywhere;text-align:left}}
.lookalike-cards small{{opacity:.75;font-size:11px}}
</style>"""


@dataclass(frozen=True)
class Card:
    """One picture on the page.

    Attributes
    ----------
    uri
        Its name. An absolute path is read for a thumbnail, anything else is only named.
    lines
        What is said below it, each on a line of its own.
    first
        Marked by a frame: the query, the keeper.
    read
        False for what is known to be no picture: it is not opened.
    """

    uri: Uri
    lines: tuple[str, ...] = ()
    first: bool = False
    read: bool = True


@dataclass(frozen=True)
class Section:
    """A heading, cards beside each other, and a line below them; each may be empty."""

    title: str
    cards: Sequence[Card] = ()
    note: str = ""


def more(total: int, shown: int, noun: str, plural: str | None = None) -> str:
    """Return how many there are beyond those that are shown, such as "12 more groups"; "" if none are."""
    return f"{human_count(total - shown, f'more {noun}', plural and f'more {plural}')}" if total > shown else ""


def page(title: str, sections: Iterable[Section], *, table: str = "", note: str = "") -> str:
    """Return a piece of HTML: a title, cards section by section, a table, a note.

    Parameters
    ----------
    title, note
        Plain text, like all that cards and sections hold: it is escaped here.
    sections
        See `Section`.
    table
        HTML, as `lookalike.frames` makes it.
    """
    sections = list(sections)
    pictures = thumbnails(card.uri for section in sections for card in section.cards if card.read)
    parts = [_STYLE, f"<p><b>{_escaped(title)}</b></p>"]
    for section in sections:
        if section.title:
            parts.append(f"<p>{_escaped(section.title)}</p>")
        if section.cards:
            cards = "".join(_card(card, pictures.get(card.uri, "")) for card in section.cards)
            parts.append(f'<div class="lookalike-cards">{cards}</div>')
        if section.note:
            parts.append(f"<p><small>{_escaped(section.note)}</small></p>")
    parts.append(table)
    if note:
        parts.append(f"<p>{_escaped(note)}</p>")
    return f'<div class="lookalike">{"".join(parts)}</div>'


def thumbnails(uris: Iterable[Uri], side: int = SIDE) -> dict[Uri, str]:
    """Return a data URI for each local file that can be read, of a JPEG at most 1.5 x `side` pixels long."""
    wanted = [uri for uri in dict.fromkeys(uris) if PurePath(uri).is_absolute()]
    with ThreadPoolExecutor(_THREADS) as pool:
        made = pool.map(lambda uri: _thumbnail(uri, side * 3 // 2), wanted)
        return {uri: source for uri, source in zip(wanted, made, strict=True) if source}


def _thumbnail(uri: Uri, side: int) -> str:
    from PIL import Image

    try:
        pixels = decode(read_bytes(uri, max_bytes=MAX_BYTES), min_side=side, max_pixels=MAX_PIXELS).pixels
    except ImageError:
        return ""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _card(card: Card, source: str) -> str:
    path = _escaped(card.uri)
    name = html.escape(shorten_path(visible(split_path(card.uri)[1]) or visible(card.uri), _LETTERS))
    frame = f'<div class="frame"><img src="{source}" alt="{name}"></div>'
    if not source:
        frame = '<div class="frame none">no picture here</div>'
    lines = "".join(f"<br><small>{html.escape(shorten_end(visible(line), 90))}</small>" for line in card.lines if line)
    mark = ' class="first"' if card.first else ""
    return f'<figure{mark} title="{path}">{frame}<figcaption>{name}{lines}</figcaption></figure>'


def _escaped(text: str) -> str:
    return html.escape(visible(text))
