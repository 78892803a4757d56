"""Two pictures held against each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lookalike.decode import array_hash, decode_at, same_pixels
from lookalike.defaults import DESCRIPTORS, DEVICE, MAX_PIXELS
from lookalike.descriptors import describe, get_descriptor, load
from lookalike.descriptors.local import SIDE
from lookalike.duplicates.verify import judge, less_hidden, proven
from lookalike.errors import ImageError, UsageError
from lookalike.isolation import decoding_elsewhere
from lookalike.metrics import paired
from lookalike.results import Comparison
from lookalike.searching import QueryLike, expand, read_query
from lookalike.sources import normalise_uri
from lookalike.store import Scaler
from lookalike.types import DecodedImage, Descriptor, DescriptorSpec
from lookalike.verifying import look_at

__all__ = ["compare", "compare_by"]


def compare(
    a: QueryLike,
    b: QueryLike,
    *,
    descriptors: Sequence[str] = DESCRIPTORS,
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
        By which to compare. Not by one that is standardised on a library's pictures, such as "haralick": that needs
        the library, see `Library.compare`.
    max_pixels, device, allow_private_urls
        As in `Library.add`.

    Returns
    -------
    Comparison
        With the distance by each descriptor, what `a` is to `b`, and whether bytes or pixels are equal. `same_pixels`
        is told by the decoded samples at full scale and depth; every other verdict by local features, geometry and
        aligned pixels.

    Raises
    ------
    ImageError
        If either cannot be read or decoded.
    UsageError
        If either is a folder, or a descriptor is unknown, or standardised.
    """
    return compare_by(a, b, descriptors, max_pixels, device, allow_private_urls, _refuse)


def compare_by(
    a: QueryLike,
    b: QueryLike,
    descriptors: Sequence[str],
    max_pixels: int,
    device: str,
    allow_private: bool,
    scaler_of: Callable[[DescriptorSpec], Scaler | None],
) -> Comparison:
    """Hold two pictures against each other: see `compare`.

    `scaler_of` gives what standardises the vectors of a descriptor, or None where nothing does.
    """
    if not descriptors:
        raise UsageError("name at least one descriptor to compare by")
    loaded = [get_descriptor(name, device) for name in dict.fromkeys(descriptors)]
    scalers = [scaler_of(descriptor.spec) for descriptor in loaded]
    with decoding_elsewhere() as soon:
        if soon():
            for descriptor in loaded:
                load(descriptor)
        return _compared(
            [_side(query, loaded, max_pixels, allow_private) for query in (a, b)], loaded, scalers, max_pixels
        )


def _compared(
    sides: Sequence[_Side], loaded: Sequence[Descriptor], scalers: Sequence[Scaler | None], max_pixels: int
) -> Comparison:
    one, two = sides
    distances = []
    for descriptor, scaler in zip(loaded, scalers, strict=True):
        rows, _ = describe(descriptor, [side.images[descriptor.spec.min_side].pixels for side in sides])
        rows = rows if scaler is None else scaler.standardise(rows)
        distances.append((descriptor.spec.name, float(paired(rows[:1], rows[1:], descriptor.spec.metric)[0])))
    near = dict(distances).get("lite0")
    same_bytes = one.data is not None and one.data == two.data
    if one.data is not None and two.data is not None:
        same = same_bytes or same_pixels(one.data, two.data, max_pixels=max_pixels)
    else:
        same = one.image.pixel_hash is not None and one.image.pixel_hash == two.image.pixel_hash
    if same_bytes:
        evidence = proven("same-file", "the same bytes")
    elif same:
        evidence = proven("same-pixels", "the same pixels" + (", other bytes" if one.data is not None else ""))
    else:
        look_a, look_b = (look_at(side.images[SIDE].pixels) for side in sides)
        sizes = (one.image.width, one.image.height), (two.image.width, two.image.height)
        evidence = judge(look_a, look_b, *sizes, near)
        first, second = one.data, two.data
        if first is not None and second is not None:
            evidence = less_hidden(evidence, (one.image.format, two.image.format), sizes, lambda: (first, second))
    return Comparison(
        one.name, two.name, tuple(distances), one.image.width, one.image.height, two.image.width, two.image.height,
        len(one.data or b""), len(two.data or b""), one.image.format, two.image.format, same_bytes, same,
        evidence.verdict, evidence.probability, evidence,
    )  # fmt: skip


def _refuse(spec: DescriptorSpec) -> None:
    if spec.standardised:
        raise UsageError(
            f"{spec.name} distances are standardised on a library's pictures: use Library.compare, "
            f"or `lookalike compare A B --descriptor {spec.name} --library PATH`"
        )


@dataclass(frozen=True)
class _Side:
    name: str
    data: bytes | None
    images: dict[int, DecodedImage]
    """By the least side that a descriptor asks for, the largest first."""

    @property
    def image(self) -> DecodedImage:
        return next(iter(self.images.values()))


def _side(query: QueryLike, descriptors: Sequence[Descriptor], max_pixels: int, allow_private: bool) -> _Side:
    least = [SIDE, *(descriptor.spec.min_side for descriptor in descriptors)]
    folder = isinstance(query, str | os.PathLike) and Path(normalise_uri(os.fspath(query))).is_dir()
    found = [] if folder or isinstance(query, list | tuple) else list(islice(expand(query), 2))
    if len(found) != 1:
        raise UsageError("compare takes two pictures, not folders: to hold folders against each other, index them")
    one = found[0]
    if one.pixels is not None:
        height, width = one.pixels.shape[:2]
        image = DecodedImage(one.pixels, width, height, "array", array_hash(one.pixels))
        return _Side(one.name, None, dict.fromkeys(least, image))
    try:
        data = read_query(one, allow_private=allow_private) or b""
        return _Side(one.name, data, decode_at(data, least, max_pixels=max_pixels))
    except ImageError as error:
        raise type(error)(f"{one.name}: {error}") from error  # of two pictures, which?
