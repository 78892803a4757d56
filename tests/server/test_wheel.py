"""The built wheel, installed away from the sources: every file is in it, and its server has all that pages ask for."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest

import lookalike

ROOT = Path(__file__).parents[2]
TYPES = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
    ".png": "image/png", ".ico": "image/", ".webmanifest": "application/manifest+json", ".json": "application/json",
    ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8",
}  # fmt: skip
PAGES = ("", "duplicates", "map", "library", "compare")
BEGIN = "import sys, lookalike.cli; print(lookalike.__file__, file=sys.stderr, flush=True); lookalike.cli.run()"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("there is no source tree to build a wheel of")
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, which builds wheels, is not installed")
    folder: Path = tmp_path_factory.mktemp("wheel")
    build = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def served(wheel, tmp_path_factory) -> Iterator[str]:
    """Return the address of a server that was started from the installed wheel."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target"]
    subprocess.run([*install, str(folder / "site"), str(wheel)], check=True, capture_output=True, timeout=120)
    with lookalike.open(folder / "own.lookalike"):
        pass
    own = {**os.environ, "PYTHONPATH": str(folder / "site")}
    options = ["serve", "--library", str(folder / "own.lookalike"), "--no-open", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-P", "-c", BEGIN, *options], stderr=subprocess.PIPE, text=True, env=own, cwd=folder
    ) as process:
        assert process.stderr is not None
        said = ""
        try:
            while (found := re.search(r"(http://\S+:\d+)/\?token=", said)) is None:
                line = process.stderr.readline()
                assert line, said
                said += line
            assert said.startswith(str(folder / "site")), said  # and not the sources
            yield found[1]
        finally:
            process.terminate()


def ours() -> set[str]:
    """Return the files of the package, as git knows them where it can be asked."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src/lookalike"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if asked.returncode == 0 and asked.stdout:
        found = {name for name in asked.stdout.splitlines() if (ROOT / name).is_file()}
    else:
        found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    return {name.removeprefix("src/") for name in found if "__pycache__" not in name}


def test_every_file_of_the_package_and_the_licence_are_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        empty = [one.filename for one in archive.infolist() if one.file_size == 0 and one.filename.endswith(".html")]
    assert empty == []
    assert {name for name in names if name.startswith("lookalike/")} == ours()
    assert any(re.fullmatch(r"lookalike-[^/]+\.dist-info/licenses/LICENSE", name) for name in names)
    kinds = {Path(name).suffix for name in names}
    assert {".onnx", ".npz", ".html", ".js", ".css", ".sha256", ".typed"} <= kinds


def test_every_file_under_static_is_answered_with_its_kind(wheel, served):
    with zipfile.ZipFile(wheel) as archive:
        under = "lookalike/server/static/"
        files = {name: archive.read(name) for name in archive.namelist() if name.startswith(under)}
    assert len(files) > 40
    with httpx2.Client(base_url=served) as client:
        for name, content in files.items():
            answer = client.get(f"/static/{name.removeprefix(under)}")
            assert (answer.status_code, answer.content) == (200, content), name
            assert answer.headers["content-type"].startswith(TYPES[Path(name).suffix]), name


def test_whatever_the_pages_refer_to_is_there(served):
    """Scripts, styles, symbols and links, and what these refer to in turn."""
    seen: dict[str, str] = {}
    waiting = [urljoin(f"{served}/", page) for page in PAGES]
    with httpx2.Client() as client:
        while waiting:
            url = waiting.pop()
            if url in seen:
                continue
            answer = client.get(url)
            kind = seen[url] = answer.headers["content-type"]
            assert answer.status_code == 200, url
            suffix = Path(urlsplit(url).path).suffix
            assert kind.startswith(TYPES[suffix] if suffix else "text/html"), url
            waiting += [found for found in _referred(url, answer.text, kind) if found.startswith(f"{served}/")]
            assert not [one for one in _referred(url, answer.text, kind) if not one.startswith(f"{served}/")]
    assert len([url for url in seen if url.endswith(".js")]) > 20
    assert len([url for url in seen if url.endswith(".css")]) > 5


def _referred(url: str, text: str, kind: str) -> list[str]:
    if kind.startswith("text/html"):
        found = re.findall(r'\s(?:src|href)="([^"]+)"', text)
    elif kind.startswith("text/css"):
        found = re.findall(r'url\("?([^")]+)"?\)', text)
    elif kind.startswith("text/javascript"):
        found = re.findall(r'^(?:import|export)[^;"]*"(\.[^"]+)"', text, re.MULTILINE)
    else:
        return []
    found = [one for one in found if not one.startswith(("#", "data:"))]
    return [urljoin(url, one).partition("#")[0] for one in found]
