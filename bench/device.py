"""What does a graphics processor give? Pictures a second by `lite0` on a device and on the CPU, in turns.

    python bench/device.py FOLDER [--device cuda] [--pictures 2000] [--rounds 3]

First the model alone on decoded pictures, by how many a call takes; then `index` as a whole, where the CPU's threads
decode while the device describes. Both are medians of the rounds. At the end how far the device's vectors lie from the
CPU's. Where onnxruntime has no such device, it says so and does nothing: `pip install onnxruntime-gpu` in place of
`onnxruntime` brings CUDA.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import lookalike
from lookalike.decode import decode
from lookalike.defaults import DEVICES
from lookalike.descriptors.lite0 import SIDE, Lite0
from lookalike.errors import ImageError, UsageError
from lookalike.indexing import available_cores
from lookalike.transforms import resize

BATCHES = (1, 4, 16, 64, 256)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def described(lite0: Lite0, pictures: NDArray[np.uint8], batch: int, calls: int) -> NDArray[np.float32]:
    """Return the vectors of (n, 224, 224, 3), `batch` to a call and some calls at a time."""
    parts = [pictures[at : at + batch] for at in range(0, len(pictures), batch)]
    with ThreadPoolExecutor(calls) as pool:
        return np.concatenate(list(pool.map(lambda part: lite0.model.run("vector", part), parts)))


def indexed(paths: list[Path], device: str) -> None:
    """Put the files into a new library."""
    with tempfile.TemporaryDirectory() as folder, lookalike.open(Path(folder) / "x.lookalike") as made:
        made.add(paths, descriptors=["lite0"], device=device)


def pictures(paths: list[Path]) -> NDArray[np.uint8]:
    arrays = []
    for path in paths:
        try:
            arrays.append(resize(decode(path.read_bytes(), min_side=SIDE).pixels, SIDE, SIDE))
        except ImageError:
            continue
    return np.stack(arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda", choices=[each for each in DEVICES if each != "auto"])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    device = Lite0(options.device)
    try:
        device.model.load()
    except UsageError as error:
        print(f"Nothing measured: {error}.")
        return
    cpu = Lite0("cpu")
    found = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    paths = found[:: max(1, len(found) // options.pictures)][: options.pictures]
    arrays = pictures(paths)
    print(f"{len(paths)} JPEGs, lite0 by {device.model.provider} beside the CPU with {available_cores()} threads\n")
    print(f"| pictures/s | {options.device} | CPU | ratio |\n|---|--:|--:|--:|")
    for batch in BATCHES:
        row(
            f"model alone, {batch} a call",
            len(arrays),
            options.rounds,
            partial(described, device, arrays, batch, 2),
            partial(described, cpu, arrays, batch, available_cores()),
        )
    row(
        "`index`: read, decode, describe, write",
        len(paths),
        options.rounds,
        partial(indexed, paths, options.device),
        partial(indexed, paths, "cpu"),
    )
    one, other = described(device, arrays, 64, 1), described(cpu, arrays, 4, available_cores())
    cosine = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    print(f"\nVectors of the two: cosine similarity {cosine.min():.6f} at least, {cosine.mean():.6f} in the mean.")


def row(what: str, count: int, rounds: int, device: Callable[[], object], cpu: Callable[[], object]) -> None:
    """Print pictures a second of both, taken in turns after one round that is not counted."""
    device(), cpu()
    taken = [(seconds(device), seconds(cpu)) for _ in range(rounds)]
    fast, slow = (count / statistics.median(column) for column in zip(*taken, strict=True))
    print(f"| {what} | {fast:.0f} | {slow:.0f} | {fast / slow:.2f} |", flush=True)


if __name__ == "__main__":
    main()
