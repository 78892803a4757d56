"""A page of pictures with problems, kind by kind, the worst first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lookalike.render.report import _check_side, _picture, _render, _seconds
from lookalike.types import RGBImage
from lookalike.words import human_count, number, visible

if TYPE_CHECKING:
    from lookalike.problems import PictureProblems, Problems

__all__ = ["problems_page"]

_ABOUT = {
    "unreadable": "does not decode",
    "mislabelled": "the other pictures speak for another label",
    "blurred": "even its sharpest edges are soft",
    "dark": "even its lightest parts are dark",
    "bright": "even its darkest parts are light",
    "low-information": "hardly anything to see",
    "odd-aspect": "very long or very high",
    "too-small": "few pixels",
    "outlier": "like none of the others",
    "grey-in-colour": "no colour in it, in a file of colours",
}


def problems_page(
    found: Problems,
    load: Callable[[str], RGBImage | None],
    *,
    title: str = "Problems of single pictures",
    thumbnail_side: int = 192,
    pictures: int = 60,
) -> str:
    """Return an HTML page of problems: each kind with its pictures, those in which it is worst first.

    Parameters
    ----------
    found
        Of `lookalike.inspect`.
    load
        Gives the upright picture of a URI, at any scale, or None; called once for each picture on the page.
    title
        Of the page.
    thumbnail_side
        Longer side of the pictures in the page, in pixels, 16 to 2048.
    pictures
        Most of one kind; the page says how many more there are and which command prints all.

    Returns
    -------
    str
        Can be encoded as UTF-8 whatever the file names are. A picture that has two problems stands in both sections.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    _check_side(thumbnail_side)
    drawn: dict[str, dict[str, Any]] = {}

    def pictured(uri: str) -> dict[str, Any]:
        if uri not in drawn:
            drawn[uri] = _picture(uri, load, thumbnail_side)
        return drawn[uri]

    sections = []
    for kind, count in found.counts.items():
        shown = found.of(kind)[:pictures]
        sections.append(
            {
                "kind": kind,
                "about": _ABOUT[kind],
                "limit": f"{found.thresholds[kind]:g}" if kind in found.thresholds else "",
                "count": number(count),
                "size": human_count(count, "picture"),
                "pictures": [{**pictured(one.uri), **_said(one, kind)} for one in shown],
                "more": human_count(count - len(shown), "more picture"),
                "any_more": count > len(shown),
            }
        )
    return _render(
        "problems.html",
        title=visible(title),
        sums=[("pictures looked at", number(len(found.pictures))), ("with a problem", number(len(found.flagged)))],
        seconds=_seconds(found.seconds),
        notes=[visible(note) for note in found.notes],
        sections=sections,
        command="lookalike problems … --format csv",
    )


def _said(one: PictureProblems, kind: str) -> dict[str, Any]:
    """Return what is said below a picture: its reason, its size, its other problems."""
    reason = next(reason for name, _, reason in one.found if name == kind)
    size = f"{one.measures.width} × {one.measures.height}" if one.measures.width else ""
    facts = [("size", size, ""), ("label", visible(one.measures.label or ""), "")]
    return {
        "reason": visible(reason),
        "facts": [fact for fact in facts if fact[1]],
        "others": [name for name in one.kinds if name != kind],
    }
