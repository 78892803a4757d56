"""What every index of vectors keeps to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Metric, VectorIndex, Vectors

__all__ = ["check_index"]


def check_index(make: Callable[[], VectorIndex], metric: Metric, dim: int) -> None:
    """Check that an index keeps the contract of `VectorIndex`.

    Shapes and types, padding, order, ties by key, no vectors, no queries, more neighbours wanted than there are,
    a vector found at distance 0 from itself, distances as defined, removal, agreement of the two searches, one query
    like many, wrong input refused, and input left untouched. How many of the true neighbours an approximate index
    finds is not checked.

    Parameters
    ----------
    make
        Returns a new, empty index.
    metric
        "cosine", "l2" or "hamming".
    dim
        Length of a vector: numbers, or bits (a multiple of 8) for "hamming". Large enough that 300 random vectors
        differ: at least 8 numbers or 64 bits.

    Raises
    ------
    AssertionError
        At the first breach.
    """
    random = np.random.default_rng(7)
    vectors = _drawn(random, metric, dim, 300)
    # In no order and with gaps, as keys are in a library that has been used for a while.
    keys = random.permutation(np.arange(300, dtype=np.int64) * 3 + 1)
    index = make()
    assert isinstance(index, VectorIndex), "an index has add, remove, search, range_search and len"
    _check_empty(index, vectors[:4])
    before_keys, before_vectors = keys.copy(), vectors.copy()
    index.add(keys[:100], vectors[:100])
    index.add(keys[100:], vectors[100:])
    index.add(keys[:0], vectors[:0])
    assert len(index) == 300, "len counts the vectors added"
    _check_search(index, metric, keys, vectors)
    _check_range_search(index, vectors)
    _check_refusals(index, metric, keys, vectors)
    assert len(index) == 300, "what is refused leaves no trace"
    assert np.array_equal(keys, before_keys), "keys given are left untouched"
    assert np.array_equal(vectors, before_vectors), "vectors given are left untouched"
    keys[:], vectors[:] = 0, 0
    assert np.array_equal(index.search(before_vectors[:5], 1).keys[:, 0], before_keys[:5]), "a copy is kept"
    _check_removal(index, before_keys, before_vectors)
    _check_ties(make(), before_vectors)


def _drawn(random: np.random.Generator, metric: Metric, dim: int, n: int) -> Vectors:
    if metric == "hamming":
        return random.integers(0, 256, (n, dim // 8), dtype=np.uint8)
    rows = random.standard_normal((n, dim), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) if metric == "cosine" else rows


def _defined(a: Vectors, b: Vectors, metric: Metric) -> NDArray[np.float64]:
    """Return the distance of each row of `a` to the row of `b` at the same place, by the definition."""
    if metric == "hamming":
        differing: NDArray[np.uint8] = np.bitwise_xor(a, b)
        return np.asarray(np.unpackbits(differing, axis=1).sum(axis=1), np.float64)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    if metric == "l2":
        return np.asarray(np.linalg.norm(wide_a - wide_b, axis=1))
    norms = np.linalg.norm(wide_a, axis=1) * np.linalg.norm(wide_b, axis=1)
    return np.asarray(1 - (wide_a * wide_b).sum(axis=1) / norms)


def _check_empty(index: VectorIndex, queries: Vectors) -> None:
    assert len(index) == 0, "a new index is empty"
    found = index.search(queries, 3)
    assert found.keys.shape == found.distances.shape == (len(queries), 3), "an empty index answers in full shape"
    assert (found.keys == -1).all(), "where there is no neighbour the key is -1"
    assert np.isposinf(found.distances).all(), "where there is no neighbour the distance is +inf"
    within = index.range_search(queries, 1.0)
    assert within.offsets.tolist() == [0] * (len(queries) + 1), "nothing is within reach in an empty index"
    assert len(within.keys) == len(within.distances) == 0, "nothing is within reach in an empty index"
    index.remove(np.array([5], np.int64))


def _check_search(index: VectorIndex, metric: Metric, keys: NDArray[np.int64], vectors: Vectors) -> None:
    found = index.search(vectors[:20], 5)
    assert found.keys.shape == found.distances.shape == (20, 5), "an answer is (n_queries, k)"
    assert found.keys.dtype == np.int64, "keys are int64"
    assert found.distances.dtype == np.float32, "distances are float32"
    assert np.array_equal(found.keys[:, 0], keys[:20]), "a vector is its own nearest neighbour"
    assert (np.abs(found.distances[:, 0]) <= 1e-6).all(), "a vector is at 0 from itself"
    assert (np.diff(found.distances, axis=1) >= 0).all(), "closest comes first"
    assert all(len(set(row)) == 5 for row in found.keys.tolist()), "a neighbour comes once"
    place = {key: number for number, key in enumerate(keys.tolist())}
    rows = np.array([place[key] for key in found.keys.reshape(-1).tolist()])
    expected = _defined(np.repeat(vectors[:20], 5, axis=0), vectors[rows], metric)
    # Half precision at rest moves a cosine distance by less than this.
    assert np.allclose(found.distances.reshape(-1), expected, rtol=1e-5, atol=2e-3), "distances are as defined"
    for number in range(3):
        alone = index.search(vectors[number : number + 1], 5)
        assert np.array_equal(alone.keys[0], found.keys[number]), "one query is answered like many"
        assert np.array_equal(alone.distances[0], found.distances[number]), "one query is answered like many"
    none = index.search(vectors[:0], 4)
    assert none.keys.shape == none.distances.shape == (0, 4), "no queries, no rows"
    every = index.search(vectors[:2], 310)
    assert every.keys.shape == (2, 310), "k may exceed the number of vectors"
    assert np.array_equal(np.sort(every.keys[:, :300], axis=1), np.sort([keys, keys], axis=1)), "all are found"
    assert (every.keys[:, 300:] == -1).all(), "then -1 follows"
    assert np.isposinf(every.distances[:, 300:]).all(), "then +inf follows"


def _check_range_search(index: VectorIndex, vectors: Vectors) -> None:
    nearest = index.search(vectors[:10], 8)
    radius = float(np.median(nearest.distances[:, -1]))
    within = index.range_search(vectors[:10], radius)
    assert within.offsets.shape == (11,), "offsets are (n_queries + 1,)"
    assert within.offsets[0] == 0, "offsets begin at 0"
    assert within.offsets[-1] == len(within.keys) == len(within.distances), "offsets end at the number of neighbours"
    assert within.offsets.dtype == within.keys.dtype == np.int64, "offsets and keys are int64"
    assert within.distances.dtype == np.float32, "distances are float32"
    for number in range(10):
        part = slice(within.offsets[number], within.offsets[number + 1])
        found = list(zip(within.distances[part].tolist(), within.keys[part].tolist(), strict=True))
        assert found == sorted(found), "within a query closest first, ties by smaller key"
        assert all(distance <= radius for distance, _ in found), "nothing beyond the radius"
        near = zip(nearest.distances[number].tolist(), nearest.keys[number].tolist(), strict=True)
        assert {pair for pair in near if pair[0] <= radius} <= set(found), "what search finds within the radius"
    assert index.range_search(vectors[:0], radius).offsets.tolist() == [0], "no queries, one offset"


def _check_refusals(index: VectorIndex, metric: Metric, keys: NDArray[np.int64], vectors: Vectors) -> None:
    new = np.array([1_000_000], np.int64)
    one = vectors[:1]
    _check_refused(lambda: index.search(one, 0), "k of 0")
    _check_refused(lambda: index.search(one[0], 1), "a query that is not 2-D")
    _check_refused(lambda: index.search(one[:, :-1], 1), "a query of another width")
    _check_refused(lambda: index.range_search(one[:, :-1], 1.0), "a query of another width")
    _check_refused(lambda: index.range_search(one, -1.0), "a radius below 0")
    _check_refused(lambda: index.range_search(one, float("nan")), "a radius of NaN")
    _check_refused(lambda: index.add(new, one[:, :-1]), "a vector of another width")
    _check_refused(lambda: index.add(new, vectors[:2]), "more vectors than keys")
    _check_refused(lambda: index.add(keys[:1], one), "a key that is there already")
    _check_refused(lambda: index.add(np.repeat(new, 2), vectors[:2]), "a key given twice")
    _check_refused(lambda: index.add(-new, one), "a key below 0")
    if metric == "hamming":
        _check_refused(lambda: index.search(one.astype(np.float32), 1), "bits that are not uint8")
        return
    for bad in (np.nan, np.inf):
        broken = one.copy()
        broken[0, 0] = bad
        _check_refused(lambda broken=broken: index.search(broken, 1), "a query that is not finite")  # type: ignore[misc]
        _check_refused(lambda broken=broken: index.add(new, broken), "a vector that is not finite")  # type: ignore[misc]


def _check_refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except ValueError:
        return
    raise AssertionError(f"{what} raises ValueError")


def _check_removal(index: VectorIndex, keys: NDArray[np.int64], vectors: Vectors) -> None:
    index.remove(keys[:50])
    index.remove(keys[:1])
    assert len(index) == 250, "removed vectors do not count, and removing twice is no error"
    found = index.search(vectors[:60], 10)
    assert not np.isin(found.keys, keys[:50]).any(), "a removed vector is not found"
    assert np.array_equal(found.keys[50:, 0], keys[50:60]), "the others are still found"
    assert not np.isin(index.range_search(vectors[:5], 1e9).keys, keys[:50]).any(), "a removed vector is not found"
    index.add(keys[:1], vectors[1:2])
    assert index.search(vectors[1:2], 1).keys[0, 0] == keys[0], "a removed key can be given to another vector"
    index.remove(keys)
    assert len(index) == 0, "all can be removed"
    _check_empty(index, vectors[:2])


def _check_ties(index: VectorIndex, vectors: Vectors) -> None:
    twins = np.array([90, 7, 45, 8], np.int64)
    index.add(twins, np.repeat(vectors[:1], 4, axis=0))
    index.add(np.arange(100, 200, dtype=np.int64), vectors[1:101])
    found = index.search(vectors[:1], 6)
    assert found.keys[0, :4].tolist() == [7, 8, 45, 90], "of equally far ones the smaller key comes first"
    assert len(set(found.distances[0, :4].tolist())) == 1, "equal vectors are equally far"
    within = index.range_search(vectors[:1], float(found.distances[0, 3]))
    assert within.keys[:4].tolist() == [7, 8, 45, 90], "of equally far ones the smaller key comes first"
