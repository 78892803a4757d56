"""What every store keeps to."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lookalike.errors import LibraryError, LibraryLockedError
from lookalike.store import Content, Record, Store
from lookalike.types import DescriptorSpec, SourceItem, Vectors

__all__ = ["check_store"]


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
        digests = [bytes([digit]) * 32 for digit in (3, 7, 1)]
        assert store.contents_of_hashes(digests) == {
            content.hash: content for content in held.values() if content.hash in digests
        }, "as several do by theirs, those that are known"
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
        assert store.holds(_uri(name)), "a folder holds what is under it"
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
    assert (store.holds(_uri("a")), store.holds(_uri("b")), store.holds(_uri())) == (False, True, True), "nor held"
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
