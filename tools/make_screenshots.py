"""Draw the pages as docs/images/page-*.webp: on photographs that installed packages bring, by an installed Chromium.

python tools/make_screenshots.py                 all of them
python tools/make_screenshots.py search compare  those whose names begin so
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import lookalike
from lookalike.demo import run_demo
from lookalike.server import Settings, create_app

OUT = Path(__file__).parents[1] / "docs" / "images"
DESKTOP, PHONE = (1280, 860), (390, 844)


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the page's address with {names} of pictures, what is done before it is drawn."""

    name: str
    address: str
    act: Callable[[Page], None]
    size: tuple[int, int] = DESKTOP
    scheme: Any = "light"


def wait(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.wait_for()


def found(page: Page) -> None:
    page.locator("#results:not([aria-busy]) .tile").first.wait_for()


def viewed(page: Page) -> None:
    found(page)
    page.locator("#results .tile button").first.click()
    page.locator(".viewer-facts dd").first.wait_for()


def unfolded(page: Page) -> None:
    """Open a tile that stands for copies, and select some."""
    found(page)
    page.locator(".tile-copies").first.click()
    for at in (0, 1, 3):
        page.locator("#results .tile-open").nth(at).focus()
        page.keyboard.press("x")


def ruled(page: Page) -> None:
    page.locator("#finder form").first.wait_for()
    page.get_by_text("Which picture to keep, and folders").click()
    page.get_by_label("Prefer what lies in this folder").fill("/home/me/Pictures/best")
    page.get_by_role("button", name="Prefer folder").click()


def comparing(keys: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.locator("#facts table").wait_for()
        for key in keys:
            page.keyboard.press(key)

    return act


def explained(page: Page) -> None:
    page.locator("#facts table").wait_for()
    page.get_by_role("button", name="Show which regions").click()
    page.locator(".heat img").wait_for()
    page.locator("#after").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.getElementById('after').offsetTop - 80)")


def indexed(page: Page) -> None:
    page.locator("#roots button").first.click()
    page.locator("#jobs .chip.done").first.wait_for()
    page.locator("#toasts button").first.click()


def laid_out(page: Page) -> None:
    page.locator("#setup h2, #stage[data-sight]").first.wait_for()
    if page.locator("#stage[data-sight]").count() == 0:
        page.get_by_text("By the largest differences").click()
        page.get_by_role("button", name="Lay out the map").click()
    page.locator("#stage[data-sight]").wait_for()
    page.locator(".map-thumb img").first.wait_for()


def selected(page: Page) -> None:
    laid_out(page)
    page.get_by_role("button", name="Cluster", exact=True).click()
    page.locator("#legend h2", has_text="Clusters").wait_for()
    box: Any = page.locator(".map-view").bounding_box()
    page.keyboard.press("l")
    corners = [(0.03, 0.03), (0.5, 0.05), (0.55, 0.5), (0.3, 0.95), (0.03, 0.9)]
    for at, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if at == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator("#results .tile").first.wait_for()


def searched(page: Page) -> None:
    page.get_by_label("What counts").select_option("edited")
    page.get_by_role("button", name="Find duplicates").click()
    page.locator("#members li").first.wait_for(timeout=120_000)


def reviewing(keys: str = "", accepted: int = 0) -> Callable[[Page], None]:
    """Return what finds duplicates, accepts some groups and presses keys."""

    def act(page: Page) -> None:
        if not page.locator("#members li").count():
            page.wait_for_timeout(800)
        if not page.locator("#members li").count():
            searched(page)
        for key in [*["Enter"] * accepted, *keys]:
            page.keyboard.press(key)
            page.wait_for_timeout(250)

    return act


def listed(page: Page) -> None:
    reviewing("", 2)(page)
    page.get_by_role("button", name="List", exact=True).click()
    page.locator(".group-row").first.wait_for()


def planned(page: Page) -> None:
    reviewing()(page)
    page.get_by_role("button", name="Plan", exact=True).first.click()
    page.get_by_role("button", name="Plan them all").click()
    page.locator(".sample").first.wait_for()


def applied(page: Page) -> None:
    planned(page)
    page.get_by_role("button", name="Apply:").click()
    page.get_by_role("button", name="Apply", exact=True).click()
    page.get_by_role("button", name="Undo all of it").wait_for()


SHOTS = (
    Shot("start", "", wait("#samples .tile")),
    Shot("start-phone-dark", "", wait("#samples .tile"), PHONE, "dark"),
    Shot("search", "?q=id:{astronaut.png}", found),
    Shot("search-dark", "?q=id:{china.jpg}&region=.33,.12,.36,.7", found, scheme="dark"),
    Shot("search-phone", "?q=id:{coffee.png}", found, PHONE),
    Shot("search-copies", "?q=id:{coffee.png}", unfolded),
    Shot("search-copies-phone-dark", "?q=id:{coffee.png}", unfolded, PHONE, "dark"),
    Shot("viewer", "?q=id:{chelsea.png}", viewed, scheme="dark"),
    Shot("compare", "compare?a=id:{chelsea.png}&b=id:{chelsea mirrored.jpg}", comparing("c")),
    Shot("compare-dark", "compare?a=id:{astronaut.png}&b=id:{astronaut cropped.jpg}", comparing(""), scheme="dark"),
    Shot("compare-phone", "compare?a=id:{rocket.jpg}&b=id:{rocket turned.jpg}", comparing("c"), PHONE),
    Shot("compare-why", "compare?a=id:{astronaut.png}&b=id:{astronaut cropped.jpg}", explained),
    Shot("map", "map", laid_out),
    Shot("map-selection-dark", "map", selected, scheme="dark"),
    Shot("map-stacks", "map?stacks=1", wait(".stack img")),
    Shot("map-phone-dark", "map?by=label", laid_out, PHONE, "dark"),
    Shot("duplicates-find", "duplicates", ruled),
    Shot("duplicates-find-phone-dark", "duplicates", ruled, PHONE, "dark"),
    Shot("duplicates", "duplicates", reviewing(" ", 6)),
    Shot("duplicates-slider-dark", "duplicates", reviewing("c", 1), scheme="dark"),
    Shot("duplicates-full-dark", "duplicates", reviewing("v", 4), scheme="dark"),
    Shot("duplicates-phone", "duplicates", reviewing("", 6), PHONE),
    Shot("duplicates-list", "duplicates", listed),
    Shot("duplicates-list-phone-dark", "duplicates", listed, PHONE, "dark"),
    Shot("duplicates-plan", "duplicates", planned),
    Shot("duplicates-plan-phone-dark", "duplicates", planned, PHONE, "dark"),
    Shot("duplicates-applied", "duplicates", applied),
    Shot("library", "library", indexed),
    Shot("library-phone-dark", "library", wait("#problems tr"), PHONE, "dark"),
)


def fill(folder: Path) -> tuple[Path, dict[str, int]]:
    """Make the demo's library, with some files that cannot be indexed; return it and the ids of its pictures."""
    run_demo(folder)
    damaged = folder / "from an old disk"
    damaged.mkdir()
    (damaged / "cut off.png").write_bytes((folder / "photos" / "coffee.png").read_bytes()[:150_000])
    (damaged / "empty.jpg").write_bytes(b"")
    (damaged / "notes.jpg").write_text("words, no picture")
    with lookalike.open(folder / "demo.lookalike") as library:
        library.add([damaged])
        return library.path, {Path(image.uri).name: image.id for image in library.store.images()}


def main(beginnings: list[str]) -> None:
    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    if program is None:
        sys.exit("there is no chromium on the PATH")
    folder = Path(tempfile.mkdtemp()) / "pictures"
    path, ids = fill(folder)
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(path, Settings()), log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"])
        for shot in SHOTS:
            if beginnings and not shot.name.startswith(tuple(beginnings)):
                continue
            phone = shot.size == PHONE
            context = browser.new_context(
                viewport={"width": shot.size[0], "height": shot.size[1]}, color_scheme=shot.scheme, is_mobile=phone,
                has_touch=phone, device_scale_factor=2 if phone else 1, reduced_motion="reduce",
            )  # fmt: skip
            page = context.new_page()
            address = shot.address
            for name, number in ids.items():
                address = address.replace(f"{{{name}}}", str(number))
            page.add_init_script("Math.random = () => 0.11")  # which pictures the first page shows
            page.goto(f"http://127.0.0.1:{bound.getsockname()[1]}/{address}")
            shot.act(page)
            page.wait_for_load_state("networkidle")
            for _ in range(200):
                if not page.evaluate("[...document.images].some((i) => i.loading !== 'lazy' && i.src && !i.complete)"):
                    break
                page.wait_for_timeout(100)
            page.evaluate(
                "Promise.all([...document.images].filter((i) => i.complete).map((i) => i.decode().catch(() => 0)))"
            )
            page.wait_for_timeout(300)
            with Image.open(io.BytesIO(page.screenshot())) as image:
                image.convert("RGB").save(OUT / f"page-{shot.name}.webp", quality=80, method=6)
            print(shot.name, (OUT / f"page-{shot.name}.webp").stat().st_size)
            context.close()
        browser.close()
    server.should_exit = True
    thread.join(20)
    shutil.rmtree(folder.parent)


if __name__ == "__main__":
    main(sys.argv[1:])
