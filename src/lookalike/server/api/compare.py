"""Two pictures held against each other."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from lookalike.errors import FetchError
from lookalike.server.schemas import ComparedPictures, CompareRequest
from lookalike.server.state import State, evidence_facts, state_of

__all__ = ["router"]

router = APIRouter(tags=["compare"])


@router.post("/compare", operation_id="compare")
async def compare(asked: CompareRequest, state: Annotated[State, Depends(state_of)]) -> ComparedPictures:
    """Verdict with its reason, distances, dimensions, bytes, pixels of two pictures."""
    sides, (a, b) = await _sides(asked, state)
    found = await state.heavily(
        lambda: state.library.compare(*sides, descriptors=asked.descriptors, max_pixels=state.settings.max_pixels)
    )
    return ComparedPictures(
        a=a, b=b, distances=dict(found.distances), width_a=found.width_a, height_a=found.height_a,
        width_b=found.width_b, height_b=found.height_b, bytes_a=found.bytes_a, bytes_b=found.bytes_b,
        format_a=found.format_a, format_b=found.format_b, same_bytes=found.same_bytes, same_pixels=found.same_pixels,
        verdict=found.verdict, probability=found.probability,
        evidence=evidence_facts(
            found.evidence, (found.width_a, found.height_a), (found.width_b, found.height_b)
        ),
    )  # fmt: skip


@router.post(
    "/compare/explain", operation_id="explain", response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)  # fmt: skip
async def explain(asked: CompareRequest, state: Annotated[State, Depends(state_of)]) -> Response:
    """Draw one laid upon the other, and which regions make them alike: a PNG."""
    from lookalike.explaining import explain as explain_pictures
    from lookalike.explaining import explainer
    from lookalike.render import why_sheet

    sides, (a, b) = await _sides(asked, state)
    name = explainer(asked.descriptors).spec.name

    def draw() -> bytes:
        compared = state.library.compare(*sides, descriptors=asked.descriptors, max_pixels=state.settings.max_pixels)
        found = explain_pictures(*sides, descriptor=name, max_pixels=state.settings.max_pixels)
        stream = io.BytesIO()
        why_sheet(replace(found, a=a, b=b), compared.evidence).save(stream, "PNG")
        return stream.getvalue()

    return Response(await state.heavily(draw), media_type="image/png")


async def _sides(asked: CompareRequest, state: State) -> tuple[list[bytes], list[str]]:
    """Return the bytes of both pictures, and how they are called."""
    sides, names = [], []
    for one in await state.asked([asked.a, asked.b]):
        if one.query.problem:
            raise FetchError(f"{one.query.name}: {one.query.problem}")
        names.append(one.query.name)
        if one.data is not None:
            sides.append(one.data)
        else:
            image, content = state.image(one.query.own)
            sides.append(await state.drawn(lambda image=image, content=content: state.read(image, content)))  # type: ignore[misc]
    return sides, names
