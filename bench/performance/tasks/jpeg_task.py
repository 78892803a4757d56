"""Decode JPEGs at a reduced scale, some times each: python jpeg.py LISTING SIDE lookalike|opencv|simplejpeg."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from told import files_of, tell, timed

TIMES = 5


def decoder(who: str, side: int) -> Callable[[bytes], object]:
    """Return what decodes a JPEG so that its shorter side has at least `side` pixels."""
    if who == "lookalike":
        from lookalike.decode import decode

        return lambda data: decode(data, min_side=side).pixels
    if who == "simplejpeg":
        import simplejpeg

        return lambda data: simplejpeg.decode_jpeg(data, "RGB", min_height=side, min_width=side, min_factor=1)
    import cv2

    flags = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}

    def read(data: bytes) -> object:
        import simplejpeg

        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        factor = max((f for f in flags if min(height, width) // f >= side), default=1)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags.get(factor, cv2.IMREAD_COLOR))
        assert picture is not None
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    return read


def main() -> None:
    listing, side, who = sys.argv[1:]
    files = [Path(path).read_bytes() for path in files_of(listing)]
    decode = decoder(who, int(side))
    decode(files[0])
    tell(timed(lambda: [decode(data) for data in files], TIMES))


if __name__ == "__main__":
    main()
