"""From what was measured of a pair to the probability that the two are copies, and that they show one scene."""

from __future__ import annotations

import functools
import math
from importlib import resources

import numpy as np
from numpy.typing import NDArray

__all__ = ["copy_probability", "scene_probability", "score"]

Floats = NDArray[np.float64]


def copy_probability(row: Floats) -> float:
    """Return the probability that the pictures are copies: one is the other one, edited or not.

    Parameters
    ----------
    row
        Numbers in the order of `lookalike.duplicates.verify.pair.MEASURES`.

    Notes
    -----
    120 small trees that may only rise, or only fall, with most measures; then a logistic line fitted on pictures that
    the trees did not see. ``tools/make_verdicts.py`` makes both.
    """
    return _probability("copy", row)


def scene_probability(row: Floats) -> float:
    """Return the probability that the pictures are copies or shots of one scene."""
    return max(_probability("scene", row), _probability("copy", row))


def score(trees: Floats, base: float, row: Floats) -> float:
    """Return the sum of what each tree says of a row.

    Parameters
    ----------
    trees
        (n_trees, n_nodes, 5): the measure that a node asks for (-1 for a leaf), its threshold, the nodes for up to
        the threshold and above it, and a leaf's value.
    base
        What is added to the sum.
    row
        (n_measures,).
    """
    each = np.arange(len(trees))
    nodes = trees[:, 0]
    while (inner := nodes[:, 0] >= 0).any():
        below = row[nodes[:, 0].astype(int)] <= nodes[:, 1]
        onward = np.where(below, nodes[:, 2], nodes[:, 3]).astype(int)
        nodes = np.where(inner[:, None], trees[each, onward], nodes)
    return base + float(nodes[:, 4].sum())


@functools.cache
def _weights() -> dict[str, NDArray[np.float64]]:
    with (resources.files("lookalike.duplicates.verify") / "weights" / "verdicts.npz").open("rb") as stream:
        held = np.load(stream, allow_pickle=False)
        return {name: held[name].astype(np.float64) for name in held.files if name != "measures"}


def _probability(what: str, row: Floats) -> float:
    held = _weights()
    base, slope, offset = held[f"{what}_line"]
    raw = slope * score(held[f"{what}_trees"], base, row) + offset
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, raw))))
