"""The HTTP API and the pages: `create_app(library)` is an ASGI application, alone or mounted in another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.server.settings import Settings

if TYPE_CHECKING:
    from lookalike.server.app import create_app

__all__ = ["Settings", "create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":  # FastAPI takes a while to load
        from lookalike.server.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
