"""Time the map page with many points that are made up: until the first drawing, and frames a second while it moves.

python bench/map_page.py [100000]

Chromium draws WebGL in software here (SwiftShader), on the processor that everything else shares: a slow case, not the
usual one. On a busy machine frames a second tell how busy it is: the processor time that Chromium takes for a frame is
told, too (Linux only). The answer of the server is replaced by points in 40 clouds; the page around it is the real one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import uvicorn
from playwright.sync_api import Route, sync_playwright

import lookalike
from lookalike.server import Settings, create_app


def spent() -> float:
    """Return the seconds that the processes below this one have used, by /proc; 0 where there is none."""
    times: dict[int, tuple[int, float]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            times[int(path.parent.name)] = (
                int(fields[1]),
                (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            )
    mine = {os.getpid()}
    while more := {pid for pid, (parent, _) in times.items() if parent in mine} - mine:
        mine |= more
    return sum(used for pid, (_, used) in times.items() if pid in mine - {os.getpid()})


MOVING = """async ([kind, seconds]) => {
  const view = document.querySelector('.map-view'), stage = document.querySelector('#stage');
  const box = view.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  const first = Number(stage.dataset.frames), began = performance.now();
  let step = 0;
  while (performance.now() - began < 1000 * seconds) {
    step += 1;
    const deltaY = Math.floor(step / 30) % 2 ? 25 : -25;
    view.dispatchEvent(new WheelEvent('wheel', { deltaY, clientX: x, clientY: y, cancelable: true, bubbles: true }));
    await new Promise(requestAnimationFrame);
  }
  return [Number(stage.dataset.frames) - first, (performance.now() - began) / 1000];
}"""


def main(n: int) -> None:
    rng = np.random.default_rng(1)
    clouds = rng.integers(0, 40, n)
    places = rng.uniform(8000, 57000, (40, 2))[clouds] + rng.normal(0, 2500, (n, 2))
    columns = [np.clip(places[:, 0], 0, 65535), np.clip(places[:, 1], 0, 65535), clouds]
    head = b"LKM1" + np.array([n, 40], "<u4").tobytes() + np.arange(1, n + 1).astype("<u4").tobytes()
    body = head + b"".join(one.astype("<u2").tobytes() for one in columns)
    categories = [{"name": f"/p/{at}", "pictures": int((clouds == at).sum())} for at in range(40)]
    facts = {"job": 1, "pictures": n, "method": "tsne", "descriptor": "lite0", "by": "folder", "categories": categories}
    folder = Path(tempfile.mkdtemp())
    with lookalike.open(folder / "empty.lookalike") as library:
        path = library.path
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(path, Settings()), log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    software = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox", *software])
        for painter in ("webgl", "canvas"):
            page = browser.new_page(viewport={"width": 1280, "height": 860})

            def points(route: Route) -> None:
                route.fulfill(body=body)

            def names(route: Route) -> None:
                route.fulfill(json=facts)

            page.route("**/api/v1/map/1?**", points)
            page.route("**/api/v1/map/1/categories?**", names)
            address = f"http://127.0.0.1:{bound.getsockname()[1]}/map?map=1&draw={painter}"
            firsts = []
            for _ in range(3):
                page.goto(address)
                page.locator("#stage[data-sight]").wait_for()
                firsts.append(page.evaluate("performance.getEntriesByName('map drawn')[0].startTime"))
            assert page.locator("#stage").get_attribute("data-painter") == painter
            before = spent()
            frames, seconds = page.evaluate(MOVING, ["wheel", 12])
            each = 1000 * (spent() - before) / max(frames, 1)
            print(f"{painter}: {n:,} points, {len(body) / 1e6:.1f} MB: drawn {min(firsts) / 1000:.2f} s after the "
                  f"navigation began (best of 3), {frames / seconds:.0f} frames a second while zooming, "
                  f"{each:.0f} ms of the processor a frame")  # fmt: skip
            page.close()
        browser.close()
    server.should_exit = True
    thread.join(20)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
