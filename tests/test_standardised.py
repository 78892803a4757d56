"""Descriptors that are standardised on the library's own pictures: search, vectors, compare, adding, removing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.preprocessing import StandardScaler

import lookalike
import lookalike.holdings
from lookalike.decode import decode
from lookalike.errors import FingerprintError, UsageError
from lookalike.types import DescriptorSpec, RGBImage, Vectors
from tests.conftest import Fake, picture, write_picture


class Units:
    """Mean, spread and sharpness, in units of their own; `least` is min_side."""

    def __init__(self, least: int = 8) -> None:
        self.spec = DescriptorSpec("units", 4, "l2", "none", "these tests", min_side=least, standardised=True)

    def embed(self, images: Sequence[RGBImage]) -> Vectors:
        rows = [
            [image.mean() * 1e4, image.std() / 1e3, np.abs(np.diff(image.astype(int), axis=0)).mean(), image.shape[0]]
            for image in images
        ]
        return np.array(rows, np.float32).reshape(len(images), 4)


@pytest.fixture
def units(register):
    return register(Units())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(30):
        write_picture(tmp_path / f"photos/{n:02d}.png", n, height=20 + n % 3)
    shutil.copyfile(tmp_path / "photos/03.png", tmp_path / "photos/copy of 03.png")
    return tmp_path / "photos"


@pytest.fixture
def library(tmp_path, folder, units):
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(folder, descriptors=["units"])
        yield library


def raw(units, paths):
    return units.embed([decode(Path(path).read_bytes()).pixels for path in paths]).astype(np.float64)


def scaled(units, folder):
    """Return the names and what scikit-learn makes of their vectors; a content counts once."""
    paths = sorted(folder.iterdir())
    fit = StandardScaler().fit(raw(units, [path for path in paths if "copy" not in path.name]))
    return [str(path) for path in paths], fit, fit.transform(raw(units, paths))


def test_search_distances_are_those_of_scikit_learn_and_scipy(library, folder, units):
    uris, _, rows = scaled(units, folder)
    away = squareform(pdist(rows))
    result = library.search([Path(uri) for uri in uris], k=5, descriptor="units")
    for row, uri in enumerate(uris):
        order = [at for at in np.argsort(away[row], kind="stable") if at != row][:5]
        np.testing.assert_allclose(result.distances[row], away[row][order], rtol=1e-5, atol=1e-5)
        assert set(result.uris[row]) == {uris[at] for at in order}, uri
    assert result.distances[uris.index(str(folder / "03.png")), 0] == 0  # its copy


def test_a_new_query_is_standardised_by_the_same_scaler(library, folder, units):
    uris, fit, rows = scaled(units, folder)
    query = picture(99, 31, 17)
    away = cdist(fit.transform(units.embed([query]).astype(np.float64)), rows)[0]
    result = library.search(query, k=3, descriptor="units")
    assert result.uris[0][0] == uris[int(away.argmin())]
    np.testing.assert_allclose(result.distances[0], np.sort(away)[:3], rtol=1e-5)


def test_vectors_and_galleries_are_standardised(library, folder, units):
    uris, _, rows = scaled(units, folder)
    names, vectors = library.vectors("units")
    assert names == uris
    np.testing.assert_allclose(vectors, rows, atol=1e-5)
    part = library.gallery(folder / "03.png", descriptor="units")
    np.testing.assert_array_equal(part.vectors[0], vectors[names.index(str(folder / "03.png"))])


def test_compare_takes_the_librarys_scaler_and_without_one_is_refused(library, folder, units, fake):
    uris, _, rows = scaled(units, folder)
    found = library.compare(uris[1], Path(uris[7]).read_bytes(), descriptors=["units", "fake"])
    assert found.distances[0][0] == "units"
    assert found.distances[0][1] == pytest.approx(np.linalg.norm(rows[1] - rows[7]), rel=1e-5)
    assert found.distances[1] == lookalike.compare(uris[1], uris[7], descriptors=["fake"]).distances[0]
    with pytest.raises(UsageError, match=r"units .*Library.compare, or .*--descriptor units --library PATH"):
        lookalike.compare(uris[1], uris[7], descriptors=["units"])
    with pytest.raises(UsageError, match="name at least one descriptor"):
        lookalike.compare(uris[1], uris[7], descriptors=[])


def test_compare_by_a_library_that_has_no_such_vectors_says_how_to_make_them(tmp_path, folder, units, fake):
    with lookalike.open(tmp_path / "b.lookalike") as library:
        library.add(folder, descriptors=["fake"])
        with pytest.raises(FingerprintError, match="--descriptor units"):
            library.compare(folder / "01.png", folder / "02.png", descriptors=["units"])


def test_the_scaler_follows_what_is_added_and_pruned_and_nothing_else(library, folder, units):
    id_ = next(iter(library.store.descriptors()))
    assert library.store.scaler(id_).vectors == 30
    kept = library.store.scaler(id_)
    library.add(folder, descriptors=["units"])
    assert library.store.scaler(id_).state == kept.state
    before = library.search(folder / "05.png", descriptor="units").distances
    for n in range(3):
        write_picture(folder / f"new {n}.png", 500 + n, height=90)
    library.add(folder, descriptors=["units"])
    assert library.store.scaler(id_).vectors == 33
    assert (library.search(folder / "05.png", descriptor="units").distances != before).any()
    for n in range(3):
        (folder / f"new {n}.png").unlink()
    library.prune(dry_run=True)
    assert library.store.scaler(id_).vectors == 33
    library.prune()
    assert library.store.scaler(id_).vectors == 30
    np.testing.assert_array_equal(library.search(folder / "05.png", descriptor="units").distances, before)


def test_a_run_with_another_descriptor_leaves_no_scaler_behind(library, folder, fake, units):
    """Vectors that an interrupted run left are caught up by the next run, whatever it was for."""
    id_ = next(iter(library.store.descriptors()))
    with library.store._db.transaction() as db:
        db.execute("DELETE FROM scalers")
    library.add(folder, descriptors=["fake"])
    assert library.store.scaler(id_).vectors == 30
    assert len(library.store.descriptors()) == 2


def test_an_open_library_sees_a_scaler_that_another_writer_fitted(library, folder, units):
    before = library.search(folder / "05.png", descriptor="units").distances
    for n in range(3):
        write_picture(folder / f"new {n}.png", 500 + n, height=90)
    with lookalike.open(library.path) as other:
        other.add(folder, descriptors=["units"])
        np.testing.assert_array_equal(
            library.search(folder / "05.png", descriptor="units").distances,
            other.search(folder / "05.png", descriptor="units").distances,
        )
    assert (library.search(folder / "05.png", descriptor="units").distances != before).any()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that cannot be written to")
def test_a_read_only_library_is_searched(library, folder, units):
    expected = library.search(folder / "05.png", descriptor="units").distances
    library.close()
    shutil.rmtree(library.path / "cache")
    library.path.chmod(0o555)
    try:
        with lookalike.open(library.path) as again:
            np.testing.assert_array_equal(again.search(folder / "05.png", descriptor="units").distances, expected)
    finally:
        library.path.chmod(0o755)


def test_a_library_that_cannot_be_written_to_is_searched_as_it_lies(library, folder, units, monkeypatch):
    expected = library.search(folder / "05.png", descriptor="units").distances
    library.close()
    shutil.rmtree(library.path / "cache")
    monkeypatch.setattr("lookalike.store.database.os.access", lambda path, mode: False)
    monkeypatch.setattr("lookalike.store.matrix.replacing", no_room)
    with lookalike.open(library.path) as again:
        assert not again.store.writable
        np.testing.assert_array_equal(again.search(folder / "05.png", descriptor="units").distances, expected)
        assert not list(library.path.rglob("*.standardised"))


def no_room(*_, **__):
    raise PermissionError


def test_an_empty_library_answers_nothing(tmp_path, units):
    with lookalike.open(tmp_path / "empty.lookalike") as library:
        assert library.search(picture(1), k=2, descriptor="units").keys.tolist() == [[-1, -1]]


def test_many_standardised_vectors_are_searched_exactly(library, folder, units, monkeypatch):
    monkeypatch.setattr(lookalike.holdings, "choose", lambda *_: "approximate")
    write_picture(folder / "new.png", 77)
    library.add(folder, descriptors=["units"])
    assert not list(library.path.rglob("*.approximate"))
    assert library.search(folder / "05.png", k=2, descriptor="units").uris[0][1] is not None


def test_what_a_descriptor_sees_does_not_depend_on_the_others_asked_for(tmp_path, register):
    """One asks for full scale, the other is content with a reduced JPEG: each gets what it gets alone."""
    register(Units(least=65535))
    register(Fake())
    folder = tmp_path / "photos"
    for n in range(3):
        write_picture(folder / f"{n}.jpg", n, height=64, width=80)
    write_picture(folder / "4.png", 4, height=64, width=80)
    rows: dict[str, list[Vectors]] = {}
    for names in (["units"], ["fake"], ["units", "fake"], ["fake", "units"]):
        with lookalike.open(tmp_path / f"{'+'.join(names)}.lookalike") as library:
            library.add(folder, descriptors=names)
            for name in names:
                rows.setdefault(name, []).append(library.vectors(name)[1])
            both = library.compare(folder / "0.jpg", folder / "1.jpg", descriptors=names)
            assert [name for name, _ in both.distances] == names
            rows.setdefault(f"{names[0]} compared", []).append(np.array([[both.distances[0][1]]]))
    for found in rows.values():
        assert len(found) >= 2
        assert all(np.array_equal(found[0], other) for other in found)
    reduced = decode((folder / "0.jpg").read_bytes(), min_side=8).pixels
    assert reduced.shape == (8, 10, 3)
    expected = Fake().embed([reduced]).astype(np.float16)
    np.testing.assert_array_equal(rows["fake"][0][0], expected[0].astype(np.float32))


def test_a_grey_file_can_be_compared_by_haralick_too(tmp_path):
    folder = tmp_path / "photos"
    for n in range(6):
        write_picture(folder / f"{n}.png", n)
    Image.new("L", (1, 1)).save(folder / "dot.png")
    with lookalike.open(tmp_path / "h.lookalike") as library:
        report = library.add(folder, descriptors=["haralick"])
        assert (report.added, report.failed) == (7, 0)
        result = library.search(folder / "dot.png", k=9, descriptor="haralick")
        assert np.isfinite(result.distances[0, :6]).all()
        assert library.vectors("haralick")[1].shape == (7, 52)
