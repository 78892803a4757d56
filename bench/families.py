"""The public five-edit test: of each photograph a crop, both mirrors, a turn by 25 degrees, and a resize to a square.

python bench/families.py CALTECH101 [--photographs 1800] [--seed 0] [--folder PATH]

CALTECH101 is the folder of that name with a folder for each category. Only the half of its pictures on which no weight
was fitted is taken, without BACKGROUND_Google and Faces_easy, and without pictures that have a copy among those drawn.
The six pictures of a family make 15 pairs; all of them count. Each is JPEG, quality 90. Prints how many of the pairs
`duplicates --level edited` finds at 99 % and 100 % precision and at a probability of .5, and the surest false ones.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import lookalike
from copies import reporting_half
from lookalike.defaults import PROBABILITY
from lookalike.library import Library

EDITS = ("crop", "left to right", "upside down", "25 degrees", "square")


def edited(path: Path) -> Iterator[tuple[str, Image.Image]]:
    """Yield a photograph as it is and its five edits."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    yield "original", image
    yield (
        EDITS[0],
        image.crop((width // 10, height // 10, width // 10 + width * 7 // 10, height // 10 + height * 7 // 10)),
    )
    yield EDITS[1], image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    yield EDITS[2], image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    yield EDITS[3], image.rotate(25, Image.Resampling.BICUBIC)
    yield EDITS[4], image.resize((min(image.size),) * 2, Image.Resampling.LANCZOS)


def tell(what: str, done: float, total: float) -> None:
    print(f"\r{what} {done:.0f} of {total:.0f}  ", end="", file=sys.stderr, flush=True)


def pairs_of(library: Library) -> tuple[list[tuple[Path, Path]], list[float]]:
    """Return the pairs of files that `duplicates --level edited` proves, and their probabilities."""
    images, found = library.pairs(
        level="edited", probability=PROBABILITY, progress=lambda done, total: tell("comparing", done, total)
    )
    names: dict[int, list[Path]] = {}
    for image in images:
        names.setdefault(image.content_id, []).append(Path(image.uri))
    pairs = [(pair, 1.0) for same in names.values() for pair in itertools.combinations(same, 2)]
    for pair in found.pairs:
        pairs += [((a, b), pair.probability) for a in names[pair.a] for b in names[pair.b]]
    return [pair for pair, _ in pairs], [probability for _, probability in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("caltech", type=Path)
    parser.add_argument("--photographs", type=int, default=1800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--folder",
        type=Path,
        help="of pictures and library, whose verdicts are taken again; default: one that is removed",
    )
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = reporting_half(given.caltech, given.photographs + 100, given.seed)
        with lookalike.open(folder / "originals.lookalike") as library:
            library.add(paths)
            groups = library.duplicates(
                level="edited", progress=lambda done, total: tell("originals", done, total)
            ).groups
        repeated = {member.uri for group in groups for member in group.members}
        paths = [path for path in paths if str(path.absolute()) not in repeated][: given.photographs]
        for number, path in enumerate(paths):
            (folder / "pictures" / f"{number:04}").mkdir(parents=True, exist_ok=True)
            for name, image in edited(path):
                image.save(folder / "pictures" / f"{number:04}" / f"{name}.jpg", quality=90)
        started = None if (folder / "families.lookalike").exists() else time.monotonic()
        with lookalike.open(folder / "families.lookalike") as library:
            library.add(folder / "pictures", progress=lambda report: tell("indexing", report.found, report.total or 0))
            pictures = library.status().indexed
            pairs, told = pairs_of(library)
        print(file=sys.stderr)
        took = "" if started is None else f", {(time.monotonic() - started) / 60:.1f} minutes with indexing"
        show(len(paths), pictures, pairs, np.array(told), took)


def show(families: int, pictures: int, pairs: list[tuple[Path, Path]], told: np.ndarray, took: str) -> None:
    """Print what was found."""
    truth = np.array([a.parent == b.parent for a, b in pairs])
    wanted = 15 * families
    order = np.argsort(-told, kind="stable")
    right = np.cumsum(truth[order])
    precision = right / np.arange(1, len(order) + 1)
    last = np.append(np.diff(told[order]) != 0, True)  # a threshold takes all pairs of one probability
    print(f"{families} photographs, {pictures} pictures, {wanted} pairs within families; {len(pairs)} pairs called "
          f"copies{took}\n")  # fmt: skip
    for limit in (0.99, 1.0):
        good = last & (precision >= limit)
        print(f"recall at {limit:.0%} precision: {right[good].max(initial=0) / wanted:.4f}")
    print(f"at a probability of {PROBABILITY}: recall {truth.sum() / wanted:.4f}, precision {truth.mean():.5f}\n")
    print("| pair | found |\n|---|---|")
    found = {frozenset(pair) for pair in pairs}
    parents = sorted({path.parent for pair in pairs for path in pair})
    for one, two in itertools.combinations(("original", *EDITS), 2):
        hits = sum(frozenset((p / f"{one}.jpg", p / f"{two}.jpg")) in found for p in parents)
        print(f"| {one}, {two} | {hits / families:.4f} |")
    print("\nSurest false pairs:")
    for at in [at for at in order if not truth[at]][:12]:
        a, b = pairs[at]
        print(f"  {told[at]:.4f} {a.parent.name}/{a.name} {b.parent.name}/{b.name}")


if __name__ == "__main__":
    main()
