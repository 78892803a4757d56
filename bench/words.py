"""How often the original of an edited picture is among the first that `WordIndex` names, and how long that takes.

    python bench/words.py ../shared/data/caltech101 --hosts BACKGROUND_Google --strength middle

The gallery is every third picture of the folder, those that the shipped codebook was not trained on (``--all``: all of
them); of those third ones some are edited, each kind of `lookalike.edits` equally often, with pictures of the
subfolder `--hosts`, which are not in the gallery, to be pasted into.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from lookalike.decode import decode
from lookalike.descriptors.local import local_features, mirrored, negative, working_picture
from lookalike.edits import KINDS, STRENGTHS, edit
from lookalike.index import WordIndex
from lookalike.types import LocalFeatures, RGBImage


def variants(features: LocalFeatures) -> list[LocalFeatures]:
    """Return the features as they are, mirrored, negative, and both."""
    other = mirrored(features)
    return [features, other, negative(features), negative(other)]


def picture(path: Path) -> RGBImage:
    """Return a decoded picture."""
    return decode(path.read_bytes()).pixels


def main() -> None:
    """Print recall by rank and by kind, and times of one core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hosts", default="BACKGROUND_Google")
    parser.add_argument("--strength", default="middle", choices=STRENGTHS)
    parser.add_argument("--each", type=int, default=10, help="queries of each kind")
    parser.add_argument("--kept", type=int, default=800, help="keypoints of a query at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    chance = np.random.default_rng(options.seed)
    paths = sorted(options.folder.rglob("*.jpg"))
    hosts = [path for path in paths if path.parent.name == options.hosts]
    paths = [path for path in paths if path.parent.name != options.hosts]
    step = 1 if options.all else 3
    gallery = [local_features(working_picture(picture(path))) for path in paths[::step]]
    index = WordIndex()
    start = time.process_time()
    index.add(np.arange(len(gallery)), gallery)
    index.search(gallery[:1], 1)
    count = sum(len(one.rows) for one in gallery)
    spent = time.process_time() - start
    print(f"{len(gallery)} pictures, {count} keypoints, indexed in {spent:.1f} s")
    ranks: dict[str, list[int]] = {kind: [] for kind in KINDS}
    seconds = 0.0
    thirds = np.arange(0, len(paths), 3)
    for kind in KINDS:
        for target in chance.choice(thirds, options.each, replace=False):
            others = [picture(hosts[i]) for i in chance.choice(len(hosts), 4, replace=False)]
            copy = edit(picture(paths[target]), kind, options.strength, int(chance.integers(1 << 30)), others)
            features = local_features(working_picture(copy), options.kept)
            start = time.process_time()
            found = index.search(variants(features), 50)
            seconds += time.process_time() - start
            place = np.flatnonzero(found.keys == target // step)
            ranks[kind].append(int(place[0]) if len(place) else 999)
    every = np.concatenate([np.array(found) for found in ranks.values()])
    shares = ", ".join(f"{n}: {(every < n).mean():.3f}" for n in (1, 5, 10, 20, 50))
    print(
        f"{len(every)} queries ({options.strength}), {seconds / len(every) * 1e3:.1f} ms each; among the first {shares}"
    )
    weak = {kind: float(np.mean(np.array(found) < 10)) for kind, found in ranks.items()}
    print("below 1 among the first 10:", {kind: share for kind, share in weak.items() if share < 1})


if __name__ == "__main__":
    main()
