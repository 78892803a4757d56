"""How far a long run is, on standard error."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from lookalike.words import cell_width, human_seconds, number, shorten_path, visible

__all__ = ["Progress", "progress"]

_SHOW_AFTER = 0.5
_TERMINAL_EVERY = 0.1
_LINES_EVERY = 10.0
_SAY_END_AFTER = 1.0
# The rate is that of the last 20 seconds: long enough to be calm, short enough to follow a slow disk.
_WINDOW = 20.0
_SAMPLE_EVERY = 0.25
_BAR = 24


def progress(
    total: int | None,
    label: str,
    *,
    stream: TextIO | None = None,
    quiet: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Return a context manager that shows how far a run is.

    Parameters
    ----------
    total
        How many there will be, or None while that is unknown; `Progress.total` can be set later.
    label
        What is going on: "Indexing".
    stream
        Standard error if None. A terminal gets one line that changes, anything else a line every 10 seconds.
    quiet
        Show nothing.
    clock
        Seconds.
    """
    return Progress(total, label, stream=stream, quiet=quiet, clock=clock)


class Progress:
    """Counts what is done and shows it; never raises because of its stream. `advance` may be called by any thread.

    Attributes
    ----------
    total
        How many there will be, or None. May be set at any time.
    done
        How many `advance` has counted.
    """

    def __init__(
        self, total: int | None, label: str, *, stream: TextIO | None, quiet: bool, clock: Callable[[], float]
    ) -> None:
        self.total = total
        self.done = 0
        self._label = label
        # Looked up now: standard error may be another one than at import. It is None in a program without a console.
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet or self._stream is None
        self._clock = clock
        self._live = not self._quiet and _is_terminal(self._stream)
        self._colour = self._live and not os.environ.get("NO_COLOR")
        self._glyphs = "━━" if self._colour and _can_write(self._stream, "━") else "#-"
        self._lock = threading.Lock()
        self._note = ""
        self._drawn = False
        self._start = self._shown = clock()
        self._samples: deque[tuple[float, int]] = deque([(self._start, 0)])

    def __enter__(self) -> Progress:
        self._start = self._shown = self._clock()
        self._samples = deque([(self._start, 0)])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._quiet:
                return
            seconds = self._clock() - self._start
            ending = ""
            if seconds >= _SAY_END_AFTER and self.done:
                ending = f"{self._label}: {self._summary(seconds, stopped=kind is not None)}\n"
            self._write(("\r\x1b[K" if self._drawn else "") + ending)

    def advance(self, n: int = 1, note: str = "") -> None:
        """Count `n` more; `note` says what is at hand, such as a file's name."""
        with self._lock:
            self.done += n
            self._note = note or self._note
            if self._quiet:
                return
            now = self._clock()
            self._sample(now)
            if self._live:
                if now - self._start >= _SHOW_AFTER and (not self._drawn or now - self._shown >= _TERMINAL_EVERY):
                    self._write("\r" + self._bar_line(now) + "\x1b[K")
                    self._drawn, self._shown = True, now
            elif now - self._shown >= _LINES_EVERY:
                self._write(f"{self._label}: {', '.join(self._facts(now))}\n")
                self._shown = now

    def _sample(self, now: float) -> None:
        if now - self._samples[-1][0] >= _SAMPLE_EVERY:
            self._samples.append((now, self.done))
        # One sample from before the window stays, so that the rate always covers all of it.
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()

    def _rate(self, now: float) -> float:
        """Per second, over the last `_WINDOW` seconds or since the start."""
        then, done = self._samples[0]
        return (self.done - done) / (now - then) if now > then else 0.0

    def _facts(self, now: float) -> list[str]:
        facts = []
        if self.total:
            facts = [f"{_percent(self.done, self.total)}%", f"{number(self.done)} of {number(self.total)}"]
        else:
            facts = [number(self.done)]
        rate = self._rate(now)
        if rate > 0:
            facts.append(_per_second(rate))
            if self.total and self.done < self.total:
                facts.append(f"{human_seconds(max((self.total - self.done) / rate, 1.0))} left")
        return facts

    def _summary(self, seconds: float, stopped: bool) -> str:
        counted = number(self.done)
        if self.total is not None and self.done != self.total:
            counted += f" of {number(self.total)}"
        text = f"{'stopped at ' if stopped else ''}{counted} in {human_seconds(seconds)}"
        return f"{text} ({_per_second(self.done / seconds)})" if self.done else text

    def _bar_line(self, now: float) -> str:
        room = _columns(self._stream) - 1  # a full last column would break the line
        facts = self._facts(now)
        line, length = self._label, cell_width(self._label)
        if self.total and room >= 70:
            filled = _BAR * min(self.done, self.total) // self.total
            done, left = self._glyphs[0] * filled, self._glyphs[1] * (_BAR - filled)
            line += f"  \x1b[36m{done}\x1b[90m{left}\x1b[0m" if self._colour else f"  {done}{left}"
            length += 2 + _BAR
        for fact in facts:
            if length + 2 + len(fact) > room:
                break
            line += "  " + fact
            length += 2 + len(fact)
        note = visible(self._note)
        if note and room - length >= 18:
            line += "  " + shorten_path(note, room - length - 2)
        return line

    def _write(self, text: str) -> None:
        if not text:
            return
        try:
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            # A terminal that went away must not end a run that does well.
            self._quiet = True


def _percent(done: int, total: int) -> int:
    # 100 only when all is done.
    return min(100 * done // total, 100)


def _per_second(rate: float) -> str:
    if rate >= 10:
        return f"{number(round(rate))}/s"
    return f"{rate:.1f}/s" if rate >= 0.95 else f"{rate * 60:.1f}/min"


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
