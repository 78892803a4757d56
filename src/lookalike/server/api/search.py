"""Search by upload, by URL, by library id."""

from __future__ import annotations

import json
import math
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import ValidationError

from lookalike.decode import decode
from lookalike.errors import FetchError, UsageError
from lookalike.results import SearchResult
from lookalike.searching import Query
from lookalike.server.schemas import (
    Found,
    QueryAnswer,
    QueryRef,
    SearchAnswer,
    SearchRequest,
    UploadAnswer,
    UrlRequest,
)
from lookalike.server.state import Asked, State, evidence_facts, picture_facts, state_of

__all__ = ["router"]

router = APIRouter(tags=["search"])


@router.post("/uploads", operation_id="upload")
async def upload(picture: Annotated[UploadFile, File()], state: Annotated[State, Depends(state_of)]) -> UploadAnswer:
    """Send a picture to ask about; it is kept in memory for an hour, and named in further calls."""
    return await state.heavily(lambda: _keep(state, picture.filename or "picture", picture.file.read()))


@router.post("/uploads/url", operation_id="upload_url")
async def upload_url(asked: UrlRequest, state: Annotated[State, Depends(state_of)]) -> UploadAnswer:
    """Have a picture fetched to ask about; it is kept like one that was sent."""
    (found,) = await state.asked([QueryRef(url=asked.url)])
    data = found.data
    if data is None:
        raise FetchError(found.query.problem)
    return await state.heavily(lambda: _keep(state, found.query.name, data))


def _keep(state: State, name: str, data: bytes) -> UploadAnswer:
    image = decode(data, min_side=256, max_pixels=state.settings.max_pixels)
    kept = state.uploads.add(name, data)
    return UploadAnswer(
        upload=kept.id, name=name, width=image.width, height=image.height, bytes=len(data), format=image.format,
        library=list(state.same_file(data)),
    )  # fmt: skip


@router.post("/search", operation_id="search")
async def search(asked: SearchRequest, state: Annotated[State, Depends(state_of)]) -> SearchAnswer:
    """Find the most similar pictures, closest first; verified ones by the probability that they are copies, first."""
    found = await state.asked(asked.queries)
    return await state.heavily(lambda: _search(asked, found, state))


@router.post("/search/upload", operation_id="search_upload")
async def search_upload(
    picture: Annotated[UploadFile, File()],
    state: Annotated[State, Depends(state_of)],
    settings: Annotated[str, Form(max_length=100_000, description="A search as JSON, without queries.")] = "{}",
) -> SearchAnswer:
    """Send a picture and find the most similar ones in one call."""
    try:
        given = json.loads(settings)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"settings are no JSON: {error}") from error
    if not isinstance(given, dict) or "queries" in given:
        raise UsageError('settings are a JSON object such as {"k": 5}, without queries')
    try:
        asked = SearchRequest.model_validate({**given, "queries": [QueryRef(id=1)]})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"settings: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    name = picture.filename or "picture"

    def find() -> SearchAnswer:
        data = picture.file.read()
        answer = _search(asked, [Asked(Query(name, data=data), state.same_file(data), data)], state)
        if answer.queries[0].problem is not None:
            decode(data, min_side=256, max_pixels=state.settings.max_pixels)  # says of what kind it is
            raise UsageError(answer.queries[0].problem)
        return answer

    return await state.heavily(find)


def _search(asked: SearchRequest, found: list[Asked], state: State) -> SearchAnswer:
    result = state.library.search(
        [one.query for one in found],
        asked.k,
        descriptor=asked.descriptor,
        threshold=asked.threshold,
        verify=asked.verify,
        only=asked.only.filters() if asked.only else None,
        together=asked.together,
        region=asked.region,
        max_pixels=state.settings.max_pixels,
        allow_private_urls=state.settings.allow_private_urls,
    )
    return _answer(state, result, found, verified=asked.verify)


def _answer(state: State, result: SearchResult, asked: list[Asked], *, verified: bool) -> SearchAnswer:
    problems = dict(result.failed)
    held = state.images([int(key) for key in set(result.keys.ravel().tolist()) if key >= 0])
    answers = []
    one_each = len(result.queries) == len(asked)  # not if they are asked together
    for row, name in enumerate(result.queries):
        hits = []
        for rank, (key, distance) in enumerate(zip(result.keys[row], result.distances[row], strict=True), 1):
            if int(key) not in held:
                continue
            image, content = held[int(key)]
            evidence = result.evidence[row][rank - 1] if result.evidence else None
            hits.append(
                Found(
                    rank=rank,
                    distance=float(distance) if math.isfinite(distance) else None,
                    verdict=None if evidence is None else evidence.verdict,
                    probability=None if evidence is None else evidence.probability,
                    evidence=evidence_facts(evidence, None, (content.width, content.height)),
                    **picture_facts(image, content),
                )
            )
        same = list(asked[row].library) if one_each else []
        answers.append(QueryAnswer(query=name, problem=problems.get(name), library=same, results=hits))
    return SearchAnswer(
        queries=answers, descriptor=result.descriptor, verified=verified, probability=state.library.probability,
        seconds=result.seconds,
    )  # fmt: skip
