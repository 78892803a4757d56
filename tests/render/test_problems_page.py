"""The page of problems: order, limits, what each picture says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lookalike.defaults import PROBLEM_KINDS, PROBLEM_THRESHOLDS
from lookalike.errors import UsageError
from lookalike.problems import Measures, PixelMeasures, Problems, judge
from lookalike.render.problems import _ABOUT, problems_page


def report(count):
    pictures = [
        judge(f"/p/{n:02}.jpg", Measures(400, 300, PixelMeasures(4.0 + n, 0.2 if n == 1 else 0.9, 0, 2.0, grey=False)))
        for n in range(count)
    ]
    return Problems(tuple(pictures), PROBLEM_THRESHOLDS, ("two pictures were away",), 3.0)


def test_the_worst_comes_first_and_each_picture_is_loaded_once():
    asked = []

    def load(uri):
        asked.append(uri)
        return np.zeros((30, 40, 3), np.uint8)

    page = problems_page(report(4), load)
    assert re.findall(r"<h3>(\d\d).jpg", page) == ["03", "02", "01", "00", "01"]
    assert asked == ["/p/03.jpg", "/p/02.jpg", "/p/01.jpg", "/p/00.jpg"]
    assert "blurred by 7.0 ‰" in page
    assert "limit 3" in page
    assert "two pictures were away." in page
    assert '<span class="badge">dark</span>' in page


def test_what_does_not_fit_is_counted():
    page = problems_page(report(9), lambda _: None, pictures=2)
    assert page.count("<h3>") == 3
    assert "7 more pictures of this kind" in page
    assert "cannot be read" in page


def test_every_kind_is_explained_and_sizes_are_checked():
    assert set(_ABOUT) == set(PROBLEM_KINDS)
    small, large = (
        problems_page(report(1), lambda _: np.zeros((300, 400, 3), np.uint8), thumbnail_side=s) for s in (32, 64)
    )
    assert 'width="32"' in small
    assert 'width="64"' in large
    with pytest.raises(UsageError, match="thumbnail"):
        problems_page(report(1), lambda _: None, thumbnail_side=4)
