"""Why two pictures are alike, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from lookalike.decode import decode
from lookalike.defaults import DESCRIPTOR, DEVICE, MAX_PIXELS
from lookalike.descriptors import get_descriptor
from lookalike.errors import ImageError, UsageError
from lookalike.isolation import decoding_elsewhere
from lookalike.regions import Explanation, SpatialDescriptor, explain_pictures
from lookalike.searching import QueryLike, expand, read_query
from lookalike.types import RGBImage

__all__ = ["explain", "explainer"]

SHOWN = 512
"""Pixels that the shorter side of a picture to be drawn keeps, where it has as many."""


def explain(
    a: QueryLike,
    b: QueryLike,
    *,
    descriptor: str = DESCRIPTOR,
    max_pixels: int = MAX_PIXELS,
    device: str = DEVICE,
    allow_private_urls: bool = False,
) -> Explanation:
    """Tell which regions of two pictures make them alike.

    Parameters
    ----------
    a, b
        Each a file, a URL, the bytes of a file, an array or a Pillow image.
    descriptor
        One that has spatial vectors: "lite0" and its variants, or a plug-in with a method ``spatial``.
    max_pixels, device, allow_private_urls
        As in `Library.add`.

    Returns
    -------
    Explanation
        How alike each place of either picture is to the other one, and what part of the similarity it carries.
        `lookalike.render.why` draws it.

    Raises
    ------
    ImageError
        If either cannot be read or decoded.
    UsageError
        If either is a folder, or the descriptor is unknown or has no spatial vectors.

    Examples
    --------
    >>> import lookalike
    >>> found = lookalike.explain("beach.jpg", "coast.jpg")  # doctest: +SKIP
    >>> found.similarity, found.likeness_a.shape  # doctest: +SKIP
    """
    loaded = explainer((descriptor,), device)
    with decoding_elsewhere():
        one, two = (_read(query, loaded.spec.min_side, max_pixels, allow_private_urls) for query in (a, b))
    names = (one.name, two.name) if one.name != two.name or two.named else (one.name, "picture 2")
    found = explain_pictures(one.described, two.described, loaded, names)
    return replace(found, image_a=one.shown, image_b=two.shown)


def explainer(names: Sequence[str] = (), device: str = DEVICE) -> SpatialDescriptor:
    """Return the first descriptor among `names` that has spatial vectors; "lite0" if none are named.

    Raises
    ------
    UsageError
        If none of them has any.
    """
    for name in names or (DESCRIPTOR,):
        loaded = get_descriptor(name, device)
        if isinstance(loaded, SpatialDescriptor):
            return loaded
    raise UsageError(f"{' and '.join(names)} cannot tell which regions make pictures alike: explain by lite0")


@dataclass(frozen=True)
class _Side:
    """One picture: at the scale at which it is described, and at one at which it is good to look at."""

    name: str
    described: RGBImage
    shown: RGBImage
    named: bool


def _read(query: QueryLike, side: int, max_pixels: int, allow_private: bool) -> _Side:
    found = [] if isinstance(query, list | tuple) else list(islice(expand(query), 2))
    if len(found) != 1:
        raise UsageError("two pictures are explained, not folders: name two files")
    one = found[0]
    if one.pixels is not None:
        return _Side(one.name, one.pixels, one.pixels, named=False)
    try:
        data = read_query(one, allow_private=allow_private) or b""
        described, shown = (decode(data, min_side=at, max_pixels=max_pixels).pixels for at in (side, max(side, SHOWN)))
        return _Side(one.name, described, shown, named=one.data is None)
    except ImageError as error:
        raise type(error)(f"{one.name}: {error}") from error  # of two pictures, which?
