"""D4: another file system, no trash, a read-only disk, no permission, a full disk: nothing is lost, and it is said."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lookalike
from lookalike.actions import apply_plan, make_plan, undo
from lookalike.actions import files as action_files
from lookalike.errors import LibraryError
from lookalike.library import Library
from tests.actions.conftest import contents, fill, pair, sha256, states, tree

ROOT = Path(__file__).parents[2]
TORTURE = os.environ.get("LOOKALIKE_TORTURE") == "1"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on another file system."""
    base = "/dev/shm"
    if not os.access(base, os.W_OK) or os.stat(base).st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    with tempfile.TemporaryDirectory(dir=base) as folder:
        yield Path(folder)


# ---------------------------------------------------------------------------------------------------- other disks


def test_pictures_on_another_disk_than_the_library_are_quarantined_on_their_own(tmp_path: Path, other: Path):
    photos = fill(other / "photos")
    before = tree(photos)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add(photos, descriptors=["pdq"])
        report = apply_plan(library, make_plan(library))
        assert set(states(report)) == {"done"}
        for one in report.acted:
            assert Path(one.to).is_relative_to(photos / ".lookalike-quarantine" / report.run)
        assert library.add(photos, descriptors=["pdq"], hidden=True).found == 3
        assert set(states(undo(library))) == {"undone"}
    assert tree(photos) == before


def test_a_move_to_another_disk_is_copied_proven_and_undone(library: Library, photos: Path, other: Path):
    before, held = tree(photos), contents(photos)
    report = apply_plan(library, make_plan(library, act="move", move_to=other / "moved"))
    assert set(states(report)) == {"done"}
    assert contents(photos) == contents(other) == held
    one = report.acted[0]
    assert (sha256(one.to), os.stat(one.to).st_mtime_ns, os.stat(one.to).st_mode & 0o777) == (
        before[one.uri][1], before[one.uri][3], before[one.uri][2],
    )  # fmt: skip
    assert set(states(undo(library))) == {"undone"}
    assert tree(photos) == before
    assert not contents(other)


def test_a_hard_linked_file_is_not_moved_to_another_disk(library: Library, photos: Path, other: Path):
    os.link(photos / "sub 0/0 copy.png", photos / "same.png")
    report = apply_plan(library, pair(photos / "0.png", photos / "sub 0/0 copy.png", act="move", to=str(other)))
    assert states(report) == ["refused"]
    assert "hard links" in report.acted[0].reason


@pytest.mark.parametrize("act", ["hardlink", "reflink"])
def test_a_keeper_on_another_disk_cannot_be_linked(library: Library, photos: Path, other: Path, act: str):
    keeper = other / "0.png"
    shutil.copyfile(photos / "0.png", keeper)
    before = tree(photos)
    report = apply_plan(library, pair(keeper, photos / "sub 0/0 copy.png", act=act))
    assert states(report) == ["refused"]
    assert "choose quarantine" in report.acted[0].reason
    assert tree(photos) == before


def test_a_keeper_on_another_disk_can_be_led_to_by_a_symbolic_link(library: Library, photos: Path, other: Path):
    keeper, copy = other / "0.png", photos / "sub 0/0 copy.png"
    shutil.copyfile(photos / "0.png", keeper)
    before = tree(photos)
    assert states(apply_plan(library, pair(keeper, copy, act="symlink"))) == ["done"]
    assert os.path.realpath(copy) == str(keeper)
    undo(library)
    assert tree(photos) == before


def test_reflinks_are_made_or_it_is_said_why_not(library: Library, photos: Path):
    before = tree(photos)
    report = apply_plan(library, make_plan(library, act="reflink"))
    if set(states(report)) == {"done"}:
        undo(library)
    else:
        assert {one.reason.partition(" has ")[0] for one in report.acted} == {"its file system"}
        assert all("choose quarantine" in one.reason for one in report.acted)
    assert tree(photos) == before


# ---------------------------------------------------------------------------------------------------- no trash


@pytest.mark.parametrize("fault", [OSError(13, "Permission denied"), RuntimeError("no desktop"), ImportError("no gio")])
def test_without_a_trash_nothing_happens(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
):
    def refuse(path: str) -> None:
        raise fault

    monkeypatch.setattr("send2trash.send2trash", refuse)
    before = tree(photos)
    report = apply_plan(library, make_plan(library, act="trash"))
    assert set(states(report)) == {"refused"}
    assert all("choose quarantine" in one.reason for one in report.acted)
    assert tree(photos) == before


def test_a_trash_that_takes_a_file_and_leaves_it_is_not_believed(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("send2trash.send2trash", lambda path: None)
    before = tree(photos)
    assert set(states(apply_plan(library, make_plan(library, act="trash")))) == {"refused"}
    assert tree(photos) == before


# ------------------------------------------------------------------------------------ errors of the file system

FAULTS = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EXDEV,
    errno.ENAMETOOLONG,
)
CALLS = ("rename", "link", "symlink", "unlink", "mkdir", "chmod", "utime", "setxattr", "open", "fsync")


def break_calls(monkeypatch: pytest.MonkeyPatch, name: str, number: int, photos: Path, at: int) -> None:
    """Let the call of the system fail where it touches pictures, from the given time on."""
    real, count = getattr(os, name), 0

    def broken(path: Any, *arguments: Any, **more: Any) -> Any:
        nonlocal count
        text = os.readlink(f"/proc/self/fd/{path}") if name == "fsync" else str(path)
        writes = name != "open" or (arguments and arguments[0] & (os.O_WRONLY | os.O_RDWR))
        if writes and not text.endswith((".jsonl", ".db", ".lock", ".pid")):
            count += 1
            if count >= at:
                raise OSError(number, os.strerror(number), text)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, name, broken)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("act", ["quarantine", "move", "hardlink", "reflink", "symlink", "trash"])
def test_whatever_call_fails_nothing_is_lost_and_it_is_said(
    library: Library, photos: Path, other: Path, trash: Path, clones, act: str
):
    """Each call by which the file system is changed fails with each error, the first time and later."""
    before, held = tree(photos), contents(photos)
    for turn, name in enumerate(CALLS):
        for at in (1, 2) if TORTURE else (1 + turn // 2 % 2,):
            number = FAULTS[(turn * 2 + at) % len(FAULTS)]
            with pytest.MonkeyPatch.context() as patch:
                if turn % 2:
                    patch.setattr(action_files, "_rename_with", lambda *_: False)
                plan = pair(
                    photos / "0.png", photos / "sub 0/0 copy.png", photos / "sub 1/0 copy.png", act=act,
                    to=str(other / "moved") if act == "move" else "",
                )  # fmt: skip
                break_calls(patch, name, number, photos, at)
                report = apply_plan(library, plan)
            assert contents(photos, library.path, other, trash.parent) >= held
            for one in report.acted:
                assert one.state == "done" or one.reason, one
                if one.state == "refused":
                    assert sha256(one.uri) in held, "it is at its old place"
                elif one.state == "displaced":
                    assert sha256(one.to) in held, "it is where it is said to be"
            if not set(states(report)) <= {"refused"}:
                assert set(states(undo(library))) == {"undone"}
            assert tree(photos) == before, (name, at, number)


def test_a_journal_that_cannot_be_written_stops_before_anything_is_done(
    library: Library, photos: Path, monkeypatch: pytest.MonkeyPatch
):
    before, plan = tree(photos), make_plan(library)
    (library.path / "history").write_text("in the way")
    with pytest.raises(LibraryError, match="nothing more is done"):
        apply_plan(library, plan)
    assert tree(photos) == before
    (library.path / "history").unlink()
    real = os.fsync

    def full(number: int) -> None:
        if os.fstat(number).st_size > 1500:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LibraryError, match="free some space"):
        apply_plan(library, plan)
    monkeypatch.undo()
    done = len(before) - len(tree(photos))
    assert done >= 1
    assert len(undo(library).undone) == done
    assert tree(photos) == before


# ------------------------------------------------------------------------------- real disks, in a world of our own

WORLD = """
    import os, subprocess, sys
    from pathlib import Path
    import lookalike
    from lookalike.actions import apply_plan, make_plan, undo
    from lookalike.errors import LookalikeError
    from tests.actions.conftest import contents, fill, pair, states, tree

    top, kind = Path(sys.argv[1]), sys.argv[2]
    disk = top / "disk"
    disk.mkdir()
    mount = lambda *words: subprocess.run(["mount", *words, str(disk)], check=True)
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs")
    photos = fill((disk if kind != "target" else top) / "photos")
    held, before = contents(photos), tree(photos)
    with lookalike.open(top / "t.lookalike") as library:
        library.add(photos, descriptors=["pdq"])
        if kind == "read-only":
            mount("-o", "remount,ro")
        else:
            try:
                with open(disk / "ballast", "wb", buffering=0) as stream:
                    while True:
                        stream.write(bytes(4096))
            except OSError:
                pass
        for act in ("quarantine", "move", "hardlink", "symlink"):
            to = str(disk / "moved") if kind == "target" else str(top / "moved")
            plan = make_plan(library, act=act, move_to=to if act == "move" else None)
            report = apply_plan(library, plan)
            assert contents(photos, *top.glob("t.lookalike"), *top.glob("moved"), *disk.glob("moved")) >= held
            print(act, sorted({(one.state, one.reason[-40:]) for one in report.acted}))
            if kind == "read-only" or (kind == "target" and act == "move"):
                assert set(states(report)) == {"refused"}, report.acted
                assert tree(photos) == before
            if report.count("done"):
                back = undo(library)
                if set(states(back)) != {"undone"}:  # a full disk may have no room for a folder
                    (disk / "ballast").unlink()
                    back = undo(library)
                    assert set(states(back)) == {"undone"}, back.undone
            assert tree(photos) == before
"""


@pytest.mark.parametrize("kind", ["full", "read-only", "target"])
def test_on_a_real_disk_that_is_full_or_read_only_nothing_is_lost(tmp_path: Path, kind: str):
    """The pictures' disk is full, or read-only; or that to which they are to be moved is full."""
    unshare = shutil.which("unshare")
    rights = ["--map-root-user", "--user", "--mount"]
    if unshare is None or subprocess.run([unshare, *rights, "true"], capture_output=True).returncode:
        pytest.skip("needs unshare(1) and the right to make a mount namespace")
    command = [unshare, *rights, sys.executable, "-c", textwrap.dedent(WORLD), str(tmp_path), kind]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout + ended.stderr


WITHOUT_RIGHTS = """
    import os, sys
    from pathlib import Path
    import lookalike
    from lookalike.actions import apply_plan, make_plan
    from tests.actions.conftest import fill, states, tree

    top = Path(sys.argv[1])
    with lookalike.open(top / "first.lookalike") as library:  # so that nothing need be imported later
        library.add(fill(top / "first"), descriptors=["pdq"])
        for act in ("trash", "quarantine"):
            apply_plan(library, make_plan(library, act=act), dry_run=True)
    import send2trash
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    photos = fill(top / "photos")
    with lookalike.open(top / "t.lookalike") as library:
        library.add(photos, descriptors=["pdq"], isolated=False)  # a guest may not run our Python
        plan = make_plan(library)
        folders = [photos, photos / "sub 0", photos / "sub 1"]
        for folder in folders:
            folder.chmod(0o555)
        before = tree(photos)
        for act in ("quarantine", "trash", "hardlink", "symlink", "move"):
            to = top / "moved" if act == "move" else None
            report = apply_plan(library, make_plan(library, act=act, move_to=to))
            assert set(states(report)) == {"refused"}, report.acted
            assert all("permission" in one.reason for one in report.acted), report.acted
            assert tree(photos) == before
        for folder in folders:
            folder.chmod(0o755)
"""


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
def test_without_permission_nothing_happens_and_it_is_said():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        environment = os.environ | {"HOME": folder, "XDG_DATA_HOME": folder}
        command = [sys.executable, "-c", textwrap.dedent(WITHOUT_RIGHTS), folder]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stdout + ended.stderr
