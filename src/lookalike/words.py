"""Numbers, names and verdicts as people read them."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = [
    "COPIES",
    "VERDICT_MEANING",
    "cell_width",
    "human_bytes",
    "human_count",
    "human_distance",
    "human_probability",
    "human_seconds",
    "number",
    "plain",
    "short_float",
    "shorten_end",
    "shorten_path",
    "split_path",
    "visible",
]

VERDICT_MEANING: dict[str, str] = {
    "same-file": "the same bytes",
    "same-pixels": "other bytes, the same pixels",
    "same-picture": "resized, recompressed or in another format",
    "edited": "cropped, turned, mirrored, recoloured or pasted into another",
    "same-scene": "another shot of the same scene",
    "related": "alike in content",
    "unrelated": "nothing in common",
}
"""What each verdict says, strongest first."""

COPIES = frozenset(("same-file", "same-pixels", "same-picture", "edited"))
"""The verdicts that say "a duplicate"; another shot of a scene is none."""

_LARGEST_FLOAT32 = 3.4028234e38


def number(value: int) -> str:
    """Return a count with commas between the thousands."""
    return f"{value:,}"


def human_count(count: int, noun: str, plural: str | None = None) -> str:
    """Return "1 picture", "12,345 pictures"; `plural` where an s is not enough."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def human_bytes(count: int) -> str:
    """Return a size in decimal units: "812 B", "8.1 MB", "120 GB"."""
    if abs(count) < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        # 999,960 bytes are 1.0 MB, never "1000 kB".
        if abs(value) < 999.5 or unit == "PB":
            break
    return f"{value:.1f} {unit}" if abs(value) < 99.95 else f"{value:.0f} {unit}"


def human_seconds(seconds: float) -> str:
    """Return a duration: "0.4 s", "42 s", "3 min 05 s", "2 h 10 min", "3 d 4 h"."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def human_distance(distance: float | None, descriptor: str = "") -> str:
    """Return a distance with four digits, in bits for "pdq"; empty for None, "0" for none at all."""
    if distance is None:
        return ""
    if descriptor == "pdq":
        return human_count(round(distance), "bit") if math.isfinite(distance) else str(distance)
    if distance == 0:
        return "0"
    if 0 < distance < 0.00005:
        return "<0.0001"
    return f"{distance:.4f}" if distance < 10 else f"{distance:.4g}"


def human_probability(probability: float) -> str:
    """Return a probability in percent; "100 %" is said only of what is proven."""
    return "100 %" if probability >= 1 else f"{min(probability * 100, 99.9):.1f} %".replace(".0 %", " %")


def short_float(value: float) -> float:
    """Return the float whose repr is the shortest text for `value`.

    A number that came from float32 gets the digits that name it among float32 numbers (0.1234567, not
    0.12345670163631439); every other number is returned as it is.
    """
    if -_LARGEST_FLOAT32 < value < _LARGEST_FLOAT32:
        narrow = np.float32(value)
        if float(narrow) == value:
            return float(str(narrow))
    return value


def plain(value: Any) -> Any:
    """Return `value` as None, bool, int, float, str, or a list or dict of these; floats as short as they can be."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return short_float(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def visible(text: str, *, surrogates: bool = True) -> str:
    r"""Return `text` on one line, with what cannot be seen or would move the cursor written as an escape.

    Parameters
    ----------
    text
        Often a file name: anything may be in it.
    surrogates
        True writes the bytes of a name that is not UTF-8 as ``\xe9``, for places that hold text only. False leaves
        them, for a stream that gets the original bytes back.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible_character(character, surrogates) for character in text)


_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _visible_character(character: str, surrogates: bool) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        if not surrogates:
            return character
        return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
    # Cc: control characters; Zl and Zp: line ends of Unicode; the rest turns the direction of all that follows.
    if unicodedata.category(character) in ("Cc", "Zl", "Zp") or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character


def cell_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes: 2 for wide characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def split_path(uri: str) -> tuple[str, str]:
    r"""Return the folder with its separator, and the name; ``("", uri)`` where there is no separator.

    A backslash separates only where there is no slash, since on most systems it may stand in a name.
    """
    cut = uri.rfind("/" if "/" in uri else "\\") + 1
    return uri[:cut], uri[cut:]


def shorten_path(text: str, limit: float, measure: Callable[[str], float] = cell_width) -> str:
    """Return `text` within `limit`, cut in the middle: the name's end is kept, the whole name if there is room.

    Parameters
    ----------
    text
        A path or URL, already `visible`.
    limit
        In the unit of `measure`; at least the width of a few characters.
    measure
        Width of a text: terminal columns, or a font's pixels.
    """
    if measure(text) <= limit:
        return text
    folder, name = split_path(text)
    # The separator stays with the name: "/photos/2…/beach.jpg".
    tail = folder[-1:] + name
    if not folder or measure("…" + tail) > limit:
        head, room = name, limit * 2 / 3
        start = _largest(len(name), lambda n: measure("…" + name[len(name) - n :]) <= room)
        tail = name[len(name) - max(start, 1) :]
    else:
        head = folder[:-1]
    kept = _largest(len(head), lambda n: measure(head[:n] + "…" + tail) <= limit)
    return head[:kept] + "…" + tail


def shorten_end(text: str, limit: float, measure: Callable[[str], float] = cell_width) -> str:
    """Return `text` within `limit`, its end cut: for sentences."""
    if measure(text) <= limit:
        return text
    kept = _largest(len(text), lambda n: measure(text[:n].rstrip() + "…") <= limit)
    return text[:kept].rstrip() + "…"


def _largest(upper: int, fits: Callable[[int], bool]) -> int:
    """Return the largest n up to `upper` that fits, 0 if none does; what fits at n fits below n."""
    low = 0
    while low < upper:
        middle = (low + upper + 1) // 2
        if fits(middle):
            low = middle
        else:
            upper = middle - 1
    return low
