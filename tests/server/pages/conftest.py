"""A server on real photographs and copies of them, and pages of it in a browser that watches for troubles."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image, ImageOps

import lookalike
from lookalike.server import Settings, create_app
from tests.browsing import expect

TOKEN = "only-for-tests"
DAMAGED = {"empty.jpg": b"", "notes <b>.jpg": b"words, no picture"}


@dataclass
class Served:
    """Where the pages are, and what was indexed: each picture's id by its name."""

    url: str
    folder: Path
    ids: dict[str, int] = field(default_factory=dict)


def fill(folder: Path, photographs: list[Path]) -> Path:
    """Write photographs and copies of them, index them, return the library."""
    photos, copies = folder / "photos", folder / "copies"
    for made in (photos, copies):
        made.mkdir(parents=True)
    by_name = {path.name: path for path in photographs}
    wanted = ("chelsea.png", "astronaut.png", "coffee.png", "rocket.jpg", "china.jpg", "flower.jpg", "moon.png",
              "motorcycle_left.png", "motorcycle_right.png", "grace_hopper.jpg")  # fmt: skip
    chosen = [by_name[name] for name in wanted if name in by_name]
    if len(chosen) < len(wanted):
        pytest.skip("some of the photographs that packages bring are missing")
    for path in chosen:
        shutil.copyfile(path, photos / path.name)
    with Image.open(photos / "chelsea.png") as image:
        ImageOps.mirror(image.convert("RGB")).save(copies / "chelsea mirrored.jpg", quality=90)
    with Image.open(photos / "astronaut.png") as image:
        image.convert("RGB").crop((40, 40, 480, 470)).save(copies / "astronaut cropped.jpg", quality=90)
    with Image.open(photos / "china.jpg") as image:
        image.resize((320, 214)).save(copies / "china small.jpg", quality=90)
    shutil.copyfile(photos / "rocket.jpg", copies / "rocket again.jpg")
    for name, data in DAMAGED.items():
        (photos / name).write_bytes(data)
    with lookalike.open(folder / "pages.lookalike") as library:
        library.add([photos, copies])
    return folder / "pages.lookalike"


def listening(app: Any) -> Iterator[str]:
    """Run an application on a free port of this machine while a test uses it."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    assert server.started
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="session")
def served(browser: Any, tmp_path_factory: pytest.TempPathFactory, photographs: list[Path]) -> Iterator[Served]:
    """Return a server with a library of photographs, for all tests of pages; what adds to it takes one of its own."""
    folder = tmp_path_factory.mktemp("served")
    path = fill(folder, photographs)
    with lookalike.open(path) as library:
        ids = {Path(image.uri).name: image.id for image in library.store.images()}
    app = create_app(path, Settings(token=TOKEN, isolated=False))
    for url in listening(app):
        yield Served(url, folder, ids)


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, served: Served) -> Iterator[Visit]:
    """Return what opens a page; at the end there must have been no error, and nothing asked of another machine."""
    contexts: list[Any] = []
    troubles: list[str] = []
    expected: list[str] = []

    def open_(
        address: str = "", *, base: str = served.url, allowed: tuple[str, ...] = (), within: Any = None, **settings: Any
    ) -> Any:
        settings.setdefault("viewport", {"width": 1280, "height": 850})
        context = (within or browser).new_context(**settings)
        context.set_default_timeout(60_000)
        contexts.append(context)
        expected.extend(allowed)
        page = context.new_page()
        page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: _check(asked.url))
        page.goto(f"{base}/{address}", wait_until="domcontentloaded")
        return page

    def _check(url: str) -> None:
        if not url.startswith((served.url, "http://127.0.0.1:", "blob:", "data:")):
            troubles.append(url)

    yield open_
    for context in contexts:
        context.close()
    assert [text for text in troubles if not any(part in text for part in expected)] == []


def settled(page: Any) -> Any:
    """Wait until verified results are shown."""
    page.locator("#results:not([aria-busy]) .tile").first.wait_for()
    return page


def titled(page: Any, text: str) -> None:
    """Wait until the page's title has a text in it. (The policy of pages forbids to wait for a function.)"""
    expect(page).to_have_title(re.compile(re.escape(text)))
