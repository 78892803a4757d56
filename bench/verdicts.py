"""How well copies are found, and look-alikes told apart? Writes the second half of docs/quality.md, and its plot.

python bench/verdicts.py [--data DIR] [--printed FOLDER]

DIR holds caltech101/, wildfaces/ and wildfaces_pairs.csv; ../shared/data beside the checkout if nothing is said. Runs
bench/copies.py, bench/families.py and bench/pairs.py one after the other, more than half an hour on two cores, and
keeps what they print in FOLDER; what is there already is not measured again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from quality import COPIES, ROOT

RUNS = {
    "copies": ("caltech101", "--pictures", "3800", "--each", "8"),
    "families": ("caltech101",),
    "pairs": (".",),
}
"""What each is called with."""

PART = """{marker}

## Edited copies among all other pictures

Written by `make bench-copies`, which is `python bench/verdicts.py`. What verification does, and what its figures mean,
is in [Duplicates](explanation/duplicates.md). Weights were fitted on one half of Caltech-101
(`tools/make_verdicts.py`); everything here is of the other half, without `BACKGROUND_Google`, which repeats others.

`python bench/copies.py CALTECH101 {copies_with}`: each of [51 kinds of edits](reference/edits.md) at middle strength,
the original sought among all pictures; `lite0` and `pdq` are their distances alone.

{copies}

How far its probabilities can be relied on: of the candidates that it gave such a probability, so many were copies.

![Reliability of the probabilities](images/reliability.png)

{reliability}

## The five-edit test

`python bench/families.py CALTECH101`: a crop, both mirrors, a turn by 25 degrees and a resize to a square of each
photograph; all 15 pairs within each family of six count. {families_counted}

{families}

Published figures of this test are of other photographs: recall .399 for PDQ, .350 for fastdup, .755 at a precision of
.988 for imagededup's CNN, .859 for SSCD.

## Pairs whose truth is known otherwise

`python bench/pairs.py DATA`: listed near-duplicates of animals (not neutral, see above); `Faces_easy`, which are crops
of `Faces`; and what must never be called a copy.

{pairs}
"""


def printed(name: str, data: Path, folder: Path) -> str:
    """Return what one of them prints."""
    path = folder / f"{name}.md"
    if not path.exists():
        what, *rest = RUNS[name]
        plot = ["--plot", str(ROOT / "docs/images/reliability.png")] if name == "copies" else []
        command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), str(data / what), *rest, *plot]
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            subprocess.run(command, stdout=stream, check=True)
        part.replace(path)
    return path.read_text(encoding="utf-8")


def tables(text: str) -> list[str]:
    """Return the tables in what was printed."""
    return [part for part in text.split("\n\n") if part.startswith("|")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--printed", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/quality.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as kept:
        folder = given.printed or Path(kept)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {name: printed(name, given.data.resolve(), folder) for name in RUNS}
    found, reliability = tables(texts["copies"])[:2]
    counted, recall = texts["families"].split("\n\n")[:2]
    part = PART.format(
        marker=COPIES,
        copies_with=" ".join(RUNS["copies"][1:]),
        copies=texts["copies"].split("\n\n")[0] + ".\n\n" + found,
        reliability=reliability,
        families_counted=counted + ".",
        families="\n".join(f"* {line}" for line in recall.splitlines()) + "\n\n" + tables(texts["families"])[0],
        pairs=texts["pairs"].strip(),
    )
    page = given.output.read_text(encoding="utf-8").partition(COPIES)[0].rstrip()
    given.output.write_text(f"{page}\n\n{part}", encoding="utf-8")
    print(f"Written: {given.output}")


if __name__ == "__main__":
    main()
