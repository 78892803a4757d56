"""Decoding in processes of its own: the same answers, and a codec's end is one file's end."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import decode as decoding
from lookalike import isolation
from lookalike.decode import decode, decode_at, hidden_difference, pixel_hash, same_pixels
from lookalike.defaults import MAX_PIXELS
from lookalike.errors import CorruptError, ImageError, LookalikeError, TooLargeError
from lookalike.isolation import DecodingEndedError, Isolated
from lookalike.workers import Workers
from tests.conftest import write_picture
from tests.ugly import ugly_images

ODD = Path(__file__).parents[2] / "shared/data/odd"


def make_saboteur(memory: int) -> Callable[[tuple[str, tuple[bytes, ...], dict[str, Any]]], Any]:
    """Return a worker's function that breaks as a codec might, at files that say so."""
    work = isolation.make_decoder(memory)

    def sabotaged(job: tuple[str, tuple[bytes, ...], dict[str, Any]]) -> Any:
        for data in job[1]:
            if data.startswith(b"abort"):
                os.abort()
            if data.startswith(b"segfault"):
                ctypes.string_at(0)
            if data.startswith(b"spin"):
                until = time.monotonic() + 60
                while time.monotonic() < until:
                    pass
            if data.startswith(b"greedy"):
                try:
                    np.ones(1 << 30, np.float64).sum()  # 8 GiB
                except MemoryError:
                    return TooLargeError("as make_decoder says")
        return work(job)

    return sabotaged


@pytest.fixture(scope="module")
def isolated() -> Iterator[Isolated]:
    made = Isolated(2)
    yield made
    made.close()


@pytest.fixture
def sabotaged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Isolated]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    made = Isolated(1, seconds=1.0)
    made._workers = Workers(1, "tests.test_isolation:make_saboteur", 1 << 30)
    with made:
        yield made


def outcome(call: Callable[[], Any]) -> Any:
    try:
        found = call()
    except ImageError as error:
        return type(error), str(error)
    if hasattr(found, "pixels"):
        return found.format, found.width, found.height, found.pixels.shape, found.pixels.tobytes()
    return found


@pytest.mark.filterwarnings("ignore")  # else they are errors here, and there they are not
def test_ugly_files_give_the_same_picture_or_the_same_error_as_in_this_process(isolated):
    files = [one for one in ugly_images() if len(one.data) < 10**6]
    assert len(files) >= 50
    for one in files:
        here = outcome(lambda: decode(one.data, min_side=16))  # noqa: B023
        assert outcome(lambda: isolated("decode", one.data, min_side=16, max_pixels=MAX_PIXELS)) == here, one.name  # noqa: B023


@pytest.mark.filterwarnings("ignore")
def test_the_odd_corpus_gives_the_same_as_in_this_process(isolated):
    if not ODD.is_dir():
        pytest.skip("the corpus of odd files is not here")
    files = sorted(path for path in ODD.rglob("*") if path.is_file() and 0 < path.stat().st_size < 200_000)[::40]
    assert files
    for path in files:
        data = path.read_bytes()
        here = outcome(lambda: decode(data, max_pixels=10_000_000))  # noqa: B023
        assert outcome(lambda: isolated("decode", data, min_side=None, max_pixels=10_000_000)) == here, path  # noqa: B023


def test_all_that_decodes_is_done_there_while_it_is_entered_and_here_again_after(tmp_path, monkeypatch):
    data = write_picture(tmp_path / "a.png", 1).read_bytes()
    calls: list[str] = []

    class Counted(Isolated):
        def __call__(self, name: str, *files: bytes, **settings: Any) -> Any:
            calls.append(name)
            return super().__call__(name, *files, **settings)

    with Counted(1):
        decode(data)
        decode_at(data, [8])
        pixel_hash(data)
        assert same_pixels(data, data)
        assert hidden_difference(data, data) is None
    assert calls == ["decode", "decode", "pixel_hash", "same_pixels", "hidden_difference"]
    decode(data)
    assert len(calls) == 5


def test_of_two_the_later_one_counts_and_closing_the_other_changes_nothing():
    one, two = Isolated(1), Isolated(1)
    one.__enter__()
    two.__enter__()
    one.close()
    assert decoding.decode_elsewhere_is(two)
    two.close()
    assert not decoding.decode_elsewhere_is(two)


@pytest.mark.parametrize("how", [b"abort", b"segfault"])
def test_a_codec_that_crashes_fails_its_file_and_the_next_one_is_decoded(sabotaged, tmp_path, how):
    with pytest.raises(CorruptError, match="crashed"):
        decode(how)
    assert decode(write_picture(tmp_path / "a.png", 1).read_bytes()).width == 32


def test_a_codec_that_spins_is_ended_in_time(sabotaged, tmp_path):
    decode(write_picture(tmp_path / "a.png", 1).read_bytes())  # the time to start does not count
    started = time.monotonic()
    with pytest.raises(TooLargeError, match="longer than 1 second"):
        decode(b"spin")
    assert 0.9 < time.monotonic() - started < 40  # it would spin for 60
    assert decode((tmp_path / "a.png").read_bytes()).width == 32


def test_a_codec_that_wants_all_memory_does_not_get_it(sabotaged, tmp_path):
    if not Path("/proc/self/statm").exists():
        pytest.skip("memory is limited on Linux")
    decode(write_picture(tmp_path / "a.png", 1).read_bytes())
    worker = next(iter(sabotaged._workers._running))
    with pytest.raises(TooLargeError):
        decode(b"greedy")
    peak = Path(f"/proc/{worker._process.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(peak) < 1 << 20
    assert decode((tmp_path / "a.png").read_bytes()).width == 32


def test_only_the_three_rows_fail_when_a_folder_with_such_files_is_indexed(sabotaged, tmp_path, fake):
    """R4: an injected segfault, a 60 s spin and an 8 GiB allocation."""
    for number in range(6):
        write_picture(tmp_path / "in" / f"{number}.png", number)
    for name in ("segfault", "spin", "greedy"):
        (tmp_path / "in" / f"{name}.png").write_bytes(name.encode() + b" pretends to be a picture")
    with lookalike.open(tmp_path / "a.lookalike") as library:
        report = library.add(tmp_path / "in", descriptors=["fake"], threads=2)
        assert (report.added, report.failed, report.found) == (6, 3, 9)
        kinds = {Path(uri).stem: kind for uri, kind, _ in library.problems().values}
    assert kinds == {"segfault": "corrupt", "spin": "too large", "greedy": "too large"}


def test_no_picture_is_blamed_for_processes_that_cannot_start_or_were_ended(tmp_path, fake):
    data = write_picture(tmp_path / "in" / "a.png", 1).read_bytes()
    broken = Isolated(1)
    broken._workers.close()
    broken._workers = Workers(1, "lookalike.isolation:nothing_of_the_kind")
    with broken, lookalike.open(tmp_path / "a.lookalike") as library:
        with pytest.raises(DecodingEndedError):
            decode(data)
        with pytest.raises(LookalikeError):
            library.add(tmp_path / "in", descriptors=["fake"])
        assert library.status().failed == 0
    with pytest.raises(DecodingEndedError):
        broken("decode", data)


def test_a_thumbnail_is_upright_webp_no_larger_than_asked(isolated, tmp_path):
    path = tmp_path / "a.jpg"
    picture = Image.fromarray(np.full((60, 300, 3), 90, np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    made = isolated.thumbnail(path.read_bytes(), 128, max_pixels=MAX_PIXELS)
    (tmp_path / "t.webp").write_bytes(made)
    with Image.open(tmp_path / "t.webp") as image:
        assert (image.format, image.height) == ("WEBP", 128)
        assert image.width < 40
