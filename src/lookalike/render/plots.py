"""How well classes are told: the confusion matrix as a picture, and a page with the pictures told wrongly."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lookalike.words import cell_width, human_count, shorten_end, visible

if TYPE_CHECKING:
    from lookalike.classify import CrossValidation

__all__ = ["classification_page", "confusion_plot"]

_WITH_PERCENT = 14
"""Up to so many classes a cell shows its count and its percentage."""

_WITH_COUNT = 40
"""Up to so many a cell that is not empty shows its count."""

_INK, _PAPER, _EDGE = "#16324f", "#ffffff", "#9aa7b2"
_RIGHT = ("#cfe3f3", "#7fb2dc", "#2f74b5", _INK)
_WRONG = ("#fde0c5", "#f7a566", "#d9541e", "#7f1d06")


def confusion_plot(result: CrossValidation, stream: BinaryIO) -> None:
    """Write the confusion matrix of a cross-validation as PNG.

    A row is what pictures are, a column what they were told to be. Colour is the part of the row: blue on the diagonal,
    orange for mistakes, rare ones still tinted. Cells have counts and percentages of the row
    where there is room, counts alone where there is less, and none in large matrices.

    Parameters
    ----------
    result
        Of `cross_validate`.
    stream
        A file opened for bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = result.confusion
    size = len(result.classes)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = float(np.interp(size, [2, _WITH_PERCENT, _WITH_COUNT, 102], [0.9, 0.62, 0.3, 0.155]))  # inches
    font = float(np.interp(size, [2, _WITH_PERCENT, _WITH_COUNT, 102], [11, 10, 8, 6.5]))
    names = [shorten_end(visible(name), 26) for name in result.classes]
    long = max(map(cell_width, names)) * font * 0.0095  # inches
    upright = long > cell
    left, bottom, top, side = long + 0.75, (long if upright else 0.2) + 0.75, 1.0, size * cell
    width, height = max(left + side + 1.4, 6.4), top + side + bottom
    figure = Figure(figsize=(width, height), dpi=150, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
    axes.set_xticks(range(size), names, rotation=90 if upright else 0, fontsize=font)
    axes.set_yticks(range(size), names, fontsize=font)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
    axes.tick_params(length=0)
    lines: dict[str, Any] = {"colors": "#dfe5ea", "linewidth": 0.5 if size > _WITH_PERCENT else 1.0, "zorder": 2}
    axes.hlines(np.arange(1, size) - 0.5, -0.5, size - 0.5, **lines)
    axes.vlines(np.arange(1, size) - 0.5, -0.5, size - 0.5, **lines)
    for spine in axes.spines.values():
        spine.set_color(_EDGE)
    axes.set_xlabel("told to be", fontsize=max(font, 9) + 1, labelpad=6, color=_INK)
    axes.set_ylabel("is", fontsize=max(font, 9) + 1, labelpad=6, color=_INK)
    diagonal = np.eye(size, dtype=bool)
    tall = min(side, 3.6)
    for number, (name, colours, hidden) in enumerate((("right", _RIGHT, ~diagonal), ("wrong", _WRONG, diagonal))):
        image = _tint(axes, np.ma.masked_array(share, hidden), colours)
        place = (left + side + 0.2 + 0.26 * number) / width, (bottom + side - tall) / height, 0.2 / width, tall / height
        _scale(figure.add_axes(place), image, name, ticks=number == 1)
    if size <= _WITH_COUNT:
        _write_cells(axes, counts, share, font)
    _write_title(figure, result, width, height)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a script that the font does not have
        figure.savefig(stream, format="png", metadata={"Software": None})


def classification_page(result: CrossValidation, pictures: int = 200) -> str:
    """Return a self-contained page: the confusion matrix, the pictures told wrongly, the figures of each class.

    Parameters
    ----------
    result
        Of `cross_validate`.
    pictures
        How many of those told wrongly are shown at most, the surest mistakes first.
    """
    stream = io.BytesIO()
    confusion_plot(result, stream)
    source = base64.b64encode(stream.getvalue()).decode()
    style = (
        "body{font-family:system-ui,sans-serif;margin:24px;color:#16324f;background:#fff}"
        "img.matrix{max-width:100%;max-height:90vh}td,th{padding:2px 8px}"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lookalike: classify</title>'
        f'<style>{style}</style></head><body><img class="matrix" alt="confusion matrix" '
        f'src="data:image/png;base64,{source}">{result._repr_html_(pictures)}</body></html>\n'
    )


def _tint(axes: Any, share: Any, colours: tuple[str, ...]) -> Any:
    """Draw shares of rows; the root of a share decides the colour, so that a rare mistake is seen."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    scale = LinearSegmentedColormap.from_list("share", [_PAPER, *colours])
    return axes.imshow(share, cmap=scale, norm=PowerNorm(0.5, 0, 1), aspect="equal", interpolation="nearest")


def _scale(axes: Any, image: Any, name: str, *, ticks: bool) -> None:
    """Draw what the colours mean."""
    shares = {0.0: "0", 0.01: "1 %", 0.05: "5 %", 0.2: "20 %", 0.5: "50 %", 1.0: "100 %"} if ticks else {}
    bar = axes.figure.colorbar(image, cax=axes, ticks=list(shares))
    bar.ax.set_yticklabels(list(shares.values()), fontsize=8)
    bar.ax.set_xlabel(name, fontsize=7, rotation=90, color=_INK)
    bar.outline.set_edgecolor(_EDGE)


def _write_cells(axes: Any, counts: NDArray[np.int64], share: NDArray[np.float64], font: float) -> None:
    percent = len(counts) <= _WITH_PERCENT
    for row, column in np.argwhere(counts):
        text = f"{counts[row, column]:,}"
        if percent:
            text += f"\n{share[row, column]:.0%}" if share[row, column] >= 0.01 else "\n<1%"
        ink = _PAPER if share[row, column] > 0.3 else _INK
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=font - 1.5, linespacing=1.15)


def _write_title(figure: Any, result: CrossValidation, width: float, height: float) -> None:
    by = " and ".join(visible(name) for name in result.descriptors)
    large = min(max(1.0, width / 11), 1.5)
    lines = (
        (f"{result.accuracy:.1%} told rightly: {result.method} on {by}", 13 * large, "bold", 0.4),
        (
            f"mean per class {result.mean_class_accuracy:.1%}, macro-F1 {result.macro_f1:.3f}; "
            f"{human_count(len(result.uris), 'picture')}, {len(result.by_fold)} folds",
            10 * large, "normal", 0.7,
        ),
    )  # fmt: skip
    for text, size, weight, down in lines:
        figure.text(0.2 / width, 1 - down / height, text, fontsize=size, weight=weight, color=_INK, parse_math=False)
