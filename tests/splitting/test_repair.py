"""The moves that end leaks: none is left, as few as can be, and none out of the test part."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.splitting import Split, connected, repair

PARTS = ("train", "val", "test")


def split(*parts: str, groups=None) -> Split:
    names = tuple(f"/p/{at:03d}.jpg" for at in range(len(parts)))
    return Split(names, (None,) * len(parts), parts, tuple(groups or range(1, len(parts) + 1)))


def tie(a: int, b: int, words: str = "edited, 90 %") -> tuple[str, str, str]:
    return f"/p/{a:03d}.jpg", f"/p/{b:03d}.jpg", words


def moved(made) -> list[tuple[int, str, str]]:
    return [(int(one.uri[3:6]), one.from_, one.to) for one in made.moves]


def test_a_copy_in_train_goes_to_test_and_says_why():
    made = repair(split("train", "train", "test"), [tie(0, 2)])
    assert made.rows().columns == ("uri", "from", "to", "why")
    assert made.rows().values == [
        ("/p/000.jpg", "train", "test", "copy of 002.jpg (edited, 90 %), which is in test"),
    ]  # fmt: skip
    assert made.split.parts == ("test", "train", "test")
    assert made.protected == ("test",)


def test_the_fewest_move_where_no_test_part_is_in_it():
    ties = [tie(0, 1), tie(1, 2)]
    assert moved(repair(split("train", "train", "val"), ties)) == [(2, "val", "train")]
    assert moved(repair(split("train", "val", "val"), ties)) == [(0, "train", "val")]
    assert moved(repair(split("train", "val"), [tie(0, 1)])) == [(0, "train", "val")]  # training gives way
    assert moved(repair(split("train", "train", "train", "test"), [tie(0, 1), tie(1, 2), tie(2, 3)])) == [
        (0, "train", "test"), (1, "train", "test"), (2, "train", "test"),
    ]  # fmt: skip


def test_what_moves_along_says_so():
    made = repair(split("train", "train", "test"), [tie(0, 1, "same pixels"), tie(1, 2)])
    assert [one.why for one in made.moves] == [
        "copy of 001.jpg (same pixels), which goes to test, too", "copy of 002.jpg (edited, 90 %), which is in test",
    ]  # fmt: skip


def test_parts_to_be_protected_can_be_named():
    ties = [tie(0, 1)]
    assert moved(repair(split("train", "test"), ties, protect=["train"])) == [(1, "test", "train")]
    assert moved(repair(split("train", "test"), ties, protect=[])) == [(0, "train", "test")]
    with pytest.raises(UsageError, match="no part 'final' to protect"):
        repair(split("train", "test"), ties, protect=["final"])


def test_folds_and_groups_that_are_torn_are_mended():
    made = repair(split("1", "2", "2", "3", groups=[1, 1, 1, 2]), [])
    assert moved(made) == [(0, "1", "2")]
    assert made.moves[0].why == "in one group with 001.jpg, which is in 2"


def test_a_whole_split_needs_no_move():
    given = split("train", "train", "test")
    made = repair(given, [tie(0, 1), ("/elsewhere.jpg", "/p/002.jpg", "same file")])
    assert made.moves == ()
    assert made.split.parts == given.parts
    assert made.split.groups == (1, 1, 2)


graphs = st.integers(2, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from(PARTS), min_size=n, max_size=n),
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=12),
    )
)


@given(graphs)
def test_after_a_repair_no_pair_is_on_two_sides_and_no_repair_needs_fewer_moves(case):
    parts, edges = case
    ties = [tie(a, b) for a, b in edges if a != b]
    before = split(*parts)
    made = repair(before, ties)
    sides = made.split.sides()
    assert all(sides[a] == sides[b] for a, b, _ in ties)
    assert {one.uri for one in made.moves} == {u for u, p in before.sides().items() if sides[u] != p}
    assert all(one.from_ != "test" for one in made.moves)
    assert repair(made.split, ties).moves == ()
    # An oracle: for each set of pictures that must end together, every part for all of them.
    fewest = 0
    chains = connected(before.uris, [(a, b) for a, b, _ in ties])
    for chain in set(chains):
        held = [part for part, number in zip(parts, chains, strict=True) if number == chain]
        costs = [
            (sum(part != to for part in held)) for to in PARTS
            if not any(part == "test" != to for part in held)
        ]  # fmt: skip
        fewest += min(costs)
    assert len(made.moves) == fewest


@given(graphs, st.randoms(use_true_random=False))
def test_the_order_of_pairs_decides_nothing(case, draw):
    parts, edges = case
    ties = [tie(a, b) for a, b in edges if a != b]
    shuffled = [(b, a, words) if draw.random() < 0.5 else (a, b, words) for a, b, words in ties]
    draw.shuffle(shuffled)
    one, two = repair(split(*parts), ties), repair(split(*parts), shuffled)
    assert moved(one) == moved(two)
    assert one.split == two.split


def test_small_cases_are_all_tried():
    for parts in itertools.product(PARTS, repeat=3):
        for edges in itertools.combinations([(0, 1), (1, 2), (0, 2)], 2):
            made = repair(split(*parts), [tie(a, b) for a, b in edges])
            assert len(set(made.split.parts)) == 1
