"""AugNet, from pictures without labels to the copies among them.

    python examples/augnet.py [FOLDER] [--descriptor imgsim] [--epochs N] [--threshold T] [--output DIR]

Trains a descriptor on the pictures themselves, so that changed copies of one lie close (or takes one that is there,
such as imgsim); writes vectors and all distances into the output folder; and lists the pictures that lie within a
threshold of each other. Without --threshold it is told by copies made for the purpose: mirrored, cut and recoloured
pictures, of which nine in ten lie within it. Without FOLDER, photographs that ship inside installed packages are taken,
and edited copies of some.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.descriptors import get_descriptor
from lookalike.distances import distance_rows
from lookalike.metrics import paired
from lookalike.render import search_sheet, write_distances, write_vectors
from lookalike.training import AUGNET_RECIPES, train_augnet
from lookalike.types import RGBImage

TRIED = 25  # pictures of which copies are made to find the threshold


def edits(image: Image.Image) -> list[Image.Image]:
    """Return changed copies: mirrored, cut, lighter."""
    width, height = image.size
    cut = image.crop((width // 12, height // 12, width - width // 20, height - height // 20))
    return [ImageOps.mirror(image), cut, ImageEnhance.Brightness(image).enhance(1.25)]


def shipped(folder: Path) -> Path:
    """Write the photographs of installed packages, and three edited copies of every fourth."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(shipped_photographs()):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        image.thumbnail((640, 640))
        image.save(folder / f"{path.stem}.jpg", quality=92)
        for what, copy in zip(("mirrored", "cut", "lighter"), edits(image), strict=True):
            if number % 4 == 0:
                copy.save(folder / f"{path.stem} {what}.jpg", quality=85)
    return folder


def threshold_of(name: str, pictures: list[RGBImage]) -> float:
    """Return the distance within which nine in ten changed copies lie."""
    descriptor = get_descriptor(name)
    copies = [edits(Image.fromarray(image)) for image in pictures]
    own = np.repeat(descriptor.embed(pictures), 3, axis=0)
    changed = descriptor.embed([np.asarray(copy) for three in copies for copy in three])
    return float(np.quantile(paired(own, changed, descriptor.spec.metric), 0.9))


def tell(stage: str, done: int, total: int, measures: dict[str, float]) -> None:
    if measures:
        print(f"{stage} {done}/{total}: {', '.join(f'{name} {value:.3f}' for name, value in measures.items())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="pictures; without it, photographs of installed packages")
    parser.add_argument("--descriptor", help="one that is there, such as imgsim; without it, one is trained")
    parser.add_argument("--epochs", type=int, default=AUGNET_RECIPES["small"].epochs)
    parser.add_argument("--threshold", type=float, help="largest distance between copies")
    parser.add_argument("--output", type=Path, default=Path("lookalike-run/augnet"), help="folder to write to")
    asked = parser.parse_args()
    out: Path = asked.output
    out.mkdir(parents=True, exist_ok=True)
    folder = asked.folder or shipped(out / "pictures")
    name = asked.descriptor or "augnet:example"

    with lookalike.open(out / "augnet.lookalike") as library:
        if not asked.descriptor:
            split = library.split(folder, parts="train=.8,val=.2", level="same-file")
            report = train_augnet(
                split.uris,
                split.parts,
                name="example",
                recipe=replace(AUGNET_RECIPES["small"], epochs=asked.epochs),
                restart=True,
                progress=tell,
            )
            print(
                f"{report.name}: epoch {report.history.best} kept, in {report.history.seconds:.0f} s: {report.folder}"
            )

        pictures = library.gallery(folder, descriptor=name)
        files = [*write_vectors(pictures, "npy", out / "vectors.npy")]
        files += write_distances(pictures, distance_rows(pictures), "csv", out / "distances.csv")
        print(f"{len(pictures)} pictures; vectors and distances: {', '.join(map(str, files))}")

        tried = [library.load(uri) for uri in pictures.uris[:: max(1, len(pictures) // TRIED)][:TRIED]]
        threshold = asked.threshold
        if threshold is None:
            threshold = threshold_of(name, [image for image in tried if image is not None])
        found = library.search(list(pictures.uris), k=5, descriptor=name, threshold=threshold)
        pairs = {}
        for query, uris, distances in zip(found.queries, found.uris, found.distances, strict=True):
            for uri, distance in zip(uris, distances, strict=True):
                if uri is not None:
                    pairs[min(query, uri), max(query, uri)] = float(distance)
        nearest_first = sorted(pairs.items(), key=lambda pair: pair[1])
        with open(out / "copies.csv", "w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
            writer = csv.writer(stream)
            writer.writerow(("a", "b", "distance"))
            writer.writerows((*names, distance) for names, distance in nearest_first)
        print(f"\n{len(pairs)} pairs within {threshold:.2f} (all: {out / 'copies.csv'}):")
        for (a, b), distance in nearest_first[:20]:
            print(f"  {distance:6.2f}  {Path(a).name}  {Path(b).name}")
        with_copies = [query for query, uris in zip(found.queries, found.uris, strict=True) if uris[0] is not None]
        if with_copies:
            shown = library.search(with_copies[:12], k=4, descriptor=name, threshold=threshold)
            search_sheet(shown, library.load, columns=4, title=f"Within {threshold:.2f} by {name}").save(
                out / "copies.png"
            )
            print(f"Drawn: {out / 'copies.png'}")


if __name__ == "__main__":
    main()
