"""Decoding in processes of its own: the same answers, and a codec's end is one file's end."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike import decode as decoding
from lookalike import indexing
from lookalike.decode import decode, decode_at, hidden_difference, pixel_hash, same_pixels
from lookalike.defaults import MAX_PIXELS
from lookalike.errors import CorruptError, ImageError, LookalikeError, TooLargeError
from lookalike.isolation import DecodingEndedError, Isolated
from lookalike.onthespot import make_describer
from lookalike.workers import Workers
from tests.conftest import export, write_picture
from tests.ugly import ugly_images

ODD = Path(__file__).parents[2] / "shared/data/odd"


def make_saboteur(memory: int) -> Callable[[tuple[str, tuple[bytes, ...], dict[str, Any]]], Any]:
    """Return a worker's function that breaks as a codec might, at files that say so."""
    work = make_describer(memory)

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
            if data.startswith(b"outside"):
                os.kill(os.getpid(), signal.SIGKILL)
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


def test_only_the_three_rows_fail_when_a_folder_with_such_files_is_indexed(sabotaged, tmp_path, fake, monkeypatch):
    """R4: an injected segfault, a 60 s spin and an 8 GiB allocation."""
    monkeypatch.setattr(indexing, "Isolated", lambda *_, **__: sabotaged)
    for number in range(6):
        write_picture(tmp_path / "in" / f"{number}.png", number)
    for name in ("1segfault", "2spin", "3greedy", "outside"):
        (tmp_path / "in" / f"{name}.png").write_bytes(name.strip("123").encode() + b" pretends to be a picture")
    started = time.monotonic()
    with lookalike.open(tmp_path / "a.lookalike") as library:
        report = library.add(tmp_path / "in", descriptors=["fake"], threads=2)
        assert (report.added, report.failed, report.found) == (6, 4, 10)
        problems = {Path(uri).stem: (kind, reason) for uri, kind, reason in library.problems().values}
    assert time.monotonic() - started < 50
    assert problems == {
        "1segfault": ("corrupt", "the codec crashed on it (SIGSEGV)"),
        "2spin": ("too large", "decoding it took longer than 1 seconds"),
        "3greedy": ("too large", "as make_decoder says"),
        "outside": ("too large", "the process that decoded it was ended from outside, perhaps because memory ran out"),
    }


@pytest.mark.parametrize("descriptors", [("lite0", "pdq"), ("pdq",), ("haralick", "pdq")])
def test_indexing_in_processes_of_their_own_gives_the_library_of_indexing_in_this_one(tmp_path, descriptors):
    """Every byte of it: rows, reasons, sizes, hashes, vectors."""
    exports, reasons = [], []
    folder = tmp_path / "in"
    folder.mkdir()
    for number, one in enumerate(ugly_images()):
        if len(one.data) < 10**6:
            (folder / f"{number:03d}").write_bytes(one.data)
    for number in range(4):
        write_picture(folder / f"{number}.jpg", number, 700 + 90 * number, 900)
    for isolated in (True, False):
        with lookalike.open(tmp_path / f"{isolated}.lookalike") as library, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # else they are errors here, and there they are not
            report = library.add(folder, descriptors=descriptors, isolated=isolated, threads=2)
            assert report.added >= 30
            reasons.append(sorted(library.problems().values))
        exports.append(export(library.path))
    assert exports[0] == exports[1]
    assert reasons[0] == reasons[1]


def test_pictures_that_find_no_room_in_the_shared_memory_come_whole(isolated):
    """Together they are larger than it is; and all are still themselves when the last one has come."""
    stream = io.BytesIO()
    Image.effect_noise((2400, 1500), 90).convert("RGB").save(stream, "BMP")
    data = [stream.getvalue()[:-2] + bytes([number, 7]) for number in range(5)]
    settings = [{"sides": (256,), "max_pixels": MAX_PIXELS}] * 5
    with contextlib.closing(isolated.each("decode_at", data, settings)) as results:
        images = [next(results)[256].pixels for _ in data]
        for image, one in zip(images, data, strict=True):
            assert np.array_equal(image, decode(one).pixels)


@pytest.mark.skipif(os.name == "nt", reason="needs process groups")
def test_a_script_without_a_main_guard_indexes_from_a_folder_full_of_traps_and_leaves_no_process(tmp_path):
    write_picture(tmp_path / "in" / "a.png", 1)
    for name in ("numpy", "PIL", "lookalike", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "script.py"
    script.write_text(
        "import lookalike\n"
        "from lookalike.workers import pool\n"
        "real = pool.Worker.__init__\n"
        "def noted(self, *given):\n"
        "    real(self, *given)\n"
        "    print(self._process.pid)\n"
        "pool.Worker.__init__ = noted\n"
        "with lookalike.open('a.lookalike') as library:\n"
        "    print(library.add('in', descriptors=['pdq']).added)\n"
    )
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    *pids, added = map(int, done.stdout.split())
    assert (len(pids), added, done.stderr) == (1, 1, "")
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_no_picture_is_blamed_for_processes_that_cannot_start_or_were_ended(tmp_path, fake, monkeypatch):
    data = write_picture(tmp_path / "in" / "a.png", 1).read_bytes()
    broken = Isolated(1)
    broken._workers.close()
    broken._workers = Workers(1, "lookalike.isolation:nothing_of_the_kind")
    monkeypatch.setattr(indexing, "Isolated", lambda *_, **__: broken)
    with broken, lookalike.open(tmp_path / "a.lookalike") as library:
        with pytest.raises(DecodingEndedError, match="isolated=False"):
            decode(data)
        with pytest.raises(LookalikeError):
            library.add(tmp_path / "in", descriptors=["fake"])
        assert library.status().failed == 0
    with pytest.raises(DecodingEndedError):
        broken("decode", data)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        assert library.add(tmp_path / "in", descriptors=["fake"], isolated=False).added == 1


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
