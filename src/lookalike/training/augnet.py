"""AugNet: a descriptor trained on pictures without labels, so that views of one picture lie close to each other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.defaults import AUGNET_LOSS, AUGNET_LOSSES, DEVICE, SEED
from lookalike.descriptors.onnx import ModelSpec, model_folder
from lookalike.errors import UsageError
from lookalike.training.export import export
from lookalike.training.folder import discard, prepare_folder, write_split
from lookalike.training.lite0 import DIM, MEAN, STD, lite0_trunk
from lookalike.training.loop import CHECKPOINT, Epoch, fit, import_torch, torch_device
from lookalike.training.pictures import load_pictures
from lookalike.training.report import TrainingReport, curves, fingerprint
from lookalike.training.views import PUBLISHED_VIEWS, Views, view_batches
from lookalike.types import Uri

__all__ = ["AUGNET_RECIPES", "AugNetRecipe", "augnet_loss", "augnet_network", "train_augnet"]

LEAST = 8
"""Pictures to train on: fewer have too few others to be told from."""

_KEPT = 1.5  # pictures are held at this many times the side of a view, so that a crop of them is not blurred
_VAL = 0.1


@dataclass(frozen=True)
class AugNetRecipe:
    """How a descriptor is trained on pictures without labels.

    Attributes
    ----------
    trunk
        "small": residual, 1.2 million weights, from random ones. "lite0": EfficientNet-Lite0 from its ImageNet weights.
    side
        Of a view in pixels; pictures are resized to it, their aspect not kept, when they are described.
    dim
        Length of a vector.
    epochs, patience, batch, learning_rate
        As everywhere; `batch` counts pictures. Patience 0 never stops early.
    views
        Of each picture in a batch: 2 or more.
    loss
        "cross-entropy" or "margin": see `augnet_loss`.
    frozen
        Of lite0's 18 stages, how many keep their weights.
    how
        What views are made of.
    """

    trunk: str
    side: int
    dim: int
    epochs: int = 10
    batch: int = 80
    views: int = 4
    learning_rate: float = 1e-3
    patience: int = 5
    loss: str = AUGNET_LOSS
    frozen: int = 0
    how: Views = PUBLISHED_VIEWS


AUGNET_RECIPES = {
    "small": AugNetRecipe("small", 128, 256),
    "lite0": AugNetRecipe("lite0", 224, 512, epochs=5, batch=32, learning_rate=3e-4, patience=3, frozen=12),
}


def train_augnet(
    uris: Sequence[Uri],
    parts: Sequence[str] | None = None,
    *,
    name: str,
    recipe: AugNetRecipe = AUGNET_RECIPES["small"],
    seed: int = SEED,
    device: str = DEVICE,
    restart: bool = False,
    folder: Path | None = None,
    progress: Callable[[str, int, int, Epoch], None] | None = None,
) -> TrainingReport:
    """Train a descriptor on pictures without labels, and export it as "augnet:NAME", metric "l2".

    Method: Chen et al., AugNet, arXiv 2106.06250. Of the epochs, the one is kept that tells the views of pictures
    that were not trained on apart best. Pictures that are equal at training size count as one.

    Parameters
    ----------
    uris
        The pictures, at least 8.
    parts
        The part of a split that each belongs to, "train" or "val" (others are left out), with copies on one side: see
        `Library.split`. None to hold back a tenth of them by lot.
    name
        Of the model.
    recipe
        One of `AUGNET_RECIPES`, or your own.
    seed
        Of the first weights, what is held back, the order and the views.
    device
        "auto", "cpu" or "cuda"; on a GPU in mixed precision.
    restart
        Begin anew, though a run of this name was stopped or finished.
    folder
        Where to write; None for where `get_descriptor` looks for "augnet:NAME".
    progress
        Called with "reading" or "training", how many of how many, and the last epoch's measures.

    Returns
    -------
    TrainingReport
        In its folder: model.onnx, model.json, history.csv, curves.png, split.csv. ``accuracy`` is the part of the
        views that lie nearest to the centre of their own picture among those of a batch.

    Raises
    ------
    UsageError
        If there are too few pictures, a part is missing, the recipe says what cannot be, or a run of this name is
        there that is another.
    MissingDependencyError
        If PyTorch is not installed.
    """
    _check(recipe)
    torch = import_torch()
    target = torch_device(device)
    folder = model_folder(f"augnet:{name}") if folder is None else folder
    _enough(len(uris))
    prepare_folder(folder, restart)
    held = int(recipe.side * _KEPT)
    pictures = load_pictures(
        uris, held, held, folder / "pictures.npy",
        progress=lambda done, total: progress("reading", done, total, {}) if progress else None,
    )  # fmt: skip
    try:
        rows = _different(pictures.images)
        _enough(len(rows))
        part_of = None if parts is None else dict(zip(uris, parts, strict=True))
        train, val = _split(rows, [part_of[uri] for uri in pictures.uris] if part_of else None, seed)
        names = [pictures.uris[row] for row in (*train, *val)]
        where = ["train"] * len(train) + ["val"] * len(val)
        write_split(folder / "split.csv", names, [""] * len(names), where)
        torch.manual_seed(seed)
        network = augnet_network(recipe).to(target)
        optimiser = torch.optim.Adam(_groups(network, recipe))
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
        feed = _Feed(torch, pictures.images, recipe, target)
        history = fit(
            network,
            folder=folder,
            batches=lambda random: feed.batches(random.permutation(train), int(random.integers(2**63))),
            loss=lambda batch: augnet_loss(_vectors(network, batch), recipe.loss),
            validate=lambda: _measures(network, feed.batches(val, 0, whole=True), recipe.loss),
            optimiser=optimiser,
            scheduler=scheduler,
            epochs=recipe.epochs,
            patience=recipe.patience,
            seed=seed,
            settings=fingerprint(recipe, names, where, [seed]),
            progress=lambda done, total, epoch: progress("training", done, total, epoch) if progress else None,
        )
        curves(history.epochs, history.best, folder / "curves.png", f"augnet:{name}, {recipe.trunk}")
        spec = augnet_spec(recipe, name)
        export(network, folder, spec, _example(spec, pictures.images))
        best = {key: value for key, value in history.epochs[history.best - 1].items() if key.startswith("val_")}
        (folder / CHECKPOINT).unlink(missing_ok=True)
    finally:
        discard(folder / "pictures.npy")
    counts = (("train", len(train)), ("val", len(val)))
    return TrainingReport(f"augnet:{name}", folder, counts, history, tuple(best.items()), pictures.failed)


def augnet_spec(recipe: AugNetRecipe, name: str) -> ModelSpec:
    """Return the spec of a model trained by `recipe`, without its checksum."""
    mean, std = (MEAN, STD) if recipe.trunk == "lite0" else ((0.5,) * 3, (0.25,) * 3)
    return ModelSpec(
        dim=recipe.dim, height=recipe.side, width=recipe.side, metric="l2", mean=mean, std=std, name=f"augnet:{name}",
        source=f"AugNet (arXiv 2106.06250), a {recipe.trunk} trunk trained by Lookalike",
        licence="the user's own",
    )  # fmt: skip


def augnet_network(recipe: AugNetRecipe) -> Any:
    """Return the network of a recipe: pictures (n, 3, side, side), normalised, to (n, dim) numbers within -1 and 1."""
    nn = import_torch().nn
    if recipe.trunk == "lite0":
        trunk, width = lite0_trunk(), DIM
        for stage in trunk.stages[: recipe.frozen]:
            stage.requires_grad_(False)
    else:
        trunk, width = _small(nn), 256
    network = nn.Sequential()
    network.add_module("trunk", trunk)
    network.add_module("head", nn.Linear(width, recipe.dim))
    network.add_module("tanh", nn.Tanh())
    return network


def augnet_loss(vectors: Any, kind: str) -> tuple[Any, Epoch]:
    """Return the published loss of a batch.

    Parameters
    ----------
    vectors
        (n_pictures, n_views, dim) tensor.
    kind
        A view is like a centre, the mean of a picture's views, by minus their Euclidean distance. "margin": by how much
        a view is more like the centre of another picture, the most like, than its own. "cross-entropy": of telling by
        these likenesses whose view it is.

    Returns
    -------
    tuple
        The loss, a tensor; and {"accuracy": part of the views nearest to their own centre}.
    """
    torch = import_torch()
    pictures, views, dim = vectors.shape
    vectors = vectors.float()
    likeness = -torch.cdist(
        vectors.reshape(-1, dim), vectors.mean(1), compute_mode="donot_use_mm_for_euclid_dist"
    )  # (pictures x views, pictures)
    own = torch.arange(pictures, device=vectors.device).repeat_interleave(views)
    accuracy = float((likeness.detach().argmax(1) == own).float().mean())
    if kind == "cross-entropy":
        return torch.nn.functional.cross_entropy(likeness, own), {"accuracy": accuracy}
    mine = likeness.gather(1, own[:, None])
    others = likeness.scatter(1, own[:, None], float("-inf")).max(1, keepdim=True).values
    return (others - mine).mean(), {"accuracy": accuracy}


class _Feed:
    """Batches of views as tensors."""

    def __init__(self, torch: Any, images: NDArray[np.uint8], recipe: AugNetRecipe, device: Any) -> None:
        self.torch, self.images, self.recipe, self.device = torch, images, recipe, device
        spec = augnet_spec(recipe, "")
        self.mean = torch.tensor(spec.mean, device=device).view(1, 3, 1, 1) * 255
        self.std = torch.tensor(spec.std, device=device).view(1, 3, 1, 1) * 255

    def batches(self, rows: NDArray[np.intp], seed: int, *, whole: bool = False) -> Iterator[Any]:
        """Yield (n_pictures, n_views, 3, side, side); an incomplete last batch is left out unless `whole`."""
        size = min(self.recipe.batch, len(rows))
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        parts = [part for part in parts if len(part) == size or (whole and len(part) > 1)]
        for views in view_batches(self.images, parts, self.recipe.views, self.recipe.side, self.recipe.how, seed):
            flat = self.torch.from_numpy(views.reshape(-1, *views.shape[2:])).to(self.device, non_blocking=True)
            values = (flat.permute(0, 3, 1, 2).float() - self.mean) / self.std
            yield values.contiguous(memory_format=self.torch.channels_last).unflatten(0, views.shape[:2])


def _vectors(network: Any, batch: Any) -> Any:
    return network(batch.flatten(0, 1)).unflatten(0, batch.shape[:2])


def _measures(network: Any, batches: Iterator[Any], kind: str) -> Epoch:
    """Return the loss and the accuracy on views that are the same after each epoch."""
    found = []
    for batch in batches:
        loss, measures = augnet_loss(_vectors(network, batch), kind)
        found.append((float(loss), measures["accuracy"], len(batch)))
    loss, accuracy, count = np.array(found).T
    return {
        "val_loss": float(np.average(loss, weights=count)),
        "val_accuracy": float(np.average(accuracy, weights=count)),
    }


def _groups(network: Any, recipe: AugNetRecipe) -> list[dict[str, Any]]:
    """Return what the optimiser trains: a head on ready weights learns ten times as fast as they do."""
    trunk = [weight for weight in network.trunk.parameters() if weight.requires_grad]
    faster = 10 if recipe.trunk == "lite0" else 1
    head = {"params": list(network.head.parameters()), "lr": recipe.learning_rate * faster}
    return [{"params": trunk, "lr": recipe.learning_rate}, head] if trunk else [head]


def _small(nn: Any) -> Any:
    """Return a residual network of 1.2 million weights, quick on a CPU: (n, 3, side, side) to (n, 256)."""

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
            )  # fmt: skip
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
            self.last = nn.ReLU()

        def forward(self, values: Any) -> Any:
            return self.last(self.body(values) + self.skip(values))

    return nn.Sequential(
        nn.Conv2d(3, 32, 5, 2, 2, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        Block(32, 64), Block(64, 128), Block(128, 256), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def _different(images: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the rows of the pictures, of equal ones the first: copies of a picture cannot be told from it."""
    prints = [hashlib.sha256(image.tobytes()).digest() for image in images]
    return np.array(sorted({digest: row for row, digest in reversed(list(enumerate(prints)))}.values()), np.intp)


def _split(rows: NDArray[np.intp], parts: Sequence[str] | None, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if parts is None:
        shuffled = np.random.default_rng([seed, 0]).permutation(rows)
        held_back = max(2, round(_VAL * len(rows)))
        return np.sort(shuffled[held_back:]), np.sort(shuffled[:held_back])
    train, val = (np.array([row for row in rows if parts[row] == part], np.intp) for part in ("train", "val"))
    for part, found in (("train", train), ("val", val)):
        if len(found) < 2:
            raise UsageError(f"the split has {len(found)} different pictures in its part {part}: it needs two or more")
    return train, val


def _example(spec: ModelSpec, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.stack([spec.prepare(image) for image in images[:4]])


def _enough(count: int) -> None:
    if count < LEAST:
        raise UsageError(f"AugNet needs at least {LEAST} different pictures to train on: there are {count}")


def _check(recipe: AugNetRecipe) -> None:
    if recipe.trunk not in AUGNET_RECIPES:
        raise UsageError(f"no trunk {recipe.trunk!r}: choose one of {', '.join(AUGNET_RECIPES)}")
    if recipe.loss not in AUGNET_LOSSES:
        raise UsageError(f"no loss {recipe.loss!r}: choose one of {', '.join(AUGNET_LOSSES)}")
    for what, value, least in (
        ("views", recipe.views, 2), ("batch", recipe.batch, 2), ("epochs", recipe.epochs, 1),
        ("side", recipe.side, 32), ("dim", recipe.dim, 1),
    ):  # fmt: skip
        if value < least:
            raise UsageError(f"{what} must be at least {least}, not {value}")


def with_augnet_settings(recipe: AugNetRecipe, **changed: Any) -> AugNetRecipe:
    """Return `recipe` with what is not None in `changed`."""
    return replace(recipe, **{name: value for name, value in changed.items() if value is not None})
