from __future__ import annotations

import pytest

from lookalike.errors import CorruptError, ImageError, NotAnImageError, TruncatedError, UnsupportedError
from lookalike.formats import FORMATS, explain, is_cut, jpeg_bits, sniff
from tests.ugly import animation, cut, ordinary, picture, saved, ugly, ugly_images


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_is_told_by_its_first_bytes(form):
    assert sniff(ordinary(form)) == form
    assert sniff(ordinary(form)[:32]) == form


def test_what_decodes_is_of_a_format_we_name():
    assert {sniff(image.data) for image in ugly_images() if image.outcome == "ok"} == set(FORMATS)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("photoshop.psd", UnsupportedError, "Photoshop pictures are not decoded; convert it to one of JPEG"),
        ("picture.jxl", UnsupportedError, "JPEG XL"),
        ("boxed.jxl", UnsupportedError, "JPEG XL"),
        ("picture.jp2", UnsupportedError, "JPEG 2000"),
        ("drawing.svg", UnsupportedError, "SVG"),
        ("canon.cr2", UnsupportedError, "index the JPEG beside it"),
        ("canon.cr3", UnsupportedError, "index the JPEG beside it"),
        ("film.mp4", NotAnImageError, "a film or another media file"),
        ("notes.txt", NotAnImageError, "no known picture format"),
        ("text-mode.png", CorruptError, "as by a transfer in text mode"),
        ("empty.jpg", TruncatedError, "the file is empty"),
    ],
)
def test_what_is_not_decoded_is_named(name, error, message):
    with pytest.raises(error, match=message):
        sniff(ugly(name).data)


@pytest.mark.parametrize("form", FORMATS)
def test_a_whole_file_is_not_called_cut(form):
    assert not is_cut(ordinary(form), form)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("percent", [10, 25, 50, 75, 90])
def test_a_cut_file_is_called_cut(form, percent):
    assert is_cut(cut(ordinary(form), percent), form)


@pytest.mark.parametrize("form", ["GIF", "WebP", "PNG", "AVIF", "TIFF"])
def test_an_animation_cut_in_its_later_frames_is_called_cut(form):
    assert not is_cut(animation(form), form)
    assert is_cut(cut(animation(form), 85), form)


@pytest.mark.parametrize("big", [False, True])
def test_both_layouts_of_tiff_are_followed_to_their_strips(big):
    for compression in (None, "tiff_lzw", "jpeg"):
        data = saved(picture(), "TIFF", big_tiff=big, compression=compression)
        assert not is_cut(data, "TIFF")
        assert all(is_cut(cut(data, percent), "TIFF") for percent in range(1, 100, 7))


def test_a_tiff_whose_directories_go_round_in_a_circle_ends():
    data = bytearray(saved(picture(), "TIFF"))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    data[first + 2 + 12 * count : first + 6 + 12 * count] = first.to_bytes(4, "little")
    assert not is_cut(bytes(data), "TIFF")


@pytest.mark.parametrize("form", FORMATS)
def test_bytes_after_the_end_do_not_make_a_file_cut(form):
    if form not in ("AVIF", "HEIC", "JPEG"):  # boxes run to the very end; the end of a JPEG is looked for near it
        assert not is_cut(ordinary(form) + bytes(5000), form)
    assert not is_cut(ordinary(form) + ordinary(form), form)


def test_a_gif_without_its_last_byte_is_not_cut():
    assert not is_cut(ordinary("GIF")[:-1], "GIF")
    assert is_cut(ordinary("GIF")[:-3], "GIF")


def test_bits_of_a_jpeg_are_read_from_its_frame():
    assert jpeg_bits(ordinary("JPEG")) == 8
    assert jpeg_bits(ugly("12-bit.jpg").data) == 12
    assert jpeg_bits(b"\xff\xd8\xff") == 0


@pytest.mark.parametrize(
    ("error", "data", "form", "kind"),
    [
        (OSError("broken data stream"), ordinary("PNG"), "PNG", "corrupt"),
        (OSError("broken data stream"), cut(ordinary("PNG"), 50), "PNG", "truncated"),
        (OSError("image file is truncated (9 bytes not processed)"), ordinary("PNG"), "PNG", "truncated"),
        (NotImplementedError(), ordinary("TIFF"), "TIFF", "unsupported"),
        (OSError("encoder error -2: compression not supported"), ordinary("TIFF"), "TIFF", "unsupported"),
        (SyntaxError("not a JPEG file"), ugly("12-bit.jpg").data, "JPEG", "unsupported"),
        (KeyError(7), ordinary("WebP"), "WebP", "corrupt"),
    ],
)
def test_an_exception_of_a_codec_becomes_a_typed_error(error, data, form, kind):
    explained = explain(error, data, form)
    assert isinstance(explained, ImageError)
    assert explained.kind == kind
    assert form in str(explained) or "JPEG" in str(explained)
