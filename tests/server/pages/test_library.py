"""The page of the library in a browser."""

from __future__ import annotations

import json
import re

import pytest

import lookalike
from lookalike.server import Settings, create_app
from tests.browsing import expect
from tests.conftest import write_picture

from .conftest import DAMAGED, TOKEN, Served, listening

pytestmark = pytest.mark.browser


@pytest.fixture
def growing(browser, tmp_path):
    """Return a server with a small library of its own: the map of the common one has a colour for each folder."""
    write_picture(tmp_path / "first" / "a.png", 1)
    with lookalike.open(tmp_path / "small.lookalike") as library:
        library.add(tmp_path / "first")
    for url in listening(create_app(tmp_path / "small.lookalike", Settings(token=TOKEN, isolated=False))):
        yield Served(url, tmp_path)


def test_counts_folders_and_reasons_are_told(visit, served):
    page = visit("library")
    expect(page.locator("#problems tbody tr")).to_have_count(len(DAMAGED))
    page.locator("#counts strong").first.wait_for()
    page.locator("#roots .path").first.wait_for()
    counts = dict(
        zip(page.locator("#counts dt").all_inner_texts(), page.locator("#counts strong").all_inner_texts(), strict=True)
    )
    assert int(counts["Pictures"]) >= 14
    assert int(counts["Failed"]) + int(counts["Skipped"]) == len(DAMAGED)
    assert {text.split("/")[-1] for text in page.locator("#roots .path").all_inner_texts()} >= {"photos", "copies"}
    assert sorted(page.locator("#problems tbody td:first-child .path:first-child").all_inner_texts()) == sorted(DAMAGED)
    expect(page.locator("#problems")).to_contain_text("not an image")
    expect(page.locator("#descriptors")).to_have_text(re.compile(r"^\s*lite0"), use_inner_text=True)


def test_a_folder_is_added_and_its_job_is_followed_to_the_end(growing, visit):
    new = growing.folder / "new"
    write_picture(new / "b.png", 2)
    page = visit("library", base=growing.url)
    page.locator("#roots li").first.wait_for()
    page.keyboard.press("a")
    page.keyboard.type(str(new))
    page.keyboard.press("Enter")
    job = page.locator("#jobs .job", has_text=str(new)).first
    job.locator(".chip.done").wait_for()
    expect(job).to_contain_text("1 added")
    page.locator("#roots .path", has_text=str(new)).wait_for()
    page.reload()
    page.locator("#jobs .job .chip.done").first.wait_for()


def test_a_job_that_fails_says_why(growing, visit):
    page = visit("library", base=growing.url)
    page.get_by_placeholder("/home/me/Pictures").fill(str(growing.folder / "nowhere"))
    page.get_by_role("button", name="Index", exact=True).click()
    job = page.locator("#jobs .job", has_text="nowhere").first
    job.locator(".chip").get_by_text("failed").or_(job.locator(".chip").get_by_text("done")).wait_for()
    expect(job).to_contain_text("nowhere")


def test_a_job_is_stopped(visit, served):
    page = visit("library")
    calls: list[str] = []
    progress = {"stage": "indexing", "done": 5, "total": 20, "failed": 1}
    running = {"id": 77, "kind": "index", "title": "Index /far", "state": "running", "progress": progress,
               "result": None, "error": None, "started": 1.0, "ended": None}  # fmt: skip
    event = f"event: job\ndata: {json.dumps(running)}\n\n"
    page.route("**/api/v1/jobs", lambda route: route.fulfill(json={"jobs": [running]}))
    page.route("**/api/v1/jobs/77/events", lambda route: route.fulfill(body=event, content_type="text/event-stream"))

    def stop(route):
        calls.append(route.request.headers["authorization"])
        route.fulfill(json={**running, "state": "stopped"})

    page.route("**/api/v1/jobs/77/stop", stop)
    page.reload()
    job = page.locator("#jobs .job", has_text="/far")
    job.wait_for()
    expect(job).to_contain_text("Indexing: 5 of 20, 1 failed", use_inner_text=True)
    expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")
    job.get_by_role("button", name="Stop").click()
    job.locator(".chip", has_text="stopped").wait_for()
    assert calls == ["Bearer only-for-tests"]


def test_a_long_list_of_problems_is_read_by_pages(visit, served):
    page = visit("library")
    rows = [{"uri": f"/p/{at}.jpg", "error": "unreadable", "reason": "gone"} for at in range(120)]

    def answer(route):
        query = dict(part.split("=") for part in route.request.url.partition("?")[2].split("&"))
        at = int(query["offset"])
        route.fulfill(json={"total": 120, "problems": rows[at : at + int(query["limit"])]})

    page.route("**/api/v1/problems?**", answer)
    page.reload()
    page.get_by_text("1 to 50 of 120").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("51 to 100 of 120").wait_for()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("101 to 120 of 120").wait_for()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    expect(page.locator("#problems tbody tr")).to_have_count(20)
