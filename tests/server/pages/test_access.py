"""Every page for everyone: axe finds nothing serious, on a desktop and a phone, light and dark."""

from __future__ import annotations

import pytest

from tests.browsing import check_accessible, eventually, expect

from .conftest import settled

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1280, "height": 850}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def opened(visit, served, name, **settings):
    ids = served.ids
    if name == "start":
        page = visit(**settings)
        page.locator("#samples .tile").first.wait_for()
    elif name == "library":
        page = visit("library", **settings)
        page.locator("#problems tbody tr").first.wait_for()
    elif name.startswith("map"):
        page = visit("map?draw=canvas", **settings)
        if page.locator("#setup h2, #stage[data-sight]").first.evaluate("one => one.id === 'setup-title'"):
            page.get_by_text("By the largest differences").click()
            page.get_by_role("button", name="Lay out the map").click()
        page.locator("#stage[data-sight]").wait_for()
        if name == "map setup":
            page.get_by_role("button", name="New map").click()
            page.locator("#setup h2").wait_for()
        if name == "map stacks":
            page.get_by_role("button", name="Clusters as stacks").click()
            page.locator(".stack").first.wait_for()
        if name == "map":
            page.locator(".legend-row").first.click()
            page.locator("#stage").focus()
            page.keyboard.press("a")
            page.locator("#results .tile").first.wait_for()
    elif name.startswith("compare"):
        filled = f"?a=id:{ids['astronaut.png']}&b=id:{ids['astronaut cropped.jpg']}" if name == "compare" else ""
        page = visit(f"compare{filled}", **settings)
        page.locator("#facts table" if filled else ".side.empty").first.wait_for()
        if filled:
            page.get_by_role("button", name="Slider").click()
            expect(page.locator("#stage")).to_have_attribute("data-mode", "slider")
    else:
        page = settled(visit(f"?q=id:{ids['chelsea.png']}{'' if name == 'search' else '&verify=0'}", **settings))
        if name == "filters":
            page.keyboard.press("f")
            page.locator("#filters").wait_for()
        if name == "crop":
            page.keyboard.press("r")
            page.locator(".crop-box").wait_for()
            page.locator("#results .tile-check input").first.click(force=True)
            page.get_by_role("group", name="Selection", exact=True).wait_for()
        if name == "viewer":
            page.locator("#results .tile button").first.click()
            page.locator("#viewer-title").wait_for()
        if name == "keys":
            page.keyboard.press("?")
            page.get_by_role("dialog", name="Keys").wait_for()
    return page


@pytest.mark.parametrize(
    ("name", "scheme", "device"),
    [
        (name, "light", DESKTOP)
        for name in (
            "start",
            "filters",
            "crop",
            "viewer",
            "keys",
            "compare",
            "compare empty",
            "map",
            "map setup",
            "map stacks",
        )
    ]
    + [(name, "dark", PHONE) for name in ("start", "search", "viewer", "compare", "library", "map", "map stacks")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_axe_finds_nothing_serious(visit, served, name, scheme, device):
    # The rules are run by a script that the page's own policy would refuse.
    page = opened(visit, served, name, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce", **device)
    check_accessible(page)
    if device is PHONE:
        check_phone(page)


def check_phone(page):
    eventually(page, lambda: page.evaluate("document.documentElement.scrollWidth"), lambda width: width <= 390)
    small = (
        "[...document.querySelectorAll('button, a.button')].filter((one) => one.offsetParent && !one.closest('.tile'))"
        ".filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.textContent)"
    )
    eventually(page, lambda: page.evaluate(small), lambda found: found == [])


def test_the_first_key_leads_past_the_header(visit, served):
    page = visit()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_id("pick")


def test_a_whole_search_is_done_by_keys(visit, served):
    page = visit()
    page.locator("#samples .tile").first.wait_for()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('#samples .tile'))"):
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    settled(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('#results .tile'))"):
            break
    expect(page.locator("#results .tile :focus-visible")).to_have_count(1)
    page.keyboard.press("c")
    page.wait_for_url("**/compare?a=id**b=id**")
    page.locator("#facts table").wait_for()
