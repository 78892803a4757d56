"""`lookalike.explain` and `lookalike compare --explain`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.cli import main
from lookalike.errors import ImageError, NotAnImageError, UsageError
from tests.conftest import picture, write_picture


def run(capfdbinary, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_files_bytes_arrays_and_pillow_images_give_the_same(tmp_path):
    a, b = write_picture(tmp_path / "a.png", 1), write_picture(tmp_path / "b.png", 2)
    found = lookalike.explain(a, str(b))
    assert (found.a, found.b) == (str(a), str(b))
    for one, two in ((a.read_bytes(), picture(2)), (Image.open(a), b)):
        other = lookalike.explain(one, two)
        assert np.array_equal(other.shares_a, found.shares_a)
        assert np.array_equal(other.likeness_b, found.likeness_b)
        assert other.distance == found.distance


def test_the_distance_is_that_of_compare(tmp_path):
    a = write_picture(tmp_path / "a.jpg", 1, 700, 900)
    b = write_picture(tmp_path / "b.jpg", 2, 1600, 1200)
    found, compared = lookalike.explain(a, b), dict(lookalike.compare(a, b).distances)
    assert found.distance == pytest.approx(compared["lite0"], abs=1e-4)
    assert min(found.image_b.shape[:2]) >= 512, "good to look at"
    assert min(found.image_a.shape[:2]) >= 512


def test_another_descriptor_gives_another_map_and_one_without_places_is_refused():
    one, two = picture(1), picture(2)
    colour, grey = lookalike.explain(one, two), lookalike.explain(one, two, descriptor="lite0:grey")
    assert grey.descriptor == "lite0:grey"
    assert (grey.a, grey.b) == ("picture 1", "picture 2")
    assert not np.array_equal(grey.shares_a, colour.shares_a)
    with pytest.raises(UsageError, match=r"pdq cannot tell which regions .* by lite0"):
        lookalike.explain(one, two, descriptor="pdq")


def test_what_is_no_picture_is_named(tmp_path):
    write_picture(tmp_path / "a.png", 1)
    (tmp_path / "b.png").write_text("no picture")
    with pytest.raises(NotAnImageError, match=r"b\.png: "):
        lookalike.explain(tmp_path / "a.png", tmp_path / "b.png")
    with pytest.raises(ImageError, match=r"c\.png: "):
        lookalike.explain(tmp_path / "c.png", tmp_path / "a.png")
    with pytest.raises(UsageError, match="name two files"):
        lookalike.explain(tmp_path, tmp_path / "a.png")


def test_compare_draws_it_beside_its_rows(tmp_path, capfdbinary):
    a, b = write_picture(tmp_path / "a.png", 1), write_picture(tmp_path / "b.png", 2)
    plain = run(capfdbinary, "compare", a, b, "--format", "csv")[1]
    code, out, err = run(capfdbinary, "compare", a, b, "--format", "csv", "--explain", tmp_path / "why.png")
    assert (code, out) == (0, plain)
    assert "why.png" in err
    with Image.open(tmp_path / "why.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width == 1036
    again = io.BytesIO()
    from lookalike.render import explain_sheet

    explain_sheet(lookalike.explain(a, b)).save(again, "PNG")
    assert (tmp_path / "why.png").read_bytes() == again.getvalue()


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--explain", "why.jpg"], "end the file's name in .png"), (["-d", "pdq", "--explain", "why.png"], "lite0")],
)
def test_what_cannot_be_drawn_is_refused_before_any_work(tmp_path, capfdbinary, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    a = write_picture(tmp_path / "a.png", 1)
    code, out, err = run(capfdbinary, "compare", a, a, *options)
    assert (code, out) == (2, "")
    assert words in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
