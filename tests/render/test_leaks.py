"""A report of leaks as a page, as JUnit XML and as annotations of a GitHub run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lookalike.errors import UsageError
from lookalike.leaks import Leak, LeakReport
from lookalike.render import leaks_github, leaks_junit, leaks_page
from lookalike.results import Evidence
from lookalike.types import RGBImage

from .test_report import Outline

Load = Callable[[str], RGBImage | None]
ODD = '/p/test/a,b: 100%<&">\x0b\udcff.jpg'


def report(*more: Leak) -> LeakReport:
    evidence = Evidence("edited", 0.91, "cropped", transform=np.eye(3), share_a=1, share_b=1)
    leaks = (
        Leak("train", "/p/train/1.jpg", "test", "/p/test/1.jpg", "same-file", 1.0, 0.0, "same bytes"),
        Leak(
            "train", "/p/train/tall.jpg", "test", ODD, "edited", 0.91, 0.2, "cropped to <50 %>", "cat", "dog", evidence
        ),
        Leak("val", "/p/val/2.jpg", "val", "/p/val/gone.jpg", "same-picture", 0.99, 0.1, "smaller", "cat", "dog"),
        *more,
    )
    return LeakReport(leaks, (("train", 70), ("val", 15), ("test", 15)), "edited", 2.0, (("could not be read", 2),))


def test_what_is_wrong_is_told_for_each_pair():
    found = report()
    assert [leak.problem for leak in found.leaks] == ["leak", "leak+labels", "labels"]
    assert found.rows().columns == (
        "part_a", "uri_a", "part_b", "uri_b", "problem", "verdict", "probability", "label_a", "label_b", "distance",
        "reason",
    )  # fmt: skip
    assert found.summary().values == [("train", "val", 0, 0, 0), ("train", "test", 2, 2, 2), ("val", "test", 0, 0, 0)]
    assert found.sentences() == [
        "No leak between train and val.", "2 leaks between train and test: 2 pictures of test, 2 of train.",
        "No leak between val and test.", "2 pairs of copies under two labels.", "2 could not be read.",
    ]  # fmt: skip


def test_the_page_shows_each_pair_and_needs_no_network(load: Load):
    page = leaks_page(report(), load)
    outline = Outline(page)
    assert outline.open == []
    assert not {"script", "link", "form"} & {name for name, _ in outline.elements}
    assert all(str(image["src"]).startswith("data:image/") for image in outline.all("img"))
    assert len(outline.all("article")) == 3
    headings = [str(element["id"]) for element in outline.all("h2")]
    assert [str(element["href"]) for element in outline.all("a")] == [f"#{name}" for name in headings]
    assert len(headings) == 3
    assert "cannot be read" in outline.text  # what is gone
    for words in ("train and test", "leak, two labels", "cropped to <50 %>", "2 pairs of copies under two labels.",
                  "91 %", "what differs"):  # fmt: skip
        assert words in outline.text, words
    assert "<50" not in page
    assert page.encode()
    assert "No leak was found" in leaks_page(LeakReport((), (("a", 1), ("b", 1)), "edited"), load)
    assert "2 more pairs" in re.sub(r"\s+", " ", leaks_page(report(), load, max_pairs=1))
    assert "what differs" not in leaks_page(report(), load, max_views=1)
    with pytest.raises(UsageError):
        leaks_page(report(), load, thumbnail_side=0)


def test_junit_has_a_suite_for_each_two_parts_and_a_failure_for_each_pair():
    root = ElementTree.fromstring(leaks_junit(report()).encode())
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "6", "4")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["leaks between train and val", "leaks between train and test", "leaks between val and test",
                            "labels"]  # fmt: skip
    assert [len(suite.findall("testcase/failure")) for suite in root] == [0, 2, 0, 2]
    assert all(int(suite.get("tests") or 0) == len(suite.findall("testcase")) for suite in root)
    first = suites["leaks between train and test"].find("testcase/failure")
    assert first is not None
    assert first.get("message") == "copy of /p/train/1.jpg in train (same bytes; 100 %)"
    assert first.get("type") == "leak"
    cases = suites["leaks between train and test"].findall("testcase")
    assert (cases[0].get("file"), cases[0].get("name")) == ("/p/test/1.jpg", "/p/test/1.jpg (/p/train/1.jpg)")
    near = ElementTree.fromstring(leaks_junit(report(), relative_to="/p").encode())
    assert near.findall("testsuite/testcase")[1].get("file") == "test/1.jpg"


def test_junit_of_a_clean_data_set_passes():
    root = ElementTree.fromstring(leaks_junit(LeakReport((), (("a", 1), ("b", 1)), "edited")).encode())
    assert (root.get("tests"), root.get("failures")) == ("1", "0")
    assert root.findall(".//failure") == []


def test_annotations_name_the_file_that_leaks_and_escape_what_github_reads():
    lines = leaks_github(report(), relative_to="/p").splitlines()
    assert lines[0].startswith("::error title=2 leaks::No leak between train and val. 2 leaks between")
    assert lines[1] == "::error file=test/1.jpg,title=Leak::copy of train/1.jpg in train (same bytes; 100 %25)"
    file = re.fullmatch(r"::error file=([^,]*),title=Leak and two labels::(.*)", lines[2])
    assert file is not None
    assert "%2C" in file[1]
    assert "%3A" in file[1]
    assert "%25" in file[1]
    assert "labels 'cat' and 'dog'" in file[2]
    assert lines[3].startswith("::error file=val/gone.jpg,title=Two labels::copy of val/2.jpg, both in val")
    assert len(lines) == 4


def test_github_gets_no_more_annotations_than_it_shows():
    more = [Leak("train", f"/p/a{at}.jpg", "test", f"/p/b{at}.jpg", "edited", 0.9, 0.1, "cropped") for at in range(20)]
    lines = leaks_github(report(*more)).splitlines()
    assert sum(line.startswith("::error") for line in lines) == 10
    assert lines[-1] == "::notice title=More::14 more pairs: lookalike leaks --format csv lists all"


def test_a_clean_data_set_is_a_notice(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (
        leaks_github(LeakReport((), (("a", 1), ("b", 1)), "edited"))
        == "::notice title=No leak::No leak between a and b.\n"
    )
    near = LeakReport((report().leaks[0],), (("train", 1), ("test", 1)), "edited")
    assert f"file={Path('/p/test/1.jpg').relative_to('/')}" in leaks_github(near, relative_to="/")


def test_a_notebook_shows_the_first_pairs():
    assert "1 more pair" in report()._repr_html_(pairs=2)
