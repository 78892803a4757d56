"""Files that belong to a picture and go where it goes: the RAW beside a JPEG, a Live Photo's film, sidecars, labels.

Nothing is read here but the names in folders.
"""

# ruff: noqa: SIM905
# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from lookalike.sources import is_url
from lookalike.types import Uri

__all__ = [
    "CAMERA", "FILMS", "LAST_COPIES", "PICTURES", "RAWS", "Companion", "Siblings", "Unit", "companions", "kinds_beside",
    "owners", "unit",
]  # fmt: skip

RAWS = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .raw "
    ".rw2 .rwl .sr2 .srf .srw .x3f".split()
)
"""Suffixes of RAW files, in lower case."""

CAMERA = frozenset((".jpg", ".jpeg", ".jpe", ".heic", ".heif", ".hif"))
"""Suffixes of pictures that cameras write, beside which a RAW, a film or a thumbnail of the same shot may lie."""

PICTURES = CAMERA | frozenset((".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jfif", ".dib"))
"""Suffixes of pictures: such a file is a picture of its own and nobody's companion."""

FILMS = frozenset((".mov", ".mp4", ".mp"))
"""Suffixes of the film of a Live Photo or a motion photo."""

_SAME_STEM = {".xmp": "xmp", ".aae": "aae", ".thm": "thumbnail", ".json": "json", ".txt": "label", ".xml": "label"}
"""Companions that have the picture's name but for the suffix."""

_WITH_SUFFIX = {
    ".xmp": "xmp",
    ".aae": "aae",
    ".json": "json",
    ".pp3": "settings",
    ".dop": "settings",
    ".vrd": "settings",
}
"""Companions whose name is the picture's whole name and a suffix more."""

_WORDS = {
    "raw": "the RAW of the same shot", "film": "its film", "xmp": "its XMP sidecar", "aae": "its edits",
    "json": "what was exported with it", "thumbnail": "its thumbnail", "settings": "its development settings",
    "label": "its labels",
}  # fmt: skip

LAST_COPIES = ("raw", "film")
"""Kinds that hold a picture of their own: never taken away with a copy unless the keeper has the same."""

_FOLDERS = 64
"""Folders whose names `kinds_beside` remembers."""

_TAKEOUT = 46
"""Characters that Google's exports leave of a name before ".json"."""

_SUPPLEMENT = ".supplemental-metadata"
_NUMBERED = re.compile(r"^(.*?)(\(\d+\))$", re.DOTALL)
_KEY = re.compile(r"(-edited)?(\(\d+\))?$")
_PHONE = re.compile(r"^(img_)[eo](?=\d{4})", re.IGNORECASE)


@dataclass(frozen=True)
class Companion:
    """A file that belongs to a picture.

    Attributes
    ----------
    uri
        Of the file.
    kind
        "raw", "film", "xmp", "aae", "json", "thumbnail", "settings" or "label".
    reason
        What it is, in words.
    """

    uri: Uri
    kind: str
    reason: str


@dataclass(frozen=True)
class Unit:
    """A picture with what belongs to it.

    Attributes
    ----------
    picture
        Its URI.
    companions
        Files that go where it goes, in the order of their names.
    shared
        Files that belong to another picture, too, which stays: they stay with that one.
    """

    picture: Uri
    companions: tuple[Companion, ...] = ()
    shared: tuple[Companion, ...] = ()


@dataclass(frozen=True)
class Siblings:
    """The names of the files in one folder, ready to be asked which belong together.

    Attributes
    ----------
    folder
        Absolute path.
    names
        Of files, not of folders.
    """

    folder: str
    names: Iterable[str]
    _near: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _known: dict[str, _Near] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in self.names:
            self._near.setdefault(_key(name), []).append(name)

    @classmethod
    def of(cls, folder: str) -> Siblings:
        """List a folder; one that cannot be read is empty."""
        try:
            with os.scandir(folder) as entries:
                return cls(folder, [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)])
        except OSError:
            return cls(folder, ())

    def near(self, name: str, *, picture: bool = False) -> _Near:
        """Return what is known of the names that may have to do with this one; of this one as a picture if it is one.

        They are looked through once for all of them.
        """
        key = _key(name)
        if key not in self._known:
            self._known[key] = _Near(self._near.get(key, ()))
        known = self._known[key]
        return known if not picture or name in known.by_name else _Near(self._near.get(key, ()), name)

    def forget(self, name: str) -> None:
        """Take a name out: its file has gone."""
        key = _key(name)
        near = self._near.get(key, [])
        if name in near:
            near.remove(name)
            self._known.pop(key, None)


def _key(name: str) -> str:
    """Return what the names of one unit have in common, whatever wrote them."""
    first = _PHONE.sub(r"\1", name.lstrip(".")).partition(".")[0]
    return _KEY.sub("", first).casefold()[:_TAKEOUT]


def companions(
    uri: Uri, *, siblings: Siblings | None = None, leaving: Collection[Uri] = ()
) -> tuple[Companion, ...]:  # fmt: skip
    """Return the files that go where a picture goes: see `unit`."""
    return unit(uri, siblings=siblings, leaving=leaving).companions


def unit(uri: Uri, *, siblings: Siblings | None = None, leaving: Collection[Uri] = ()) -> Unit:
    """Return a picture with the files that belong to it.

    Parameters
    ----------
    uri
        Of the picture. A URL has no companions.
    siblings
        Of its folder; None lists it. Give the same for all pictures of a folder that is large.
    leaving
        Pictures that go away together with it, best as a set: what belongs to these and to it alone goes along, and is
        then in the unit of each of them.

    Returns
    -------
    Unit
        A file belongs to every picture that its name fits best. One that belongs to a picture that stays is among the
        shared ones.

    Notes
    -----
    Names, but for the case of the suffix; where no picture has exactly the same stem, stems may differ in case:

    * RAW, film (Live Photo, motion photo) and THM have the stem of a camera's JPEG or HEIC;
    * XMP has the stem (``IMG.xmp``) or the whole name (``IMG.jpg.xmp``, ``IMG.cr2.xmp``); so do the AAE of Apple (also
      ``IMG_O1234.AAE``), which keeps edits, and JSON;
    * settings of RawTherapee, DxO and Canon have the whole name (``.pp3``, ``.dop``, ``.vrd``);
    * JSON of Google's exports has the whole name, ``.supplemental-metadata`` after it, cut to 46 characters, its number
      at the end (``IMG.jpg(1).json`` belongs to ``IMG(1).jpg``), and serves ``IMG-edited.jpg``, too;
    * labels for training have the stem: ``.txt`` (YOLO; captions) and ``.xml`` (Pascal VOC) beside the picture,
      ``labels/`` beside ``images/``, ``Annotations/`` and the masks of ``SegmentationClass/`` and
      ``SegmentationObject/`` beside ``JPEGImages/``.
    """
    if is_url(uri):
        return Unit(uri)
    folder, name = os.path.split(uri)
    near = (Siblings.of(folder) if siblings is None else siblings).near(name, picture=True)
    found: list[tuple[Companion, bool]] = []

    def go(pictures: Iterable[str]) -> bool:
        return all(one == name or os.path.join(folder, one) in leaving for one in pictures)

    for other, kind, held_by in near.of.get(name, ()):
        found.append((_companion(os.path.join(folder, other), kind), go(held_by)))
    same = near.by_stem.exact.get(_stem(name), ())
    found += [(_companion(path, "label"), go(same)) for path in _elsewhere(uri)]
    found.sort(key=lambda one: one[0].uri)
    return Unit(uri, tuple(one for one, alone in found if alone), tuple(one for one, alone in found if not alone))


def kinds_beside() -> Callable[[Uri], tuple[str, ...]]:
    """Return what tells the kinds of files that belong to a picture, whether to it alone or to others, too.

    What it returns lists the folder of each picture that it is asked about, and remembers the names in the last ones.
    Kinds are those of `Companion`, each once, in the order of names.
    """
    siblings = functools.lru_cache(maxsize=_FOLDERS)(Siblings.of)

    def kinds(uri: Uri) -> tuple[str, ...]:
        if is_url(uri):
            return ()
        whole = unit(uri, siblings=siblings(os.path.dirname(uri)))
        return tuple(sorted({one.kind for one in (*whole.companions, *whole.shared)}))

    return kinds


def owners(uri: Uri, *, siblings: Siblings | None = None) -> tuple[Uri, ...]:
    """Return the pictures in the unit of which a file is; none for a picture of its own.

    Parameters
    ----------
    uri
        Of a RAW, film, sidecar or label beside its picture, or of a mask of Pascal VOC.
    siblings
        As in `unit`.
    """
    if is_url(uri):
        return ()
    folder, name = os.path.split(uri)
    if _suffix(name) in PICTURES:
        parts = folder.split(os.sep)
        mask = next((mask for mask in _MASKS if mask in parts), None)
        if mask is None or _suffix(name) != ".png":
            return ()
        at = len(parts) - 1 - parts[::-1].index(mask)
        folder = os.sep.join([*parts[:at], "JPEGImages", *parts[at + 1 :]])
        held_by = Siblings.of(folder).near(name).by_stem.exact.get(_stem(name), set())
    else:
        near = (Siblings.of(folder) if siblings is None else siblings).near(name)
        held_by = near.owners(name)[1]
    return tuple(os.path.join(folder, other) for other in sorted(held_by))


def _companion(uri: Uri, kind: str) -> Companion:
    return Companion(uri, kind, _WORDS[kind])


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _whole(name: str) -> str:
    return name


class _Index:
    """Names by a part of them, exactly and but for the case of letters."""

    def __init__(self, names: Iterable[str], part: Callable[[str], str]) -> None:
        self.exact: dict[str, set[str]] = {}
        self.folded: dict[str, set[str]] = {}
        for name in names:
            self.exact.setdefault(part(name), set()).add(name)
            self.folded.setdefault(part(name).casefold(), set()).add(name)

    def same(self, wanted: str) -> set[str]:
        """Return the names whose part is the wanted one; else those where it is but for the case of letters."""
        return self.exact.get(wanted) or self.folded.get(wanted.casefold()) or set()


class _Near:
    """Names that may have to do with each other: the pictures among them, and which of these the others belong to.

    Attributes
    ----------
    by_name, by_stem
        The pictures.
    of
        For a picture what belongs to it: name, kind, and all pictures that it belongs to.
    """

    def __init__(self, names: Collection[str], picture: str | None = None) -> None:
        pictures = [name for name in names if _suffix(name) in PICTURES]
        others = [name for name in names if _suffix(name) not in PICTURES and name != picture]
        if picture is not None and picture not in pictures:
            pictures.append(picture)
        self.by_name = frozenset(pictures)
        self.by_stem = _Index(pictures, _stem)
        self._taken = _Index([name for name in pictures if _suffix(name) in CAMERA], _stem)
        self._shots: dict[str, set[str]] = {}
        """RAWs and films with the pictures that they belong to: their sidecars belong to the same."""
        self._shots = {name: self.owners(name)[1] for name in others if _suffix(name) in RAWS | FILMS}
        known = [*pictures, *self._shots]
        self._known = _Index(known, _whole)
        self._exported = _Exported(known)
        self.of: dict[str, list[tuple[str, str, set[str]]]] = {}
        for other in others:
            kind, held_by = self.owners(other)
            for one in held_by:
                self.of.setdefault(one, []).append((other, kind, held_by))

    def owners(self, name: str) -> tuple[str, set[str]]:
        """Return what kind of companion a name is, and which of the pictures it belongs to."""
        stem, suffix = os.path.splitext(name)
        suffix = suffix.lower()
        kind = "raw" if suffix in RAWS else "film" if suffix in FILMS else "thumbnail" if suffix == ".thm" else ""
        if kind:
            whole = self._taken.same(name) if suffix == ".mp" else set()
            return kind, whole or self._taken.same(stem)
        if suffix in _WITH_SUFFIX:
            found = self._known.same(stem)
            if suffix == ".json":
                found = found or self._exported.about(stem)
                found = found | {_edited(owner) for owner in found} & self.by_name
            if found:
                return _WITH_SUFFIX[suffix], {one for owner in found for one in self._shots.get(owner, {owner})}
        if suffix == ".aae":
            return "aae", self.by_stem.same(_PHONE.sub(r"\1", stem))
        return _SAME_STEM.get(suffix, ""), self.by_stem.same(stem) if suffix in _SAME_STEM else set()


class _Exported:
    """The names of JSON files that Google's exports write about pictures."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_name: dict[tuple[str, str], set[str]] = {}
        self._by_count: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)
            number = _NUMBERED.match(stem)
            for own, count in ((stem, ""), *(((number[1], number[2]),) if number else ())):
                self._by_name.setdefault((own + suffix, count), set()).add(name)
                self._by_count.setdefault(count, []).append((f"{own}{suffix}{_SUPPLEMENT}", name))

    def about(self, stem: str) -> set[str]:
        """Return the pictures that a JSON is about, by its name without ".json"."""
        number = _NUMBERED.match(stem)
        base, count = (number[1], number[2]) if number else (stem, "")
        found = set(self._by_name.get((base, count), ()))
        if base.endswith(_SUPPLEMENT):
            found |= self._by_name.get((base.removesuffix(_SUPPLEMENT), count), set())
        if len(base) == _TAKEOUT:
            found |= {name for whole, name in self._by_count.get(count, ()) if whole.startswith(base)}
        return found


def _edited(name: str) -> str:
    """Return the name that Google gives to the edited version of a picture."""
    stem, suffix = os.path.splitext(name)
    number = _NUMBERED.match(stem)
    return f"{number[1]}-edited{number[2]}{suffix}" if number else f"{stem}-edited{suffix}"


_BESIDE = (("images", "labels", ".txt"), ("JPEGImages", "Annotations", ".xml"))
_MASKS = ("SegmentationClass", "SegmentationObject")


def _elsewhere(uri: Uri) -> list[Uri]:
    """Return the files of labels that lie in another folder of a data set, as far as they are there."""
    parts = os.path.dirname(uri).split(os.sep)
    name = _stem(os.path.basename(uri))
    wanted = []
    for images, labels, suffix in _BESIDE:
        if images in parts:
            at = len(parts) - 1 - parts[::-1].index(images)
            wanted.append(os.sep.join([*parts[:at], labels, *parts[at + 1 :], name + suffix]))
            if images == "JPEGImages":
                wanted += [os.sep.join([*parts[:at], mask, *parts[at + 1 :], f"{name}.png"]) for mask in _MASKS]
    return [path for path in wanted if os.path.isfile(path)]
