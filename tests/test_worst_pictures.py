"""R1, R2, R6, R7: odd, damaged and merely similar pictures, in numbers."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lookalike
from lookalike.actions import make_plan
from tests.conftest import Fake, picture
from tests.torture import TORTURE, many, record
from tests.ugly import saved, ugly_images

SHARED = Path(__file__).resolve().parents[1] / "../shared/data"
ROOT = Path(__file__).parents[1]
KINDS = {"unreadable", "not an image", "unsupported", "truncated", "corrupt", "too large"}

posix_only = pytest.mark.skipif(os.name == "nt", reason="needs resource limits of POSIX")


@posix_only
def test_every_file_has_one_row_and_the_counts_add_up(tmp_path: Path, fake: Fake):
    from tests.fuzzing import load

    fuzz = load()
    images = [ugly for ugly in ugly_images() if len(ugly.data) < 100_000]
    seeds = [ugly.data for ugly in images if ugly.outcome == "ok"]
    folder = tmp_path / "in"
    folder.mkdir()
    for number, ugly in enumerate(images):
        (folder / f"{number:04d}.bin").write_bytes(ugly.data)
    for number in range(many(60, 3000)):
        data = fuzz.mutate(random.Random(f"R1 {number}"), seeds, fuzz.BINARY)
        (folder / f"changed-{number:04d}.jpg").write_bytes(data)
    files = {str(path) for path in folder.iterdir()}
    with lookalike.open(tmp_path / "a.lookalike") as library:
        report = library.add(folder, descriptors=["fake"], max_pixels=4_000_000)
        assert report.found == len(files) == report.added + report.failed + report.skipped
        entries = [uri for _, uri in library.store.entries()]
        assert len(entries) == len(set(entries))
        assert set(entries) == files
        problems = list(library.problems().dicts())
        assert len(problems) == report.failed + report.skipped
        assert {row["error"] for row in problems} <= KINDS
        assert all(row["reason"] for row in problems)
    assert report.added >= 30
    record("R1", "ugly and mutated files", len(files),
           f"{report.added:,} decoded + {report.failed:,} with a reason + {report.skipped} skipped")  # fmt: skip


MEASURE = """
    import json, resource, sys, time
    from lookalike.decode import decode
    from lookalike.errors import ImageError
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    files = json.load(sys.stdin)
    slowest, decoded, before = 0.0, 0, peak()
    for path in files:
        data, began = open(path, "rb").read(), time.process_time()
        try:
            decode(data)
            decoded += 1
        except ImageError:
            pass
        slowest = max(slowest, time.process_time() - began)
    print(json.dumps([slowest, peak() - before, decoded]))
"""


@posix_only
def test_no_file_takes_more_than_a_gigabyte_or_ten_seconds(tmp_path: Path):
    paths = []
    for number, ugly in enumerate(ugly_images()):
        (tmp_path / str(number)).write_bytes(ugly.data)
        paths.append(str(tmp_path / str(number)))
    folders = [SHARED / name for name in ("odd", "camera", "pdq")]
    odd = sorted(str(path) for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file())
    paths += odd if TORTURE else odd[::20]
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(MEASURE)], input=json.dumps(paths), text=True,
                           capture_output=True, timeout=1800, cwd=ROOT)  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    slowest, grown, decoded = json.loads(ended.stdout.splitlines()[-1])
    assert slowest < 10
    assert grown < 1 << 30
    assert decoded >= len(paths) // 4
    record("R2", "ugly and odd files decoded in one process", len(paths),
           f"{decoded:,} decoded, at most {slowest:.1f} s of processor time each, peak {grown >> 20} MiB")  # fmt: skip


def lookalikes(seed: int) -> Iterator[tuple[str, Image.Image, Image.Image]]:
    """Yield pairs of pictures that look the same and are not."""
    draw = np.random.default_rng(seed)
    deep = (picture(seed, 90, 120)[:, :, 0].astype(np.uint16) << 8) + 100
    other = deep + draw.integers(1, 100, deep.shape, np.uint16)
    yield "16 bit", Image.fromarray(deep), Image.fromarray(other)
    colours = Image.fromarray(picture(seed + 1000, 90, 120))
    masks = [Image.fromarray(draw.integers(0, 256, (90, 120), np.uint8)) for _ in range(2)]
    one, two = colours.copy(), colours.copy()
    one.putalpha(masks[0])
    two.putalpha(masks[1])
    yield "alpha", one, two
    shade = int(draw.integers(0, 200))  # the blue is of this seed alone: equal files are duplicates, with good reason
    yield "flat", Image.new("RGB", (120, 90), (shade, 30, seed)), Image.new("RGB", (120, 90), (shade + 55, 30, seed))
    pages = [Image.fromarray(np.clip(draw.normal(247, 2, (120, 90)), 0, 255).astype(np.uint8)) for _ in range(2)]
    yield "blank page", pages[0], pages[1]


@pytest.mark.slow
def test_what_only_looks_the_same_is_never_offered_for_removal(tmp_path: Path):
    pairs = 0
    for seed in range(many(2, 100)):
        for kind, one, two in lookalikes(seed):
            folder = tmp_path / "in" / f"{kind} {seed}"
            folder.mkdir(parents=True)
            one.save(folder / "a.png")
            two.save(folder / "b.png")
            pairs += 1
    with lookalike.open(tmp_path / "a.lookalike") as library:
        assert library.add(tmp_path / "in").added == 2 * pairs
        for level in ("same-file", "same-pixels", "same-picture", "edited"):
            offered = make_plan(library, level=level, probability=0.5).acting
            assert [(row.uri, row.verdict, row.probability) for row in offered] == []
    record("R6", "pairs of 16-bit, alpha, flat and blank pictures, at four levels", pairs, "0 offered for removal")


FORMS = ("JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP", "AVIF")


def test_truncated_photographs_are_named_so_and_not_indexed(tmp_path: Path, fake: Fake):
    folder = tmp_path / "in"
    folder.mkdir()
    draw = random.Random(7)
    wanted = many(28, 700)
    for number in range(wanted):
        data = saved(picture(number, 96, 128), FORMS[number % len(FORMS)])
        (folder / f"{number}.bin").write_bytes(data[: int(len(data) * draw.uniform(0.3, 0.95))])
    with lookalike.open(tmp_path / "a.lookalike") as library:
        report = library.add(folder, descriptors=["fake"])
        kinds = [row["error"] for row in library.problems().dicts()]
    assert (report.added, report.failed) == (0, wanted)
    assert kinds == ["truncated"] * wanted
    record(
        "R7", f"cut at random in {len(FORMS)} formats", wanted, f"{kinds.count('truncated')} named truncated, 0 indexed"
    )
