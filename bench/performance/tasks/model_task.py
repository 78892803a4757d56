"""Run EfficientNet-Lite0 alone on decoded pictures: python model.py LISTING MODEL threads|parallel."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image
from told import files_of, tell, timed

from lookalike.descriptors.runtime import onnx_runtime
from lookalike.indexing import available_cores
from lookalike.transforms import resize

BATCHES = {"threads": 16, "parallel": 1}
"""Pictures a call that take the least time each: `python bench/device.py FOLDER --device cpu`."""


def main() -> None:
    listing, model, how = sys.argv[1:]
    arrays = [resize(np.asarray(Image.open(path).convert("RGB")), 224, 224) for path in files_of(listing)]
    step = BATCHES[how]
    batches = [np.stack(arrays[at : at + step]) for at in range(0, len(arrays), step)]
    options = onnx_runtime().SessionOptions()
    options.intra_op_num_threads = available_cores() if how == "threads" else 1
    session = onnx_runtime().InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(batch: np.ndarray) -> None:
        session.run(["vector"], {"images": batch})

    run(batches[0])
    with ThreadPoolExecutor(1 if how == "threads" else available_cores()) as pool:
        tell(timed(lambda: list(pool.map(run, batches))))


if __name__ == "__main__":
    main()
