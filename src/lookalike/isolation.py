"""Decoding in processes of their own, so that a picture can cost no more than itself.

A codec that crashes, spins or asks for more memory than it may have ends its worker process; the file that it was given
fails with a reason, and the next one gets a new process.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from lookalike import decode
from lookalike.errors import CorruptError, ImageError, LookalikeError, TooLargeError
from lookalike.workers import WorkerLostError, Workers

__all__ = ["DECODE_BYTES", "DECODE_SECONDS", "DecodingEndedError", "Isolated"]

DECODE_SECONDS = 10.0
"""Longest that one file may take."""

DECODE_BYTES = 1 << 30
"""Most memory that one file may take, beyond what an idle worker has."""


class DecodingEndedError(LookalikeError):
    """The processes could not be started, or were ended with the program: no picture is to blame."""

    status = 503
    kind = "ended"


class Isolated:
    """Decodes pictures in worker processes.

    Parameters
    ----------
    count
        Processes; they start when they are needed.
    seconds, memory
        Limits for each file. Memory is limited where the system can, which is Linux and other Unix.
    """

    def __init__(self, count: int, *, seconds: float = DECODE_SECONDS, memory: int = DECODE_BYTES) -> None:
        self._workers = Workers(count, "lookalike.isolation:make_decoder", memory)
        self._seconds = seconds

    def __enter__(self) -> Isolated:
        """Have `lookalike.decode` work here, for the whole of this process, until `close`."""
        decode.decode_elsewhere(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, name: str, *files: bytes, **settings: Any) -> Any:
        """Do what a function of `lookalike.decode` does.

        Raises
        ------
        ImageError
            As that does; also for a file that ends its process or exceeds a limit.
        DecodingEndedError
            If there is no process to do it, so that nothing is known of the file.
        """
        try:
            result = self._workers.call((name, files, settings), self._seconds * len(files))
        except WorkerLostError as error:
            if error.late:
                raise TooLargeError(f"decoding it took longer than {self._seconds:g} seconds") from error
            if not error.job:
                raise DecodingEndedError("the processes that decode pictures have ended or cannot start") from error
            raise CorruptError("the codec crashed on it") from error
        if isinstance(result, ImageError):
            raise result
        return result

    def thumbnail(self, data: bytes, side: int, *, max_pixels: int) -> bytes:
        """Return an upright WebP of a picture, its longer side at most `side`."""
        made: bytes = self("thumbnail", data, side=side, max_pixels=max_pixels)
        return made

    def close(self) -> None:
        """End the processes; `lookalike.decode` works in this one again."""
        if decode.decode_elsewhere_is(self):
            decode.decode_elsewhere(None)
        self._workers.close()


def make_decoder(memory: int) -> Callable[[tuple[str, tuple[bytes, ...], dict[str, Any]]], Any]:
    """Return what a worker process does: the name of a function, files and settings in; a result or an error out."""
    from lookalike import formats  # noqa: F401 - loaded before memory is limited, like the codecs below

    # What a codec grumbles about is in its error; printed, it would only come between other lines.
    warnings.filterwarnings("ignore", module=r"PIL\..*")
    _load_codecs()
    _limit_memory(memory)

    def work(job: tuple[str, tuple[bytes, ...], dict[str, Any]]) -> Any:
        name, files, settings = job
        try:
            function = thumbnail if name == "thumbnail" else getattr(decode, name)
            return function(*files, **settings)
        except ImageError as error:
            return error
        except MemoryError:
            return TooLargeError(f"decoding it takes more memory than the {memory >> 20} MiB that one picture may")

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


def _load_codecs() -> None:
    from PIL import Image

    for format_ in ("PNG", "JPEG", "WEBP"):
        stream = io.BytesIO()
        Image.new("RGB", (16, 16)).save(stream, format_)
        decode.decode(stream.getvalue())


def _limit_memory(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + memory, held + memory))
