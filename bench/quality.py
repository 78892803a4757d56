"""How well does each descriptor find what belongs together? Writes docs/quality.md.

    python bench/quality.py [--data DIR] [--descriptor NAME]... [--library PATH] [--output FILE]

DIR holds caltech101/ (a folder for each category), wildfaces/ and wildfaces_pairs.csv (a, b); ../shared/data beside the
checkout if nothing is said. Every descriptor that is installed is measured, or those that are named. Pictures are
described into a library of its own, which is thrown away, or into the one that is named: then the next run is quick. If
some are named, what the page says of the others stays.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import lookalike
from lookalike.descriptors import available
from lookalike.errors import LookalikeError
from lookalike.evaluate import Evaluation, evaluate, read_pairs
from lookalike.library import Library

ROOT = Path(__file__).resolve().parents[1]
COPIES = "<!-- copies -->"
"""Where the half of the page begins that bench/verdicts.py writes."""
BACKGROUND = "BACKGROUND_Google"
COLUMNS = (
    ("precision", 1), ("precision", 5), ("precision", 10), ("recall", 10), ("mAP", None), ("mAP@R", None),
    ("MRR", None), ("uAP", None),
)  # fmt: skip
PAIR_COLUMNS = (("recall", 1), ("recall", 5), ("recall", 10), ("MRR", None), ("mAP", None), ("uAP", None))

PAGE = """# How well each descriptor finds what belongs together

Written by `make bench-quality`, which is `python bench/quality.py`: no figure here is typed by hand. What each measure
says, and how ties are treated, is in [Evaluate descriptors](how-to/evaluate.md).

## Caltech-101: pictures of one category

{caltech_pictures} pictures of {categories} categories, all but `{background}`, each asked for once and held against all
others (leave-one-out), by the descriptor's own distance, nothing trained. Relevant is what lies in the same category
folder.

{caltech}

* precision@1 is the share of pictures whose nearest neighbour is of their own category.
* recall@10 cannot be high here: a category has 31 to 800 pictures, and ten places cannot hold them.
* The categories differ in size and each *picture* counts the same, so the large ones (airplanes, Motorbikes, Faces,
  Faces_easy) weigh most. Faces and Faces_easy are crops of the same photographs under two names: a neighbour in the
  other folder counts as wrong. uAP counts pairs, of which a category has as many as the square of its size: three
  quarters of the relevant ones are of these four.
* `pdq` is made to find copies of a picture, not others of its kind: here it shows what it does not see.

## Wild faces: listed near-duplicates

{pairs} pairs of nearly equal photographs of animals among {wild_pictures} pictures, {wild_queries} of which are asked
for.

{wild}

* **This list is not neutral.** It was made by machine, by the cosine of a reference model's vectors, so it holds what
  such vectors find and favours descriptors of that kind. It is not complete either: near-duplicates that it does not
  list count as wrong, which lowers precision for every descriptor. Read it as "of these pairs, how many are found".
{not_measured}
The same on your own pictures: `lookalike evaluate DIR --labels folder`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--descriptor", action="append", default=[])
    parser.add_argument("--library", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/quality.md")
    asked = parser.parse_args()
    data = asked.data.resolve()
    for name in ("caltech101", "wildfaces", "wildfaces_pairs.csv"):
        if not (data / name).exists():
            raise SystemExit(f"{data / name} is not there: name the folder that holds it with --data DIR")
    with (
        tempfile.TemporaryDirectory() as folder,
        lookalike.open(asked.library or Path(folder) / "q.lookalike") as library,
    ):
        before = asked.output.read_text(encoding="utf-8") if asked.output.exists() else ""
        page = measure(library, data, asked.descriptor or available(), before if asked.descriptor else "")
    copies = before.partition(COPIES)[2]
    asked.output.write_text(page + (f"\n{COPIES}{copies}" if copies else ""), encoding="utf-8")
    print(f"Written: {asked.output}")


def measure(library: Library, data: Path, descriptors: Sequence[str], before: str) -> str:
    """Return the page, with the lines of the one before for descriptors that are not measured."""
    caltech: list[Evaluation] = []
    wild: list[Evaluation] = []
    failed: list[str] = []
    pairs = data / "wildfaces_pairs.csv"
    categories = 0
    for name in descriptors:
        started = time.perf_counter()
        try:
            made = library.gallery(data / "caltech101", descriptor=name, labels="folder")
            faces = library.gallery(data / "wildfaces", descriptor=name)
        except LookalikeError as error:
            failed.append(f"* `{name}` was not measured: {error}.")
            print(failed[-1], flush=True)
            continue
        described = time.perf_counter()
        categories = len(set(made.labels) - {BACKGROUND})
        caltech.append(evaluate(made, without=[BACKGROUND]))
        wild.append(evaluate(faces, read_pairs(pairs, faces.uris)))
        seconds = time.perf_counter() - described
        print(f"{name}: described in {described - started:.0f} s, measured in {seconds:.0f} s", flush=True)
    if not caltech:
        raise SystemExit("no descriptor could be measured")
    return PAGE.format(
        background=BACKGROUND,
        caltech_pictures=f"{caltech[0].pictures:,}",
        categories=categories,
        caltech=table(caltech, COLUMNS, before),
        pairs=len(pairs.read_text(encoding="utf-8").splitlines()) - 1,
        wild_pictures=wild[0].pictures,
        wild_queries=wild[0].measured[0].queries,
        wild=table(wild, PAIR_COLUMNS, before),
        not_measured="\n".join(["", "## Not measured", "", *failed, ""]) if failed else "",
    )


def table(results: Sequence[Evaluation], columns: Sequence[tuple[str, int | None]], before: str) -> str:
    """Return one line for each descriptor, the best value of each column in bold."""
    head = "| descriptor | " + " | ".join(f"{m}{'' if k is None else f'@{k}'}" for m, k in columns) + " |"
    rows: dict[str, list[str]] = {}
    for line in before.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()[1:]:
        name, *values = (cell.strip(" *`") for cell in line.strip("|").split("|"))
        rows[name] = values
    for result in results:
        rows[result.measured[0].descriptor] = [f"{result.value(measure, k):.3f}" for measure, k in columns]
    best = [max(column, key=float) for column in zip(*rows.values(), strict=True)]
    lines = [head, "|---|" + "---|" * len(columns)]
    for name, values in rows.items():
        cells = [f"**{x}**" if x == top and len(rows) > 1 else x for x, top in zip(values, best, strict=True)]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
