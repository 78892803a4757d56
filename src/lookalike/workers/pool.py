"""Several worker processes and who gets which job."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lookalike.workers.line import BROKEN
from lookalike.workers.process import TICK, Worker, WorkerLostError

if TYPE_CHECKING:  # loaded where it is needed: a worker does not need it
    from concurrent.futures import Future

__all__ = ["Workers", "available_cores"]

_AHEAD = 2  # jobs that are taken for each worker before they are asked for
_STARTS = 3  # of a process that ends before it is ready, until that is given up


def available_cores() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


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
        from concurrent.futures import ThreadPoolExecutor

        self._start = (make, arguments)
        self._pool = ThreadPoolExecutor(count)
        # The one that worked last is taken first: none is started while one that runs is idle.
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._running: set[Worker] = set()
        self._watch: threading.Thread | None = None
        self._ended = threading.Event()
        self._count = count
        for _ in range(count):
            self._idle.put(None)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Have a worker begin to start, unless one is idle; nothing is waited for."""
        with contextlib.suppress(WorkerLostError):  # said when it is needed
            self._idle.put(self._take())

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

    @property
    def running(self) -> bool:
        """Whether any process has been started and not ended."""
        return bool(self._running)

    def call(self, job: Any, seconds: float | None = None, cpu_seconds: float | None = None) -> Any:
        """Return the result of one job; safe for threads, each waits for an idle worker.

        Parameters
        ----------
        job
            What the function is called with.
        seconds, cpu_seconds
            The worker is ended if it takes longer; the time to start one does not count. None for ever. See `each`.

        Raises
        ------
        WorkerLostError
            If the worker died, was ended for the time it took, or these workers are closed.
        RuntimeError
            If the function raised; its traceback is in the message.
        """
        (result,) = self.each([job], seconds=seconds, cpu_seconds=cpu_seconds)
        if isinstance(result, WorkerLostError):
            raise result
        return result

    def each(
        self,
        jobs: Sequence[Any],
        *,
        seconds: float | None = None,
        cpu_seconds: float | None = None,
        lent: bool = False,
    ) -> Generator[Any, None, None]:
        """Yield the result of each job in order; a WorkerLostError for one during which its worker died.

        All jobs are given to one worker at once, and it goes on while its results are taken. If it dies, what it had
        done is not lost, and another one gets the jobs that are left. Safe for threads.

        Parameters
        ----------
        jobs
            What the function is called with.
        seconds
            The worker is ended if one job takes longer by the clock, while this process runs. None for ever.
        cpu_seconds
            The same by the time that it computes. Where that cannot be limited (Windows) it counts by the clock.
        lent
            Arrays in results may lie in memory that the worker will use again: they are to be used before the one that
            asks goes on after the last result, or closes this generator.

        Raises
        ------
        WorkerLostError
            If no worker can be started, or these workers are closed.
        RuntimeError
            If the function raised; its traceback is in the message.
        """
        if cpu_seconds is not None and not hasattr(signal, "setitimer"):
            seconds = cpu_seconds
        stillborn = 0
        lost: dict[int, WorkerLostError] = {}
        start = 0
        while start < len(jobs):
            if start in lost:
                yield lost[start]
                start += 1
                continue
            end = min((number for number in lost if number > start), default=len(jobs))
            worker, done = self._take(), start
            try:
                worker.begin(jobs[start:end], cpu_seconds)
                while done < end and not worker.late:
                    for good, result in worker.answers(seconds, lent=lent and end == len(jobs)):
                        done += 1
                        if not good:
                            raise RuntimeError(result)
                        yield result
            except BROKEN:
                error = worker.end(grace=5.0)
                stillborn += not worker.ready
                if self._ended.is_set() or stillborn == _STARTS:
                    raise WorkerLostError(late=False, job=False, code=error.code) from None
                if worker.ready:
                    lost[max(done, start + (worker.at or 0))] = error
            finally:
                self._give_back(worker, whole=done == end and not worker.late and not worker.ended)
            start = done

    def close(self) -> None:
        """End the workers, also in the midst of a job."""
        with self._lock:
            self._ended.set()
            for worker in self._running:
                worker.end()
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Any) -> Any:
        try:
            return self.call(job)
        except WorkerLostError:
            return None

    def _take(self) -> Worker:
        """Return an idle worker, a new one if need be.

        Raises
        ------
        WorkerLostError
            If these workers are closed, or none can be started.
        """
        worker = self._idle.get()
        if worker is not None and worker.gone:  # ended from outside while it was idle: no job is to blame
            with self._lock:
                self._running.discard(worker)
            worker.end()
            worker = None
        try:
            with self._lock:
                if self._ended.is_set():
                    raise WorkerLostError(late=False, job=False)
                if worker is None:
                    worker = Worker(*self._start)
                    self._running.add(worker)
                if self._watch is None:
                    self._watch = threading.Thread(target=self._watched, name="lookalike-watch", daemon=True)
                    self._watch.start()
        except (OSError, WorkerLostError) as error:
            self._idle.put(worker)
            raise WorkerLostError(late=False, job=False) from error
        return worker

    def _give_back(self, worker: Worker, whole: bool) -> None:
        if not whole:
            worker.end()
            with self._lock:
                self._running.discard(worker)
        self._idle.put(worker if whole else None)

    def _watched(self) -> None:
        # Counted in ticks, not by the clock: while this process or the machine was suspended, no job was late.
        while not self._ended.wait(TICK):
            with self._lock:
                running = list(self._running)
            for worker in running:
                worker.tick()
