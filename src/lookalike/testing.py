"""Contracts as runnable suites, for this package's own tests and for whoever writes a part of their own.

Plain assertions: no test framework is needed. A suite returns None, or raises AssertionError at the first breach.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import LibraryError, LibraryLockedError
from lookalike.store import Content, Record, Store
from lookalike.types import Descriptor, DescriptorSpec, Metric, RGBImage, SourceItem, VectorIndex, Vectors

__all__ = ["check_descriptor", "check_index", "check_store"]


def check_descriptor(make: Callable[[], Descriptor]) -> None:
    """Check that a descriptor keeps the contract of `Descriptor`.

    A sensible spec, shape and type of the vectors, only finite numbers, unit length for "cosine", no pictures, sizes
    from 1 x 1 up, pictures without any content, a batch like its pictures one by one, the same vectors again and from
    another instance, a copy through pickle, and pictures left untouched, read-only and not contiguous ones too.

    Parameters
    ----------
    make
        Returns a descriptor, ready to embed.

    Raises
    ------
    AssertionError
        At the first breach.
    """
    descriptor = make()
    spec = descriptor.spec
    assert isinstance(descriptor, Descriptor), "a descriptor has a spec and embed"
    assert spec.name, "a descriptor has a name"
    assert spec.name == spec.name.strip().lower(), "a name is typed on the command line: lower case, no blanks"
    assert spec.metric in ("cosine", "l2", "hamming"), "the metric is one that an index knows"
    assert spec.dim >= 1, "a vector has numbers"
    assert spec.metric == "l2" or not spec.standardised, "only vectors for l2 can be standardised"
    assert spec.metric != "hamming" or spec.dim % 8 == 0, "bits are packed, 8 to a byte"
    assert spec.preprocess, "the spec says what is done to a picture"
    assert spec.source, "the spec names its source"
    assert spec.licence, "the spec names a licence"
    assert spec.min_side >= 1, "min_side is in pixels"
    assert make().spec == spec, "the spec is the same for every instance"

    images = _pictures()
    before = [image.copy() for image in images]
    vectors = descriptor.embed(images)
    assert vectors.shape == (len(images), spec.width), f"vectors are (n, {spec.width}), not {vectors.shape}"
    assert vectors.dtype == spec.dtype, f"vectors are {spec.dtype}, not {vectors.dtype}"
    assert np.isfinite(vectors).all(), "every number is finite"
    if spec.metric == "cosine":
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5, "vectors for cosine have unit length"
    nothing = descriptor.embed([])
    assert nothing.shape == (0, spec.width), "no pictures give no vectors, of the right width"
    assert nothing.dtype == spec.dtype, "no pictures give no vectors, of the right type"
    assert len(np.unique(vectors, axis=0)) > 1, "different pictures get different vectors"

    for image, copy in zip(images, before, strict=True):
        assert np.array_equal(image, copy), "pictures are left untouched"
        image.flags.writeable = False
    assert np.array_equal(descriptor.embed(images), vectors), "the same pictures, read-only, give the same vectors"
    one_by_one = np.concatenate([descriptor.embed([image]) for image in images])
    assert np.array_equal(one_by_one, vectors), "a batch gives what its pictures give one by one"
    assert np.array_equal(descriptor.embed(images[::-1]), vectors[::-1]), "a picture's place in a batch is no matter"
    views = [np.asfortranarray(image) for image in images]
    assert np.array_equal(descriptor.embed(views), vectors), "how a picture lies in memory is no matter"
    many = descriptor.embed([images[index % len(images)] for index in range(40)])
    assert np.array_equal(many, vectors[np.arange(40) % len(images)]), "a large batch gives the same"

    assert np.array_equal(make().embed(images), vectors), "another instance gives the same vectors"
    again = pickle.loads(pickle.dumps(descriptor))  # noqa: S301 - our own bytes
    assert again.spec == spec, "a copy through pickle has the same spec"
    assert np.array_equal(again.embed(images), vectors), "a copy through pickle gives the same vectors"


def _pictures() -> list[RGBImage]:
    """Return pictures of sizes from 1 x 1 up, odd and even, and two without any content."""
    random = np.random.default_rng(5)
    sizes = [(1, 1), (1, 9), (301, 2), (17, 31), (64, 64), (255, 257), (480, 333)]
    images = [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]
    return [*images, np.zeros((33, 20, 3), np.uint8), np.full((20, 33, 3), 255, np.uint8)]


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


_STORED = DescriptorSpec("contract", 8, "cosine", "none", "these checks")
_STORED_TOO = DescriptorSpec("contract bits", 16, "hamming", "none", "these checks")
_ODD_NAMES = (
    "it's",
    'a "quote"',
    "100%",
    "under_score",
    "new\nline",
    "back\\slash",
    "\udcff\udcfe",
    "ü",
    "u\u0308",
    "*?[a]",
)


def check_store(make: Callable[[Path], Store]) -> None:
    """Check that a store keeps the contract of `lookalike.store.Store`.

    What is written comes back to the bit, also after closing; two names of the same bytes are two pictures and one
    content; odd names, and folders whose names begin alike; files that go missing and come back; removal of what no
    picture has any more; tokens of chunks; a failed write leaves no trace; one writer, many readers.

    Parameters
    ----------
    make
        Opens the store in a folder, which it makes if it is not there. Called several times for one folder.

    Raises
    ------
    AssertionError
        At the first breach.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        checks = (_check_new, _check_names, _check_missing, _check_removed, _check_failed)
        for number, check in enumerate(checks):
            with contextlib.closing(make(Path(folder) / f"{number}.lookalike")) as store:
                check(store)
        _check_written(lambda: make(Path(folder) / "written.lookalike"))
        _check_shared(lambda: make(Path(folder) / "shared.lookalike"))


def _uri(*names: str) -> str:
    return os.path.join(os.path.abspath(os.sep), "pictures", *names)  # noqa: PTH100, PTH118


def _content(digit: int, **more: object) -> Content:
    return Content(0, bytes([digit]) * 32, 100 + digit, **({"format": "PNG", "width": digit, "height": 7} | more))  # type: ignore[arg-type]


def _vector(digit: int) -> Vectors:
    row = np.random.default_rng(digit).standard_normal(8)
    return np.asarray(row / np.linalg.norm(row), np.float16)


def _record(name: str, digit: int) -> Record:
    bits = np.array([digit, 255 - digit], np.uint8)
    item = SourceItem(_uri(name), size=100 + digit, mtime_ns=5, device=(1 << 64) - 1, inode=digit)
    content = _content(digit)
    vectors = {_STORED.fingerprint: _vector(digit), _STORED_TOO.fingerprint: bits}
    return Record(item, "ok", content.hash, content=content, vectors=vectors)


def _written(store: Store, *records: Record) -> tuple[int, dict[str, int]]:
    """Write in a run of its own; return its number and the descriptors' ids."""
    with store.writing():
        ids = {spec.fingerprint: store.ensure_descriptor(spec) for spec in (_STORED, _STORED_TOO)}
        run = store.start_run([_uri()])
        store.write(records, run, ids)
    return run, ids


def _names(store: Store, *under: str) -> list[str]:
    return [os.path.basename(image.uri) for image in store.images(under)]  # noqa: PTH119


def _check_new(store: Store) -> None:
    assert store.writable, "a new store can be written to"
    assert not list(store.images()), "a new store holds no pictures"
    assert store.descriptors() == {}, "a new store knows no descriptors"
    assert store.roots() == [], "a new store has no roots"
    assert set(store.counts().values()) == {0}, "a new store counts nothing"
    assert store.known([_uri("a")]) == {}, "a new store knows no names"
    assert store.content_of_hash(bytes(32)) is None, "a new store knows no contents"
    with store.writing():
        first, second = store.ensure_descriptor(_STORED), store.ensure_descriptor(_STORED_TOO)
        assert first != second, "each descriptor has a number of its own"
        assert store.ensure_descriptor(_STORED) == first, "a descriptor keeps its number"
        runs = [store.start_run([_uri("b"), _uri("a")]), store.start_run([_uri("a")])]
    assert runs[0] < runs[1], "a later run has a higher number"
    assert store.roots() == [_uri("a"), _uri("b")], "a root is noted once, in order"
    assert store.descriptors() == {first: _STORED, second: _STORED_TOO}, "a descriptor comes back as it was"
    assert store.vector_counts() == {first: 0, second: 0}, "it has no vectors yet"
    assert store.chunk_tokens(first) == {}, "without vectors there are no chunks"


def _check_written(open_: Callable[[], Store]) -> None:
    text = Record(SourceItem(_uri("t"), size=3), "skipped", b"t" * 32, "not an image", "no", _content(9, kind="no"))
    bad = Record(SourceItem(_uri("x")), "failed", None, "unreadable", "permission denied")
    records = [_record("c", 3), _record("a", 1), _record("b", 3), text, bad]
    with contextlib.closing(open_()) as store:
        run, ids = _written(store, *records)
    with contextlib.closing(open_()) as store:
        images = list(store.images())
        assert _names(store) == ["a", "b", "c"], "pictures come in the order of their names, without what failed"
        assert images[1].content_id == images[2].content_id != images[0].content_id, "equal bytes are one content"
        assert [image.size for image in images] == [101, 103, 103], "what the file system told is kept"
        held = store.contents([image.content_id for image in images])
        assert held[images[0].content_id].hash == bytes([1]) * 32, "a content comes back by its number"
        assert store.content_of_hash(bytes([3]) * 32) == held[images[1].content_id], "and by its hash"
        assert [i.uri for i in store.images_of([images[1].content_id])[images[1].content_id]] == [
            _uri("b"), _uri("c"),
        ], "a content tells all its names"  # fmt: skip
        known = store.known([record.item.uri for record in records] + [_uri("none")])
        assert set(known) == {record.item.uri for record in records}, "each name written is known, no other is"
        assert known[_uri("a")].is_unchanged(records[1].item), "a file is known again, by numbers of 64 bits too"
        assert not known[_uri("a")].is_unchanged(records[0].item), "another file is not"
        assert (known[_uri("x")].state, known[_uri("x")].kind) == ("failed", "unreadable"), "a failure is remembered"
        assert list(store.problems()) == [
            (_uri("t"), "skipped", "not an image", "no"),
            (_uri("x"), "failed", "unreadable", "permission denied"),
        ], "problems come in the order of names, with kind and reason"
        counts = store.counts()
        assert (counts["ok"], counts["failed"], counts["skipped"], counts["missing"]) == (3, 1, 1, 0), "all are counted"
        assert counts["bytes"] == 101 + 103 + 103, "bytes are those of pictures"
        _check_vectors(store, ids, {image.content_id: image.size - 100 for image in images})
        tokens = store.chunk_tokens(ids[_STORED.fingerprint])
        _written(store, _record("d", 3))
        assert store.chunk_tokens(ids[_STORED.fingerprint]) == tokens, "a copy leaves the vectors' tokens as they are"
        last, _ = _written(store, _record("e", 5), _record("a", 4))
        assert last > run, "a later run has a higher number"
        assert store.chunk_tokens(ids[_STORED.fingerprint]) != tokens, "new vectors change their chunk's token"
        image = next(store.images())
        assert store.contents([image.content_id])[image.content_id].hash == bytes([4]) * 32, "a changed file is another"
        assert image.id == images[0].id, "and keeps its number"
        store.set_pixel_hashes({image.content_id: b"p" * 32})
        assert store.contents([image.content_id])[image.content_id].pixel_hash == b"p" * 32, "a late hash is kept"


def _check_vectors(store: Store, ids: dict[str, int], digits: dict[int, int]) -> None:
    for spec in (_STORED, _STORED_TOO):
        id_ = ids[spec.fingerprint]
        found = store.vectors(id_, [*digits, 10**6], spec)
        assert set(found) == set(digits), "each content with a vector gives it"
        for key, digit in digits.items():
            expected = _record("", digit).vectors[spec.fingerprint]
            assert found[key].dtype == spec.storage, "vectors come in storage type"
            assert found[key].tobytes() == expected.tobytes(), "vectors come back to the bit"
        assert store.contents_with_vectors(id_, [*digits, 10**6]) == set(digits), "it is known which have vectors"
        assert store.vector_counts()[id_] == len(digits), "vectors are counted"
        keys = []
        for chunk in store.chunk_tokens(id_):
            numbers, rows = store.read_chunk(id_, chunk, spec)
            assert rows.shape == (len(numbers), spec.width), "a chunk's rows are as wide as the descriptor says"
            assert all(rows[n].tobytes() == found[key].tobytes() for n, key in enumerate(numbers.tolist())), "same rows"
            keys += numbers.tolist()
        assert keys == sorted(digits), "the chunks hold all vectors, in order"


def _check_names(store: Store) -> None:
    names = sorted(_ODD_NAMES, key=os.fsencode)
    records = [_record(name, digit) for digit, name in enumerate(names, 1)]
    inside = ["a", "a b", "a%", "a_", "ab", "\udcff", "a'", "a\\"]
    records += [_record(os.path.join(name, "x"), 50 + n) for n, name in enumerate(inside)]  # noqa: PTH118
    _written(store, *records)
    uris = [record.item.uri for record in records]
    assert {image.uri for image in store.images()} == set(uris), "every name comes back as it was"
    assert set(store.known(uris)) == set(uris), "every name is known again"
    for name in inside:
        found = [image.uri for image in store.images([_uri(name)])]
        assert found == [_uri(name, "x")], "under a folder is what is in it, not what has a longer name"
    for name in names:
        assert _names(store, _uri(name)) == [name], "a file is under itself"
    assert len(list(store.images([os.path.abspath(os.sep)]))) == len(uris), "all are under the top"  # noqa: PTH100
    assert len(list(store.images([_uri()]))) == len(uris), "all are under their folder"


def _check_missing(store: Store) -> None:
    first, _ = _written(store, _record("a", 1), _record("b", 2), _record("c", 3))
    ids = {os.path.basename(image.uri): image.id for image in store.images()}  # noqa: PTH119
    with store.writing():
        run = store.start_run([])
        store.mark_seen([ids["b"]], run)
    unseen, seen = store.unseen(_uri(), run)
    assert (sorted(unseen), seen) == ([(ids["a"], _uri("a")), (ids["c"], _uri("c"))], 1), "it is known what was seen"
    assert store.unseen(_uri("elsewhere"), run) == ([], 0), "each root for itself"
    assert store.unseen(_uri(), first) == ([], 2), "what was seen later is not unseen"
    with store.writing():
        store.set_missing([ids["a"]])
    assert _names(store) == ["b", "c"], "a missing picture is not among the pictures"
    assert not store.images_of([store.known([_uri("a")])[_uri("a")].content_id or 0]), "nor among a content's names"
    assert (store.counts()["ok"], store.counts()["missing"]) == (2, 1), "it is counted apart"
    assert store.unseen(_uri(), run)[0] == [(ids["c"], _uri("c"))], "it is marked once"
    assert _uri("a") in [uri for _, uri in store.entries()], "its row stays"
    with store.writing():
        store.mark_seen([ids["a"]], store.start_run([]))
    assert _names(store) == ["a", "b", "c"], "seen again, it is there again"
    with store.writing():
        store.set_missing([ids["a"]])
        store.set_missing([ids["a"]], missing=False)
    assert _names(store) == ["a", "b", "c"], "nor is it missing when it is said to be back"


def _check_removed(store: Store) -> None:
    _, ids = _written(store, _record("a", 1), _record("b", 1), _record("c", 3))
    images = {os.path.basename(image.uri): image for image in store.images()}  # noqa: PTH119
    tokens = {id_: store.chunk_tokens(id_) for id_ in ids.values()}
    with store.writing():
        store.remove([images["a"].id])
    assert _names(store) == ["b", "c"], "what is removed is gone"
    assert {id_: store.chunk_tokens(id_) for id_ in ids.values()} == tokens, "a vector still used stays"
    _check_vectors(store, ids, {images["b"].content_id: 1, images["c"].content_id: 3})
    with store.writing():
        store.remove([images["b"].id])
    assert store.content_of_hash(bytes([1]) * 32) is None, "a content without a name is gone"
    _check_vectors(store, ids, {images["c"].content_id: 3})
    assert all(store.chunk_tokens(id_) != tokens[id_] for id_ in ids.values()), "removal changes a chunk's token"
    _written(store, _record("d", 1))
    assert store.known([_uri("d")])[_uri("d")].content_id not in {
        images["a"].content_id, images["c"].content_id,
    }, "a number is never given twice"  # fmt: skip


def _check_failed(store: Store) -> None:
    _, ids = _written(store, _record("a", 1))
    tokens, before = store.chunk_tokens(ids[_STORED.fingerprint]), store.counts()
    unknown = Record(SourceItem(_uri("c"), size=1), "ok", b"?" * 32)
    try:
        _written(store, _record("b", 2), unknown)
    except LibraryError:
        pass
    else:
        raise AssertionError("a record of bytes that are neither known nor given raises LibraryError")
    assert _names(store) == ["a"], "a write that fails leaves nothing"
    assert store.counts() == before, "a write that fails leaves nothing"
    assert store.chunk_tokens(ids[_STORED.fingerprint]) == tokens, "a write that fails leaves nothing"
    _written(store, _record("b", 2))
    assert _names(store) == ["a", "b"], "and the next one succeeds"


def _check_shared(open_: Callable[[], Store]) -> None:
    with contextlib.closing(open_()) as store, contextlib.closing(open_()) as other:
        _written(store, _record("a", 1))
        with store.writing():
            assert _refused_for(other) == os.getpid(), "a second writer is refused, with the first one's process"
            assert _names(other) == ["a"], "reading goes on while another writes"
        _written(other, _record("b", 2))
        assert _names(store) == ["a", "b"], "what one wrote the other reads"
        _check_readers(store, other)


def _refused_for(store: Store) -> int | None:
    try:
        with store.writing():
            return None
    except LibraryLockedError as error:
        return error.pid


def _check_readers(store: Store, other: Store) -> None:
    """Read in threads, through the writer's own store and another, while pairs of pictures are written."""
    problems: list[object] = []
    done = threading.Event()

    def read(which: Store) -> None:
        try:
            while not done.is_set():
                names = set(_names(which))
                halves = [name for name in names if name[0] == "l" and "r" + name[1:] not in names]
                problems.extend(halves)
        except Exception as error:  # whatever it is, it is a breach
            problems.append(error)

    threads = [threading.Thread(target=read, args=(which,)) for which in (store, other, store, other)]
    for thread in threads:
        thread.start()
    try:
        for number in range(10, 30):
            _written(store, _record(f"l{number}", number), _record(f"r{number}", number + 100))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not problems, f"readers see whole writes and no errors: {problems[0]}"
