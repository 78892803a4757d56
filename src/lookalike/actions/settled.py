"""Groups of duplicates of which nothing is left to be said: what else was done or decided since has settled them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lookalike.library import Library
from lookalike.results import DuplicateGroup
from lookalike.store import Image

__all__ = ["DECIDED", "GONE", "Settled", "settled_groups"]

GONE, DECIDED = "gone", "decided"


@dataclass(frozen=True)
class Settled:
    """A group that needs no review.

    Attributes
    ----------
    at
        Its place among the groups that were asked about, from 0.
    group
        Its number.
    why
        "gone" if fewer than two of its pictures are there still; "decided" if every pair of it was decided to be none,
        or shall stay, whichever of the two went.
    """

    at: int
    group: int
    why: str


def settled_groups(library: Library, groups: Sequence[DuplicateGroup]) -> tuple[Settled, ...]:
    """Return the groups that what was done or decided since they were found has settled.

    Parameters
    ----------
    library
        The library in which they were found.
    groups
        Groups of a report, in any order.
    """
    names = [member.uri for group in groups for member in group.members]
    ids = {uri: known.id for uri, known in library.store.known(names).items()}
    there = {image.uri: image for image in library.store.images_by_id(list(ids.values())).values()}
    protects, kept, parts = library.decisions.protects(), library.decisions.kept_contents(), library.decisions.apart()

    def stays(image: Image) -> bool:
        return image.content_id in kept or protects(image.uri)

    found = []
    for at, group in enumerate(groups):
        images = [there[member.uri] for member in group.members if member.uri in there]
        if len(images) < 2:
            found.append(Settled(at, group.number, GONE))
        elif group.keeper.uri in there and not _open(there[group.keeper.uri], images, stays, parts.parts):
            found.append(Settled(at, group.number, DECIDED))
    return tuple(found)


def _open(
    keeper: Image, images: Sequence[Image], stays: Callable[[Image], bool], parts: Callable[[int, int], bool]
) -> bool:
    """Say whether the keeper and any other are still a pair of which one may go."""
    held = stays(keeper)
    return any(
        not (held and stays(image))
        and (image.content_id == keeper.content_id or not parts(image.content_id, keeper.content_id))
        for image in images
        if image.uri != keeper.uri
    )
