"""The application: what is asked, by whom, and where it goes."""

from __future__ import annotations

import contextlib
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
from lookalike.server.guard import Guard, error_body
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

    app = FastAPI(
        title="Lookalike",
        version=version("lookalike"),
        summary="Which pictures are the same, and which are alike.",
        docs_url=None,  # its page is fetched from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    app.state.lookalike = state
    app.add_middleware(Guard, settings=settings)
    app.include_router(router)
    add_pages(app, settings)
    app.add_exception_handler(LookalikeError, _on_ours)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_any)
    return app


def _body(status: int, error: str, errors: Any = ()) -> JSONResponse:
    return JSONResponse(error_body(status, error, errors), status)


async def _on_ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LookalikeError)
    return _body(error.status, str(error))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in error.errors()]
    first = found[0]
    return _body(422, f"{first['where']}: {first['what']}", found)


async def _on_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    said = {404: "there is nothing at this address", 405: "this address takes another method"}
    return JSONResponse(
        error_body(error.status_code, said.get(error.status_code, str(error.detail))), error.status_code,
        headers=dict(error.headers or {}),
    )  # fmt: skip


async def _on_any(_: Request, __: Exception) -> JSONResponse:
    return _body(500, "this is a fault of the server: its log says more")
