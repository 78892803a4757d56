"""What the tests of several rooms share: a descriptor that counts, pictures made in code, real photographs."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

import lookalike
import lookalike.descriptors
import lookalike.indexing
from lookalike.demo import shipped_photographs
from lookalike.isolation import Isolated
from lookalike.library import Library
from lookalike.onthespot import DESCRIBER
from lookalike.store.schema import VECTOR_SHIFT
from lookalike.transforms import resize
from lookalike.types import Descriptor, DescriptorSpec, RGBImage, Vectors

# Several workers test at once: threads of their own would only wait for each other, and training several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What loads onnxruntime before our own code does shall send nothing either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# On a busy machine hypothesis may wait seconds to draw a few numbers: time is nothing that these tests are about.
settings.register_profile("lookalike", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lookalike")


@dataclass
class Fake:
    """A cosine descriptor of 48 numbers: the mean colours of 4 x 4 fields. `seen` counts pictures, `calls` batches."""

    name: str = "fake"
    preprocess: str = "mean colours of 4 x 4 fields"
    seen: int = 0
    calls: list[int] = field(default_factory=list)

    @property
    def spec(self) -> DescriptorSpec:
        return DescriptorSpec(self.name, 48, "cosine", self.preprocess, "these tests", min_side=8)

    def embed(self, images: Sequence[RGBImage]) -> Vectors:
        self.seen += len(images)
        self.calls.append(len(images))
        rows = [resize(image, 4, 4).astype(np.float32).ravel() + 1 for image in images]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32).reshape(len(images), 48)


@dataclass(frozen=True)
class _EntryPoint:
    name: str
    descriptor: Descriptor

    def load(self) -> Callable[[], Descriptor]:
        return lambda: self.descriptor


Register = Callable[[Any], Any]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Register descriptors as an installed plug-in does, for one test."""
    points: list[_EntryPoint] = []
    monkeypatch.setattr("lookalike.descriptors.entry_points", lambda group: points)

    def add(descriptor: Any) -> Any:
        points[:] = [point for point in points if point.name != descriptor.spec.name]
        points.append(_EntryPoint(descriptor.spec.name, descriptor))
        lookalike.descriptors._make.cache_clear()
        return descriptor

    yield add
    lookalike.descriptors._make.cache_clear()


@pytest.fixture
def fake(register: Register) -> Fake:
    """Return a descriptor registered as "fake"."""
    return register(Fake())  # type: ignore[no-any-return]


class _KeptOpen(Isolated):
    def close(self) -> None:
        """Leave the processes for the next test: each takes half a second to start."""


@pytest.fixture(scope="session")
def _decoders() -> Iterator[Isolated]:
    kept = _KeptOpen(2, make=DESCRIBER)
    yield kept
    Isolated.close(kept)


@pytest.fixture(autouse=True)
def _shared_decoders(_decoders: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all indexing of these tests' own process decode in the same two processes."""
    monkeypatch.setattr(lookalike.indexing, "Isolated", lambda *_, **__: _decoders)


def picture(seed: int, height: int = 24, width: int = 32) -> RGBImage:
    """Return coloured fields with soft edges and some grain; another picture for another seed."""
    random = np.random.default_rng(seed)
    fields = resize(random.integers(0, 256, (5, 6, 3), np.uint8), height, width)
    grainy: RGBImage = np.clip(fields + random.integers(-6, 7, fields.shape), 0, 255).astype(np.uint8)
    return grainy


def write_picture(path: Path, seed: int, height: int = 24, width: int = 32, **options: Any) -> Path:
    """Write `picture` in the format of the path's suffix, PNG where it has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = {".jpg": "JPEG", ".webp": "WebP", ".tif": "TIFF", ".bmp": "BMP"}.get(path.suffix, "PNG")
    Image.fromarray(picture(seed, height, width)).save(path, form, **options)
    return path


@pytest.fixture(scope="session")
def photographs() -> list[Path]:
    """Return real photographs that installed packages bring along."""
    found = shipped_photographs()
    if not found:
        pytest.skip("no installed package brings photographs")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a Chromium that Playwright drives; where there is none, tests are skipped, or fail if it is required."""
    try:
        with contextlib.ExitStack() as stack:
            yield _started(stack)
    except _NoBrowserError as error:
        if os.environ.get("LOOKALIKE_BROWSER_REQUIRED"):
            pytest.fail(f"LOOKALIKE_BROWSER_REQUIRED is set, and {error}")
        pytest.skip(str(error))


class _NoBrowserError(Exception):
    pass


def _started(stack: contextlib.ExitStack) -> Any:
    try:
        from playwright.sync_api import sync_playwright

        from tests.browsing import chromium
    except ImportError:
        raise _NoBrowserError("playwright is not installed") from None
    program = chromium()
    if program is None:
        raise _NoBrowserError("there is no chromium on the PATH")
    play = stack.enter_context(sync_playwright())
    started = play.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox", "--disable-gpu"])
    stack.callback(started.close)
    return started


Export = list[tuple[bytes, str, str | None, bytes | None, int | None, int | None, dict[str, bytes]]]


def export(library: Path) -> Export:
    """Return (uri, state, kind, content hash, width, height, vectors) of all rows that are not missing.

    Read past our own code. Vectors are by descriptor fingerprint, to the bit.
    """
    db = sqlite3.connect(library / "library.db")
    try:
        names = dict(db.execute("SELECT id, fingerprint FROM descriptors"))
        vectors: dict[int, dict[str, bytes]] = {}
        for key, vector in db.execute("SELECT id, vector FROM vectors"):
            vectors.setdefault(key % (1 << VECTOR_SHIFT), {})[names[key >> VECTOR_SHIFT]] = vector
        rows = db.execute(
            "SELECT CAST(uri AS BLOB), images.state, images.kind, hash, width, height, content_id FROM images "
            "LEFT JOIN contents ON contents.id = content_id WHERE NOT missing ORDER BY uri"
        )
        return [(*row[:-1], vectors.get(row[-1], {})) for row in rows.fetchall()]
    finally:
        db.close()


def fresh_export(library: Library, photos: Path, **options: Any) -> Export:
    """Return what `export` gives of a library made anew of the same pictures, by the descriptor `fake`."""
    with lookalike.open(library.path.parent / f"fresh-{time.monotonic_ns()}.lookalike") as fresh:
        fresh.add(photos, descriptors=["fake"], **options)
        return export(fresh.path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spell out names that are no UTF-8 in what a test printed or logged: they cannot be told to another process."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
