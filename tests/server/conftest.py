"""A small library of real photographs, an application on it, and a server in a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.library import Library
from lookalike.server import Settings, create_app
from tests.conftest import picture, write_picture

TOKEN = "the token of these tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
MARKUP = "<img src=x onerror=alert(1)>&amp;.png"


@dataclass(frozen=True)
class Shelf:
    """Folders of pictures and the library of them."""

    folder: Path
    path: Path
    originals: tuple[Path, ...]

    def id_of(self, path: Path) -> int:
        with lookalike.open(self.path, create=False) as library:
            return library.store.known([str(path)])[str(path)].id


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Eight photographs in two folders, a copy, a small version, a crop, odd names and a broken file."""
    photographs = shipped_photographs()[:8]
    if len(photographs) < 8:
        pytest.skip("no installed package brings photographs")
    folder = tmp_path_factory.mktemp("shelf")
    originals = []
    for number, path in enumerate(photographs):
        to = folder / ("new" if number < 4 else "old") / f"{path.stem}.jpg"
        to.parent.mkdir(exist_ok=True)
        with Image.open(path) as image:
            upright = image.convert("RGB")
            upright.thumbnail((640, 640))
            upright.save(to, quality=92)
        originals.append(to)
    shutil.copyfile(originals[0], folder / "old" / "copy.jpg")
    with Image.open(originals[1]) as image:
        image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(folder / "old" / "small.jpg", quality=85)
        image.crop((image.width // 8, 0, image.width, image.height * 7 // 8)).save(folder / "old" / "crop.png")
    write_picture(folder / "odd" / MARKUP, 5, 64, 96)
    with open(os.fsencode(folder / "odd") + b"/not \xff utf-8.png", "wb") as file:
        file.write(png(Image.fromarray(picture(7, 64, 96))))
    (folder / "new" / "broken.jpg").write_bytes(originals[0].read_bytes()[:2000])
    for path in folder.rglob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000) if path.parent.name == "old" else (1_700_000_000, 1_700_000_000))
    library = folder.parent / "shelf.lookalike"
    with lookalike.open(library) as opened:
        opened.add(folder)
    return Shelf(folder, library, tuple(originals))


@pytest.fixture(scope="module")
def library(shelf: Shelf) -> Iterator[Library]:
    with lookalike.open(shelf.path, create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def asked(library: Library) -> Iterator[TestClient]:
    """Ask an application in this process; decoding is not isolated, which is tested on its own."""
    app = create_app(library, Settings(token=TOKEN, isolated=False))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@dataclass(frozen=True)
class Server:
    """A running `lookalike serve`."""

    url: str
    port: int
    token: str
    process: subprocess.Popen[str]
    library: Path
    temporary: Path

    def memory(self, field: str = "VmHWM") -> int:
        """Return bytes of the process's memory: its peak (VmHWM) or now (VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def work(self) -> float:
        """Return the seconds for which the processor has worked for it and the processes that it has started."""
        ticks = 0
        for number in (self.process.pid, *self.children()):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def children(self) -> list[int]:
        """Return the processes that it has started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(stat.parent.name))
            except OSError:
                continue
        return found


def start(library: Path, *options: str) -> Server:
    """Start `lookalike serve` on a free port and wait until it says where."""
    command = [sys.executable, "-m", "lookalike", "serve", "--library", str(library), "--no-open", "--port", "0"]
    temporary = Path(tempfile.mkdtemp(dir=library.parent))
    process = subprocess.Popen(
        [*command, *options], stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    )
    assert process.stderr is not None
    said = ""
    while "in a browser" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    found = re.search(r"(http://\S+:(\d+))/\?token=(\S+)", said)
    assert found is not None, said
    return Server(found[1], int(found[2]), found[3], process, library, temporary)


def end(server: Server, sig: int = signal.SIGINT, seconds: float = 60) -> int:
    """End it and return its exit code."""
    if server.process.poll() is None:
        server.process.send_signal(sig)
    try:
        return server.process.wait(seconds)
    finally:
        server.process.kill()
        server.process.wait()
        if server.process.stderr is not None:
            server.process.stderr.close()


@pytest.fixture(scope="session")
def server(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a running server on a copy of the library."""
    copy = tmp_path_factory.mktemp("served") / "copy.lookalike"
    shutil.copytree(shelf.path, copy)
    running = start(copy, "--allow-private-urls")
    yield running
    end(running)


@pytest.fixture(scope="session")
def strict_server(shelf: Shelf) -> Iterator[Server]:
    """Return a running server that fetches nothing from addresses that are not public."""
    running = start(shelf.path)
    yield running
    end(running)


def wait_for(client: TestClient, number: int, seconds: float = 240) -> dict[str, Any]:
    """Return a job's facts when it is over."""
    deadline = time.monotonic() + seconds
    while True:
        facts: dict[str, Any] = client.get(f"/api/v1/jobs/{number}").json()
        if facts["state"] in ("done", "failed", "stopped"):
            return facts
        assert time.monotonic() < deadline, facts
        time.sleep(0.05)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
