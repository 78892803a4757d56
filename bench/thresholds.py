"""On what do the thresholds of `lookalike duplicates` rest? Edited copies of photographs among other photographs.

    python bench/thresholds.py FOLDER [PICTURES]

Takes PICTURES (default 400) pictures of FOLDER at random, makes an edit of each kind of each, and prints which share of
the edits each level finds, and how many pairs of an edit with another picture than its original it finds falsely.
Pairs are not counted as false where the two originals pass too: photographs repeat in real folders.
"""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from lookalike.decode import decode
from lookalike.defaults import LEVELS
from lookalike.descriptors import describe, get_descriptor
from lookalike.descriptors.pdq import MIN_QUALITY, turned_from_hashes
from lookalike.duplicates import levels
from lookalike.metrics import pairwise

Edit = Callable[[Image.Image], Image.Image]


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def cropped(image: Image.Image, share: float) -> Image.Image:
    side = share**0.5
    w, h = round(image.width * side), round(image.height * side)
    x, y = (image.width - w) // 3, (image.height - h) // 3
    return image.crop((x, y, x + w, y + h))


def captioned(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).rectangle((0, round(image.height * 0.86), image.width, image.height), fill=(0, 0, 0))
    return image


EDITS: dict[str, Edit] = {
    "half size": lambda x: x.resize((max(1, x.width // 2), max(1, x.height // 2))),
    "JPEG quality 30": lambda x: recompressed(x, 30),
    "JPEG quality 10": lambda x: recompressed(x, 10),
    "brighter by 20 %": lambda x: ImageEnhance.Brightness(x).enhance(1.2),
    "grey": lambda x: x.convert("L").convert("RGB"),
    "caption over 14 %": captioned,
    "border of 5 %": lambda x: ImageOps.expand(x, round(0.05 * min(x.size)), (255, 255, 255)),
    "cropped to 90 %": lambda x: cropped(x, 0.9),
    "cropped to 60 %": lambda x: cropped(x, 0.6),
    "mirrored": ImageOps.mirror,
    "turned by 90 degrees": lambda x: x.transpose(Image.Transpose.ROTATE_90),
    "turned by 10 degrees": lambda x: x.rotate(10, Image.Resampling.BICUBIC),
}


def main() -> None:
    root, wanted = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    random.Random(1).shuffle(paths)
    pdq, lite0 = get_descriptor("pdq"), get_descriptor("lite0")
    originals = [Image.fromarray(decode(p.read_bytes(), min_side=256).pixels) for p in paths[:wanted]]
    arrays = [np.asarray(image) for image in originals]
    hashes, quality = describe(pdq, arrays)
    vectors, _ = describe(lite0, arrays)
    aspect = np.array([image.width / image.height for image in originals])
    own_bits = turned_bits(hashes, hashes)
    own_cosine = pairwise(vectors, vectors, "cosine")
    among = verdicts(own_bits, own_cosine, quality, quality, aspect, aspect)
    print(f"{wanted} pictures of {root.name}, {len(EDITS)} edits each\n")
    names = LEVELS[2:]
    print("| edit | median bits | median cosine | " + " | ".join(names) + " |\n|---|---|---|" + "---|" * len(names))
    false = np.zeros(len(names), int)
    for name, edit in EDITS.items():
        edits = [np.asarray(edit(image)) for image in originals]
        h, q = describe(pdq, edits)
        v, _ = describe(lite0, edits)
        shape = np.array([e.shape[1] / e.shape[0] for e in edits])
        bits, cosine = turned_bits(h, hashes), pairwise(v, vectors, "cosine")
        rank = verdicts(bits, cosine, q, quality, shape, aspect)
        found = [float(np.mean(rank.diagonal() <= i)) for i in range(len(names))]
        for i in range(len(names)):
            wrong = (rank <= i) & (among > i)
            np.fill_diagonal(wrong, val=False)
            false[i] += int(wrong.sum())
        middle = np.median(bits.min(axis=0).diagonal()), np.median(cosine.diagonal())
        print(
            f"| {name} | {middle[0]:.0f} | {middle[1]:.3f} | " + " | ".join(f"{x:.3f}" for x in found) + " |",
            flush=True,
        )
    pairs = len(EDITS) * wanted * (wanted - 1)
    print(f"| false, of {pairs / 1e6:.1f} million pairs | | | " + " | ".join(map(str, false)) + " |")


def turned_bits(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Return (8, n, m): the hash distance in each orientation of the query."""
    return np.stack([pairwise(turned, gallery, "hamming") for turned in turned_from_hashes(queries)])


def verdicts(bits: np.ndarray, cosine: np.ndarray, q: Any, p: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return 0, 1, 2 for same-picture, edited, same-scene and 3 for none, as `near_pairs` does."""
    plain = (q < MIN_QUALITY)[:, None] | (p < MIN_QUALITY)
    both = (q < MIN_QUALITY)[:, None] & (p < MIN_QUALITY)
    nearest = np.where(plain, 999, bits.min(axis=0))
    upright = np.where(plain, 999, bits[0])
    rank = np.full(cosine.shape, 3)
    rank[cosine <= levels.SCENE_COSINE] = 2
    edited = ((nearest <= levels.EDIT_BITS) & (cosine <= levels.EDIT_COSINE)) | (cosine <= levels.CROP_COSINE)
    rank[edited] = 1
    same = np.abs(a[:, None] / b - 1) <= 0.02
    rank[(upright <= levels.SAME_BITS) & (cosine <= levels.SAME_COSINE) & same] = 0
    rank[both] = 3
    return rank


if __name__ == "__main__":
    main()
