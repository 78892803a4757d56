from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from lookalike.index import ExactIndex
from lookalike.store import Store, VectorMatrix
from tests.store.conftest import BITS, SPEC, fill, vectors


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "a.lookalike", create=True)
    yield store
    store.close()


def joined(store, spec=SPEC):
    id_ = store.ensure_descriptor(spec)
    blocks = VectorMatrix(store, id_, spec).blocks()
    keys = np.concatenate([np.empty(0, np.int64), *(block.keys for block in blocks)])
    rows = np.concatenate([np.empty((0, spec.width), spec.storage), *(block.rows for block in blocks)])
    return keys, rows


def same(a, b):
    return np.array_equal(a[0], b[0]) and a[1].tobytes() == b[1].tobytes()


def answers(store, queries):
    blocks = VectorMatrix(store, store.ensure_descriptor(SPEC), SPEC).blocks()
    found = ExactIndex.from_blocks("cosine", SPEC.dim, [(b.keys, b.rows, b.norms) for b in blocks]).search(queries, 5)
    return found.keys.tolist(), found.distances.tolist()


def small_chunks(monkeypatch, bits):
    for module in ("store", "writing"):
        monkeypatch.setattr(f"lookalike.store.{module}.CHUNK", bits)


def cache_files(store):
    return sorted((store.folder / "cache").rglob("*.vectors"))


@pytest.mark.parametrize("spec", [SPEC, BITS], ids=["cosine", "hamming"])
def test_what_is_cached_is_what_was_written_also_when_read_again(store, spec):
    rows = vectors(1, 100, spec)
    fill(store, rows, specs=[spec])
    first, second = joined(store, spec), joined(store, spec)
    assert first[0].tolist() == list(range(1, 101))
    assert first[1].tobytes() == rows.tobytes()
    assert same(first, second)
    blocks = VectorMatrix(store, 1, spec).blocks()
    assert isinstance(blocks[0].rows.base, np.ndarray)  # mapped from the file, not copied
    if spec is BITS:
        assert blocks[0].norms is None
    else:
        assert blocks[0].norms is not None
        assert np.allclose(blocks[0].norms, np.linalg.norm(rows.astype(np.float64), axis=1), rtol=1e-6)


def test_a_descriptor_without_vectors_has_no_blocks(store):
    assert joined(store)[0].tolist() == []
    assert cache_files(store) == []


def test_every_flipped_byte_is_noticed_and_the_file_made_again(store):
    rows = vectors(2, 60)
    fill(store, rows)
    truth = joined(store)
    (path,) = cache_files(store)
    whole = path.read_bytes()
    queries = rows[:4].astype(np.float32)
    expected = answers(store, queries)
    draw = random.Random(1)
    places = [*range(0, 128, 4), *(draw.randrange(len(whole)) for _ in range(200))]
    for number, place in enumerate(places):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << number % 8]) + whole[place + 1 :])
        assert same(joined(store), truth)
        assert path.read_bytes() == whole
    assert answers(store, queries) == expected


def test_every_truncation_is_noticed_and_the_file_made_again(store):
    fill(store, vectors(3, 60))
    truth = joined(store)
    (path,) = cache_files(store)
    whole = path.read_bytes()
    draw = random.Random(2)
    for length in [0, 1, 127, 128, 129, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(50))]:
        path.write_bytes(whole[:length])
        assert same(joined(store), truth)
        assert path.read_bytes() == whole
    path.write_bytes(whole + b"\0")
    assert same(joined(store), truth)
    assert path.read_bytes() == whole


def test_a_cache_that_is_gone_is_made_again(store):
    fill(store, vectors(4, 30))
    truth = joined(store)
    shutil.rmtree(store.folder / "cache")
    assert same(joined(store), truth)
    assert len(cache_files(store)) == 1


def test_a_cache_that_cannot_be_written_only_costs_time(store):
    fill(store, vectors(4, 30))
    (store.folder / "cache").write_text("a file where the folder should be")
    first = joined(store)
    assert first[1].tobytes() == vectors(4, 30).tobytes()
    (store.folder / "cache").unlink()
    truth = joined(store)
    (path,) = cache_files(store)
    path.unlink()
    path.mkdir()  # a folder where the file should be
    assert same(joined(store), truth)


def test_a_file_of_another_chunk_or_descriptor_is_not_taken(store, monkeypatch):
    small_chunks(monkeypatch, 4)
    fill(store, vectors(5, 40), specs=[SPEC])
    truth = joined(store)
    first, second, third = cache_files(store)
    shutil.copyfile(second, first)
    assert same(joined(store), truth)
    other = store.folder / "cache" / BITS.fingerprint
    other.mkdir()
    fill(store, vectors(5, 40, BITS), "b", specs=[BITS])
    shutil.copyfile(third, other / third.name)
    assert joined(store, BITS)[1].tobytes() == vectors(5, 40, BITS).tobytes()


def test_many_small_chunks_hold_what_one_large_one_does(store, tmp_path, monkeypatch):
    rows = vectors(6, 100)
    fill(store, rows)
    expected = joined(store), answers(store, rows[:9].astype(np.float32))
    small_chunks(monkeypatch, 3)
    small = Store(tmp_path / "b.lookalike", create=True)
    fill(small, rows[:37])
    found = joined(small)
    assert found[0].tolist() == list(range(1, 38))
    fill(small, rows[37:], "c")
    assert len(cache_files(small)) == 5
    assert same(joined(small), expected[0])
    assert answers(small, rows[:9].astype(np.float32)) == expected[1]
    assert len(cache_files(small)) == 13
    with small.writing():
        small.remove([40, 41])
    assert joined(small)[0].tolist() == [key for key in range(1, 101) if key not in (40, 41)]
    small.close()


def test_only_chunks_that_changed_are_read_again(store, monkeypatch):
    small_chunks(monkeypatch, 4)
    ids = fill(store, vectors(7, 40))
    matrix = VectorMatrix(store, ids[SPEC.fingerprint], SPEC)
    matrix.blocks()
    read: list[int] = []
    real = Store.read_chunk

    def counted(self, descriptor_id, chunk, spec):
        read.append(chunk)
        return real(self, descriptor_id, chunk, spec)

    monkeypatch.setattr(Store, "read_chunk", counted)
    held = matrix.blocks()
    assert read == []
    fill(store, vectors(8, 2), "more")
    assert sum(len(block.keys) for block in matrix.blocks()) == 42
    assert read == [2]
    assert matrix.blocks()[0] is held[0]
    read.clear()
    VectorMatrix(store, ids[SPEC.fingerprint], SPEC).blocks()
    assert read == []


def test_after_a_backup_was_put_back_the_cache_of_another_past_is_not_used(tmp_path):
    folder = tmp_path / "a.lookalike"
    store = Store(folder, create=True)
    fill(store, vectors(1, 10))
    joined(store)
    store.close()
    shutil.copyfile(folder / "library.db", tmp_path / "backup.db")
    store = Store(folder)
    fill(store, vectors(2, 10), "later")
    assert len(joined(store)[0]) == 20
    store.close()
    shutil.copyfile(tmp_path / "backup.db", folder / "library.db")
    store = Store(folder)
    assert joined(store)[1].tobytes() == vectors(1, 10).tobytes()
    other = vectors(3, 10)  # gets the same numbers as what was lost
    fill(store, other, "other")
    keys, rows = joined(store)
    assert keys.tolist() == list(range(1, 21))
    assert rows[10:].tobytes() == other.tobytes()
    store.close()


def test_readers_during_writing_see_whole_runs_and_the_right_rows(store, monkeypatch):
    small_chunks(monkeypatch, 5)
    truth = vectors(9, 400)
    ids = fill(store, truth[:20], "0")
    problems: list[object] = []
    counts: list[int] = []
    done = threading.Event()

    def read() -> None:
        other = Store(store.folder)
        matrix = VectorMatrix(other, ids[SPEC.fingerprint], SPEC)
        try:
            while not done.is_set():
                blocks = matrix.blocks()
                problems.extend(block for block in blocks if block.rows.tobytes() != truth[block.keys - 1].tobytes())
                counts.append(sum(len(block.keys) for block in blocks))
        except Exception as error:
            problems.append(error)
        finally:
            other.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for run in range(1, 20):
        fill(store, truth[20 * run : 20 * run + 20], str(run))
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(counts) > 4
    assert joined(store)[1].tobytes() == truth.tobytes()
