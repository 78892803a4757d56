from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.errors import FetchError, UsageError
from lookalike.sources import collect, read_list


def test_paths_urls_and_lists_keep_the_order_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(name.encode())
    listed = read_list(io.BytesIO(b"http://a.example/2.jpg\na.jpg\nhttp://a.example/1.jpg\n"))
    source = collect(["http://a.example/1.jpg", Path("b"), *listed])
    here = Path.cwd()
    assert [item.uri for item in source] == [
        "http://a.example/1.jpg",
        str(here / "b" / "1.jpg"),
        str(here / "b" / "2.jpg"),
        "http://a.example/2.jpg",
        str(here / "a.jpg"),
    ]
    assert source.roots == (str(here / "b"),)
    assert source.incomplete_roots == set()
    assert source.read(str(here / "a.jpg")) == b"a.jpg"


def test_a_url_is_read_by_fetch_with_its_rules() -> None:
    with pytest.raises(FetchError, match="public"):
        collect([]).read("http://127.0.0.1/x.jpg")
    with pytest.raises(FetchError, match=r"failed|deliver"):
        collect([], allow_private=True).read("http://127.0.0.1:9/x.jpg")


@pytest.mark.parametrize("name", ["", "ftp://a.example/x.jpg"])
def test_a_name_that_cannot_be_read_is_wrong_use(name: str) -> None:
    with pytest.raises(UsageError):
        collect(["a.jpg", name])


def test_importing_the_room_loads_no_network_library() -> None:
    code = "import sys, lookalike.sources; print([m for m in ('httpx', 'httpcore', 'ssl', 'PIL') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"
