"""Which pictures the names in a label file mean, and to which folder the names are relative."""

# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from lookalike.errors import UsageError
from lookalike.sources import is_url
from lookalike.types import Uri
from lookalike.units import PICTURES

__all__ = ["real", "resolved", "stems_of", "voc_pictures"]

_SAMPLE = 40
"""Names of a file that are looked for in a folder."""

_MOST_FOLDERS = 500
"""Folders near a label file that its names are looked for in."""


def resolved(
    uri: Uri, names: Sequence[str], pictures: Sequence[Uri], folder: Uri | None
) -> tuple[dict[str, Uri], Uri | None]:
    """Return which of the pictures each name means, names of other pictures left out, and relative to which folder."""
    wanted = {one if is_url(one) else real(one): one for one in pictures}
    called = {os.path.basename(one) for one in wanted}
    told = {}
    relative = []
    for name in dict.fromkeys(names):
        if _name(name) not in called and not is_url(name):  # the folders of all others need not be looked at
            if not os.path.isabs(name):
                relative.append(name)
            continue
        if is_url(name):
            if name in wanted:
                told[name] = wanted[name]
        elif os.path.isabs(name):
            if real(name) in wanted:
                told[name] = wanted[real(name)]
        else:
            relative.append(name)
    if not relative:
        return told, folder
    base = os.path.realpath(folder) if folder is not None else _base(real(uri), relative, list(wanted))
    if base is not None:
        for name in relative:
            if _name(name) in called and (path := real(_joined(base, name))) in wanted:
                told[name] = wanted[path]
    return told, base


def stems_of(base: str, pictures: Sequence[Uri]) -> dict[str, Uri]:
    """Return by its stem each picture in a folder of Pascal VOC, unless another of that stem stays there."""
    here = {os.path.basename(one): one for one in pictures if os.path.dirname(real(one)) == base}
    stems = {os.path.splitext(name)[0]: one for name, one in here.items()}
    if stems:
        with contextlib.suppress(OSError), os.scandir(base) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)
                if stem in stems and entry.name not in here and suffix.lower() in PICTURES:
                    del stems[stem]
    return stems


def _name(path: str) -> str:
    return os.path.basename(path.replace("\\", "/"))


def real(path: str) -> str:
    """Return a path by whatever links it was reached; a name that is a link itself is kept."""
    folder, name = os.path.split(os.path.normpath(path))
    return os.path.join(os.path.realpath(folder), name)


def _joined(base: str, name: str) -> str:
    return os.path.normpath(os.path.join(base, name.replace("\\", "/")))


def _base(uri: Uri, names: Sequence[str], pictures: Sequence[str]) -> str | None:
    """Return the folder that names are relative to; None if they are not about these pictures."""
    own = os.path.dirname(uri)
    possible = set()
    by_name: dict[str, list[str]] = {}
    for name in names:
        by_name.setdefault(os.path.basename(name.replace("\\", "/")), []).append(name)
    for picture in pictures:
        for name in by_name.get(os.path.basename(picture), ()):
            tail = os.path.normpath(name.replace("\\", "/"))
            if picture.endswith(os.sep + tail):
                possible.add(picture[: -len(tail) - 1] or os.sep)
    if not possible:
        return None
    sample = names[:: max(1, len(names) // _SAMPLE)]
    fitting = []
    for folder in dict.fromkeys([*sorted(possible), *_near(own)]):
        there = sum(os.path.lexists(_joined(folder, name)) for name in sample)
        if there * 2 >= len(sample) or (folder == own and folder in possible):
            fitting.append((_rank(uri, folder), folder))
    best = [folder for rank, folder in fitting if rank == min(fitting)[0]]
    if len(best) > 1:
        raise UsageError(
            f"the names in {uri} fit several folders, {best[0]} and {best[1]}: say to which of them they are relative"
        )
    return best[0] if best else None


def _rank(uri: Uri, folder: str) -> int:
    """Return how little a folder has to do with a label file: 0 for its own, 1 for one that it is named after."""
    if folder == os.path.dirname(uri):
        return 0
    stem = os.path.splitext(os.path.basename(uri))[0].casefold()
    parts = [part.casefold() for part in folder.split(os.sep)[-2:] if part]
    return 1 if any(part in stem for part in parts) else 2


def _near(own: str) -> Iterator[str]:
    """Yield the folder of a label file, the one above, and what is in them, two folders deep."""
    waiting = [(own, 2), (os.path.dirname(own), 2)]
    seen = 0
    while waiting and seen < _MOST_FOLDERS:
        folder, depth = waiting.pop(0)
        seen += 1
        yield folder
        if depth:
            try:
                with os.scandir(folder) as entries:
                    inner = sorted(one.path for one in entries if one.is_dir(follow_symlinks=False))
            except OSError:
                continue
            waiting += [(path, depth - 1) for path in inner]


def voc_pictures(uri: Uri) -> str | None:
    """Return the folder JPEGImages of a list of Pascal VOC, or None if the list is none."""
    parts = os.path.dirname(uri).split(os.sep)
    if "ImageSets" not in parts:
        return None
    at = len(parts) - 1 - parts[::-1].index("ImageSets")
    return os.sep.join([*parts[:at], "JPEGImages"])
