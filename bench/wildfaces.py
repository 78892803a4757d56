"""How well does an autoencoder's code find and group pictures, beside raw pixels and other descriptors?

    python bench/wildfaces.py FOLDER PAIRS LIBRARY [DESCRIPTOR...]     (default: lite0 pdq)

FOLDER holds AFHQ wild faces, PAIRS is a CSV of near-duplicate pairs among them (a, b). LIBRARY is written to: pictures
that it lacks are indexed. Beside this file, wildfaces_labels.csv names the kind of 180 of the pictures, drawn with seed
0 from the sorted names and labelled by eye, twice, from the pictures alone: cheetah, lion, tiger, leopard (jaguars and
snow leopards among them), fox, wolf (coyotes among them).

A line for each descriptor, for codes of an autoencoder also as they are ("raw", Euclidean), and for pixels:
  recall@1, recall@10   each picture of a pair asks among all pictures for those that it is paired with
  precision@1, @5, mAP  each labelled picture asks among the labelled ones for its kind
  purity, NMI, ARI      of 6 clusters of all pictures, held against the labels
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import lookalike
from lookalike.cluster import agreement, cluster
from lookalike.evaluate import evaluate, read_pairs
from lookalike.labels import read_labels
from lookalike.results import Gallery
from lookalike.training import AutoencoderModel
from lookalike.transforms import resize

LABELS = Path(__file__).with_name("wildfaces_labels.csv")
SIDES = (16, 224)  # of the raw pixels that are compared


def labels_of(uris: tuple[str, ...]) -> tuple[str | None, ...]:
    """Return the label of each picture by its file's name: the list knows no folder."""
    beside = [str(LABELS.absolute().parent / Path(uri).name) for uri in uris]
    return read_labels(str(LABELS), beside)


def as_gallery(name: str, rows: np.ndarray, uris: tuple[str, ...]) -> Gallery:
    made = Gallery.from_arrays(rows, uris=uris, metric="l2")
    return replace(made, spec=replace(made.spec, name=name))


def raw_codes(name: str, uris: tuple[str, ...], library: lookalike.Library) -> Gallery:
    """Return the codes as published: not brought to unit length, to be compared by Euclidean distance."""
    model = AutoencoderModel(name)
    codes = [model.codes([image]) for uri in uris if (image := library.load(uri)) is not None]
    return as_gallery(f"{name}, raw", np.concatenate(codes), uris)


def pixels(uris: tuple[str, ...], library: lookalike.Library, side: int) -> Gallery:
    rows = np.empty((len(uris), side * side * 3), np.float32)
    for row, uri in zip(rows, uris, strict=True):
        image = library.load(uri)
        assert image is not None
        row[:] = resize(image, side, side).reshape(-1) / 255
    return as_gallery(f"pixels, {side} x {side}", rows, uris)


def galleries(folder: str, library: lookalike.Library, names: list[str]) -> Iterator[Gallery]:
    for name in names:
        gallery = library.gallery(folder, descriptor=name)
        yield gallery
        if name.startswith("autoencoder:"):
            yield raw_codes(name, gallery.uris, library)
    for side in SIDES:
        yield pixels(gallery.uris, library, side)


def line(gallery: Gallery, pairs: str) -> str:
    gallery = replace(gallery, labels=labels_of(gallery.uris))
    copies = evaluate(gallery, read_pairs(pairs, gallery.uris), ks=(1, 10))
    kinds = evaluate(gallery, ks=(1, 5))
    groups = agreement(cluster(gallery, k=6).labels.tolist(), gallery.labels)
    figures = [
        copies.value("recall", 1), copies.value("recall", 10), kinds.value("precision", 1),
        kinds.value("precision", 5), kinds.value("mAP"), groups.purity, groups.mutual_information,
        groups.adjusted_rand,
    ]  # fmt: skip
    told = " | ".join(f"{figure:.3f}" for figure in figures)
    return f"| {gallery.spec.name} | {gallery.spec.dim:,} | {told} |"


def main() -> None:
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    folder, pairs, path, *names = sys.argv[1:]
    print("| by | numbers | recall@1 | recall@10 | precision@1 | precision@5 | mAP | purity | NMI | ARI |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    with lookalike.open(path) as library:
        for gallery in galleries(folder, library, names or ["lite0", "pdq"]):
            print(line(gallery, pairs), flush=True)


if __name__ == "__main__":
    main()
