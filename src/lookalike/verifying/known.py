"""Which pictures are known to be copies of one another: from what was compared before, without looking at any."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from itertools import combinations

from lookalike.duplicates.sides import Apart
from lookalike.store import Content, Store
from lookalike.verifying.kept import VerdictCache
from lookalike.words import COPIES

__all__ = ["known_copies"]


def known_copies(
    store: Store,
    images: Sequence[int],
    *,
    probability: float,
    apart: Apart | None = None,
    equal: Collection[int] = (),
) -> tuple[tuple[int, ...], ...]:
    """Return those of some pictures that are known to be copies of one another.

    Nothing is decoded or compared: what counts is equal bytes, equal pixels, and the verdicts that are kept of earlier
    searches for duplicates.

    Parameters
    ----------
    store
        The library's.
    images
        Ids, in the order that decides: each is a copy of the first one of its group, and in the first group that it
        fits. What is no picture of the library is passed over.
    probability
        Least probability of a verdict that counts.
    apart
        What it was decided shall be no pair.
    equal
        Those of them that a search has found to have the same pixels as its query, and so as each other.

    Returns
    -------
    tuple
        Groups of two pictures or more, in the order of their first ones.

    Notes
    -----
    n (n - 1) / 2 look-ups of n contents in the worst case: for some hundreds of pictures, not for thousands.
    """
    held = store.images_by_id(images)
    contents = store.contents(list({image.content_id for image in held.values()}))
    wanted = [one for one in dict.fromkeys(images) if one in held and held[one].content_id in contents]
    order = list(dict.fromkeys(held[one].content_id for one in wanted))
    pixels = {held[one].content_id for one in equal if one in held}
    same = _same(store, [contents[one] for one in order], probability, apart or Apart(), pixels)
    firsts: list[int] = []
    groups: dict[int, list[int]] = {}
    chosen: dict[int, int] = {}
    for content in order:
        first = next((one for one in firsts if same(one, content)), None)
        if first is None:
            firsts.append(content)
        chosen[content] = content if first is None else first
    for one in wanted:
        groups.setdefault(chosen[held[one].content_id], []).append(one)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _same(
    store: Store, contents: Sequence[Content], probability: float, apart: Apart, pixels: Collection[int]
) -> Callable[[int, int], bool]:
    by_id = {content.id: content for content in contents}
    with contextlib.closing(VerdictCache(store.folder, writable=store.writable)) as cache:
        kept = cache.get_many((a.hash, b.hash) for a, b in combinations(contents, 2))

    def same(first: int, other: int) -> bool:
        if apart.parts(first, other):
            return False
        a, b = by_id[first], by_id[other]
        if (first in pixels and other in pixels) or (a.pixel_hash is not None and a.pixel_hash == b.pixel_hash):
            return True
        evidence = kept.get((a.hash, b.hash))
        return evidence is not None and evidence.verdict in COPIES and evidence.probability >= probability

    return same
