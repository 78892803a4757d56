r"""The texture system, from pictures to a classifier.

    python examples/texture.py FOLDER [--labels 'name:(\D+)\d\d$'] [--query N] [-n 5] [--output DIR]

Describes every picture by Haralick's 52 numbers, standardises them, and writes into the output folder: the matrix of
all distances with its names; the N pictures nearest to the n-th one, drawn, in argsort order; and, by labels that are
told from the files' names, how often a logistic regression is right about pictures it has not seen, with haralick and,
beside it, with lite0.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import lookalike
from lookalike.classify import cross_validate
from lookalike.distances import distance_rows, neighbours
from lookalike.render import confusion_plot, search_sheet, write_distances, write_file

DESCRIPTORS = ("haralick", "lite0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures")
    parser.add_argument("--labels", default=r"name:(\D+)\d\d$", help="folder, name:PATTERN, a CSV file, or none")
    parser.add_argument("--query", type=int, default=0, metavar="N", help="number of the picture in the order of names")
    parser.add_argument("-n", type=int, default=5, help="neighbours")
    parser.add_argument("--output", type=Path, default=Path("lookalike-run/texture"), help="folder to write to")
    asked = parser.parse_args()
    out: Path = asked.output
    out.mkdir(parents=True, exist_ok=True)

    with lookalike.open(out / "texture.lookalike") as library:
        report = library.add(asked.folder, descriptors=DESCRIPTORS)
        print(f"{report.found - report.failed - report.skipped} pictures described in {report.seconds:.1f} s.")
        textures = library.gallery(asked.folder, descriptor="haralick")
        means, spreads = textures.vectors.mean(axis=0), textures.vectors.std(axis=0)
        print(
            f"Standardised: means up to {abs(means).max():.1e}, deviations {spreads.min():.3f} to {spreads.max():.3f}"
        )

        files = write_distances(textures, distance_rows(textures), "npy", out / "distances.npy")
        print(f"Matrix of {len(textures)} x {len(textures)} distances: {', '.join(map(str, files))}")

        if not 0 <= asked.query < len(textures):
            raise SystemExit(f"--query is a number from 0 to {len(textures) - 1}")
        found = neighbours(textures, asked.n)
        row = slice(asked.query, asked.query + 1)
        one = replace(found, queries=found.queries[row], keys=found.keys[row], distances=found.distances[row],
                      uris=found.uris[row], seconds=0.0)  # fmt: skip
        print(f"\nNearest to {Path(one.queries[0]).name} by texture:")
        for uri, distance in zip(one.uris[0], one.distances[0], strict=True):
            if uri is not None:
                print(f"  {distance:.4f}  {Path(uri).name}")
        sheet = search_sheet(one, library.load, columns=asked.n, title="Nearest by texture")
        sheet.save(out / "neighbours.png")
        print(f"Drawn: {out / 'neighbours.png'}")

        if asked.labels == "none":
            return
        print("\nLogistic regression on standardised vectors, 5 folds, each picture told by one that has not seen it:")
        for name in DESCRIPTORS:
            labelled = library.gallery(asked.folder, descriptor=name, labels=asked.labels)
            told = cross_validate(labelled, method="logistic", folds=5, seed=0)
            print(f"\n  {name}: accuracy {told.accuracy:.3f}, macro F1 {told.macro_f1:.3f}")
            width = max(map(len, told.classes))
            for label, counts in zip(told.classes, told.confusion, strict=True):
                print(f"    {label:>{width}}  {' '.join(f'{count:4d}' for count in counts)}")
            plot = out / f"confusion-{name}.png"
            write_file(plot, lambda stream, told=told: confusion_plot(told, stream))  # type: ignore[misc]
            print(f"  Drawn: {plot}")


if __name__ == "__main__":
    main()
