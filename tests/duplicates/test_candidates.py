"""Which pairs are worth verifying."""

from __future__ import annotations

import numpy as np

from lookalike.duplicates.candidates import SAME_BITS, candidate_pairs
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
