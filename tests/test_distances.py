"""All distances between pictures: as a matrix and as neighbours, beside SciPy."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

import lookalike
import lookalike.distances as module
from lookalike.cli import main
from lookalike.distances import check_fits, distance_matrix, distance_rows, free_disk, free_memory, neighbours
from lookalike.errors import UsageError
from lookalike.render import distances_bytes, distances_face, write_distances
from lookalike.results import Gallery
from lookalike.types import Vectors
from tests.conftest import Fake, write_picture

METRICS = {"cosine": "cosine", "l2": "euclidean", "hamming": "hamming"}


def gallery(metric, n=70, seed=1):
    random = np.random.default_rng(seed)
    rows: Vectors = random.standard_normal((n, 24)) * random.uniform(0.5, 20, 24)
    if metric == "hamming":
        rows = random.integers(0, 256, (n, 8), dtype=np.uint8)
    rows[n // 2] = rows[3]  # two that are equal
    return Gallery.from_arrays(rows, metric=metric)


def by_scipy(pictures):
    metric = pictures.spec.metric
    return pdist(pictures.numbers.astype(np.float64), METRICS[metric]) * (
        pictures.spec.dim if metric == "hamming" else 1
    )


@pytest.fixture(params=[1024, 16, 7, 1])
def tile(request, monkeypatch):
    monkeypatch.setattr(module, "_TILE", request.param)


@pytest.mark.parametrize("metric", METRICS)
def test_the_matrix_equals_scipy_in_both_forms_however_it_is_cut(metric, tile):
    pictures = gallery(metric)
    expected = by_scipy(pictures)
    condensed = distance_matrix(pictures, condensed=True)
    square = distance_matrix(pictures)
    assert condensed.dtype == square.dtype == np.float32
    np.testing.assert_allclose(condensed, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(square, squareform(condensed))
    assert np.array_equal(squareform(square), condensed)  # which checks that it is symmetric and 0 on the diagonal
    assert square[3, 35] == 0


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_are_in_argsort_order_without_the_picture_itself(metric, tile):
    pictures = gallery(metric)
    square = distance_matrix(pictures)
    found = neighbours(pictures, 6)
    for row, away in enumerate(square):
        order = [at for at in np.argsort(away, kind="stable") if at != row][:6]
        assert found.keys[row].tolist() == order
        assert found.distances[row].tolist() == away[order].tolist()
        assert found.uris[row] == tuple(pictures.uris[at] for at in order)
    assert (found.keys[3, 0], found.keys[35, 0]) == (35, 3)  # copies stay, at 0
    assert found.queries == pictures.uris


def test_copies_that_come_before_a_picture_are_not_taken_for_itself():
    pictures = Gallery.from_arrays(np.ones((5, 3)), metric="l2")
    assert neighbours(pictures, 2).keys.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_pictures(n):
    pictures = Gallery.from_arrays(np.arange(6, dtype=np.float64).reshape(2, 3)[:n], metric="l2")
    assert distance_matrix(pictures).shape == (n, n)
    assert distance_matrix(pictures, condensed=True).shape == (n * (n - 1) // 2,)
    found = neighbours(pictures, 3)
    assert found.keys.shape == found.distances.shape == (n, 3)
    assert (found.keys >= 0).sum() == (2 if n == 2 else 0)
    assert len(found.rows().values) == (2 if n == 2 else 0)


def test_k_below_1_is_refused():
    with pytest.raises(UsageError, match="at least 1, not 0"):
        neighbours(gallery("l2"), 0)


def test_what_would_not_fit_is_refused_with_the_sum():
    pictures = gallery("l2")
    with pytest.raises(UsageError, match=r"70 x 70 .* 70 pictures take 19\.6 kB \(19,600 bytes\), more than .*19,599"):
        distance_matrix(pictures, limit=19599)
    assert distance_matrix(pictures, limit=19600).shape == (70, 70)
    with pytest.raises(UsageError, match=r"9,660 bytes"):
        distance_matrix(pictures, condensed=True, limit=9659)
    assert distance_matrix(pictures, condensed=True, limit=9660).shape == (2415,)


def test_without_a_limit_it_is_what_memory_is_free(monkeypatch):
    monkeypatch.setattr(module, "free_memory", lambda: 100)
    with pytest.raises(UsageError, match="free memory"):
        distance_matrix(gallery("l2"))
    monkeypatch.setattr(module, "free_memory", lambda: None)
    assert distance_matrix(gallery("l2")).shape == (70, 70)
    check_fits(9, 10**30, None, "anything")


def test_free_memory_and_disk_are_told(tmp_path):
    memory, disk = free_memory(), free_disk(tmp_path / "new.npy")
    assert memory is None or 0 <= memory < 1 << 50
    assert disk is not None
    assert disk > 0
    assert free_disk(tmp_path / "none/there/new.npy") is None


def test_memory_while_streaming_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_HELD", 1000)
    parts = list(distance_rows(gallery("l2")))
    assert max(part.size for part in parts) <= 1000
    assert sum(map(len, parts)) == 70


def written(pictures, face, tmp_path, **options):
    path = tmp_path / f"d.{face}"
    files = write_distances(pictures, distance_rows(pictures), face, path, **options)
    assert files[0] == path
    return path


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("condensed", [False, True])
def test_files_hold_the_same_numbers(metric, condensed, tmp_path):
    pictures = gallery(metric)
    expected = distance_matrix(pictures, condensed=condensed)
    array = np.load(written(pictures, "npy", tmp_path, condensed=condensed))
    assert array.dtype == np.float32
    assert np.array_equal(array, expected)
    rows = list(csv.reader(io.StringIO(written(pictures, "csv", tmp_path, condensed=condensed).read_text())))
    if condensed:
        assert rows[0] == ["a", "b", "distance"]
        pairs = [(str(a), str(b)) for a in range(70) for b in range(a + 1, 70)]
        assert [tuple(row[:2]) for row in rows[1:]] == pairs
        assert np.array_equal(np.array([row[2] for row in rows[1:]], np.float32), expected)
    else:
        assert rows[0] == ["uri", *pictures.uris]
        assert [row[0] for row in rows[1:]] == list(pictures.uris)
        assert np.array_equal(np.array([row[1:] for row in rows[1:]], np.float32), expected)
    for face in ("csv", "npy"):
        names = (tmp_path / "d.uris.csv").stat().st_size if face == "npy" else 0
        size = (tmp_path / f"d.{face}").stat().st_size + names
        assert 0.3 < distances_bytes(pictures, face, condensed=condensed) / size < 2


def test_names_with_commas_quotes_and_line_ends_are_read_back(tmp_path):
    names = ["a,b", 'c"d', "e\nf", "g\udcff"]
    pictures = Gallery.from_arrays(np.eye(4), uris=names)
    written(pictures, "npy", tmp_path)
    text = (tmp_path / "d.uris.csv").read_bytes().decode("utf-8", "surrogateescape")
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == ["uri", *names]
    text = written(pictures, "csv", tmp_path).read_bytes().decode("utf-8", "surrogateescape")
    assert next(iter(csv.reader(io.StringIO(text, newline="")))) == ["uri", *names]


@pytest.mark.parametrize(
    ("path", "explicit", "answer"),
    [
        ("d.csv", None, "csv"), ("d.NPY", None, "npy"), ("d", "npy", "npy"), ("-", None, "csv"), (None, "csv", "csv"),
        ("d.csv", "npy", "contradicts"), ("d.png", None, "suffix"), (None, "npy", "two files"),
        ("d.csv", "json", "choose csv or npy"),
    ],
)  # fmt: skip
def test_the_face_of_a_matrix(path, explicit, answer):
    path = None if path is None else Path(path)
    if answer in ("csv", "npy"):
        assert distances_face(path, explicit) == answer
    else:
        with pytest.raises(UsageError, match=answer):
            distances_face(path, explicit)


# ------------------------------------------------------------------------------------------ the command


@pytest.fixture
def folder(tmp_path, register):
    register(Fake())
    for n in range(9):
        write_picture(tmp_path / f"photos/{n}.png", n)
    return tmp_path / "photos"


@pytest.fixture
def run(tmp_path, capfdbinary):
    def run(*arguments):
        library = tmp_path / "a.lookalike"
        code = main(["distances", *map(str, arguments), "--descriptor", "fake", "--library", str(library)])
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return run


def test_the_command_indexes_and_writes_what_python_gives(run, folder, tmp_path):
    code, out, _ = run(folder, "--relative-to", folder)
    assert code == 0
    with lookalike.open(tmp_path / "a.lookalike") as library:
        pictures = library.gallery(descriptor="fake")
    expected = distance_matrix(pictures)
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["uri", *(f"{n}.png" for n in range(9))]
    assert np.array_equal(np.array([row[1:] for row in rows[1:]], np.float32), expected)
    code, out, err = run("--output", tmp_path / "d.npy")
    assert (code, out) == (0, "")
    assert f"9 pictures. Written: {tmp_path / 'd.npy'}, {tmp_path / 'd.uris.csv'}" in err
    assert np.array_equal(np.load(tmp_path / "d.npy"), expected)
    run("--condensed", "--output", tmp_path / "c.npy", "--quiet")
    assert np.array_equal(np.load(tmp_path / "c.npy"), squareform(expected))
    assert len(run(folder / "1.png", folder / "2.png")[1].splitlines()) == 3


def test_the_command_lists_and_draws_neighbours(run, folder, tmp_path):
    _, out, _ = run(folder, "-k", "2", "--format", "csv")
    with lookalike.open(tmp_path / "a.lookalike") as library:
        found = neighbours(library.gallery(descriptor="fake"), 2)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0])[:4] == ["query", "rank", "uri", "distance"]
    assert [row["uri"] for row in rows] == [uri for uris in found.uris for uri in uris]
    assert [np.float32(row["distance"]) for row in rows] == found.distances.ravel().tolist()
    assert len(run("--neighbours", "4", "--format", "jsonl")[1].splitlines()) == 36
    assert run("-k", "2", "--output", tmp_path / "sheet.png")[0] == 0
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_refuses_what_would_not_fit(run, folder, tmp_path, monkeypatch):
    code, _, err = run(folder, "--output", tmp_path / "d.npy", "--max-bytes", "300")
    assert code == 2
    assert "9 x 9 distances" in err
    assert "--max-bytes" in err
    assert not (tmp_path / "d.npy").exists()
    assert run(folder, "--output", tmp_path / "d.npy", "--max-bytes", "5000")[0] == 0
    monkeypatch.setattr(module, "free_disk", lambda path: 10)
    code, _, err = run("--output", tmp_path / "e.csv")
    assert code == 2
    assert f"free space at {tmp_path / 'e.csv'}" in err
    assert run()[0] == 0


def test_formats_of_the_other_kind_are_refused(run, folder):
    assert run(folder, "--format", "json")[0] == 2
    assert run(folder, "-k", "3", "--format", "npy")[0] == 2
