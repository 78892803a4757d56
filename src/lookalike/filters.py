"""Which pictures of a library are asked among: by folder, date, size, format and label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from itertools import islice

from lookalike.defaults import LABELS
from lookalike.errors import UsageError
from lookalike.labels import read_labels
from lookalike.sources import uris_of
from lookalike.store import Content, Image, Store
from lookalike.types import Uri

__all__ = ["Chosen", "Filters", "Folder", "choose_pictures", "count_folders"]

_BATCH = 10_000
_SPELLINGS = {"jpg": "jpeg", "tif": "tiff", "heif": "heic"}


@dataclass(frozen=True)
class Filters:
    """What a picture must be to count. What is None or empty does not matter; all that is set must hold.

    Attributes
    ----------
    under
        Files and folders: at or under one of them.
    after, before
        The file's date of change, from `after` on and earlier than `before`: "2024", "2024-05", "2024-05-31" or with a
        time "2024-05-31T18:30"; in local time.
    min_side, max_side
        Of the shorter side, in pixels.
    min_bytes, max_bytes
        Of the file.
    formats
        Such as "jpeg", "png"; "jpg" is "jpeg".
    label
        One of these labels. Of `under`, `formats` and `label`, one alone may be given as it is.
    labels
        How labels are told: see `lookalike.labels.read_labels`.
    """

    under: Sequence[str] = ()
    after: str | None = None
    before: str | None = None
    min_side: int | None = None
    max_side: int | None = None
    min_bytes: int | None = None
    max_bytes: int | None = None
    formats: Sequence[str] = ()
    label: Sequence[str] = ()
    labels: str = LABELS

    def __post_init__(self) -> None:
        for name in ("under", "formats", "label"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        for name in ("after", "before"):
            if (text := getattr(self, name)) is not None:
                _seconds(text)

    def __bool__(self) -> bool:
        """Return whether anything is asked for."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "labels") or self._limits()

    def _limits(self) -> bool:
        return any(limit is not None for limit in (self.min_side, self.max_side, self.min_bytes, self.max_bytes))


@dataclass(frozen=True)
class Chosen:
    """The pictures that pass: their ids, and those of their contents."""

    images: frozenset[int]
    contents: frozenset[int]


@dataclass(frozen=True)
class Folder:
    """A folder that holds pictures itself: how many there are, and their bytes."""

    path: str
    pictures: int
    bytes: int


def count_folders(store: Store) -> list[Folder]:
    """Return the folders that pictures of a library are in, in the order of their names; URLs by their host."""
    return [Folder(path, *counted) for path, counted in store.folders().items()]


def choose_pictures(store: Store, filters: Filters) -> Chosen:
    """Return the pictures of a library that pass.

    Raises
    ------
    UsageError
        If no picture has a label, or a folder to look under holds nothing that is indexed.
    """
    under = uris_of(filters.under)
    for path in under:
        if not store.holds(path):
            raise UsageError(f"no picture at or under {path} is indexed: `lookalike index` comes first")
    wanted = frozenset(filters.label)
    labelled = _labelled(store, filters.labels, wanted) if wanted else None
    images: set[int] = set()
    contents: set[int] = set()
    found = store.images(under)
    passes = _passing(filters)
    while batch := list(islice(found, _BATCH)):
        held = _contents(store, filters, batch)
        for image in batch:
            if (labelled is None or image.id in labelled) and passes(image, held.get(image.content_id)):
                images.add(image.id)
                contents.add(image.content_id)
    return Chosen(frozenset(images), frozenset(contents))


def _labelled(store: Store, how: str, wanted: frozenset[str]) -> set[int]:
    images = list(store.images())
    uris: list[Uri] = [image.uri for image in images]
    return {image.id for image, label in zip(images, read_labels(how, uris), strict=True) if label in wanted}


def _contents(store: Store, filters: Filters, images: Iterable[Image]) -> dict[int, Content]:
    if not filters.formats and filters.min_side is None and filters.max_side is None:
        return {}
    return store.contents([image.content_id for image in images])


def _passing(filters: Filters) -> Callable[[Image, Content | None], bool]:
    """Return what says whether a picture passes; what is written as text is read once, not for each picture."""
    after, before = (None if text is None else _seconds(text) for text in (filters.after, filters.before))
    formats = frozenset(map(_format, filters.formats))
    sides = filters.min_side is not None or filters.max_side is not None

    def passes(image: Image, content: Content | None) -> bool:
        changed = image.mtime_ns / 1e9
        if (after is not None and changed < after) or (before is not None and changed >= before):
            return False
        if not _between(image.size, filters.min_bytes, filters.max_bytes):
            return False
        if formats and (content is None or _format(content.format or "") not in formats):
            return False
        if not sides:
            return True
        if content is None or not content.width or not content.height:
            return False
        return _between(min(content.width, content.height), filters.min_side, filters.max_side)

    return passes


def _between(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _format(name: str) -> str:
    name = name.strip().casefold()
    return _SPELLINGS.get(name, name)


def _seconds(text: str) -> float:
    """Return a date as seconds since 1970."""
    text = text.strip()
    try:
        for form in ("%Y", "%Y-%m"):
            if len(text) == len(date(2000, 1, 1).strftime(form)):
                return datetime.strptime(text, form).astimezone().timestamp()
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError) as error:  # Windows knows no time before 1970
        raise UsageError(f"{text!r} is no date: write it as 2024, 2024-05 or 2024-05-31") from error
