"""What is wrong with single pictures, on arrays: pixels, vectors, labels; and what counts as wrong.

picture ---------> measure_pixels --> PixelMeasures --+
vectors ---------> outlyingness ----------------------+--> judge --> PictureProblems --> Problems
vectors, labels -> class_probabilities--------------------+
"""

from lookalike.problems.judging import Measures, PictureProblems, check_only, check_thresholds, judge
from lookalike.problems.labels import class_probabilities
from lookalike.problems.pixels import PixelMeasures, measure_pixels
from lookalike.problems.report import Problems
from lookalike.problems.vectors import outlyingness

__all__ = [
    "Measures",
    "PictureProblems",
    "PixelMeasures",
    "Problems",
    "check_only",
    "check_thresholds",
    "class_probabilities",
    "judge",
    "measure_pixels",
    "outlyingness",
]
