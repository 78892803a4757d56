"""Pictures from URLs, which nobody has checked before us."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from lookalike.errors import FetchError, TooLargeError
from lookalike.sources.addresses import Target, parse_target

if TYPE_CHECKING:
    import httpcore

__all__ = ["FetchLimits", "fetch"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = [("Accept", "image/*, */*;q=0.5"), ("Accept-Encoding", "identity"), ("User-Agent", "lookalike")]


@dataclass(frozen=True)
class FetchLimits:
    """What one URL may cost.

    Attributes
    ----------
    max_bytes
        Of the picture.
    seconds
        From the first look at the URL to the last byte, redirects included.
    redirects
        How many are followed.
    """

    max_bytes: int = 20 * 1024 * 1024
    seconds: float = 10.0
    redirects: int = 5


def fetch(url: str, *, limits: FetchLimits | None = None, allow_private: bool = False) -> bytes:
    """Return what a URL holds.

    Parameters
    ----------
    url
        http or https, on port 80, 443, 8080 or 8443, without user name and password, to a public address. The host's
        addresses are judged, each of them, and a judged one is dialled; every redirect is judged anew.
    limits
        Default: 20 MiB, 10 seconds, 5 redirects.
    allow_private
        Any address and any port; all else holds.

    Raises
    ------
    FetchError
        If the URL is refused, cannot be reached, answers anything but 200, or takes too long.
    TooLargeError
        If it holds more bytes than allowed. No more than that is read.

    Notes
    -----
    No proxy, no cookie, no authentication, and nothing from the environment. Compression is neither asked for nor
    taken, so that a few bytes cannot become many.
    """
    limits = limits or FetchLimits()
    deadline = time.monotonic() + limits.seconds
    target = parse_target(url, allow_private=allow_private)
    for _ in range(limits.redirects + 1):
        answer = _ask(target, limits, deadline, allow_private)
        if isinstance(answer, bytes):
            return answer
        target = answer
    raise FetchError(f"{target.host} redirects more than {limits.redirects} times")


def _ask(target: Target, limits: FetchLimits, deadline: float, allow_private: bool) -> bytes | Target:
    """Return the content, or where it is said to be instead."""
    # Here and not above: only those who fetch wait for it to load.
    import httpcore

    from lookalike.sources.dialling import Dialler

    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    headers = [("Host", target.authority), ("Connection", "close"), *_HEADERS]
    dialler = Dialler(target, deadline, allow_private=allow_private)
    try:
        with (
            httpcore.ConnectionPool(network_backend=dialler, http2=False, retries=0) as pool,
            pool.stream("GET", url, headers=headers) as response,
        ):
            if response.status in _REDIRECTS:
                return _redirected(target, response, allow_private)
            if response.status != 200:
                raise FetchError(f"{target.host} answered {response.status}")
            return _body(target, response, limits, deadline)
    except TimeoutError as error:
        raise FetchError(f"{target.host} did not deliver within {limits.seconds:g} seconds") from error
    except httpcore.ProtocolError as error:
        raise FetchError(f"{target.host} broke off or broke the rules of HTTP") from error
    except OSError as error:  # name resolution, TLS and sockets alike
        raise FetchError(f"fetching from {target.host} failed: {_why(error)}") from error


def _redirected(target: Target, response: httpcore.Response, allow_private: bool) -> Target:
    location = _header(response, b"location")
    if not location:
        raise FetchError(f"{target.host} answered {response.status} without saying where to")
    try:
        url = urljoin(target.url, location)
    except ValueError as error:
        raise FetchError(f"{target.host} redirects to a URL that is not well formed") from error
    return parse_target(url, allow_private=allow_private)


def _body(target: Target, response: httpcore.Response, limits: FetchLimits, deadline: float) -> bytes:
    if _header(response, b"content-encoding").strip().lower() not in ("", "identity"):
        raise FetchError(f"{target.host} sent it compressed, which was not asked for")
    length = _header(response, b"content-length")
    if re.fullmatch("[0-9]{1,18}", length) and int(length) > limits.max_bytes:
        raise _too_large(target, limits)
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > limits.max_bytes:
            raise _too_large(target, limits)
        if time.monotonic() > deadline:  # many small pieces of one read
            raise TimeoutError
    return bytes(body)


def _header(response: httpcore.Response, name: bytes) -> str:
    """Return a header's value, all of them joined if it came more than once, or an empty text."""
    return ", ".join(value.decode("utf-8", "replace") for key, value in response.headers if key.lower() == name)


def _too_large(target: Target, limits: FetchLimits) -> TooLargeError:
    return TooLargeError(f"{target.host} sent more than the limit of {limits.max_bytes:,} bytes")


def _why(error: OSError) -> str:
    # A certificate that does not verify has its reason in a field of its own.
    return (getattr(error, "verify_message", "") or error.strerror or str(error) or type(error).__name__).lower()
