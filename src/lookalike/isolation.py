"""Decoding in processes of their own, so that a picture can cost no more than itself.

A codec that crashes, spins or asks for more memory than it may have ends its worker process; the file that it was given
fails with a reason, and the next one gets a new process.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import signal
import warnings
from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any

import numpy as np

from lookalike import decode
from lookalike.errors import CorruptError, ImageError, LookalikeError, TooLargeError
from lookalike.types import DecodedImage
from lookalike.workers import WorkerLostError, Workers

__all__ = ["DECODE_BYTES", "DECODE_SECONDS", "DecodingEndedError", "Isolated"]

DECODE_SECONDS = 10.0
"""Longest that one file may take."""

PATIENCE = 6
"""How many times as long it may take by the clock where what counts is the time that it computes."""

DECODE_BYTES = 1 << 30
"""Most memory that a process may have while it decodes a file."""

DECODER = "lookalike.isolation:make_decoder"

_FROM_OUTSIDE = tuple(-getattr(signal, name) for name in ("SIGKILL", "SIGTERM", "SIGHUP") if hasattr(signal, name))


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
        self._workers = Workers(count, DECODER, memory)
        self._seconds, self._memory = seconds, memory

    def __enter__(self) -> Isolated:
        """Have `lookalike.decode` work here, for the whole of this process, until `close`."""
        decode.decode_elsewhere(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Have a process begin to start, which takes about half a second, while something else is done."""
        self._workers.start()

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
            result = self._workers.call(_job(name, files, settings), self._seconds * len(files))
        except WorkerLostError as error:
            raise self._blamed(error) from error
        if isinstance(result, ImageError):
            raise result
        return result

    def decode_each(
        self, files: Sequence[bytes], sides: Sequence[Collection[int]], *, max_pixels: int
    ) -> Generator[dict[int, DecodedImage] | ImageError, None, None]:
        """Yield for each file what `lookalike.decode.decode_at` gives, or the error that it raises.

        One process gets them all and works ahead. Pictures are lent: use them before going on after the last one, or
        closing the generator. The seconds of a file are those that it computes, so that no file
        fails because the machine is busy; six times as many may pass by the clock.

        Raises
        ------
        DecodingEndedError
            If there is no process to do it, so that nothing is known of the file.
        """
        jobs = [
            _job("decode_at", (data,), {"sides": tuple(some), "max_pixels": max_pixels})
            for data, some in zip(files, sides, strict=True)
        ]
        limits = {"seconds": PATIENCE * self._seconds, "cpu_seconds": self._seconds}
        results = self._workers.each(jobs, **limits, lent=True)
        with contextlib.closing(results):
            try:
                for result in results:
                    if isinstance(result, WorkerLostError):
                        result = self._blamed(result)
                    yield result
            except WorkerLostError as error:
                raise self._blamed(error) from error

    def _blamed(self, lost: WorkerLostError) -> LookalikeError:
        """Return what a lost process means for the file that it had."""
        if not lost.job:
            return DecodingEndedError(
                "the processes that decode pictures have ended or cannot start: where this program cannot start any, "
                "decode in its own, with isolated=False or --no-isolated"
            )
        if lost.late:
            return TooLargeError(f"decoding it took longer than {self._seconds:g} seconds")
        if lost.no_memory:
            return _too_much(self._memory)
        if lost.code in _FROM_OUTSIDE:
            return TooLargeError("the process that decoded it was ended from outside, perhaps because memory ran out")
        return CorruptError(f"the codec crashed on it{_signal_name(lost.code)}")

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
            return _too_much(memory)

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


def _job(name: str, files: Sequence[bytes], settings: dict[str, Any]) -> Any:
    """Return what a worker is asked; the bytes of files are not copied into the message."""
    return name, tuple(map(pickle.PickleBuffer, files)), settings


def _too_much(memory: int) -> TooLargeError:
    return TooLargeError(f"decoding it takes more memory than the {memory >> 20} MiB that one picture may")


def _signal_name(code: int | None) -> str:
    """Return by which signal a process ended, in brackets."""
    try:
        return f" ({signal.Signals(-(code or 0)).name})"
    except ValueError:
        return ""


def _load_codecs() -> None:
    from PIL import Image

    for format_ in ("PNG", "JPEG", "WEBP"):
        stream = io.BytesIO()
        Image.new("RGB", (16, 16)).save(stream, format_)
        decode.decode(stream.getvalue())


def _limit_memory(memory: int) -> None:
    """Let this process have no more memory than that; what it has reserved without using it does not count."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            reserved, resident = (int(number) * resource.getpagesize() for number in file.read().split()[:2])
        limit = reserved - resident + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is told by its signal; its picture stays where it is
