"""The map page in a browser, drawn by WebGL 2 (in software) and on a plain canvas."""

from __future__ import annotations

import io
import itertools
import json
import re
import struct
import time
import urllib.request
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from matplotlib.path import Path as Polygon
from PIL import Image

from lookalike.server.pages import STATIC
from tests.browsing import chromium, eventually, expect

from .conftest import TOKEN
from .test_access import PHONE, check_phone

pytestmark = pytest.mark.browser

PAINTERS = ("webgl", "canvas")


@pytest.fixture(scope="module")
def gl_browser(browser):
    """Return a Chromium that draws WebGL in software; headless ones have none otherwise."""
    started = browser.browser_type.launch(
        executable_path=chromium(),
        args=["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    )
    yield started
    started.close()


def opened(visit, gl_browser, painter, address="", **settings):
    """Open the page by a painter: what a driver says of its own speed is no trouble."""
    if painter == "webgl":
        return visit(f"map?{address}", within=gl_browser, allowed=("GPU stall due to ReadPixels",), **settings)
    return visit(f"map?{address}&draw=canvas", **settings)


@pytest.fixture
def draw(visit, served, gl_browser):
    """Return what opens a map by a painter and waits until it is drawn."""

    def open_(painter, address, **settings):
        page = opened(visit, gl_browser, painter, address, **settings)
        page.locator("#stage[data-sight]").wait_for()
        expect(page.locator("#stage")).to_have_attribute("data-painter", painter)
        return page

    return open_


def asked(served, path, body=None):
    request = urllib.request.Request(
        f"{served.url}/api/v1/{path}", None if body is None else json.dumps(body).encode(),
        {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def done(served, path, body):
    number = json.loads(asked(served, path, body))["id"]
    until = time.monotonic() + 240
    while (job := json.loads(asked(served, f"jobs/{number}")))["state"] in ("waiting", "running"):
        assert time.monotonic() < until, job
        time.sleep(0.05)
    assert job["state"] == "done", job
    return number


@pytest.fixture(scope="module")
def number(served):
    return done(served, "map", {"method": "pca"})


def read_points(body):
    n = int.from_bytes(body[4:8], "little")
    ids = np.frombuffer(body, "<u4", n, 12)
    return (ids, *(np.frombuffer(body, "<u2", n, 12 + 4 * n + 2 * n * at) for at in range(3)))


def bytes_of(ids, x, y, categories, names):
    head = b"LKM1" + struct.pack("<II", len(ids), names)
    columns = [np.asarray(one).astype("<u2").tobytes() for one in (x, y, categories)]
    return b"".join([head, np.asarray(ids).astype("<u4").tobytes(), *columns])


def state(page):
    return parse_qs(urlsplit(page.url).query)


def place_of(page):
    """Return the middle of the view and how near it is, as the address tells; zeros where it tells nothing."""
    return [float(one) for one in state(page).get("v", ["0,0,0"])[0].split(",")]


def without_pictures(page):
    """Take the pictures away that lie on the points."""
    page.evaluate("document.querySelector('.map-thumbs').hidden = true")


def on_screen(page, x, y):
    """Where places of a map lie on the page, as the address tells."""
    box = page.locator(".map-view").bounding_box()
    here = [float(one) for one in state(page).get("v", ["32767.5,32767.5,1"])[0].split(",")]
    whole = min(box["width"], box["height"]) / (65535 * 1.14)
    scale = whole * here[2]
    return (
        box["x"] + box["width"] / 2 + (np.asarray(x, float) - here[0]) * scale,
        box["y"] + box["height"] / 2 - (np.asarray(y, float) - here[1]) * scale,
    )


def many(served, columns=60, rows=50):
    """Return points on a grid, more than are shown as pictures; the library's pictures are among them."""
    n = columns * rows
    ids = np.arange(1_000_001, 1_000_001 + n)
    real = sorted(served.ids.values())
    ids[np.linspace(n // 5, n - n // 5, len(real)).astype(int)] = real
    x, y = np.meshgrid(np.linspace(0, 65535, columns).astype(int), np.linspace(0, 65535, rows).astype(int))
    return ids, x.ravel(), y.ravel(), (np.arange(n) // columns) % 3


def route_map(page, served, number=7, points=None):
    ids, x, y, categories = points or many(served)
    names = [{"name": f"/p/{name}", "pictures": int((categories == at).sum())} for at, name in enumerate("abc")]
    facts = {"job": number, "pictures": len(ids), "method": "pca", "descriptor": "lite0", "by": "folder",
             "categories": names}  # fmt: skip
    body = bytes_of(ids, x, y, categories, 3)
    page.route(f"**/api/v1/map/{number}?**", lambda route: route.fulfill(body=body))
    page.route(f"**/api/v1/map/{number}/categories?**", lambda route: route.fulfill(json=facts))
    return ids, x, y, categories


def pixels_of(page):
    with Image.open(io.BytesIO(page.screenshot())) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def drawn_points(page, pixels, x, y, categories):
    """Count points that are on a page's picture where they belong, in the colours of the legend."""
    colours = {
        at: [int(part) for part in re.findall(r"\d+", page.evaluate(
            f"getComputedStyle(document.querySelector('.legend-row[data-category=\"{at}\"] .mark')).color"))][:3]
        for at in sorted(set(categories.tolist()))
    }  # fmt: skip
    hit = 0
    for px, py, category in zip(*on_screen(page, x, y), categories, strict=True):
        near = pixels[round(py) - 2 : round(py) + 3, round(px) - 2 : round(px) + 3].reshape(-1, 3)
        hit += int((np.abs(near - colours[int(category)]).max(axis=1) < 40).sum() >= 9)
    return hit


def keys_of(page):
    """Return the ids of the tiles that are shown."""
    return page.locator("#results .tile").evaluate_all("all => all.map((one) => Number(one.dataset.key))")


@pytest.mark.parametrize(("painter", "scheme"), [("webgl", "light"), ("webgl", "dark"), ("canvas", "dark")])
def test_points_are_drawn_where_they_are_in_their_colours(draw, served, number, painter, scheme):
    page = draw(painter, f"map={number}", color_scheme=scheme)
    without_pictures(page)
    ids, x, y, categories = read_points(asked(served, f"map/{number}?by=folder"))
    pixels = eventually(
        page, lambda: pixels_of(page),
        lambda seen: drawn_points(page, seen, x, y, categories) >= len(ids) - 2,  # two may lie below others
    )  # fmt: skip
    box = page.locator(".map-view").bounding_box()
    left, top = round(box["x"]) + 8, round(box["y"]) + 8
    stage = pixels[top : top + 500, left : left + 700].reshape(-1, 3)
    background = pixels[top, left]
    coloured = (np.abs(stage - background).max(axis=1) > 25).sum()
    assert 14 * 20 < coloured < 14 * 400


@pytest.mark.parametrize("painter", PAINTERS)
def test_a_line_selects_what_lies_within_it(draw, served, number, painter):
    page = draw(painter, f"map={number}")
    ids, x, y, _ = read_points(asked(served, f"map/{number}"))
    px, py = on_screen(page, x, y)
    order = np.argsort(px)
    middle = (px[order[6]] + px[order[7]]) / 2
    box = page.locator(".map-view").bounding_box()
    corners = [(box["x"] + 4, box["y"] + 4), (middle, box["y"] + 60), (middle, box["y"] + box["height"] - 8),
               (box["x"] + 4, box["y"] + box["height"] - 8)]  # fmt: skip
    page.locator("#stage").focus()
    page.keyboard.press("l")
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()
    page.locator("#results .tile").first.wait_for()
    oracle = Polygon(corners).contains_points(np.column_stack([px, py]))
    assert 3 < oracle.sum() < 14
    expect(page.locator("#picked-head h2")).to_have_text(f"{oracle.sum()} pictures selected")
    tiles = eventually(page, lambda: keys_of(page), lambda shown: set(shown) == set(ids[oracle].tolist()))
    polygon = np.array(state(page)["lasso"][0].split(","), float).reshape(-1, 2)
    assert set(ids[Polygon(polygon).contains_points(np.column_stack([x, y]))].tolist()) == set(tiles)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert lines[0] == "uri,category,width,height,bytes,format"
    assert len(lines) == 1 + oracle.sum()
    page.reload()
    page.locator("#results .tile").first.wait_for()
    expect(page.locator("#picked-head h2")).to_have_text(f"{oracle.sum()} pictures selected")
    page.go_back()
    page.locator("#picked").wait_for(state="hidden")


@pytest.mark.parametrize("painter", PAINTERS)
def test_the_picture_under_the_pointer_is_shown_and_opened(draw, visit, served, gl_browser, painter):
    page = opened(visit, gl_browser, painter)
    ids, x, y, _ = route_map(page, served)
    page.goto(f"{served.url}/map?map=7{'&draw=canvas' if painter == 'canvas' else ''}")
    page.locator("#stage[data-sight='3000']").wait_for()
    expect(page.locator(".map-thumb")).to_have_count(0)
    px, py = on_screen(page, x, y)
    names = {number: name for name, number in served.ids.items()}
    for at in [at for at, one in enumerate(ids) if int(one) in names][2:9:3]:
        page.mouse.move(px[at] + 1, py[at] - 1)
        page.locator(".map-card strong", has_text=names[int(ids[at])]).wait_for()
    page.mouse.click(px[at], py[at])
    page.locator("#viewer-title", has_text=names[int(ids[at])]).wait_for()
    page.keyboard.press("Escape")
    page.mouse.move(px[at] + (px[1] - px[0]) / 2, py[at] + (py[60] - py[0]) / 2)
    page.locator(".map-card").wait_for(state="hidden")


@pytest.mark.parametrize("painter", PAINTERS)
def test_the_legend_filters(draw, visit, served, gl_browser, painter):
    page = opened(visit, gl_browser, painter)
    ids, x, y, categories = route_map(page, served)
    page.goto(f"{served.url}/map?map=7{'&draw=canvas' if painter == 'canvas' else ''}")
    page.locator("#stage[data-sight='3000']").wait_for()
    expect(page.locator(".legend-row")).to_have_text(["a 1,020", "b 1,020", "c 960"], use_inner_text=True)
    page.locator(".legend-row", has_text="b").click()
    page.locator("#stage[data-sight='1020']").wait_for()
    assert state(page)["show"] == ["/p/b"]
    page.locator(".legend-row", has_text="c").click()
    page.locator("#stage[data-sight='1980']").wait_for()
    page.go_back()
    page.locator("#stage[data-sight='1020']").wait_for()
    expect(page.locator(".legend-row[aria-pressed=true]")).to_have_text("b 1,020", use_inner_text=True)
    # What is not shown is not under the pointer either.
    px, py = on_screen(page, x, y)
    real = [at for at, one in enumerate(ids) if int(one) in served.ids.values() and categories[at] != 1]
    page.mouse.move(px[real[0]], py[real[0]])
    page.wait_for_timeout(400)  # a card comes when the pointer has rested for 125 ms
    expect(page.locator(".map-card")).to_be_hidden()
    page.get_by_role("button", name="Show all").click()
    page.locator("#stage[data-sight='3000']").wait_for()
    assert "show" not in state(page)


def test_where_there_is_no_webgl_a_plain_canvas_draws(visit, browser, served, number):
    without = browser.browser_type.launch(
        executable_path=chromium(), args=["--headless", "--no-sandbox", "--disable-3d-apis"]
    )
    page = visit(f"map?map={number}", within=without, allowed=("WebGL",))
    page.locator("#stage[data-sight='14'][data-painter=canvas]").wait_for()
    without_pictures(page)
    _, x, y, categories = read_points(asked(served, f"map/{number}?by=folder"))
    eventually(page, lambda: drawn_points(page, pixels_of(page), x, y, categories), lambda hit: hit >= 12)
    page.context.close()
    without.close()


def test_few_points_in_sight_are_pictures(draw, served, number):
    page = draw("canvas", f"map={number}")
    page.locator(".map-thumb img").first.wait_for()
    boxes = page.locator(".map-thumb").evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    assert 3 <= len(boxes) <= 14
    for a, b in itertools.combinations(boxes, 2):
        apart = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
        assert apart or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]


def test_a_picture_is_found_on_the_map(draw, visit, served, number):
    wanted = served.ids["coffee.png"]
    page = draw("canvas", f"map={number}&at=id:{wanted}")
    page.locator(".map-card strong", has_text="coffee.png").wait_for()
    ids, x, y, _ = read_points(asked(served, f"map/{number}"))
    at = ids.tolist().index(wanted)
    px, py = on_screen(page, x[at], y[at])
    ring = page.locator(".map-marker")
    eventually(page, ring.bounding_box, lambda box: abs(box["x"] - px) < 2 and abs(box["y"] - py) < 2)
    page.goto(f"{served.url}/map?draw=canvas&map={number}&at=id:999999")
    page.locator("#toasts", has_text="This picture is not on the map").wait_for()


def test_a_map_of_a_folder_is_laid_out_and_one_of_an_earlier_server_is_not_missed(visit, served, number):
    page = visit("map?map=99&draw=canvas", allowed=("404",))
    page.locator("#stage[data-sight]").wait_for()  # the newest that there is
    page.get_by_role("button", name="New map").click()
    page.get_by_role("combobox", name="Pictures").select_option(label=f"{served.folder / 'copies'} (4)")
    page.get_by_text("By the largest differences").click()
    page.get_by_role("button", name="Lay out the map").click()
    page.locator("#stage[data-sight='4']").wait_for()
    assert int(state(page)["map"][0]) > number


def test_laying_out_can_be_stopped(visit, served):
    page = visit("map")
    running = {"id": 77, "kind": "map", "title": "Map", "state": "running", "progress": {"stage": "laying out"},
               "result": None, "error": None, "started": 1.0, "ended": None}  # fmt: skip
    stopped = {**running, "state": "stopped"}
    told = [running]
    calls = []
    page.route("**/api/v1/jobs", lambda route: route.fulfill(json={"jobs": [running]}))
    page.route(
        "**/api/v1/jobs/77/events",
        lambda route: route.fulfill(
            body=f"retry: 50\nevent: job\ndata: {json.dumps(told[-1])}\n\n", content_type="text/event-stream"
        ),
    )

    def stop(route):
        calls.append((route.request.method, route.request.headers["authorization"]))
        told.append(stopped)
        route.fulfill(json=stopped)

    page.route("**/api/v1/jobs/77/stop", stop)
    page.goto(f"{served.url}/map")
    page.get_by_text("Laying out the map …").wait_for()
    page.get_by_role("button", name="Stop").click()
    begin = page.get_by_role("button", name="Lay out the map")
    expect(begin).to_be_focused()
    expect(page.get_by_text("Laying out the map …")).to_have_count(0)
    expect(page.locator("#stage")).to_be_hidden()
    assert calls == [("POST", f"Bearer {TOKEN}")]


def test_everything_is_done_by_keys(draw, served, number):
    page = draw("canvas", f"map={number}")

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches('{selector}')"):
                return
        raise AssertionError(selector)

    tab_to("#stage")
    for key in ("+", "+", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)

    def is_there(place):
        x, y, zoom = place
        return zoom == pytest.approx(2.25, abs=0.01) and x > 32768 and y > 32768

    eventually(page, lambda: place_of(page), is_there)
    page.keyboard.press("Enter")
    page.locator("#viewer-title").wait_for()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.viewer")).to_have_count(0)
    page.keyboard.press("0")
    page.keyboard.press("a")
    page.locator("#picked-head h2", has_text="14 pictures").wait_for()
    page.keyboard.press("Escape")
    page.locator("#picked").wait_for(state="hidden")
    tab_to(".legend-row")
    page.keyboard.press("Enter")
    expect(page.locator(".legend-row[aria-pressed=true]")).to_be_focused()
    page.keyboard.press("g")
    page.locator(".stack").first.wait_for()
    tab_to(".stack")
    page.keyboard.press("Enter")
    page.locator("#results .tile").first.wait_for()
    expect(page.locator("#picked-head h2")).to_have_text(re.compile(r"^Cluster 1: \d+ pictures"))


def test_stacks_hold_the_clusters_and_lead_to_the_map(draw, served, number):
    clusters = done(served, "clusters", {"k": 3})
    page = draw("canvas", f"map={number}&by=cluster&clusters={clusters}")
    expect(page.locator(".legend-row .legend-name")).to_have_text(["Cluster 1", "Cluster 2", "Cluster 3"])
    page.get_by_role("button", name="Clusters as stacks").click()
    page.locator(".stack").first.wait_for()
    categories = json.loads(asked(served, f"map/{number}/categories?by=cluster&clusters={clusters}"))["categories"]
    assert [one["name"] for one in categories] == ["1", "2", "3"]
    told = json.loads(asked(served, f"clusters/{clusters}"))["clusters"]
    expect(page.locator(".stack-name .hint")).to_have_text(
        [f"{one['pictures']} picture{'s' if one['pictures'] > 1 else ''}" for one in told]
    )
    page.locator(".stack").nth(1).click()
    page.locator("#results .tile").first.wait_for()
    members = json.loads(asked(served, f"clusters/{clusters}/2"))["pictures"]
    eventually(page, lambda: keys_of(page), lambda shown: shown == [one["id"] for one in members])
    page.get_by_role("button", name="Show on the map").click()
    page.locator(f"#stage[data-sight='{len(members)}']").wait_for()
    page.go_back()
    page.locator("#results .tile").first.wait_for()


@pytest.mark.parametrize("painter", PAINTERS)
def test_fingers_zoom_and_move_the_map(draw, served, number, painter):
    page = draw(painter, f"map={number}", **PHONE)
    check_phone(page)
    box = page.locator(".map-view").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    client = page.context.new_cdp_session(page)

    def touch(kind, *at):
        points = [{"x": one[0], "y": one[1], "id": number} for number, one in enumerate(at)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for step in range(1, 9):
        touch("touchMove", (x - 20 - 8 * step, y), (x + 20 + 8 * step, y))
    for step in range(1, 5):
        touch("touchMove", (x - 84 + 10 * step, y), (x + 84 + 10 * step, y))
    touch("touchEnd")
    # Events come one by one; the map went to the right.
    eventually(page, lambda: place_of(page), lambda here: here[2] == pytest.approx(4.2, rel=0.1) and here[0] < 32000)


def test_colours_are_told_apart_by_everyone():
    """By CIELAB distance as those see it who lack one kind of cone (Machado, Oliveira & Fernandes 2009), fully."""
    kinds = {
        "all": np.eye(3),
        "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    css = (STATIC / "css" / "map.css").read_text("utf-8")
    found = re.findall(r"\.slot-\d \{ color: light-dark\((#\w{6}), (#\w{6})\)", css)
    assert len(found) == 8
    for colours, ground in zip(zip(*found, strict=True), ("#ffffff", "#1c1d1f"), strict=True):
        linear = {colour: _linear(colour) for colour in (*colours, ground)}
        for name, matrix in kinds.items():
            for a, b in itertools.combinations(colours, 2):
                apart = np.linalg.norm(_lab(np.array(matrix) @ linear[a]) - _lab(np.array(matrix) @ linear[b]))
                assert apart > 18, (name, a, b, apart)
        for colour in colours:  # WCAG 1.4.11
            light = sorted(float(linear[one] @ [0.2126, 0.7152, 0.0722]) for one in (colour, ground))
            assert (light[1] + 0.05) / (light[0] + 0.05) >= 3, colour


def _linear(colour):
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def _lab(linear):
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ np.clip(linear, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
