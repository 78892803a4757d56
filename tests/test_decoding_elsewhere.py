"""What decodes outside of indexing does so in processes that all share: a codec's end is one picture's end."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import decode as decoding
from lookalike import isolation
from lookalike.decode import decode, same_pixels
from lookalike.duplicates.verify import less_hidden
from lookalike.errors import CorruptError, TooLargeError
from lookalike.inspecting import inspect
from lookalike.isolation import Isolated, decoding_elsewhere
from lookalike.results import Evidence
from lookalike.workers import Workers
from tests.conftest import picture, write_picture

BROKEN = b"segfault pretends to be a picture"
CRASHED = "the codec crashed on it (SIGSEGV)"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[isolation._Shared]:
    """Give a test processes of its own."""
    made = isolation._Shared()
    monkeypatch.setattr(isolation, "_shared", made)
    yield made
    made.close()


@pytest.fixture
def sabotaged(shared: isolation._Shared, monkeypatch: pytest.MonkeyPatch) -> isolation._Shared:
    """... in which codecs break at files that say so."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    willing = isolation._Willing(2, seconds=1.0, patient=True)
    willing._workers.close()
    willing._workers = Workers(2, "tests.test_isolation:make_saboteur", 1 << 30)
    shared._isolated = willing
    return shared


def test_duplicates_go_on_past_a_picture_that_crashes_its_codec(sabotaged, tmp_path, photographs):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, path in zip("ab", photographs, strict=False):
        with Image.open(path) as image:
            image.convert("RGB").resize((480, 360)).save(folder / f"{name}.png")
            image.convert("RGB").resize((240, 180)).save(folder / f"{name} small.png")
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(folder)
        (folder / "b small.png").write_bytes(BROKEN)
        report = library.duplicates(level="same-picture")
        assert [[Path(member.uri).name for member in group.members] for group in report.groups] == [
            ["a.png", "a small.png"]
        ]
        assert report.left_out == (("pairs that could not be read again to be verified", 1),)


def test_a_search_says_which_picture_crashed_its_codec_and_answers_the_others(sabotaged, tmp_path, fake):
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png", number)
    (tmp_path / "bad.png").write_bytes(BROKEN)
    (tmp_path / "spin.png").write_bytes(b"spin")
    good = write_picture(tmp_path / "good.png", 1)
    good.write_bytes(good.read_bytes() + b"other bytes")
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(tmp_path / "in", descriptors=["fake"])
        names = [tmp_path / "bad.png", good, tmp_path / "spin.png"]
        found = library.search(names, 1, descriptor="fake")
        assert dict(found.failed) == {
            str(names[0]): CRASHED,
            str(names[2]): "decoding it took longer than 1 seconds",
        }
        assert found.uris[1] == (str(tmp_path / "in" / "1.png"),)
        part = library.search(names[0], 1, descriptor="fake", region=(0, 0, 0.5, 0.5))
        assert part.failed == ((str(names[0]), CRASHED),)
        assert library.load(names[0]) is None
        assert library.load(good) is not None


def test_problems_of_a_picture_that_crashes_its_codec_say_so(sabotaged, tmp_path, fake):
    for number in range(3):
        write_picture(tmp_path / "in" / f"{number}.png", number)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(tmp_path / "in", descriptors=["fake"])
        (tmp_path / "in" / "1.png").write_bytes(BROKEN)
        found = inspect(library, only=["unreadable"])
    assert [(Path(one.uri).name, one.measures.error) for one in found.flagged] == [("1.png", CRASHED)]


@pytest.mark.parametrize("call", [lookalike.compare, lookalike.explain])
def test_of_two_pictures_the_one_that_crashes_its_codec_is_named(sabotaged, tmp_path, call):
    good, bad = write_picture(tmp_path / "good.png", 1), tmp_path / "bad.png"
    bad.write_bytes(BROKEN)
    with pytest.raises(CorruptError, match=r"bad\.png: the codec crashed"):
        call(good, bad)


def test_where_no_process_can_be_started_pictures_are_decoded_in_this_one(shared, tmp_path, monkeypatch):
    data = write_picture(tmp_path / "a.png", 1).read_bytes()
    tried: list[int] = []

    def refused(*_: object) -> None:
        tried.append(1)
        raise OSError("no processes here")

    monkeypatch.setattr("lookalike.workers.pool.Worker", refused)
    for _ in range(2):
        with decoding_elsewhere() as soon:
            soon()
            assert np.array_equal(decode(data).pixels, picture(1))
            assert same_pixels(data, data + b"more")
    assert 0 < len(tried) <= 3, "it is not tried again and again"


def test_idle_processes_are_left_for_the_next_one_and_then_ended(shared, tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "LINGER", 0.5)
    data = write_picture(tmp_path / "a.png", 1).read_bytes()
    with decoding_elsewhere() as soon:
        assert soon()
        decode(data)
        assert not soon(), "one runs"
        first = set(shared._isolated._workers._running)
    assert decoding.decode_elsewhere_is(None)
    with decoding_elsewhere():
        decode(data)
        assert set(shared._isolated._workers._running) == first
        time.sleep(1.2)  # while one is inside, nothing is ended
        decode(data)
    until = time.monotonic() + 30
    while not all(worker.gone for worker in first) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(worker.gone for worker in first)
    assert shared._isolated is None
    with decoding_elsewhere():
        assert decode(data).width == 32


def test_a_server_goes_on_decoding_in_its_own_processes(shared, tmp_path):
    data = write_picture(tmp_path / "a.png", 1).read_bytes()
    with Isolated(1) as own:
        with decoding_elsewhere() as soon:
            assert not soon()
            decode(data)
        assert decoding.decode_elsewhere_is(own)
        assert shared._isolated is None


def test_threads_share_the_processes_and_the_last_one_out_gives_decoding_back(shared, tmp_path):
    files = [write_picture(tmp_path / f"{n}.png", n).read_bytes() for n in range(8)]
    right: list[bool] = []

    def work(n: int) -> None:
        for _ in range(5):
            with decoding_elsewhere():
                right.append(np.array_equal(decode(files[n]).pixels, picture(n)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 40
    assert decoding.decode_elsewhere_is(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_leaves_the_processes_to_the_one_that_has_started_them(tmp_path):
    data = write_picture(tmp_path / "a.png", 1).read_bytes()
    with decoding_elsewhere():
        decode(data)
        child = os.fork()
        if not child:
            code = 1
            with contextlib.suppress(BaseException):
                alone = decoding.decode_elsewhere_is(None) and isolation._shared._isolated is None
                code = 0 if alone and decode(data).width == 32 else 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert decode(data).width == 32


def test_a_comparison_of_every_sample_may_take_more_memory_than_one_picture():
    if not Path("/proc/self/statm").exists():
        pytest.skip("memory is limited on Linux")
    stream = io.BytesIO()
    Image.new("RGB", (5000, 5000), (9, 8, 7)).save(stream, "PNG", compress_level=1)  # 75 MB
    data = stream.getvalue()
    limited = Isolated(1, memory=60 << 20, patient=True)
    with contextlib.closing(limited):
        with pytest.raises(TooLargeError, match="more memory"):
            limited("decode", data, min_side=None, max_pixels=10**8)
        assert limited("same_pixels", data, data + b"more", max_pixels=10**8) is True
        with pytest.raises(TooLargeError, match="more memory"):
            limited("decode", data, min_side=None, max_pixels=10**8)


def test_what_is_too_large_to_compare_every_sample_of_is_called_no_copy(tmp_path):
    data = write_picture(tmp_path / "a.png", 1).read_bytes()

    def read() -> tuple[bytes, bytes]:
        raise TooLargeError("decoding it took longer than 80 seconds")

    sure = Evidence("same-picture", 0.99, "the same picture")
    found = less_hidden(sure, ("PNG", "PNG"), ((9, 9), (9, 9)), read)
    assert (found.verdict, found.probability) == ("related", 0.0)
    assert "80 seconds" in found.reason
    assert less_hidden(sure, ("PNG", "PNG"), ((9, 9), (9, 9)), lambda: (data, data)) is sure
