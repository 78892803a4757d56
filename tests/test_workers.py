"""Worker processes: answers in order, faults that stay in one job, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.workers import Workers

HERE = "tests.test_workers"


def doubler(offset: int) -> Callable[[object], object]:
    """Return what a worker of these tests does."""
    print("printed while starting")

    def double(job: object) -> object:
        if job == "raise":
            raise ValueError("no such job")
        if job == "die":
            os._exit(7)
        if job == "pid":
            return os.getpid()
        if job == "sleep":
            time.sleep(60)
        print("printed in between")
        assert isinstance(job, int)
        time.sleep(0.02 * (job % 3))
        return 2 * job + offset

    return double


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


def test_answers_come_in_the_order_of_the_jobs():
    with Workers(2, f"{HERE}:doubler", 1) as workers:
        assert list(workers.map(range(40))) == [2 * job + 1 for job in range(40)]
        assert list(workers.map([])) == []
        assert len(set(workers.map(["pid"] * 20))) <= 2


def test_a_job_at_which_a_worker_dies_has_no_answer_and_the_others_have():
    with Workers(2, f"{HERE}:doubler", 0) as workers:
        assert list(workers.map([1, "die", 2, "die", 3, 4])) == [2, None, 4, None, 6, 8]


def test_what_the_function_raises_is_told_with_its_traceback():
    with Workers(1, f"{HERE}:doubler", 0) as workers:
        with pytest.raises(RuntimeError, match=r"(?s)double.*ValueError: no such job"):
            list(workers.map(["raise"]))
        assert list(workers.map([5])) == [10]


def test_what_cannot_be_started_has_no_answers():
    with Workers(1, "tests.test_workers:nothing_of_the_kind") as workers:
        assert list(workers.map([1, 2])) == [None, None]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self/stat").exists():
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # it has gone meanwhile
        return False


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 60
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _alive(pid)


def test_closing_ends_a_worker_in_the_midst_of_a_job():
    workers = Workers(1, f"{HERE}:doubler", 0)
    (pid,) = workers.map(["pid"])
    waiting = workers._pool.submit(workers._run, "sleep")
    started = time.monotonic()
    time.sleep(0.1)
    workers.close()
    assert waiting.result() is None
    assert time.monotonic() - started < 40  # the job takes 60
    assert _gone(int(pid))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_workers_leave_with_a_process_that_is_killed():
    script = (
        "from lookalike.workers import Workers\n"
        f"workers = Workers(1, '{HERE}:doubler', 0)\n"
        "print(*workers.map(['pid']), flush=True)\n"
        "list(workers.map(range(100000)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert _alive(pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert _gone(pid)
