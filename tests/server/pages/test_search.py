"""The search page in a browser."""

from __future__ import annotations

import base64
import csv
import re
from pathlib import Path

import pytest

from tests.browsing import eventually, expect

from .conftest import settled, titled

pytestmark = pytest.mark.browser

DROP = """async ([kind, items]) => {
  const data = new DataTransfer();
  for (const item of items) {
    const bytes = Uint8Array.from(atob(item.data ?? ""), (c) => c.charCodeAt(0));
    if (item.data) data.items.add(new File([bytes], item.name, { type: item.type }));
    else data.setData(item.kind ?? "text/plain", item.text);
  }
  const options = { bubbles: true, cancelable: true };
  if (kind === "paste") document.body.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: data }));
  else for (const name of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(name, { ...options, dataTransfer: data, clientX: 300, clientY: 300 }));
}"""


def file_of(path: Path) -> dict[str, str]:
    kind = "image/png" if path.suffix == ".png" else "image/jpeg"
    return {"name": path.name, "type": kind, "data": base64.b64encode(path.read_bytes()).decode()}


def names(page):
    """Return the names of the tiles that are shown; ask it when nothing is under way."""
    return page.locator("#results .tile-name").all_inner_texts()


def addressed(page, part):
    """Wait until the address has a part in it."""
    expect(page).to_have_url(re.compile(re.escape(part)))


def test_a_picture_of_the_library_is_searched_and_copies_stand_above_the_line(visit, served):
    page = visit(f"?q=id:{served.ids['chelsea.png']}")
    page.locator("#results .tile").first.wait_for()
    settled(page)
    expect(page.locator(".grid-head h2")).to_have_text(["1 copy", "Alike"], use_inner_text=True)
    copies = page.get_by_role("list", name="1 copy").get_by_role("listitem")
    expect(copies).to_have_count(1)
    expect(copies).to_contain_text("chelsea mirrored.jpg")
    expect(copies).to_contain_text("edited")
    expect(copies.locator(".tile-reason")).to_contain_text("mirrored")
    assert "chelsea.png" not in names(page)  # the query is no answer to itself
    expect(page.locator(".query-figure img")).to_have_attribute("alt", "The query, chelsea.png")
    expect(page).to_have_title("chelsea.png · Lookalike")
    every = page.locator("#results .tile-distance").all_inner_texts()
    assert len(every) == len(names(page))
    assert all(0 <= float(text) <= 2 for text in every)


def test_unverified_results_come_first_and_nothing_jumps(visit, served):
    page = visit()
    held = []  # the question that verifies, until we have looked

    def hold(route):
        if '"verify":true' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/v1/search", hold)
    page.goto(f"{served.url}/?q=id:{served.ids['flower.jpg']}")
    page.evaluate("document.fonts.ready")
    eventually(page, lambda: held)
    expect(page.locator("#results .grid-head p").first).to_have_text(re.compile("^Looking for copies"))
    expect(page.locator("#results .chip.waiting").first).to_be_attached()
    before = page.locator("#results .tile").first.bounding_box()
    held[0].continue_()
    settled(page)
    expect(page.locator("#results .chip.waiting")).to_have_count(0)
    expect(page.locator("#results .grid-head h2")).to_have_text(["Alike"], use_inner_text=True)
    assert page.locator("#results .tile").first.bounding_box()["y"] == before["y"]


def test_equal_files_are_one_tile_and_the_same_file_is_said_first(visit, served):
    page = visit()
    page.locator("#files").set_input_files(served.folder / "photos" / "rocket.jpg")
    settled(page)
    said = page.locator(".already")
    expect(said).to_have_text(re.compile(r"^\s*This very file is already in the library:"))
    expect(said.locator("li")).to_have_count(2)
    assert [name for name in names(page) if name.startswith("rocket")] == [names(page)[0]]
    expect(page.locator("#results .tile").first.locator(".tile-copies")).to_have_text("2 files")
    addressed(page, "upload%3A")
    expect(page.locator(".chip.copy").first).to_have_text("same file")


def test_dropped_and_pasted_pictures_are_searched_and_several_are_several_queries(visit, served):
    page = visit()
    two = [file_of(served.folder / "photos" / name) for name in ("coffee.png", "flower.jpg")]
    page.evaluate(DROP, ["drop", two])
    settled(page)
    tabs = page.get_by_role("group", name="Queries")
    expect(tabs.get_by_role("button", pressed=True)).to_have_attribute("aria-label", "coffee.png")
    tabs.get_by_role("button", name="flower.jpg", exact=True).click()
    titled(page, "flower.jpg")
    page.get_by_role("button", name="Both together").click()
    page.get_by_text("2 pictures together").wait_for()
    addressed(page, "together=1")
    page.evaluate(DROP, ["paste", [file_of(served.folder / "photos" / "china.jpg")]])
    titled(page, "china.jpg")
    settled(page)
    assert "china small.jpg" in names(page)[:2]


def test_an_address_is_told_from_a_picture_and_a_refusal_from_both(visit, served):
    page = visit(allowed=("status of 4",))
    page.evaluate(DROP, ["paste", [{"text": "http://127.0.0.1/cat.jpg"}]])
    said = page.locator(".toast.bad p")
    expect(said).to_contain_text("127.0.0.1")
    page.get_by_role("button", name="Close").click()
    page.evaluate(DROP, ["paste", [{"text": "just words"}]])
    expect(page.locator(".toast.bad p")).to_contain_text("neither a picture nor an address")
    page.evaluate(DROP, ["drop", [{"name": "a.jpg", "type": "image/jpeg", "data": base64.b64encode(b"no").decode()}]])
    page.locator(".toast.bad", has_text="a.jpg").wait_for()
    expect(page.locator("#searching")).to_be_hidden()


def test_state_is_in_the_address_and_back_works(visit, served):
    page = visit()
    page.locator("#samples .tile button").first.click()
    settled(page)
    first = page.url
    page.locator("#results .tile button").first.click()
    page.get_by_role("button", name="Search for this").click()
    page.wait_for_url(lambda url: url != first)
    settled(page)
    trail = page.get_by_role("navigation", name="Steps that led here")
    trail.wait_for()
    expect(trail.get_by_role("link")).to_have_count(1)
    second = page.url
    page.reload()
    settled(page)
    expect(page).to_have_url(second)
    page.go_back()
    page.wait_for_url(first)
    trail.wait_for(state="detached")
    page.go_back()
    page.locator("#hero").wait_for()
    page.go_forward()
    settled(page)
    expect(page).to_have_url(first)


def test_a_part_is_cut_by_mouse_and_by_keys(visit, served):
    page = settled(visit(f"?q=id:{served.ids['astronaut.png']}&verify=0"))
    page.locator(".query-figure img[src]").wait_for()
    box = page.locator(".query-frame").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 140, steps=5)
    assert "region" not in page.url  # not before it is let go
    page.mouse.up()
    page.wait_for_url(lambda url: "region=" in url)
    settled(page)
    page.get_by_text("for this part").wait_for()
    crop = page.locator(".crop-box")
    crop.focus()
    before = page.url
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != before)
    left = float(page.url.partition("region=")[2].split("%2C")[0])
    assert left == pytest.approx(20 / box["width"] + 0.02, abs=0.01)
    page.keyboard.press("Delete")
    page.wait_for_url(lambda url: "region=" not in url)
    page.keyboard.press("r")
    expect(crop).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "region=0.2%2C0.2%2C0.6%2C0.6" in url)


def test_orders_filters_and_numbers_are_asked_for(visit, served):
    page = settled(visit(f"?q=id:{served.ids['chelsea.png']}&verify=0"))
    page.get_by_label("Order").select_option("biggest")
    page.wait_for_url("**sort=biggest**")
    settled(page)
    expect(page.locator("#results .tile-open").nth(5)).to_be_attached()
    expect(page.locator("#results .tile-name").first).to_have_text(re.compile("^motorcycle"))
    page.keyboard.press("f")
    page.locator("#filters input[value=png]").check()
    page.get_by_label("Shorter side").fill("400")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**format=png**")
    settled(page)
    assert set(names(page)) == {
        "astronaut.png",
        "coffee.png",
        "moon.png",
        "motorcycle_left.png",
        "motorcycle_right.png",
    }
    expect(page.get_by_role("button", name="Filters: 2")).to_be_visible()
    page.get_by_label("Label").fill("nothing of this name")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("Nothing in the library passes").wait_for()
    page.get_by_role("button", name="Clear all").click()
    settled(page)
    page.get_by_label("How many").select_option("20")
    page.wait_for_url("**k=20**")


def test_keys_alone_go_through_results_and_select_a_range(visit, served, tmp_path):
    page = settled(visit(f"?q=id:{served.ids['chelsea.png']}"))
    page.locator("#results .tile button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    bar = page.get_by_role("group", name="Selection", exact=True)
    expect(bar.locator("strong")).to_have_text("3 selected")
    with page.expect_download() as saved:
        bar.get_by_role("button", name="Save as CSV").click()
    saved.value.save_as(tmp_path / "chosen.csv")
    with open(tmp_path / "chosen.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [Path(row["uri"]).name for row in rows] == names(page)[1:4]
    assert rows[0]["verdict"]
    page.locator("#results .tile button").nth(3).focus()
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.keyboard.press("Enter")
    viewer = page.locator("dialog.viewer")
    expect(viewer.get_by_role("heading")).to_have_text(names(page)[3])
    page.keyboard.press("ArrowLeft")
    third = names(page)[2]
    expect(viewer.get_by_role("heading")).to_have_text(third)
    page.keyboard.press("Escape")
    expect(page.locator("#results .tile:focus-within .tile-name")).to_have_text(third)
    page.keyboard.press("s")
    titled(page, third)


def test_shift_and_click_select_a_range_and_two_are_compared(visit, served):
    page = settled(visit(f"?q=id:{served.ids['chelsea.png']}&verify=0"))
    page.locator("#results .tile-check input").nth(0).click()
    page.locator("#results .tile-open").nth(1).click(modifiers=["Shift"])
    expect(page.locator("#results .tile.chosen")).to_have_count(2)
    page.get_by_role("button", name="Compare the two").click()
    page.wait_for_url("**/compare?a=id**&b=id**")


def test_only_tiles_near_the_window_exist(visit, served):
    """A library of a thousand tiles, told by an answer that is made longer."""
    page = visit()

    def longer(route):
        answer = route.fetch().json()
        found = answer["queries"][0]["results"]
        answer["queries"][0]["results"] = [
            {**found[at % len(found)], "version": f"{at:016x}", "rank": at + 1} for at in range(1000)
        ]
        route.fulfill(json=answer)

    page.route("**/api/v1/search", longer)
    page.goto(f"{served.url}/?q=id:{served.ids['moon.png']}&verify=0&k=1000&fold=0")
    settled(page)
    expect(page.get_by_text("1,000 pictures by lite0")).to_be_visible()
    assert page.locator("#results .tile").count() < 120
    page.locator("#results .tile button").first.focus()
    page.keyboard.press("End")
    expect(page.locator("#results .tile:focus-within")).to_have_attribute("aria-posinset", "1000")
    assert page.locator("#results .tile").count() < 120


def test_names_with_markup_stay_text(visit, served):
    page = visit(f"?q=id:{served.ids['moon.png']}&verify=0")
    settled(page)
    page.route("**/api/v1/search", lambda route: route.fulfill(json=_renamed(route.fetch().json())))
    page.reload()
    settled(page)
    expect(page.locator("#results .tile-name").first).to_have_text('<img src=x onerror="alert(1)">.jpg')
    expect(page.locator("#results img[src=x]")).to_have_count(0)


def _renamed(answer):
    for found in answer["queries"][0]["results"]:
        found["uri"] = '/p/<img src=x onerror="alert(1)">.jpg'
    return answer


def test_an_upload_that_the_server_forgot_is_sent_again(visit, served):
    page = visit(allowed=("status of 400",))
    page.locator("#files").set_input_files(served.folder / "photos" / "coffee.png")
    settled(page)
    refused: list[str] = []

    def once(route):
        if not refused:
            refused.append(route.request.post_data)
            body = {
                "ok": False,
                "error": "this upload is no longer kept: send the picture again",
                "errors": [],
                "status": 400,
            }
            route.fulfill(status=400, json=body)
        else:
            route.continue_()

    page.route("**/api/v1/search", once)
    page.get_by_label("How many").select_option("20")
    page.wait_for_url("**k=20**")
    settled(page)
    assert refused
    expect(page.locator(".notice.bad")).to_have_count(0)
