"""From measures to what is wrong, in words, and how bad it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lookalike.defaults import PROBLEM_KINDS, PROBLEM_THRESHOLDS
from lookalike.errors import UsageError
from lookalike.problems.pixels import PixelMeasures
from lookalike.types import Uri

__all__ = ["Measures", "PictureProblems", "check_only", "check_thresholds", "judge"]


@dataclass(frozen=True)
class Measures:
    """All that was measured of one picture; None for what was not, or could not be told.

    Attributes
    ----------
    width, height
        Of the upright picture in the file, in pixels.
    pixels
        See `PixelMeasures`.
    colour_file
        Whether the file stores colours: three channels or more, no palette.
    outlier
        See `outlyingness`, in robust standard deviations.
    label, suggested
        The picture's label, and the class that the other pictures speak for.
    label_probability, suggested_probability
        Theirs, by pictures of other folds: see `class_probabilities`.
    error
        Why the picture cannot be read, or empty.
    """

    width: int = 0
    height: int = 0
    pixels: PixelMeasures | None = None
    colour_file: bool = False
    outlier: float | None = None
    label: str | None = None
    suggested: str | None = None
    label_probability: float | None = None
    suggested_probability: float | None = None
    error: str = ""

    @property
    def aspect(self) -> float | None:
        """Longer side over shorter side, at least 1."""
        return max(self.width, self.height) / min(self.width, self.height) if self.width and self.height else None

    @property
    def grey_in_colour(self) -> bool:
        """Whether a file of colours holds a picture without any."""
        return self.colour_file and self.pixels is not None and self.pixels.grey


@dataclass(frozen=True)
class PictureProblems:
    """One picture with what is wrong with it.

    Attributes
    ----------
    found
        (kind, severity, reason), worst first: the severity is 0 at the threshold and goes towards 1.
    severity
        Of all together: 1 less the product of what each leaves of 1.
    """

    uri: Uri
    measures: Measures
    found: tuple[tuple[str, float, str], ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the problems, worst first."""
        return tuple(kind for kind, _, _ in self.found)

    @property
    def reason(self) -> str:
        """What is wrong, with figures."""
        return "; ".join(reason for _, _, reason in self.found)

    @property
    def severity(self) -> float:
        return 1 - math.prod(1 - severity for _, severity, _ in self.found)


def check_thresholds(given: Mapping[str, float]) -> dict[str, float]:
    """Return all thresholds, those that are given in the place of the defaults.

    Raises
    ------
    UsageError
        For a kind without threshold, or a value that is no positive number.
    """
    for kind, value in given.items():
        if kind not in PROBLEM_THRESHOLDS:
            raise UsageError(f"there is no threshold for {kind!r}: choose among {', '.join(PROBLEM_THRESHOLDS)}")
        if not 0 < value < math.inf:
            raise UsageError(f"a threshold is a number above 0, not {value} for {kind}")
    return {**PROBLEM_THRESHOLDS, **given}


def check_only(kinds: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds of problems to look for: all if none is given.

    Raises
    ------
    UsageError
        For an unknown kind.
    """
    for kind in kinds:
        if kind not in PROBLEM_KINDS:
            raise UsageError(f"there is no problem {kind!r}: choose among {', '.join(PROBLEM_KINDS)}")
    return tuple(kinds) or PROBLEM_KINDS


def judge(
    uri: Uri, measures: Measures, thresholds: Mapping[str, float] = PROBLEM_THRESHOLDS, only: Sequence[str] = ()
) -> PictureProblems:
    """Return what is wrong with a picture.

    Parameters
    ----------
    uri, measures
        Of the picture.
    thresholds
        A value for each kind that has one: see `check_thresholds`.
    only
        Kinds to look for; none for all.
    """
    found = []
    for kind in only or PROBLEM_KINDS:
        told = _RULES[kind](measures, thresholds.get(kind, 0.0))
        if told is not None:
            found.append((kind, *told))
    found.sort(key=lambda one: -one[1])
    return PictureProblems(uri, measures, tuple(found))


_Told = tuple[float, str] | None


def _above(value: float | None, limit: float, words: str) -> _Told:
    """Judge a measure that is wrong when large."""
    return (1 - limit / value, words) if value is not None and value > limit else None


def _below(value: float | None, limit: float, words: str) -> _Told:
    """Judge a measure that is wrong when small."""
    return (1 - value / limit, words) if value is not None and value < limit else None


def _unreadable(one: Measures, _: float) -> _Told:
    return (1.0, one.error) if one.error else None


def _mislabelled(one: Measures, limit: float) -> _Told:
    if one.suggested == one.label or one.label_probability is None or one.suggested_probability is None:
        return None
    words = (
        f"labelled {one.label}, likely {one.suggested}: {_percent(one.suggested_probability)} "
        f"against {_percent(one.label_probability)}"
    )
    if one.label_probability >= limit:
        return None
    # Probabilities span many orders: so that the least likely labels come first, by the logarithm.
    below = math.log(limit / max(one.label_probability, 1e-300))
    return below / (below + 5), words


def _percent(probability: float) -> str:
    """Return a probability in words: nothing is impossible, nothing certain."""
    if not 0.001 <= probability < 0.9995:
        return "less than 0.1 %" if probability < 0.5 else "more than 99.9 %"
    return f"{probability:.0%}".replace("%", " %") if probability >= 0.1 else f"{probability * 100:.1f} %"


def _too_small(one: Measures, limit: float) -> _Told:
    side = float(min(one.width, one.height)) or None
    return _below(side, limit, f"{one.width} x {one.height} pixels")


def _dark(one: Measures, limit: float) -> _Told:
    value = None if one.pixels is None else one.pixels.highlight
    return _below(value, limit, f"99 % of it is darker than {value or 0:.2f}")


def _bright(one: Measures, limit: float) -> _Told:
    value = None if one.pixels is None else one.pixels.shadow
    told = _above(value, limit, f"99 % of it is lighter than {value or 0:.2f}")
    # Towards white, which is 1.
    return None if told is None or value is None else ((value - limit) / max(1 - limit, 1e-9), told[1])


def _low_information(one: Measures, limit: float) -> _Told:
    value = None if one.pixels is None else one.pixels.information
    return _below(value, limit, f"{value or 0:.2f} bits per pixel")


def _blurred(one: Measures, limit: float) -> _Told:
    value = None if one.pixels is None else one.pixels.blur
    return _above(value, limit, f"its sharpest edges are blurred by {value or 0:.1f} ‰ of its longer side")


def _odd_aspect(one: Measures, limit: float) -> _Told:
    return _above(one.aspect, limit, f"{one.aspect or 0:.1f} times as long as it is wide")


def _outlier(one: Measures, limit: float) -> _Told:
    return _above(one.outlier, limit, f"{one.outlier or 0:.1f} deviations farther from its nearest than is common")


def _grey_in_colour(one: Measures, _: float) -> _Told:
    return (0.0, "grey, stored in colour") if one.grey_in_colour else None


_RULES: dict[str, Callable[[Measures, float], _Told]] = {
    "unreadable": _unreadable,
    "mislabelled": _mislabelled,
    "blurred": _blurred,
    "dark": _dark,
    "bright": _bright,
    "low-information": _low_information,
    "odd-aspect": _odd_aspect,
    "too-small": _too_small,
    "outlier": _outlier,
    "grey-in-colour": _grey_in_colour,
}
