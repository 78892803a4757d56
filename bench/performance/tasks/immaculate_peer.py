"""Find duplicates in a folder by the package immaculate: python immaculate_peer.py FOLDER METHOD [PAIRS]."""

from __future__ import annotations

import sys
import time

from immaculate import find_duplicates
from told import found_of, tell

if __name__ == "__main__":
    folder, method, *planted = sys.argv[1:]
    started = time.perf_counter()
    found = find_duplicates(folder, method)
    seconds = time.perf_counter() - started
    together = [list(map(str, group)) for group in (*found.exact, *found.near)]
    tell(seconds, **found_of(together, planted))
