"""Whoever is killed while one file takes the place of another leaves names of ours beside it: they are removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lookalike.actions import files as action_files
from lookalike.actions.files import look
from lookalike.actions.journal import Step
from lookalike.actions.pieces import Swap
from lookalike.actions.resolving import _settle
from tests.actions.conftest import plain_copy, sha256

CALLS = ("rename", "link", "symlink", "unlink", "mkdir")
SYSTEMS = ("all renames", "no renameat2", "exchange only")
"""Which of the renames beyond rename(2) the file system has."""


class Killed(BaseException):
    """What stands for the end of the process."""


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    whole = action_files._rename_with
    if request.param == "no renameat2":
        monkeypatch.setattr(action_files, "_rename_with", lambda *_: False)
    elif request.param == "exchange only":
        monkeypatch.setattr(action_files, "_rename_with", lambda what, a, b: what == "exchange" and whole(what, a, b))
    monkeypatch.setattr("lookalike.actions.pieces.clone", plain_copy)
    return str(request.param)


def swap(folder: Path, how: str) -> Swap:
    """Return what puts something made of the keeper in the place of a copy."""
    (folder / "a").mkdir(parents=True)
    keeper, copy = folder / "a/keeper.jpg", folder / "a/copy.jpg"
    for path in (keeper, copy):
        path.write_bytes(b"picture")
    os.utime(copy, ns=(1, 1_600_000_000_000_000_007))
    return Swap(
        str(copy), str(folder / "quarantine/run/000001/copy.jpg"), sha256(copy), look(str(copy)),
        str(folder / "a/.lookalike-123-copy.jpg"), how, str(keeper), look(str(keeper)).inode,
    )  # fmt: skip


def stopped(work: Callable[[Callable[[str], None]], None], at: int) -> bool:
    """Do some work, killed before so manieth call that changes the file system; say whether it was."""
    count = 0

    def point(_: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            raise Killed

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def call_(*given: object, **more: object) -> object:
            point("")
            return call(*given, **more)

        return call_

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, watched(getattr(os, name)))
        rename_with = action_files._rename_with
        patch.setattr(action_files, "_rename_with", watched(rename_with))
        try:
            work(point)
        except Killed:
            return True
    return False


def settled(piece: Swap, state: str) -> str:
    return _settle(Step(1, piece.how, piece.path, piece.source, piece.sha256, 0, (piece,), state))[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "a").iterdir())


def known(path: str) -> tuple[int, ...]:
    facts = look(path)
    return facts.inode, facts.mtime_ns, facts.mode, facts.links


@pytest.mark.parametrize("how", ["hardlink", "symlink", "reflink"])
def test_whoever_is_killed_while_a_file_takes_anothers_place_leaves_nothing_beside_it(
    tmp_path: Path, how: str, system: str
):
    at, seen = 1, set()
    while True:
        folder = tmp_path / str(at)
        piece = swap(folder, how)
        killed = stopped(piece.do, at)
        state = settled(piece, "begun")
        seen.add(state)
        assert names(folder) == ["copy.jpg", "keeper.jpg"], (at, state)
        assert piece.place() == ("new" if state == "done" else "old")
        assert (sha256(piece.path), sha256(piece.source)) == (piece.sha256, piece.sha256)
        piece.back()
        assert known(piece.path) == (piece.facts.inode, piece.facts.mtime_ns, piece.facts.mode, 1)
        if not killed:
            break
        at += 1
    assert seen == {"failed", "done"}
    assert at > 5


@pytest.mark.parametrize("how", ["hardlink", "symlink", "reflink"])
def test_whoever_is_killed_while_it_comes_back_leaves_nothing_beside_it(tmp_path: Path, how: str, system: str):
    at = 1
    while True:
        folder = tmp_path / str(at)
        piece = swap(folder, how)
        piece.do()
        killed = stopped(piece.back, at)
        assert settled(piece, "undoing") == "undone", at
        assert names(folder) == ["copy.jpg", "keeper.jpg"], at
        assert known(piece.path) == (piece.facts.inode, piece.facts.mtime_ns, piece.facts.mode, 1)
        assert not os.path.lexists(piece.to)
        if not killed:
            break
        at += 1
    assert at > 2


@pytest.mark.parametrize("how", ["hardlink", "symlink", "reflink"])
def test_what_was_made_goes_though_the_file_was_changed_after_the_kill(tmp_path: Path, how: str, system: str):
    piece = swap(tmp_path, how)
    piece._make()
    Path(piece.path).write_bytes(b"edited meanwhile")
    assert settled(piece, "begun") == "done"
    assert names(tmp_path) == ["copy.jpg", "keeper.jpg"]
    assert Path(piece.path).read_bytes() == b"edited meanwhile"


@pytest.mark.parametrize("how", ["hardlink", "reflink"])
def test_what_was_made_stays_where_it_is_the_last_copy(tmp_path: Path, how: str, system: str):
    piece = swap(tmp_path, how)
    piece._make()
    os.unlink(piece.path)
    os.unlink(piece.source)
    settled(piece, "begun")
    assert sha256(piece.temporary) == piece.sha256
