"""Copies fold into one tile, and what is selected is saved or compared for a plan."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from lookalike.server import Settings, create_app
from tests.browsing import check_accessible
from tests.server.pages.conftest import TOKEN, Served, fill, listening, settled

pytestmark = pytest.mark.browser

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def shelf(browser, tmp_path_factory, photographs):
    """Return a server on a library of its own, whose duplicates were looked for once."""
    import lookalike

    folder = tmp_path_factory.mktemp("shelf")
    path = fill(folder, photographs)
    with lookalike.open(path) as library:
        ids = {Path(image.uri).name: image.id for image in library.store.images()}
    for url in listening(create_app(path, Settings(token=TOKEN, isolated=False))):
        httpx2.post(f"{url}/api/v1/duplicates", json={"level": "edited"}, headers=BEARER)
        httpx2.get(f"{url}/api/v1/jobs/1/events", timeout=120)
        yield Served(url, folder, ids)


def tile(page, name):
    return page.locator("#results .tile", has=page.locator(".tile-name", has_text=name))


def shown(page, *names):
    """Which of some pictures have a tile."""
    return sorted(name for name in page.locator("#results .tile-name").all_inner_texts() if name in names)


PAIR = ("china.jpg", "china small.jpg")


def test_copies_of_one_another_are_one_tile_that_opens_by_click_and_key(visit, shelf):
    page = settled(visit(f"?q=id:{shelf.ids['moon.png']}", base=shelf.url))
    expect(page.get_by_role("button", name="2 copies").first).to_be_visible()
    (first,) = shown(page, *PAIR)
    badge = tile(page, re.compile(f"^{re.escape(first)}$")).get_by_role("button", name="2 copies")
    assert badge.get_attribute("aria-expanded") == "false"
    badge.click()
    expect(badge).to_have_attribute("aria-expanded", "true")
    assert shown(page, *PAIR) == sorted(PAIR)
    tile(page, re.compile(f"^{re.escape(first)}$")).locator(".tile-open").focus()
    page.keyboard.press("e")
    expect(badge).to_have_attribute("aria-expanded", "false")
    assert shown(page, *PAIR) == [first]
    expect(tile(page, "rocket").get_by_role("button", name="2 files")).to_have_count(1)


def test_the_order_holds_for_folded_tiles_and_folding_can_be_turned_off(visit, shelf):
    page = settled(visit(f"?q=id:{shelf.ids['moon.png']}", base=shelf.url))
    expect(page.get_by_role("button", name="2 copies").first).to_be_visible()
    folded = page.locator("#results .tile").count()
    page.get_by_label("Order").select_option("biggest")
    expect(page.locator(".grid-head h2").first).to_have_text("Biggest first")
    assert shown(page, *PAIR) == ["china.jpg"], "the biggest of them stands for all"
    page.get_by_label("Fold copies").uncheck()
    expect(page).to_have_url(re.compile("fold=0"))
    expect(page.locator("#results .tile")).not_to_have_count(folded)
    assert shown(page, *PAIR) == sorted(PAIR)
    page.reload()
    settled(page)
    assert page.get_by_label("Fold copies").is_checked() is False


def test_a_selection_is_saved_as_json_and_paths_with_what_stands_behind_a_tile(visit, shelf):
    page = settled(visit(f"?q=id:{shelf.ids['moon.png']}", base=shelf.url))
    expect(page.get_by_role("button", name="2 copies").first).to_be_visible()
    (first,) = shown(page, *PAIR)
    tile(page, re.compile(f"^{re.escape(first)}$")).locator(".tile-open").click(modifiers=["Control"])
    expect(page.locator(".selection strong")).to_have_text("1 selected, 2 files")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    rows = json.loads(saved.value.path().read_text())
    assert {Path(row["uri"]).name for row in rows} == set(PAIR)
    assert set(rows[0]) == {"rank", "uri", "distance", "verdict", "probability"}
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as Paths").click()
    assert {Path(line).name for line in saved.value.path().read_text().splitlines()} == set(PAIR)


def test_selected_copies_become_groups_to_review_and_strangers_are_told_to_be_none(visit, shelf):
    page = settled(visit(f"?q=id:{shelf.ids['chelsea.png']}", base=shelf.url))
    tile(page, "chelsea mirrored").locator(".tile-open").click(modifiers=["Control"])
    page.get_by_role("button", name="Find copies among them").click()
    expect(page.locator("#members .member-name").first).to_be_visible(timeout=60_000)
    names = page.locator("#members .member-name").all_inner_texts()
    assert sorted(names) == ["chelsea mirrored.jpg", "chelsea.png"], "the query is held against what was selected"
    expect(page.locator("#lead")).to_contain_text("among 2 that were selected")
    page.go_back()
    settled(page)
    for name in ("coffee", "flower"):
        tile(page, name).locator(".tile-open").click(modifiers=["Control"])
    page.get_by_role("button", name="Find copies among them").click()
    expect(page.locator("#lead")).to_contain_text("None of them is a copy of another", timeout=60_000)
    expect(page.locator("#end")).to_contain_text("No copies were found")


def test_back_leads_to_the_search_also_from_copies_that_were_still_looked_for_when_the_page_opened(visit, shelf):
    page = settled(visit(f"?q=id:{shelf.ids['chelsea.png']}", base=shelf.url))

    def unfinished(route):
        jobs = route.fetch().json()["jobs"]
        route.fulfill(json={"jobs": [jobs[0] | {"state": "running"}, *jobs[1:]]})

    page.route("**/api/v1/jobs", unfinished, times=1)
    tile(page, "chelsea mirrored").locator(".tile-open").click(modifiers=["Control"])
    page.get_by_role("button", name="Find copies among them").click()
    expect(page.locator("#members .member-name").first).to_be_visible(timeout=60_000)
    page.go_back()
    settled(page)


@pytest.mark.parametrize("view", ["folded", "finder", "plan", "apply"])
@pytest.mark.parametrize(
    "settings", [{"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}}],
    ids=["desktop", "phone, dark"],
)  # fmt: skip
def test_axe_finds_nothing_serious_in_what_is_new(visit, shelf, view, settings):
    address = f"?q=id:{shelf.ids['moon.png']}" if view == "folded" else "duplicates?job=1&view=plan"
    page = visit(address, base=shelf.url, bypass_csp=True, reduced_motion="reduce", **settings)
    if view == "folded":
        settled(page)
        page.get_by_role("button", name="2 copies").first.click()
        page.locator("#results .tile-check input").first.click(force=True)
    elif view == "finder":
        page.goto(f"{shelf.url}/duplicates?job=999")
        expect(page.locator("#finder form").first).to_be_visible()
        page.get_by_text("Which picture to keep, and folders").click()
        page.get_by_role("button", name="Leave out: is in colour").click()
        page.get_by_role("combobox", name="Only in these folders").fill("/a/folder")
        page.get_by_role("button", name="Add: Only in these folders").click()
    else:
        page.get_by_label("What to do with the copies").select_option("move")
        if view == "apply":
            page.get_by_label("What to do with the copies").select_option("quarantine")
            page.get_by_role("button", name="Plan them all").click()
            page.get_by_role("button", name=re.compile("Apply:")).click(timeout=60_000)
            expect(page.get_by_role("dialog")).to_be_visible()
    check_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
