"""Many searches at a time on a server that is indexing: errors, seconds to an answer, answers a second.

    python bench/load.py LIBRARY FOLDER [--workers 50] [--searches 400] [--add FOLDER]

LIBRARY is copied, and the copy served by `lookalike serve`. Searches are by upload of pictures below FOLDER, one at a
time first, then `--workers` at a time, then the same while a job indexes the pictures below `--add`.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lookalike.client import Client, JobStoppedError
from serving import served


def main() -> int:
    """Run all three and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--add", type=Path, help="pictures to index meanwhile; mirrored ones of FOLDER by default")
    parser.add_argument("--workers", type=int, default=50)
    parser.add_argument("--searches", type=int, default=400)
    parser.add_argument("--verify", action="store_true")
    asked = parser.parse_args()
    files = sorted(path for path in asked.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    queries = [path.read_bytes() for path in random.Random(0).sample(files, min(asked.searches, len(files)))]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.lookalike"
        shutil.copytree(asked.library, copy)
        add = asked.add or _others(files, Path(folder) / "more")
        with served(copy) as server:
            failed = _measure(Client(server.url, server.token, seconds=600), queries, add, asked.workers, asked.verify)
    return 1 if failed else 0


def _measure(client: Client, queries: list[bytes], add: Path, workers: int, verify: bool) -> int:
    print(f"{client.status()['indexed']:,} pictures; {len(queries)} uploads searched for each line")
    client.search(queries[0], verify=verify)
    failed = _line("one at a time", client, queries[: max(len(queries) // 4, 1)], 1, verify)
    failed += _line(f"{workers} at a time", client, queries, workers, verify)
    ended: list[float] = []

    def index() -> None:
        with contextlib.suppress(JobStoppedError):
            client.index(add, progress=lambda facts: told.append(facts["progress"]))
        ended.append(time.perf_counter())

    told: list[dict[str, object]] = []
    job = threading.Thread(target=index)
    job.start()
    time.sleep(2)
    failed += _line(f"{workers} at a time, while a job indexes", client, queries, workers, verify)
    print("the job " + ("had ended before the searches did" if ended else f"was still at work: {told[-1]}"))
    for one in client.jobs():
        if one["state"] in ("running", "waiting"):
            client.stop(one["id"])
    job.join()
    return failed


def _line(what: str, client: Client, queries: list[bytes], workers: int, verify: bool) -> int:
    """Search for all queries and print how that went; return how many failed."""
    seconds, errors = [], []

    def ask(data: bytes) -> None:
        started = time.perf_counter()
        try:
            answer = client.search(data, k=10, verify=verify)
            if len(answer.hits) != 10 or not answer.queries[0]["library"]:
                errors.append("a wrong answer")
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        seconds.append(time.perf_counter() - started)

    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(ask, queries))
    whole = time.perf_counter() - started
    p95 = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    print(
        f"{what}: {len(errors)} errors, {len(seconds) / whole:.1f} answers a second, "
        f"median {statistics.median(seconds):.3f} s, p95 {p95:.3f} s",
        flush=True,
    )
    for error in dict.fromkeys(errors):
        print(f"  {error}")
    return len(errors)


def _others(files: list[Path], folder: Path) -> Path:
    """Write pictures that the library does not have: every third one mirrored."""
    from PIL import Image, ImageOps

    folder.mkdir()
    for number, path in enumerate(files[:6000:3]):
        with Image.open(path) as image:
            ImageOps.mirror(image.convert("RGB")).save(folder / f"{number}.jpg", quality=90)
    return folder


if __name__ == "__main__":
    sys.exit(main())
