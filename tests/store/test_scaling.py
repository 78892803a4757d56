"""What standardises a library's vectors: how it is fitted, kept, refreshed, and what an older library gets."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from lookalike.errors import UsageError
from lookalike.store import Store, VectorMatrix, current_scaler, refresh_scalers
from lookalike.store.scaler import fit_scaler
from lookalike.store.schema import MIGRATIONS, VERSION
from lookalike.types import DescriptorSpec
from tests.store.conftest import SPEC, fill

RAW = DescriptorSpec("units of their own", 6, "l2", "none", "these tests", standardised=True)


def raw(seed, n):
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n, RAW.dim)) * [1e-4, 1, 50, 3, 1e4, 0] + [0, -2, 700, 0, 1e6, 7]
    return rows.astype(np.float32)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "a.lookalike", create=True)
    yield store
    store.close()


def kept_scaler(store, id_):
    scaler = store.scaler(id_)
    assert scaler is not None
    return scaler


def filled(store, rows, name="a"):
    id_ = fill(store, rows, name, [RAW])[RAW.fingerprint]
    with store.writing():
        refresh_scalers(store)
    return id_


@pytest.mark.parametrize("cuts", [[], [1], [0, 400, 5000], [4096], list(range(100, 9000, 700))])
def test_a_fit_in_blocks_equals_scikit_learn_on_the_whole(cuts):
    rows = raw(1, 9000)
    scaler = fit_scaler(np.split(rows, cuts), RAW.dim)
    expected = StandardScaler().fit(rows.astype(np.float64))
    assert scaler.vectors == 9000
    np.testing.assert_allclose(scaler.mean, expected.mean_, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(scaler.deviation, expected.scale_, rtol=1e-10)
    np.testing.assert_allclose(scaler.standardise(rows), expected.transform(rows.astype(np.float64)), atol=2e-6)


def test_a_number_that_never_changes_is_divided_by_1():
    rows = np.repeat(np.array([[0.1, 0, 1e6, -7]], np.float32), 1001, axis=0)
    scaler = fit_scaler([rows[:3], rows[3:]], 4)
    assert scaler.deviation.tolist() == [1, 1, 1, 1]
    assert np.abs(scaler.standardise(rows)).max() < 1e-6
    rows[0, 2] = np.nextafter(np.float32(1e6), np.float32(np.inf))  # but for its last digit
    assert fit_scaler([rows], 4).deviation[2] == 1
    rows[:500, 1] = 1e-20
    assert fit_scaler([rows], 4).deviation[1] < 1e-19


def test_without_any_vector_nothing_is_scaled():
    scaler = fit_scaler([], 2)
    assert (scaler.mean.tolist(), scaler.deviation.tolist(), scaler.vectors) == ([0, 0], [1, 1], 0)
    assert scaler.standardise(np.empty((0, 2), np.float32)).shape == (0, 2)


def test_the_token_tells_numbers_apart_and_nothing_else():
    one, same, other = fit_scaler([raw(1, 9)], 6, "a"), fit_scaler([raw(1, 9)], 6, "b"), fit_scaler([raw(2, 9)], 6)
    assert one.token == same.token != other.token
    assert 0 <= one.token < 1 << 62


def test_a_scaler_is_kept_and_fitted_anew_only_when_the_vectors_have_changed(store):
    rows = raw(3, 50)
    id_ = filled(store, rows[:30])
    kept = store.scaler(id_)
    assert kept is not None
    np.testing.assert_array_equal(kept.mean, fit_scaler([rows[:30]], 6).mean)
    changed = replace(kept, mean=kept.mean + 1)
    store.set_scaler(id_, changed)
    with store.writing():
        refresh_scalers(store)
    np.testing.assert_array_equal(kept_scaler(store, id_).mean, changed.mean)  # the vectors are the same: left as it is
    filled(store, rows[30:], "b")
    again = store.scaler(id_)
    assert again.vectors == 50
    np.testing.assert_array_equal(again.mean, fit_scaler([rows], 6).mean)
    store.remove([image.id for image in list(store.images())[:20]])
    with store.writing():
        refresh_scalers(store)
    assert kept_scaler(store, id_).vectors == 30
    np.testing.assert_allclose(kept_scaler(store, id_).mean, rows[20:].mean(axis=0, dtype=np.float64), rtol=1e-12)


def test_a_descriptor_that_asks_for_none_has_none(store):
    id_ = fill(store, np.ones((3, SPEC.dim), np.float16))[SPEC.fingerprint]
    with store.writing():
        refresh_scalers(store)
    assert store.scaler(id_) is None
    assert current_scaler(store, id_, SPEC) is None


def test_without_a_kept_scaler_it_is_worked_out_for_the_moment(store):
    rows = raw(4, 20)
    id_ = fill(store, rows, specs=[RAW])[RAW.fingerprint]  # a run that never came to its end
    found = current_scaler(store, id_, RAW)
    assert found is not None
    assert store.scaler(id_) is None
    filled(store, rows[:0])
    assert found.token == kept_scaler(store, id_).token


def test_only_l2_can_be_standardised(store):
    with pytest.raises(UsageError, match="its metric is cosine, and only l2"):
        current_scaler(store, 1, replace(RAW, metric="cosine"))


def standardised(store, id_):
    matrix = VectorMatrix(store, id_, RAW)
    blocks = matrix.blocks(current_scaler(store, id_, RAW))
    return np.concatenate([block.rows for block in blocks])


def test_standardised_rows_are_cached_checked_and_made_anew_with_the_scaler(store):
    rows = raw(5, 40)
    id_ = filled(store, rows[:25])
    first = standardised(store, id_)
    np.testing.assert_allclose(first.mean(axis=0)[:5], 0, atol=1e-4)
    np.testing.assert_allclose(first.std(axis=0)[:5], 1, atol=1e-4)
    (file,) = (store.folder / "cache").rglob("*.standardised")
    before = file.read_bytes()
    assert np.array_equal(standardised(store, id_), first)
    assert file.read_bytes() == before
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert np.array_equal(standardised(store, id_), first)
    assert file.read_bytes() == before
    filled(store, rows[25:], "b")
    np.testing.assert_array_equal(standardised(store, id_), fit_scaler([rows], 6).standardise(rows))
    assert file.read_bytes() != before
    shutil.rmtree(store.folder / "cache")
    np.testing.assert_array_equal(standardised(store, id_), fit_scaler([rows], 6).standardise(rows))


def test_one_matrix_follows_the_scaler_and_the_rows_as_they_are_stay_to_be_had(store):
    rows = raw(6, 10)
    id_ = filled(store, rows)
    matrix = VectorMatrix(store, id_, RAW)
    scaler = store.scaler(id_)
    other = replace(scaler, deviation=scaler.deviation * 2)
    for wanted in (scaler, None, other, scaler):
        expected = rows if wanted is None else wanted.standardise(rows)
        np.testing.assert_array_equal(matrix.blocks(wanted)[0].rows, expected)


def test_a_library_of_the_first_format_gets_scalers(tmp_path, monkeypatch):
    rows = raw(7, 12)
    with monkeypatch.context() as old:
        old.setattr("lookalike.store.database.MIGRATIONS", MIGRATIONS[:1])
        old.setattr("lookalike.store.database.VERSION", 1)
        store = Store(tmp_path / "old.lookalike", create=True)
        id_ = fill(store, rows, specs=[RAW])[RAW.fingerprint]
        assert store._db.rows("PRAGMA user_version") == [(1,)]
        store.close()
    store = Store(tmp_path / "old.lookalike")
    assert store._db.rows("PRAGMA user_version") == [(VERSION,)]
    assert store.scaler(id_) is None
    assert len(list(store.images())) == 12
    np.testing.assert_array_equal(standardised(store, id_), fit_scaler([rows], 6).standardise(rows))
    filled(store, raw(8, 3), "b")
    assert kept_scaler(store, id_).vectors == 15
    store.close()
