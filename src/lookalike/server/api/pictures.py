"""Pictures of the library, by their ids alone: facts, thumbnails, files."""

from __future__ import annotations

import os
from typing import Annotated
from urllib.parse import quote

import anyio.to_thread
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from lookalike.errors import UsageError
from lookalike.server.schemas import KnownCopies, PictureFacts, PicturePage
from lookalike.server.state import MissingError, State, picture_facts, state_of
from lookalike.server.thumbnails import SIDES
from lookalike.verifying import known_copies

__all__ = ["router"]

router = APIRouter(tags=["pictures"])

Id = Annotated[int, Path(ge=1, lt=2**63, description="Of a picture in the library.")]

_MOST_PAIRED = 300  # each is looked up with each

_TYPES = {
    "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp",
    "tiff": "image/tiff", "heic": "image/heic", "avif": "image/avif",
}  # fmt: skip


@router.get("/pictures", operation_id="pictures")
def pictures(
    state: Annotated[State, Depends(state_of)],
    ids: Annotated[str, Query(max_length=20_000, pattern=r"^\d{1,18}(,\d{1,18})*$", description="5,7,12")],
) -> PicturePage:
    """Facts of some pictures, in the order asked for; those that are not there are left out."""
    wanted = [int(text) for text in ids.split(",")]
    held = state.images(wanted)
    return PicturePage(pictures=[PictureFacts(**picture_facts(*held[key])) for key in wanted if key in held])


@router.get("/pictures/sample", operation_id="sample")
def sample(
    state: Annotated[State, Depends(state_of)],
    count: Annotated[int, Query(ge=1, le=200)] = 24,
    seed: Annotated[int, Query(ge=0, lt=2**31, description="The same pictures for the same seed.")] = 0,
) -> PicturePage:
    """Some pictures of the library, by lot."""
    ids = [image.id for image in state.library.store.sample(count, seed)]
    held = state.images(ids)
    return PicturePage(pictures=[PictureFacts(**picture_facts(*held[key])) for key in ids if key in held])


@router.get("/pictures/copies", operation_id="copies")
async def copies(
    state: Annotated[State, Depends(state_of)],
    ids: Annotated[str, Query(max_length=20_000, pattern=r"^\d{1,18}(,\d{1,18})*$", description="300 at most.")],
    equal: Annotated[
        str,
        Query(max_length=20_000, pattern=r"^(\d{1,18}(,\d{1,18})*)?$", description="Whose pixels equal the query's."),
    ] = "",
) -> KnownCopies:
    """Which of some pictures are known to be copies of one another, from what was compared before."""
    wanted = [int(text) for text in ids.split(",")]
    if len(wanted) > _MOST_PAIRED:
        raise UsageError(f"copies are told among {_MOST_PAIRED} pictures at most, not {len(wanted)}")
    same = [int(text) for text in equal.split(",") if text]
    library = state.library
    groups = await state.heavily(
        lambda: known_copies(
            library.store, wanted, probability=library.probability, apart=library.decisions.apart(), equal=same
        )
    )
    return KnownCopies(groups=[list(group) for group in groups])


@router.get("/pictures/{id}", operation_id="picture")
def picture(id: Id, state: Annotated[State, Depends(state_of)]) -> PictureFacts:  # noqa: A002
    """Facts of a picture."""
    return PictureFacts(**picture_facts(*state.image(id)))


@router.get(
    "/pictures/{id}/thumbnail", operation_id="thumbnail", response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
)  # fmt: skip
async def thumbnail(
    id: Id,  # noqa: A002
    request: Request,
    state: Annotated[State, Depends(state_of)],
    side: Annotated[int, Query(description=f"Pixels of the longer side at most: {', '.join(map(str, SIDES))}.")] = 256,
    version: Annotated[str, Query(max_length=64, description="As in its facts: the answer may then be kept.")] = "",
) -> Response:
    """A picture, upright, as WebP."""
    if side not in SIDES:
        raise MissingError(f"there are thumbnails of {', '.join(map(str, SIDES))} pixels")
    image, content = await anyio.to_thread.run_sync(state.image, id)
    tag = f'"{content.hash.hex()[:24]}-{side}"'
    headers = {"etag": tag, "cache-control": "private, no-cache"}
    if version and content.hash.hex().startswith(version):
        headers["cache-control"] = "private, max-age=31536000, immutable"
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    body = await state.drawn(lambda: state.thumbnails.get(content.hash, lambda: state.read(image, content), side))
    return Response(body, media_type="image/webp", headers=headers)


@router.get(
    "/pictures/{id}/file", operation_id="file", response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)  # fmt: skip
def file(id: Id, state: Annotated[State, Depends(state_of)]) -> Response:  # noqa: A002
    """The file itself, to be saved."""
    image, content = state.image(id)
    name = quote(os.path.basename(image.uri).encode("utf-8", "surrogateescape"))  # noqa: PTH119 - a URI, byte by byte
    return Response(
        state.read(image, content),
        media_type=_TYPES.get((content.format or "").lower(), "application/octet-stream"),
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}", "cache-control": "private, no-cache"},
    )


@router.get(
    "/uploads/{id}/thumbnail", operation_id="upload_thumbnail", response_class=Response,
    responses={200: {"content": {"image/webp": {}}}},
)  # fmt: skip
async def upload_thumbnail(
    id: Annotated[str, Path(max_length=64)],  # noqa: A002
    state: Annotated[State, Depends(state_of)],
    side: Annotated[int, Query()] = 256,
) -> Response:
    """A picture that was sent, upright, as WebP."""
    if side not in SIDES:
        raise MissingError(f"there are thumbnails of {', '.join(map(str, SIDES))} pixels")
    upload = state.uploads.get(id)
    body = await state.drawn(lambda: state.thumbnails.make(upload.data, side))
    return Response(body, media_type="image/webp")
