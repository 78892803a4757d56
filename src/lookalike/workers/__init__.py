"""Processes of our own that work beside this one, for what Python's threads would do one after the other.

A worker is started as ``python -m lookalike.workers``: no script is run a second time, nothing is inherited that a fork
would leave half done. It is asked and answers by pipe, uses one core, and leaves when the pipe is closed: with this
process, however that ends. Arrays in its answers lie in memory that both share, where the system has such memory
without a name (Linux), so that nothing is left of it either; elsewhere they follow by the pipe.

    Workers (pool.py)  one thread's jobs --> an idle Worker (process.py) == Line (line.py) ==> __main__.py
"""

from __future__ import annotations

from lookalike.workers.pool import Workers, available_cores
from lookalike.workers.process import WorkerLostError

__all__ = ["WorkerLostError", "Workers", "available_cores"]
