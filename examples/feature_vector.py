"""The pre-trained feature vector, from pictures to an explanation.

    python examples/feature_vector.py [FOLDER] [--query FILE] [-n 5] [--output DIR]

Without FOLDER it takes the photographs that installed packages bring along. It writes into the output folder:
vectors as published (lite0:grey) and ours (lite0) with their names; the N pictures nearest to the query by each, drawn;
and what makes the query and its nearest picture alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.library import Library
from lookalike.render import explain_sheet, search_sheet, write_vectors

DESCRIPTORS = ("lite0", "lite0:grey")


def nearest(library: Library, query: Path, n: int, out: Path) -> str | None:
    """Draw and print the n nearest pictures by each descriptor; return the very nearest by the first."""
    first = None
    for name in DESCRIPTORS:
        found = library.search(query, k=n, descriptor=name)
        sheet = out / f"nearest-{name.replace(':', '-')}.png"
        search_sheet(found, library.load, columns=n, title=f"Nearest by {name}").save(sheet)
        print(f"\nNearest to {query.name} by {name} (drawn: {sheet}):")
        for uri, distance in zip(found.uris[0], found.distances[0], strict=True):
            if uri is not None:
                print(f"  {distance:.4f}  {Path(uri).name}")
                first = first or uri
    return first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="pictures; without it, photographs of installed packages")
    parser.add_argument("--query", type=Path, help="a picture; without it, one of them")
    parser.add_argument("-n", type=int, default=5, help="neighbours")
    parser.add_argument("--output", type=Path, default=Path("lookalike-run/feature-vector"), help="folder to write to")
    asked = parser.parse_args()
    out: Path = asked.output
    out.mkdir(parents=True, exist_ok=True)
    pictures = [asked.folder] if asked.folder else shipped_photographs()
    if not pictures:
        raise SystemExit("no installed package brings photographs: name a FOLDER")

    with lookalike.open(out / "feature-vector.lookalike") as library:
        report = library.add(pictures, descriptors=DESCRIPTORS)
        print(f"{report.found - report.failed - report.skipped} pictures described in {report.seconds:.1f} s.")
        for name in DESCRIPTORS:
            gallery = library.gallery(pictures, descriptor=name)
            if not len(gallery):
                raise SystemExit("none of them is a picture")
            stem = out / f"vectors-{name.replace(':', '-')}"
            files = [*write_vectors(gallery, "npy", stem.with_suffix(".npy"))]
            files += write_vectors(gallery, "csv", stem.with_suffix(".csv"))
            print(f"{name}: {gallery.vectors.shape[0]} x {gallery.vectors.shape[1]} numbers:", *map(str, files))
        likely = [uri for uri in gallery.uris if Path(uri).name == "motorcycle_left.png"]  # its other eye is there, too
        query = asked.query or Path([*likely, gallery.uris[0]][0])
        first = nearest(library, query, asked.n, out)

    if first is not None:
        why = lookalike.explain(query, first)
        explain_sheet(why).save(out / "why.png")
        print(f"\nWhat makes {query.name} and {Path(first).name} alike ({why.similarity:.2f} of 1): {out / 'why.png'}")


if __name__ == "__main__":
    main()
