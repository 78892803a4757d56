"""Curves, the table of recall and the reliability plot show what was measured, whatever it is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lookalike.evaluate import CopyReport, copy_report, reliability
from lookalike.render import copies_table_plot, precision_recall_plot, reliability_plot


def report(gap: float = 3.0, kinds: int = 3, method: str = "lite0", seed: int = 0) -> CopyReport:
    random = np.random.default_rng(seed)
    queries = np.arange(kinds * 30)
    truth = random.random(len(queries)) < 0.8
    scores = random.normal(size=len(queries)) + gap * truth
    named = [f"kind {query % kinds}" for query in queries]
    strengths = [("weak", "middle", "strong")[query // kinds % 3] for query in queries]
    return copy_report(scores, truth, queries, named, strengths, method=method)


@pytest.fixture
def figures(monkeypatch):
    """Collect each figure that is drawn."""
    found: list[Any] = []
    draw = Figure.savefig

    def collect(figure, *arguments, **options):
        found.append(figure)
        draw(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", collect)
    return found


def drawn(plot, *arguments, **options) -> Image.Image:
    stream = io.BytesIO()
    plot(*arguments, stream, **options)
    image = Image.open(stream)
    image.load()
    assert image.format == "PNG"
    return image


def words(figure) -> str:
    texts = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        texts += [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()]
    return "\n".join(text.get_text() for text in texts)


def test_each_method_has_a_curve_with_its_figures(figures):
    reports = [report(4, method="verified"), report(1, method="pdq")]
    drawn(precision_recall_plot, reports)
    said = words(figures[0])
    for one in reports:
        assert f"{one.method}   uAP {one.uap:.3f}" in said
        assert f"{one.at_99.recall:.1%} at 99 % precision, {one.at_100.recall:.1%} at 100 %" in said
    lines = [line for line in figures[0].axes[0].get_lines() if line.get_linewidth() > 2]
    recall, precision, _ = reports[1].curve()
    np.testing.assert_array_equal(lines[1].get_xdata()[1:], recall)
    np.testing.assert_array_equal(lines[1].get_ydata()[1:], precision)
    assert lines[0].get_linestyle() != lines[1].get_linestyle(), "told apart in grey"


def test_the_table_has_a_cell_per_kind_and_strength_the_hardest_kinds_first(figures):
    found = report(2, kinds=4)
    drawn(copies_table_plot, found)
    axes = figures[0].axes[0]
    names = [label.get_text().split("  ")[0] for label in axes.get_yticklabels()]
    by_kind = {part.kind: part.recall for part in found.kinds}
    assert names[-1] == "all"
    assert [by_kind[name] for name in names[:-1]] == sorted(by_kind.values())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["weak", "middle", "strong", "all"]
    assert len(axes.texts) == 4 * 3 + 4 + 3 + 1
    cells = {(round(text.get_position()[0]), round(text.get_position()[1])): text.get_text() for text in axes.texts}
    cell = next(part for part in found.cells if (part.kind, part.strength) == (names[0], "weak"))
    assert cells[0, 0] == f"{cell.recall * 100:.0f}"


def test_a_hundred_percent_is_said_only_of_all(figures):
    random = np.random.default_rng(0)
    scores = np.where(np.arange(1000) == 7, -5.0, random.random(1000))
    found = copy_report(scores, np.ones(1000, bool), np.arange(1000), ["a"] * 1000, ["weak"] * 1000, threshold=0.0)
    drawn(copies_table_plot, found)
    assert {text.get_text() for text in figures[0].axes[0].texts} == {"99"}


@pytest.mark.parametrize("name", ["$x_{1$", "a" * 200, "caf\udce9", "two\nlines", ""])
def test_any_name_can_be_drawn(name):
    found = copy_report(np.array([1.0]), np.array([True]), np.array([0]), [name], [name], method=name)
    assert max(drawn(copies_table_plot, found, title=name).size) < 2500
    assert max(drawn(precision_recall_plot, [found]).size) < 2500


@pytest.mark.parametrize("kinds", [1, 55])
def test_tables_of_any_length_stay_legible(kinds):
    image = drawn(copies_table_plot, report(kinds=kinds))
    assert image.width < 1200
    assert 300 < image.height < 2600


def test_nothing_proposed_is_drawn_too(figures):
    nothing = np.empty(0)
    empty = copy_report(nothing, nothing.astype(bool), nothing.astype(int), ["crop"], ["weak"])
    drawn(copies_table_plot, empty)
    drawn(precision_recall_plot, [empty])
    drawn(precision_recall_plot, [])
    assert "nothing is accepted" in words(figures[0])
    assert "uAP 0.000" in words(figures[1])


@pytest.mark.parametrize("bins", [1, 10, 40])
def test_the_reliability_plot_has_a_point_per_bin_and_counts_beneath(figures, bins):
    random = np.random.default_rng(0)
    probabilities = random.random(500) * 0.7
    found = reliability(probabilities, random.random(500) < probabilities, bins)
    drawn(reliability_plot, found, title="Here")
    said = words(figures[0])
    assert "Here" in said
    assert f"500 pairs; expected calibration error {found.error:.3f}" in said
    above, below = figures[0].axes
    line = next(line for line in above.get_lines() if line.get_marker() == "o")
    np.testing.assert_array_equal(line.get_ydata(), [part.right for part in found.bins if part.count])
    assert [bar.get_height() for bar in below.patches] == [part.count for part in found.bins]
    assert (f"{found.bins[0].count}" in said) == (bins <= 12)


def test_the_same_result_is_the_same_picture_to_the_byte():
    for plot, given in ((copies_table_plot, report()), (precision_recall_plot, [report()])):
        assert drawn(plot, given).tobytes() == drawn(plot, given).tobytes()
    assert drawn(copies_table_plot, report(0.5)).tobytes() != drawn(copies_table_plot, report(4)).tobytes()


@pytest.mark.parametrize("count", [1, 7, 33, 97, 1011, 2999])
def test_bins_in_which_all_or_none_are_right_can_be_drawn(figures, count):
    found = reliability(np.concatenate([np.full(count, 0.97), np.full(count, 0.03)]), np.arange(2 * count) < count, 10)
    drawn(reliability_plot, found)
    above, below = figures[0].axes
    (line,) = (line for line in above.get_lines() if line.get_marker() == "o")
    assert line.get_xydata() == pytest.approx(np.array([[0.03, 0], [0.97, 1]]))
    (whiskers,) = (segments for bars in above.containers for segments in bars[2])
    for segment, part in zip(whiskers.get_segments(), (found.bins[0], found.bins[-1]), strict=True):
        (x, least), (same, most) = segment
        assert (x, least, most) == pytest.approx((same, part.least, part.most))
        assert -1e-9 <= least < most <= 1 + 1e-9
    assert [bar.get_height() for bar in below.patches] == [count, *[0] * 8, count]
