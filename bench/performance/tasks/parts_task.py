"""Decode, resize, hash and describe, and nothing else: python parts_task.py LISTING MODEL.

What `lookalike index` is made of, by Lookalike's own functions, a process for each core, each with half of the files:
no file can cost more than itself there, nothing is in order, and nothing is written.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path

from told import files_of, tell, timed

from lookalike.indexing import available_cores


def work(paths: list[str], model: str, ready: Barrier, done: Barrier) -> None:
    """Get ready, then do it."""
    from lookalike.decode import decode
    from lookalike.descriptors.pdq import hash_with_quality
    from lookalike.descriptors.runtime import onnx_runtime
    from lookalike.transforms import resize

    options = onnx_runtime().SessionOptions()
    options.intra_op_num_threads = 1
    session = onnx_runtime().InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def describe(path: str) -> None:
        data = Path(path).read_bytes()
        hashlib.sha256(data).digest()
        pixels = decode(data).pixels
        hash_with_quality(pixels)
        session.run(["vector"], {"images": resize(pixels, 224, 224)[None]})

    describe(paths[0])
    ready.wait()
    for path in paths:
        describe(path)
    done.wait()


def main() -> None:
    paths, cores = files_of(sys.argv[1]), available_cores()
    context = multiprocessing.get_context("spawn")
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # for the others, as in worker processes
    ready, done = context.Barrier(cores + 1), context.Barrier(cores + 1)
    for core in range(cores):
        context.Process(target=work, args=(paths[core::cores], sys.argv[2], ready, done)).start()
    ready.wait()
    tell(timed(done.wait))


if __name__ == "__main__":
    main()
