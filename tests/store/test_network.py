"""A library on a network share: no shared memory, and nobody's lock taken over silently."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path

import pytest

from lookalike.errors import LibraryError, LibraryLockedError
from lookalike.store import CacheFile, Store, disk
from lookalike.store.lock import Writer, noted_writer, present_writer, writer_lock
from tests.store.conftest import fill, vectors


@pytest.fixture
def share(monkeypatch):
    """Have every folder lie on a network share."""
    for room in ("database", "lock", "cachefile"):
        monkeypatch.setattr(f"lookalike.store.{room}.network_kind", lambda _: "nfs4")


def mode(store: Store) -> str:
    return str(store._db.rows("PRAGMA journal_mode")[0][0])


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*-wal")) + sorted(path.name for path in folder.glob("*-shm"))


def test_on_a_share_nothing_is_kept_in_shared_memory_and_all_works(tmp_path, share):
    first, second = (Store(tmp_path / "a.lookalike", create=True) for _ in range(2))
    for number, store in enumerate((first, second)):
        fill(store, vectors(number, 20), str(number))
        assert mode(store) == "delete"
    assert len(list(first.images())) == len(list(second.images())) == 40
    assert beside(first.folder) == []
    cache = CacheFile(first.folder, "f", "thumbnails")
    other = CacheFile(first.folder, "f", "thumbnails")
    assert cache.write({b"a": b"1"})
    assert other.write({b"b": b"2"})
    assert cache.read([b"a", b"b"]) == {b"a": b"1", b"b": b"2"}
    assert beside(first.folder / "cache") == []
    for one in (cache, other, first, second):
        one.close()


def test_a_library_that_moves_to_a_share_and_back_changes_its_journal(tmp_path, monkeypatch):
    folder = tmp_path / "a.lookalike"
    store = Store(folder, create=True)
    fill(store, vectors(1, 20))
    cache = CacheFile(folder, "f", "thumbnails")
    cache.write({b"a": b"1"})
    cache.close()
    store.close()
    with monkeypatch.context() as share:
        for room in ("database", "lock", "cachefile"):
            share.setattr(f"lookalike.store.{room}.network_kind", lambda _: "cifs")
        store = Store(folder)
        assert mode(store) == "delete"
        assert len(list(store.images())) == 20
        cache = CacheFile(folder, "f", "thumbnails")
        assert cache.read([b"a"]) == {b"a": b"1"}
        assert beside(folder) == beside(folder / "cache") == []
        cache.close()
        store.close()
    store = Store(folder)
    assert mode(store) == "wal"
    assert len(list(store.images())) == 20
    store.close()


def test_a_library_in_shared_memory_that_is_open_elsewhere_is_refused_on_a_share(tmp_path, request):
    folder = tmp_path / "a.lookalike"
    local = Store(folder, create=True)
    fill(local, vectors(1, 20))
    request.getfixturevalue("share")
    with pytest.raises(LibraryLockedError, match=r"network share \(nfs4\).*is open elsewhere: close it there"):
        Store(folder)
    assert len(list(local.images())) == 20
    local.close()
    store = Store(folder)
    assert (mode(store), len(list(store.images()))) == ("delete", 20)
    store.close()


def test_a_share_that_was_not_closed_and_cannot_be_written_to_is_refused(tmp_path, share, monkeypatch):
    folder = tmp_path / "a.lookalike"
    Store(folder, create=True).close()
    (folder / "library.db-wal").write_bytes(b"what another machine has not yet written into place")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(LibraryError, match="was not closed: open it once where it can be written to"):
        Store(folder)


def test_another_machines_writer_is_never_taken_over_on_a_share(tmp_path, share):
    note = "4711\nother-machine\n"
    (tmp_path / "writer.pid").write_text(note)
    with (
        pytest.raises(
            LibraryLockedError, match=r"process 4711 on other-machine is writing.*delete .*writer\.pid"
        ) as caught,
        writer_lock(tmp_path),
    ):
        raise AssertionError("never reached")
    assert caught.value.pid == 4711
    assert (tmp_path / "writer.pid").read_text() == note
    (tmp_path / "writer.pid").unlink()
    with writer_lock(tmp_path):
        assert noted_writer(tmp_path) == Writer(os.getpid(), platform.node())
    assert not (tmp_path / "writer.pid").exists()


def test_on_a_local_disk_another_machines_note_is_a_left_over(tmp_path):
    """The disk was carried here, or it is a container's: its lock would be held here, too."""
    (tmp_path / "writer.pid").write_text("4711\nother-machine\n")
    with writer_lock(tmp_path):
        writer = noted_writer(tmp_path)
        assert writer is not None
        assert writer.pid == os.getpid()


def test_whether_somebody_writes_can_be_asked_without_a_trace(tmp_path):
    assert not present_writer(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with writer_lock(tmp_path):
        assert present_writer(tmp_path)
    assert not present_writer(tmp_path)
    with writer_lock(tmp_path):
        pass


MOUNTINFO = r"""22 27 0:21 / /proc rw - proc proc rw
27 1 254:0 / / rw,relatime - 9p /dev/root rw
40 27 0:50 / /home/me/my\040share rw,relatime shared:7 - nfs4 server:/export rw
41 40 8:1 / /home/me/my\040share/disk rw - ext4 /dev/sdb1 rw
42 27 0:51 / /mnt/windows rw - cifs //host/share rw
43 27 0:52 / /mnt/ssh rw - fuse.sshfs me@host: rw
"""
MOUNT = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//me@host/Family%20on%20top on /Volumes/Family on top (smbfs, nodev, nosuid, mounted by me)
host:/export on /Volumes/nfs (nfs)
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/me/a.lookalike", ""),
        ("/home/me/my share/a.lookalike", "nfs4"),
        ("/home/me/my share", "nfs4"),
        ("/home/me/my share/disk/a.lookalike", ""),
        ("/home/me/my shares/a.lookalike", ""),
        ("/mnt/windows/deep/er", "cifs"),
        ("/mnt/ssh/x", "fuse.sshfs"),
    ],
)
def test_the_deepest_mount_tells_on_linux(folder, kind):
    assert disk._kind_at(folder, disk._mounts_of_linux(MOUNTINFO)) == kind


def test_the_output_of_mount_tells_on_macos():
    mounts = disk._mounts_of_macos(MOUNT)
    found = [disk._kind_at(place, mounts) for place in ("/Users/me", "/Volumes/Family on top/x", "/Volumes/nfs/a")]
    assert found == ["", "smbfs", "nfs"]


def test_a_folder_that_is_not_there_yet_is_told_by_the_one_above(tmp_path):
    assert disk.network_kind(tmp_path / "not" / "there") == disk.network_kind(tmp_path)


def test_sqlite_agrees_about_the_journal(tmp_path, share):
    Store(tmp_path / "a.lookalike", create=True).close()
    db = sqlite3.connect(tmp_path / "a.lookalike" / "library.db")
    assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    db.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other locks")
def test_who_only_asks_whether_somebody_writes_is_no_writer_to_another_who_asks(tmp_path):
    import fcntl

    path = tmp_path / "writer.lock"
    path.touch()
    with open(path, "rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not present_writer(tmp_path)
    with open(path, "rb") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        assert present_writer(tmp_path)
