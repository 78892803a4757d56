"""The loop that all training goes through: epochs, measures, checkpoints, early stopping, going on after a stop.

All that is random in an epoch comes from (seed, epoch), so that a run that was stopped and goes on ends where an
unbroken one ends, on the same machine.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.durable import replacing
from lookalike.errors import LookalikeError, MissingDependencyError, UsageError

__all__ = ["CHECKPOINT", "Epoch", "History", "fit", "generator", "import_torch", "torch_device"]

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.csv"

Epoch = dict[str, float]
"""Measures of one epoch by name, such as {"epoch": 1, "loss": ..., "val_loss": ...}."""


def import_torch() -> Any:
    """Return the module torch.

    Raises
    ------
    MissingDependencyError
        If it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingDependencyError("training needs PyTorch: pip install 'lookalike[train]'") from None
    return torch


def torch_device(device: str) -> Any:
    """Return the torch device for "auto" (a GPU if there is one), "cpu" or "cuda".

    Raises
    ------
    UsageError
        If it is not to be had, or training cannot use it.
    """
    torch = import_torch()
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no CUDA device here: use --device auto or cpu")
    if device not in ("cpu", "cuda"):
        raise UsageError(f"training runs on cpu or cuda, not on {device}")
    return torch.device(device)


def generator(seed: int, epoch: int) -> np.random.Generator:
    """Return the random numbers of one epoch: the order of pictures and what augmentation does to them."""
    return np.random.default_rng([seed, epoch])


@dataclass(frozen=True)
class History:
    """What training went through.

    Attributes
    ----------
    epochs
        The measures of each epoch, first to last.
    best
        Number of the epoch whose network was kept.
    seconds
        Of all epochs together, those before a stop included.
    stopped_early
        Because the watched measure did not get better for `patience` epochs.
    """

    epochs: tuple[Epoch, ...]
    best: int
    seconds: float
    stopped_early: bool = False


@dataclass
class _State:
    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    best_value: float = float("inf")
    best_network: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def fit(
    network: Any,
    *,
    folder: Path,
    batches: Callable[[np.random.Generator], Iterable[Any]],
    loss: Callable[[Any], tuple[Any, Epoch]],
    validate: Callable[[], Epoch],
    optimiser: Any,
    scheduler: Any = None,
    epochs: int,
    patience: int,
    watch: str = "val_loss",
    seed: int = 0,
    settings: str = "",
    resume: bool = True,
    progress: Callable[[int, int, Epoch], None] | None = None,
) -> History:
    """Train `network` in place; it ends with the weights of its best epoch.

    Parameters
    ----------
    network
        A torch module, on its device.
    folder
        Where ``checkpoint.pt`` and ``history.csv`` are written after each epoch.
    batches
        Called at the start of each epoch with its random numbers; yields its batches, whatever `loss` takes.
    loss
        Takes a batch; returns the loss to go down by, and measures (means of the batch) to be averaged over the epoch,
        beside "loss". Run under mixed precision on a GPU.
    validate
        Called after each epoch, without gradients; its measures are added to the epoch's.
    optimiser, scheduler
        Of torch; the scheduler steps once an epoch.
    epochs, patience
        At most how many; after how many without improvement to stop, 0 for never.
    watch
        The measure that must fall; the epoch where it is lowest is kept.
    seed
        See `generator`.
    settings
        In words, all that decides the run: a checkpoint with other settings is not gone on with.
    resume
        Go on from the checkpoint in `folder` if there is one.
    progress
        Called after each epoch with its number, `epochs` and its measures.

    Raises
    ------
    UsageError
        If the checkpoint in `folder` is of other settings.
    LookalikeError
        If the loss is no longer a number.
    """
    torch = import_torch()
    folder.mkdir(parents=True, exist_ok=True)
    state = _State()
    if resume and (folder / CHECKPOINT).exists():
        state = _load(torch, folder / CHECKPOINT, settings, network, optimiser, scheduler)
    stopped = False
    while len(state.epochs) < epochs and not stopped:
        number = len(state.epochs) + 1
        started = time.perf_counter()
        torch.manual_seed(seed * 1_000_003 + number)
        network.train()
        measures = _epoch(torch, network, batches(generator(seed, number)), loss, optimiser)
        network.eval()
        with torch.no_grad():
            measures |= validate()
        if scheduler is not None:
            scheduler.step()
        state.epochs.append({"epoch": number, **measures})
        if measures[watch] < state.best_value:
            state.best, state.best_value = number, measures[watch]
            state.best_network = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
        state.seconds += time.perf_counter() - started
        _save(torch, folder / CHECKPOINT, state, settings, network, optimiser, scheduler)
        _write_history(folder / HISTORY, state.epochs)
        if progress:
            progress(number, epochs, state.epochs[-1])
        stopped = 0 < patience <= number - state.best
    network.load_state_dict(state.best_network)
    network.eval()
    return History(tuple(state.epochs), state.best, state.seconds, stopped)


def _epoch(
    torch: Any, network: Any, batches: Iterable[Any], loss: Callable[[Any], tuple[Any, Epoch]], optimiser: Any
) -> Epoch:
    device = next(network.parameters()).device
    mixed = (
        torch.autocast("cuda", torch.bfloat16) if device.type == "cuda" else contextlib.nullcontext()
    )  # bfloat16 has float32's range: nothing needs to be scaled
    sums: dict[str, float] = {}
    count = 0
    for batch in batches:
        optimiser.zero_grad(set_to_none=True)
        with mixed:
            value, measures = loss(batch)
        value.backward()
        optimiser.step()
        count += 1
        for name, number in {"loss": float(value.detach()), **measures}.items():
            sums[name] = sums.get(name, 0.0) + number
    if not count:
        raise UsageError("there are too few pictures for one batch: give more pictures or a smaller batch")
    means = {name: total / count for name, total in sums.items()}
    if not np.isfinite(means["loss"]):
        raise LookalikeError("training diverged: the loss is no longer a number; use a smaller learning rate")
    return means


def _save(torch: Any, path: Path, state: _State, settings: str, network: Any, optimiser: Any, scheduler: Any) -> None:
    held = {
        "settings": settings,
        "epochs": state.epochs,
        "best": state.best,
        "best_value": state.best_value,
        "best_network": state.best_network,
        "seconds": state.seconds,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "scheduler": scheduler.state_dict() if scheduler is not None else None,
    }
    with replacing(path, partial=path.with_suffix(".partial")) as stream:
        torch.save(held, stream)


def _load(torch: Any, path: Path, settings: str, network: Any, optimiser: Any, scheduler: Any) -> _State:
    try:
        held = torch.load(path, map_location=next(network.parameters()).device, weights_only=True)
    except Exception as error:  # torch raises whatever a damaged archive leads it to
        raise LookalikeError(f"the checkpoint {path} is damaged: remove it, or begin anew with --restart") from error
    if held["settings"] != settings:
        raise UsageError(
            f"{path.parent} holds a run with other settings or other pictures: "
            "give the same again, another --name, or --restart"
        )
    network.load_state_dict(held["network"])
    optimiser.load_state_dict(held["optimiser"])
    if scheduler is not None:
        scheduler.load_state_dict(held["scheduler"])
    return _State(held["epochs"], held["best"], held["best_value"], held["best_network"], held["seconds"])


def _write_history(path: Path, epochs: Sequence[Epoch]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(epochs[0]), lineterminator=os.linesep)
    writer.writeheader()
    writer.writerows(epochs)
    with replacing(path, partial=path.with_suffix(".partial")) as stream:
        stream.write(text.getvalue().encode())
