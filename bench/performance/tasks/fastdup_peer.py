"""Find copies in a folder by the package fastdup: python fastdup_peer.py FOLDER [PAIRS]."""

from __future__ import annotations

import os
import sys
import tempfile
import time

from told import found_of, tell

os.environ["SENTRY_OPT_OUT"] = "1"

import fastdup


def main() -> None:
    folder, *planted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as work:
        started = time.perf_counter()
        fd = fastdup.create(work, folder)
        fd.run(threshold=0.9, overwrite=True, print_summary=False)
        pairs = fd.similarity()
        seconds = time.perf_counter() - started
    near = pairs[pairs["distance"] >= 0.9]
    tell(seconds, **found_of(zip(near["filename_from"], near["filename_to"], strict=True), planted))


if __name__ == "__main__":
    main()
