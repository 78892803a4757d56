from __future__ import annotations

import numpy as np
import pytest

from lookalike.index import ExactIndex
from lookalike.testing import check_index
from lookalike.types import Neighbours


class Careless(ExactIndex):
    """Breaks one rule of the contract at a time."""

    rule = ""

    def search(self, queries, k):
        if self.rule == "k is not checked":
            k = max(k, 1)
        found = super().search(queries, k)
        if self.rule == "ties by larger key":
            twins = found.distances[:, :1] == found.distances
            return Neighbours(np.where(twins, -np.sort(-np.where(twins, found.keys, -1)), found.keys), found.distances)
        if self.rule == "no padding":
            return Neighbours(found.keys[:, : len(self)], found.distances[:, : len(self)])
        if self.rule == "squared distances":
            return Neighbours(found.keys, found.distances**2)
        if self.rule == "wide distances":
            return Neighbours(found.keys, found.distances.astype(np.float64))
        return found

    def remove(self, keys):
        if self.rule != "nothing is removed":
            super().remove(keys)

    def add(self, keys, vectors):
        super().add(keys, vectors)
        if self.rule == "input is changed":
            vectors *= 2


RULES = ["k is not checked", "ties by larger key", "no padding", "squared distances", "wide distances",
         "nothing is removed", "input is changed"]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_suite_notices_an_index_that_breaks_a_rule(rule):
    def careless():
        index = Careless("l2", 16)
        index.rule = rule
        return index

    with pytest.raises(AssertionError):
        check_index(careless, "l2", 16)
