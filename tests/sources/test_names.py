# ruff: noqa: PTH118
# Paths are strings here, as in what is tested.

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import UsageError
from lookalike.sources import is_url, normalise_uri, read_list

posix_only = pytest.mark.skipif(os.name == "nt", reason="these are POSIX paths")


@pytest.mark.parametrize("text", ["http://a.example/x", "https://a.example", "HTTPS://A.EXAMPLE", "  http://a.example"])
def test_http_and_https_in_any_case_are_urls(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize(
    "text", ["", "x.jpg", "http:/x.jpg", "ftp://a.example", "C://x.jpg", "./http://x", "httpx://a"]
)
def test_anything_else_is_no_url(text: str) -> None:
    assert not is_url(text)


def test_a_url_stays_as_given_but_for_the_space_around_it() -> None:
    assert normalise_uri(" HTTP://A.example/B%20c?d#e\n") == "HTTP://A.example/B%20c?d#e"


def test_a_path_is_made_absolute_and_its_links_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = str(Path.cwd())
    assert normalise_uri("a/../b.jpg") == os.path.join(here, "b.jpg")
    assert normalise_uri(" b.jpg ") == os.path.join(here, " b.jpg ")
    assert normalise_uri("C://b.jpg" if os.name == "nt" else "./http://b.jpg").endswith("b.jpg")


@posix_only
@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b.jpg", "/a/b.jpg"),
        ("FILE://localhost/a/b.jpg", "/a/b.jpg"),
        ("file:///a%20b/%23%3F.jpg", "/a b/#?.jpg"),
        ("file:///a%FF.jpg", "/a\udcff.jpg"),
        ("file:///a/../b#c.jpg", "/b#c.jpg"),
    ],
)
def test_a_file_url_becomes_its_path(url: str, path: str) -> None:
    assert normalise_uri(url) == path


@pytest.mark.skipif(os.name != "nt", reason="drive letters and shared folders are those of Windows")
def test_a_file_url_may_name_a_drive_or_a_shared_folder() -> None:
    assert normalise_uri("file:///C:/a%20b.jpg") == "C:\\a b.jpg"
    assert normalise_uri("file://server/share/a.jpg") == "\\\\server\\share\\a.jpg"


@pytest.mark.parametrize("text", ["", "ftp://a.example/x.jpg", "s3://bucket/x.jpg", "data://x", "file://"])
def test_an_empty_name_and_other_schemes_are_wrong_use(text: str) -> None:
    with pytest.raises(UsageError):
        normalise_uri(text)


@posix_only
def test_a_file_url_of_another_machine_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="another machine"):
        normalise_uri("file://server/share/a.jpg")


def test_a_list_has_one_entry_per_line() -> None:
    stream = io.BytesIO(b"a.jpg\r\n\nsub/b c.jpg\nhttps://a.example/x.jpg\r\n\r\nlast.jpg")
    assert list(read_list(stream)) == ["a.jpg", "sub/b c.jpg", "https://a.example/x.jpg", "last.jpg"]
    assert not stream.closed


def test_a_list_with_nul_bytes_may_hold_names_with_newlines() -> None:
    stream = io.BytesIO(b"a\nb.jpg\0\0c\r\0d.jpg")
    assert list(read_list(stream, null=True)) == ["a\nb.jpg", "c\r", "d.jpg"]


def test_the_mark_that_windows_editors_put_first_is_left_out() -> None:
    assert list(read_list(io.BytesIO(b"\xef\xbb\xbfa.jpg\nb.jpg"))) == ["a.jpg", "b.jpg"]


def test_a_list_in_utf_16_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        list(read_list(io.BytesIO("a.jpg\n".encode("utf-16"))))


def test_a_list_is_read_from_a_path_too(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"a.jpg\nb.jpg\n")
    assert list(read_list(tmp_path / "list.txt")) == ["a.jpg", "b.jpg"]
    assert list(read_list(str(tmp_path / "list.txt"))) == ["a.jpg", "b.jpg"]


def test_a_list_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_list(tmp_path / "none.txt"))


def test_a_picture_given_as_a_list_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="give a list"):
        list(read_list(io.BytesIO(b"\xff\xd8" + bytes(3_000_000))))


def test_a_list_is_read_piece_by_piece() -> None:
    stream = io.BytesIO(b"a.jpg\n" * 100_000)
    first = next(iter(read_list(stream)))
    assert first == "a.jpg"
    assert stream.tell() < 200_000


@posix_only
@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name)))
def test_any_names_survive_a_list_with_nul_bytes(names: list[bytes]) -> None:
    entries = read_list(io.BytesIO(b"".join(name + b"\0" for name in names)), null=True)
    assert [os.fsencode(entry) for entry in entries] == names
