"""Two pictures held against each other, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from lookalike.decode import array_hash, decode, same_pixels
from lookalike.defaults import DEVICE, MAX_PIXELS
from lookalike.descriptors import available, describe, get_descriptor
from lookalike.errors import ImageError, UsageError
from lookalike.metrics import paired
from lookalike.results import Comparison
from lookalike.searching import QueryLike, expand, read_query
from lookalike.types import DecodedImage, Descriptor, Verdict

__all__ = ["compare"]


def compare(
    a: QueryLike,
    b: QueryLike,
    *,
    descriptors: Sequence[str] = (),
    max_pixels: int = MAX_PIXELS,
    device: str = DEVICE,
    allow_private_urls: bool = False,
) -> Comparison:
    """Hold two pictures against each other, without a library.

    Parameters
    ----------
    a, b
        Each a file, a URL, the bytes of a file, an array or a Pillow image.
    descriptors
        By which to compare; none for all that there are.
    max_pixels, device, allow_private_urls
        As in `Library.add`.

    Returns
    -------
    Comparison
        With the distance by each descriptor, and whether bytes or pixels are equal. `same_pixels` is told by the
        decoded samples at full scale and depth.

    Raises
    ------
    ImageError
        If either cannot be read or decoded.
    UsageError
        If either is a folder, or a descriptor is unknown.
    """
    loaded = [get_descriptor(name, device) for name in descriptors or available()]
    sides = [_side(query, loaded, max_pixels, allow_private_urls) for query in (a, b)]
    one, two = sides
    distances = []
    for descriptor in loaded:
        rows, _ = describe(descriptor, [one.image.pixels, two.image.pixels])
        distances.append((descriptor.spec.name, float(paired(rows[:1], rows[1:], descriptor.spec.metric)[0])))
    same_bytes = one.data is not None and one.data == two.data
    if one.data is not None and two.data is not None:
        same = same_bytes or same_pixels(one.data, two.data, max_pixels=max_pixels)
    else:
        same = one.image.pixel_hash is not None and one.image.pixel_hash == two.image.pixel_hash
    verdict: Verdict | None = "same-file" if same_bytes else "same-pixels" if same else None
    return Comparison(
        one.name, two.name, tuple(distances), one.image.width, one.image.height, two.image.width, two.image.height,
        len(one.data or b""), len(two.data or b""), one.image.format, two.image.format, same_bytes, same,
        verdict, 1.0 if verdict else None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Side:
    name: str
    data: bytes | None
    image: DecodedImage


def _side(query: QueryLike, descriptors: Sequence[Descriptor], max_pixels: int, allow_private: bool) -> _Side:
    found = [] if isinstance(query, list | tuple) else list(islice(expand(query), 2))
    if len(found) != 1:
        raise UsageError("compare takes two pictures, not folders: to hold folders against each other, index them")
    one = found[0]
    if one.pixels is not None:
        height, width = one.pixels.shape[:2]
        digest = array_hash(one.pixels)
        return _Side(one.name, None, DecodedImage(one.pixels, width, height, "array", digest))
    side = max(descriptor.spec.min_side for descriptor in descriptors)
    try:
        data = read_query(one, allow_private=allow_private) or b""
        return _Side(one.name, data, decode(data, min_side=side, max_pixels=max_pixels))
    except ImageError as error:
        raise type(error)(f"{one.name}: {error}") from error  # of two pictures, which?
