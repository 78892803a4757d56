"""Cross-validation: each picture judged by a classifier that has not seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.classify.classifier import numbers_of
from lookalike.classify.fitting import Galleries, check_arguments, fit, labelled, listed
from lookalike.classify.scores import Scores, confusion_matrix, per_class, scores
from lookalike.defaults import CLASSIFIER, FOLDS, NEIGHBOURS, REGULARISATION, SEED
from lookalike.errors import UsageError
from lookalike.frames import html_table
from lookalike.types import Rows, Tabular, Uri
from lookalike.words import human_count, number

__all__ = ["CrossValidation", "cross_validate"]


@dataclass(frozen=True, eq=False)
class CrossValidation(Tabular):
    """What a classifier says of pictures that it was not fitted on.

    Attributes
    ----------
    uris, labels, predicted
        n pictures, their labels, and the classes told of each by the classifier fitted without its fold.
    probabilities
        (n, n_classes) float64, of each class; 0 for a class that was not among those fitted on.
    folds
        (n,) int64, from 0: in which fold a picture was judged.
    classes
        In the order of text.
    method, descriptors
        How it was classified, and by what.
    notes
        Sentences on what was left out or went otherwise than asked.
    """

    uris: tuple[Uri, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]
    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]
    classes: tuple[str, ...]
    method: str = CLASSIFIER
    descriptors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """(n_classes, n_classes): pictures of the row's class that were told to be of the column's."""
        return confusion_matrix(self.labels, self.predicted, self.classes)

    @cached_property
    def overall(self) -> Scores:
        """Over all pictures at once."""
        return scores(self.confusion)

    @property
    def accuracy(self) -> float:
        """Part of the pictures that were told rightly."""
        return self.overall.accuracy

    @property
    def mean_class_accuracy(self) -> float:
        """Mean over the classes of the part of each that was told rightly."""
        return self.overall.recall

    @property
    def macro_f1(self) -> float:
        """Mean over the classes of the harmonic mean of precision and recall."""
        return self.overall.f1

    @cached_property
    def by_fold(self) -> tuple[Scores, ...]:
        """The same figures fold by fold."""
        found = []
        for fold in range(int(self.folds.max(initial=-1)) + 1):
            at = np.flatnonzero(self.folds == fold)
            pairs = [self.labels[row] for row in at], [self.predicted[row] for row in at]
            found.append(scores(confusion_matrix(*pairs, self.classes)))
        return tuple(found)

    @property
    def fold_accuracies(self) -> tuple[float, ...]:
        """Accuracy of each fold."""
        return tuple(fold.accuracy for fold in self.by_fold)

    @property
    def missed(self) -> tuple[int, ...]:
        """Row numbers of the pictures told wrongly, the surest mistakes first."""
        best = self.probabilities.max(axis=1, initial=0)
        wrong = [row for row, label in enumerate(self.labels) if label != self.predicted[row]]
        return tuple(sorted(wrong, key=lambda row: (-best[row], row)))

    def rows(self) -> Rows:
        """One row per picture; `probability` is that of the class told, `label_probability` that of its label."""
        at = {name: column for column, name in enumerate(self.classes)}
        values = [
            (
                self.uris[row],
                label,
                self.predicted[row],
                label == self.predicted[row],
                float(self.probabilities[row, at[self.predicted[row]]]),
                float(self.probabilities[row, at[label]]),
                int(self.folds[row]) + 1,
            )
            for row, label in enumerate(self.labels)
        ]
        return Rows(("uri", "label", "predicted", "correct", "probability", "label_probability", "fold"), values)

    def summary(self) -> Rows:
        """A row per class, then per fold, then one for all: `part` is "class", "fold" or "all".

        In rows of a fold and of all, precision, recall and f1 are means over classes: `recall` is the mean per-class
        accuracy, `f1` macro-F1.
        """
        values: list[tuple[Any, ...]] = []
        for name, precision, recall, f1, pictures in zip(self.classes, *per_class(self.confusion), strict=True):
            values.append(("class", name, None, float(precision), float(recall), float(f1), int(pictures)))
        totals = [("fold", str(number), fold) for number, fold in enumerate(self.by_fold, 1)]
        for part, name, one in [*totals, ("all", "all", self.overall)]:
            values.append((part, name, one.accuracy, one.precision, one.recall, one.f1, one.pictures))
        return Rows(("part", "name", "accuracy", "precision", "recall", "f1", "support"), values)

    def in_words(self) -> str:
        """The figures in one sentence."""
        accuracies = self.fold_accuracies
        return (
            f"Accuracy {self.accuracy:.4f} (folds {min(accuracies):.4f} to {max(accuracies):.4f}), mean per class "
            f"{self.mean_class_accuracy:.4f}, macro-F1 {self.macro_f1:.4f}: {self.method} on "
            f"{' and '.join(self.descriptors)}, {human_count(len(self.uris), 'picture')} of "
            f"{human_count(len(self.classes), 'class', 'classes')}, {number(len(self.missed))} told wrongly."
        )

    def _repr_html_(self, pictures: int = 24) -> str:
        from lookalike.notebook import Card, Section, page

        cards = []
        for row in self.missed[:pictures]:
            told = f"told to be {self.predicted[row]}, {self.probabilities[row].max():.0%}"
            cards.append(Card(self.uris[row], (f"is {self.labels[row]}", told)))
        more = len(self.missed) - len(cards)
        missed = Section("Told wrongly, the surest mistakes first", cards, f"{more:,} more" if more else "")
        summary = self.summary()
        table = html_table(summary.columns, summary.values, limit=len(summary.values))
        return page(self.in_words(), [missed] if cards else [], table=table, note=" ".join(self.notes))

    def confusion_rows(self) -> Rows:
        """The cells of the confusion matrix that are not empty: label, predicted, pictures."""
        values = [
            (self.classes[row], self.classes[column], int(self.confusion[row, column]))
            for row, column in np.argwhere(self.confusion)
        ]
        return Rows(("label", "predicted", "pictures"), values)


def cross_validate(
    gallery: Galleries,
    *,
    method: str = CLASSIFIER,
    folds: int = FOLDS,
    seed: int = SEED,
    neighbours: int = NEIGHBOURS,
    regularisation: float = REGULARISATION,
    balanced: bool = False,
    min_pictures: int = 1,
    groups: Sequence[int] | NDArray[Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Judge each labelled picture by a classifier fitted on the other folds.

    Parameters
    ----------
    gallery
        Pictures with labels; those without one are left out. Several galleries of the same pictures are taken side by
        side.
    method
        "logistic": each number standardised on the pictures fitted on, then logistic regression. "knn": the most
        frequent class among the nearest pictures.
    folds
        Parts, each judged once. Classes are spread evenly over them.
    seed
        Of the shuffling: the same seed, the same folds.
    neighbours
        Of "knn".
    regularisation
        Of "logistic", above 0: larger keeps the weights smaller. It is 1 / C of scikit-learn.
    balanced
        Of "logistic": classes count alike, however many pictures each has; else pictures do.
    min_pictures
        Classes with fewer are left out.
    groups
        One integer per picture of `gallery`. Pictures that share one are never on two sides: give copies the same, or
        the figures will be too good.
    progress
        Called with how many folds of how many are done.

    Raises
    ------
    UsageError
        If there are no labels, fewer than two classes, a class with fewer pictures (or groups) than folds, or an
        argument is out of range.

    Notes
    -----
    The splitters, the scaler and the regression are scikit-learn's: StratifiedKFold, or StratifiedGroupKFold where
    there are groups; StandardScaler; LogisticRegression (multinomial, lbfgs). Memory: 8 bytes x n x dim, twice.
    """
    check_arguments(method, neighbours, regularisation)
    if folds < 2:
        raise UsageError(f"folds must be at least 2, not {folds}")
    chosen, kept, notes = labelled(gallery, min_pictures)
    labels = np.array(chosen[0].labels)
    classes, counts = np.unique(labels, return_counts=True)
    together = None
    if groups is not None:
        every = np.asarray(groups)
        if every.shape != (len(listed(gallery)[0]),):
            raise UsageError(
                f"groups are one integer per picture, {len(listed(gallery)[0])}, not of shape {every.shape}"
            )
        together = every[kept]
        counts = np.array([len(np.unique(together[labels == name])) for name in classes])
    _check_counts(classes, counts, folds, "pictures" if groups is None else "groups of pictures")

    table = numbers_of(chosen)
    predicted = np.empty(len(labels), object)
    probabilities = np.zeros((len(labels), len(classes)))
    which = np.full(len(labels), -1, np.int64)
    slow = 0
    for fold, (train, test) in enumerate(_split(labels, together, folds, seed)):
        model, settled = fit(table[train], labels[train], chosen, method, neighbours, regularisation, balanced=balanced)
        slow += not settled
        columns = np.searchsorted(classes, model.classes)
        probabilities[np.ix_(test, columns)] = model.probabilities(table[test])
        predicted[test] = classes[probabilities[test].argmax(axis=1)]
        which[test] = fold
        if progress:
            progress(fold + 1, folds)
    if slow:
        notes += (f"in {slow} of {folds} folds fitting did not settle: raise the regularisation",)
    return CrossValidation(
        chosen[0].uris, tuple(labels.tolist()), tuple(predicted.tolist()), probabilities, which,
        tuple(classes.tolist()), method, tuple(part.spec.name for part in chosen), notes,
    )  # fmt: skip


def _check_counts(classes: NDArray[Any], counts: NDArray[Any], folds: int, what: str) -> None:
    small = [f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < folds]
    if small:
        shown = ", ".join(small[:5]) + (f" and {len(small) - 5} more" if len(small) > 5 else "")
        least = int(counts.min())
        less = f"ask for {least} folds, " if least >= 2 else ""
        raise UsageError(
            f"{folds} folds need {folds} {what} of each class, but there are fewer of {shown}: {less}add pictures, "
            f"or leave such classes out with --min-pictures {folds}"
        )


def _split(
    labels: NDArray[Any], groups: NDArray[Any] | None, folds: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splits = kind(folds, shuffle=True, random_state=seed).split(np.zeros(len(labels)), labels, groups)
    # A fold may stay empty where groups are large: then there is nothing to judge in it.
    return ((train, test) for train, test in splits if len(test))
