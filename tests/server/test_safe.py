"""What must hold against whoever asks (RELIABILITY.md, S1 to S6), on a server in a process of its own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image

from tests.server.conftest import end, png, start
from tests.ugly import chunk, saved

LINUX = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def posted(server, path, body, content_type="application/json", **headers):
    return httpx2.post(
        f"{server.url}{path}", content=body, headers={"content-type": content_type, **headers}, timeout=60
    )


def multipart(data: bytes, name: str = "a.png") -> tuple[bytes, str]:
    head = f'--b\r\nContent-Disposition: form-data; name="picture"; filename="{name}"\r\n\r\n'.encode()
    return head + data + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


def uploaded(server, data: bytes):
    return posted(server, "/api/v1/uploads", *multipart(data))


# ---------------------------------------------------------------------------------------- S3: size


def chunked(server, megabytes: int) -> tuple[int, int]:
    """Send an upload of unknown length; return the status of the answer and how many megabytes were taken."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/v1/uploads HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        head = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
        connection.sendall(f"{len(head):x}\r\n".encode() + head + b"\r\n")
        sent = 0
        piece = f"{1 << 20:x}\r\n".encode() + b"x" * (1 << 20) + b"\r\n"
        try:
            for _ in range(megabytes):
                connection.sendall(piece)
                sent += 1
            connection.sendall(b"0\r\n\r\n")
        except OSError:  # the answer is there, and the connection closed
            pass
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
        except OSError:
            return 0, sent
        return answer.status, sent


@LINUX
@pytest.mark.parametrize("way", ["length", "chunked", "json"])
def test_an_upload_over_the_limit_costs_nothing_and_leaves_nothing(server, way):
    uploaded(server, png(Image.new("RGB", (64, 64))))  # what is loaded with the first picture is there
    before = server.memory()
    for _ in range(3):
        if way == "length":
            answer = httpx2.post(
                f"{server.url}/api/v1/uploads", files={"picture": ("a", b"x" * 60_000_000)}, timeout=60
            )
            assert answer.status_code == 413
            assert answer.json()["status"] == 413
        elif way == "chunked":
            status, _ = chunked(server, 60)
            assert status in (0, 413)
        else:
            assert posted(server, "/api/v1/search", b" " * 19_000_000).status_code == 413
    assert server.memory() - before < 50_000_000
    assert list(server.temporary.iterdir()) == []
    assert httpx2.get(f"{server.url}/api/v1/status", timeout=60).status_code == 200


def test_a_chunked_upload_over_the_limit_is_answered_with_413(server):
    assert chunked(server, 25)[0] in (0, 413)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/json\r\n\r\n" + f"{1_000_001:x}\r\n".encode() + b" " * 1_000_001 + b"\r\n"
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        assert json.loads(answer.read())["ok"] is False


# ---------------------------------------------------------------------------------------- S4: bombs


def png_bomb() -> bytes:
    """Return 0.5 MB of PNG that hold 177 million pixels."""
    side = 13_300
    packer = zlib.compressobj(9)
    row = b"\0" + bytes(side * 3)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif_bomb() -> bytes:
    """Return a GIF that says it is 65,535 pixels wide and high."""
    small = bytearray(saved(Image.new("P", (8, 8)), "GIF"))
    struct.pack_into("<HH", small, 6, 65535, 65535)
    return bytes(small)


def tiff_bomb() -> bytes:
    """Return a TIFF of 60,000 x 60,000 whose only strip is a few bytes."""
    entries = [(256, 4, 60_000), (257, 4, 60_000), (258, 3, 8), (259, 3, 8), (262, 3, 1), (273, 4, 8), (277, 3, 1),
               (278, 4, 60_000), (279, 4, 32)]  # fmt: skip
    body = zlib.compress(bytes(20_000))
    body += bytes(32 - len(body) if len(body) < 32 else 0)
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    at = 8 + len(body)
    return struct.pack("<2sHI", b"II", 42, at) + body + struct.pack("<H", len(entries)) + fields + bytes(4)


def avif_bomb() -> bytes:
    """Return an AVIF whose header says 30,000 x 30,000."""
    data = bytearray(saved(np.zeros((64, 64, 3), np.uint8), "AVIF"))
    at = data.index(b"ispe")
    struct.pack_into(">II", data, at + 8, 30_000, 30_000)
    return bytes(data)


def icc_bomb() -> bytes:
    """Return a PNG whose colour profile unpacks to 500 MB."""
    packer = zlib.compressobj(9)
    profile = b"".join(packer.compress(bytes(1 << 20)) for _ in range(500)) + packer.flush()
    plain = png(Image.new("RGB", (32, 32), (9, 90, 200)))
    return plain[:33] + chunk(b"iCCP", b"bomb\0\0" + profile) + plain[33:]


def text_bomb() -> bytes:
    """Return a PNG with 60 texts of 1 MB each, packed."""
    plain = png(Image.new("RGB", (32, 32), (9, 90, 200)))
    text = zlib.compress(bytes(1 << 20), 9)
    return plain[:33] + b"".join(chunk(b"zTXt", b"k%d\0\0" % n + text) for n in range(90)) + plain[33:]


@LINUX
@pytest.mark.parametrize("make", [png_bomb, gif_bomb, tiff_bomb, avif_bomb, icc_bomb, text_bomb])
def test_a_bomb_is_refused_in_two_seconds_of_work_and_a_gigabyte(server, make):
    data = make()
    assert len(data) < 600_000
    uploaded(server, png(Image.new("RGB", (64, 64))))
    before = server.work()
    answer = uploaded(server, data)
    seconds = server.work() - before
    # A profile that is broken is left out, and the picture itself is good.
    assert answer.status_code in ((200, 413, 422) if make is icc_bomb else (413, 415, 422)), answer.text
    assert answer.json()["status" if answer.status_code != 200 else "upload"]
    assert seconds < 2
    assert server.memory() < 1 << 30
    for child in server.children():
        status = Path(f"/proc/{child}/status").read_text()
        if "VmHWM:" in status:
            assert int(status.partition("VmHWM:")[2].split()[0]) < 1 << 20


def test_what_a_worker_process_refuses_is_answered_with_its_kind(server):
    answer = uploaded(server, b"this is no picture at all, only words")
    assert (answer.status_code, answer.headers["x-lookalike-error"]) == (415, "not an image")
    assert server.children()  # it was looked at in a process of its own


# ---------------------------------------------------------------------------------------- S5: what is served

TRAVERSAL = ["../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd",
             "%2Fetc%2Fpasswd", "....//....//etc/passwd", "..\\..\\windows\\win.ini", "1%00", "1/../2", "-1", "0",
             "file:///etc/passwd", "1.5", "1e3", "0x1", "99999999999999999999999",
             "%C0%AE%C0%AE/etc/passwd"]  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSAL)
def test_no_path_leads_to_a_file(server, name):
    for route in ("/api/v1/pictures/{}/file", "/api/v1/pictures/{}/thumbnail", "/api/v1/uploads/{}/thumbnail",
                  "/static/{}", "/{}", "/api/v1/pictures/{}"):  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.putrequest("GET", route.format(name), skip_host=True)  # as it is, unlike what clients make of it
        connection.putheader("Host", "127.0.0.1")
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status in (400, 404, 422), (route, name, answer.status)
        assert b"root:" not in body
        assert b"localhost" not in body


def test_only_pictures_that_are_as_they_were_indexed_are_served(shelf, tmp_path):
    import lookalike

    folder, secret = tmp_path / "in", tmp_path / "secret.jpg"
    folder.mkdir()
    shutil.copyfile(shelf.originals[0], folder / "a.jpg")
    shutil.copyfile(shelf.originals[1], folder / "b.jpg")
    shutil.copyfile(shelf.originals[2], secret)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(folder, descriptors=["pdq"])
        ids = {Path(image.uri).name: image.id for image in library.store.images()}
    (folder / "a.jpg").unlink()
    (folder / "a.jpg").symlink_to(secret)
    running = start(tmp_path / "a.lookalike")
    try:
        for path in ("file", "thumbnail"):
            out = httpx2.get(f"{running.url}/api/v1/pictures/{ids['a.jpg']}/{path}", timeout=60)
            assert (out.status_code, out.json()["status"]) == (404, 404)
            assert httpx2.get(f"{running.url}/api/v1/pictures/{ids['b.jpg']}/{path}", timeout=60).status_code == 200
        pair = {"a": {"id": ids["a.jpg"]}, "b": {"id": ids["b.jpg"]}}
        assert httpx2.post(f"{running.url}/api/v1/compare", json=pair, timeout=60).status_code == 404
        (folder / "b.jpg").unlink()
        os.mkfifo(folder / "b.jpg")
        assert httpx2.get(f"{running.url}/api/v1/pictures/{ids['b.jpg']}/file", timeout=60).status_code == 404
    finally:
        end(running)


def test_a_saved_file_is_an_attachment_that_runs_nowhere(server, shelf):
    answer = httpx2.get(f"{server.url}/api/v1/pictures/{shelf.id_of(shelf.originals[0])}/file", timeout=60)
    assert answer.content == shelf.originals[0].read_bytes()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("image/jpeg", "nosniff")


# ---------------------------------------------------------------------------------------- S1, S2: URLs

REFUSED = ["http://127.0.0.1/a.jpg", "http://localhost/a.jpg", "http://[::1]/a.jpg", "http://10.0.0.1/", "http://0/",
           "http://169.254.169.254/latest/meta-data/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/",
           "ftp://example.org/a.jpg", "file:///etc/passwd", "/etc/passwd", "C:\\a.jpg", "http://a:b@example.org/",
           "http://example.org:22/", "gopher://example.org", "http://", "http://[", "", "\0", "http://\0/"]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_the_fetcher_refuses_is_refused_here(strict_server, url):
    answer = httpx2.post(f"{strict_server.url}/api/v1/search", json={"queries": [{"url": url}]}, timeout=60)
    found = answer.json()
    assert answer.status_code == 200  # one of several queries may fail
    assert found["queries"][0]["results"] == []
    assert found["queries"][0]["problem"]
    pair = {"a": {"url": url}, "b": {"id": 1}}
    compared = httpx2.post(f"{strict_server.url}/api/v1/compare", json=pair, timeout=60)
    assert compared.status_code == 422
    assert list(compared.json()) == ["ok", "error", "errors", "status"]


@pytest.fixture
def elsewhere(shelf):
    """A server of pictures on this machine, which redirects where it is told to."""
    data = shelf.originals[3].read_bytes()
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("Location", self.path[4:])
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_url_is_searched_where_private_addresses_are_allowed(server, strict_server, shelf, elsewhere):
    url, asked = elsewhere
    refused = httpx2.post(f"{strict_server.url}/api/v1/search", json={"queries": [{"url": f"{url}/a"}]}, timeout=60)
    assert refused.json()["queries"][0]["problem"]
    assert asked == []
    found = httpx2.post(f"{server.url}/api/v1/search", json={"queries": [{"url": f"{url}/a"}], "k": 1}, timeout=60)
    assert found.json()["queries"][0]["results"][0]["uri"] == str(shelf.originals[3])
    assert found.json()["queries"][0]["library"] == [shelf.id_of(shelf.originals[3])]
    there = httpx2.post(
        f"{server.url}/api/v1/search", json={"queries": [{"url": f"{url}/to/file:///etc/passwd"}]}, timeout=60
    )
    assert there.json()["queries"][0]["problem"]
    assert asked == ["/a", "/to/file:///etc/passwd"]


# ---------------------------------------------------------------------------------------- S6: the rest


def test_raw_requests_that_break_the_rules_do_not_end_the_server(server):
    own = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for text in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET  HTTP/9\r\n\r\n",
        b"\0" * 1000,
        b"GET /%ff" + own + b"\r\n",
        b"GET /" + own + b"Host: evil.example\r\n\r\n",
        b"POST /api/v1/search" + own + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /" + b"a" * 100_000 + own + b"\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            try:
                connection.sendall(text)
                status = connection.recv(100)
            except ConnectionError:  # it may hang up while there is more to read
                status = b""
        assert b" 5" not in status[8:10], (text[:60], status)
    assert httpx2.get(f"{server.url}/api/v1/status", timeout=60).status_code == 200


def test_it_listens_on_this_machine_alone(server):
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    bound = {row[1].split(":")[0] for row in table if row[3] == "0A" and int(row[1].split(":")[1], 16) == server.port}
    assert bound == {"0100007F"}
