"""Work out Haralick's features of grey pictures: python haralick.py PIXELS.npy lookalike|mahotas."""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np
from told import tell, timed

TIMES = 5


def main() -> None:
    path, who = sys.argv[1:]
    pictures = np.load(path)
    module = import_module("lookalike.descriptors.haralick" if who == "lookalike" else "mahotas.features")
    features = module.haralick
    features(pictures[0])
    tell(timed(lambda: [features(one) for one in pictures], TIMES))


if __name__ == "__main__":
    main()
