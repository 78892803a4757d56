"""The rows: what is done, by whom, and what is wanted."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import TASKS, Contestant, Role, Row
from made import clustered, copies, grey_pictures, hashes, large_jpegs, large_library, listing

import lookalike
from lookalike.compiled import compiles

__all__ = ["ROWS", "Given"]

WEIGHTS = Path(lookalike.__file__).parent / "descriptors/weights/lite0.onnx"

EDITED = "lookalike, edited, compiled" if compiles() else "lookalike, edited"
"""Who finds edited copies: the extra `compiled` counts there."""


@dataclass(frozen=True)
class Given:
    """What rows are made from: pictures, a folder for what is made once, the interpreter of the others, the scale."""

    pictures: Path
    work: Path
    peers: str | None
    large: bool

    @property
    def paths(self) -> list[Path]:
        return sorted(self.pictures.rglob("*.jpg"))

    def task(self, name: str, role: Role, task: str, *arguments: object) -> Contestant:
        """Return one that runs a task in our environment."""
        return Contestant(name, role, (sys.executable, str(TASKS / f"{task}.py"), *map(str, arguments)))

    def other(self, name: str, role: Role, task: str, *arguments: object) -> list[Contestant]:
        """Return one that runs a task in the others' environment; none, if that was not made."""
        if self.peers is None:
            return []
        return [Contestant(name, role, (self.peers, str(TASKS / f"{task}.py"), *map(str, arguments)))]


def index(given: Given) -> Row:
    files = listing(given.work, given.paths, 2000)
    return Row(
        "index", "decode, describe by lite0 and pdq, write the library: 2,000 photographs of about 300 x 200", 2000,
        "pictures",
        [
            given.task("lookalike, lite0 + pdq", "ours", "index_task", files, "lite0,pdq"),
            given.task("the model alone, its own threads", "limit", "model_task", files, WEIGHTS, "threads"),
            given.task("the model alone, one call a core", "limit", "model_task", files, WEIGHTS, "parallel"),
            given.task("decoding, resizing, hashing and the model alone, a process a core", "limit", "parts_task",
                       files, WEIGHTS),
                *given.other("imgsim 0.1.2, of 60", "peer", "imgsim_peer", files, 60),
        ],
        {"peer": 25, "limit": 0.9},
    )  # fmt: skip


def int8(given: Given) -> Row:
    files = listing(given.work, given.paths, 2000)
    return Row(
        "int8", "the network of lite0 in whole numbers, alone, on 2,000 decoded pictures", 2000, "pictures",
        [
            given.task("8 bits, one call a core", "ours", "model_task", files, WEIGHTS.with_name("lite0-int8.onnx"),
                       "parallel"),
            given.task("float32, one call a core", "peer", "model_task", files, WEIGHTS, "parallel"),
        ],
        {"peer": 1.6},
    )  # fmt: skip


def index_int8(given: Given) -> Row:
    files = listing(given.work, given.paths, 2000)
    return Row(
        "index-int8", "decode, describe by lite0:int8 and pdq, write the library: 2,000 photographs", 2000,
        "pictures",
        [
            given.task("lookalike, lite0:int8 + pdq", "ours", "index_task", files, "lite0:int8,pdq"),
            given.task("lookalike, lite0 + pdq", "peer", "index_task", files, "lite0,pdq"),
        ],
    )  # fmt: skip


def pdq(given: Given) -> Row:
    files = listing(given.work, given.paths)
    return Row(
        "pdq", "index by pdq alone: all the photographs", len(given.paths), "pictures",
        [
            given.task("lookalike, pdq", "ours", "index_task", given.pictures, "pdq"),
                *given.other("immaculate 0.3.0, pdq, nothing kept", "peer", "immaculate_peer", given.pictures,
                         "pdq"),
                *given.other("imagehash 4.3.2 phash, a thread a core", "peer", "phash_task", files, 2),
                *given.other("imagehash 4.3.2 phash, as it comes: one thread", "peer", "phash_task", files, 1),
                *given.other("imagededup 0.3.3 PHash, as it comes: a process a core", "peer", "imagededup_peer",
                         given.pictures),
        ],
        {"peer": 0.7},
    )  # fmt: skip


def near(given: Given) -> Row:
    folder, pairs = copies(given.work, given.paths)
    return Row(
        "near", "list near-duplicates by a model among 2,480 files, from nothing, not verified: 480 are edited copies",
        2480, "pictures",
        [
            given.task("lookalike, within .1 by lite0:int8 or 40 bits by pdq", "ours", "near_task", folder,
                       "lite0:int8=.1,pdq=40", pairs),
            *given.other("fastdup 2.54", "peer", "fastdup_peer", folder, pairs),
            *given.other("immaculate 0.3.0, sscd_distilled", "peer", "immaculate_peer", folder, "sscd_distilled",
                         pairs),
        ],
        {"peer": 2},
    )  # fmt: skip


def edited(given: Given) -> Row:
    folder, pairs = copies(given.work, given.paths)
    return Row(
        "edited", "find the same 480 edited copies, every pair verified", 2480, "pictures",
        [given.task(EDITED, "ours", "duplicates_task", folder, "edited", "lite0,pdq", pairs)], rounds=1,
    )  # fmt: skip


def verified(given: Given) -> Row:
    return Row(
        "verified", "find edited copies among all the photographs, from nothing, every pair verified",
        len(given.paths), "pictures",
        [given.task(EDITED, "ours", "duplicates_task", given.pictures, "edited", "lite0,pdq")],
        rounds=1,
    )  # fmt: skip


def jpeg(megapixels: int) -> Callable[[Given], Row]:
    def row(given: Given) -> Row:
        files = large_jpegs(given.work, megapixels)
        return Row(
            f"jpeg-{megapixels}", f"decode JPEGs of {megapixels} megapixels at the scale that lite0 needs", 6,
            "pictures",
            [
                given.task("lookalike", "ours", "jpeg_task", files, 256, "lookalike"),
                *given.other("simplejpeg 1.9.0, reduced", "limit", "jpeg_task", files, 256, "simplejpeg"),
                *given.other("OpenCV, reduced", "limit", "jpeg_task", files, 256, "opencv"),
            ],
            {"limit": 0.85},
        )  # fmt: skip

    return row


def haralick(height: int, width: int, wanted: float) -> Callable[[Given], Row]:
    def row(given: Given) -> Row:
        pictures = grey_pictures(given.work, height, width)
        return Row(
            f"haralick-{width}", f"Haralick's features of grey pictures of {width} x {height}, one thread", 12,
            "pictures",
            [
                given.task("lookalike, compiled", "ours", "haralick_task", pictures, "lookalike"),
                given.task("lookalike, NumPy alone", "ours", "haralick_task", pictures, "numpy"),
                *given.other("mahotas 1.4.19", "peer", "haralick_task", pictures, "mahotas"),
            ],
            {"peer": wanted},
        )  # fmt: skip

    return row


def exact(dim: int) -> Callable[[Given], Row]:
    def row(given: Given) -> Row:
        count = 1_000_000 if given.large else 100_000
        rows = clustered(given.work, count, dim)
        return Row(
            f"exact-{dim}", f"one query among {count:,} vectors of {dim} numbers in float16, exact", 1, "queries",
            [
                given.task("lookalike, exact", "ours", "vectors_task", rows, "one", "lookalike"),
                given.task("reading the bytes", "limit", "vectors_task", rows, "one", "scan"),
                *given.other("faiss 1.15.1, fp16 quantiser", "peer", "vectors_task", rows, "one", "faiss"),
            ],
            {"limit": 0.7},
        )  # fmt: skip

    return row


def batch(given: Given) -> Row:
    count = 1_000_000 if given.large else 100_000
    rows = clustered(given.work, count, 256)
    return Row(
        "batch", f"1,000 queries at once among {count:,} vectors of 256 numbers, exact", 1000, "queries",
        [
            given.task("lookalike, exact", "ours", "vectors_task", rows, "batch", "lookalike"),
                *given.other("faiss 1.15.1 IndexFlatIP, float32", "peer", "vectors_task", rows, "batch", "faiss"),
        ],
        {"peer": 0.7},
    )  # fmt: skip


def approximate(given: Given) -> Row:
    count = 1_000_000 if given.large else 100_000
    rows = clustered(given.work, count)
    return Row(
        "approximate", f"one query after another among {count:,} vectors of 1,280 numbers, approximately", 1, "queries",
        [
            given.task("lookalike, approximate", "ours", "approximate_task", rows),
            given.task("lookalike, exact", "peer", "vectors_task", rows, "one", "lookalike"),
        ],
        {"peer": 20}, rounds=1 if given.large else 3,
    )  # fmt: skip


def join(given: Given) -> Row:
    rows = clustered(given.work, 100_000)
    return Row(
        "join", "all pairs within a cosine distance of .1 among 100,000 vectors of 1,280 numbers", 100_000, "vectors",
        [
            given.task("lookalike", "ours", "vectors_task", rows, "join", "lookalike"),
            given.task("the product in blocks alone, NumPy", "limit", "vectors_task", rows, "join", "numpy"),
        ],
        {"limit": 1 / 1.3}, rounds=1,
    )  # fmt: skip


def bits(given: Given) -> Row:
    count = 1_000_000 if given.large else 100_000
    rows = hashes(given.work, count)
    return Row(
        "range", f"all pairs within 31 of 256 bits among {count:,} hashes, exact", count, "hashes",
        [
            given.task("lookalike", "ours", "vectors_task", rows, "join", "lookalike"),
                *given.other("faiss 1.15.1 IndexBinaryFlat", "peer", "vectors_task", rows, "join", "faiss"),
        ],
        {"peer": 2}, rounds=1 if given.large else 3,
    )  # fmt: skip


def growth(given: Given) -> Row:
    counts = [10_000, 30_000, 100_000, *([300_000, 1_000_000] if given.large else [])]
    return Row(
        "growth", "all pairs within 31 of 256 bits, exact, among more and more hashes", counts[-1], "hashes",
        [
            given.task(f"lookalike, {count:,}", "ours", "vectors_task", hashes(given.work, count), "join", "lookalike")
            for count in counts
        ],
        rounds=1,
    )  # fmt: skip


def web(given: Given) -> Row:
    files = listing(given.work, given.paths, 2000)
    folder, count = given.work / "web", 100_000
    return Row(
        "web", f"search by upload among {count:,} pictures on a server: 19 in 20 take at most", 1, "searches",
        [
            given.task("lookalike serve", "ours", "web_task", folder, count, files, "server"),
            given.task("decoding and describing it alone", "limit", "web_task", folder, count, files, "model"),
        ],
        {"limit": 0.25},
    )  # fmt: skip


def memory(given: Given) -> Row:
    few, many = 10_000, 1_000_000 if given.large else 100_000
    return Row(
        "memory", f"the most memory while {many:,} pictures that are made up are indexed by pdq", many, "pictures",
        [
            given.task(f"lookalike, {many:,}", "ours", "memory_task", many),
            given.task(f"lookalike, {few:,}", "limit", "memory_task", few),
        ],
        {"limit": 1 / 1.1}, rounds=1, counts="memory",
    )  # fmt: skip


def start(_: Given) -> Row:
    python = sys.executable
    return Row(
        "start", "a whole process of `lookalike --help`", 1, "starts",
        [
            Contestant("lookalike --help", "ours", (python, "-m", "lookalike", "--help")),
            Contestant("python -c pass", "limit", (python, "-c", "pass")),
        ],
        rounds=7, at_most=0.25,
    )  # fmt: skip


def imported(_: Given) -> Row:
    python = sys.executable
    return Row(
        "import", "a whole process of `import lookalike`", 1, "starts",
        [
            Contestant("import lookalike", "ours", (python, "-c", "import lookalike")),
            Contestant("python -c pass", "limit", (python, "-c", "pass")),
        ],
        rounds=7, at_most=0.15,
    )  # fmt: skip


def cold(given: Given) -> Row:
    library = given.work / "cold.lookalike"
    if not library.exists():
        part = given.work / "cold-part.lookalike"
        shutil.rmtree(part, ignore_errors=True)
        with lookalike.open(part) as fresh:
            fresh.add([given.pictures])
        part.replace(library)
    return _cold_search("cold", given, library, len(given.paths), 0.8)


def cold_many(given: Given) -> Row:
    count = 1_000_000 if given.large else 100_000
    return _cold_search("cold-many", given, large_library(given.work, count), count, 1.5)


def _cold_search(name: str, given: Given, library: Path, count: int, seconds: float) -> Row:
    query = copies(given.work, given.paths)[0] / "00000.jpg"
    command = (sys.executable, "-m", "lookalike", "search", str(query), "--library", str(library))
    return Row(
        name, f"a whole process of `lookalike search FILE` among {count:,} pictures", 1, "searches",
        [
            Contestant("lookalike search", "ours", command),
            Contestant("python -c pass", "limit", (sys.executable, "-c", "pass")),
        ],
        rounds=7, at_most=seconds,
    )  # fmt: skip


ROWS: dict[str, Callable[[Given], Row]] = {
    "start": start,
    "import": imported,
    "cold": cold,
    "haralick-300": haralick(200, 300, 10),
    "haralick-1024": haralick(768, 1024, 3),
    "jpeg-5": jpeg(5),
    "jpeg-12": jpeg(12),
    "index": index,
    "int8": int8,
    "index-int8": index_int8,
    "pdq": pdq,
    "near": near,
    "edited": edited,
    "batch": batch,
    "exact-256": exact(256),
    "exact-1280": exact(1280),
    "approximate": approximate,
    "web": web,
    "memory": memory,
    "join": join,
    "range": bits,
    "growth": growth,
    "cold-many": cold_many,
    "verified": verified,
}
"""Quick ones first."""
