"""What the library holds."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from lookalike.server.schemas import ProblemRows, StatusFacts
from lookalike.server.state import State, state_of

__all__ = ["router"]

router = APIRouter(tags=["library"])


@router.get("/status", operation_id="status")
def status(state: Annotated[State, Depends(state_of)]) -> StatusFacts:
    """What the library holds, and what this server allows."""
    found = state.library.status()
    return StatusFacts(
        indexed=found.indexed, failed=found.failed, skipped=found.skipped, missing=found.missing,
        contents=found.contents, bytes=found.bytes, roots=list(found.roots), descriptors=dict(found.descriptors),
        library=found.library, library_bytes=found.library_bytes, version=found.version,
        probability=found.probability, writable=state.library.store.writable, max_upload=state.settings.max_upload,
        lookalike=version("lookalike"),
    )  # fmt: skip


@router.get("/problems", operation_id="problems")
def problems(
    state: Annotated[State, Depends(state_of)],
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ProblemRows:
    """Files that are not indexed, each with its reason."""
    rows = list(state.library.problems().values)
    return ProblemRows(
        total=len(rows),
        problems=[dict(zip(("uri", "error", "reason"), row, strict=True)) for row in rows[offset : offset + limit]],
    )
