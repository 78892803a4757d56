from __future__ import annotations

import contextlib
import io
import random
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile

from lookalike.decode import decode, pixel_hash, same_pixels
from lookalike.errors import ImageError, TooLargeError, TruncatedError, UnsupportedError
from lookalike.formats import FORMATS, sniff
from tests.ugly import (
    ORIENTABLE,
    animation,
    chunk,
    cut,
    deep,
    exif,
    ordinary,
    oriented,
    picture,
    png,
    saved,
    turned,
    ugly,
    ugly_images,
)

# What Pillow grumbles about is no fault of a test; the command line silences it, too.
pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\..*")

SHARED = Path(__file__).resolve().parents[1] / "../shared/data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
KINDS = {"unreadable", "not an image", "unsupported", "truncated", "corrupt", "too large"}
LOSSLESS = ("PNG", "WebP", "BMP", "TIFF")


def outcome(data: bytes, **options: Any) -> str:
    """Return "ok" or the kind of the error; anything but an ImageError is the test's failure."""
    try:
        decode(data, **options)
    except ImageError as error:
        kind, message = error.kind, str(error)
    else:
        return "ok"
    assert message, "an error has a message"
    assert kind in KINDS
    return kind


def shared_files() -> list[Path]:
    return sorted(
        path for folder in ("odd", "camera", "pdq") for path in (SHARED / folder).rglob("*") if path.is_file()
    )


# Every ugly image


@pytest.mark.parametrize("image", ugly_images(), ids=lambda image: image.name)
def test_every_ugly_image_has_exactly_its_outcome(image):
    assert outcome(image.data) == image.outcome
    assert outcome(image.data, min_side=8) == image.outcome


@pytest.mark.parametrize("image", ugly_images(), ids=lambda image: image.name)
def test_a_picture_is_upright_rgb_with_its_size_and_format_and_hash(image):
    if image.outcome != "ok":
        with pytest.raises(ImageError) as caught:
            pixel_hash(image.data)
        assert caught.value.kind == image.outcome
        return
    decoded = decode(image.data)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.shape == (decoded.height, decoded.width, 3)
    assert decoded.pixels.flags.c_contiguous
    assert decoded.format == sniff(image.data)
    whole = pixel_hash(image.data)
    assert whole is not None
    assert len(whole) == 32
    assert (decoded.pixel_hash is None) == (decoded.frames > 1)
    assert decoded.pixel_hash in (None, whole)
    assert same_pixels(image.data, bytes(bytearray(image.data)))


def test_names_of_ugly_images_differ():
    names = [image.name for image in ugly_images()]
    assert len(names) == len(set(names))
    assert {image.outcome for image in ugly_images()} == KINDS - {"unreadable"} | {"ok"}


# Nothing but typed errors


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_raise_only_typed_errors(data):
    assert outcome(data) in KINDS | {"ok"}


MAGICS = [ordinary(form)[:size] for form in FORMATS for size in (12, 32)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=300))
def test_random_bytes_after_a_signature_raise_only_typed_errors(magic, data):
    assert outcome(magic + data) in KINDS | {"ok"}


VICTIMS = [image.data for image in ugly_images() if image.outcome == "ok" and len(image.data) < 20_000]


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(VICTIMS), st.integers(0, 2**32))
def test_damaged_files_of_every_format_raise_only_typed_errors(data, seed):
    dice = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = int(len(damaged) * dice.random() ** 2)  # headers more often than samples
        match dice.randrange(4):
            case 0:
                damaged[at] ^= 1 << dice.randrange(8)
            case 1:
                damaged[at : at + 4] = dice.choice([bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", dice.randbytes(4)])
            case 2:
                del damaged[at : at + dice.randint(1, 40)]
            case 3:
                damaged[at:at] = dice.randbytes(dice.randint(1, 40))
        if not damaged:
            break
    before = bytes(damaged)
    result = outcome(before, max_pixels=2_000_000)
    assert result in KINDS | {"ok"}
    with contextlib.suppress(ImageError):
        whole = pixel_hash(before, max_pixels=2_000_000)
        assert whole is None or len(whole) == 32


# Real files


@needs_shared
def test_every_shared_file_decodes_or_raises_a_typed_error_and_its_hash_agrees():
    counts: dict[str, int] = dict.fromkeys(["ok", *KINDS], 0)
    for path in shared_files():
        data = path.read_bytes()
        result = outcome(data)
        counts[result] += 1
        if result == "ok":
            decoded = decode(data)
            assert decoded.pixel_hash in (None, pixel_hash(data)), path
            assert decoded.pixels.shape == (decoded.height, decoded.width, 3), path
    assert counts["ok"] >= 350
    assert counts["too large"] == counts["unreadable"] == 0


@needs_shared
def test_whatever_pillow_decodes_we_decode():
    formats = [form.upper() for form in FORMATS if form != "HEIC"]
    missed = []
    for path in shared_files():
        data = path.read_bytes()
        try:
            with Image.open(io.BytesIO(data), formats=formats) as image:
                image.load()
        except Exception:  # what Pillow refuses is not asked of us
            continue
        if outcome(data) != "ok":
            missed.append(path.name)
    assert missed == []


@needs_shared
@pytest.mark.parametrize("name", ["cicp_pq.png", "issue#430.png"])
def test_a_damaged_checksum_in_a_header_is_named(name):
    """Pillow refuses both: their cLLI and iCCP chunks do not match their checksums."""
    with pytest.raises(ImageError, match="bad header checksum") as caught:
        decode((SHARED / "odd/png/tests/bugfixes" / name).read_bytes())
    assert caught.value.kind == "corrupt"


# Orientation


@pytest.mark.parametrize("form", ORIENTABLE)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_once_as_its_orientation_says(form, orientation):
    stored = decode(oriented(form, 1))
    upright = decode(oriented(form, orientation))
    assert np.array_equal(upright.pixels, turned(stored.pixels, orientation))
    assert (upright.width, upright.height) == ((32, 48) if orientation >= 5 else (48, 32))


@pytest.mark.parametrize("form", ["PNG", "WebP", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_eight_orientations_of_one_picture_have_equal_pixels(form, orientation):
    image = np.repeat(np.repeat(picture(8, 12), 8, axis=0), 8, axis=1)  # one colour per block: JPEG keeps it so
    back = {6: 8, 8: 6}.get(orientation, orientation)
    options: dict[str, Any] = {"subsampling": 0} if form == "JPEG" else {}
    file = saved(turned(image, back), form, exif=exif(orientation), **options)
    plain = saved(image, form, **options)
    assert np.array_equal(decode(file).pixels, decode(plain).pixels)
    assert decode(file).pixel_hash == decode(plain).pixel_hash
    assert same_pixels(file, plain)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_colours_are_turned_once_too(orientation):
    samples = deep(3)
    plain, marked = png(samples), png(samples, chunk(b"eXIf", exif(orientation)[6:]))
    assert np.array_equal(decode(marked).pixels, turned(decode(plain).pixels, orientation))
    tiff = bytearray(ugly("rgb-16.tif").data)
    at = tiff.index(b"\x03\x01\x03\x00")  # the compression, none, which is also what is taken for granted
    tiff[at : at + 2], tiff[at + 8 : at + 10] = (274).to_bytes(2, "little"), orientation.to_bytes(2, "little")
    assert np.array_equal(decode(bytes(tiff)).pixels, turned(decode(plain).pixels, orientation))


@needs_shared
@pytest.mark.parametrize("series", ["Landscape", "Portrait"])
def test_real_photographs_of_all_orientations_are_upright(series):
    reference = decode((SHARED / f"odd/exif/{series}_1.jpg").read_bytes())
    for number in range(9):
        decoded = decode((SHARED / f"odd/exif/{series}_{number}.jpg").read_bytes())
        assert (decoded.width, decoded.height) == (reference.width, reference.height)
        difference = np.abs(decoded.pixels.astype(int) - reference.pixels.astype(int)).mean()
        assert difference < 12, (number, difference)  # each was compressed on its own


@needs_shared
def test_an_avif_is_turned_once_as_its_boxes_say():
    """Of one picture with a quarter turn; the oracle is the file's own EXIF transposition by Pillow."""
    from PIL import ImageOps

    for name in ("abc_color_irot_alpha_irot.avif", "abc_color_irot_alpha_NOirot.avif", "clop_irot_imor.avif"):
        data = (SHARED / "odd/avif/tests/data" / name).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image)
        assert (decode(data).width, decode(data).height) == upright.size
        if upright.mode == "RGB":
            assert np.array_equal(decode(data).pixels, np.asarray(upright))
    letters = decode((SHARED / "odd/avif/tests/data/abc_color_irot_alpha_irot.avif").read_bytes()).pixels
    drawn = decode((SHARED / "odd/avif/tests/data/abc.png").read_bytes()).pixels
    assert letters.shape == turned(drawn, 8).shape
    away = {turn: np.abs(letters.astype(int) - turned(drawn, turn).astype(int)).mean() for turn in (6, 8)}
    assert min(away.values()) < 12, away


@needs_shared
def test_an_orientation_beside_a_reduced_scale_is_reported_upright_and_whole():
    data = (SHARED / "odd/exif/Landscape_6.jpg").read_bytes()
    whole, small = decode(data), decode(data, min_side=100)
    assert (small.width, small.height) == (whole.width, whole.height)
    assert small.pixels.shape[0] * 2 <= whole.height
    assert min(small.pixels.shape[:2]) >= 100
    assert (small.pixels.shape[0] < small.pixels.shape[1]) == (whole.height < whole.width)


# Truncation


def cases() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 128, (60, 80, 3)).astype(np.uint8) + picture(60, 80) // 2
    plain = {form: saved(noise, form) for form in FORMATS if form != "HEIC"} | {"HEIC": ordinary("HEIC")}
    return plain | {
        "progressive JPEG": saved(noise, "JPEG", progressive=True),
        "grey JPEG": saved(noise[:, :, 0], "JPEG"),
        "lossy WebP": saved(noise, "WebP", lossless=False),
        "LZW TIFF": saved(noise, "TIFF", compression="tiff_lzw"),
        "JPEG TIFF": saved(noise, "TIFF", compression="jpeg"),
        "big TIFF": saved(noise, "TIFF", big_tiff=True),
        "16-bit PNG": png(deep(3)),
        "16-bit TIFF": ugly("rgb-16.tif").data,
    } | {f"animated {form}": animation(form) for form in ("GIF", "WebP", "PNG", "AVIF")}  # fmt: skip


@pytest.mark.parametrize("name", cases())
def test_a_truncated_file_is_named_so_unless_every_sample_is_there(name):
    data = cases()[name]
    whole = decode(data)
    for size in sorted({int(len(data) * percent / 100) for percent in range(1, 100)} | {len(data) - 2, len(data) - 1}):
        if size < 16:  # too little to tell what it was going to be
            assert outcome(data[:size]) in ("truncated", "not an image")
            continue
        result = outcome(data[:size])
        if result == "ok":
            assert size > len(data) * 0.95, f"{size} of {len(data)} bytes"
            decoded = decode(data[:size])
            assert np.array_equal(decoded.pixels, whole.pixels)
            assert decoded.frames == whole.frames
        else:
            assert result == "truncated", f"{size} of {len(data)} bytes"
            with pytest.raises(TruncatedError, match=r"truncated: the \w+ ends"):
                decode(data[:size])


@needs_shared
def test_a_truncated_photograph_is_named_so_at_any_scale():
    taken = (SHARED / "camera/scene02.jpg").read_bytes()  # previews follow the picture, from 94 % of the file on
    for percent in (1, 10, 50, 90):
        assert outcome(cut(taken, percent), min_side=256) == outcome(cut(taken, percent)) == "truncated"
    small = (SHARED / "caltech101/okapi/image_0001.jpg").read_bytes()
    assert {outcome(cut(small, percent), min_side=64) for percent in range(1, 100)} == {"truncated"}


# Limits


@pytest.mark.parametrize("name", [image.name for image in ugly_images() if image.outcome == "too large"])
def test_a_bomb_is_refused_at_once_and_cheaply(name):
    data = ugly(name).data
    for call in (decode, pixel_hash, lambda data: same_pixels(data, ordinary("PNG"))):
        tracemalloc.start()
        start = time.process_time()
        with pytest.raises(TooLargeError, match="megapixels"):
            call(data)
        taken, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert taken < 2
        assert peak < 50_000_000


def test_a_bomb_of_text_costs_little():
    start = time.process_time()
    assert outcome(ugly("text-bomb.png").data) == "corrupt"
    assert time.process_time() - start < 2


@pytest.mark.parametrize("form", FORMATS)
def test_the_limit_is_the_callers(form):
    assert outcome(ordinary(form), max_pixels=48 * 32) == "ok"
    with pytest.raises(TooLargeError, match="raise it with --max-pixels"):
        decode(ordinary(form), max_pixels=48 * 32 - 1)
    with pytest.raises(TooLargeError):
        pixel_hash(ordinary(form), max_pixels=48 * 32 - 1)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "AVIF", "HEIC"])
def test_pillows_own_limit_plays_no_part_where_it_can_be_avoided(form, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert outcome(ordinary(form)) == "ok"
    assert pixel_hash(ordinary(form)) is not None


def test_a_raw_picture_is_refused_by_every_way_in():
    for call in (decode, pixel_hash):
        with pytest.raises(UnsupportedError, match="camera raw"):
            call(ugly("camera.dng").data)


# Side effects


def test_four_threads_decode_as_one_does():
    images = [image for image in ugly_images() if image.outcome == "ok"]
    alone = [(decode(image.data, min_side=16).pixels, pixel_hash(image.data)) for image in images]
    barrier = threading.Barrier(4)

    def work(order: int) -> list[tuple[NDArray[np.uint8], bytes | None]]:
        barrier.wait()
        step = 1 if order % 2 else -1
        found = [(decode(image.data, min_side=16).pixels, pixel_hash(image.data)) for image in images[::step]]
        return found[::step]

    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(work, range(4)):
            for (pixels, digest), (expected, expected_digest) in zip(together, alone, strict=True):
                assert np.array_equal(pixels, expected)
                assert digest == expected_digest


def test_decoding_changes_none_of_pillows_settings():
    def settings_now() -> tuple[object, ...]:
        return (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK, "HEIF" in Image.OPEN)

    before = settings_now()
    for image in ugly_images():
        assert outcome(image.data) == image.outcome
    assert settings_now() == before


def test_pillows_lenient_flag_is_not_ours(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    assert outcome(cut(ordinary("JPEG"), 60)) == "truncated"


def test_the_same_bytes_give_the_same_answer_again():
    for image in ugly_images():
        if image.outcome == "ok":
            assert np.array_equal(decode(image.data).pixels, decode(image.data).pixels)
