"""Pictures that the server fetches to be asked about."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from lookalike.decode import decode
from lookalike.errors import FetchError
from lookalike.server.schemas import UploadAnswer, UrlRequest
from lookalike.server.state import State, state_of
from lookalike.sources import fetch, is_url

__all__ = ["router"]

router = APIRouter(tags=["search"])


@router.post("/uploads/url", operation_id="upload_url")
def upload_url(asked: UrlRequest, state: Annotated[State, Depends(state_of)]) -> UploadAnswer:
    """Have a picture fetched to ask about; it is kept like one that was sent."""
    url = asked.url.strip()
    if not is_url(url):
        raise FetchError("only http and https URLs are fetched")
    data = fetch(url, allow_private=state.settings.allow_private_urls)
    image = decode(data, min_side=256, max_pixels=state.settings.max_pixels)
    kept = state.uploads.add(url, data)
    return UploadAnswer(
        upload=kept.id, name=url, width=image.width, height=image.height, bytes=len(data), format=image.format,
        library=list(state.same_file(data)),
    )  # fmt: skip
