"""Networks trained on the user's own pictures. Needs PyTorch (``pip install 'lookalike[train]'``); using them does not.

A run writes into one folder: the model (ONNX) with its spec, the history of its epochs as CSV and curves, the split
that it was trained on, and while it runs a checkpoint from which it can go on.
"""

from __future__ import annotations

from lookalike.training.augnet import AUGNET_RECIPES, AugNetRecipe, train_augnet, with_augnet_settings
from lookalike.training.autoencoder import (
    AUTOENCODER,
    AutoencoderRecipe,
    train_autoencoder,
    with_autoencoder_settings,
)
from lookalike.training.autoencoder_plots import AutoencoderModel
from lookalike.training.cnn import RECIPES, Recipe, train_cnn, with_settings
from lookalike.training.loop import History
from lookalike.training.report import TrainingReport

__all__ = [
    "AUGNET_RECIPES",
    "AUTOENCODER",
    "RECIPES",
    "AugNetRecipe",
    "AutoencoderModel",
    "AutoencoderRecipe",
    "History",
    "Recipe",
    "TrainingReport",
    "train_augnet",
    "train_autoencoder",
    "train_cnn",
    "with_augnet_settings",
    "with_autoencoder_settings",
    "with_settings",
]
