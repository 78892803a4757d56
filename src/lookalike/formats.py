"""What kind of file some bytes are: told by their structure, without decoding anything."""

from __future__ import annotations

import re
import struct

from lookalike.errors import CorruptError, ImageError, NotAnImageError, TruncatedError, UnsupportedError

__all__ = ["FORMATS", "explain", "is_cut", "jpeg_bits", "sniff"]

FORMATS = ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC")

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_OTHER_PICTURES = [  # known, not decoded: said so rather than "not an image"
    (b"8BPS", "Photoshop"), (b"\x00\x00\x01\x00", "icon"), (b"\x00\x00\x02\x00", "cursor"),
    (b"\xff\x0a", "JPEG XL"), (b"\x00\x00\x00\x0cJXL ", "JPEG XL"), (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"), (b"FUJIFILMCCD-RAW", "camera raw"), (b"IIRO", "camera raw"),
    (b"IIRS", "camera raw"), (b"IIU\x00", "camera raw"), (b"FOVb", "camera raw"), (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"), (b"DDS ", "DirectDraw surface"), (b"gimp xcf", "GIMP"), (b"qoif", "QOI"),
    (b"farbfeld", "farbfeld"), (b"BPG\xfb", "BPG"), (b"FLIF", "FLIF"), (b"icns", "Apple icon"),
]  # fmt: skip


_TIFF_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def sniff(data: bytes) -> str:
    """Return which of `FORMATS` the first bytes announce.

    Raises
    ------
    TruncatedError
        If there are no bytes at all.
    UnsupportedError
        If they announce a picture of another format; the message names it.
    NotAnImageError
        If they announce no picture.
    """
    head = bytes(data[:64])
    if not head:
        raise TruncatedError("the file is empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        if head[8:10] == b"CR":
            raise UnsupportedError("camera raw pictures are not decoded; index the JPEG beside it")
        return "TIFF"
    if (
        head.startswith(b"BM")
        and len(head) >= 26
        and struct.unpack("<I", head[14:18])[0] in (12, 40, 52, 56, 64, 108, 124)
    ):
        return "BMP"
    if head[4:8] == b"ftyp":
        return _sniff_boxes(data)
    _refuse(data, head)
    raise NotAnImageError("not an image: its first bytes match no known picture format")


def _refuse(data: bytes, head: bytes) -> None:
    """Raise for what is a picture all the same, damaged or of another format."""
    for magic, name in _OTHER_PICTURES:
        if head.startswith(magic):
            raise UnsupportedError(f"{name} pictures are not decoded; convert it to one of {', '.join(FORMATS)}")
    if b"PNG" in head[:8] or b"IHDR" in head[:32]:
        raise CorruptError("corrupt PNG: its signature is damaged, as by a transfer in text mode")
    if b"<svg" in data[:1024].lower():
        raise UnsupportedError("SVG drawings are not decoded; convert it to PNG")
    if head[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7") and head[2:3].isspace():
        raise UnsupportedError("Netpbm pictures are not decoded; convert it to PNG")


def _sniff_boxes(data: bytes) -> str:
    size = struct.unpack(">I", data[:4])[0]
    brands = {bytes(data[i : i + 4]) for i in (8, *range(16, min(size, 256), 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        _check_item_names(data)
        return "HEIC"
    if bytes(data[8:12]) == b"crx ":
        raise UnsupportedError("camera raw pictures are not decoded; index the JPEG beside it")
    raise NotAnImageError("not an image: a film or another media file")


def _check_item_names(data: bytes) -> None:
    """Raise for a HEIC whose items have names that are not text: pi_heif (1.4) crashes the process over them."""
    for infe in re.finditer(rb"infe[\x02\x03]", data):
        length = int.from_bytes(data[max(0, infe.start() - 4) : infe.start()], "big")
        text = data[infe.end() + 3 + (4 if data[infe.end() - 1] == 2 else 6) : infe.start() - 4 + length]
        try:
            text.decode()
        except UnicodeDecodeError:
            raise CorruptError("corrupt HEIC: the name of an item is not text") from None


def is_cut(data: bytes, kind: str) -> bool:
    """Say whether the file's own structure runs past its end. Meant for files that do not decode."""
    match kind:
        case "JPEG":
            return b"\xff\xd9" not in data[-4096:]
        case "PNG":
            at = 8
            while at + 12 <= len(data):
                length, name = struct.unpack(">I4s", data[at : at + 8])
                if name == b"IEND":
                    return False
                at += 12 + length
            return True
        case "WebP":
            return len(data) < 12 or len(data) < int(struct.unpack("<I", data[4:8])[0]) + 8
        case "BMP":
            return len(data) < int(struct.unpack("<I", data[2:6])[0])
        case "AVIF" | "HEIC":
            return _boxes_are_cut(data)
        case "TIFF":
            return _tiff_is_cut(data)
        case "GIF":
            return _gif_is_cut(data)
    return False


def _gif_is_cut(data: bytes) -> bool:
    """Say whether a block of a GIF runs past the end. Only its last byte missing is common, and costs nothing."""

    def table(flags: int) -> int:
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0

    pictures = 0
    try:
        at = 13 + table(data[10])
        while at < len(data):
            match data[at : at + 1]:
                case b"!":
                    at += 2
                case b",":
                    pictures += 1
                    at += 11 + table(data[at + 9])
                case _:
                    return False
            while data[at]:
                at += 1 + data[at]
            at += 1
    except IndexError:
        return True
    return pictures == 0


def _boxes_are_cut(data: bytes) -> bool:
    """Say whether a box of an AVIF or HEIC runs past the end, or none with what it must hold has begun."""
    at, names = 0, set[bytes]()
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        names.add(name)
        if length == 1 and at + 16 <= len(data):
            length = struct.unpack_from(">Q", data, at + 8)[0]
        if length < 8:  # 0: up to the end, whatever that is
            return False
        at += length
    return at != len(data) or b"mdat" not in names


def _tiff_is_cut(data: bytes) -> bool:
    """Say whether a directory of a TIFF, or a value, strip or tile that it names, lies past the end."""
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    count_form, step, word = ("Q", 20, "Q") if big else ("H", 12, "I")

    def read(form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(order + form, data, at)  # past the end: struct.error

    try:
        (at,), seen = read(word, 8 if big else 4), set[int]()
        while at and at not in seen:
            seen.add(at)
            (count,), places = read(count_form, at), dict[int, tuple[int, ...]]()
            at += struct.calcsize("=" + count_form)
            read(f"{count * step}x{word}", at)
            for entry in range(at, at + count * step, step):
                tag, form, n = read("HH" + word, entry)
                value = entry + step - (8 if big else 4)
                if n * _TIFF_SIZES.get(form, 1) > step + entry - value:
                    value = read(word, value)[0]
                read(f"{n * _TIFF_SIZES.get(form, 1)}x", value)
                if tag in (273, 279, 324, 325) and form in (3, 4, 16):
                    places[tag] = read(f"{n}{'HIQ'[(3, 4, 16).index(form)]}", value)
            starts, sizes = places.get(273, places.get(324, ())), places.get(279, places.get(325, ()))
            if any(start + size > len(data) for start, size in zip(starts, sizes, strict=False)):
                return True
            (at,) = read(word, at + count * step)
    except (struct.error, OverflowError, MemoryError):
        return True
    return False


def jpeg_bits(data: bytes) -> int:
    """Bits of a sample as the frame header tells, or 0 where none is found."""
    at = 2
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[at + 4]
        at += 2 + length
    return 0


def explain(error: Exception, data: bytes, kind: str) -> ImageError:
    """Return what a codec's exception means for the user."""
    words = str(error).strip() or type(error).__name__
    if is_cut(data, kind) or "truncated" in words.lower():
        return TruncatedError(f"truncated: the {kind} ends too early ({len(data):,} bytes)")
    if kind == "JPEG" and (bits := jpeg_bits(data)) not in (0, 8):
        return UnsupportedError(f"JPEGs of {bits} bits a sample are not decoded; convert it to PNG")
    if (
        isinstance(error, NotImplementedError)
        or "not implemented" in words.lower()
        or "unsupported" in words.lower()
        or "not supported" in words.lower()
    ):
        return UnsupportedError(f"a form of {kind} that is not decoded: {words}")
    if "not identified" in words or isinstance(error, (struct.error, LookupError)):
        words = "its header makes no sense"
    return CorruptError(f"corrupt {kind}: {words}")
