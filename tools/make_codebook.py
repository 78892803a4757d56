"""Build the codebook of visual words, ``src/lookalike/index/codebook/rootsift.npz``, from a folder of pictures.

The one that ships was trained on Caltech-101 (Li, Andreeto, Ranzato and Perona, CC BY 4.0; https://doi.org/10.22002/D1.20086):

    python tools/make_codebook.py ../shared/data/caltech101 --except BACKGROUND_Google

Every third picture is left out, so that what is measured on those is measured on pictures that it has not seen. It
holds cluster centres, directions drawn by lot and medians, all rounded to integers; no part of a picture.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from lookalike.decode import decode
from lookalike.descriptors.local import local_features, working_picture

FOLDER = Path(__file__).parents[1] / "src/lookalike/index/codebook"
CENTRES, HALF, BITS, SEED = 256, 64, 32, 4


def gathered(paths: list[Path], wanted: int) -> NDArray[np.uint8]:
    """Return about as many rows as wanted, evenly of all pictures."""
    each = max(1, wanted // len(paths))
    chance = np.random.default_rng(SEED)
    rows = []
    for path in paths:
        found = local_features(working_picture(decode(path.read_bytes()).pixels)).rows
        rows.append(found[chance.permutation(len(found))[:each]])
    return np.concatenate(rows)


def centres_of(half: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 256 centres by k-means, rounded."""
    means = faiss.Kmeans(HALF, CENTRES, niter=20, seed=SEED, max_points_per_centroid=4096)
    means.train(np.ascontiguousarray(half))
    rounded: NDArray[np.uint8] = np.clip(np.rint(np.asarray(means.centroids)), 0, 255).astype(np.uint8)
    return rounded


def directions() -> NDArray[np.int8]:
    """Return orthogonal directions drawn by lot, length 127."""
    chance = np.random.default_rng(SEED)
    drawn = [np.linalg.qr(chance.standard_normal((HALF, HALF)))[0][:BITS] for _ in range(2)]
    lines: NDArray[np.int8] = np.rint(np.stack(drawn) * 127).astype(np.int8)
    return lines


def medians(half: NDArray[np.float32], centres: NDArray[np.uint8], lines: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return the median of each direction among the rows of each centre, (256, 32); of all rows where it has none."""
    wide = centres.astype(np.float32)
    nearest = (np.square(wide).sum(1) - 2 * half @ wide.T).argmin(1)
    projected = half @ lines.T.astype(np.float32)
    found = np.tile(np.median(projected, axis=0), (CENTRES, 1))
    for centre in np.unique(nearest):
        found[centre] = np.median(projected[nearest == centre], axis=0)
    return np.floor(found).astype(np.int32)


def main() -> None:
    """Write the codebook and its sha256."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--except", dest="without", action="append", default=[], help="subfolders that are left out")
    parser.add_argument("--rows", type=int, default=600_000, help="rows that are trained on, about")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    paths = sorted(path for path in options.folder.rglob("*.jpg") if path.parent.name not in options.without)
    rows = gathered([path for number, path in enumerate(paths) if number % 3], options.rows).astype(np.float32)
    halves = (rows[:, :HALF], rows[:, HALF:])
    centres = np.stack([centres_of(half) for half in halves])
    lines = directions()
    thresholds = np.stack([medians(half, centres[h], lines[h]) for h, half in enumerate(halves)])
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "rootsift.npz"
    np.savez_compressed(path, centres=centres, directions=lines, thresholds=thresholds)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".npz.sha256").write_text(f"{digest}  {path.name}\n")
    print(f"{len(rows)} rows of {len(paths)} pictures; {path.stat().st_size} bytes; sha256 {digest}")


if __name__ == "__main__":
    main()
