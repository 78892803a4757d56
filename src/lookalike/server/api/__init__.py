"""Calls under /api/v1, one file for each kind."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from lookalike.server.api import acting, compare, decisions, duplicates, explore, jobs, pictures, search, status
from lookalike.server.schemas import Problem

__all__ = ["router"]

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "Wrong use"},
    401: {"model": Problem, "description": "The token is missing"},
    403: {"model": Problem, "description": "From another site, or to another name"},
    404: {"model": Problem, "description": "Not there"},
    409: {"model": Problem, "description": "The library cannot be used so now"},
    408: {"model": Problem, "description": "The body did not come in time"},
    413: {"model": Problem, "description": "Too much, or too large"},
    415: {"model": Problem, "description": "No picture, or of a kind that is not decoded"},
    422: {"model": Problem, "description": "The request or a picture in it is wrong"},
}

router = APIRouter(prefix="/api/v1", responses=_ERRORS)
for part in (status, search, pictures, compare, duplicates, decisions, acting, explore, jobs):
    router.include_router(part.router)
