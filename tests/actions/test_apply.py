"""Applying plans: each act, what is refused at the moment of acting, and what the library then knows."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import lookalike
from lookalike.actions import apply_plan, history, make_plan, undo, write_plan
from lookalike.errors import LibraryLockedError, UsageError
from lookalike.library import Library
from tests.actions.conftest import contents, files, fill, pair, plan_of, row, sha256, states, tree
from tests.conftest import write_picture


@pytest.fixture
def two(photos: Path) -> tuple[Path, Path]:
    """Return a file and its copy."""
    return photos / "0.png", photos / "sub 0/0 copy.png"


@pytest.mark.parametrize("act", ["quarantine", "trash", "move", "hardlink", "reflink", "symlink", "list-only"])
def test_each_act_does_what_it_says(library: Library, photos: Path, tmp_path: Path, trash: Path, clones, act: str):
    before, held = files(photos), contents(photos)
    plan = make_plan(library, act=act, move_to=tmp_path / "moved" if act == "move" else None)
    report = apply_plan(library, plan)
    if act == "list-only":
        assert report.acted == ()
        assert report.run == ""
        assert files(photos) == before
        return
    assert set(states(report)) == {"done"}
    assert contents(photos) == held, "one of each is left"
    stay = set(before) - {os.path.relpath(item.uri, photos) for item in plan.acting}
    if act in ("quarantine", "trash", "move"):
        assert set(files(photos)) == stay
    else:
        assert files(photos) == before
    for item, done in zip(plan.acting, report.acted, strict=True):
        keeper = next(k.uri for k in plan.items if k.keeper and k.group == item.group)
        assert sha256(done.to) == item.sha256
        if act == "hardlink":
            assert os.path.samefile(item.uri, keeper)
            assert not os.path.islink(item.uri)
        elif act == "symlink":
            assert os.path.realpath(item.uri) == keeper
            assert not os.path.isabs(os.readlink(item.uri)), "a tree that is moved as a whole stays whole"
        elif act == "reflink":
            assert sha256(item.uri) == item.sha256
            assert not os.path.samefile(item.uri, keeper)
        elif act == "move":
            assert Path(done.to).parent == tmp_path / "moved"
        elif act == "trash":
            assert Path(done.to).parent == trash / "files"
        else:
            assert library.path / "quarantine" in Path(done.to).parents


def test_the_library_knows_at_once_without_reading(library: Library, photos: Path):
    for act, left in (("hardlink", 9), ("quarantine", 3)):
        apply_plan(library, make_plan(library, act=act, level="same-file")) if act == "quarantine" else None
        assert library.status().indexed == (9 if act == "hardlink" else left)
    assert library.status().missing == 6
    assert library.duplicates(level="same-file").groups == ()
    undo(library)
    assert library.status().indexed == 9
    assert library.status().missing == 0
    assert library.add(photos, descriptors=["pdq"]).read == 0


def test_hard_links_are_known_to_the_library_without_reading(library: Library, photos: Path):
    apply_plan(library, make_plan(library, act="hardlink"))
    groups = library.duplicates(level="same-file").groups
    assert all(member.hardlink for group in groups for member in group.members[1:])
    report = library.add(photos, descriptors=["pdq"])
    assert (report.read, report.unchanged) == (0, 9)
    assert not make_plan(library).acting, "what is linked already wins nothing"


def test_reflinks_are_not_planned_for_again(library: Library, clones):
    apply_plan(library, make_plan(library, act="reflink"))
    assert not make_plan(library).acting


def test_a_quarantine_is_never_indexed(tmp_path: Path, photos: Path):
    inside = photos / "own.lookalike"
    with lookalike.open(inside) as library:
        library.add(photos, descriptors=["pdq"])
        apply_plan(library, make_plan(library))
        assert library.add(photos, descriptors=["pdq"], hidden=True).found == 3
    beside = photos / ".lookalike-quarantine/run/000001"
    write_picture(beside / "a.png", 7)
    with lookalike.open(tmp_path / "other.lookalike") as library:
        assert library.add(photos, descriptors=["pdq"], hidden=True).found == 3
        for named in (photos / ".lookalike-quarantine", beside, beside / "a.png"):
            report = library.add(named, descriptors=["pdq"], hidden=True)
            assert (report.added, report.skipped) == (0, 1)


def test_a_dry_run_does_nothing_and_foresees_refusals(library: Library, photos: Path, two):
    before = tree(photos)
    plan = make_plan(library)
    write_picture(Path(plan.acting[0].uri).with_name("new.png"), 5).replace(plan.acting[0].uri)
    before = tree(photos)
    report = apply_plan(library, plan, dry_run=True)
    assert states(report) == ["refused", *["would"] * 5]
    assert tree(photos) == before
    assert history(library).runs == ()


def test_rows_are_told_one_by_one(library: Library):
    told: list[Any] = []
    report = apply_plan(library, make_plan(library), on_row=told.append)
    assert tuple(told) == report.acted
    assert len(told) == 6


def test_a_journal_is_on_disk_before_each_act(library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch):
    """At every moment of acting, all that is being done stands in a journal that was fsynced."""
    synced: dict[str, int] = {}
    real = os.fsync

    def fsync(number: int) -> None:
        real(number)
        path = os.readlink(f"/proc/self/fd/{number}")
        if path.endswith(".jsonl"):
            synced[path] = os.fstat(number).st_size

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to tell which file is synced")
    monkeypatch.setattr(os, "fsync", fsync)
    seen = []

    def hook(step: str) -> None:
        if step == "move: rename":
            path = next(iter((library.path / "history").glob("*.jsonl")))
            lines = path.read_bytes()[: synced[str(path)]].splitlines()
            told = json.loads(lines[-1])
            assert told["state"] == "begun"
            assert os.path.exists(told["pieces"][0]["path"])
            seen.append(told["uri"])

    apply_plan(library, make_plan(library), hook=hook)
    assert len(seen) == 6


# ---------------------------------------------------------------------------------------------------- D5


def change_bytes(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def change_bytes_secretly(path: Path) -> None:
    status = path.stat()
    change_bytes(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def grow(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b"x")


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replace(path: Path) -> None:
    status = path.stat()
    shutil.copyfile(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def make_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = [change_bytes, change_bytes_secretly, grow, touch, replace, make_link, make_folder, Path.unlink]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("which", ["copy", "keeper"])
def test_what_has_changed_since_the_plan_is_refused(library: Library, two, change, which: str):
    """D5, for the file and for its keeper, with a change of any kind."""
    keeper, copy = two
    plan = pair(keeper, copy)
    change(copy if which == "copy" else keeper)
    before = tree(keeper.parent)
    report = apply_plan(library, plan)
    assert states(report) == ["refused"]
    assert report.acted[0].reason
    assert tree(keeper.parent) == before


@pytest.mark.parametrize("act", ["quarantine", "trash", "move", "hardlink", "symlink"])
def test_a_protected_folder_is_never_touched_by_whatever_path(
    library: Library, photos: Path, tmp_path: Path, trash: Path, act: str
):
    """D5: protected, and reached by its own name, through links to it or above it, and by a detour."""
    keeper, held = photos / "0.png", photos / "sub 0"
    (tmp_path / "link").symlink_to(held)
    (tmp_path / "above").symlink_to(photos)
    before = tree(photos)
    ways = [held, tmp_path / "link", tmp_path / "above/sub 0", tmp_path / "above/../photos/sub 0"]
    for protect in (*ways, photos, tmp_path / "above"):  # the folder, or one above it
        for way in ways:
            to = str(tmp_path / "moved") if act == "move" else ""
            plan = pair(keeper, way / "0 copy.png", act=act, to=to)
            report = apply_plan(library, plan, protect=protect)
            assert states(report) == ["refused"]
            assert "protected" in report.acted[0].reason
    assert tree(photos) == before


def test_a_plan_carries_its_protected_folders(library: Library, photos: Path, tmp_path: Path):
    plan = make_plan(library, protect=photos / "sub 1")
    write_plan(plan, tmp_path / "plan.csv")
    shutil.copyfile(photos / "0.png", photos / "sub 1/new.png")
    added = row(photos / "sub 1/new.png", next(item.group for item in plan.items if item.uri.endswith("0.png")) or 0)
    assert states(apply_plan(library, plan_of(*plan.items, added)))[-1] == "refused"
    assert set(states(apply_plan(library, tmp_path / "plan.csv"))) <= {"done", "refused"}
    assert len(list((photos / "sub 1").iterdir())) == 4


def test_nothing_is_done_where_a_root_is_offline(tmp_path: Path):
    """R17: a plan made before a disk was unplugged is refused, also where only the keeper lay on it."""
    here, disk = fill(tmp_path / "here", 1, 0), fill(tmp_path / "disk", 1, 0)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add([here, disk], descriptors=["pdq"])
        plans = [pair(here / "0.png", disk / "0.png"), pair(disk / "0.png", here / "0.png")]
        disk.rename(tmp_path / "unplugged")
        for mounted in (False, True):
            if mounted:
                disk.mkdir()  # an empty mount point
            for plan in plans:
                report = apply_plan(library, plan)
                assert states(report) == ["refused"]
                assert "offline" in report.acted[0].reason
        assert files(here) == ["0.png"]


def test_links_are_refused_where_bytes_differ(library: Library, photos: Path):
    for act in ("hardlink", "reflink", "symlink"):
        report = apply_plan(library, pair(photos / "0.png", photos / "1.png", act=act, verdict="same-pixels"))
        assert states(report) == ["refused"]
        assert "equal bytes" in report.acted[0].reason
    report = apply_plan(library, pair(photos / "0.png", photos / "1.png"))
    assert "they have other bytes" in report.acted[0].reason


def test_a_hard_link_to_a_protected_keeper_is_refused(library: Library, two):
    keeper, copy = two
    report = apply_plan(library, pair(keeper, copy, act="hardlink"), protect=keeper)
    assert "protected" in report.acted[0].reason


def test_a_keeper_of_one_group_is_no_copy_of_another(library: Library, photos: Path, tmp_path: Path):
    """Else a chain of groups could take the last file of some content."""
    (tmp_path / "link").symlink_to(photos)
    one, two, three = photos / "0.png", photos / "sub 0/0 copy.png", photos / "1.png"
    plan = plan_of(
        row(one, 1, keeper=True), row(two, 1), row(three, 2, keeper=True),
        row(tmp_path / "link/0.png", 2, verdict="edited"),
    )  # fmt: skip
    report = apply_plan(library, plan)
    assert states(report) == ["done", "refused"]
    assert "a keeper itself" in report.acted[1].reason
    assert one.exists()


def test_a_case_insensitive_file_system_is_seen_through(two, monkeypatch: pytest.MonkeyPatch):
    """Two spellings of one entry of a folder that lists only one of them are one file, whatever its links say."""
    from lookalike.actions.files import same_entry

    keeper, copy = two
    os.link(keeper, keeper.with_name("other.png"))
    assert not same_entry(str(keeper), str(keeper.with_name("other.png")))
    assert not same_entry(str(keeper), str(copy))
    spelled = keeper.with_name("0.PNG")
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **k: real(keeper if str(path) == str(spelled) else path, **k))
    assert same_entry(str(keeper), str(spelled))


def test_a_plan_of_another_library_is_refused(library: Library, tmp_path: Path):
    write_plan(make_plan(library), tmp_path / "plan.jsonl")
    with lookalike.open(tmp_path / "other.lookalike") as other, pytest.raises(UsageError, match="is of the library"):
        apply_plan(other, tmp_path / "plan.jsonl")


def test_two_cannot_act_at_once(library: Library, photos: Path, tmp_path: Path):
    plan = make_plan(library)
    with lookalike.open(tmp_path / "t.lookalike") as other, other.store.writing():
        for call in (lambda: apply_plan(library, plan), lambda: undo(library)):
            with pytest.raises(LibraryLockedError):
                call()
    assert len(files(photos)) == 9


def test_names_that_are_taken_get_numbers(library: Library, photos: Path, tmp_path: Path):
    for folder in ("sub 0", "sub 1"):
        (photos / folder / "0 copy.xmp").write_text(folder)
    target = tmp_path / "moved"
    target.mkdir()
    (target / "0 copy.png").write_text("mine")
    plan = plan_of(
        row(photos / "0.png", keeper=True),
        *(
            row(
                photos / folder / "0 copy.png", act="move", to=str(target),
                together=(str(photos / folder / "0 copy.xmp"),),
                together_sha256=(sha256(photos / folder / "0 copy.xmp"),),
            )
            for folder in ("sub 0", "sub 1")
        ),
    )  # fmt: skip
    assert states(apply_plan(library, plan)) == ["done", "done"]
    assert files(target) == [
        "0 copy (2).png", "0 copy (2).xmp", "0 copy (3).png", "0 copy (3).xmp", "0 copy.png",
    ]  # fmt: skip
    assert (target / "0 copy.png").read_text() == "mine"
    assert (target / "0 copy (3).xmp").read_text() == "sub 1"


def test_what_belongs_together_moves_together_or_not_at_all(library: Library, photos: Path):
    sidecar = photos / "sub 0/0 copy.xmp"
    sidecar.write_text("<x/>")
    before = tree(photos)
    good: dict[str, Any] = {"together": (str(sidecar),), "together_sha256": (sha256(sidecar),)}
    bad = good | {"together_sha256": ("0" * 64,)}
    report = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png", **bad))
    assert str(sidecar) in report.acted[0].reason
    assert tree(photos) == before
    assert states(apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png", **good))) == ["done"]
    assert not sidecar.exists()
    undo(library)
    assert tree(photos) == before
