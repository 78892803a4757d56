"""How well edited copies are found among pictures that are none: verified, and by lite0 and pdq alone.

python bench/copies.py CALTECH101 [--pictures 1500] [--each 4] [--strength middle] [--seed 0] [--folder PATH]

CALTECH101 is the folder of that name with a folder for each category. Only the half of its pictures on which no weight
was fitted is taken (see tools/make_verdicts.py), without BACKGROUND_Google and Faces_easy, which repeat others. Prints
a table, the reliability of the probabilities, what was mistaken for a copy and what was missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np

from lookalike.copytest import CopyTest, evaluate_copies
from lookalike.edits import STRENGTHS
from lookalike.render import reliability_plot


def reporting_half(folder: Path, pictures: int, seed: int) -> list[Path]:
    """Return pictures on which no weight was fitted, drawn by lot."""
    spec = importlib.util.spec_from_file_location("make_verdicts", Path(__file__).parents[1] / "tools/make_verdicts.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    paths = [
        path for path in sorted(folder.glob("*/*.jpg"))
        if path.parent.name not in tool.LEFT_OUT and not tool.tuning_half(path)
    ]  # fmt: skip
    lot = np.random.default_rng([seed, 9])
    return [paths[at] for at in sorted(lot.permutation(len(paths))[:pictures])]


def show(found: CopyTest) -> None:
    """Print what was found."""
    print(f"{found.reports[0].queries[0]} copies among {found.pictures:,} pictures; {len(found.ambiguous)} left out: "
          "the picture found is itself a copy of the original, or of what this is pasted into\n")  # fmt: skip
    print("| method | recall at 99 % precision | at 100 % | uAP | recall@candidates |")
    print("|---|---|---|---|---|")
    for report in found.reports:
        print(f"| {report.method} | {report.at_99.recall:.3f} | {report.at_100.recall:.3f} | {report.uap:.3f} | "
              f"{report.candidates:.3f} |")  # fmt: skip
    verified = found.report("verified")
    print("\n| probability | pairs | of these copies |")
    print("|---|---|---|")
    for part in verified.reliability(10).bins:
        if part.count:
            print(f"| {part.low:.1f} to {part.high:.1f} | {part.count} | {part.right:.3f} |")
    print("\nMistaken for copies:")
    for kind, strength, original, other, probability in found.mistaken:
        names = [f"{Path(uri).parent.name}/{Path(uri).name}" for uri in (original, other)]
        print(f"  {kind}, {strength}: {names[0]} taken for {names[1]}, {probability:.3f}")
    print("\nLeft out, to be looked at:")
    for original, other in found.ambiguous:
        names = [f"{Path(uri).parent.name}/{Path(uri).name}" for uri in (original, other)]
        print(f"  {names[0]} and {names[1]}")
    print("\nMissed:")
    for kind, strength, original in found.missed:
        print(f"  {kind}, {strength}: {Path(original).parent.name}/{Path(original).name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("caltech", type=Path)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--strength", action="append", choices=STRENGTHS, help="default: middle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="of the library; default: one that is removed")
    parser.add_argument("--plot", type=Path, help="draw the reliability of the probabilities: a PNG")
    given = parser.parse_args()
    found = evaluate_copies(
        reporting_half(given.caltech, given.pictures, given.seed), strengths=given.strength or ["middle"],
        each=given.each, seed=given.seed, folder=given.folder,
        progress=lambda stage, done, total: print(f"\r{stage} {done} of {total}  ", end="", file=sys.stderr),
    )  # fmt: skip
    show(found)
    if given.plot:
        with given.plot.open("wb") as stream:
            reliability_plot(found.report("verified").reliability(10), stream)


if __name__ == "__main__":
    main()
