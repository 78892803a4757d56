"""A server process of our own: where it listens, what it allows there, how it ends."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lookalike.defaults import HOST, MAX_PIXELS, MAX_THUMBNAILS, MAX_UPLOAD, PORT
from lookalike.errors import UsageError
from lookalike.library import Library
from lookalike.server.app import create_app
from lookalike.server.settings import LOOPBACK, Settings

__all__ = ["address_of", "listen", "run", "settings_for"]

_HEAD_SECONDS = 10.0  # longest that the lines before a request's body may take to come
_TRIED = 100  # ports, from the default one on
_CONNECTIONS = 512
_LEAST_TOKEN = 8


def settings_for(
    host: str = HOST,
    token: str | None = None,
    names: Sequence[str] = (),
    *,
    max_upload: int = MAX_UPLOAD,
    max_pixels: int = MAX_PIXELS,
    max_thumbnails: int = MAX_THUMBNAILS,
    allow_private_urls: bool = False,
) -> Settings:
    """Return what a server allows that listens on an address.

    Parameters
    ----------
    host
        An address, or a name of one.
    token
        As `Settings.token`. With one, every call must bring it; None for a random one that changes alone need.
    names
        Other names under which it is asked.
    max_upload, max_pixels, max_thumbnails, allow_private_urls
        See `Settings`.

    Raises
    ------
    UsageError
        If others than this machine could reach it, and there is no token, or a short one.
    """
    if token is not None and (len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable()):
        raise UsageError(f"a token is at least {_LEAST_TOKEN} printable ASCII characters long")
    if not _is_loopback(host) and token is None:
        raise UsageError(f"others could reach a server on {host}: give it a --token, or leave --host out")
    hosts = [name.strip().lower() for name in names]
    hosts += LOOPBACK
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - every address, and no name of one
        hosts += [socket.gethostname().lower(), *_own_addresses()]
    else:
        hosts.append(host.strip("[]").lower())
    given: dict[str, Any] = {} if token is None else {"token": token}
    return Settings(
        **given, private=token is not None, hosts=tuple(dict.fromkeys(hosts)), max_upload=max_upload,
        max_pixels=max_pixels, max_thumbnails=max_thumbnails, allow_private_urls=allow_private_urls,
    )  # fmt: skip


def listen(host: str = HOST, port: int | None = None) -> socket.socket:
    """Return a socket that listens.

    Parameters
    ----------
    host
        An address, or a name of one.
    port
        0 for any free one; None for `PORT` or, where it is taken, the next free one.

    Raises
    ------
    UsageError
        If it cannot listen there.
    """
    wanted = range(PORT, PORT + _TRIED) if port is None else [port]
    failure: OSError | None = None
    for one in wanted:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, one, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            return _bound(family, kind, protocol, address)
        except OSError as error:
            failure = error
            if isinstance(error, socket.gaierror):
                break
    where = f"{host}, port {port if port is not None else f'{PORT} to {PORT + _TRIED - 1}'}"
    raise UsageError(
        f"it cannot listen on {where}: {failure.strerror if failure else ''}; name another --port or --host"
    )


def address_of(listening: socket.socket, host: str = HOST) -> str:
    """Return the URL of a socket, without a slash at its end."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    name = f"[{name}]" if ":" in name and not name.startswith("[") else name
    return f"http://{name}:{listening.getsockname()[1]}"


def run(library: Library, settings: Settings, listening: socket.socket) -> None:
    """Serve a library on a socket until the process is told to end: Ctrl-C or SIGTERM.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, once all is closed.
    """
    app = create_app(library, settings)
    config = uvicorn.Config(
        app, http=_Protocol, log_level="warning", access_log=False, server_header=False, date_header=True, ws="none",
        timeout_keep_alive=15, timeout_graceful_shutdown=3, limit_concurrency=_CONNECTIONS, proxy_headers=False,
    )  # fmt: skip
    try:
        _Server(config, app).run(sockets=[listening])
    finally:
        app.state.lookalike.close()


class _Protocol(H11Protocol):
    """Closes a connection on which a request begins and does not go on: uvicorn would wait for ever."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `_Protocol`."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See `_Protocol`."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `_Protocol`."""
        self._go_on()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _go_on(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Server(uvicorn.Server):
    """Lets go of those who watch a job, for they would not leave of themselves."""

    def __init__(self, config: uvicorn.Config, app: Any) -> None:
        super().__init__(config)
        self._jobs = app.state.lookalike.jobs

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See `_Server`."""
        self._jobs.leave()
        super().handle_exit(sig, frame)


def _bound(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    # With its protocol named, asyncio sends at once what is written; else an answer waits 40 ms for an acknowledgement.
    found = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows SO_REUSEADDR would let two servers listen at once
            found.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(1024)
    except OSError:
        found.close()
        raise
    return found


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _own_addresses() -> list[str]:
    """Return the addresses that this machine's name has."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return []
    return [str(address[0]).partition("%")[0] for *_, address in found]
