"""How many planted copies the leak check finds in a data set split at random by file, and what a repair leaves.

python bench/leaks.py CALTECH101 [--pictures N] [--planted 200] [--strength middle] [--seed 0] [--level edited]
                      [--library PATH] [--page leaks.html]

CALTECH101 is the folder of that name with a folder for each category. Its pictures are divided into train, val and test
by lot, each file on its own. Of some an edited copy is written, of all kinds in turn, and put into another part; these
are pictures on which no weight was fitted (see tools/make_verdicts.py). Prints how many of the planted pairs were
found, what else was called a leak, the moves of the repair, and what is found after it. With --library, a library of
these pictures that is there already saves the work of indexing: give a copy of it, since the planted ones are added.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import lookalike
from lookalike.decode import decode
from lookalike.defaults import LEVELS
from lookalike.edits import KINDS, STRENGTHS, edit
from lookalike.leaks import Leak, find_leaks, repair_split
from lookalike.render import leaks_page
from lookalike.splitting import Split

REPORTING = 77_000_000
"""Added to seeds of edits: no fit uses these."""

SPARE = 40
"""Pictures that copies are pasted into or covered by; they are in no part."""


def tuning_half(path: Path) -> bool:
    """Say whether weights were fitted on a picture: see tools/make_verdicts.py."""
    spec = importlib.util.spec_from_file_location("make_verdicts", Path(__file__).parents[1] / "tools/make_verdicts.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018
    if "make_verdicts" not in sys.modules:
        sys.modules["make_verdicts"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["make_verdicts"])
    return bool(sys.modules["make_verdicts"].tuning_half(path))


def divided(folder: Path, pictures: int | None, seed: int) -> tuple[dict[str, str], list[Path]]:
    """Return the part of each picture, by lot, and the spare ones."""
    paths = sorted(path.absolute() for path in folder.glob("*/*.jpg"))
    lot = np.random.default_rng([seed, 21])
    drawn = [paths[at] for at in lot.permutation(len(paths))]
    spare, rest = drawn[:SPARE], drawn[SPARE:][:pictures]
    sides = lot.choice(["train", "val", "test"], len(rest), p=[0.7, 0.15, 0.15])
    return {str(path): str(side) for path, side in zip(rest, sides, strict=True)}, spare


def plant(
    part_of: dict[str, str], spare: list[Path], count: int, strength: str, seed: int, folder: Path
) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    """Write edited copies; return their parts, and the original and the kind of each."""
    lot = np.random.default_rng([seed, 22])
    free = [uri for uri in sorted(part_of) if not tuning_half(Path(uri))]
    others = [decode(path.read_bytes()).pixels for path in spare]
    sides: dict[str, str] = {}
    planted: dict[str, tuple[str, str]] = {}
    for at, which in enumerate(lot.permutation(len(free))[:count].tolist()):
        original, kind = free[which], KINDS[at % len(KINDS)]
        near = [others[int(one)] for one in lot.permutation(SPARE)[:4]]
        copy = edit(decode(Path(original).read_bytes()).pixels, kind, strength, REPORTING + seed * 10_000 + at, near)
        path = folder / f"{at:04d} {kind}.jpg"
        Image.fromarray(copy).save(path, quality=92)
        sides[str(path)] = str(lot.choice([part for part in ("train", "val", "test") if part != part_of[original]]))
        planted[str(path)] = original, kind
    return sides, planted


def as_split(part_of: dict[str, str]) -> Split:
    uris = tuple(sorted(part_of))
    return Split(uris, (None,) * len(uris), tuple(part_of[uri] for uri in uris), tuple(range(1, len(uris) + 1)))


def tell(stage: str) -> Callable[[int, int | None], None]:
    def told(done: int, total: int | None) -> None:
        print(f"\r{stage} {done} of {total}    ", end="", file=sys.stderr, flush=True)

    return told


def short(uri: str) -> str:
    return f"{Path(uri).parent.name}/{Path(uri).name}"


def show(leaks: tuple[Leak, ...], planted: dict[str, tuple[str, str]]) -> None:
    """Print how many planted pairs were found, which were not, and what else was called a leak."""
    pairs = {frozenset((leak.uri_a, leak.uri_b)): leak for leak in leaks}
    found = {copy for copy, (original, _) in planted.items() if frozenset((copy, original)) in pairs}
    print(f"planted {len(planted)}, found {len(found)}: recall {len(found) / max(len(planted), 1):.3f}")
    verdicts: Counter[str] = Counter(pairs[frozenset((copy, planted[copy][0]))].verdict for copy in found)
    print("called", ", ".join(f"{name} {verdicts[name]}" for name in LEVELS if verdicts[name]))
    for copy in sorted(set(planted) - found):
        print(f"  missed: {Path(copy).stem} of {short(planted[copy][0])}")
    known = {frozenset((copy, original)) for copy, (original, _) in planted.items()}
    others = [leak for pair, leak in pairs.items() if pair not in known]
    mixed = [leak for leak in others if {leak.uri_a, leak.uri_b} & set(planted)]
    faces = [leak for leak in others if both_faces(leak)]
    rest = [leak for leak in others if leak not in mixed and leak not in faces]
    print(f"other leaks {len(others)}: {len(faces)} of one picture in Faces and Faces_easy, {len(mixed)} of a planted "
          f"copy with a third picture, {len(rest)} between others; the last two to be looked at:")  # fmt: skip
    for leak in mixed + rest:
        print(f"  {leak.verdict} {leak.probability:.3f}: {short(leak.uri_a)} and {short(leak.uri_b)}; {leak.reason}")


def both_faces(leak: Leak) -> bool:
    """Say whether both are one picture: Faces_easy is Faces, cropped."""
    a, b = Path(leak.uri_a), Path(leak.uri_b)
    return a.name == b.name and {a.parent.name, b.parent.name} == {"Faces", "Faces_easy"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("caltech", type=Path)
    parser.add_argument("--pictures", type=int, help="default: all")
    parser.add_argument("--planted", type=int, default=200)
    parser.add_argument("--strength", choices=STRENGTHS, default="middle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--level", choices=LEVELS, default="edited")
    parser.add_argument("--library", type=Path, help="default: one that is removed")
    parser.add_argument("--page", type=Path, help="write what is found before the repair: an HTML page")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        (folder / "planted").mkdir()
        part_of, spare = divided(given.caltech, given.pictures, given.seed)
        sides, planted = plant(part_of, spare, given.planted, given.strength, given.seed, folder / "planted")
        split = as_split(part_of | sides)
        library = stack.enter_context(lookalike.open(given.library or folder / "bench.lookalike"))
        started = time.perf_counter()
        report = find_leaks(
            library, split, level=given.level, comparing=tell("comparing"),
            progress=lambda report: tell("indexing")(report.found, report.total),
        )  # fmt: skip
        print(f"\r{len(split):,} pictures by lot: {', '.join(f'{name} {count:,}' for name, count in report.parts)}; "
              f"leaks at level {given.level} looked for in {time.perf_counter() - started:.0f} s")  # fmt: skip
        show(report.leaks, planted)
        if given.page:
            given.page.write_text(leaks_page(report, library.load), encoding="utf-8")
        started = time.perf_counter()
        repair = repair_split(library, split, level=given.level, comparing=tell("comparing"))
        moved = {move.uri for move in repair.moves}
        pairs = {frozenset((leak.uri_a, leak.uri_b)) for leak in report.leaks}
        found = [{copy, original} for copy, (original, _) in planted.items() if frozenset((copy, original)) in pairs]
        out_of_test = sum(move.from_ == "test" for move in repair.moves)
        ended = sum(bool(pair & moved) for pair in found)
        print(f"\rthe repair moves {len(moved)} pictures ({time.perf_counter() - started:.0f} s), {out_of_test} of "
              f"them out of test; it moves one or both of {ended} of {len(found)} planted pairs found:")  # fmt: skip
        for move in repair.moves[:3]:
            print(f"  {short(move.uri)}: {move.from_} to {move.to}, {move.why}")
        after = find_leaks(library, repair.split, level=given.level, comparing=tell("comparing"))
        print(f"\rafter the repair: {len(after.leaks)} leaks")
    if after.leaks:
        sys.exit(1)


if __name__ == "__main__":
    main()
