"""Indexing gives way to whoever waits for an answer, and gets on nevertheless."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from lookalike.server import Settings, create_app


@pytest.fixture
def state(library):
    app = create_app(library, Settings(isolated=False))
    yield app.state.lookalike
    app.state.lookalike.close()


def elsewhere(ask, *call):
    """Wait for a call in a thread of its own: tests of pages leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, ask, *call).result()


def asked_while(state, seconds: float, within: float) -> float:
    """Return how long a job waited that gives way while a call takes `seconds`."""
    begun, waited = threading.Event(), []

    def job() -> None:
        begun.wait(5)
        start = time.monotonic()
        state.give_way(within)
        waited.append(time.monotonic() - start)

    def call() -> None:
        begun.set()
        time.sleep(seconds)

    thread = threading.Thread(target=job)
    thread.start()
    elsewhere(state.heavily, call)
    thread.join(5)
    return waited[0]


def test_it_waits_for_the_answer_and_no_longer(state):
    assert 0.3 < asked_while(state, 0.5, 30) < 10


def test_it_gets_on_while_there_is_always_somebody_who_waits(state):
    assert asked_while(state, 2.0, 0.1) < 1.9


def test_it_waits_for_nobody_when_nobody_asks(state):
    began = time.monotonic()
    for _ in range(100):
        state.give_way()
    assert time.monotonic() - began < 1


def test_a_call_that_fails_is_waited_for_no_more(state):
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        elsewhere(state.heavily, fail)
    began = time.monotonic()
    state.give_way(5)
    assert time.monotonic() - began < 2


def test_whoever_watches_a_job_goes_when_the_server_leaves_though_there_is_news_at_each_look(state):
    """Indexing that is fast tells something at each look: the server must not wait for its end."""
    end = threading.Event()

    def work(job):
        done = 0
        while not end.wait(0.01):
            done += 1
            state.jobs.tell(job, done=done)
        return {}

    job = state.jobs.start("index", "News", work)

    async def watched() -> list[str]:
        seen = []
        async for facts in state.jobs.watch(job):
            seen.append(facts["state"])
            if len(seen) == 3:
                state.jobs.leave()
            if len(seen) == 10:
                break
        return seen

    try:
        assert len(elsewhere(watched)) == 3
    finally:
        end.set()
