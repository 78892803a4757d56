"""The published CNN recipe as it was, faults included: to reproduce its figures and show where they come from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.training.augment import rotated
from lookalike.training.loop import import_torch
from lookalike.training.networks import classifier

__all__ = ["PublishedResult", "published_recipe"]


@dataclass(frozen=True)
class PublishedResult:
    """What the recipe comes to.

    Attributes
    ----------
    binary_accuracy
        As the published code reports: the mean over all classes' yes/no answers at one half.
    accuracy
        Part of the pictures whose class is told.
    trained, tested
        Numbers of pictures, copies included.
    leaked
        Part of the tested ones of which a rotation or mirror image was trained on.
    seconds
        Of training.
    """

    binary_accuracy: float
    accuracy: float
    trained: int
    tested: int
    leaked: float
    seconds: float


def published_recipe(
    images: NDArray[np.uint8],
    targets: NDArray[np.intp],
    *,
    augmented: bool,
    leak: bool,
    epochs: int = 5,
    learning_rate: float = 3e-4,
    held_out: float = 0.25,
    seed: int = 0,
) -> PublishedResult:
    """Train the network as published: 64 x 64 pictures over 255, binary cross-entropy, RMSprop, batches of 32.

    Parameters
    ----------
    images
        (n, 64, 64, 3) uint8.
    targets
        (n,) classes from 0.
    augmented
        With 17 versions of each picture: see `lookalike.training.augment.rotated`.
    leak
        Split after augmenting, as published, so that versions of a tested picture are trained on; else before, and
        only the pictures as they are are tested.
    epochs, held_out, seed
        5 and a quarter as published; of the split, the first weights and the order.
    learning_rate
        Not published. At Keras' default of 1e-3 this network does not learn: docs/systems/cnn.md.
    """
    torch = import_torch()
    random = np.random.default_rng(seed)
    origin = np.arange(len(images))
    if augmented and leak:
        images, origin = _versions(images, origin)
    order = random.permutation(len(images))
    border = round(len(images) * held_out)
    test, train = order[:border], order[border:]
    tested, tested_origin = images[test], origin[test]
    trained, trained_origin = images[train], origin[train]
    if augmented and not leak:
        trained, trained_origin = _versions(trained, trained_origin)
    torch.manual_seed(seed)
    classes = int(targets.max()) + 1
    network = classifier("small", images.shape[1], classes)
    for part in network.modules():  # Keras' first weights
        if isinstance(part, torch.nn.Conv2d | torch.nn.Linear):
            torch.nn.init.xavier_uniform_(part.weight)
            torch.nn.init.zeros_(part.bias)
    network = network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.RMSprop(network.parameters(), lr=learning_rate, alpha=0.9, eps=1e-7)
    one_hot = torch.eye(classes)
    started = time.perf_counter()
    for _ in range(epochs):
        network.train()
        shuffled = random.permutation(len(trained))
        for start in range(0, len(shuffled), 32):
            rows = shuffled[start : start + 32]
            chances = torch.softmax(network(_tensor(torch, trained[rows]))[1], 1)
            loss = torch.nn.functional.binary_cross_entropy(chances, one_hot[targets[trained_origin[rows]]])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
    seconds = time.perf_counter() - started
    network.eval()
    with torch.no_grad():
        chances = torch.cat(
            [torch.softmax(network(_tensor(torch, tested[at : at + 64]))[1], 1) for at in range(0, len(tested), 64)]
        ).numpy()
    truth = targets[tested_origin]
    yes = np.eye(classes, dtype=bool)[truth]
    return PublishedResult(
        float(((chances > 0.5) == yes).mean()),
        float((chances.argmax(1) == truth).mean()),
        len(trained),
        len(tested),
        float(np.isin(tested_origin, trained_origin).mean()),
        seconds,
    )


def _versions(images: NDArray[np.uint8], origin: NDArray[np.intp]) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    made = [rotated(image) for image in images]
    return np.concatenate(made), np.repeat(origin, len(made[0]))


def _tensor(torch: Any, images: NDArray[np.uint8]) -> Any:
    values = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return values.contiguous(memory_format=torch.channels_last)
