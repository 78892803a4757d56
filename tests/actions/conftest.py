"""What the tests of acting on copies share: a folder of copies in a library, a tree told file by file, a trash."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import lookalike
from lookalike.actions import Plan, PlanRow
from lookalike.library import Library
from tests.conftest import write_picture

Tree: TypeAlias = dict[str, tuple[Any, ...]]


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def xattrs(path: str) -> dict[str, str]:
    if not hasattr(os, "listxattr"):
        return {}
    try:
        names = [name for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")]
        return {n: base64.b64encode(os.getxattr(path, n, follow_symlinks=False)).decode() for n in names}
    except OSError:
        return {}


def tree(*folders: Path) -> Tree:
    """Return of every file, link and folder under some folders all that undo must bring back."""
    found: Tree = {}
    for folder in folders:
        for top, folders_, files in os.walk(folder):
            for name in (*folders_, *files):
                path = os.path.join(top, name)
                status = os.lstat(path)
                if stat.S_ISLNK(status.st_mode):
                    found[path] = ("link", os.readlink(path))
                elif stat.S_ISDIR(status.st_mode):
                    found[path] = ("folder", stat.S_IMODE(status.st_mode))
                else:
                    found[path] = (
                        "file", sha256(path), stat.S_IMODE(status.st_mode), status.st_mtime_ns, xattrs(path),
                    )  # fmt: skip
    return found


def files(folder: Path) -> list[str]:
    """Return the names of the files under a folder, in order."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def contents(*folders: Path) -> set[str]:
    """Return the hashes of all regular files under some folders."""
    return {
        sha256(path) for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    }


def fill(folder: Path, groups: int = 3, copies: int = 2) -> Path:
    """Write pictures, each with copies, with odd modes, times and attributes."""
    for number in range(groups):
        first = write_picture(folder / f"{number}.png", number)
        for copy in range(copies):
            path = folder / f"sub {copy}" / f"{number} copy.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first, path)
            os.utime(path, ns=(1_500_000_000_123_456_789 + number, 1_600_000_000_987_654_321 + copy))
            path.chmod((0o600, 0o640, 0o444)[(number + copy) % 3])
            mark(path, f"{number} {copy}")
    return folder


def mark(path: Path, text: str) -> None:
    """Set an extended attribute, where there are such."""
    if hasattr(os, "setxattr"):
        try:
            mode = path.stat().st_mode
            path.chmod(0o600)
            os.setxattr(path, "user.lookalike.test", text.encode())
            path.chmod(mode)
        except OSError:
            pass


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of three pictures with two copies each."""
    return fill(tmp_path / "photos")


@pytest.fixture
def library(tmp_path: Path, photos: Path) -> Iterator[Library]:
    """Return a library in which that folder is indexed."""
    with lookalike.open(tmp_path / "t.lookalike") as opened:
        opened.add(photos, descriptors=["pdq"])
        yield opened


@pytest.fixture
def trash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a desktop's trash that takes what is sent to it in this test."""
    if os.name == "nt" or os.uname().sysname == "Darwin":
        pytest.skip("the trash of this system cannot be put elsewhere for a test")
    other = pytest.importorskip("send2trash.plat_other")
    monkeypatch.setattr("send2trash.send2trash", other.send2trash)
    data = tmp_path / "home/.local/share"
    data.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    monkeypatch.setattr(other, "XDG_DATA_HOME", os.fsencode(data))
    monkeypatch.setattr(other, "HOMETRASH_B", os.fsencode(data / "Trash"))
    return data / "Trash"


@pytest.fixture
def clones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clones of files be plain copies, where the file system has none: all but the sharing is as with them."""
    monkeypatch.setattr("lookalike.actions.pieces.clone", plain_copy)


def plain_copy(source: str, target: str) -> None:
    with open(target, "xb") as stream:
        stream.write(Path(source).read_bytes())


def row(path: str | Path, group: int = 1, *, keeper: bool = False, act: str = "quarantine", **other: Any) -> PlanRow:
    """Return the row of a file as it is now."""
    status = os.lstat(path)
    digest = sha256(path) if os.path.isfile(path) else "0" * 64
    known = {
        "verdict": None if keeper else "same-file", "size": status.st_size, "mtime_ns": status.st_mtime_ns,
        "device": status.st_dev, "inode": status.st_ino, "sha256": digest, "bytes": status.st_size,
    }  # fmt: skip
    return PlanRow(group, str(path), keeper, "keep" if keeper else act, **(known | other))


def plan_of(*rows: PlanRow) -> Plan:
    return Plan(rows)


def pair(keeper: str | Path, *others: str | Path, act: str = "quarantine", **more: Any) -> Plan:
    """Return a plan of one group."""
    return plan_of(row(keeper, keeper=True), *(row(other, act=act, **more) for other in others))


def states(report: Any) -> Sequence[str]:
    return [one.state for one in getattr(report, "acted", None) or report.undone]
