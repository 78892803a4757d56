"""The CNN system's figures: the published recipe with and without its leak, fair folds, and 101 categories.

python bench/cnn.py published CALTECH101     the recipe as it was: both accuracies, with and without the leak
python bench/cnn.py folds CALTECH101         the five categories, 5 folds, copies on one side: vectors, networks
python bench/cnn.py categories CALTECH101    101 categories, 30 training pictures each, mean accuracy of the classes

CALTECH101 is the folder of that name with a folder for each category. `--method NAME` (several times) takes some of
the ways only, `--seeds N` repeats with other splits.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import open as open_library
from lookalike.classify import fit_classifier
from lookalike.decode import decode
from lookalike.library import Library
from lookalike.splitting import Split
from lookalike.training import RECIPES, Recipe, train_cnn
from lookalike.training.published import published_recipe
from lookalike.transforms import resize

FIVE = ("brain", "BACKGROUND_Google", "crayfish", "helicopter", "okapi")
Ints = NDArray[np.intp]
Way = Callable[[Split, Split, Library, int], NDArray[np.str_]]


def category(path: Path) -> list[Path]:
    return sorted(path.glob("*.jpg"))


def published(folder: Path, seeds: int, rate: float) -> None:
    """Print what the published recipe comes to."""
    images, targets = [], []
    for number, name in enumerate(FIVE):
        for path in category(folder / name):
            images.append(resize(decode(path.read_bytes(), min_side=64).pixels, 64, 64))
            targets.append(number)
    print("| pictures trained on | split | accuracy as reported | accuracy | tested on copies | seconds |")
    print("|---|---|---|---|---|---|")
    for augmented, leak, what in (
        (False, False, "before"), (True, True, "after augmenting"), (True, False, "before augmenting"),
    ):  # fmt: skip
        for seed in range(seeds):
            found = published_recipe(
                np.stack(images), np.array(targets), augmented=augmented, leak=leak, seed=seed, learning_rate=rate
            )
            print(f"| {found.trained:,} | {what} | {found.binary_accuracy:.3f} | {found.accuracy:.3f} | "
                  f"{found.leaked:.0%} | {found.seconds:.0f} |", flush=True)  # fmt: skip


def vectors(*descriptors: str, balanced: bool, regularisation: float = 1.0) -> Way:
    def label(train: Split, test: Split, library: Library, _seed: int) -> NDArray[np.str_]:
        """Label by standardised vectors and logistic regression, as `lookalike classify` does."""
        known, asked = [], []
        for name in descriptors:
            gallery = library.gallery(descriptor=name)
            at = {uri: row for row, uri in enumerate(gallery.uris)}
            one = gallery.take([at[uri] for uri in train.uris])
            known.append(dataclasses.replace(one, labels=train.labels))
            asked.append(gallery.vectors[[at[uri] for uri in test.uris]])
        fitted = fit_classifier(known, balanced=balanced, regularisation=regularisation)
        return np.array(fitted.predict(np.hstack(asked)))

    return label


def network(recipe: Recipe) -> Way:
    def label(train: Split, test: Split, _library: Library, seed: int) -> NDArray[np.str_]:
        """Train, stopping by a part of the training pictures; label the others."""
        with tempfile.TemporaryDirectory() as folder:
            lot = np.random.default_rng(seed).permutation(max(train.groups) + 1)
            inner = ["val" if lot[group] < 0.1 * len(lot) else "train" for group in train.groups]
            uris, labels = [*train.uris, *test.uris], [str(one) for one in (*train.labels, *test.labels)]
            parts = [*inner, *["test"] * len(test)]
            report = train_cnn(uris, labels, parts, name="bench", recipe=recipe, seed=seed, folder=Path(folder),
                               progress=tell)  # fmt: skip
        found = {uri: predicted for uri, part, _, predicted, _ in report.predictions if part == "test"}
        return np.array([found[uri] for uri in test.uris])

    return label


def tell(stage: str, done: int, total: int, measures: dict[str, float]) -> None:
    if measures:
        print(f"  {stage} {done}/{total}", {name: round(value, 4) for name, value in measures.items()}, file=sys.stderr)


LARGE = ("lite0:320",)
BOTH = ("lite0", "lite0:320")
WAYS: dict[str, Way] = {
    "lite0": vectors("lite0", balanced=False),
    "lite0, balanced": vectors("lite0", balanced=True),
    "lite0:320": vectors(*LARGE, balanced=False),
    "lite0:320, balanced": vectors(*LARGE, balanced=True),
    "both": vectors(*BOTH, balanced=False),
    "both, balanced": vectors(*BOTH, balanced=True),
    "both, regularisation 100": vectors(*BOTH, balanced=False, regularisation=100),
    **{f"network {name}": network(recipe) for name, recipe in RECIPES.items()},
}


def folds(folder: Path, methods: Sequence[str], seeds: int, library: Library) -> None:
    """Print the accuracy of 5 folds with copies on one side, and the pictures that are missed."""
    print("| way | accuracy of 5 folds | mean accuracy of the classes | missed | seconds |")
    print("|---|---|---|---|---|")
    missed: dict[str, list[str]] = {}
    for method in methods:
        for seed in range(seeds):
            started = time.perf_counter()
            split = library.split([folder / name for name in FIVE], labels="folder", folds=5, seed=seed)
            found: dict[str, str] = {}
            for train, test in split.folds():
                found |= dict(zip(test.uris, WAYS[method](train, test, library, seed).tolist(), strict=True))
            labels = dict(zip(split.uris, split.labels, strict=True))
            right = np.array([found[uri] == labels[uri] for uri in split.uris])
            truth = np.array([str(label) for label in split.labels])
            by_class = np.mean([right[truth == one].mean() for one in FIVE])
            wrong = [uri for uri, good in zip(split.uris, right, strict=True) if not good]
            missed[f"{method}, seed {seed}"] = [
                f"{Path(uri).parent.name}/{Path(uri).name} as {found[uri]}" for uri in wrong
            ]
            print(f"| {method} | {right.mean():.4f} | {by_class:.4f} | {len(wrong)} of {len(right)} | "
                  f"{time.perf_counter() - started:.0f} |", flush=True)  # fmt: skip
    for way, wrong in missed.items():
        print(f"\nMissed by {way}: {'; '.join(wrong)}.")


def categories(folder: Path, methods: Sequence[str], seeds: int, library: Library) -> None:
    """Print the mean accuracy of 101 categories with 30 training pictures each, all others tested."""
    names = sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "BACKGROUND_Google")
    print("| way | mean accuracy of the classes | accuracy | trained on | tested on | seconds |")
    print("|---|---|---|---|---|---|")
    for method in methods:
        for seed in range(seeds):
            started = time.perf_counter()
            # As this benchmark has it: copies are not kept apart (Faces and Faces_easy are of the same photographs).
            split = library.split(names, labels="folder", parts="train=30 each,test=rest", level=None, seed=seed)
            train, test = split.part("train"), split.part("test")
            found = WAYS[method](train, test, library, seed)
            truth = np.array([str(label) for label in test.labels])
            by_class = np.mean([(found[truth == one] == one).mean() for one in np.unique(truth)])
            print(f"| {method} | {by_class:.4f} | {(found == truth).mean():.4f} | {len(train):,} | {len(test):,} | "
                  f"{time.perf_counter() - started:.0f} |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("published", "folds", "categories"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--method", action="append", choices=WAYS, help="default: all")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of the published recipe")
    parser.add_argument("--library", type=Path, help="default: a new one")
    given = parser.parse_args()
    if given.table == "published":
        published(given.folder, given.seeds, given.learning_rate)
        return
    with (
        tempfile.TemporaryDirectory() as temporary,
        open_library(given.library or Path(temporary) / "bench.lookalike") as library,
    ):
        wanted = [given.folder] if given.table == "categories" else [given.folder / name for name in FIVE]
        library.add(wanted, descriptors=["lite0", "pdq", "lite0:320"])
        table = folds if given.table == "folds" else categories
        table(given.folder, given.method or list(WAYS), given.seeds, library)


if __name__ == "__main__":
    main()
