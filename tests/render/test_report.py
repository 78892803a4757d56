from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import UsageError
from lookalike.render.report import duplicates_page, search_page
from lookalike.results import DuplicateGroup, DuplicateReport, Evidence, GroupMember, SearchResult
from lookalike.types import RGBImage

from .conftest import EDGES, edged

Load = Callable[[str], RGBImage | None]

VOID = {"meta", "img", "wbr"}


class Outline(HTMLParser):
    """Every element with its attributes, the text, and whether all that was opened was closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "dd":
            self.words.append(" ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def pages(report: DuplicateReport, result: SearchResult, load: Load) -> list[str]:
    return [duplicates_page(report, load), search_page(result, load)]


def test_the_pages_need_no_network_and_no_script(
    duplicate_report: DuplicateReport, search_result: SearchResult, load: Load
) -> None:
    for page in pages(duplicate_report, search_result, load):
        outline = Outline(page)
        assert outline.open == []
        assert not {"script", "link", "iframe", "object", "form", "base"} & {name for name, _ in outline.elements}
        assert "http://" not in page
        assert "https://" not in page
        assert "url(" not in page
        assert "@import" not in page
        assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
        assert all(str(image["src"]).startswith("data:image/") for image in outline.all("img"))
        policy = next(meta["content"] for meta in outline.all("meta") if "http-equiv" in meta)
        assert str(policy).startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_the_pages_can_be_read_aloud(
    duplicate_report: DuplicateReport, search_result: SearchResult, load: Load
) -> None:
    for page in pages(duplicate_report, search_result, load):
        outline = Outline(page)
        assert outline.all("html") == [{"lang": "en"}]
        assert len(outline.all("h1")) == 1
        assert all(image["alt"] for image in outline.all("img"))
        named = {heading["id"] for heading in outline.all("h2")}
        assert {section["aria-labelledby"] for section in outline.all("section")} == named
        assert len(named) == 2


def test_the_sum_counts_copies_and_what_they_would_free(duplicate_report: DuplicateReport, load: Load) -> None:
    text = Outline(duplicates_page(duplicate_report, load)).text
    # 3,000 + 12,000: the hard link frees nothing, and another shot is no copy.
    assert "groups 2" in text
    assert "copies 3" in text
    assert "other shots 1" in text
    assert "could be freed 15.0 kB" in text
    assert "pictures looked at 1,234" in text
    assert "1 copy is a hard link" in text
    assert "Left out: 3 too plain to tell apart." in text
    assert "Level same-scene" in text


def test_a_member_says_what_it_is_why_and_how_it_differs(duplicate_report: DuplicateReport, load: Load) -> None:
    text = Outline(duplicates_page(duplicate_report, load)).text
    assert "keep keep.jpg /p/keep.jpg most pixels size 400 × 200 file 9.0 kB" in text
    assert "same-file hard link link.jpg /p/link.jpg the same bytes size 400 × 200 file 9.0 kB distance 0 " in text
    assert "200 × 100 smaller file 3.0 kB smaller file distance 0.0123 certainty 98.7 %" in text
    assert "100 × 200 smaller file 12.0 kB larger file" in text
    assert "edited weakest pair tall.jpg" in text
    assert text.count("weakest pair") == 1


def test_names_are_text_and_nothing_else(duplicate_report: DuplicateReport, load: Load) -> None:
    ugly = "/p/<script>alert(1)</script>\n\"'&amp;{{ 7*7 }}\u202e\udce9.jpg"
    group = duplicate_report.groups[0]
    members = tuple(replace(member, uri=ugly, reason="<b>" + ugly) for member in group.members)
    page = duplicates_page(replace(duplicate_report, groups=(DuplicateGroup(1, members),)), load, title=ugly)
    outline = Outline(page)
    assert not outline.all("script")
    assert not outline.all("b")
    assert "/p/<script>alert(1)</script>\\n\"'&amp;{{ 7*7 }}\\u202e\\xe9.jpg" in outline.text
    assert page.encode("utf-8")


def test_thumbnails_are_whole_and_no_larger_than_asked(duplicate_report: DuplicateReport) -> None:
    sides = []
    for asked in (64, 200):
        page = duplicates_page(duplicate_report, lambda uri: edged(300, 600, 24), thumbnail_side=asked)
        source = str(Outline(page).all("img")[0]["src"])
        image = Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1]))).convert("RGB")
        sides.append(image.size)
        pixels = np.asarray(image).astype(int)
        for edge, pixel in {"left": pixels[asked // 4, 1], "right": pixels[asked // 4, -2]}.items():
            assert np.abs(pixel - EDGES[edge]).sum() < 150
    assert sides == [(64, 32), (200, 100)]


def test_a_picture_that_cannot_be_read_is_said_in_words(search_result: SearchResult, load: Load) -> None:
    outline = Outline(search_page(search_result, load))
    assert len(outline.all("img")) == 3
    assert "cannot be read query gone.jpg" in outline.text
    assert "Query 2 no such file" in outline.text


def test_a_search_page_shows_rank_distance_and_name(search_result: SearchResult, load: Load) -> None:
    text = Outline(search_page(search_result, load)).text
    assert "1 beach.jpg /p/beach.jpg distance 0 2 tall.jpg" in text
    assert "2 tall.jpg /p/tall.jpg distance 0.1250" in text
    assert "pictures found 2" in text
    in_bits = Outline(search_page(replace(search_result, descriptor="pdq"), load)).text
    assert "distance 0 bits" in in_bits


def test_what_does_not_fit_is_counted_with_the_command_that_prints_it(
    duplicate_report: DuplicateReport, search_result: SearchResult, load: Load
) -> None:
    page = Outline(duplicates_page(duplicate_report, load, max_groups=1)).text
    assert "1 more group not shown here: lookalike duplicates --level same-scene --format csv prints all" in page
    members = Outline(duplicates_page(duplicate_report, load, max_members=2)).text
    assert "2 more pictures in this group" in members
    # The pair that most deserves a look is never among those left out.
    assert "weakest pair" in members
    queries = Outline(search_page(search_result, load, max_queries=1)).text
    assert "1 more query not shown here" in queries
    assert "1 more picture for this query" in Outline(search_page(search_result, load, max_hits=1)).text
    assert "not shown" not in Outline(search_page(search_result, load)).text


def test_pages_without_anything_say_so(load: Load) -> None:
    assert "No duplicates were found" in duplicates_page(DuplicateReport((), "edited", 5, 0.1), load)
    nothing = SearchResult((), np.zeros((0, 5), np.int64), np.zeros((0, 5), np.float32), (), "lite0")
    assert "Nothing was asked" in search_page(nothing, load)


@pytest.mark.parametrize("side", [0, 5000])
def test_a_thumbnail_out_of_range_is_refused(duplicate_report: DuplicateReport, load: Load, side: int) -> None:
    with pytest.raises(UsageError, match=f"not {side}"):
        duplicates_page(duplicate_report, load, thumbnail_side=side)


def proof(member: GroupMember, keeper: GroupMember) -> Evidence | None:
    """Lay tall pictures upon a half of their keeper, linked ones not at all, the rest as they are."""
    if "link" in member.uri:
        return Evidence("same-file", 1.0, "the same bytes")
    shift = 60.0 if "tall" in member.uri else 0.0
    return Evidence("edited", 0.9, "x", transform=np.array([[1.0, 0, shift], [0, 1, 0], [0, 0, 1]]))


def test_each_proven_pair_shows_its_evidence_on_demand(duplicate_report: DuplicateReport, load: Load) -> None:
    plain = Outline(duplicates_page(duplicate_report, load))
    outline = Outline(duplicates_page(duplicate_report, load, evidence=proof))
    assert len(plain.all("details")) == 1
    assert len(outline.all("details")) == 1 + 3
    assert len(outline.all("figure")) == 3 * 4
    assert not outline.open
    sources = [str(image["src"]) for image in outline.all("img")]
    assert all(source.startswith("data:image/") for source in sources)
    assert len(sources) == len(plain.all("img")) + 12
    for words in ("the picture to keep", "this picture", "this one laid upon the other", "what differs"):
        assert outline.text.count(words) == 3
    assert all(image["alt"] for image in outline.all("img"))
    assert not any("open" in details for details in outline.all("details"))


def test_a_page_draws_no_more_pairs_than_asked_the_weakest_first(duplicate_report: DuplicateReport, load: Load) -> None:
    outline = Outline(duplicates_page(duplicate_report, load, evidence=proof, max_pairs=2))
    drawn = {str(image["alt"]).split(": ")[1] for image in outline.all("img") if "what differs" in str(image["alt"])}
    assert drawn == {"tall.jpg", "burst2.jpg"}, "the weakest of either group"
    assert "The evidence of 1 other pair is not drawn here" in outline.text
    none = Outline(duplicates_page(duplicate_report, load, evidence=proof, max_pairs=0))
    assert not none.all("figure")
    assert "The evidence of 3 other pairs is not drawn here" in none.text


def test_a_pair_that_cannot_be_read_has_no_evidence_to_show(duplicate_report: DuplicateReport, load: Load) -> None:
    def without(uri: str) -> RGBImage | None:
        return None if "keep" in uri else load(uri)

    outline = Outline(duplicates_page(duplicate_report, without, evidence=proof))
    assert len(outline.all("figure")) == 4, "of the other group alone"


def test_each_picture_is_read_once(duplicate_report: DuplicateReport, load: Load) -> None:
    asked: list[str] = []

    def counting(uri: str) -> RGBImage | None:
        asked.append(uri)
        return load(uri)

    duplicates_page(duplicate_report, counting, evidence=proof)
    assert sorted(asked) == sorted(member.uri for group in duplicate_report.groups for member in group.members)
