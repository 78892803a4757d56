from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpcore
import pytest

from lookalike.errors import FetchError, TooLargeError
from lookalike.sources import FetchLimits, fetch
from lookalike.sources import dialling as dialling_module
from lookalike.sources.addresses import Target
from lookalike.sources.dialling import Dialler, connect

PICTURE = bytes(range(256)) * 40
PUBLIC = "93.184.215.14"
ANSWER = tuple[int, int, int, str, tuple[Any, ...]]

# Every spelling is refused before anything is resolved, connected or sent.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "127.0.0.1.", "0177.0.0.1", "0177.1", "0x7f.1", "0x7f.0.0.1",
    "0x7f000001", "0X7F000001", "2130706433", "02130706433", "017700000001", "0", "0.0.0.0", "00.0.0.0", "0x0",
    "127.0.0.1%00", "127.0.0.1%20", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1", "127．0．0．1", "①②⑦.0.0.1",
    "127.0.0.1\u200b", "10.0.0.1", "10.1", "0xa.0.0.1", "012.0.0.1", "167772161", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "172.16.0.1", "192.0.0.192",
    "192.0.2.1", "192.168.0.1", "192.168.1", "3232235521", "168.63.129.16", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "4294967295", "256.256.256.256", "4294967296",
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::ffff:8.8.8.8]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::1]", "[100::1]", "[2001::1]", "[2001:db8::1]", "[2002:7f00:1::]", "[2002:c0a8:101::]", "[3fff::1]",
    "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%lo]", "[fec0::1]", "[ff02::1]",
    "[::1].example", "1.1.1.1@127.0.0.1", "127.0.0.1\\@1.1.1.1", "1.1.1.1#@127.0.0.1:22", "127.0.0.1:22",
]  # fmt: skip

PRIVATE_ANSWERS = [
    ["127.0.0.1"],
    ["10.0.0.1"],
    ["169.254.169.254"],
    ["100.64.0.1"],
    ["0.0.0.0"],
    ["198.18.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["fd00::1"],
    ["fe80::1%2"],
    ["64:ff9b::10.0.0.1"],
    ["2002:7f00:1::1"],
    [PUBLIC, "192.168.0.1"],
    ["2606:4700::1111", "::1"],
]


class Wire:
    """Stands for the network: names resolve as told, every connection is noted and led to the test's own server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.names: dict[str, list[list[str]]] = {}
        self.resolved: list[str] = []
        self.dialled: list[tuple[str, int]] = []

    def getaddrinfo(self, host: str, port: int, **_: object) -> list[ANSWER]:
        self.resolved.append(host)
        answers = self.names.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in now
        ]

    def connect(self, family: int, address: tuple[Any, ...], seconds: float) -> socket.socket:
        self.dialled.append(address[:2])
        if address[0].startswith("198.41."):  # a host that is down
            raise ConnectionRefusedError(111, "Connection refused")
        return connect(socket.AF_INET, ("127.0.0.1", self.port), seconds)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Pictures)
        server.requests.append((self.path, dict(self.headers.items())))
        self.close_connection = True
        try:
            server.pages[self.path.partition("?")[0]](self)
            self.wfile.flush()
        except OSError:
            pass  # the client hung up, as it should

    def log_message(self, *args: Any) -> None:
        pass


class Pictures(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.pages: dict[str, Callable[[Handler], None]] = {"/picture": lambda page: say(page, PICTURE)}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def say(page: Handler, body: bytes, *, status: int = 200, length: int | None = None, **headers: str) -> None:
    page.send_response(status)
    page.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        page.send_header(name.replace("_", "-"), value)
    page.end_headers()
    page.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Pictures]:
    with Pictures() as pictures:
        thread = threading.Thread(target=pictures.serve_forever, args=(0.02,))
        thread.start()
        yield pictures
        pictures.shutdown()
        thread.join()


@pytest.fixture
def wire(server: Pictures, monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire(server.server_port)
    wire.names["pictures.example"] = [[PUBLIC]]
    monkeypatch.setattr(socket, "getaddrinfo", wire.getaddrinfo)
    monkeypatch.setattr(dialling_module, "connect", wire.connect)
    return wire


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every way out through a socket, noted and closed."""
    used: list[str] = []

    def closed(name: str) -> Callable[..., None]:
        def refuse(*_: object, **__: object) -> None:
            used.append(name)
            raise OSError("no network in this test")

        return refuse

    for name in ("connect", "connect_ex", "send", "sendall", "sendto"):
        monkeypatch.setattr(socket.socket, name, closed(name))
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, closed(name))
    return used


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_reaches_the_network(host: str, no_network: list[str]) -> None:
    for url in (f"http://{host}/x.jpg", f"https://{host}/x.jpg"):
        with pytest.raises(FetchError):
            fetch(url)
    # Two of them hold a public address before their trick; nothing else may even try.
    assert no_network == ([] if not host.startswith("1.1.1.1#") else ["connect", "connect"])


def test_there_are_at_least_sixty_spellings() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("answers", PRIVATE_ANSWERS, ids=",".join)
def test_a_name_with_any_private_address_is_refused_before_a_connection(answers: list[str], wire: Wire) -> None:
    wire.names["inside.example"] = [answers]
    with pytest.raises(FetchError, match="not on the public internet") as refusal:
        fetch("http://inside.example/picture")
    assert wire.dialled == []
    assert not any(answer in str(refusal.value) for answer in answers)


def test_localhost_is_refused_by_what_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> socket.socket:
        raise AssertionError("dialled")

    monkeypatch.setattr(dialling_module, "connect", never)
    with pytest.raises(FetchError):
        fetch("http://localhost/")


def test_a_name_is_resolved_once_and_the_judged_address_dialled(wire: Wire, server: Pictures) -> None:
    wire.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert fetch("http://rebind.example/picture") == PICTURE
    assert wire.resolved == ["rebind.example"]
    assert wire.dialled == [(PUBLIC, 80)]
    assert server.requests[0][1]["Host"] == "rebind.example"


def test_a_redirect_to_the_same_name_is_resolved_and_judged_again(wire: Wire, server: Pictures) -> None:
    server.pages["/again"] = lambda page: say(page, b"", status=302, Location="/picture")
    wire.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(FetchError, match="not on the public internet"):
        fetch("http://rebind.example/again")
    assert wire.dialled == [(PUBLIC, 80)]
    assert [path for path, _ in server.requests] == ["/again"]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/picture",
        "//127.0.0.1/picture",
        "http://2130706433/picture",
        "http://[::1]/picture",
        "http://inside.example/picture",
        "http://someone@pictures.example/picture",
        "http://pictures.example:22/picture",
        "file:///etc/passwd",
        "ftp://pictures.example/picture",
        "http://[::1",
        "",
    ],
)
def test_a_redirect_to_what_would_be_refused_is_refused(location: str, wire: Wire, server: Pictures) -> None:
    wire.names["inside.example"] = [["10.0.0.1"]]
    server.pages["/go"] = lambda page: say(page, b"", status=301, Location=location)
    with pytest.raises(FetchError):
        fetch("http://pictures.example/go")
    assert wire.dialled == [(PUBLIC, 80)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_with_a_new_connection(status: int, wire: Wire, server: Pictures) -> None:
    wire.names["other.example"] = [["1.0.0.1"]]
    server.pages["/go"] = lambda page: say(page, b"", status=status, Location="http://other.example:8080/picture?a=b#c")
    assert fetch("http://pictures.example/go") == PICTURE
    assert wire.dialled == [(PUBLIC, 80), ("1.0.0.1", 8080)]
    assert [(path, headers["Host"]) for path, headers in server.requests] == [
        ("/go", "pictures.example"),
        ("/picture?a=b", "other.example:8080"),
    ]


def test_five_redirects_are_followed_and_not_a_sixth(server: Pictures) -> None:
    for number in range(7):
        location = f"/{number - 1}" if number else "/picture"
        server.pages[f"/{number}"] = lambda page, location=location: say(  # type: ignore[misc]
            page, b"", status=302, Location=location
        )
    assert fetch(f"{server.url}/4", allow_private=True) == PICTURE
    with pytest.raises(FetchError, match="more than 5 times"):
        fetch(f"{server.url}/5", allow_private=True)
    assert fetch(f"{server.url}/5", allow_private=True, limits=FetchLimits(redirects=6)) == PICTURE


def test_the_next_address_is_dialled_when_one_is_down(wire: Wire) -> None:
    wire.names["two.example"] = [["198.41.0.4", PUBLIC]]
    assert fetch("http://two.example/picture") == PICTURE
    assert wire.dialled == [("198.41.0.4", 80), (PUBLIC, 80)]
    wire.names["down.example"] = [["198.41.0.4"]]
    with pytest.raises(FetchError, match="connection refused"):
        fetch("http://down.example/picture")


def test_a_name_that_does_not_resolve_is_a_fetch_error(wire: Wire) -> None:
    with pytest.raises(FetchError, match="cannot be resolved"):
        fetch("http://none.example/picture")
    wire.names["empty.example"] = [[]]
    with pytest.raises(FetchError):
        fetch("http://empty.example/picture")


def test_a_resolver_that_hangs_is_left_behind_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hanging(*_: object, **__: object) -> list[ANSWER]:
        released.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"within 0\.2 seconds"):
        fetch("http://slow.example/", limits=FetchLimits(seconds=0.2))
    assert time.monotonic() - started < 30
    released.set()


def test_private_addresses_and_ports_are_fetched_from_only_when_allowed(server: Pictures) -> None:
    assert fetch(f"{server.url}/picture", allow_private=True) == PICTURE
    with pytest.raises(FetchError):
        fetch(f"{server.url}/picture")
    with pytest.raises(FetchError, match="http and https"):
        fetch("file:///etc/passwd", allow_private=True)
    with pytest.raises(FetchError, match="password"):
        fetch(f"http://a:b@127.0.0.1:{server.server_port}/picture", allow_private=True)


def test_nothing_of_the_environment_is_used_or_sent(server: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.pages["/cookie"] = lambda page: say(page, b"", status=302, Location="/picture", Set_Cookie="a=b")
    assert fetch(f"{server.url}/cookie", allow_private=True) == PICTURE
    sent = {name.lower() for _, headers in server.requests for name in headers}
    assert sent == {"host", "connection", "accept", "accept-encoding", "user-agent"}
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 404, 500, 503])
def test_any_answer_but_200_is_an_error_that_names_it(status: int, server: Pictures) -> None:
    server.pages["/page"] = lambda page: say(page, b"", status=status)
    with pytest.raises(FetchError, match=f"answered {status}"):
        fetch(f"{server.url}/page", allow_private=True)


def chunked(page: Handler, pieces: Iterator[bytes]) -> None:
    page.send_response(200)
    page.send_header("Transfer-Encoding", "chunked")
    page.end_headers()
    for piece in pieces:
        page.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    page.wfile.write(b"0\r\n\r\n")


def test_a_chunked_body_and_one_that_ends_with_the_connection_are_read(server: Pictures) -> None:
    server.pages["/chunked"] = lambda page: chunked(page, iter([PICTURE[:100], PICTURE[100:]]))

    def until_close(page: Handler) -> None:
        page.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + PICTURE)

    server.pages["/close"] = until_close
    assert fetch(f"{server.url}/chunked", allow_private=True) == PICTURE
    assert fetch(f"{server.url}/close", allow_private=True) == PICTURE


def test_a_body_may_have_as_many_bytes_as_the_limit_and_not_one_more(server: Pictures) -> None:
    server.pages["/chunked"] = lambda page: chunked(page, iter([PICTURE]))
    for page in ("/picture", "/chunked"):
        exact, less = FetchLimits(max_bytes=len(PICTURE)), FetchLimits(max_bytes=len(PICTURE) - 1)
        assert fetch(f"{server.url}{page}", allow_private=True, limits=exact) == PICTURE
        with pytest.raises(TooLargeError):
            fetch(f"{server.url}{page}", allow_private=True, limits=less)


def test_a_length_over_the_limit_is_refused_without_reading_the_body(server: Pictures) -> None:
    refused = threading.Event()

    def announced(page: Handler) -> None:
        page.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        refused.wait(60)

    server.pages["/page"] = announced
    started = time.monotonic()
    with pytest.raises(TooLargeError, match="20,971,520"):
        fetch(f"{server.url}/page", allow_private=True)
    assert time.monotonic() - started < 8  # before what is fetched would have had to be there
    refused.set()


def endless(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def test_an_endless_body_is_cut_at_the_limit(server: Pictures) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for piece in endless(bytes(65536)):
            sent += len(piece)
            yield piece

    server.pages["/page"] = lambda page: chunked(page, pieces())
    with pytest.raises(TooLargeError):
        fetch(f"{server.url}/page", allow_private=True, limits=FetchLimits(max_bytes=1 << 20))
    assert sent < 50 << 20


def slowly(page: Handler, text: bytes) -> None:
    for byte in text:
        page.wfile.write(bytes([byte]))
        page.wfile.flush()
        time.sleep(0.03)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200,
    ],
    ids=["body", "headers", "interim", "chunks"],
)
def test_a_server_that_drips_is_cut_at_the_deadline(text: bytes, server: Pictures) -> None:
    server.pages["/page"] = lambda page: slowly(page, text)
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"did not deliver within 0\.4 seconds"):
        fetch(f"{server.url}/page", allow_private=True, limits=FetchLimits(seconds=0.4))
    assert time.monotonic() - started < 20  # all of it takes 30


def test_redirects_share_one_deadline(server: Pictures) -> None:
    def slow_redirect(page: Handler) -> None:
        time.sleep(0.2)
        say(page, b"", status=302, Location="/slow")

    server.pages["/slow"] = slow_redirect
    started = time.monotonic()
    with pytest.raises(FetchError, match="did not deliver"):
        fetch(f"{server.url}/slow", allow_private=True, limits=FetchLimits(seconds=0.5, redirects=100))
    assert time.monotonic() - started < 15  # all of them take 20


def test_a_server_that_says_nothing_is_cut_at_the_deadline(server: Pictures) -> None:
    released = threading.Event()

    def silent(page: Handler) -> None:
        released.wait(60)

    server.pages["/page"] = silent
    with pytest.raises(FetchError, match="did not deliver"):
        fetch(f"{server.url}/page", allow_private=True, limits=FetchLimits(seconds=0.3))
    released.set()


def test_a_body_shorter_than_announced_is_an_error_and_a_longer_one_ends_there(server: Pictures) -> None:
    server.pages["/short"] = lambda page: say(page, PICTURE, length=len(PICTURE) + 1)
    server.pages["/long"] = lambda page: say(page, PICTURE, length=10)
    with pytest.raises(FetchError, match="broke"):
        fetch(f"{server.url}/short", allow_private=True)
    assert fetch(f"{server.url}/long", allow_private=True) == PICTURE[:10]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000,
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /picture\r\nLocation: http://127.0.0.1/\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_the_rules_is_a_fetch_error(text: bytes, server: Pictures) -> None:
    def raw(page: Handler) -> None:
        page.wfile.write(text)

    server.pages["/page"] = raw
    with pytest.raises(FetchError):
        fetch(f"{server.url}/page", allow_private=True)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x-unknown"])
def test_a_compressed_body_is_refused_and_never_unpacked(coding: str, server: Pictures) -> None:
    bomb = gzip.compress(bytes(30 << 20), 1)
    server.pages["/bomb"] = lambda page: say(page, bomb, Content_Encoding=coding)
    with pytest.raises(FetchError, match="compressed"):
        fetch(f"{server.url}/bomb", allow_private=True)


def test_a_body_said_to_be_uncompressed_is_read(server: Pictures) -> None:
    server.pages["/page"] = lambda page: say(page, PICTURE, Content_Encoding="Identity")
    assert fetch(f"{server.url}/page", allow_private=True) == PICTURE


def test_tls_is_spoken_to_the_judged_address_with_the_urls_name(monkeypatch: pytest.MonkeyPatch, wire: Wire) -> None:
    hello: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            connection, _ = listener.accept()
            with connection:
                hello.append(connection.recv(4096))

        thread = threading.Thread(target=listen)
        thread.start()
        wire.port = listener.getsockname()[1]
        with pytest.raises(FetchError, match=r"pictures\.example"):
            fetch("https://pictures.example/picture")
        thread.join()
    assert wire.dialled == [(PUBLIC, 443)]
    assert hello[0][0] == 22  # a TLS handshake
    assert b"pictures.example" in hello[0]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_only_a_certificate_for_the_urls_name_is_accepted(
    tmp_path: Path, server: Pictures, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=DNS:pictures.example"]
    subprocess.run([*request, "-keyout", key, "-out", certificate, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # Handshakes are done in the handler's thread and fail there quietly.
    plain = server.get_request

    def get_request() -> tuple[socket.socket, Any]:
        connection, address = plain()
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    monkeypatch.setattr(server, "get_request", get_request)
    monkeypatch.setattr(server, "handle_error", lambda *_: None)
    wire.names["other.example"] = [[PUBLIC]]
    with pytest.raises(FetchError, match="certificate"):
        fetch("https://pictures.example/picture")
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr("httpcore._sync.connection.default_ssl_context", lambda: trusting)
    assert fetch("https://pictures.example/picture") == PICTURE
    with pytest.raises(FetchError, match="mismatch"):
        fetch("https://other.example/picture")


def test_a_connection_to_anything_but_the_judged_target_is_refused() -> None:
    target = Target("http", "pictures.example", 80, "/")
    dialler = Dialler(target, time.monotonic() + 1, allow_private=True)
    with pytest.raises(FetchError, match="judged"):
        dialler.connect_tcp("other.example", 80)
    assert isinstance(dialler, httpcore.NetworkBackend)


def test_no_connection_is_left_open(server: Pictures) -> None:
    def open_files() -> int:
        if not Path("/proc/self/fd").exists():
            pytest.skip("no /proc to count open files in")
        return len(list(Path("/proc/self/fd").iterdir()))

    fetch(f"{server.url}/picture", allow_private=True)
    before = open_files()
    for _ in range(5):
        assert fetch(f"{server.url}/picture", allow_private=True) == PICTURE
        with pytest.raises(TooLargeError):
            fetch(f"{server.url}/picture", allow_private=True, limits=FetchLimits(max_bytes=10))
    until = time.monotonic() + 30
    while open_files() > before and time.monotonic() < until:  # the server's ends
        time.sleep(0.02)
    assert open_files() <= before
