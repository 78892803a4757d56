"""The application: what is asked, by whom, and where it goes."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lookalike.errors import LookalikeError
from lookalike.library import Library, open_library
from lookalike.server.api import router
from lookalike.server.guard import KIND, Guard, error_body, kind_of
from lookalike.server.pages import add_pages
from lookalike.server.settings import Settings
from lookalike.server.state import State

__all__ = ["create_app"]


def create_app(library: Library | str | os.PathLike[str], settings: Settings | None = None) -> FastAPI:
    """Return the ASGI application that serves a library.

    Parameters
    ----------
    library
        Open, or the path of one; it must be there.
    settings
        What it allows: see `Settings`. A path that is mounted in another application is asked by that one's name: put
        it into `Settings.hosts`.

    Returns
    -------
    FastAPI
        To be run by an ASGI server, or mounted: ``app.mount("/pictures", create_app("holiday.lookalike"))``. What it
        holds beside the library is freed when the server stops, or by ``app.state.lookalike.close()``.

    Raises
    ------
    LibraryNotFoundError
        If there is no library at that path.
    """
    opened = library if isinstance(library, Library) else open_library(library, create=False)
    settings = settings or Settings()
    state = State(opened, settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        state.close()

    app = _App(
        title="Lookalike",
        version=version("lookalike"),
        summary="Which pictures are the same, and which are alike.",
        docs_url=None,  # its page is fetched from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        default_response_class=Answer,
        lifespan=lifespan,
    )
    app.state.lookalike = state
    app.add_middleware(Guard, settings=settings)
    app.include_router(router)
    add_pages(app, settings)
    app.add_exception_handler(LookalikeError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    return app


class _App(FastAPI):
    """FastAPI, whose document says that errors are JSON also where the answer itself is a stream of events."""

    def openapi(self) -> dict[str, Any]:
        """See `_App`."""
        document = super().openapi()
        for path in document["paths"].values():
            for call in path.values():
                for status, answer in call["responses"].items():
                    if status.startswith("4") and "text/event-stream" in answer["content"]:
                        answer["content"] = {"application/json": answer["content"].pop("text/event-stream")}
        return document


class Answer(JSONResponse):
    """JSON in ASCII: a file's name may hold bytes that are no UTF-8, and they come back as they were."""

    def render(self, content: Any) -> bytes:
        """See `Answer`."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


async def _on_ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LookalikeError)
    # One status stands for several kinds: whoever wants to know which reads this.
    return Answer(error_body(error.status, str(error)), error.status, headers={KIND: error.kind})


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return Answer(error_body(422, found[0], found), 422, headers={KIND: "usage"})


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = {404: "there is nothing at this address", 405: "this address takes another method"}
    body = error_body(error.status_code, said.get(error.status_code, str(error.detail)))
    return Answer(body, error.status_code, headers={KIND: kind_of(error.status_code), **(error.headers or {})})
