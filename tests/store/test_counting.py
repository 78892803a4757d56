"""Counts are those of the rows, whatever was counted before and by whomever it was changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lookalike.library import Library
from lookalike.store import Content, Record, Store, VectorMatrix
from lookalike.types import SourceItem
from tests.store.conftest import BITS, SPEC, fill, vectors


def counted(store: Store, id_: int) -> int:
    return len(store.vectors(id_, range(1, 1000), store.descriptors()[id_]))


def test_vectors_are_counted_whether_they_are_cached_or_not(tmp_path):
    store = Store(tmp_path / "a.lookalike", create=True)
    ids = fill(store, vectors(0, 50), specs=(SPEC,))
    (id_,) = ids.values()
    assert store.vector_counts() == {id_: 50}
    assert store.vector_counts() == {id_: 50}
    VectorMatrix(store, id_, SPEC).blocks()
    again = Store(tmp_path / "a.lookalike")
    assert again.vector_counts() == {id_: counted(store, id_)} == {id_: 50}
    fill(store, vectors(1, 7), "b")  # the cache is out of date
    assert again.vector_counts() == store.vector_counts() == {id_: 57}
    store.remove([image.id for image in store.images(["/pictures/a"])])
    assert again.vector_counts() == store.vector_counts() == {id_: 7}
    other = fill(store, vectors(2, 3, BITS), "c", (BITS,))
    assert store.vector_counts() == {id_: 7, other[BITS.fingerprint]: 3}


def test_a_descriptor_that_is_entered_while_vectors_are_counted_is_no_error(tmp_path, monkeypatch):
    store = Store(tmp_path / "a.lookalike", create=True)
    (id_,) = fill(store, vectors(0, 5)).values()
    real = Store.descriptors
    entered: list[int] = []

    def meanwhile(self):
        found = real(self)
        entered.append(self.ensure_descriptor(replace(BITS, name=f"new {len(entered)}")))
        return found

    monkeypatch.setattr(Store, "descriptors", meanwhile)
    assert store.vector_counts() == {id_: 5}
    assert store.vector_counts_by_fingerprint()[SPEC.fingerprint] == 5
    assert ("stored", 5) in Library(store).status().descriptors
    assert len(entered) == 5


def test_a_damaged_cache_file_is_not_believed(tmp_path):
    store = Store(tmp_path / "a.lookalike", create=True)
    (id_,) = fill(store, vectors(0, 50)).values()
    VectorMatrix(store, id_, SPEC).blocks()
    (path,) = (tmp_path / "a.lookalike" / "cache").rglob("*.vectors")
    good = path.read_bytes()
    for at in (0, 9, 50, 60, 70, 127):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert Store(tmp_path / "a.lookalike").vector_counts() == {id_: 50}, at
    path.write_bytes(good[:40])
    assert Store(tmp_path / "a.lookalike").vector_counts() == {id_: 50}


def test_rows_and_folders_are_counted_anew_after_each_change(tmp_path):
    store, other = Store(tmp_path / "a.lookalike", create=True), Store(tmp_path / "a.lookalike")
    empty = {"ok": 0, "failed": 0, "skipped": 0, "missing": 0, "contents": 0, "bytes": 0}
    assert store.counts() == other.counts() == empty
    fill(store, vectors(0, 5))
    records = [
        Record(SourceItem("/pictures/odd/x.jpg", 3), "failed", kind="truncated", reason="cut"),
        Record(SourceItem("/pictures/odd/fifo", 0), "skipped", kind="FIFO", reason="a FIFO"),
        Record(SourceItem("https://example.org/a/b.jpg", 9), "ok", b"u" * 32, content=Content(0, b"u" * 32, 9)),
    ]
    with store.writing():
        store.write(records, store.start_run([]), {})
    wanted = {"ok": 6, "failed": 1, "skipped": 1, "missing": 0, "contents": 6, "bytes": 59}
    assert store.counts() == other.counts() == wanted
    assert store.folders() == other.folders() == {"/pictures/a": (5, 50), "example.org": (1, 9)}
    first = next(store.images()).id
    store.set_missing([first])
    assert store.counts() == other.counts() == {**wanted, "ok": 5, "missing": 1, "contents": 5, "bytes": 49}
    assert store.folders() == other.folders() == {"/pictures/a": (4, 40), "example.org": (1, 9)}
    assert [row[0] for row in other.problems()] == ["/pictures/odd/fifo", "/pictures/odd/x.jpg"]


def test_folders_of_many_rows_are_gone_through_by_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.store.counting._BATCH", 7)
    store = Store(tmp_path / "a.lookalike", create=True)
    fill(store, vectors(0, 21))
    fill(store, vectors(1, 10), "b")
    assert store.folders() == {"/pictures/a": (21, 210), "/pictures/b": (10, 100)}
    assert list(store.folders()) == sorted(store.folders())


def test_what_is_returned_can_be_changed_by_whoever_asked(tmp_path):
    store = Store(tmp_path / "a.lookalike", create=True)
    fill(store, np.asarray(vectors(0, 2)))
    store.counts()["ok"] = 99
    store.folders().clear()
    assert store.counts()["ok"] == 2
    assert len(store.folders()) == 1
