"""What is wrong with single pictures, on arrays: pixels, vectors, labels; and what counts as wrong.

picture ---------> measure_pixels --> PixelMeasures --+
vectors ---------> outlyingness ----------------------+--> judge --> PictureProblems --> Problems
probabilities ---> mislabelled -----------------------+
"""

from lookalike.problems.judging import Measures, PictureProblems, check_only, check_thresholds, judge
from lookalike.problems.pixels import PixelMeasures, measure_pixels
from lookalike.problems.report import Problems
from lookalike.problems.vectors import Mislabelled, mislabelled, outlyingness

__all__ = [
    "Measures",
    "Mislabelled",
    "PictureProblems",
    "PixelMeasures",
    "Problems",
    "check_only",
    "check_thresholds",
    "judge",
    "measure_pixels",
    "mislabelled",
    "outlyingness",
]
