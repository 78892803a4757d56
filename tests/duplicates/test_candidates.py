"""Which pairs are worth verifying."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.duplicates.candidates import FIRST, SAME_BITS, Sharing, candidate_pairs, closing_pairs
from lookalike.store import Block


def hashes(*bits: int) -> Block:
    """Return hashes of contents 1, 2, ..., of which the first so many bits are set."""
    rows = np.zeros((len(bits), 256), np.uint8)
    for row, count in zip(rows, bits, strict=True):
        row[:count] = 1
    return Block(np.arange(1, len(bits) + 1), np.packbits(rows, axis=1), None)


def alike(count: int) -> Block:
    rows = np.random.default_rng(1).random((count, 1280), np.float32) * 0.01 + 1
    return Block(np.arange(1, count + 1), (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16), None)


def test_neighbours_by_vector_are_one_picture_only_if_their_hashes_are_near_or_say_nothing():
    bits = (0, SAME_BITS - 1, 200)
    good = dict.fromkeys((1, 2, 3), 100)
    blocks, vectors = [hashes(*bits)], [alike(3)]

    def pairs(level, quality):
        near = candidate_pairs(blocks, vectors, level, quality)
        return set(zip(near.a.tolist(), near.b.tolist(), strict=True))

    assert pairs("same-picture", good) == {(1, 2)}
    assert pairs("edited", good) == {(1, 2), (1, 3), (2, 3)}
    assert pairs("same-picture", good | {3: 0}) == {(1, 2), (1, 3), (2, 3)}, "a plain one's hash tells nothing"
    assert pairs("same-picture", {}) == {(1, 2), (1, 3), (2, 3)}, "nor one of unknown quality"


def test_neighbours_by_vector_that_share_no_local_features_are_no_edits_of_each_other_where_these_are_many():
    blocks, vectors = [hashes(0, 128, 255)], [alike(3)]
    good = dict.fromkeys((1, 2, 3), 100)

    def pairs(level, sharing, quality=good):
        near = candidate_pairs(blocks, vectors, level, quality, sharing)
        return set(zip(near.a.tolist(), near.b.tolist(), strict=True))

    every = {(1, 2), (1, 3), (2, 3)}
    assert pairs("edited", Sharing()) == every
    assert pairs("edited", Sharing(telling={1, 2})) == {(1, 3), (2, 3)}
    assert pairs("edited", Sharing(telling={1, 2, 3})) == set()
    assert pairs("edited", Sharing([(1, 3)], {1, 2, 3})) == {(1, 3)}
    assert pairs("edited", Sharing(telling={1, 2, 3}), good | {1: 0}) == {(1, 2), (1, 3)}, "a plain one"
    assert pairs("same-scene", Sharing(telling={1, 2, 3})) == every, "another shot of a scene may share none"
    assert pairs("edited", Sharing(telling={1, 2, 3}), {}) == set(), "nothing is known of how plain they are"
    near = candidate_pairs([hashes(0, 50, 255)], vectors, "edited", good, Sharing(telling={1, 2, 3}))
    assert (near.a.tolist(), near.b.tolist()) == ([1], [2]), "near by hash"


def test_two_copies_of_one_picture_are_a_pair_though_nothing_else_led_to_them():
    copies = {(0, 1): 1.0, (0, 2): 0.95, (2, 3): 0.99}
    assert closing_pairs(copies, set(copies)) == {(0, 3): 0.95, (1, 2): 0.95}
    assert closing_pairs({(0, 1): 1.0, (0, 2): 1.0}, {(0, 1), (0, 2), (1, 2)}) == {}


def test_of_several_ways_to_a_pair_the_surest_counts():
    copies = {(0, 1): 0.9, (0, 2): 1.0, (1, 3): 0.97, (2, 3): 0.98}
    assert closing_pairs(copies, set(copies)) == {(0, 3): 0.98, (1, 2): 0.97}


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] < pair[1])))
def test_closing_finds_all_pairs_that_are_two_steps_apart_and_no_others(copies):
    near = {vertex: {a + b - vertex for a, b in copies if vertex in (a, b)} for vertex in range(10)}
    wanted = {(a, b) for a, b in itertools.combinations(range(10), 2) if near[a] & near[b]} - copies
    assert list(closing_pairs(dict.fromkeys(copies, 1.0), copies)) == sorted(wanted)


@pytest.mark.parametrize("count", [50, 500])
def test_pairs_of_a_picture_with_very_many_copies_do_not_grow_with_their_square(count):
    copies = {(0, copy): 1.0 for copy in range(1, count + 1)}
    found = closing_pairs(copies, set())
    assert len(found) <= FIRST * count
    assert {pair for pair in found if 1 in pair} == {(1, copy) for copy in range(2, count + 1)}, "the best has all"
    last = closing_pairs(copies, set(), lambda key: -key)
    assert {pair for pair in last if count in pair} == {(copy, count) for copy in range(1, count)}
