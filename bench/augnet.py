"""Does a descriptor tell a copy from another of its kind, and that from another kind? On Caltech-101.

    python bench/augnet.py subjects FOLDER [DESCRIPTOR...]     ten subjects, then all 101     (default: imgsim)
    python bench/augnet.py split FOLDER                        a CSV of pictures to train on (12 of each category)
    python bench/augnet.py untrained FOLDER                    make the descriptor augnet:untrained, random weights
    python bench/augnet.py retrieve FOLDER [DESCRIPTOR...]     leave-one-out precision@1      (default: lite0)

FOLDER holds a folder of JPEGs for each category. The subjects are chosen without looking at results: of the
categories in the order of their names, without BACKGROUND_Google, every tenth from the first one. Of each: its first
picture; the same mirrored; its second picture as another of its kind; and as another kind the first picture of the
category five places after it. Beside that, the means over its next five pictures and over the first five of that other
category: one picture of a kind may be odd.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from lookalike.decode import decode
from lookalike.descriptors import get_descriptor
from lookalike.metrics import paired, pairwise
from lookalike.types import Descriptor, RGBImage, Vectors

OTHERS = 5  # of its kind and of another kind, for the means
TRAINED = 12  # pictures of a category in `split`, the last of which is held back
EACH = 20  # pictures of a category in `retrieve`: those that follow


def categories(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and path.name != "BACKGROUND_Google")


def read(path: Path, descriptor: Descriptor) -> RGBImage:
    return decode(path.read_bytes(), min_side=descriptor.spec.min_side).pixels


def embed(descriptor: Descriptor, paths: Sequence[Path], *, mirror: bool = False) -> Vectors:
    def one(path: Path) -> Vectors:
        pixels = read(path, descriptor)
        return descriptor.embed([np.ascontiguousarray(pixels[:, ::-1]) if mirror else pixels])

    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(one, paths)))


def subjects(root: Path, name: str) -> None:
    """Print the table of the ten subjects, and in how many of all categories the order holds."""
    descriptor = get_descriptor(name, "cpu")
    metric = descriptor.spec.metric
    folders = categories(root)
    pictures = [sorted(folder.glob("*.jpg"))[: 1 + OTHERS] for folder in folders]
    vectors = embed(descriptor, [path for group in pictures for path in group])
    vectors = vectors.reshape(len(folders), 1 + OTHERS, -1)
    first = vectors[:, 0]
    shown = [group[0] for group in pictures]
    elsewhere = np.roll(vectors, -5, axis=0)
    own, other = (
        np.stack([paired(first, of[:, at], metric) for at in range(OTHERS + 1)], axis=1) for of in (vectors, elsewhere)
    )
    single = np.stack(
        [
            paired(first, embed(descriptor, shown), metric),
            paired(first, embed(descriptor, shown, mirror=True), metric),
            own[:, 1],
            other[:, 0],
        ],
        axis=1,
    )
    means = np.stack([single[:, 0], single[:, 1], own[:, 1:].mean(1), other[:, :OTHERS].mean(1)], axis=1)
    holds, holds_in_mean = (np.min(np.diff(columns, axis=1), axis=1) > 0 for columns in (single, means))
    print(f"`{name}` ({metric})\n")
    print(
        "| subject | same | mirrored | its kind | another kind | order | five of its kind | five of the other | order |"
    )
    print("|---|---|---|---|---|---|---|---|---|")

    def line(row: int) -> str:
        same, mirrored, kind, stranger = (f"{value:.2f}" for value in single[row])
        name = folders[(row + 5) % len(folders)].name
        return (
            f"| {folders[row].name} | {same} | {mirrored} | {kind} | {stranger} ({name}) "
            f"| {'holds' if holds[row] else 'FAILS'} | {means[row, 2]:.2f} | {means[row, 3]:.2f} "
            f"| {'holds' if holds_in_mean[row] else 'FAILS'} |"
        )

    print("\n".join(map(line, range(0, 100, 10))))
    for words, columns, kept in (("single pictures", single, holds), ("means of five", means, holds_in_mean)):
        steps = ", ".join(
            f"{what} {np.mean(columns[:, at] < columns[:, at + 1]):.3f}"
            for at, what in enumerate(("same < mirrored", "mirrored < its kind", "its kind < another kind"))
        )
        medians = ", ".join(f"{value:.2f}" for value in np.median(columns, axis=0))
        counts = f"{kept[:100:10].sum()} of the 10 and {kept.sum()} of all {len(folders)}"
        print(f"\nBy {words} the order holds in {counts}: {steps}. Medians over all: {medians}.")
    both = np.flatnonzero(holds & holds_in_mean)[:10]
    print(f"\nThe first {len(both)} in the order of names in which it holds by both, so chosen by their results:\n")
    print("\n".join(map(line, both.tolist())), end="\n\n", flush=True)


def retrieve(root: Path, name: str) -> None:
    """Print a row: leave-one-out precision@1 over pictures of every category that `split` does not name."""
    descriptor = get_descriptor(name, "cpu")
    groups = [sorted(folder.glob("*.jpg"))[TRAINED : TRAINED + EACH] for folder in categories(root)]
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    vectors = embed(descriptor, [path for group in groups for path in group])
    distances = pairwise(vectors, vectors, descriptor.spec.metric)
    np.fill_diagonal(distances, np.inf)
    hit = labels[distances.argmin(axis=1)] == labels
    print(f"| {name} | {len(labels):,} | {hit.mean():.3f} |", flush=True)


def split(root: Path) -> None:
    """Print a split without labels: the first pictures of every category, one of each in "val"."""
    print("uri,part")
    for folder in categories(root):
        for at, path in enumerate(sorted(folder.glob("*.jpg"))[:TRAINED], 1):
            print(f"{path.absolute()},{'val' if at == TRAINED else 'train'}")


def untrained(root: Path) -> None:
    """Write the small trunk with its first weights as a model."""
    import torch

    from lookalike.descriptors.onnx import model_folder
    from lookalike.training import AUGNET_RECIPES
    from lookalike.training.augnet import augnet_network, augnet_spec
    from lookalike.training.export import export

    torch.manual_seed(0)
    recipe = AUGNET_RECIPES["small"]
    spec = augnet_spec(recipe, "untrained")
    folder = model_folder("augnet:untrained")
    folder.mkdir(parents=True, exist_ok=True)
    images = [decode(min(path.glob("*.jpg")).read_bytes()).pixels for path in categories(root)[:2]]
    export(augnet_network(recipe).eval(), folder, spec, np.stack([spec.prepare(image) for image in images]))
    print(f"augnet:untrained: {folder}")


def main() -> None:
    what = sys.argv[1] if len(sys.argv) > 2 else ""
    alone = {"split": split, "untrained": untrained}
    if what not in ("subjects", "retrieve", *alone):
        sys.exit(__doc__)
    root, names = Path(sys.argv[2]), sys.argv[3:] or (["imgsim"] if what == "subjects" else ["lite0"])
    if what in alone:
        alone[what](root)
        return
    if what == "retrieve":
        print("| descriptor | pictures | precision@1 |\n|---|---|---|")
    for name in names:
        (subjects if what == "subjects" else retrieve)(root, name)


if __name__ == "__main__":
    main()
