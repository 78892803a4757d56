"""From labelled vectors to a classifier."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.classify.classifier import Classifier, check_raw, numbers_of
from lookalike.defaults import CLASSIFIER, CLASSIFIERS, NEIGHBOURS, REGULARISATION
from lookalike.errors import UsageError
from lookalike.results import Gallery
from lookalike.words import human_count, number

__all__ = ["Galleries", "check_arguments", "fit", "fit_classifier", "labelled", "listed"]

Galleries: TypeAlias = Gallery | Sequence[Gallery]
"""One gallery, or several of the same pictures by different descriptors, whose vectors are taken side by side."""

ROUNDS = 2000
"""Steps after which fitting a logistic regression is given up."""


def fit_classifier(
    gallery: Galleries,
    *,
    method: str = CLASSIFIER,
    neighbours: int = NEIGHBOURS,
    regularisation: float = REGULARISATION,
    balanced: bool = False,
    min_pictures: int = 1,
) -> Classifier:
    """Fit a classifier on all labelled pictures: see `cross_validate` for the arguments.

    Raises
    ------
    UsageError
        If there are no labels, fewer than two classes, or an argument is out of range.
    FingerprintError
        If vectors are standardised on their library.
    """
    check_arguments(method, neighbours, regularisation)
    chosen, _, _ = labelled(gallery, min_pictures)
    check_raw([part.spec for part in chosen])
    table, labels = numbers_of(chosen), np.array(chosen[0].labels)
    return fit(table, labels, chosen, method, neighbours, regularisation, balanced=balanced)[0]


def check_arguments(method: str, neighbours: int, regularisation: float) -> None:
    if method not in CLASSIFIERS:
        raise UsageError(f"no method {method!r}: choose one of {', '.join(CLASSIFIERS)}")
    if neighbours < 1:
        raise UsageError(f"neighbours must be at least 1, not {neighbours}")
    if not 0 < regularisation < float("inf"):
        raise UsageError(f"regularisation is a number above 0, not {regularisation}")


def listed(gallery: Galleries) -> list[Gallery]:
    parts = [gallery] if isinstance(gallery, Gallery) else list(gallery)
    if not parts:
        raise UsageError("there is no gallery to classify")
    if any(part.uris != parts[0].uris for part in parts):
        raise UsageError("galleries side by side must hold the same pictures in the same order: index all by each")
    return parts


def labelled(gallery: Galleries, min_pictures: int) -> tuple[list[Gallery], NDArray[np.intp], tuple[str, ...]]:
    """Return what can be classified, the row numbers that it had, and what was left out."""
    parts = listed(gallery)
    labels = parts[0].labels or (None,) * len(parts[0])
    names, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    large = set(names[counts >= min_pictures].tolist())
    kept = np.array([row for row, label in enumerate(labels) if label in large], np.intp)
    notes = []
    if without := sum(label is None for label in labels):
        notes.append(f"{number(without)} of {human_count(len(labels), 'picture')} have no label and were left out")
    if small := len(names) - len(large):
        gone = len(labels) - without - len(kept)
        which = human_count(small, "class", "classes")
        notes.append(f"{which} with fewer than {min_pictures} pictures left out: {human_count(gone, 'picture')}")
    if len(large) < 2:
        if not len(names):
            parts[0].labelled()  # raises: no picture has a label
        only = f"only one class, {next(iter(large))!r}" if large else "no class"
        raise UsageError(
            f"there is {only} to tell apart{' after leaving out small ones' if small else ''}: "
            "two at least are needed, such as two folders of pictures with --labels folder"
        )
    labelled = tuple(labels[row] for row in kept)
    chosen = [Gallery(part.take(kept.tolist()).uris, part.vectors[kept], part.spec, labelled) for part in parts]
    return chosen, kept, tuple(notes)


def fit(
    table: NDArray[np.float64],
    labels: NDArray[Any],
    galleries: Sequence[Gallery],
    method: str,
    neighbours: int,
    regularisation: float,
    *,
    balanced: bool,
) -> tuple[Classifier, bool]:
    """Return the classifier, and whether fitting it came to an end."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise UsageError("one side of a fold has one class only: there are too few groups; ask for fewer folds")
    metric = galleries[0].spec.metric if len(galleries) == 1 else "l2"
    arrays: dict[str, NDArray[Any]] = {}
    settled = True
    if method == "logistic" or metric == "l2":
        scaler = StandardScaler().fit(table)
        arrays |= {"mean": scaler.mean_, "scale": scaler.scale_}
        table = scaler.transform(table)
    if method == "logistic":
        model = LogisticRegression(C=1 / regularisation, max_iter=ROUNDS, class_weight="balanced" if balanced else None)
        # Many small products: threads would wait for each other longer than they work.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(table, numbers)
        settled = int(np.max(model.n_iter_)) < ROUNDS
        arrays |= {"weights": model.coef_, "offsets": model.intercept_}
    else:
        arrays |= {"vectors": table.astype(np.float32), "numbers": numbers.astype(np.int64)}
    parts = tuple((gallery.spec.name, gallery.spec.fingerprint) for gallery in galleries)
    nearest = min(neighbours, len(table))
    return Classifier(tuple(classes.tolist()), parts, method, arrays, metric, nearest, len(labels)), settled
