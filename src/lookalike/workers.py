"""Processes of our own that work beside this one, for what Python's threads would do one after the other.

A worker is started as ``python -m lookalike.workers``: no script is run a second time, nothing is inherited that a fork
would leave half done. It is asked and answers by pipe, uses one core, and leaves when the pipe is closed: with this
process, however that ends.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Any

__all__ = ["WorkerLostError", "Workers"]

_LENGTH = struct.Struct("<Q")
_AHEAD = 2  # jobs that are taken for each worker before they are asked for


class WorkerLostError(Exception):
    """A worker process died of a job, or was ended because the job took too long.

    Attributes
    ----------
    late
        Whether it was ended for the time it took.
    job
        Whether the job is to blame: not if the process never got as far, or was ended with all others.
    """

    def __init__(self, late: bool, job: bool = True) -> None:
        super().__init__("the job took too long" if late else "the process died")
        self.late, self.job = late, job


class Workers:
    """Some worker processes, each with a function of its own that is called with one job after another.

    Parameters
    ----------
    count
        How many; they are started when they are needed.
    make
        "module:name" of what makes the function, within this package.
    arguments
        What it is called with, once in each worker. They and all jobs and results are pickled.
    """

    def __init__(self, count: int, make: str, *arguments: Any) -> None:
        self._start = (make, arguments)
        self._pool = ThreadPoolExecutor(count)
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: set[_Worker] = set()
        self._count, self._closed = count, False
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def map(self, jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield the result of each job in order; None for one during which its worker died.

        Raises
        ------
        RuntimeError
            If the function raised; its traceback is in the message.
        """
        waiting: deque[Future[Any]] = deque()
        for job in jobs:
            waiting.append(self._pool.submit(self._run, job))
            if len(waiting) > _AHEAD * self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def call(self, job: Any, seconds: float | None = None) -> Any:
        """Return the result of one job; safe for threads, each waits for an idle worker.

        Parameters
        ----------
        job
            What the function is called with.
        seconds
            The worker is ended if it takes longer; the time to start one does not count. None for ever.

        Raises
        ------
        WorkerLostError
            If the worker died, was ended for the time it took, or these workers are closed.
        RuntimeError
            If the function raised; its traceback is in the message.
        """
        good, result = self._ask(job, seconds)
        if not good:
            raise RuntimeError(result)
        return result

    def close(self) -> None:
        """End the workers, also in the midst of a job."""
        with self._lock:
            self._closed = True
            for worker in self._running:
                worker.end()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Any) -> Any:
        try:
            return self.call(job)
        except WorkerLostError:
            return None

    def _ask(self, job: Any, seconds: float | None) -> tuple[bool, Any]:
        worker = self._idle.get()
        try:
            if worker is None:
                with self._lock:
                    if self._closed:
                        raise WorkerLostError(late=False, job=False)
                    worker = _Worker(*self._start)
                    self._running.add(worker)
            return worker.ask(job, seconds)
        except (OSError, EOFError, ValueError) as error:  # gone: the next job gets a new one
            late = worker is not None and worker.late
            blamed = worker is not None and worker.ready and not self._closed
            if worker is not None:
                worker.end()
                with self._lock:
                    self._running.discard(worker)
            worker = None
            raise WorkerLostError(late, blamed) from error
        finally:
            self._idle.put(worker)


class _Worker:
    """One process."""

    def __init__(self, make: str, arguments: tuple[Any, ...]) -> None:
        package = str(Path(__file__).parents[1])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        # One core each: libraries that start a thread per core would have them wait for one another.
        alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lookalike.workers"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **alone, "PYTHONPATH": os.pathsep.join(paths)},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        self.ready = False
        self.late = False
        with contextlib.suppress(OSError):  # it is gone already: the first job says so
            _send(self._to, (make, arguments))

    def ask(self, job: Any, seconds: float | None = None) -> tuple[bool, Any]:
        """Return (True, result) or (False, traceback); raises OSError or EOFError if the process is gone."""
        if not self.ready:
            _receive(self._from)
            self.ready = True
        clock = None if seconds is None else threading.Timer(seconds, self._too_late)
        try:
            if clock is not None:
                clock.daemon = True
                clock.start()
            _send(self._to, job)
            answer: tuple[bool, Any] = _receive(self._from)
        finally:
            if clock is not None:
                clock.cancel()
        return answer

    def _too_late(self) -> None:
        self.late = True
        self._process.kill()

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()


def _send(pipe: IO[bytes], what: Any) -> None:
    body = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    body = pipe.read(_LENGTH.unpack(head)[0])
    if len(body) < _LENGTH.unpack(head)[0]:
        raise EOFError
    return pickle.loads(body)  # noqa: S301 - from our own process


def _work() -> None:
    """Answer until the pipe is closed."""
    import traceback

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks; this one ends with it
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    function: Callable[[Any], Any] | None = None
    try:
        while True:
            job = _receive(source)
            if function is None:
                (make, arguments) = job
                module, _, name = make.partition(":")
                function = getattr(importlib.import_module(module), name)(*arguments)
                _send(target, True)
                continue
            try:
                answer = True, function(job)
            except Exception:
                answer = False, traceback.format_exc()
            _send(target, answer)
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    _work()
