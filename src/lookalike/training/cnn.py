"""A network trained on the user's own labelled pictures: a classifier, and by its last layer but one a descriptor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import DEVICE, NETWORK
from lookalike.descriptors.onnx import ModelSpec, model_folder
from lookalike.errors import UsageError
from lookalike.indexing import available_cores
from lookalike.training.augment import NONE, USUAL, Augmentation, augment
from lookalike.training.export import export
from lookalike.training.folder import discard, prepare_folder, write_rows, write_split
from lookalike.training.lite0 import MEAN, STD
from lookalike.training.loop import CHECKPOINT, Epoch, fit, import_torch, torch_device
from lookalike.training.networks import classifier
from lookalike.training.pictures import load_pictures
from lookalike.training.report import TrainingReport, curves, fingerprint
from lookalike.types import Uri

__all__ = ["RECIPES", "Recipe", "train_cnn", "with_settings"]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    network
        "small": the published one, 32-64-64 filters of 3 x 3, dropout, a dense layer of 512. "modern": residual,
        batch normalisation, vectors of 192. "lite0": EfficientNet-Lite0 from its ImageNet weights, vectors of 1280.
    side
        Pictures are resized to side x side, their aspect not kept.
    epochs, patience, batch, learning_rate, weight_decay
        As everywhere; patience 0 never stops early.
    head_rate
        How many times as fast the last layer learns: weights that are ready are only to be nudged.
    smoothing
        Label smoothing of the cross-entropy.
    frozen
        Of lite0's 18 stages, how many keep their weights.
    augmentation
        Of the training pictures, anew in each epoch.
    """

    network: str
    side: int
    epochs: int
    batch: int = 32
    learning_rate: float = 1e-3
    head_rate: float = 1.0
    weight_decay: float = 0.05
    patience: int = 10
    smoothing: float = 0.1
    frozen: int = 0
    augmentation: Augmentation = USUAL


RECIPES = {
    "small": Recipe("small", 64, 40, smoothing=0.0),
    "modern": Recipe("modern", 64, 60, learning_rate=2e-3, patience=15),
    "lite0": Recipe("lite0", 224, 12, learning_rate=5e-5, head_rate=40, patience=4, frozen=12),
}


@dataclass(frozen=True)
class _Part:
    """Rows of the pictures that belong to one part of the split."""

    name: str
    rows: NDArray[np.intp]


def train_cnn(
    uris: Sequence[Uri],
    labels: Sequence[str],
    parts: Sequence[str],
    *,
    name: str,
    recipe: Recipe = RECIPES[NETWORK],
    seed: int = 0,
    device: str = DEVICE,
    restart: bool = False,
    folder: Path | None = None,
    progress: Callable[[str, int, int, Epoch], None] | None = None,
) -> TrainingReport:
    """Train a network to tell labels apart, and export it as descriptor and classifier "cnn:NAME".

    Parameters
    ----------
    uris, labels, parts
        The pictures, what each shows, and the part of the split that it belongs to: "train", "val" (decides when to
        stop), and if you like "test" (only measured). Split before augmenting, with near-duplicates on one side:
        see `Library.split`.
    name
        Of the model.
    recipe
        One of `RECIPES`, or your own.
    seed
        Of the first weights, the order and the augmentation.
    device
        "auto", "cpu" or "cuda"; on a GPU in mixed precision.
    restart
        Begin anew, though a run of this name was stopped or finished.
    folder
        Where to write; None for where `get_descriptor` looks for "cnn:NAME".
    progress
        Called with "reading" or "training", how many of how many, and the last epoch's measures.

    Returns
    -------
    TrainingReport
        In its folder: model.onnx, model.json, history.csv, curves.png, split.csv, predictions.csv.

    Raises
    ------
    UsageError
        If there are fewer than two labels, a part is missing, or a run of this name is there that is another one.
    MissingDependencyError
        If PyTorch is not installed.
    """
    torch = import_torch()
    target = torch_device(device)
    folder = model_folder(f"cnn:{name}") if folder is None else folder
    prepare_folder(folder, restart)
    classes = sorted(set(labels))
    _check(classes, labels, parts)
    write_split(folder / "split.csv", uris, labels, parts)
    pictures = load_pictures(
        uris, recipe.side, recipe.side, folder / "pictures.npy",
        progress=lambda done, total: progress("reading", done, total, {}) if progress else None,
    )  # fmt: skip
    try:
        kept = set(pictures.uris)
        stay = [row for row, uri in enumerate(uris) if uri in kept]
        where = {label: number for number, label in enumerate(classes)}
        targets = np.array([where[labels[row]] for row in stay])
        part_of = np.array([parts[row] for row in stay])
        split = [_Part(part, np.flatnonzero(part_of == part)) for part in dict.fromkeys(("train", "val", *parts))]
        _check(classes, [labels[row] for row in stay], part_of.tolist())
        torch.manual_seed(seed)
        network = classifier(recipe.network, recipe.side, len(classes), frozen=recipe.frozen)
        network.to(target)
        mean, std = (MEAN, STD) if recipe.network == "lite0" else ((0.5,) * 3, (0.25,) * 3)
        spec = ModelSpec(
            dim=network.dim, height=recipe.side, width=recipe.side, probabilities="probabilities", mean=mean, std=std,
            labels=tuple(classes), name=f"cnn:{name}", source=f"a {recipe.network} network trained by Lookalike",
            licence="of whoever trained it",
        )  # fmt: skip
        feed = _Feed(torch, pictures.images, targets, spec, target)
        optimiser, scheduler = _optimiser(torch, network, recipe)
        history = fit(
            network,
            folder=folder,
            batches=lambda random: feed.batches(split[0].rows, recipe.batch, recipe.augmentation, random),
            loss=lambda batch: _loss(torch, network, batch, recipe.smoothing),
            validate=lambda: _measures(network, feed, split[1]),
            optimiser=optimiser,
            scheduler=scheduler,
            epochs=recipe.epochs,
            patience=recipe.patience,
            seed=seed,
            settings=fingerprint(recipe, uris, labels, parts, [seed]),
            progress=lambda done, total, epoch: progress("training", done, total, epoch) if progress else None,
        )
        curves(history.epochs, history.best, folder / "curves.png", f"cnn:{name}, {recipe.network}")
        measures: Epoch = {}
        predictions: list[tuple[Uri, str, str, str, float]] = []
        for part in split[1:]:
            measures |= _measures(network, feed, part)
            chances = feed.probabilities(network, part.rows)
            predictions += [
                (pictures.uris[row], part.name, classes[targets[row]], classes[best], float(chance[best]))
                for row, chance, best in zip(part.rows, chances, chances.argmax(1), strict=True)
            ]
        example = np.stack([spec.prepare(image) for image in pictures.images[:2]])
        export(_exported(torch, network), folder, spec, example if len(example) > 1 else np.repeat(example, 2, axis=0))
        report = TrainingReport(
            f"cnn:{name}", folder, tuple((part.name, len(part.rows)) for part in split), history,
            tuple(measures.items()), pictures.failed, tuple(predictions),
        )  # fmt: skip
        write_rows(folder / "predictions.csv", ("uri", "part", "label", "predicted", "probability"), predictions)
        (folder / CHECKPOINT).unlink(missing_ok=True)
    finally:
        discard(folder / "pictures.npy")
    return report


def _check(classes: Sequence[str], labels: Sequence[str], parts: Sequence[str]) -> None:
    if len(classes) < 2:
        raise UsageError(f"a classifier needs at least two labels; there is {', '.join(classes) or 'none'}")
    for part in ("train", "val"):
        if part not in parts:
            raise UsageError(f"the split has no {part} part: it needs train and val")
    trained = {label for label, part in zip(labels, parts, strict=True) if part == "train"}
    if lacking := sorted(set(classes) - trained):
        raise UsageError(f"too few usable pictures of {', '.join(lacking[:5])}: there is none to train on")


class _Feed:
    """Batches of pictures as tensors."""

    def __init__(
        self, torch: Any, images: NDArray[np.uint8], targets: NDArray[Any], spec: ModelSpec, device: Any
    ) -> None:
        self.torch, self.images, self.targets, self.spec, self.device = torch, images, targets, spec, device

    def batches(
        self, rows: NDArray[np.intp], size: int, how: Augmentation, random: np.random.Generator
    ) -> Iterator[tuple[Any, Any]]:
        """Yield (pictures, targets) in a random order, augmented; a last batch of one is left out."""
        order = random.permutation(rows)
        seed = int(random.integers(2**63))

        def changed(row: int) -> NDArray[np.float32]:
            image = self.images[row]
            if how != NONE:
                image = augment(image, how, np.random.default_rng([seed, row]))
            return self.spec.prepare(image)

        with ThreadPoolExecutor(available_cores()) as pool:
            for start in range(0, len(order), size):
                part = order[start : start + size]
                if len(part) > 1 or len(order) == 1:  # batch normalisation needs two
                    yield self._tensors(list(pool.map(changed, part.tolist())), part)

    def probabilities(self, network: Any, rows: NDArray[np.intp], size: int = 64) -> NDArray[np.float32]:
        """Return the softmax of the network for these pictures, (n, n_classes)."""
        found = []
        with self.torch.no_grad():
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                pictures, _ = self._tensors([self.spec.prepare(self.images[row]) for row in part], part)
                found.append(self.torch.softmax(network(pictures)[1].float(), 1).cpu().numpy())
        return np.concatenate(found) if found else np.empty((0, len(self.spec.labels)), np.float32)

    def _tensors(self, prepared: list[NDArray[np.float32]], rows: NDArray[np.intp]) -> tuple[Any, Any]:
        pictures = self.torch.from_numpy(np.stack(prepared)).to(
            self.device, non_blocking=True, memory_format=self.torch.channels_last
        )
        return pictures, self.torch.from_numpy(self.targets[rows]).to(self.device)


def _loss(torch: Any, network: Any, batch: tuple[Any, Any], smoothing: float) -> tuple[Any, Epoch]:
    pictures, targets = batch
    logits = network(pictures)[1].float()
    accuracy = float((logits.detach().argmax(1) == targets).float().mean())
    return torch.nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing), {"accuracy": accuracy}


def _measures(network: Any, feed: _Feed, part: _Part) -> Epoch:
    """Return cross-entropy, accuracy and the mean of the classes' accuracies."""
    chances = feed.probabilities(network, part.rows)
    targets = feed.targets[part.rows]
    right = chances.argmax(1) == targets
    loss = -np.log(np.maximum(chances[np.arange(len(targets)), targets], 1e-12)).mean()
    by_class = [right[targets == one].mean() for one in np.unique(targets)]
    return {
        f"{part.name}_loss": float(loss),
        f"{part.name}_accuracy": float(right.mean()),
        f"{part.name}_class_accuracy": float(np.mean(by_class)),
    }


def _optimiser(torch: Any, network: Any, recipe: Recipe) -> tuple[Any, Any]:
    """Return AdamW with a cosine schedule."""
    head = list(network.head.parameters())
    trunk = [weight for weight in network.trunk.parameters() if weight.requires_grad]
    groups = [{"params": trunk}, {"params": head, "lr": recipe.learning_rate * recipe.head_rate}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return optimiser, torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)


def _exported(torch: Any, network: Any) -> Any:
    class Exported(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pictures: Any) -> Any:
            vectors, logits = self.network(pictures)
            return vectors, torch.softmax(logits, 1)

    return Exported().eval()


def with_settings(recipe: Recipe, **changed: Any) -> Recipe:
    """Return `recipe` with what is not None in `changed`; ``augmentation=False`` turns augmentation off."""
    given = {name: value for name, value in changed.items() if value is not None}
    if given.get("augmentation") is False:
        given["augmentation"] = NONE
    elif given.get("augmentation") is True:
        del given["augmentation"]
    return replace(recipe, **given)
