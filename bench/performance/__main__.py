"""How fast is Lookalike beside others that do the same work, and beside the limit of the machine?

python bench/performance [--data FOLDER] [--results FOLDER] [--large] [ROW ...]
python bench/performance --page

Runs each row (all, without a name), every contestant in a process of its own, in turns; writes RESULTS/ROW.json and
docs/performance.md, which shows all rows that have a result. FOLDER holds JPEGs; without it, pictures are cut from the
photographs that ship inside installed packages. Others run if `python bench/performance/peers.py` has made their
environment. --large takes a million vectors. --page writes the page only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from harness import measure
from page import write_page
from peers import ROOT, python_of
from rows import ROWS, Given

from lookalike.demo import shipped_photographs


def cut(folder: Path) -> Path:
    """Return pictures of 300 x 200, cut from the shipped photographs."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for path in shipped_photographs():
            image = Image.open(path).convert("RGB")
            for y in range(0, image.height - 199, 60):
                for x in range(0, image.width - 299, 60):
                    image.crop((x, y, x + 300, y + 200)).save(folder / f"{path.stem}-{x}-{y}.jpg")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[*ROWS, []], help=" ".join(ROWS))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, default=ROOT / "bench-work", help="what is made once")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/performance/results")
    parser.add_argument("--peers", help="interpreter of the others' environment", default=python_of())
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    if not given.page:
        given.work.mkdir(parents=True, exist_ok=True)
        given.results.mkdir(parents=True, exist_ok=True)
        pictures = given.data or cut(given.work / "pictures")
        what = Given(pictures.resolve(), given.work.resolve(), given.peers, given.large)
        for name in given.rows or ROWS:
            result = measure(ROWS[name](what))
            (given.results / f"{name}.json").write_text(result.to_json() + "\n", encoding="utf-8")
    write_page(given.results, ROOT / "docs")


if __name__ == "__main__":
    main()
