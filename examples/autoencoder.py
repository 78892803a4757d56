"""The autoencoder system, from pictures to a prediction.

    python examples/autoencoder.py FOLDER [QUERY] [--epochs N] [--code SHAPE] [-k K] [-n N] [--output DIR]

Splits the pictures 85:15 into CSV files, near-duplicates on one side; trains a convolutional autoencoder and draws
loss, reconstructions and activation maps of held-out pictures; clusters the codes (K by silhouette unless -k tells it);
lays them out by t-SNE as PNG and as a page where each dot shows its picture; and tells the cluster of QUERY, a file or
a URL, with its N nearest pictures within the cluster and among all, and the time that it took. Without QUERY, one of
the held-out pictures asks. A second run takes the model that the first one trained.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import lookalike
from lookalike.cluster import cluster
from lookalike.projection import project
from lookalike.render import (
    choice_plot,
    clusters_sheet,
    map_page,
    map_plot,
    search_sheet,
    write_file,
    write_rows,
)
from lookalike.splitting import read_split
from lookalike.training import AUTOENCODER, train_autoencoder

NAME = "example"


def train(library: lookalike.Library, asked: argparse.Namespace, out: Path) -> str:
    """Split and train, unless that was done; return the descriptor's name and leave the split in split.csv."""
    model = out / "models" / "autoencoder" / NAME
    if not (model / "model.json").exists():
        if not (out / "split.csv").exists():
            library.split(asked.folder, parts="train=.85,val=.15", level="edited", seed=0).save(out / "split.csv")
        split = read_split(out / "split.csv")
        report = train_autoencoder(
            split.uris,
            split.parts,
            name=NAME,
            recipe=replace(AUTOENCODER, epochs=asked.epochs, code=asked.code),
            progress=lambda stage, done, total, measures: measures and print(f"{stage} {done}/{total} {measures}"),
        )
        print(*(f"{name}: {value}" for name, value in next(report.rows().dicts()).items()), sep="\n")
    print(f"Loss, reconstructions, activation maps and the lists of pictures: {model}")
    return f"autoencoder:{NAME}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures")
    parser.add_argument("query", nargs="?", help="a file or a URL")
    parser.add_argument("--epochs", type=int, default=AUTOENCODER.epochs)
    parser.add_argument("--code", default=AUTOENCODER.code, help="256, or 14x14x64: see lookalike train autoencoder")
    parser.add_argument("-k", type=int, help="number of clusters; else chosen")
    parser.add_argument("-n", type=int, default=9, help="neighbours")
    parser.add_argument("--output", type=Path, default=Path("lookalike-run/autoencoder"), help="folder to write to")
    asked = parser.parse_args()
    out: Path = asked.output
    out.mkdir(parents=True, exist_ok=True)
    os.environ["LOOKALIKE_MODELS"] = str(out / "models")

    with lookalike.open(out / "autoencoder.lookalike") as library:
        descriptor = train(library, asked, out)
        codes = library.gallery(asked.folder, descriptor=descriptor)
        clusters = cluster(codes, k=asked.k)
        print(f"\n{clusters.k} clusters of {len(codes)} codes: {', '.join(map(str, clusters.sizes))} pictures")
        write_file(out / "choice.png", lambda stream: choice_plot(clusters, stream))
        write_file(out / "clusters.csv", lambda stream: write_rows(clusters.rows(), "csv", stream))
        clusters_sheet(clusters, library.load).save(out / "clusters.png")

        places = project(replace(codes, labels=tuple(f"cluster {number}" for number in clusters.labels)))
        write_file(out / "map.png", lambda stream: map_plot(places, stream))
        page = map_page(places, lambda uri: library.load(uri, min_side=192))
        (out / "map.html").write_text(page, "utf-8")

        split = read_split(out / "split.csv")
        query = asked.query or split.part("val").uris[0]
        found = library.search(query, asked.n, descriptor=descriptor, clusters=str(out / "clusters.csv"))
        print(f"\n{query} is in cluster {found.clusters[0]}, told in {found.seconds:.2f} s. Nearest among all:")
        for uri, distance in zip(found.uris[0], found.distances[0], strict=True):
            if uri is not None:
                print(f"  {distance:.4f}  {Path(uri).name}")
        search_sheet(found, library.load, columns=asked.n).save(out / "prediction.png")
        print("Drawn: " + ", ".join(str(out / name) for name in (
            "choice.png", "clusters.png", "map.png", "map.html", "prediction.png")))  # fmt: skip


if __name__ == "__main__":
    main()
