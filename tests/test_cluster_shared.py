"""Clusters of real pictures beside the checkout, against their folders."""

from __future__ import annotations

from pathlib import Path

import pytest

import lookalike
from lookalike.cluster import agreement, cluster
from lookalike.projection import project

CALTECH = Path(__file__).resolve().parents[1] / "../shared/data/caltech101"
CATEGORIES = ("Leopards", "Motorbikes", "sunflower", "watch", "okapi")

pytestmark = pytest.mark.skipif(not CALTECH.is_dir(), reason="../shared/data/caltech101 is not here")


@pytest.mark.slow
def test_kinds_of_real_pictures_are_found_mapped_and_told(tmp_path):
    files = [path for name in CATEGORIES for path in sorted((CALTECH / name).iterdir())[:31]]
    known = [path for path in files if not path.name.endswith("0031.jpg")]
    with lookalike.open(tmp_path / "x.lookalike") as library:
        gallery = library.gallery(known, descriptor="lite0", labels="folder")
        found = cluster(gallery)
        assert found.k == 5
        assert agreement(found.labels.tolist(), gallery.labels).adjusted_rand > 0.95
        found.to_pandas().to_csv(tmp_path / "clusters.csv", index=False)
        new = [path for path in files if path not in known]
        result = library.search(new, 5, clusters=str(tmp_path / "clusters.csv"))
        for path, uris in zip(new, result.within.uris if result.within else (), strict=True):
            assert {Path(uri).parent.name for uri in uris if uri} == {path.parent.name}
        assert len(project(gallery)) == 150
