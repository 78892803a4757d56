"""Groups around keepers: chain-free, deterministic, strongest pair first."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates.groups import Group, Pairs, group


def pairs(*rows: tuple[int, int, int, float]) -> Pairs:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    a, b, rank = (np.array(column, np.int64) for column in columns[:3])
    return Pairs(a, b, rank, np.array(columns[3], np.float32))


def test_a_chain_of_likenesses_is_not_one_group():
    found = group(pairs((0, 1, 2, 0.1), (1, 2, 2, 0.1), (2, 3, 2, 0.1)), [0, 1, 2, 3])
    assert [(g.keeper, [m for m, _ in g.members]) for g in found] == [(0, [1]), (2, [3])]


def test_a_member_that_fits_two_groups_goes_to_the_stronger():
    found = group(pairs((0, 2, 3, 0.01), (1, 2, 2, 0.2)), [0, 1, 2])
    assert found == [Group(1, ((2, 1),))]
    by_distance = group(pairs((0, 2, 2, 0.3), (1, 2, 2, 0.2)), [0, 1, 2])
    assert by_distance == [Group(1, ((2, 1),))]


def test_the_preferred_picture_becomes_the_keeper():
    two = pairs((0, 1, 1, 0.0))
    assert group(two, [0, 1])[0].keeper == 0
    assert group(two, [1, 0])[0].keeper == 1


def test_a_picture_and_its_own_copy_stay_together_under_the_better_one_though_a_third_is_like_it():
    # 0 was made of 1 by an edit, 2 is 1 made smaller: by strength 1 belongs with 2, and 1 is the one to keep.
    assert group(pairs((0, 1, 3, 0.1), (1, 2, 2, 0.1)), [0, 1, 2]) == [Group(1, ((2, 1),))]


def test_what_is_better_than_a_keeper_goes_to_a_better_one_where_it_cannot_take_its_place():
    found = group(pairs((0, 1, 3, 0.1), (1, 2, 2, 0.1), (2, 3, 2, 0.1)), [0, 1, 2, 3])
    assert found == [Group(0, ((1, 0),)), Group(2, ((3, 2),))]


def test_no_pairs_make_no_groups():
    assert group(pairs(), [0, 1, 2]) == []


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[tuple[int, int, int, float]], list[int]]:
    n = draw(st.integers(2, 12))
    possible = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(possible), unique=True, min_size=1))
    rows = [(i, j, draw(st.integers(1, 4)), draw(st.sampled_from([0.0, 0.1, 0.2]))) for i, j in chosen]
    return rows, draw(st.permutations(list(range(n))))


@given(cases())
def test_every_member_has_a_pair_with_its_keeper_and_nobody_is_in_two_groups(case):
    rows, preference = case
    given_pairs = {frozenset(row[:2]) for row in rows}
    found = group(pairs(*rows), preference)
    everyone = [x for g in found for x in (g.keeper, *(m for m, _ in g.members))]
    assert len(everyone) == len(set(everyone))
    for g in found:
        assert g.members
        for member, pair in g.members:
            assert preference[g.keeper] < preference[member]
            assert {g.keeper, member} == set(rows[pair][:2])
            assert frozenset((g.keeper, member)) in given_pairs


@given(cases(), st.randoms())
def test_the_order_of_the_pairs_and_of_their_sides_changes_nothing(case, random):
    rows, preference = case
    shuffled = [(b, a, rank, d) if random.random() < 0.5 else (a, b, rank, d) for a, b, rank, d in rows]
    random.shuffle(shuffled)

    def shape(rows: list[tuple[int, int, int, float]]) -> list[tuple[int, list[int]]]:
        return [(g.keeper, [m for m, _ in g.members]) for g in group(pairs(*rows), preference)]

    assert shape(rows) == shape(shuffled)


def test_what_is_apart_is_in_no_group_together_though_one_keeper_has_both():
    rows = pairs((0, 1, 2, 0.1), (0, 2, 2, 0.2), (0, 3, 2, 0.3))
    assert group(rows, [0, 1, 2, 3]) == [Group(0, ((1, 0), (2, 1), (3, 2)))]
    apart = group(rows, [0, 1, 2, 3], {1, 2}, lambda a, b: {a, b} == {1, 2})
    assert apart == [Group(0, ((1, 0), (3, 2)))]
    assert group(rows, [0, 2, 1, 3], {1, 2}, lambda a, b: {a, b} == {1, 2}) == [Group(0, ((2, 1), (3, 2)))]
    two = pairs((0, 2, 2, 0.1), (0, 3, 2, 0.1), (1, 3, 3, 0.1))
    elsewhere = group(two, [0, 1, 2, 3], {2, 3}, lambda a, b: {a, b} == {2, 3})
    assert elsewhere == [Group(0, ((2, 0),)), Group(1, ((3, 2),))]


@given(cases(), st.data())
def test_no_group_ever_has_two_that_are_apart(case, data):
    rows, preference = case
    known = {frozenset(row[:2]) for row in rows}
    everyone = sorted({x for pair in known for x in pair})
    free = [(a, b) for a in everyone for b in everyone if a < b and frozenset((a, b)) not in known]
    chosen = data.draw(st.lists(st.sampled_from(free), unique=True)) if free else []
    apart = {frozenset(pair) for pair in chosen}
    for g in group(pairs(*rows), preference, {x for pair in apart for x in pair}, lambda a, b: {a, b} in apart):
        held = [g.keeper, *(m for m, _ in g.members)]
        assert not any({a, b} in apart for a in held for b in held)
        assert all(frozenset((g.keeper, m)) in known for m, _ in g.members)
