"""One worker process, seen from the one that started it.

A worker imports this too, on its way: what only starts one is imported where one is started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from lookalike.workers.line import Line, shared_memory

__all__ = ["NO_MEMORY", "TICK", "Worker", "WorkerLostError"]

TICK = 0.25
"""Seconds between two looks at how long a job takes."""

NO_MEMORY = 77
"""Exit code of a worker that has no memory for the job itself."""

_START_SECONDS = 300.0
_PACKAGES = __file__.rsplit(os.sep, 3)[0]


class WorkerLostError(Exception):
    """A worker process died of a job, or was ended because the job took too long.

    Attributes
    ----------
    late
        Whether it was ended for the time it took.
    job
        Whether the job is to blame: not if no process could be started, or it was ended with all others.
    code
        With what the process ended: negative is a signal's number, None is unknown.
    """

    def __init__(self, late: bool, job: bool = True, code: int | None = None) -> None:
        super().__init__("the job took too long" if late else "the process died")
        self.late, self.job, self.code = late, job, code

    @property
    def no_memory(self) -> bool:
        """Whether the process got no memory for the job itself."""
        return self.code == NO_MEMORY


class Worker:
    """One process."""

    def __init__(self, make: str, arguments: tuple[Any, ...]) -> None:
        import subprocess

        if getattr(sys, "frozen", False) or not sys.executable:
            raise OSError("this program is no Python interpreter that could be started once more")
        # One core each: libraries that start a thread per core would have them wait for one another.
        alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        shared, handle = shared_memory()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                # -P: nothing is imported from the folder that happens to be the current one.
                [sys.executable, "-P", "-m", "lookalike.workers", *map(str, handle)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=handle, env={**os.environ, **alone, **_path()},
                # Ctrl-C is for this process alone, also while the other one is starting.
                process_group=None if os.name == "nt" else 0,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )  # fmt: skip
        finally:
            for descriptor in handle:
                os.close(descriptor)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._line = Line(self._process.stdin, self._process.stdout, shared)
        self._lock = threading.Lock()
        self._patience: float | None = None
        self.ready = False
        self.late = False
        self.ended = False
        self._at: int | None = None
        with contextlib.suppress(OSError):  # it is gone already: the first job says so
            self._line.send((make, arguments))

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def begin(self, jobs: Sequence[Any], cpu_seconds: float | None) -> None:
        """Give it jobs, all of whose answers must then be taken; raises one of `BROKEN` if the process is gone."""
        if not self.ready:
            self._receive(_START_SECONDS)
            self.ready = True
        self._line.at = 0
        self._line.send((list(jobs), cpu_seconds))

    def answers(self, seconds: float | None, *, lent: bool) -> list[tuple[bool, Any]]:
        """Return (True, result) or (False, traceback) for the next jobs, at least one; raises as `begin` does."""
        answers: list[tuple[bool, Any]] = self._receive(seconds, lent=lent)
        return answers

    @property
    def at(self) -> int | None:
        """At which of its jobs it is, or was when it ended: None if that is the first one without an answer."""
        return self._at if self.ended else self._line.at

    def tick(self) -> None:
        """Count down, and end the process when the time is over."""
        with self._lock:
            if self._patience is not None:
                self._patience -= TICK
                if self._patience <= 0:
                    self.late = True
                    self._process.kill()

    def end(self, grace: float = 0.0) -> WorkerLostError:
        """End the process, whatever it is doing, and say how it ended; `grace` is for one that is ending by itself."""
        import subprocess

        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self._process.kill()
        code = self._process.wait()
        if not self.ended:
            self.ended, self._at = True, self._line.at
            self._line.close()
        late = self.late or code == -getattr(signal, "SIGPROF", 0) != 0
        return WorkerLostError(late, self.ready, code)

    def _receive(self, seconds: float | None, *, lent: bool = False) -> Any:
        with self._lock:
            self._patience = None if seconds is None else seconds + TICK
        try:
            return self._line.receive(lent=lent)
        finally:
            with self._lock:
                self._patience = None


def _path() -> dict[str, str]:
    """Return the variable by which the other process imports from where this one does, in the same order."""
    told = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [path for path in (*told, *sys.path) if os.path.isabs(path)]  # noqa: PTH117 - see above
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys([*paths, _PACKAGES]))}
