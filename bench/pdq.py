"""What does decoding JPEGs at a reduced scale cost a PDQ hash, and what does it save?

    python bench/pdq.py FOLDER [FOLDER...] [--most 500]

Prints one Markdown table per folder: for each shorter side that is kept, how many bits of 256 differ from the hash of
the full-size picture (of pictures with a quality of at least 50), and the median time to decode and to hash.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lookalike.decode import decode
from lookalike.descriptors.pdq import MIN_QUALITY, hash_with_quality

SIDES = (128, 256, 512, 0)
Row = tuple[int, int, float, float]


def measure(encoded: bytes) -> list[Row] | None:
    """Return (shorter side, bits off, decode ms, hash ms) for each of SIDES, or None for a picture too plain."""
    full, quality = hash_with_quality(decode(encoded).pixels)
    if quality < MIN_QUALITY:
        return None
    rows = []
    for side in SIDES:
        start = time.perf_counter()
        image = decode(encoded, min_side=side or None).pixels
        decoded = time.perf_counter()
        vector, _ = hash_with_quality(image)
        ended = time.perf_counter()
        bits = int(np.bitwise_count(vector ^ full).sum())
        rows.append((min(image.shape[:2]), bits, 1e3 * (decoded - start), 1e3 * (ended - decoded)))
    return rows


def measure_folder(folder: Path, most: int) -> Iterator[list[Row]]:
    """Yield what `measure` gives for at most `most` JPEGs of a folder, evenly picked."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    for path in paths[:: max(1, -(-len(paths) // most))]:
        try:
            rows = measure(path.read_bytes())
        except ValueError:
            continue  # CMYK, or no JPEG whatever its name says.
        if rows:
            yield rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=500, help="pictures of a folder")
    options = parser.parse_args()
    for folder in options.folders:
        measured = np.array(list(measure_folder(folder, options.most)))
        if not len(measured):
            print(f"{folder.name}: no JPEG with a quality of at least {MIN_QUALITY}\n")
            continue
        print(f"{folder.name}, {len(measured)} pictures\n")
        print("| shorter side kept | median side | median bits | p95 bits | max bits | over 31 | decode ms | hash ms |")
        print("|---|---|---|---|---|---|---|---|")
        for column, side in enumerate(SIDES):
            size, bits, decode, hashing = measured[:, column].T
            p95 = np.percentile(bits, 95)
            print(
                f"| {f'>= {side}' if side else 'full'} | {np.median(size):.0f} | {np.median(bits):.0f} | {p95:.0f} "
                f"| {bits.max():.0f} | {(bits > 31).mean():.1%} | {np.median(decode):.2f} | {np.median(hashing):.2f} |"
            )
        print()


if __name__ == "__main__":
    main()
