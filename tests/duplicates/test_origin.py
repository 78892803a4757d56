"""What the first bytes of a file tell, held against what Pillow wrote there."""

from __future__ import annotations

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from lookalike.duplicates.origin import HEAD, Origin, jpeg_quality, origin

PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8))
BARE = Origin()


def written(form: str, exif: Image.Exif | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    PICTURE.save(buffer, form, **({"exif": exif} if exif else {}), **options)
    return buffer.getvalue()


def camera_exif(taken: str = "2019:07:01 12:30:05") -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Model 1"
    exif.get_ifd(0x8769)[0x9003] = taken
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_camera_and_date_are_found_in_each_format(form):
    exif = camera_exif()
    if form == "TIFF":  # Pillow writes no camera's block there
        exif[0x0132] = "2019:07:01 12:30:05"
    found = origin(written(form, exif)[:HEAD])
    assert (found.camera, found.taken) == (True, "2019-07-01 12:30:05")
    bare = origin(written(form)[:HEAD])
    assert (bare.camera, bare.taken) == (False, None)


def test_a_heic_has_its_metadata_wherever_it_likes():
    head = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1") + b"meta Exif\0\0 " + bytes(300)
    found = origin(head + b"\0\0\0\x06Exif\0\0" + camera_exif().tobytes().removeprefix(b"Exif\0\0"))
    assert found == Origin(True, "2019-07-01 12:30:05", False)
    assert origin(head) == Origin(lossless=False)


@pytest.mark.parametrize("quality", [1, 5, 30, 49, 50, 51, 75, 90, 92, 95, 99, 100])
def test_the_quality_of_a_jpeg_is_the_one_it_was_saved_at(quality):
    assert origin(written("JPEG", quality=quality)).quality == quality
    assert origin(written("JPEG", quality=quality, progressive=True)).quality == quality


def test_a_table_of_another_maker_has_the_nearest_quality():
    table = np.array(JpegImageFile(io.BytesIO(written("JPEG", quality=80))).quantization[0])
    assert jpeg_quality(np.sort(table)) in range(70, 90)
    assert jpeg_quality(np.ones(64, np.int64)) == 100


def test_formats_say_whether_they_lose_anything():
    told = {form: origin(written(form)).lossless for form in ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "AVIF")}
    assert told == {
        "JPEG": False, "PNG": True, "BMP": True, "TIFF": True, "WEBP": False, "GIF": None, "AVIF": False,
    }  # fmt: skip
    assert origin(written("WEBP", lossless=True)).lossless is True


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        ("2019:07:01 12:30:05", "2019-07-01 12:30:05"), ("2019-07-01 12:30:05", "2019-07-01 12:30:05"),
        ("0000:00:00 00:00:00", None), ("    :  :     :  :  ", None), ("", None), ("yesterday", None),
    ],
)  # fmt: skip
def test_only_a_date_is_a_date(taken, told):
    assert origin(written("JPEG", camera_exif(taken))).taken == told


def test_the_date_of_a_change_stands_in_only_beside_a_camera():
    exif = Image.Exif()
    exif[0x0132] = "2018:01:01 00:00:00"
    assert origin(written("JPEG", exif)) == origin(written("JPEG"))
    exif[0x0110] = "Model"
    assert origin(written("JPEG", exif)).taken == "2018-01-01 00:00:00"
    exif[0x0110] = "  \0"
    assert origin(written("JPEG", exif)).camera is False


def test_nothing_is_told_by_what_is_no_picture():
    assert origin(b"") == BARE
    assert origin(b"plain text " * 50) == BARE


def test_damaged_files_tell_something_or_nothing_and_raise_nothing():
    draw = random.Random(3)
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        whole = written(form, camera_exif())
        for _ in range(150):
            data = bytearray(whole[: draw.randrange(len(whole) + 1)])
            for _ in range(draw.randrange(1, 6)):
                if data:
                    data[draw.randrange(min(len(data), 400))] = draw.randrange(256)
            assert isinstance(origin(bytes(data)), Origin)
    assert origin(b"\xff\xd8\xff\xdb" + struct.pack(">H", 0) * 50).quality is None
    assert origin(b"\x89PNG\r\n\x1a\n" + bytes(100)).camera is False
