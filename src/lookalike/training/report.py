"""What training gives back, and the pictures that tell how it went."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lookalike.durable import replacing
from lookalike.training.loop import Epoch, History
from lookalike.types import Rows, Tabular, Uri

__all__ = ["TrainingReport", "curves", "fingerprint"]


@dataclass(frozen=True)
class TrainingReport(Tabular):
    """A trained model and how it came about.

    Attributes
    ----------
    name
        Of the descriptor: "cnn:pets".
    folder
        Where model, spec, history, curves and split lie.
    pictures
        How many were trained on, and how many each other part has: (("train", 600), ("val", 100)).
    history
        Epoch by epoch.
    measures
        Of the kept network, by name: "val_loss", "val_accuracy" ...
    failed
        Pictures that could not be read, with the reasons.
    predictions
        For a classifier, of each picture that was not trained on: (uri, part, label, predicted, probability).
    """

    name: str
    folder: Path
    pictures: tuple[tuple[str, int], ...]
    history: History
    measures: tuple[tuple[str, float], ...]
    failed: tuple[tuple[Uri, str], ...] = ()
    predictions: tuple[tuple[Uri, str, str, str, float], ...] = ()

    def rows(self) -> Rows:
        values: dict[str, Any] = {
            "descriptor": self.name,
            **{f"{part}_pictures": count for part, count in self.pictures},
            "epochs": len(self.history.epochs),
            "best_epoch": self.history.best,
            "seconds": self.history.seconds,
            **dict(self.measures),
            "failed": len(self.failed),
            "folder": str(self.folder),
        }
        return Rows(tuple(values), [tuple(values.values())], single=True)

    def missed(self) -> Rows:
        """Return (uri, part, label, predicted, probability) of the pictures that the classifier got wrong."""
        wrong = [row for row in self.predictions if row[2] != row[3]]
        return Rows(("uri", "part", "label", "predicted", "probability"), wrong)


def fingerprint(settings: Any, *listed: Sequence[Any]) -> str:
    """Return in words what decides a run: its settings (a dataclass), and a checksum over the pictures and all else."""
    names = hashlib.sha256(json.dumps([list(each) for each in listed]).encode("utf-8", "surrogatepass")).hexdigest()
    return json.dumps({**asdict(settings), "pictures": names}, default=str, sort_keys=True)


def curves(epochs: Sequence[Epoch], best: int, path: Path, title: str) -> None:
    """Draw the measures of each epoch into a PNG: a panel for losses and, where there are any, one for accuracies."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = [name for name in epochs[0] if name != "epoch"]
    losses = [name for name in names if "loss" in name]
    panels = [
        (label, found) for label, found in (("loss", losses), ("accuracy", sorted({*names} - {*losses}))) if found
    ]
    figure = Figure(figsize=(5.6 * len(panels), 4.2), dpi=110, layout="constrained")
    numbers = [epoch["epoch"] for epoch in epochs]
    for at, (label, found) in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), at)
        for name in found:
            axes.plot(
                numbers, [epoch[name] for epoch in epochs], marker="o", markersize=3, label=name.replace("_", " ")
            )
        axes.axvline(best, color="0.6", linestyle=":", label=f"kept: epoch {best}")
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    figure.suptitle(title)
    with replacing(path, partial=path.with_suffix(".partial")) as stream:
        figure.savefig(stream, format="png")
