"""Decoding in processes of their own, so that a picture can cost no more than itself.

A codec that crashes, spins or asks for more memory than it may have ends its worker process; the file that it was given
fails with a reason, and the next one gets a new process. Indexing and servers have an `Isolated` of their own; all else
shares one, which is there while anybody is inside `decoding_elsewhere`, and for a while after.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from lookalike import decode
from lookalike.decoder import DECODER, EXACT_FUNCTIONS, too_much
from lookalike.errors import CorruptError, ImageError, LookalikeError, TooLargeError
from lookalike.workers import WorkerLostError, Workers, available_cores

__all__ = ["DECODE_BYTES", "DECODE_SECONDS", "DecodingEndedError", "Isolated", "decoding_elsewhere"]

DECODE_SECONDS = 10.0
"""Longest that one file may take."""

PATIENCE = 6
"""How many times as long it may take by the clock where what counts is the time that it computes."""

DECODE_BYTES = 1 << 30
"""Most memory that a process may have while it decodes a file."""

EXACT = 8
"""How many times as much of both a comparison of every sample may take, where nobody waits for one picture."""

LINGER = 30.0
"""Seconds for which shared processes are left when they are idle: each takes a quarter of a second to start."""

_log = logging.getLogger("lookalike.isolation")

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
    patient
        Nobody waits for a single picture: let `seconds` be those that it computes, so that none fails because the
        machine is busy, and comparisons of every sample take `EXACT` times as much time and memory.
    make
        What a process does, "module:name" of what makes it, called with `memory`; None for what `lookalike.decode`
        does.
    """

    def __init__(
        self,
        count: int,
        *,
        seconds: float = DECODE_SECONDS,
        memory: int = DECODE_BYTES,
        patient: bool = False,
        make: str | None = None,
    ) -> None:
        self._workers = (
            Workers(count, make, memory) if make else Workers(count, DECODER, memory, EXACT if patient else 1)
        )
        self._seconds, self._memory, self._patient = seconds, memory, patient

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
        exact = EXACT if self._patient and name in EXACT_FUNCTIONS else 1
        seconds = self._seconds * len(files) * exact
        limits = {"seconds": PATIENCE * seconds, "cpu_seconds": seconds} if self._patient else {"seconds": seconds}
        try:
            result = self._workers.call(_job(name, files, settings), **limits)
        except WorkerLostError as error:
            raise self._blamed(error, exact) from error
        if isinstance(result, ImageError):
            raise result
        return result

    def each(self, name: str, files: Sequence[bytes], settings: Sequence[dict[str, Any]]) -> Generator[Any, None, None]:
        """Yield for each file what a function gives, such as `lookalike.decode.decode_at`, or its ImageError.

        One process gets them all and works ahead. Pictures are lent: use them before going on after the last one, or
        closing the generator. The seconds of a file are those that it computes, so that no file
        fails because the machine is busy; six times as many may pass by the clock.

        Parameters
        ----------
        name
            Of the function.
        files
            The bytes of each.
        settings
            Of the call for each.

        Raises
        ------
        DecodingEndedError
            If there is no process to do it, so that nothing is known of the file.
        """
        jobs = [_job(name, (data,), some) for data, some in zip(files, settings, strict=True)]
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

    def _blamed(self, lost: WorkerLostError, times: int = 1) -> LookalikeError:
        """Return what a lost process means for the file that it had."""
        if not lost.job:
            return DecodingEndedError(
                "the processes that decode pictures have ended or cannot start: where this program cannot start any, "
                "decode in its own, with isolated=False or --no-isolated"
            )
        if lost.late:
            return TooLargeError(f"decoding it took longer than {times * self._seconds:g} seconds")
        if lost.no_memory:
            return too_much(times * self._memory)
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


class _Shared:
    """The processes that decode for whoever is inside `decoding_elsewhere`, in all threads of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._isolated: _Willing | None = None
        self._inside = 0
        self._stays = 0.0  # seconds for which idle processes are still left
        self._timer: threading.Timer | None = None

    def enter(self) -> _Willing | None:
        """Have decoding done elsewhere; None if it is already, or cannot be."""
        with self._lock:
            self._inside += 1
            if self._isolated is None or self._isolated.unable:
                if self._isolated is not None or not decode.decode_elsewhere_is(None):
                    return None
                self._isolated = _Willing(available_cores(), patient=True)
            if decode.decode_elsewhere_is(None):
                decode.decode_elsewhere(self._isolated)
            return self._isolated if decode.decode_elsewhere_is(self._isolated) else None

    def leave(self) -> None:
        """Have decoding done here again, when the last one leaves."""
        with self._lock:
            self._inside -= 1
            if self._inside or self._isolated is None:
                return
            if decode.decode_elsewhere_is(self._isolated):
                decode.decode_elsewhere(None)
            self._stays = LINGER
            if self._timer is None and self._isolated.running:
                self._wait()

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            isolated, self._isolated = self._isolated, None
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        if isolated is not None:
            isolated.close()

    def forget(self) -> None:
        """Leave them to the process of which this one is a fork."""
        if self._isolated is not None and decode.decode_elsewhere_is(self._isolated):
            decode.decode_elsewhere(None)
        self.__init__()  # type: ignore[misc]

    def _wait(self) -> None:
        self._timer = threading.Timer(self._stays, self._waited)
        self._timer.daemon = True
        self._stays = 0.0
        self._timer.start()

    def _waited(self) -> None:
        """End the processes unless they have been used since; then wait on."""
        with self._lock:
            if self._timer is None:
                return
            self._timer = None
            if self._inside:
                return  # who leaves last waits again
            if self._stays:
                self._wait()
                return
            isolated, self._isolated = self._isolated, None
        if isolated is not None:
            isolated.close()


class _Willing(Isolated):
    """Decodes in worker processes; in this one where none can be started."""

    unable = False

    @property
    def running(self) -> bool:
        """Whether a process has been started."""
        return self._workers.running

    def __call__(self, name: str, *files: bytes, **settings: Any) -> Any:
        """Do what a function of `lookalike.decode` does."""
        try:
            return super().__call__(name, *files, **settings)
        except DecodingEndedError:
            if not self.unable:
                _log.info("pictures are decoded in this process: no other one can be started")
            self.unable = True
            if decode.decode_elsewhere_is(self):
                decode.decode_elsewhere(None)
            return getattr(decode, name)(*files, **settings)


_shared = _Shared()
atexit.register(_shared.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.forget)


@contextlib.contextmanager
def decoding_elsewhere() -> Iterator[Callable[[], bool]]:
    """Have `lookalike.decode` work in processes of their own while inside, in all threads of this process.

    They start when they are needed and are left idle for a while, for who comes next. Where decoding is done elsewhere
    already, as in a server, that is left so; where no process can be started, it is done in this one.

    Yields
    ------
    Callable
        Has a process begin to start, unless one runs, and says whether it does: there is something else to do then.
    """
    isolated = _shared.enter()

    def start() -> bool:
        if isolated is None or isolated.running:
            return False
        isolated.start()
        return True

    try:
        yield start
    finally:
        _shared.leave()


def _job(name: str, files: Sequence[bytes], settings: dict[str, Any]) -> Any:
    """Return what a worker is asked; the bytes of files are not copied into the message."""
    return name, tuple(map(pickle.PickleBuffer, files)), settings


def _signal_name(code: int | None) -> str:
    """Return by which signal a process ended, in brackets."""
    try:
        return f" ({signal.Signals(-(code or 0)).name})"
    except ValueError:
        return ""
