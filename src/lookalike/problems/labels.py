"""Which class the other pictures speak for: where that is not a picture's label, the label is likely wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import FOLDS, SEED
from lookalike.errors import UsageError

__all__ = ["class_probabilities"]

_SHRINKAGE = 0.3
"""Part of the scatter within classes that is taken to be the same in all directions."""

_TEMPERATURES = 2.0 ** np.arange(-2, 6.5, 0.5)
_ROWS = 4096


def class_probabilities(
    vectors: NDArray[Any],
    labels: Sequence[int] | NDArray[np.int64],
    *,
    groups: Sequence[int] | NDArray[np.int64] | None = None,
    folds: int = FOLDS,
    seed: int = SEED,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Return the probability of each class for each picture, told by pictures of the other folds alone.

    Parameters
    ----------
    vectors
        (n, width) numbers.
    labels
        n whole numbers, 0 to the number of classes - 1, each at least once.
    groups
        One whole number for each picture. Those that share one are in one fold: give copies the same. None for none.
    folds
        At least 2. Classes are spread evenly over them; a class in one fold alone gets the probability 0 there.
    seed
        Of the folds.
    progress
        Called with how many folds of how many are done.

    Returns
    -------
    numpy.ndarray
        (n, n_classes) float64, rows that sum to 1.

    Raises
    ------
    UsageError
        If there are fewer than two classes or folds, fewer pictures than folds, or shapes do not fit together.

    Notes
    -----
    Fisher's linear discriminant: classes are normal clouds of one shape, whose covariance is shrunken by .3 towards a
    ball's. Single wrong labels hardly move it. Its probabilities are too sure by nature: they are spread by the one
    temperature that makes the given labels likeliest. Memory: 8 bytes x (n x n_classes + 3 x width^2).
    """
    given = np.asarray(labels, np.int64)
    count = int(given.max(initial=-1)) + 1
    if given.shape != (len(vectors),) or (groups is not None and len(groups) != len(vectors)):
        raise UsageError(f"{len(vectors)} vectors and {len(given)} labels or groups do not fit together")
    if count < 2:
        raise UsageError("there are not two classes to tell apart: labels are checked where there are several")
    if folds < 2 or len(given) < folds:
        raise UsageError(f"labels of {len(given)} pictures cannot be checked in {folds} folds: 2 at least, and enough")
    scores = np.full((len(given), count), -np.inf)
    parts = _folds(given, groups, folds, seed)
    for fold in range(folds):
        test = np.flatnonzero(parts == fold)
        if len(test):
            train = np.flatnonzero(parts != fold)
            scores[test] = _discriminant(vectors, train, given[train], test, count)
        if progress:
            progress(fold + 1, folds)
    best = min(_TEMPERATURES, key=lambda temperature: _loss(scores, given, temperature))
    return _softmax(scores, best)


def _folds(
    labels: NDArray[np.int64], groups: Sequence[int] | NDArray[np.int64] | None, folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold of each picture: of each class about as many in each, groups in one."""
    _, group = np.unique(np.arange(len(labels)) if groups is None else np.asarray(groups), return_inverse=True)
    first = np.full(int(group.max(initial=-1)) + 1, -1, np.int64)
    first[group[::-1]] = labels[::-1]  # a group counts for the class of its first picture
    lot = np.random.default_rng([seed, 7])
    order = lot.permutation(len(first))
    order = order[np.argsort(first[order], kind="stable")]
    fold = np.empty(len(first), np.int64)
    fold[order] = np.arange(len(first)) % folds
    return np.asarray(fold[group], np.int64)


def _discriminant(
    vectors: NDArray[Any], train: NDArray[np.intp], labels: NDArray[np.int64], test: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """Return (len(test), count) log-likelihoods with priors, up to a constant of each row; -inf for unseen classes."""
    width = vectors.shape[1]
    sums = np.zeros((count, width))
    pictures = np.bincount(labels, minlength=count)
    scatter = np.zeros((width, width))
    for start in range(0, len(train), _ROWS):
        rows = vectors[train[start : start + _ROWS]].astype(np.float64)
        np.add.at(sums, labels[start : start + _ROWS], rows)
        scatter += rows.T @ rows
    means = sums / np.maximum(pictures, 1)[:, None]
    scatter -= (means * pictures[:, None]).T @ means
    scatter /= len(train)
    ball = max(float(np.trace(scatter)) / width, 1e-12)
    scatter = (1 - _SHRINKAGE) * scatter + _SHRINKAGE * ball * np.eye(width)
    weights = np.linalg.solve(scatter, means.T)
    with np.errstate(divide="ignore"):
        offsets = np.log(pictures / len(train)) - (means * weights.T).sum(axis=1) / 2
    scores = np.empty((len(test), count))
    for start in range(0, len(test), _ROWS):
        at = slice(start, start + _ROWS)
        scores[at] = vectors[test[at]].astype(np.float64) @ weights + offsets
    return scores


def _softmax(scores: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    raised = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)


def _loss(scores: NDArray[np.float64], labels: NDArray[np.int64], temperature: float) -> float:
    """Return the mean of -log of the probability of the label; one mistake never decides alone."""
    own = _softmax(scores, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(own, 1e-9)).mean())
