from __future__ import annotations

import contextlib

import numpy as np
import pytest

from lookalike.store import Store
from lookalike.testing import check_store


def test_the_store_keeps_its_contract():
    made = []

    def make(folder):
        made.append(folder)
        return Store(folder, create=True)

    check_store(make)
    assert len(made) > len(set(made)) > 1


class Careless(Store):
    """Breaks one rule of the contract at a time."""

    rule = ""

    def write(self, records, run, descriptor_ids):
        if self.rule == "vectors are not written":
            descriptor_ids, records = (
                {},
                [type(r)(r.item, r.state, r.hash, r.kind, r.reason, r.content) for r in records],
            )
        if self.rule == "half of a failed write stays":
            for record in records:
                super().write([record], run, descriptor_ids)
            return
        super().write(records, run, descriptor_ids)

    def images(self, under=()):
        if self.rule == "a folder holds its neighbours":
            return (image for image in super().images() if not under or image.uri.startswith(tuple(under)))
        return super().images(under)

    def set_missing(self, image_ids, *, missing=True):
        if self.rule != "missing pictures are found":
            super().set_missing(image_ids, missing=missing)

    def chunk_tokens(self, descriptor_id):
        found = super().chunk_tokens(descriptor_id)
        return dict.fromkeys(found, 1) if self.rule == "tokens stay" else found

    def remove(self, image_ids):
        if self.rule != "nothing is removed":
            super().remove(image_ids)

    def writing(self):
        if self.rule == "two may write":
            return contextlib.nullcontext()
        return super().writing()

    def vectors(self, descriptor_id, content_ids, spec):
        found = super().vectors(descriptor_id, content_ids, spec)
        if self.rule == "vectors are rounded":
            return {key: np.round(vector, 1) for key, vector in found.items()}
        return found


RULES = ["vectors are not written", "half of a failed write stays", "a folder holds its neighbours",
         "missing pictures are found", "tokens stay", "nothing is removed", "two may write",
         "vectors are rounded"]  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_suite_notices_a_store_that_breaks_a_rule(rule):
    def careless(folder):
        store = Careless(folder, create=True)
        store.rule = rule
        return store

    with pytest.raises(AssertionError):
        check_store(careless)
