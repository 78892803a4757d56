"""How the client talks to a server: requests, errors as classes, jobs that are waited for."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import Any, SupportsIndex, TypeAlias
from urllib.parse import urlencode, urlsplit

from lookalike import errors
from lookalike.errors import LookalikeError, UnreadableError, UsageError

__all__ = [
    "Facts",
    "JobFailedError",
    "JobStoppedError",
    "PictureLike",
    "Progress",
    "ServerError",
    "Wire",
    "error_of",
    "with_asked",
]

PictureLike: TypeAlias = str | os.PathLike[str] | bytes | int
"""A file, an http(s) URL, the bytes of a file, or the id of a picture in the library."""

Facts: TypeAlias = dict[str, Any]
"""What a call answers, as the OpenAPI document describes it."""

Progress: TypeAlias = Callable[[Facts], None]
"""Called with a job's facts whenever they change."""

_PAGE = 500
_ESCAPED = {ord('"'): "%22", 10: "%0A", 13: "%0D"}  # as browsers do
_KIND = "x-lookalike-error"


class ServerError(LookalikeError):
    """A server cannot be reached, or answers what none of ours answers."""

    kind = "server"


class JobFailedError(ServerError):
    """A job failed for a reason that has no error of its own."""


class JobStoppedError(ServerError):
    """Somebody stopped the job that was waited for."""

    kind = "stopped"


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str | None
    body: bytes = field(repr=False)


class Wire:
    """A server's address and token, and what all calls have in common: see `lookalike.client.Client`."""

    def __init__(self, url: str, token: str | None = None, *, seconds: float = 120.0) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError as error:
            raise UsageError(f"{url!r} is no address of a server: write it as http://127.0.0.1:8000") from error
        if parts.scheme not in ("http", "https") or not self._host:
            raise UsageError(f"{url!r} is no address of a server: write it as http://127.0.0.1:8000")
        self._secure, self._base = parts.scheme == "https", parts.path.rstrip("/") + "/api/v1"
        self._token, self._seconds = token, seconds

    def __repr__(self) -> str:
        return f"<Client of {self._host}:{self._port}>"

    def wait(self, job: int, progress: Callable[[Facts], None] | None = None) -> Facts:
        """Wait until a job is over and return its facts.

        Parameters
        ----------
        job
            Its id.
        progress
            Called with its facts whenever they change.

        Raises
        ------
        LookalikeError
            What made it fail.
        JobStoppedError
            If it was stopped.
        ServerError
            If the server leaves before.
        """
        facts: Facts = {}
        for facts in self.events(job):
            if progress is not None:
                progress(facts)
        if facts.get("state") == "done":
            return facts
        if facts.get("state") == "failed":
            raise error_of(facts["error_kind"], facts["error"], JobFailedError)
        if facts.get("state") == "stopped":
            raise JobStoppedError(f"job {job} was stopped")
        raise ServerError(f"the server left before job {job} was over: start it again, and see how far it got")

    def jobs(self) -> list[Facts]:
        """Return all jobs that the server remembers, the newest first."""
        found: list[Facts] = self._json("GET", "/jobs")["jobs"]
        return found

    def job(self, number: int) -> Facts:
        """Return how far a job is, or what came of it."""
        return self._json("GET", f"/jobs/{number}")

    def stop(self, job: int) -> Facts:
        """Have a job leave off as soon as it can."""
        return self._json("POST", f"/jobs/{job}/stop")

    def events(self, job: int) -> Iterator[Facts]:
        """Yield a job's facts, whenever they change, until it is over."""
        with self._connected() as connection:
            answer = self._sent(connection, "GET", f"/jobs/{job}/events", None, {})
            if answer.status != 200:
                _check(_Answer(answer.status, answer.headers.get(_KIND), answer.read()))
            for line in _lines(answer):
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    # ------------------------------------------------------------------------------------------------ how

    def _done(self, path: str, body: Facts, progress: Progress | None) -> Facts:
        """Start a job by a call, wait for it, and return its facts."""
        return self.wait(self._json("POST", path, body)["id"], progress)

    def _pages(self, path: str, key: str, **asked: Any) -> Iterator[Facts]:
        """Yield what a call answers by pages, under `key`, one by one."""
        at, total = 0, 1
        while at < total:
            page = self._json("GET", with_asked(path, **asked, offset=at, limit=_PAGE))
            total = page["total"]
            yield from page[key]
            at += _PAGE

    def _pair(self, a: PictureLike, b: PictureLike) -> Facts:
        return {"a": self._ref(a), "b": self._ref(b)}

    def _ref(self, query: PictureLike) -> Facts:
        """Return how a request names a picture; files and bytes are sent first."""
        if isinstance(query, SupportsIndex):  # also numpy's, such as the keys of a result
            return {"id": index(query)}
        if isinstance(query, bytes):
            return {"upload": self._upload("picture", query)["upload"]}
        text = os.fspath(query)
        if text.lower().startswith(("http://", "https://")):
            return {"url": text}
        try:
            return {"upload": self._upload(Path(text).name, Path(text).read_bytes())["upload"]}
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{text} cannot be read: {getattr(error, 'strerror', None) or error}") from error

    def _upload(self, name: str, data: bytes) -> Facts:
        boundary = secrets.token_hex(16)
        told = name.translate(_ESCAPED)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="picture"; filename="{told}"\r\n\r\n'
        body = head.encode("utf-8", "replace") + data + f"\r\n--{boundary}--\r\n".encode()
        answer = self._ask("POST", "/uploads", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        return _parsed(answer)

    def _json(self, method: str, path: str, body: Any = None) -> Facts:
        return _parsed(self._ask(method, path, body))

    def _ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> _Answer:
        given = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body, given["Content-Type"] = json.dumps(body).encode(), "application/json"
        with self._connected() as connection:
            answer = self._sent(connection, method, path, body, given)
            return _check(_Answer(answer.status, answer.headers.get(_KIND), answer.read()))

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        port, seconds = self._port, self._seconds
        connection = (
            http.client.HTTPSConnection(self._host, port, timeout=seconds, context=ssl.create_default_context())
            if self._secure
            else http.client.HTTPConnection(self._host, port, timeout=seconds)
        )
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or error or type(error).__name__
            raise ServerError(f"no answer from the server at {self._host}:{connection.port} ({why})") from error
        finally:
            connection.close()

    def _sent(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Facts
    ) -> http.client.HTTPResponse:
        if self._token is not None:
            headers = {**headers, "Authorization": f"Bearer {self._token}"}
        # A body that is too large is refused before all of it is sent: the answer is there to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, self._base + path, body, headers)
        return connection.getresponse()


def _lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    while line := answer.readline():
        yield line.decode().rstrip("\r\n")


def _parsed(answer: _Answer) -> Facts:
    try:
        found: Facts = json.loads(answer.body)
    except ValueError as error:
        raise ServerError("this is no server of ours: it answers something else than JSON") from error
    return found


def _check(answer: _Answer) -> _Answer:
    """Return an answer that is none of an error; raise what it says."""
    if answer.status < 400:
        return answer
    try:
        said = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError):
        raise ServerError(f"the server answers {answer.status}, and does not say why") from None
    error = error_of(answer.kind, str(said), ServerError)
    error.status = answer.status
    raise error


def error_of(kind: str | None, said: str, otherwise: type[LookalikeError]) -> LookalikeError:
    """Return an error of the class that a kind stands for."""
    classes = [getattr(errors, name) for name in errors.__all__]
    # The more general of two of one kind, such as an unreadable file and a URL that was refused.
    return next((one for one in classes[::-1] if one.kind == kind and one is not LookalikeError), otherwise)(said)


def with_asked(path: str, **asked: Any) -> str:
    """Return a path with what is asked behind it."""
    given = {name: value for name, value in asked.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
