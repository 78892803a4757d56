"""Files that belong to a picture and go where it goes: the RAW beside a JPEG, a Live Photo's film, sidecars, labels.

Nothing is read here but the names in folders, except by `unit_blocks`, which compares bytes.
"""

# ruff: noqa: SIM905
# Paths are strings here: a URI keeps every byte of the name as it was given.

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lookalike.sources import is_url
from lookalike.types import Uri

__all__ = [
    "CAMERA", "FILMS", "LAST_COPIES", "PICTURES", "RAWS", "Companion", "Siblings", "Unit", "companions", "owners",
    "unit", "unit_blocks",
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

    def near(self, name: str) -> list[str]:
        """Return the names that may have to do with this one."""
        return self._near.get(_key(name), [])

    def forget(self, name: str) -> None:
        """Take a name out: its file has gone."""
        near = self._near.get(_key(name), [])
        if name in near:
            near.remove(name)


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
    around = Siblings.of(folder) if siblings is None else siblings
    near = around.near(name)
    pictures = [other for other in near if _suffix(other) in PICTURES]
    if name not in pictures:
        pictures.append(name)
    others = [other for other in near if _suffix(other) not in PICTURES and other != name]
    shots = _shots(others, pictures)
    found: list[tuple[Companion, bool]] = []

    def go(pictures: Iterable[str]) -> bool:
        return all(one == name or os.path.join(folder, one) in leaving for one in pictures)

    for other in others:
        kind, held_by = _owners(other, pictures, shots)
        if name in held_by:
            found.append((_companion(os.path.join(folder, other), kind), go(held_by)))
    for path in _elsewhere(uri):
        stem = os.path.splitext(name)[0]
        found.append((_companion(path, "label"), go(other for other in pictures if _stem(other) == stem)))
    found.sort(key=lambda one: one[0].uri)
    return Unit(uri, tuple(one for one, alone in found if alone), tuple(one for one, alone in found if not alone))


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
        near = Siblings.of(folder).near(name)
        held_by = {other for other in near if _suffix(other) in PICTURES and _stem(other) == _stem(name)}
    else:
        near = (Siblings.of(folder) if siblings is None else siblings).near(name)
        pictures = [other for other in near if _suffix(other) in PICTURES]
        held_by = _owners(name, pictures, _shots(near, pictures))[1]
    return tuple(os.path.join(folder, other) for other in sorted(held_by))


def _shots(names: Iterable[str], pictures: Sequence[str]) -> dict[str, set[str]]:
    """Return the RAWs and films among some names, with the pictures that they belong to."""
    return {name: _owners(name, pictures, {})[1] for name in names if _suffix(name) in RAWS | FILMS}


def _companion(uri: Uri, kind: str) -> Companion:
    return Companion(uri, kind, _WORDS[kind])


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _owners(name: str, pictures: Sequence[str], shots: Mapping[str, set[str]]) -> tuple[str, set[str]]:
    """Return what kind of companion a name is, and which of the pictures it belongs to.

    `shots` are RAWs and films with the pictures that they belong to: their sidecars belong to the same.
    """
    stem, suffix = os.path.splitext(name)
    suffix = suffix.lower()
    kind = "raw" if suffix in RAWS else "film" if suffix in FILMS else "thumbnail" if suffix == ".thm" else ""
    if kind:
        taken = [picture for picture in pictures if _suffix(picture) in CAMERA]
        whole = _same(name, taken, _stem) if suffix == ".mp" else set()
        return kind, whole or _same(stem, taken, _stem)
    if suffix in _WITH_SUFFIX:
        known = [*pictures, *shots]
        found = _same(stem, known, str)
        if suffix == ".json":
            found = found or _of_takeout(stem, known)
            found |= {_edited(owner) for owner in found} & set(pictures)
        if found:
            return _WITH_SUFFIX[suffix], {one for owner in found for one in shots.get(owner, {owner})}
    if suffix == ".aae":
        return "aae", _same(_PHONE.sub(r"\1", stem), pictures, _stem)
    return _SAME_STEM.get(suffix, ""), _same(stem, pictures, _stem) if suffix in _SAME_STEM else set()


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _same(wanted: str, pictures: Iterable[str], part: Callable[[str], str]) -> set[str]:
    """Return the pictures whose part is the wanted one; else those where it is but for the case of letters."""
    pictures = list(pictures)
    exact = {picture for picture in pictures if part(picture) == wanted}
    return exact or {picture for picture in pictures if part(picture).casefold() == wanted.casefold()}


def _edited(name: str) -> str:
    """Return the name that Google gives to the edited version of a picture."""
    stem, suffix = os.path.splitext(name)
    number = _NUMBERED.match(stem)
    return f"{number[1]}-edited{number[2]}{suffix}" if number else f"{stem}-edited{suffix}"


def _of_takeout(stem: str, pictures: Iterable[str]) -> set[str]:
    """Return the pictures that a JSON of Google's exports is about, by its name without ".json"."""
    number = _NUMBERED.match(stem)
    base, count = (number[1], number[2]) if number else (stem, "")
    found = set()
    for picture in pictures:
        own, suffix = os.path.splitext(picture)
        if own.endswith(count) and count:
            own = own.removesuffix(count)
        elif count:
            continue
        whole = f"{own}{suffix}{_SUPPLEMENT}"
        if base in (own + suffix, whole) or (len(base) == _TAKEOUT and whole.startswith(base)):
            found.add(picture)
    return found


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


def unit_blocks(
    uri: Uri,
    keeper: Uri,
    *,
    siblings: Siblings | None = None,
    keeper_siblings: Siblings | None = None,
    leaving: Collection[Uri] = (),
) -> tuple[str, ...]:
    """Say why a picture must not be taken away as a copy of its keeper though the two are the same picture.

    Parameters
    ----------
    uri, keeper
        The picture that would go, and the one that stays.
    siblings, keeper_siblings, leaving
        As in `unit`.

    Returns
    -------
    tuple of str
        A sentence for each RAW and each film that would go along and of which the keeper has none with the same bytes:
        it would be the last copy. Empty where nothing speaks against it. A file that cannot be read is no copy.

    Notes
    -----
    Bytes are compared, but only of files of equal size.
    """
    going = unit(uri, siblings=siblings, leaving=leaving).companions
    needed = [one for one in going if one.kind in LAST_COPIES]
    if not needed:
        return ()
    held = unit(keeper, siblings=keeper_siblings)
    kept = [one for one in (*held.companions, *held.shared) if one.uri not in {other.uri for other in going}]
    said = []
    for one in needed:
        same_kind = [other.uri for other in kept if other.kind == one.kind]
        if not any(_equal(one.uri, other) for other in same_kind):
            name = os.path.basename(one.uri)
            what = "is another file" if same_kind else "is missing there"
            said.append(
                f"{name} ({one.reason}) belongs to {uri} and {what} beside {keeper}: the two are kept, or {name} "
                "would be lost"
            )
    return tuple(said)


def _equal(a: str, b: str) -> bool:
    """Say whether two files hold the same bytes; False if one cannot be read, or is a link to the other."""
    if os.path.realpath(a) == os.path.realpath(b):
        return False
    try:
        with open(a, "rb") as one, open(b, "rb") as other:
            if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
                return False
            while True:
                part = one.read(1 << 20)
                if part != other.read(1 << 20):
                    return False
                if not part:
                    return True
    except OSError:
        return False
