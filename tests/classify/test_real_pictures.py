"""The published texture figures on real photographs, beside what lite0 makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import lookalike

SIMPLE = Path(__file__).resolve().parents[2] / "../shared/data/simple"

pytestmark = pytest.mark.skipif(not SIMPLE.is_dir(), reason="../shared/data/simple is not here")


@pytest.mark.slow
def test_texture_tells_buildings_scenes_and_texts_apart_and_lite0_does_so_better(tmp_path):
    with lookalike.open(tmp_path / "simple.lookalike") as library:
        results = {
            name: lookalike.cross_validate(
                library.gallery(SIMPLE, descriptor=name, labels=r"name:(\D+)\d\d$", raw=True)
            )
            for name in ("haralick", "lite0")
        }
    assert results["haralick"].classes == ("building", "scene", "text")
    assert results["haralick"].accuracy == pytest.approx(0.878, abs=0.02)
    assert results["lite0"].accuracy > 0.98
