"""Search by upload among made-up pictures on a server: python web_task.py FOLDER COUNT LISTING WHO.

WHO is `server` (how long 19 of 20 uploads take at most, over a kept connection) or `model` (what decoding and
describing one picture alone takes, in the median). LISTING names the pictures that are uploaded. The library is made in
FOLDER, once.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from told import files_of, tell

sys.path.insert(0, str(Path(__file__).parents[2]))

from lookalike.client import Client
from lookalike.decode import decode
from lookalike.descriptors import get_descriptor
from serving import Shelf, served

UPLOADS = 120


def main() -> None:
    folder, count, listing, who = sys.argv[1:]
    uploads = [Path(path).read_bytes() for path in files_of(listing)[:UPLOADS]]
    if who == "model":
        model = get_descriptor("lite0")

        def describe(data: bytes) -> object:
            return model.embed([decode(data, min_side=model.spec.min_side).pixels])

        tell(statistics.median(_seconds(describe, uploads)))
        return
    shelf = Shelf(Path(folder) / f"pages-{count}", int(count), 1, described=True)
    with served(shelf.library) as server:
        client = Client(server.url, server.token, seconds=600)
        times = _seconds(lambda data: client.search(data, k=10), uploads)
        tell(statistics.quantiles(times, n=20)[-1], **{"in the median, s": statistics.median(times)})


def _seconds(call: Callable[[bytes], object], uploads: list[bytes]) -> list[float]:
    """Return what each call takes but the first few."""
    times = []
    for data in uploads:
        started = time.perf_counter()
        call(data)
        times.append(time.perf_counter() - started)
    return times[10:]


if __name__ == "__main__":
    main()
