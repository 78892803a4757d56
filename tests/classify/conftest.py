"""Galleries of clouds of points, some of them mixed."""

from __future__ import annotations

import numpy as np
import pytest

from lookalike.results import Gallery


def clouds(classes: int = 3, each: int = 20, dim: int = 6, *, spread: float = 1.6, seed: int = 0) -> Gallery:
    """Return clouds that overlap, by "l2", labelled "c0", "c1", ...; numbers have very different scales."""
    random = np.random.default_rng(seed)
    middles = random.normal(size=(classes, dim)) * 2
    vectors = np.concatenate([middle + spread * random.normal(size=(each, dim)) for middle in middles])
    labels = [f"c{number}" for number in range(classes) for _ in range(each)]
    order = random.permutation(len(labels))
    scaled = (vectors * 10.0 ** np.arange(dim) + 5)[order].astype(np.float32)
    return Gallery.from_arrays(scaled, [labels[row] for row in order], metric="l2")


@pytest.fixture(scope="session")
def gallery() -> Gallery:
    return clouds()


@pytest.fixture(scope="session")
def pair() -> Gallery:
    """Return two classes."""
    return clouds(2, 15)
