"""D2: what was done is undone to an equal tree; and what undo refuses."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

import lookalike
from lookalike.actions import Plan, apply_plan, history, make_plan, undo
from lookalike.errors import UsageError
from lookalike.library import Library
from tests.actions.conftest import fill, pair, plan_of, row, sha256, states, tree
from tests.conftest import write_picture
from tests.torture import many, record

ACTS = ("quarantine", "trash", "move", "hardlink", "reflink", "symlink")
EACH = many(16, 1000)


@pytest.mark.parametrize("act", ACTS)
def test_acts_are_undone_to_an_equal_tree(library: Library, tmp_path: Path, trash: Path, clones, act: str):
    """D2: path, sha256, mode, mtime, extended attributes, and no file or folder more."""
    copies = 8
    photos = fill(tmp_path / "many", EACH // copies, copies)
    for number in range(EACH // copies):
        (photos / f"sub 0/{number} copy.xmp").write_text(f"sidecar {number}")
    names = tmp_path / "names.txt"
    names.write_text("".join(f"{path.relative_to(tmp_path)}\n" for path in sorted(photos.rglob("*.png"))))
    library.add(photos, descriptors=["pdq"])
    before = tree(tmp_path)
    plan = make_plan(
        library, photos, act=act, move_to=tmp_path.with_name("moved " + tmp_path.name) if act == "move" else None,
        label_file=names,
    )  # fmt: skip
    assert len(plan.acting) == EACH
    started = time.perf_counter()
    report = apply_plan(library, plan)
    applied = time.perf_counter() - started
    assert set(states(report)) == {"done"}
    assert not any(os.path.lexists(item.uri) and os.lstat(item.uri).st_ino == item.inode for item in plan.acting)
    if not act.endswith("link"):
        assert names.read_text().splitlines() == [str(p.relative_to(tmp_path)) for p in sorted(photos.rglob("*.png"))]
    started = time.perf_counter()
    back = undo(library)
    print(f"{EACH} {act}: applied in {applied:.1f} s, undone in {time.perf_counter() - started:.1f} s")
    assert set(states(back)) == {"undone"}
    now = {path: facts for path, facts in tree(tmp_path).items() if path in before or "/home/" not in path}
    # What is ours and stays: the library's own files, and the journal of the run.
    ours = [path for path in now.keys() | before.keys() if path.startswith(str(library.path))]
    for path in ours:
        now.pop(path, None)
        before.pop(path, None)
    assert now == before
    assert not (library.path / "quarantine").exists()
    assert not [path for path in trash.rglob("*") if path.is_file()], "no note is left in the trash"
    assert library.add(photos, descriptors=["pdq"]).read == 0
    record("D2", act, EACH, "equal trees")


def test_changed_modes_times_and_attributes_come_back(library: Library, photos: Path):
    before = tree(photos)
    report = apply_plan(library, make_plan(library))
    for one in report.acted:
        os.chmod(one.to, 0o777)
        os.utime(one.to, (1, 1))
        if hasattr(os, "setxattr"):
            with contextlib.suppress(OSError):
                os.setxattr(one.to, "user.new", b"1")
    assert set(states(undo(library))) == {"undone"}
    assert tree(photos) == before


def test_a_folder_that_was_removed_since_is_made_again(library: Library, photos: Path):
    report = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"))
    for path in (photos / "sub 0").iterdir():
        path.unlink()
    (photos / "sub 0").rmdir()
    assert states(undo(library, report.run)) == ["undone"]
    assert (photos / "sub 0/0 copy.png").is_file()


@pytest.mark.parametrize("act", ACTS)
def test_what_has_come_to_the_old_place_stays(library: Library, photos: Path, tmp_path: Path, trash, clones, act: str):
    keeper, copy = photos / "0.png", photos / "sub 0/0 copy.png"
    report = apply_plan(library, pair(keeper, copy, act=act, to=str(tmp_path / "moved") if act == "move" else ""))
    copy.unlink(missing_ok=True)
    write_picture(copy, 9)
    new = sha256(copy)
    back = undo(library)
    assert states(back) == ["refused"]
    assert "something else is at its old place" in back.undone[0].reason
    assert sha256(copy) == new
    assert sha256(report.acted[0].to) == sha256(keeper)
    copy.unlink()  # and then it works
    assert states(undo(library)) == ["undone"]
    assert sha256(copy) == sha256(keeper)


@pytest.mark.parametrize("act", ACTS)
def test_what_was_changed_where_it_lies_is_not_brought_back(
    library: Library, photos: Path, tmp_path: Path, trash, clones, act: str
):
    keeper, copy = photos / "0.png", photos / "sub 0/0 copy.png"
    report = apply_plan(library, pair(keeper, copy, act=act, to=str(tmp_path / "moved") if act == "move" else ""))
    lies = Path(report.acted[0].to)
    lies.chmod(0o600)
    lies.write_bytes(b"other bytes")
    before = tree(photos)
    back = undo(library)
    assert states(back) == ["refused"]
    assert tree(photos) == before
    assert lies.read_bytes() == b"other bytes"


def test_a_run_is_undone_by_name_and_only_once(library: Library, photos: Path):
    first = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"))
    second = apply_plan(library, pair(photos / "1.png", photos / "sub 0/1 copy.png"))
    assert first.run != second.run
    assert states(undo(library, first.run)) == ["undone"]
    assert (photos / "sub 0/0 copy.png").exists()
    assert not (photos / "sub 0/1 copy.png").exists()
    assert undo(library, first.run).undone == ()
    assert undo(library).run == second.run
    with pytest.raises(UsageError, match="nothing to undo"):
        undo(library)
    with pytest.raises(UsageError, match="there is no run"):
        undo(library, "yesterday")


def test_a_dry_run_brings_nothing_back(library: Library, photos: Path):
    apply_plan(library, make_plan(library))
    before = tree(photos)
    assert set(states(undo(library, dry_run=True))) == {"would"}
    assert tree(photos) == before


def test_nothing_is_brought_back_to_a_disk_that_is_offline(tmp_path: Path):
    disk = fill(tmp_path / "disk", 1, 1)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add(disk, descriptors=["pdq"])
        apply_plan(library, make_plan(library))
        disk.rename(tmp_path / "unplugged")
        back = undo(library)
        assert states(back) == ["refused"]
        assert "offline" in back.undone[0].reason
        assert not disk.exists()
        (tmp_path / "unplugged").rename(disk)
        assert states(undo(library)) == ["undone"]


def test_history_tells_what_was_done(library: Library, photos: Path):
    assert history(library).runs == ()
    touched = photos / "sub 1/0 copy.png"
    plan = pair(photos / "0.png", photos / "sub 0/0 copy.png", touched)
    os.utime(touched, (1, 1))
    report = apply_plan(library, plan)
    run = history(library).runs[0]
    assert (run.run, run.acts, run.done, run.refused, run.undone, run.state) == (
        report.run, ("quarantine",), 1, 1, 0, "done",
    )  # fmt: skip
    assert run.bytes == os.path.getsize(photos / "0.png")
    undo(library)
    run = history(library).runs[0]
    assert (run.done, run.undone, run.bytes, run.state) == (0, 1, 0, "undone")
    assert history(library).rows().columns[:8] == (
        "run", "when", "act", "done", "refused", "undone", "bytes", "state",
    )  # fmt: skip


def test_a_link_that_was_used_meanwhile_is_no_obstacle(library: Library, photos: Path):
    """The keeper is edited in place through its hard link: the copy comes back as it was, the edit stays."""
    keeper, copy = photos / "0.png", photos / "sub 0/0 copy.png"
    before = tree(photos)
    apply_plan(library, plan_of(row(keeper, keeper=True), row(copy, act="hardlink")))
    with open(copy, "ab") as stream:
        stream.write(b"edited")
    assert sha256(keeper) == sha256(copy)
    assert states(undo(library)) == ["undone"]
    assert tree(photos)[str(copy)] == before[str(copy)]
    assert keeper.read_bytes().endswith(b"edited")


def test_an_empty_plan_makes_no_run(library: Library):
    assert apply_plan(library, Plan(())).run == ""
    assert history(library).runs == ()
