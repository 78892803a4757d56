"""Who may ask what: host, origin, token, cookie, sizes, headers."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from fastapi.testclient import TestClient

from lookalike.server import Settings, create_app
from lookalike.server.guard import Guard
from tests.server.conftest import BEARER, TOKEN

STATUS = "/api/v1/status"
CHANGING = [("/api/v1/index", {"paths": ["/nowhere"]}), ("/api/v1/duplicates", {}), ("/api/v1/map", {}),
            ("/api/v1/clusters", {}), ("/api/v1/jobs/1/stop", None)]  # fmt: skip


@pytest.fixture(scope="module")
def private(library):
    app = create_app(library, Settings(token=TOKEN, private=True, isolated=False))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "[::2]", "localhost.", "10.0.0.1", "[::1",
     "127.0.0.1@evil.example"],
)  # fmt: skip
def test_a_foreign_name_is_refused(asked, host):
    answer = asked.get(STATUS, headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["ok"] is False


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_this_machines_own_names_are_taken_whatever_the_port(asked, host):
    assert asked.get(STATUS, headers={"host": host}).status_code == 200


def test_any_name_is_taken_where_something_in_front_checks_them(library):
    client = TestClient(create_app(library, Settings(hosts=("*",), isolated=False)), base_url="http://pictures.example")
    assert client.get(STATUS).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:9999", "http://[", "file://", "http://127.0.0.1.evil", ""],
)
def test_pages_of_other_sites_may_not_call(asked, origin):
    for method in ("get", "options"):
        assert getattr(asked, method)(STATUS, headers={"origin": origin}).status_code == 403
    posted = asked.post("/api/v1/index", json={"paths": ["x"]}, headers={"origin": origin, **BEARER})
    assert posted.status_code == 403


def test_its_own_pages_may_call(asked):
    assert asked.get(STATUS, headers={"origin": "http://127.0.0.1"}).status_code == 200
    assert asked.get(STATUS, headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_a_link_on_another_site_leads_to_a_page_and_to_nothing_else(asked):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert asked.get("/", headers=link).status_code in (200, 404)
    assert asked.get(STATUS, headers=link).status_code == 403
    assert asked.get("/", headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403
    assert asked.get("/api/v1/pictures/1/thumbnail", headers={"sec-fetch-site": "same-site"}).status_code == 403


@pytest.mark.parametrize(("path", "body"), CHANGING)
@pytest.mark.parametrize(
    "brought",
    [{}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": f"Basic {TOKEN}"},
     {"cookie": f"lookalike={TOKEN}"}, {"authorization": "Bearer \xff"}],
)  # fmt: skip
def test_calls_that_change_anything_want_the_token_as_a_header(asked, path, body, brought):
    headers = {name: value.encode("latin-1") for name, value in brought.items()}
    answer = asked.post(path, json=body, headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (401, False)


def test_no_call_changes_anything_by_get(asked):
    paths = asked.get("/api/v1/openapi.json").json()["paths"]
    posts = {path for path, methods in paths.items() if "post" in methods and "get" not in methods}
    assert {path for path, methods in paths.items() if set(methods) - {"get", "post"}} == set()
    for path in posts:
        assert asked.get(path.replace("{number}", "1"), headers=BEARER).status_code in (404, 405, 400), path


def test_every_post_that_is_not_known_to_read_wants_the_token(asked):
    """A call that is added is protected without anybody's thinking of it."""
    paths = asked.get("/api/v1/openapi.json").json()["paths"]
    free = {path for path, methods in paths.items() if "post" in methods
            and asked.post(path.replace("{number}", "1")).status_code != 401}  # fmt: skip
    reading = ("search", "search/upload", "compare", "compare/explain", "uploads", "uploads/url",
               "map/{number}/lasso")  # fmt: skip
    assert free == {f"/api/v1/{name}" for name in reading}


def test_a_private_server_answers_nobody_without_the_token(private):
    for method, path in [("get", STATUS), ("get", "/"), ("get", "/api/v1/openapi.json"), ("post", "/api/v1/search"),
                         ("get", "/api/v1/pictures/1/thumbnail"), ("get", "/static/page.js")]:  # fmt: skip
        assert getattr(private, method)(path).status_code == 401, path
    assert private.get(STATUS, headers=BEARER).status_code == 200
    assert private.get(f"{STATUS}?token={TOKEN}").status_code == 401  # addresses are logged and sent on


def test_a_browser_comes_in_by_the_address_and_stays_by_a_cookie(private):
    entry = private.get(f"/?token={TOKEN}&view=map", follow_redirects=False)
    assert (entry.status_code, entry.headers["location"]) == (303, "/?view=map")
    cookie = entry.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in entry.headers["set-cookie"]
    assert private.get(STATUS).status_code == 200  # the client keeps the cookie
    assert private.post("/api/v1/index", json={"paths": ["x"]}).status_code == 401
    private.cookies.clear()
    wrong = private.get("/?token=wrong", follow_redirects=False)
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers


def test_the_way_in_leads_to_no_other_site(private):
    entry = private.get(f"http://127.0.0.1//evil.example/x?token={TOKEN}", follow_redirects=False)
    assert entry.headers["location"] == "/evil.example/x"


def test_every_answer_tells_the_browser_to_run_and_embed_nothing_foreign(asked):
    for answer in (asked.get(STATUS), asked.get("/nothing"), asked.get(STATUS, headers={"host": "evil.example"}),
                   asked.post("/api/v1/search", json={}), asked.get("/api/v1/pictures/1/thumbnail")):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cache-control"]


def test_a_fault_is_logged_and_answered_in_the_one_body_without_its_words(library, monkeypatch, caplog):
    app = create_app(library, Settings(isolated=False))

    def broken():
        raise RuntimeError("a secret path")

    monkeypatch.setattr(library, "status", broken)
    with caplog.at_level(logging.ERROR, "lookalike.server"):
        answer = TestClient(app, base_url="http://127.0.0.1").get(STATUS)
    assert answer.status_code == 500
    assert list(answer.json()) == ["ok", "error", "errors", "status"]
    assert "secret" not in answer.text
    assert "nosniff" in answer.headers["x-content-type-options"]
    assert "a secret path" in caplog.text


def test_json_may_be_a_million_bytes_and_an_upload_what_is_set(library):
    client = TestClient(
        create_app(library, Settings(max_upload=3_000_000, isolated=False)), base_url="http://127.0.0.1"
    )
    assert client.post("/api/v1/search", json={"queries": ["x" * 1_000_001]}).status_code == 413
    assert client.post("/api/v1/search", json={"queries": ["x" * 900_000]}).status_code == 422
    assert client.post("/api/v1/uploads", files={"picture": ("a", b"x" * 2_900_000)}).status_code == 415
    assert client.post("/api/v1/uploads", files={"picture": ("a", b"x" * 3_000_001)}).status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999999999999999999"])
def test_a_length_that_is_none_is_refused(asked, length):
    answer = asked.post("/api/v1/search", content=b"{}", headers={"content-length": length})
    assert answer.status_code in (400, 413)


def test_a_body_that_does_not_come_is_not_waited_for(library):
    app = create_app(library, Settings(isolated=False, body_seconds=0.3))
    sent = []

    async def receive():
        await asyncio.sleep(0.1)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/v1/search", "query_string": b"", "http_version": "1.1",
             "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")], "scheme": "http",
             "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}  # fmt: skip
    started = time.monotonic()
    asyncio.run(app(scope, receive, send))
    assert time.monotonic() - started < 60  # the body never ends
    assert sent[0]["status"] == 408


def test_a_web_socket_is_closed(library):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(None, Settings())({"type": "websocket"}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_token_that_is_not_set_is_long_random_and_not_shown():
    one, two = Settings(), Settings()
    assert one.token != two.token
    assert len(one.token) >= 32
    assert one.token not in repr(one)
