"""Searches by a region, and by several pictures together."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.answering import cut
from lookalike.cli import main
from lookalike.errors import UsageError
from tests.conftest import picture, write_picture


@pytest.fixture
def shelf(tmp_path, fake):
    for seed in range(6):
        write_picture(tmp_path / "in" / f"{seed}.png", seed, 96, 128)
    left, right = picture(0, 96, 64), picture(1, 96, 64)
    Image.fromarray(np.hstack([left, right])).save(tmp_path / "in" / "both.png")
    Image.fromarray(left).save(tmp_path / "in" / "left.png")
    Image.fromarray(right).save(tmp_path / "in" / "right.png")
    with lookalike.open(tmp_path / "a.lookalike") as library:
        library.add(tmp_path / "in", descriptors=["fake"])
        yield library


def first(library, query, **settings):
    return library.search(query, k=1, descriptor="fake", **settings).uris[0][0].rsplit("/")[-1]


@pytest.mark.parametrize(("region", "found"), [((0, 0, 0.5, 1), "left.png"), ((0.5, 0, 0.5, 1), "right.png")])
def test_a_region_is_searched_by_itself_whatever_the_query_is_given_as(shelf, tmp_path, region, found):
    path = tmp_path / "in" / "both.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
    for query in (path, path.read_bytes(), pixels, Image.fromarray(pixels)):
        hits = shelf.search(query, k=1, descriptor="fake", region=region)
        assert hits.uris[0][0].endswith(found)
        assert hits.distances[0][0] < 1e-5


def test_a_region_of_the_whole_is_the_picture(shelf, tmp_path):
    path = tmp_path / "in" / "3.png"
    plain, whole = (shelf.search(path, k=4, descriptor="fake", region=region) for region in (None, (0, 0, 1, 1)))
    assert plain.uris == whole.uris
    assert np.allclose(plain.distances, whole.distances)


def test_a_region_of_a_picture_in_the_library_does_not_find_that_picture(shelf, tmp_path):
    found = shelf.search(tmp_path / "in" / "both.png", k=20, descriptor="fake", region=(0, 0, 0.9, 1))
    assert str(tmp_path / "in" / "both.png") not in found.uris[0]
    assert sum(uri is not None for uri in found.uris[0]) == 8


@pytest.mark.parametrize(
    "region",
    [
        (0.5, 0, 0.6, 1),
        (-0.1, 0, 0.5, 1),
        (0, 0, 0, 1),
        (0, 0, 1, -1),
        (float("nan"), 0, 1, 1),
        (0, 0, float("inf"), 1),
    ],
)
def test_a_region_that_is_not_within_the_picture_is_refused(shelf, tmp_path, region):
    with pytest.raises(UsageError, match="region"):
        shelf.search(tmp_path / "in" / "3.png", descriptor="fake", region=region)


def test_a_small_region_keeps_sixteen_pixels_within_the_picture():
    pixels = picture(1, 100, 200)
    for region, shape in [
        ((0.999, 0.999, 0.001, 0.001), (16, 16)),
        ((0, 0, 1, 0.05), (16, 200)),
        ((0.5, 0.25, 0.25, 0.5), (50, 50)),
    ]:
        part = cut(pixels, region)
        assert part.shape[:2] == shape
        assert part.flags["C_CONTIGUOUS"]
    assert np.array_equal(cut(pixels, (0.5, 0.25, 0.25, 0.5)), pixels[25:75, 100:150])
    assert cut(picture(1, 8, 8), (0.5, 0.5, 0.5, 0.5)).shape[:2] == (8, 8)


def test_several_pictures_together_ask_with_their_mean_and_are_no_answers(shelf, tmp_path):
    paths = [tmp_path / "in" / name for name in ("left.png", "right.png")]
    found = shelf.search(paths, k=20, descriptor="fake", together=True)
    assert found.queries == (f"{paths[0]} + {paths[1]}",)
    assert not {str(path) for path in paths} & set(found.uris[0])
    names, rows = shelf.vectors("fake")
    mean = np.mean([rows[names.index(str(path))] for path in paths], axis=0)
    mean /= np.linalg.norm(mean)
    expected = {uri: 1 - float(row @ mean) for uri, row in zip(names, rows, strict=True)}
    got = dict(zip(found.uris[0], found.distances[0].tolist(), strict=True))
    assert all(abs(got[uri] - expected[uri]) < 2e-3 for uri in got if uri)
    assert len(got) - 1 == len(names) - 2


def test_what_cannot_be_asked_together_is_said(shelf, tmp_path, monkeypatch):
    good = tmp_path / "in" / "3.png"
    with pytest.raises(UsageError, match="verify"):
        shelf.search([good, good], descriptor="fake", together=True, verify=True)
    shelf.add(tmp_path / "in", descriptors=["pdq"])
    with pytest.raises(UsageError, match="no mean"):
        shelf.search([good], descriptor="pdq", together=True)
    failed = shelf.search([good, b"no picture"], descriptor="fake", together=True)
    assert failed.uris == ((None,) * 10,)
    assert "bytes 2" in failed.failed[0][1]


def test_the_command_asks_by_region_and_together(shelf, tmp_path, capfdbinary):
    path = tmp_path / "in"

    def asked(*options):
        code = main(
            ["search", *map(str, options), "--library", str(shelf.path), "-d", "fake", "-k", "3", "--format", "csv"]
        )
        out, err = capfdbinary.readouterr()
        return code, [row["uri"] for row in csv.DictReader(io.StringIO(out.decode()))], err.decode()

    both = shelf.search([path / "1.png", path / "2.png"], k=3, descriptor="fake", together=True)
    assert asked(path / "1.png", path / "2.png", "--together")[1] == list(both.uris[0])
    part = shelf.search(path / "both.png", k=3, descriptor="fake", region=(0.5, 0, 0.5, 1))
    assert asked(path / "both.png", "--region", ".5,0,.5,1")[1] == list(part.uris[0])
    code, rows, said = asked(path / "1.png", "--region", "left")
    assert (code, rows) == (2, [])
    assert "four numbers" in said
