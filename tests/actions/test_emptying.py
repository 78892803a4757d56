"""The only permanent delete: by age, never the last copy, never what was changed, and written down."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lookalike.actions import apply_plan, empty_quarantine, history, make_plan, quarantine, undo
from lookalike.errors import UsageError
from lookalike.library import Library
from tests.actions.conftest import contents, files, pair, sha256, tree


def age(library: Library, days: float) -> None:
    """Let the runs of a library be older."""
    for path in (library.path / "history").iterdir():
        first, *rest = path.read_text().splitlines()
        told = json.loads(first)
        told["started"] -= days * 86_400
        path.write_text("\n".join([json.dumps(told), *rest, ""]))


def test_what_lies_in_the_quarantine_is_told(library: Library):
    assert quarantine(library).items == ()
    report = apply_plan(library, make_plan(library))
    held = quarantine(library)
    assert [item.place for item in held.items] == [one.to for one in report.acted]
    assert held.count("kept") == 6
    assert held.bytes("kept") == sum(os.path.getsize(one.to) for one in report.acted)


def test_only_what_is_old_enough_is_deleted(library: Library, photos: Path):
    held = contents(photos)
    report = apply_plan(library, make_plan(library))
    assert empty_quarantine(library).items == ()
    age(library, 31)
    assert {item.state for item in empty_quarantine(library, dry_run=True).items} == {"would"}
    assert all(os.path.exists(one.to) for one in report.acted)
    assert empty_quarantine(library, older_than_days=32).items == ()
    assert {item.state for item in empty_quarantine(library).items} == {"deleted"}
    assert not any(os.path.exists(one.to) for one in report.acted)
    assert not (library.path / "quarantine").exists()
    assert contents(photos) == held
    run = history(library).runs[0]
    assert (run.done, run.deleted) == (0, 6)
    assert undo(library, report.run).undone == ()
    with pytest.raises(UsageError):
        empty_quarantine(library, older_than_days=-1)


def test_the_last_readable_copy_is_never_deleted(library: Library, photos: Path):
    keeper, copy, third = photos / "0.png", photos / "sub 0/0 copy.png", photos / "sub 1/0 copy.png"
    first = apply_plan(library, pair(keeper, copy))
    third.unlink()
    keeper.unlink()
    back = empty_quarantine(library, older_than_days=0)
    assert [item.state for item in back.items] == ["refused"]
    assert "last copy" in back.items[0].reason
    assert undo(library, first.run).count("undone") == 1
    assert copy.is_file()


@pytest.mark.parametrize("damage", ["changed", "link", "unreadable"])
def test_a_keeper_that_is_no_longer_what_it_was_counts_for_nothing(
    library: Library, photos: Path, damage: str, monkeypatch: pytest.MonkeyPatch
):
    keeper, copy, third = photos / "0.png", photos / "sub 0/0 copy.png", photos / "sub 1/0 copy.png"
    report = apply_plan(library, pair(keeper, copy))
    third.unlink()
    if damage == "changed":
        keeper.write_bytes(b"no more")
    elif damage == "link":
        keeper.unlink()
        keeper.symlink_to(report.acted[0].to)
    else:
        real = os.open

        def denied(path: Any, *arguments: Any, **more: Any) -> int:
            if str(path) == str(keeper):
                raise PermissionError(13, "Permission denied")
            return real(path, *arguments, **more)

        monkeypatch.setattr(os, "open", denied)
    assert [item.state for item in empty_quarantine(library, older_than_days=0).items] == ["refused"]
    assert os.path.exists(report.acted[0].to)


def test_another_copy_in_the_library_will_do_for_a_keeper_that_is_gone(library: Library, photos: Path):
    apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"))
    (photos / "0.png").unlink()
    assert empty_quarantine(library, older_than_days=0).count("deleted") == 1
    assert sha256(photos / "sub 1/0 copy.png")


def test_a_keeper_that_followed_into_the_quarantine_is_asked_for_its_own(library: Library, photos: Path):
    one, two, three = photos / "0.png", photos / "sub 0/0 copy.png", photos / "sub 1/0 copy.png"
    apply_plan(library, pair(two, one))
    apply_plan(library, pair(three, two))
    assert empty_quarantine(library, older_than_days=0).count("deleted") == 2
    assert three.is_file()
    assert contents(photos) >= {sha256(three)}


def test_two_that_stand_for_each_other_both_stay(library: Library, photos: Path):
    """A for B, then B for A from elsewhere, and then nothing is left outside: nothing is deleted."""
    one, two, three = photos / "0.png", photos / "sub 0/0 copy.png", photos / "sub 1/0 copy.png"
    apply_plan(library, pair(two, one))
    apply_plan(library, pair(three, two))
    three.unlink()
    assert [i.state for i in empty_quarantine(library, older_than_days=0).items] == ["refused", "refused"]


def test_what_was_changed_in_the_quarantine_stays(library: Library, photos: Path):
    report = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png"))
    os.chmod(report.acted[0].to, 0o600)
    Path(report.acted[0].to).write_bytes(b"my edit")
    back = empty_quarantine(library, older_than_days=0)
    assert "changed where it lies" in back.items[0].reason
    assert Path(report.acted[0].to).read_bytes() == b"my edit"


def test_links_keep_working_after_the_quarantine_is_emptied(library: Library, photos: Path):
    for act in ("hardlink", "symlink"):
        before = files(photos)
        apply_plan(library, make_plan(library, act=act))
        assert empty_quarantine(library, older_than_days=0).count("refused") == 0
        assert files(photos) == before
        assert all(os.path.isfile(photos / name) for name in before)


def test_trashed_and_moved_files_are_no_business_of_the_quarantine(library: Library, photos: Path, tmp_path: Path):
    report = apply_plan(library, make_plan(library, act="move", move_to=tmp_path / "moved"))
    before = tree(tmp_path / "moved")
    assert empty_quarantine(library, older_than_days=0).items == ()
    assert quarantine(library).items == ()
    assert tree(tmp_path / "moved") == before
    assert report.count("done") == 6
