"""The pages as files: what they hold, what they may not hold, and that all of it is served."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import lookalike.server
from lookalike.server import Settings, create_app
from lookalike.server.pages import PAGES, STATIC
from tests.browsing import eventually, expect

from .conftest import TOKEN, listening, settled

TEMPLATES = Path(lookalike.server.__file__).parent / "templates"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())


@pytest.fixture
def client(tmp_path):
    with lookalike.open(tmp_path / "empty.lookalike"):
        pass
    app = create_app(tmp_path / "empty.lookalike", Settings(token=TOKEN, isolated=False))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._tag = tag

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        self.texts[self._tag] = self.texts.get(self._tag, "") + data.strip()


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_script_style_or_handler(path):
    elements = Elements(re.sub(r"{%.*?%}|{{.*?}}", "", path.read_text("utf-8")))
    assert not elements.texts.get("script")
    assert "style" not in elements.texts
    for tag, attributes in elements.found:
        assert tag != "style"
        assert not any(name == "style" or name.startswith("on") for name in attributes), (tag, attributes)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(path):
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(src|href|url|import|from|fetch)\b[^\n]{0,12}[\"'(]https?://(?!\$)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.search(r"setAttribute\(\s*[\"']style|@import", text)


def test_every_file_is_served_with_its_type_and_kept_with_a_question(client):
    kinds = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    assert {path.suffix for path in FILES} == set(kinds)
    for path in FILES:
        answer = client.get(f"/static/{path.relative_to(STATIC).as_posix()}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kinds[path.suffix])
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
    assert client.get("/static/../pages.py").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


def test_every_import_leads_to_a_file():
    for path in STATIC.rglob("*.js"):
        for name in re.findall(r'^(?:import|export) .*?"(\./[^"]+)";', path.read_text("utf-8"), re.MULTILINE):
            assert (path.parent / name).is_file(), (path.name, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_bring_the_token_and_links_that_hold_anywhere(client, page):
    answer = client.get(f"/{page.address}")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    elements = Elements(answer.text)
    assert [one["content"] for _, one in elements.found if one.get("name") == "lookalike-token"] == [TOKEN]
    for tag, attributes in elements.found:
        address = attributes.get("src") or attributes.get("href") or ""
        assert not address.startswith("/"), (tag, address)
        if address.startswith("static/"):
            assert client.get("/" + address.partition("#")[0]).status_code == 200, address
    current = [one["href"] for _, one in elements.found if one.get("aria-current") == "page"]
    assert current == [f"./{page.address}"]
    # The same page for another site's script: refused, so that the token stays here.
    foreign = client.get(f"/{page.address}", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"})
    assert foreign.status_code == 403


@pytest.mark.browser
def test_pages_work_below_a_path_of_another_application(visit, served):
    app = create_app(served.folder / "pages.lookalike", Settings(token=TOKEN, isolated=False))
    for url in listening(Starlette(routes=[Mount("/holiday/pictures", app)])):
        page = visit(f"holiday/pictures/?q=id:{served.ids['chelsea.png']}", base=url)
        expect(settled(page).locator("#results .tile").nth(3)).to_be_visible()
        page.get_by_role("link", name="Library").click()
        page.locator("#counts strong").first.wait_for()
        expect(page).to_have_url(f"{url}/holiday/pictures/library")
    app.state.lookalike.close()


@pytest.mark.browser
def test_light_and_dark_follow_the_system_until_chosen(visit):
    page = visit("library", color_scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Light or dark").click()
    light = eventually(page, lambda: page.evaluate(ground), lambda colour: colour != dark)
    page.reload()
    assert page.evaluate(ground) == light
    assert visit("library", color_scheme="light").evaluate(ground) == light


@pytest.mark.browser
def test_the_list_of_keys_comes_from_the_handlers(visit, served):
    page = visit("compare")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_text("Flip in place")).to_be_visible()
    page.keyboard.press("?")  # keys are dead in a dialog
    expect(page.locator("dialog")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    page = visit()
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys").get_by_text("Draw a box on the query")).to_be_visible()


@pytest.mark.browser
def test_keys_are_dead_in_text_fields(visit):
    page = visit()
    page.get_by_label("Address of a picture").focus()
    page.keyboard.type("?/")
    expect(page.get_by_label("Address of a picture")).to_have_value("?/")
    expect(page.locator("dialog")).to_have_count(0)
