"""Leaks of a data set for people and for continuous integration: a page, JUnit XML, GitHub annotations."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from lookalike.render.report import _check_side, _pictured, _render, _seconds, _thumbnail, _tone
from lookalike.render.views import pair_views
from lookalike.types import RGBImage, Uri
from lookalike.words import human_count, human_distance, human_probability, number, visible

if TYPE_CHECKING:
    from lookalike.leaks import Leak, LeakReport

__all__ = ["leaks_github", "leaks_junit", "leaks_page"]

ANNOTATIONS = 9
"""GitHub shows ten errors of a step; the first one is the sum."""


def leaks_page(
    report: LeakReport,
    load: Callable[[str], RGBImage | None],
    *,
    title: str = "Leaks",
    thumbnail_side: int = 256,
    max_pairs: int = 500,
    max_views: int = 200,
) -> str:
    """Return an HTML page of leaks, each pair side by side, with how one lies upon the other.

    Parameters
    ----------
    report
        Of a search for leaks.
    load, title, thumbnail_side
        As in `duplicates_page`.
    max_pairs
        Pairs on the page; it says how many are left out and which command prints all.
    max_views
        Pairs of which it is drawn how one lies upon the other.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    _check_side(thumbnail_side)
    shown = report.leaks[:max_pairs]
    drawn = {id(leak) for leak in shown[:max_views]}
    stretches: dict[str, list[dict[str, Any]]] = {}
    for leak in sorted(shown, key=_parts_in_order(report)):  # as sure as in the report within each
        pair = _pair(leak, load, thumbnail_side, draw=id(leak) in drawn)
        stretches.setdefault(_stretch(leak), []).append(pair)
    across = [leak for leak in report.leaks if leak.across]
    sums = [("leak" if len(across) == 1 else "leaks", number(len(across)))]
    if labels := sum("labels" in leak.problem for leak in report.leaks):
        sums.append(("under two labels", number(labels)))
    sums += [(f"pictures in {visible(name)}", number(count)) for name, count in report.parts]
    more = len(report.leaks) - len(shown)
    return _render(
        "leaks.html",
        title=visible(title),
        sums=sums,
        sentences=[visible(text) for text in report.sentences()],
        level=report.level,
        seconds=_seconds(report.seconds),
        stretches=[(name, human_count(len(pairs), "pair"), pairs) for name, pairs in stretches.items()],
        more=human_count(more, "more pair") if more > 0 else "",
        command=f"lookalike leaks … --level {report.level} --format csv",
    )


def _parts_in_order(report: LeakReport) -> Callable[[Leak], tuple[bool, int, int]]:
    """Return a key by which leaks between two parts are together, and those within one part last."""
    rank = {name: at for at, (name, _) in enumerate(report.parts)}
    return lambda leak: (not leak.across, rank.get(leak.part_a, len(rank)), rank.get(leak.part_b, len(rank)))


def _stretch(leak: Leak) -> str:
    """Return the heading below which a leak is shown."""
    where = f"{leak.part_a} and {leak.part_b}" if leak.across else leak.part_a
    return f"{visible(where)}: {leak.verdict}{' under two labels' if 'labels' in leak.problem else ''}"


def _pair(leak: Leak, load: Callable[[str], RGBImage | None], side: int, *, draw: bool) -> dict[str, Any]:
    pixels_a, pixels_b = load(leak.uri_a), load(leak.uri_b)
    facts = [("certainty", human_probability(leak.probability), "")]
    if leak.distance is not None:
        facts.append(("distance", human_distance(leak.distance), ""))
    return {
        "problem": {"leak": "leak", "labels": "two labels"}.get(leak.problem, "leak, two labels"),
        "verdict": leak.verdict,
        "tone": _tone(leak.verdict),
        "reason": visible(leak.reason),
        "facts": facts,
        "sides": [
            {**_pictured(uri, pixels, side), "part": visible(part), "label": visible(label or "")}
            for uri, pixels, part, label in (
                (leak.uri_a, pixels_a, leak.part_a, leak.label_a),
                (leak.uri_b, pixels_b, leak.part_b, leak.label_b),
            )
        ],
        "views": _views(leak, pixels_a, pixels_b, side) if draw else [],
    }


def _views(leak: Leak, a: RGBImage | None, b: RGBImage | None, side: int) -> list[dict[str, Any]]:
    """Return the pictures that prove a pair: one upon the other, and what differs; maybe none."""
    if leak.evidence is None or leak.evidence.transform is None or a is None or b is None:
        return []
    found = pair_views(b, a, leak.evidence, side=side)
    if found is None:
        return []
    part = " (a part of it)" if found.zoomed else ""
    views = []
    for caption, picture in ((f"one laid upon the other{part}", found.overlay), ("what differs", found.difference)):
        source, width, height = _thumbnail(picture, side)
        views.append({"caption": caption, "source": source, "width": width, "height": height})
    return views


def leaks_junit(report: LeakReport, *, relative_to: str | os.PathLike[str] | None = None) -> str:
    """Return JUnit XML: a suite for each two parts and one for labels, a failure for each pair, else one that passes.

    Parameters
    ----------
    report
        Of a search for leaks.
    relative_to
        Paths are given relative to this folder.
    """
    suites: dict[str, list[Leak]] = {f"leaks between {a} and {b}": [] for a, b, *_ in report.summary().values}
    for leak in report.leaks:
        if leak.across:
            suites[f"leaks between {leak.part_a} and {leak.part_b}"].append(leak)
        if "labels" in leak.problem:
            suites.setdefault("labels", []).append(leak)
    failures = sum(len(found) for found in suites.values())
    tests = sum(max(1, len(found)) for found in suites.values())
    root = ElementTree.Element("testsuites", name="lookalike leaks", tests=str(tests), failures=str(failures))
    for name, found in suites.items():
        suite = ElementTree.SubElement(
            root, "testsuite", name=_xml(name), tests=str(max(1, len(found))), failures=str(len(found)), errors="0"
        )  # fmt: skip
        if not found:
            ElementTree.SubElement(suite, "testcase", classname="lookalike.leaks", name=_xml(f"no {name}"))
        for leak in found:
            a, b = _near(leak.uri_a, relative_to), _near(leak.uri_b, relative_to)
            case = ElementTree.SubElement(
                suite, "testcase", classname="lookalike.leaks", name=_xml(f"{b} ({a})"), file=_xml(b)
            )  # fmt: skip
            message = _sentence(leak, a)
            failure = ElementTree.SubElement(case, "failure", message=_xml(message), type=leak.problem)
            failure.text = _xml(f"{b}: {message}\n{a}")
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n"


def leaks_github(report: LeakReport, *, relative_to: str | os.PathLike[str] | None = None) -> str:
    """Return workflow commands that become annotations of a GitHub run: the sum first, then the surest pairs.

    Parameters
    ----------
    report
        Of a search for leaks.
    relative_to
        The checkout's folder, to which annotations name their files; None for the current one.
    """
    if not report.leaks:
        return "".join(f"::notice title=No leak::{_escaped(text)}\n" for text in report.sentences()[:1])
    base = Path.cwd() if relative_to is None else relative_to
    lines = [f"::error title={_property(_title(report.leaks))}::{_escaped(' '.join(report.sentences()))}"]
    for leak in report.leaks[:ANNOTATIONS]:
        a, b = _near(leak.uri_a, base), _near(leak.uri_b, base)
        title = {"leak": "Leak", "labels": "Two labels"}.get(leak.problem, "Leak and two labels")
        lines.append(f"::error file={_property(b)},title={_property(title)}::{_escaped(_sentence(leak, a))}")
    if (more := len(report.leaks) - ANNOTATIONS) > 0:
        lines.append(f"::notice title=More::{human_count(more, 'more pair')}: lookalike leaks --format csv lists all")
    return "\n".join(lines) + "\n"


def _title(leaks: Iterable[Leak]) -> str:
    found = list(leaks)
    across = sum(leak.across for leak in found)
    return human_count(across, "leak") if across else f"{human_count(len(found), 'pair')} under two labels"


def _sentence(leak: Leak, a: str) -> str:
    """Return what b is of a and where both are."""
    where = f" in {leak.part_a}" if leak.across else f", both in {leak.part_a}"
    labels = f"; labels {leak.label_a!r} and {leak.label_b!r}" if "labels" in leak.problem else ""
    reason = leak.reason if leak.verdict in ("same-file", "same-pixels") else f"{leak.verdict}: {leak.reason}"
    return f"copy of {a}{where} ({reason}; {human_probability(leak.probability)}){labels}"


def _near(uri: Uri, folder: str | os.PathLike[str] | None) -> str:
    """Return a name as people and machines are to read it, with slashes where it is relative."""
    if folder is None or "://" in uri:
        return visible(uri)
    try:
        return visible(os.path.relpath(uri, folder)).replace(os.sep, "/")
    except ValueError:  # on another drive
        return visible(uri)


def _xml(text: str) -> str:
    """Return a text without the characters that XML 1.0 cannot hold."""
    return re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
