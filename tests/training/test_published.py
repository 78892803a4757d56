from __future__ import annotations

import numpy as np
import pytest

from lookalike.training.published import published_recipe
from tests.conftest import picture

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def pictures():
    """Return 24 pictures of 32 x 32 in three classes that differ in colour."""
    targets = np.arange(24) % 3
    images = np.stack([picture(seed, 32, 32) // 3 for seed in range(24)])
    for row, target in enumerate(targets):
        images[row, :, :, target] += 120
    return images, targets


@pytest.mark.parametrize(
    ("augmented", "leak", "trained", "tested"),
    [(False, False, 18, 6), (True, False, 18 * 17, 6), (True, True, 306, 102)],
)
def test_the_split_is_where_it_is_said_to_be(pictures, augmented, leak, trained, tested):
    found = published_recipe(*pictures, augmented=augmented, leak=leak, epochs=1)
    assert (found.trained, found.tested) == (trained, tested)
    assert found.leaked == (pytest.approx(1, abs=0.02) if leak else 0)


def test_it_learns_and_its_own_accuracy_flatters(pictures):
    found = published_recipe(*pictures, augmented=True, leak=False, epochs=2, held_out=0.5)
    assert found.accuracy > 0.6
    none = published_recipe(*pictures, augmented=False, leak=False, epochs=0, held_out=0.5)
    assert none.binary_accuracy > none.accuracy + 0.15


def test_seeds_decide_the_split_and_the_weights(pictures):
    def run(seed, rate=1e-5):
        found = published_recipe(
            *pictures, augmented=True, leak=True, epochs=1, seed=seed, learning_rate=rate, held_out=0.5
        )
        return found.accuracy, found.binary_accuracy

    assert run(0) == run(0)
    assert run(0) != run(1)
    assert run(0) != run(0, 1e-4)
