"""From measures to problems: limits, sentences, order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lookalike.defaults import PROBLEM_KINDS, PROBLEM_THRESHOLDS
from lookalike.errors import UsageError
from lookalike.problems import Measures, PixelMeasures, Problems, check_only, check_thresholds, judge

FINE = PixelMeasures(1.2, 0.95, 0.02, 2.5, grey=False)


PIXELS = ("blur", "highlight", "shadow", "information", "grey")


def measures(**changed: Any) -> Measures:
    pixels = replace(FINE, **{name: value for name, value in changed.items() if name in PIXELS})
    others = {name: value for name, value in changed.items() if name not in PIXELS}
    return replace(Measures(400, 300, pixels), **others)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unreadable": ({"error": "the JPEG ends too early"}, "ends too early"),
    "mislabelled": (
        {"label": "cat", "suggested": "dog", "label_probability": 0.0, "suggested_probability": 1.0},
        "labelled cat, likely dog: more than 99.9 % against less than 0.1 %",
    ),
    "blurred": ({"blur": 6.0}, "blurred by 6.0 ‰"),
    "dark": ({"highlight": 0.2}, "darker than 0.20"),
    "bright": ({"shadow": 0.8}, "lighter than 0.80"),
    "low-information": ({"information": 0.1}, "0.10 bits per pixel"),
    "odd-aspect": ({"width": 2000, "height": 300}, "6.7 times as long"),
    "too-small": ({"width": 40, "height": 30}, "40 x 30 pixels"),
    "outlier": ({"outlier": 7.0}, "7.0 deviations"),
    "grey-in-colour": ({"grey": True, "colour_file": True}, "grey, stored in colour"),
}


def test_a_picture_without_a_problem_has_none():
    told = judge(
        "/p/a.jpg", measures(outlier=1.0, label="cat", suggested="cat", label_probability=0.9, colour_file=True)
    )
    assert told.kinds == ()
    assert told.reason == ""
    assert told.severity == 0


@pytest.mark.parametrize("kind", PROBLEM_KINDS)
def test_each_kind_is_named_alone_with_its_figure(kind):
    changed, said = WRONG[kind]
    told = judge("/p/a.jpg", measures(**changed))
    assert told.kinds == (kind,)
    assert said in told.reason
    assert 0 <= told.severity <= 1
    others = [name for name in PROBLEM_KINDS if name != kind]
    assert judge("/p/a.jpg", measures(**changed), only=others).kinds == ()


@pytest.mark.parametrize("kind", PROBLEM_THRESHOLDS)
def test_a_looser_threshold_lets_it_pass_and_the_threshold_itself_is_no_problem(kind):
    changed, _ = WRONG[kind]
    one = measures(**changed)
    loose = {"blurred": 7, "odd-aspect": 7, "outlier": 8, "bright": 0.9, "mislabelled": 0.004}.get(kind, 1e-9)
    one = measures(**{**changed, "label_probability": 0.005}) if kind == "mislabelled" else one
    assert judge("u", one).kinds == (kind,)
    assert judge("u", one, check_thresholds({kind: loose})).kinds == ()
    exact: dict[str, dict[str, Any]] = {
        "blurred": {"blur": 3.0}, "dark": {"highlight": 0.4}, "bright": {"shadow": 0.5}, "outlier": {"outlier": 3.5},
        "odd-aspect": {"width": 900}, "too-small": {"width": 64, "height": 64}, "low-information": {"information": 0.6},
    }  # fmt: skip
    if kind in exact:
        assert judge("u", measures(**exact[kind]), {**PROBLEM_THRESHOLDS, "blurred": 3.0, "outlier": 3.5}).kinds == ()


def test_worse_is_more_severe_and_two_problems_are_worse_than_one():
    little, much = (judge("u", measures(blur=blur)).severity for blur in (3.5, 12.0))
    assert 0 < little < much < 1
    both = judge("u", measures(blur=12.0, highlight=0.3))
    assert both.kinds == ("blurred", "dark")
    assert both.severity > much
    assert "; " in both.reason


def test_what_was_not_measured_is_no_problem():
    assert judge("u", Measures()).kinds == ()
    assert judge("u", measures(blur=None)).kinds == ()


def test_unknown_kinds_and_bad_thresholds_are_refused():
    assert check_only(()) == PROBLEM_KINDS
    assert check_only(["dark"]) == ("dark",)
    with pytest.raises(UsageError, match="no problem 'dim'"):
        check_only(["dim"])
    with pytest.raises(UsageError, match="no threshold for 'unreadable'"):
        check_thresholds({"unreadable": 1})
    for value in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(UsageError, match="above 0"):
            check_thresholds({"dark": value})


def test_a_report_counts_sorts_and_shows_rows():
    told = [judge(f"/p/{n}.jpg", measures(blur=blur)) for n, blur in enumerate((4.0, 9.0, 1.0))]
    told.append(judge("/p/3.jpg", measures(highlight=0.1)))
    report = Problems(tuple(told), PROBLEM_THRESHOLDS)
    assert report.counts == {"blurred": 2, "dark": 1}
    assert [one.uri for one in report.of("blurred")] == ["/p/1.jpg", "/p/0.jpg"]
    assert report.in_words() == "3 pictures with a problem among 4: 2 blurred, 1 dark."
    assert len(report.only_flagged().rows().values) == 3
    row = dict(zip(report.rows().columns, report.rows().values[1], strict=True))
    assert (row["uri"], row["problems"], row["blur"], row["aspect"]) == ("/p/1.jpg", "blurred", 9.0, 1.3333)
    assert row["colour"] == "colour"
    assert Problems((), {}).in_words() == "0 pictures with a problem among 0."
