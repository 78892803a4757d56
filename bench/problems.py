"""How well problems of single pictures are found: wrong labels that are planted, and harm that is done to pictures.

    python bench/problems.py LIBRARY [--labels folder] [--planted 100] [--seeds 3] [--pictures 300]

Labels: of the pictures of an indexed library, some get the label of another class, drawn by lot. How many of them are
among as many proposals, and how many among all that are named? Harm: pictures drawn by lot are measured as they are,
and after having been blurred, smeared, or taken with more or less light.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

import lookalike
from lookalike.decode import decode
from lookalike.defaults import PROBLEM_THRESHOLDS
from lookalike.edits import edit
from lookalike.problems import Measures, class_probabilities, judge, measure_pixels
from lookalike.results import Gallery
from lookalike.types import RGBImage


def labels(gallery: Gallery, planted: int, seeds: int) -> None:
    names = sorted({label for label in gallery.labels if label})
    right = np.array([names.index(label or "") for label in gallery.labels])
    print(f"{len(right):,} pictures of {len(names)} labels, {planted} wrong ones planted\n")
    print("| seed | planted among the first proposals | named | planted among them | seconds |\n|---|---|---|---|---|")
    for seed in range(seeds):
        lot = np.random.default_rng(seed)
        given = right.copy()
        at = lot.choice(len(right), planted, replace=False)
        given[at] = (given[at] + lot.integers(1, len(names), planted)) % len(names)
        started = time.perf_counter()
        told = class_probabilities(gallery.numbers, given)
        seconds = time.perf_counter() - started
        own = told[np.arange(len(given)), given]
        doubted = np.where(told.argmax(axis=1) != given, own, np.inf)
        first = np.argsort(doubted, kind="stable")[:planted]
        named = np.flatnonzero(doubted < PROBLEM_THRESHOLDS["mislabelled"])
        hits = [len(set(at.tolist()) & set(some.tolist())) for some in (first, named)]
        print(f"| {seed} | {hits[0]} of {planted} | {len(named)} | {hits[1]} | {seconds:.1f} |", flush=True)


def exposed(image: RGBImage, stops: float) -> RGBImage:
    """Return a picture taken with so many stops more light, by the curve of sRGB."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    more = np.clip(linear * 2.0**stops, 0, 1)
    curve = np.where(more <= 0.0031308, 12.92 * more, 1.055 * more ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * curve).astype(np.uint8)[image], np.uint8)


def blurred(image: RGBImage, thousandths: float) -> RGBImage:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), thousandths * max(image.shape) / 1000), np.uint8)


def washed(image: RGBImage, least: int) -> RGBImage:
    """Return a picture whose levels are pressed together above a least one."""
    return np.asarray(least + image.astype(np.int64) * (255 - least) // 255, np.uint8)


def _harms() -> dict[str, tuple[str, Callable[[RGBImage, int], RGBImage]]]:
    """Return what is done to pictures, with the problem that it makes."""
    found: dict[str, tuple[str, Callable[[RGBImage, int], RGBImage]]] = {"untouched": ("", lambda image, _: image)}
    for size in (2, 4, 6, 8):
        found[f"blurred by {size} ‰ of its longer side"] = "blurred", partial(_blurred, size)
    for strength in ("weak", "middle", "strong"):
        found[f"smeared along a line, {strength}"] = "blurred", partial(_smeared, strength)
    for stops in (-2, -3, -4, 3, 4, 5):
        found[f"{stops:+} stops of light"] = "dark" if stops < 0 else "bright", partial(_exposed, stops)
    found["nothing darker than .6"] = "bright", lambda image, _: washed(image, 153)
    found["a twentieth of the contrast"] = "low-information", lambda image, _: (image // 20 + 120).astype(np.uint8)
    return found


def _blurred(size: float, image: RGBImage, _: int) -> RGBImage:
    return blurred(image, size)


def _smeared(strength: str, image: RGBImage, seed: int) -> RGBImage:
    return edit(image, "motion-blur", strength, seed)


def _exposed(stops: float, image: RGBImage, _: int) -> RGBImage:
    return exposed(image, stops)


def harm(images: list[RGBImage]) -> Iterator[str]:
    yield f"\n{len(images)} pictures\n\n| harm | named so | named |\n|---|---|---|"
    for name, (kind, make) in _harms().items():
        found = [judge("", _measured(make(image, seed))).kinds for seed, image in enumerate(images)]
        if kind:
            yield f"| {name} | {kind} | {np.mean([kind in kinds for kinds in found]):.3f} |"
        else:
            kinds = ("blurred", "dark", "bright", "low-information")
            shares = ", ".join(f"{kind} {np.mean([kind in some for some in found]):.3f}" for kind in kinds)
            yield f"| {name} | | {shares} |"


def _measured(image: RGBImage) -> Measures:
    return Measures(image.shape[1], image.shape[0], measure_pixels(image))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--labels", default="folder")
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=300)
    options = parser.parse_args()
    with lookalike.open(options.library, create=False) as library:
        gallery = library.gallery(labels=options.labels)
    labels(gallery.labelled(), options.planted, options.seeds)
    chosen = np.random.default_rng(0).choice(len(gallery), min(options.pictures, len(gallery)), replace=False)
    images = [decode(Path(gallery.uris[at]).read_bytes(), min_side=384).pixels for at in sorted(chosen.tolist())]
    for line in harm(images):
        print(line, flush=True)


if __name__ == "__main__":
    main()
