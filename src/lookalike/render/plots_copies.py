"""How well copies are told from look-alikes, as pictures: curves, a table of recall, and how true probabilities are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from lookalike.words import human_count, shorten_end, visible

if TYPE_CHECKING:
    from lookalike.evaluate import CopyReport, Reliability

__all__ = ["copies_table_plot", "precision_recall_plot", "reliability_plot"]

_INK, _PAPER, _EDGE, _GRID, _FAINT = "#16324f", "#ffffff", "#9aa7b2", "#e3e8ec", "#5c6b78"
# Okabe and Ito's colours, told apart by the colour-blind; a line of its own for each, told apart in grey.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
_FOUND = ("#b2401a", "#f0a868", "#f7ecd2", "#b7d8c8", "#4b9a80")
"""From nothing found to all found: readable by the colour-blind, dark ends with white figures."""


def precision_recall_plot(reports: Sequence[CopyReport], stream: BinaryIO) -> None:
    """Write precision over recall of several methods as PNG, with uAP and recall at 99 % precision in the legend.

    Parameters
    ----------
    reports
        Of `lookalike.evaluate.copy_report`, one per method; a curve ends where what was proposed ends.
    stream
        A file opened for bytes.
    """
    below = 0.75 + 0.22 * len(reports)  # inches for the legend
    figure, height = _figure(8, below + 5.1)
    axes = figure.add_axes((0.095, below / height, 0.86, 4.05 / height))
    for at, report in enumerate(reports):
        recall, precision, _ = report.curve()
        style: dict[str, Any] = {"color": _COLOURS[at % len(_COLOURS)], "linestyle": _LINES[at % len(_LINES)]}
        # A curve begins at the left with the precision of its first threshold.
        axes.plot([0, *recall], [*precision[:1], *precision] or [0], linewidth=2.2, zorder=3 + at, **style)
        if report.at_99.recall:
            axes.plot(report.at_99.recall, _precision_at(report), "o", color=style["color"], markersize=7, zorder=30,
                      markeredgecolor=_PAPER, clip_on=False)  # fmt: skip
    axes.axhline(0.99, color=_EDGE, linewidth=1, linestyle=(0, (2, 2)), zorder=2)
    axes.annotate(
        "99 %", (0, 0.99), xytext=(4, -3), textcoords="offset points", fontsize=8, color=_FAINT, va="top", zorder=2
    )
    _set_out(axes, "recall: of all copies, how many are found", "precision: of those found, how many are copies")
    _percent(axes.xaxis, axes.yaxis)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.012)
    positives = human_count(reports[0].positives, "copy", "copies") if reports else ""
    _title(
        figure,
        "How many copies are found, and how many of those found are copies",
        f"{positives}; the dot: the most at 99 % precision",
    )
    _legend(figure, axes, [_said(report) for report in reports])
    figure.savefig(stream, format="png", metadata={"Software": None})


def copies_table_plot(report: CopyReport, stream: BinaryIO, *, title: str = "") -> None:
    """Write recall of each kind of edit at each strength as PNG: a table whose cells are coloured.

    Kinds of which least is found come first. A cell without queries stays white.

    Parameters
    ----------
    report
        Of `lookalike.evaluate.copy_report`; what it says at its threshold is shown.
    stream
        A file opened for bytes.
    title
        Empty for what the table shows.
    """
    from matplotlib.colors import LinearSegmentedColormap

    recalls = {(part.kind, part.strength): part.recall for part in report.parts}
    counts = {part.kind: part.queries for part in report.kinds}
    kinds = sorted((part.kind for part in report.kinds), key=lambda kind: recalls[kind, None])
    strengths = [part.strength for part in report.strengths]
    cell, wide, left, top = 0.27 if len(kinds) <= 30 else 0.23, 0.86, 2.1, 1.35
    width = left + wide * (len(strengths) + 1) + 1.1
    figure, height = _figure(max(width, 5.2), top + cell * (len(kinds) + 1) + 0.75)
    across = wide * (len(strengths) + 1) / max(width, 5.2)
    down = cell * (len(kinds) + 1)
    axes = figure.add_axes((left / max(width, 5.2), 1 - (top + down) / height, across, down / height))
    scale = LinearSegmentedColormap.from_list("found", _FOUND)
    for row, kind in enumerate([*kinds, None]):
        for column, strength in enumerate([*strengths, None]):
            value = report.recall if (kind, strength) == (None, None) else recalls.get((kind, strength))
            if value is None:
                continue
            y = row + (kind is None) * 0.35
            x = column + (strength is None) * 0.15
            # Half of the copies is much too few: the scale is steeper where it counts.
            shade = value**2
            axes.add_patch(_cell(x, y, scale(shade)))
            ink = _PAPER if shade < 0.16 or shade > 0.92 else _INK
            weight = "bold" if kind is None or strength is None else "normal"
            axes.text(x, y, _whole(value), ha="center", va="center", color=ink, fontsize=9, weight=weight)
    axes.set_xlim(-0.5, len(strengths) + 0.65)
    axes.set_ylim(len(kinds) + 0.85, -0.5)
    axes.set_xticks(
        [*range(len(strengths)), len(strengths) + 0.15],
        [*(shorten_end(visible(str(name)), 12) for name in strengths), "all"],
        fontsize=9.5,
    )
    axes.xaxis.tick_top()
    names = [f"{shorten_end(visible(str(kind)), 22)}  ({counts[kind]:,})" for kind in kinds]
    axes.set_yticks([*range(len(kinds)), len(kinds) + 0.35], [*names, f"all  ({report.queries[1]:,})"], fontsize=9)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)
        label.set_color(_INK)
    axes.tick_params(length=0, pad=5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    at = "nothing is accepted" if math.isnan(report.precision) else f"accepted from {report.threshold:.3g} on"
    precision = "" if math.isnan(report.precision) else f", {_whole(report.precision)} % of the accepted are copies"
    method = f"by {shorten_end(visible(report.method), 24)}: " if report.method else ""
    _title(figure, title or "Copies found, in percent", f"{method}{at}{precision}")
    figure.text(
        0.2 / max(width, 5.2),
        0.22 / height,
        "in brackets: how many edited pictures were asked for",
        fontsize=8.5,
        color=_FAINT,
    )
    figure.savefig(stream, format="png", metadata={"Software": None})


def reliability_plot(found: Reliability, stream: BinaryIO, *, title: str = "") -> None:
    """Write how often pairs of each probability are right as PNG, with how many there are beneath.

    Parameters
    ----------
    found
        Of `lookalike.evaluate.reliability`.
    stream
        A file opened for bytes.
    title
        Empty for what the plot shows.
    """
    figure, height = _figure(6.4, 7.6)
    axes = figure.add_axes((0.125, 2.5 / height, 0.835, 4.1 / height))
    below = figure.add_axes((0.125, 0.62 / height, 0.835, 1.25 / height), sharex=axes)
    bins = [part for part in found.bins if part.count]
    axes.plot([0, 1], [0, 1], color=_EDGE, linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
    axes.annotate("as told", (0.1, 0.1), xytext=(-4, 4), textcoords="offset points", fontsize=8.5, color=_FAINT,
                  rotation=math.degrees(math.atan2(4.1, 0.835 * 6.4)), rotation_mode="anchor", va="bottom")  # fmt: skip
    # Where all or none are right, an end of the interval may lie beyond them by a rounding error.
    low = [max(part.right - part.least, 0.0) for part in bins]
    high = [max(part.most - part.right, 0.0) for part in bins]
    means, rights = [part.mean for part in bins], [part.right for part in bins]
    axes.errorbar(means, rights, [low, high], fmt="none", ecolor="#7fb2dc", elinewidth=2, capsize=3, zorder=3)
    axes.plot(means, rights, color=_COLOURS[0], linewidth=1.6, marker="o", markersize=6.5, zorder=4, clip_on=False)
    _set_out(axes, "", "share that are copies")
    _percent(axes.xaxis, axes.yaxis)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.0)
    axes.tick_params(labelbottom=False)
    edges = [part.low for part in found.bins]
    counts = [part.count for part in found.bins]
    below.bar(edges, counts, width=[part.high - part.low for part in found.bins], align="edge", color="#7fb2dc",
              edgecolor=_PAPER, linewidth=1.2, zorder=3)  # fmt: skip
    _set_out(below, "probability that was told", "pairs")
    # Most pairs are very likely or very unlikely: the root lets the few between be seen.
    below.set_yscale("function", functions=(_root, _square))
    below.set_ylim(0, max(counts) * 1.5)
    below.set_yticks([])
    below.grid(visible=False)
    for part in found.bins if len(found.bins) <= 12 else ():
        below.annotate(
            _short(part.count), ((part.low + part.high) / 2, part.count), xytext=(0, 2), textcoords="offset points",
            ha="center", fontsize=8, color=_INK,
        )  # fmt: skip
    errors = f"expected calibration error {found.error:.3f}, Brier score {found.brier:.3f}"
    said = f"{human_count(found.count, 'pair')}; {errors}"
    _title(figure, title or "How often pairs of each probability are copies", said)
    figure.savefig(stream, format="png", metadata={"Software": None})


def _root(values: Any) -> Any:
    return values.clip(0) ** 0.5


def _square(values: Any) -> Any:
    return values**2


def _short(count: int) -> str:
    return f"{count:,}" if count < 100_000 else f"{count / 1000:,.0f} k"


def _whole(share: float) -> str:
    """Return a percentage; 100 and 0 are said only of all and none."""
    percent = round(share * 100)
    return str(99 if percent == 100 and share < 1 else 1 if percent == 0 and share > 0 else percent)


def _precision_at(report: CopyReport) -> float:
    accepted = report.scores >= report.at_99.threshold
    return float(report.truth[accepted].mean())


def _said(report: CopyReport) -> str:
    name = shorten_end(visible(report.method) or "one method", 34)
    recalls = f"recall {report.at_99.recall:.1%} at 99 % precision, {report.at_100.recall:.1%} at 100 %"
    return f"{name}   uAP {report.uap:.3f}   {recalls}"


def _figure(width: float, height: float) -> tuple[Any, float]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    return figure, height


def _title(figure: Any, title: str, said: str) -> None:
    width, height = figure.get_size_inches()
    for text, size, weight, down in ((visible(title), 13, "bold", 0.42), (said, 9.5, "normal", 0.72)):
        figure.text(0.2 / width, 1 - down / height, text, fontsize=size, weight=weight, color=_INK, parse_math=False)


def _legend(figure: Any, axes: Any, labels: list[str]) -> None:
    lines = [line for line in axes.get_lines() if line.get_linewidth() > 2]
    legend = figure.legend(lines, labels, loc="lower left", bbox_to_anchor=(0.05, 0.0), frameon=False, fontsize=9,
                           labelcolor=_INK, handlelength=3)  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)


def _percent(*several: Any) -> None:
    for axis in several:
        axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], ["0", "20 %", "40 %", "60 %", "80 %", "100 %"])


def _cell(x: float, y: float, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=_PAPER, linewidth=1.5)


def _set_out(axes: Any, x: str, y: str) -> None:
    axes.grid(color=_GRID, linewidth=0.9, zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel(x, color=_INK)
    axes.set_ylabel(y, color=_INK)
    axes.tick_params(colors=_INK, length=0, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_EDGE)
