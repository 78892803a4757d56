"""Hash files by imagehash.phash: python phash.py LISTING THREADS."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import imagehash
from PIL import Image
from told import files_of, tell, timed


def phash(path: str) -> object:
    """Return the hash of a file."""
    return imagehash.phash(Image.open(path))


if __name__ == "__main__":
    with ThreadPoolExecutor(int(sys.argv[2])) as pool:
        tell(timed(lambda: list(pool.map(phash, files_of(sys.argv[1])))))
