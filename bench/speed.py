"""How fast is Lookalike beside others doing the same work, in the same run?

    python bench/speed.py [FOLDER]

FOLDER holds JPEGs; without it, pictures are cut from the photographs that ship inside installed packages. Prints
Markdown tables. Each figure is the median of several rounds in which all contestants take turns; what counts are the
ratios, since a machine's own speed drifts.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from PIL import Image

import lookalike
from lookalike.demo import shipped_photographs
from lookalike.descriptors.runtime import onnx_runtime
from lookalike.indexing import available_cores
from lookalike.transforms import resize

WEIGHTS = Path(lookalike.__file__).parent / "descriptors/weights/lite0.onnx"
ROUNDS = 3
FILES = 2000


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else make_pictures(work / "pictures")
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
        sample = paths[:: max(1, len(paths) // FILES)][:FILES]
        machine = f"{platform.machine()}, {available_cores()} cores, Python {platform.python_version()}"
        which = f"{len(sample):,} of {len(paths):,} JPEGs of {folder.name}"
        print(f"{machine}, onnxruntime {onnx_runtime().__version__}; {which}\n")
        indexing(sample, work)
        memory(paths, work)
        processes(paths, work)


def make_pictures(folder: Path) -> Path:
    """Cut pictures of 300 x 200 from the shipped photographs."""
    folder.mkdir()
    for path in shipped_photographs():
        image = Image.open(path).convert("RGB")
        for y in range(0, image.height - 199, 60):
            for x in range(0, image.width - 299, 60):
                image.crop((x, y, x + 300, y + 200)).save(folder / f"{path.stem}-{x}-{y}.jpg")
    return folder


def indexing(paths: list[Path], work: Path) -> None:
    """Images a second: indexing, the model alone, perceptual hashing by another library."""
    arrays = [resize(np.asarray(Image.open(path).convert("RGB")), 224, 224) for path in paths]
    batches = [np.stack(arrays[i : i + 16]) for i in range(0, len(arrays), 16)]

    def index(*descriptors: str) -> Callable[[], None]:
        def run() -> None:
            with (
                tempfile.TemporaryDirectory(dir=work) as fresh,
                lookalike.open(Path(fresh) / "x.lookalike") as library,
            ):
                assert library.add(paths, descriptors=descriptors).added == len(paths)

        return run

    def session(intra: int) -> Any:
        options = onnx_runtime().SessionOptions()
        options.intra_op_num_threads = intra
        return onnx_runtime().InferenceSession(WEIGHTS, options, providers=["CPUExecutionProvider"])

    whole, single = session(available_cores()), session(1)

    def model_plain() -> None:
        for batch in batches:
            whole.run(["vector"], {"images": batch})

    def model_parallel() -> None:
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(lambda batch: single.run(["vector"], {"images": batch}), batches))

    def phash() -> None:
        for path in paths:
            imagehash.phash(Image.open(path))

    def phash_threads() -> None:
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(lambda path: imagehash.phash(Image.open(path)), paths))

    lookalike.get_descriptor("lite0").embed(arrays[:1])  # the model is loaded before any clock runs
    rates = race(
        {
            "the model alone, ONNX Runtime, its own threads": model_plain,
            "the model alone, ONNX Runtime, one call a core": model_parallel,
            "lookalike: index with lite0 + pdq": index("lite0", "pdq"),
            "lookalike: index with pdq": index("pdq"),
            "imagehash.phash, one thread": phash,
            "imagehash.phash, one thread a core": phash_threads,
        },
        len(paths),
    )
    names = list(rates)
    best = max(names[:2], key=lambda name: rates[name])
    hashing = max(names[4:], key=lambda name: rates[name])
    print("| work | images/s | to the model alone | to imagehash.phash |\n|---|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:,.0f} | {rate / rates[best]:.2f} | {rate / rates[hashing]:.2f} |")
    print()


def race(contestants: dict[str, Callable[[], None]], work: int) -> dict[str, float]:
    """Let all take turns; return the median rate of each."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: work / statistics.median(times) for name, times in seconds.items()}


def memory(paths: list[Path], work: Path) -> None:
    """Peak memory of a process that indexes few and many files."""
    print("| indexing with lite0 + pdq | peak memory | seconds |\n|---|---|---|")
    for count in sorted({min(1000, len(paths)), len(paths)}):
        names = work / "names"
        names.write_bytes(b"\0".join(os.fsencode(path) for path in paths[:count]))
        library = work / f"memory-{count}.lookalike"
        seconds, peak = process(["index", "--files-from", str(names), "-0", "--library", str(library), "--quiet"])
        print(f"| {count:,} files | {peak / 2**20:.0f} MiB | {seconds:.1f} |")
    seconds, peak = process(["index", "--files-from", str(names), "-0", "--library", str(library), "--quiet"])
    print(f"| {count:,} files again, none changed | {peak / 2**20:.0f} MiB | {seconds:.1f} |\n")


def processes(paths: list[Path], work: Path) -> None:
    """Seconds of whole processes."""
    library = str(work / f"memory-{len(paths)}.lookalike")
    outside = work / "query.jpg"
    Image.open(paths[len(paths) // 2]).convert("RGB").rotate(3).save(outside)
    search = ["-m", "lookalike", "search", "--library", library]
    commands = {
        "python -c pass": ["-c", "pass"],
        "import lookalike": ["-c", "import lookalike"],
        "lookalike --help": ["-m", "lookalike", "--help"],
        f"lookalike search, an indexed file, {len(paths):,}": [*search, str(paths[0])],
        f"lookalike search, a new file, {len(paths):,}": [*search, str(outside)],
    }
    print("| whole process | seconds |\n|---|---|")
    for name, command in commands.items():
        times = []
        for _ in range(7):
            started = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times.append(time.perf_counter() - started)
        print(f"| {name} | {statistics.median(times):.2f} |")


def process(arguments: list[str]) -> tuple[float, int]:
    """Run the command line in a process of its own; return its seconds and its peak memory in bytes."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", PEAK, *arguments], check=True, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout.rsplit("PEAK", 1)[1])


# Linux counts into a child's ru_maxrss what its parent held before it; VmHWM is the process's own.
PEAK = """
import pathlib, re, sys
from lookalike.cli import main
code = main(sys.argv[1:])
status = pathlib.Path("/proc/self/status")
if status.exists():
    peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1]) * 1024
else:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print("PEAK", peak)
sys.exit(code)
"""


if __name__ == "__main__":
    main()
