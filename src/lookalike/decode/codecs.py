"""Samples as a file holds them: what Pillow, OpenCV, libjpeg-turbo and libheif make of its bytes."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from lookalike.decode.colour import simplest, srgb_transform, to_srgb
from lookalike.errors import ImageError, TooLargeError, TruncatedError, UnsupportedError
from lookalike.formats import explain, is_cut, sniff
from lookalike.types import RGBImage

__all__ = [
    "TooManyFramesError", "bare_jpeg", "exact_frames", "frame_count", "open_picture", "orientation_of", "plain_jpeg",
    "reduction", "samples_of", "scaled_jpeg", "turned", "typed_errors",
]  # fmt: skip

ORIENTATION = 0x0112

_FRAMES = frozenset((0xC0, 0xC2))  # baseline and progressive
_BARE = _FRAMES | {0xC4, 0xDB, 0xDD, 0xE0, 0xFE}  # tables of Huffman codes and quantisation, restarts, JFIF, comments


class TooManyFramesError(Exception):
    """All frames together are more than is worth comparing."""


@contextmanager
def typed_errors(data: bytes, kind: str, max_pixels: int) -> Iterator[None]:
    """Turn whatever a codec raises into an ImageError: for one bad picture that is one bad row."""
    try:
        yield
    except (ImageError, TooManyFramesError):
        raise
    except Image.DecompressionBombError as error:
        limit = f"{max_pixels / 1e6:,.0f} megapixels"
        raise TooLargeError(f"more than {limit}, or more than Pillow decodes of any {kind}") from error
    except MemoryError as error:
        raise TooLargeError("decoding it needs more memory than there is") from error
    except Exception as error:
        raise explain(error, data, kind) from error


def open_picture(data: bytes, kind: str, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header. Only the plugin of `kind` sees the bytes; Pillow's own limit holds for TIFF and WebP only.

    Raises
    ------
    TooLargeError
        If the picture has more than `max_pixels`.
    UnsupportedError
        If it is a camera's raw picture.
    """
    name = kind if kind == "WebP" else kind.capitalize()
    module, plugin = ("pi_heif", "Heif") if kind == "HEIC" else (f"PIL.{name}ImagePlugin", name)
    image: ImageFile.ImageFile = getattr(importlib.import_module(module), f"{plugin}ImageFile")(io.BytesIO(data))
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeError(
            f"{width} x {height} is {width * height / 1e6:,.0f} megapixels, over the limit of "
            f"{max_pixels / 1e6:,.0f}: raise it with --max-pixels"
        )
    tags = image.tag_v2 if kind == "TIFF" else {}  # type: ignore[attr-defined]
    if 50706 in tags or (tags.get(254) == 1 and 330 in tags):
        raise UnsupportedError("camera raw pictures are not decoded; index the JPEG beside it")
    return image


def bare_jpeg(data: bytes) -> tuple[int, int, bool] | None:
    """Return width, height and whether there is colour of a JPEG that is nothing but a picture.

    None where its header holds more than tables and comments, such as EXIF or a profile, or is not as it should be:
    `open_picture` then reads it. Each of these costs a third of the time that a small picture takes.
    """
    at = 2
    while True:
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] not in _BARE:
            return None
        length = int.from_bytes(head[2:], "big")
        if head[1] in _FRAMES:
            frame = data[at + 4 : at + 10]
            if len(frame) < 6 or frame[0] != 8 or frame[5] not in (1, 3):
                return None
            height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
            return (width, height, frame[5] == 3) if width and height and _ends_bare(data, at + 2 + length) else None
        at += 2 + length


def _ends_bare(data: bytes, at: int) -> bool:
    """Say whether nothing but tables and comments comes between the frame's header and its first scan."""
    while True:
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] not in _BARE - _FRAMES:
            return head[:2] == b"\xff\xda"
        at += 2 + int.from_bytes(head[2:], "big")


def frame_count(image: ImageFile.ImageFile, kind: str) -> int:
    """Frames of an animation or pages of a TIFF; what a camera stores beside the main picture does not count."""
    if kind in ("JPEG", "HEIC") or not getattr(image, "is_animated", False):
        return 1
    return int(getattr(image, "n_frames", 1))


def exact_frames(data: bytes, max_pixels: int) -> Iterator[NDArray[Any]]:
    """Yield the samples of each frame, upright, at full scale and depth."""
    kind = sniff(data)
    with typed_errors(data, kind, max_pixels):
        image = open_picture(data, kind, max_pixels)
        frames = frame_count(image, kind)
        if image.width * image.height * frames > 10 * max_pixels:
            raise TooManyFramesError
        for frame in range(frames):
            if frame:
                image.seek(frame)
            samples, beside = plain_jpeg(image, data, None) if kind == "JPEG" else None, b""
            if samples is None:
                samples, beside = samples_of(image, data if frame == 0 else b"", kind)
            yield turned(samples, orientation_of(image))
            yield np.frombuffer(beside, np.uint8)


def plain_jpeg(image: ImageFile.ImageFile, data: bytes, min_side: int | None) -> RGBImage | None:
    """Decode an intact grey or YCbCr JPEG without a colour profile: the common case, quicker than by Pillow.

    Reduced to a half, a quarter or an eighth, as Pillow does. Returns None for any other JPEG, and for one that
    libjpeg-turbo has a word to say about: Pillow then decides.
    """
    if image.mode not in ("RGB", "L") or srgb_transform(image.info.get("icc_profile"), image.mode) is not None:
        return None
    by = reduction(image.size, min_side)
    # An incomplete last block lies on another side once the picture is turned upright: such a one is reduced after.
    late = by > 1 and orientation_of(image) != 1 and bool(image.height % by or image.width % by)
    pixels = scaled_jpeg(data, image.size, 1 if late else by)
    return _box_reduced(pixels, by, orientation_of(image)) if late and pixels is not None else pixels


def reduction(size: tuple[int, int], min_side: int | None) -> int:
    """Return by how much a JPEG of (width, height) may be reduced: 8, 4, 2 or 1."""
    return next((n for n in (8, 4, 2) if min_side and min(size) // n >= min_side), 1)


def scaled_jpeg(data: bytes, size: tuple[int, int], by: int) -> RGBImage | None:
    """Return a JPEG of (width, height) as it is stored, reduced `by` so much; None if libjpeg-turbo minds anything."""
    import simplejpeg

    width, height = (0, 0) if by == 1 else (-(-side // by) for side in size)
    try:
        pixels: RGBImage = simplejpeg.decode_jpeg(
            data, "RGB", fastdct=False, fastupsample=False, min_height=height, min_width=width
        )
    except ValueError:
        return None
    return pixels


def _box_reduced(pixels: RGBImage, by: int, orientation: int) -> RGBImage:
    """Average squares of `by` pixels, laid from the corner that is at the top left once the picture is upright."""
    import cv2

    upright = turned(pixels, orientation)
    height, width = -(-upright.shape[0] // by), -(-upright.shape[1] // by)
    below, right = height * by - upright.shape[0], width * by - upright.shape[1]
    whole = cv2.copyMakeBorder(upright, 0, below, 0, right, cv2.BORDER_REPLICATE)
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    back = {6: 8, 8: 6}.get(orientation, orientation)
    return turned(np.asarray(small, np.uint8), back)


def samples_of(image: ImageFile.ImageFile, data: bytes, kind: str) -> tuple[NDArray[Any], bytes]:
    """Decode every sample of the current frame, in its simplest exact form, and say what else it takes to be equal.

    Returns
    -------
    NDArray
        (height, width, 3) uint8 sRGB if nothing is lost by it; else (height, width, 4) uint8 with alpha, or
        (height, width, 3 or 4) uint16, or (height, width, 1) of float32 or float64.
    bytes
        Usually empty. The colour profile of 16-bit colours, which are kept as they are; the whole file if its 16-bit
        samples could be read to 8 bits only.
    """
    image.load()
    profile, beside = image.info.get("icc_profile"), b""
    if kind in ("PNG", "TIFF") and data and _is_deep(image, data, kind):
        import cv2

        if is_cut(data, kind):
            raise TruncatedError(f"truncated: the {kind} ends too early ({len(data):,} bytes)")
        deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        managed = srgb_transform(profile, "RGB") is not None
        if deep is None or deep.dtype != np.uint16 or deep.shape[:2] != (image.height, image.width) or deep.ndim != 3:
            beside = data  # OpenCV cannot, Pillow can but to 8 bits
        else:
            deep = simplest(deep[:, :, [2, 1, 0, 3][: deep.shape[2]]])
            if deep.dtype == np.uint16 or not managed:
                return deep, bytes(profile or b"") if managed else b""
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)
        see_through = image.info.get("transparency")
        alpha = [] if see_through is None else [np.where(grey == see_through, 0, 65535).astype(np.uint16)]
        return simplest(np.dstack([grey, grey, grey, *alpha])), b""
    if image.mode == "I":
        wide = np.asarray(image)
        if wide.min() >= 0 and wide.max() <= 65535:
            return simplest(np.repeat(wide.astype(np.uint16)[:, :, None], 3, axis=2)), b""
        return wide.astype(np.float64)[:, :, None], b""
    if image.mode == "F":
        return np.asarray(image, np.float32)[:, :, None], b""
    rgb = np.asarray(to_srgb(image, profile))
    if image.has_transparency_data:
        mask = np.asarray(image.convert("RGBA").getchannel("A"))
        if bool((mask < 255).any()):
            rgb = np.dstack([rgb, mask])
    return rgb, beside


def _is_deep(image: ImageFile.ImageFile, data: bytes, kind: str) -> bool:
    """Say whether samples have 16 bits where Pillow keeps only 8: in colour, or with alpha."""
    if kind == "PNG":
        return data[24] == 16 and data[25] in (2, 4, 6)
    tags = image.tag_v2  # type: ignore[attr-defined]
    return bool(tags.get(262) == 2 and max(tags.get(258, (8,))) == 16)


def orientation_of(image: ImageFile.ImageFile) -> int:
    """EXIF orientation still to be applied, 1 to 8; plugins that turn the picture themselves reset it."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF never costs the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return `pixels` turned as EXIF orientation 1 to 8 asks."""
    match orientation:
        case 2:
            pixels = pixels[:, ::-1]
        case 3:
            pixels = pixels[::-1, ::-1]
        case 4:
            pixels = pixels[::-1]
        case 5:
            pixels = pixels.transpose(1, 0, 2)
        case 6:
            pixels = np.rot90(pixels, -1)
        case 7:
            pixels = pixels[::-1, ::-1].transpose(1, 0, 2)
        case 8:
            pixels = np.rot90(pixels)
    return np.ascontiguousarray(pixels)
