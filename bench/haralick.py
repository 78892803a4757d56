"""Time our Haralick features against those of mahotas, on the same grey pictures in the same run.

    python bench/haralick.py [FOLDER] [--most 12] [--rounds 5]

Pictures of FOLDER (without it, photographs of installed packages) are reduced to 300 x 200 and 1024 x 768. Both run
on one thread; of each picture the shortest of some rounds is taken, and the medians over the pictures are printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import mahotas
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lookalike.decode import decode
from lookalike.demo import shipped_photographs
from lookalike.descriptors.haralick import grey, haralick
from lookalike.errors import ImageError
from lookalike.transforms import resize

SIZES = ((200, 300), (768, 1024))


def pictures(paths: list[Path], height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the grey pictures of a size."""
    for path in paths:
        try:
            yield grey(resize(decode(path.read_bytes()).pixels, height, width))
        except ImageError:
            continue


def milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--most", type=int, default=12, help="pictures")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.jpg")) if options.folder else shipped_photographs()
    paths = paths[:: max(1, -(-len(paths) // options.most))]
    print("| size | pictures | mahotas ms | ours ms | ratio | largest difference |")
    print("|---|---|---|---|---|---|")
    with threadpool_limits(1):
        for height, width in SIZES:
            theirs, ours, apart = [], [], 0.0
            for levels in pictures(paths, height, width):
                reference, found = mahotas.features.haralick(levels), haralick(levels)
                apart = max(apart, float((np.abs(found - reference) / np.maximum(1, np.abs(reference))).max()))
                for _ in range(options.rounds):  # in turn, so that what else the machine does meets both
                    theirs.append(milliseconds(partial(mahotas.features.haralick, levels)))
                    ours.append(milliseconds(partial(haralick, levels)))
            rows = np.array([theirs, ours]).reshape(2, -1, options.rounds).min(axis=2)
            slow, quick = np.median(rows, axis=1)
            print(
                f"| {width} x {height} | {rows.shape[1]} | {slow:.2f} | {quick:.2f} "
                f"| {np.median(rows[0] / rows[1]):.1f} | {apart:.1e} |"
            )


if __name__ == "__main__":
    main()
