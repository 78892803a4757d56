"""System 2: a small network on labelled pictures, 64 x 64 in colour.

python examples/cnn.py FOLDER [--network small|modern|lite0] [--epochs N]

FOLDER has a folder for each label. The pictures are split first, copies kept on one side, then the network is trained
on augmented ones; curves, split and model lie in the run's folder. Then the descriptor cnn:example finds pictures like
one that it was not trained on, and the classifier labels it. Without FOLDER, crops of photographs that ship inside
installed packages are taken, a label for each photograph.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.training import RECIPES, train_cnn


def shipped(folder: Path) -> Path:
    """Write 24 crops of each of four photographs, a folder each."""
    for path in shipped_photographs()[:4]:
        with Image.open(path) as opened:
            photograph = opened.convert("RGB")
        side = round(min(photograph.size) * 0.45)
        (folder / path.stem).mkdir(parents=True)
        for number in range(24):
            left = (photograph.width - side) * (number % 6) // 5
            top = (photograph.height - side) * (number // 6) // 3
            crop = photograph.crop((left, top, left + side, top + side)).resize((128, 128))
            crop.save(folder / path.stem / f"{number:02}.jpg", quality=92)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--network", choices=RECIPES, default="modern")
    parser.add_argument("--epochs", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or shipped(Path(temporary) / "pictures")
        with lookalike.open(Path(temporary) / "cnn.lookalike") as library:
            # Crops of one photograph are copies of each other to --level edited; here each is a picture of its own.
            split = library.split(folder, labels="folder", parts="train=.8,val=.2",
                                  level="edited" if given.folder else None)  # fmt: skip
            print(*(f"{part}: {pictures} pictures" for part, pictures, *_ in split.summary().values), sep="\n")
            report = train_cnn(
                split.uris,
                [str(label) for label in split.labels],
                split.parts,
                name="example",
                recipe=replace(RECIPES[given.network], epochs=given.epochs),
                restart=True,
                progress=lambda stage, done, total, measures: measures and print(f"{stage} {done}/{total}", measures),
            )
            for name, value in zip(report.rows().columns, report.rows().values[0], strict=True):
                print(f"{name}: {value}")
            print("missed:", *report.missed().values or ["none"], sep="\n  ")

            query = split.part("val").uris[0]
            library.add(folder, descriptors=["cnn:example"])
            found = library.search(query, k=5, descriptor="cnn:example")
            print(f"like {query}:", *zip(found.uris[0], found.distances[0], strict=True), sep="\n  ")
            classifier = lookalike.get_descriptor("cnn:example")
            picture = library.load(query)
            chances = classifier.probabilities([picture])[0]
            print(
                "labels:", *sorted(zip(chances.round(3), classifier.labels, strict=True), reverse=True)[:3], sep="\n  "
            )


if __name__ == "__main__":
    main()
