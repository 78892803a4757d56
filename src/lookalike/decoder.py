"""What a process that decodes does: one file after another, with no more memory than a picture may have.

It is imported by each such process when it starts: so nothing here or below it needs what starts them.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from lookalike import decode
from lookalike.errors import ImageError, TooLargeError

__all__ = ["DECODER", "EXACT_FUNCTIONS", "make_decoder", "thumbnail", "too_much"]

DECODER = "lookalike.decoder:make_decoder"
"""What a worker process does, unless it is told otherwise."""

EXACT_FUNCTIONS = frozenset(("pixel_hash", "same_pixels", "hidden_difference"))
"""Those of `lookalike.decode` that compare every sample."""


def make_decoder(memory: int, exact: int = 1) -> Callable[[tuple[str, tuple[bytes, ...], dict[str, Any]]], Any]:
    """Return what a worker process does: the name of a function, files and settings in; a result or an error out.

    Comparisons of every sample may have `exact` times the memory.
    """
    # What a codec grumbles about is in its error; printed, it would only come between other lines.
    warnings.filterwarnings("ignore", module=r"PIL\..*")
    _load_codecs()
    own = _limit_memory(memory, memory * exact)
    limit = memory

    def work(job: tuple[str, tuple[bytes, ...], dict[str, Any]]) -> Any:
        nonlocal limit
        name, files, settings = job
        if exact > 1 and limit != (wanted := memory * exact if name in EXACT_FUNCTIONS else memory):
            limit = wanted
            _allow_memory(own + limit)
        try:
            function = thumbnail if name == "thumbnail" else getattr(decode, name)
            return function(*files, **settings)
        except ImageError as error:
            return error
        except MemoryError:
            return too_much(limit)

    return work


def thumbnail(data: bytes, *, side: int, max_pixels: int) -> bytes:
    """See `Isolated.thumbnail`."""
    from PIL import Image

    pixels = decode.decode(data, min_side=side, max_pixels=max_pixels).pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=82, method=2)
    return stream.getvalue()


def too_much(memory: int) -> TooLargeError:
    """Return what is said of a file that asks for more than that many bytes."""
    return TooLargeError(f"decoding it takes more memory than the {memory >> 20} MiB that one picture may")


def _load_codecs() -> None:
    from PIL import Image, WebPImagePlugin  # noqa: F401 - to save as WebP, Pillow would load every format it has

    for format_ in ("PNG", "JPEG", "WEBP"):
        stream = io.BytesIO()
        Image.new("RGB", (16, 16)).save(stream, format_)
        decode.decode(stream.getvalue())


def _limit_memory(memory: int, most: int) -> int:
    """Let this process have no more memory than that, `most` if it asks for it; return what it has reserved unused."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            reserved, resident, files = (int(number) * resource.getpagesize() for number in file.read().split()[:3])
        # How much of libraries is in memory depends on what the system had read of them before: none of it counts.
        own = reserved - (resident - files)
        resource.setrlimit(resource.RLIMIT_AS, (own + memory, own + most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is told by its signal; its picture stays where it is
        return own
    return 0


def _allow_memory(limit: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
