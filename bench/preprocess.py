"""Which resize and crop suits ``lite0`` best? Leave-one-out retrieval on Caltech-101, without its background.

    python bench/preprocess.py FOLDER_OF_CATEGORY_FOLDERS

Prints a Markdown table: precision@1 and mAP (cosine), a picture never being its own neighbour.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lookalike import transforms
from lookalike.descriptors.runtime import onnx_runtime
from lookalike.types import RGBImage

WEIGHTS = Path(__file__).parents[1] / "src/lookalike/descriptors/weights/lite0.onnx"


def pillow(image: RGBImage, side: int) -> RGBImage:
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))


def crop(image: RGBImage, short: int, side: int) -> RGBImage:
    return transforms.centre_crop(transforms.resize_short_side(image, short), side, side)


def grey(image: RGBImage) -> RGBImage:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)


VARIANTS: dict[str, Callable[[RGBImage], RGBImage]] = {
    "squash to 224": lambda x: transforms.resize(x, 224, 224),
    "squash to 224, Pillow's bilinear": lambda x: pillow(x, 224),
    "short side 224, centre crop 224": lambda x: crop(x, 224, 224),
    "short side 256, centre crop 224": lambda x: crop(x, 256, 224),
    "pad to a square, 224": lambda x: transforms.resize(transforms.pad_square(x), 224, 224),
    "squash to 192": lambda x: transforms.resize(x, 192, 192),
    "squash to 256": lambda x: transforms.resize(x, 256, 256),
    "squash to 288": lambda x: transforms.resize(x, 288, 288),
    "grey, squash to 224": lambda x: grey(transforms.resize(x, 224, 224)),
}


def embed(paths: list[Path], variant: Callable[[RGBImage], RGBImage]) -> np.ndarray:
    options = onnx_runtime().SessionOptions()
    options.intra_op_num_threads = 1
    session = onnx_runtime().InferenceSession(WEIGHTS, options, providers=["CPUExecutionProvider"])

    def work(batch: list[Path]) -> np.ndarray:
        images = [variant(np.asarray(Image.open(path).convert("RGB"))) for path in batch]
        vectors: np.ndarray = session.run(["vector"], {"images": np.stack(images)})[0]
        unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(work, [paths[i : i + 16] for i in range(0, len(paths), 16)])))


def leave_one_out(vectors: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return precision@1 and mAP over all queries whose label occurs twice or more."""
    first, precision = [], []
    for start in range(0, len(vectors), 500):
        scores = vectors[start : start + 500] @ vectors.T
        for row, query in enumerate(range(start, min(start + 500, len(vectors)))):
            order = np.argsort(-scores[row], kind="stable")
            relevant = labels[order[order != query]] == labels[query]
            hits = np.flatnonzero(relevant) + 1
            first.append(bool(relevant[0]))
            precision.append(float(np.mean(np.arange(1, len(hits) + 1) / hits)))
    return float(np.mean(first)), float(np.mean(precision))


def main() -> None:
    root = Path(sys.argv[1])
    paths = sorted(path for path in root.glob("*/*.jpg") if path.parent.name != "BACKGROUND_Google")
    labels = np.array([path.parent.name for path in paths])
    cv2.setNumThreads(1)
    print(f"{len(paths):,} pictures, {len(set(labels))} categories\n")
    print("| preprocessing | precision@1 | mAP |\n|---|---|---|")
    for name, variant in VARIANTS.items():
        precision, average = leave_one_out(embed(paths, variant), labels)
        print(f"| {name} | {precision:.4f} | {average:.4f} |", flush=True)


if __name__ == "__main__":
    main()
