"""What every request passes: who asks, from where, how much is sent; and what every answer says to a browser."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.server.settings import Settings

__all__ = ["COOKIE", "Guard", "error_body"]

COOKIE = "lookalike"

_SAFE = ("GET", "HEAD", "OPTIONS")
_READING = ("/search", "/search/upload", "/compare", "/compare/explain", "/uploads", "/uploads/url")
"""Calls below /api/v1 that are made by POST because they carry a picture, and change nothing that lasts."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=()",
}


def error_body(status: int, error: str, errors: Iterable[object] = ()) -> dict[str, object]:
    """Return the one body that every error has."""
    return {"ok": False, "error": error, "errors": list(errors), "status": status}


class Guard:
    """Refuses what must not come in, before a body is read; limits the body; sets the headers of all answers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Guard`."""
        if scope["type"] != "http":
            if scope["type"] != "websocket":  # there are none
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out[name] = value
                if "cache-control" not in out:
                    out["cache-control"] = "no-store"
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await JSONResponse(error_body(*refusal), refusal[0])(scope, receive, answer)
            return
        if (entry := self._entry(scope)) is not None:
            await entry(scope, receive, answer)
            return
        await self._app(scope, _Limit(receive, self._settings.max_upload), answer)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        settings, method = self._settings, scope["method"]
        host = headers.get("host", "")
        if "*" not in settings.hosts and _name(host) not in settings.hosts:
            return 403, f"this server is not called {_name(host) or 'by no name'}: see --allow-host"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "pages of other sites may not call this server"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not self._is_page(scope, headers):
            return 403, "pages of other sites may not call this server"
        path = _path(scope)
        reading = method in _SAFE or (method == "POST" and path.removeprefix("/api/v1") in _READING)
        bearer, cookie = self._brought(headers)
        if settings.private and not (bearer or cookie or self._brings(scope)):
            return 401, "this server wants its token: Authorization: Bearer TOKEN, or /?token=TOKEN in a browser"
        # A cookie comes by itself, whoever's page it is that calls: what changes anything takes the header.
        if not reading and not bearer:
            return 401, "a call that changes anything brings the server's token: Authorization: Bearer TOKEN"
        try:
            announced = int(headers.get("content-length", "0"))
        except ValueError:
            return 400, "Content-Length is no number"
        if announced > settings.max_upload:
            return 413, f"a request may be at most {settings.max_upload:,} bytes long"
        return None

    def _is_page(self, scope: Scope, headers: Headers) -> bool:
        """Whether a link on another site leads here: that is how people come to a page."""
        navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return navigates and scope["method"] == "GET" and not _path(scope).startswith("/api/")

    def _brought(self, headers: Headers) -> tuple[bool, bool]:
        """Return whether the token comes as a header, and as a cookie."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        cookies = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        return kind.lower() == "bearer" and self._is_token(bearer.strip()), self._is_token(cookies.get(COOKIE, ""))

    def _brings(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return scope["method"] == "GET" and not _path(scope).startswith("/api/") and self._is_token(given)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._settings.token.encode())

    def _entry(self, scope: Scope) -> RedirectResponse | None:
        """Return the way in for a browser that brings the token in the address: a cookie, and the address without."""
        if not self._brings(scope):
            return None
        response = RedirectResponse(scope.get("root_path", "") + _path(scope) or "/", 303)
        response.set_cookie(COOKIE, self._settings.token, httponly=True, samesite="strict", path="/")
        return response


class _TooMuchError(HTTPException):
    """A body is longer than it may be."""


class _Limit:
    """Counts a body while it comes, for one that does not announce its length."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left, self._most = receive, most, most

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _TooMuchError(413, f"a request may be at most {self._most:,} bytes long")
        return message


def _name(host: str) -> str:
    """Return a Host header without its port, in lower case, an IPv6 address without brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host


def _path(scope: Scope) -> str:
    """Return the path below where the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path
