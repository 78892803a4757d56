"""The one list of ugly images, made in code: every odd, damaged or hostile file that decoding must answer for.

`ugly_images` is the list; each has the outcome that decoding must have: "ok" or the kind of its error.
"""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC")
ORIENTABLE = ("JPEG", "PNG", "WebP", "TIFF", "AVIF", "HEIC")
SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}


@dataclass(frozen=True)
class Ugly:
    """One file. `name` can be a file's name; `outcome` is "ok" or the kind of the error that decoding raises."""

    name: str
    data: bytes
    outcome: str


def picture(height: int = 32, width: int = 48) -> NDArray[np.uint8]:
    """Return a picture without any symmetry: gradients, a red corner, some texture."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / width, 255 * y / height
    image = np.stack([red, green, 128 + 60 * np.sin(x / 3.0 + y / 7.0)], axis=2).astype(np.uint8)
    image[: height // 4, : width // 4] = (230, 20, 30)
    return image


def saved(pixels: NDArray[Any] | Image.Image, form: str, **options: Any) -> bytes:
    """Return `pixels` as a file of `form`, encoded by Pillow; without loss where the format can, if not told else."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if form == "WebP":
        options.setdefault("lossless", True)
    if form in ("JPEG", "AVIF"):
        options = {"quality": 90} | options
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def ordinary(form: str) -> bytes:
    """Return an ordinary file of `form`, of `picture`; for HEIC of four coloured fields, also 48 x 32."""
    return heic() if form == "HEIC" else saved(picture(), form)


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def oriented(form: str, orientation: int) -> bytes:
    """Return `ordinary`, the same samples, marked to be turned for display as EXIF `orientation` 1 to 8."""
    if form == "HEIC":
        return heic(orientation)
    return saved(picture(), form, exif=exif(orientation))


# 48 x 32: red and green over blue and yellow. Encoded once by x265, since pi_heif only decodes.
_HEIC = (
    "c-muNV30{GsVvAy%}izhg51nBLl8SRGck>Uf$>sqYDppk1Sn>t<P<^K3<a6VB@Af5Br_);Y>0~k0}}%yh{gB~LIYXxKrtX-4uy#@r~t7=W@cU*m<"
    "N&-1#(is%7AJz%90HkkOUb)N?a>4!OHmxGD~t9peh*!GYg6efb92~1<Cn9x(uk-nUNVJGy$wg?gPW0zdwF3Fz_=c0Ch+>F!C_|{|{2Y3{t@iLUOy"
    "991?+&T273NXfg{F8d;~kda`Wi4vq{11)vZ!h+t4m0xD;7VLVuTpc80`aB_Z5QC@OR1yGcifvo{3B$8QNkP7v#0~Bi{=Olt$W&m+Kg93>D|Ns97P"
    "#^&52hhL}D9EhH1P2)h2M3Vi%q+?;VFojDGmAhvr7{b0VX?!=z{uXn#LU{#)((~_N=<{x@Fk}dCxasd6ja^0DT%<CV~o~dT+i~u(QxMePp|*~|FU"
    "uJ^cSVmX0Ca4GCE_o8MDBfuk&71Ub&j}NUlNdYwcnFzjZeJEZ37#%jO1zzFDx{>)gY=^Ozqw%?ntZ*8Wsn#a_3z{+|caxnti#9&X7?uRr`G=8tLe"
    "q0O(Hi&n@8L_T=zQU6a$_5WP?-~WFzEUt4pX!w=qxazTNzopS^Gf%GBSJE1#R5tZv(d~+UjTH+X|11i!4NS{ve$y4TGW)smAFF>0{yKiy_Gj_7jQ"
    "7t|UgmWuJo*07eb45LujJ=Hcb}`Wf<0>f`tR{?bKR|P+&Iag$x<7@@OxF3<hjZh-BQa<?^XPMcGzs9nFH%4!F-`#I#Df)E~l<ET4dY&QvKj%yE%H"
    "l_g{S8_N8dYv#iItPInljzbAw?H+rZa{$tN;_2pS1Pxz8djmhi&^7mF<|0vU_uz*QDHtHtR#-sPziyv>k^Ss7s?UUPy>-6%ktq|sEd=vx>bT&vr_"
    "4Q@Y0`fQ*7#W2?X$cqwtdLj%09=_D1O"
)


def heic(orientation: int = 1) -> bytes:
    """Return a HEIC that its boxes ``irot`` and ``imir`` turn, and whose EXIF says the same once more."""
    file = bytearray(zlib.decompress(base64.b85decode("".join(_HEIC))))
    quarters = {1: 0, 2: 0, 3: 2, 4: 2, 5: 3, 6: 3, 7: 1, 8: 1}[orientation]  # turned left, then mirrored
    file[file.index(b"irot") + 4] = quarters
    if orientation in (1, 3, 6, 8):
        file[file.index(b"ipma") + 21] = 0  # takes the mirror off the picture
    at = file.rindex(b"\x01\x12\x00\x03")
    file[at + 8 : at + 10] = struct.pack(">H", orientation)
    return bytes(file)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(samples: NDArray[Any], *chunks: bytes, size: tuple[int, int] | None = None) -> bytes:
    """Return a PNG of (height, width, 1 to 4) uint8 or uint16 samples, written by hand, with more chunks before them.

    Pillow writes no 16-bit colour. `size` (width, height) is a lie for the header.
    """
    height, width, channels = samples.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = samples.astype(samples.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), 8 * samples.itemsize, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def swapped_profile() -> bytes:
    """Return a colour profile in which red and blue have changed places: no one can miss whether it was used."""
    profile = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    return profile.replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")


def deep(channels: int, seed: int = 0) -> NDArray[np.uint16]:
    """Return (32, 48, channels) uint16 samples that 8 bits cannot hold."""
    return np.random.default_rng(seed).integers(1, 65535, (32, 48, channels)).astype(np.uint16)


def rgba() -> Image.Image:
    image = Image.fromarray(picture()).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def animation(form: str, last: int = 200) -> bytes:
    """Return three frames, the last of which is grey of level `last`."""
    frames = [
        Image.fromarray(picture()),
        Image.new("RGB", (48, 32), (0, 90, 0)),
        Image.new("RGB", (48, 32), (last,) * 3),
    ]
    return saved(frames[0], form, save_all=True, append_images=frames[1:], duration=100)


def jpeg_header(data: bytes) -> int:
    """Return where in a baseline JPEG its frame header's marker begins."""
    return data.index(b"\xff\xc0")


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def cut(data: bytes, percent: float) -> bytes:
    return data[: max(1, int(len(data) * percent / 100))]


@cache
def ugly_images() -> tuple[Ugly, ...]:
    """Return the whole list. Names differ; nothing is read or written."""
    return tuple(
        Ugly(name, data, outcome)
        for part in (_orientations, _colours, _depths, _animations, _metadata, _strange, _cut, _bombs, _others)
        for name, data, outcome in part()
    )


def ugly(name: str) -> Ugly:
    return next(image for image in ugly_images() if image.name == name)


def _suffix(form: str) -> str:
    return SUFFIXES.get(form, form.lower())


Entries = Iterator[tuple[str, bytes, str]]


def _orientations() -> Entries:
    for form in ORIENTABLE:
        for orientation in range(1, 9):
            yield f"exif-{orientation}.{_suffix(form)}", oriented(form, orientation), "ok"
    yield "exif-0.jpg", saved(picture(), "JPEG", exif=exif(0)), "ok"
    yield "exif-9.jpg", saved(picture(), "JPEG", exif=exif(9)), "ok"


def _colours() -> Entries:
    image = Image.fromarray(picture())
    cmyk = saved(image.convert("CMYK"), "JPEG")
    yield "cmyk.jpg", cmyk, "ok"
    yield "ycck.jpg", patched(cmyk, cmyk.index(b"Adobe") + 11, b"\x02"), "ok"
    yield "cmyk.tif", saved(image.convert("CMYK"), "TIFF"), "ok"
    yield "rgb-coded.jpg", saved(image, "JPEG", keep_rgb=True), "ok"
    yield "lab.tif", saved(image.convert("LAB"), "TIFF"), "ok"
    yield "ycbcr.tif", saved(image, "TIFF", compression="jpeg"), "ok"
    yield "grey.jpg", saved(image.convert("L"), "JPEG"), "ok"
    yield "grey-alpha.png", saved(rgba().convert("LA"), "PNG"), "ok"
    yield "grey-alpha.tif", saved(rgba().convert("LA"), "TIFF"), "ok"
    yield "rgba.png", saved(rgba(), "PNG"), "ok"
    yield "rgba.webp", saved(rgba(), "WebP"), "ok"
    yield "rgba.avif", saved(rgba(), "AVIF"), "ok"
    yield "rgba.tif", saved(rgba(), "TIFF"), "ok"
    yield "palette.png", saved(image.quantize(16), "PNG"), "ok"
    yield "palette.bmp", saved(image.quantize(256), "BMP"), "ok"
    yield "palette-alpha.png", saved(rgba().quantize(64), "PNG"), "ok"
    yield "palette-transparent.png", saved(image.quantize(16), "PNG", transparency=3), "ok"
    yield "palette-transparent.gif", saved(image.quantize(16), "GIF", transparency=3), "ok"
    yield "grey-transparent.png", png(picture()[:, :, :1], chunk(b"tRNS", b"\0\x14")), "ok"
    yield "rgb-transparent.png", png(picture(), chunk(b"tRNS", struct.pack(">3H", 230, 20, 30))), "ok"
    yield "bilevel.png", saved(image.convert("1"), "PNG"), "ok"
    yield "bilevel-fax.tif", saved(image.convert("1"), "TIFF", compression="group4"), "ok"
    yield "progressive.jpg", saved(image, "JPEG", progressive=True), "ok"
    yield "lossy.webp", saved(image, "WebP", lossless=False), "ok"
    yield "lzw.tif", saved(image, "TIFF", compression="tiff_lzw"), "ok"
    yield "big.tif", saved(image, "TIFF", big_tiff=True), "ok"


def _depths() -> Entries:
    grey = deep(1)
    for channels, name in enumerate(("grey", "grey-alpha", "rgb", "rgba"), 1):
        yield f"{name}-16.png", png(deep(channels)), "ok"
    yield "grey-transparent-16.png", png(grey, chunk(b"tRNS", grey[0, 0].astype(">u2").tobytes())), "ok"
    colour = deep(3)
    yield "rgb-transparent-16.png", png(colour, chunk(b"tRNS", colour[0, 0].astype(">u2").tobytes())), "ok"
    yield "grey-16.tif", saved(Image.fromarray(grey[:, :, 0]), "TIFF"), "ok"
    yield "rgb-16.tif", _deep_tiff(deep(3)), "ok"
    yield "rgba-16.tif", _deep_tiff(deep(4)), "ok"
    yield "grey-32.tif", saved(Image.fromarray(grey[:, :, 0].astype(np.int32) * 1000), "TIFF"), "ok"
    ramp = np.linspace(-1.5, 2.5, 32 * 48, dtype=np.float32).reshape(32, 48)
    yield "float.tif", saved(Image.fromarray(ramp), "TIFF"), "ok"
    yield "float-nan.tif", saved(Image.fromarray(np.where(ramp > 2, np.nan, ramp).astype(np.float32)), "TIFF"), "ok"
    yield (
        "float-infinite.tif",
        saved(Image.fromarray(np.where(ramp > 2, np.inf, ramp).astype(np.float32)), "TIFF"),
        "ok",
    )
    yield "float-all-nan.tif", saved(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF"), "ok"
    yield "float-huge.tif", saved(Image.fromarray(ramp * np.float32(1.2e38)), "TIFF"), "ok"


def _deep_tiff(samples: NDArray[np.uint16]) -> bytes:
    """Return a little-endian TIFF of uint16 samples in one strip, written by hand."""
    height, width, channels = (int(n) for n in samples.shape)
    entries = [(256, 3, width), (257, 3, height), (259, 3, 1), (262, 3, 2), (277, 3, channels), (278, 3, height)]
    entries += [(338, 3, 2)] if channels == 4 else []
    n_entries = len(entries) + 3
    depths = 8 + 2 + 12 * n_entries + 4
    start = depths + 2 * channels
    fields = [struct.pack("<HHIHH", tag, form, 1, value, 0) for tag, form, value in entries]
    fields.append(struct.pack("<HHII", 258, 3, channels, depths))
    fields += [struct.pack("<HHII", 273, 4, 1, start), struct.pack("<HHII", 279, 4, 1, samples.nbytes)]
    fields.sort(key=lambda field: struct.unpack("<H", field[:2])[0])
    directory = struct.pack("<H", n_entries) + b"".join(fields) + bytes(4)
    body = samples.astype("<u2").tobytes()
    return b"II*\0\x08\0\0\0" + directory + struct.pack("<H", 16) * channels + body


def _animations() -> Entries:
    for form in ("GIF", "WebP", "PNG", "AVIF", "TIFF"):
        yield f"animated.{_suffix(form)}", animation(form), "ok"
    for name, form in (("pair.mpo", "MPO"), ("pages-of-different-size.tif", "TIFF")):
        other = Image.fromarray(picture(48, 32))
        yield name, saved(picture(), form, save_all=True, append_images=[other]), "ok"


def _metadata() -> Entries:
    for form in ("JPEG", "PNG", "TIFF", "WebP"):
        suffix = _suffix(form)
        yield f"profile.{suffix}", saved(picture(), form, icc_profile=swapped_profile()), "ok"
        yield f"profile-cut.{suffix}", saved(picture(), form, icc_profile=swapped_profile()[:300]), "ok"
        yield f"profile-garbage.{suffix}", saved(picture(), form, icc_profile=b"no profile at all" * 9), "ok"
    yield "profile-16.png", png(deep(3), chunk(b"iCCP", b"x\0\0" + zlib.compress(swapped_profile()))), "ok"
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield "profile-of-other-mode.jpg", saved(Image.fromarray(picture()).convert("CMYK"), "JPEG", icc_profile=grey), "ok"
    for form in ("JPEG", "PNG", "WebP"):
        yield f"exif-garbage.{_suffix(form)}", saved(picture(), form, exif=b"Exif\0\0" + b"garbage" * 9), "ok"
        yield f"exif-cut.{_suffix(form)}", saved(picture(), form, exif=exif(6)[:-9]), "ok"
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))
    yield "text-bomb.png", png(picture(), bomb), "corrupt"


def _strange() -> Entries:
    for form in ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF"):
        yield f"one-pixel.{_suffix(form)}", saved(np.full((1, 1, 3), 77, np.uint8), form), "ok"
        yield f"black.{_suffix(form)}", saved(np.zeros((9, 7, 3), np.uint8), form), "ok"
    yield "one-row.png", saved(picture(2, 3000)[:1], "PNG"), "ok"
    yield "one-column.jpg", saved(picture(3000, 2)[:, :1], "JPEG"), "ok"
    yield "jpeg-named.png", ordinary("JPEG"), "ok"
    yield "png-named.txt", ordinary("PNG"), "ok"
    yield "no-suffix", ordinary("WebP"), "ok"
    yield "bytes-after-the-end.jpg", ordinary("JPEG") + b"trailing bytes" * 99, "ok"
    yield "bytes-after-the-end.png", ordinary("PNG") + b"trailing bytes" * 99, "ok"
    whole = ordinary("PNG")
    yield "wrong-checksum-of-data.png", patched(whole, len(whole) - 16, b"\x12\x34\x56\x78"), "ok"  # zlib has its own
    yield "wrong-checksum-of-header.png", patched(whole, 29, b"\x12\x34\x56\x78"), "corrupt"
    yield "damaged-data.png", png(picture()).replace(zlib.compress(b"")[:2], b"\0\0", 1), "corrupt"
    yield "text-mode.png", whole.replace(b"\r\n", b"\n"), "corrupt"
    yield "zero-width.png", png(picture(), size=(0, 32)), "corrupt"
    yield "short-of-rows.png", png(picture(), size=(48, 64)), "ok"  # a whole file; Pillow, too, leaves the rest black
    file = heic()
    yield "item-that-is-no-text.heic", patched(file, file.index(b"Exif"), b"E\xd1\xff\x80"), "corrupt"
    yield "item-of-unknown-type.heic", patched(file, file.index(b"Exif"), b"what"), "ok"
    yield "zero-middle.jpg", _zeroed(saved(picture(240, 320), "JPEG")), "ok"


def _zeroed(data: bytes) -> bytes:
    """Overwrite a fifth of the coded samples by zeroes, as a damaged disk does: still a stream that can be decoded."""
    return patched(data, len(data) // 2, bytes(len(data) // 5))


def _cut() -> Entries:
    yield "empty.jpg", b"", "truncated"
    yield "signature-only.jpg", b"\xff\xd8\xff", "truncated"
    yield "signature-only.png", b"\x89PNG\r\n\x1a\n", "truncated"
    yield "zero-bytes.jpg", bytes(4096), "not an image"
    for form in FORMATS:
        for percent in (30, 60, 90):
            yield f"cut-{percent}.{_suffix(form)}", cut(ordinary(form), percent), "truncated"
    yield "cut-50-progressive.jpg", cut(saved(picture(), "JPEG", progressive=True), 50), "truncated"
    yield "cut-70-lzw.tif", cut(saved(picture(), "TIFF", compression="tiff_lzw"), 70), "truncated"
    yield "cut-50-big.tif", cut(saved(picture(), "TIFF", big_tiff=True), 50), "truncated"
    yield "cut-60-lossy.webp", cut(saved(picture(), "WebP", lossless=False), 60), "truncated"
    yield "cut-50-16.png", cut(png(deep(3)), 50), "truncated"
    for form in ("GIF", "WebP", "PNG", "AVIF", "TIFF"):
        yield f"cut-85-animated.{_suffix(form)}", cut(animation(form), 85), "truncated"


def _bombs() -> Entries:
    yield "bomb.png", png(np.zeros((1, 1, 3), np.uint8), size=(20_000, 20_000)), "too large"
    yield "bomb-1-bit.png", saved(Image.new("1", (11_000, 11_000)), "PNG"), "too large"
    yield "bomb.gif", patched(ordinary("GIF"), 6, struct.pack("<HH", 65_000, 65_000)), "too large"
    yield "bomb.bmp", patched(ordinary("BMP"), 18, struct.pack("<ii", 60_000, 60_000)), "too large"
    jpeg = ordinary("JPEG")
    yield "bomb.jpg", patched(jpeg, jpeg_header(jpeg) + 5, struct.pack(">HH", 65_500, 65_500)), "too large"
    tiff = _deep_tiff(deep(3))
    for tag in (256, 257):
        at = tiff.index(struct.pack("<HHI", tag, 3, 1)) + 8
        tiff = patched(tiff, at, struct.pack("<H", 50_000))
    yield "bomb.tif", tiff, "too large"
    webp = ordinary("WebP")
    at = webp.index(b"VP8L") + 9  # 14 bits of width - 1, 14 bits of height - 1
    yield "bomb.webp", patched(webp, at, struct.pack("<I", 16_382 | 16_382 << 14)), "too large"


def _others() -> Entries:
    jpeg = ordinary("JPEG")
    yield "12-bit.jpg", patched(jpeg, jpeg_header(jpeg) + 4, b"\x0c"), "unsupported"
    for name, magic in {
        "photoshop.psd": b"8BPS\0\x01",
        "favicon.ico": b"\0\0\x01\0\x01\0",
        "picture.jxl": b"\xff\x0a\xfa\x1f",
        "boxed.jxl": b"\0\0\0\x0cJXL \r\n\x87\n",
        "picture.jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
        "stream.j2k": b"\xff\x4f\xff\x51\0\x2f",
        "drawing.svg": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        "canon.cr2": b"II*\0\x10\0\0\0CR\x02\0",
        "canon.cr3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
        "fuji.raf": b"FUJIFILMCCD-RAW 0201",
        "picture.ppm": b"P6\n2 2\n255\n" + bytes(12),
        "picture.exr": b"v/1\x01\x02\0\0\0",
        "picture.qoi": b"qoif\0\0\0\x01",
    }.items():
        yield name, magic + bytes(64), "unsupported"
    info = saved(picture(), "TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    yield "camera.dng", info, "unsupported"
    for name, data in {
        "notes.txt": b"BMW, GIFs and II* are only words here.\n" * 9,
        "page.html": b"<!doctype html><title>no picture</title>" * 9,
        "paper.pdf": b"%PDF-1.7\n" + bytes(99),
        "archive.zip": b"PK\x03\x04" + bytes(99),
        "film.mp4": b"\0\0\0\x18ftypisom\0\0\x02\0isommp42" + bytes(99),
        "sound.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(99),
        "program": b"\x7fELF" + bytes(99),
        "random.bin": b"\x01" + random.Random(1).randbytes(5000),
        "random.jpg": b"\x01" + random.Random(2).randbytes(50),
        "byte-order-mark.txt": b"\xff\xfeh\0i\0",
    }.items():
        yield name, data, "not an image"
    for name, magic, outcome in [  # lengths that are nonsense lead past the end
        ("random-after-magic.jpg", b"\xff\xd8\xff", "truncated"),
        ("random-after-magic.png", b"\x89PNG\r\n\x1a\n", "truncated"),
        ("random-after-magic.gif", b"GIF89a", "corrupt"),
        ("random-after-magic.tif", b"II*\0", "truncated"),
    ]:
        yield name, magic + random.Random(3).randbytes(5000), outcome


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn stored samples as EXIF asks, by Pillow's words for it rather than ours."""
    image = Image.fromarray(pixels)
    return np.asarray(image.transpose(TURNS[orientation]) if orientation > 1 else image)
