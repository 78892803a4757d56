"""Bytes to an upright sRGB picture.

The kind of a file is told by its first bytes, never by its name. Only the formats of `lookalike.formats` are decoded.
What Pillow decodes strictly is decoded; nothing is guessed from half a file.

Documented choices: alpha is composited on white; 16-bit samples are divided by 257 and rounded; float samples are
taken as 0..1 when they lie there, else stretched from their minimum to their maximum; of an animation or a file of
several pages the first frame is taken; an ICC profile is converted to sRGB (relative colorimetric) and a broken one
is ignored.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image, ImageFile

from lookalike.decode.codecs import (
    TooManyFramesError,
    bare_jpeg,
    exact_frames,
    frame_count,
    open_picture,
    orientation_of,
    plain_jpeg,
    reduction,
    samples_of,
    scaled_jpeg,
    turned,
    typed_errors,
)
from lookalike.decode.colour import alpha8, rgb8, to_srgb
from lookalike.defaults import MAX_PIXELS
from lookalike.errors import TruncatedError
from lookalike.formats import is_cut, sniff
from lookalike.types import DecodedImage, RGBImage

__all__ = ["array_hash", "decode", "decode_at", "decode_elsewhere", "hidden_difference", "pixel_hash", "same_pixels"]

OTHER_FRAME = 8.0  # levels of 256 by which two frames differ on average; what lossy codecs make of one stays below
_GREY = frozenset(("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N", "P", "PA"))
"""Modes of Pillow that store no channels of colour."""
_NO_GREY = frozenset(("WebP", "AVIF", "HEIC"))
"""Formats that have no form for grey alone, or whose decoders do not tell."""

# Decoding one very large picture may take several hundred megabytes: one at a time, whatever the number of threads.
_LARGE = 24_000_000
_one_large = threading.BoundedSemaphore(1)

_Given = ParamSpec("_Given")
_Told = TypeVar("_Told")

_elsewhere: Callable[..., Any] | None = None


def decode_elsewhere(call: Callable[..., Any] | None) -> None:
    """Have all that this module does with a file's bytes done by `call(name, *bytes, **settings)`; None for here.

    It counts for the whole process; `lookalike.isolation` uses it.
    """
    global _elsewhere
    _elsewhere = call


def decode_elsewhere_is(call: Callable[..., Any] | None) -> bool:
    """Return whether `decode_elsewhere` was told so last."""
    return _elsewhere is call


def _here_or_elsewhere(function: Callable[_Given, _Told]) -> Callable[_Given, _Told]:
    """Return a function of this module that is done where `decode_elsewhere` said."""

    @functools.wraps(function)
    def done(*data: _Given.args, **settings: _Given.kwargs) -> _Told:
        call = _elsewhere  # another thread may end it meanwhile
        if call is None:
            return function(*data, **settings)
        told: _Told = call(function.__name__, *data, **settings)
        return told

    return done


@_here_or_elsewhere
def decode(data: bytes, *, min_side: int | None = None, max_pixels: int = MAX_PIXELS) -> DecodedImage:
    """Return the upright sRGB picture that `data` holds.

    Parameters
    ----------
    data
        A whole file.
    min_side
        If given, a JPEG may be decoded at 1/2, 1/4 or 1/8 of its scale, as long as its shorter
        side keeps at least this many pixels. None decodes at full scale.
    max_pixels
        Largest accepted width x height.

    Raises
    ------
    ImageError
        One of its kinds: see `lookalike.errors`. Nothing else is raised for any bytes.
    """
    kind = sniff(data)
    with typed_errors(data, kind, max_pixels):
        if kind == "JPEG" and (bare := _decode_bare(data, min_side, max_pixels)) is not None:
            return bare
        image = open_picture(data, kind, max_pixels)
        if image.width * image.height > _LARGE:
            with _one_large:
                return _decode(image, data, kind, min_side)
        return _decode(image, data, kind, min_side)


def decode_at(data: bytes, sides: Iterable[int], *, max_pixels: int = MAX_PIXELS) -> dict[int, DecodedImage]:
    """Return the picture as `decode` gives it for each of `sides` as min_side, the largest first.

    So a picture is to each descriptor what it is whatever other descriptors are asked for at the same time. What comes
    out alike is decoded once: all of them, unless a JPEG is reduced for some only.

    Raises
    ------
    ImageError
        As `decode` does.
    """
    images: dict[int, DecodedImage] = {}
    for side in sorted(set(sides), reverse=True):
        last = next(reversed(images.values()), None)
        if last is None or (last.format == "JPEG" and min(last.pixels.shape[:2]) >= 2 * side):
            last = decode(data, min_side=side, max_pixels=max_pixels)
        images[side] = last
    return images


@_here_or_elsewhere
def pixel_hash(data: bytes, *, max_pixels: int = MAX_PIXELS) -> bytes | None:
    """Return 32 bytes over every sample of every frame of `data` at full scale and depth.

    Equal pictures have equal hashes whatever their format, and so have a 16-bit picture that holds 8-bit samples and
    its 8-bit copy. Alpha, the low bits of 16-bit samples and the later frames of an animation all count.

    Returns
    -------
    bytes or None
        None if all frames together have more than ten times `max_pixels`.

    Raises
    ------
    ImageError
        As `decode` does.
    """
    try:
        return _digest(exact_frames(data, max_pixels))
    except TooManyFramesError:
        return None


def array_hash(pixels: RGBImage) -> bytes:
    """Return the hash that `pixel_hash` gives a file that decodes to exactly these pixels."""
    return _digest([pixels])


@_here_or_elsewhere
def same_pixels(a: bytes, b: bytes, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Say whether two files decode to the same picture, sample by sample, in every frame.

    Compares the samples themselves, not hashes of them, a frame at a time.

    Raises
    ------
    ImageError
        As `decode` does, for either file.
    """
    if a == b:
        return True
    try:
        pairs = itertools.zip_longest(exact_frames(a, max_pixels), exact_frames(b, max_pixels))
        return all(x is not None and y is not None and np.array_equal(x, y) for x, y in pairs)
    except TooManyFramesError:
        return False


@_here_or_elsewhere
def hidden_difference(a: bytes, b: bytes, *, max_pixels: int = MAX_PIXELS) -> str | None:
    """Say in what two files differ that look the same in 8-bit colour: None if they do not, or nothing else differs.

    Parameters
    ----------
    a, b
        Bytes of pictures; both are decoded in full.
    max_pixels
        See `decode`.

    Returns
    -------
    str or None
        In words: another transparency of equal colours; 16-bit (or floating-point) samples that are other but equal in
        8 bits, give or take one; equal first frames with other ones after them, or none.

    Raises
    ------
    ImageError
        As `decode` does, for either file.
    """
    one, two = exact_frames(a, max_pixels), exact_frames(b, max_pixels)
    try:
        x, y = next(one), next(two)
        if x.shape[:2] != y.shape[:2] or _apart(x, y) > 1:
            return None
        if not np.array_equal(alpha8(x), alpha8(y)):
            return "the same colours, another transparency"
        if x.dtype != np.uint8 and y.dtype != np.uint8 and not np.array_equal(x, y):
            return "the same in 8 bits, other samples"
        later = itertools.zip_longest(itertools.islice(one, 1, None, 2), itertools.islice(two, 1, None, 2))
        for at, (x, y) in enumerate(later):
            if x is None or y is None:  # two animations may differ in how many frames one picture is shown for
                return None if at else "the same first frame, but one of them moves"
            if x.shape[:2] != y.shape[:2] or _apart(x, y, mean=True) > OTHER_FRAME:
                return "the same first frame, other ones after it"
    except TooManyFramesError:
        pass
    return None


def _decode_bare(data: bytes, min_side: int | None, max_pixels: int) -> DecodedImage | None:
    """Decode an intact JPEG that is nothing but a picture as `_decode` would; None for any other, and a large one."""
    header = bare_jpeg(data)
    if header is None or header[0] * header[1] > min(max_pixels, _LARGE):
        return None
    width, height, colours = header
    by = reduction((width, height), min_side)
    pixels = scaled_jpeg(data, (width, height), by)
    if pixels is None:
        return None
    digest = None if by > 1 else _digest([pixels])
    return DecodedImage(pixels, width, height, "JPEG", digest, 1, colours)


def _decode(image: ImageFile.ImageFile, data: bytes, kind: str, min_side: int | None) -> DecodedImage:
    width, height = image.size
    colours = image.mode not in _GREY and kind not in _NO_GREY
    frames = frame_count(image, kind)
    if frames > 1 and is_cut(data, kind):
        raise TruncatedError(f"truncated: the {kind} ends within its later frames ({len(data):,} bytes)")
    samples, beside = plain_jpeg(image, data, min_side) if kind == "JPEG" else None, b""
    if samples is None:
        if kind == "JPEG" and min_side:
            image.draft(None, (min_side, min_side))
        samples, beside = samples_of(image, data, kind)
    orientation = orientation_of(image)
    reduced = kind == "JPEG" and (samples.shape[1], samples.shape[0]) != (width, height)
    samples = turned(samples, orientation)
    if reduced:
        width, height = (height, width) if orientation >= 5 else (width, height)
    else:
        height, width = samples.shape[:2]
    digest = None if reduced or frames > 1 else _digest([samples, np.frombuffer(beside, np.uint8)])
    pixels = rgb8(samples)
    if beside and samples.dtype == np.uint16:
        pixels = np.asarray(to_srgb(Image.fromarray(pixels), image.info["icc_profile"]))
    return DecodedImage(pixels, width, height, kind, digest, frames, colours)


def _apart(x: NDArray[Any], y: NDArray[Any], *, mean: bool = False) -> float:
    """Return by how many of 256 levels the colours of two frames, without alpha, differ at most, or on average."""
    difference = np.abs(rgb8(x[:, :, :3]).astype(np.int16) - rgb8(y[:, :, :3]).astype(np.int16))
    return float(difference.mean() if mean else difference.max(initial=0))


def _digest(frames: Iterable[NDArray[Any]]) -> bytes:
    digest = blake3()  # as strong as SHA-256, in a quarter of the time
    for samples in frames:
        if samples.size:
            digest.update(f"{samples.dtype.str}{samples.shape}".encode())
            digest.update(np.ascontiguousarray(samples).reshape(-1).view(np.uint8).data)
    return digest.digest()
