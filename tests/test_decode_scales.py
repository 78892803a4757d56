"""JPEGs: the quick way is Pillow's to the bit, and at a reduced scale no side is smaller than is needed."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import lookalike.decode
from lookalike.decode import decode, decode_at
from lookalike.decode.codecs import bare_jpeg
from lookalike.errors import ImageError
from lookalike.formats import FORMATS, sniff
from tests.ugly import (
    TURNS,
    ordinary,
    picture,
    saved,
    swapped_profile,
    turned,
    ugly_images,
)

# What Pillow grumbles about is no fault of a test; the command line silences it, too.
pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\..*")

SHARED = Path(__file__).resolve().parents[1] / "../shared/data"
LOSSLESS = ("PNG", "WebP", "BMP", "TIFF")


def test_the_fast_way_equals_pillow_to_the_bit():
    large = np.tile(picture(), (5, 5, 1))
    files = [saved(large, "JPEG", quality=q, subsampling=s) for q in (30, 75, 95) for s in (0, 1, 2)]
    files += [
        saved(large, "JPEG", progressive=True),
        saved(large, "JPEG", keep_rgb=True),
        saved(large[:157, :93], "JPEG"),
    ]
    files += [image.data for image in ugly_images() if image.outcome == "ok" and sniff(image.data) == "JPEG"]
    if SHARED.is_dir():
        files += [
            path.read_bytes() for path in sorted(SHARED.glob("odd/jpeg/testimages/*.jpg")) if "12" not in path.name
        ]
        files += [path.read_bytes() for path in sorted(SHARED.glob("camera/*.jpg"))[:2]]
    compared = 0
    for data in files:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            if image.mode in ("RGB", "L") and not image.info.get("icc_profile"):
                orientation = image.getexif().get(0x0112, 1)
                pixels = turned(np.asarray(image.convert("RGB")), orientation if orientation in TURNS else 1)
                assert np.array_equal(decode(data).pixels, pixels)
                compared += 1
    assert compared >= 20


@pytest.mark.parametrize("min_side", [1, 16, 40, 64, 100, 256, 300, 480, 1000])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "profile"])
def test_a_reduced_jpeg_keeps_the_side_that_is_needed(min_side, mode):
    image = Image.fromarray(np.tile(picture(), (15, 15, 1)))  # 480 x 720
    if mode == "profile":
        data = saved(image, "JPEG", icc_profile=swapped_profile())
    else:
        data = saved(image.convert(mode), "JPEG")
    whole, small = decode(data), decode(data, min_side=min_side)
    assert (small.width, small.height) == (whole.width, whole.height) == (720, 480)
    assert min(small.pixels.shape[:2]) >= min(min_side, 480)
    if small.pixels.shape == whole.pixels.shape:
        assert small.pixel_hash == whole.pixel_hash is not None
    else:
        assert small.pixel_hash is None
        assert abs(small.pixels.shape[1] / small.pixels.shape[0] - 1.5) < 0.05
        assert np.abs(small.pixels.mean(axis=(0, 1)) - whole.pixels.mean(axis=(0, 1))).max() < 3
    assert (min_side > 240) == (small.pixels.shape == whole.pixels.shape) or mode in ("RGB", "L")


def test_a_picture_no_larger_than_needed_is_decoded_whole():
    for form in FORMATS:
        assert decode(ordinary(form), min_side=32).pixel_hash == decode(ordinary(form)).pixel_hash is not None


def test_only_jpegs_are_reduced():
    large = np.tile(picture(), (10, 10, 1))
    for form in LOSSLESS:
        assert np.array_equal(decode(saved(large, form), min_side=16).pixels, large)


def test_a_picture_is_decoded_once_for_least_sides_that_give_the_same(monkeypatch):
    seen = []

    def counted(data: bytes, **options: Any) -> Any:
        seen.append(options["min_side"])
        return decode(data, **options)

    monkeypatch.setattr(lookalike.decode, "decode", counted)
    pixels = np.random.default_rng(1).integers(0, 256, (1100, 1300, 3), dtype=np.uint8)
    large, plain = saved(pixels, "JPEG"), saved(pixels, "PNG")
    for sides, scales in [
        ([256, 65535, 256], [(65535, 1100), (256, 275)]),
        ([256, 300, 550], [(550, 550), (256, 275)]),
        ([256, 200], [(256, 275)]),
        ([], []),
    ]:
        seen.clear()
        images = decode_at(large, sides)
        assert list(images) == sorted(set(sides), reverse=True)
        assert [(side, images[side].pixels.shape[0]) for side in seen] == scales
        for side, image in images.items():
            assert np.array_equal(image.pixels, decode(large, min_side=side).pixels)
    seen.clear()
    assert decode_at(plain, [65535, 256])[256].pixels.shape == pixels.shape
    assert seen == [65535]


def _told(data: bytes, side: int | None) -> object:
    try:
        found = decode(data, min_side=side)
    except ImageError as error:
        return error.kind, str(error)
    return found.pixels.tobytes(), found.pixels.shape, replace(found, pixels=None)  # type: ignore[arg-type]


def _jpegs() -> Iterator[bytes]:
    """Yield JPEGs of all sorts: bare ones, and with what a header may hold beside; whole and damaged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    beside: tuple[dict[str, Any], ...] = (
        {}, {"progressive": True}, {"subsampling": 0}, {"comment": b"so it goes"}, {"dpi": (72, 72)},
        {"exif": exif(6)}, {"restart_marker_blocks": 2}, {"icc_profile": profile},
    )  # fmt: skip
    for number, (mode, options) in enumerate(itertools.product(("RGB", "L", "CMYK"), beside)):
        stream = io.BytesIO()
        Image.fromarray(picture(61 + number, 90)).convert(mode).save(stream, "JPEG", **options)
        data = stream.getvalue()
        yield data
        for at in (3, 20, 25, 160, 163, len(data) // 2, len(data) - 1):
            yield data[:at]
            yield data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


@pytest.mark.parametrize("side", [None, 15, 32])
def test_a_bare_jpeg_comes_out_as_by_its_whole_header(side, monkeypatch):
    every = list(_jpegs())
    bare = [one for one in every if bare_jpeg(one) is not None]
    assert len(every) // 4 < len(bare) < len(every) * 3 // 4
    quick = [_told(one, side) for one in every]
    monkeypatch.setattr("lookalike.decode.bare_jpeg", lambda _: None)
    assert quick == [_told(one, side) for one in every]
