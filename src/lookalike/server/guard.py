"""What every request passes: who asks, from where, how much is sent; and what every answer says to a browser."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections.abc import Iterable
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.server.settings import Settings

__all__ = ["COOKIE", "KIND", "Guard", "cookie_of", "error_body", "kind_of"]

COOKIE = "lookalike"

KIND = "x-lookalike-error"
"""Header of an error's answer: its kind, as in docs/reference/errors.md."""

_log = logging.getLogger("lookalike.server")

_SAFE = ("GET", "HEAD", "OPTIONS")
_MOST_JSON = 1_000_000
"""Bytes of a body that is no upload: JSON takes many times its length in memory once it is read."""
_READING = re.compile(r"/api/v1/(search|search/upload|compare|compare/explain|uploads|uploads/url|map/[0-9]+/lasso)")
"""Calls that are made by POST because of what they carry, and change nothing that lasts."""

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


_KINDS = {400: "usage", 401: "token", 403: "refused", 404: "not found", 405: "usage", 408: "late", 413: "too large"}


def kind_of(status: int) -> str:
    """Return the kind of an error that has no class of its own."""
    return _KINDS.get(status, "error")


def cookie_of(settings: Settings) -> str:
    """Return the value of a server's cookie: not its token, for other servers on this machine see the cookie, too."""
    return hmac.new(settings.token.encode(), b"lookalike cookie", hashlib.sha256).hexdigest()


def error_body(status: int, error: str, errors: Iterable[str] = ()) -> dict[str, object]:
    """Return the one body that every error has; `errors` are all that is wrong, where it is more than `error` says."""
    return {"ok": False, "error": error, "errors": list(errors) or [error], "status": status}


class Guard:
    """Refuses what must not come in, before a body is read; limits the body; sets the headers of all answers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._cookie = cookie_of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Guard`."""
        if scope["type"] == "websocket":  # there are none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                out = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    out[name] = value
                if "cache-control" not in out:
                    out["cache-control"] = "no-store"
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await JSONResponse(error_body(*refusal), refusal[0], {KIND: kind_of(refusal[0])})(scope, receive, answer)
            return
        if (entry := self._entry(scope)) is not None:
            await entry(scope, receive, answer)
            return
        try:
            await self._app(scope, _Limit(receive, self._most(headers), self._settings.body_seconds), answer)
        except Exception:
            _log.exception("%s %s", scope["method"], scope["path"])
            if begun:
                raise
            body = error_body(500, "this is a fault of the server: its log says more")
            await JSONResponse(body, 500)(scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        settings, method = self._settings, scope["method"]
        host = headers.get("host", "")
        if "*" not in settings.hosts and _name(host) not in settings.hosts:
            return 403, f"this server is not called {_name(host) or 'by no name'}: see --allow-host"
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, "pages of other sites may not call this server"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not self._is_page(scope, headers):
            return 403, "pages of other sites may not call this server"
        path = _path(scope)
        reading = method in _SAFE or (method == "POST" and _READING.fullmatch(path) is not None)
        bearer, cookie = self._brought(headers)
        if settings.private and not (bearer or cookie or self._brings(scope)):
            return 401, "this server wants its token: Authorization: Bearer TOKEN, or /?token=TOKEN in a browser"
        # A cookie comes by itself, whoever's page it is that calls: what changes anything takes the header.
        if not reading and not bearer:
            return 401, "a call that changes anything brings the server's token: Authorization: Bearer TOKEN"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "Content-Length is no number"
        most = self._most(headers)
        if len(length) > 18 or int(length) > most:
            return 413, f"a request may be at most {most:,} bytes long"
        return None

    def _most(self, headers: Headers) -> int:
        """Return how many bytes a body may have."""
        if headers.get("content-type", "").lower().startswith("multipart/"):
            return self._settings.max_upload
        return min(self._settings.max_upload, _MOST_JSON)

    def _is_page(self, scope: Scope, headers: Headers) -> bool:
        """Whether a link on another site leads here: that is how people come to a page."""
        navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return navigates and scope["method"] == "GET" and not _path(scope).startswith("/api/")

    def _brought(self, headers: Headers) -> tuple[bool, bool]:
        """Return whether the token comes as a header, and as a cookie."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        cookies = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        return kind.lower() == "bearer" and self._is_token(bearer.strip()), hmac.compare_digest(
            cookies.get(COOKIE, "").encode(), self._cookie.encode()
        )

    def _brings(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return scope["method"] == "GET" and not _path(scope).startswith("/api/") and self._is_token(given)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._settings.token.encode())

    def _entry(self, scope: Scope) -> RedirectResponse | None:
        """Return the way in for a browser that brings the token in the address: a cookie, and the address without."""
        if not self._brings(scope):
            return None
        # Two slashes at the beginning would lead to another host.
        path = scope.get("root_path", "") + "/" + _path(scope).lstrip("/\\")
        kept = [(name, value) for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name != "token"]
        response = RedirectResponse(path + ("?" + urlencode(kept) if kept else ""), 303)
        response.set_cookie(COOKIE, self._cookie, httponly=True, samesite="strict", path="/")
        return response


class _Limit:
    """Counts a body while it comes, for one that does not announce its length, and how long it takes to come."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._left, self._most = receive, most, most
        self._deadline, self._whole = time.monotonic() + seconds, False

    async def __call__(self) -> Message:
        if self._whole:  # whoever asks now waits for the other side to leave
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(self._deadline - time.monotonic(), 0))
        except TimeoutError:
            raise HTTPException(
                408, "the request did not come in time: send it again", {"connection": "close"}
            ) from None
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._left < 0:
                raise HTTPException(413, f"a request may be at most {self._most:,} bytes long", {"connection": "close"})
        return message


def _name(host: str) -> str:
    """Return a Host header without its port, in lower case, an IPv6 address without brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        address, closed, _ = host[1:].partition("]")
        return address if closed else ""
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host


def _path(scope: Scope) -> str:
    """Return the path below where the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path
