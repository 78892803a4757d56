"""The only place that opens a connection: a name is resolved once, judged, and the judged address is dialled.

Imported when something is fetched, since httpcore takes a while to load.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from lookalike.errors import FetchError
from lookalike.sources.addresses import Target, is_public, not_public

__all__ = ["Dialler"]


class Dialler(httpcore.NetworkBackend):
    """Connects to one target, until a deadline.

    httpcore asks its backend for every connection, so what is judged here is what is dialled: between the two no name
    is resolved again. The name stays the URL's, so TLS checks the certificate against it and the Host header has it.

    Parameters
    ----------
    target
        From `parse_target`.
    deadline
        On the clock of `time.monotonic`, for all that is done on the connections together: a server that sends one
        byte a second is cut too, which a time-out for each read would not do.
    allow_private
        Dial addresses that are not public.
    """

    def __init__(self, target: Target, deadline: float, *, allow_private: bool) -> None:
        self._target = target
        self._deadline = deadline
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  httpcore's signature; the deadline stands above it
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Return a connection to the target.

        Raises
        ------
        FetchError
            If any of the host's addresses is not public. A name that has both kinds is refused, not sorted.
        OSError
            If no address answers.
        """
        if (host, port) != (self._target.host, self._target.port):
            raise FetchError("the connection asked for is not the one that was judged")
        addresses = self._addresses()
        if not (self._allow_private or all(is_public(str(address[0])) for _, address in addresses)):
            raise FetchError(not_public(self._target))
        problem = OSError("the name has no address")
        for number, (family, address) in enumerate(addresses):
            # Each gets its share of the time that is left, so that one dead address does not use it up.
            share = _left(self._deadline) / (len(addresses) - number)
            try:
                return _Connection(connect(family, address, share), self._deadline)
            except OSError as error:
                problem = error
        raise problem

    def _addresses(self) -> list[tuple[int, tuple[Any, ...]]]:
        host, port = self._target.host, self._target.port
        if self._target.is_address:
            return [(socket.AF_INET6, (host, port, 0, 0)) if ":" in host else (socket.AF_INET, (host, port))]
        # A resolver takes no time-out, so it is asked from a thread that can be left behind.
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, ValueError) as error:
                answers.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            answer = answers.get(timeout=_left(self._deadline))
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(answer, Exception):
            raise OSError("the name cannot be resolved") from answer
        return [(family, address) for family, _, _, _, address in answer if family in (socket.AF_INET, socket.AF_INET6)]


class _Connection(httpcore.NetworkStream):
    """A socket on which every wait ends at the deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._socket = connection
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        self._socket.settimeout(_left(self._deadline))
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._socket.settimeout(_left(self._deadline))
        self._socket.sendall(buffer)  # whose time-out is for all of it

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        try:
            self._socket.settimeout(_left(self._deadline))
            # The handshake is done here too, and its time-out is for all of it.
            return _Connection(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()


def connect(family: int, address: tuple[Any, ...], seconds: float) -> socket.socket:
    """Return a TCP connection to an address as `socket.getaddrinfo` gives it. Nothing is resolved."""
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def _left(deadline: float) -> float:
    """Return the seconds until the deadline; never 0, which would mean not to wait at all."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
