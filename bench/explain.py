"""Do the maps of ``lookalike compare --explain`` show what makes pictures alike? Hide it and see.

    python bench/explain.py FOLDER_OF_CATEGORY_FOLDERS [--pairs N] [--all]

Draws N (100) pairs of pictures by lot, each of one category. In either picture of a pair, the strongest tenth of
the map's places is covered by the picture's mean colour. What that costs of their similarity (cosine of lite0) is held
against covering a tenth of the places drawn by lot (mean of four drawings), and against the strongest tenth moved
elsewhere in one piece, over the edges if need be (mean of two). Prints a Markdown table; with --all, of the other
ways to make a map that were tried, too.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.decode import decode
from lookalike.descriptors.lite0 import SIDE, Lite0
from lookalike.regions import hide, likeness, strongest
from lookalike.types import RGBImage

Array = NDArray[Any]
Formula = Callable[[Array, Array, Array], Array]


def length(rows: Array) -> Array:
    return np.asarray(np.linalg.norm(rows, axis=-1) + 1e-9)


def smooth(part: Array) -> Array:
    """Return the mean of each place and its eight neighbours."""
    return np.asarray(cv2.blur(part, (3, 3), borderType=cv2.BORDER_REPLICATE))


def left_out(places: Array, mean: Array, _usual: Array) -> Array:
    """What the similarity loses when the place is left out of the picture's mean."""
    rest = places.mean(axis=(0, 1)) - places / (places.shape[0] * places.shape[1])
    return np.asarray(-(rest @ mean) / length(rest))


# Each takes the places of a picture (rows, columns, dim), the mean vector of the other, and the mean of many pictures.
FORMULAS: dict[str, Formula] = {
    "dot product": lambda places, mean, _: places @ mean,
    "dot product, smooth": lambda places, mean, _: smooth(places @ mean),
    "centred dot product": lambda places, mean, usual: (places - usual) @ (mean - usual),
    "cosine": lambda places, mean, _: places @ mean / length(places),
    "cosine, smooth": lambda places, mean, _: smooth(places @ mean / length(places)),
    "left out": left_out,
    "length alone": lambda places, _, __: length(places),
}
SIZES = {"7 x 7": SIDE, "14 x 14": 2 * SIDE}


class Trial:
    """What is known of one picture of a pair and the other, at both resolutions."""

    def __init__(self, lite0: Lite0, images: list[RGBImage], usual: dict[str, Array]) -> None:
        self.lite0, self.images, self.usual = lite0, images, usual
        self.vectors = lite0.embed(images)
        self.places = {
            name: lite0.spatial(images, side=side).astype(np.float64) for name, side in SIZES.items() if name in usual
        }
        self.own = lite0.spatial(images)

    def maps(self, at: int, formulas: dict[str, Formula]) -> dict[str, Array]:
        """Return the maps of picture 0 or 1: the one in use, and those of `formulas`."""
        found = {"in use": likeness(self.own[at], self.own[1 - at])}
        for name, formula in formulas.items():
            parts = []
            for size, places in self.places.items():
                parts.append(formula(places[at], places[1 - at].mean(axis=(0, 1)), self.usual[size]))
                found[f"{name}, {size}"] = parts[-1]
            # Cubic interpolation brings the coarse one to the finer grid; each counts as much as the other.
            up = cv2.resize(parts[0], parts[1].shape[::-1], interpolation=cv2.INTER_CUBIC)
            found[f"{name}, both"] = up / np.abs(up).mean() + parts[1] / np.abs(parts[1]).mean()
        return found

    def costs(self, at: int, masks: list[Array]) -> Array:
        """Return what covering each mask of one picture costs of the similarity."""
        image = self.images[at]
        similar = self.lite0.embed([image, *(hide(image, mask) for mask in masks)]) @ self.vectors[1 - at]
        return np.asarray(similar[0] - similar[1:])


def by_lot(mask: Array, dice: np.random.Generator) -> Array:
    """Return as many places as `mask` has, anywhere."""
    return np.asarray(dice.permutation(mask.ravel()).reshape(mask.shape))


def moved(mask: Array, dice: np.random.Generator) -> Array:
    """Return the mask shifted by any distance but none."""
    return np.asarray(np.roll(mask, np.divmod(dice.integers(1, mask.size), mask.shape[1]), (0, 1)))


def draw(root: Path, pairs: int) -> tuple[list[list[RGBImage]], list[RGBImage]]:
    """Return pairs of pictures of one category each, and one other picture of each category."""
    lot = random.Random(0)
    categories = sorted(path for path in root.iterdir() if path.is_dir() and path.name != "BACKGROUND_Google")
    lot.shuffle(categories)
    drawn, others = [], []
    for number in range(max(pairs, len(categories))):
        category = categories[number % len(categories)]
        a, b, other = (decode(path.read_bytes()).pixels for path in lot.sample(sorted(category.iterdir()), 3))
        drawn.append([a, b])
        others.append(other)
    return drawn[:pairs], others[: len(categories)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args()
    formulas = FORMULAS if asked.all else {}
    lite0, dice = Lite0("cpu"), np.random.default_rng(0)
    pairs, others = draw(asked.folder, asked.pairs)
    sizes = SIZES if asked.all else {}
    usual = {name: lite0.spatial(others, side=side).mean(axis=(0, 1, 2)) for name, side in sizes.items()}
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for number, images in enumerate(pairs, 1):
        trial = Trial(lite0, images, usual)
        for at in (0, 1):
            tops = {name: strongest(part.astype(np.float32)) for name, part in trial.maps(at, formulas).items()}
            grids = {top.shape: top for top in tops.values()}
            lots = {shape: [by_lot(top, dice) for _ in range(4)] for shape, top in grids.items()}
            shifts = [moved(tops["in use"], dice) for _ in range(2)]
            masks = [*tops.values(), *(mask for drawn in lots.values() for mask in drawn), *shifts]
            costs = iter(trial.costs(at, masks))
            of_tops = {name: next(costs) for name in tops}
            of_lots = {shape: float(np.mean([next(costs) for _ in drawn])) for shape, drawn in lots.items()}
            of_moved = float(np.mean([next(costs) for _ in shifts]))
            for name, top in tops.items():
                rows.setdefault(name, []).append((float(of_tops[name]), of_lots[top.shape], of_moved))
        print(f"{number} of {len(pairs)}", end="\r", file=sys.stderr, flush=True)
    print(f"{len(pairs)} pairs, {2 * len(pairs)} maps each; the strongest tenth moved in one piece costs ", end="")
    print(f"{np.mean([row[2] for row in rows['in use']]):.4f}\n")
    print("| map | strongest tenth | a tenth by lot | pairs in which the strongest costs more |\n|---|---|---|---|")
    for name, found in rows.items():
        top, lot, _ = np.array(found).T
        both = (top[::2] + top[1::2] > lot[::2] + lot[1::2]).mean()
        print(f"| {name} | {top.mean():.4f} | {lot.mean():.4f} | {both:.0%} |")


if __name__ == "__main__":
    main()
