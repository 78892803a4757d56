"""The page of two pictures in a browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.browsing import eventually, expect

pytestmark = pytest.mark.browser


def compared(visit, served, a, b, **settings):
    page = visit(f"compare?a=id:{served.ids[a]}&b=id:{served.ids[b]}", **settings)
    page.locator("#facts table, #facts p").first.wait_for()
    page.evaluate("Promise.all([...document.querySelectorAll('.layer')].map((one) => one.decode()))")
    return page


def drawn(page):
    with Image.open(io.BytesIO(page.locator("#stage").screenshot(animations="disabled"))) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def test_the_verdict_is_said_with_its_reason_and_what_differs(visit, served):
    page = compared(visit, served, "astronaut.png", "astronaut cropped.jpg")
    expect(page.locator("#verdict .chip")).to_have_text("edited", use_inner_text=True)
    expect(page.locator("#verdict p")).to_contain_text("%")
    rows = {row.locator("th").inner_text(): row for row in page.locator("#facts tbody tr").all()}
    assert rows["Size"].locator("td").first.inner_text().split("\n")[0].startswith("512 × 512")
    expect(rows["Size"].locator("td").first.locator(".better")).to_have_text("larger", use_inner_text=True)
    expect(rows["Format"].locator(".better")).to_have_text("lossless", use_inner_text=True)
    more = rows["Shows of the other"].locator("td").first.locator(".better")
    expect(more).to_have_text("shows more", use_inner_text=True)
    expect(page.locator("#why")).to_contain_text("Distance by lite0")


def test_equal_files_differ_in_nothing_but_their_names(visit, served):
    page = compared(visit, served, "rocket.jpg", "rocket again.jpg")
    expect(page.locator("#verdict .chip")).to_have_text("same file", use_inner_text=True)
    assert page.locator("#facts tbody th").all_inner_texts() in (["Name", "Folder"], ["Changed", "Name", "Folder"])


def test_the_first_is_laid_upon_the_second_and_mirrored_back(visit, served):
    page = compared(visit, served, "chelsea.png", "chelsea mirrored.jpg")
    page.keyboard.press("d")
    page.locator("#modes input[type=range]").fill("1")
    aligned = eventually(page, lambda: drawn(page).mean(), lambda mean: 0 < mean < 6)
    page.get_by_label("Align the first to the second").uncheck()
    eventually(page, lambda: drawn(page).mean(), lambda apart: apart > max(6, 4 * aligned))


def test_slider_blink_and_zoom_work_by_keys_and_both_move_together(visit, served):
    page = compared(visit, served, "astronaut.png", "astronaut cropped.jpg")
    page.keyboard.press("c")
    slider = page.get_by_role("slider", name="Where the first picture ends")
    expect(slider).to_have_attribute("aria-valuenow", "50")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "52")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 30, steps=4)
    page.mouse.up()
    expect(slider).to_have_attribute("aria-valuenow", "25")
    page.locator("#main").focus()
    page.keyboard.press(" ")
    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-mode", "blink")
    expect(stage).to_have_attribute("data-flipped", "true")
    page.keyboard.press(" ")
    expect(stage).to_have_attribute("data-flipped", "false")
    page.get_by_role("button", name="Side by side").click()
    expect(stage).to_have_attribute("data-mode", "beside")
    page.locator("#main").focus()
    place = "[...document.querySelectorAll('.layer')].map((one) => getComputedStyle(one).transform)"

    def both_move(key):
        before = page.evaluate(place)
        page.keyboard.press(key)
        eventually(page, lambda: page.evaluate(place), lambda now: now[0] != before[0] and now[1] != before[1])

    both_move("+")
    both_move("ArrowRight")
    page.keyboard.press("0")
    page.keyboard.press("x")
    page.locator("#sides .side h2").first.get_by_text("astronaut cropped.jpg").wait_for()


def test_heat_maps_are_drawn_when_asked_for(visit, served):
    page = compared(visit, served, "astronaut.png", "astronaut cropped.jpg")
    page.get_by_role("button", name="Show which regions make them alike").click()
    sheet = page.get_by_alt_text("Which regions make astronaut.png")
    sheet.wait_for()
    eventually(page, lambda: sheet.evaluate("(one) => one.naturalWidth"), lambda width: width > 500)


def test_pictures_are_picked_one_after_the_other(visit, served):
    page = visit("compare")
    page.locator("#files").set_input_files(served.folder / "photos" / "china.jpg")
    page.locator(".side.filled").wait_for()
    expect(page.locator(".side").first.locator("h2")).to_have_text("china.jpg")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files(served.folder / "copies" / "china small.jpg")
    page.locator("#verdict .chip.copy").wait_for()
    expect(page.locator(".side.filled h2")).to_have_text(["china.jpg", "china small.jpg"])


def test_what_is_not_there_is_said_on_its_side(visit, served):
    page = visit("compare?a=id:999999", allowed=("status of 404",))
    expect(page.get_by_role("alert")).to_contain_text("999999")
    expect(page.locator(".side.empty")).to_have_count(2)


def test_two_that_cannot_be_aligned_are_still_shown(visit, served):
    page = compared(visit, served, "moon.png", "flower.jpg")
    expect(page.get_by_text("No way was found to lay one upon the other")).to_be_visible()
    page.get_by_role("button", name="Slider").click()
    eventually(page, lambda: drawn(page).std(), lambda contrast: contrast > 20)
