"""A server's calls from Python, on the standard library alone.

>>> from lookalike.client import Client
>>> client = Client("http://127.0.0.1:8000", token="...")  # doctest: +SKIP
>>> for hit in client.search("beach.jpg", k=3, verify=True).hits:  # doctest: +SKIP
...     print(hit["distance"], hit["verdict"], hit["uri"])
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeAlias
from urllib.parse import urlencode, urlsplit

from lookalike import errors
from lookalike.defaults import DESCRIPTOR, DESCRIPTORS, KEEP_RULES, LABELS, LEVEL, K
from lookalike.errors import LookalikeError, UnreadableError, UsageError
from lookalike.types import Rows, Tabular

if TYPE_CHECKING:
    from lookalike.filters import Filters

__all__ = ["Client", "Group", "JobFailedError", "JobStoppedError", "PictureLike", "SearchAnswer", "ServerError"]

PictureLike: TypeAlias = str | os.PathLike[str] | bytes | int
"""A file, an http(s) URL, the bytes of a file, or the id of a picture in the library."""

Facts: TypeAlias = dict[str, Any]

_PAGE = 200
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
class SearchAnswer(Tabular):
    """What a server found.

    Attributes
    ----------
    queries
        Each query's name, `problem` (None if there is none), `library` (ids of pictures that are this very file) and
        `results`: id, uri, rank, distance, verdict, probability, evidence and what is known of the file.
    descriptor, verified, seconds
        As in `lookalike.results.SearchResult`.
    probability
        From which on the library calls a pair copies.
    """

    queries: tuple[Facts, ...]
    descriptor: str
    verified: bool
    probability: float
    seconds: float

    @property
    def hits(self) -> list[Facts]:
        """The results of the first query."""
        found: list[Facts] = self.queries[0]["results"] if self.queries else []
        return found

    def rows(self) -> Rows:
        """Return the rows of `lookalike search`: query, rank, uri, distance, verdict, probability, and reason."""
        columns: tuple[str, ...] = ("query", "rank", "uri", "distance", "verdict", "probability")
        values = [
            (one["query"], hit["rank"], hit["uri"], hit["distance"], hit["verdict"], hit["probability"],
             *((hit["evidence"]["reason"],) if self.verified else ()))
            for one in self.queries
            for hit in one["results"]
        ]  # fmt: skip
        return Rows((*columns, "reason") if self.verified else columns, values)


@dataclass(frozen=True)
class Group:
    """A group of duplicates: its number, the bytes of all but the keeper, and its members, the keeper first."""

    number: int
    bytes: int
    members: tuple[Facts, ...]

    @property
    def keeper(self) -> Facts:
        """The picture to keep."""
        return self.members[0]


@dataclass(frozen=True)
class _Answer:
    status: int
    kind: str | None
    body: bytes = field(repr=False)


class Client:
    """Asks a server that `lookalike serve` started. Safe for threads: each call has a connection of its own.

    Parameters
    ----------
    url
        Where it is, such as "http://127.0.0.1:8000", with the path under which it is mounted, if it is.
    token
        What changing calls bring, and with a private server all calls; it is printed when the server starts.
    seconds
        How long to wait for an answer.

    Raises
    ------
    UsageError
        If the URL is none.

    Notes
    -----
    Errors of the server are raised as the same classes as without one: see `lookalike.errors`.
    """

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

    # ------------------------------------------------------------------------------------------------ asking

    def search(
        self,
        queries: PictureLike | Sequence[PictureLike],
        k: int = K,
        *,
        descriptor: str = DESCRIPTOR,
        threshold: float | None = None,
        verify: bool = False,
        only: Filters | None = None,
        together: bool = False,
        region: tuple[float, float, float, float] | None = None,
    ) -> SearchAnswer:
        """Find the k most similar pictures of each query: see `lookalike.Library.search`.

        Parameters
        ----------
        queries
            One or several of: a file of this machine, a URL that the server fetches, the bytes of a file, the id of a
            picture in the library. Up to 16.
        k, descriptor, threshold, verify, together, region
            As there.
        only
            As there; labels are the names of folders.

        Raises
        ------
        UnreadableError
            If a file cannot be read here.
        LookalikeError
            As `lookalike.Library.search`, and as `ServerError`.
        """
        listed: list[Any] = list(queries) if isinstance(queries, list | tuple) else [queries]
        body = {
            "queries": [self._ref(query) for query in listed], "k": k, "descriptor": descriptor,
            "threshold": threshold, "verify": verify, "together": together,
            "region": None if region is None else list(region), "only": _filters(only),
        }  # fmt: skip
        found = self._json("POST", "/search", body)
        return SearchAnswer(**{**found, "queries": tuple(found["queries"])})

    def compare(self, a: PictureLike, b: PictureLike, *, descriptors: Sequence[str] = DESCRIPTORS) -> Facts:
        """Hold two pictures against each other: what `lookalike.Library.compare` returns, as a dict."""
        return self._json("POST", "/compare", {**self._pair(a, b), "descriptors": list(descriptors)})

    def explain(self, a: PictureLike, b: PictureLike, *, descriptors: Sequence[str] = DESCRIPTORS) -> bytes:
        """Return a PNG that draws one picture laid upon the other, and which regions make them alike."""
        return self._ask("POST", "/compare/explain", {**self._pair(a, b), "descriptors": list(descriptors)}).body

    def duplicates(
        self,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        level: str = LEVEL,
        probability: float | None = None,
        keep: Sequence[str] = KEEP_RULES,
        progress: Callable[[Facts], None] | None = None,
    ) -> Iterator[Group]:
        """Find groups of duplicates, wait, and yield them, the surest first: see `lookalike.Library.duplicates`.

        Parameters
        ----------
        paths, level, probability, keep
            As there; paths of the server's machine.
        progress
            Called with the job's facts whenever they change.
        """
        body = {"paths": [os.fspath(path) for path in paths], "level": level, "probability": probability,
                "keep": list(keep)}  # fmt: skip
        job = self.wait(self._json("POST", "/duplicates", body)["id"], progress)
        at, total = 0, 1
        while at < total:
            page = self._json("GET", f"/duplicates/{job['id']}?{urlencode({'offset': at, 'limit': _PAGE})}")
            total = page["total"]
            for group in page["groups"]:
                yield Group(group["group"], group["bytes"], tuple(group["members"]))
            at += _PAGE

    def status(self) -> Facts:
        """Return what the library holds: see `lookalike.Library.status`."""
        return self._json("GET", "/status")

    def picture(self, number: int) -> Facts:
        """Return what is known of a picture in the library."""
        return self._json("GET", f"/pictures/{number}")

    def thumbnail(self, number: int, side: int = 256) -> bytes:
        """Return a picture of the library upright as WebP, its longer side `side` at most: 128, 256, ... 2048."""
        return self._ask("GET", f"/pictures/{number}/thumbnail?side={side}").body

    def file(self, number: int) -> bytes:
        """Return the file of a picture in the library."""
        return self._ask("GET", f"/pictures/{number}/file").body

    # ------------------------------------------------------------------------------------------------ jobs

    def index(
        self,
        paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        descriptors: Sequence[str] = DESCRIPTORS,
        retry: bool = False,
        progress: Callable[[Facts], None] | None = None,
    ) -> Facts:
        """Index files and folders of the server's machine, wait, and return the counts: see `lookalike.Library.add`.

        Parameters
        ----------
        paths, descriptors, retry
            As there.
        progress
            Called with the job's facts whenever they change.
        """
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        body = {"paths": [os.fspath(path) for path in listed], "descriptors": list(descriptors), "retry": retry}
        result: Facts = self.wait(self._json("POST", "/index", body)["id"], progress)["result"]
        return result

    def jobs(self) -> list[Facts]:
        """Return all jobs that the server remembers, the newest first."""
        found: list[Facts] = self._json("GET", "/jobs")["jobs"]
        return found

    def stop(self, job: int) -> Facts:
        """Have a job leave off as soon as it can."""
        return self._json("POST", f"/jobs/{job}/stop")

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
            raise _error(facts["error_kind"], facts["error"], JobFailedError)
        if facts.get("state") == "stopped":
            raise JobStoppedError(f"job {job} was stopped")
        raise ServerError(f"the server left before job {job} was over: start it again, and see how far it got")

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

    def _pair(self, a: PictureLike, b: PictureLike) -> Facts:
        return {"a": self._ref(a), "b": self._ref(b)}

    def _ref(self, query: PictureLike) -> Facts:
        """Return how a request names a picture; files and bytes are sent first."""
        if isinstance(query, SupportsIndex):  # also numpy's, such as the keys of a result
            return {"id": index(query)}
        if isinstance(query, bytes):
            return {"upload": self._upload("picture", query)}
        text = os.fspath(query)
        if text.lower().startswith(("http://", "https://")):
            return {"url": text}
        try:
            return {"upload": self._upload(Path(text).name, Path(text).read_bytes())}
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{text} cannot be read: {getattr(error, 'strerror', None) or error}") from error

    def _upload(self, name: str, data: bytes) -> str:
        boundary = secrets.token_hex(16)
        told = name.translate(_ESCAPED)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="picture"; filename="{told}"\r\n\r\n'
        body = head.encode("utf-8", "replace") + data + f"\r\n--{boundary}--\r\n".encode()
        answer = self._ask("POST", "/uploads", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        upload: str = _parsed(answer)["upload"]
        return upload

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
    error = _error(answer.kind, str(said), ServerError)
    error.status = answer.status
    raise error


def _error(kind: str | None, said: str, otherwise: type[LookalikeError]) -> LookalikeError:
    """Return an error of the class that a kind stands for."""
    classes = [getattr(errors, name) for name in errors.__all__]
    # The more general of two of one kind, such as an unreadable file and a URL that was refused.
    return next((one for one in classes[::-1] if one.kind == kind and one is not LookalikeError), otherwise)(said)


def _filters(only: Filters | None) -> Facts | None:
    """Return filters as a request has them."""
    if not only:
        return None
    if only.label and only.labels != LABELS:
        raise UsageError(f"a server tells labels by folder alone, not by {only.labels!r}")
    names = ("under", "after", "before", "min_side", "max_side", "min_bytes", "max_bytes", "formats", "label")
    return {name: getattr(only, name) for name in names}
