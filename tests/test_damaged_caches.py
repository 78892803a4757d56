"""R12: any byte of any cache file flipped, or the file cut: noticed, made again, the answer the same, no signal."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lookalike
from lookalike.descriptors.local import FINGERPRINT
from lookalike.health.surroundings import damaged_caches
from lookalike.index import ApproximateIndex, WordIndex
from lookalike.library import Library
from lookalike.localindex import _load, _save
from lookalike.store import CacheFile, LocalCache
from lookalike.types import LocalFeatures
from tests.conftest import picture, write_picture
from tests.torture import many, record

Answer = Callable[[Path], object]


def of_vectors(path: Path, name: str) -> object:
    with lookalike.open(path, create=False) as library:
        found = library.search(picture(3), 4, descriptor=name)
        return found.uris, found.distances.tolist()


def of_ann(path: Path) -> object:
    with lookalike.open(path, create=False) as library:
        spec = next(spec for spec in library.store.descriptors().values() if spec.name == "fake")
        index = library._holdings.index(library._holdings.number(spec), spec)
        found = index.search(library.vectors("fake")[1][:3], 1)
        return np.round(found.distances, 3).tolist()


def of_words(path: Path) -> object:
    index, marks = _load(path / "cache" / f"{FINGERPRINT}.words")
    if not len(index.keys):
        keys, features = sample_features()
        index = WordIndex()
        index.add(keys, features)
        marks = {int(key): int(key) for key in keys}
        (path / "cache").mkdir(exist_ok=True)
        _save(path / "cache" / f"{FINGERPRINT}.words", index, marks)
    return index.keys.tolist(), marks


def sample_features() -> tuple[np.ndarray, list[LocalFeatures]]:
    draw = np.random.default_rng(4)
    features = [
        LocalFeatures(draw.random((20, 4), np.float32) * 90 + 1, draw.integers(0, 90, (20, 128), np.uint8), 100, 100)
        for _ in range(3)
    ]
    return np.arange(1, 4, dtype=np.int64), features


def of_local(path: Path) -> object:
    cache = LocalCache(path, FINGERPRINT)
    try:
        _, features = sample_features()
        wanted = {bytes([n]) * 32: (one, picture(n, 40, 50)) for n, one in enumerate(features)}
        held = cache.get_many(wanted)
        assert all(held[key][0].rows.tobytes() == wanted[key][0].rows.tobytes() for key in held)
        cache.put_many({key: wanted[key] for key in wanted if key not in held})
        return sorted(cache.get_many(wanted))
    finally:
        cache.close()


def of_thumbnails(path: Path) -> object:
    cache = CacheFile(path, "webp82v1", "thumbnails")
    try:
        wanted = {bytes([n]): bytes([n]) * 3000 for n in range(9)}
        held = cache.read(wanted)
        assert held.items() <= wanted.items()
        cache.write({key: wanted[key] for key in wanted if key not in held})
        return cache.read(wanted)
    finally:
        cache.close()


ANSWERS: dict[str, Answer] = {
    ".vectors": lambda path: of_vectors(path, "fake"),
    ".standardised": lambda path: of_vectors(path, "haralick"),
    ".approximate": of_ann,
    ".words": of_words,
    ".local": of_local,
    ".thumbnails": of_thumbnails,
}


@pytest.fixture
def path(tmp_path: Path, fake: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("lookalike.holdings.choose", lambda n, _: "approximate" if n >= 60 else "exact")
    monkeypatch.setattr("lookalike.holdings._EXACT_FIRST", 0)
    monkeypatch.setattr("lookalike.holdings._USEFUL", 1)
    for n in range(64):
        write_picture(tmp_path / "photos" / f"{n}.png", n)
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(tmp_path / "photos", descriptors=["fake", "haralick"])
    return tmp_path / "a.lookalike"


def test_whatever_is_harmed_in_a_cache_file_is_noticed_and_the_answer_stays(path):
    for _ in range(2):
        truth = {kind: answer(path) for kind, answer in ANSWERS.items()}
    draw, trials, failed = random.Random(12), 0, []
    harmful: dict[str, int] = dict.fromkeys(ANSWERS, 0)
    for kind, answer in ANSWERS.items():
        for number in range(many(48, 510) // len(ANSWERS)):
            file = next(file for file in (path / "cache").rglob(f"*{kind}"))
            whole = file.read_bytes()
            place = draw.randrange(len(whole))
            if number % 4 == 3:
                os.truncate(file, place)
            else:
                file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :])
            harmful[kind] += file in [damaged for damaged, _ in damaged_caches(path)]
            trials += 1
            try:
                if answer(path) != truth[kind]:
                    failed.append(f"{kind} at {place}: another answer")
            except Exception as error:
                failed.append(f"{kind} at {place}: {error!r}")
            if kind == ".approximate":  # `index` makes it again, a search does without
                file.write_bytes(whole)
    record("R12", f"a byte flipped or a cut in {', '.join(ANSWERS)}", trials, f"{len(failed)} failed")
    assert failed == []
    # The doctor sees each of them, but what lies in unused room of an SQLite file.
    share = many(48, 510) // len(ANSWERS)
    assert {kind: harmful[kind] for kind in (".vectors", ".standardised", ".approximate")} == dict.fromkeys(
        (".vectors", ".standardised", ".approximate"), share
    )
    assert min(harmful.values()) >= share // 4


def test_an_approximate_index_is_in_use_here(path):
    with lookalike.open(path, create=False) as library:
        assert isinstance(library, Library)
        spec = next(spec for spec in library.store.descriptors().values() if spec.name == "fake")
        assert isinstance(library._holdings.index(library._holdings.number(spec), spec), ApproximateIndex)
