"""Samples as they are stored to 8 bits of sRGB: depth, alpha, colour profiles."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.types import RGBImage

__all__ = ["alpha8", "rgb8", "simplest", "srgb_transform", "to_srgb"]

BACKGROUND = 255  # white, in all three channels


def simplest(samples: NDArray[Any]) -> NDArray[Any]:
    """Return 16-bit samples as 8-bit ones where they hold no more than that, and without an opaque alpha."""
    if samples.shape[2] == 4 and bool((samples[:, :, 3] == 65535).all()):
        samples = samples[:, :, :3]
    if bool((samples % 257 == 0).all()):
        return (samples // 257).astype(np.uint8)
    return samples


def rgb8(samples: NDArray[Any]) -> RGBImage:
    """Turn samples as `samples_of` gives them into (height, width, 3) uint8 on the documented background."""
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


def alpha8(samples: NDArray[Any]) -> NDArray[np.uint8]:
    if samples.shape[2] < 4:
        return np.full(samples.shape[:2], 255, np.uint8)
    alpha = samples[:, :, 3]
    return (alpha // 257).astype(np.uint8) if alpha.dtype == np.uint16 else alpha.astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a loaded 8-bit picture as RGB, its colour profile applied and its alpha dropped."""
    source = image
    if image.mode in ("RGBA", "RGBX", "P", "PA", "RGBa"):
        source = image.convert("RGBA").convert("RGB")
    elif image.mode in ("LA", "La", "1"):
        source = image.convert("L")
    transform = srgb_transform(profile, source.mode)
    if transform is not None:
        try:
            return transform.apply(source)  # type: ignore[no-any-return]
        except (OSError, ValueError):
            pass  # a profile that does not fit its picture: as if it had none
    return source if source.mode == "RGB" else source.convert("RGB")


@functools.lru_cache(maxsize=32)
def srgb_transform(profile: bytes | None, mode: str) -> Any:
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
