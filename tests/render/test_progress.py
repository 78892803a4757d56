from __future__ import annotations

import io
import re
import sys

import pytest

from lookalike.render.bar import Progress, progress


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> str:
        """The last line as it stands on the screen."""
        line = self.getvalue().split("\n")[-1]
        return re.sub(r"\x1b\[[0-9;]*[mK]", "", line.split("\r")[-1])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def run(bar: Progress, clock: Clock, count: int, seconds_each: float) -> None:
    for _ in range(count):
        clock.now += seconds_each
        bar.advance()


def test_a_short_run_shows_nothing_anywhere(terminal: Terminal, clock: Clock) -> None:
    file = io.StringIO()
    for stream in (terminal, file):
        with progress(10, "Indexing", stream=stream, clock=clock) as bar:
            run(bar, clock, 10, 0.04)
        assert stream.getvalue() == ""


def test_a_terminal_gets_one_line_with_share_count_rate_and_time_left(terminal: Terminal, clock: Clock) -> None:
    with progress(1000, "Indexing", stream=terminal, clock=clock) as bar:
        run(bar, clock, 250, 0.1)
        assert terminal.screen == "Indexing  ━━━━━━━━━━━━━━━━━━━━━━━━  25%  250 of 1,000  10/s  1 min 15 s left"
        assert "\n" not in terminal.getvalue()
        assert "\x1b[36m━━━━━━\x1b[90m━━━━━━━━━━━━━━━━━━\x1b[0m" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[KIndexing: 250 of 1,000 in 25 s (10/s)\n")


def test_the_note_is_shown_where_there_is_room_and_cannot_break_the_line(terminal: Terminal, clock: Clock) -> None:
    with progress(None, "Reading", stream=terminal, clock=clock) as bar:
        clock.now += 1
        bar.advance(note="/photos/two\nlines\x1b[2J/caf\udce9.jpg")
        assert terminal.screen == "Reading  1  1.0/s  /photos/two\\nlines\\x1b[2J/caf\\xe9.jpg"
        assert len(terminal.screen) < 80


def test_the_line_is_not_drawn_more_than_ten_times_a_second(terminal: Terminal, clock: Clock) -> None:
    with progress(None, "Reading", stream=terminal, clock=clock) as bar:
        run(bar, clock, 2000, 0.001)
    assert terminal.getvalue().count("Reading  ") <= 17


def test_without_colour_there_are_no_colours(terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with progress(4, "Indexing", stream=terminal, clock=clock) as bar:
        run(bar, clock, 2, 1.0)
        assert "############------------  50%" in terminal.screen
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.getvalue())


def test_a_dumb_terminal_gets_plain_lines(terminal: Terminal, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with progress(4, "Indexing", stream=terminal, clock=clock) as bar:
        run(bar, clock, 4, 1.0)
    assert terminal.getvalue() == "Indexing: 4 in 4.0 s (1.0/s)\n"


def test_a_file_gets_a_line_every_ten_seconds_and_one_at_the_end(clock: Clock) -> None:
    file = io.StringIO()
    with progress(1000, "Indexing", stream=file, clock=clock) as bar:
        run(bar, clock, 1000, 0.025)
    assert file.getvalue().splitlines() == [
        "Indexing: 40%, 400 of 1,000, 40/s, 15 s left",
        "Indexing: 80%, 800 of 1,000, 40/s, 5.0 s left",
        "Indexing: 1,000 in 25 s (40/s)",
    ]


def test_the_total_may_be_unknown_and_become_known(clock: Clock) -> None:
    file = io.StringIO()
    with progress(None, "Indexing", stream=file, clock=clock) as bar:
        run(bar, clock, 11, 1.0)
        bar.total = 44
        run(bar, clock, 11, 1.0)
    first, second, last = file.getvalue().splitlines()
    assert first == "Indexing: 10, 1.0/s"
    assert second == "Indexing: 45%, 20 of 44, 1.0/s, 24 s left"
    assert last == "Indexing: 22 of 44 in 22 s (1.0/s)"


def test_the_rate_is_that_of_the_recent_past(clock: Clock) -> None:
    file = io.StringIO()
    with progress(10_000, "Indexing", stream=file, clock=clock) as bar:
        run(bar, clock, 6000, 0.01)
        run(bar, clock, 60, 1.0)
    lines = file.getvalue().splitlines()
    assert lines[0] == "Indexing: 10%, 1,000 of 10,000, 100/s, 1 min 30 s left"
    # Over all the time it was 51 per second, which says nothing about what is to come.
    assert re.fullmatch(r"Indexing: 60%, 6,05\d of 10,000, 1\.0/s, 1 h 05 min left", lines[-2])
    assert lines[-1] == "Indexing: 6,060 of 10,000 in 2 min 00 s (51/s)"


def test_slow_work_is_told_per_minute(clock: Clock) -> None:
    file = io.StringIO()
    with progress(10, "Training", stream=file, clock=clock) as bar:
        run(bar, clock, 2, 12.0)
    assert "2 of 10, 5.0/min, 1 min 36 s left" in file.getvalue()


def test_a_run_that_stops_early_says_how_far_it_came(clock: Clock) -> None:
    file = io.StringIO()

    def interrupted() -> None:
        with progress(10, "Indexing", stream=file, clock=clock) as bar:
            run(bar, clock, 3, 1.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.getvalue() == "Indexing: stopped at 3 of 10 in 3.0 s (1.0/s)\n"


def test_quiet_shows_nothing_and_still_counts(terminal: Terminal, clock: Clock) -> None:
    with progress(10, "Indexing", stream=terminal, quiet=True, clock=clock) as bar:
        run(bar, clock, 10, 60.0)
    assert terminal.getvalue() == ""
    assert bar.done == 10


def test_standard_error_is_used_and_standard_output_never(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with progress(10, "Indexing", clock=clock) as bar:
        run(bar, clock, 10, 5.0)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith("Indexing: 10 in 50 s (12.0/min)\n")


def test_a_program_without_a_console_runs_on(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with progress(10, "Indexing", clock=clock) as bar:
        run(bar, clock, 10, 5.0)
    assert bar.done == 10


def test_a_stream_that_breaks_does_not_end_the_run(clock: Clock) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with progress(10, "Indexing", stream=Broken(), clock=clock) as bar:
        run(bar, clock, 10, 5.0)
    assert bar.done == 10


def test_a_terminal_that_knows_ascii_only_gets_ascii(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    class Ascii(Terminal):
        encoding = "ascii"

    old = Ascii()
    with progress(4, "Größe", stream=old, clock=clock) as bar:
        run(bar, clock, 2, 1.0)
    assert old.getvalue().isascii()
    assert "####" in old.getvalue()


def test_what_counted_nothing_says_nothing_at_its_end():
    stream, times = io.StringIO(), iter([0.0, 0.0, 5.0, 6.0, 7.0])
    with Progress(None, "Drawing", stream=stream, quiet=False, clock=lambda: next(times)):
        pass
    assert stream.getvalue() == ""
