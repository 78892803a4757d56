"""`lookalike serve`: where it listens, whom it lets in, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import uvicorn

from lookalike import defaults
from lookalike.cli import main
from lookalike.errors import UsageError
from lookalike.server import Settings, create_app
from lookalike.server.run import _Protocol, address_of, listen, settings_for
from tests.conftest import write_picture
from tests.server.conftest import end, start


def test_answers_are_sent_at_once():
    """Without TCP_NODELAY each answer on a kept connection waits 40 ms for the acknowledgement of its first half."""
    delays: list[int] = []

    class Greeted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted = transport.get_extra_info("socket")
            delays.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    async def met(listening: socket.socket) -> None:
        server = await asyncio.get_running_loop().create_server(Greeted, sock=listening)
        async with server:
            reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            await reader.read()
            writer.close()

    # In a thread of its own: a browser's tests may have left a loop that runs in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, met(listen(port=0))).result()
    assert delays
    assert delays[0] != 0


def test_another_address_than_this_machines_wants_a_token(shelf, capfd):
    code = main(["serve", "--library", str(shelf.path), "--no-open", "--host", "0.0.0.0"])
    assert code == 2
    assert "--token" in capfd.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "pictures.example", "127.0.0.1.nip.example", ""])
def test_only_loopback_goes_without_a_token(host):
    with pytest.raises(UsageError, match="--token"):
        settings_for(host)
    settings = settings_for(host, "a-long-token", ["Pictures.Example"])
    assert settings.private
    assert "pictures.example" in settings.hosts
    assert "*" not in settings.hosts
    assert (host in settings.hosts) == (host not in ("0.0.0.0", "::", ""))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_on_loopback_reading_is_free_unless_a_token_is_given(host):
    assert not settings_for(host).private
    assert host in settings_for(host).hosts
    assert settings_for(host, "a-long-token").private


@pytest.mark.parametrize("token", ["", "short", "with\nnewline", "bäumchen-wechsel"])
def test_a_token_that_could_be_guessed_or_not_be_sent_is_refused(token):
    with pytest.raises(UsageError, match="token"):
        settings_for(token=token)


def test_the_next_free_port_is_taken_and_a_named_one_must_be_free(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("lookalike.server.run.PORT", port)
        with listen() as found:
            assert port < found.getsockname()[1] < port + 100
            assert address_of(found) == f"http://127.0.0.1:{found.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"port {port}"):
            listen(port=port)
    with pytest.raises(UsageError, match="--host"):
        listen("no-such-name.invalid", 0)


def test_defaults_are_those_of_python():
    import typer

    from lookalike.cli.app import app
    from lookalike.cli.settings import commands_of

    options = {one.name: one.default for one in commands_of(typer.main.get_command(app))["serve"].params}
    plain = Settings()
    assert (options["max_upload"], options["max_pixels"]) == (plain.max_upload, plain.max_pixels)
    assert options["allow_private_urls"] == plain.allow_private_urls
    assert options["host"] == defaults.HOST == "127.0.0.1"


def test_a_library_that_is_not_there_is_said(tmp_path, capfd):
    assert main(["serve", "--library", str(tmp_path / "none.lookalike"), "--no-open"]) == 3
    assert "none.lookalike" in capfd.readouterr().err


def test_a_private_server_wants_its_token_for_everything(shelf):
    running = start(shelf.path, "--token", "a-token-of-mine")
    try:
        assert running.token == "a-token-of-mine"
        assert httpx2.get(f"{running.url}/api/v1/status", timeout=60).status_code == 401
        bearer = {"Authorization": "Bearer a-token-of-mine"}
        assert httpx2.get(f"{running.url}/api/v1/status", headers=bearer, timeout=60).json()["indexed"] > 0
    finally:
        end(running)


@pytest.fixture
def impatient(library, monkeypatch):
    """Serve in a thread of this process, with half a second for a request to begin."""
    monkeypatch.setattr("lookalike.server.run._HEAD_SECONDS", 0.5)
    app = create_app(library, Settings(isolated=False))
    listening = listen(port=0)
    server = uvicorn.Server(uvicorn.Config(app, http=_Protocol, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(60)
    listening.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: 127"])
def test_a_request_that_begins_and_does_not_go_on_is_not_waited_for(impatient, begun):
    whole = b"GET /api/v1/folders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for before in (b"", whole):  # also as the second one of a connection
        with socket.create_connection(("127.0.0.1", impatient), timeout=60) as connection:
            if before and begun:
                connection.sendall(before)
                first = http.client.HTTPResponse(connection)  # headers and body may come in several pieces
                first.begin()
                assert first.status == 200
                assert json.loads(first.read())
                time.sleep(0.7)  # between two requests it may wait for longer
            connection.sendall(begun)
            assert connection.recv(100) == b""


PICTURES = 500
"""More than a fast machine indexes between a job's first two words and a signal."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_at_once_though_a_job_runs_and_is_watched(tmp_path, sig):
    import lookalike

    for number in range(PICTURES):
        write_picture(tmp_path / "in" / f"{number}.png", number, 200, 200)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(tmp_path / "in" / "0.png")
    running = start(tmp_path / "a.lookalike")
    bearer = {"Authorization": f"Bearer {running.token}"}
    try:
        job = httpx2.post(
            f"{running.url}/api/v1/index", json={"paths": [str(tmp_path / "in")]}, headers=bearer, timeout=60
        ).json()
        seen: list[str] = []

        def watch():
            events_of = f"{running.url}/api/v1/jobs/{job['id']}/events"
            with (
                contextlib.suppress(httpx2.RemoteProtocolError),  # it may be cut off in the midst of a word
                httpx2.stream("GET", events_of, timeout=60) as events,
            ):
                seen.extend(line for line in events.iter_lines() if line.startswith("data"))

        watching = threading.Thread(target=watch)
        watching.start()
        deadline = time.monotonic() + 60
        while len(seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        children = running.children()
        code = end(running, sig)
        watching.join(60)
    finally:
        running.process.kill()
    assert len(seen) >= 2
    assert code == (130 if sig == signal.SIGINT else -signal.SIGTERM)
    assert not watching.is_alive()
    with lookalike.open(tmp_path / "a.lookalike") as library:
        status = library.status()
        assert status.failed == 0  # no picture is blamed for the end
        assert status.indexed < PICTURES
        if sig == signal.SIGINT:
            report = library.add(tmp_path / "in")  # and what is left is done the next time
            assert report.added + report.unchanged == PICTURES
    for child in children:
        assert subprocess.run(["ps", "-p", str(child)], capture_output=True, check=False).returncode != 0
