"""Two pictures held against each other: bytes, pixels, likeness; and what cannot be compared."""

from __future__ import annotations

import pytest
from PIL import Image

import lookalike
from lookalike.errors import ImageError, UsageError
from tests.conftest import picture, write_picture


def test_compare_tells_bytes_and_pixels_from_mere_likeness(tmp_path, fake):
    png, bmp, other = (
        write_picture(tmp_path / name, seed) for name, seed in [("a.png", 1), ("a.bmp", 1), ("b.png", 2)]
    )
    same = lookalike.compare(png, png.read_bytes())
    assert (same.same_bytes, same.same_pixels, same.verdict, same.probability) == (True, True, "same-file", 1.0)
    assert [name for name, _ in same.distances] == ["lite0", "pdq"]
    assert all(distance < 1e-6 for _, distance in same.distances)
    pixels = lookalike.compare(png, bmp, descriptors=["fake"])
    assert (pixels.same_bytes, pixels.same_pixels, pixels.verdict) == (False, True, "same-pixels")
    assert (pixels.format_a, pixels.format_b, pixels.bytes_b) == ("PNG", "BMP", bmp.stat().st_size)
    unlike = lookalike.compare(png, other, descriptors=["pdq", "fake"])
    assert (unlike.same_bytes, unlike.same_pixels, unlike.verdict) == (False, False, "unrelated")
    assert unlike.probability is not None
    assert unlike.probability < 0.5
    assert [name for name, _ in unlike.distances] == ["pdq", "fake"]
    assert all(distance > 1e-3 for _, distance in unlike.distances)
    assert len(unlike.rows().values) == 2
    assert (unlike.width_a, unlike.height_a) == (32, 24)


def test_compare_takes_arrays_and_pillow_images(tmp_path, fake):
    path = write_picture(tmp_path / "a.png", 1)
    library = lookalike.open(tmp_path / "a.lookalike")
    for query in (picture(1), Image.fromarray(picture(1))):
        both = library.compare(query, picture(1), descriptors=["fake"])
        assert (both.same_bytes, both.same_pixels, both.verdict) == (False, True, "same-pixels")
        assert (both.format_a, both.bytes_a) == ("array", 0)
        assert not library.compare(query, picture(2), descriptors=["fake"]).same_pixels
    assert library.compare(path, picture(1), descriptors=["fake"]).same_pixels
    library.close()


def test_compare_of_folders_lists_or_what_is_no_picture_is_refused(tmp_path):
    path, other = write_picture(tmp_path / "a.png", 1), write_picture(tmp_path / "photos" / "b" / "b.png", 2)
    for bad in (other.parents[1], other.parent, [path], tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=r"two pictures|folder"):
            lookalike.compare(path, bad, descriptors=["pdq"])
    (tmp_path / "words.png").write_text("only words")
    for unreadable in (tmp_path / "words.png", tmp_path / "none.png", b""):
        with pytest.raises(ImageError):
            lookalike.compare(path, unreadable, descriptors=["pdq"])
