"""The real pictures beside the checkout: odd files, untouched photographs, near-duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest

import lookalike
from lookalike.errors import LookalikeError

SHARED = Path(__file__).resolve().parents[1] / "../shared/data"
KINDS = {"unreadable", "not an image", "unsupported", "truncated", "corrupt", "too large"}

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")


@pytest.mark.slow
def test_every_odd_file_has_one_row_decoded_or_with_its_typed_reason(tmp_path):
    folders = [SHARED / name for name in ("odd", "camera", "pdq")]
    files = {str(path.absolute()) for folder in folders for path in folder.rglob("*") if path.is_file()}
    with lookalike.open(tmp_path / "odd.lookalike") as library:
        report = library.add(folders)
        assert report.found == len(files) == report.added + report.failed + report.skipped
        entries = [uri for _, uri in library.store.entries()]
        assert len(entries) == len(set(entries)) == len(files)
        problems = list(library.problems().dicts())
        assert {row["error"] for row in problems} <= KINDS
        assert all(row["reason"] for row in problems)
        assert report.added > 350
        again = library.add(folders)
        assert (again.read, again.unchanged) == (0, report.added)
        assert (again.failed, again.skipped) == (report.failed, report.skipped)


def test_eight_orientations_of_one_picture_are_one_group(tmp_path):
    with lookalike.open(tmp_path / "exif.lookalike") as library:
        library.add(SHARED / "odd/exif")
        groups = library.duplicates(level="same-picture").groups
    sizes = {len(group.members) for group in groups}
    assert sizes == {9}
    assert {Path(m.uri).name.split("_")[0] for group in groups for m in group.members} == {"Landscape", "Portrait"}


@pytest.mark.slow
def test_real_near_duplicates_are_found_by_their_vectors(tmp_path):
    lines = (SHARED / "wildfaces_pairs.csv").read_text().splitlines()[1:]
    pairs = [line.split(",")[:2] for line in lines]
    with lookalike.open(tmp_path / "wild.lookalike") as library:
        library.add(SHARED / "wildfaces", descriptors=["lite0"])
        by_name = {Path(uri).name: uri for _, uri in library.store.entries()}
        result = library.search([by_name[Path(a).name] for a, _ in pairs], k=5)
    found = sum(by_name[Path(b).name] in uris for (_, b), uris in zip(pairs, result.uris, strict=True))
    assert found >= 90, f"{found} of {len(pairs)}"


def test_a_query_of_another_kind_of_vector_is_refused(tmp_path):
    with lookalike.open(tmp_path / "x.lookalike") as library:
        pictures = sorted((SHARED / "simple").iterdir())
        library.add(pictures[:3], descriptors=["pdq"])
        with pytest.raises(LookalikeError, match="--descriptor lite0"):
            library.search(pictures[0])
