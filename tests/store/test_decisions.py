"""The table of decisions: brought to libraries of the format before, kept by hash, matched by bytes and by pixels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lookalike.store import Content, DecidedContent, Record, Store
from lookalike.store.schema import MIGRATIONS
from lookalike.types import SourceItem

from .conftest import fill, vectors

A, B, C = (letter * 32 for letter in (b"a", b"b", b"c"))


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "d.lookalike", create=True)
    yield opened
    opened.close()


def write(store: Store, **contents: tuple[bytes, bytes | None]) -> None:
    """Write a picture for each name, with its hash and its pixel hash."""
    with store.writing():
        records = [
            Record(SourceItem(f"/p/{name}", size=1, mtime_ns=1), "ok", digest,
                   content=Content(0, digest, 1, format="PNG", width=2, height=2, pixel_hash=pixels))
            for name, (digest, pixels) in contents.items()
        ]  # fmt: skip
        store.write(records, store.start_run([]), {})


def test_a_library_of_format_3_is_brought_up_to_date_and_keeps_what_it_held(tmp_path, monkeypatch):
    folder = tmp_path / "old.lookalike"
    with monkeypatch.context() as old:
        old.setattr("lookalike.store.database.MIGRATIONS", MIGRATIONS[:3])
        old.setattr("lookalike.store.database.VERSION", 3)
        store = Store(folder, create=True)
        fill(store, vectors(1, 20))
        with store.writing():
            store.set_setting("probability", 0.8)
        assert store._db.rows("SELECT count(*) FROM sqlite_master WHERE name = 'decisions'") == [(0,)]
        store.close()
    before = tmp_path / "untouched.lookalike"
    shutil.copytree(folder, before)
    store = Store(folder)
    assert store._db.rows("PRAGMA user_version")[0][0] >= 4
    assert len(list(store.images())) == 20
    assert store.setting("probability") == 0.8
    assert store.decisions.all() == []
    with store.writing():
        assert store.decisions.add("keep-all", [DecidedContent(A, "/a")]) == (1, True)
    store.close()
    again = Store(folder)
    assert [one.kind for one in again.decisions.all()] == ["keep-all"]
    again.close()


def test_a_decision_is_kept_once_and_its_number_never_used_again(store):
    with store.writing():
        assert store.decisions.add("not-duplicates", [DecidedContent(A, "/a"), DecidedContent(B, "/b")]) == (1, True)
        assert store.decisions.add("not-duplicates", [DecidedContent(B, "/x"), DecidedContent(A, "/y")]) == (1, False)
        assert store.decisions.add("keep-all", [DecidedContent(A, "/a"), DecidedContent(B, "/b")]) == (2, True)
        assert store.decisions.add("keep-folder", folder="/p") == (3, True)
        assert store.decisions.add("keep-folder", folder="/p") == (3, False)
        store.decisions.forget([3, 99])
        assert store.decisions.add("keep-folder", folder="/q") == (4, True)
    assert [(one.id, one.kind, one.folder) for one in store.decisions.all()] == [
        (1, "not-duplicates", ""), (2, "keep-all", ""), (4, "keep-folder", "/q"),
    ]  # fmt: skip
    assert store.decisions.folders() == ["/q"]


def test_what_is_not_in_the_library_yet_is_matched_from_the_day_on_which_it_is(store):
    with store.writing():
        store.decisions.add("not-duplicates", [DecidedContent(A, "/a"), DecidedContent(B, "/b")])
    assert store.decisions.matches("not-duplicates") == []
    write(store, a=(A, None))
    (match,) = store.decisions.matches("not-duplicates")
    assert (match.hash, match.exact) == (A, True)
    assert store.decisions.matches("keep-all") == []
    assert store.decisions.names_of([A, B]) == {A: ["/p/a"]}


def test_other_bytes_of_equal_pixels_are_matched_where_that_is_clear(store):
    pixels, others = b"1" * 32, b"2" * 32
    write(store, a=(A, pixels), b=(B, others), c=(C, pixels))
    with store.writing():
        store.decisions.add("not-duplicates", [DecidedContent(A, "/p/a", pixels), DecidedContent(B, "/p/b", others)])
    found = {(match.content_id, match.hash, match.exact) for match in store.decisions.matches("not-duplicates")}
    assert found == {(1, A, True), (2, B, True), (3, A, False)}
    with store.writing():  # two pictures of one decision with equal pixels: which of them a third is cannot be told
        store.decisions.forget([1])
        store.decisions.add(
            "not-duplicates", [DecidedContent(A, "/p/a", pixels), DecidedContent(b"z" * 32, "z", pixels)]
        )
    assert [(match.content_id, match.exact) for match in store.decisions.matches("not-duplicates")] == [(1, True)]
