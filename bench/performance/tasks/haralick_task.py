"""Work out Haralick's features of grey pictures: python haralick_task.py PIXELS.npy lookalike|numpy|mahotas."""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np
from told import tell, timed

TIMES = 25


def main() -> None:
    path, who = sys.argv[1:]
    pictures = np.load(path)
    if who == "numpy":
        sys.modules["numba"] = None  # type: ignore[assignment]  # as where the extra `compiled` is not installed
    module = import_module("mahotas.features" if who == "mahotas" else "lookalike.descriptors.haralick")
    features = module.haralick
    features(pictures[0])
    tell(timed(lambda: [features(one) for one in pictures], TIMES))


if __name__ == "__main__":
    main()
