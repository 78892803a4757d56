from __future__ import annotations

import numpy as np
import pytest

from lookalike.index._kernels import places, widen


def test_every_finite_half_precision_number_is_widened_exactly():
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(2, -1)
    found = widen(finite)
    assert found.dtype == np.float32
    assert np.array_equal(found, finite.astype(np.float32))
    assert np.array_equal(np.signbit(found), np.signbit(finite))


def test_other_types_are_left_as_they_are_and_scratch_is_used():
    rows = np.ones((2, 3), np.float32)
    assert widen(rows) is rows
    scratch = np.empty((5, 3), np.float32)
    assert np.shares_memory(widen(rows.astype(np.float16), scratch), scratch)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 64), (0, 9), (9, 0), (40, 333)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
def test_places_are_those_of_nonzero(shape, share):
    chosen = np.random.default_rng(1).random(shape) < share
    for found, wanted in zip(places(chosen), np.nonzero(chosen), strict=True):
        assert np.array_equal(found, wanted)
    for found, wanted in zip(places(chosen.T), np.nonzero(chosen.T), strict=True):
        assert np.array_equal(found, wanted)
