"""What takes longer than a request: done one after the other in a thread, watched by whoever likes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import LookalikeError, UsageError

__all__ = ["Job", "JobStoppedError", "Jobs"]

_log = logging.getLogger("lookalike.server")

KEPT = 100
_VALUES = 8  # of jobs whose value is kept: that of a large library takes megabytes
_LOOKS = 0.2  # seconds between two looks at a job that is watched


class JobStoppedError(Exception):
    """Raised within a job that somebody stopped, where it can leave off."""


@dataclass
class Job:
    """One piece of work.

    Attributes
    ----------
    number, kind, title
        Which; what it does, in one word and in a line.
    state
        "waiting", "running", "done", "failed" or "stopped".
    progress
        What is told while it runs: a stage with how many of how many, or counts.
    result
        What came of it, as JSON can hold it.
    error, error_kind
        Why it failed, and the kind of error: see `lookalike.errors`.
    value
        What came of it, for calls that read it by parts; None again once enough others were asked of since.
    """

    number: int
    kind: str
    title: str
    state: str = "waiting"
    progress: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    error: str | None = None
    error_kind: str | None = None
    started: float | None = None
    ended: float | None = None
    value: Any = field(default=None, repr=False)
    used: float = field(default=0.0, repr=False)
    stopping: bool = field(default=False, repr=False)
    version: int = field(default=0, repr=False)

    def facts(self) -> dict[str, Any]:
        """Return it as a call answers it."""
        return {
            "id": self.number, "kind": self.kind, "title": self.title, "state": self.state,
            "progress": dict(self.progress), "result": self.result, "error": self.error, "error_kind": self.error_kind,
            "started": self.started, "ended": self.ended,
        }  # fmt: skip

    @property
    def over(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in ("done", "failed", "stopped")


class Jobs:
    """Jobs, one at a time, in the order in which they came. The last hundred are remembered."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._numbers = itertools.count(1)
        self._waiting: queue.SimpleQueue[tuple[Job, Callable[[Job], dict[str, Any]]] | None] = queue.SimpleQueue()
        self._changed = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self, kind: str, title: str, work: Callable[[Job], dict[str, Any]]) -> Job:
        """Take in a job: `work` is called with it, tells its progress by `tell`, and returns the result."""
        with self._changed:
            job = Job(next(self._numbers), kind, title)
            self._jobs[job.number] = job
            over = [number for number, one in self._jobs.items() if one.over]
            for number in over[: max(len(self._jobs) - KEPT, 0)]:
                del self._jobs[number]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lookalike jobs", daemon=True)
                self._thread.start()
        self._waiting.put((job, work))
        return job

    def get(self, number: int) -> Job:
        """Return a job.

        Raises
        ------
        KeyError
            If there is none of this number.
        """
        with self._changed:
            return self._jobs[number]

    def all(self) -> list[Job]:
        """Return all that are remembered, the newest first."""
        with self._changed:
            return list(reversed(self._jobs.values()))

    def use(self, job: Job) -> Any:
        """Return a job's value, which is then kept longer than those that nobody asks for."""
        job.used = time.monotonic()
        return job.value

    def tell(self, job: Job, **progress: Any) -> None:
        """Say how far a job is.

        Raises
        ------
        JobStoppedError
            If it is to leave off here.
        """
        with self._changed:
            job.progress = progress
            self._touch(job)
        if job.stopping:
            raise JobStoppedError

    def stop(self, number: int) -> Job:
        """Have a job leave off as soon as it can.

        Raises
        ------
        KeyError
            If there is none of this number.
        UsageError
            If it is over.
        """
        with self._changed:
            job = self._jobs[number]
            if job.over:
                raise UsageError(f"job {number} is over")
            job.stopping = True
            if job.state == "waiting":
                job.state, job.ended = "stopped", time.time()
            self._touch(job)
        return job

    async def watch(self, job: Job, seconds: float = 15.0) -> AsyncIterator[dict[str, Any] | None]:
        """Yield what is known of a job whenever it changes; None after `seconds` of silence.

        It ends when the job is over, which is told last, or when no more is watched: see `leave`.
        """
        seen, told = -1, time.monotonic()
        while True:
            if job.version != seen:
                with self._changed:
                    seen, facts, over = job.version, job.facts(), job.over
                told = time.monotonic()
                yield facts
                if over:
                    return
            elif time.monotonic() - told > seconds:
                told = time.monotonic()
                yield None
            if self._closed:  # also where something is new at each look
                return
            await asyncio.sleep(_LOOKS)

    def leave(self) -> None:
        """Have whoever watches go, so that a server can stop: they would keep it."""
        self._closed = True

    def close(self) -> None:
        """Stop what runs and take no more."""
        self._closed = True
        with self._changed:
            for job in self._jobs.values():
                job.stopping = True
                if job.state == "waiting":
                    job.state = "stopped"
            thread = self._thread
        self._waiting.put(None)
        if thread is not None:
            thread.join(10)

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            job, work = item
            with self._changed:
                if job.over:
                    continue
                job.state, job.started = "running", time.time()
                self._touch(job)
            state, error, kind = "done", None, None
            try:
                job.result = work(job)
            except JobStoppedError:
                state = "stopped"
            except LookalikeError as failure:
                state, error, kind = "failed", str(failure), failure.kind
            except Exception:  # a job that breaks must not end the thread
                _log.exception("job %d, %s", job.number, job.title)
                state, error, kind = "failed", "this is a fault of the server: its log says more", "error"
            with self._changed:
                job.state, job.error, job.error_kind, job.ended = state, error, kind, time.time()
                job.used = time.monotonic()
                valued = [one for one in self._jobs.values() if one.value is not None]
                for old in sorted(valued, key=lambda one: one.used)[:-_VALUES]:
                    old.value = None
                self._touch(job)

    def _touch(self, job: Job) -> None:
        job.version += 1
