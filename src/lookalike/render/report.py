"""Results as one HTML page that needs nothing else: no network, no script, pictures inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lookalike.errors import UsageError
from lookalike.render.hits import Hit, QueryHits, hits_by_query
from lookalike.render.views import pair_views
from lookalike.results import DuplicateGroup, DuplicateReport, Evidence, GroupMember, SearchResult
from lookalike.types import RGBImage
from lookalike.words import (
    COPIES,
    VERDICT_MEANING,
    human_bytes,
    human_count,
    human_distance,
    human_probability,
    human_seconds,
    number,
    split_path,
    visible,
)

__all__ = ["duplicates_page", "search_page"]


def duplicates_page(
    report: DuplicateReport,
    load: Callable[[str], RGBImage | None],
    *,
    title: str = "Duplicates",
    thumbnail_side: int = 256,
    max_groups: int = 500,
    max_members: int = 60,
    evidence: Callable[[GroupMember, GroupMember], Evidence | None] | None = None,
    max_pairs: int = 200,
) -> str:
    """Return an HTML page of groups of duplicates, each with its keeper, verdicts and reasons.

    Parameters
    ----------
    report
        Of a search for duplicates.
    load
        Gives the upright picture of a URI, at any scale, or None.
    title
        Of the page.
    thumbnail_side
        Longer side of the pictures in the page, in pixels, 16 to 2048.
    max_groups, max_members
        Groups on the page and pictures of a group; the page says how many are left out and which command prints all.
    evidence
        Gives the evidence of a member (a) against its keeper (b), or None. Where it says how one lies upon the other,
        both are drawn with what they share, laid upon each other and with what differs, shown on demand.
    max_pairs
        Pairs that are drawn so at most, the weakest of each group first; the page says how to draw any other.

    Returns
    -------
    str
        Can be encoded as UTF-8 whatever the file names are. About 10 kB per picture, of which a drawn pair has four.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    _check_side(thumbnail_side)
    parts = [(group, _shown(group, max_members)) for group in report.groups[:max_groups]]
    proven, undrawn = _proven(parts, evidence, max_pairs)
    shown = [_group(group, members, load, thumbnail_side, proven) for group, members in parts]
    others = [member for group in report.groups for member in group.members if not member.keeper]
    copies = [member for member in others if member.verdict in COPIES]
    sums = [
        ("groups", number(len(report.groups))),
        ("copies" if len(copies) != 1 else "copy", number(len(copies))),
        ("could be freed", human_bytes(_freed(copies))),
        ("pictures looked at", number(report.pictures)),
    ]
    if len(others) > len(copies):
        sums.insert(2, ("other shots", number(len(others) - len(copies))))
    hard_links = sum(member.hardlink for member in copies)
    return _render(
        "duplicates.html",
        title=visible(title),
        sums=sums,
        hard_links=human_count(hard_links, "copy is a hard link", "copies are hard links") if hard_links else "",
        level=report.level,
        seconds=_seconds(report.seconds),
        left_out=[(number(count), visible(reason)) for reason, count in report.left_out],
        groups=shown,
        undrawn=human_count(undrawn, "other pair") if undrawn else "",
        more=human_count(len(report.groups) - len(shown), "more group"),
        any_more=len(report.groups) > len(shown),
        command=f"lookalike duplicates --level {report.level} --format csv",
    )


def search_page(
    result: SearchResult,
    load: Callable[[str], RGBImage | None],
    *,
    title: str = "Search",
    thumbnail_side: int = 256,
    max_queries: int = 100,
    max_hits: int = 60,
) -> str:
    """Return an HTML page of a search: each query with its neighbours, closest first.

    Parameters
    ----------
    result
        Of a search.
    load, title, thumbnail_side
        As in `duplicates_page`; `load` also gets the queries.
    max_queries, max_hits
        Queries on the page and neighbours of each; the page says how many are left out.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    _check_side(thumbnail_side)
    found = hits_by_query(result)
    shown = [_query(query, result.descriptor, load, thumbnail_side, max_hits) for query in found[:max_queries]]
    sums = [
        ("queries" if len(found) != 1 else "query", number(len(found))),
        ("pictures found", number(sum(len(query.hits) for query in found))),
    ]
    if result.failed:
        sums.append(("cannot be read", number(len(result.failed))))
    return _render(
        "search.html",
        title=visible(title),
        sums=sums,
        descriptor=visible(result.descriptor),
        seconds=_seconds(result.seconds),
        queries=shown,
        more=human_count(len(found) - len(shown), "more query", "more queries"),
        any_more=len(found) > len(shown),
        command="lookalike search … --format csv",
    )


def _check_side(side: int) -> None:
    if not 16 <= side <= 2048:
        raise UsageError(f"a thumbnail has 16 to 2048 pixels, not {side}")


def _seconds(seconds: float) -> str:
    # A unit alone on the next line reads badly; a time that is too short to tell is not told.
    return human_seconds(seconds).replace(" ", "\N{NO-BREAK SPACE}") if seconds >= 0.05 else ""


def _freed(members: Sequence[GroupMember]) -> int:
    # Removing one name of a file that has another frees nothing.
    return sum(member.bytes for member in members if not member.hardlink)


def _shown(group: DuplicateGroup, limit: int) -> list[GroupMember]:
    """Return the members of a group that are on the page, the weakest always among them."""
    members = list(group.members[:limit])
    # In a group of two the only pair needs no place kept.
    if len(group.members) > 2 and not any(member is group.weakest for member in members):
        members[-1] = group.weakest
    return members


def _proven(
    parts: Sequence[tuple[DuplicateGroup, Sequence[GroupMember]]],
    evidence: Callable[[GroupMember, GroupMember], Evidence | None] | None,
    limit: int,
) -> tuple[dict[int, Evidence], int]:
    """Return the evidence that is drawn, by the member's identity, and how many pairs have more than there is room."""
    if evidence is None:
        return {}, 0
    pairs = []
    for group, members in parts:
        weakest = group.weakest if len(group.members) > 1 else None
        pairs += [(member is not weakest, member, group.keeper) for member in members if not member.keeper]
    found: dict[int, Evidence] = {}
    undrawn = 0
    for _, member, keeper in sorted(pairs, key=lambda pair: pair[0]):
        known = evidence(member, keeper)
        if known is None or known.transform is None:
            continue
        if len(found) < limit:
            found[id(member)] = known
        else:
            undrawn += 1
    return found, undrawn


def _group(
    group: DuplicateGroup,
    members: Sequence[GroupMember],
    load: Callable[[str], RGBImage | None],
    side: int,
    proven: dict[int, Evidence],
) -> dict[str, Any]:
    # In a group of two the only pair needs no mark.
    weakest = group.weakest if len(group.members) > 2 else None
    keeper = group.keeper
    original = load(keeper.uri)
    freed = _freed([member for member in group.members if not member.keeper and member.verdict in COPIES])
    return {
        "number": number(group.number),
        "size": human_count(len(group.members), "picture"),
        "freed": human_bytes(freed) if freed else "",
        "members": [
            _member(
                member,
                keeper,
                member is weakest,
                (original if member is keeper else load(member.uri), original),
                side,
                proven.get(id(member)),
            )
            for member in members
        ],
        "more": human_count(len(group.members) - len(members), "more picture"),
        "any_more": len(group.members) > len(members),
    }


def _member(
    member: GroupMember,
    keeper: GroupMember,
    weakest: bool,
    pixels: tuple[RGBImage | None, RGBImage | None],
    side: int,
    proven: Evidence | None,
) -> dict[str, Any]:
    known = None if member.keeper else keeper
    facts = [_size_fact(member, known), _bytes_fact(member, known)]
    if member.distance is not None:
        facts.append(("distance", human_distance(member.distance), ""))
    if member.probability is not None:
        facts.append(("certainty", human_probability(member.probability), ""))
    return {
        **_pictured(member.uri, pixels[0], side),
        "keeper": member.keeper,
        "verdict": member.verdict or "",
        "tone": _tone(member.verdict),
        "weakest": weakest,
        "reason": visible(member.reason),
        "facts": [fact for fact in facts if fact[1]],
        "hardlink": member.hardlink,
        "views": _views(member, keeper, pixels, side, proven),
    }


def _views(
    member: GroupMember,
    keeper: GroupMember,
    pixels: tuple[RGBImage | None, RGBImage | None],
    side: int,
    proven: Evidence | None,
) -> list[dict[str, Any]]:
    """Return the pictures that prove a pair: keeper, member, one upon the other, what differs; maybe none."""
    image, original = pixels
    if proven is None or image is None or original is None:
        return []
    sizes = [(one.height, one.width) if one.height and one.width else None for one in (member, keeper)]
    found = pair_views(image, original, proven, side=side, full_a=sizes[0], full_b=sizes[1])
    if found is None:
        return []
    part = " (a part of it)" if found.zoomed else ""
    shown = (
        ("the picture to keep", found.b),
        ("this picture", found.a),
        (f"this one laid upon the other{part}", found.overlay),
        ("what differs", found.difference),
    )
    views = []
    for caption, picture in shown:
        source, width, height = _thumbnail(picture, side)
        views.append({"caption": caption, "source": source, "width": width, "height": height})
    return views


def _size_fact(member: GroupMember, keeper: GroupMember | None) -> tuple[str, str, str]:
    text = f"{member.width} × {member.height}" if member.width and member.height else ""
    if keeper is None or (member.width, member.height) == (keeper.width, keeper.height):
        return "size", text, ""
    pixels, of_keeper = member.width * member.height, keeper.width * keeper.height
    return "size", text, "other shape" if pixels == of_keeper else "larger" if pixels > of_keeper else "smaller"


def _bytes_fact(member: GroupMember, keeper: GroupMember | None) -> tuple[str, str, str]:
    text = human_bytes(member.bytes) if member.bytes else ""
    if keeper is None or member.bytes == keeper.bytes:
        return "file", text, ""
    return "file", text, "larger file" if member.bytes > keeper.bytes else "smaller file"


def _tone(verdict: str | None) -> str:
    return "copy" if verdict in COPIES else "scene" if verdict == "same-scene" else "other"


def _query(
    found: QueryHits, descriptor: str, load: Callable[[str], RGBImage | None], side: int, limit: int
) -> dict[str, Any]:
    hits = [_hit(hit, descriptor, load, side) for hit in found.hits[:limit]]
    return {
        **_picture(found.query, load, side),
        "failed": visible(found.failed),
        "cluster": visible(found.cluster or ""),
        "told": found.within is not None,
        "within": [_hit(hit, descriptor, load, side) for hit in (found.within or ())[:limit]],
        "hits": hits,
        "more": human_count(len(found.hits) - len(hits), "more picture"),
        "any_more": len(found.hits) > len(hits),
    }


def _hit(hit: Hit, descriptor: str, load: Callable[[str], RGBImage | None], side: int) -> dict[str, Any]:
    facts = [("distance", human_distance(hit.distance, descriptor), "")]
    if hit.probability is not None:
        facts.append(("certainty", human_probability(hit.probability), ""))
    picture = _picture(hit.uri, load, side)
    return {**picture, "rank": hit.rank, "verdict": hit.verdict or "", "tone": _tone(hit.verdict), "facts": facts}


def _picture(uri: str, load: Callable[[str], RGBImage | None], side: int) -> dict[str, Any]:
    return _pictured(uri, load(uri), side)


def _pictured(uri: str, pixels: RGBImage | None, side: int) -> dict[str, Any]:
    source, width, height = ("", 0, 0) if pixels is None else _thumbnail(pixels, side)
    return {
        "path": visible(uri),
        "name": visible(split_path(uri)[1]),
        "source": source,
        "width": width,
        "height": height,
        # Blown up to the full square, an icon would be a blur.
        "small": max(width, height) < side // 2,
    }


def _thumbnail(pixels: RGBImage, side: int) -> tuple[str, int, int]:
    """Return the whole picture as a data URI, at most `side` pixels long, with its width and height."""
    import base64
    import io

    from PIL import Image, features

    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    kind = "webp" if features.check("webp") else "jpeg"
    stream = io.BytesIO()
    image.save(stream, kind, quality=78)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}", image.width, image.height


def _render(template: str, **values: Any) -> str:
    from pathlib import Path

    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(meanings=VERDICT_MEANING, **values)
