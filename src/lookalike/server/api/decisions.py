"""Decisions that last."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from lookalike.decisions import KEEP_ALL, KEEP_FOLDER, Decision
from lookalike.server.schemas_acting import DecideRequest, DecisionFacts, DecisionPage, UndoDecisionsRequest
from lookalike.server.state import MissingError, State, state_of

__all__ = ["router"]

router = APIRouter(tags=["decisions"])


@router.get("/decisions", operation_id="decisions")
def decisions(
    state: Annotated[State, Depends(state_of)],
    offset: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DecisionPage:
    """Read what was decided for good, the newest first."""
    found = state.library.decisions.all().decisions[::-1]
    return DecisionPage(total=len(found), decisions=[_facts(one) for one in found[offset : offset + limit]])


@router.post("/decisions", operation_id="decide")
def decide(asked: DecideRequest, state: Annotated[State, Depends(state_of)]) -> DecisionFacts:
    """Decide of pictures that they are no duplicates, or all stay; of a folder that all in it is always kept."""
    held = state.images(asked.pictures)
    if missing := [id_ for id_ in asked.pictures if id_ not in held]:
        raise MissingError(f"the library has no picture {missing[0]}")
    uris = [held[id_][0].uri for id_ in asked.pictures]
    with state.writer() as library:
        if asked.decision == KEEP_FOLDER:
            return _facts(library.decisions.keep_folder(asked.folder or ""))
        if asked.decision == KEEP_ALL:
            return _facts(library.decisions.keep_all(uris))
        return _facts(library.decisions.not_duplicates(uris))


@router.post("/decisions/undo", operation_id="undo_decisions")
def undo_decisions(asked: UndoDecisionsRequest, state: Annotated[State, Depends(state_of)]) -> DecisionPage:
    """Take decisions back; the answer says what they were."""
    with state.writer() as library:
        gone = library.decisions.undo(asked.decisions).decisions
    return DecisionPage(total=len(gone), decisions=[_facts(one) for one in gone])


@router.get(
    "/decisions/export", operation_id="export_decisions", response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {}}}},
)  # fmt: skip
def export_decisions(state: Annotated[State, Depends(state_of)]) -> Response:
    """Read all decisions as JSON lines, as `lookalike decide load` takes them over into any library."""
    return Response(
        state.library.decisions.text(), media_type="application/x-ndjson",
        headers={"content-disposition": 'attachment; filename="decisions.jsonl"'},
    )  # fmt: skip


def _facts(one: Decision) -> DecisionFacts:
    return DecisionFacts(
        id=one.id, decision=one.kind, uris=list(one.uris), hashes=list(one.hashes),
        pixel_hashes=list(one.pixel_hashes), decided=one.decided,
    )  # fmt: skip
