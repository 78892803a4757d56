"""Whatever is done to a folder between two runs, the library is what a fresh one would be."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lookalike
from tests.conftest import export, fresh_export, write_picture

FILES = ("a.png", "b.png", "sub/c.png", "sub/d.jpg", "sub/deep/e.png", "sub2/f", "~g.txt")
EDIT = st.tuples(
    st.sampled_from(FILES),
    st.one_of(
        st.tuples(st.just("picture"), st.integers(0, 5)),
        st.tuples(st.just("broken"), st.integers(0, 2)),
        st.tuples(st.just("text"), st.integers(0, 1)),
        st.tuples(st.just("empty"), st.just(0)),
        st.tuples(st.just("remove"), st.just(0)),
        st.tuples(st.just("touch"), st.integers(1, 9)),
        st.tuples(st.just("copy"), st.sampled_from(FILES)),
        st.tuples(st.just("move"), st.sampled_from(FILES)),
        st.tuples(st.just("folder"), st.integers(0, 5)),
    ),
)


def apply(top: Path, name: str, action: str, value) -> None:
    path = top / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if action == "picture":
        write_picture(path, value)
    elif action == "broken":
        write_picture(path, value)
        path.write_bytes(path.read_bytes()[: 150 + value])
    elif action == "text":
        path.write_text(f"words {value}")
    elif action == "empty":
        path.write_bytes(b"")
    elif action == "remove":
        path.unlink(missing_ok=True)
    elif action == "touch" and path.exists():
        os.utime(path, ns=(value * 10**9, value * 10**9))
    elif action in ("copy", "move") and (top / value).is_file() and top / value != path:
        (shutil.copyfile if action == "copy" else shutil.move)(top / value, path)
    elif action == "folder":
        path.unlink(missing_ok=True)
        write_picture(path / "inside.png", value)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(runs=st.lists(st.lists(EDIT, min_size=1, max_size=8), min_size=2, max_size=4))
def test_after_any_edits_the_library_equals_a_fresh_one(tmp_path_factory, fake, runs):
    top = tmp_path_factory.mktemp("tree")
    photos = top / "photos"
    write_picture(photos / "stays.png", 100)  # a folder that shows nothing at all would count as unplugged
    with lookalike.open(top / "a.lookalike") as library:
        for edits in runs:
            for name, (action, value) in edits:
                apply(photos, name, action, value)
            report = library.add(photos, descriptors=["fake"], threads=2)
            assert report.found == sum(1 for path in photos.rglob("*") if path.is_file())
            rows = export(library.path)
            assert len(rows) == report.found
            assert rows == fresh_export(library, photos, threads=1)
            status = library.status()
            assert (status.indexed, status.failed, status.skipped) == tuple(
                sum(row[1] == state for row in rows) for state in ("ok", "failed", "skipped")
            )
            assert len(library.problems().values) == status.failed + status.skipped
        library.prune()
        assert export(library.path) == rows
        with sqlite3.connect(library.path / "library.db") as db:
            assert db.execute("SELECT count(*) FROM images WHERE missing").fetchone() == (0,)
            used = {row[3] for row in rows if row[3]}
            assert {row[0] for row in db.execute("SELECT hash FROM contents")} == used
        db.close()
    shutil.rmtree(top)
