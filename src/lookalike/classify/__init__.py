"""Classify pictures by their vectors: check how well it goes, fit on all of them, label new ones.

Gallery with labels --+--> cross_validate --> CrossValidation     how often it is right, and where it is not
                      +--> fit_classifier --> Classifier          save, load, probabilities of new vectors

Everything here works on arrays; `lookalike.labelling` labels files and URLs.
"""

from lookalike.classify.classifier import Classifier
from lookalike.classify.fitting import Galleries, fit_classifier
from lookalike.classify.scores import Scores, confusion_matrix, scores
from lookalike.classify.validation import CrossValidation, cross_validate

__all__ = [
    "Classifier",
    "CrossValidation",
    "Galleries",
    "Scores",
    "confusion_matrix",
    "cross_validate",
    "fit_classifier",
    "scores",
]
