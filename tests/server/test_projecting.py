"""Maps by the API: of a part of the library, and stopped in the midst."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from lookalike.projection import project
from lookalike.results import Gallery
from lookalike.server.jobs import JobStoppedError
from lookalike.server.projecting import project_stoppably

from .conftest import BEARER, wait_for


def gallery(n, dim=8):
    return Gallery.from_arrays(np.random.default_rng(5).normal(size=(n, dim)).astype(np.float32))


def test_a_map_of_another_process_is_the_same_map(monkeypatch):
    monkeypatch.setattr("lookalike.server.projecting.AT_ONCE", 100)  # of so few it would be made here
    pictures = gallery(150)
    settings: dict[str, Any] = {"method": "tsne", "perplexity": 5.0, "seed": 3}
    told: list[float] = []
    made = project_stoppably(pictures, told.append, **settings)
    assert told == sorted(told)
    assert told
    assert np.array_equal(made.xy, project(pictures, **settings).xy)


def test_laying_out_leaves_off_when_it_is_told_to():
    def stop(seconds):
        if seconds > 1:
            raise JobStoppedError

    began = time.monotonic()
    with pytest.raises(JobStoppedError):
        project_stoppably(gallery(30_000, 16), stop, method="tsne")  # minutes, if it were let
    assert time.monotonic() - began < 60


def test_a_map_can_be_of_a_part_of_the_library(asked, shelf):
    asked_for = {"method": "pca", "only": {"under": [str(shelf.folder / "old")]}}
    job = asked.post("/api/v1/map", json=asked_for, headers=BEARER).json()["id"]
    facts = wait_for(asked, job)
    folders = asked.get(f"/api/v1/map/{job}/categories").json()["categories"]
    assert [one["name"] for one in folders] == [str(shelf.folder / "old")]
    assert facts["result"]["pictures"] == folders[0]["pictures"] >= 4
    nowhere = {"only": {"under": [str(shelf.folder / "nowhere")]}}
    job = asked.post("/api/v1/map", json=nowhere, headers=BEARER).json()["id"]
    assert "is indexed" in wait_for(asked, job)["error"]
