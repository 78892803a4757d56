"""The worker's side: ``python -m lookalike.workers``."""

from __future__ import annotations

import importlib
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from lookalike.workers.line import Line
from lookalike.workers.process import NO_MEMORY

TOGETHER_SECONDS = 0.05
"""For how long answers are gathered."""


def _compute_for(seconds: float | None) -> None:
    """End this process when it has computed for longer; None or 0 for ever."""
    if seconds is not None and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _work(shared: mmap.mmap | None) -> None:
    """Answer until the pipe is closed."""
    import traceback

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks; this one ends with it
    line = Line(os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb"), shared)
    os.dup2(2, 1)  # what a library prints must not get between the answers
    try:
        make, arguments = line.receive()
        module, _, name = make.partition(":")
        function: Callable[[Any], Any] = getattr(importlib.import_module(module), name)(*arguments)
        line.send(True)
        while True:
            jobs, cpu_seconds = line.receive()
            line.rewind()
            answers: list[tuple[bool, Any]] = []
            told = time.monotonic()
            for number, job in enumerate(jobs):
                line.at = number
                _compute_for(cpu_seconds)
                try:
                    answers.append((True, function(job)))
                except Exception:
                    answers.append((False, traceback.format_exc()))
                # Each answer wakes the process that asks, which costs more than a small picture. They may wait for one
                # another where it is known which job was at work, should this process die of it.
                if line.at is None or number == len(jobs) - 1 or time.monotonic() - told > TOGETHER_SECONDS:
                    _compute_for(cpu_seconds and 0)
                    line.send(answers, share=True)
                    answers, told = [], time.monotonic()
    except (EOFError, OSError):
        os._exit(0)
    except MemoryError:
        os._exit(NO_MEMORY)


if __name__ == "__main__":
    _work(mmap.mmap(int(sys.argv[1]), 0) if len(sys.argv) > 1 else None)
