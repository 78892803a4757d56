from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.errors import TooLargeError, UnreadableError
from lookalike.sources import FileSource, read_bytes

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs nor these modes")


def open_files() -> int:
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc to count open files in")
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\r\n\x1a" * 1000)
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert read_bytes(tmp_path / "a.jpg") == b"\r\n\x1a" * 1000
    assert read_bytes(str(tmp_path / "empty.jpg")) == b""


def test_of_a_file_only_the_beginning_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abcdef")
    assert read_bytes(tmp_path / "a.jpg", head=2) == b"ab"
    assert read_bytes(tmp_path / "a.jpg", head=20) == b"abcdef"


def test_a_file_may_have_as_many_bytes_as_the_limit_and_not_one_more(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(100))
    assert read_bytes(tmp_path / "a.jpg", max_bytes=100) == bytes(100)
    with pytest.raises(TooLargeError, match="99"):
        read_bytes(tmp_path / "a.jpg", max_bytes=99)
    with pytest.raises(TooLargeError):
        FileSource([tmp_path]).read(str(tmp_path / "a.jpg"), max_bytes=99)


def test_a_file_that_is_gone_and_a_folder_are_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="gone"):
        read_bytes(tmp_path / "none.jpg")
    with pytest.raises(UnreadableError, match="folder"):
        read_bytes(tmp_path)
    with pytest.raises(UnreadableError):
        read_bytes("a\0b.jpg")


@posix_only
def test_a_fifo_and_a_device_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    for path in (str(tmp_path / "a.jpg"), os.devnull):
        with pytest.raises(UnreadableError, match="not a regular file"):
            read_bytes(path)


@posix_only
def test_a_fifo_put_in_place_of_a_file_after_the_look_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    real_open = os.open

    def swapped(path: str, flags: int) -> int:
        Path(path).unlink()
        os.mkfifo(path)
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(UnreadableError, match="not a regular file"):
        read_bytes(str(tmp_path / "a.jpg"))


@posix_only
def test_the_descriptor_is_closed_whatever_comes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(100))
    before = open_files()
    for _ in range(5):
        assert len(read_bytes(tmp_path / "a.jpg")) == 100
        with pytest.raises(TooLargeError):
            read_bytes(tmp_path / "a.jpg", max_bytes=5)
    assert open_files() == before


def test_a_file_of_unknown_size_is_read_to_its_end_but_not_beyond_the_limit() -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("no file system here that tells no sizes")
    assert b"Name:" in read_bytes("/proc/self/status")
    with pytest.raises(TooLargeError):
        read_bytes("/proc/self/status", max_bytes=10)


def test_a_file_that_comes_in_pieces_is_read_whole_and_not_beyond_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(range(100)))
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 7)))
    assert read_bytes(path) == bytes(range(100))
    assert read_bytes(path, head=10) == bytes(range(10))
    with pytest.raises(TooLargeError):
        read_bytes(path, max_bytes=99)


@pytest.mark.parametrize("now", [0, 40, 160])
def test_a_file_that_shrinks_or_grows_while_it_is_read_is_what_it_holds_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: int
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(range(100)))
    read = os.read

    def changed(descriptor: int, size: int) -> bytes:
        monkeypatch.setattr(os, "read", read)
        path.write_bytes(bytes(range(now)))
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", changed)
    assert read_bytes(path) == bytes(range(now))


def test_an_excluded_file_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library.db"
    path.write_bytes(b"SQLite")
    status = path.stat()
    source = FileSource([tmp_path], exclude_ids=[(status.st_dev, status.st_ino)])

    def never(*_: object) -> int:
        raise AssertionError("opened")

    monkeypatch.setattr(os, "open", never)
    with pytest.raises(UnreadableError, match="library itself"):
        source.read(str(path))


def test_a_url_is_a_path_unless_urls_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (item,) = FileSource(["http://a.example/x.jpg"])
    assert item.error == "no such file or folder"
    (item,) = FileSource(["http://a.example/x.jpg"], fetch_url=lambda url: url.encode())
    assert (item.uri, item.error) == ("http://a.example/x.jpg", "")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        for path in Path(folder).rglob("*"):
            path.chmod(0o755)


AS_NOBODY = """
import os, sys
from lookalike.errors import UnreadableError
from lookalike.sources import FileSource
if os.geteuid() == 0:
    os.setgroups([]); os.setegid(65534); os.seteuid(65534)
source = FileSource(sys.argv[1:])
for item in source:
    reason = item.error
    if not item.error:
        try:
            source.read(item.uri)
        except UnreadableError as error:
            reason = f"read: {error}"
    print(os.path.relpath(item.uri, sys.argv[1]), reason, sep="|")
print(sorted(os.path.relpath(root, sys.argv[1]) for root in source.incomplete_roots))
"""


@posix_only
def test_what_this_user_may_not_read_has_its_reason_and_the_rest_is_found(open_folder: Path) -> None:
    for name in ("a.jpg", "closed.jpg", "folder/x.jpg", "ok/y.jpg"):
        (open_folder / name).parent.mkdir(exist_ok=True)
        (open_folder / name).write_bytes(b"picture")
    (open_folder / "closed.jpg").chmod(0)
    (open_folder / "folder").chmod(0)
    arguments = [open_folder, open_folder / "ok", open_folder / "folder" / "x.jpg"]
    run = subprocess.run([sys.executable, "-c", AS_NOBODY, *arguments], capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines() == [
        "a.jpg|",
        "closed.jpg|read: permission denied",
        "folder|permission denied",
        "ok/y.jpg|",
        "folder/x.jpg|permission denied",
        "['.', 'folder/x.jpg']",
    ], run.stderr


@posix_only
def test_the_hostile_tree_ends_and_every_good_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    os.mkfifo("fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
    Path("folder.jpg").mkdir()
    Path("folder.jpg/good.jpg").write_bytes(b"good")
    Path("dangling.jpg").symlink_to("nowhere")
    Path("loop").symlink_to(".")
    Path("zero.jpg").write_bytes(b"")
    odd = os.fsdecode(b"bad\xff\xfe.jpg") if sys.platform == "linux" else "bäd.jpg"
    Path(odd).write_bytes(b"good")
    Path("new\nline.jpg").write_bytes(b"good")
    Path("l" * 251 + ".jpg").write_bytes(b"good")
    os.link(odd, "hard.jpg")
    source = FileSource(["."])
    found = {os.path.relpath(item.uri): item for item in source}
    assert {name: item.skip for name, item in found.items() if item.skip} == {
        "fifo.jpg": "FIFO",
        "socket.jpg": "socket",
        "dangling.jpg": "symbolic link",
        "loop": "symbolic link",
    }
    good = {name: source.read(item.uri) for name, item in found.items() if not item.skip}
    assert good == {
        "folder.jpg/good.jpg": b"good",
        "zero.jpg": b"",
        odd: b"good",
        "new\nline.jpg": b"good",
        "l" * 251 + ".jpg": b"good",
        "hard.jpg": b"good",
    }
    assert found["hard.jpg"].inode == found[odd].inode
    assert found["hard.jpg"].links == found[odd].links == 2
    assert source.incomplete_roots == set()


def test_an_item_has_what_the_file_system_tells(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(123))
    (item,) = FileSource([tmp_path])
    status = (tmp_path / "a.jpg").stat()
    assert stat.S_ISREG(status.st_mode)
    assert (item.uri, item.size, item.mtime_ns) == (str(tmp_path / "a.jpg"), 123, status.st_mtime_ns)
    assert (item.device, item.inode, item.links) == (status.st_dev, status.st_ino, 1)
    assert (item.skip, item.error) == ("", "")
