"""How good predictions are: the confusion matrix and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UsageError

__all__ = ["Scores", "confusion_matrix", "per_class", "scores"]


@dataclass(frozen=True)
class Scores:
    """What a confusion matrix comes to.

    Attributes
    ----------
    accuracy
        Part of all pictures whose class is told rightly.
    precision, recall, f1
        Means over classes, each counting the same whatever its size: over those that occur or are predicted for
        `precision` and `f1`, over those that occur for `recall`, which is the mean per-class accuracy.
    pictures
        How many were judged.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    pictures: int


def confusion_matrix(
    labels: Sequence[str], predicted: Sequence[str], classes: Sequence[str] | None = None
) -> NDArray[np.int64]:
    """Count pictures by label (row) and predicted class (column).

    Parameters
    ----------
    labels, predicted
        n each.
    classes
        In the order of rows and columns; None for all that occur, in the order of text.

    Returns
    -------
    numpy.ndarray
        (n_classes, n_classes) int64.

    Raises
    ------
    UsageError
        If the numbers of labels and predictions differ.
    """
    if len(labels) != len(predicted):
        raise UsageError(f"{len(labels)} labels and {len(predicted)} predictions do not fit together")
    names = sorted({*labels, *predicted}) if classes is None else classes
    at = {name: row for row, name in enumerate(names)}
    found = np.zeros((len(at), len(at)), np.int64)
    for label, guess in zip(labels, predicted, strict=True):
        found[at[label], at[guess]] += 1
    return found


def scores(confusion: NDArray[np.int64]) -> Scores:
    """Return accuracy and the means over classes of a confusion matrix; NaN where there are no pictures."""
    precision, recall, f1, pictures = per_class(confusion)
    occurs = pictures > 0
    known = occurs | (confusion.sum(axis=0) > 0)
    total = int(pictures.sum())
    if not total:
        nothing = float("nan")
        return Scores(nothing, nothing, nothing, nothing, 0)
    return Scores(
        float(np.trace(confusion) / total),
        float(precision[known].mean()),
        float(recall[occurs].mean()),
        float(f1[known].mean()),
        total,
    )


def per_class(confusion: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Return precision, recall, f1 (0 where there is nothing to divide by) and pictures of each class."""
    right, actual, told = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return (
        right / np.maximum(told, 1),
        right / np.maximum(actual, 1),
        2 * right / np.maximum(actual + told, 1),
        actual,
    )
