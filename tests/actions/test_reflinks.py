"""Reflinks on a file system that has them, made in a file and mounted for the test; and where there are none."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lookalike
from lookalike.actions import apply_plan, files, make_plan, undo
from lookalike.actions.files import Refused, clone
from tests.actions.conftest import fill, pair, states, tree
from tests.actions.test_leftovers import known, names, settled, stopped, swap
from tests.conftest import write_picture

MAKERS = {"btrfs": ("mkfs.btrfs", "-q"), "xfs": ("mkfs.xfs", "-q", "-m", "reflink=1")}


@pytest.fixture(scope="module", params=sorted(MAKERS))
def disk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder where a new file system is mounted that has reflinks."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount a file system made in a file, and only on Linux")
    maker, *options = MAKERS[request.param]
    program = shutil.which(maker, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"{maker} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    image, top = folder / "image", folder / "disk"
    top.mkdir()
    with image.open("wb") as stream:
        stream.truncate(400 << 20)
    for command in ([program, *options, str(image)], ["mount", "-o", "loop", str(image), str(top)]):
        made = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if made.returncode:
            pytest.skip(f"{command[0]} is not allowed here: {made.stderr.strip()}")
    try:
        yield top
    finally:
        subprocess.run(["umount", str(top)], check=True, timeout=60)


def extents(path: str | Path) -> list[tuple[int, int]]:
    """Return where on the disk the bytes of a file lie, and how many: what FIEMAP tells."""
    import fcntl

    with open(path, "rb") as stream:
        os.fsync(stream.fileno())
        asked = bytearray(struct.pack("=QQLLLL", 0, 2**64 - 1, 1, 0, 64, 0) + bytes(64 * 56))
        fcntl.ioctl(stream, 0xC020660B, asked)
    count = struct.unpack_from("=L", asked, 20)[0]
    found = [struct.unpack_from("=QQQ", asked, 32 + 56 * at) for at in range(count)]
    return [(physical, length) for _, physical, length in found]


def test_copies_share_the_keepers_bytes_and_undo_brings_the_very_files_back(disk: Path):
    photos = fill(disk / "photos", 2, 2)
    for number in range(2):  # of more than fits beside a name
        big = os.urandom(50_000)
        for path in photos.rglob(f"{number}*.png"):
            status, mode = path.stat(), path.stat().st_mode
            path.chmod(0o600)
            path.write_bytes(path.read_bytes() + big)
            path.chmod(mode)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    before = tree(photos)
    inodes = {path: path.stat().st_ino for path in photos.rglob("*.png")}
    with lookalike.open(disk / "t.lookalike") as library:
        library.add(photos, descriptors=["pdq"])
        plan = make_plan(library, act="reflink")
        assert len(plan.acting) == 4
        apart = {row.uri: extents(row.uri) for row in plan.acting}
        report = apply_plan(library, plan)
        assert states(report) == ["done"] * 4
        keepers = {row.group: row.uri for row in plan.items if row.keeper}
        for row in plan.acting:
            assert extents(row.uri) == extents(keepers[row.group]) != apart[row.uri]
            assert os.stat(row.uri).st_ino not in inodes.values()
            assert os.stat(row.uri).st_nlink == 1
        assert tree(photos) == before  # bytes, modes, times and attributes are those of the copy
        Path(plan.acting[0].uri).chmod(0o600)
        assert states(undo(library)) == ["undone"] * 4
    assert tree(photos) == before
    assert {path: path.stat().st_ino for path in photos.rglob("*.png")} == inodes


def test_writing_to_one_leaves_the_other(disk: Path):
    one, two = disk / "one", disk / "two"
    one.write_bytes(b"x" * 50_000)
    clone(str(one), str(two))
    two.write_bytes(b"y" * 50_000)
    assert one.read_bytes() == b"x" * 50_000


def test_killed_at_any_step_nothing_is_left_beside_the_file(disk: Path):
    at = 1
    while True:
        piece = swap(disk / str(at), "reflink")
        killed = stopped(piece.do, at)
        settled(piece, "begun")
        assert names(disk / str(at)) == ["copy.jpg", "keeper.jpg"]
        piece.back()
        assert known(piece.path) == (piece.facts.inode, piece.facts.mtime_ns, piece.facts.mode, 1)
        if not killed:
            break
        at += 1
    assert at > 5


def test_a_keeper_on_another_disk_is_refused_in_words(disk: Path, tmp_path: Path):
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(Refused, match="the keeper is on another one"):
        clone(str(tmp_path / "x"), str(disk / "from elsewhere"))
    assert not (disk / "from elsewhere").exists()


def test_where_there_are_none_a_reflink_is_refused_in_words_and_nothing_changes(tmp_path: Path):
    (tmp_path / "probe").write_bytes(b"x")
    try:
        clone(str(tmp_path / "probe"), str(tmp_path / "probe too"))
        pytest.skip("the file system of the temporary folder has reflinks")
    except Refused:
        pass
    photos = tmp_path / "photos"
    keeper = write_picture(photos / "a.png", 1)
    copy = photos / "b.png"
    shutil.copyfile(keeper, copy)
    before = tree(photos)
    with lookalike.open(tmp_path / "t.lookalike") as library:
        library.add(photos, descriptors=["pdq"])
        report = apply_plan(library, pair(keeper, copy, act="reflink"))
    assert [(one.state, one.reason) for one in report.acted] == [
        ("refused", "its file system has no reflinks (Btrfs, XFS and APFS have them), or the keeper is on another one: "
         "choose quarantine or hardlink")
    ]  # fmt: skip
    assert tree(photos) == before
    assert files.digest(str(copy)) == files.digest(str(keeper))
