"""The pages: shells that browsers fill by calling the API; their scripts, styles and symbols."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from lookalike.server.settings import Settings

__all__ = ["PAGES", "Page", "add_pages"]

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Page:
    """A page: its name is that of its template, script and style; its address is relative to the application's.

    `also` are styles of other pages that it takes.
    """

    name: str
    title: str
    address: str
    also: tuple[str, ...] = ()


PAGES = (
    Page("search", "Search", ""),
    Page("duplicates", "Duplicates", "duplicates", ("compare",)),
    Page("map", "Map", "map"),
    Page("library", "Library", "library"),
    Page("compare", "Compare", "compare"),
)
"""In the order of the navigation. All lie in one folder, so that links between them need not know where that is."""


class _Static(StaticFiles):
    """Files that a browser keeps and asks about: a new version is never met half."""

    def file_response(self, *given: Any, **named: Any) -> Response:
        response = super().file_response(*given, **named)
        response.headers["cache-control"] = "no-cache"
        return response

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if path.endswith(".js"):  # some systems call it text/plain
            response.headers["content-type"] = "text/javascript; charset=utf-8"
        return response


def add_pages(app: FastAPI, settings: Settings) -> None:
    """Let an application answer with the pages."""
    environment = Environment(
        loader=PackageLoader("lookalike.server"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    modules = sorted(path.name for path in (STATIC / "js" / "parts").glob("*.js"))
    app.mount("/static", _Static(directory=STATIC), name="static")
    for page in PAGES:

        def show(_: Request, page: Page = page) -> HTMLResponse:
            text = environment.get_template(f"{page.name}.html").render(
                page=page, pages=PAGES, token=settings.token, version=version("lookalike"), modules=modules
            )
            return HTMLResponse(text)

        app.add_api_route(f"/{page.address}", show, methods=["GET"], include_in_schema=False, name=f"page {page.name}")
