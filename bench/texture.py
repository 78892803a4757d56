r"""How often a logistic regression on Haralick's features is right, by the size of the pictures.

    python bench/texture.py FOLDER [--labels 'name:(\D+)\d\d$'] [--seeds 10]

Each picture is reduced by area to each longer side; vectors are standardised on all pictures; 5 stratified folds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lookalike.classify import cross_validate
from lookalike.decode import decode
from lookalike.descriptors.haralick import Haralick
from lookalike.labels import read_labels
from lookalike.results import Gallery
from lookalike.store.scaler import fit_scaler
from lookalike.transforms import resize
from lookalike.types import RGBImage

SIDES = (1024, 768, 512, 384, 256, 192, 128)


def reduced(pixels: RGBImage, side: int) -> RGBImage:
    """Return a picture with that longer side, or as it is if it is no larger."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    return pixels if scale >= 1 else resize(pixels, max(1, round(height * scale)), max(1, round(width * scale)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", default=r"name:(\D+)\d\d$")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    files = sorted(map(str, options.folder.rglob("*.jpg")))
    labels = read_labels(options.labels, files)
    print("| longer side | mean accuracy | least | most | seed 0 |\n|---|---|---|---|---|")
    for side in SIDES:
        pictures = (reduced(decode(Path(path).read_bytes()).pixels, side) for path in files)
        rows = np.concatenate([Haralick().embed([picture]) for picture in pictures])
        rows = fit_scaler([rows], rows.shape[1]).standardise(rows)
        gallery = Gallery.from_arrays(rows, labels, files, metric="l2")
        found = [
            cross_validate(gallery, method="logistic", folds=5, seed=seed).accuracy for seed in range(options.seeds)
        ]
        print(f"| {side} | {np.mean(found):.3f} | {min(found):.3f} | {max(found):.3f} | {found[0]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
