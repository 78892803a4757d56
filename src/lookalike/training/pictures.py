"""Many pictures as one array, brought to one size: what networks are trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.decode import decode
from lookalike.descriptors.onnx import ModelSpec
from lookalike.errors import ImageError, UsageError
from lookalike.indexing import available_cores
from lookalike.isolation import decoding_elsewhere
from lookalike.sources import read_bytes
from lookalike.types import RGBImage, Uri

__all__ = ["Pictures", "load_pictures"]

ROUND = 64  # pictures that may be decoded and wait to be written


@dataclass(frozen=True)
class Pictures:
    """Pictures of one size.

    Attributes
    ----------
    uris
        n names.
    images
        (n, height, width, 3) uint8, on disk and mapped into memory.
    failed
        (uri, reason) of those that could not be read.
    """

    uris: tuple[Uri, ...]
    images: NDArray[np.uint8]
    failed: tuple[tuple[Uri, str], ...]


def load_pictures(
    uris: Sequence[Uri],
    height: int,
    width: int,
    cache: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Read pictures and bring them to one size.

    Parameters
    ----------
    uris
        Files; those that cannot be read are left out and named in ``failed``.
    height, width
        The size, to which they are squashed.
    cache
        A .npy file that is written and mapped into memory: 3 bytes a pixel. To be removed afterwards.
    progress
        Called with how many of how many are done.

    Raises
    ------
    UsageError
        If not one can be read.
    """
    size = ModelSpec(dim=1, height=height, width=width, fit="squash", dtype="uint8", layout="nhwc")
    images = np.lib.format.open_memmap(cache, mode="w+", dtype=np.uint8, shape=(len(uris), height, width, 3))

    def read(uri: Uri) -> RGBImage | str:
        try:
            return size.prepare(decode(read_bytes(uri), min_side=max(height, width)).pixels)
        except ImageError as error:
            return str(error)

    kept: list[Uri] = []
    failed: list[tuple[Uri, str]] = []
    with decoding_elsewhere(), ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(uris), ROUND):
            part = uris[start : start + ROUND]
            for uri, found in zip(part, pool.map(read, part), strict=True):
                if isinstance(found, str):
                    failed.append((uri, found))
                else:
                    images[len(kept)] = found
                    kept.append(uri)
            if progress:
                progress(start + len(part), len(uris))
    if not kept:
        why = f": {failed[0][0]}: {failed[0][1]}" if failed else ""
        raise UsageError(f"there is no usable picture to train on{why}")
    images.flush()
    return Pictures(tuple(kept), images[: len(kept)], tuple(failed))
