"""Time a server on large libraries that are made up: what each page asks for to be painted, duplicates by the 100,000.

    python bench/serving.py [--pictures 100000] [--grouped 200000] [--folder FOLDER]

The first library has `--pictures` names with made-up vectors of lite0 and PDQ; the second `--grouped` files, three of
each content. Rows are written by the store's own methods; the pictures behind them are photographs that packages ship,
made small, each with a few bytes of its own behind its end. Beside the seconds on the clock stand those of a processor
in the server's own process, which others who use the machine do not change (Linux tells them to 10 ms). A page's
seconds are those of all its calls, one after the other over one connection: the median of five, and of the first time.
Nothing is drawn: a browser asks for several things at a time, and paints as they come.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import lookalike
from lookalike.client import Client
from lookalike.demo import shipped_photographs
from lookalike.descriptors import get_descriptor
from lookalike.store import Content, Record, Store
from lookalike.types import DescriptorSpec, SourceItem, Vectors

PARCEL = 5000
FOLDERS = 200
COPIES = 3


def main() -> int:
    """Make the libraries, serve them, print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--grouped", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, help="where libraries are made, and found again; else they are removed")
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        if asked.pictures:
            pages(folder, asked.pictures)
        if asked.grouped:
            duplicates(folder, asked.grouped)
    return 0


# ---------------------------------------------------------------------------------------------------- the pages


def pages(folder: Path, n: int) -> None:
    """Print what each page of a library of n pictures asks for, and how long that takes."""
    shelf = Shelf(folder / f"pages-{n}", n, 1, described=True)
    with served(shelf.library) as server:
        client = httpx2.Client(base_url=f"{server.url}/api/v1/", timeout=600)
        html = httpx2.Client(base_url=server.url, timeout=60)
        print(f"\n{n:,} pictures in {FOLDERS} folders\n")
        print("| page | call | s | s of a processor | s, the first time | of a processor |\n|---|---|---|---|---|---|")
        began = time.perf_counter()
        ids = [one["id"] for one in client.get("pictures/sample?count=24&seed=1").json()["pictures"]]
        shelf.write(ids)
        own = Client(server.url, server.token, seconds=600)
        whole = time.perf_counter() - began
        job = own.duplicates(level="same-file").job
        drawn = own.map(method="pca").job
        jobs: dict[str, list[str]] = {
            "search": ["status", "pictures/sample?count=24&seed=1", *_thumbnails(ids)],
            "search for one": ["status", f"POST search {ids[0]}"],
            "duplicates": ["status", "jobs", f"jobs/{job}", f"duplicates/{job}?offset=0&limit=50&probability=0",
                           "decisions?limit=500"],
            "map": ["status", "jobs", "folders", f"map/{drawn}?by=folder", f"map/{drawn}/categories?by=folder"],
            "library": ["status", "jobs", "problems?offset=0&limit=100", "decisions?limit=500", "history"],
            "compare": ["status", f"pictures?ids={ids[0]},{ids[1]}", f"POST compare {ids[0]} {ids[1]}"],
        }  # fmt: skip
        for page, calls in jobs.items():
            address = {"search": "/", "search for one": "/"}.get(page, f"/{page}")
            total = measured(lambda address=address: html.get(address), server)  # type: ignore[misc]
            print(f"| {page} | its HTML | {total} |")
            drawings = Times(0, 0, 0, 0)
            for call in calls:
                took = measured(lambda call=call: ask(client, call), server)  # type: ignore[misc]
                total += took
                if "thumbnail" in call:
                    drawings += took
                else:
                    print(f"| | `{call}` | {took} |")
            if "thumbnail" in calls[-1]:
                print(f"| | {len(ids)} thumbnails | {drawings} |")
            print(f"| **{page}** | **all of it** | {total} |", flush=True)
        print(f"\nThe very first call after the start: {whole:.3f} s. {server.memory()}")


def _thumbnails(ids: list[int]) -> list[str]:
    return [f"pictures/{one}/thumbnail?side=256" for one in ids]


def ask(client: httpx2.Client, call: str) -> None:
    """Make a call of the table."""
    if call.startswith("POST search"):
        body: dict[str, Any] = {"queries": [{"id": int(call.split()[2])}], "k": 50}
        answer = client.post("search", json=body)
    elif call.startswith("POST compare"):
        answer = client.post(
            "compare", json={side: {"id": int(one)} for side, one in zip("ab", call.split()[2:], strict=True)}
        )
    else:
        answer = client.get(call)
    assert answer.status_code == 200, (call, answer.text[:300])


@dataclass(frozen=True)
class Times:
    """Seconds of a call: the median of those after the first, the first one's, and a processor's for each of both."""

    median: float
    first: float
    busy: float
    busy_first: float

    def __add__(self, other: Times) -> Times:
        return Times(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Times)))

    def __str__(self) -> str:
        return f"{self.median:.3f} | {self.busy:.3f} | {self.first:.3f} | {self.busy_first:.3f}"


def measured(call: Callable[[], object], server: Served, times: int = 5) -> Times:
    """Make a call once and some times more."""
    seconds, busy = [], [server.busy()]
    for _ in range(times + 1):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
        busy.append(server.busy())
    return Times(statistics.median(seconds[1:]), seconds[0], (busy[-1] - busy[1]) / times, busy[1] - busy[0])


# ---------------------------------------------------------------------------------------------------- duplicates


def duplicates(folder: Path, n: int) -> None:
    """Print how long the review of n pictures takes that are all in groups: found, read by pages, planned in bulk."""
    shelf = Shelf(folder / f"grouped-{n}", n, COPIES, described=False)
    if not shelf.pictures.exists():
        shelf.write(range(1, n + 1))
    with served(shelf.library) as server:
        client, own = (
            httpx2.Client(base_url=f"{server.url}/api/v1/", timeout=600),
            Client(server.url, server.token, seconds=3600),
        )
        print(f"\n{n:,} pictures, {COPIES} files of each content\n")
        print("| what | s | s of a processor | s, the first time | of a processor |\n|---|---|---|---|---|")

        def tell(what: str, act: Callable[[], Any]) -> Any:
            began, busy = time.perf_counter(), server.busy()
            found = act()
            print(f"| {what} | | | {time.perf_counter() - began:.3f} | {server.busy() - busy:.3f} |", flush=True)
            return found

        found = tell("duplicates found (job)", lambda: own.duplicates(level="same-file"))
        print(f"| | {found.groups:,} groups, {found.bytes:,} bytes; {server.memory()} | | | |")
        path = f"duplicates/{found.job}"
        for what, call in (
            ("first page of 50 groups", f"{path}?offset=0&limit=50&probability=0"),
            ("a page in the middle", f"{path}?offset={found.groups // 2}&limit=50&probability=0"),
            ("last page", f"{path}?offset={found.groups - 50}&limit=50&probability=0"),
            ("count and bytes by verdict and probability", f"{path}?limit=1&verdict=same-file&probability=0.9"),
        ):
            print(f"| {what} | {measured(lambda call=call: ask(client, call), server)} |", flush=True)  # type: ignore[misc]
        plan = tell("plan of all groups (job), read whole by the client", lambda: own.plan(found))
        print(f"| | {plan.files:,} files, {plan.bytes:,} bytes; {server.memory()} | | | |")
        for what, call in (
            ("plan: its sum, 12 samples, first 50 rows", f"plan/{plan.job}?offset=0&limit=50"),
            ("plan: last 50 rows", f"plan/{plan.job}?offset={len(plan.plan.items) - 50}&limit=50"),
        ):
            print(f"| {what} | {measured(lambda call=call: ask(client, call), server)} |", flush=True)  # type: ignore[misc]
        report = tell("dry run of all (job), read whole", lambda: own.apply(plan, dry_run=True))
        print(f"| | {report.count('would'):,} would go; {server.memory()} | | | |")


# ---------------------------------------------------------------------------------------------------- libraries


class Shelf:
    """A library of n names, `copies` of each content, whose files are written when they are wanted."""

    def __init__(self, folder: Path, n: int, copies: int, *, described: bool) -> None:
        self.pictures, self.library, self._n, self._copies = folder / "pictures", folder / "own.lookalike", n, copies
        self._photographs = [_small(path) for path in shipped_photographs()[:12]]
        if self.library.exists():
            return
        folder.mkdir(parents=True)
        began = time.perf_counter()
        with lookalike.open(self.library) as library:
            self._fill(library.store, described)
            if described:
                library._holdings.refresh([get_descriptor("lite0").spec])  # as `index` does at its end
        print(f"made in {time.perf_counter() - began:.0f} s: {self.library}", file=sys.stderr)

    def name(self, number: int) -> Path:
        """Return where picture 1, 2, ... lies."""
        return self.pictures / f"{number % FOLDERS:03d}" / f"{number:07d}.jpg"

    def bytes(self, number: int) -> tuple[bytes, int, int]:
        """Return a picture's file, and its width and height."""
        content = (number - 1) // self._copies
        data, width, height = self._photographs[content % len(self._photographs)]
        return data + content.to_bytes(8, "big"), width, height

    def write(self, numbers: Any) -> None:
        """Write some files; the library says of all that they are as old as the epoch."""
        for number in range(FOLDERS):
            (self.pictures / f"{number:03d}").mkdir(parents=True, exist_ok=True)
        for number in numbers:
            path = self.name(number)
            path.write_bytes(self.bytes(number)[0])

    def _fill(self, store: Store, described: bool) -> None:
        random = np.random.default_rng(0)
        specs = [get_descriptor(name).spec for name in ("lite0", "pdq")] if described else []
        with store.writing():
            ids = {spec.fingerprint: store.ensure_descriptor(spec) for spec in specs}
            run = store.start_run([str(self.pictures)])
            middles = random.standard_normal((1000, 1280), dtype=np.float32)
            for start in range(1, self._n + 1, PARCEL):
                numbers = range(start, min(start + PARCEL, self._n + 1))
                vectors = _vectors(random, middles, len(numbers), specs) if described else []
                records = []
                for at, number in enumerate(numbers):
                    data, width, height = self.bytes(number)
                    digest = hashlib.sha256(data).digest()
                    content = Content(0, digest, len(data), format="JPEG", width=width, height=height, quality=100)
                    item = SourceItem(str(self.name(number)), len(data), number * 10**9, 1, number)
                    own = {spec.fingerprint: every[at] for spec, every in zip(specs, vectors, strict=True)}
                    records.append(Record(item, "ok", digest, content=content, vectors=own))
                store.write(records, run, ids)


def _vectors(
    random: np.random.Generator, middles: NDArray[np.float32], n: int, specs: Sequence[DescriptorSpec]
) -> list[Vectors]:
    """Return vectors of lite0, in clouds around the middles, and bits of PDQ."""
    rows = middles[random.integers(0, len(middles), n)]
    rows = rows + 0.6 * random.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [rows.astype(specs[0].storage), random.integers(0, 256, (n, specs[1].width), np.uint8)]


def _small(path: Path) -> tuple[bytes, int, int]:
    with Image.open(path) as image:
        upright = image.convert("RGB")
        upright.thumbnail((96, 96))
        stream = io.BytesIO()
        upright.save(stream, "JPEG", quality=70)
        return stream.getvalue(), upright.width, upright.height


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    token: str
    pid: int

    def memory(self) -> str:
        """Return how much memory its process takes."""
        status = Path(f"/proc/{self.pid}/status")
        if not status.exists():
            return "memory: not told by this system"
        kept = {key: int(size) // 1024 for key, size in re.findall(r"(\w+):\s+(\d+) kB", status.read_text())}
        own, most = kept["RssAnon"], kept["VmHWM"]
        return f"memory of the server: {own:,} MB of its own now, {most:,} MB at most with mapped files"

    def busy(self) -> float:
        """Return the seconds of a processor that its process has taken so far."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return float("nan")
        return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def served(library: Path) -> Iterator[Served]:
    """Serve a library until the block ends."""
    command = [sys.executable, "-m", "lookalike", "serve", "--library", str(library), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            found = None
            while found is None:
                line = server.stderr.readline()
                if not line:
                    raise SystemExit("the server did not start")
                found = re.search(r"(http://\S+)/\?token=(\S+)", line)
            threading.Thread(target=server.stderr.read, daemon=True).start()
            yield Served(found[1], found[2], server.pid)
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
