"""Which picture of a group to keep, and why in words.

Each rule is a number for each picture, smaller is better; the first rule by which two differ decides between them. What
pairs of pictures tell (which shows more, which was written on) becomes such a number, too: how many pictures in a row
stand above it. So the order is total, and depends on the pictures and on what pairs tell alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from typing import Any

import numpy as np

from lookalike.defaults import KEEP_RULES
from lookalike.duplicates.origin import is_lossless
from lookalike.errors import UsageError
from lookalike.sources import normalise_uri
from lookalike.types import Uri
from lookalike.units import LAST_COPIES

__all__ = ["Candidate", "PairFacts", "Preference", "check_keep", "prefer", "shows_more"]

FOLDER = "folder:"
OTHER_RULES = ("newest",)
_SAID = 3  # reasons at most

_SHARE = 0.03  # of a picture's area: less is how exactly a shared region is known


@dataclass(frozen=True)
class Candidate:
    """What is known of a picture that might be kept.

    Attributes
    ----------
    width, height, size
        In pixels and bytes.
    mtime_ns
        0 where unknown.
    format
        By its name in `lookalike.formats`.
    lossless
        None where unknown: then the format tells.
    quality
        Of a JPEG, 1 to 100; None where unknown: then bytes per pixel tell.
    camera, taken
        See `lookalike.duplicates.origin.Origin`.
    beside
        Kinds of the files that belong to it: see `lookalike.units.Companion`.
    reference
        In a folder whose pictures are always kept.
    kept
        It was decided once for all to keep it.
    """

    uri: Uri
    width: int
    height: int
    size: int
    mtime_ns: int
    format: str | None = None
    lossless: bool | None = None
    quality: int | None = None
    camera: bool = False
    taken: str | None = None
    beside: tuple[str, ...] = ()
    reference: bool = False
    kept: bool = False


@dataclass(frozen=True)
class PairFacts:
    """What holding two pictures, a and b, against each other told of which is the edit.

    Each is 1 if a is the one to keep by it, -1 if b is, 0 if neither or it cannot be told.

    Attributes
    ----------
    shows_more
        Shows more of the scene. 0 where what one has more is a border or another picture.
    clean
        Has no caption, sticker, border or frame that the other lacks.
    colour
        Is in colour where the other is grey, tinted or a negative.
    upright
        Reads the right way round, where that can be told by what it shows, as by text.
    turned
        One is the other mirrored or turned: the one that names its camera is then taken for the original.
    """

    shows_more: int = 0
    clean: int = 0
    colour: int = 0
    upright: int = 0
    turned: bool = False


def shows_more(share_a: float, share_b: float) -> int:
    """Return 1 if a shows more of the scene than b, -1 if less, 0 if about as much.

    Parameters
    ----------
    share_a, share_b
        Part of either picture's area that the other shows, 0 to 1.
    """
    return int(share_b - share_a > _SHARE) - int(share_a - share_b > _SHARE)


def check_keep(keep: Sequence[str]) -> tuple[str, ...]:
    """Return all rules in order: those of `keep`, then the rest of `lookalike.defaults.KEEP_RULES`.

    Parameters
    ----------
    keep
        Names of rules, "newest", or "folder:PATH" for what lies at or under PATH.

    Raises
    ------
    UsageError
        For another name, a folder without a path, or both "oldest" and "newest".
    """
    rules: list[str] = []
    for rule in keep:
        if rule.startswith(FOLDER) and len(rule) > len(FOLDER):
            path = os.path.expanduser(rule.removeprefix(FOLDER))  # noqa: PTH111 - no shell sees a ~ after a colon
            rules.append(FOLDER + normalise_uri(path))
        elif rule in KEEP_RULES or rule in OTHER_RULES:
            rules.append(rule)
        else:
            choices = ", ".join((*KEEP_RULES, *OTHER_RULES, f"{FOLDER}PATH"))
            raise UsageError(f"no rule {rule!r} of which picture to keep: choose of {choices}")
    if "newest" in rules and "oldest" in rules:
        raise UsageError("the rules oldest and newest exclude each other: give one of them")
    rest = [rule for rule in KEEP_RULES if not (rule == "oldest" and "newest" in rules)]
    return tuple(dict.fromkeys([*rules, *rest]))


@dataclass(frozen=True)
class Preference:
    """An order of keeping.

    Attributes
    ----------
    places
        For each candidate its place, 0 for the one to keep above all; all different.
    """

    places: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    columns: tuple[tuple[str, tuple[Any, ...]], ...]

    def reason(self, keeper: int, others: Sequence[int]) -> str:
        """Say in words why the candidate at `keeper` is kept rather than any of those at `others`.

        First what decided against one or more of them; then what else speaks for it and for none of them.
        """
        deciding: dict[str, list[int]] = {}
        for other in others:
            rule = next((rule for rule, column in self.columns if column[keeper] != column[other]), "")
            deciding.setdefault(rule, []).append(other)
        said, also = [], []
        for rule, column in self.columns:
            if rule in deciding:
                said.append(self._words(rule, keeper, deciding[rule]))
            elif rule == "quality" and _is_lossless(self.candidates[keeper]):
                continue  # has been said
            elif rule in _SPEAKING and others and all(column[keeper] <= column[other] for other in others):
                behind = [other for other in others if column[keeper] < column[other]]
                also += [self._words(rule, keeper, behind)] if behind else []
        return "; ".join([*said[:_SAID], *also][: max(_SAID, len(said[:_SAID]))]) or "first by name"

    def _words(self, rule: str, keeper: int, behind: Sequence[int]) -> str:
        mine, others = self.candidates[keeper], [self.candidates[at] for at in behind]
        if rule.startswith(FOLDER):
            return f"in {rule.removeprefix(FOLDER)}"
        return _WORDS[rule](mine, others) if rule in _WORDS else _PLAIN[rule]


def prefer(
    candidates: Sequence[Candidate],
    keep: Sequence[str] = KEEP_RULES,
    facts: Mapping[tuple[int, int], PairFacts] | None = None,
) -> Preference:
    """Return the order in which candidates are to be kept.

    Parameters
    ----------
    candidates
        In any order, which changes nothing.
    keep
        See `check_keep`.
    facts
        What pairs tell, by their positions among the candidates, each pair in one order or the other.

    Notes
    -----
    O(n log n). By a rule of pairs, a picture comes after all that are better than it in a pair, directly or by way of
    others; those that a ring of pairs calls better than each other are equal. Before all rules references come first,
    then what is kept once for all; after all of them the name that sorts first.
    """
    told = facts or {}
    columns: list[tuple[str, tuple[Any, ...]]] = [
        ("reference", tuple(not c.reference for c in candidates)), ("kept", tuple(not c.kept for c in candidates))
    ]  # fmt: skip
    for rule in check_keep(keep):
        if rule in _PAIRWISE:
            signs = [(a, b, _PAIRWISE[rule](fact, candidates[a], candidates[b])) for (a, b), fact in told.items()]
            beats = [(a, b) if sign > 0 else (b, a) for a, b, sign in signs if sign]
            columns.append((rule, _depths(len(candidates), beats)))
        elif rule.startswith(FOLDER):
            folder = rule.removeprefix(FOLDER)
            inside = folder.rstrip(os.sep) + os.sep
            columns.append((rule, tuple(not (c.uri == folder or c.uri.startswith(inside)) for c in candidates)))
        else:
            columns.append((rule, tuple(_KEYS[rule](c) for c in candidates)))
    names = [os.fsencode(candidate.uri) for candidate in candidates]
    order = sorted(range(len(candidates)), key=lambda at: (*(column[at] for _, column in columns), names[at]))
    places = [0] * len(candidates)
    for place, at in enumerate(order):
        places[at] = place
    columns.append(("", tuple(names)))
    return Preference(tuple(places), tuple(candidates), tuple(columns))


def _depths(count: int, beats: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return for each of `count` how many stand above it in the longest row of (winner, loser)."""
    if not beats:
        return (0,) * count
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    winners, losers = np.array(beats).T
    graph = coo_matrix((np.ones(len(beats), bool), (winners, losers)), (count, count))
    rings = connected_components(graph, directed=True, connection="strong")[1].tolist()
    above: dict[int, set[int]] = {}
    for winner, loser in beats:
        if rings[winner] != rings[loser]:
            above.setdefault(rings[loser], set()).add(rings[winner])
    depth: dict[int, int] = {}
    for ring in TopologicalSorter(above).static_order():
        depth[ring] = max((depth[other] + 1 for other in above.get(ring, ())), default=0)
    return tuple(depth.get(ring, 0) for ring in rings)


# ------------------------------------------------------------------------------------------------ the rules

_PAIRWISE: dict[str, Callable[[PairFacts, Candidate, Candidate], int]] = {
    "uncropped": lambda fact, _a, _b: fact.shows_more,
    "upright": lambda fact, a, b: fact.upright or (int(a.camera) - int(b.camera) if fact.turned else 0),
    "unaltered": lambda fact, _a, _b: fact.clean,
    "colour": lambda fact, _a, _b: fact.colour,
}

_EXTRA_NAMES = re.compile(
    r"(?i)\b(copy|copie|kopie|copia|cópia|kopia|копия)\b|の?コピー|副本"
    r"|(?<=.)[ _]?\(\d+\)$|(?<=.)~\d+$"
    r"|(?<=.)[-_. ](edited|edit|bearbeitet|modifi[eé]e?|editad[oa]|retouched|crop|cropped|resized?|scaled|small|medium"
    r"|thumb|thumbnail|preview|web|lowres|low|lq|min|mini|compressed|optimi[sz]ed|effects|collage)\d*$"
    r"|(?<=.)[-_]\d{2,4}x\d{2,4}$"
    r"|^(thumb|tn|preview|small)[-_ ]"
    r"|^(IMG|VID)-\d{8}-WA\d+|^(FB_IMG_|received_|signal-\d|photo_\d{4}-\d\d-\d\d_|snapchat-)"
    r"|^(screenshot|screen[ _-]shot|bildschirmfoto|capture d.[eé]cran|screen recording)"
)
_EXTRA_FOLDERS = re.compile(r"(?i)^\.?(thumbs?|thumbnails|cache|trash|trash-\d+|\$recycle\.bin|previews)$")


def _name(candidate: Candidate) -> tuple[int, int, int]:
    """Return how much a name sounds like that of a copy, its length, and that of all of the path."""
    *folders, name = re.split(r"[/\\]", candidate.uri)
    stem = name.rpartition(".")[0] or name
    extra = len(_EXTRA_NAMES.findall(stem)) + any(_EXTRA_FOLDERS.match(folder) for folder in folders)
    return extra, len(name), len(candidate.uri)


def _is_lossless(candidate: Candidate) -> bool:
    return is_lossless(candidate.format) if candidate.lossless is None else candidate.lossless


# About the bits a pixel that photographs take as JPEG at these qualities; HEIC and AVIF need half, WebP .7 of them.
_BITS = (0.15, 0.5, 0.8, 1.2, 1.7, 2.2, 3.3, 6.0)
_QUALITIES = (1, 25, 50, 75, 85, 90, 95, 100)
_THRIFT = {"HEIC": 0.5, "AVIF": 0.5, "WebP": 0.7}


def _bits(candidate: Candidate) -> float:
    return 8 * candidate.size / max(candidate.width * candidate.height, 1)


def _quality(candidate: Candidate) -> int:
    """Return a JPEG's quality; that of other lossy files as JPEGs of as many bits; 100 for lossless ones."""
    if _is_lossless(candidate):
        return 100
    if candidate.quality is not None:
        return candidate.quality
    return round(float(np.interp(_bits(candidate) / _THRIFT.get(candidate.format or "", 1.0), _BITS, _QUALITIES)))


def _moment(candidate: Candidate) -> float | None:
    """Return when a picture was taken, else when its file was changed, in seconds since 1970; None if unknown."""
    if candidate.taken:
        try:
            return datetime.fromisoformat(candidate.taken).replace(tzinfo=UTC).timestamp()
        except ValueError:
            pass
    return candidate.mtime_ns / 1e9 if candidate.mtime_ns else None


def _age(candidate: Candidate, sign: int) -> tuple[bool, float, int]:
    moment = _moment(candidate)
    return moment is None, sign * (moment or 0.0), sign * candidate.mtime_ns


def _complete(candidate: Candidate) -> tuple[bool, bool, int]:
    """Return what belongs to a picture: what holds a picture of its own counts before all sidecars together."""
    sidecars = set(candidate.beside) - set(LAST_COPIES)
    return "raw" not in candidate.beside, "film" not in candidate.beside, -len(sidecars)


_KEYS: dict[str, Callable[[Candidate], Any]] = {
    "pixels": lambda c: -c.width * c.height,
    "lossless": lambda c: not _is_lossless(c),
    "quality": lambda c: -_quality(c),
    "metadata": lambda c: -int(c.camera) - int(c.taken is not None),
    "complete": _complete,
    "oldest": lambda c: _age(c, 1),
    "newest": lambda c: _age(c, -1),
    "name": _name,
}

# ------------------------------------------------------------------------------------------------ in words

_SPEAKING = {"uncropped", "upright", "unaltered", "colour", "pixels", "lossless", "quality", "metadata", "complete"}
"""Rules that are worth saying also where another decided."""

_PLAIN = {
    "": "first by name",
    "reference": "in a reference folder",
    "kept": "always kept, as decided",
    "uncropped": "uncropped",
    "upright": "not mirrored or turned",
    "unaltered": "nothing added",
    "colour": "in colour",
    "newest": "newest",
}


def _pixels_in_words(mine: Candidate, others: Sequence[Candidate]) -> str:
    ratios = [mine.width * mine.height / max(other.width * other.height, 1) for other in others]
    least, most = min(ratios), max(ratios)
    if least < 1.05:
        return f"most pixels: {mine.width} x {mine.height}"
    times = f"{least:.1f}".removesuffix(".0") if least < 10 else f"{least:,.0f}"
    return f"{'at least ' if most > 1.05 * least else ''}{times} times the pixels"


def _quality_in_words(mine: Candidate, others: Sequence[Candidate]) -> str:
    nearest = max(others, key=lambda other: (_quality(other), other.quality is not None))
    if _is_lossless(mine):
        return "not compressed at a loss"
    about = "" if mine.quality is not None and nearest.quality is not None else "about "
    return f"less compressed: {about}JPEG quality {_quality(mine)}, not {_quality(nearest)}"


def _metadata_in_words(mine: Candidate, others: Sequence[Candidate]) -> str:
    if mine.camera and not all(other.camera for other in others):
        return "names its camera"
    return "says when it was taken"


_PARTS = {
    "raw": "its RAW", "film": "its film", "xmp": "its XMP sidecar", "aae": "its edits", "json": "its JSON",
    "label": "its labels", "settings": "its development settings", "thumbnail": "its thumbnail",
}  # fmt: skip


def _complete_in_words(mine: Candidate, others: Sequence[Candidate]) -> str:
    """Say what a picture has beside it that any of the others lacks."""
    more = [
        words for kind, words in _PARTS.items() if kind in mine.beside and any(kind not in o.beside for o in others)
    ]
    return f"has {' and '.join([', '.join(more[:-1])] * (len(more) > 1) + more[-1:])} beside it"


def _age_in_words(mine: Candidate, others: Sequence[Candidate]) -> str:
    if mine.taken and all(other.taken != mine.taken for other in others):
        return f"oldest: taken {mine.taken[:10]}"
    return "oldest file"


def _name_in_words(mine: Candidate, others: Sequence[Candidate]) -> str:
    if all(_name(mine)[0] < _name(other)[0] for other in others):
        return "not called a copy"
    return "better name" if any(_name(mine)[0] < _name(other)[0] for other in others) else "shortest name"


_WORDS: dict[str, Callable[[Candidate, Sequence[Candidate]], str]] = {
    "pixels": _pixels_in_words,
    "lossless": lambda mine, _: f"lossless ({mine.format})" if mine.format else "lossless",
    "quality": _quality_in_words,
    "metadata": _metadata_in_words,
    "complete": _complete_in_words,
    "oldest": _age_in_words,
    "name": _name_in_words,
}
