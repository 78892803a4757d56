"""Verdicts of pairs whose truth is known otherwise: wildfaces_pairs.csv, Faces beside Faces_easy, and what is no copy.

python bench/pairs.py DATA [--each 435]

DATA is the folder with wildfaces/, wildfaces_pairs.csv and caltech101/. Faces_easy holds crops of the photographs in
Faces, under the same numbers.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lookalike.decode import decode
from lookalike.duplicates.verify import CopyVerifier
from lookalike.edits import STRENGTHS, another_shot, documents, plain
from lookalike.results import Evidence
from lookalike.tables import read_table
from lookalike.types import RGBImage


def pixels(path: Path) -> RGBImage:
    return decode(path.read_bytes()).pixels


def show(what: str, found: Iterable[Evidence]) -> None:
    told = list(found)
    counts = Counter(one.verdict for one in told)
    print(f"| {what} | {len(told)} | " + ", ".join(f"{name} {count}" for name, count in counts.most_common()) + " |",
          flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--each", type=int, default=435, help="photographs of Faces")
    given = parser.parse_args()
    verifier = CopyVerifier()
    print("| pairs | how many | verdicts |\n|---|---|---|")
    wild = given.data / "wildfaces"
    names = [(a, b) for _, (a, b), _ in read_table(given.data / "wildfaces_pairs.csv", ("a",), ("b",))]
    show("wildfaces_pairs.csv", (verifier.verify(pixels(wild / a), pixels(wild / b)) for a, b in names))
    faces = sorted((given.data / "caltech101" / "Faces_easy").glob("*.jpg"))[: given.each]
    show(
        "Faces_easy against Faces, the same number",
        (verifier.verify(pixels(path), pixels(path.parents[1] / "Faces" / path.name)) for path in faces),
    )
    sheets = documents(77, 21)
    show("pages with one letterhead", (verifier.verify(a, b) for a, b in itertools.combinations(sheets, 2)))
    show("flat colours, gradients, blank scans",
         (verifier.verify(a, b) for a, b in itertools.combinations(plain(77, 21), 2)))  # fmt: skip
    paths = sorted((given.data / "caltech101").glob("*/image_0007.jpg"))
    lot = np.random.default_rng(77)
    chosen = [paths[int(at)] for at in lot.integers(0, len(paths), 200)]
    show(
        "a photograph and its next frame",
        (
            verifier.verify(another_shot(image := pixels(path), at, STRENGTHS[at % 3]), image)
            for at, path in enumerate(chosen)
        ),
    )


if __name__ == "__main__":
    main()
