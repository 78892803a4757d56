"""Which picture is kept, and the reason in words."""

from __future__ import annotations

import pytest

from lookalike.duplicates.keeper import Candidate, keeping_reason, preference

BASE = Candidate("/p/b.jpg", 400, 300, 5000, 10)


@pytest.mark.parametrize(
    ("better", "words"),
    [
        (Candidate("/p/b2.jpg", 401, 300, 100, 99), "most pixels"),
        (Candidate("/p/b2.jpg", 400, 300, 5001, 99), "least compressed"),
        (Candidate("/p/b2.jpg", 400, 300, 5000, 9), "oldest"),
        (Candidate("/p/b.j", 400, 300, 5000, 10), "shortest name"),
        (Candidate("/p/a.jpg", 400, 300, 5000, 10), "first by name"),
    ],
)
def test_the_first_difference_decides_and_is_the_reason(better, words):
    assert preference([BASE, better]) == [1, 0]
    assert preference([better, BASE]) == [0, 1]
    assert words in keeping_reason(better, [BASE])


def test_an_unknown_time_is_never_the_oldest():
    assert preference([Candidate("/a.jpg", 4, 3, 5, 0), Candidate("/a.jpg2", 4, 3, 5, 10)]) == [1, 0]
