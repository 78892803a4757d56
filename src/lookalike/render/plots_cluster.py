"""The choice of K and a map of pictures, as PNG."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from lookalike.errors import UsageError
from lookalike.render.map_classes import classes_of
from lookalike.types import RGBImage
from lookalike.words import human_count, number, shorten_end, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lookalike.cluster import Clustering
    from lookalike.projection import Projection

__all__ = ["choice_plot", "map_plot"]

_INK, _FAINT, _LINE, _PAPER, _ACCENT = "#22242a", "#63666e", "#e2dfd7", "#ffffff", "#1b5fae"

_MARKERS = "osD^vP"
"""After twelve classes the colours begin to be alike: then the shape changes, too."""

_LEGEND_ROWS = 34
_METHODS = {"tsne": "t-SNE", "pca": "PCA"}


def choice_plot(clustering: Clustering, stream: BinaryIO) -> None:
    """Write how well each K that was tried fits, as PNG: silhouette above, inertia below.

    Parameters
    ----------
    clustering
        By K-means.
    stream
        A file opened for bytes.

    Raises
    ------
    UsageError
        If no K was tried, as by a density method.
    """
    from matplotlib.figure import Figure

    if not clustering.scores:
        raise UsageError(f"{clustering.method} chooses no K, so that there is nothing to plot: use kmeans")
    ks = [score.k for score in clustering.scores]
    silhouettes = [np.nan if score.silhouette is None else score.silhouette for score in clustering.scores]
    chosen = next(score for score in clustering.score_rows().dicts() if score["chosen"])
    figure = Figure(figsize=(8, 6.2), dpi=150, facecolor=_PAPER)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.12})
    figure.subplots_adjust(left=0.11, right=0.97, top=0.87, bottom=0.09)
    for axes, values, name in (
        (upper, silhouettes, "silhouette (more is better)"),
        (lower, [score.inertia for score in clustering.scores], "inertia (look for the bend)"),
    ):
        _plain(axes)
        axes.axvline(chosen["k"], color=_ACCENT, linewidth=8, alpha=0.12)
        axes.plot(ks, values, color=_ACCENT, linewidth=1.8, marker="o", markersize=5)
        axes.set_ylabel(name, color=_INK, fontsize=10)
        axes.grid(axis="y", color=_LINE, linewidth=0.8)
        axes.margins(x=0.04, y=0.16)
    for k, value in zip(ks, silhouettes, strict=True):
        if len(ks) <= 20 and not np.isnan(value):
            weight = "bold" if k == chosen["k"] else "normal"
            upper.annotate(f"{value:.2f}", (k, value), (0, 7), textcoords="offset points", ha="center", fontsize=8,
                           color=_INK, weight=weight)  # fmt: skip
    if len(ks) <= 20:
        lower.set_xticks(ks)
    lower.set_xlabel("K, number of clusters", color=_INK, fontsize=10)
    scored = clustering.scored
    of = "" if scored == len(clustering.uris) else f", judged by {number(scored)} of them"
    title = f"K = {chosen['k']}" if len(ks) == 1 else f"K = {chosen['k']} fits best of {number(len(ks))} tried"
    _titles(figure, title, f"{human_count(len(clustering.uris), 'picture')} by {clustering.descriptor}{of}")
    _save(figure, stream)


def map_plot(
    projection: Projection,
    stream: BinaryIO,
    *,
    load: Callable[[str], RGBImage | None] | None = None,
    thumbnail_side: int = 52,
    seed: int = 0,
) -> None:
    """Write a map as PNG: a dot for each picture, coloured by its label.

    Parameters
    ----------
    projection
        Of `lookalike.projection.project`.
    stream
        A file opened for bytes.
    load
        Gives the upright picture of a URI, or None. If given, pictures stand in place of dots wherever they do not
        cover each other, framed in the colour of their label.
    thumbnail_side
        Longer side of these, in pixels, 16 to 400; smaller pictures are not enlarged.
    seed
        Which of several pictures at one place is shown.

    Raises
    ------
    UsageError
        If `thumbnail_side` is out of range.
    """
    from matplotlib.figure import Figure

    if not 16 <= thumbnail_side <= 400:
        raise UsageError(f"a thumbnail on a map has 16 to 400 pixels, not {thumbnail_side}")
    classes, class_of = classes_of(projection)
    figure = Figure(figsize=(12, 9), dpi=150, facecolor=_PAPER)
    labelled = bool(projection.labels)
    axes = figure.add_axes((0.025, 0.025, 0.8 if labelled else 0.95, 0.87))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(_LINE)
    size = float(np.clip(16_000 / max(len(projection), 1), 7, 70))
    at = np.asarray(class_of)
    for place, kind in enumerate(classes):
        xy = projection.xy[at == place]
        axes.scatter(xy[:, 0], xy[:, 1], s=size, color=kind.colour, alpha=0.85, linewidths=0.3, edgecolors=_PAPER,
                     marker=_MARKERS[place // 12 % len(_MARKERS)], label=_entry(kind.name, kind.count))  # fmt: skip
    axes.margins(0.04)
    axes.set_aspect("equal", adjustable="datalim")
    if load is not None:
        _place_thumbnails(
            figure, axes, projection, [classes[number].colour for number in class_of], load, thumbnail_side, seed
        )
    if labelled:
        _legend(figure, axes, len(classes))
    facts = [human_count(len(projection), "picture"), f"by {visible(projection.descriptor)}"]
    facts.append(_METHODS.get(projection.method, projection.method))
    if projection.perplexity is not None:
        facts[-1] += f", perplexity {projection.perplexity:.3g}"
    if projection.explained:
        facts[-1] += f": {sum(projection.explained):.0%} of the variance"
    _titles(figure, "Map of pictures", "   ·   ".join(facts), left=0.025)
    _save(figure, stream)


def _entry(name: str, count: int) -> str:
    return f"{shorten_end(name, 20)}  {number(count)}"


def _legend(figure: Figure, axes: Axes, classes: int) -> None:
    handles, names = axes.get_legend_handles_labels()
    handles, names = handles[:_LEGEND_ROWS], names[:_LEGEND_ROWS]
    legend = figure.legend(
        handles, names, loc="upper left", bbox_to_anchor=(0.835, 0.9), frameon=False, fontsize=10, labelspacing=0.55,
        handletextpad=0.4, borderaxespad=0, labelcolor=_INK,
    )  # fmt: skip
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_sizes([55])  # type: ignore[attr-defined]
    for text in legend.get_texts():
        text.set_parse_math(False)
    if classes > _LEGEND_ROWS:
        figure.text(0.84, 0.02, f"and {classes - _LEGEND_ROWS} more labels", fontsize=9, color=_FAINT)


def _place_thumbnails(
    figure: Figure,
    axes: Axes,
    projection: Projection,
    colours: list[str],
    load: Callable[[str], RGBImage | None],
    side: int,
    seed: int,
) -> None:
    """Lay pictures over their dots, as many as there is room for."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage
    from PIL import Image

    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]  # the axes' limits follow from the aspect only now
    spots = axes.transData.transform(projection.xy.astype(np.float64))
    taken = np.empty((0, 2))
    for at in np.random.default_rng(seed).permutation(len(spots)):
        if len(taken) and (np.abs(taken - spots[at]).max(axis=1) < side + 8).any():
            continue
        pixels = load(projection.uris[at])
        if pixels is None:
            continue
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        taken = np.vstack([taken, spots[at]])
        frame = {"edgecolor": colours[at], "linewidth": 1.6, "facecolor": colours[at], "boxstyle": "square,pad=0"}
        # OffsetImage takes a pixel to be 1/72 of an inch.
        box = OffsetImage(np.asarray(image), zoom=72 / figure.dpi, interpolation="antialiased")
        axes.add_artist(AnnotationBbox(box, tuple(projection.xy[at]), pad=0.08, bboxprops=frame))


def _plain(axes: Any) -> None:
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        axes.spines[name].set_color(_LINE)
    axes.tick_params(colors=_FAINT, labelsize=9, length=0)


def _titles(figure: Figure, title: str, below: str, left: float = 0.03) -> None:
    figure.text(left, 0.945, title, fontsize=15, color=_INK, parse_math=False)
    figure.text(left, 0.913, below, fontsize=10, color=_FAINT, parse_math=False)


def _save(figure: Figure, stream: BinaryIO) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a script that the font does not have
        figure.savefig(stream, format="png", metadata={"Software": None})
