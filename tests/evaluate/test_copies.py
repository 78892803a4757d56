"""Copies against look-alikes: oracles are scikit-learn, SciPy, hand-worked tables and trying every threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, binom, norm
from sklearn.metrics import average_precision_score, precision_recall_curve

from lookalike.errors import UsageError
from lookalike.evaluate import copy_report, reliability
from lookalike.evaluate.calibration import upper_bound, wrong_at_most

# Six queries, five of them edits; the fifth's original is never proposed. Score, truth, query:
TABLE = [(0.9, True, 0), (0.8, True, 1), (0.7, False, 5), (0.7, True, 2), (0.4, False, 1), (0.2, True, 3)]
KINDS = ("crop", "crop", "blur", "blur", "blur", None)
STRENGTHS = ("weak", "strong", "weak", "strong", "strong", None)


def table(**changed):
    scores, truth, queries = (np.array(column) for column in zip(*TABLE, strict=True))
    return copy_report(scores, truth, queries, KINDS, STRENGTHS, **changed)


def made(seed: int, queries: int = 300, rounded: bool = False):
    """Return scores, truth and queries of four candidates each; one query in three has no original."""
    random = np.random.default_rng(seed)
    asked = np.repeat(np.arange(queries), 4)
    truth = (np.arange(len(asked)) % 4 == 0) & (asked % 3 > 0) & (random.random(len(asked)) < 0.9)
    scores = random.normal(size=len(asked)) + 3 * truth
    kinds = [None if query % 3 == 0 else f"kind {query % 5}" for query in range(queries)]
    return np.round(scores, 1) if rounded else scores, truth, asked, kinds, ["middle"] * queries


def test_a_table_worked_by_hand():
    found = table()
    # Ranks 1 and 2 are right: precision 1. Two tie at .7, one of them right: 3 of 4. The last: 4 of 6. Over 5.
    assert found.uap == pytest.approx((1 + 1 + 3 / 4 + 4 / 6) / 5)
    assert found.candidates == 4 / 5
    assert (found.at_100.recall, found.at_100.threshold) == (2 / 5, 0.8)
    assert (found.at_99.recall, found.at_99.threshold) == (2 / 5, 0.8)
    assert found.recall_at_precision(0.75).recall == 3 / 5
    assert found.recall_at_precision(0.6).recall == 4 / 5
    assert found.queries == (6, 5)
    assert (found.threshold, found.recall, found.precision) == (0.8, 2 / 5, 1.0)


def test_recall_per_kind_and_strength_is_that_of_the_queries_at_the_threshold():
    low = table(threshold=0.7)
    parts = {(part.kind, part.strength): (part.queries, part.recall) for part in low.parts}
    assert parts == {
        ("crop", None): (2, 1.0),
        ("blur", None): (3, 1 / 3),
        (None, "weak"): (2, 1.0),
        (None, "strong"): (3, 1 / 3),
        ("crop", "weak"): (1, 1.0),
        ("crop", "strong"): (1, 1.0),
        ("blur", "weak"): (1, 1.0),
        ("blur", "strong"): (2, 0.0),
    }
    assert (low.recall, low.precision) == (3 / 5, 3 / 4)
    assert [part.kind for part in low.kinds] == ["crop", "blur"]
    assert [part.strength for part in low.strengths] == ["weak", "strong"]
    assert len(low.cells) == 4
    assert {part.kind: part.recall for part in table(threshold=0.85).kinds} == {"crop": 0.5, "blur": 0.0}
    assert {part.kind: part.recall for part in table(threshold=-np.inf).kinds} == {"crop": 1.0, "blur": 2 / 3}


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_uap_is_scikit_learns_average_precision_times_what_was_proposed(seed, rounded):
    scores, truth, *rest = made(seed, rounded=rounded)
    found = copy_report(scores, truth, *rest)
    assert found.uap == pytest.approx(average_precision_score(truth, scores) * found.candidates)
    every = copy_report(scores, truth, *rest, positives=int(truth.sum()))
    assert every.uap == pytest.approx(average_precision_score(truth, scores))
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    mine = every.curve()
    np.testing.assert_allclose(mine[0], recall[:-1][::-1])
    np.testing.assert_allclose(mine[1], precision[:-1][::-1])
    np.testing.assert_array_equal(mine[2], thresholds[::-1])


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("precision", [0.5, 0.9, 0.99, 1.0])
def test_recall_at_a_precision_is_the_best_of_every_threshold(precision, rounded):
    scores, truth, *rest = made(2, rounded=rounded)
    found = copy_report(scores, truth, *rest)
    best = 0
    for threshold in scores:
        accepted = scores >= threshold
        if truth[accepted].mean() >= precision:
            best = max(best, int(truth[accepted].sum()))
    operating = found.recall_at_precision(precision)
    assert operating.recall == best / 200
    accepted = scores >= operating.threshold
    assert truth[accepted].sum() == best
    assert truth[accepted].mean() >= precision


def test_a_true_pair_that_ties_with_a_false_one_is_not_above_it():
    truth, queries = np.array([True, False, True]), np.array([0, 1, 1])
    tied = copy_report(np.array([1.0, 0.5, 0.5]), truth, queries, ["a", "a"], [None, None])
    assert tied.at_100.recall == 0.5
    apart = copy_report(np.array([1.0, 0.5, 0.51]), truth, queries, ["a", "a"], [None, None])
    assert apart.at_100.recall == 1
    under = copy_report(np.array([0.5, 0.5, 0.5]), truth, queries, ["a", "a"], [None, None])
    assert under.at_100 == under.recall_at_precision(1.0)
    assert (under.at_100.recall, under.at_100.threshold) == (0.0, np.inf)
    assert [part.recall for part in under.kinds] == [0.0]


def test_the_order_of_the_pairs_does_not_matter():
    scores, truth, queries, *rest = made(3, rounded=True)
    order = np.random.default_rng(1).permutation(len(scores))
    a = copy_report(scores, truth, queries, *rest)
    b = copy_report(scores[order], truth[order], queries[order], *rest)
    assert list(a.rows().dicts()) == list(b.rows().dicts())


def test_nothing_proposed_is_nothing_found():
    empty = np.empty(0)
    found = copy_report(empty, empty.astype(bool), empty.astype(int), KINDS, STRENGTHS)
    assert (found.uap, found.candidates, found.recall) == (0, 0, 0)
    assert np.isnan(found.precision)
    assert [array.size for array in found.curve()] == [0, 0, 0]
    assert {part.recall for part in found.parts} == {0.0}
    values = {row["measure"]: row["value"] for row in found.rows().dicts()}
    assert values["precision"] is None
    assert values["threshold at 100 % precision"] is None


def test_rows_carry_the_whole_and_every_part():
    rows = list(table(method="lite0", threshold=0.7).rows().dicts())
    assert {row["method"] for row in rows} == {"lite0"}
    assert rows[0]["measure"] == "uAP"
    assert [row["value"] for row in rows if row["measure"] == "recall at 99 % precision"] == [2 / 5]
    assert [row["queries"] for row in rows if row["measure"] == "recall" and row["kind"] == "blur"] == [3, 1, 2]
    assert len(rows) == 9 + 8


@pytest.mark.parametrize(("wrong", "count"), [(0, 1), (0, 300), (3, 40), (50, 1000), (999, 1000), (20, 20_000)])
def test_bounds_are_those_of_clopper_and_pearson(wrong, count):
    for confidence in (0.9, 0.95):
        assert upper_bound(wrong, count, confidence) == pytest.approx(beta.ppf(confidence, wrong + 1, count - wrong))
    for rate in (0.001, 0.3):
        assert wrong_at_most(wrong, count, rate) == pytest.approx(binom.cdf(wrong, count, rate), rel=1e-9)
    assert upper_bound(count, count) == wrong_at_most(count, count, 0.5) == 1


def test_the_threshold_for_an_error_rate_is_the_lowest_whose_bound_holds():
    scores, truth, *rest = made(4, queries=3000)
    found = copy_report(scores, truth, *rest)
    chosen = found.threshold_for(0.02)
    at = np.unique(scores)
    count = np.array([(scores >= threshold).sum() for threshold in at])
    wrong = np.array([(scores[~truth] >= threshold).sum() for threshold in at])
    assert chosen.threshold == at[beta.ppf(0.95, wrong + 1, count - wrong) <= 0.02].min()
    accepted = scores >= chosen.threshold
    assert (chosen.accepted, chosen.wrong) == (accepted.sum(), (accepted & ~truth).sum())
    assert chosen.wrong / chosen.accepted < chosen.bound <= 0.02
    assert chosen.recall == (accepted & truth).sum() / 2000
    assert found.threshold_for(0.1).threshold < chosen.threshold < found.threshold_for(0.02, 0.999).threshold


def test_a_chosen_threshold_mostly_keeps_its_promise_on_other_pairs():
    kept = []
    for seed in range(80):
        random = np.random.default_rng(seed)
        truth = random.random(3000) < 0.4
        scores = random.normal(size=3000) + 3 * truth
        found = copy_report(scores, truth, np.arange(3000), ["edit"] * 3000, [None] * 3000, positives=3000)
        at = found.threshold_for(0.02).threshold
        wrong, right = 0.6 * norm.sf(at), 0.4 * norm.sf(at - 3)
        kept.append(wrong / (wrong + right) <= 0.02)
    assert np.mean(kept) > 0.9


def test_too_few_pairs_prove_no_small_error_rate():
    found = copy_report(np.linspace(0, 1, 100), np.ones(100, bool), np.arange(100), ["a"] * 100, [None] * 100)
    assert found.threshold_for(0.03).threshold == 0
    with pytest.raises(UsageError, match=r"299 accepted pairs without a wrong one would show it, and here are 100"):
        found.threshold_for(0.01)
    for rate, confidence in ((0, 0.95), (1, 0.95), (0.1, 1.0), (0.1, 0.2)):
        with pytest.raises(UsageError, match="error rate"):
            found.threshold_for(rate, confidence)


def test_reliability_bins_worked_by_hand():
    found = reliability(np.array([0.0, 0.1, 0.5, 0.6, 0.95, 1.0]), np.array([0, 1, 0, 1, 1, 1], bool), 2)
    low, high = found.bins
    assert (low.low, low.high, low.count, low.mean, low.right) == (0, 0.5, 2, 0.05, 0.5)
    assert (high.count, high.right) == (4, 0.75)
    assert high.mean == pytest.approx((0.5 + 0.6 + 0.95 + 1) / 4)
    assert found.error == pytest.approx(2 / 6 * 0.45 + 4 / 6 * (0.7625 - 0.75))
    assert found.brier == pytest.approx((0.9**2 + 0.5**2 + 0.4**2 + 0.05**2) / 6)
    assert found.count == 6
    assert low.least < low.right < low.most
    assert len(reliability(np.array([0.5]), np.array([True]), 7).bins) == 7
    rows = list(reliability(np.array([0.95]), np.array([True])).rows().dicts())
    assert rows[0] == {"low": 0, "high": 0.1, "count": 0} | dict.fromkeys(["probability", "right", "least", "most"])
    assert rows[9]["count"] == 1


def test_calibrated_probabilities_have_a_small_error_and_overconfident_ones_a_large_one():
    random = np.random.default_rng(0)
    probabilities = random.random(20_000)
    truth = random.random(20_000) < probabilities
    good, bad = reliability(probabilities, truth), reliability(np.round(probabilities), truth)
    assert good.error < 0.015 < 0.2 < bad.error
    assert good.brier == pytest.approx(1 / 6, abs=0.01)
    assert sum(part.least < part.mean < part.most for part in good.bins) >= 8, "95 % intervals of ten bins"
    assert sum(part.count for part in good.bins) == 20_000


def test_a_report_of_probabilities_has_their_reliability():
    assert table().reliability(4) == reliability(np.array([r[0] for r in TABLE]), np.array([r[1] for r in TABLE]), 4)
    scores, truth, *rest = made(0)
    with pytest.raises(UsageError, match="distances have no reliability"):
        copy_report(scores, truth, *rest).reliability()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": np.array([np.nan, 1])}, "nan"),
        ({"scores": np.array([np.inf, 1])}, "infinite"),
        ({"scores": np.array([1.0])}, "one of each pair"),
        ({"queries": np.array([0, 2])}, "0 to 1"),
        ({"queries": np.array([-1, 1])}, "0 to 1"),
        ({"queries": np.array([1, 1])}, "give it a kind"),
        ({"positives": 0}, "count all of them"),
        ({"kinds": [None, None], "truth": np.zeros(2, bool)}, "at least one"),
        ({"strengths": ["a"]}, "one of each query"),
    ],
)
def test_what_does_not_fit_together_is_refused(changed, message):
    given: dict[str, Any] = {
        "scores": np.array([0.0, 1.0]),
        "truth": np.array([True, False]),
        "queries": np.array([0, 1]),
        "kinds": ["crop", None],
        "strengths": ["weak", None],
    }
    copy_report(**given)
    with pytest.raises(UsageError, match=message):
        copy_report(**(given | changed))


@pytest.mark.parametrize(
    ("probabilities", "truth", "bins", "message"),
    [([0.5], [True, False], 10, "one of each pair"), ([], [], 10, "at least one"), ([1.5], [True], 10, "0 to 1"),
     ([np.nan], [True], 10, "0 to 1"), ([0.5], [True], 0, "bin")],
)  # fmt: skip
def test_what_has_no_reliability_is_refused(probabilities, truth, bins, message):
    with pytest.raises(UsageError, match=message):
        reliability(np.array(probabilities), np.array(truth, bool), bins)
    with pytest.raises(UsageError, match="0 to 1"):
        table().recall_at_precision(1.1)
