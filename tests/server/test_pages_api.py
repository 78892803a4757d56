"""What the pages ask of the API beside what everyone does: pictures by lot, pictures that the server fetches."""

from __future__ import annotations

import http.server
import io
import threading

import pytest
from PIL import Image
from starlette.testclient import TestClient

import lookalike
from lookalike.server import Settings, create_app
from tests.conftest import write_picture


@pytest.fixture
def library(tmp_path, fake):
    for seed in range(12):
        write_picture(tmp_path / "in" / f"{seed}.png", seed)
    with lookalike.open(tmp_path / "some.lookalike") as library:
        library.add([tmp_path / "in"], descriptors=["fake"])
        yield library


@pytest.fixture
def client(library):
    app = create_app(library, Settings(isolated=False, allow_private_urls=True))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_pictures_are_drawn_by_lot_and_the_same_for_the_same_seed(client, library):
    def drawn(count: int, seed: int) -> list[int]:
        answer = client.get(f"/api/v1/pictures/sample?count={count}&seed={seed}")
        assert answer.status_code == 200
        return [one["id"] for one in answer.json()["pictures"]]

    assert drawn(5, 1) == drawn(5, 1)
    assert len(set(drawn(5, 1))) == 5
    assert len({tuple(drawn(5, seed)) for seed in range(6)}) > 1
    assert sorted(drawn(200, 3)) == sorted(image.id for image in library.store.images())
    assert client.get("/api/v1/pictures/sample?count=0").status_code == 422
    library.store.set_missing([drawn(1, 1)[0]])
    assert len(drawn(200, 3)) == 11


def test_an_empty_library_has_none_to_draw(tmp_path):
    with lookalike.open(tmp_path / "empty.lookalike") as empty:
        assert empty.store.sample(5, 0) == []


@pytest.fixture
def site(tmp_path):
    picture = write_picture(tmp_path / "in" / "3.png", 3).read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = picture if self.path == "/3.png" else b"words"
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_picture_is_fetched_once_kept_and_seen(client, site):
    answer = client.post("/api/v1/uploads/url", json={"url": f"{site}/3.png"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["name"], told["width"], told["height"]) == (f"{site}/3.png", 32, 24)
    assert len(told["library"]) == 1
    seen = client.get(f"/api/v1/uploads/{told['upload']}/thumbnail?side=256")
    with Image.open(io.BytesIO(seen.content)) as image:
        assert image.size == (32, 24)


def test_what_is_no_picture_or_no_address_is_refused(client, site):
    for url, status in ((f"{site}/words", 422), ("file:///etc/hostname", 422), ("notes.txt", 422)):
        answer = client.post("/api/v1/uploads/url", json={"url": url})
        assert 400 <= answer.status_code <= status, answer.text
        assert answer.json()["ok"] is False
