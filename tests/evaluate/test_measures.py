"""Measures against tables worked by hand, scikit-learn, and all orders of tied pictures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from lookalike.evaluate import (
    average_precision,
    average_precision_at_r,
    micro_average_precision,
    precision_at,
    rank,
    recall_at,
    reciprocal_rank,
)

# Three rankings, closest first, worked by hand: R relevant, - not.
#   R-RR-  places of relevant ones 1, 3, 4; precision there 1, 2/3, 3/4
#   --R    place 3; precision 1/3
#   -R-R   places 2, 4; precision 1/2, 1/2; within the first r = 2 places one, at place 2
HAND = {
    "R-RR-": {
        "p1": 1, "p3": 2 / 3, "p10": 0.3, "r1": 1 / 3, "r3": 2 / 3, "r10": 1,
        "ap": (1 + 2 / 3 + 3 / 4) / 3, "apr": (1 + 2 / 3) / 3, "rr": 1,
    },
    "--R": {"p1": 0, "p3": 1 / 3, "p10": 0.1, "r1": 0, "r3": 1, "r10": 1, "ap": 1 / 3, "apr": 0, "rr": 1 / 3},
    "-R-R": {
        "p1": 0, "p3": 1 / 3, "p10": 0.2, "r1": 0, "r3": 0.5, "r10": 1, "ap": 0.5, "apr": 0.25, "rr": 0.5,
    },
}  # fmt: skip


def measured(ranked):
    return {
        **{f"p{k}": precision_at(ranked, k) for k in (1, 3, 10)},
        **{f"r{k}": recall_at(ranked, k) for k in (1, 3, 10)},
        "ap": average_precision(ranked),
        "apr": average_precision_at_r(ranked),
        "rr": reciprocal_rank(ranked),
    }


@pytest.mark.parametrize("ranking", HAND)
def test_rankings_worked_by_hand(ranking):
    relevant = np.array([mark == "R" for mark in ranking])
    shuffle = np.random.default_rng(1).permutation(len(ranking))
    distances = np.linspace(0.1, 0.9, len(ranking))
    assert measured(rank(distances[shuffle], relevant[shuffle])) == pytest.approx(HAND[ranking])


def test_all_pictures_equally_far_are_worth_what_chance_gives():
    ranked = rank(np.zeros(4), np.array([True, False, False, True]))
    assert precision_at(ranked, 1) == 0.5
    assert recall_at(ranked, 1) == 0.25
    assert average_precision(ranked) == 0.5
    # The first relevant one of two among four is first in 3 of 6 orders, second in 2, third in 1.
    assert reciprocal_rank(ranked) == pytest.approx((3 + 2 / 2 + 1 / 3) / 6)


TIED = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=7).filter(
    lambda items: any(relevant for _, relevant in items)
)


@settings(max_examples=60, deadline=None)
@given(TIED)
def test_ties_count_what_all_their_orders_give_on_average(items):
    """The oracle: every order of the pictures that respects their distances, each by the plain definition."""
    distances, relevant = (np.array(column) for column in zip(*items, strict=True))
    orders = [
        order
        for order in itertools.permutations(range(len(items)))
        if all(distances[a] <= distances[b] for a, b in itertools.pairwise(order))
    ]
    plain = [measured(rank(np.arange(float(len(items))), relevant[list(order)])) for order in orders]
    ours = measured(rank(distances, relevant))
    for name, value in ours.items():
        if name != "ap":
            assert value == pytest.approx(np.mean([one[name] for one in plain])), name


@settings(max_examples=60, deadline=None)
@given(TIED)
def test_average_precision_is_that_of_scikit_learn_ties_included(items):
    distances, relevant = (np.array(column) for column in zip(*items, strict=True))
    assert average_precision(rank(distances, relevant)) == pytest.approx(average_precision_score(relevant, -distances))


def test_uap_is_that_of_scikit_learn_over_all_pairs():
    chance = np.random.default_rng(2)
    for distances in (chance.random((6, 40)), chance.integers(0, 9, (6, 40)).astype(float)):
        relevant = chance.random((6, 40)) < 0.2
        expected = average_precision_score(relevant.ravel(), -distances.ravel())
        assert micro_average_precision(distances, relevant) == pytest.approx(expected)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="leave it out"):
        rank(np.zeros(3), np.zeros(3, bool))
    with pytest.raises(ValueError, match=r"must both be \(n,\)"):
        rank(np.zeros(3), np.ones(2, bool))
