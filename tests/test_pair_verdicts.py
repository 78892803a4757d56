"""Verdicts of many pairs: one answer by threads, by worker processes and from the cache; kept as they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.decode import decode
from lookalike.demo import shipped_photographs
from lookalike.duplicates.verify import judge
from lookalike.edits import another_shot, edit
from lookalike.localindex import entries_of
from lookalike.results import Evidence
from lookalike.store import CacheFile, Store
from lookalike.transforms import resize
from lookalike.verifying import Entry, Looks, PairVerdicts, pairs

Jobs = list[tuple[Entry, Entry, float | None]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of two photographs, three edits and another shot."""
    where = tmp_path_factory.mktemp("pairs")
    (where / "pictures").mkdir()
    one, two = (
        resize(np.ascontiguousarray(decode(path.read_bytes()).pixels[:300, :400]), 180, 240)
        for path in shipped_photographs()[:2]
    )
    pictures = [
        one, two, edit(one, "mirror", "middle", 1), edit(one, "crop-corner", "middle", 2),
        edit(two, "grey", "middle", 3), another_shot(two, 4, "middle"),
    ]  # fmt: skip
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(where / "pictures" / f"{number}.png")
    with lookalike.open(where / "a.lookalike") as library:
        library.add(where / "pictures", descriptors=["pdq"])
    return where / "a.lookalike"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    for path in (folder / "cache").glob("*.verdicts*"):
        path.unlink()
    with lookalike.open(folder) as library:
        yield library.store


def jobs_of(store: Store) -> Jobs:
    entries = sorted(entries_of(store), key=lambda entry: entry.uri)
    return [(a, b, 0.1) for a, b in itertools.permutations(entries, 2)]


def verdicts(store: Store, jobs: Jobs, threads: int = 2) -> list[Evidence | None]:
    looks = Looks(store, threads=2, max_pixels=10**8)
    looks.prepare(list({entry.content.hash: entry for a, b, _ in jobs for entry in (a, b)}.values()))
    judged = PairVerdicts(store, looks, threads)
    try:
        return list(judged.of(jobs))
    finally:
        judged.close()
        looks.close()


def told(evidence: Evidence | None) -> object:
    assert evidence is not None
    shares = round(evidence.share_a, 6), round(evidence.share_b, 6)
    return evidence.verdict, round(evidence.probability, 9), evidence.reason, evidence.edits, shares


def test_threads_workers_and_the_cache_give_one_answer(store, monkeypatch):
    jobs = jobs_of(store)
    monkeypatch.setattr(pairs, "KEPT_TOGETHER", 7)
    by_threads = verdicts(store, jobs)
    again = verdicts(store, jobs)
    for path in (store.folder / "cache").glob("*.verdicts*"):
        path.unlink()
    monkeypatch.setattr(pairs, "MANY", 2)
    by_workers = verdicts(store, jobs)
    assert [told(one) for one in by_threads] == [told(one) for one in again]
    assert [told(one) for one in by_threads] == [told(one) for one in by_workers]
    of = {(Path(a.uri).stem, Path(b.uri).stem): one for (a, b, _), one in zip(jobs, by_threads, strict=True) if one}
    assert {of[pair].verdict for pair in (("2", "0"), ("3", "0"), ("4", "1"), ("0", "2"))} == {"edited"}
    assert of["5", "1"].verdict == "same-scene"
    assert of["0", "1"].verdict == "related"  # by the distance given
    assert of["3", "0"].reason.startswith("cropped to")
    assert "more around it" in of["0", "3"].reason
    first, kept = next((first, kept) for first, kept in zip(by_threads, again, strict=True) if first and first.edits)
    assert kept is not None
    assert kept.transform is not None
    assert first.transform is not None
    np.testing.assert_allclose(kept.points_a, first.points_a, atol=0.13)
    np.testing.assert_allclose(kept.transform, first.transform)


def test_what_was_verified_before_a_stop_is_not_verified_again(store, monkeypatch):
    jobs = jobs_of(store)
    monkeypatch.setattr(pairs, "TOGETHER", 5)
    looks = Looks(store, threads=1, max_pixels=10**8)
    stopped = PairVerdicts(store, looks, 1)
    asked = stopped.of(jobs)
    for _ in range(12):
        next(asked)
    asked.close()
    stopped.close()
    looks.close()
    counted: list[int] = []

    def counting(*given: Any) -> Evidence:
        counted.append(1)
        return judge(*given)

    monkeypatch.setattr(pairs, "judge", counting)
    whole = verdicts(store, jobs, threads=1)
    assert all(whole)
    # 15 permutations were kept; each stands for the pair in both orders.
    seen = {frozenset((a.content.id, b.content.id)) for a, b, _ in jobs[:15]}
    left = [job for job in jobs[15:] if frozenset((job[0].content.id, job[1].content.id)) not in seen]
    assert 0 < len(counted) <= len(left)
    counted.clear()
    verdicts(store, jobs)
    assert not counted


def test_another_version_begins_a_new_file(store, monkeypatch):
    jobs = jobs_of(store)[:4]
    verdicts(store, jobs)
    (first,) = (store.folder / "cache").glob("*.verdicts")
    monkeypatch.setattr("lookalike.verifying.kept.fingerprint", lambda: "0123456789abcdef")
    verdicts(store, jobs)
    (second,) = (store.folder / "cache").glob("*.verdicts")
    assert second != first


def test_pictures_that_cannot_be_read_have_no_verdict_and_do_not_stop_the_others(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pairs, "MANY", 2)
    with lookalike.open(tmp_path / "b.lookalike") as library:
        source = folder.parent / "pictures"
        copies = tmp_path / "copies"
        copies.mkdir()
        for path in source.iterdir():
            (copies / path.name).write_bytes(path.read_bytes())
        library.add(copies, descriptors=["pdq"])
        (copies / "0.png").unlink()
        jobs = jobs_of(library.store)
        found = verdicts(library.store, jobs)
    missing = [one is None for one in found]
    assert missing == ["0.png" in (Path(a.uri).name, Path(b.uri).name) for a, b, _ in jobs]


def test_where_nothing_can_be_kept_there_are_verdicts_all_the_same(store, monkeypatch):
    monkeypatch.setattr(CacheFile, "write", lambda self, kept: False)
    monkeypatch.setattr(pairs, "MANY", 2)
    assert all(verdicts(store, jobs_of(store)[:6]))
