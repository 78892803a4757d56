"""The page of duplicates in a browser: by mouse, by keys alone, on a phone; on photographs and edits of them."""

from __future__ import annotations

import re

import httpx2
import pytest

import lookalike
from lookalike.server import Settings, create_app
from tests.actions.conftest import tree
from tests.server.pages.conftest import TOKEN, Served, fill, listening

pytestmark = pytest.mark.browser

BEARER = {"Authorization": f"Bearer {TOKEN}"}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def desk(browser, tmp_path_factory, photographs):
    """Return a server with a library of its own, whose duplicates are found by job 1."""
    folder = tmp_path_factory.mktemp("desk")
    path = fill(folder, photographs)
    with lookalike.open(path) as library:
        expected = library.duplicates(level="edited")
    for url in listening(create_app(path, Settings(token=TOKEN, isolated=False))):
        httpx2.post(f"{url}/api/v1/duplicates", json={"level": "edited"}, headers=BEARER)
        httpx2.get(f"{url}/api/v1/jobs/1/events", timeout=120)
        served = Served(url, folder)
        served.ids["groups"] = len(expected.groups)
        yield served


def reviewed(visit, desk, more="", **settings):
    page = visit(f"duplicates?job=1{more}", base=desk.url, **settings)
    page.locator("#members li").first.wait_for()
    return page


def place(page, number):
    page.locator("#place", has_text=re.compile(rf"Group {number} of")).wait_for()


def effect(page):
    return page.locator("#accept span").inner_text()


def forget(desk):
    """Take back every decision."""
    made = httpx2.get(f"{desk.url}/api/v1/decisions").json()["decisions"]
    if made:
        body = {"decisions": [one["id"] for one in made]}
        httpx2.post(f"{desk.url}/api/v1/decisions/undo", json=body, headers=BEARER)
    return made


def test_a_group_opens_decided_with_its_reason_and_the_button_says_what_it_does(visit, desk):
    page = reviewed(visit, desk)
    assert page.locator("#place").inner_text() == f"Group 1 of {desk.ids['groups']}"
    assert page.locator("#why .chip").inner_text() == "same file"
    assert "same bytes" in page.locator("#why p").inner_text()
    assert re.fullmatch(r"Remove 1, [\d.]+ kB", effect(page))
    fates = page.locator("#members .fate").all_inner_texts()
    assert fates == ["Keep", "Remove"]
    facts = page.locator("#members .member-facts").all_inner_texts()
    assert all("Size" not in text and "Format" not in text for text in facts)
    assert all("Folder" in text for text in facts)


def test_only_facts_that_differ_are_shown_and_the_better_is_marked_by_a_word(visit, desk):
    page = reviewed(visit, desk, "&verdict=edited")
    first, second = page.locator("#members li").all()[:2]
    assert "lossless" in first.inner_text()
    assert "lossless" not in second.inner_text()
    page.keyboard.press("i")
    assert "Path" in first.inner_text()
    assert "Points that agree" in second.inner_text()


def test_all_is_done_by_keys(visit, desk):
    page = reviewed(visit, desk)
    stage = page.locator("#stage")
    page.keyboard.press(" ")
    assert stage.get_attribute("data-mode") == "blink"
    shown = stage.get_attribute("data-flipped")
    page.keyboard.press(" ")
    assert stage.get_attribute("data-flipped") != shown
    page.keyboard.press("d")
    assert stage.get_attribute("data-mode") == "difference"
    page.keyboard.press("c")
    assert stage.get_attribute("data-mode") == "beside"
    before = page.locator(".layer").first.evaluate("(one) => one.style.transform")
    page.keyboard.press("+")
    assert page.locator(".layer").first.evaluate("(one) => one.style.transform") != before
    page.keyboard.press("0")
    assert page.locator(".layer").first.evaluate("(one) => one.style.transform") == before
    page.keyboard.press("2")
    assert effect(page) == "Remove nothing"
    page.keyboard.press("x")
    assert effect(page).startswith("Remove 1")
    page.keyboard.press("1")
    assert effect(page).startswith("Remove 1"), "the last that stays cannot be marked"
    assert "One of a group always stays" in page.locator("#toasts").inner_text()
    page.keyboard.press("2")
    page.keyboard.press("k")
    assert page.locator("#members .fate").all_inner_texts() == ["Remove", "Keep"]
    for _ in range(4):
        page.keyboard.press("Backspace")
        page.wait_for_timeout(50)
    page.locator("#members li:nth-child(1) .fate", has_text="Keep").wait_for()
    page.keyboard.press("Enter")
    place(page, 2)
    page.keyboard.press("ArrowDown")
    place(page, 3)
    assert page.locator("#tally").inner_text() == "1 accepted · 1 skipped"
    page.keyboard.press("ArrowLeft")
    place(page, 2)
    page.keyboard.press("Control+z")
    page.locator("#tally", has_text=re.compile("^1 accepted$")).wait_for()
    assert "at=2" in page.url
    page.keyboard.press("v")
    assert page.locator("body").evaluate("(one) => one.classList.contains('full')")
    page.keyboard.press("2")
    assert effect(page) == "Remove nothing"
    page.keyboard.press("Escape")
    assert not page.locator("body").evaluate("(one) => one.classList.contains('full')")


def test_keys_are_dead_in_fields_and_dialogs_and_the_sheet_lists_them(visit, desk):
    page = reviewed(visit, desk)
    page.locator("#sure-filter").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    assert page.locator("#tally").inner_text() == ""
    page.locator("#main").focus()
    page.keyboard.press("?")
    sheet = page.locator("dialog.sheet").inner_text()
    for words in (
        "Skip: it comes back",
        "Keep only the one looked at",
        "Flip in place",
        "Not duplicates, for good",
        "1 – 9",
    ):
        assert words in sheet
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    assert page.locator("#members .fate").all_inner_texts() == ["Keep", "Remove"]


def test_skipped_groups_come_back_at_the_end(visit, desk):
    page = reviewed(visit, desk)
    for number in range(desk.ids["groups"]):
        place(page, number + 1)
        page.keyboard.press("ArrowDown" if number == 1 else "Enter")
    page.get_by_role("button", name="Look at the skipped one").click()
    place(page, 2)
    page.reload()
    place(page, 2)
    assert "1 skipped" in page.locator("#tally").inner_text(), "what was said is kept"


def test_decisions_last_are_honoured_and_are_undone(visit, desk):
    page = reviewed(visit, desk, "&verdict=edited")
    page.keyboard.press("n")
    page.locator("#toasts", has_text="no duplicates").wait_for()
    (made,) = httpx2.get(f"{desk.url}/api/v1/decisions").json()["decisions"]
    assert made["decision"] == "not-duplicates"
    with lookalike.open(desk.folder / "pages.lookalike", create=False) as library:
        assert len(library.duplicates(level="edited").groups) == desk.ids["groups"] - 1
    page.keyboard.press("Backspace")
    page.get_by_text("Undone").wait_for(state="attached")
    assert forget(desk) == []


def test_buttons_do_not_move_between_groups(visit, desk):
    page = reviewed(visit, desk)
    ids = ("before", "undo", "skip", "apart", "keep-all", "accept", "after")
    boxes = []
    for number in range(desk.ids["groups"]):
        place(page, number + 1)
        boxes.append([page.locator(f"#{name}").bounding_box() for name in ids])
        page.keyboard.press("ArrowRight")
    assert all(one == boxes[0] for one in boxes)


def test_the_list_is_the_same_queue(visit, desk):
    page = reviewed(visit, desk)
    page.keyboard.press("Enter")
    place(page, 2)
    page.get_by_role("button", name="List", exact=True).click()
    rows = page.locator(".group-row")
    rows.first.wait_for()
    assert rows.count() == desk.ids["groups"]
    assert "accepted" in rows.first.inner_text()
    rows.nth(2).locator("button").click()
    place(page, 3)
    assert "at=3" in page.url
    page.go_back()
    rows.first.wait_for()


def test_plan_apply_and_undo_bring_back_an_equal_tree(visit, desk):
    before = tree(desk.folder / "photos", desk.folder / "copies")
    page = reviewed(visit, desk)
    page.keyboard.press("Enter")
    place(page, 2)
    page.get_by_role("button", name=re.compile("Plan 1 removal")).click()
    page.get_by_role("button", name="Plan these").click()
    page.locator(".sample").first.wait_for()
    assert "Remove 1 file" in page.locator(".made h2").inner_text()
    page.get_by_role("button", name="Plan them all").click()
    page.locator(".made h2", has_text=f"Remove {desk.ids['groups']} files").wait_for()
    assert page.locator(".sample").count() == desk.ids["groups"]
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as CSV").click()
    assert saved.value.suggested_filename.endswith(".csv")
    assert tree(desk.folder / "photos", desk.folder / "copies") == before
    page.get_by_role("button", name="Apply:").click()
    page.get_by_role("button", name="Apply", exact=True).click()
    page.get_by_text(f"{desk.ids['groups']} files removed").first.wait_for()
    assert len(tree(desk.folder / "copies")) < 4
    page.get_by_role("button", name="Undo all of it").click()
    page.get_by_text(f"{desk.ids['groups']} files brought back").first.wait_for()
    assert tree(desk.folder / "photos", desk.folder / "copies") == before


def test_duplicates_are_found_from_the_page(visit, desk):
    page = reviewed(visit, desk)
    page.get_by_role("button", name="Find again").click()
    page.get_by_text("Which picture to keep, and folders").click()
    page.get_by_role("button", name="Later: shows all of it").click()
    assert page.locator(".rules li span").first.inner_text() == "is upright"
    page.get_by_label("What counts as a duplicate").select_option("same-file")
    page.get_by_role("button", name="Find duplicates").click()
    page.locator("#place", has_text="Group 1 of 1").wait_for()
    found = re.search(r"job=(\d+)", page.url)
    assert found
    job = found[1]
    asked = httpx2.get(f"{desk.url}/api/v1/jobs/{job}").json()["result"]["asked"]
    assert asked["keep"][:2] == ["upright", "uncropped"]


@pytest.mark.parametrize(
    ("more", "settings"),
    [("", {"color_scheme": "light"}), ("", {"color_scheme": "dark", **PHONE}),
     ("&view=list", {"color_scheme": "dark"}), ("&view=plan", {"color_scheme": "light", **PHONE})],
)  # fmt: skip
def test_axe_finds_nothing_serious_and_a_phone_has_room(visit, desk, more, settings):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = visit(f"duplicates?job=1{more}", base=desk.url, bypass_csp=True, reduced_motion="reduce", **settings)
    page.locator("#members li, .group-row, .choice").first.wait_for()
    found = axe.Axe().run(page).response["violations"]
    assert [
        (one["id"], one["impact"], [node["html"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical", "moderate")
    ] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_a_phone_decides_by_touch(visit, desk):
    page = reviewed(visit, desk, **PHONE)
    assert page.locator("#stage").get_attribute("data-mode") == "slider"
    page.locator("#skip").tap()
    place(page, 2)
    page.locator("#accept").tap()
    place(page, 3)
    assert page.locator("#tally").inner_text() == "1 accepted · 1 skipped"
