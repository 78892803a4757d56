"""The page of a map: what is in it, what it may load, and what it does in a browser."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import UsageError
from lookalike.projection import Projection
from lookalike.render.map_classes import GREY, classes_of
from lookalike.render.maps import map_page
from tests.browsing import eventually, expect

NAMES = ("/p/a/one.jpg", "/p/a/</script><b>.jpg", "/p/b/gone\udce9.jpg", "/p/b/four.jpg")
COLOURS = {"one": (255, 0, 0), "four": (0, 0, 255)}


def projection(labels=("x", "y", None, "y")):
    xy = np.array([[0, 0], [100, 0], [0, 50], [100, 50]], np.float32)
    return Projection(NAMES, xy, labels, "tsne", "lite0", 1.0)


def load(uri):
    if "gone" in uri:
        return None
    return np.full((20, 40, 3), COLOURS.get(Path(uri).stem, (0, 128, 0)), np.uint8)


def content(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_the_page_holds_places_names_labels_and_pictures():
    page = map_page(projection(), load, title="My <map>")
    page.encode()
    held = content(page)
    assert "<title>My &lt;map&gt;</title>" in page
    assert held["x"] == [-5000, 5000, -5000, 5000]
    assert held["y"] == [-2500, -2500, 2500, 2500]
    assert held["folder"] == "/p/"
    assert held["name"] == ["a/one.jpg", "a/</script><b>.jpg", "b/gone\\xe9.jpg", "b/four.jpg"]
    assert [(one["name"], one["count"]) for one in held["classes"]] == [("x", 1), ("y", 2), ("no label", 1)]
    assert held["class"] == [0, 1, 2, 1]
    assert held["picture"][2] == ""
    with Image.open(io.BytesIO(base64.b64decode(held["picture"][3]))) as thumbnail:
        assert thumbnail.size == (40, 20)
        assert np.asarray(thumbnail.convert("RGB"))[5, 5, 2] > 200
    assert held["kind"].startswith("data:image/")


def test_nothing_is_loaded_and_only_its_own_script_may_run():
    page = map_page(projection(), load)
    parser = Elements()
    parser.feed(page)
    assert not re.search(r"https?://|@import|url\(", page)
    assert not any("src" in held or "href" in held for _, held in parser.found)
    assert not any(name.startswith("on") for _, held in parser.found for name in held)
    (policy,) = [held["content"] or "" for tag, held in parser.found if tag == "meta" and "http-equiv" in held]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "img-src data:;" in policy


def test_of_too_many_pictures_some_are_drawn_by_lot_and_the_page_says_so():
    page = map_page(projection(), load, max_pictures=2, seed=0)
    assert "2 of them, drawn by lot, are shown." in page
    assert len(content(page)["name"]) == len(content(page)["picture"]) == 2
    assert sum(one["count"] for one in content(page)["classes"]) == 2
    drawn = {tuple(content(map_page(projection(), load, max_pictures=2, seed=seed))["x"]) for seed in range(8)}
    assert len(drawn) > 1
    assert "drawn by lot" not in map_page(projection(), load)


def test_thumbnails_have_the_side_asked_for_and_progress_is_told():
    told: list[tuple[int, int]] = []
    big = np.zeros((300, 200, 3), np.uint8)
    page = map_page(projection(), lambda uri: big, thumbnail_side=60, progress=lambda a, b: told.append((a, b)))
    with Image.open(io.BytesIO(base64.b64decode(content(page)["picture"][0]))) as thumbnail:
        assert thumbnail.size == (40, 60)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(UsageError, match="16 to 2048"):
        map_page(projection(), load, thumbnail_side=8)


def test_classes_have_an_order_and_colours_of_their_own():
    labels = ("10", "-1", "9", None)
    classes, numbers = classes_of(projection(labels))
    assert [one.name for one in classes] == ["9", "10", "unclustered", "no label"]
    assert numbers == [1, 2, 0, 3]
    assert [one.colour for one in classes[2:]] == [GREY, GREY]
    many = Projection(
        tuple(map(str, range(60))), np.zeros((60, 2), np.float32), tuple(f"c{i}" for i in range(60)), "pca", "x"
    )
    assert len({one.colour for one in classes_of(many)[0]}) == 60
    (single,), numbers = classes_of(projection(()))
    assert (single.name, single.count, numbers) == ("pictures", 4, [0] * 4)


# ------------------------------------------------------------------------------------------------- in a browser


@pytest.fixture
def opened(browser, tmp_path):
    path = tmp_path / "map.html"
    path.write_text(map_page(projection(), load), encoding="utf-8")
    page = browser.new_page(viewport={"width": 900, "height": 600})
    page.troubles = []
    page.on("console", lambda said: page.troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda asked: page.troubles.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(path.as_uri())
    yield page
    assert page.troubles == []
    page.close()


def spots(page):
    """Return where the four dots are, at the first sight of the whole map."""
    box = page.locator("#map").bounding_box()
    scale = min((box["width"] / 2 - 28) / 5000, (box["height"] / 2 - 28) / 2500)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return [(middle[0] + x * scale, middle[1] - y * scale) for x in (-5000, 5000) for y in (-2500, 2500)]


@pytest.mark.browser
def test_a_dot_shows_its_picture_when_pointed_at_and_keeps_it_when_clicked(opened):
    low_left, high_left, _, high_right = spots(opened)
    opened.mouse.move(*high_right)
    expect(opened.locator("#card .path")).to_have_text("/p/b/four.jpg", use_inner_text=True)
    expect(opened.locator("#card img")).to_have_attribute("src", re.compile("^data:image/"))
    expect(opened.locator("#card .class")).to_have_text("y", use_inner_text=True)
    opened.mouse.click(*high_right)
    opened.mouse.move(*low_left)
    expect(opened.locator("#card .name")).to_have_text("four.jpg")
    opened.keyboard.press("Escape")
    expect(opened.locator("#card")).to_be_hidden()
    opened.mouse.move(*high_left)
    expect(opened.locator("#card .well span")).to_be_visible()
    expect(opened.locator("#card .well span")).to_have_text("cannot be read")
    opened.mouse.move(*low_left)
    expect(opened.locator("#card .name")).to_have_text("one.jpg")


@pytest.mark.browser
def test_keys_go_from_dot_to_dot_and_say_where(opened):
    opened.locator("#find").focus()
    opened.keyboard.press("Tab")
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowDown")
    expect(opened.locator("#card .name")).to_have_text("one.jpg")
    opened.keyboard.press("ArrowRight")
    expect(opened.locator("#card .name")).to_have_text("script><b>.jpg")
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("Enter")
    expect(opened.locator("#said")).to_have_text("four.jpg, y")
    expect(opened.locator("#card")).to_contain_class("kept")


@pytest.mark.browser
def test_labels_are_hidden_and_names_are_found(opened):
    *_, high_right = spots(opened)
    expect(opened.locator("#legend button")).to_have_text(["x 1", "y 2", "no label 1"], use_inner_text=True)
    opened.locator("#legend button").nth(1).click()
    opened.mouse.move(*high_right)
    expect(opened.locator("#card")).to_be_hidden()
    opened.locator("#legend button").nth(1).dblclick()
    for at, pressed in enumerate(("false", "true", "false")):
        expect(opened.locator("#legend button").nth(at)).to_have_attribute("aria-pressed", pressed)
    opened.mouse.move(*high_right)
    expect(opened.locator("#card")).to_be_visible()
    opened.locator("#find").fill("A/one")
    expect(opened.locator("#found")).to_have_text("1")


@pytest.mark.browser
def test_dots_and_pictures_are_drawn_and_zoom_keeps_what_is_under_the_pointer(opened):
    def pixel(spot, away=0.0):
        box = opened.locator("#map").bounding_box()
        x, y = spot[0] - box["x"] + away, spot[1] - box["y"]
        return opened.evaluate(
            "([x, y]) => [...document.getElementById('map').getContext('2d')"
            ".getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data]",
            [x, y],
        )

    low_left, _, _, high_right = spots(opened)
    eventually(opened, lambda: pixel(low_left)[3] > 200)
    assert pixel(low_left, 13)[3] == 0
    opened.locator("#pictures").click()
    eventually(opened, lambda: pixel(low_left, 13)[0] > 200)  # the red picture
    eventually(opened, lambda: pixel(high_right, -13)[2] > 200)  # the blue one
    opened.mouse.move(*high_right)
    for _ in range(4):
        opened.mouse.wheel(0, -200)
    eventually(opened, lambda: pixel(high_right)[2] > 200)
    opened.mouse.move(high_right[0] + 3, high_right[1])
    expect(opened.locator("#card .name")).to_have_text("four.jpg")
