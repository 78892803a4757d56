"""What rows are measured on: lists of files, copies of pictures, large JPEGs, made vectors; made once, then kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import lookalike
from lookalike.decode import decode
from lookalike.demo import shipped_photographs
from lookalike.descriptors.haralick import grey
from lookalike.edits import KINDS, edit
from lookalike.transforms import resize

__all__ = ["clustered", "copies", "grey_pictures", "hashes", "large_jpegs", "large_library", "listing"]

DIM, LATENT, PER_CLUSTER = 1280, 64, 50


def _made(path: Path, write: Callable[[Path], None]) -> Path:
    """Return a file or folder, after it was written whole."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        write(part)
        part.replace(path)
    return path


def listing(work: Path, paths: Sequence[Path], count: int | None = None) -> Path:
    """Return a file that names some paths, evenly from all."""
    chosen = list(paths[:: max(1, len(paths) // (count or len(paths)))])[:count]
    target = work / f"files-{len(chosen)}.txt"
    target.write_text("\n".join(map(str, chosen)) + "\n", encoding="utf-8")
    return target


def copies(work: Path, paths: Sequence[Path], originals: int = 2000, edited: int = 480) -> tuple[Path, Path]:
    """Return a folder of pictures and edited copies of some, and a file that names each copy and what it is of."""
    originals, edited = (min(count, len(paths) * count // originals) for count in (originals, edited))
    folder = work / f"copies-{originals}-{edited}"

    def write(target: Path) -> None:
        target.mkdir(parents=True)
        chosen = paths[:: max(1, len(paths) // originals)][:originals]
        lot = np.random.default_rng(88)
        for at, path in enumerate(chosen):
            (target / f"{at:05d}.jpg").write_bytes(path.read_bytes())
        spare = [decode(path.read_bytes()).pixels for path in paths[1 : 4 * 97 : 97]]
        with (target / "pairs.tsv").open("w", encoding="utf-8") as pairs:
            for at, of in enumerate(sorted(lot.choice(originals, edited, replace=False))):
                pixels = decode((target / f"{of:05d}.jpg").read_bytes()).pixels
                changed = edit(pixels, KINDS[at % len(KINDS)], "middle", 88_000_000 + at, spare)
                Image.fromarray(changed).save(target / f"{of:05d}-copy.jpg", quality=90)
                pairs.write(f"{folder / f'{of:05d}.jpg'}\t{folder / f'{of:05d}-copy.jpg'}\n")

    _made(folder, write)
    return folder, folder / "pairs.tsv"


def large_jpegs(work: Path, megapixels: int, count: int = 6) -> Path:
    """Return a file that names JPEGs of some megapixels: shipped photographs, enlarged, with the noise of a sensor."""
    folder = work / f"jpegs-{megapixels}"

    def write(target: Path) -> None:
        target.mkdir(parents=True)
        lot = np.random.default_rng(megapixels)
        for at, path in enumerate([one for one in shipped_photographs() if one.suffix in (".jpg", ".png")][:count]):
            image = Image.open(path).convert("RGB")
            scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
            pixels = np.asarray(image) + lot.normal(0, 4, (image.height, image.width, 1))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(target / f"{at}.jpg", quality=92)

    return listing(_made(folder, write), sorted(folder.glob("*.jpg")))


def grey_pictures(work: Path, height: int, width: int, count: int = 12) -> Path:
    """Return grey photographs of one size, (n, height, width) uint8, as .npy."""

    def write(target: Path) -> None:
        photographs = shipped_photographs()[:count]
        pictures = [grey(resize(decode(path.read_bytes()).pixels, height, width)) for path in photographs]
        with target.open("wb") as stream:
            np.save(stream, np.stack(pictures))

    return _made(work / f"grey-{width}x{height}.npy", write)


def clustered(work: Path, count: int, dim: int = DIM) -> Path:
    """Return unit vectors in float16 that lie like real ones, as .npy, written block by block.

    One Gaussian cluster per 50 vectors, its centre and its spread (0.6 of the centres') in a subspace of 64 dimensions
    whose variance falls as 1 / rank, plus noise of 0.02 in all.
    """

    def write(target: Path) -> None:
        lot = np.random.default_rng(dim)
        spread = (1 / np.sqrt(1 + np.arange(LATENT))).astype(np.float32)
        basis = np.linalg.qr(lot.standard_normal((dim, LATENT)))[0].T.astype(np.float32)
        centres = lot.standard_normal((max(1, count // PER_CLUSTER), LATENT), dtype=np.float32) * spread
        rows = np.lib.format.open_memmap(target, "w+", np.float16, (count, dim))
        for start in range(0, count, 8192):
            part = rows[start : start + 8192]
            latent = centres[lot.integers(0, len(centres), len(part))]
            latent = latent + 0.6 * spread * lot.standard_normal(latent.shape, dtype=np.float32)
            wide = latent @ basis + 0.02 * lot.standard_normal(part.shape, dtype=np.float32)
            part[:] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
        rows.flush()

    return _made(work / f"vectors-{count}-{dim}.npy", write)


def large_library(work: Path, count: int) -> Path:
    """Return a library of made-up pictures whose vectors lie like real ones, with what `index` makes at its end."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from million import BLOCK, fill

    vectors = np.load(clustered(work, count), mmap_mode="r")

    def write(target: Path) -> None:
        target.mkdir()
        path = fill(target, (vectors[start : start + BLOCK] for start in range(0, count, BLOCK)))
        with lookalike.open(path) as library:
            library._holdings.refresh([lookalike.get_descriptor("lite0").spec])

    return _made(work / f"library-{count}", write) / "million.lookalike"


def hashes(work: Path, count: int) -> Path:
    """Return hashes of 256 bits, (count, 32) uint8: half of the bits set as in PDQ, one in ten near another."""

    def write(target: Path) -> None:
        lot = np.random.default_rng(count)
        rows = np.lib.format.open_memmap(target, "w+", np.uint8, (count, 32))
        rows[:] = lot.integers(0, 256, rows.shape, np.uint8)
        near = lot.choice(count, count // 10, replace=False)
        flips = np.packbits(lot.random((len(near), 256)) < lot.uniform(0, 0.15, (len(near), 1)), axis=1)
        rows[near] = rows[(near + 1) % count] ^ flips
        rows.flush()

    return _made(work / f"hashes-{count}.npy", write)
