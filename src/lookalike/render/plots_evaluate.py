"""How well descriptors find what belongs together, as curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, BinaryIO

from lookalike.words import human_count, shorten_end, visible

if TYPE_CHECKING:
    from lookalike.evaluate import Evaluation

__all__ = ["evaluation_plot"]

_INK, _PAPER, _EDGE, _GRID = "#16324f", "#ffffff", "#9aa7b2", "#e3e8ec"
# Okabe and Ito's colours, told apart by the colour-blind; a mark for each, told apart in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f")
_MARKS = ("o", "s", "^", "D", "v", "P", "X")


def evaluation_plot(result: Evaluation, stream: BinaryIO) -> None:
    """Write precision@k and recall@k of each descriptor over k as PNG, with mAP and uAP in the legend.

    Parameters
    ----------
    result
        Of `lookalike.evaluate.evaluate`, best with more than a few values of k.
    stream
        A file opened for bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    descriptors = list(dict.fromkeys(one.descriptor for one in result.measured))
    figure = Figure(figsize=(10, 5.2 + 0.22 * max(0, len(descriptors) - 4)), dpi=150, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharex=True)
    for axes, measure, about in (
        (left, "precision", "precision@k: of the k closest, how many belong"),
        (right, "recall", "recall@k: of all that belong, how many are there"),
    ):
        for at, name in enumerate(descriptors):
            found = [one for one in result.measured if (one.descriptor, one.measure) == (name, measure)]
            axes.plot(
                [one.k for one in found], [one.value for one in found], label=visible(name),
                color=_COLOURS[at % len(_COLOURS)], marker=_MARKS[at % len(_MARKS)], markersize=5, linewidth=2,
                clip_on=False, zorder=3,
            )  # fmt: skip
        _set_out(axes, about, sorted({one.k for one in result.measured if one.k is not None}))
    handles, _ = left.get_legend_handles_labels()
    legend = figure.legend(
        handles, [_said(result, name) for name in descriptors], loc="lower center", frameon=False, fontsize=10,
        ncols=1 if len(descriptors) > 4 else min(2, len(descriptors)), labelcolor=_INK,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
    queries = result.measured[0].queries if result.measured else 0
    said = f"{human_count(queries, 'query', 'queries')} among {human_count(result.pictures, 'picture')}"
    figure.suptitle(
        "How well each finds what belongs together", x=0.06, ha="left", fontsize=14, color=_INK, weight="bold"
    )
    figure.text(0.06, 0.905, said, fontsize=10, color=_INK)
    lines = math.ceil(len(descriptors) / (1 if len(descriptors) > 4 else 2))
    bottom = 0.13 + 0.045 * lines
    figure.subplots_adjust(left=0.06, right=0.985, top=0.83, bottom=bottom, wspace=0.12)
    figure.savefig(stream, format="png", metadata={"Software": None})


def _said(result: Evaluation, name: str) -> str:
    return (
        f"{shorten_end(visible(name), 40)}   mAP {result.value('mAP', descriptor=name):.3f}"
        f"   uAP {result.value('uAP', descriptor=name):.3f}"
    )


def _set_out(axes: Any, about: str, ks: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(ks, default=1) * 0.93, max(ks, default=1) * 1.07)
    shown = [k for at, k in enumerate(ks) if not at or k >= 1.4 * ks[at - 1]]
    axes.set_xticks(shown, [f"{k:,}" for k in shown])
    axes.minorticks_off()
    axes.set_ylim(0, 1.0)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(color=_GRID, linewidth=0.9, zorder=0)
    axes.set_axisbelow(True)
    axes.set_title(about, fontsize=10.5, loc="left", color=_INK)
    axes.set_xlabel("k", color=_INK)
    axes.tick_params(colors=_INK, length=0, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_EDGE)
