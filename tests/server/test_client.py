"""The client against a server: the same answers and the same errors as without one."""

from __future__ import annotations

import csv
import inspect
import io
import json
import math
import socket
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import lookalike
from lookalike import Filters, errors
from lookalike.cli import main
from lookalike.client import Client, JobStoppedError, ServerError
from lookalike.client.wire import error_of
from lookalike.library import Library
from tests.conftest import write_picture
from tests.server.conftest import Server, Shelf, end, start


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.url, server.token)


@pytest.fixture(scope="module")
def queries(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return a smaller copy and a crop that are not in the library, and a file that is."""
    folder = tmp_path_factory.mktemp("queries")
    with Image.open(shelf.originals[1]) as image:
        image.resize((image.width // 2, image.height // 2)).save(folder / "half.png")
        image.crop((20, 20, image.width - 60, image.height - 40)).save(folder / "crop.jpg")
    return [folder / "half.png", folder / "crop.jpg", shelf.originals[0]]


def close(a, b):
    return a == b or (None not in (a, b) and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6))


@pytest.mark.parametrize("verify", [False, True])
def test_python_command_and_http_give_the_same_answer(client, shelf, queries, capfdbinary, verify):
    for query in queries:
        with lookalike.open(shelf.path) as library:
            python = [row[2:] for row in library.search(query, k=5, verify=verify).rows().values]
        options = ["--verify"] if verify else []
        assert main(["search", str(query), "--library", str(shelf.path), "-k", "5", "--format", "json", *options]) == 0
        printed = json.loads(capfdbinary.readouterr().out)
        columns = ("uri", "distance", "verdict", "probability", *(["reason"] if verify else []))
        command = [tuple(row[name] for name in columns) for row in printed]
        answer = client.search(query, k=5, verify=verify)
        http = [row[2:] for row in answer.rows().values]
        own = [row for row in http if row[0] != str(query)]  # a file that is sent is not known to be that one
        for one, two, three in zip(python, command, own, strict=False):
            assert one[0] == two[0] == three[0]
            assert close(one[1], two[1])
            assert close(one[1], three[1])
            assert one[2] == two[2] == three[2]
            assert close(one[3], two[3])
            assert close(one[3], three[3])
        assert len(python) == len(command) == 5


def test_a_picture_is_asked_about_by_path_bytes_and_id(client, shelf, queries):
    path = shelf.originals[2]
    by_path, by_bytes, by_id = (client.search(one, k=4) for one in (str(path), path.read_bytes(), shelf.id_of(path)))
    assert [hit["uri"] for hit in by_path.hits] == [hit["uri"] for hit in by_bytes.hits]
    assert by_path.hits[0]["uri"] == str(path)
    assert str(path) not in [hit["uri"] for hit in by_id.hits]
    assert by_path.queries[0]["query"] == path.name
    several = client.search([path, shelf.id_of(path)], k=1)
    assert len(several.queries) == 2


def test_each_setting_of_a_search_arrives(client, shelf, queries):
    with lookalike.open(shelf.path) as library:
        asked: list[dict[str, Any]] = [
            {"k": 2}, {"descriptor": "pdq"}, {"threshold": 0.4}, {"region": (0.25, 0, 0.5, 0.5)},
            {"only": Filters(under=str(shelf.folder / "old"), min_side=50, formats="jpg", after="2001", label="old")},
        ]  # fmt: skip
        for settings in asked:
            ours = library.search(queries[0], **settings)
            theirs = client.search(queries[0], **settings)
            assert [hit["uri"] for hit in theirs.hits] == [uri for uri in ours.uris[0] if uri], settings
        both = library.search(queries[:2], together=True)
        assert [hit["uri"] for hit in client.search(queries[:2], together=True).hits] == list(both.uris[0])


def test_signatures_are_those_of_the_library():
    for name in ("search", "compare", "duplicates"):
        ours, theirs = (inspect.signature(getattr(kind, name)).parameters for kind in (Client, Library))
        for parameter in set(ours) & set(theirs) - {"self"}:
            assert ours[parameter].default == theirs[parameter].default, (name, parameter)
            assert ours[parameter].kind == theirs[parameter].kind


def test_two_pictures_are_compared(client, shelf, queries):
    facts = client.compare(queries[1], shelf.id_of(shelf.originals[1]))
    same = lookalike.compare(queries[1], shelf.originals[1])
    assert (facts["verdict"], facts["width_a"], facts["format_b"]) == (same.verdict, same.width_a, same.format_b)
    assert close(facts["probability"], same.probability)
    assert same.evidence is not None
    assert facts["evidence"]["reason"] == same.evidence.reason
    assert client.explain(queries[1], shelf.id_of(shelf.originals[1]))[:4] == b"\x89PNG"


def test_groups_of_duplicates_are_yielded_when_the_job_is_done(client, shelf, monkeypatch):
    monkeypatch.setattr("lookalike.client.wire._PAGE", 1)
    told: list[dict[str, Any]] = []
    groups = list(client.duplicates(level="edited", progress=told.append))
    with lookalike.open(shelf.path) as library:
        report = library.duplicates(level="edited")
    assert [[m["uri"] for m in group.members] for group in groups] == [
        [m.uri for m in g.members] for g in report.groups
    ]
    assert groups[0].keeper["keeper"]
    assert told[-1]["state"] == "done"


def test_status_pictures_and_files_are_read(client, strict_server, shelf):
    number = shelf.id_of(shelf.originals[0])
    with lookalike.open(shelf.path) as library:
        assert Client(strict_server.url).status()["indexed"] == library.status().indexed
    assert client.picture(number)["uri"] == str(shelf.originals[0])
    assert client.thumbnail(number, 128)[8:12] == b"WEBP"
    assert client.file(number) == shelf.originals[0].read_bytes()


def test_a_folder_is_indexed_with_progress_and_found(shelf, tmp_path):
    with lookalike.open(tmp_path / "own.lookalike"):
        pass
    for seed in range(30):
        write_picture(tmp_path / "in" / f"{seed}.png", seed, 64, 64)
    running = start(tmp_path / "own.lookalike")
    try:
        own = Client(running.url, running.token)
        told: list[dict[str, Any]] = []
        report = own.index(tmp_path / "in", descriptors=["pdq"], progress=told.append)
        assert (report["found"], report["added"], report["failed"]) == (30, 30, 0)
        assert told[0]["state"] in ("waiting", "running")
        assert told[-1]["state"] == "done"
        assert own.search(tmp_path / "in" / "3.png", descriptor="pdq", k=1).hits[0]["uri"].endswith("3.png")
        assert [job["kind"] for job in own.jobs()] == ["index"]
        again = own.index([tmp_path / "in"], descriptors=["pdq"])
        assert again["unchanged"] == 30
        with pytest.raises(errors.UsageError, match="over"):
            own.stop(1)
        with pytest.raises(errors.UsageError, match="nothing is indexed"):
            list(own.duplicates([tmp_path / "nowhere"], level="same-file"))
        with (
            lookalike.open(tmp_path / "own.lookalike") as library,
            library.store.writing(),
            pytest.raises(errors.LibraryLockedError, match="writ"),
        ):
            own.index(tmp_path / "in")
    finally:
        end(running)


def test_a_job_that_is_stopped_is_told_to_whoever_waits(client, server, tmp_path):
    for seed in range(300):
        write_picture(tmp_path / "in" / f"{seed}.png", seed, 128, 128)

    def stop(facts):
        if facts["state"] == "running":
            client_ = Client(server.url, server.token)
            if not stopped:
                stopped.append(client_.stop(facts["id"]))

    stopped: list[object] = []
    with pytest.raises(JobStoppedError):
        client.index(tmp_path / "in", progress=stop)
    assert client.jobs()[0]["state"] == "stopped"


def test_errors_are_of_the_same_classes_as_without_a_server(client, server, strict_server, shelf, tmp_path):
    with pytest.raises(errors.NotAnImageError):
        client.search(b"only words, and no picture")
    with pytest.raises(errors.TruncatedError):
        client.search(shelf.folder / "new/broken.jpg")
    with pytest.raises(errors.UnreadableError, match="nowhere"):
        client.search(tmp_path / "nowhere.jpg")
    with pytest.raises(errors.UnknownDescriptorError):
        client.search(1, descriptor="nothing")
    with pytest.raises(errors.FingerprintError):
        client.search(1, descriptor="haralick")
    with pytest.raises(errors.UsageError, match="region"):
        client.search(1, region=(0.5, 0, 0.9, 1))
    with pytest.raises(errors.UsageError, match="folder"):
        client.search(1, only=Filters(label="a", labels="name:x"))
    with pytest.raises(errors.TooLargeError):
        client.search(bytes(25_000_000))
    with pytest.raises(errors.UnreadableError):
        Client(strict_server.url).compare("http://127.0.0.1/a.jpg", 1)
    with pytest.raises(ServerError) as missing:
        client.picture(99999)
    assert missing.value.status == 404
    with pytest.raises(ServerError) as refused:
        Client(server.url).index(tmp_path)
    assert (refused.value.status, "token" in str(refused.value)) == (401, True)


def test_every_kind_of_error_becomes_a_class_of_that_kind():
    for name in errors.__all__:
        kind = getattr(errors, name)
        found = error_of(kind.kind, "words", ServerError)
        assert type(found).kind == kind.kind or kind is errors.LookalikeError
        assert isinstance(found, errors.LookalikeError)


def test_no_server_and_no_server_of_ours_are_named():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(ServerError, match="no answer"):
            Client(f"http://127.0.0.1:{nobody.getsockname()[1]}").status()
    for url in ("127.0.0.1:8000", "ftp://a", "http://", "http://a:b", "http://[", ""):
        with pytest.raises(errors.UsageError, match="8000"):
            Client(url)


def test_the_rows_are_those_of_the_command(client, shelf, queries, capfdbinary):
    main(["search", str(queries[0]), "--library", str(shelf.path), "-k", "3", "--verify", "--format", "csv"])
    header = next(csv.reader(io.StringIO(capfdbinary.readouterr().out.decode())))
    assert list(client.search(queries[0], k=3, verify=True).rows().columns) == header
