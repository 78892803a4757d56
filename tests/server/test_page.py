"""The page on the API: every call is on it, and every line of it works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import lookalike
from tests.server.conftest import end, start

PAGE = Path(__file__).parents[2] / "docs/how-to/http-api.md"


@pytest.fixture(scope="module")
def text():
    if not PAGE.is_file():
        pytest.skip("the docs are not in an installed package")
    return PAGE.read_text(encoding="utf-8")


def test_every_call_is_on_the_page(asked, text):
    """By a line of curl that asks for it."""
    lines = " ".join(re.findall(r"curl [^\n]*", text))
    for path in asked.get("/api/v1/openapi.json").json()["paths"]:
        pattern = re.sub(r"\\{\w+\\}", r"[\\w$]+", re.escape(path))
        assert re.search(rf"URL{pattern}(?![/\w])", lines), path


def test_every_line_of_curl_works_in_the_order_of_the_page(shelf, text, tmp_path):
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("there is no curl here")
    shutil.copyfile(shelf.originals[0], tmp_path / "beach.jpg")
    shutil.copyfile(shelf.originals[1], tmp_path / "sunset.jpg")
    with lookalike.open(tmp_path / "own.lookalike") as library:
        library.add(shelf.folder / "old")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) > 30
    running = start(tmp_path / "own.lookalike")
    asked = 'curl() { command curl --fail-with-body --max-time 60 "$@" || { echo "FAILED: $*" >&2; false; }; }\n'
    # Nothing is sent beyond this machine: the address of the example is one that is refused.
    script = (
        asked + "set -eo pipefail\n" + "\n".join(lines).replace("https://example.org/a.jpg", "http://127.0.0.1/a.jpg")
    )
    try:
        found = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120,
            env={"URL": running.url, "TOKEN": running.token, "PATH": "/usr/bin:/bin:/usr/local/bin"},
        )  # fmt: skip
    finally:
        end(running)
    failed = [line for line in found.stderr.splitlines() if line.startswith("FAILED")]
    assert all("/jobs/5/stop" in line or "/uploads/url" in line for line in failed), failed
    assert found.returncode == 0, found.stderr
    assert len(re.findall(r'"state": ?"done"', found.stdout)) >= 4
    for name in ("beach.webp", "why.png", "thumbnail.webp", "picture.jpg", "map.bin"):
        assert (tmp_path / name).stat().st_size > 100
    assert (tmp_path / "map.bin").read_bytes()[:4] == b"LKM1"
