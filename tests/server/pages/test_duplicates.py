"""The page of duplicates in a browser: by mouse, by keys alone, on a phone; on photographs and edits of them."""

from __future__ import annotations

import re

import httpx2
import pytest

import lookalike
from lookalike.server import Settings, create_app
from tests.actions.conftest import tree
from tests.browsing import check_accessible, eventually, expect
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
        httpx2.post(f"{url}/api/v1/duplicates", json={"level": "edited"}, headers=BEARER, timeout=60)
        httpx2.get(f"{url}/api/v1/jobs/1/events", timeout=120)
        served = Served(url, folder)
        served.ids["groups"] = len(expected.groups)
        yield served


def reviewed(desk, visit, more="", **settings):
    page = visit(f"duplicates?job=1{more}", base=desk.url, **settings)
    page.locator("#members li").first.wait_for()
    return page


def place(page, number):
    expect(page.locator("#place")).to_have_text(re.compile(rf"^Group {number} of"))


def effect(page, said):
    """Wait until the button says what it would do."""
    expect(page.locator("#accept span")).to_have_text(re.compile(rf"^{said}$"), use_inner_text=True)


def fates(page, *said):
    """Wait until it is said of each picture what becomes of it."""
    expect(page.locator("#members .fate")).to_have_text(list(said), use_inner_text=True)


def tally(page, said):
    expect(page.locator("#tally")).to_have_text(said, use_inner_text=True)


def forget(desk):
    """Take back every decision."""
    made = httpx2.get(f"{desk.url}/api/v1/decisions", timeout=60).json()["decisions"]
    if made:
        body = {"decisions": [one["id"] for one in made]}
        httpx2.post(f"{desk.url}/api/v1/decisions/undo", json=body, headers=BEARER, timeout=60)
    return made


def test_a_group_opens_decided_with_its_reason_and_the_button_says_what_it_does(desk, visit):
    page = reviewed(desk, visit)
    expect(page.locator("#place")).to_have_text(f"Group 1 of {desk.ids['groups']}")
    expect(page.locator("#why .chip")).to_have_text("same file", use_inner_text=True)
    expect(page.locator("#why p")).to_contain_text("same bytes")
    effect(page, r"Remove 1, [\d.]+ kB")
    fates(page, "Keep", "Remove")
    facts = page.locator("#members .member-facts").all_inner_texts()
    assert all("Size" not in text and "Format" not in text for text in facts)
    assert all("Folder" in text for text in facts)


def test_only_facts_that_differ_are_shown_and_the_better_is_marked_by_a_word(desk, visit):
    page = reviewed(desk, visit, "&verdict=edited")
    first, second = page.locator("#members li").nth(0), page.locator("#members li").nth(1)
    expect(first).to_contain_text("lossless")
    expect(second).not_to_contain_text("lossless")
    page.keyboard.press("i")
    expect(first).to_contain_text("Path")
    expect(second).to_contain_text("Points that agree")


def test_all_is_done_by_keys(desk, visit):
    page = reviewed(desk, visit)
    stage = page.locator("#stage")
    page.keyboard.press(" ")
    expect(stage).to_have_attribute("data-mode", "blink")
    expect(stage).to_have_attribute("data-flipped", "true")
    page.keyboard.press(" ")
    expect(stage).to_have_attribute("data-flipped", "false")
    page.keyboard.press("d")
    expect(stage).to_have_attribute("data-mode", "difference")
    page.keyboard.press("c")
    expect(stage).to_have_attribute("data-mode", "beside")

    def laid():
        return page.locator(".layer").first.evaluate("(one) => one.style.transform")

    before = laid()
    page.keyboard.press("+")
    eventually(page, laid, lambda now: now != before)
    page.keyboard.press("0")
    eventually(page, laid, lambda now: now == before)
    page.keyboard.press("2")
    effect(page, "Remove nothing")
    page.keyboard.press("x")
    effect(page, "Remove 1,.*")
    page.keyboard.press("1")  # the last that stays cannot be marked
    expect(page.locator("#toasts")).to_contain_text("One of a group always stays")
    effect(page, "Remove 1,.*")
    page.keyboard.press("2")
    fates(page, "Keep", "Keep")
    page.keyboard.press("k")
    fates(page, "Remove", "Keep")
    for said in ("Keep", "Remove", "Keep", "Remove"):  # what the second one was before
        page.keyboard.press("Backspace")
        fates(page, "Keep", said)
    expect(page.locator("#undo")).to_be_disabled()
    page.keyboard.press("Enter")
    place(page, 2)
    page.keyboard.press("ArrowDown")
    place(page, 3)
    tally(page, "1 accepted · 1 skipped")
    page.keyboard.press("ArrowLeft")
    place(page, 2)
    page.keyboard.press("Control+z")
    tally(page, "1 accepted")
    expect(page).to_have_url(re.compile("at=2"))
    page.keyboard.press("v")
    expect(page.locator("body")).to_contain_class("full")
    page.keyboard.press("2")
    effect(page, "Remove nothing")
    page.keyboard.press("Escape")
    expect(page.locator("body")).not_to_contain_class("full")


def test_keys_are_dead_in_fields_and_dialogs_and_the_sheet_lists_them(desk, visit):
    page = reviewed(desk, visit)
    page.locator("#sure-filter").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("k")
    tally(page, "")
    page.locator("#main").focus()
    page.keyboard.press("?")
    sheet = page.locator("dialog.sheet")
    for words in (
        "Skip: it comes back",
        "Keep only the one looked at",
        "Flip in place",
        "Not duplicates, for good",
        "1 – 9",
    ):
        expect(sheet).to_contain_text(words)
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    fates(page, "Keep", "Remove")


def test_skipped_groups_come_back_at_the_end(desk, visit):
    page = reviewed(desk, visit)
    for number in range(desk.ids["groups"]):
        place(page, number + 1)
        page.keyboard.press("ArrowDown" if number == 1 else "Enter")
    page.get_by_role("button", name="Look at the skipped one").click()
    place(page, 2)
    page.reload()
    place(page, 2)
    expect(page.locator("#tally"), "what was said is kept").to_contain_text("1 skipped")


def test_decisions_last_are_honoured_and_are_undone(desk, visit):
    page = reviewed(desk, visit, "&verdict=edited")
    page.keyboard.press("n")
    page.locator("#toasts", has_text="no duplicates").wait_for()
    place(page, 2)  # keys are dead until the next group is there
    (made,) = httpx2.get(f"{desk.url}/api/v1/decisions", timeout=60).json()["decisions"]
    assert made["decision"] == "not-duplicates"
    with lookalike.open(desk.folder / "pages.lookalike", create=False) as library:
        assert len(library.duplicates(level="edited").groups) == desk.ids["groups"] - 1
    page.keyboard.press("Backspace")
    page.get_by_text("Undone").wait_for(state="attached")
    assert forget(desk) == []


def test_buttons_do_not_move_between_groups(desk, visit):
    page = reviewed(desk, visit)
    ids = ("before", "undo", "skip", "apart", "keep-all", "accept", "after")
    boxes = []
    for number in range(desk.ids["groups"]):
        place(page, number + 1)
        boxes.append([page.locator(f"#{name}").bounding_box() for name in ids])
        page.keyboard.press("ArrowRight")
    assert all(one == boxes[0] for one in boxes)


def test_the_list_is_the_same_queue(desk, visit):
    page = reviewed(desk, visit)
    page.keyboard.press("Enter")
    place(page, 2)
    page.get_by_role("button", name="List", exact=True).click()
    rows = page.locator(".group-row")
    expect(rows).to_have_count(desk.ids["groups"])
    expect(rows.first).to_contain_text("accepted")
    rows.nth(2).locator("button").click()
    place(page, 3)
    expect(page).to_have_url(re.compile("at=3"))
    page.go_back()
    rows.first.wait_for()


def test_plan_apply_and_undo_bring_back_an_equal_tree(desk, visit):
    before = tree(desk.folder / "photos", desk.folder / "copies")
    page = reviewed(desk, visit)
    page.keyboard.press("Enter")
    place(page, 2)
    page.get_by_role("button", name=re.compile("Plan 1 removal")).click()
    page.get_by_role("button", name="Plan these").click()
    page.locator(".sample").first.wait_for()
    expect(page.locator(".made h2")).to_contain_text("Remove 1 file")
    page.get_by_role("button", name="Plan them all").click()
    page.locator(".made h2", has_text=f"Remove {desk.ids['groups']} files").wait_for()
    expect(page.locator(".sample")).to_have_count(desk.ids["groups"])
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


def test_duplicates_are_found_from_the_page(desk, visit):
    page = reviewed(desk, visit)
    page.get_by_role("button", name="Find again").click()
    page.get_by_text("Which picture to keep, and folders").click()
    page.get_by_role("button", name="Later: shows all of it").click()
    expect(page.locator(".rules li span").first).to_have_text("is upright")
    page.get_by_label("What counts as a duplicate").select_option("same-file")
    page.get_by_role("button", name="Find duplicates").click()
    page.locator("#place", has_text="Group 1 of 1").wait_for()
    found = re.search(r"job=(\d+)", page.url)
    assert found
    job = found[1]
    asked = httpx2.get(f"{desk.url}/api/v1/jobs/{job}", timeout=60).json()["result"]["asked"]
    assert asked["keep"][:2] == ["upright", "uncropped"]


@pytest.mark.parametrize(
    ("more", "settings"),
    [("", {"color_scheme": "light"}), ("", {"color_scheme": "dark", **PHONE}),
     ("&view=list", {"color_scheme": "dark"}), ("&view=plan", {"color_scheme": "light", **PHONE})],
)  # fmt: skip
def test_axe_finds_nothing_serious_and_a_phone_has_room(desk, visit, more, settings):
    page = visit(f"duplicates?job=1{more}", base=desk.url, bypass_csp=True, reduced_motion="reduce", **settings)
    page.locator("#members li, .group-row, .choice").first.wait_for()
    check_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_a_phone_decides_by_touch(desk, visit):
    page = reviewed(desk, visit, **PHONE)
    expect(page.locator("#stage")).to_have_attribute("data-mode", "slider")
    page.locator("#skip").tap()
    place(page, 2)
    page.locator("#accept").tap()
    place(page, 3)
    tally(page, "1 accepted · 1 skipped")


def reach(page, text: str) -> None:
    """Go by Tab alone until what has the focus says a text."""
    said = "document.activeElement.matches('button, a') ? document.activeElement.textContent : ''"
    for _ in range(120):
        if text in page.evaluate(said):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by Tab to {text!r}")


def test_from_the_question_to_undoing_without_a_mouse(desk, visit):
    before = tree(desk.folder / "photos", desk.folder / "copies")
    page = reviewed(desk, visit)
    for said in ("Find again", "Find duplicates"):
        reach(page, said)
        page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"job=(?!1\b)\d+"), timeout=120_000)
    page.wait_for_load_state("networkidle")
    page.locator("#members li").first.wait_for()
    page.keyboard.press("Enter")
    place(page, 2)
    reach(page, "Plan 1 removal")
    page.keyboard.press("Enter")
    reach(page, "Plan these")
    page.keyboard.press("Enter")
    page.locator(".sample").first.wait_for()
    reach(page, "Apply:")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] :focus")).to_have_count(1)
    reach(page, "Apply")
    page.keyboard.press("Enter")
    page.get_by_text("1 file removed").first.wait_for()
    assert len(tree(desk.folder / "photos", desk.folder / "copies")) == len(before) - 1
    reach(page, "Undo all of it")
    page.keyboard.press("Enter")
    page.get_by_text("1 file brought back").first.wait_for()
    assert tree(desk.folder / "photos", desk.folder / "copies") == before
