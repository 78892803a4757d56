"""Networks for labelled pictures: the published small one, a modern small one, and lite0 with a head."""

from __future__ import annotations

from typing import Any

from lookalike.training.lite0 import DIM, lite0_trunk
from lookalike.training.loop import import_torch

__all__ = ["classifier"]


def classifier(name: str, side: int, classes: int, *, frozen: int = 0) -> Any:
    """Return a network that takes (n, 3, side, side) and gives (vectors, logits).

    Parameters
    ----------
    name
        "small", "modern" or "lite0": see `lookalike.training.cnn.train_cnn`.
    side
        Of the pictures in pixels; "small" has a dense layer whose size depends on it.
    classes
        Number of logits.
    frozen
        How many of lite0's 18 stages keep their weights.

    Returns
    -------
    Any
        A torch module with ``dim``, the length of its vectors.
    """
    torch = import_torch()
    nn = torch.nn

    class Classifier(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, trunk: Any, dim: int, dropout: float) -> None:
            super().__init__()
            self.dim, self.trunk = dim, trunk
            self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(dim, classes))

        def forward(self, pictures: Any) -> Any:
            vectors = self.trunk(pictures)
            return vectors, self.head(vectors)

    if name == "small":
        after = (side // 2 - 2) // 2
        trunk = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Dropout(0.25), nn.Flatten(), nn.Linear(64 * after * after, 512), nn.ReLU(),
        )  # fmt: skip
        return Classifier(trunk, 512, 0.5)
    if name == "modern":
        return Classifier(_residual(nn), 192, 0.3)
    trunk = lite0_trunk()
    for stage in trunk.stages[:frozen]:
        stage.requires_grad_(False)
    return Classifier(trunk, DIM, 0.2)


def _residual(nn: Any) -> Any:
    """Return a residual network of 0.9 million weights: batch normalisation, three stages, global average."""

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
            )  # fmt: skip
            same = stride == 1 and inputs == outputs
            self.skip = (
                nn.Identity()
                if same
                else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            )
            self.last = nn.ReLU()

        def forward(self, values: Any) -> Any:
            return self.last(self.body(values) + self.skip(values))

    return nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(),
        Block(24, 48, 2), Block(48, 96, 2), Block(96, 96, 1), Block(96, 192, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
