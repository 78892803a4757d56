"""What counts as the same picture, to the last sample: depth, alpha, later frames, colour profiles."""

from __future__ import annotations

import io
import itertools
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from lookalike.decode import array_hash, decode, pixel_hash, same_pixels
from tests.ugly import (
    animation,
    chunk,
    deep,
    picture,
    png,
    rgba,
    saved,
    swapped_profile,
    ugly,
)

# What Pillow grumbles about is no fault of a test; the command line silences it, too.
pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\..*")

LOSSLESS = ("PNG", "WebP", "BMP", "TIFF")


def test_low_bits_of_sixteen_tell_pictures_apart():
    for channels in range(1, 5):
        samples = deep(channels)
        other = samples.copy()
        other[5, 7, 0] ^= 1
        assert decode(png(samples)).pixel_hash != decode(png(other)).pixel_hash
        assert not same_pixels(png(samples), png(other))
        assert np.abs(decode(png(samples)).pixels.astype(int) - decode(png(other)).pixels).max() <= 1


def test_low_bits_tell_tiffs_apart_too():
    for name in ("grey-16.tif", "rgb-16.tif", "rgba-16.tif", "grey-32.tif", "float.tif"):
        data = bytearray(ugly(name).data)
        at = len(data) - 4 if name.startswith("rgb") else data.index(decode_strip(bytes(data)))
        data[at] ^= 1
        assert pixel_hash(bytes(data)) != pixel_hash(ugly(name).data), name
        assert not same_pixels(bytes(data), ugly(name).data)


def decode_strip(data: bytes) -> bytes:
    """Return the first bytes of a TIFF's first strip."""
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, TiffImagePlugin.TiffImageFile)
        start: int = image.tag_v2[273][0]
    return data[start : start + 40]


def test_sixteen_bits_that_hold_eight_equal_their_copy():
    wide = picture().astype(np.uint16) * 257
    assert same_pixels(png(wide), png(picture()))
    assert pixel_hash(png(wide)) == pixel_hash(saved(picture(), "TIFF")) == array_hash(picture())
    grey = picture()[:, :, :1]
    assert same_pixels(png(grey.astype(np.uint16) * 257), saved(grey[:, :, 0], "BMP"))


def test_sixteen_bit_grey_equals_the_same_in_three_channels_and_in_tiff():
    grey = deep(1)
    assert same_pixels(png(grey), png(np.repeat(grey, 3, axis=2)))
    assert pixel_hash(png(grey)) == pixel_hash(ugly("grey-16.tif").data)
    assert pixel_hash(png(deep(3))) == pixel_hash(ugly("rgb-16.tif").data)
    assert pixel_hash(png(deep(4))) == pixel_hash(ugly("rgba-16.tif").data)


def test_sixteen_bit_samples_are_shown_rounded():
    shown = decode(png(deep(3))).pixels
    assert np.abs(shown - deep(3) / 257).max() <= 0.5


def test_alpha_alone_makes_another_picture():
    opaque, veiled = Image.fromarray(picture()).convert("RGBA"), rgba()
    for form in ("PNG", "WebP", "TIFF"):
        a, b = saved(opaque, form), saved(veiled, form, **({"exact": True} if form == "WebP" else {}))
        assert not same_pixels(a, b)
        assert pixel_hash(a) != pixel_hash(b)
        assert same_pixels(a, saved(picture(), "PNG")), "an opaque alpha is no difference"


def test_colours_under_full_transparency_count():
    clear = np.dstack([picture(), np.zeros((32, 48), np.uint8)])
    other = clear.copy()
    other[0, 0, 0] ^= 1
    assert not same_pixels(png(clear), png(other))
    assert np.array_equal(decode(png(clear)).pixels, decode(png(other)).pixels), "both are shown white"


def test_a_transparent_colour_makes_another_picture_at_every_depth():
    for depth, samples in ((8, picture()), (16, deep(3))):
        assert not same_pixels(png(samples), png(samples, chunk(b"tRNS", samples[0, 0].astype(">u2").tobytes()))), depth
        grey = samples[:, :, :1]
        marked = png(grey, chunk(b"tRNS", grey[0, 0].astype(">u2").tobytes()))
        assert not same_pixels(png(grey), marked), depth
        assert (decode(marked).pixels[0, 0] == 255).all(), "transparent is shown on white"


def test_alpha_is_composited_on_white():
    alpha = np.asarray(rgba())[:, :, 3:].astype(float)
    expected = (picture() * alpha + 255 * (255 - alpha)) / 255
    assert np.abs(decode(saved(rgba(), "PNG")).pixels - expected).max() <= 0.51
    wide = np.asarray(rgba()).astype(np.uint16) * 257
    assert np.array_equal(decode(png(wide)).pixels, decode(saved(rgba(), "PNG")).pixels)


@pytest.mark.parametrize("pixels", [picture(), np.repeat(picture()[:, :, 1:2], 3, axis=2)], ids=["colour", "grey"])
def test_one_picture_in_several_formats_is_the_same(pixels):
    files = [saved(pixels, form) for form in LOSSLESS] + [png(pixels), saved(pixels, "TIFF", compression="tiff_lzw")]
    if (pixels[:, :, 0] == pixels[:, :, 1]).all():
        files += [saved(pixels[:, :, 0], form) for form in ("PNG", "TIFF", "BMP", "GIF")] + [png(pixels[:, :, :1])]
    for a, b in itertools.pairwise(files):
        assert same_pixels(a, b)
        assert np.array_equal(decode(a).pixels, pixels)
    assert {pixel_hash(file) for file in files} == {array_hash(pixels)}


def test_palette_and_true_colour_are_the_same_picture():
    reduced = Image.fromarray(picture()).quantize(200)
    assert same_pixels(saved(reduced, "PNG"), saved(reduced.convert("RGB"), "BMP"))
    assert same_pixels(saved(reduced, "GIF"), saved(reduced, "BMP"))


def test_shape_counts_as_well_as_samples():
    flat = np.full((4, 6, 3), 9, np.uint8)
    assert not same_pixels(png(flat), png(flat.reshape(6, 4, 3)))
    assert array_hash(flat) != array_hash(flat.reshape(6, 4, 3))


@pytest.mark.parametrize("form", ["GIF", "WebP", "PNG", "AVIF", "TIFF"])
def test_a_later_frame_makes_another_picture(form):
    a, b = animation(form, last=200), animation(form, last=100)
    assert np.array_equal(decode(a).pixels, decode(b).pixels)
    assert decode(a).frames == 3
    assert decode(a).pixel_hash is None
    assert pixel_hash(a) != pixel_hash(b)
    assert not same_pixels(a, b)
    assert same_pixels(a, animation(form, last=200)), "a file equals itself"


@pytest.mark.parametrize("form", ["GIF", "WebP", "PNG", "TIFF"])
def test_an_animation_is_not_its_first_frame(form):
    first = saved(decode(animation(form)).pixels, "PNG")
    assert not same_pixels(animation(form), first)
    assert not same_pixels(first, animation(form))


def test_frames_beyond_ten_times_the_limit_are_not_compared():
    gif = animation("GIF")
    assert pixel_hash(gif, max_pixels=48 * 32) is not None
    many = [Image.new("RGB", (48, 32), (level, 0, 0)) for level in range(0, 240, 10)]
    long = saved(many[0], "GIF", save_all=True, append_images=many[1:])
    assert pixel_hash(long) is not None
    assert pixel_hash(long, max_pixels=48 * 32) is None
    assert not same_pixels(long, gif, max_pixels=48 * 32)


# Colour


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WebP", "JPEG"])
def test_a_colour_profile_is_applied(form):
    plain, profiled = decode(saved(picture(), form)).pixels, decode(ugly(f"profile.{suffix(form)}").data).pixels
    assert np.abs(profiled.astype(int) - plain[:, :, ::-1]).mean() < 3, "red and blue have changed places"
    assert not same_pixels(saved(picture(), form), ugly(f"profile.{suffix(form)}").data)


def suffix(form: str) -> str:
    return {"JPEG": "jpg", "TIFF": "tif"}.get(form, form.lower())


def test_a_colour_profile_of_sixteen_bit_colours_is_applied_and_counts():
    plain, profiled = decode(png(deep(3))), decode(ugly("profile-16.png").data)
    assert np.abs(profiled.pixels.astype(int) - plain.pixels[:, :, ::-1]).mean() < 3
    assert not same_pixels(png(deep(3)), ugly("profile-16.png").data)
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(swapped_profile()))
    narrow = png(picture().astype(np.uint16) * 257, profile)
    assert same_pixels(narrow, png(picture(), profile))


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WebP", "JPEG"])
@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_broken_profile_is_as_none(form, damage):
    assert same_pixels(saved(picture(), form), ugly(f"profile-{damage}.{suffix(form)}").data)


def test_inks_become_colours():
    decoded = decode(saved(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=98, subsampling=0)).pixels
    assert np.abs(decoded.astype(int) - picture()).mean() < 4
    assert np.array_equal(decode(ugly("cmyk.tif").data).pixels, picture())
    ycck = decode(ugly("ycck.jpg").data).pixels
    with Image.open(io.BytesIO(ugly("ycck.jpg").data)) as image:
        assert np.array_equal(ycck, np.asarray(image.convert("RGB")))


def test_float_samples_are_stretched_to_what_they_hold():
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    assert np.array_equal(decode(saved(Image.fromarray(ramp), "TIFF")).pixels[:, :, 0], np.rint(ramp * 255))
    wide = decode(saved(Image.fromarray(ramp * 5000 - 1000), "TIFF")).pixels[:, :, 0]
    assert np.abs(wide.astype(int) - np.rint(ramp * 255)).max() <= 1
