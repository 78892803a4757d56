"""Make the weights by which a verified pair becomes a probability: verdicts.npz in duplicates/verify/weights.

python tools/make_verdicts.py CALTECH101 [--measures FILE.npz]

CALTECH101 is the folder of that name with a folder for each category. One half of its pictures, by a hash of their
names, is taken here; `bench/copies.py` reports on the other half. Copies are made by `lookalike.edits` with seeds of
their own. Beside each copy's original stand those pictures that are most like it by lite0, other shots of the same
scene, pages with the same letterhead, and plain pictures. --measures keeps what was measured, which takes a quarter of
an hour on two cores; fitting takes seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from lookalike.decode import decode
from lookalike.descriptors import get_descriptor
from lookalike.duplicates.verify.pair import MEASURES, Look, look, measure
from lookalike.edits import KINDS, STRENGTHS, another_shot, documents, edit, plain

TARGET = Path(__file__).parents[1] / "src/lookalike/duplicates/verify/weights/verdicts.npz"
LEFT_OUT = ("BACKGROUND_Google", "Faces_easy")  # repeats of other pictures
RISES = {"inliers": 1, "fine": 1, "coarse": 1, "agreeing": 1, "moved": -1, "shift": -1, "differing": -1,
         "coverage": 1}  # fmt: skip
"""Which way the probability may go with a measure, all others being equal."""

COPY, SCENE, OTHER = 0, 1, 2
SEED = 1_000_000
NEGATIVES = 4
TRUE_COPY = 0.08
"""Cosine distance by lite0 under which two pictures of Caltech-101 may be true copies of each other."""


def tuning_half(path: Path) -> bool:
    """Say whether a picture belongs to the half on which weights are fitted."""
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).digest()[0] < 128


def pixels(path: Path) -> NDArray[np.uint8]:
    return decode(path.read_bytes()).pixels


def one(job: tuple[int, Path, list[Path], list[Path]]) -> list[tuple[int, int, NDArray[np.float64]]]:
    """Return (truth, number of the picture, measures) of the pairs that one picture gives."""
    import cv2

    cv2.setNumThreads(1)
    number, path, near, others = job
    lot = np.random.default_rng([SEED, number])
    image = pixels(path)
    spare = [pixels(other) for other in others]
    original = look(image)
    negatives = [one for other in near if not _repeats(one := look(pixels(other)), original)]
    rows = []
    for _ in range(2):
        kind, strength = str(lot.choice(KINDS)), str(lot.choice(STRENGTHS))
        copy = look(edit(image, kind, strength, SEED + int(lot.integers(1 << 30)), spare))
        rows.append((COPY, number, measure(copy, original).row()))
        rows += [(OTHER, number, measure(copy, other).row()) for other in negatives[:: 2 if len(rows) > 1 else 1]]
    if number % 2:  # two copies of one picture, of which one is squeezed and shows all of it
        squeezed = look(edit(image, "square", str(lot.choice(STRENGTHS)), SEED + number))
        rows.append((COPY, number, measure(copy, squeezed).row()))
        rows += [(OTHER, number, measure(squeezed, other).row()) for other in negatives[:2]]
    if number % 2 == 0:
        for strength in lot.choice(STRENGTHS, 2, replace=False):
            shot = another_shot(image, SEED + number, str(strength))
            rows.append((SCENE, number, measure(look(shot), original).row()))
    return rows


def _repeats(a: Look, b: Look) -> bool:
    """Say whether two pictures of Caltech-101 are plainly one: it repeats some, also cropped and mirrored."""
    row = dict(zip(MEASURES, measure(a, b).row(), strict=True))
    return bool(row["agreeing"] > 0.8 and row["fine"] > 0.7 and row["moved"] < 0.05 and row["texture"] > 6)


def measured(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Return truth, picture and measures of all pairs."""
    paths = [p for p in sorted(folder.glob("*/*.jpg")) if p.parent.name not in LEFT_OUT and tuning_half(p)]
    lot = np.random.default_rng(SEED)
    paths = [paths[at] for at in lot.permutation(len(paths))]
    spare, paths = paths[:200], paths[200:1800]
    lite0 = get_descriptor("lite0")
    vectors = np.concatenate([lite0.embed([pixels(p) for p in paths[at : at + 32]]) for at in range(0, len(paths), 32)])
    distance = 1 - vectors @ vectors.T
    distance[distance < TRUE_COPY] = np.inf
    jobs = [
        (at, path, [paths[other] for other in np.argsort(distance[at])[:NEGATIVES]],
         [spare[int(other)] for other in lot.integers(0, len(spare), 4)])
        for at, path in enumerate(paths)
    ]  # fmt: skip
    rows = []
    with multiprocessing.get_context("spawn").Pool() as pool:
        for done, found in enumerate(pool.imap(one, jobs, chunksize=8), 1):
            rows += found
            if done % 200 == 0:
                print(f"{done} of {len(jobs)} pictures", flush=True)
    rows += list(pages(len(jobs)))
    truth, number, values = zip(*rows, strict=True)
    return {"truth": np.array(truth), "picture": np.array(number), "values": np.array(values)}


def pages(number: int) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Yield pairs of pages with one letterhead, and of plain pictures; and edited copies of such pages."""
    lot = np.random.default_rng(SEED + 1)
    for letterhead in range(30):
        sheets = documents(SEED + letterhead, 24)
        looks = [look(sheet) for sheet in sheets]
        for at in range(len(looks) - 8):
            for other in range(1, 9):
                yield OTHER, number + at, measure(looks[at], looks[at + other]).row()
            kind, strength = str(lot.choice(KINDS)), str(lot.choice(STRENGTHS[:2]))
            copy = look(edit(sheets[at], kind, strength, SEED + at, sheets[-2:]))
            yield COPY, number + at, measure(copy, looks[at]).row()
            yield OTHER, number + at, measure(copy, looks[at + 1]).row()
        number += len(sheets)
    empty = [look(sheet) for sheet in plain(SEED, 40)]
    for at, (a, b) in enumerate(itertools.combinations(empty, 2)):
        if at % 3 == 0 and (found := measure(a, b)).shows:
            yield OTHER, number + at, found.row()


def fit(
    values: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    picture: NDArray[np.int_],
    rises: dict[str, int],
    weight: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return trees, fitted on two thirds of the pictures, and the line that calibrates them on the others."""
    held = picture // 2 % 3 == 0  # every second has other shots: these must be on both sides
    model = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=25, l2_regularization=1.0,
        monotonic_cst=[rises.get(name, 0) for name in MEASURES], random_state=0,
    ).fit(values[~held], wanted[~held], None if weight is None else weight[~held])  # fmt: skip
    raw = model.decision_function(values[held])
    line = LogisticRegression(C=1e6).fit(raw[:, None], wanted[held])
    nodes = [tree.nodes for (tree,) in model._predictors]
    width = max(len(tree) for tree in nodes)
    table = np.zeros((len(nodes), width, 5))
    for at, tree in enumerate(nodes):
        for column, name in enumerate(("feature_idx", "num_threshold", "left", "right", "value")):
            table[at, : len(tree), column] = tree[name]
        table[at, : len(tree), 0][tree["is_leaf"].astype(bool)] = -1
    base = float(np.ravel(model._baseline_prediction)[0])
    ours = raw_score(table, base, values[held])
    assert np.allclose(ours, raw, atol=1e-6), "our reading of the trees differs from scikit-learn's"
    told = line.predict_proba(raw[:, None])[:, 1]
    print(
        "reliability:",
        [
            (round(float(told[part].mean()), 3), round(float(wanted[held][part].mean()), 3), int(part.sum()))
            for low in np.arange(0, 1, 0.1)
            if (part := (told >= low) & (told < low + 0.1001)).any()
        ],
    )
    right = (told > 0.5) == wanted[held]
    print(f"held out: {right.mean():.4f} of {held.sum()} pairs told rightly")
    return {"trees": table, "line": np.array([base, line.coef_[0, 0], line.intercept_[0]])}


def raw_score(trees: NDArray[np.float64], base: float, values: NDArray[np.float64]) -> NDArray[np.float64]:
    from lookalike.duplicates.verify.probability import score

    return np.array([score(trees, base, row) for row in values])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--measures", type=Path)
    given = parser.parse_args()
    if given.measures and given.measures.exists():
        held = dict(np.load(given.measures))
    else:
        held = measured(given.folder)
        if given.measures:
            np.savez(given.measures, **held)  # type: ignore[arg-type]
    truth, values, picture = held["truth"].astype(int), held["values"], held["picture"].astype(int)
    print({name: int((truth == at).sum()) for at, name in enumerate(("copies", "scenes", "others"))})
    copy = fit(values, truth == COPY, picture, RISES, np.where(truth == SCENE, 3.0, 1.0))  # these are the hard ones
    scene = fit(values, truth != OTHER, picture, {"inliers": 1, "coverage": 1})
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        TARGET, copy_trees=copy["trees"].astype(np.float32), copy_line=copy["line"],
        scene_trees=scene["trees"].astype(np.float32), scene_line=scene["line"], measures=np.array(MEASURES),
    )  # fmt: skip
    print(f"Written: {TARGET}, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
