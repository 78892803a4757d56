"""A library.db that is read out row by row; what is found in a damaged one is in tests/health."""

from __future__ import annotations

import os

import pytest

from lookalike.store import Store, salvage
from tests.store.conftest import SPEC, fill, vectors


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such permissions")
@pytest.mark.parametrize("mode", [0o640, 0o664])
def test_who_could_read_a_database_can_read_what_is_put_in_its_place(tmp_path, mode):
    store = Store(tmp_path / "a.lookalike", create=True)
    ids = fill(store, vectors(1, 7))
    store.close()
    path = tmp_path / "a.lookalike" / "library.db"
    path.chmod(mode)
    assert salvage(path)["images"] == (7, 0)
    assert path.stat().st_mode & 0o777 == mode
    store = Store(tmp_path / "a.lookalike")
    assert store.vector_counts() == {ids[SPEC.fingerprint]: 7}
    store.close()
