"""PDQ hashes a picture in the process that decodes it: if that is all that is asked for, its pixels stay there.

Others need a model, which one process shares, or much memory beside the picture's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lookalike.decoder import make_decoder
from lookalike.descriptors import describe, get_descriptor
from lookalike.descriptors.pdq import PDQ
from lookalike.errors import ImageError
from lookalike.types import DecodedImage, Descriptor, Vectors

__all__ = ["DESCRIBER", "Looked", "make_describer", "works_on_the_spot"]

DESCRIBER = "lookalike.onthespot:make_describer"
"""What a worker process of indexing does."""


@dataclass(frozen=True)
class Looked:
    """What became of a file.

    Attributes
    ----------
    image
        What is known of the picture; without its pixels, if none were asked for.
    images
        The picture for each least side that was asked for: see `lookalike.decode.decode_at`.
    vectors
        Of descriptors that worked on the spot, by fingerprint.
    quality
        See `lookalike.descriptors.describe`; None if none of them tells.
    """

    image: DecodedImage
    images: dict[int, DecodedImage]
    vectors: dict[str, Vectors]
    quality: int | None


def works_on_the_spot(descriptor: Descriptor) -> bool:
    """Say whether a descriptor works in the process that decodes."""
    return isinstance(descriptor, PDQ)


def make_describer(memory: int) -> Callable[[tuple[str, tuple[bytes, ...], dict[str, Any]]], Any]:
    """Return what a worker process does: as `make_decoder`, and `look` with least sides and names of descriptors."""
    get_descriptor("pdq").embed([np.zeros((64, 64, 3), np.uint8)])  # what it loads, before memory is limited
    decode = make_decoder(memory)

    def work(job: tuple[str, tuple[bytes, ...], dict[str, Any]]) -> Any:
        name, files, settings = job
        if name != "look":
            return decode(job)
        descriptors = [get_descriptor(one) for one in settings["descriptors"]]
        wanted = (*settings["sides"], *(one.spec.min_side for one in descriptors))
        found = decode(("decode_at", files, {"sides": wanted, "max_pixels": settings["max_pixels"]}))
        return found if isinstance(found, ImageError) else look(found, settings["sides"], descriptors)

    return work


def look(images: dict[int, DecodedImage], sides: Sequence[int], descriptors: Sequence[Descriptor]) -> Looked:
    """Return a decoded picture described by some descriptors, with its pixels for `sides` only."""
    vectors, quality = {}, None
    for descriptor in descriptors:
        rows, told = describe(descriptor, [images[descriptor.spec.min_side].pixels])
        vectors[descriptor.spec.fingerprint] = rows[0]
        quality = quality if told is None else int(told[0])
    image = next(iter(images.values()))  # the largest
    if not sides:
        image = replace(image, pixels=np.empty((0, 0, 3), np.uint8))
    return Looked(image, {side: images[side] for side in sides}, vectors, quality)
