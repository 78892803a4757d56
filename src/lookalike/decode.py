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
import hashlib
import importlib
import io
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from lookalike.defaults import MAX_PIXELS
from lookalike.errors import ImageError, TooLargeError, TruncatedError, UnsupportedError
from lookalike.formats import explain, is_cut, sniff
from lookalike.types import DecodedImage, RGBImage

__all__ = ["array_hash", "decode", "decode_at", "decode_elsewhere", "hidden_difference", "pixel_hash", "same_pixels"]

BACKGROUND = 255  # white, in all three channels
ORIENTATION = 0x0112
OTHER_FRAME = 8.0  # levels of 256 by which two frames differ on average; what lossy codecs make of one stays below
_GREY = frozenset(("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N", "P", "PA"))
"""Modes of Pillow that store no channels of colour."""
_NO_GREY = frozenset(("WebP", "AVIF", "HEIC"))
"""Formats that have no form for grey alone, or whose decoders do not tell."""

# Decoding one very large picture may take several hundred megabytes: one at a time, whatever the number of threads.
_LARGE = 24_000_000
_one_large = threading.BoundedSemaphore(1)

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
    if _elsewhere is not None:
        told: DecodedImage = _elsewhere("decode", data, min_side=min_side, max_pixels=max_pixels)
        return told
    kind = sniff(data)
    with _typed_errors(data, kind, max_pixels):
        image = _open(data, kind, max_pixels)
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
    if _elsewhere is not None:
        told: bytes | None = _elsewhere("pixel_hash", data, max_pixels=max_pixels)
        return told
    try:
        return _digest(_exact_frames(data, max_pixels))
    except _TooManyFramesError:
        return None


def array_hash(pixels: RGBImage) -> bytes:
    """Return the hash that `pixel_hash` gives a file that decodes to exactly these pixels."""
    return _digest([pixels])


def same_pixels(a: bytes, b: bytes, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Say whether two files decode to the same picture, sample by sample, in every frame.

    Compares the samples themselves, not hashes of them, a frame at a time.

    Raises
    ------
    ImageError
        As `decode` does, for either file.
    """
    if _elsewhere is not None:
        told: bool = _elsewhere("same_pixels", a, b, max_pixels=max_pixels)
        return told
    if a == b:
        return True
    try:
        pairs = itertools.zip_longest(_exact_frames(a, max_pixels), _exact_frames(b, max_pixels))
        return all(x is not None and y is not None and np.array_equal(x, y) for x, y in pairs)
    except _TooManyFramesError:
        return False


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
    if _elsewhere is not None:
        told: str | None = _elsewhere("hidden_difference", a, b, max_pixels=max_pixels)
        return told
    one, two = _exact_frames(a, max_pixels), _exact_frames(b, max_pixels)
    try:
        x, y = next(one), next(two)
        if x.shape[:2] != y.shape[:2] or _apart(x, y) > 1:
            return None
        if not np.array_equal(_alpha8(x), _alpha8(y)):
            return "the same colours, another transparency"
        if x.dtype != np.uint8 and y.dtype != np.uint8 and not np.array_equal(x, y):
            return "the same in 8 bits, other samples"
        later = itertools.zip_longest(itertools.islice(one, 1, None, 2), itertools.islice(two, 1, None, 2))
        for at, (x, y) in enumerate(later):
            if x is None or y is None:  # two animations may differ in how many frames one picture is shown for
                return None if at else "the same first frame, but one of them moves"
            if x.shape[:2] != y.shape[:2] or _apart(x, y, mean=True) > OTHER_FRAME:
                return "the same first frame, other ones after it"
    except _TooManyFramesError:
        pass
    return None


def _apart(x: NDArray[Any], y: NDArray[Any], *, mean: bool = False) -> float:
    """Return by how many of 256 levels the colours of two frames, without alpha, differ at most, or on average."""
    difference = np.abs(_rgb8(x[:, :, :3]).astype(np.int16) - _rgb8(y[:, :, :3]).astype(np.int16))
    return float(difference.mean() if mean else difference.max(initial=0))


def _alpha8(samples: NDArray[Any]) -> NDArray[np.uint8]:
    if samples.shape[2] < 4:
        return np.full(samples.shape[:2], 255, np.uint8)
    alpha = samples[:, :, 3]
    return (alpha // 257).astype(np.uint8) if alpha.dtype == np.uint16 else alpha.astype(np.uint8)


class _TooManyFramesError(Exception):
    """All frames together are more than is worth comparing."""


@contextmanager
def _typed_errors(data: bytes, kind: str, max_pixels: int) -> Iterator[None]:
    """Turn whatever a codec raises into an ImageError: for one bad picture that is one bad row."""
    try:
        yield
    except (ImageError, _TooManyFramesError):
        raise
    except Image.DecompressionBombError as error:
        limit = f"{max_pixels / 1e6:,.0f} megapixels"
        raise TooLargeError(f"more than {limit}, or more than Pillow decodes of any {kind}") from error
    except MemoryError as error:
        raise TooLargeError("decoding it needs more memory than there is") from error
    except Exception as error:
        raise explain(error, data, kind) from error


def _open(data: bytes, kind: str, max_pixels: int) -> ImageFile.ImageFile:
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


def _frame_count(image: ImageFile.ImageFile, kind: str) -> int:
    """Frames of an animation or pages of a TIFF; what a camera stores beside the main picture does not count."""
    if kind in ("JPEG", "HEIC") or not getattr(image, "is_animated", False):
        return 1
    return int(getattr(image, "n_frames", 1))


def _decode(image: ImageFile.ImageFile, data: bytes, kind: str, min_side: int | None) -> DecodedImage:
    width, height = image.size
    colours = image.mode not in _GREY and kind not in _NO_GREY
    frames = _frame_count(image, kind)
    if frames > 1 and is_cut(data, kind):
        raise TruncatedError(f"truncated: the {kind} ends within its later frames ({len(data):,} bytes)")
    samples, beside = _plain_jpeg(image, data, min_side) if kind == "JPEG" else None, b""
    if samples is None:
        if kind == "JPEG" and min_side:
            image.draft(None, (min_side, min_side))
        samples, beside = _samples(image, data, kind)
    orientation = _orientation(image)
    reduced = kind == "JPEG" and (samples.shape[1], samples.shape[0]) != (width, height)
    samples = _upright(samples, orientation)
    if reduced:
        width, height = (height, width) if orientation >= 5 else (width, height)
    else:
        height, width = samples.shape[:2]
    digest = None if reduced or frames > 1 else _digest([samples, np.frombuffer(beside, np.uint8)])
    pixels = _rgb8(samples)
    if beside and samples.dtype == np.uint16:
        pixels = np.asarray(_to_srgb(Image.fromarray(pixels), image.info["icc_profile"]))
    return DecodedImage(pixels, width, height, kind, digest, frames, colours)


def _exact_frames(data: bytes, max_pixels: int) -> Iterator[NDArray[Any]]:
    """Yield the samples of each frame, upright, at full scale and depth."""
    kind = sniff(data)
    with _typed_errors(data, kind, max_pixels):
        image = _open(data, kind, max_pixels)
        frames = _frame_count(image, kind)
        if image.width * image.height * frames > 10 * max_pixels:
            raise _TooManyFramesError
        for frame in range(frames):
            if frame:
                image.seek(frame)
            samples, beside = _plain_jpeg(image, data, None) if kind == "JPEG" else None, b""
            if samples is None:
                samples, beside = _samples(image, data if frame == 0 else b"", kind)
            yield _upright(samples, _orientation(image))
            yield np.frombuffer(beside, np.uint8)


def _plain_jpeg(image: ImageFile.ImageFile, data: bytes, min_side: int | None) -> RGBImage | None:
    """Decode an intact grey or YCbCr JPEG without a colour profile: the common case, quicker than by Pillow.

    Reduced to a half, a quarter or an eighth, as Pillow does. Returns None for any other JPEG, and for one that
    libjpeg-turbo has a word to say about: Pillow then decides.
    """
    if image.mode not in ("RGB", "L") or _srgb_transform(image.info.get("icc_profile"), image.mode) is not None:
        return None
    import simplejpeg

    by = next((n for n in (8, 4, 2) if min_side and min(image.size) // n >= min_side), 1)
    height, width = -(-image.height // by), -(-image.width // by)
    # An incomplete last block lies on another side once the picture is turned upright: such a one is reduced after.
    late = by > 1 and _orientation(image) != 1 and (image.height % by or image.width % by)
    least = (0, 0) if by == 1 or late else (height, width)
    try:
        pixels: RGBImage = simplejpeg.decode_jpeg(
            data, "RGB", fastdct=False, fastupsample=False, min_height=least[0], min_width=least[1]
        )
    except ValueError:
        return None
    return _box_reduced(pixels, by, _orientation(image)) if late else pixels


def _box_reduced(pixels: RGBImage, by: int, orientation: int) -> RGBImage:
    """Average squares of `by` pixels, laid from the corner that is at the top left once the picture is upright."""
    import cv2

    upright = _upright(pixels, orientation)
    height, width = -(-upright.shape[0] // by), -(-upright.shape[1] // by)
    below, right = height * by - upright.shape[0], width * by - upright.shape[1]
    whole = cv2.copyMakeBorder(upright, 0, below, 0, right, cv2.BORDER_REPLICATE)
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    back = {6: 8, 8: 6}.get(orientation, orientation)
    return _upright(np.asarray(small, np.uint8), back)


def _samples(image: ImageFile.ImageFile, data: bytes, kind: str) -> tuple[NDArray[Any], bytes]:
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
        managed = _srgb_transform(profile, "RGB") is not None
        if deep is None or deep.dtype != np.uint16 or deep.shape[:2] != (image.height, image.width) or deep.ndim != 3:
            beside = data  # OpenCV cannot, Pillow can but to 8 bits
        else:
            deep = _simplest(deep[:, :, [2, 1, 0, 3][: deep.shape[2]]])
            if deep.dtype == np.uint16 or not managed:
                return deep, bytes(profile or b"") if managed else b""
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)
        see_through = image.info.get("transparency")
        alpha = [] if see_through is None else [np.where(grey == see_through, 0, 65535).astype(np.uint16)]
        return _simplest(np.dstack([grey, grey, grey, *alpha])), b""
    if image.mode == "I":
        wide = np.asarray(image)
        if wide.min() >= 0 and wide.max() <= 65535:
            return _simplest(np.repeat(wide.astype(np.uint16)[:, :, None], 3, axis=2)), b""
        return wide.astype(np.float64)[:, :, None], b""
    if image.mode == "F":
        return np.asarray(image, np.float32)[:, :, None], b""
    rgb = np.asarray(_to_srgb(image, profile))
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


def _simplest(samples: NDArray[Any]) -> NDArray[Any]:
    """Return 16-bit samples as 8-bit ones where they hold no more than that, and without an opaque alpha."""
    if samples.shape[2] == 4 and bool((samples[:, :, 3] == 65535).all()):
        samples = samples[:, :, :3]
    if bool((samples % 257 == 0).all()):
        return (samples // 257).astype(np.uint8)
    return samples


def _rgb8(samples: NDArray[Any]) -> RGBImage:
    """Turn samples as `_samples` gives them into (height, width, 3) uint8 on the documented background."""
    if samples.dtype == np.uint8 and samples.shape[2] == 3:
        return samples
    if samples.dtype == np.uint16:
        samples = ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
    elif samples.dtype.kind == "f":
        finite = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(finite.min()), float(finite.max())
        if low < 0 or high > 1:
            finite = (finite - low) / max(high - low, 1e-12)
        samples = np.rint(finite * 255).astype(np.uint8)
    if samples.shape[2] == 1:
        return np.repeat(samples, 3, axis=2)
    if samples.shape[2] == 4:
        colour, alpha = samples[:, :, :3].astype(np.uint32), samples[:, :, 3:].astype(np.uint32)
        return ((colour * alpha + BACKGROUND * (255 - alpha) + 127) // 255).astype(np.uint8)
    return samples


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a loaded 8-bit picture as RGB, its colour profile applied and its alpha dropped."""
    source = image
    if image.mode in ("RGBA", "RGBX", "P", "PA", "RGBa"):
        source = image.convert("RGBA").convert("RGB")
    elif image.mode in ("LA", "La", "1"):
        source = image.convert("L")
    transform = _srgb_transform(profile, source.mode)
    if transform is not None:
        try:
            return transform.apply(source)  # type: ignore[no-any-return]
        except (OSError, ValueError):
            pass  # a profile that does not fit its picture: as if it had none
    return source if source.mode == "RGB" else source.convert("RGB")


@functools.lru_cache(maxsize=32)
def _srgb_transform(profile: bytes | None, mode: str) -> Any:
    """Return the transform from a colour profile to sRGB, or None where there is nothing to do or it is broken."""
    if not profile or mode not in ("RGB", "L", "CMYK", "LAB"):
        return None
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # NOCACHE: the one-pixel cache of a transform is not safe between threads.
            flags=ImageCms.Flags.NOCACHE | ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _orientation(image: ImageFile.ImageFile) -> int:
    """EXIF orientation still to be applied, 1 to 8; plugins that turn the picture themselves reset it."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF never costs the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
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


def _digest(frames: Iterable[NDArray[Any]]) -> bytes:
    digest = hashlib.sha256()
    for samples in frames:
        if samples.size:
            digest.update(f"{samples.dtype.str}{samples.shape}".encode())
            digest.update(np.ascontiguousarray(samples).data)
    return digest.digest()
